//! The company behind the API: its tables and changelogs, and every way to change them.

mod books;
mod build;
mod change;
pub(crate) mod changelog;
mod chart;
mod cover;
mod line;
pub(crate) mod record;
pub(crate) mod table;
mod tables;
mod text;
mod trial_balance;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use changelog::{Changelog, ENTRY_CATEGORIES, LINE_CATEGORIES, Operation};
use record::Maker;
use table::{SIGNED, Table};
use tables::Tables;

use crate::catalogue;
use crate::config::Config;

/// How the start of a signed link reads outside of an answer.
const UNSIGNED: &str = "https://files.pennylane.example/files?signature=unsigned&file=";

/// The whole company. Tables are named as their paths are: `customers`, `ledger_entry_lines`...
///
/// A table name that the API does not have panics: only tests name tables.
pub struct World {
    pub(crate) tables: Tables,
    changelogs: BTreeMap<String, Changelog>,
    rng: StdRng,
    clock_offset: chrono::Duration,
    /// Ids of category assignments, which no list shows.
    next_assignment: i64,
}

impl World {
    /// The world of a seed, with a few weeks of history in its changelogs.
    pub fn new(config: &Config) -> Self {
        let feeds = [ENTRY_CATEGORIES, LINE_CATEGORIES].map(str::to_owned);
        let named =
            catalogue::resources().iter().filter(|resource| resource.changelog).map(|resource| resource.name.clone());
        let mut world = Self {
            tables: build::build(config),
            changelogs: named.chain(feeds).map(|name| (name, Changelog::default())).collect(),
            rng: StdRng::seed_from_u64(config.seed ^ 0x5eed),
            clock_offset: config.clock_offset,
            next_assignment: config.id_offset + 6_000_000_000,
        };
        world.history(config.id_offset);
        world
    }

    /// The API's clock.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_offset
    }

    pub(crate) fn set_clock_offset(&mut self, offset: chrono::Duration) {
        self.clock_offset = offset;
    }

    /// Whether there is such a table.
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.has(table)
    }

    /// Every record, ascending by id.
    pub fn list(&self, table: &str) -> Vec<Value> {
        self.tables.get(table).rows.values().map(|row| shown(&row.text)).collect()
    }

    pub fn get(&self, table: &str, id: i64) -> Option<Value> {
        self.tables.get(table).rows.get(&id).map(|row| shown(&row.text))
    }

    pub fn count(&self, table: &str) -> usize {
        self.tables.get(table).rows.len()
    }

    pub fn ids(&self, table: &str) -> Vec<i64> {
        self.tables.get(table).rows.keys().copied().collect()
    }

    /// The lines of one entry.
    pub fn lines_of(&self, entry: i64) -> Vec<Value> {
        let lines = self.tables.get("ledger_entry_lines");
        lines.group(entry).into_iter().filter_map(|id| lines.stored(id)).collect()
    }

    /// The events of a changelog, oldest first.
    pub fn events(&self, changelog: &str) -> Vec<Value> {
        self.changelog(changelog).from(std::ops::Bound::Unbounded).map(|(_, text)| table::parse(text)).collect()
    }

    pub(crate) fn find_changelog(&self, name: &str) -> Option<&Changelog> {
        self.changelogs.get(name)
    }

    fn changelog(&self, name: &str) -> &Changelog {
        self.changelogs.get(name).unwrap_or_else(|| panic!("no changelog is named {name:?}"))
    }

    /// A fresh, valid, complete record with the next id; not inserted.
    pub fn new_record(&mut self, table: &str) -> Value {
        let id = self.tables.get(table).next_id();
        let mut record = Maker { tables: &self.tables, rng: &mut self.rng }.record(table, id);
        let now = json!(changelog::stamp(self.now()));
        for field in ["created_at", "updated_at"] {
            if record.contains_key(field) {
                record.insert(field.into(), now.clone());
            }
        }
        shown(&Value::Object(record).to_string())
    }

    /// Inserts a complete record, with its event; without an `id` it takes the next one.
    pub fn insert(&mut self, table: &str, record: Value) -> i64 {
        let id = self.insert_silently(table, record);
        self.tell(table, Operation::Insert, id);
        id
    }

    /// Like [`World::insert`], but no changelog hears of it.
    pub fn insert_silently(&mut self, table: &str, mut record: Value) -> i64 {
        let next = self.tables.get(table).next_id();
        let id = record["id"].as_i64().unwrap_or(next);
        record["id"] = json!(id);
        self.tables.get_mut(table).put(id, &stored(&record));
        id
    }

    /// Changes a record, bumps its `updated_at` and writes its event; false when there is no such record.
    ///
    /// When only the inline `categories` of an entry or a line change, the event goes to the category changelog alone
    /// and `updated_at` stays, as with the real API.
    pub fn update(&mut self, table: &str, id: i64, change: impl FnOnce(&mut Map<String, Value>)) -> bool {
        let Some(before) = self.tables.get(table).stored(id) else { return false };
        self.update_silently(table, id, change);
        let Some(mut after) = self.tables.get(table).stored(id) else { return false };
        self.tell_categories(table, id, &before, &after);
        let has_feed = ["ledger_entries", "ledger_entry_lines"].contains(&table);
        if has_feed && before["categories"] != after["categories"] {
            let mut same = before;
            same["categories"] = after["categories"].clone();
            if same == after {
                return true;
            }
        }
        if after.get("updated_at").is_some() {
            after["updated_at"] = json!(changelog::stamp(self.now()));
            self.tables.get_mut(table).put(id, &after);
        }
        self.tell(table, Operation::Update, id);
        true
    }

    /// Changes a record; no changelog hears of it and `updated_at` stays.
    pub fn update_silently(&mut self, table: &str, id: i64, change: impl FnOnce(&mut Map<String, Value>)) -> bool {
        let Some(Value::Object(mut record)) = self.get(table, id) else { return false };
        change(&mut record);
        self.tables.get_mut(table).put(id, &stored(&Value::Object(record)));
        true
    }

    /// Deletes a record, with its event; false when there is no such record.
    pub fn delete(&mut self, table: &str, id: i64) -> bool {
        let Some(Value::Object(record)) = self.tables.get(table).stored(id) else { return false };
        self.tables.get_mut(table).remove(id);
        let now = self.now();
        if let Some(changelog) = self.changelogs.get_mut(table) {
            changelog.add(&changelog::event(Operation::Delete, &record, now), now);
        }
        self.tell_categories(table, id, &Value::Object(record), &Value::Null);
        true
    }

    /// Deletes a record; no changelog hears of it.
    pub fn delete_silently(&mut self, table: &str, id: i64) -> bool {
        self.tables.get_mut(table).remove(id)
    }

    /// Files an event by hand: late, duplicated, about a row that never was. It takes its place by `processed_at`,
    /// which is now when it has none.
    pub fn event(&mut self, changelog: &str, mut event: Value) {
        let now = self.now();
        if event["processed_at"].is_null() {
            event["processed_at"] = json!(changelog::stamp(now));
        }
        self.changelogs
            .get_mut(changelog)
            .unwrap_or_else(|| panic!("no changelog is named {changelog:?}"))
            .add(&event, now);
    }

    fn tell(&mut self, table: &str, operation: Operation, id: i64) {
        let now = self.now();
        if let Some(changelog) = self.changelogs.get_mut(table)
            && let Some(Value::Object(record)) = self.tables.get(table).stored(id)
        {
            changelog.add(&changelog::event(operation, &record, now), now);
        }
    }

    /// The category feeds of entries and lines.
    fn tell_categories(&mut self, table: &str, id: i64, before: &Value, after: &Value) {
        let feed = match table {
            "ledger_entries" => ENTRY_CATEGORIES,
            "ledger_entry_lines" => LINE_CATEGORIES,
            _ => return,
        };
        let now = self.now();
        for operation in changelog::category_operations(&before["categories"], &after["categories"]) {
            self.next_assignment += 1;
            let assignment = json!({ "id": self.next_assignment });
            let mut event = changelog::event(operation, assignment.as_object().unwrap_or(&Map::new()), now);
            // Both are null when the line itself went in the same operation.
            let gone = after.is_null();
            let entry = |id: &Value| json!({ "id": id, "type": "LedgerEntry" });
            if table == "ledger_entries" {
                event["ledger_entry"] = entry(&json!(id));
            } else {
                event["ledger_entry_line"] = if gone { Value::Null } else { json!({ "id": id }) };
                event["ledger_entry"] = if gone { Value::Null } else { entry(&before["ledger_entry"]["id"]) };
            }
            if let Some(changelog) = self.changelogs.get_mut(feed) {
                changelog.add(&event, now);
            }
        }
    }

    /// What happened between 27 days and a day before the start: some rows changed, some no longer exist.
    fn history(&mut self, offset: i64) {
        let now = self.now();
        for (name, changelog) in &mut self.changelogs {
            let Some(resource) = catalogue::find(name).filter(|resource| resource.changelog) else { continue };
            let table = self.tables.get(&resource.name);
            for step in 0..60 {
                let time =
                    now - TimeDelta::days(27) + TimeDelta::seconds(step * 37_440 + self.rng.random_range(0..900));
                let Some(id) = table.random_id(&mut self.rng) else { continue };
                let operation = *text::pick(&[Operation::Insert, Operation::Update, Operation::Update], &mut self.rng);
                let mut record = Map::from_iter([("id".to_owned(), json!(id))]);
                let operation = if step % 12 == 11 {
                    record.insert("id".into(), json!(offset + step + 1));
                    Operation::Delete
                } else {
                    operation
                };
                changelog.add(&changelog::event(operation, &record, time), time);
            }
        }
    }

    pub(crate) fn table_mut(&mut self, table: &str) -> &mut Table {
        self.tables.get_mut(table)
    }
}

/// Stored text as a record, with a stable link where the API writes a signed one.
fn shown(text: &str) -> Value {
    if text.contains(SIGNED) { table::parse(&text.replace(SIGNED, UNSIGNED)) } else { table::parse(text) }
}

/// The inverse of [`shown`].
fn stored(record: &Value) -> Value {
    let text = record.to_string();
    if text.contains(UNSIGNED) { table::parse(&text.replace(UNSIGNED, SIGNED)) } else { record.clone() }
}
