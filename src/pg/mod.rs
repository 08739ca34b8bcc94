//! The shell around the pure house: the only pgrx, the only `unsafe`, main thread only.

mod companies;
mod deadline;
mod doctor;
mod functions;
mod interrupts;
mod invoices;
mod launcher;
mod lock;
mod log;
mod optional;
mod process;
mod progress;
mod report;
mod requests;
mod runs;
mod scheduler;
mod settings;
mod setup;
mod shape;
mod sql;
mod statements;
mod store;
mod text_array;
mod tokens;
mod transform_runs;
mod transforms;
mod txn;
mod users_statement;
mod version;
mod views;
mod worker;

use pgrx::prelude::*;

pgrx::pg_module_magic!();

/// Called when the library is loaded: settings, and the background worker when the server starts. No thread and no socket
/// is made here.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    settings::define();
    // SAFETY: a flag of the server.
    if unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        progress::register();
        launcher::register();
    }
}

#[cfg(feature = "pg_test")]
mod backend_tests;
