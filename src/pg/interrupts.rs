//! Looks whether the backend was asked to stop. It looks and never acts on a stop: the engine returns first, so that
//! its readers end and its values are dropped, and then [`raise`] lets PostgreSQL say what it was.

use crate::sync::ports::Stop;
use pgrx::pg_sys;

/// The pending flags of this backend.
pub struct Pending;

impl Stop for Pending {
    fn requested(&self) -> bool {
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
