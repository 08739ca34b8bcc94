//! Creates the data tables from `sql/tables/`, and keeps their foreign keys from stopping a sync.

use super::shape::{self, Found};
use super::{lock, txn};
use crate::catalogue::data_tables;
use crate::error::{Error, Result};
use pgrx::prelude::*;

/// Declared last, when every table is there.
const FOREIGN_KEYS: &str = include_str!("../../sql/tables/foreign_keys.sql");
/// Views over the data tables. Each file makes its view where it is missing and its columns are there.
const VIEWS: &[&str] = &[include_str!("../../sql/views/fec_legal.sql")];
/// The one of them, which comes and goes with its table.
const FEC_LEGAL: &str = "fec_legal";

/// Creates what is missing. Harmless when there is nothing to do.
///
/// # Errors
/// `Setup` when a name is taken by something that penny_pg did not make; then nothing is changed.
pub fn run() -> Result<()> {
    lock::setup();
    let mut missing = Vec::new();
    for table in data_tables() {
        match shape::find(table.name) {
            Found::Ours => {}
            Found::Missing => missing.push(table),
            Found::Foreign(what) => return Err(shape::taken(table.name, &what)),
        }
    }
    // A table that is there is the user's: columns that were dropped, comments that were rewritten stay that way.
    txn::with_settings(&[(c"client_min_messages", c"warning")], || {
        missing.iter().try_for_each(|table| execute(table.ddl))?;
        execute(FOREIGN_KEYS)?;
        VIEWS.iter().try_for_each(|view| execute(view))
    })?;
    if !missing.is_empty() {
        let mut made: Vec<String> = missing.iter().map(|table| table.name.to_owned()).collect();
        made.push(FEC_LEGAL.to_owned());
        execute_with("SELECT pennylane._share($1::name[]), pennylane._spread_policies()", &[made.into()])?;
    }
    for table in missing {
        // A watermark or memory that came back from a dump without its rows would be silent loss: forget it.
        execute_with("DELETE FROM pennylane.sync_state WHERE table_name = $1", &[table.name.into()])?;
    }
    disarm_foreign_keys()
}

/// Creates the tables if one of these is missing.
///
/// # Errors
/// Those of [`run`].
pub fn run_if_missing(tables: &[&str]) -> Result<()> {
    let missing = tables.iter().any(|table| shape::find(table) == Found::Missing);
    if missing {
        return run();
    }
    // A dump may have brought the tables back without what is said of them elsewhere.
    execute("SELECT pennylane._spread_policies()")?;
    disarm_foreign_keys()
}

/// Foreign keys inform and never stop a sync: their triggers are disabled, which a dump and restore undoes.
fn disarm_foreign_keys() -> Result<()> {
    let armed = "SELECT EXISTS (SELECT FROM pennylane._armed_foreign_keys())";
    if Spi::get_one::<bool>(armed).map_err(failed)?.unwrap_or(false) {
        execute("SELECT pennylane._disarm_foreign_keys()")?;
    }
    Ok(())
}

fn execute(sql: &str) -> Result<()> {
    execute_with(sql, &[])
}

fn execute_with(sql: &str, args: &[pgrx::datum::DatumWithOid]) -> Result<()> {
    Spi::run_with_args(sql, args).map_err(failed)
}

fn failed(error: pgrx::spi::Error) -> Error {
    Error::Setup { message: format!("the tables cannot be set up: {error}"), hint: "Report this message.".into() }
}
