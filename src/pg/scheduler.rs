//! The scheduler: keeps one database in sync by itself.
//!
//! It waits for the extension and a token, and then starts a worker for each company whose run is due or was asked for
//! with `request_sync()`, a few at once. What starts it is in `launcher.rs`; the worker's part is in `worker.rs`.

use super::companies::{self, Access};
use super::log::activity;
use super::process::{self, LONGEST_SLEEP, Once, leave, sleep, terminated};
use super::runs::{self, OpenRun, Standing};
use super::{progress, settings, txn, worker};
use crate::error::{Error, Result};
use crate::schedule::Next;
use chrono::{DateTime, TimeDelta, Utc};
use pgrx::bgworkers::DynamicBackgroundWorker;
use pgrx::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Its name in `pg_stat_activity.backend_type`.
pub const SCHEDULER: &str = "penny_pg scheduler";
/// How often something that is not there yet (the extension, a token) is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A worker that ended sooner with its work undone could not do it: another session holds the company, or something is
/// wrong. The next one waits, longer each time.
const AT_ONCE: Duration = Duration::from_secs(10);
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The process.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn penny_pg_scheduler(_argument: pg_sys::Datum) {
    process::begin(Some(&settings::database()));
    progress::i_am_the_scheduler();
    let mut scheduler = Scheduler::default();
    while !terminated() && settings::worker() {
        let wait = scheduler.work();
        if !terminated() {
            activity("");
            sleep(wait);
        }
    }
    if !terminated() {
        // A worker that is at somebody's statement does not see that it was turned off.
        process::cancel(progress::in_hand().into_iter().map(|worker| worker.0));
    }
    leave(1);
}

/// Does something in a transaction of its own.
pub fn step<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    txn::atomically("(a step of the worker)", work)
}

/// A company whose turn it is, and how it stands.
type Turn = (Option<i64>, Standing);

/// A worker at work.
struct Started {
    worker: DynamicBackgroundWorker,
    at: Instant,
    /// How its company stood then.
    standing: Standing,
}

/// A company whose worker ended at once.
struct Rest {
    until: Instant,
    time: Duration,
}

#[derive(Default)]
struct Scheduler {
    said: Once,
    rights: process::Rights,
    workers: BTreeMap<Option<i64>, Started>,
    rests: BTreeMap<Option<i64>, Rest>,
    /// How often in a row something went wrong that could not even be noted down.
    troubles: u32,
}

impl Scheduler {
    /// Starts what is due, and says how long to wait for the next.
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
        if !self.rights.take()? {
            let database = settings::database();
            self.said.say(&format!("waiting for CREATE EXTENSION penny_pg in the database \"{database}\""));
            return Ok(LOOK_AGAIN);
        }
        let ended = self.ended();
        let in_hand = self.in_hand();
        let known: Vec<i64> = in_hand.iter().copied().flatten().collect();
        // A worker that learns its company just now may open a run of it meanwhile.
        if known.len() == in_hand.len() {
            step(|| runs::close_orphans(&known))?;
        }
        let ways = step(companies::all)?;
        let mut standings = step(runs::standings)?;
        let (wait, due) = self.due(&ways, &mut standings, &in_hand, &ended)?;
        let mut wait = if step(|| refuse(&ways, standings))? { Duration::ZERO } else { wait };
        // The end of a worker that the scheduler before this one started wakes nobody.
        if in_hand.iter().any(|company| !self.workers.contains_key(company)) {
            wait = wait.min(LOOK_AGAIN);
        }
        let room = settings::max_workers().saturating_sub(in_hand.len());
        progress::note_crowd(due.len() > room);
        let mut started = false;
        for (company, standing) in due.into_iter().take(room) {
            let Some(worker) = process::start(worker::WORKER, "penny_pg_worker", company.unwrap_or(0)) else {
                self.said.say("no background worker could be started: raise max_worker_processes");
                return Ok(wait.min(LOOK_AGAIN));
            };
            self.workers.insert(company, Started { worker, at: Instant::now(), standing });
            started = true;
        }
        if started {
            self.said.forget();
        }
        Ok(wait)
    }

    /// Takes the workers that ended off the list; how the companies stood whose worker ended at once.
    fn ended(&mut self) -> BTreeMap<Option<i64>, Standing> {
        let ended = self.workers.extract_if(.., |_, started| started.worker.pid().is_err());
        let at_once = ended.filter(|(_, started)| started.at.elapsed() < AT_ONCE);
        at_once.map(|(company, started)| (company, started.standing)).collect()
    }

    /// The companies that have a worker: of this scheduler, or of the one before it.
    fn in_hand(&self) -> Vec<Option<i64>> {
        let told = progress::in_hand();
        let is_new =
            |started: &Started| started.worker.pid().is_ok_and(|pid| !told.iter().any(|worker| worker.0 == pid));
        let new = self.workers.iter().filter(|(_, started)| is_new(started)).map(|(company, _)| *company);
        told.iter().map(|worker| worker.1).chain(new).collect()
    }

    /// The companies to start a worker for now, those that wait longest first, and how long to wait for the next one.
    /// Takes the standing of each out of the list.
    fn due(
        &mut self,
        ways: &[Access],
        standings: &mut BTreeMap<Option<i64>, Standing>,
        in_hand: &[Option<i64>],
        ended: &BTreeMap<Option<i64>, Standing>,
    ) -> Result<(Duration, Vec<Turn>)> {
        let timetable = settings::timetable()?;
        let mut wait = LONGEST_SLEEP;
        let mut due = Vec::new();
        if ways.is_empty() {
            self.said.say(&Error::TokenMissing("none is configured".into()).in_full());
            wait = LOOK_AGAIN;
        }
        for access in ways {
            let company = access.company;
            let standing = standings.remove(&company).unwrap_or_default();
            let Next { incremental, full } = timetable.next(now(), &standing.past);
            // What was asked for goes first, in the order of asking.
            let asked = standing.request.map(|run| DateTime::UNIX_EPOCH + TimeDelta::microseconds(run));
            let at = asked.unwrap_or(incremental.min(full));
            if in_hand.contains(&company) {
                continue;
            }
            if at > now() {
                self.rests.remove(&company);
                wait = wait.min((at - now()).to_std().unwrap_or_default());
                continue;
            }
            if access.is_servers() {
                // One that is not there is waited for in silence, and one that is of no use here is left alone.
                let needed = company.is_some() || standing.request.is_some();
                match settings::server_token().and_then(|token| Ok(needed || !step(|| companies::is_spare(&token))?)) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => {
                        self.said.say(&error.in_full());
                        wait = wait.min(LOOK_AGAIN);
                        continue;
                    }
                }
            }
            if ended.get(&company) == Some(&standing) {
                let time = self.rests.get(&company).map_or(FIRST_REST, |rest| (rest.time * 2).min(LONGEST_REST));
                self.rests.insert(company, Rest { until: Instant::now() + time, time });
            }
            match self.rests.get(&company).map(|rest| rest.until.saturating_duration_since(Instant::now())) {
                Some(rest) if !rest.is_zero() => wait = wait.min(rest),
                _ => due.push((at, company, standing)),
            }
        }
        // The largest of those that are due at the same time first: alone at the end it would keep the night long.
        due.sort_by_key(|(at, _, standing)| (*at, Reverse(standing.rows)));
        let due = due.into_iter().map(|(_, company, standing)| (company, standing));
        Ok((wait.max(Duration::from_millis(10)), due.collect()))
    }
}

/// Ends the oldest request for each company that there is no way to; these are their standings. True when there may be
/// more to do.
fn refuse(ways: &[Access], standings: BTreeMap<Option<i64>, Standing>) -> Result<bool> {
    let servers = ways.iter().find(|access| access.is_servers()).and_then(|access| access.company);
    let mut more = false;
    for (company, standing) in standings {
        let Some(request) = standing.request else { continue };
        more = true;
        // Those that name no company are for that of the server's token, which is known by now.
        let adopted = company.is_none() && servers.map(runs::adopt_requests).transpose()?.unwrap_or(false);
        if !adopted {
            runs::refuse(OpenRun { id: request }, "error", &companies::unknown(company, ways).in_full())?;
        }
    }
    Ok(more)
}

/// The server's clock.
pub fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// Wakes the scheduler of this database when the current transaction is committed; false when there is none.
pub fn wake_on_commit() -> bool {
    let Some(pid) = progress::scheduler_of_database() else { return false };
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
