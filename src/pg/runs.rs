//! The run log: a row when a run is asked for or starts, its end and its tables when it closes.

use super::{transform_runs, txn};
use crate::error::{Error, Result};
use crate::schedule::Past;
use crate::sync::report::{Status, SyncType};
use crate::sync::round::{Plan, Round};
use chrono::DateTime;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// Where an error of the log itself is told.
const LOG: &str = "sync_runs";

/// A run that is under way.
#[derive(Debug, Clone, Copy)]
pub struct OpenRun {
    /// Its number in `sync_runs`.
    pub id: i64,
}

/// A run that somebody asked the background worker for.
#[derive(Debug)]
pub struct Request {
    pub run: OpenRun,
    /// The company that it is for; `None` when the caller named none.
    pub company: Option<i64>,
    pub mode: String,
    pub target: Option<String>,
}

fn log_error(error: pgrx::spi::Error) -> Error {
    Error::Setup {
        message: format!("the run log cannot be written: {error}"),
        hint: "Look at the tables pennylane.sync_runs and pennylane.sync_run_tables.".into(),
    }
}

/// Notes that a run starts.
pub fn open(company: i64, trigger: &str, sync_type: SyncType, target: Option<&str>) -> Result<OpenRun> {
    let query = "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, target, status) \
                 VALUES ($1, $2, $3, $4, 'running') RETURNING run_id";
    let args = [company.into(), trigger.into(), sync_type.word().into(), target.into()];
    txn::atomically(LOG, || {
        let id = Spi::get_one_with_args::<i64>(query, &args).map_err(log_error)?;
        id.map(|id| OpenRun { id }).ok_or_else(|| Error::Setup {
            message: "the run log took no row".into(),
            hint: "Look for triggers on pennylane.sync_runs.".into(),
        })
    })
}

/// Notes that somebody asks for a run, and gives its number.
pub fn queue(company: Option<i64>, sync_type: SyncType, target: Option<&str>) -> Result<i64> {
    let query = "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, target, status) \
                 VALUES ($1, 'request', $2, $3, 'queued') RETURNING run_id";
    let args = [company.into(), sync_type.word().into(), target.into()];
    Ok(Spi::get_one_with_args::<i64>(query, &args).map_err(log_error)?.unwrap_or_default())
}

/// Takes back a run that waits for the worker; false when it does not wait any more.
pub fn cancel_queued(run_id: i64) -> Result<bool> {
    let query = "WITH gone AS (UPDATE pennylane.sync_runs SET status = 'cancelled', \
                 finished_at = pg_catalog.clock_timestamp() WHERE run_id = $1 AND status = 'queued' RETURNING 1) \
                 SELECT EXISTS (SELECT FROM gone)";
    Ok(Spi::get_one_with_args::<bool>(query, &[run_id.into()]).map_err(log_error)?.unwrap_or(false))
}

/// Notes that a run that was asked for starts; false when it was cancelled meanwhile.
pub fn start(run: OpenRun, company: i64) -> Result<bool> {
    let query = "WITH begun AS (UPDATE pennylane.sync_runs SET company_id = $2, status = 'running', \
                 started_at = pg_catalog.clock_timestamp() WHERE run_id = $1 AND status = 'queued' RETURNING 1) \
                 SELECT EXISTS (SELECT FROM begun)";
    let begun = Spi::get_one_with_args::<bool>(query, &[run.id.into(), company.into()]);
    Ok(begun.map_err(log_error)?.unwrap_or(false))
}

/// Notes why a run that was asked for does not begin, unless it was cancelled meanwhile.
pub fn refuse(run: OpenRun, status: &str, words: &str) -> Result<()> {
    let queued = "SELECT EXISTS (SELECT FROM pennylane.sync_runs WHERE run_id = $1 AND status = 'queued')";
    if Spi::get_one_with_args::<bool>(queued, &[run.id.into()]).map_err(log_error)? == Some(true) {
        end(run, status, None, Some(words))?;
    }
    Ok(())
}

/// Notes how a run ended, table by table, and what it changed.
pub fn close(run: OpenRun, company: i64, done: &Round) -> Result<()> {
    let line = "INSERT INTO pennylane.sync_run_tables (run_id, company_id, table_name, sync_type, status, inserted, \
                updated, deleted, unchanged, requests, duration, message) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let reports = done.reports.as_slice();
    let worst = [Status::Error, Status::Partial, Status::Skipped]
        .into_iter()
        .find(|status| reports.iter().any(|report| report.status == *status))
        .unwrap_or(Status::Ok);
    let failed: Vec<&str> =
        reports.iter().filter(|report| report.status == Status::Error).map(|report| report.table).collect();
    let error = (!failed.is_empty()).then(|| format!("failed: {}", failed.join(", ")));
    txn::atomically(LOG, || {
        for report in reports {
            let args = [
                run.id.into(),
                company.into(),
                report.table.into(),
                report.sync_type.word().into(),
                report.status.word().into(),
                (report.merged.inserted as i64).into(),
                (report.merged.updated as i64).into(),
                (report.deleted as i64).into(),
                (report.merged.unchanged as i64).into(),
                (report.requests as i32).into(),
                Interval::try_from(report.duration).ok().into(),
                report.message.clone().into(),
            ];
            Spi::run_with_args(line, &args).map_err(log_error)?;
        }
        let changed = done.changed.iter().map(|table| (*table).to_owned()).collect();
        transform_runs::note(Some(run.id), Some(changed))?;
        end(run, worst.word(), Some(done.requests), error.as_deref())
    })
}

/// Notes how a run ended that tells nothing of tables, and tells listeners what is wrong that was not wrong before.
pub fn end(run: OpenRun, status: &str, requests: Option<u32>, error: Option<&str>) -> Result<()> {
    let query = "UPDATE pennylane.sync_runs SET finished_at = pg_catalog.clock_timestamp(), status = $2, requests = $3, \
                 error = $4 WHERE run_id = $1";
    let args = [run.id.into(), status.into(), requests.map(|count| count as i32).into(), error.into()];
    txn::atomically(LOG, || {
        Spi::run_with_args(query, &args).map_err(log_error)?;
        if error.is_none() { Ok(()) } else { execute("SELECT pennylane._alert($1)", &[run.id.into()]) }
    })
}

/// The same for a run that may have changed any of its tables before it ended.
pub fn cut_off(run: OpenRun, plan: &Plan, status: &str, error: &str) -> Result<()> {
    txn::atomically(LOG, || {
        let tables = plan.tables().into_iter().map(str::to_owned).collect();
        transform_runs::note(Some(run.id), Some(tables))?;
        end(run, status, None, Some(error))
    })
}

/// Notes a scheduled run that could not even start.
pub fn failed(company: Option<i64>, sync_type: SyncType, error: &Error) -> Result<()> {
    let query = "WITH failed AS (INSERT INTO pennylane.sync_runs (company_id, trigger, mode, status, finished_at, error) \
                 VALUES ($1, 'schedule', $2, 'error', pg_catalog.clock_timestamp(), $3) RETURNING run_id) \
                 SELECT run_id FROM failed";
    let words = error.in_full();
    txn::atomically(LOG, || {
        let args = [company.into(), sync_type.word().into(), words.into()];
        let id = Spi::get_one_with_args::<i64>(query, &args).map_err(log_error)?;
        execute("SELECT pennylane._alert($1)", &[id.into()])
    })
}

/// Closes the runs that a worker left open when it was stopped: those of companies that no worker has in hand. Those of
/// functions are never seen open. What they changed nobody knows.
pub fn close_orphans(in_hand: &[i64]) -> Result<()> {
    let query = "WITH closed AS (UPDATE pennylane.sync_runs \
                     SET status = 'interrupted', finished_at = pg_catalog.clock_timestamp() \
                     WHERE status = 'running' AND company_id <> ALL ($1) RETURNING run_id) \
                 SELECT pg_catalog.max(run_id) FROM closed";
    txn::atomically(LOG, || {
        let closed = Spi::get_one_with_args::<i64>(query, &[in_hand.to_vec().into()]).map_err(log_error)?;
        closed.map_or(Ok(()), |run| transform_runs::note(Some(run), None))
    })
}

/// The oldest run that somebody asked for and that this worker can do: one of its company, or with the server's token
/// one of a company that nobody knows yet.
pub fn next_request(company: Option<i64>) -> Result<Option<Request>> {
    let query = "SELECT r.run_id, r.company_id, r.mode, r.target FROM pennylane.sync_runs r WHERE r.status = 'queued' \
                   AND CASE WHEN $1 IS NULL \
                       THEN NOT EXISTS (SELECT FROM pennylane.companies c WHERE c.company_id = r.company_id) \
                       ELSE r.company_id = $1 END \
                 ORDER BY r.run_id LIMIT 1";
    txn::atomically(LOG, || {
        let found = Spi::connect(|client| {
            let Some(row) = client.select(query, None, &[company.into()])?.next() else { return Ok(None) };
            let run = OpenRun { id: row.get(1)?.unwrap_or_default() };
            let (company, mode) = (row.get(2)?, row.get(3)?.unwrap_or_default());
            Ok(Some(Request { run, company, mode, target: row.get(4)? }))
        });
        found.map_err(log_error)
    })
}

/// What the scheduler needs to know of a company: its last runs, and whether somebody asked for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub past: Past,
    /// The number of the oldest run that was asked for and waits.
    pub request: Option<i64>,
    /// How many rows are held of it.
    pub rows: i64,
}

/// How each company stands. `None` is a token whose company nobody knows yet, and requests for unknown companies.
pub fn standings() -> Result<BTreeMap<Option<i64>, Standing>> {
    let micros = |column: &str| format!("(extract(epoch FROM p.{column}) * 1000000)::bigint");
    let query = format!(
        "SELECT company_id, {}, {}, {}, p.failures, q.run_id, \
             (SELECT pg_catalog.sum(s.row_count)::bigint FROM pennylane.sync_state s WHERE s.company_id = p.company_id) \
         FROM pennylane._past_runs p \
         FULL JOIN (SELECT c.company_id, pg_catalog.min(r.run_id) AS run_id FROM pennylane.sync_runs r \
                    LEFT JOIN pennylane.companies c ON c.company_id = r.company_id \
                    WHERE r.status = 'queued' GROUP BY c.company_id) q USING (company_id)",
        micros("last_run"),
        micros("last_full"),
        micros("failed_at")
    );
    txn::atomically(LOG, || {
        let found = Spi::connect(|client| {
            let mut standings = BTreeMap::<Option<i64>, Standing>::new();
            for row in client.select(&query, None, &[])? {
                let number = |place| row.get::<i64>(place);
                let time = |place| Ok::<_, pgrx::spi::Error>(number(place)?.and_then(DateTime::from_timestamp_micros));
                let past = Past::new(time(2)?, time(3)?, time(4)?, number(5)?.unwrap_or(0));
                // NULLs do not join: a token and a request that nobody knows the company of come in two rows.
                let standing = standings.entry(number(1)?).or_default();
                if past != Past::default() {
                    standing.past = past;
                }
                standing.request = standing.request.or(number(6)?);
                standing.rows += number(7)?.unwrap_or(0);
            }
            Ok::<_, pgrx::spi::Error>(standings)
        });
        found.map_err(log_error)
    })
}

/// The last runs of a company, for the schedule.
pub fn past(company: Option<i64>) -> Result<Past> {
    Ok(standings()?.remove(&company).unwrap_or_default().past)
}

/// Gives the requests that name no company to this one, whose the server's token turned out to be; false when there are
/// none.
pub fn adopt_requests(company: i64) -> Result<bool> {
    let query = "WITH adopted AS (UPDATE pennylane.sync_runs SET company_id = $1 \
                 WHERE status = 'queued' AND company_id IS NULL RETURNING 1) SELECT EXISTS (SELECT FROM adopted)";
    Ok(Spi::get_one_with_args::<bool>(query, &[company.into()]).map_err(log_error)?.unwrap_or(false))
}

/// The company of a run; `None` when there is no such run, or when nobody knows it.
pub fn company(run_id: i64) -> Result<Option<i64>> {
    let query = "SELECT pg_catalog.max(company_id) FROM pennylane.sync_runs WHERE run_id = $1";
    Spi::get_one_with_args::<i64>(query, &[run_id.into()]).map_err(log_error)
}

/// Forgets the runs that are older than `pennylane.history_days`, but the last ones that the schedule counts from.
pub fn prune(days: i32) -> Result<()> {
    let query = "WITH gone AS (DELETE FROM pennylane.sync_runs \
                 WHERE started_at < pg_catalog.clock_timestamp() - pg_catalog.make_interval(days => $1) \
                   AND run_id <> ALL (ARRAY(SELECT pg_catalog.max(r.run_id) FROM pennylane.sync_runs r \
                                            WHERE r.target IS NULL AND r.status IN ('ok', 'partial', 'error') \
                                            GROUP BY r.company_id, r.mode, r.status)) \
                 RETURNING run_id) \
                 DELETE FROM pennylane.sync_run_tables t USING gone WHERE t.run_id = gone.run_id";
    execute(query, &[days.into()])?;
    transform_runs::prune(days)
}

fn execute(query: &str, args: &[pgrx::datum::DatumWithOid]) -> Result<()> {
    txn::atomically(LOG, || Spi::run_with_args(query, args).map_err(log_error))
}
