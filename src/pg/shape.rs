//! The columns of a live table to a [`Shape`], and whether the table is one that the engine can keep.

use crate::catalogue::{DataTable, data_table};
use crate::error::{Error, Result};
use crate::row::{Column, Shape, Type};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::collections::HashSet;

/// The columns that are the engine's own, and their types. Each table has those that it is shipped with.
const OURS: [(&str, &str); 7] = [
    ("id", "bigint"),
    ("company_id", "bigint"),
    ("period_start", "date"),
    ("period_end", "date"),
    ("line_no", "bigint"),
    ("extra", "jsonb"),
    ("_synced_at", "timestamp with time zone"),
];

/// What is known of a table before it is used.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Missing,
    /// An ordinary table of the owner of the engine.
    Ours,
    /// Something else has the name; the words say what.
    Foreign(String),
}

/// Looks who owns the name of a data table: a table that another role made may hold traps.
pub fn find(table: &str) -> Found {
    find_kind(table, "r", "no ordinary table")
}

/// The same for a view.
pub fn find_view(view: &str) -> Found {
    find_kind(view, "v", "no view")
}

fn find_kind(name: &str, relkind: &str, otherwise: &str) -> Found {
    let query = "SELECT c.relkind::text, c.relowner = ours.relowner, r.rolname::text \
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner, pg_catalog.pg_class ours \
                 WHERE c.relnamespace = ours.relnamespace AND c.relname = $1 \
                   AND ours.oid = 'pennylane.sync_state'::pg_catalog.regclass";
    match Spi::get_three_with_args::<String, bool, String>(query, &[name.into()]) {
        Ok((Some(kind), ours, owner)) => match ours {
            _ if kind != relkind => Found::Foreign(otherwise.into()),
            Some(true) => Found::Ours,
            _ => Found::Foreign(format!("an object of the role {}", owner.unwrap_or_default())),
        },
        _ => Found::Missing,
    }
}

/// The error of a name that is taken.
pub fn taken(table: &str, what: &str) -> Error {
    Error::Setup {
        message: format!("pennylane.{table} is {what}: it was not made by penny_pg and is left alone"),
        hint: format!(
            "If it is, and a dump brought it back without its owner, run ALTER TABLE pennylane.{table} OWNER TO \
             pennylane_owner; otherwise rename it (ALTER TABLE pennylane.{table} RENAME TO {table}_old) or, if it is the \
             older ETL's, the whole schema before CREATE EXTENSION (ALTER SCHEMA pennylane RENAME TO penny_old); then run \
             the sync again."
        ),
    }
}

/// Reads a table's columns.
///
/// # Errors
/// `Setup` when the table is missing, foreign, or lacks what the engine needs.
pub fn read(table: &str) -> Result<Shape> {
    match find(table) {
        Found::Ours => {}
        Found::Missing => {
            return Err(Error::Setup {
                message: format!("the table pennylane.{table} does not exist"),
                hint: "Run SELECT pennylane.setup();".into(),
            });
        }
        Found::Foreign(what) => return Err(taken(table, &what)),
    }
    let live = columns(table)?;
    let shipped: HashSet<&str> = data_table(table).iter().flat_map(DataTable::shipped_columns).collect();
    for (name, kind) in OURS.into_iter().filter(|(name, _)| shipped.contains(name)) {
        if !live.iter().any(|column| column.name == name && column.type_name == kind) {
            return Err(Error::Setup {
                message: format!("pennylane.{table} has no column {name} of type {kind}, which the sync needs"),
                hint: format!("Put it back: ALTER TABLE pennylane.{table} ADD COLUMN {name} {kind};"),
            });
        }
    }
    let fillable = live.into_iter().filter(|column| !OURS.iter().any(|(name, _)| *name == column.name));
    let column = |live: Live| {
        let kind = live.kind.filter(|_| !live.generated)?;
        Some(Column { kind, shipped: shipped.contains(live.name.as_str()), name: live.name })
    };
    Ok(Shape::new(fillable.filter_map(column).collect()))
}

/// The columns with a type that the engine does not fill, as `name (type)`.
pub fn unfillable(table: &str) -> Result<Vec<String>> {
    Ok(columns(table)?
        .into_iter()
        .filter(|column| column.kind.is_none() && !column.generated)
        .map(|column| format!("{} ({})", column.name, column.type_name))
        .collect())
}

struct Live {
    name: String,
    type_name: String,
    kind: Option<Type>,
    generated: bool,
}

fn columns(table: &str) -> Result<Vec<Live>> {
    let query = "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, NULL), a.atttypid, a.atttypmod, \
                        a.attgenerated <> '' OR a.attidentity <> '' \
                 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                 WHERE c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND c.relname = $1 \
                   AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let read = Spi::connect(|client| {
        let mut live = Vec::new();
        for row in client.select(query, None, &[table.into()])? {
            live.push(Live {
                name: row.get::<String>(1)?.unwrap_or_default(),
                type_name: row.get::<String>(2)?.unwrap_or_default(),
                kind: kind(row.get::<pg_sys::Oid>(3)?.unwrap_or_default(), row.get::<i32>(4)?.unwrap_or(-1)),
                generated: row.get::<bool>(5)?.unwrap_or(false),
            });
        }
        Ok::<_, pgrx::spi::Error>(live)
    });
    read.map_err(|error| Error::Setup {
        message: format!("the columns of pennylane.{table} cannot be read: {error}"),
        hint: "Run SELECT * FROM pennylane.check();".into(),
    })
}

/// The type of a column, or `None` for types that the engine does not fill (a float must not touch an amount).
fn kind(oid: pg_sys::Oid, modifier: i32) -> Option<Type> {
    // The modifiers of varchar and numeric count from VARHDRSZ (see numeric.c and varchar.c of PostgreSQL).
    let modifier = (modifier >= 4).then(|| modifier - 4);
    Some(match oid {
        pg_sys::INT8OID => Type::Bigint,
        pg_sys::INT4OID => Type::Integer,
        pg_sys::INT2OID => Type::Smallint,
        pg_sys::NUMERICOID => match modifier.map(|packed| ((packed >> 16) & 0xFFFF, packed & 0x7FF)) {
            None => Type::Numeric(None),
            // Since PostgreSQL 15 a scale may be negative or exceed the precision: nobody keeps amounts in that.
            Some((precision, scale)) if scale > precision => return None,
            Some((precision, scale)) => Type::Numeric(Some((precision as u16, scale as u16))),
        },
        pg_sys::TEXTOID => Type::Text(None),
        pg_sys::VARCHAROID => Type::Text(modifier.map(|longest| longest as u32)),
        pg_sys::BOOLOID => Type::Boolean,
        pg_sys::DATEOID => Type::Date,
        pg_sys::TIMESTAMPTZOID => Type::Timestamptz,
        pg_sys::UUIDOID => Type::Uuid,
        pg_sys::JSONBOID => Type::Jsonb,
        _ => return None,
    })
}
