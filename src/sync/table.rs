//! One table on its way through a run: what every kind of sync counts and reports.

use super::ports::{Fetch, Log, Merged, Pages, Store, Written};
use super::read::{Batch, IDS_PER_REQUEST, Job, Read};
use super::report::{Level, Status, SyncType, TableReport};
use crate::api::me::Me;
use crate::catalogue::Resource;
use crate::error::{Error, Result, scope_name};
use crate::row::{Shape, Type};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a long read says how far it is.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Deleting fewer rows than this needs no brake, unless it is all of them.
const BRAKE_FREE_ROWS: u64 = 100;

/// Who the token belongs to, and the API's clock: the first request of every run.
#[derive(Debug)]
pub struct Identity {
    pub me: Me,
    /// `None` when the API sends no `Date`: watermarks then stay where they are.
    pub api_time: Option<DateTime<Utc>>,
    /// When this version of the API ends, in its own words; `None` while nothing is announced.
    pub api_expires: Option<String>,
    pub requests: u32,
}

/// What a run may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `pennylane.max_delete_percent`.
    pub max_delete_percent: u8,
    /// The caller said that the deletions are right.
    pub force_deletes: bool,
}

/// What the steps of a table's sync work with.
pub struct Context<'a> {
    pub store: &'a mut dyn Store,
    pub fetch: &'a mut dyn Fetch,
    pub log: &'a mut dyn Log,
    pub identity: &'a Identity,
    pub limits: Limits,
}

/// Whether a table's sync waits for more.
#[derive(Debug)]
pub enum State {
    Open,
    Ended,
    /// Changes cannot tell: the table is to be read whole, for this reason.
    ReadWhole(String),
}

/// What is counted and said of one table, however it is synced.
pub struct Tally {
    pub table: &'static str,
    pub sync_type: SyncType,
    pub merged: Merged,
    pub deleted: u64,
    pub requests: u32,
    /// Since when changes were looked for.
    pub since: Option<DateTime<Utc>>,
    /// What the report will say.
    pub message: Option<String>,
    /// The load had been cut off and goes on.
    pub resumed: bool,
    started: Instant,
}

impl Tally {
    pub fn new(table: &'static str, sync_type: SyncType) -> Tally {
        Tally {
            table,
            sync_type,
            merged: Merged::default(),
            deleted: 0,
            requests: 0,
            since: None,
            message: None,
            resumed: false,
            started: Instant::now(),
        }
    }

    /// Adds to what the report will say.
    pub fn say(&mut self, text: &str) {
        self.message = Some(match self.message.take() {
            Some(said) => format!("{said}; {text}"),
            None => text.to_owned(),
        });
    }

    /// The scope that the token lacks.
    pub fn say_scope(&mut self, scope: &str) {
        let scope = scope_name(scope);
        self.say(&format!("the token does not grant the scope {scope}; add it in Pennylane to sync this table"));
    }

    /// Says no to a deletion that is too much to be true.
    ///
    /// # Errors
    /// `Brake`.
    pub fn brake(&self, limits: Limits, gone: u64, held: u64) -> Result<()> {
        let too_much = gone > 0
            && (gone >= held || (gone > BRAKE_FREE_ROWS && gone * 100 > held * u64::from(limits.max_delete_percent)));
        if too_much && !limits.force_deletes {
            return Err(Error::Brake { table: self.table.to_owned(), gone, held });
        }
        Ok(())
    }

    /// The report of a table that came to this end.
    pub fn report(mut self, status: Status, error: Option<Error>) -> TableReport {
        if let Some(error) = &error {
            self.message = Some(error.in_full());
        }
        TableReport {
            table: self.table,
            sync_type: self.sync_type,
            status,
            merged: self.merged,
            deleted: self.deleted,
            requests: self.requests,
            duration: self.started.elapsed(),
            since: self.since,
            message: self.message,
            resumed: self.resumed,
            error,
        }
    }
}

/// A list's sync under way.
pub struct Table {
    pub place: usize,
    pub resource: &'static Resource,
    pub shape: Arc<Shape>,
    pub tally: Tally,
    /// The API's time that the table is good for when this sync ends well.
    pub watermark: Option<DateTime<Utc>>,
    /// Fields that no column holds.
    pub unknown: BTreeMap<String, Type>,
    /// Rows that were not stored as they were written, and will be asked for once more: as many as one request takes. What
    /// alters more rows than that is no accident, and the store knows them all.
    pub altered: BTreeSet<i64>,
    pages: u32,
    told: Instant,
}

impl Table {
    pub fn new(
        place: usize,
        resource: &'static Resource,
        sync_type: SyncType,
        watermark: Option<DateTime<Utc>>,
    ) -> Table {
        Table {
            place,
            resource,
            shape: Arc::default(),
            tally: Tally::new(resource.table, sync_type),
            watermark,
            unknown: BTreeMap::new(),
            altered: BTreeSet::new(),
            pages: 0,
            told: Instant::now(),
        }
    }

    /// Name of the table.
    pub fn name(&self) -> &'static str {
        self.resource.table
    }

    /// Hands a read to the readers.
    pub fn submit(&self, context: &mut Context, read: Read) {
        context.fetch.submit(Job { id: self.place, read });
    }

    /// Has records read by id. `ask_alone`: those that do not come back are asked for once more.
    pub fn submit_ids(&self, context: &mut Context, ids: Vec<i64>, ask_alone: bool) {
        let read = Read::Ids { resource: self.resource, shape: self.shape.clone(), ids, ask_alone };
        self.submit(context, read);
    }

    /// Writes a page.
    pub fn merge(&mut self, context: &mut Context, batch: Batch) -> Result<()> {
        let Written { counts, altered } = context.store.merge(self.name(), &self.shape, &batch)?;
        self.tally.merged.add(counts);
        let room = IDS_PER_REQUEST.saturating_sub(self.altered.len());
        self.altered.extend(altered.into_iter().take(room));
        self.pages += 1;
        for (field, kind) in batch.rows.into_iter().flat_map(|row| row.unknown) {
            self.unknown.entry(field).and_modify(|held| *held = held.merged(kind)).or_insert(kind);
        }
        let (table, rows, pages) = (self.name(), self.tally.merged.rows(), self.pages);
        let whole = self.tally.sync_type == SyncType::Full;
        context.log.progress(table, Some(Pages { pages, rows, whole }));
        if self.told.elapsed() >= PROGRESS_EVERY {
            self.told = Instant::now();
            let line = format!("[LECTURE] {table}: {rows} enregistrements lus ({pages} pages)");
            context.log.line(Level::Progress, &line);
        }
        Ok(())
    }
}
