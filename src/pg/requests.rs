//! What other sessions may ask of the background worker: a run, the end of one, and when the next ones are.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::functions::target_plan;
use super::{companies, progress, runs, scheduler, settings};
use crate::error::{Error, Result};
use crate::schedule::Past;
use crate::sync::report::SyncType;
use chrono::{DateTime, Utc};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// `pennylane.request_sync(mode, target, company)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn request_sync(
    mode: default!(&str, "'incremental'"),
    target: default!(Option<&str>, "NULL"),
    company: default!(Option<i64>, "NULL"),
) -> std::result::Result<i64, ErrorReport> {
    let sync_type = [SyncType::Incremental, SyncType::Full].into_iter().find(|known| known.word() == mode);
    let sync_type = sync_type.ok_or_else(|| Error::Argument {
        message: format!("there is no mode {:?}", mode.chars().take(60).collect::<String>()),
        hint: "Name full or incremental.".into(),
    })?;
    target_plan(sync_type, target)?;
    // One run a company. A way to a company that nobody knows yet may be the way to the one that is named.
    let ways = companies::asked(company)?;
    let queued = ways.iter().map(|access| runs::queue(access.company.or(company), sync_type, target));
    let queued = queued.collect::<Result<Vec<i64>>>()?;
    if let [first, .., last] = queued.as_slice() {
        notice!("asked for the runs {first} to {last}, one for each company");
    }
    if !scheduler::wake_on_commit() {
        warning!("no background worker is running in this database: the request waits for it");
    }
    Ok(queued.first().copied().unwrap_or_default())
}

/// `pennylane.cancel_run(run_id)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cancel_run(run_id: i64) -> std::result::Result<bool, ErrorReport> {
    // A run that the caller may not see is not there for them.
    if let Some(seen) = companies::seen_by_caller()?
        && runs::company(run_id)?.is_none_or(|company| !seen.contains(&company))
    {
        return Ok(false);
    }
    if runs::cancel_queued(run_id)? {
        return Ok(true);
    }
    Ok(progress::cancel(run_id))
}

/// `pennylane._next_runs(...)`: when the next runs are, after what the view `_past_runs` tells. The view `schedule` shows
/// it; nothing is read here, so that who may see that view needs no right on the history.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
fn _next_runs(
    last_run: Option<TimestampWithTimeZone>,
    last_full: Option<TimestampWithTimeZone>,
    failed_at: Option<TimestampWithTimeZone>,
    failures: Option<i64>,
) -> std::result::Result<
    TableIterator<
        'static,
        (name!(next_incremental_at, TimestampWithTimeZone), name!(next_full_at, TimestampWithTimeZone)),
    >,
    ErrorReport,
> {
    let utc = |time: Option<TimestampWithTimeZone>| {
        let micros = pg_sys::TimestampTz::from(time?).checked_add(EPOCH_2000)?;
        DateTime::<Utc>::from_timestamp_micros(micros)
    };
    let past = Past::new(utc(last_run), utc(last_full), utc(failed_at), failures.unwrap_or(0));
    let next = settings::timetable()?.next(scheduler::now(), &past);
    let time = |time: DateTime<Utc>| {
        TimestampWithTimeZone::try_from(time.timestamp_micros() - EPOCH_2000).map_err(|_| Error::Setup {
            message: "the time of the next run is beyond what PostgreSQL holds".into(),
            hint: "Look at the server's clock.".into(),
        })
    };
    Ok(TableIterator::once((time(next.incremental)?, time(next.full)?)))
}

/// 2000-01-01, from where PostgreSQL counts, in microseconds since 1970.
const EPOCH_2000: i64 = 946_684_800_000_000;
