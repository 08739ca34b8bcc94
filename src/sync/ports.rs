//! All that the sync knows of the world, as traits: the API, the readers at work, the store, the log.

use super::changes::{Applied, Memory};
use super::read::{Arrival, Batch, Job};
use super::report::{Level, TableReport};
use crate::api::Answer;
use crate::api::request::Request;
use crate::error::Result;
use crate::row::{Shape, Type};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The API as one reader sees it. Implementations pace the requests.
pub trait Api {
    /// One try of one request.
    ///
    /// # Errors
    /// `Network` and `Timeout` from the wire, `Interrupted` when the run ends. A status is not an error here.
    fn send(&self, request: &Request) -> Result<Answer>;
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

/// Readers at work: jobs go in, what they read comes out, in each job's order.
pub trait Fetch {
    /// Starts a job, at once or when a reader is free.
    fn submit(&mut self, job: Job);
    /// The next thing that arrived, waiting at most this long.
    fn next(&mut self, wait: Duration) -> Option<Arrival>;
    /// Nothing more of this job is wanted.
    fn cancel(&mut self, job: usize);
}

/// Counts of one merge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
}

/// Rows whose value did not fit a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfits {
    pub rows: u64,
    /// Some of them, as `id: field, field`.
    pub sample: Vec<String>,
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
    /// Forgets the candidates of an earlier load and tells how many rows are held.
    fn start_load(&mut self, table: &str) -> Result<u64>;
    /// Writes the rows of a page that are new or differ. With a range in the batch, the held rows of that range that
    /// are not in it become candidates for deletion.
    fn merge(&mut self, table: &str, shape: &Shape, batch: &Batch) -> Result<Merged>;
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
    /// The rows that hold a misfit.
    fn misfits(&mut self, table: &str) -> Result<Misfits>;
    /// Notes fields that no column holds; `whole`: every record was seen, so no others exist.
    fn note_drift(&mut self, table: &str, unknown: &BTreeMap<String, Type>, whole: bool) -> Result<()>;
    /// Notes how the table's sync ended and what the next one needs to know.
    fn finish(&mut self, report: &TableReport, progress: &Progress) -> Result<()>;
}

/// Whether somebody asked to stop. It looks and never acts: the engine returns first.
pub trait Stop {
    fn requested(&self) -> bool;
}

/// Where the lines of a run go.
pub trait Log {
    fn line(&mut self, level: Level, text: &str);
}
