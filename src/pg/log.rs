//! Lines of a run to the session that called for it: NOTICE for steps, INFO while a long step moves. Those of the
//! background worker go to the server's log.

use super::progress;
use crate::sync::ports::{Log, Pages};
use crate::sync::report::Level;
use pgrx::prelude::*;
use std::borrow::Cow;

/// The log of a function call.
pub struct Notices;

impl Log for Notices {
    fn line(&mut self, level: Level, text: &str) {
        let text = &encodable(text);
        without_interrupts(|| match level {
            Level::Progress => info!("{text}"),
            Level::Step => notice!("{text}"),
            Level::Warning => warning!("{text}"),
        });
    }

    fn progress(&mut self, table: &str, pages: Option<Pages>) {
        progress::note(table, pages);
    }
}

/// The log of the background worker. What it does is also seen in `pg_stat_activity`.
pub struct ServerLog;

impl Log for ServerLog {
    fn line(&mut self, level: Level, text: &str) {
        activity(text);
        without_interrupts(|| match level {
            Level::Progress => debug1!("{text}"),
            Level::Step => log!("{text}"),
            Level::Warning => warning!("{text}"),
        });
    }

    fn progress(&mut self, table: &str, pages: Option<Pages>) {
        progress::note(table, pages);
    }
}

/// Shows in `pg_stat_activity` what this process does; nothing means that it waits.
pub fn activity(text: &str) {
    let state = match text {
        "" => pg_sys::BackendState::STATE_IDLE,
        _ => pg_sys::BackendState::STATE_RUNNING,
    };
    let text = std::ffi::CString::new(text).unwrap_or_default();
    // SAFETY: PostgreSQL copies the text.
    unsafe { pg_sys::pgstat_report_activity(state, text.as_ptr()) };
}

/// `errfinish` serves a pending interrupt when a message is out, and pgrx does not guard that call: the jump would skip
/// Rust's destructors, and with them the end of the readers. The engine looks for interrupts itself, a moment later.
fn without_interrupts(work: impl FnOnce()) {
    // SAFETY: what HOLD_INTERRUPTS and RESUME_INTERRUPTS do, on the main thread; a message below ERROR raises nothing
    // while they are held.
    unsafe {
        pg_sys::InterruptHoldoffCount += 1;
        work();
        pg_sys::InterruptHoldoffCount -= 1;
    }
}

/// A message that the client's encoding cannot hold would raise from the same unguarded call. ASCII fits every encoding.
fn encodable(text: &str) -> Cow<'_, str> {
    // SAFETY: a number of this session.
    let encoding = unsafe { pg_sys::pg_get_client_encoding() };
    if text.is_ascii() || encoding == pg_sys::pg_enc::PG_UTF8 as i32 {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect())
    }
}
