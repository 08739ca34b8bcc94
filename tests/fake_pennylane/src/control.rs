//! The control port: what the Rust API offers, by HTTP and JSON, without authentication and on the loopback only.

use std::sync::atomic::Ordering;

use chrono::NaiveDate;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Call};
use crate::config::Config;
use crate::fault::Fault;
use crate::routes::not_found;
use crate::shared::Shared;

#[derive(Deserialize)]
struct Insert {
    table: String,
    /// Left out: a random one.
    record: Option<Value>,
    #[serde(default)]
    silent: bool,
}

#[derive(Deserialize)]
struct Update {
    table: String,
    id: i64,
    /// Top-level fields that replace those of the record.
    changes: Map<String, Value>,
    #[serde(default)]
    silent: bool,
}

#[derive(Deserialize)]
struct Delete {
    table: String,
    id: i64,
    #[serde(default)]
    silent: bool,
}

#[derive(Deserialize)]
struct RandomChanges {
    n: usize,
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
struct BookEntry {
    date: NaiveDate,
    label: String,
    /// Account number, debit and credit in cents.
    lines: Vec<(String, i64, i64)>,
}

#[derive(Deserialize)]
struct DeleteEntry {
    id: i64,
}

#[derive(Deserialize)]
struct Event {
    changelog: String,
    event: Value,
}

pub(crate) fn answer(shared: &Shared, call: &Call) -> Answer {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let done = match (call.method.as_str(), parts.as_slice()) {
        ("POST", ["fault"]) => read(call).map(|fault: Fault| {
            shared.faults.lock().add(fault);
            json!({ "ok": true })
        }),
        ("DELETE", ["faults"]) => {
            shared.faults.lock().clear();
            Ok(json!({ "ok": true }))
        }
        ("GET", ["requests"]) => Ok(requests(shared)),
        ("DELETE", ["requests"]) => {
            shared.log.lock().clear();
            Ok(json!({ "ok": true }))
        }
        ("GET", ["world", table]) => table_known(shared, table).map(|()| Value::Array(shared.world.lock().list(table))),
        ("POST", ["insert"]) => read(call).and_then(|insert| self::insert(shared, insert)),
        ("POST", ["update"]) => read(call).and_then(|update| self::update(shared, update)),
        ("POST", ["delete"]) => read(call).and_then(|delete| self::delete(shared, &delete)),
        ("POST", ["random_changes"]) => read(call).map(|changes: RandomChanges| {
            let mut rng = StdRng::seed_from_u64(changes.seed);
            let mut world = shared.world.lock();
            (0..changes.n).for_each(|_| world.random_change(&mut rng));
            json!({ "ok": true })
        }),
        ("POST", ["book_entry"]) => read(call).and_then(|entry| book(shared, &entry)),
        ("POST", ["delete_entry"]) => read(call).map(|DeleteEntry { id }| {
            shared.world.lock().delete_entry(id);
            json!({ "ok": true })
        }),
        ("POST", ["event"]) => read(call).and_then(|Event { changelog, event }| {
            let mut world = shared.world.lock();
            world.find_changelog(&changelog).ok_or_else(not_found)?;
            world.event(&changelog, event);
            Ok(json!({ "ok": true }))
        }),
        ("GET", ["config"]) => Ok(json!(*shared.config.read())),
        ("POST", ["config"]) => read(call).and_then(|changes| configure(shared, changes)),
        ("POST", ["shutdown"]) => {
            shared.shutdown.store(true, Ordering::SeqCst);
            Ok(json!({ "ok": true }))
        }
        _ => Err(not_found()),
    };
    done.map_or_else(|refusal| refusal, |body| Answer::json(200, &body))
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Answer> {
    serde_json::from_slice(&call.body).map_err(|error| Answer::error(400, error.to_string()))
}

fn table_known(shared: &Shared, table: &str) -> Result<(), Answer> {
    if shared.world.lock().has_table(table) { Ok(()) } else { Err(not_found()) }
}

/// The log, with the time of each request in milliseconds since the start.
fn requests(shared: &Shared) -> Value {
    let shown = shared.log.lock().all().into_iter().map(|request| {
        let mut shown = json!(request);
        shown["at_ms"] = json!(u64::try_from((request.at - shared.started).as_millis()).unwrap_or(u64::MAX));
        shown
    });
    shown.collect()
}

fn insert(shared: &Shared, insert: Insert) -> Result<Value, Answer> {
    table_known(shared, &insert.table)?;
    let mut world = shared.world.lock();
    let record = insert.record.unwrap_or_else(|| world.new_record(&insert.table));
    if !record.is_object() {
        return Err(Answer::error(400, "record isn't an object"));
    }
    let id = match insert.silent {
        true => world.insert_silently(&insert.table, record),
        false => world.insert(&insert.table, record),
    };
    Ok(json!({ "id": id }))
}

fn update(shared: &Shared, update: Update) -> Result<Value, Answer> {
    table_known(shared, &update.table)?;
    let mut world = shared.world.lock();
    let change = |record: &mut Map<String, Value>| record.extend(update.changes);
    let found = match update.silent {
        true => world.update_silently(&update.table, update.id, change),
        false => world.update(&update.table, update.id, change),
    };
    if found { Ok(json!({ "ok": true })) } else { Err(not_found()) }
}

fn delete(shared: &Shared, delete: &Delete) -> Result<Value, Answer> {
    table_known(shared, &delete.table)?;
    let mut world = shared.world.lock();
    let found = match delete.silent {
        true => world.delete_silently(&delete.table, delete.id),
        false => world.delete(&delete.table, delete.id),
    };
    if found { Ok(json!({ "ok": true })) } else { Err(not_found()) }
}

fn book(shared: &Shared, entry: &BookEntry) -> Result<Value, Answer> {
    if entry.lines.iter().map(|(_, debit, credit)| debit - credit).sum::<i64>() != 0 {
        return Err(Answer::error(400, "the entry does not balance"));
    }
    let lines: Vec<(&str, i64, i64)> =
        entry.lines.iter().map(|(account, debit, credit)| (account.as_str(), *debit, *credit)).collect();
    Ok(json!({ "id": shared.world.lock().book_entry(entry.date, &entry.label, &lines) }))
}

/// Settings by name; those left out stay.
fn configure(shared: &Shared, changes: Map<String, Value>) -> Result<Value, Answer> {
    let mut settings = json!(*shared.config.read());
    for (name, value) in changes {
        settings[name] = value;
    }
    let config: Config = serde_json::from_value(settings).map_err(|error| Answer::error(400, error.to_string()))?;
    shared.set_config(|current| *current = config);
    Ok(json!({ "ok": true }))
}
