//! A time after which a statement of somebody else is cancelled, and one after which its process ends.
//!
//! PostgreSQL's own timers and its own cancel: a statement that it could cancel by Ctrl-C ends in time.

use pgrx::pg_sys;
use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

// `utils/timeout.h`, which pgrx does not bind. None of the three raises an error.
unsafe extern "C-unwind" {
    fn RegisterTimeout(id: c_int, handler: unsafe extern "C-unwind" fn()) -> c_int;
    fn enable_timeout_after(id: c_int, delay_ms: c_int);
    fn disable_timeout(id: c_int, keep_indicator: bool);
}

/// Any number from `USER_TIMEOUT` on asks for a free timer. That is 10 in PostgreSQL 14 and 13 in 18.
const FREE_TIMER: c_int = 16;

/// The cancel of this process that was asked for last is ours.
static PASSED: AtomicBool = AtomicBool::new(false);
/// The end of this process that was asked for is ours.
static GAVE_UP: AtomicBool = AtomicBool::new(false);

/// A cancel as by Ctrl-C. Whoever asked for one before is told so.
unsafe extern "C-unwind" fn cancel() {
    // SAFETY: in a signal handler: flags of this process. PostgreSQL has set the latch.
    unsafe {
        if pg_sys::QueryCancelPending == 0 {
            PASSED.store(true, Ordering::Relaxed);
            pg_sys::QueryCancelPending = 1;
            pg_sys::InterruptPending = 1;
        }
    }
}

/// An end as by `pg_terminate_backend()`, which no function can catch.
unsafe extern "C-unwind" fn give_up() {
    // SAFETY: as above.
    unsafe {
        if pg_sys::ProcDiePending == 0 {
            GAVE_UP.store(true, Ordering::Relaxed);
            pg_sys::ProcDiePending = 1;
            pg_sys::InterruptPending = 1;
        }
    }
}

/// The two timers of this process.
fn timers() -> (c_int, c_int) {
    static TIMERS: OnceLock<(c_int, c_int)> = OnceLock::new();
    // SAFETY: once in this process, on its main thread. A process has ten such timers.
    *TIMERS.get_or_init(|| unsafe { (RegisterTimeout(FREE_TIMER, cancel), RegisterTimeout(FREE_TIMER, give_up)) })
}

/// While this value lives, its time runs.
pub struct Deadline(());

impl Deadline {
    /// `grace`: how much later this process ends; `None` leaves it to whoever waits for it.
    pub fn start(time: Duration, grace: Option<Duration>) -> Deadline {
        PASSED.store(false, Ordering::Relaxed);
        GAVE_UP.store(false, Ordering::Relaxed);
        let milliseconds = |time: Duration| c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX).max(1);
        let (cancel, give_up) = timers();
        // SAFETY: timers of this process.
        unsafe {
            enable_timeout_after(cancel, milliseconds(time));
            if let Some(grace) = grace {
                enable_timeout_after(give_up, milliseconds(time + grace));
            }
        }
        Deadline(())
    }
}

impl Drop for Deadline {
    /// A cancel that came when there was nothing left to cancel is not for the work that follows.
    fn drop(&mut self) {
        let (cancel, give_up) = timers();
        // SAFETY: timers and a flag of this process.
        unsafe {
            disable_timeout(cancel, false);
            disable_timeout(give_up, false);
            if PASSED.load(Ordering::Relaxed) {
                pg_sys::QueryCancelPending = 0;
            }
        }
        if !std::thread::panicking() {
            PASSED.store(false, Ordering::Relaxed);
        }
    }
}

/// Whether what was raised while the last deadline ran came when its time was over. Asked once.
pub fn has_passed() -> bool {
    PASSED.swap(false, Ordering::Relaxed)
}

/// Whether it is the last deadline that ends this process.
pub fn gave_up() -> bool {
    GAVE_UP.load(Ordering::Relaxed)
}
