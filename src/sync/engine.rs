//! The engine: starts each table's sync, hands what the readers tell to it, and notes how it ended.
//!
//! Tables are independent: one that fails does not keep the others from going on. Only a token that is refused, or
//! somebody who asks to stop, ends a run.

use super::again::Again;
use super::changes::{Changes, Memory};
use super::full::Full;
use super::ports::{Fetch, Log, Progress, Stop, Store};
use super::read::{Arrival, Job, Read, What};
use super::report::{self, Level, Status, SyncType, TableReport};
use super::table::{Context, Identity, Limits, State, Table};
use crate::catalogue::{Mode, Resource};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the engine waits for an arrival before it looks whether it should stop.
pub(super) const LOOK_AROUND: Duration = Duration::from_millis(50);
/// The job of a run that asks `/me`; the others are numbered from 0.
const ME: usize = usize::MAX;

/// The world of a run.
pub struct Ports<'a> {
    pub fetch: &'a mut dyn Fetch,
    pub stop: &'a dyn Stop,
    pub log: &'a mut dyn Log,
}

impl Ports<'_> {
    /// Waits for the next arrival, and says in the log when the API slows the run down.
    pub(super) fn next(&mut self) -> Result<Arrival> {
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
            _ => {}
        }
    }
}

/// Syncs these tables. Each ends in a report of its own, in the order given.
///
/// # Errors
/// `Interrupted`; and what the store could not note down.
pub fn run(
    resources: &[&'static Resource],
    sync_type: SyncType,
    identity: &Identity,
    limits: Limits,
    store: &mut dyn Store,
    ports: &mut Ports,
) -> Result<Vec<TableReport>> {
    let mut run = Run { store, ports, identity, limits, sync_type, tasks: BTreeMap::new(), reports: BTreeMap::new() };
    for (place, resource) in resources.iter().copied().enumerate() {
        run.start(place, resource)?;
    }
    run.wake_followers()?;
    while !run.tasks.is_empty() {
        let arrival = run.ports.next()?;
        run.arrive(arrival)?;
    }
    Ok(run.reports.into_values().collect())
}

/// A table's sync under way.
struct Task {
    table: Table,
    work: Work,
}

enum Work {
    Full(Full),
    Changes(Box<Changes>),
    Again(Again),
}

struct Run<'a, 'p> {
    store: &'a mut dyn Store,
    ports: &'a mut Ports<'p>,
    identity: &'a Identity,
    limits: Limits,
    sync_type: SyncType,
    tasks: BTreeMap<usize, Task>,
    reports: BTreeMap<usize, TableReport>,
}

impl Run<'_, '_> {
    fn context(&mut self) -> Context<'_> {
        Context {
            store: &mut *self.store,
            fetch: &mut *self.ports.fetch,
            log: &mut *self.ports.log,
            identity: self.identity,
            limits: self.limits,
        }
    }

    /// Starts a table's sync, or ends it at once.
    fn start(&mut self, place: usize, resource: &'static Resource) -> Result<()> {
        let mut table = Table::new(place, resource, self.sync_type, self.identity.api_time);
        if !self.identity.me.grants(resource.scope) {
            table.tally.say_scope(resource.scope);
            return self.end(table, Status::Skipped, None, None);
        }
        let work = self.begin(&mut table);
        self.set_out(table, work)
    }

    /// A table is on its way, or failed before that.
    fn set_out(&mut self, table: Table, work: Result<Work>) -> Result<()> {
        match work {
            Ok(work) => {
                self.tasks.insert(table.place, Task { table, work });
                Ok(())
            }
            Err(error) => self.fail(table, error),
        }
    }

    fn begin(&mut self, table: &mut Table) -> Result<Work> {
        if self.sync_type == SyncType::Incremental && table.resource.mode != Mode::Whole {
            match self.store.watermark(table.name())? {
                None => table.tally.say("never synced before: read whole"),
                Some(watermark) => {
                    let follower = match table.resource.follower() {
                        Some(follower) => self.store.watermark(follower.table)?,
                        None => None,
                    };
                    match Changes::start(table, &mut self.context(), watermark, follower)? {
                        Ok(changes) => return Ok(Work::Changes(Box::new(changes))),
                        Err(why) => table.tally.say(&format!("{why}: read whole")),
                    }
                }
            }
        }
        self.begin_full(table)
    }

    fn begin_full(&mut self, table: &mut Table) -> Result<Work> {
        table.tally.sync_type = SyncType::Full;
        table.tally.since = None;
        Full::start(table, &mut self.context()).map(Work::Full)
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<()> {
        let Some(mut task) = self.tasks.remove(&arrival.job) else { return Ok(()) };
        task.table.tally.requests += arrival.requests;
        let mut context = self.context();
        let state = match &mut task.work {
            Work::Full(full) => full.arrive(&mut task.table, &mut context, arrival.what),
            Work::Changes(changes) => changes.arrive(&mut task.table, &mut context, arrival.what),
            Work::Again(again) => again.arrive(&mut task.table, &mut context, arrival.what),
        };
        self.settle(task, state)?;
        self.wake_followers()
    }

    /// Goes on with a task, or ends it.
    fn settle(&mut self, mut task: Task, state: Result<State>) -> Result<()> {
        match state {
            Ok(State::Open) => {
                self.tasks.insert(task.table.place, task);
                Ok(())
            }
            Ok(State::Ended) => {
                let memory = match task.work {
                    Work::Full(_) => None,
                    Work::Changes(changes) => Some(changes.memory()),
                    Work::Again(again) => again.memory,
                };
                let altered = std::mem::take(&mut task.table.altered);
                if altered.is_empty() {
                    return self.end(task.table, Status::Ok, memory, None);
                }
                let again = Again::start(&task.table, &mut self.context(), altered, memory);
                self.set_out(task.table, Ok(Work::Again(again)))
            }
            Ok(State::ReadWhole(why)) => {
                task.table.tally.say(&format!("{why}: read whole"));
                let work = self.begin_full(&mut task.table);
                self.set_out(task.table, work)
            }
            Err(error) => self.fail(task.table, error),
        }
    }

    /// A table that follows another one goes on when that has ended, or was not part of this run.
    fn wake_followers(&mut self) -> Result<()> {
        let waiting: Vec<usize> = self
            .tasks
            .iter()
            .filter(|(_, task)| match (&task.work, task.table.resource.mode) {
                (Work::Changes(changes), Mode::Follows { table, .. }) => {
                    changes.waits() && !self.tasks.values().any(|other| other.table.name() == table)
                }
                _ => false,
            })
            .map(|(place, _)| *place)
            .collect();
        for place in waiting {
            let Some(mut task) = self.tasks.remove(&place) else { continue };
            let leader = match task.table.resource.mode {
                Mode::Follows { table, .. } => self.reports.values().find(|report| report.table == table),
                _ => None,
            };
            // A leader that was read whole noted no new rows here: only reading this table whole finds them.
            let state = if leader.is_some_and(|leader| leader.sync_type == SyncType::Full && leader.error.is_none()) {
                Ok(State::ReadWhole("the lines were read whole".into()))
            } else if let Work::Changes(changes) = &mut task.work {
                changes.leader_ended(&mut task.table, &mut self.context())
            } else {
                Ok(State::Open)
            };
            self.settle(task, state)?;
        }
        Ok(())
    }

    /// A table failed: its rows are right by themselves, its watermark stays. Some errors end the others too.
    fn fail(&mut self, table: Table, error: Error) -> Result<()> {
        if let Error::Interrupted = error {
            return Err(error);
        }
        self.ports.fetch.cancel(table.place);
        self.end(table, Status::Error, None, Some(error.clone()))?;
        if error.ends_the_run() {
            for task in std::mem::take(&mut self.tasks).into_values() {
                self.ports.fetch.cancel(task.table.place);
                self.end(task.table, Status::Error, None, Some(error.clone()))?;
            }
        }
        Ok(())
    }

    /// Notes how a table ended.
    fn end(&mut self, mut table: Table, status: Status, memory: Option<Memory>, error: Option<Error>) -> Result<()> {
        let mut status = status;
        let mut progress = Progress::default();
        if status == Status::Ok {
            let whole = table.tally.sync_type == SyncType::Full;
            self.store.note_drift(table.name(), &table.unknown, whole)?;
            if let Some(message) = self.store.flaws(table.name(), whole)?.message() {
                status = Status::Partial;
                table.tally.say(&message);
            }
            progress.watermark = table.watermark.filter(|_| self.leader_is_good(&table));
            progress.memory = memory.unwrap_or_default();
        }
        let report = table.tally.report(status, error);
        self.store.finish(&report, &progress)?;
        self.ports.log.progress(report.table, None);
        for (level, line) in report::table_lines(&report) {
            self.ports.log.line(level, &line);
        }
        self.reports.insert(table.place, report);
        Ok(())
    }

    /// Changes of a follower that its leader could not tell must be told by the next run: the watermark stays.
    fn leader_is_good(&self, table: &Table) -> bool {
        match table.resource.mode {
            Mode::Follows { table: leader, .. } if table.tally.sync_type == SyncType::Incremental => {
                self.reports.values().any(|report| report.table == leader && report.error.is_none())
            }
            _ => true,
        }
    }
}
