//! The faults that spoil a page: wrong rows, wrong order, wrong end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

use crate::fault::FaultKind;
use crate::page::Page;
use crate::query::{DEFAULT_LIMIT, Position, Query};
use crate::world::table::{Table, parse};

/// The faults that act on what is asked, before rows are selected.
pub(crate) fn spoil_query(query: &mut Query, faults: &[FaultKind]) {
    for fault in faults {
        match fault {
            FaultKind::RepeatPage => {
                query.position = Position::Start;
                query.conditions.retain(|condition| !condition.is_lower_bound());
            }
            FaultKind::IgnoreFilter => query.conditions.clear(),
            FaultKind::IgnoreLimit => query.limit = DEFAULT_LIMIT,
            FaultKind::Descending => {
                query.sort.column = None;
                query.sort.descending = true;
            }
            _ => {}
        }
    }
}

/// Ends the list after half of its table.
pub(crate) fn halve(page: &mut Page, table: &Table, descending: bool) {
    let Some(middle) = table.rows.keys().nth(table.rows.len() / 2).copied() else { return };
    let beyond = |id: i64| if descending { id <= middle } else { id >= middle };
    let whole = page.items.len();
    page.items.retain(|item| !beyond(item.id));
    if page.items.len() < whole || !page.has_more {
        page.has_more = false;
        page.next_cursor = None;
    }
}

/// The faults that act on the page itself. `cursor` is what the request sent, `start` where a list begins.
pub(crate) fn spoil_page(page: &mut Page, faults: &[FaultKind], cursor: Option<&str>, start: &str) {
    for fault in faults {
        match fault {
            FaultKind::RepeatCursor => {
                page.has_more = true;
                if let Some(cursor) = cursor {
                    page.next_cursor = Some(cursor.to_owned());
                } else if page.next_cursor.is_none() {
                    page.next_cursor = Some(again(cursor, start));
                }
            }
            FaultKind::EmptyPage => {
                page.items.clear();
                page.has_more = true;
                page.next_cursor = Some(again(cursor, start));
            }
            FaultKind::EmptyList => {
                page.items.clear();
                page.has_more = false;
                page.next_cursor = None;
            }
            FaultKind::DropRow { id } => page.items.retain(|item| item.id != *id),
            FaultKind::Shuffle => {
                let before: Vec<i64> = page.items.iter().map(|item| item.id).collect();
                page.items.shuffle(&mut SmallRng::seed_from_u64(before.len() as u64));
                // Chance may keep the order: a shuffled page never does.
                if page.items.iter().map(|item| item.id).eq(before) {
                    page.items.reverse();
                }
            }
            FaultKind::RecordWithoutId => edit(page, 1, |record| {
                if let Some(fields) = record.as_object_mut() {
                    fields.remove("id");
                }
            }),
            FaultKind::UnknownFields => edit(page, usize::MAX, add_unknown_fields),
            FaultKind::ReplaceField { id, field, value } => {
                let path = field.clone();
                for item in page.items.iter_mut().filter(|item| item.id == *id) {
                    item.text = replaced(&item.text, &path, value);
                }
            }
            _ => {}
        }
    }
}

/// A cursor that leads where the request already stood, under another text.
fn again(cursor: Option<&str>, start: &str) -> String {
    let place = cursor.and_then(|cursor| STANDARD.decode(cursor).ok()).unwrap_or_else(|| start.into());
    STANDARD.encode([place.as_slice(), b"~"].concat())
}

/// The faults of a list that also show on a single record.
pub(crate) fn spoil_record(record: &mut Value, id: i64, faults: &[FaultKind]) {
    for fault in faults {
        match fault {
            FaultKind::UnknownFields => add_unknown_fields(record),
            FaultKind::ReplaceField { id: wanted, field, value } if *wanted == id => set(record, field, value),
            FaultKind::RecordWithoutId => {
                if let Some(fields) = record.as_object_mut() {
                    fields.remove("id");
                }
            }
            _ => {}
        }
    }
}

fn edit(page: &mut Page, count: usize, change: impl Fn(&mut Value)) {
    for item in page.items.iter_mut().take(count) {
        let mut record = parse(&item.text);
        change(&mut record);
        item.text = record.to_string();
    }
}

fn add_unknown_fields(record: &mut Value) {
    record["new_field_text"] = json!("nouveau");
    record["new_field_amount"] = json!("12.34");
    record["new_field_object"] = json!({ "a": 1, "b": { "c": "deux", "url": "https://app.pennylane.com/x" } });
    record["new_field_url"] = json!("https://app.pennylane.com/api/external/v2/x");
    record["new_field_list"] = json!([1, "deux", { "trois": 3 }]);
}

fn replaced(text: &str, path: &str, value: &Value) -> String {
    let mut record = parse(text);
    set(&mut record, path, value);
    record.to_string()
}

/// Writes a value at a dotted path; what is missing on the way becomes an object.
fn set(record: &mut Value, path: &str, value: &Value) {
    let mut place = record;
    for part in path.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[part];
    }
    *place = value.clone();
}
