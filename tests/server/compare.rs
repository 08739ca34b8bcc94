//! Compares a table with the API's records, column by column, by a reading of the naming rule written for the tests.

use crate::scene::{Scene, TABLES};
use fake_pennylane::FakePennylane;
use postgres::SimpleQueryMessage;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Panics at the first difference between the eleven tables and the world.
pub fn tables_equal_world(scene: &Scene) {
    for table in TABLES {
        table_equals_world(scene, table);
    }
}

/// Panics at the first difference between a table and the world.
pub fn table_equals_world(scene: &Scene, table: &str) {
    compare(scene, &scene.api, table, "");
}

/// Panics at the first difference between one company's rows in the eleven tables and its world.
pub fn company_equals_world(scene: &Scene, api: &FakePennylane, company: i64) {
    for table in TABLES {
        compare(scene, api, table, &format!("WHERE t.company_id = {company}"));
    }
}

/// Panics at the first difference between the rows of a table that a clause selects and the world behind an API.
fn compare(scene: &Scene, api: &FakePennylane, table: &str, rows: &str) {
    let mut client = scene.connect();
    client.batch_execute("SET timezone = 'UTC'").unwrap();
    let columns: Vec<(String, String)> = client
        .query(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
             WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped \
               AND attname NOT IN ('company_id', '_synced_at')",
            &[&format!("pennylane.{table}")],
        )
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let list: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"::text")).collect();
    let rows = client
        .simple_query(&format!("SELECT {} FROM pennylane.{table} t {rows} ORDER BY t.id", list.join(", ")))
        .unwrap();
    let rows = rows.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let records = api.world(|world| world.list(table));
    let held: Vec<_> = rows.collect();
    assert_eq!(held.len(), records.len(), "rows of {table}");
    for (row, record) in held.iter().zip(&records) {
        let expected = flat(record.as_object().unwrap());
        for (place, (column, kind)) in columns.iter().enumerate() {
            let value = row.get(place);
            let source = expected.get(column).unwrap_or(&Value::Null);
            assert!(
                equal(value, source, kind),
                "{table} id {} column {column} ({kind}): the table holds {value:?}, the API says {source}",
                record["id"]
            );
        }
    }
}

/// A record by column name: nested names joined, links left out; arrays stay whole.
pub fn flat(record: &Map<String, Value>) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, object: &Map<String, Value>, flat: &mut BTreeMap<String, Value>) {
        for (key, value) in object {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}_{key}") };
            match value {
                _ if key == "url" || key.ends_with("_url") => {}
                Value::Object(inner) => walk(&name, inner, flat),
                _ => {
                    flat.insert(name, value.clone());
                }
            }
        }
    }
    let mut columns = BTreeMap::new();
    walk("", record, &mut columns);
    columns
}

fn equal(held: Option<&str>, source: &Value, kind: &str) -> bool {
    let Some(held) = held else {
        return source.is_null() || (source == "" && kind != "text");
    };
    match (kind, source) {
        ("text" | "uuid" | "date", Value::String(text)) => held == text,
        ("bigint" | "integer", Value::Number(number)) => held == number.to_string(),
        ("boolean", Value::Bool(flag)) => held == flag.to_string(),
        ("numeric", Value::String(text)) => decimal(held) == decimal(text),
        ("timestamp with time zone", Value::String(text)) => {
            let parse = |text: &str| chrono::DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
            let held = held.replacen(' ', "T", 1) + ":00";
            parse(&held).is_ok() && parse(&held) == parse(text)
        }
        ("jsonb", source) => serde_json::from_str::<Value>(held).is_ok_and(|held| held == *source),
        _ => false,
    }
}

/// Sign, digits before the point, digits behind it: two decimals are equal when these are.
fn decimal(text: &str) -> (bool, String, String) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
}
