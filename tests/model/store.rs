//! The tables in memory, with the promises of the real store.

use crate::world::Content;
use chrono::{DateTime, TimeDelta, Utc};
use penny_pg::api::changelog::Operation;
use penny_pg::catalogue::{IdFilter, Mode, resource};
use penny_pg::error::Result;
use penny_pg::row::{Column, Row, Shape, Type};
use penny_pg::sync::changes::Applied;
use penny_pg::sync::ports::{Flaws, Load, Named, Progress, Store, Written};
use penny_pg::sync::read::Batch;
use penny_pg::sync::report::{Status, SyncType, TableReport};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// An applied event: feed, id, operation, time, and the record of a category assignment.
type Known = (String, i64, Operation, DateTime<Utc>, Option<i64>);

/// Last id, the load's watermark, and when it started by the database's clock.
type Checkpoint = (i64, Option<DateTime<Utc>>, DateTime<Utc>);

#[derive(Clone)]
pub struct MemoryStore {
    tables: BTreeMap<String, BTreeMap<i64, Row>>,
    candidates: BTreeMap<String, BTreeSet<i64>>,
    pending: BTreeMap<String, BTreeMap<i64, DateTime<Utc>>>,
    watermarks: BTreeMap<String, DateTime<Utc>>,
    applied: HashSet<Known>,
    load_starts: HashMap<String, DateTime<Utc>>,
    /// How far each load came.
    checkpoints: HashMap<String, Checkpoint>,
    /// The watermarks of the loads under way.
    loads: HashMap<String, Option<DateTime<Utc>>>,
    /// When each row was last written, by the database's clock; ids are unique in this world.
    written: HashMap<i64, DateTime<Utc>>,
    /// The rows that a trigger altered, with the time.
    altered: BTreeMap<String, BTreeMap<i64, DateTime<Utc>>>,
    /// A trigger alters every this many writes; 0 is never.
    pub alters: u32,
    writes: u32,
    /// The API's clock at the start of the sync; the database's is off by `skew` and ticks with each look.
    pub now: DateTime<Utc>,
    skew: TimeDelta,
}

/// How long a checkpoint is good.
const LIFE: TimeDelta = TimeDelta::hours(12);

/// The places of the two columns.
const LABEL: usize = 0;
const ENTRY: usize = 1;

impl MemoryStore {
    pub fn new(now: DateTime<Utc>, skew: TimeDelta) -> MemoryStore {
        MemoryStore {
            tables: BTreeMap::new(),
            candidates: BTreeMap::new(),
            pending: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            applied: HashSet::new(),
            load_starts: HashMap::new(),
            checkpoints: HashMap::new(),
            loads: HashMap::new(),
            written: HashMap::new(),
            altered: BTreeMap::new(),
            alters: 0,
            writes: 0,
            now,
            skew,
        }
    }

    pub fn content(&self, table: &str) -> Content {
        let text = |cell: &Option<Box<str>>| cell.as_deref().map(str::to_owned);
        let rows = self.tables.get(table).into_iter().flatten();
        rows.map(|(id, row)| (*id, (text(&row.cells[LABEL]).unwrap_or_default(), text(&row.cells[ENTRY])))).collect()
    }

    fn forget_altered(&mut self, table: &str, id: i64) {
        self.altered.entry(table.to_owned()).or_default().remove(&id);
    }

    /// Puts a row in its place, after the trigger; tells what was there, and whether the row is what it was.
    fn put(&mut self, table: &str, row: &Row) -> (Option<Row>, bool) {
        self.writes += 1;
        let rows = self.tables.entry(table.to_owned()).or_default();
        let held = rows.get(&row.id).cloned();
        let differs = held.as_ref().is_none_or(|held| held.cells != row.cells);
        let alter = differs && self.alters > 0 && self.writes.is_multiple_of(self.alters);
        let altered = self.altered.entry(table.to_owned()).or_default();
        altered.remove(&row.id);
        if !alter {
            rows.insert(row.id, row.clone());
            return (held, true);
        }
        altered.insert(row.id, self.now + self.skew);
        // Every other one is not even written, but for lines: of a line that is not there, nobody knows which entry it is of.
        if self.writes.is_multiple_of(2) || table == "ledger_entry_lines" {
            let mut row = row.clone();
            row.cells[LABEL] = Some("altered".into());
            rows.insert(row.id, row);
        }
        (held, false)
    }

    fn database_clock(&mut self) -> DateTime<Utc> {
        self.now += TimeDelta::microseconds(1);
        self.now + self.skew
    }

    fn note(&mut self, table: &str, row: Option<&Row>) {
        let follower = resource(table).and_then(|resource| resource.follower());
        let entry = row.and_then(|row| row.cells[ENTRY].as_deref()).and_then(|entry| entry.parse().ok());
        if let (Some(follower), Some(entry)) = (follower, entry) {
            let now = self.database_clock();
            self.pending.entry(follower.table.to_owned()).or_default().insert(entry, now);
        }
    }

    fn forget_pending(&mut self, table: &str, id: i64) {
        if resource(table).is_some_and(|resource| matches!(resource.mode, Mode::Follows { .. })) {
            self.pending.entry(table.to_owned()).or_default().remove(&id);
        }
    }
}

impl Store for MemoryStore {
    fn shape(&mut self, _: &str) -> Result<Arc<Shape>> {
        let column = |name: &str, kind| Column { name: name.into(), kind, shipped: true };
        Ok(Arc::new(Shape::new(vec![column("label", Type::Text(None)), column("ledger_entry_id", Type::Bigint)])))
    }

    fn start_load(&mut self, table: &str, now: Option<DateTime<Utc>>, resume: bool) -> Result<Load> {
        let clock = self.database_clock();
        let held = self.tables.get(table).map_or(0, BTreeMap::len) as u64;
        let checkpoint =
            self.checkpoints.get(table).copied().filter(|(_, _, started)| resume && clock - *started < LIFE);
        if let Some((after, watermark, started)) = checkpoint {
            crate::trace(&format!("{table} goes on after {after}"));
            self.load_starts.insert(table.to_owned(), started);
            self.loads.insert(table.to_owned(), watermark);
            return Ok(Load { held, after, watermark });
        }
        self.candidates.remove(table);
        self.checkpoints.remove(table);
        if resume {
            self.load_starts.remove(table);
        }
        self.load_starts.entry(table.to_owned()).or_insert(clock);
        self.loads.insert(table.to_owned(), now);
        Ok(Load { held, after: 0, watermark: now })
    }

    fn merge(&mut self, table: &str, _: &Shape, batch: &Batch) -> Result<Written> {
        let mut written = Written::default();
        let merged = &mut written.counts;
        for row in &batch.rows {
            let (held, right) = self.put(table, row);
            written.altered.extend((!right).then_some(row.id));
            let differs = held.as_ref().is_some_and(|held| held.cells != row.cells);
            if held.is_none() || differs {
                let now = self.database_clock();
                self.written.insert(row.id, now);
            }
            match &held {
                None => merged.inserted += 1,
                Some(_) if differs => merged.updated += 1,
                Some(_) => merged.unchanged += 1,
            }
            if differs {
                self.note(table, held.as_ref());
                self.note(table, Some(row));
            }
            if batch.range.is_none() {
                self.note(table, Some(row));
                self.forget_pending(table, row.id);
            }
        }
        if let Some((after, upto)) = batch.range {
            let listed: HashSet<i64> = batch.rows.iter().map(|row| row.id).collect();
            let held = self.tables.get(table).into_iter().flatten().map(|(id, _)| *id);
            let missing = held.filter(|id| *id > after && *id <= upto && !listed.contains(id));
            self.candidates.entry(table.to_owned()).or_default().extend(missing);
            let resumable = resource(table).is_some_and(|resource| resource.id_filter == IdFilter::Ranges);
            if resumable && upto != i64::MAX {
                let (watermark, started) = (self.loads[table], self.load_starts[table]);
                self.checkpoints.insert(table.to_owned(), (upto, watermark, started));
            }
        }
        Ok(written)
    }

    fn candidates(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
        let candidates = self.candidates.get(table).into_iter().flatten().copied();
        Ok(candidates.filter(|id| *id > after).take(limit as usize).collect())
    }

    fn candidate_count(&mut self, table: &str) -> Result<u64> {
        Ok(self.candidates.get(table).map_or(0, BTreeSet::len) as u64)
    }

    fn keep(&mut self, table: &str, ids: &[i64]) -> Result<u64> {
        let candidates = self.candidates.entry(table.to_owned()).or_default();
        Ok(ids.iter().filter(|id| candidates.remove(id)).count() as u64)
    }

    fn delete(&mut self, table: &str, _: &Shape, ids: &[i64]) -> Result<u64> {
        let mut gone = 0;
        for id in ids {
            if let Some(row) = self.tables.entry(table.to_owned()).or_default().remove(id) {
                gone += 1;
                self.note(table, Some(&row));
            }
            self.forget_pending(table, *id);
            self.forget_altered(table, *id);
        }
        Ok(gone)
    }

    fn held(&mut self, table: &str, ids: &[i64]) -> Result<(u64, u64)> {
        let rows = self.tables.entry(table.to_owned()).or_default();
        Ok((ids.iter().filter(|id| rows.contains_key(id)).count() as u64, rows.len() as u64))
    }

    fn watermark(&mut self, table: &str) -> Result<Option<DateTime<Utc>>> {
        Ok(self.watermarks.get(table).copied())
    }

    fn applied(&mut self, feeds: &[&str]) -> Result<HashSet<Applied>> {
        let place = |feed: &String| feeds.iter().position(|name| name == feed);
        let applied = self.applied.iter();
        Ok(applied
            .filter_map(|(feed, id, operation, time, parent)| Some((place(feed)?, *id, *operation, *time, *parent)))
            .collect())
    }

    fn past_deadline(&mut self, _: &str, _: &str, _: DateTime<Utc>, _: DateTime<Utc>) -> Result<Vec<i64>> {
        Ok(Vec::new())
    }

    fn add_pending(&mut self, table: &str, ids: &[i64]) -> Result<()> {
        let now = self.database_clock();
        let pending = self.pending.entry(table.to_owned()).or_default();
        ids.iter().for_each(|id| {
            pending.insert(*id, now);
        });
        Ok(())
    }

    fn add_orphans(&mut self, table: &str, within: TimeDelta) -> Result<()> {
        let now = self.database_clock();
        let lines = self.tables.get("ledger_entry_lines").into_iter().flatten();
        let known: HashSet<i64> =
            lines.filter_map(|(_, line)| line.cells[ENTRY].as_deref()).filter_map(|entry| entry.parse().ok()).collect();
        let recent = |id: &i64| self.written.get(id).is_some_and(|written| *written > now - within);
        let entries = self.tables.get(table).into_iter().flatten().map(|(id, _)| *id);
        let orphans: Vec<i64> = entries.filter(|id| !known.contains(id) && recent(id)).collect();
        self.add_pending(table, &orphans)
    }

    fn pending(&mut self, table: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
        let pending = self.pending.get(table).into_iter().flatten().map(|(id, _)| *id);
        Ok(pending.filter(|id| *id > after).take(limit as usize).collect())
    }

    fn delete_candidates(&mut self, table: &str, _: &Shape) -> Result<u64> {
        let ids: Vec<i64> = self.candidates.remove(table).into_iter().flatten().collect();
        let mut gone = 0;
        for id in ids {
            self.forget_altered(table, id);
            if let Some(row) = self.tables.entry(table.to_owned()).or_default().remove(&id) {
                gone += 1;
                self.note(table, Some(&row));
            }
        }
        Ok(gone)
    }

    fn flaws(&mut self, table: &str, whole: bool) -> Result<Flaws> {
        if let Some(started) = self.load_starts.get(table).filter(|_| whole) {
            self.altered.entry(table.to_owned()).or_default().retain(|_, noted| *noted >= *started);
        }
        let altered: Vec<String> =
            self.altered.get(table).into_iter().flatten().map(|(id, _)| id.to_string()).collect();
        Ok(Flaws { altered: Named { rows: altered.len() as u64, sample: altered }, ..Flaws::default() })
    }

    fn note_drift(&mut self, _: &str, _: &BTreeMap<String, Type>, _: bool) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, report: &TableReport, progress: &Progress) -> Result<()> {
        let started = self.load_starts.remove(report.table);
        if matches!(report.status, Status::Error | Status::Skipped) {
            return Ok(());
        }
        if report.sync_type == SyncType::Full {
            self.checkpoints.remove(report.table);
        }
        if let Some(watermark) = progress.watermark {
            self.watermarks.insert(report.table.to_owned(), watermark);
        }
        if let (SyncType::Full, Some(started)) = (report.sync_type, started) {
            self.pending.entry(report.table.to_owned()).or_default().retain(|_, noted| *noted >= started);
        }
        let memory = &progress.memory;
        if let Some(before) = memory.forget_before {
            self.applied.retain(|(feed, _, _, time, _)| !memory.feeds.contains(&feed.as_str()) || *time >= before);
        }
        for (feed, event) in &memory.fresh {
            let feed = memory.feeds[*feed].to_owned();
            self.applied.insert((feed, event.id, event.operation, event.processed_at, event.parent));
        }
        Ok(())
    }
}
