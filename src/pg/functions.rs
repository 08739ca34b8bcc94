//! The SQL functions: arguments in, engine, rows out.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::interrupts::{self, Pending};
use super::lock::{self, Running};
use super::log::Notices;
use super::settings::{self, Settings};
use super::store::SpiStore;
use super::{doctor, runs, setup as tables, txn};
use crate::catalogue::{self, Mode, RESOURCES, Resource};
use crate::error::{Error, Result};
use crate::http::client::Client;
use crate::http::fetcher::Fetcher;
use crate::sync::engine::{self, Ports};
use crate::sync::report::{self, Level, Status, SyncType, TableReport};
use crate::sync::table::{Identity, Limits};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// `pennylane.setup()`
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn setup() -> std::result::Result<(), ErrorReport> {
    txn::require_fresh_snapshots()?;
    Ok(tables::run()?)
}

/// One row of the functions that sync.
type SyncRow = (Option<i64>, Option<String>, String, String, i64, i64, i64, i64, i32, Option<Interval>, Option<String>);

/// Defines a function that syncs. pgrx reads the columns of a result from the signature and takes no alias there: this
/// is the one place where they stand.
macro_rules! sync_function {
    ($(#[$doc:meta])* fn $name:ident($($arguments:tt)*) => $rows:expr) => {
        $(#[$doc])*
        #[pg_extern]
        #[search_path(pg_catalog, pg_temp)]
        #[allow(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
        fn $name($($arguments)*) -> std::result::Result<
            TableIterator<
                'static,
                (
                    name!(company_id, Option<i64>),
                    name!(table_name, Option<String>),
                    name!(sync_type, String),
                    name!(status, String),
                    name!(inserted, i64),
                    name!(updated, i64),
                    name!(deleted, i64),
                    name!(unchanged, i64),
                    name!(requests, i32),
                    name!(duration, Option<Interval>),
                    name!(message, Option<String>),
                ),
            >,
            ErrorReport,
        > {
            Ok(TableIterator::new($rows?))
        }
    };
}

sync_function! {
    /// `pennylane.sync_full(target, company, force_deletes)`
    fn sync_full(
        target: default!(Option<&str>, "NULL"),
        company: default!(Option<i64>, "NULL"),
        force_deletes: default!(bool, "false")
    ) => sync(SyncType::Full, target, company, force_deletes)
}

sync_function! {
    /// `pennylane.sync_incremental(target, company)`
    fn sync_incremental(
        target: default!(Option<&str>, "NULL"),
        company: default!(Option<i64>, "NULL")
    ) => sync(SyncType::Incremental, target, company, false)
}

/// Syncs and gives the rows of the functions.
fn sync(
    sync_type: SyncType,
    target: Option<&str>,
    company: Option<i64>,
    force_deletes: bool,
) -> std::result::Result<Vec<SyncRow>, ErrorReport> {
    let done = run(sync_type, target, company, force_deletes);
    if let Err(Error::Interrupted) = done {
        interrupts::raise();
    }
    let (company, reports) = done?;
    let row = |report: TableReport| {
        (
            Some(company),
            Some(report.table.to_owned()),
            report.sync_type.word().to_owned(),
            report.status.word().to_owned(),
            report.merged.inserted as i64,
            report.merged.updated as i64,
            report.deleted as i64,
            report.merged.unchanged as i64,
            report.requests as i32,
            Interval::try_from(report.duration).ok(),
            report.message,
        )
    };
    Ok(reports.into_iter().map(row).collect())
}

/// `pennylane.check()`
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
fn check() -> std::result::Result<
    TableIterator<
        'static,
        (name!(item, String), name!(status, String), name!(detail, String), name!(hint, Option<String>)),
    >,
    ErrorReport,
> {
    let findings = doctor::examine();
    if let Err(Error::Interrupted) = findings {
        interrupts::raise();
    }
    let rows: Vec<_> =
        findings?.into_iter().map(|found| (found.item, found.status.to_owned(), found.detail, found.hint)).collect();
    Ok(TableIterator::new(rows))
}

/// Starts the readers of a run and asks whose token it is.
pub fn with_api<T>(settings: &Settings, work: impl FnOnce(&mut Ports, Identity) -> Result<T>) -> Result<T> {
    let over = Arc::new(AtomicBool::new(false));
    let client = Client::new(settings.client.clone(), over.clone());
    let mut fetch = Fetcher::start(client, settings.concurrency, over)?;
    let mut ports = Ports { fetch: &mut fetch, stop: &Pending, log: &mut Notices };
    let identity = engine::identify(&mut ports)?;
    work(&mut ports, identity)
}

fn run(
    sync_type: SyncType,
    target: Option<&str>,
    company: Option<i64>,
    force_deletes: bool,
) -> Result<(i64, Vec<TableReport>)> {
    txn::require_fresh_snapshots()?;
    let resources = targets(target, sync_type)?;
    let _running = Running::start()?;
    let settings = settings::snapshot()?;
    let limits = Limits { max_delete_percent: settings.max_delete_percent, force_deletes };
    let start = Instant::now();
    with_api(&settings, |ports, identity| {
        let of_token = identity.me.company.id;
        if let Some(asked) = company.filter(|asked| *asked != of_token) {
            return Err(Error::Argument {
                message: format!("the token is for company {of_token}, not for company {asked}"),
                hint: "Leave the company out, or give the server the token of that company.".into(),
            });
        }
        lock::company(of_token)?;
        let followers = resources.iter().filter_map(|resource| resource.follower());
        let needed: Vec<&str> = resources.iter().copied().chain(followers).map(|resource| resource.table).collect();
        tables::run_if_missing(&needed)?;
        let run = runs::open(of_token, "manual", sync_type)?;
        ports.log.line(Level::Step, &report::start_line(sync_type, local_now()));
        let mut store = SpiStore::new(of_token);
        let reports = engine::run(&resources, sync_type, &identity, limits, &mut store, ports)?;
        let requests = identity.requests + reports.iter().map(|report| report.requests).sum::<u32>();
        runs::close(run, of_token, &reports, requests)?;
        for line in report::end_lines(&reports, start.elapsed()) {
            ports.log.line(Level::Step, &line);
        }
        nothing_synced(&reports).map_or(Ok((of_token, reports)), Err)
    })
}

/// The tables that a call is about. Changes of a table that follows another one are told by that one: it comes along.
fn targets(target: Option<&str>, sync_type: SyncType) -> Result<Vec<&'static Resource>> {
    match target {
        None => Ok(RESOURCES.iter().collect()),
        Some(name) => match catalogue::resource(name) {
            Some(resource) => Ok(match resource.mode {
                Mode::Follows { table, .. } if sync_type == SyncType::Incremental => {
                    catalogue::resource(table).into_iter().chain([resource]).collect()
                }
                _ => vec![resource],
            }),
            None => Err(Error::Argument {
                message: format!("there is no table {:?} to sync", name.chars().take(60).collect::<String>()),
                hint: format!(
                    "Name one of {}, or nothing for all.",
                    RESOURCES.iter().map(|resource| resource.table).collect::<Vec<_>>().join(", ")
                ),
            }),
        },
    }
}

/// The error of a call in which no table could be synced.
fn nothing_synced(reports: &[TableReport]) -> Option<Error> {
    if reports.iter().any(|report| matches!(report.status, Status::Ok | Status::Partial)) {
        return None;
    }
    reports.iter().find_map(|report| report.error.clone()).or_else(|| {
        let scopes: Vec<&str> =
            reports.iter().filter_map(|report| catalogue::resource(report.table)).map(|r| r.scope).collect();
        Some(Error::ScopeMissing { scope: scopes.first().copied().unwrap_or("customers").to_owned() })
    })
}

/// Now, in the time zone of the session.
fn local_now() -> chrono::NaiveDateTime {
    let query = "SELECT pg_catalog.to_char(pg_catalog.clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS')";
    let text = Spi::get_one::<String>(query).ok().flatten().unwrap_or_default();
    chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").unwrap_or_default()
}
