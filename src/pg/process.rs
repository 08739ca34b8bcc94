//! What the background processes have in common: their start, their signals, their sleep, their end.

use super::{txn, version};
use crate::error::Result;
use pgrx::bgworkers::{
    BackgroundWorker, BackgroundWorkerBuilder, BgWorkerStartTime, DynamicBackgroundWorker, SignalWakeFlags,
};
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::time::Duration;

/// The longest sleep: clocks are set, settings change without a signal.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// Settings that a database or a role may have set for its sessions, and that would harm a background process: somebody
/// else's operators must never be found before PostgreSQL's own, and what it does is its own business to time and to write.
const ITS_OWN: [(&CStr, &CStr); 6] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"default_transaction_read_only", c"off"),
    (c"default_transaction_isolation", c"read committed"),
    (c"statement_timeout", c"0"),
    (c"lock_timeout", c"0"),
    (c"idle_in_transaction_session_timeout", c"0"),
];
/// PostgreSQL 17 brought it.
#[cfg(any(feature = "pg17", feature = "pg18"))]
const SINCE_17: &[(&CStr, &CStr)] = &[(c"transaction_timeout", c"0")];
#[cfg(not(any(feature = "pg17", feature = "pg18")))]
const SINCE_17: &[(&CStr, &CStr)] = &[];

thread_local! {
    /// SIGTERM was seen, or the server is gone.
    static TERMINATED: Cell<bool> = const { Cell::new(false) };
}

/// SIGTERM as in a session: statements and waits for locks end too.
unsafe extern "C-unwind" fn terminate(signal: i32) {
    // SAFETY: PostgreSQL's own handler, in a signal handler.
    unsafe { pg_sys::die(signal) }
}

/// Called first in a background process: `database` is where it works, `None` for none.
pub fn begin(database: Option<&str>) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    // SAFETY: before anything else is done; the settings are PostgreSQL's own.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(pg_sys::SIGTERM as i32, Some(terminate));
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(pg_sys::SIGTERM as i32, Some(terminate));
        BackgroundWorker::connect_worker_to_spi(database, None);
        for (name, value) in ITS_OWN.iter().chain(SINCE_17) {
            pg_sys::SetConfigOption(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_OVERRIDE,
            );
        }
    }
}

/// Starts a background process of this name that calls this function with a number. Its end wakes this process. `None`
/// when the server has no room for it (`max_worker_processes`).
pub fn start(name: &str, function: &str, argument: i64) -> Option<DynamicBackgroundWorker> {
    let started = BackgroundWorkerBuilder::new(name)
        .set_type(name)
        .set_library("penny_pg")
        .set_function(function)
        .set_argument(argument.into_datum())
        .enable_spi_access()
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(None)
        // SAFETY: a number of this process.
        .set_notify_pid(unsafe { pg_sys::MyProcPid })
        .load_dynamic()
        .ok()?;
    let _ = started.wait_for_startup();
    Some(started)
}

/// The owner of the extension's tables; `None` while it is not installed.
pub fn owner() -> Option<pg_sys::Oid> {
    let query = "SELECT c.relowner FROM pg_catalog.pg_extension e \
                 JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace AND c.relname = 'sync_state' \
                 WHERE e.extname = 'penny_pg'";
    Spi::get_one(query).ok().flatten()
}

/// Whose rights this process works with: those of the owner of the extension's tables.
#[derive(Default)]
pub struct Rights {
    owner: Option<pg_sys::Oid>,
}

impl Rights {
    /// Takes them, if that was not done yet; false while the extension is not installed. Outside of a transaction.
    ///
    /// # Errors
    /// `Setup` when the extension is installed in another version.
    pub fn take(&mut self) -> Result<bool> {
        let owner = txn::atomically("(a step of the worker)", || {
            let owner = owner();
            version::require_same().map(|()| owner)
        })?;
        if owner != self.owner
            && let Some(owner) = owner
        {
            // Each transaction takes care that nobody takes them back.
            // SAFETY: outside of a transaction; PostgreSQL starts none while the context has a flag.
            unsafe { pg_sys::SetUserIdAndSecContext(owner, 0) };
        }
        self.owner = owner;
        Ok(owner.is_some())
    }
}

/// Whether this process is to end. From then on nothing interrupts it: it has a word to write before.
pub fn terminated() -> bool {
    // SAFETY: flags of this process, on its main thread.
    unsafe {
        if pg_sys::ProcDiePending != 0 {
            pg_sys::ProcDiePending = 0;
            TERMINATED.set(true);
        }
    }
    TERMINATED.get()
}

/// Sleeps until a signal, a wake-up or the end of this time; reads the settings again when that was asked for.
pub fn sleep(time: Duration) {
    // SAFETY: flags of this process, on its main thread, outside of a transaction.
    unsafe {
        let _ = pg_sys::pgstat_report_stat(true);
        // A cancel that comes when nothing is done is for nobody, and the end has its own way.
        pg_sys::InterruptHoldoffCount += 1;
        let lives = BackgroundWorker::wait_latch(Some(time));
        pg_sys::InterruptHoldoffCount -= 1;
        pg_sys::QueryCancelPending = 0;
        if !lives {
            TERMINATED.set(true);
        }
    }
    if !terminated() {
        // What else was asked of every process of the server.
        pg_sys::check_for_interrupts!();
    }
    reload();
}

/// Reads the settings again when that was asked for.
pub fn reload() {
    if BackgroundWorker::sighup_received() {
        // SAFETY: between two statements, as PostgreSQL's own workers do.
        unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
    }
}

/// Cancels what these processes are doing.
pub fn cancel(processes: impl Iterator<Item = i32>) {
    for process in processes {
        // One that has ended meanwhile is not found.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), nix::sys::signal::Signal::SIGINT);
    }
}

/// Ends this process. With an exit code that is not 0 the launcher is started again, unless the server stops; that of
/// others is told in the log as a failure.
pub fn leave(code: i32) -> ! {
    // SAFETY: the way out of a background worker.
    unsafe { pg_sys::proc_exit(code) };
    #[allow(unreachable_code, reason = "the headers of PostgreSQL 18 do not say that it never returns")]
    {
        unreachable!("proc_exit returned")
    }
}

/// Says something once until something else is to be said.
#[derive(Default)]
pub struct Once(RefCell<String>);

impl Once {
    pub fn say(&self, text: &str) {
        if *self.0.borrow() != text {
            log!("penny_pg: {text}");
            *self.0.borrow_mut() = text.to_owned();
        }
    }

    pub fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
