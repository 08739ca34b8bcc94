//! All that the sync knows of the world, as traits: the API, the readers at work, the store, the log.

use super::read::{Arrival, Batch, Job};
use super::report::{Level, TableReport};
use crate::api::Answer;
use crate::api::request::Request;
use crate::error::Result;
use crate::row::{Shape, Type};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
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
    /// Deletes the candidates, each row's last version kept, and tells how many rows went.
    fn delete_candidates(&mut self, table: &str) -> Result<u64>;
    /// The rows that hold a misfit.
    fn misfits(&mut self, table: &str) -> Result<Misfits>;
    /// Notes the fields that no column holds: all of them, since a load saw every record.
    fn note_drift(&mut self, table: &str, unknown: &BTreeMap<String, Type>) -> Result<()>;
    /// Notes how the table's sync ended; `watermark` is the API's time that its content is good for.
    fn finish(&mut self, report: &TableReport, watermark: Option<DateTime<Utc>>) -> Result<()>;
}

/// Whether somebody asked to stop. It looks and never acts: the engine returns first.
pub trait Stop {
    fn requested(&self) -> bool;
}

/// Where the lines of a run go.
pub trait Log {
    fn line(&mut self, level: Level, text: &str);
}
