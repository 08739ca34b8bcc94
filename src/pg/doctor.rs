//! `check()`: looks at everything a sync needs and says what to do about what is missing.

use super::companies::{self, Access, Bound};
use super::functions::with_api;
use super::progress;
use super::settings::{self, Settings, TokenSource};
use super::setup;
use super::shape::{self, Found};
use super::{optional, txn, version, views};
use crate::catalogue::{DataTable, TRIAL_BALANCE_SCOPE, data_tables, kept_tables};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use pgrx::prelude::*;

/// A clock that is off by more is worth a word; syncs do not depend on it.
const CLOCK_SKEW: i64 = 60;

/// One finding.
pub struct Finding {
    pub item: String,
    /// `ok`, `warning` or `error`.
    pub status: &'static str,
    pub detail: String,
    pub hint: Option<String>,
}

fn ok(item: &str, detail: impl Into<String>) -> Finding {
    Finding { item: item.to_owned(), status: "ok", detail: detail.into(), hint: None }
}

fn warning(item: &str, detail: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { item: item.to_owned(), status: "warning", detail: detail.into(), hint: Some(hint.into()) }
}

fn wrong(item: &str, error: &Error) -> Finding {
    Finding { item: item.to_owned(), status: "error", detail: error.to_string(), hint: Some(error.hint()) }
}

/// Looks at the library, the token, the API and the tables.
///
/// # Errors
/// `Interrupted` only: everything else is a finding.
pub fn examine() -> Result<Vec<Finding>> {
    let mut findings = vec![library()];
    // Of objects of another version nothing can be said.
    if let Err(error) = version::require_same() {
        findings.push(wrong("version", &error));
        return Ok(findings);
    }
    findings.push(background_worker());
    findings.extend(tokens());
    let enabled = optional::enabled().unwrap_or_else(|error| {
        findings.push(wrong("tables", &error));
        Vec::new()
    });
    let kept: Vec<DataTable> = kept_tables(&enabled).collect();
    match companies::asked(None) {
        Err(error) => findings.push(wrong("token", &error)),
        Ok(ways) => {
            for access in &ways {
                let mut of_company = vec![token(access)];
                api(access, &kept, &mut of_company)?;
                // One company needs no name at each line.
                let name = access.company.filter(|_| ways.len() > 1).map(|company| format!("{company}: "));
                let named = |found: Finding| Finding { item: name.clone().unwrap_or_default() + &found.item, ..found };
                findings.extend(of_company.into_iter().map(named));
            }
        }
    }
    findings.extend(layout());
    findings.extend(views());
    findings.extend(kept.iter().filter_map(|kept| table(kept.name)));
    findings.extend(transforms());
    // What the caller may see of it.
    findings.extend(txn::as_caller("sync_state", || Ok(freshness()))?);
    Ok(findings)
}

fn library() -> Finding {
    match progress::is_preloaded() {
        true => ok("library", format!("version {}, preloaded", version::LIBRARY)),
        false => warning(
            "library",
            format!("version {}, loaded by this session only", version::LIBRARY),
            "Add penny_pg to shared_preload_libraries and restart, so that ALTER SYSTEM knows its settings.",
        ),
    }
}

/// Tables that an older version made, and nobody has brought up to date.
fn layout() -> Option<Finding> {
    let old = setup::layout().ok().filter(|layout| *layout < setup::LAYOUT)?;
    let missing = data_tables().all(|table| shape::find(table.name) == Found::Missing);
    (!missing).then(|| {
        warning(
            "tables",
            format!("layout {old}, made by an older version; this one has {}", setup::LAYOUT),
            "Run SELECT pennylane.setup(); when nobody waits for the tables. The background worker does it by itself.",
        )
    })
}

/// Views that could not be made, or that somebody dropped.
fn views() -> Option<Finding> {
    let (missing, tables) = (views::missing(), data_tables().any(|table| shape::find(table.name) == Found::Ours));
    (tables && !missing.is_empty()).then(|| {
        warning(
            "views",
            format!("not there: {}", missing.join(", ")),
            "Run SELECT pennylane.setup(); it makes them, or says which column of a table they lack.",
        )
    })
}

fn background_worker() -> Finding {
    let database = settings::database();
    let here = Spi::get_one::<String>("SELECT pg_catalog.current_database()::text").ok().flatten();
    let item = "background worker";
    match progress::scheduler_of_database() {
        Some(pid) => {
            let next = "SELECT 'next incremental run ' \
                            || pg_catalog.to_char(pg_catalog.min(next_incremental_at), 'YYYY-MM-DD HH24:MI TZ') \
                        || ', next full run ' || pg_catalog.to_char(pg_catalog.min(next_full_at), 'YYYY-MM-DD HH24:MI TZ') \
                        FROM pennylane.schedule";
            let next = Spi::get_one::<String>(next).ok().flatten().unwrap_or_default();
            ok(item, format!("process {pid}, {next}"))
        }
        None if !settings::worker() => ok(item, "off (pennylane.worker): syncs are left to pg_cron or to hands"),
        None if here.as_deref() != Some(&database) => warning(
            item,
            format!("works in the database \"{database}\", not in this one"),
            "Set pennylane.database to this database's name in postgresql.conf and restart, or sync with pg_cron.",
        ),
        None if progress::is_preloaded() => {
            warning(item, "not running", "It starts within seconds; if it does not, the server's log says why.")
        }
        None => warning(item, "not running", "Add penny_pg to shared_preload_libraries and restart."),
    }
}

/// What users have applied after each sync.
fn transforms() -> Option<Finding> {
    let query = "SELECT pg_catalog.count(*), \
                     pg_catalog.string_agg(name, ', ' ORDER BY name) FILTER (WHERE last_status IN ('error', 'interrupted')), \
                     pg_catalog.string_agg(name, ', ' ORDER BY name) FILTER (WHERE suspended IS NOT NULL) \
                 FROM pennylane.transforms";
    let (all, failed, suspended) = Spi::get_three::<i64, String, String>(query).ok()?;
    let all = all.filter(|all| *all > 0)?;
    let bad = [failed.map(|names| format!("failed: {names}")), suspended.map(|names| format!("suspended: {names}"))];
    let bad: Vec<String> = bad.into_iter().flatten().collect();
    Some(if bad.is_empty() {
        ok("transforms", format!("{all} of them"))
    } else {
        warning(
            "transforms",
            bad.join("; "),
            "SELECT name, started_at, status, message FROM pennylane.transform_runs ORDER BY transform_run_id DESC;",
        )
    })
}

/// Where tokens could be seen by others.
fn tokens() -> Option<Finding> {
    let publications = companies::publications().ok().flatten()?;
    Some(Finding {
        item: "tokens".into(),
        status: "error",
        detail: format!("the publication {publications} carries the table of the tokens"),
        hint: Some(
            "List the tables that it shall carry: ALTER PUBLICATION ... SET TABLE pennylane.customers, ...;".into(),
        ),
    })
}

fn token(access: &Access) -> Finding {
    let from = match settings::token_source().filter(|_| access.is_servers()) {
        Some(TokenSource::SettingFile(_)) => "from the file named by pennylane.api_token_file",
        Some(TokenSource::EnvironmentFile(_)) => "from the file named by PENNYLANE_API_TOKEN_FILE",
        Some(TokenSource::Environment(_)) => "from the server's environment (PENNYLANE_API_TOKEN)",
        None => "stored by add_company() or rotate_token()",
    };
    match access.settings() {
        Ok(_) => ok("token", from),
        Err(error) => wrong("token", &error),
    }
}

fn api(access: &Access, kept: &[DataTable], findings: &mut Vec<Finding>) -> Result<()> {
    let Ok(settings) = access.settings().map(Settings::in_short) else { return Ok(()) };
    let identity = match with_api(&settings, None, |_, identity| Ok(identity)) {
        Ok(identity) => identity,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => {
            findings.push(wrong("api", &error));
            return Ok(());
        }
    };
    let url = &settings.client.base_url;
    let transport = if url.scheme() == "https" { "TLS verified" } else { "plain http on a loopback address" };
    findings.push(ok("api", format!("{url} answers, {transport}")));
    let company = &identity.me.company;
    let name = company.name.as_deref().unwrap_or("without a name");
    findings.push(match companies::bound(access, company) {
        Ok(Bound::To(id)) => ok("company", format!("{id} ({name})")),
        Ok(Bound::Elsewhere(id)) => warning(
            "company",
            format!("{id} ({name}) has a token of its own: the server's is not used"),
            "Take the server's token away, or leave it for a company without one.",
        ),
        Err(error) => wrong("company", &error),
    });
    let mut scopes: Vec<&str> = kept.iter().map(|table| table.scope).collect();
    scopes.dedup();
    for scope in scopes.into_iter().chain([TRIAL_BALANCE_SCOPE]) {
        let item = format!("scope {scope}");
        findings.push(if identity.me.grants(scope) {
            ok(&item, "granted")
        } else {
            let tables: Vec<&str> = kept.iter().filter(|table| table.scope == scope).map(|table| table.name).collect();
            let without = match tables.as_slice() {
                [] => "the ledger cannot be proven against the trial balance".to_owned(),
                tables => format!("{} cannot be synced", tables.join(", ")),
            };
            let error = Error::ScopeMissing { scope: scope.to_owned() };
            warning(&item, format!("not granted: {without}"), error.hint())
        });
    }
    findings.push(
        match identity.api_time.map(|time| (DateTime::<Utc>::from(std::time::SystemTime::now()) - time).num_seconds()) {
            Some(skew) if skew.abs() > CLOCK_SKEW => warning(
                "clock",
                format!(
                    "this server's clock is {} s {} Pennylane's",
                    skew.abs(),
                    if skew > 0 { "ahead of" } else { "behind" }
                ),
                "Syncs use Pennylane's clock and lose nothing; set the server's clock (NTP) for readable times.",
            ),
            Some(_) => ok("clock", "agrees with Pennylane's"),
            None => warning("clock", "Pennylane sends no time", "Incremental syncs go back to the last known time."),
        },
    );
    if let Some(date) = &identity.api_expires {
        findings.push(warning(
            "api version",
            format!("Pennylane announces that this version of its API ends: {date}"),
            "Look for a newer version of penny_pg before that day.",
        ));
    }
    Ok(())
}

fn table(table: &'static str) -> Option<Finding> {
    let item = format!("table {table}");
    match shape::find(table) {
        Found::Missing => {
            return Some(warning(
                &item,
                "not created yet",
                "The first sync creates it, or run SELECT pennylane.setup();",
            ));
        }
        Found::Foreign(what) => return Some(wrong(&item, &shape::taken(table, &what))),
        Found::Ours => {}
    }
    if let Err(error) = shape::read(table) {
        return Some(wrong(&item, &error));
    }
    let unfillable = shape::unfillable(table).unwrap_or_default();
    (!unfillable.is_empty()).then(|| {
        warning(
            &item,
            format!("columns of a type that a sync never fills: {}", unfillable.join(", ")),
            "Fine for columns of your own. For a field of Pennylane use numeric, text, date, timestamptz, bigint, boolean, uuid or jsonb.",
        )
    })
}

/// What the state tables say: failures, misfits, fields without a column.
fn freshness() -> Vec<Finding> {
    let mut findings = Vec::new();
    let query = "SELECT s.table_name, s.status, coalesce(s.last_error, ''), \
                 coalesce(s.last_sync_at < pg_catalog.clock_timestamp() - interval '26 hours', true), \
                 coalesce(pg_catalog.to_char(s.last_sync_at, 'YYYY-MM-DD HH24:MI TZ'), 'never'), \
                 EXISTS (SELECT FROM pennylane.altered_rows a \
                         WHERE a.company_id = s.company_id AND a.table_name = s.table_name) \
                 FROM pennylane.sync_state s JOIN pennylane.companies c ON c.company_id = s.company_id AND c.enabled \
                 ORDER BY s.company_id, s.table_name";
    let _ = Spi::connect(|client| {
        for row in client.select(query, None, &[])? {
            let text = |place| row.get::<String>(place).map(Option::unwrap_or_default);
            let (table, status, error, last) = (text(1)?, text(2)?, text(3)?, text(5)?);
            let item = format!("sync {table}");
            match status.as_str() {
                "error" => findings.push(Finding { item, status: "error", detail: error, hint: None }),
                "skipped" => {
                    findings.push(warning(&item, error, "Use a token that has the scope, or ignore this table."))
                }
                "partial" if row.get::<bool>(6)?.unwrap_or(false) => findings.push(warning(
                    &item,
                    "some rows are not stored as Pennylane sent them: a trigger may be the cause",
                    format!("SELECT * FROM pennylane.altered_rows WHERE table_name = '{table}';"),
                )),
                "partial" => findings.push(warning(
                    &item,
                    "some values did not fit their column",
                    format!("SELECT id, extra->'_misfit' FROM pennylane.{table} WHERE extra ? '_misfit';"),
                )),
                _ if row.get::<bool>(4)?.unwrap_or(true) => findings.push(warning(
                    &item,
                    format!("last synced {last}"),
                    "Run SELECT * FROM pennylane.sync_full(); or let pg_cron do it.",
                )),
                _ => {}
            }
        }
        Ok::<_, pgrx::spi::Error>(())
    });
    let drift = "SELECT pg_catalog.count(*) FROM pennylane.schema_drift";
    if let Ok(Some(fields @ 1..)) = Spi::get_one::<i64>(drift) {
        findings.push(warning(
            "schema",
            format!("Pennylane sends {fields} fields that no column holds (their values are kept in extra)"),
            "SELECT table_name, field, adopt_with FROM pennylane.schema_drift;",
        ));
    }
    findings
}
