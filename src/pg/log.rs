//! Lines of a run to the session that called for it: NOTICE for steps, INFO while a long step moves.

use crate::sync::ports::Log;
use crate::sync::report::Level;
use pgrx::prelude::*;

/// The log of a function call.
pub struct Notices;

impl Log for Notices {
    fn line(&mut self, level: Level, text: &str) {
        match level {
            Level::Progress => info!("{text}"),
            Level::Step => notice!("{text}"),
            Level::Warning => warning!("{text}"),
        }
    }
}
