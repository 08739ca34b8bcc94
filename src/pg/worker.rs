//! The background worker: keeps one database in sync by itself.
//!
//! It waits for the extension and the token, and then does what the schedule says, or what somebody asked for with
//! `request_sync()`. It runs the same rounds as the functions, with a transaction for each step and none while the network
//! is waited for. What starts it is in `launcher.rs`.

use super::functions::{local_now, same_company, target_plan, with_api_for};
use super::lock::{Held, Running};
use super::log::{ServerLog, activity};
use super::process::{self, LONGEST_SLEEP, Once, leave, sleep, terminated};
use super::progress::{self, Shown};
use super::runs::{self, Request};
use super::settings;
use super::store::steps::InSteps;
use super::{setup as tables, txn};
use crate::error::{Error, Result};
use crate::schedule::{Due, Next};
use crate::sync::ports::{Log, Stop};
use crate::sync::report::{self, Level, SyncType};
use crate::sync::round::{self, Plan};
use crate::sync::table::Limits;
use chrono::{DateTime, Utc};
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Its name in `pg_stat_activity.backend_type`.
pub const WORKER: &str = "penny_pg worker";
/// How often something that is not there yet (the extension, a token) is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long a run waits for a company that another session holds.
const BUSY: Duration = Duration::from_secs(5);

/// The process.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn penny_pg_worker(_argument: pg_sys::Datum) {
    process::begin(Some(&settings::database()));
    progress::i_am_the_worker();
    let mut worker = Worker::default();
    while !terminated() && settings::worker() {
        let wait = worker.work();
        if !terminated() {
            activity("");
            sleep(wait);
        }
    }
    leave();
}

/// Does something in a transaction of its own.
fn step<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    txn::atomically("(a step of the worker)", work)
}

#[derive(Default)]
struct Worker {
    said: Once,
    /// Whose rights this process works with: the extension's owner.
    owner: Option<pg_sys::Oid>,
    /// A load that was cut off has been brought to its end: its table is as old as its start, and its changes are due.
    behind: bool,
    /// How often in a row something went wrong that could not even be noted down.
    troubles: u32,
}

impl Worker {
    /// Does what is due, one thing at a time, and says how long to wait for the next.
    fn work(&mut self) -> Duration {
        match self.next() {
            Ok(wait) => {
                self.troubles = 0;
                wait
            }
            Err(Error::Interrupted) => Duration::ZERO,
            Err(error) => {
                self.said.say(&error.in_full());
                self.troubles = (self.troubles + 1).min(10);
                (LOOK_AGAIN * 2_u32.pow(self.troubles - 1)).min(LONGEST_SLEEP)
            }
        }
    }

    fn next(&mut self) -> Result<Duration> {
        let Some(owner) = step(|| Ok(extension_owner()))? else {
            let database = settings::database();
            self.said.say(&format!("waiting for CREATE EXTENSION penny_pg in the database \"{database}\""));
            return Ok(LOOK_AGAIN);
        };
        if self.owner != Some(owner) {
            become_owner(owner);
            self.owner = Some(owner);
        }
        // This process has none in hand here.
        step(runs::close_orphans)?;
        if let Err(error) = settings::snapshot() {
            self.said.say(&error.in_full());
            return Ok(LOOK_AGAIN);
        }
        if let Some(request) = step(runs::next_request)? {
            let done = self.requested(&request);
            return self.settle(done, |error| runs::refuse(request.run, error));
        }
        let past = step(runs::past)?;
        let timetable = settings::timetable()?;
        let behind = std::mem::take(&mut self.behind).then_some(Due::Incremental);
        let Some(due) = timetable.due(now(), &past).or(behind) else {
            let Next { incremental, full } = timetable.next(now(), &past);
            let wait = (incremental.min(full) - now()).to_std().unwrap_or(Duration::ZERO);
            return Ok(wait.clamp(Duration::from_millis(10), LONGEST_SLEEP));
        };
        let sync_type = match due {
            Due::Incremental => SyncType::Incremental,
            Due::Full => SyncType::Full,
        };
        let done = self.run(&Plan::whole(sync_type), None);
        self.settle(done, |error| runs::failed(sync_type, error))
    }

    /// Says how long to wait after a run, and notes down why it could not begin.
    fn settle(&mut self, done: Result<()>, note: impl FnOnce(&Error) -> Result<()>) -> Result<Duration> {
        match done {
            Ok(()) => {
                self.said.forget();
                Ok(Duration::ZERO)
            }
            Err(Error::Busy { .. }) => Ok(BUSY),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                step(|| note(&error))?;
                ServerLog.line(Level::Warning, &format!("[ERREUR] {}", error.in_full()));
                Ok(Duration::ZERO)
            }
        }
    }

    /// Does what somebody asked for.
    fn requested(&mut self, request: &Request) -> Result<()> {
        let sync_type = if request.mode == SyncType::Full.word() { SyncType::Full } else { SyncType::Incremental };
        let plan = target_plan(sync_type, request.target.as_deref())?;
        self.run(&plan, Some(request))
    }

    /// Does a round, a transaction a step.
    fn run(&mut self, plan: &Plan, request: Option<&Request>) -> Result<()> {
        let start = Instant::now();
        let settings = settings::snapshot()?;
        let _running = Running::start()?;
        let mut log = ServerLog;
        with_api_for(&settings, &Asked, &mut log, |ports, identity| {
            let company = identity.me.company.id;
            same_company(request.and_then(|request| request.company), company)?;
            let _held = step(|| Held::take(company))?;
            step(|| tables::run_if_missing(&plan.tables()))?;
            let run = match request {
                None => step(|| runs::open(company, "schedule", plan.sync_type, plan.target()))?,
                Some(request) if step(|| runs::start(request.run, company))? => request.run,
                // Cancelled while the API was asked whose token it is.
                Some(_) => return Ok(()),
            };
            let _shown = Shown::start(run.id, company);
            let started = step(|| Ok(local_now()))?;
            ports.log.line(Level::Step, &report::start_line(plan.sync_type, started));
            let limits = Limits { max_delete_percent: settings.max_delete_percent, force_deletes: false };
            let done = round::run(plan, &identity, limits, &mut InSteps::new(company), ports);
            match done {
                Ok(done) => {
                    step(|| runs::close(run, company, &done.reports, done.requests))?;
                    for line in report::end_lines(&done.reports, start.elapsed()) {
                        ports.log.line(Level::Step, &line);
                    }
                    self.behind |= done.reports.iter().any(|report| report.resumed && report.error.is_none());
                    step(|| runs::prune(settings::history_days()))
                }
                Err(Error::Interrupted) => {
                    let (status, words) = stopped();
                    step(|| runs::end(run, status, None, Some(words)))?;
                    ports.log.line(Level::Step, &format!("[END] Sync interrompue ({words})"));
                    Err(Error::Interrupted)
                }
                Err(error) => {
                    let words = error.in_full();
                    step(|| runs::end(run, "error", None, Some(&words)))?;
                    ports.log.line(Level::Warning, &format!("[ERREUR] {words}"));
                    Ok(())
                }
            }
        })
    }
}

/// Status and words of a run that was stopped.
fn stopped() -> (&'static str, &'static str) {
    // SAFETY: a flag of this process; the cancel has been heard.
    unsafe { pg_sys::QueryCancelPending = 0 };
    if terminated() {
        ("interrupted", "the server stopped")
    } else if !settings::worker() {
        ("interrupted", "pennylane.worker was turned off")
    } else {
        ("cancelled", "cancelled")
    }
}

/// The server's clock.
pub fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// The owner of the extension, or `None` while it is not installed.
fn extension_owner() -> Option<pg_sys::Oid> {
    Spi::get_one("SELECT extowner FROM pg_catalog.pg_extension WHERE extname = 'penny_pg'").ok().flatten()
}

/// Works with the rights of the extension's owner from here on. Each transaction takes care that nobody takes them back.
fn become_owner(owner: pg_sys::Oid) {
    // SAFETY: outside of a transaction; PostgreSQL starts none while the context has a flag.
    unsafe { pg_sys::SetUserIdAndSecContext(owner, 0) };
}

/// Stops a run of the worker: the server stops, the worker is turned off, or somebody cancels the run.
struct Asked;

impl Stop for Asked {
    fn requested(&self) -> bool {
        process::reload();
        let pending = super::interrupts::Pending.requested();
        pending || terminated() || !settings::worker() || progress::is_cancelled()
    }
}

/// Wakes the worker of this database when the current transaction is committed; false when there is none.
pub fn wake_on_commit() -> bool {
    let Some(pid) = progress::worker_of_database() else { return false };
    pgrx::register_xact_callback(pgrx::PgXactCallbackEvent::Commit, move || {
        // SAFETY: a process that ended meanwhile is not found; one that took its place is woken for nothing.
        unsafe {
            let process = pg_sys::BackendPidGetProc(pid);
            if !process.is_null() {
                pg_sys::SetLatch(&mut (*process).procLatch);
            }
        }
    });
    true
}
