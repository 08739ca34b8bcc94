//! The changelogs: what happened to which row, in the order of `processed_at`.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The two feeds that belong to no list of their own.
pub(crate) const ENTRY_CATEGORIES: &str = "ledger_entries_categories";
pub(crate) const LINE_CATEGORIES: &str = "ledger_entry_lines_categories";

/// A place in a changelog: the time, then the order of arrival among equals.
pub(crate) type Position = (DateTime<Utc>, u64);

#[derive(Default)]
pub(crate) struct Changelog {
    events: BTreeMap<Position, Box<str>>,
    arrivals: u64,
    pub version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Changelog {
    /// Files an event under its own `processed_at`.
    pub fn add(&mut self, event: &Value, now: DateTime<Utc>) {
        let time = event["processed_at"].as_str().and_then(|text| text.parse().ok()).unwrap_or(now);
        self.arrivals += 1;
        self.version += 1;
        self.events.insert((time, self.arrivals), event.to_string().into());
    }

    /// What comes after a position, or from the oldest event that is kept.
    pub fn from(&self, start: Bound<Position>) -> impl Iterator<Item = (Position, &str)> {
        self.events.range((start, Bound::Unbounded)).map(|(position, text)| (*position, &**text))
    }
}

/// A timestamp as the API writes them: UTC, `Z`, microseconds.
pub(crate) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What a changelog says of a record.
pub(crate) fn event(operation: Operation, record: &Map<String, Value>, now: DateTime<Utc>) -> Value {
    let now = json!(stamp(now));
    json!({
        "id": record.get("id"),
        "operation": operation.name(),
        "processed_at": now,
        "updated_at": record.get("updated_at").unwrap_or(&now),
        "created_at": record.get("created_at").unwrap_or(&now),
    })
}

/// The events that turn one list of categories into another: one for each assignment that appears, changes or goes.
pub(crate) fn category_operations(before: &Value, after: &Value) -> Vec<Operation> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (before, after) = (list(before), list(after));
    let same = |a: &Value, b: &Value| a["id"] == b["id"];
    let mut operations = Vec::new();
    for new in &after {
        match before.iter().find(|old| same(old, new)) {
            None => operations.push(Operation::Insert),
            Some(old) if old != new => operations.push(Operation::Update),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|old| !after.iter().any(|new| same(old, new)));
    operations.extend(gone.map(|_| Operation::Delete));
    operations
}
