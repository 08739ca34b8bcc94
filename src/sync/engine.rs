//! The engine: hands lists to the readers, merges their pages as they come, and settles what is to be deleted.
//!
//! A full sync is a reconciliation by ascending id. A page speaks for the ids from the one before it to its last; what
//! is held there and not listed becomes a candidate. At the list's end every candidate is asked for once more by
//! another read, and only what is absent twice is deleted, under the brake.

use super::ports::{Fetch, Log, Merged, Stop, Store};
use super::read::{Arrival, Batch, Job, Read, What};
use super::report::{self, Level, Status, SyncType, TableReport};
use crate::api::me::Me;
use crate::catalogue::{IdFilter, Resource};
use crate::error::{Error, Result};
use crate::row::{Shape, Type};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the engine waits for an arrival before it looks whether it should stop.
const LOOK_AROUND: Duration = Duration::from_millis(50);
/// How often a long list says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Ids of one confirming request: as many as a page holds, and a URL of about 2 kB.
const IDS_PER_REQUEST: u32 = 100;
/// Deleting fewer rows than this needs no brake, unless it is all of them.
const BRAKE_FREE_ROWS: u64 = 100;
/// The job of a run that asks `/me`; the others are numbered from 0.
const ME: usize = usize::MAX;

/// What a run may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `pennylane.max_delete_percent`.
    pub max_delete_percent: u8,
    /// The caller said that the deletions are right.
    pub force_deletes: bool,
}

/// The world of a run.
pub struct Ports<'a> {
    pub fetch: &'a mut dyn Fetch,
    pub stop: &'a dyn Stop,
    pub log: &'a mut dyn Log,
}

impl Ports<'_> {
    /// Waits for the next arrival, and says in the log when the API slows the run down.
    fn next(&mut self) -> Result<Arrival> {
        loop {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            if let Some(arrival) = self.fetch.next(LOOK_AROUND) {
                if let What::Throttled(seconds) = arrival.what {
                    self.log.line(Level::Warning, &format!("[WARNING] Rate limit atteint, attente {seconds}s..."));
                }
                return Ok(arrival);
            }
        }
    }
}

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

/// Asks the API whose token this is.
///
/// # Errors
/// Those of the request, and `Interrupted`.
pub fn identify(ports: &mut Ports) -> Result<Identity> {
    ports.fetch.submit(Job { id: ME, read: Read::Me });
    let mut requests = 0;
    loop {
        let arrival = ports.next()?;
        requests += arrival.requests;
        match arrival.what {
            What::Me { me, api_time, api_expires } => return Ok(Identity { me, api_time, api_expires, requests }),
            What::Failed(error) => return Err(error),
            What::Page(_) | What::Throttled(_) | What::Done => {}
        }
    }
}

/// Proves and repairs these tables, whole. Each table ends in a report of its own; one that fails does not keep the
/// others from going on.
///
/// # Errors
/// `Interrupted`; and what the store could not note down.
pub fn full(
    resources: &[&'static Resource],
    identity: &Identity,
    limits: Limits,
    store: &mut dyn Store,
    ports: &mut Ports,
) -> Result<Vec<TableReport>> {
    let mut run = Run { store, ports, identity, limits, reports: BTreeMap::new() };
    let mut loads = Vec::new();
    for (place, resource) in resources.iter().copied().enumerate() {
        let load = Load::new(place, resource);
        match run.open(load) {
            Ok(load) => loads.push(Some(load)),
            Err(ended) => {
                run.end(*ended)?;
                loads.push(None);
            }
        }
    }
    while loads.iter().any(Option::is_some) {
        let arrival = run.ports.next()?;
        let Some(slot) = loads.get_mut(arrival.job) else { continue };
        let Some(mut load) = slot.take() else { continue };
        load.requests += arrival.requests;
        match run.arrive(&mut load, arrival.what) {
            Ok(State::Open) => *slot = Some(load),
            Ok(State::Ended) => run.end(load.ended(Status::Ok))?,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                run.ports.fetch.cancel(arrival.job);
                let stop_all = error.ends_the_run();
                run.end(load.failed(error.clone()))?;
                if stop_all {
                    for (job, slot) in loads.iter_mut().enumerate() {
                        if let Some(load) = slot.take() {
                            run.ports.fetch.cancel(job);
                            run.end(load.failed(error.clone()))?;
                        }
                    }
                }
            }
        }
    }
    Ok(std::mem::take(&mut run.reports).into_values().collect())
}

/// Whether a load waits for more arrivals.
enum State {
    Open,
    Ended,
}

/// Where a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Pages of the list come in.
    Listing,
    /// Candidates are asked for by id; up to this one they have been.
    Asking { upto: i64 },
    /// The list is read a second time, since it takes no filter.
    ListingAgain,
}

/// One table on its way.
struct Load {
    place: usize,
    resource: &'static Resource,
    shape: Arc<Shape>,
    phase: Phase,
    /// Rows held before the load.
    held: u64,
    merged: Merged,
    deleted: u64,
    requests: u32,
    pages: u32,
    /// Candidates that a second read showed to be there.
    reappeared: u64,
    /// The list was walked once more because it had left records out.
    walked_twice: bool,
    unknown: BTreeMap<String, Type>,
    message: Option<String>,
    started: Instant,
    told: Instant,
}

impl Load {
    fn new(place: usize, resource: &'static Resource) -> Load {
        Load {
            place,
            resource,
            shape: Arc::default(),
            phase: Phase::Listing,
            held: 0,
            merged: Merged::default(),
            deleted: 0,
            requests: 0,
            pages: 0,
            reappeared: 0,
            walked_twice: false,
            unknown: BTreeMap::new(),
            message: None,
            started: Instant::now(),
            told: Instant::now(),
        }
    }

    fn list_job(&self) -> Job {
        let read = Read::List { resource: self.resource, shape: self.shape.clone(), after: 0 };
        Job { id: self.place, read }
    }

    fn ended(self, status: Status) -> Ended {
        Ended {
            unknown: self.unknown,
            place: self.place,
            report: TableReport {
                table: self.resource.table,
                sync_type: SyncType::Full,
                status,
                merged: self.merged,
                deleted: self.deleted,
                requests: self.requests,
                duration: self.started.elapsed(),
                message: self.message,
                error: None,
            },
        }
    }

    fn failed(mut self, error: Error) -> Ended {
        self.message = Some(format!("{error}. {}", error.hint()));
        let mut ended = self.ended(Status::Error);
        ended.report.error = Some(error);
        ended
    }
}

/// A load that is over.
struct Ended {
    place: usize,
    report: TableReport,
    unknown: BTreeMap<String, Type>,
}

struct Run<'a, 'p> {
    store: &'a mut dyn Store,
    ports: &'a mut Ports<'p>,
    identity: &'a Identity,
    limits: Limits,
    reports: BTreeMap<usize, TableReport>,
}

impl Run<'_, '_> {
    /// Starts a table's load, or ends it at once.
    fn open(&mut self, mut load: Load) -> std::result::Result<Load, Box<Ended>> {
        let resource = load.resource;
        if !self.identity.me.grants(resource.scope) {
            load.message = Some(format!(
                "the token does not grant the scope {}:readonly; add it in Pennylane to sync this table",
                resource.scope
            ));
            return Err(Box::new(load.ended(Status::Skipped)));
        }
        let opened = self.store.shape(resource.table).and_then(|shape| {
            load.shape = shape;
            self.store.start_load(resource.table)
        });
        match opened {
            Ok(held) => {
                load.held = held;
                self.ports.fetch.submit(load.list_job());
                Ok(load)
            }
            Err(error) => Err(Box::new(load.failed(error))),
        }
    }

    /// Notes a load's end.
    fn end(&mut self, ended: Ended) -> Result<()> {
        let Ended { place, mut report, unknown } = ended;
        let watermark = if report.status == Status::Ok {
            self.store.note_drift(report.table, &unknown)?;
            let misfits = self.store.misfits(report.table)?;
            if misfits.rows > 0 {
                report.status = Status::Partial;
                report.message = Some(format!(
                    "{} rows hold a value that does not fit its column (kept in extra->'_misfit'): {}",
                    misfits.rows,
                    misfits.sample.join("; ")
                ));
            }
            self.identity.api_time
        } else {
            None
        };
        self.store.finish(&report, watermark)?;
        for (level, line) in report::table_lines(&report) {
            self.ports.log.line(level, &line);
        }
        self.reports.insert(place, report);
        Ok(())
    }

    fn arrive(&mut self, load: &mut Load, what: What) -> Result<State> {
        match what {
            What::Page(batch) => self.page(load, batch).map(|()| State::Open),
            What::Done => self.done(load),
            What::Failed(error) => Err(error),
            What::Me { .. } | What::Throttled(_) => Ok(State::Open),
        }
    }

    fn page(&mut self, load: &mut Load, batch: Batch) -> Result<()> {
        let table = load.resource.table;
        if load.phase != Phase::Listing {
            let ids: Vec<i64> = batch.rows.iter().map(|row| row.id).collect();
            load.reappeared += self.store.keep(table, &ids)?;
            return Ok(());
        }
        let merged = self.store.merge(table, &load.shape, &batch)?;
        load.merged.inserted += merged.inserted;
        load.merged.updated += merged.updated;
        load.merged.unchanged += merged.unchanged;
        load.pages += 1;
        for (field, kind) in batch.rows.into_iter().flat_map(|row| row.unknown) {
            load.unknown.entry(field).and_modify(|held| *held = held.merged(kind)).or_insert(kind);
        }
        if load.told.elapsed() >= PROGRESS_EVERY {
            load.told = Instant::now();
            let Merged { inserted, updated, unchanged } = load.merged;
            let rows = inserted + updated + unchanged;
            let line = format!("[LECTURE] {table}: {rows} enregistrements lus ({} pages)", load.pages);
            self.ports.log.line(Level::Progress, &line);
        }
        Ok(())
    }

    /// A read came to its end: the next one, or the verdict.
    fn done(&mut self, load: &mut Load) -> Result<State> {
        match load.phase {
            _ if load.reappeared > 0 => self.walk_again(load),
            Phase::Listing if self.store.candidate_count(load.resource.table)? == 0 => Ok(State::Ended),
            Phase::Listing if load.resource.id_filter == IdFilter::Nothing => {
                load.phase = Phase::ListingAgain;
                self.ports.fetch.submit(load.list_job());
                Ok(State::Open)
            }
            Phase::Listing => self.ask(load, i64::MIN),
            Phase::Asking { upto } => self.ask(load, upto),
            Phase::ListingAgain => self.delete(load),
        }
    }

    /// Asks for the next candidates by id.
    fn ask(&mut self, load: &mut Load, after: i64) -> Result<State> {
        let ids = self.store.candidates(load.resource.table, after, IDS_PER_REQUEST)?;
        let Some(&upto) = ids.last() else { return self.delete(load) };
        load.phase = Phase::Asking { upto };
        let read = Read::Ids { resource: load.resource, shape: load.shape.clone(), ids };
        self.ports.fetch.submit(Job { id: load.place, read });
        Ok(State::Open)
    }

    /// The list left out records that are there. Once is an accident: the list is walked again. Twice means that it
    /// cannot be trusted to say what is gone.
    fn walk_again(&mut self, load: &mut Load) -> Result<State> {
        let table = load.resource.table;
        let what = format!("the list left out {} records that are there when asked for again", load.reappeared);
        if load.walked_twice {
            return Err(Error::Contract { path: load.resource.path.to_owned(), what });
        }
        self.ports.log.line(Level::Warning, &format!("[WARNING] {table}: {what}; nothing deleted, reading it again"));
        load.message = Some(format!("{what}; it was read a second time"));
        load.walked_twice = true;
        load.reappeared = 0;
        load.phase = Phase::Listing;
        load.unknown.clear();
        // What the first walk wrote counts once; what it found unchanged is found again.
        load.merged.unchanged = 0;
        self.store.start_load(table)?;
        self.ports.fetch.submit(load.list_job());
        Ok(State::Open)
    }

    /// Deletes what was absent twice, if that is not too much to be true.
    fn delete(&mut self, load: &mut Load) -> Result<State> {
        let table = load.resource.table;
        let gone = self.store.candidate_count(table)?;
        let held = load.held;
        let percent = u64::from(self.limits.max_delete_percent);
        let too_much = gone >= held || (gone > BRAKE_FREE_ROWS && gone * 100 > held * percent);
        if too_much && !self.limits.force_deletes {
            return Err(Error::Brake { table: table.to_owned(), gone, held });
        }
        load.deleted = self.store.delete_candidates(table)?;
        Ok(State::Ended)
    }
}
