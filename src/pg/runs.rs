//! The run log: a row when a run starts, its end and its tables when it closes.

use crate::error::{Error, Result};
use crate::sync::report::{Status, SyncType, TableReport};
use pgrx::prelude::*;

/// A run that is under way.
pub struct OpenRun {
    id: i64,
}

fn log_error(error: pgrx::spi::Error) -> Error {
    Error::Setup {
        message: format!("the run log cannot be written: {error}"),
        hint: "Look at the tables pennylane.sync_runs and pennylane.sync_run_tables.".into(),
    }
}

/// Notes that a run starts.
pub fn open(company: i64, trigger: &str, sync_type: SyncType) -> Result<OpenRun> {
    let query = "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, status) VALUES ($1, $2, $3, 'running') \
                 RETURNING run_id";
    let args = [company.into(), trigger.into(), sync_type.word().into()];
    let id = Spi::get_one_with_args::<i64>(query, &args).map_err(log_error)?;
    id.map(|id| OpenRun { id }).ok_or_else(|| Error::Setup {
        message: "the run log took no row".into(),
        hint: "Look for triggers on pennylane.sync_runs.".into(),
    })
}

/// Notes how a run ended, table by table. `requests` counts all of them, `/me` too.
pub fn close(run: OpenRun, company: i64, reports: &[TableReport], requests: u32) -> Result<()> {
    let line = "INSERT INTO pennylane.sync_run_tables (run_id, company_id, table_name, sync_type, status, inserted, \
                updated, deleted, unchanged, requests, duration, message) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
    let worst = [Status::Error, Status::Partial, Status::Skipped]
        .into_iter()
        .find(|status| reports.iter().any(|report| report.status == *status))
        .unwrap_or(Status::Ok);
    let failed: Vec<&str> =
        reports.iter().filter(|report| report.status == Status::Error).map(|report| report.table).collect();
    let error = (!failed.is_empty()).then(|| format!("failed: {}", failed.join(", ")));
    let end = "UPDATE pennylane.sync_runs SET finished_at = pg_catalog.clock_timestamp(), status = $2, requests = $3, \
               error = $4 WHERE run_id = $1";
    let args = [run.id.into(), worst.word().into(), (requests as i32).into(), error.into()];
    Spi::run_with_args(end, &args).map_err(log_error)
}
