//! Applies the transforms that a change waits for: in the caller's transaction, a savepoint each, or in the background
//! worker, a transaction each. Whatever they do, the sync has been done.

use super::deadline::{self, Deadline};
use super::interrupts::Pending;
use super::lock::{Running, Turn};
use super::log::{Notices, ServerLog, activity};
use super::transforms::{LIST, failed};
use super::txn::{self, Confined, Confinement};
use super::users_statement::{self, Kind};
use super::{companies, process, report, settings};
use crate::error::{Error, Result, clean};
use crate::sync::ports::{Log, Stop};
use crate::sync::report::Level;
use crate::transform;
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// How long a function may go on that was cancelled for its time, before its process ends.
const GRACE: Duration = Duration::from_secs(10);
/// How often those are looked for that other processes have noted changes for meanwhile.
const PASSES: u32 = 3;
/// What a function says is for who called, not for the server's log: it may be of records.
const QUIET: [(&CStr, &CStr); 1] = [(c"log_min_messages", c"fatal")];

/// Notes that these tables have changed, or any of them, for the transforms that wait for that.
pub fn note(run: Option<i64>, tables: Option<Vec<String>>) -> Result<()> {
    let query = "INSERT INTO pennylane._transform_marks (name, run_id) \
                 SELECT t.name, $1 FROM pennylane._transforms t WHERE $2 IS NULL OR t.tables && $2";
    txn::atomically(LIST, || Spi::run_with_args(query, &[run.into(), tables.into()]).map_err(failed))
}

/// Applies what waits at the end of a function call.
///
/// # Errors
/// `Interrupted`.
pub fn after_call() -> Result<()> {
    let _running = Running::start()?;
    // Row security looks at the session too: the statement of another role would find less than that role may see.
    let is_limited = || companies::seen_by_caller().map(|seen| seen.is_some());
    apply(&mut Notices, &Pending, is_limited)
}

/// Applies what waits after a run of the background worker. The caller has marked that a sync runs.
///
/// # Errors
/// `Interrupted`.
pub fn after_run() -> Result<()> {
    /// The server stops, or the worker is turned off.
    struct Over;
    impl Stop for Over {
        fn requested(&self) -> bool {
            process::reload();
            process::terminated() || !settings::worker()
        }
    }
    apply(&mut ServerLog, &Over, || Ok(false))
}

/// A transform that a change waits for.
struct Due {
    name: String,
    statement: CString,
    added_by: String,
    timeout: Duration,
    /// The changes, and the run of the last of them.
    marks: Vec<i64>,
    run: Option<i64>,
}

impl Due {
    fn newest(&self) -> i64 {
        self.marks.last().copied().unwrap_or_default()
    }
}

/// Those that a change waits for, in order of name.
fn due() -> Result<Vec<Due>> {
    let query = "SELECT t.name, t.statement, t.added_by::text, (extract(epoch FROM t.timeout) * 1000)::bigint, \
                     pg_catalog.array_agg(m.mark_id ORDER BY m.mark_id), pg_catalog.max(m.run_id) \
                 FROM pennylane._transforms t JOIN pennylane._transform_marks m ON m.name = t.name \
                 WHERE (SELECT r.status FROM pennylane.transform_runs r WHERE r.name = t.name \
                        ORDER BY r.transform_run_id DESC LIMIT 1) IS DISTINCT FROM 'suspended' \
                 GROUP BY t.name ORDER BY t.name COLLATE \"C\"";
    let read = || {
        Spi::connect_mut(|client| {
            let mut due = Vec::new();
            // What this transaction has noted counts too.
            for row in client.update(query, None, &[])? {
                due.push(Due {
                    name: row.get(1)?.unwrap_or_default(),
                    statement: CString::new(row.get::<String>(2)?.unwrap_or_default()).unwrap_or_default(),
                    added_by: row.get(3)?.unwrap_or_default(),
                    timeout: Duration::from_millis(row.get::<i64>(4)?.unwrap_or(0).unsigned_abs()),
                    marks: row.get(5)?.unwrap_or_default(),
                    run: row.get(6)?,
                });
            }
            Ok::<_, pgrx::spi::Error>(due)
        })
    };
    txn::atomically(LIST, || read().map_err(failed))
}

/// Applies what waits. Nothing that goes wrong is in the sync's way but an interrupt.
fn apply(log: &mut dyn Log, stop: &dyn Stop, is_limited: impl Fn() -> Result<bool>) -> Result<()> {
    match try_apply(log, stop, is_limited) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => {
            log.line(Level::Warning, &format!("[ERREUR] transforms: {}", error.in_full()));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn try_apply(log: &mut dyn Log, stop: &dyn Stop, is_limited: impl Fn() -> Result<bool>) -> Result<()> {
    if due()?.is_empty() {
        return Ok(());
    }
    if is_limited()? {
        log.line(Level::Step, "[SKIP] transforms: laisses a la prochaine synchronisation de toutes les societes");
        return Ok(());
    }
    let Some(_turn) = Turn::take()? else {
        log.line(
            Level::Warning,
            "[SKIP] transforms: une autre session les applique, la prochaine synchronisation reprend",
        );
        return Ok(());
    };
    txn::atomically(LIST, close_orphans)?;
    let mut tried = BTreeMap::<String, i64>::new();
    for _ in 0..PASSES {
        let mut after = String::new();
        // Read anew each time: one may have been dropped or changed meanwhile.
        while let Some(next) = due()?
            .into_iter()
            .find(|due| due.name > after && tried.get(&due.name).is_none_or(|newest| *newest < due.newest()))
        {
            if stop.requested() {
                return Err(Error::Interrupted);
            }
            tried.insert(next.name.clone(), next.newest());
            one(&next, log)?;
            after = next.name;
        }
        if after.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Applies one. What goes wrong is noted down.
fn one(due: &Due, log: &mut dyn Log) -> Result<()> {
    let start = Instant::now();
    let run = txn::atomically(LIST, || open(due))?;
    let prepared = Cell::new(false);
    let applied = {
        let alone = !txn::is_open();
        let _at_work = alone.then(|| AtWork::start(run, &due.name));
        txn::atomically_or(
            LIST,
            |raised| explain(due, prepared.get(), raised),
            || {
                let role = role(due)?;
                let run_it = || {
                    let confinement = match users_statement::kinds(&due.statement).as_slice() {
                        [Kind::ConcurrentRefresh] => Confinement::Role,
                        _ => Confinement::Whole,
                    };
                    let _confined = Confined::to(role, confinement);
                    // Only the worker has nothing to lose: its caller's work and session are not a transform's to end.
                    let _deadline = Deadline::start(due.timeout, alone.then_some(GRACE));
                    users_statement::run(&due.statement, &prepared)
                };
                let rows = users_statement::with_its_settings(|| txn::with_settings(&QUIET, run_it))?;
                close(run, "ok", rows, None)?;
                let applied = "DELETE FROM pennylane._transform_marks WHERE name = $1 AND mark_id = ANY ($2)";
                Spi::run_with_args(applied, &[due.name.as_str().into(), due.marks.clone().into()]).map_err(failed)?;
                Ok(rows)
            },
        )
    };
    match applied {
        Ok(rows) => log.line(Level::Step, &transform::done_line(&due.name, rows, start.elapsed())),
        Err(Error::Interrupted) => {
            txn::atomically(LIST, || close(run, "interrupted", None, Some("cancelled")))?;
            log.line(Level::Warning, &transform::failed_line(&due.name, "cancelled"));
            return Err(Error::Interrupted);
        }
        Err(error) => {
            let words = error.in_full();
            txn::atomically(LIST, || close(run, "error", None, Some(&words)))?;
            log.line(Level::Warning, &transform::failed_line(&due.name, &words));
        }
    }
    Ok(())
}

/// The error of what PostgreSQL raised; that of a cancel is ours only when the time was over.
fn explain(due: &Due, prepared: bool, raised: &ErrorReportWithLevel) -> Option<Error> {
    let has_passed = deadline::has_passed();
    let sqlstate = report::text(raised.sql_error_code());
    match raised.sql_error_code() {
        PgSqlErrorCode::ERRCODE_QUERY_CANCELED => has_passed.then_some(Error::Overrun(due.timeout)),
        _ if sqlstate.starts_with("57P") => None,
        _ => {
            // Until it is understood, nothing is said but what its own text says.
            let words = match raised.message() {
                _ if txn::is_in_users_words(raised) => None,
                message if prepared => transform::words(&sqlstate, message, &due.statement.to_string_lossy()),
                message => Some(clean(message)),
            };
            let words = words.map(|words| format!(" ({words})")).unwrap_or_default();
            Some(Error::Statement { sqlstate, words })
        }
    }
}

/// The role that a transform runs as.
///
/// # Errors
/// `Denied` when it is gone, or may not add transforms any more.
fn role(due: &Due) -> Result<pg_sys::Oid> {
    let query = "SELECT r.oid, pg_catalog.has_function_privilege(r.oid, \
                     'pennylane.add_transform(text, text, text[], interval)', 'EXECUTE') \
                 FROM pg_catalog.pg_roles r WHERE r.rolname = $1";
    let found = Spi::connect_mut(|client| {
        let Some(row) = client.update(query, None, &[due.added_by.as_str().into()])?.next() else { return Ok(None) };
        Ok::<_, pgrx::spi::Error>(row.get::<pg_sys::Oid>(1)?.zip(row.get::<bool>(2)?))
    });
    let because = match found.map_err(failed)? {
        Some((role, true)) => return companies::require_unlimited(role).map(|()| role),
        Some((_, false)) => "may not add transforms any more",
        None => "is gone",
    };
    Err(Error::Denied {
        message: format!("the role {:?}, which added it, {because}", due.added_by),
        hint: "Add it again as a role that may, or drop it: SELECT pennylane.drop_transform('...');".into(),
    })
}

fn open(due: &Due) -> Result<i64> {
    let query = "INSERT INTO pennylane.transform_runs (name, run_id, ran_as, status) VALUES ($1, $2, $3::name, 'running') \
                 RETURNING transform_run_id";
    let args = [due.name.as_str().into(), due.run.into(), due.added_by.as_str().into()];
    let run = Spi::get_one_with_args::<i64>(query, &args).map_err(failed)?;
    run.ok_or_else(|| failed("it took no row"))
}

fn close(run: i64, status: &str, rows: Option<u64>, message: Option<&str>) -> Result<()> {
    let query = "UPDATE pennylane.transform_runs SET finished_at = pg_catalog.clock_timestamp(), status = $2, rows = $3, \
                 message = $4 WHERE transform_run_id = $1";
    let args = [run.into(), status.into(), rows.map(|rows| rows as i64).into(), message.into()];
    Spi::run_with_args(query, &args).map_err(failed)
}

/// Closes what a process left open that ended without a word. It happens; from the second time in a row on the statement
/// may be what ends it, and the server with it.
fn close_orphans() -> Result<()> {
    let query = "UPDATE pennylane.transform_runs r SET \
                     status = CASE WHEN twice THEN 'suspended' ELSE 'interrupted' END, \
                     message = CASE WHEN twice THEN $2 ELSE $1 END \
                 FROM pennylane.transform_runs o \
                 CROSS JOIN LATERAL (SELECT coalesce(( \
                     SELECT p.status = 'interrupted' AND p.finished_at IS NULL FROM pennylane.transform_runs p \
                     WHERE p.name = o.name AND p.transform_run_id < o.transform_run_id \
                     ORDER BY p.transform_run_id DESC LIMIT 1), false) AS twice) AS before \
                 WHERE o.status = 'running' AND r.transform_run_id = o.transform_run_id";
    let once = "its process ended before it did. The next sync tries again.";
    let twice = "its process ended before it did, twice in a row. Look into the server's log, and add it again when it is mended.";
    Spi::run_with_args(query, &[once.into(), twice.into()]).map_err(failed)
}

/// Forgets the runs that are older than this, but the last one of each transform.
pub fn prune(days: i32) -> Result<()> {
    let query = "DELETE FROM pennylane.transform_runs r \
                 WHERE r.started_at < pg_catalog.clock_timestamp() - pg_catalog.make_interval(days => $1) \
                   AND NOT EXISTS (SELECT FROM pennylane._transforms t WHERE t.name = r.name \
                                   AND r.transform_run_id = (SELECT pg_catalog.max(l.transform_run_id) \
                                                             FROM pennylane.transform_runs l WHERE l.name = r.name))";
    txn::atomically(LIST, || Spi::run_with_args(query, &[days.into()]).map_err(failed))
}

/// The run that the background worker has in hand: closed when the process ends with it.
struct AtWork(());

static RUN: AtomicI64 = AtomicI64::new(0);
thread_local! { static NAME: RefCell<String> = const { RefCell::new(String::new()) } }

impl AtWork {
    fn start(run: i64, name: &str) -> AtWork {
        static CLOSES: AtomicBool = AtomicBool::new(false);
        if !CLOSES.swap(true, Ordering::Relaxed) {
            // SAFETY: while a transaction can still be begun, as for the temporary tables of a session.
            unsafe { pg_sys::before_shmem_exit(Some(close_at_exit), pg_sys::Datum::null()) };
        }
        activity(&transform::work_line(name));
        RUN.store(run, Ordering::Relaxed);
        NAME.set(name.to_owned());
        AtWork(())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        RUN.store(0, Ordering::Relaxed);
    }
}

/// Says what became of a transform whose process ends.
unsafe extern "C-unwind" fn close_at_exit(_code: i32, _argument: pg_sys::Datum) {
    let run = RUN.swap(0, Ordering::Relaxed);
    if run == 0 {
        return;
    }
    // SAFETY: as PostgreSQL does before it drops temporary tables: whatever was under way is over.
    unsafe { pg_sys::AbortOutOfAnyTransaction() };
    let (status, words) = if deadline::gave_up() {
        let words = format!(
            "it did not stop when its time was over, and its process was ended {} s later. Let its function not catch \
             query_canceled, and add it again.",
            GRACE.as_secs()
        );
        ("suspended", words)
    } else {
        ("interrupted", "its process was told to end. The next sync tries again.".to_owned())
    };
    let closed = txn::atomically(LIST, || close(run, status, None, Some(&words)));
    let words = closed.map_or_else(|error| error.in_full(), |()| words);
    ServerLog.line(Level::Warning, &transform::failed_line(&NAME.take(), &words));
}
