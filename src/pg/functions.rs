//! The SQL functions: arguments in, engine, rows out.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::companies::{self, Access, Bound};
use super::interrupts::{self, Pending};
use super::lock::{self, Running};
use super::log::Notices;
use super::progress::Shown;
use super::settings::{self, Settings};
use super::store::SpiStore;
use super::{doctor, optional, runs, setup as tables, transform_runs, txn};
use crate::catalogue::{self, Export, data_table, kept_tables};
use crate::error::{Error, Result};
use crate::http::client::Client;
use crate::http::fetcher::Fetcher;
use crate::period::Period;
use crate::sync::engine::{self, Ports};
use crate::sync::ports::{Log, Stop};
use crate::sync::proof;
use crate::sync::report::{self, Level, Status, SyncType, TableReport};
use crate::sync::round::{self, Plan};
use crate::sync::table::{Identity, Limits};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// `pennylane.setup()`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn setup() -> std::result::Result<(), ErrorReport> {
    txn::require_fresh_snapshots()?;
    let _confined = txn::Confined::begin();
    Ok(tables::run()?)
}

/// One row of the functions that sync.
type SyncRow = (Option<i64>, Option<String>, String, String, i64, i64, i64, i64, i32, Option<Interval>, Option<String>);

/// Defines a function that syncs. pgrx reads the columns of a result from the signature and takes no alias there: this
/// is the one place where they stand.
macro_rules! sync_function {
    ($(#[$doc:meta])* fn $name:ident($($arguments:tt)*) => $rows:expr) => {
        $(#[$doc])*
        #[pg_extern(security_definer)]
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
    ) => sync(&|| target_plan(SyncType::Full, target), company, force_deletes)
}

sync_function! {
    /// `pennylane.sync_incremental(target, company)`
    fn sync_incremental(
        target: default!(Option<&str>, "NULL"),
        company: default!(Option<i64>, "NULL")
    ) => sync(&|| target_plan(SyncType::Incremental, target), company, false)
}

sync_function! {
    /// `pennylane.export_fec(period_start, period_end, company)`
    fn export_fec(
        period_start: default!(Option<Date>, "NULL"),
        period_end: default!(Option<Date>, "NULL"),
        company: default!(Option<i64>, "NULL")
    ) => export("fec", period_start, period_end, company)
}

sync_function! {
    /// `pennylane.export_analytical_ledger(period_start, period_end, company)`
    fn export_analytical_ledger(
        period_start: default!(Option<Date>, "NULL"),
        period_end: default!(Option<Date>, "NULL"),
        company: default!(Option<i64>, "NULL")
    ) => export("analytical_ledger", period_start, period_end, company)
}

/// Exports a period, or the fiscal years that need it.
fn export(
    table: &str,
    start: Option<Date>,
    end: Option<Date>,
    company: Option<i64>,
) -> std::result::Result<Vec<SyncRow>, ErrorReport> {
    let (export, period) = (known_export(table)?, period(start, end)?);
    sync(&|| Ok(Plan::of_export(SyncType::Export, export, period)), company, false)
}

/// The period between two days; none when neither is given.
fn period(start: Option<Date>, end: Option<Date>) -> Result<Option<Period>> {
    let day = |date: Date| {
        if date.is_infinity() || date.is_neg_infinity() {
            return None;
        }
        let day = chrono::NaiveDate::from_ymd_opt(date.year(), u32::from(date.month()), u32::from(date.day()));
        day.filter(|day| (1..=9999).contains(&chrono::Datelike::year(day)))
    };
    let wrong = |message: &str| Error::Argument {
        message: message.to_owned(),
        hint: "Name the first and the last day, such as '2025-01-01', '2025-12-31', or none for the fiscal years."
            .into(),
    };
    match (start, end) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) => {
            let period = day(start).zip(day(end)).map(|(start, end)| Period { start, end });
            let period = period.ok_or_else(|| wrong("a day of the period is not of this calendar"))?;
            if period.end < period.start {
                return Err(wrong("the period ends before it starts"));
            }
            Ok(Some(period))
        }
        _ => Err(wrong("a period needs its first and its last day")),
    }
}

/// `pennylane._prove(company)`: proves the ledgers and gives their companies. `prove()` shows what it found.
#[pg_extern(name = "_prove", security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn prove(company: Option<i64>) -> std::result::Result<Vec<i64>, ErrorReport> {
    let done = each_company(company, |access| {
        with_company(access, company, |ports, identity| {
            tables::run_if_missing(&["fiscal_years", "ledger_entry_lines", "fec"])?;
            let of_token = identity.me.company.id;
            let proof = proof::run(&identity, &mut SpiStore::new(of_token), ports)?;
            let line = format!("[PREUVE] {} comptes compares, {} different", proof.accounts, proof.differing);
            ports.log.line(Level::Step, &line);
            Ok(Some(of_token))
        })
    });
    let proven = |done: Done<Option<i64>>| {
        if let Err(error) = &done.outcome {
            Notices.line(Level::Warning, &format!("[PREUVE] {}: {}", done.name(), error.in_full()));
        }
        done.outcome.ok().flatten()
    };
    Ok(settle(done)?.into_iter().filter_map(proven).collect())
}

/// What PostgreSQL raises for an error: a cancel in its own words.
pub fn settle<T>(done: Result<T>) -> std::result::Result<T, ErrorReport> {
    if let Err(Error::Interrupted) = done {
        interrupts::raise();
    }
    Ok(done?)
}

/// What is to be done. Asked for twice: before anything is read, and when no table can be given up any more.
pub type Asked<'a> = &'a dyn Fn() -> Result<Plan>;

/// Does a round for each company and gives the rows of the functions.
fn sync(asked: Asked, company: Option<i64>, force_deletes: bool) -> std::result::Result<Vec<SyncRow>, ErrorReport> {
    // What cannot be done is refused before anything is read.
    let sync_type = asked()?.sync_type;
    let done = settle(each_company(company, |access| run(asked, access, company, force_deletes)))?;
    settle(transform_runs::after_call())?;
    let of_table = |company: i64, report: TableReport| {
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
    let mut rows = Vec::new();
    for one in done {
        match one.outcome {
            Ok(None) => {}
            Ok(Some((company, reports))) => rows.extend(reports.into_iter().map(|report| of_table(company, report))),
            Err(error) => {
                Notices.line(Level::Warning, &format!("[ERREUR] {}", error.in_full()));
                let (sync_type, status) = (sync_type.word().to_owned(), Status::Error.word().to_owned());
                rows.push((one.company, None, sync_type, status, 0, 0, 0, 0, 0, None, Some(error.in_full())));
            }
        }
    }
    Ok(rows)
}

/// `pennylane.check()`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
fn check() -> std::result::Result<
    TableIterator<
        'static,
        (name!(item, String), name!(status, String), name!(detail, String), name!(hint, Option<String>)),
    >,
    ErrorReport,
> {
    let rows: Vec<_> = settle(doctor::examine())?
        .into_iter()
        .map(|found| (found.item, found.status.to_owned(), found.detail, found.hint))
        .collect();
    Ok(TableIterator::new(rows))
}

/// Starts the readers of a run and asks whose token it is. `stored` is where to look when the token is refused.
pub fn with_api<T>(
    settings: &Settings,
    stored: Option<&Access>,
    work: impl FnOnce(&mut Ports, Identity) -> Result<T>,
) -> Result<T> {
    with_api_for(settings, stored, &Pending, &mut Notices, work)
}

/// The same for whoever stops and listens in another way.
pub fn with_api_for<T>(
    settings: &Settings,
    stored: Option<&Access>,
    stop: &dyn Stop,
    log: &mut dyn Log,
    work: impl FnOnce(&mut Ports, Identity) -> Result<T>,
) -> Result<T> {
    let over = Arc::new(AtomicBool::new(false));
    let client = Client::new(settings.client.clone(), over.clone());
    let stored =
        Box::new(|| txn::atomically("company_tokens", || stored.map(Access::token).transpose()).ok().flatten());
    let mut fetch = Fetcher::start(client, settings.concurrency, over, stored)?;
    let mut ports = Ports { fetch: &mut fetch, stop, log };
    let identity = engine::identify(&mut ports)?;
    work(&mut ports, identity)
}

/// The company of a token that is good for what was asked; `None` when there is nothing to do with it: it is the server's,
/// and its company has one of its own.
///
/// # Errors
/// `WrongCompany` when it is not the company's that it is kept for, `Argument` when another one was asked for.
pub fn company_of(access: &Access, asked: Option<i64>, identity: &Identity) -> Result<Option<i64>> {
    let of_token = identity.me.company.id;
    match companies::bound(access, &identity.me.company)? {
        Bound::To(company) if asked.is_none_or(|asked| asked == company) => Ok(Some(company)),
        Bound::Elsewhere(_) if asked.is_none() => Ok(None),
        _ => Err(Error::Argument {
            message: format!("the token is for company {of_token}, not for company {}", asked.unwrap_or_default()),
            hint: "Leave the company out, or add the other one with SELECT pennylane.add_company('...');".into(),
        }),
    }
}

/// What became of one company in a call.
struct Done<T> {
    company: Option<i64>,
    outcome: Result<T>,
}

impl<T> Done<T> {
    fn name(&self) -> String {
        self.company.map_or("the server's token".into(), |company| format!("company {company}"))
    }
}

/// Does something for the company asked for, or for each. One of several that fails does not keep the others from it.
///
/// # Errors
/// That of the only company, or that of the first when every one failed; `Interrupted`.
fn each_company<T>(asked: Option<i64>, work: impl Fn(&Access) -> Result<T>) -> Result<Vec<Done<T>>> {
    txn::require_fresh_snapshots()?;
    let _running = Running::start()?;
    let _confined = txn::Confined::begin();
    let ways = companies::asked(asked)?;
    if let [only] = ways.as_slice() {
        return Ok(vec![Done { company: only.company, outcome: Ok(work(only)?) }]);
    }
    let mut done = Vec::new();
    for access in &ways {
        // A failure takes back what this company's part of the call wrote.
        let outcome = txn::atomically("(a company)", || work(access));
        if let Err(Error::Interrupted) = outcome {
            return Err(Error::Interrupted);
        }
        done.push(Done { company: access.company, outcome });
    }
    if done.iter().any(|one| one.outcome.is_ok()) {
        return Ok(done);
    }
    let first = done.into_iter().find_map(|one| one.outcome.err());
    Err(first.unwrap_or_else(|| Error::TokenMissing("none is configured".into())))
}

/// Takes the company of a token for this transaction, and works for it; the default value when there is nothing to do.
fn with_company<T: Default>(
    access: &Access,
    asked: Option<i64>,
    work: impl FnOnce(&mut Ports, Identity) -> Result<T>,
) -> Result<T> {
    with_api(&access.settings()?, Some(access), |ports, identity| {
        let Some(company) = company_of(access, asked, &identity)? else { return Ok(T::default()) };
        lock::company(company)?;
        companies::keep(access, &identity.me.company)?;
        work(ports, identity)
    })
}

/// What a round did: the company and its tables.
type Ran = Option<(i64, Vec<TableReport>)>;

fn run(asked: Asked, access: &Access, company: Option<i64>, force_deletes: bool) -> Result<Ran> {
    let start = Instant::now();
    with_company(access, company, |ports, identity| {
        let of_token = identity.me.company.id;
        let plan = &asked()?;
        let limits = Limits { max_delete_percent: settings::max_delete_percent(), force_deletes };
        tables::run_if_missing(&plan.tables())?;
        let run = runs::open(of_token, "manual", plan.sync_type, plan.target)?;
        let _shown = Shown::start(run.id, of_token);
        ports.log.line(Level::Step, &report::start_line(plan.sync_type, local_now()));
        let done = round::run(plan, &identity, limits, &mut SpiStore::new(of_token), ports)?;
        runs::close(run, of_token, &done)?;
        for line in report::end_lines(&done.reports, start.elapsed()) {
            ports.log.line(Level::Step, &line);
        }
        nothing_synced(&done.reports).map_or(Ok(Some((of_token, done.reports))), Err)
    })
}

/// What a call with this target is about.
pub fn target_plan(sync_type: SyncType, target: Option<&str>) -> Result<Plan> {
    let enabled = optional::enabled()?;
    let Some(name) = target else { return Ok(Plan::whole(sync_type, &enabled)) };
    match (catalogue::resource(name), catalogue::export(name)) {
        (Some(list), _) if !list.data_table().is_kept(&enabled) => Err(optional::not_kept(list.data_table())),
        (Some(list), _) => Ok(Plan::of_list(sync_type, list)),
        (None, Some(export)) => Ok(Plan::of_export(sync_type, export, None)),
        (None, None) => Err(Error::Argument {
            message: format!("there is no table {:?} to sync", name.chars().take(60).collect::<String>()),
            hint: format!(
                "Name one of {}, or nothing for all.",
                kept_tables(&enabled).map(|table| table.name).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}

fn known_export(table: &str) -> Result<&'static Export> {
    catalogue::export(table).ok_or_else(|| Error::Setup {
        message: format!("{table} is no export of the catalogue"),
        hint: "Report this message.".into(),
    })
}

/// The error of a call in which no table could be synced.
fn nothing_synced(reports: &[TableReport]) -> Option<Error> {
    if reports.iter().any(|report| report.status.is_good()) {
        return None;
    }
    reports.iter().find_map(|report| report.error.clone()).or_else(|| {
        let scopes: Vec<&str> =
            reports.iter().filter_map(|report| data_table(report.table)).map(|table| table.scope).collect();
        Some(Error::ScopeMissing { scope: scopes.first().copied().unwrap_or("customers").to_owned() })
    })
}

/// Now, in the time zone of the session.
pub fn local_now() -> chrono::NaiveDateTime {
    let query = "SELECT pg_catalog.to_char(pg_catalog.clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS')";
    let text = Spi::get_one::<String>(query).ok().flatten().unwrap_or_default();
    chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").unwrap_or_default()
}
