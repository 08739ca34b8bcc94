//! The one place that writes rows: the [`Store`] over SPI, a savepoint a page, values always as arguments. The tables of
//! exports are in `store/export.rs`; `store/steps.rs` is the store of the background worker.

mod export;
pub mod steps;

use self::export::has_extra;
use super::shape;
use super::statements::{self, NOTED_AGAIN, Which, quoted, relation};
use super::text_array::TextArray;
use super::txn;
use crate::api::changelog::Operation;
use crate::catalogue::{IdFilter, Mode, Resource, export, resource};
use crate::error::{Error, Result};
use crate::period::Period;
use crate::row::{Column, MISFIT, Row, Shape, Type};
use crate::sync::changes::{Applied, Memory};
use crate::sync::ports::{Flaws, Load, Merged, Named, Progress, Store, Written};
use crate::sync::read::Batch;
use crate::sync::report::{Status, SyncType, TableReport};
use chrono::{DateTime, TimeDelta, Utc};
use pgrx::PgOid;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiTupleTable};
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

/// How many rows of a kind a message names.
const SAMPLE: i64 = 5;

/// How long a checkpoint is good: what was proven long ago is proven again.
const CHECKPOINT_HOURS: i64 = 12;

/// Events written by one statement.
const EVENTS_AT_ONCE: usize = 10_000;

/// The tables of one company, in the caller's transaction.
pub struct SpiStore {
    company: i64,
    /// The statements of a page, by table and columns.
    prepared: HashMap<(String, Vec<usize>, Purpose), OwnedPreparedStatement>,
    /// The loads under way.
    loads: HashMap<String, LoadUnderWay>,
    /// Whether a table has rows that are known to be altered, as far as somebody looked.
    altered: HashMap<String, bool>,
    /// Loads that are cut off may go on where they were: what is written stays when a run ends early.
    checkpoints: bool,
}

/// What a statement does with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    /// Compares them with those held and writes what differs.
    Write,
    /// Writes them where none is held.
    WriteFresh,
    ReadBack,
    /// Reads back rows that lie side by side.
    ReadBackRange,
}

/// Keys of rows, ascending, and the digest of each.
type Digests = Vec<(i64, i64)>;

/// A load under way.
#[derive(Debug, Clone, Copy)]
struct LoadUnderWay {
    /// When it started, by this server's clock in microseconds: what was pending before then is covered by it.
    started: i64,
    /// When it started, by the API's clock.
    watermark: Option<DateTime<Utc>>,
}

impl SpiStore {
    /// The store of this company, in the caller's transaction: all of a run or nothing stays.
    pub fn new(company: i64) -> SpiStore {
        let (prepared, loads, altered) = (HashMap::new(), HashMap::new(), HashMap::new());
        SpiStore { company, prepared, loads, altered, checkpoints: false }
    }

    /// Where a load that was cut off had come to, if it started in the last hours.
    fn checkpoint(&self, table: &str) -> Result<Option<(i64, LoadUnderWay)>> {
        let query = "SELECT last_id::text, ((extract(epoch FROM started_at) * 1000000)::bigint)::text, \
                     ((extract(epoch FROM watermark) * 1000000)::bigint)::text \
                     FROM pennylane.sync_checkpoints WHERE company_id = $1 AND table_name = $2 \
                       AND started_at > pg_catalog.clock_timestamp() - $3 * interval '1 hour'";
        let args = [self.company.into(), table.into(), CHECKPOINT_HOURS.into()];
        let number = |text: &Option<String>| text.as_deref()?.parse::<i64>().ok();
        let found = self.rows(table, query, &args, |row| {
            let watermark = number(&row[2]).and_then(DateTime::from_timestamp_micros);
            Some((number(&row[0])?, LoadUnderWay { started: number(&row[1])?, watermark }))
        })?;
        Ok(found.into_iter().next())
    }

    /// Notes how far a load came, with the rows that brought it there.
    fn save_checkpoint(&self, table: &str, last_id: i64) -> Result<()> {
        let Some(load) = self.loads.get(table) else { return Ok(()) };
        let query = "INSERT INTO pennylane.sync_checkpoints AS c (company_id, table_name, last_id, watermark, started_at) \
             VALUES ($1, $2, $3, $4::timestamptz, 'epoch'::timestamptz + $5 * interval '1 microsecond') \
             ON CONFLICT (company_id, table_name) DO UPDATE SET last_id = EXCLUDED.last_id, \
                 watermark = EXCLUDED.watermark, started_at = EXCLUDED.started_at";
        let watermark = load.watermark.map(|time| time.to_rfc3339());
        let args = [self.company.into(), table.into(), last_id.into(), watermark.into(), load.started.into()];
        self.run(table, query, &args).map(|_| ())
    }

    fn forget_checkpoint(&self, table: &str) -> Result<()> {
        let query = "DELETE FROM pennylane.sync_checkpoints WHERE company_id = $1 AND table_name = $2";
        self.run(table, query, &[self.company.into(), table.into()]).map(|_| ())
    }

    /// Takes off a list what was noted before a load started that has seen everything since.
    fn forget_before(&self, list: &str, table: &str, started: i64) -> Result<()> {
        let covered = format!(
            "DELETE FROM {} WHERE company_id = $1 AND table_name = $2 \
             AND noted_at < 'epoch'::timestamptz + $3 * interval '1 microsecond'",
            relation(list)
        );
        self.run(table, &covered, &[self.company.into(), table.into(), started.into()]).map(|_| ())
    }

    /// One value of a statement about one table.
    fn one<T: FromDatum + IntoDatum>(&self, table: &str, query: &str, args: &[DatumWithOid]) -> Result<Option<T>> {
        txn::atomically(table, || Spi::get_one_with_args::<T>(query, args).map_err(|error| spi_error(table, &error)))
    }

    /// The rows of a query about one table, each made of its columns as text.
    fn rows<T>(
        &self,
        table: &str,
        query: &str,
        args: &[DatumWithOid],
        read: impl Fn(&[Option<String>]) -> Option<T>,
    ) -> Result<Vec<T>> {
        txn::atomically(table, || {
            // `select` would look with the eyes of the caller's statement, which do not see what this run has written.
            let rows = Spi::connect_mut(|client| {
                let mut rows = Vec::new();
                for row in client.update(query, None, args)? {
                    let texts = (1..=row.columns()).map(|place| row.get::<String>(place));
                    rows.extend(read(&texts.collect::<std::result::Result<Vec<_>, _>>()?));
                }
                Ok::<_, pgrx::spi::Error>(rows)
            });
            rows.map_err(|error| spi_error(table, &error))
        })
    }

    /// One count of a statement about one table.
    fn count(&self, table: &str, query: &str, args: &[DatumWithOid]) -> Result<u64> {
        Ok(self.one::<i64>(table, query, args)?.unwrap_or(0).unsigned_abs())
    }

    /// The next ids of a list of ids that is kept in a table.
    fn next_ids(&self, list: &str, table: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
        let query = format!(
            "SELECT pg_catalog.array_agg(id ORDER BY id) FROM (SELECT id FROM {} \
             WHERE company_id = $1 AND table_name = $2 AND id > $3 ORDER BY id LIMIT $4) AS next",
            relation(list)
        );
        let args = [self.company.into(), table.into(), after.into(), i64::from(limit).into()];
        Ok(self.one::<Vec<i64>>(table, &query, &args)?.unwrap_or_default())
    }

    /// Runs a statement and tells how many rows it touched.
    fn run(&self, table: &str, query: &str, args: &[DatumWithOid]) -> Result<u64> {
        txn::atomically(table, || {
            Spi::connect_mut(|client| client.update(query, None, args).map(|done| done.len() as u64))
                .map_err(|error| spi_error(table, &error))
        })
    }

    /// Keeps the memory of applied events, as far back as the next run will read.
    fn remember(&self, table: &str, memory: &Memory) -> Result<()> {
        if let Some(before) = memory.forget_before {
            let feeds: Vec<String> = memory.feeds.iter().map(|feed| (*feed).to_owned()).collect();
            let forget = "DELETE FROM pennylane.applied_events WHERE company_id = $1 AND feed = ANY ($2) \
                          AND processed_at < $3::timestamptz";
            self.run(table, forget, &[self.company.into(), feeds.into(), before.to_rfc3339().into()])?;
        }
        let remember = "INSERT INTO pennylane.applied_events (company_id, feed, id, operation, processed_at, parent) \
             SELECT $1, feed, id, operation, 'epoch'::timestamptz + micros * interval '1 microsecond', parent \
             FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) \
                  AS e (feed, id, operation, micros, parent) \
             ON CONFLICT DO NOTHING";
        for events in memory.fresh.chunks(EVENTS_AT_ONCE) {
            let args = [
                self.company.into(),
                events.iter().map(|(feed, _)| memory.feeds[*feed].to_owned()).collect::<Vec<String>>().into(),
                events.iter().map(|(_, event)| event.id).collect::<Vec<i64>>().into(),
                events.iter().map(|(_, event)| event.operation.word().to_owned()).collect::<Vec<String>>().into(),
                events.iter().map(|(_, event)| event.processed_at.timestamp_micros()).collect::<Vec<i64>>().into(),
                events.iter().map(|(_, event)| event.parent.unwrap_or(0)).collect::<Vec<i64>>().into(),
            ];
            self.run(table, remember, &args)?;
        }
        Ok(())
    }

    /// Notes how a table's sync ended, with the watermark, what is no longer pending and the memory of events.
    fn note_end(&mut self, report: &TableReport, progress: &Progress) -> Result<()> {
        let table = report.table;
        if matches!(report.status, Status::Skipped | Status::Error) {
            let failed = "INSERT INTO pennylane.sync_state AS s (company_id, table_name, status, last_error) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (company_id, table_name) DO UPDATE \
                 SET status = EXCLUDED.status, last_error = EXCLUDED.last_error, updated_at = EXCLUDED.updated_at";
            let args = [self.company.into(), table.into(), report.status.word().into(), report.message.clone().into()];
            return self.run(table, failed, &args).map(|_| ());
        }
        // Counting a million rows every two hours would be work for nothing: what changed is known.
        let whole = report.sync_type != SyncType::Incremental && report.status != Status::Unchanged;
        let rows = if whole {
            format!("(SELECT pg_catalog.count(*) FROM {} WHERE company_id = $1)", relation(table))
        } else {
            "NULL::bigint".to_owned()
        };
        let done = format!(
            "INSERT INTO pennylane.sync_state AS s (company_id, table_name, last_sync_at, records_synced, sync_type, \
                 status, last_full_at, row_count, last_processed_at) \
             SELECT $1, $2, $3::timestamptz, $4, $5, $6, CASE WHEN $7 THEN pg_catalog.clock_timestamp() END, {rows}, \
                 $9::timestamptz \
             ON CONFLICT (company_id, table_name) DO UPDATE \
             SET last_sync_at = coalesce(EXCLUDED.last_sync_at, s.last_sync_at), records_synced = EXCLUDED.records_synced, \
                 sync_type = EXCLUDED.sync_type, status = EXCLUDED.status, last_error = NULL, \
                 updated_at = EXCLUDED.updated_at, last_full_at = coalesce(EXCLUDED.last_full_at, s.last_full_at), \
                 row_count = coalesce(EXCLUDED.row_count, s.row_count + $8), \
                 last_processed_at = greatest(EXCLUDED.last_processed_at, s.last_processed_at)"
        );
        // An export with nothing new to bring is as good as it was when it was taken.
        let status = match report.status {
            Status::Unchanged if self.flaws(table, false)?.message().is_some() => Status::Partial,
            Status::Unchanged => Status::Ok,
            status => status,
        };
        let merged = report.merged;
        let records = (merged.rows() + report.deleted) as i64;
        let time = |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339());
        let args = [
            self.company.into(),
            table.into(),
            time(progress.watermark).into(),
            records.into(),
            report.sync_type.word().into(),
            status.word().into(),
            whole.into(),
            (merged.inserted as i64 - report.deleted as i64).into(),
            time(progress.memory.newest).into(),
        ];
        self.run(table, &done, &args)?;
        if whole && let Some(LoadUnderWay { started, .. }) = self.loads.remove(table) {
            self.forget_checkpoint(table)?;
            self.forget_before("pending_entries", table, started)?;
        }
        self.remember(table, &progress.memory)
    }

    /// Writes rows that fill the same columns, and checks them.
    fn merge_rows(&mut self, table: &str, shape: &Shape, adopted: &[usize], page: &Page) -> Result<Written> {
        let company = self.company;
        let places = filled(shape, adopted);
        let resource = catalogued(table)?;
        let (bigint, ids) = (pg_sys::INT8OID, pg_sys::INT8ARRAYOID);
        let types = types(&[bigint, bigint, bigint, ids, ids], places.len() + 1);
        let sql = || statements::merge(resource, &columns(shape, &places));
        let statement = self.statement(table, &places, Purpose::Write, &types, &sql)?;
        let done = txn::with_settings(BY_KEY, || {
            Spi::connect_mut(|client| {
                let row = client.update(statement, None, &arguments(company, &places, page))?.first();
                Ok((count(&row, 1)?, count(&row, 2)?, row.get::<i64>(3)?, row.get::<i64>(4)?, digests(&row, 5)?))
            })
        });
        let (inserted, updated, foreign, owner, wanted) =
            done.map_err(|error: pgrx::spi::Error| spi_error(table, &error))?;
        if let (Some(id), Some(owner)) = (foreign, owner) {
            return Err(Error::ForeignRecord { table: table.to_owned(), id, arrived: company, owner });
        }
        let unchanged = (page.rows.len() - wanted.len()) as u64;
        if wanted.is_empty() {
            return Ok(Written { counts: Merged { inserted, updated, unchanged }, altered: Vec::new() });
        }
        let listed = page.range.is_some();
        let purpose = if listed { Purpose::ReadBackRange } else { Purpose::ReadBack };
        let sql = || statements::read_back(resource, &columns(shape, &places), listed);
        let keys = || vec![company.into(), wanted.iter().map(|(key, _)| *key).collect::<Vec<i64>>().into()];
        let stored = self.read_back(table, &places, purpose, &[bigint, ids], &sql, &keys)?;
        let altered = altered(&wanted, &stored);
        self.note_altered(table, None, &altered)?;
        Ok(Written { counts: Merged { inserted, updated, unchanged }, altered })
    }

    /// These rows are about to be written or found right: they are not known to be altered any more.
    fn settle(&mut self, table: &str, period: Option<Period>, ids: &[i64]) -> Result<()> {
        let known = match self.altered.get(table) {
            Some(known) => *known,
            None => {
                let query =
                    "SELECT EXISTS (SELECT FROM pennylane.altered_rows WHERE company_id = $1 AND table_name = $2)";
                let known = self.one::<bool>(table, query, &[self.company.into(), table.into()])?.unwrap_or(true);
                self.altered.insert(table.to_owned(), known);
                known
            }
        };
        if !known {
            return Ok(());
        }
        let forget = "DELETE FROM pennylane.altered_rows WHERE company_id = $1 AND table_name = $2 AND id = ANY ($3) \
                      AND period_start = $4::date AND period_end = $5::date";
        self.run_altered(table, forget, period, ids)
    }

    /// Notes rows that are not stored as they were written.
    fn note_altered(&mut self, table: &str, period: Option<Period>, ids: &[i64]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.altered.insert(table.to_owned(), true);
        let note = "INSERT INTO pennylane.altered_rows (company_id, table_name, id, period_start, period_end) \
                    SELECT $1, $2, id, $4::date, $5::date FROM unnest($3) AS a (id) ON CONFLICT DO NOTHING";
        self.run_altered(table, note, period, ids)
    }

    /// Runs a statement about altered rows of an export's period, or of a list: those are of all time.
    fn run_altered(&self, table: &str, query: &str, period: Option<Period>, ids: &[i64]) -> Result<()> {
        let (start, end) = match period {
            Some(period) => (period.start.to_string(), period.end.to_string()),
            None => ("-infinity".to_owned(), "infinity".to_owned()),
        };
        let args = [self.company.into(), table.into(), ids.to_vec().into(), start.into(), end.into()];
        self.run(table, query, &args).map(|_| ())
    }

    /// Reads rows back as they are stored now. Triggers that wait for the end of the transaction have not fired yet.
    fn read_back<'a>(
        &mut self,
        table: &str,
        places: &[usize],
        purpose: Purpose,
        types: &[pg_sys::Oid],
        sql: &dyn Fn() -> String,
        arguments: &dyn Fn() -> Vec<DatumWithOid<'a>>,
    ) -> Result<Digests> {
        let types: Vec<PgOid> = types.iter().copied().map(PgOid::from).collect();
        let statement = self.statement(table, places, purpose, &types, sql)?;
        let stored = txn::with_settings(BY_KEY, || {
            Spi::connect_mut(|client| digests(&client.update(statement, None, &arguments())?.first(), 1))
        });
        stored.map_err(|error| spi_error(table, &error))
    }

    /// The statement of this purpose for these columns, prepared once.
    fn statement(
        &mut self,
        table: &str,
        places: &[usize],
        purpose: Purpose,
        types: &[PgOid],
        sql: &dyn Fn() -> String,
    ) -> Result<&OwnedPreparedStatement> {
        match self.prepared.entry((table.to_owned(), places.to_vec(), purpose)) {
            Entry::Occupied(prepared) => Ok(prepared.into_mut()),
            Entry::Vacant(vacant) => {
                let prepared = Spi::connect_mut(|client| client.prepare_mut(sql().as_str(), types).map(|s| s.keep()));
                Ok(vacant.insert(prepared.map_err(|error| spi_error(table, &error))?))
            }
        }
    }

    /// How many rows `source` gives, and the names of the first, made of `key` and what follows it.
    fn named(&self, table: &str, source: &str, key: &str, details: &str) -> Result<Named> {
        let rows = format!("SELECT pg_catalog.count(*) FROM {source}");
        let rows = self.count(table, &rows, &[self.company.into()])?;
        if rows == 0 {
            return Ok(Named::default());
        }
        let (name, order) = match export(table) {
            Some(_) => (format!("period_start || ' line ' || {key}"), format!("period_start, {key}")),
            None => (format!("{key}::text"), key.to_owned()),
        };
        let sample = format!(
            "SELECT pg_catalog.array_agg(line) FROM \
             (SELECT {name}{details} AS line FROM {source} ORDER BY {order} LIMIT {SAMPLE}) AS named"
        );
        let sample = self.one::<Vec<String>>(table, &sample, &[self.company.into()])?.unwrap_or_default();
        Ok(Named { rows, sample })
    }
}

/// The rows that are not stored as they were wanted: a trigger that alters or leaves out a row says nothing.
fn altered(wanted: &Digests, stored: &Digests) -> Vec<i64> {
    if wanted == stored {
        return Vec::new();
    }
    let stored: HashMap<i64, i64> = stored.iter().copied().collect();
    wanted.iter().filter(|(key, digest)| stored.get(key) != Some(digest)).map(|(key, _)| *key).collect()
}

/// The types of a statement's arguments: these, and a text[] for each list of cells.
fn types(keys: &[pg_sys::Oid], cells: usize) -> Vec<PgOid> {
    let cells = std::iter::repeat_n(pg_sys::TEXTARRAYOID, cells);
    keys.iter().copied().chain(cells).map(PgOid::from).collect()
}

fn columns<'a>(shape: &'a Shape, places: &[usize]) -> Vec<&'a Column> {
    places.iter().map(|place| &shape.columns()[*place]).collect()
}

/// The count at this place of a row.
fn count(row: &SpiTupleTable, place: usize) -> pgrx::spi::Result<u64> {
    Ok(row.get::<i64>(place)?.unwrap_or(0).unsigned_abs())
}

/// The keys at this place of a row, with their digests at the next.
fn digests(row: &SpiTupleTable, place: usize) -> pgrx::spi::Result<Digests> {
    let list = |place| row.get::<Vec<i64>>(place).map(Option::unwrap_or_default);
    let mut digests: Digests = list(place)?.into_iter().zip(list(place + 1)?).collect();
    digests.sort_unstable();
    Ok(digests)
}

/// The places of the columns that a write fills: those that the table is shipped with, and those that users added and the
/// records have a field for.
fn filled(shape: &Shape, adopted: &[usize]) -> Vec<usize> {
    let columns = shape.columns().iter().enumerate();
    columns.filter(|(place, column)| column.shipped || adopted.contains(place)).map(|(place, _)| place).collect()
}

/// Rows of one page that fill the same columns, with what the page says as a whole.
struct Page<'a> {
    ids: &'a [i64],
    range: Option<(i64, i64)>,
    rows: &'a [&'a Row],
}

/// The rows of a page by the columns of users that they have a field for: almost always one group. An empty page is one
/// group too, since it still speaks for its range.
fn by_adopted(batch: &Batch) -> BTreeMap<Vec<usize>, Vec<&Row>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<&Row>> = BTreeMap::new();
    for row in &batch.rows {
        groups.entry(row.adopted.clone()).or_default().push(row);
    }
    if groups.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    groups
}

fn catalogued(table: &str) -> Result<&'static Resource> {
    resource(table).ok_or_else(|| Error::Setup {
        message: format!("{table} is no table of the catalogue"),
        hint: "Report this message.".into(),
    })
}

fn spi_error(table: &str, error: &pgrx::spi::Error) -> Error {
    Error::Setup {
        message: format!("a statement on pennylane.{table} gave no result: {error}"),
        hint: "Run SELECT * FROM pennylane.check();".into(),
    }
}

/// The arguments of a page for the merge statement.
fn arguments<'a>(company: i64, places: &[usize], page: &Page<'a>) -> Vec<DatumWithOid<'a>> {
    let (after, upto) = page.range.unzip();
    let mut arguments: Vec<DatumWithOid> = vec![
        company.into(),
        after.into(),
        upto.into(),
        page.ids.to_vec().into(),
        page.rows.iter().map(|row| row.id).collect::<Vec<i64>>().into(),
    ];
    arguments.extend(cells(places, page.rows));
    arguments.push(texts(page.rows.iter().map(|row| row.extra.as_deref())));
    arguments
}

/// One argument a column.
fn cells<'a, R: std::borrow::Borrow<Row>>(places: &[usize], rows: &'a [R]) -> impl Iterator<Item = DatumWithOid<'a>> {
    places.iter().map(move |place| texts(rows.iter().map(|row| row.borrow().cells[*place].as_deref())))
}

fn texts<'a>(values: impl ExactSizeIterator<Item = Option<&'a str>> + Clone) -> DatumWithOid<'a> {
    // SAFETY: the value is of this type.
    unsafe { DatumWithOid::new(TextArray::of(values), TextArray::type_oid()) }
}

impl Store for SpiStore {
    fn shape(&mut self, table: &str) -> Result<Arc<Shape>> {
        txn::atomically(table, || shape::read(table).map(Arc::new))
    }

    fn start_load(&mut self, table: &str, now: Option<DateTime<Utc>>, resume: bool) -> Result<Load> {
        let held = format!("SELECT pg_catalog.count(*) FROM {} WHERE company_id = $1", relation(table));
        let held = self.count(table, &held, &[self.company.into()])?;
        let checkpoint = if resume && self.checkpoints { self.checkpoint(table)? } else { None };
        if let Some((after, load)) = checkpoint {
            self.loads.insert(table.to_owned(), load);
            return Ok(Load { held, after, watermark: load.watermark });
        }
        self.forget_checkpoint(table)?;
        let forget = "DELETE FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2";
        self.run(table, forget, &[self.company.into(), table.into()])?;
        let clock = "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint";
        let started = self.one::<i64>(table, clock, &[])?.unwrap_or(0);
        // A list that is walked a second time is still the same load.
        self.loads.entry(table.to_owned()).or_insert(LoadUnderWay { started, watermark: now });
        Ok(Load { held, after: 0, watermark: now })
    }

    fn merge(&mut self, table: &str, shape: &Shape, batch: &Batch) -> Result<Written> {
        let ids: Vec<i64> = batch.rows.iter().map(|row| row.id).collect();
        txn::atomically(table, || {
            self.settle(table, None, &ids)?;
            let mut written = Written::default();
            let mut range = batch.range;
            for (adopted, rows) in by_adopted(batch) {
                let page = Page { ids: &ids, range, rows: &rows };
                let Written { counts, altered } = self.merge_rows(table, shape, &adopted, &page)?;
                written.counts.add(counts);
                written.altered.extend(altered);
                // The first statement has looked at the whole range.
                range = range.map(|(_, upto)| (upto, upto));
            }
            let last = batch.range.map(|(_, upto)| upto).filter(|upto| self.checkpoints && *upto != i64::MAX);
            if let Some(last) = last.filter(|_| resource(table).is_some_and(|list| list.id_filter == IdFilter::Ranges))
            {
                self.save_checkpoint(table, last)?;
            }
            Ok(written)
        })
    }

    fn candidates(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
        self.next_ids("sync_candidates", table, after, limit)
    }

    fn candidate_count(&mut self, table: &str) -> Result<u64> {
        let query =
            "SELECT pg_catalog.count(*) FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2";
        self.count(table, query, &[self.company.into(), table.into()])
    }

    fn keep(&mut self, table: &str, ids: &[i64]) -> Result<u64> {
        let query = "WITH kept AS (DELETE FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = $2 \
                     AND id = ANY ($3) RETURNING 1) SELECT pg_catalog.count(*) FROM kept";
        let args = [self.company.into(), table.into(), ids.to_vec().into()];
        self.count(table, query, &args)
    }

    fn delete_candidates(&mut self, table: &str, shape: &Shape) -> Result<u64> {
        let query = statements::delete(catalogued(table)?, shape, Which::Candidates);
        self.count(table, &query, &[self.company.into()])
    }

    fn delete(&mut self, table: &str, shape: &Shape, ids: &[i64]) -> Result<u64> {
        let query = statements::delete(catalogued(table)?, shape, Which::Ids);
        self.count(table, &query, &[self.company.into(), ids.to_vec().into()])
    }

    fn held(&mut self, table: &str, ids: &[i64]) -> Result<(u64, u64)> {
        let relation = relation(table);
        let held = format!("SELECT pg_catalog.count(*) FROM {relation} WHERE company_id = $1 AND id = ANY ($2)");
        let held = self.count(table, &held, &[self.company.into(), ids.to_vec().into()])?;
        let all = format!("SELECT pg_catalog.count(*) FROM {relation} WHERE company_id = $1");
        Ok((held, self.count(table, &all, &[self.company.into()])?))
    }

    fn watermark(&mut self, table: &str) -> Result<Option<DateTime<Utc>>> {
        let query = "SELECT (extract(epoch FROM pg_catalog.max(last_sync_at)) * 1000000)::bigint \
                     FROM pennylane.sync_state WHERE company_id = $1 AND table_name = $2";
        let micros = self.one::<i64>(table, query, &[self.company.into(), table.into()])?;
        Ok(micros.and_then(DateTime::from_timestamp_micros))
    }

    fn applied(&mut self, feeds: &[&str]) -> Result<HashSet<Applied>> {
        let query = "SELECT (pg_catalog.array_position($2, feed) - 1)::integer, id, operation, \
                     (extract(epoch FROM processed_at) * 1000000)::bigint, nullif(parent, 0) \
                     FROM pennylane.applied_events WHERE company_id = $1 AND feed = ANY ($2)";
        let company = self.company;
        txn::atomically("applied_events", || {
            let read = Spi::connect(|client| {
                let mut applied = HashSet::new();
                for row in client.select(query, None, &[company.into(), feeds.to_vec().into()])? {
                    let place = row.get::<i32>(1)?.and_then(|place| usize::try_from(place).ok());
                    let operation = row.get::<String>(3)?.map(|word| Operation::parse(&word));
                    let time = row.get::<i64>(4)?.and_then(DateTime::from_timestamp_micros);
                    if let (Some(place), Some(id), Some(operation), Some(time)) = (place, row.get(2)?, operation, time)
                    {
                        applied.insert((place, id, operation, time, row.get(5)?));
                    }
                }
                Ok::<_, pgrx::spi::Error>(applied)
            });
            read.map_err(|error| spi_error("applied_events", &error))
        })
    }

    fn past_deadline(&mut self, table: &str, column: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<i64>> {
        // A deadline has passed at the midnight after it, Paris time (22:00 or 23:00 UTC). Whether the API changes the
        // status then or in a job of the night is not known: the record is read again after midnight and after 6:00 UTC.
        let column = quoted(column);
        let query = format!(
            "SELECT pg_catalog.array_agg(id) FROM {} t, (VALUES (interval '23 hours'), (interval '30 hours')) AS after (wait) \
             WHERE company_id = $1 AND {column} BETWEEN ($2::timestamptz AT TIME ZONE 'UTC')::date - 2 \
                   AND ($3::timestamptz AT TIME ZONE 'UTC')::date \
               AND ({column}::timestamp + wait) AT TIME ZONE 'UTC' > $2::timestamptz \
               AND ({column}::timestamp + wait) AT TIME ZONE 'UTC' <= $3::timestamptz",
            relation(table)
        );
        let args = [self.company.into(), from.to_rfc3339().into(), to.to_rfc3339().into()];
        Ok(self.one::<Vec<i64>>(table, &query, &args)?.unwrap_or_default())
    }

    fn add_pending(&mut self, table: &str, ids: &[i64]) -> Result<()> {
        let query = format!(
            "INSERT INTO pennylane.pending_entries (company_id, table_name, id) \
             SELECT $1, $2, id FROM unnest($3::bigint[]) AS p (id) {NOTED_AGAIN}"
        );
        self.run(table, &query, &[self.company.into(), table.into(), ids.to_vec().into()]).map(|_| ())
    }

    fn add_orphans(&mut self, table: &str, within: TimeDelta) -> Result<()> {
        let Mode::Follows { table: leader, column } = catalogued(table)?.mode else { return Ok(()) };
        let query = format!(
            "INSERT INTO pennylane.pending_entries (company_id, table_name, id) SELECT $1, $2, t.id FROM {} t \
             WHERE t.company_id = $1 AND t._synced_at > pg_catalog.clock_timestamp() - $3 * interval '1 second' \
               AND NOT EXISTS (SELECT FROM {} l WHERE l.{column} = t.id) {NOTED_AGAIN}",
            relation(table),
            relation(leader)
        );
        self.run(table, &query, &[self.company.into(), table.into(), within.num_seconds().into()]).map(|_| ())
    }

    fn pending(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
        self.next_ids("pending_entries", table, after, limit)
    }

    fn flaws(&mut self, table: &str, whole: bool) -> Result<Flaws> {
        if let Some(load) = self.loads.get(table).filter(|_| whole) {
            self.forget_before("altered_rows", table, load.started)?;
        }
        let mut flaws = Flaws::default();
        if has_extra(table) {
            let source = format!("{} WHERE company_id = $1 AND extra ? '{MISFIT}'", relation(table));
            let key = if export(table).is_some() { "line_no" } else { "id" };
            let fields = format!(
                " || ': ' || (SELECT pg_catalog.string_agg(field, ', ') \
                 FROM pg_catalog.jsonb_object_keys(extra -> '{MISFIT}') AS field)"
            );
            flaws.misfits = self.named(table, &source, key, &fields)?;
        }
        let source = format!("pennylane.altered_rows WHERE company_id = $1 AND table_name = '{table}'");
        flaws.altered = self.named(table, &source, "id", "")?;
        Ok(flaws)
    }

    fn note_drift(&mut self, table: &str, unknown: &BTreeMap<String, Type>, whole: bool) -> Result<()> {
        let fields: Vec<&str> = unknown.keys().map(String::as_str).collect();
        let types: Vec<String> = unknown.values().map(Type::to_string).collect();
        let gone = "DELETE FROM pennylane.schema_drift WHERE company_id = $1 AND table_name = $2 AND field <> ALL ($3)";
        if whole {
            self.run(table, gone, &[self.company.into(), table.into(), fields.clone().into()])?;
        }
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

    fn finish(&mut self, report: &TableReport, progress: &Progress) -> Result<()> {
        txn::atomically(report.table, || self.note_end(report, progress))
    }
}
