//! Statements that users have applied after each sync that changed one of their tables: adding and dropping them.
//!
//! The two functions have the rights of who calls them, and take the owner's only to write: who is asked for is then who
//! calls, also from inside of somebody else's function.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::log::Notices;
use super::users_statement::{self, Kind};
use super::{companies, process, txn, version};
use crate::catalogue::data_tables;
use crate::error::{Error, Result};
use crate::sync::ports::Log;
use crate::sync::report::Level;
use pgrx::function_name;
use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

/// Where an error of the list itself is told.
pub const LIST: &str = "transforms";
/// The longest name, as of any object.
const LONGEST_NAME: usize = 63;

/// Whether the role `$1` may change what the role of a row added. Asked as the owner of the tables.
const IS_MINE: &str = "(coalesce(pg_catalog.pg_has_role($1, pg_catalog.to_regrole(pg_catalog.quote_ident(t.added_by))::pg_catalog.oid, \
                       'USAGE'), false) OR pg_catalog.pg_has_role($1, current_user, 'USAGE'))";

/// `pennylane.add_transform(name, statement, tables, timeout)`
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn add_transform(
    name: Option<&str>,
    statement: Option<&str>,
    tables: Option<Vec<Option<String>>>,
    timeout: default!(Option<Interval>, "'5 min'"),
) -> std::result::Result<(), ErrorReport> {
    version::require_same()?;
    let name = checked_name(name)?;
    let tables = checked_tables(tables.unwrap_or_default())?;
    let timeout = checked_timeout(timeout)?;
    let statement = statement.unwrap_or_default();
    checked_statement(statement)?;
    let caller = txn::current_role();
    let added = as_owner(|| {
        companies::require_unlimited(caller)?;
        let query = format!(
            "WITH added AS ( \
                 INSERT INTO pennylane._transforms AS t (name, statement, tables, timeout, added_by) \
                 VALUES ($2, $3, $4, $5, pg_catalog.pg_get_userbyid($1)) \
                 ON CONFLICT (name) DO UPDATE SET statement = EXCLUDED.statement, tables = EXCLUDED.tables, \
                     timeout = EXCLUDED.timeout, added_by = EXCLUDED.added_by, added_at = EXCLUDED.added_at WHERE {IS_MINE} \
                 RETURNING name \
             ), freed AS ( \
                 UPDATE pennylane.transform_runs r SET status = 'error' FROM added \
                 WHERE r.name = added.name AND r.status = 'suspended' \
             ) \
             INSERT INTO pennylane._transform_marks (name) SELECT name FROM added RETURNING true"
        );
        let args = [caller.into(), name.into(), statement.into(), tables.into(), timeout.into()];
        one::<bool>(&query, &args)
    })?;
    if added.is_none() {
        return Err(not_yours(name).into());
    }
    // SAFETY: looks a role up.
    if unsafe { pg_sys::superuser_arg(caller) } {
        let line =
            format!("the transform {name} will run with the rights of a superuser: SET ROLE to a lesser one first");
        Notices.line(Level::Step, &line);
    }
    Ok(())
}

/// `pennylane.drop_transform(name)`
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn drop_transform(name: Option<&str>) -> std::result::Result<(), ErrorReport> {
    version::require_same()?;
    let name = checked_name(name)?;
    let caller = txn::current_role();
    let found = as_owner(|| {
        let query = format!(
            "WITH gone AS (DELETE FROM pennylane._transforms t WHERE t.name = $2 AND {IS_MINE} RETURNING t.name), \
                  marks AS (DELETE FROM pennylane._transform_marks m USING gone WHERE m.name = gone.name) \
             SELECT EXISTS (SELECT FROM gone) FROM pennylane._transforms t WHERE t.name = $2"
        );
        one::<bool>(&query, &[caller.into(), name.into()])
    })?;
    match found {
        Some(true) => Ok(()),
        Some(false) => Err(not_yours(name).into()),
        None => Err(Error::Argument {
            message: format!("there is no transform {name:?}"),
            hint: "SELECT name FROM pennylane.transforms; lists them.".into(),
        }
        .into()),
    }
}

fn as_owner<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let owner = process::owner().ok_or_else(|| failed("the extension is not installed"))?;
    txn::as_role(LIST, owner, work)
}

fn one<T: FromDatum + IntoDatum>(query: &str, args: &[pgrx::datum::DatumWithOid]) -> Result<Option<T>> {
    match Spi::get_one_with_args(query, args) {
        Err(pgrx::spi::Error::InvalidPosition) => Ok(None),
        found => found.map_err(failed),
    }
}

/// What went wrong with the tables of the transforms.
pub fn failed(why: impl std::fmt::Display) -> Error {
    Error::Setup {
        message: format!("the list of transforms cannot be used: {why}"),
        hint: "Look at the tables pennylane._transforms and pennylane.transform_runs.".into(),
    }
}

fn not_yours(name: &str) -> Error {
    Error::Denied {
        message: format!("the transform {name:?} was added by a role that you are no member of"),
        hint: "Take another name, or ask that role: SELECT name, added_by FROM pennylane.transforms;".into(),
    }
}

fn wrong(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Argument { message: message.into(), hint: hint.into() }
}

/// It stands in the log: one line, of a length to read.
fn checked_name(name: Option<&str>) -> Result<&str> {
    let name = name.unwrap_or_default();
    let good = !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
    good.then_some(name).ok_or_else(|| {
        wrong("a transform needs a name of one line", "Name it in at most 63 bytes, such as 'payment delay'.")
    })
}

fn checked_tables(tables: Vec<Option<String>>) -> Result<Vec<String>> {
    let known: Vec<&str> = data_tables().map(|table| table.name).collect();
    let hint = || format!("Name one or more of {}.", known.join(", "));
    let named: Option<Vec<String>> = tables.into_iter().collect();
    let named = named.filter(|named| !named.is_empty());
    let named = named.ok_or_else(|| wrong("a transform needs tables after whose changes it runs", hint()))?;
    match named.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(named),
        Some(name) => {
            let name = name.chars().take(LONGEST_NAME).collect::<String>();
            Err(wrong(format!("there is no table {name:?} that a sync changes"), hint()))
        }
    }
}

fn checked_timeout(timeout: Option<Interval>) -> Result<Interval> {
    let good = "SELECT $1 >= interval '1 ms' AND $1 <= interval '1 day'";
    let good = |timeout: &Interval| one::<bool>(good, &[(*timeout).into()]).map(|good| good == Some(true));
    match timeout {
        Some(timeout) if good(&timeout)? => Ok(timeout),
        _ => Err(wrong(
            "the timeout of a transform is more than nothing and at most a day",
            "Say for example timeout => '10 min'.",
        )),
    }
}

/// One statement that PostgreSQL understands with nothing but full names.
fn checked_statement(statement: &str) -> std::result::Result<(), ErrorReport> {
    let text = CString::new(statement).unwrap_or_default();
    match understood(&text, users_statement::kinds)?.as_slice() {
        [Kind::Transaction] => Err(wrong(
            "a transform runs inside of a transaction and cannot begin or end one",
            "Leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out: it is kept whole, or not at all.",
        )
        .into()),
        [_] => understood(&text, users_statement::analyse),
        [] => {
            Err(wrong("a transform needs a statement", "Such as 'REFRESH MATERIALIZED VIEW CONCURRENTLY own.delays'.")
                .into())
        }
        _ => Err(wrong(
            "a transform is one statement",
            "Add one transform for each, or write a function that does them all.",
        )
        .into()),
    }
}

/// What PostgreSQL makes of a text; its error with what to do. Where in the text it is would be counted in the caller's.
fn understood<T>(
    text: &CStr,
    look: impl FnOnce(&CStr) -> T + std::panic::UnwindSafe,
) -> std::result::Result<T, ErrorReport> {
    let text = std::panic::AssertUnwindSafe(text);
    PgTryBuilder::new(move || Ok(users_statement::with_its_settings(|| look(&text))))
        .catch_others(|caught| match caught {
            CaughtError::PostgresError(raised) => {
                let code = raised.sql_error_code();
                let is_lookup = matches!(
                    code,
                    PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE
                        | PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION
                        | PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT
                );
                let hint = if is_lookup {
                    "Write each name with its schema, such as own.delays or pennylane.customers: a transform runs with \
                     search_path = pg_catalog, pg_temp. SELECT pennylane.setup(); makes the tables of schema pennylane."
                } else {
                    "Run the statement by hand first, then give it to add_transform() between $$ and $$."
                };
                Err(ErrorReport::new(code, raised.message().to_owned(), function_name!()).set_hint(hint))
            }
            other => other.rethrow(),
        })
        .execute()
}
