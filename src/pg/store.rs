//! The one place that writes rows: the [`Store`] over SPI, a savepoint a page, values always as arguments.

use super::shape;
use super::statements::{self, relation};
use super::txn;
use crate::error::{Error, Result};
use crate::row::{Column, MISFIT, Shape, Type};
use crate::sync::ports::{Merged, Misfits, Store};
use crate::sync::read::Batch;
use crate::sync::report::{Status, TableReport};
use chrono::{DateTime, Utc};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::OwnedPreparedStatement;
use pgrx::{PgBuiltInOids, PgOid};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::CStr;
use std::sync::Arc;

/// The statement of a page joins a hundred rows to a table by its key. A plan made while the table was empty would
/// scan it whole for ever after: index or nothing, and one plan for all pages.
const BY_KEY: &[(&CStr, &CStr)] = &[
    (c"enable_seqscan", c"off"),
    (c"enable_hashjoin", c"off"),
    (c"enable_mergejoin", c"off"),
    (c"plan_cache_mode", c"force_generic_plan"),
    (c"jit", c"off"),
];

/// How many rows with a misfit a message names.
const MISFIT_SAMPLE: i64 = 5;

/// The tables of one company, in the caller's transaction.
pub struct SpiStore {
    company: i64,
    merges: HashMap<(String, Vec<usize>), OwnedPreparedStatement>,
}

impl SpiStore {
    /// The store of this company.
    pub fn new(company: i64) -> SpiStore {
        SpiStore { company, merges: HashMap::new() }
    }

    /// One value of a statement about one table.
    fn one<T: FromDatum + IntoDatum>(&self, table: &str, query: &str, args: &[DatumWithOid]) -> Result<Option<T>> {
        txn::savepoint(table, || Spi::get_one_with_args::<T>(query, args).map_err(|error| spi_error(table, &error)))
    }

    /// Runs a statement and tells how many rows it touched.
    fn run(&self, table: &str, query: &str, args: &[DatumWithOid]) -> Result<u64> {
        txn::savepoint(table, || {
            Spi::connect_mut(|client| client.update(query, None, args).map(|done| done.len() as u64))
                .map_err(|error| spi_error(table, &error))
        })
    }

    /// The statement for pages of these columns, prepared once.
    fn statement(&mut self, table: &str, shape: &Shape, places: &[usize]) -> Result<&OwnedPreparedStatement> {
        match self.merges.entry((table.to_owned(), places.to_vec())) {
            Entry::Occupied(prepared) => Ok(prepared.into_mut()),
            Entry::Vacant(vacant) => {
                let columns: Vec<&Column> = places.iter().map(|place| &shape.columns()[*place]).collect();
                let bigint = PgOid::from(pg_sys::INT8OID);
                let mut types = vec![bigint, bigint, bigint, PgOid::from(pg_sys::INT8ARRAYOID)];
                types.resize(types.len() + columns.len() + 1, PgOid::from(pg_sys::TEXTARRAYOID));
                let sql = statements::merge(table, &columns);
                let prepared = Spi::connect_mut(|client| client.prepare_mut(sql.as_str(), &types).map(|s| s.keep()));
                Ok(vacant.insert(prepared.map_err(|error| spi_error(table, &error))?))
            }
        }
    }
}

/// The columns that a page fills: those the table is shipped with, and those a user added and the page has fields for.
fn places(shape: &Shape, batch: &Batch) -> Vec<usize> {
    let adopted: HashSet<usize> = batch.rows.iter().flat_map(|row| row.adopted.iter().copied()).collect();
    let columns = shape.columns().iter().enumerate();
    columns.filter(|(place, column)| column.shipped || adopted.contains(place)).map(|(place, _)| place).collect()
}

fn spi_error(table: &str, error: &pgrx::spi::Error) -> Error {
    Error::Setup {
        message: format!("a statement on pennylane.{table} gave no result: {error}"),
        hint: "Run SELECT * FROM pennylane.check();".into(),
    }
}

/// The arguments of a page for the merge statement.
fn arguments<'a>(company: i64, places: &[usize], batch: &'a Batch) -> Vec<DatumWithOid<'a>> {
    let texts = |values: Vec<Option<&'a str>>| {
        // SAFETY: a text[] built from Rust strings.
        unsafe { DatumWithOid::new(values, PgBuiltInOids::TEXTARRAYOID.value()) }
    };
    let (after, upto) = batch.range.unzip();
    let mut arguments: Vec<DatumWithOid> = vec![
        company.into(),
        after.into(),
        upto.into(),
        batch.rows.iter().map(|row| row.id).collect::<Vec<i64>>().into(),
    ];
    for place in places {
        arguments.push(texts(batch.rows.iter().map(|row| row.cells[*place].as_deref()).collect()));
    }
    arguments.push(texts(batch.rows.iter().map(|row| row.extra.as_deref()).collect()));
    arguments
}

impl Store for SpiStore {
    fn shape(&mut self, table: &str) -> Result<Arc<Shape>> {
        shape::read(table).map(Arc::new)
    }

    fn start_load(&mut self, table: &str) -> Result<u64> {
        let forget = "DELETE FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2";
        self.run(table, forget, &[self.company.into(), table.into()])?;
        let held = format!("SELECT pg_catalog.count(*) FROM {} WHERE company_id = $1", relation(table));
        Ok(self.one::<i64>(table, &held, &[self.company.into()])?.unwrap_or(0).unsigned_abs())
    }

    fn merge(&mut self, table: &str, shape: &Shape, batch: &Batch) -> Result<Merged> {
        let company = self.company;
        txn::savepoint(table, || {
            let places = places(shape, batch);
            let statement = self.statement(table, shape, &places)?;
            let counts = txn::with_settings(BY_KEY, || {
                Spi::connect_mut(|client| {
                    let row = client.update(statement, None, &arguments(company, &places, batch))?.first();
                    let count = |place| Ok::<_, pgrx::spi::Error>(row.get::<i64>(place)?.unwrap_or(0).unsigned_abs());
                    Ok((count(1)?, count(2)?, row.get::<i64>(4)?, row.get::<i64>(5)?))
                })
            });
            let (inserted, updated, foreign, owner) =
                counts.map_err(|error: pgrx::spi::Error| spi_error(table, &error))?;
            if let (Some(id), Some(owner)) = (foreign, owner) {
                return Err(Error::ForeignRecord { table: table.to_owned(), id, arrived: company, owner });
            }
            let unchanged = (batch.rows.len() as u64).saturating_sub(inserted + updated);
            Ok(Merged { inserted, updated, unchanged })
        })
    }

    fn candidates(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
        let query = "SELECT pg_catalog.array_agg(id ORDER BY id) FROM (SELECT id FROM pennylane.sync_candidates \
                     WHERE company_id = $1 AND table_name = $2 AND id > $3 ORDER BY id LIMIT $4) AS next";
        let args = [self.company.into(), table.into(), after.into(), i64::from(limit).into()];
        Ok(self.one::<Vec<i64>>(table, query, &args)?.unwrap_or_default())
    }

    fn candidate_count(&mut self, table: &str) -> Result<u64> {
        let query =
            "SELECT pg_catalog.count(*) FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2";
        Ok(self.one::<i64>(table, query, &[self.company.into(), table.into()])?.unwrap_or(0).unsigned_abs())
    }

    fn keep(&mut self, table: &str, ids: &[i64]) -> Result<u64> {
        let query = "WITH kept AS (DELETE FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2 \
                     AND id = ANY ($3) RETURNING 1) SELECT pg_catalog.count(*) FROM kept";
        let args = [self.company.into(), table.into(), ids.to_vec().into()];
        Ok(self.one::<i64>(table, query, &args)?.unwrap_or(0).unsigned_abs())
    }

    fn delete_candidates(&mut self, table: &str) -> Result<u64> {
        let relation = relation(table);
        let query = format!(
            "WITH gone AS ( \
                 DELETE FROM {relation} t USING pennylane.sync_candidates c \
                 WHERE c.company_id = $1 AND c.table_name = $2 AND t.id = c.id AND t.company_id = $1 RETURNING t.* \
             ), kept AS ( \
                 INSERT INTO pennylane.deleted_rows (company_id, table_name, id, deleted_at, row) \
                 SELECT $1, $2, gone.id, pg_catalog.clock_timestamp(), pg_catalog.to_jsonb(gone) FROM gone \
             ), done AS ( \
                 DELETE FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2 \
             ) SELECT pg_catalog.count(*) FROM gone"
        );
        Ok(self.one::<i64>(table, &query, &[self.company.into(), table.into()])?.unwrap_or(0).unsigned_abs())
    }

    fn misfits(&mut self, table: &str) -> Result<Misfits> {
        let relation = relation(table);
        let count = format!("SELECT pg_catalog.count(*) FROM {relation} WHERE company_id = $1 AND extra ? '{MISFIT}'");
        let rows = self.one::<i64>(table, &count, &[self.company.into()])?.unwrap_or(0).unsigned_abs();
        if rows == 0 {
            return Ok(Misfits::default());
        }
        let sample = format!(
            "SELECT pg_catalog.array_agg(line) FROM (SELECT id || ': ' || (SELECT pg_catalog.string_agg(field, ', ') \
             FROM pg_catalog.jsonb_object_keys(extra -> '{MISFIT}') AS field) AS line FROM {relation} \
             WHERE company_id = $1 AND extra ? '{MISFIT}' ORDER BY id LIMIT {MISFIT_SAMPLE}) AS named"
        );
        let sample = self.one::<Vec<String>>(table, &sample, &[self.company.into()])?.unwrap_or_default();
        Ok(Misfits { rows, sample })
    }

    fn note_drift(&mut self, table: &str, unknown: &BTreeMap<String, Type>) -> Result<()> {
        let fields: Vec<&str> = unknown.keys().map(String::as_str).collect();
        let types: Vec<String> = unknown.values().map(Type::to_string).collect();
        let gone = "DELETE FROM pennylane.schema_drift WHERE company_id = $1 AND table_name = $2 AND field <> ALL ($3)";
        self.run(table, gone, &[self.company.into(), table.into(), fields.clone().into()])?;
        if fields.is_empty() {
            return Ok(());
        }
        let noted = "INSERT INTO pennylane.schema_drift AS d (company_id, table_name, field, sample_type, adopt_with) \
             SELECT $1, $2, field, type, pg_catalog.format('ALTER TABLE pennylane.%I ADD COLUMN %I %s;', $2, field, type) \
             FROM unnest($3::text[], $4::text[]) AS seen (field, type) \
             ON CONFLICT (company_id, table_name, field) DO UPDATE \
             SET sample_type = EXCLUDED.sample_type, adopt_with = EXCLUDED.adopt_with, last_seen_at = EXCLUDED.last_seen_at";
        self.run(table, noted, &[self.company.into(), table.into(), fields.into(), types.into()])?;
        Ok(())
    }

    fn finish(&mut self, report: &TableReport, watermark: Option<DateTime<Utc>>) -> Result<()> {
        let table = report.table;
        if matches!(report.status, Status::Skipped | Status::Error) {
            let failed = "INSERT INTO pennylane.sync_state AS s (company_id, table_name, status, last_error) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (company_id, table_name) DO UPDATE \
                 SET status = EXCLUDED.status, last_error = EXCLUDED.last_error, updated_at = EXCLUDED.updated_at";
            let args = [self.company.into(), table.into(), report.status.word().into(), report.message.clone().into()];
            self.run(table, failed, &args)?;
            return Ok(());
        }
        let relation = relation(table);
        let done = format!(
            "INSERT INTO pennylane.sync_state AS s (company_id, table_name, last_sync_at, records_synced, sync_type, \
                 status, last_full_at, row_count) \
             SELECT $1, $2, $3::timestamptz, $4, $5, $6, pg_catalog.clock_timestamp(), \
                 (SELECT pg_catalog.count(*) FROM {relation} WHERE company_id = $1) \
             ON CONFLICT (company_id, table_name) DO UPDATE \
             SET last_sync_at = coalesce(EXCLUDED.last_sync_at, s.last_sync_at), records_synced = EXCLUDED.records_synced, \
                 sync_type = EXCLUDED.sync_type, status = EXCLUDED.status, last_error = NULL, \
                 updated_at = EXCLUDED.updated_at, last_full_at = EXCLUDED.last_full_at, row_count = EXCLUDED.row_count"
        );
        let merged = report.merged;
        let records = (merged.inserted + merged.updated + merged.unchanged + report.deleted) as i64;
        let args = [
            self.company.into(),
            table.into(),
            watermark.map(|time| time.to_rfc3339()).into(),
            records.into(),
            report.sync_type.word().into(),
            report.status.word().into(),
        ];
        self.run(table, &done, &args)?;
        Ok(())
    }
}
