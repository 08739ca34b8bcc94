//! The exports: which periods to ask for, and how a file takes the place of what is held of its period.
//!
//! A period is replaced whole or not at all: a file that turns out to be broken in its last line changes nothing. Periods
//! must not overlap, or sums would double.

use super::engine::{LOOK_AROUND, Ports};
use super::ports::{ExportStore, Holding, Pages, Progress};
use super::read::{Arrival, Delivery, Job, Lines, Read, What};
use super::report::{self, Level, Status, SyncType, TableReport};
use super::table::{Identity, Limits, PROGRESS_EVERY, Tally};
use crate::catalogue::Export;
use crate::error::{Error, Result};
use crate::export::{Layout, Summary};
use crate::period::{FiscalYear, Period};
use crate::row::{Shape, Type};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Instant;

/// Which periods are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// This one, whether or not it is a fiscal year.
    Period(Period),
    /// Each fiscal year that is open, or not held, or whose ledger changed.
    OpenYears,
    /// Each fiscal year that is not held or whose ledger changed.
    ChangedYears,
}

/// Brings these exports up to date; each ends in a report of its own, in the order given. `over`: the error that ended
/// the run before it came to them.
///
/// # Errors
/// `Interrupted`; and what the store could not note down.
pub fn run(
    exports: &[&'static Export],
    ask: Ask,
    over: Option<Error>,
    identity: &Identity,
    limits: Limits,
    store: &mut dyn ExportStore,
    ports: &mut Ports,
) -> Result<Vec<TableReport>> {
    let mut run = Run { ask, identity, limits, store, ports, jobs: BTreeMap::new(), over, reports: BTreeMap::new() };
    let mut tasks: Vec<Option<Task>> = Vec::new();
    for (place, export) in exports.iter().copied().enumerate() {
        let task = run.start(place, export)?;
        tasks.push(task);
    }
    run.end_those_without_work(&mut tasks)?;
    while !run.jobs.is_empty() {
        let arrival = run.ports.next()?;
        run.arrive(arrival, &mut tasks)?;
        run.end_those_without_work(&mut tasks)?;
    }
    Ok(run.reports.into_values().collect())
}

/// The fiscal years that are held.
///
/// # Errors
/// `ScopeMissing`, and `Setup` when they were never read.
pub fn fiscal_years(store: &mut dyn ExportStore, identity: &Identity) -> Result<Vec<FiscalYear>> {
    if store.watermark("fiscal_years")?.is_some() {
        return store.fiscal_years();
    }
    if !identity.me.grants("fiscal_years") {
        return Err(Error::ScopeMissing { scope: "fiscal_years".into() });
    }
    Err(Error::Setup {
        message: "the fiscal years are not known yet".into(),
        hint: "Run SELECT * FROM pennylane.sync_full('fiscal_years'); or name a period.".into(),
    })
}

/// An export under way.
struct Task {
    export: &'static Export,
    shape: Arc<Shape>,
    tally: Tally,
    /// Files that were taken.
    taken: u32,
    unknown: BTreeMap<String, Type>,
    left_out: u64,
    /// Those among them that hold an account and an amount: a total, or a line that was not told from one.
    left_out_with_amounts: u64,
    /// The first thing that failed, and how many others did.
    failed: Option<(Error, u32)>,
}

impl Task {
    fn fail(&mut self, period: Period, error: Error) {
        match &mut self.failed {
            Some((_, others)) => *others += 1,
            None => self.failed = Some((Error::Period { period: period.to_string(), error: Box::new(error) }, 0)),
        }
    }
}

/// One period that was asked for.
struct Wanted {
    /// The place of its task.
    place: usize,
    holding: Holding,
    /// Ledger lines of the period that are held here.
    ledger_lines: u64,
    /// Periods that this one takes the place of: a fiscal year whose days were changed.
    replaces: Vec<Period>,
}

struct Run<'a, 'p> {
    ask: Ask,
    identity: &'a Identity,
    limits: Limits,
    store: &'a mut dyn ExportStore,
    ports: &'a mut Ports<'p>,
    jobs: BTreeMap<usize, Wanted>,
    /// What ended the run for all exports.
    over: Option<Error>,
    reports: BTreeMap<usize, TableReport>,
}

impl Run<'_, '_> {
    /// Asks for the periods of an export; gives its task, or `None` when it ended at once.
    fn start(&mut self, place: usize, export: &'static Export) -> Result<Option<Task>> {
        let mut tally = Tally::new(export.table, SyncType::Export);
        if let Some(error) = self.over.clone() {
            return self.end(place, tally, Status::Error, Some(error)).map(|()| None);
        }
        if !self.identity.me.grants(export.scope) {
            tally.say_scope(export.scope);
            return self.end(place, tally, Status::Skipped, None).map(|()| None);
        }
        let (shape, failed, unknown) = (Arc::default(), None, BTreeMap::new());
        let mut task = Task { export, shape, tally, taken: 0, unknown, left_out: 0, left_out_with_amounts: 0, failed };
        match self.plan(place, &mut task) {
            Ok(()) => Ok(Some(task)),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => self.end(place, task.tally, Status::Error, Some(error)).map(|()| None),
        }
    }

    /// Decides which periods are to be asked for, and asks.
    fn plan(&mut self, place: usize, task: &mut Task) -> Result<()> {
        let table = task.export.table;
        task.shape = self.store.shape(table)?;
        let held = self.store.holdings(table)?;
        let years = match self.ask {
            Ask::Period(_) if self.store.watermark("fiscal_years")?.is_none() => Vec::new(),
            _ => fiscal_years(self.store, self.identity)?,
        };
        let today = self.identity.api_time.map(|time| time.date_naive());
        let mut wanted = Vec::new();
        match self.ask {
            Ask::Period(period) => wanted.push((period, true)),
            Ask::OpenYears | Ask::ChangedYears => {
                let begun = years.iter().filter(|year| today.is_none_or(|today| year.period.start <= today));
                wanted.extend(begun.map(|year| (year.period, year.open && self.ask == Ask::OpenYears)));
            }
        }
        for (place_of, (period, anyway)) in wanted.iter().copied().enumerate() {
            // Two fiscal years that share days: sums over both would double.
            let before = wanted[..place_of].iter().map(|(other, _)| *other);
            if let Some(other) = before.into_iter().find(|other| other.overlaps(period)) {
                task.fail(period, overlap(table, other));
                continue;
            }
            let ledger = self.store.ledger_state(period)?;
            let known = held.iter().find(|holding| holding.period == period);
            let (ledger_lines, ledger_state) = ledger.map_or((0, None), |(lines, state)| (lines, Some(state)));
            // A ledger that is not synced cannot tell: what is held then waits for the next full sync.
            let same = known.is_some_and(|known| ledger_state.is_none() || known.ledger_state == ledger_state);
            if same && !anyway {
                continue;
            }
            // A fiscal year that is there no more, and was asked for as one, has had its days changed: the year that
            // covers it now takes its place. Any other overlap is somebody's own export.
            let overlapping =
                held.iter().filter(|other| !other.empty && other.period != period && other.period.overlaps(period));
            let fiscal_year = years.iter().any(|year| year.period == period);
            let (past_years, others): (Vec<&Holding>, Vec<&Holding>) = overlapping.partition(|other| {
                fiscal_year && other.fiscal_year && years.iter().all(|year| year.period != other.period)
            });
            if let Some(other) = others.first() {
                task.fail(period, overlap(table, other.period));
                continue;
            }
            let holding = Holding { period, fiscal_year, ledger_state, empty: false };
            let replaces = past_years.iter().map(|year| year.period).collect();
            let job = self.jobs.last_key_value().map_or(0, |(last, _)| last + 1);
            self.jobs.insert(job, Wanted { place, holding, ledger_lines, replaces });
            let read = Read::Export { export: task.export, shape: task.shape.clone(), period };
            self.ports.fetch.submit(Job { id: job, read });
        }
        Ok(())
    }

    fn arrive(&mut self, arrival: Arrival, tasks: &mut [Option<Task>]) -> Result<()> {
        let Some(wanted) = self.jobs.remove(&arrival.job) else { return Ok(()) };
        let Some(task) = tasks.get_mut(wanted.place).and_then(Option::as_mut) else { return Ok(()) };
        task.tally.requests += arrival.requests;
        let error = match arrival.what {
            What::Done => return Ok(()),
            What::Failed(error) => error,
            What::File(delivery) => match self.take(task, &wanted, &delivery) {
                Ok(()) => {
                    self.jobs.insert(arrival.job, wanted);
                    return Ok(());
                }
                Err(error) => error,
            },
            _ => {
                self.jobs.insert(arrival.job, wanted);
                return Ok(());
            }
        };
        if let Error::Interrupted = error {
            return Err(error);
        }
        self.ports.fetch.cancel(arrival.job);
        if error.ends_the_run() {
            for job in std::mem::take(&mut self.jobs).into_keys() {
                self.ports.fetch.cancel(job);
            }
            for task in tasks.iter_mut().flatten() {
                task.failed = Some((error.clone(), 0));
            }
            return Ok(());
        }
        task.fail(wanted.holding.period, error);
        Ok(())
    }

    /// Puts a file in the place of what is held of its period.
    fn take(&mut self, task: &mut Task, wanted: &Wanted, delivery: &Delivery) -> Result<()> {
        let (table, period, limits) = (task.export.table, wanted.holding.period, self.limits);
        let (shape, layout) = (task.shape.clone(), task.export.layout);
        let ports = &mut *self.ports;
        let mut summary = Summary::default();
        // Counts join those of the table only when the file is in.
        let mut done = Tally::new(table, SyncType::Export);
        self.store.whole(table, &mut |store| {
            let held = store.held_lines(table, period)?;
            let mut replaced = 0;
            for old in &wanted.replaces {
                replaced += store.held_lines(table, *old)?;
            }
            let (mut told, mut pages) = (Instant::now(), 0);
            summary = loop {
                match next(delivery, ports)? {
                    Lines::Some(rows) => {
                        let written = store.put_lines(table, &shape, period, &rows, held == 0)?;
                        done.merged.add(written.counts);
                        // The file is the same: what was altered is written once more.
                        if !written.altered.is_empty() {
                            let again = store.put_lines(table, &shape, period, &rows, false)?;
                            done.merged.inserted += again.counts.inserted;
                        }
                        pages += 1;
                        let lines = done.merged.rows();
                        ports.log.progress(table, Some(Pages { pages, rows: lines, whole: false }));
                        if told.elapsed() >= PROGRESS_EVERY {
                            told = Instant::now();
                            ports.log.line(Level::Progress, &format!("[LECTURE] {table}: {lines} lignes lues"));
                        }
                    }
                    Lines::Whole(summary) => break summary,
                }
            };
            if summary.lines == 0 && layout == Layout::Fec && wanted.ledger_lines > 0 {
                let what = format!("it holds no line, and the ledger has {} in that period", wanted.ledger_lines);
                return Err(Error::File { what });
            }
            let held = held + replaced;
            done.brake(limits, held.saturating_sub(summary.lines), held)?;
            done.deleted = store.cut_lines(table, period, summary.lines)?;
            for old in &wanted.replaces {
                done.deleted += store.cut_lines(table, *old, 0)?;
            }
            store.register(table, &wanted.holding, &delivery.sha256)
        })?;
        task.tally.merged.add(done.merged);
        task.tally.deleted += done.deleted;
        task.taken += 1;
        task.left_out += summary.left_out;
        task.left_out_with_amounts += summary.left_out_with_amounts;
        for (field, kind) in summary.unknown {
            task.unknown.entry(field).and_modify(|held| *held = held.merged(kind)).or_insert(kind);
        }
        let line = format!("[EXPORT] {table}: {period}: {} lignes", summary.lines);
        self.ports.log.line(Level::Step, &line);
        Ok(())
    }

    /// Ends the tasks of which nothing is under way any more.
    fn end_those_without_work(&mut self, tasks: &mut [Option<Task>]) -> Result<()> {
        for (place, task) in tasks.iter_mut().enumerate() {
            if self.jobs.values().all(|wanted| wanted.place != place)
                && let Some(task) = task.take()
            {
                self.conclude(place, task)?;
            }
        }
        Ok(())
    }

    fn conclude(&mut self, place: usize, task: Task) -> Result<()> {
        let Task { export, mut tally, taken, unknown, left_out, left_out_with_amounts, failed, .. } = task;
        if let Some((error, others)) = failed {
            self.end(place, tally, Status::Error, Some(error))?;
            if let Some(report) = self.reports.get_mut(&place).filter(|_| others > 0) {
                let said = report.message.take().unwrap_or_default();
                report.message = Some(format!("{said} ({others} more periods failed)"));
            }
            return Ok(());
        }
        if taken == 0 {
            tally.say("no ledger line changed since the last export");
            return self.end(place, tally, Status::Unchanged, None);
        }
        if left_out > 0 {
            tally.say(&format!("{left_out} rows of the file are titles or totals and were left out"));
        }
        let noted =
            self.store.note_drift(export.table, &unknown, true).and_then(|()| self.store.flaws(export.table, false));
        if left_out_with_amounts > 0 {
            tally.say(&format!("{left_out_with_amounts} of them hold an account and an amount: compare with the file"));
        }
        match noted {
            Ok(flaws) => {
                let message = flaws.message();
                message.iter().for_each(|message| tally.say(message));
                let good = message.is_none() && left_out_with_amounts == 0;
                self.end(place, tally, if good { Status::Ok } else { Status::Partial }, None)
            }
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => self.end(place, tally, Status::Error, Some(error)),
        }
    }

    /// Notes how an export ended.
    fn end(&mut self, place: usize, tally: Tally, status: Status, error: Option<Error>) -> Result<()> {
        let report = tally.report(status, error);
        let watermark = self.identity.api_time.filter(|_| status.is_good());
        self.store.finish(&report, &Progress { watermark, ..Progress::default() })?;
        self.ports.log.progress(report.table, None);
        for (level, line) in report::table_lines(&report) {
            self.ports.log.line(level, &line);
        }
        self.reports.insert(place, report);
        Ok(())
    }
}

/// The next lines of a file.
fn next(delivery: &Delivery, ports: &Ports) -> Result<Lines> {
    loop {
        if ports.stop.requested() {
            return Err(Error::Interrupted);
        }
        match delivery.lines.recv_timeout(LOOK_AROUND) {
            Ok(lines) => return lines,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::File { what: "a defect of penny_pg stopped its reading".into() });
            }
        }
    }
}

fn overlap(table: &str, held: Period) -> Error {
    Error::Argument {
        message: format!("it overlaps {held}, which pennylane.{table} holds: sums over both would double"),
        hint: format!(
            "Ask for exactly that period, or remove it first: DELETE FROM pennylane.{table} \
             WHERE period_start = '{}' AND period_end = '{}';",
            held.start, held.end
        ),
    }
}
