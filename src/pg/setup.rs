//! Creates the data tables from `sql/tables/`, brings those of older versions up to date with `sql/upgrades/`, and keeps
//! their foreign keys from stopping a sync.

use super::log::ServerLog;
use super::shape::{self, Found};
use super::{lock, optional, txn, version, views};
use crate::catalogue::data_tables;
use crate::error::{Error, Result};
use crate::sync::ports::Log;
use crate::sync::report::Level;
use pgrx::prelude::*;
use std::ffi::CStr;

/// Declared last, when every table is there.
const FOREIGN_KEYS: &str = include_str!("../../sql/tables/foreign_keys.sql");
/// What made each layout of the data tables of the one before, from the second on. A new file goes to the end, and what it
/// changes is in `sql/tables/` too. Each leaves alone what is not there, and does no harm when it is done twice: nobody
/// knows the layout of tables that an extension of their own has left.
const UPGRADES: &[&str] = &[
    include_str!("../../sql/upgrades/2_created_at_indexes.sql"),
    include_str!("../../sql/upgrades/3_optional_tables.sql"),
];
/// The layout of the files of `sql/tables/`.
pub const LAYOUT: usize = 1 + UPGRADES.len();
/// How long a background worker waits for a table that somebody reads: whoever comes to read it waits behind.
const PATIENCE: &CStr = c"5s";

/// Creates what is missing and brings what is old up to date. Harmless when there is nothing to do.
///
/// # Errors
/// `Setup` when a name is taken by something that penny_pg did not make; then nothing is changed.
pub fn run() -> Result<()> {
    version::require_same()?;
    lock::setup();
    let enabled = optional::enabled()?;
    let (mut missing, mut any) = (Vec::new(), false);
    for table in data_tables() {
        match shape::find(table.name) {
            Found::Ours => any = true,
            Found::Missing if table.is_kept(&enabled) => missing.push(table),
            Found::Foreign(what) if table.is_kept(&enabled) => return Err(shape::taken(table.name, &what)),
            Found::Missing | Found::Foreign(_) => {}
        }
    }
    let old = if any { layout()? } else { LAYOUT };
    // A table that is there is the user's: columns that were dropped, comments that were rewritten stay that way.
    txn::with_settings(&[(c"client_min_messages", c"warning")], || {
        missing.iter().try_for_each(|table| execute(table.ddl))?;
        UPGRADES.iter().skip(old - 1).try_for_each(|upgrade| execute(upgrade))?;
        execute(FOREIGN_KEYS)
    })?;
    execute_with(
        "INSERT INTO pennylane.data_layout AS l (layout) VALUES ($1) \
         ON CONFLICT (only_row) DO UPDATE SET layout = EXCLUDED.layout, since = EXCLUDED.since WHERE l.layout < EXCLUDED.layout",
        &[(LAYOUT as i32).into()],
    )?;
    let mut made: Vec<String> = txn::with_settings(&[(c"client_min_messages", c"warning")], views::make)?
        .into_iter()
        .map(str::to_owned)
        .collect();
    made.extend(missing.iter().map(|table| table.name.to_owned()));
    if !made.is_empty() {
        execute_with("SELECT pennylane._share($1::name[]), pennylane._spread_policies()", &[made.into()])?;
    }
    for table in missing {
        // A watermark or memory that came back from a dump without its rows would be silent loss: forget it.
        execute_with("DELETE FROM pennylane.sync_state WHERE table_name = $1", &[table.name.into()])?;
    }
    disarm_foreign_keys()
}

/// The layout that the data tables have. A dump of a later version may have brought a later one.
///
/// # Errors
/// `Setup` when it cannot be read.
pub fn layout() -> Result<usize> {
    let noted =
        Spi::get_one::<i32>("SELECT coalesce((SELECT layout FROM pennylane.data_layout), 1)").map_err(failed)?;
    Ok(noted.and_then(|layout| usize::try_from(layout).ok()).unwrap_or(1).max(1))
}

/// Brings old tables up to date where nobody is kept waiting by it; otherwise the next run tries again. Each call is a
/// transaction of its own, or several.
pub fn keep_up() -> Result<()> {
    let (old, views_are_current) = txn::atomically("data_layout", || Ok((layout()?, views::is_current()?)))?;
    if old >= LAYOUT && views_are_current {
        return Ok(());
    }
    let upgraded = txn::atomically("data_layout", || txn::with_settings(&[(c"lock_timeout", PATIENCE)], run));
    match upgraded {
        Ok(()) => ServerLog.line(Level::Step, &format!("[SETUP] tables et vues mises a jour ({old} -> {LAYOUT})")),
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        // The sync goes on with the tables as they are.
        Err(error) => ServerLog.line(Level::Warning, &format!("[SETUP] {}", error.in_full())),
    }
    Ok(())
}

/// Creates the tables if one of these is missing.
///
/// # Errors
/// Those of [`run`].
pub fn run_if_missing(tables: &[&str]) -> Result<()> {
    version::require_same()?;
    let missing = tables.iter().any(|table| shape::find(table) == Found::Missing);
    if missing {
        return run();
    }
    // A dump may have brought the tables back without what is said of them elsewhere.
    execute("SELECT pennylane._spread_policies()")?;
    disarm_foreign_keys()
}

/// Foreign keys inform and never stop a sync: their triggers are disabled, which a dump and restore undoes.
///
/// # Errors
/// `Setup` when PostgreSQL gives no answer.
pub fn disarm_foreign_keys() -> Result<()> {
    let armed = "SELECT EXISTS (SELECT FROM pennylane._armed_foreign_keys())";
    if Spi::get_one::<bool>(armed).map_err(failed)?.unwrap_or(false) {
        execute("SELECT pennylane._disarm_foreign_keys()")?;
    }
    Ok(())
}

pub fn execute(sql: &str) -> Result<()> {
    execute_with(sql, &[])
}

pub fn execute_with(sql: &str, args: &[pgrx::datum::DatumWithOid]) -> Result<()> {
    Spi::run_with_args(sql, args).map_err(failed)
}

pub fn failed(error: pgrx::spi::Error) -> Error {
    Error::Setup { message: format!("the tables cannot be set up: {error}"), hint: "Report this message.".into() }
}
