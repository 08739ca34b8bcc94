//! What other processes can see and say of the runs: how far each is, which processes work in the background and for
//! whom, and that somebody wants a run to stop. In shared memory: what a transaction writes shows only at its end, and a
//! function call is one transaction from its first page to its last.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::companies;
use crate::catalogue::{EXPORTS, RESOURCES, data_tables};
use crate::secret::Token;
use crate::sync::ports::Pages;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PGRXSharedMemory, PgLwLock, pg_shmem_init};
use std::cell::Cell;

/// Runs that are shown at once; one more is not shown.
const SLOTS: usize = 128;
/// Workers at once: more than `pennylane.max_workers` allows.
const WORKERS: usize = 80;
const TABLES: usize = RESOURCES.len() + EXPORTS.len();

/// A table that is read.
#[derive(Clone, Copy)]
struct Reading {
    read: Pages,
    /// When its first page was written.
    started: pg_sys::TimestampTz,
}

/// A run under way.
#[derive(Clone, Copy)]
struct Slot {
    /// The process that does it.
    pid: i32,
    database: u32,
    run: i64,
    company: i64,
    /// A background worker does it.
    background: bool,
    /// Somebody called `cancel_run()`.
    cancelled: bool,
    /// In the order of the catalogue.
    tables: [Option<Reading>; TABLES],
}

/// A background worker and the company that it has in hand; 0 while nobody knows whose its token is.
#[derive(Clone, Copy)]
struct Worker {
    pid: i32,
    database: u32,
    company: i64,
}

#[derive(Clone, Copy)]
struct Shared {
    /// The scheduler: its process and its database.
    scheduler: Option<(i32, u32)>,
    /// A company is due and has no worker: there is no room for another one.
    crowded: bool,
    workers: [Option<Worker>; WORKERS],
    /// The server's token, by its fingerprint, and its company, when that was seen to have a token of its own.
    spare: Option<(u64, i64)>,
    runs: [Option<Slot>; SLOTS],
}

// SAFETY: plain values without a pointer.
unsafe impl PGRXSharedMemory for Shared {}

// SAFETY: nobody else uses this name.
static SHARED: PgLwLock<Shared> = unsafe { PgLwLock::new(c"penny_pg") };

thread_local! {
    /// The place of this process's run.
    static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    /// What this process shows is taken back at its end.
    static FORGETS: Cell<bool> = const { Cell::new(false) };
    /// The library was loaded when the server started: there is shared memory.
    static PRELOADED: Cell<bool> = const { Cell::new(false) };
}

/// Called when the library is preloaded.
#[allow(unexpected_cfgs, reason = "pgrx's macro asks for a version that it no longer has")]
pub fn register() {
    pg_shmem_init!(
        SHARED = Shared { scheduler: None, crowded: false, workers: [None; WORKERS], spare: None, runs: [None; SLOTS] }
    );
    // Inherited by every process of the server.
    PRELOADED.set(true);
}

/// Whether the library was loaded when the server started.
pub fn is_preloaded() -> bool {
    PRELOADED.get()
}

/// A run that others can see until this value goes.
pub struct Shown(());

impl Shown {
    /// Shows a run of this process.
    pub fn start(run: i64, company: i64) -> Shown {
        if PRELOADED.get() {
            forget_me_at_exit();
            // SAFETY: numbers of this process.
            let (pid, database) = unsafe { (pg_sys::MyProcPid, pg_sys::MyDatabaseId.to_u32()) };
            let mut shared = SHARED.exclusive();
            // A process that was terminated took nothing back.
            let place = shared.runs.iter().position(|slot| slot.is_none_or(|slot| slot.pid == pid || !lives(slot.pid)));
            if let Some(place) = place {
                let background = shared.workers.iter().flatten().any(|worker| worker.pid == pid);
                let tables = [None; TABLES];
                shared.runs[place] = Some(Slot { pid, database, run, company, background, cancelled: false, tables });
            }
            MINE.set(place);
        }
        Shown(())
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(place) = MINE.take() {
            SHARED.exclusive().runs[place] = None;
        }
    }
}

/// Notes that this process is the scheduler.
pub fn i_am_the_scheduler() {
    forget_me_at_exit();
    // SAFETY: numbers of this process.
    SHARED.exclusive().scheduler = Some(unsafe { (pg_sys::MyProcPid, pg_sys::MyDatabaseId.to_u32()) });
}

/// Notes whether companies wait for the end of a worker.
pub fn note_crowd(crowded: bool) {
    SHARED.exclusive().crowded = crowded;
}

/// Whether companies wait for the end of a worker.
pub fn is_crowded() -> bool {
    SHARED.share().crowded
}

/// Takes back what this process shows, when it ends: its number may be another one's soon.
unsafe extern "C-unwind" fn forget_me(_code: i32, _argument: pg_sys::Datum) {
    // SAFETY: a number of this process. Nothing ends it while it holds the lock.
    let pid = unsafe { pg_sys::MyProcPid };
    let mut shared = SHARED.exclusive();
    for worker in shared.workers.iter_mut().filter(|worker| worker.is_some_and(|worker| worker.pid == pid)) {
        *worker = None;
    }
    for slot in shared.runs.iter_mut().filter(|slot| slot.is_some_and(|slot| slot.pid == pid)) {
        *slot = None;
    }
    if shared.scheduler.is_some_and(|(scheduler, _)| scheduler == pid) {
        shared.scheduler = None;
    }
}

/// Has [`forget_me`] called at the end of this process.
fn forget_me_at_exit() {
    if !FORGETS.replace(true) {
        // SAFETY: while shared memory is still there.
        unsafe { pg_sys::before_shmem_exit(Some(forget_me), pg_sys::Datum::null()) };
    }
}

/// Notes that this process works for a company; `None` while nobody knows which.
pub fn i_work_for(company: Option<i64>) {
    forget_me_at_exit();
    // SAFETY: numbers of this process.
    let (pid, database) = unsafe { (pg_sys::MyProcPid, pg_sys::MyDatabaseId.to_u32()) };
    let mut shared = SHARED.exclusive();
    let workers = &mut shared.workers;
    let mine = workers.iter().position(|worker| worker.is_some_and(|worker| worker.pid == pid));
    let place = mine.or_else(|| workers.iter().position(|worker| worker.is_none_or(|worker| !lives(worker.pid))));
    if let Some(place) = place {
        workers[place] = Some(Worker { pid, database, company: company.unwrap_or(0) });
    }
}

/// The background workers of this database: their processes, and the companies that they have in hand; `None` is one
/// that nobody knows yet.
pub fn in_hand() -> Vec<(i32, Option<i64>)> {
    if !PRELOADED.get() {
        return Vec::new();
    }
    // SAFETY: a number of this process.
    let here = unsafe { pg_sys::MyDatabaseId.to_u32() };
    let workers = SHARED.share().workers;
    let here = workers.iter().flatten().filter(|worker| worker.database == here && lives(worker.pid));
    here.map(|worker| (worker.pid, (worker.company != 0).then_some(worker.company))).collect()
}

/// Notes that the server's token is for a company that has one of its own.
pub fn note_spare(token: &Token, company: i64) {
    SHARED.exclusive().spare = Some((token.fingerprint(), company));
}

/// The company that this token of the server was seen to be for, beside one of its own.
pub fn company_of_spare(token: &Token) -> Option<i64> {
    let spare = SHARED.share().spare;
    spare.filter(|(seen, _)| *seen == token.fingerprint()).map(|(_, company)| company)
}

/// The scheduler of this server, while it lives: its process and its database.
fn scheduler() -> Option<(i32, u32)> {
    if !PRELOADED.get() {
        return None;
    }
    let scheduler = SHARED.share().scheduler;
    scheduler.filter(|(pid, _)| lives(*pid))
}

/// The process of the scheduler, whatever its database.
pub fn scheduler_of_server() -> Option<i32> {
    scheduler().map(|(pid, _)| pid)
}

/// The process of the scheduler of this database.
pub fn scheduler_of_database() -> Option<i32> {
    // SAFETY: a number of this process.
    let here = unsafe { pg_sys::MyDatabaseId.to_u32() };
    scheduler().filter(|(_, database)| *database == here).map(|(pid, _)| pid)
}

/// Asks the background worker that does this run to stop it; false when none has it in hand.
pub fn cancel(run: i64) -> bool {
    if !PRELOADED.get() {
        return false;
    }
    // SAFETY: a number of this process.
    let here = unsafe { pg_sys::MyDatabaseId.to_u32() };
    let mut shared = SHARED.exclusive();
    let mine = |slot: &&mut Slot| slot.background && slot.database == here && slot.run == run && lives(slot.pid);
    shared.runs.iter_mut().flatten().find(mine).map(|slot| slot.cancelled = true).is_some()
}

/// Whether somebody asked this process to stop its run.
pub fn is_cancelled() -> bool {
    MINE.get().is_some_and(|mine| SHARED.share().runs[mine].is_some_and(|slot| slot.cancelled))
}

/// Whether there is such a process of this server.
fn lives(pid: i32) -> bool {
    // SAFETY: looks through the list of processes.
    !unsafe { pg_sys::BackendPidGetProc(pid) }.is_null()
}

/// Notes how far a table of this process's run is; nothing when it is over.
pub fn note(table: &str, pages: Option<Pages>) {
    let Some((mine, place)) = MINE.get().zip(data_tables().position(|known| known.name == table)) else { return };
    // SAFETY: the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    if let Some(slot) = &mut SHARED.exclusive().runs[mine] {
        let started = slot.tables[place].map_or(now, |reading| reading.started);
        slot.tables[place] = pages.map(|read| Reading { read, started });
    }
}

/// `pennylane._progress()`: the tables that the runs of this database read. The view `progress` shows them.
#[pg_extern(name = "_progress")]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
fn progress() -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(run_id, i64),
            name!(company_id, i64),
            name!(table_name, String),
            name!(pages, i64),
            name!(rows, i64),
            name!(whole, bool),
            name!(started_at, TimestampWithTimeZone),
        ),
    >,
    ErrorReport,
> {
    let seen = companies::seen_by_caller()?;
    let is_seen = |slot: &&Slot| seen.as_ref().is_none_or(|seen| seen.contains(&slot.company));
    let mut rows = Vec::new();
    if PRELOADED.get() {
        // SAFETY: a number of this process.
        let here = unsafe { pg_sys::MyDatabaseId.to_u32() };
        let runs = SHARED.share().runs;
        for slot in runs.iter().flatten().filter(|slot| slot.database == here && lives(slot.pid)).filter(is_seen) {
            for (table, reading) in data_tables().zip(slot.tables) {
                let Some(Reading { read, started }) = reading else { continue };
                let Ok(started) = TimestampWithTimeZone::try_from(started) else { continue };
                let (name, pages) = (table.name.to_owned(), read.pages.into());
                rows.push((slot.run, slot.company, name, pages, read.rows as i64, read.whole, started));
            }
        }
    }
    Ok(TableIterator::new(rows))
}
