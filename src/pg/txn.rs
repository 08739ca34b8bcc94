//! Transactions and savepoints: the only place that begins, keeps or takes back one.

use super::report;
use crate::error::{Error, Result};
use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};
use std::panic::AssertUnwindSafe;

/// What became of the work inside a savepoint.
enum Outcome<T> {
    Returned(Result<T>),
    Raised(CaughtError),
}

/// Does work whole or not at all: in a savepoint of the caller's transaction, or where there is none (in a background
/// worker between two steps) in a transaction of its own.
pub fn atomically<T>(table: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    atomically_or(table, |_| None, work)
}

/// The same, where `explain` has its own error for what PostgreSQL raises, if only for some of it. What it explains is
/// contained, a cancel too.
pub fn atomically_or<T>(table: &str, explain: impl Explain, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if is_open() { savepoint(table, explain, work) } else { transaction(table, explain, work) }
}

/// Whether this process is inside of a transaction.
pub fn is_open() -> bool {
    // SAFETY: reads the state of this process.
    unsafe { pg_sys::IsTransactionState() }
}

/// What somebody makes of something that PostgreSQL raised.
pub trait Explain: FnOnce(&ErrorReportWithLevel) -> Option<Error> {}
impl<F: FnOnce(&ErrorReportWithLevel) -> Option<Error>> Explain for F {}

/// Runs work inside a transaction of its own: committed when it returns `Ok`, rolled back otherwise. What PostgreSQL
/// raises in it becomes an error of this table, and a cancel becomes `Interrupted`: nobody waits for an ERROR here.
fn transaction<T>(table: &str, explain: impl Explain, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: the order of PostgreSQL's own workers: start, snapshot, work, snapshot off, commit; whatever is raised
    // meanwhile ends in an abort, which cleans up all of it.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        // Whoever's trigger runs in here cannot take back the role that this process works as. PostgreSQL starts no
        // transaction with this flag on; an abort takes it off by itself.
        let (mut role, mut context) = (pg_sys::Oid::INVALID, 0);
        pg_sys::GetUserIdAndSecContext(&mut role, &mut context);
        pg_sys::SetUserIdAndSecContext(role, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
            let returned = work();
            if returned.is_ok() {
                pg_sys::PopActiveSnapshot();
                pg_sys::CommitTransactionCommand();
                pg_sys::SetUserIdAndSecContext(role, context);
            }
            Outcome::Returned(returned)
        }))
        .catch_others(Outcome::Raised)
        .catch_rust_panic(Outcome::Raised)
        .execute();
        if !matches!(outcome, Outcome::Returned(Ok(_))) {
            pg_sys::AbortCurrentTransaction();
        }
        // Nobody else does it in a background worker, and autovacuum would never hear of what it wrote.
        let _ = pg_sys::pgstat_report_stat(false);
        match outcome {
            Outcome::Returned(returned) => returned,
            Outcome::Raised(caught) => Err(match raised(&caught).and_then(explain) {
                Some(error) => error,
                None if is_cancel(&caught) => Error::Interrupted,
                None => table_error(table, caught),
            }),
        }
    }
}

/// What PostgreSQL raised, if it was PostgreSQL.
fn raised(caught: &CaughtError) -> Option<&ErrorReportWithLevel> {
    match caught {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => Some(report),
        CaughtError::RustPanic { .. } => None,
    }
}

fn is_cancel(caught: &CaughtError) -> bool {
    raised(caught).is_some_and(|raised| raised.sql_error_code() == PgSqlErrorCode::ERRCODE_QUERY_CANCELED)
}

/// Runs work inside a savepoint: kept when it returns `Ok`, taken back whole otherwise. What PostgreSQL raises in it
/// becomes an error of this table; a cancel or a shutdown goes on upwards.
fn savepoint<T>(table: &str, explain: impl Explain, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: the pattern of PL/pgSQL's exception blocks: the context and the resource owner of before the savepoint
    // are put back after its end, whichever end it takes.
    unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(context);
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| Outcome::Returned(work())))
            .catch_others(Outcome::Raised)
            .catch_rust_panic(Outcome::Raised)
            .execute();
        let keep = matches!(outcome, Outcome::Returned(Ok(_)));
        if keep {
            pg_sys::ReleaseCurrentSubTransaction();
        } else {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
        match outcome {
            Outcome::Returned(returned) => returned,
            Outcome::Raised(caught) => {
                Err(raised(&caught).and_then(explain).unwrap_or_else(|| table_error(table, caught)))
            }
        }
    }
}

/// Runs work in a savepoint with the rights of who called the function, where the function has its owner's.
pub fn as_caller<T>(table: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a number of this session.
    as_role(table, unsafe { pg_sys::GetOuterUserId() }, work)
}

/// Runs work in a savepoint with the rights of this role.
pub fn as_role<T>(table: &str, role: pg_sys::Oid, work: impl FnOnce() -> Result<T>) -> Result<T> {
    savepoint(
        table,
        |_| None,
        || {
            let _confined = Confined::to(role, Confinement::Whole);
            work()
        },
    )
}

/// The role whose rights count now.
pub fn current_role() -> pg_sys::Oid {
    // SAFETY: a number of this session.
    unsafe { pg_sys::GetUserId() }
}

/// While this value lives, nothing that code of others does outlasts it: no deferred trigger and no held cursor, which would
/// run later with the rights of who called, and no setting of the session. Nor does it take another role.
pub struct Confined {
    role: pg_sys::Oid,
    context: i32,
    level: i32,
}

/// How far code of others is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    Whole,
    /// For a statement that confines what it runs by itself, and makes a temporary table beside it.
    Role,
}

impl Confined {
    pub fn begin() -> Confined {
        Confined::to(current_role(), Confinement::Whole)
    }

    /// The same with the rights of this role.
    pub fn to(to: pg_sys::Oid, confinement: Confinement) -> Confined {
        let (mut role, mut context) = (pg_sys::Oid::INVALID, 0);
        let own = pg_sys::SECURITY_LOCAL_USERID_CHANGE
            | match confinement {
                Confinement::Whole => pg_sys::SECURITY_RESTRICTED_OPERATION,
                Confinement::Role => 0,
            };
        // SAFETY: what PostgreSQL's own maintenance does around code of others. An error takes both back with its
        // savepoint or transaction.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut role, &mut context);
            pg_sys::SetUserIdAndSecContext(to, context | own as i32);
            Confined { role, context, level: pg_sys::NewGUCNestLevel() }
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: see `to`.
            unsafe {
                pg_sys::AtEOXact_GUC(false, self.level);
                pg_sys::SetUserIdAndSecContext(self.role, self.context);
            }
        }
    }
}

/// Errors whose messages name processes, files and objects, never a value of a record: missing rights, deadlocks, locks,
/// disk, memory, connections; unknown relations, columns and functions, definitions that do not go together.
const WITHOUT_VALUES: [&str; 10] =
    ["42501", "40P01", "55P03", "53100", "53200", "58030", "42P01", "42703", "42883", "42P16"];
/// Where languages raise what a user's function wants to say.
const USERS_WORDS: [&str; 4] = ["pl_exec.c", "plpy_elog.c", "plperl.c", "pltcl.c"];

/// Whether this is in words that a user chose: under any SQLSTATE, and maybe of a record.
pub fn is_in_users_words(raised: &ErrorReportWithLevel) -> bool {
    USERS_WORDS.iter().any(|file| raised.file().ends_with(file))
}

/// The table's error of what PostgreSQL raised. The message of a bad value or of a trigger is left out: it may quote a
/// record.
fn table_error(table: &str, caught: CaughtError) -> Error {
    let Some(raised) = raised(&caught) else { caught.rethrow() };
    match raised.sql_error_code() {
        PgSqlErrorCode::ERRCODE_QUERY_CANCELED
        | PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN
        | PgSqlErrorCode::ERRCODE_CRASH_SHUTDOWN
        | PgSqlErrorCode::ERRCODE_DATABASE_DROPPED => caught.rethrow(),
        code => {
            let sqlstate = report::text(code);
            let words = if WITHOUT_VALUES.contains(&sqlstate.as_str()) && !is_in_users_words(raised) {
                format!(" ({})", crate::error::clean(raised.message()))
            } else {
                String::new()
            };
            Error::Write { table: table.to_owned(), sqlstate, words }
        }
    }
}

/// Runs something with settings that hold only meanwhile, those of administrators too.
pub fn with_settings<T>(settings: &[(&std::ffi::CStr, &std::ffi::CStr)], work: impl FnOnce() -> T) -> T {
    // SAFETY: settings saved under a nest level of our own; an error takes the level back with its savepoint or
    // transaction.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for (name, value) in settings {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
        let done = work();
        pg_sys::AtEOXact_GUC(true, level);
        done
    }
}

/// Refuses transactions in which a sync would be wrong.
///
/// # Errors
/// `Transaction` for REPEATABLE READ and SERIALIZABLE (their snapshot would not see what other sessions commit),
/// `ReadOnly` for a read-only transaction or a standby.
pub fn require_fresh_snapshots() -> Result<()> {
    // SAFETY: reads of this backend's transaction state.
    let (isolation, read_only) = unsafe { (pg_sys::XactIsoLevel, pg_sys::XactReadOnly) };
    if isolation >= pg_sys::XACT_REPEATABLE_READ as i32 {
        return Err(Error::Transaction);
    }
    if read_only {
        return Err(Error::ReadOnly);
    }
    Ok(())
}
