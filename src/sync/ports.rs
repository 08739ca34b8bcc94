//! All that the sync knows of the world, as traits: the API, the readers at work, the store, the log.

use super::changes::{Applied, Memory};
use super::proof::Compared;
use super::read::{Arrival, Batch, Job};
use super::report::{Level, TableReport};
use crate::api::Answer;
use crate::api::balance::Balance;
use crate::api::export::Link;
use crate::api::request::Request;
use crate::error::Result;
use crate::period::{FiscalYear, Period};
use crate::row::{Row, Shape, Type};
use bigdecimal::BigDecimal;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

/// The API as one reader sees it. Implementations pace the requests.
pub trait Api {
    /// One try of one request.
    ///
    /// # Errors
    /// `Network` and `Timeout` from the wire, `Interrupted` when the run ends. A status is not an error here.
    fn send(&self, request: &Request) -> Result<Answer>;
    /// One try of a file behind a signed link, into a temporary file. `limit`: the most bytes that are taken.
    ///
    /// # Errors
    /// Those of [`Api::send`], `TooLarge`, and `Setup` when there is no room for it. A status is not an error here.
    fn download(&self, link: &Link, limit: Option<u64>) -> Result<Download>;
    /// Waits, unless the run ends before.
    ///
    /// # Errors
    /// `Interrupted`.
    fn pause(&self, pause: Duration) -> Result<()>;
    /// A clock that only goes forward.
    fn now(&self) -> Duration;
    /// How long one request may be retried.
    fn retry_for(&self) -> Duration;
}

/// A file that was asked for. It is empty unless the status is 200.
#[derive(Debug)]
pub struct Download {
    pub status: u16,
    /// What its host calls it.
    pub content_type: Option<String>,
    /// At its beginning. It has no name and goes with this value.
    pub file: File,
    /// In hexadecimal digits.
    pub sha256: String,
}

/// Readers at work: jobs go in, what they read comes out, in each job's order.
pub trait Fetch {
    /// Starts a job, at once or when a reader is free.
    fn submit(&mut self, job: Job);
    /// The next thing that arrived, waiting at most this long.
    fn next(&mut self, wait: Duration) -> Option<Arrival>;
    /// Nothing more of this job is wanted.
    fn cancel(&mut self, job: usize);
}

/// Where a load begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Rows held.
    pub held: u64,
    /// The list is read from after this id: 0, or as far as a load that was cut off had come.
    pub after: i64,
    /// The API's time at which the load started: what changed later is not sure to be in it.
    pub watermark: Option<DateTime<Utc>>,
}

/// Counts of one merge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
}

impl Merged {
    /// Counts what another merge did too.
    pub fn add(&mut self, other: Merged) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
    }

    /// All rows that came.
    pub fn rows(&self) -> u64 {
        self.inserted + self.updated + self.unchanged
    }
}

/// What became of the rows that a merge was to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub counts: Merged,
    /// The rows that were read back otherwise than they were written, or not at all.
    pub altered: Vec<i64>,
}

/// The rows of a table that are not what Pennylane sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Rows whose value did not fit a column, named as `id: field, field`.
    pub misfits: Named,
    /// Rows that were not stored as they were written.
    pub altered: Named,
}

/// Some rows, and the names of the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    pub rows: u64,
    pub sample: Vec<String>,
}

impl Flaws {
    /// What a report says of them; `None` when there are none.
    pub fn message(&self) -> Option<String> {
        let Flaws { misfits, altered } = self;
        let misfits = (misfits.rows > 0).then(|| {
            let (rows, sample) = (misfits.rows, misfits.sample.join("; "));
            format!("{rows} rows hold a value that does not fit its column (kept in extra->'_misfit'): {sample}")
        });
        let altered = (altered.rows > 0).then(|| {
            let (rows, sample) = (altered.rows, altered.sample.join(", "));
            format!(
                "{rows} rows are not stored as Pennylane sent them; a trigger on the table may be the cause \
                 (listed in pennylane.altered_rows): {sample}"
            )
        });
        let said: Vec<String> = [misfits, altered].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// How far a table's sync came.
#[derive(Debug, Default)]
pub struct Progress {
    /// The API's time that the table's content is good for; `None` leaves the old one.
    pub watermark: Option<DateTime<Utc>>,
    pub memory: Memory,
}

/// The tables. Each call is atomic: it is done whole or not at all.
pub trait Store {
    /// The columns of the live table.
    fn shape(&mut self, table: &str) -> Result<Arc<Shape>>;
    /// Starts a load: with `resume`, one that was cut off goes on where it was, if that was not long ago; otherwise what an
    /// earlier load left is forgotten. `now` is the API's time.
    fn start_load(&mut self, table: &str, now: Option<DateTime<Utc>>, resume: bool) -> Result<Load>;
    /// Writes the rows of a page that are new or differ. With a range in the batch, the held rows of that range that
    /// are not in it become candidates for deletion, and a load that is cut off may go on behind it. What was written is
    /// read back and compared; rows that differ then are kept in mind until they are stored right, or gone.
    fn merge(&mut self, table: &str, shape: &Shape, batch: &Batch) -> Result<Written>;
    /// The candidates with an id above this one, ascending.
    fn candidates(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>>;
    /// How many candidates there are.
    fn candidate_count(&mut self, table: &str) -> Result<u64>;
    /// These are there after all: takes them off the candidates and tells how many were on.
    fn keep(&mut self, table: &str, ids: &[i64]) -> Result<u64>;
    /// Deletes these rows where they are held, each row's last version kept, and tells how many went. The rows of a table
    /// that follows this one become pending.
    fn delete(&mut self, table: &str, shape: &Shape, ids: &[i64]) -> Result<u64>;
    /// How many of these rows are held, and how many rows the table has.
    fn held(&mut self, table: &str, ids: &[i64]) -> Result<(u64, u64)>;
    /// The API's time that the table's content is good for; `None` when it was never synced.
    fn watermark(&mut self, table: &str) -> Result<Option<DateTime<Utc>>>;
    /// The events of these feeds that were applied, with the feed's place in the list.
    fn applied(&mut self, feeds: &[&str]) -> Result<HashSet<Applied>>;
    /// The rows whose deadline, in this column, passed between these times.
    fn past_deadline(&mut self, table: &str, column: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<i64>>;
    /// Notes records that are to be read again.
    fn add_pending(&mut self, table: &str, ids: &[i64]) -> Result<()>;
    /// Notes the records of a follower that were written within this time and that no row of its leader points to.
    fn add_orphans(&mut self, table: &str, within: TimeDelta) -> Result<()>;
    /// The records to be read again with an id above this one, ascending. Merging or deleting one takes it off.
    fn pending(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>>;
    /// Deletes the candidates, each row's last version kept, and tells how many rows went.
    fn delete_candidates(&mut self, table: &str, shape: &Shape) -> Result<u64>;
    /// The rows that are not what Pennylane sent. `whole`: the load under way has seen every record, so what was known to be
    /// altered before it is settled.
    fn flaws(&mut self, table: &str, whole: bool) -> Result<Flaws>;
    /// Notes fields that no column holds; `whole`: every record was seen, so no others exist.
    fn note_drift(&mut self, table: &str, unknown: &BTreeMap<String, Type>, whole: bool) -> Result<()>;
    /// Notes how the table's sync ended and what the next one needs to know.
    fn finish(&mut self, report: &TableReport, progress: &Progress) -> Result<()>;
}

/// What is known of an export that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub period: Period,
    /// The period was a whole fiscal year when it was taken.
    pub fiscal_year: bool,
    /// What the ledger looked like then, as [`ExportStore::ledger_state`] says it; `None` when that is not known.
    pub ledger_state: Option<String>,
    /// It was taken and has no line: nothing can overlap it.
    pub empty: bool,
}

/// The tables of exports. Their rows are known by period and place in the file.
pub trait ExportStore: Store {
    /// The fiscal years that are held, ascending.
    fn fiscal_years(&mut self) -> Result<Vec<FiscalYear>>;
    /// The exports whose rows are held, and those that were taken and are empty.
    fn holdings(&mut self, table: &str) -> Result<Vec<Holding>>;
    /// The ledger lines held of a period, and a text that differs when one of them was written or deleted meanwhile;
    /// `None` when the ledger cannot tell.
    fn ledger_state(&mut self, period: Period) -> Result<Option<(u64, String)>>;
    /// Does this work whole or not at all.
    fn whole(&mut self, table: &str, work: &mut dyn FnMut(&mut dyn ExportStore) -> Result<()>) -> Result<()>;
    /// The rows held of a period.
    fn held_lines(&mut self, table: &str, period: Period) -> Result<u64>;
    /// Writes the lines that are new or differ, and checks them as [`Store::merge`] does. `fresh`: none of this period is
    /// held, so there is nothing to compare.
    fn put_lines(&mut self, table: &str, shape: &Shape, period: Period, rows: &[Row], fresh: bool) -> Result<Written>;
    /// Deletes a period's lines behind this one and tells how many went.
    fn cut_lines(&mut self, table: &str, period: Period, last: u64) -> Result<u64>;
    /// Notes that an export was taken.
    fn register(&mut self, table: &str, holding: &Holding, sha256: &str) -> Result<()>;
    /// What the accounts of the ledger add up to in a period, by account number.
    ///
    /// # Errors
    /// `Setup` when the ledger was never synced or lacks a column for it.
    fn ledger_balances(&mut self, period: Period) -> Result<Vec<Balance>>;
    /// What a FEC adds up to: debit and credit.
    fn fec_totals(&mut self, period: Period) -> Result<(BigDecimal, BigDecimal)>;
    /// Keeps what a proof found, in place of what the last one found of this period.
    fn note_proof(&mut self, period: Period, accounts: &[Compared]) -> Result<()>;
    /// Forgets what earlier proofs found of other periods than these.
    fn forget_proofs(&mut self, but: &[Period]) -> Result<()>;
}

/// Whether somebody asked to stop. It looks and never acts: the engine returns first.
pub trait Stop {
    fn requested(&self) -> bool;
}

/// How much of a table a run has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// Pages of a list; parts of an export's file.
    pub pages: u32,
    pub rows: u64,
    /// The whole table is read, not its changes.
    pub whole: bool,
}

/// Where the lines of a run go, and how far it is.
pub trait Log {
    fn line(&mut self, level: Level, text: &str);
    /// How far a table is; `None` when its part of the run is over.
    fn progress(&mut self, _table: &str, _pages: Option<Pages>) {}
}
