//! The launcher: in no database itself, it looks whether the database to work in exists and keeps a scheduler running in
//! it. So a database that is not there yet costs one line in the log and not one a minute.

use super::process::{self, LONGEST_SLEEP, Once, leave, sleep, terminated};
use super::{progress, scheduler, settings};
use pgrx::bgworkers::{BackgroundWorkerBuilder, BgWorkerStartTime, DynamicBackgroundWorker};
use pgrx::prelude::*;
use std::time::{Duration, Instant};

const LAUNCHER: &str = "penny_pg launcher";
/// How often something that is not there yet is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The pause before a scheduler that ended is started again. It doubles while they end at once.
const RESTART: Duration = Duration::from_secs(1);
const LONGEST_RESTART: Duration = Duration::from_secs(60);
/// A scheduler that ended sooner could not work at all.
const AT_ONCE: Duration = Duration::from_secs(10);

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

/// The process. Its scheduler outlives it when only the launcher is ended; the next launcher finds it.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn penny_pg_launcher(_argument: pg_sys::Datum) {
    process::begin(None);
    let said = Once::default();
    let mut scheduler: Option<DynamicBackgroundWorker> = None;
    let mut pause = RESTART;
    let mut started: Option<Instant> = None;
    while !terminated() {
        if scheduler.as_ref().is_some_and(|scheduler| scheduler.pid().is_ok()) {
            // Its end wakes this process.
            sleep(LONGEST_SLEEP);
            continue;
        }
        if let Some(start) = started.take() {
            pause = if start.elapsed() < AT_ONCE { (pause * 2).min(LONGEST_RESTART) } else { RESTART };
            wait(pause);
            continue;
        }
        scheduler = None;
        let database = settings::database();
        if progress::scheduler_of_server().is_some() {
            // The launcher before this one started it: nobody tells of its end.
        } else if !settings::worker() {
            said.say("the background worker is off (pennylane.worker)");
        } else if !exists(&database) {
            said.say(&format!("the background worker waits for the database \"{database}\" (pennylane.database)"));
        } else if let Some(new) = process::start(scheduler::SCHEDULER, "penny_pg_scheduler", 0) {
            said.forget();
            (scheduler, started) = (Some(new), Some(Instant::now()));
            continue;
        } else {
            said.say("no background worker could be started: raise max_worker_processes");
        }
        sleep(LOOK_AGAIN);
    }
    leave(1);
}

/// Waits this long, whatever wakes this process meanwhile.
fn wait(pause: Duration) {
    let start = Instant::now();
    while let Some(rest) = pause.checked_sub(start.elapsed())
        && !terminated()
    {
        sleep(rest);
    }
}

/// Whether there is a database of this name that takes connections. A process that is in no database may not use the
/// catalogue's indexes, which rules out the functions made for this: it reads the shared list from end to end.
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
            let name = std::ffi::CStr::from_ptr((*row).datname.data.as_ptr());
            // A limit of -2 is what a DROP DATABASE that was cut off leaves behind.
            let open = (*row).datallowconn && (*row).datconnlimit != -2;
            found |= open && name.to_bytes() == database.as_bytes();
        }
        pg_sys::heap_endscan(scan);
        pg_sys::table_close(list, share);
        pg_sys::CommitTransactionCommand();
        found
    }
}
