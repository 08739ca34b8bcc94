//! Looks whether the backend was asked to stop. It looks and never acts on a stop: the engine returns first, so that
//! its readers end and its values are dropped, and then [`raise`] lets PostgreSQL say what it was.

use crate::sync::ports::Stop;
use pgrx::pg_sys;

/// The pending flags of this backend.
pub struct Pending;

impl Stop for Pending {
    fn requested(&self) -> bool {
        // SAFETY: as PostgreSQL's own waits do when the postmaster is gone. Whoever stayed would keep the server from
        // starting again.
        unsafe {
            if i64::from(std::os::unix::process::parent_id()) != i64::from(pg_sys::PostmasterPid) {
                pg_sys::proc_exit(1);
            }
        }
        // SAFETY: flags of this process, set by its signal handlers and read on its main thread.
        let (any, cancel, die) =
            unsafe { (pg_sys::InterruptPending != 0, pg_sys::QueryCancelPending != 0, pg_sys::ProcDiePending != 0) };
        if any && !cancel && !die {
            // Something else wants attention (a barrier, a lost client, a memory report) and cannot wait for the end
            // of a long sync.
            pg_sys::check_for_interrupts!();
        }
        cancel || die
    }
}

/// Raises the interrupt that was seen: cancel, timeout or shutdown, in PostgreSQL's words.
pub fn raise() {
    pg_sys::check_for_interrupts!();
}
