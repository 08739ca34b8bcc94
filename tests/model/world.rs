//! Pennylane in small: records, changelogs whose events may show up late, twice and out of order, and a clock of its own.

use crate::tape::Tape;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use penny_pg::api::Answer;
use penny_pg::api::request::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every event has shown up by then.
pub const LATEST: TimeDelta = TimeDelta::minutes(15);
/// Small pages make many of them.
const PAGE: usize = 3;

#[derive(Debug, Clone)]
struct Record {
    version: u64,
    /// The entry of a line.
    entry: Option<i64>,
}

#[derive(Debug, Clone)]
struct Event {
    id: i64,
    operation: &'static str,
    processed_at: DateTime<Utc>,
    visible_at: DateTime<Utc>,
}

pub struct World {
    now: DateTime<Utc>,
    tables: BTreeMap<&'static str, BTreeMap<i64, Record>>,
    changelogs: BTreeMap<&'static str, Vec<Event>>,
    next: i64,
    versions: u64,
}

/// What a record says, as the tables will: label, and the entry of a line.
pub type Content = BTreeMap<i64, (String, Option<String>)>;

impl World {
    pub fn new() -> World {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        let mut world = World { now, tables: BTreeMap::new(), changelogs: BTreeMap::new(), next: 1, versions: 0 };
        let mut calm = Tape::new(Vec::new());
        for _ in 0..4 {
            for table in ["products", "transactions", "bank_accounts", "category_groups"] {
                world.insert(table, None, &mut calm);
            }
            world.book(&mut calm);
        }
        world.pass(TimeDelta::days(1));
        world
    }

    pub fn clock(&self) -> DateTime<Utc> {
        self.now
    }

    pub fn pass(&mut self, time: TimeDelta) {
        self.now += time;
    }

    pub fn content(&self, table: &str) -> Content {
        let records = self.tables.get(table).into_iter().flatten();
        records
            .map(|(id, record)| (*id, (format!("v{}", record.version), record.entry.map(|entry| entry.to_string()))))
            .collect()
    }

    /// Something changes, somewhere.
    pub fn change(&mut self, tape: &mut Tape) {
        self.pass(TimeDelta::milliseconds(1 + tape.pick(3000) as i64));
        let table = ["products", "transactions", "bank_accounts", "lines", "category_groups"][tape.pick(5)];
        let kind = tape.pick(5);
        if table == "lines" {
            return self.change_books(kind, tape);
        }
        match (kind, self.some(table, tape)) {
            (0 | 1, _) | (_, None) => {
                self.insert(table, None, tape);
            }
            (2, Some(id)) => self.update(table, id, tape),
            (3, Some(id)) => self.delete(table, id, tape),
            (_, Some(id)) => {
                // Gone and back under its id.
                self.delete(table, id, tape);
                self.pass(TimeDelta::milliseconds(1));
                let record = self.record(None);
                self.tables.entry(table).or_default().insert(id, record);
                self.tell(table, id, "insert", tape);
            }
        }
    }

    fn change_books(&mut self, kind: usize, tape: &mut Tape) {
        let line = self.some("ledger_entry_lines", tape);
        match (kind, line) {
            (0 | 1, _) | (_, None) => self.book(tape),
            (2, Some(line)) => {
                self.touch_entry_of(line);
                self.update("ledger_entry_lines", line, tape);
            }
            (3, Some(line)) => {
                // An entry goes: only its lines say so.
                let Some(entry) = self.entry_of(line) else { return };
                let lines: Vec<i64> = self.lines_of(entry);
                self.tables.entry("ledger_entries").or_default().remove(&entry);
                lines.into_iter().for_each(|line| self.delete("ledger_entry_lines", line, tape));
            }
            (_, Some(line)) => {
                // A line moves to another entry; both entries change, and one without lines goes.
                let Some(to) = self.some("ledger_entries", tape) else { return };
                let Some(from) = self.entry_of(line) else { return };
                self.touch_entry_of(line);
                if let Some(record) = self.tables.entry("ledger_entry_lines").or_default().get_mut(&line) {
                    record.entry = Some(to);
                }
                self.touch_entry_of(line);
                // Both entries are saved again with all their lines.
                let saved: Vec<i64> = self.lines_of(from).into_iter().chain(self.lines_of(to)).collect();
                saved.into_iter().for_each(|line| self.update("ledger_entry_lines", line, tape));
                if self.lines_of(from).is_empty() {
                    self.tables.entry("ledger_entries").or_default().remove(&from);
                }
            }
        }
    }

    /// A new entry and its two lines.
    fn book(&mut self, tape: &mut Tape) {
        let entry = self.next_id();
        let record = self.record(None);
        self.tables.entry("ledger_entries").or_default().insert(entry, record);
        for _ in 0..2 {
            self.insert("ledger_entry_lines", Some(entry), tape);
        }
    }

    fn entry_of(&self, line: i64) -> Option<i64> {
        self.tables.get("ledger_entry_lines")?.get(&line)?.entry
    }

    fn lines_of(&self, entry: i64) -> Vec<i64> {
        let lines = self.tables.get("ledger_entry_lines").into_iter().flatten();
        lines.filter(|(_, record)| record.entry == Some(entry)).map(|(id, _)| *id).collect()
    }

    fn touch_entry_of(&mut self, line: i64) {
        self.versions += 1;
        let version = self.versions;
        if let Some(entry) = self.entry_of(line)
            && let Some(record) = self.tables.entry("ledger_entries").or_default().get_mut(&entry)
        {
            record.version = version;
        }
    }

    fn next_id(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    fn record(&mut self, entry: Option<i64>) -> Record {
        self.versions += 1;
        Record { version: self.versions, entry }
    }

    fn some(&self, table: &str, tape: &mut Tape) -> Option<i64> {
        let records = self.tables.get(table)?;
        records.keys().nth(tape.pick(records.len().max(1))).copied()
    }

    fn insert(&mut self, table: &'static str, entry: Option<i64>, tape: &mut Tape) -> i64 {
        let id = self.next_id();
        let record = self.record(entry);
        self.tables.entry(table).or_default().insert(id, record);
        self.tell(table, id, "insert", tape);
        id
    }

    fn update(&mut self, table: &'static str, id: i64, tape: &mut Tape) {
        self.versions += 1;
        if let Some(record) = self.tables.entry(table).or_default().get_mut(&id) {
            record.version = self.versions;
        }
        self.tell(table, id, "update", tape);
    }

    fn delete(&mut self, table: &'static str, id: i64, tape: &mut Tape) {
        self.tables.entry(table).or_default().remove(&id);
        self.tell(table, id, "delete", tape);
    }

    /// Notes an event: at once, or minutes late; once, or twice.
    fn tell(&mut self, table: &'static str, id: i64, operation: &'static str, tape: &mut Tape) {
        if ["bank_accounts", "category_groups"].contains(&table) {
            return;
        }
        self.pass(TimeDelta::microseconds(1));
        let processed_at = self.now;
        for _ in 0..=usize::from(tape.pick(5) == 4) {
            let late = TimeDelta::minutes([0, 0, 0, 3, 14][tape.pick(5)]);
            crate::trace(&format!("{} {table} {id} {operation}, late by {late}", processed_at.format("%H:%M:%S%.6f")));
            let event = Event { id, operation, processed_at, visible_at: processed_at + late };
            self.changelogs.entry(table).or_default().push(event);
        }
    }

    /// Answers a request, in the API's own form.
    pub fn answer(&mut self, request: &Request) -> Answer {
        self.pass(TimeDelta::milliseconds(200));
        let parameter =
            |name: &str| request.query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        let (status, body) = match request.path.strip_prefix("/changelogs/") {
            _ if request.path == "/me" => (200, me()),
            Some(name) => self.changelog(name, parameter("start_date"), parameter("cursor")),
            None if parameter("sort").is_none() => {
                (200, self.unsorted_list(request.path.trim_start_matches('/'), parameter("cursor")))
            }
            None => (200, self.list(request.path.trim_start_matches('/'), parameter("filter"), parameter("cursor"))),
        };
        crate::trace(&format!("{} {} {:?} -> {body}", self.now.format("%H:%M:%S%.6f"), request.path, request.query));
        let date = DateTime::from_timestamp(self.now.timestamp(), 0);
        Answer { status, date, retry_after: None, expires: None, body: body.to_string().into_bytes() }
    }

    fn list(&self, table: &str, filter: Option<&str>, cursor: Option<&str>) -> Value {
        let filter: Value = filter.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        let after = cursor.and_then(|text| text.parse::<i64>().ok()).unwrap_or(i64::MIN);
        let passes = |id: i64| match (filter[0]["operator"].as_str(), &filter[0]["value"]) {
            (Some("gt"), value) => value.as_i64().is_some_and(|bound| id > bound),
            (Some("in"), Value::Array(ids)) => ids.contains(&json!(id)),
            _ => true,
        };
        let limit = if filter[0]["operator"] == "in" { 100 } else { PAGE };
        let records = self.tables.get(table).into_iter().flatten().filter(|(id, _)| **id > after && passes(**id));
        let mut items: Vec<Value> = records.take(limit + 1).map(|(id, record)| json_of(*id, record)).collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(|item| item["id"].to_string());
        json!({"items": items, "has_more": has_more, "next_cursor": next_cursor})
    }

    /// A list in an order that nobody can make out: by the remainder of the id.
    fn unsorted_list(&self, table: &str, cursor: Option<&str>) -> Value {
        let mut records: Vec<(&i64, &Record)> = self.tables.get(table).into_iter().flatten().collect();
        let key = |id: i64| (id * 31 % 17, id);
        let after = cursor.and_then(|text| text.parse::<i64>().ok()).map(key);
        records.retain(|(id, _)| after.is_none_or(|after| key(**id) > after));
        records.sort_by_key(|(id, _)| key(**id));
        let has_more = records.len() > PAGE;
        let items: Vec<Value> = records.into_iter().take(PAGE).map(|(id, record)| json_of(*id, record)).collect();
        let next_cursor = items.last().filter(|_| has_more).map(|item| item["id"].to_string());
        json!({"items": items, "has_more": has_more, "next_cursor": next_cursor})
    }

    fn changelog(&self, name: &str, start: Option<&str>, cursor: Option<&str>) -> (u16, Value) {
        if name.ends_with("_categories") {
            return (404, json!({"error": "not offered", "status": 404}));
        }
        let start = start.and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|time| time.to_utc());
        if start.is_some_and(|start| self.now - start > TimeDelta::days(28)) {
            return (422, json!({"error": "too old", "status": 422}));
        }
        // The cursor is where the reading started and how many events it has given.
        let (from, given) = match cursor.and_then(|text| text.split_once('/')) {
            Some((from, given)) => {
                (from.parse().ok().and_then(DateTime::from_timestamp_micros), given.parse().unwrap_or(0))
            }
            None => (start, 0),
        };
        let mut events: Vec<&Event> = self.changelogs.get(name).into_iter().flatten().collect();
        events.retain(|event| event.visible_at <= self.now && from.is_none_or(|from| event.processed_at >= from));
        events.sort_by_key(|event| event.processed_at);
        let page: Vec<Value> = events.iter().skip(given).take(PAGE).map(|event| {
            let at = event.processed_at.to_rfc3339_opts(SecondsFormat::Micros, true);
            json!({"id": event.id, "operation": event.operation, "processed_at": at, "updated_at": at, "created_at": at})
        }).collect();
        let has_more = events.len() > given + page.len();
        let next_cursor =
            has_more.then(|| format!("{}/{}", from.map_or(0, |from| from.timestamp_micros()), given + page.len()));
        (200, json!({"items": page, "has_more": has_more, "next_cursor": next_cursor}))
    }
}

fn json_of(id: i64, record: &Record) -> Value {
    let mut item = json!({"id": id, "label": format!("v{}", record.version)});
    if let Some(entry) = record.entry {
        item["ledger_entry"] = json!({"id": entry});
    }
    item
}

fn me() -> Value {
    let scopes = ["ledger_entries:all", "transactions:all", "products:all", "bank_accounts:all", "categories:all"];
    json!({"user": null, "company": {"id": 1, "name": "x", "reg_no": "1"}, "scopes": scopes})
}
