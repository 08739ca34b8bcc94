//! The tables on request: which are kept here, and the functions that ask for one and give it up.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::shape::{self, Found};
use super::statements::relation;
use super::{companies, lock, setup as tables, transform_runs, txn, version};
use crate::catalogue::{DataTable, Mode, Resource, data_table, data_tables, kept_tables, resource};
use crate::error::{Error, Result};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The tables on request that are kept here.
///
/// # Errors
/// `Setup` when the list cannot be read, or the objects of the database are another version's.
pub fn enabled() -> Result<Vec<String>> {
    version::require_same()?;
    let query =
        "SELECT coalesce(pg_catalog.array_agg(table_name ORDER BY table_name), '{}') FROM pennylane.enabled_tables";
    // `select` would look with the eyes of the caller's statement: a run looks again once nobody can change the list.
    let found = Spi::connect_mut(|client| client.update(query, None, &[])?.first().get_one::<Vec<String>>());
    Ok(found.map_err(failed)?.unwrap_or_default())
}

/// `pennylane._data_tables()`: of objects of another version, what they hold by themselves.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn _data_tables() -> std::result::Result<SetOfIterator<'static, &'static str>, ErrorReport> {
    let enabled = version::require_same().map_or(Ok(Vec::new()), |()| enabled())?;
    Ok(SetOfIterator::new(kept_tables(&enabled).map(|table| table.name).collect::<Vec<_>>()))
}

/// `pennylane._known_tables()`
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn _known_tables() -> SetOfIterator<'static, &'static str> {
    SetOfIterator::new(data_tables().map(|table| table.name).collect::<Vec<_>>())
}

/// `pennylane.enable_table(name)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn enable_table(name: Option<&str>) -> std::result::Result<(), ErrorReport> {
    let table = on_request(name)?;
    let _confined = txn::Confined::begin();
    let note = "INSERT INTO pennylane.enabled_tables (table_name) VALUES ($1) ON CONFLICT DO NOTHING";
    run(note, &[table.table.into()])?;
    Ok(tables::run()?)
}

/// `pennylane.disable_table(name, keep_data)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn disable_table(
    name: Option<&str>,
    keep_data: default!(Option<bool>, "true"),
) -> std::result::Result<(), ErrorReport> {
    let table = on_request(name)?;
    let _confined = txn::Confined::begin();
    // No run has it in hand, and none begins before this is decided.
    lock::tables()?;
    txn::atomically(table.table, || give_up(table, keep_data.unwrap_or(true)))?;
    Ok(())
}

/// Takes a table off the list. What was known of its state goes with it: whatever changes at Pennylane from now on is
/// missed, so that it must be read whole should it come back.
fn give_up(resource: &Resource, keep_data: bool) -> Result<()> {
    let table = resource.table;
    run("DELETE FROM pennylane.enabled_tables WHERE table_name = $1", &[table.into()])?;
    run(
        "UPDATE pennylane.sync_runs SET status = 'cancelled', finished_at = pg_catalog.clock_timestamp() \
         WHERE status = 'queued' AND target = $1",
        &[table.into()],
    )?;
    for state in ["sync_state", "sync_checkpoints", "sync_candidates", "pending_entries", "schema_drift"] {
        run(&format!("DELETE FROM {} WHERE table_name = $1", relation(state)), &[table.into()])?;
    }
    if let Mode::Changelog(feed) = resource.mode {
        run("DELETE FROM pennylane.applied_events WHERE feed = $1", &[feed.into()])?;
    }
    if keep_data {
        return Ok(());
    }
    run("DELETE FROM pennylane.altered_rows WHERE table_name = $1", &[table.into()])?;
    if shape::find(table) == Found::Ours {
        // A dump brings the keys that point here back with their triggers.
        tables::disarm_foreign_keys()?;
        run(&format!("DELETE FROM {}", relation(table)), &[])?;
        transform_runs::note(None, Some(vec![table.to_owned()]))?;
    }
    Ok(())
}

/// The table that a caller may ask for or give up: one on request, for everybody who is kept here.
///
/// # Errors
/// `Argument`, with the names that can be given; those of [`txn::require_fresh_snapshots`].
fn on_request(name: Option<&str>) -> Result<&'static Resource> {
    txn::require_fresh_snapshots()?;
    version::require_same()?;
    let name = name.unwrap_or("NULL").chars().take(60).collect::<String>();
    if let Some(resource) = resource(&name).filter(|resource| resource.optional) {
        return match companies::seen_by_caller()? {
            None => Ok(resource),
            Some(_) => Err(Error::Argument {
                message: format!("{name} is a table of every company, and you see some of them only"),
                hint: "Let a role do it that was granted no company.".into(),
            }),
        };
    }
    let names: Vec<&str> = data_tables().filter(|table| table.optional).map(|table| table.name).collect();
    Err(Error::Argument {
        message: match data_table(&name) {
            Some(_) => format!("{name} is always kept"),
            None => format!("there is no table {name:?} on request"),
        },
        hint: format!("Name one of {}.", names.join(", ")),
    })
}

/// The error of a table that nobody asked for.
pub fn not_kept(table: DataTable) -> Error {
    Error::Argument {
        message: format!("{} is not kept here", table.name),
        hint: format!("SELECT pennylane.enable_table('{}');", table.name),
    }
}

fn run(query: &str, args: &[DatumWithOid]) -> Result<()> {
    Spi::run_with_args(query, args).map_err(failed)
}

fn failed(error: pgrx::spi::Error) -> Error {
    Error::Setup {
        message: format!("the list of tables cannot be used: {error}"),
        hint: "Look at the table pennylane.enabled_tables.".into(),
    }
}
