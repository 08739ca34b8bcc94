//! The background worker: keeps one database in sync by itself.
//!
//! A launcher that is in no database looks whether the worker's database exists and keeps a worker running in it; so a
//! database that is not there yet costs one line in the log and not one a minute. The worker waits for the extension and
//! the token, and then does what the schedule says, or what somebody asked for with `request_sync()`. It runs the same
//! rounds as the functions, with a transaction for each step and none while the network is waited for.

use super::functions::{local_now, target_plan, with_api_for};
use super::lock::Held;
use super::log::{ServerLog, activity};
use super::progress::Shown;
use super::runs::{self, OpenRun};
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
use pgrx::bgworkers::{
    BackgroundWorker, BackgroundWorkerBuilder, BgWorkerStartTime, DynamicBackgroundWorker, SignalWakeFlags,
};
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The names in `pg_stat_activity.backend_type`.
pub const WORKER: &str = "penny_pg worker";
const LAUNCHER: &str = "penny_pg launcher";
/// How often something that is not there yet (a database, the extension, a token) is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The longest sleep: clocks are set, settings change without a signal.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);
/// How long a process that died waits for its next start.
const RESTART: Duration = Duration::from_secs(1);
/// How long a run waits for a company that another session holds.
const BUSY: Duration = Duration::from_secs(5);

thread_local! {
    /// SIGTERM was seen. pgrx forgets a signal once it was asked for it.
    static TERMINATED: Cell<bool> = const { Cell::new(false) };
}

/// Called when the library is preloaded.
pub fn register() {
    // pg_upgrade moves the database: nobody may write to it meanwhile.
    // SAFETY: a flag of the server.
    if unsafe { pg_sys::IsBinaryUpgrade } {
        return;
    }
    BackgroundWorkerBuilder::new(LAUNCHER)
        .set_type(LAUNCHER)
        .set_library("penny_pg")
        .set_function("penny_pg_launcher")
        .enable_spi_access()
        // Never on a standby: it may not write there. After a promotion it starts.
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(Some(RESTART))
        .load();
}

/// Whether this process is to end.
fn terminated() -> bool {
    if BackgroundWorker::sigterm_received() {
        TERMINATED.set(true);
    }
    TERMINATED.get()
}

/// Sleeps until a signal, a wake-up or the end of this time; reads the settings again when that was asked for.
fn sleep(time: Duration) {
    // SAFETY: a flag of this process, on its main thread, outside of a transaction.
    unsafe {
        // A cancel that came after its run had ended is for nobody.
        pg_sys::QueryCancelPending = 0;
        let _ = pg_sys::pgstat_report_stat(true);
    }
    if !BackgroundWorker::wait_latch(Some(time)) {
        TERMINATED.set(true);
    }
    if BackgroundWorker::sighup_received() {
        // SAFETY: outside of a transaction, as in PostgreSQL's own workers.
        unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
    }
}

/// Ends this process. With an exit code that is not 0 it is started again, unless the server stops.
fn leave() -> ! {
    // SAFETY: the way out of a background worker.
    unsafe { pg_sys::proc_exit(1) };
    #[allow(unreachable_code, reason = "the headers of PostgreSQL 18 do not say that it never returns")]
    {
        unreachable!("proc_exit returned")
    }
}

/// Says something once until something else is to be said.
struct Once(RefCell<String>);

impl Once {
    fn say(&self, text: &str) {
        if *self.0.borrow() != text {
            log!("penny_pg: {text}");
            *self.0.borrow_mut() = text.to_owned();
        }
    }

    fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

/// The launcher: keeps a worker running in the database of `pennylane.database`.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn penny_pg_launcher(_argument: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    BackgroundWorker::connect_worker_to_spi(None, None);
    let said = Once(RefCell::default());
    let mut worker: Option<DynamicBackgroundWorker> = None;
    while !terminated() {
        let running = worker.as_ref().is_some_and(|worker| worker.pid().is_ok());
        if running {
            sleep(LONGEST_SLEEP);
            continue;
        }
        let database = settings::database();
        if !settings::worker() {
            said.say("the background worker is off (pennylane.worker)");
        } else if !exists(&database) {
            said.say(&format!("the background worker waits for the database \"{database}\" (pennylane.database)"));
        } else {
            said.forget();
            worker = start();
        }
        // A worker that ended at once is not started again at once.
        sleep(if worker.is_some() { RESTART } else { LOOK_AGAIN });
    }
    leave();
}

/// Whether there is a database of this name. A process that is in no database may not use the catalogue's indexes, which
/// rules out the functions made for this: it reads the shared list from end to end.
fn exists(database: &str) -> bool {
    // SAFETY: as PostgreSQL's autovacuum launcher reads the same list; what is opened is closed before the commit.
    unsafe {
        pg_sys::StartTransactionCommand();
        pg_sys::GetTransactionSnapshot();
        let share = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let list = pg_sys::table_open(pg_sys::DatabaseRelationId, share);
        let scan = pg_sys::table_beginscan_catalog(list, 0, std::ptr::null_mut());
        let mut found = false;
        loop {
            let tuple = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if tuple.is_null() {
                break;
            }
            let row = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>();
            found |= std::ffi::CStr::from_ptr((*row).datname.data.as_ptr()).to_bytes() == database.as_bytes();
        }
        pg_sys::heap_endscan(scan);
        pg_sys::table_close(list, share);
        pg_sys::CommitTransactionCommand();
        found
    }
}

fn start() -> Option<DynamicBackgroundWorker> {
    let started = BackgroundWorkerBuilder::new(WORKER)
        .set_type(WORKER)
        .set_library("penny_pg")
        .set_function("penny_pg_worker")
        .enable_spi_access()
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(None)
        // SAFETY: a number of this process; the end of the worker wakes it.
        .set_notify_pid(unsafe { pg_sys::MyProcPid })
        .load_dynamic();
    match started {
        Ok(worker) => {
            let _ = worker.wait_for_startup();
            Some(worker)
        }
        Err(_) => {
            warning!("penny_pg: no background worker could be started: raise max_worker_processes");
            None
        }
    }
}

/// The worker of a database.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn penny_pg_worker(_argument: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    BackgroundWorker::connect_worker_to_spi(Some(&settings::database()), None);
    let mut worker = Worker { said: Once(RefCell::default()), owned: false, behind: false };
    while !terminated() {
        if !settings::worker() {
            leave();
        }
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

struct Worker {
    said: Once,
    /// This process works as the extension's owner, and the runs of the one before it are closed.
    owned: bool,
    /// A load that was cut off has been brought to its end: its table is as old as its start, and its changes are due.
    behind: bool,
}

impl Worker {
    /// Does what is due, one thing at a time, and says how long to wait for the next.
    fn work(&mut self) -> Duration {
        match self.next() {
            Ok(wait) => wait,
            Err(Error::Interrupted) => Duration::ZERO,
            Err(error) => {
                self.said.say(&format!("{error}. {}", error.hint()));
                LOOK_AGAIN
            }
        }
    }

    fn next(&mut self) -> Result<Duration> {
        let Some(owner) = step(|| Ok(extension_owner()))? else {
            self.owned = false;
            self.said
                .say(&format!("waiting for CREATE EXTENSION penny_pg in the database \"{}\"", settings::database()));
            return Ok(LOOK_AGAIN);
        };
        if !self.owned {
            become_owner(owner);
            self.owned = true;
            step(runs::close_orphans)?;
        }
        if let Err(error) = settings::snapshot() {
            self.said.say(&format!("{error}. {}", error.hint()));
            return Ok(LOOK_AGAIN);
        }
        self.said.forget();
        if let Some(request) = step(runs::next_request)? {
            return self.requested(request);
        }
        let past = step(runs::past)?;
        let timetable = settings::timetable()?;
        let Some(due) = timetable.due(now(), &past).or(self.behind.then_some(Due::Incremental)) else {
            let Next { incremental, full } = timetable.next(now(), &past);
            let wait = (incremental.min(full) - now()).to_std().unwrap_or(Duration::ZERO);
            return Ok(wait.clamp(Duration::from_millis(10), LONGEST_SLEEP));
        };
        let sync_type = match due {
            Due::Incremental => SyncType::Incremental,
            Due::Full => SyncType::Full,
        };
        match run(&Plan::whole(sync_type), None) {
            Ok(resumed) => {
                self.behind = resumed;
                Ok(Duration::ZERO)
            }
            Err(Error::Busy { .. }) => Ok(BUSY),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                ServerLog.line(Level::Warning, &format!("[ERREUR] {error}. {}", error.hint()));
                step(|| runs::failed(sync_type, &error))?;
                Ok(Duration::ZERO)
            }
        }
    }

    /// Does what somebody asked for.
    fn requested(&mut self, request: runs::Request) -> Result<Duration> {
        let sync_type = if request.mode == SyncType::Full.word() { SyncType::Full } else { SyncType::Incremental };
        let done = target_plan(sync_type, request.target.as_deref()).and_then(|plan| run(&plan, Some(request.run)));
        match done {
            Ok(resumed) => {
                self.behind |= resumed;
                Ok(Duration::ZERO)
            }
            Err(Error::Busy { .. }) => Ok(BUSY),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                ServerLog.line(Level::Warning, &format!("[ERREUR] {error}. {}", error.hint()));
                let words = format!("{error}. {}", error.hint());
                step(|| runs::end(request.run, "error", None, Some(&words)))?;
                Ok(Duration::ZERO)
            }
        }
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

/// Works with the rights of the extension's owner from here on; no statement can take them back.
fn become_owner(owner: pg_sys::Oid) {
    // SAFETY: as PostgreSQL does when it runs something for somebody else, outside of a transaction.
    unsafe { pg_sys::SetUserIdAndSecContext(owner, pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32) };
}

/// Stops a run of the worker: the server stops, or somebody cancels it.
struct Asked;

impl Stop for Asked {
    fn requested(&self) -> bool {
        super::interrupts::Pending.requested() || terminated()
    }
}

/// Does a round, a transaction a step; true when it ended a load that had been cut off.
fn run(plan: &Plan, asked_for: Option<OpenRun>) -> Result<bool> {
    let start = Instant::now();
    let settings = settings::snapshot()?;
    let mut log = ServerLog;
    with_api_for(&settings, &Asked, &mut log, |ports, identity| {
        let company = identity.me.company.id;
        let _held = step(|| Held::take(company))?;
        step(|| tables::run_if_missing(&plan.tables()))?;
        let run = match asked_for {
            Some(run) => step(|| runs::start(run, company)).map(|()| run)?,
            None => step(|| runs::open(company, "schedule", plan.sync_type, plan.target()))?,
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
                step(|| runs::prune(settings::history_days()))?;
                Ok(done.reports.iter().any(|report| report.resumed))
            }
            Err(Error::Interrupted) => {
                // SAFETY: a flag of this process; the cancel has been heard.
                unsafe { pg_sys::QueryCancelPending = 0 };
                let (status, words) =
                    if terminated() { ("interrupted", "the server stopped") } else { ("cancelled", "cancelled") };
                step(|| runs::end(run, status, None, Some(words)))?;
                ports.log.line(Level::Step, &format!("[END] Sync interrompue ({words})"));
                Err(Error::Interrupted)
            }
            Err(error) => {
                let words = format!("{error}. {}", error.hint());
                step(|| runs::end(run, "error", None, Some(&words)))?;
                ports.log.line(Level::Warning, &format!("[ERREUR] {error}. {}", error.hint()));
                Ok(false)
            }
        }
    })
}

/// The worker of this database, when there is one.
pub fn process() -> Option<i32> {
    let query = "SELECT pid FROM pg_catalog.pg_stat_activity \
                 WHERE backend_type = $1 AND datname = pg_catalog.current_database() LIMIT 1";
    Spi::get_one_with_args::<i32>(query, &[WORKER.into()]).ok().flatten()
}

/// Wakes the worker of this database when the current transaction is committed; false when there is none.
pub fn wake_on_commit() -> bool {
    let Some(pid) = process() else { return false };
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

/// Cancels what the worker of this database does; false when there is none.
pub fn cancel() -> bool {
    let Some(pid) = process() else { return false };
    Spi::get_one_with_args::<bool>("SELECT pg_catalog.pg_cancel_backend($1)", &[pid.into()]).ok().flatten()
        == Some(true)
}
