//! A background worker: does the runs of one company, one after the other, until none is due.
//!
//! It runs the same rounds as the functions, with a transaction for each step and none while the network is waited for.

use super::companies::{self, Access};
use super::functions::{self, company_of, local_now, target_plan, with_api_for};
use super::lock::{Held, Running};
use super::log::{ServerLog, activity};
use super::process::{self, leave, terminated};
use super::progress::{self, Shown};
use super::runs::{self, Request};
use super::scheduler::{now, step};
use super::store::steps::InSteps;
use super::{settings, setup as tables, transform_runs};
use crate::error::{Error, Kind, Result};
use crate::schedule::Due;
use crate::secret::Token;
use crate::sync::ports::{Log, Stop};
use crate::sync::report::{self, Level, SyncType};
use crate::sync::round;
use crate::sync::table::Limits;
use pgrx::prelude::*;
use std::time::Instant;

/// Its name in `pg_stat_activity.backend_type`.
pub const WORKER: &str = "penny_pg worker";

/// The process. Its argument is the company; 0 is the server's token while nobody knows whose it is.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn penny_pg_worker(argument: pg_sys::Datum) {
    process::begin(Some(&settings::database()));
    let company = Some(argument.value() as i64).filter(|company| *company != 0);
    progress::i_work_for(company);
    let mut worker = Worker { company, behind: false };
    let mut rights = process::Rights::default();
    while !terminated() && settings::worker() {
        match rights.take().and_then(|installed| if installed { worker.next() } else { Ok(false) }) {
            Ok(true) | Err(Error::Interrupted) => {}
            Ok(false) => break,
            Err(error) => {
                ServerLog.line(Level::Warning, &format!("[ERREUR] {}", error.in_full()));
                break;
            }
        }
        // The scheduler gives the place to whoever waits longest.
        if progress::is_crowded() && !worker.behind {
            break;
        }
        activity("");
    }
    leave(0);
}

struct Worker {
    /// `None` until the server's token has told.
    company: Option<i64>,
    /// A load that was cut off has been brought to its end: its table is as old as its start, and its changes are due.
    behind: bool,
}

impl Worker {
    /// Does the next thing that is due; false when nothing is, or when it cannot be done now.
    fn next(&mut self) -> Result<bool> {
        let ways = step(companies::all)?;
        let Some(access) = ways.into_iter().find(|access| access.company == self.company) else { return Ok(false) };
        let company = self.company;
        if let Some(request) = step(|| runs::next_request(company))? {
            let done = self.requested(&access, &request);
            return settle(done, |error| runs::refuse(request.run, "error", &error.in_full()));
        }
        let past = step(|| runs::past(company))?;
        let behind = std::mem::take(&mut self.behind).then_some(Due::Incremental);
        let Some(due) = settings::timetable()?.due(now(), &past).or(behind) else { return Ok(false) };
        let sync_type = match due {
            Due::Incremental => SyncType::Incremental,
            Due::Full => SyncType::Full,
        };
        let done = self.run(&access, &|| target_plan(sync_type, None), None);
        settle(done, |error| runs::failed(company, sync_type, error))
    }

    /// Does what somebody asked for.
    fn requested(&mut self, access: &Access, request: &Request) -> Result<bool> {
        let sync_type = if request.mode == SyncType::Full.word() { SyncType::Full } else { SyncType::Incremental };
        self.run(access, &|| target_plan(sync_type, request.target.as_deref()), Some(request))
    }

    /// Does a round, a transaction a step; false when the token is of no use here.
    fn run(&mut self, access: &Access, plan: functions::Asked, request: Option<&Request>) -> Result<bool> {
        let start = Instant::now();
        let settings = step(|| access.settings())?;
        let _running = Running::start()?;
        let mut log = ServerLog;
        let mut ended = false;
        let done = with_api_for(&settings, Some(access), &Asked, &mut log, |ports, identity| {
            let asked = request.and_then(|request| request.company);
            let Some(company) = step(|| company_of(access, asked, &identity))? else {
                return spare(&settings.client.token, identity.me.company.id, request);
            };
            let _held = step(|| Held::take(company))?;
            step(|| companies::keep(access, &identity.me.company))?;
            // Not before it is one that everybody knows: the scheduler would give the server's token to another worker.
            self.company = Some(company);
            progress::i_work_for(self.company);
            let plan = &step(plan)?;
            step(|| tables::run_if_missing(&plan.tables()))?;
            tables::keep_up()?;
            let run = match request {
                None => step(|| runs::open(company, "schedule", plan.sync_type, plan.target))?,
                Some(request) if step(|| runs::start(request.run, company))? => request.run,
                // Cancelled while the API was asked whose token it is.
                Some(_) => return Ok(true),
            };
            let _shown = Shown::start(run.id, company);
            let started = step(|| Ok(local_now()))?;
            ports.log.line(Level::Step, &report::start_line(plan.sync_type, started));
            let limits = Limits { max_delete_percent: settings::max_delete_percent(), force_deletes: false };
            let done = round::run(plan, &identity, limits, &mut InSteps::new(company), ports);
            match done {
                Ok(done) => {
                    step(|| runs::close(run, company, &done))?;
                    ended = true;
                    for line in report::end_lines(&done.reports, start.elapsed()) {
                        ports.log.line(Level::Step, &line);
                    }
                    self.behind |= done.reports.iter().any(|report| report.resumed && report.error.is_none());
                    step(|| runs::prune(settings::history_days()))?;
                    Ok(true)
                }
                Err(Error::Interrupted) => {
                    let (status, words) = stopped();
                    undisturbed(|| runs::cut_off(run, plan, status, words))?;
                    ports.log.line(Level::Step, &format!("[END] Sync interrompue ({words})"));
                    Err(Error::Interrupted)
                }
                Err(error) => {
                    let words = error.in_full();
                    step(|| runs::cut_off(run, plan, "error", &words))?;
                    ended = true;
                    ports.log.line(Level::Warning, &format!("[ERREUR] {words}"));
                    Ok(true)
                }
            }
        });
        // Without the company: others may sync it meanwhile.
        if ended {
            transform_runs::after_run()?;
        }
        done
    }
}

/// Leaves the server's token alone, whose company has one of its own; whether to go on after that.
fn spare(token: &Token, company: i64, request: Option<&Request>) -> Result<bool> {
    progress::note_spare(token, company);
    let Some(request) = request else { return Ok(false) };
    let words = format!("the server's token is for company {company}, which has one of its own");
    step(|| runs::refuse(request.run, "cancelled", &words))?;
    Ok(true)
}

/// Whether to go on after a run; notes down why it could not begin.
fn settle(done: Result<bool>, note: impl FnOnce(&Error) -> Result<()>) -> Result<bool> {
    match done {
        // The scheduler tries again when the company may be free.
        Err(error) if error.kind() == Kind::Busy => Ok(false),
        Ok(_) | Err(Error::Interrupted) => done,
        Err(error) => {
            step(|| note(&error))?;
            ServerLog.line(Level::Warning, &format!("[ERREUR] {}", error.in_full()));
            Ok(true)
        }
    }
}

/// Notes how something ended. The scheduler cancels a worker that is turned off: a cancel that comes when the run has stopped
/// already is not for this.
fn undisturbed(work: impl Fn() -> Result<()>) -> Result<()> {
    match step(&work) {
        Err(Error::Interrupted) => step(&work),
        done => done,
    }
}

/// Status and words of a run that was stopped.
fn stopped() -> (&'static str, &'static str) {
    process::reload();
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

/// Stops a run of the worker: the server stops, the worker is turned off, or somebody cancels the run.
struct Asked;

impl Stop for Asked {
    fn requested(&self) -> bool {
        process::reload();
        let pending = super::interrupts::Pending.requested();
        pending || terminated() || !settings::worker() || progress::is_cancelled()
    }
}
