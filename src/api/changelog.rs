//! The bytes of a changelog page to change events.

use super::page::Page;
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What happened to a record. A word that is not known is a change like any other: the record is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// The API's word.
    pub fn word(self) -> &'static str {
        match self {
            Operation::Insert => "insert",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }

    /// From the API's word.
    pub fn parse(word: &str) -> Operation {
        match word {
            "insert" => Operation::Insert,
            "delete" => Operation::Delete,
            _ => Operation::Update,
        }
    }
}

/// One line of a changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// The record that changed; in a feed of category assignments, the assignment.
    pub id: i64,
    pub operation: Operation,
    /// When the change reached the changelog: the order of a changelog.
    pub processed_at: DateTime<Utc>,
    /// In a feed of category assignments, the record that has the category; `None` when it was deleted with it.
    pub parent: Option<i64>,
}

#[derive(Deserialize)]
struct Line {
    operation: String,
    processed_at: String,
}

#[derive(Deserialize)]
struct Reference {
    id: i64,
}

/// The events of a page. `parent` names the member that holds the changed record, for feeds of category assignments.
///
/// # Errors
/// `Contract` when a line has no operation or no time.
pub fn events(path: &str, page: &Page, parent: Option<&str>) -> Result<Vec<Event>> {
    let event = |json: &RawValue, id: i64| -> Option<Event> {
        let line: Line = serde_json::from_str(json.get()).ok()?;
        let processed_at = DateTime::parse_from_rfc3339(&line.processed_at).ok()?.to_utc();
        let parent = parent.and_then(|name| {
            let members: std::collections::HashMap<String, &RawValue> = serde_json::from_str(json.get()).ok()?;
            serde_json::from_str::<Option<Reference>>(members.get(name)?.get()).ok()?.map(|reference| reference.id)
        });
        Some(Event { id, operation: Operation::parse(&line.operation), processed_at, parent })
    };
    let events = page.records.iter().map(|record| event(record.json, record.id));
    events.collect::<Option<Vec<_>>>().ok_or_else(|| Error::Contract {
        path: path.to_owned(),
        what: "a change event without operation or time".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: &str, parent: Option<&str>) -> Result<Vec<Event>> {
        let body = format!(r#"{{"items":[{items}],"has_more":false,"next_cursor":null}}"#);
        events("/changelogs/x", &Page::parse("/changelogs/x", body.as_bytes())?, parent)
    }

    #[test]
    fn events_have_their_time_to_the_microsecond() {
        let line = r#"{"id":7,"operation":"delete","processed_at":"2026-09-30T08:00:00.123456Z","updated_at":null}"#;
        let events = read(line, None).unwrap();
        assert_eq!((events[0].id, events[0].operation), (7, Operation::Delete));
        assert_eq!(events[0].processed_at.timestamp_subsec_micros(), 123_456);
    }

    #[test]
    fn category_events_name_the_record_or_nothing() {
        let line = |reference: &str| {
            format!(
                r#"{{"id":7,"operation":"insert","processed_at":"2026-09-30T08:00:00Z","ledger_entry_line":{reference}}}"#
            )
        };
        let parent = |json: String| read(&json, Some("ledger_entry_line")).unwrap()[0].parent;
        assert_eq!(parent(line(r#"{"id":42}"#)), Some(42));
        assert_eq!(parent(line("null")), None);
        assert_eq!(read(&line(r#"{"id":42}"#), None).unwrap()[0].parent, None);
    }

    #[test]
    fn a_line_without_a_time_is_a_broken_answer() {
        assert!(matches!(read(r#"{"id":7,"operation":"insert"}"#, None), Err(Error::Contract { .. })));
    }
}
