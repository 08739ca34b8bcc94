//! What the world promises: books that balance, every field of the contract, the same bytes for the same seed.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use fake_pennylane::catalogue::{self, Field, Kind};
use fake_pennylane::rand::{SeedableRng, rngs::StdRng};
use fake_pennylane::{Config, Size, World};
use serde_json::{Map, Value};

fn world(size: Size, seed: u64) -> World {
    World::new(&Config { size, seed, ..Config::default() })
}

fn cents(line: &Value, side: &str) -> i64 {
    let text = line[side].as_str().expect("an amount is text");
    let (units, decimals) = text.split_once('.').unwrap_or((text, ""));
    assert!(decimals.bytes().skip(2).all(|digit| digit == b'0'), "{text} has more than cents");
    format!("{units}{:0<2}", &decimals[..decimals.len().min(2)]).parse().expect("digits")
}

fn assert_every_entry_balances(world: &World) {
    let entries: BTreeSet<i64> = world.ids("ledger_entries").into_iter().collect();
    let mut balances: BTreeMap<i64, i64> = BTreeMap::new();
    for line in world.list("ledger_entry_lines") {
        let entry = line["ledger_entry"]["id"].as_i64().expect("a line has an entry");
        assert!(entries.contains(&entry), "the entry {entry} of a line exists");
        *balances.entry(entry).or_default() += cents(&line, "debit") - cents(&line, "credit");
    }
    assert!(balances.len() > 20);
    assert!(balances.values().all(|balance| *balance == 0), "{balances:?}");
}

#[test]
fn every_entry_balances_to_the_cent() {
    assert_every_entry_balances(&world(Size::tiny(), 1));
    assert_every_entry_balances(&world(Size::small(), 2));
}

#[test]
fn random_changes_keep_every_entry_balanced_and_are_told_to_the_changelogs() {
    let mut world = world(Size::small(), 3);
    let before = world.events("ledger_entry_lines").len();
    let mut rng = StdRng::seed_from_u64(9);
    for _ in 0..400 {
        world.random_change(&mut rng);
    }
    assert_every_entry_balances(&world);
    assert!(world.events("ledger_entry_lines").len() > before + 50);
    assert!(!world.events("ledger_entry_lines_categories").is_empty());
    assert!(!world.events("ledger_entries_categories").is_empty());
}

#[test]
fn the_trial_balance_is_what_the_lines_add_up_to() {
    let world = world(Size::small(), 1);
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    let mut expected: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for line in world.list("ledger_entry_lines") {
        if line["date"].as_str().is_some_and(|date| date.starts_with("2025-")) {
            let number = line["ledger_account"]["number"].as_str().expect("a number").to_owned();
            let sums = expected.entry(number).or_default();
            sums.0 += cents(&line, "debit");
            sums.1 += cents(&line, "credit");
        }
    }
    let rows = world.trial_balance(day(2025, 1, 1), day(2025, 12, 31), true);
    let found: BTreeMap<String, (i64, i64)> = rows
        .iter()
        .map(|row| (row["number"].as_str().expect("text").to_owned(), (cents(row, "debits"), cents(row, "credits"))))
        .collect();
    assert_eq!(found, expected);
    let collective = world.trial_balance(day(2025, 1, 1), day(2025, 12, 31), false);
    assert!(collective.len() < rows.len());
    let total = |side: &str, rows: &[Value]| rows.iter().map(|row| cents(row, side)).sum::<i64>();
    assert_eq!(total("debits", &collective), total("credits", &collective));
    assert_eq!(total("debits", &collective), total("debits", &rows));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let [one, two, other] = [7, 7, 8].map(|seed| world(Size::tiny(), seed));
    for resource in catalogue::resources() {
        let text = |world: &World| Value::Array(world.list(&resource.name)).to_string();
        assert_eq!(text(&one), text(&two), "{}", resource.name);
        assert_ne!(text(&one), text(&other), "{}", resource.name);
    }
}

/// Whether a value is of the type that its field announces.
fn fits(field: &Field, value: &Value) -> bool {
    match field.kind {
        Kind::Integer => value.is_i64(),
        Kind::Boolean => value.is_boolean(),
        Kind::Array => value.is_array(),
        Kind::Object => value.is_object(),
        // A custom field of several choices holds an array.
        Kind::String => value.is_string() || field.name == "value" && value.is_array(),
    }
}

/// Checks one record and notes what it shows of each field: `path` filled, `path?` null.
fn check(table: &str, record: &Map<String, Value>, fields: &[Field], prefix: &str, seen: &mut BTreeSet<String>) {
    for key in record.keys() {
        assert!(fields.iter().any(|field| field.name == *key), "{table}: {prefix}{key} is in no contract");
    }
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        match record.get(&field.name) {
            None => {
                let may_be_absent = field.variant.is_some() || field.name == "e_invoicing";
                assert!(may_be_absent, "{table}: {path} is absent from {record:?}");
                seen.insert(format!("{path}-"));
            }
            Some(Value::Null) => {
                // One third party saw drafts without an entry.
                assert!(field.nullable || path == "ledger_entry", "{table}: {path} is null");
                seen.insert(format!("{path}?"));
            }
            Some(value) => {
                assert!(fits(field, value), "{table}: {path} is {value}");
                let items =
                    if let Value::Array(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
                for child in items.iter().filter_map(Value::as_object) {
                    check(table, child, &field.children, &format!("{path}."), seen);
                }
                seen.insert(path);
            }
        }
    }
}

fn assert_all_seen(table: &str, fields: &[Field], prefix: &str, seen: &BTreeSet<String>) {
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        assert!(seen.contains(&path), "{table}: {path} is never filled");
        assert!(!field.nullable || seen.contains(&format!("{path}?")), "{table}: {path} is never null");
        assert_all_seen(table, &field.children, &format!("{path}."), seen);
    }
}

#[test]
fn every_field_is_filled_somewhere_and_every_nullable_one_is_null_somewhere() {
    for (size, seed) in [(Size::tiny(), 1), (Size::small(), 1), (Size::small(), 5)] {
        let world = world(size, seed);
        for resource in catalogue::resources() {
            let mut seen = BTreeSet::new();
            for record in world.list(&resource.name) {
                check(&resource.name, record.as_object().expect("an object"), &resource.fields, "", &mut seen);
            }
            assert_all_seen(&resource.name, &resource.fields, "", &seen);
        }
    }
}

#[test]
fn the_awkward_cases_are_all_there() {
    let world = world(Size::small(), 1);
    let has = |table: &str, wanted: fn(&Value) -> bool| world.list(table).iter().any(wanted);
    assert!(has("customers", |row| row["customer_type"] == "individual"));
    assert!(has("customer_invoices", |row| row["amount"].as_str().is_some_and(|amount| amount.starts_with('-'))));
    assert!(has("customer_invoices", |row| row["credited_invoice"].is_object()));
    assert!(has("customer_invoices", |row| row["date"].is_null() && row["draft"] == true));
    assert!(has("customer_invoices", |row| row["currency"] != "EUR" && row["exchange_rate"] != "1.0"));
    assert!(has("customer_invoices", |row| row["discount"]["value"] == ""));
    assert!(has("customer_invoices", |row| row.get("e_invoicing").is_none()));
    assert!(has("customer_invoices", |row| row["id"].as_i64() > Some(1 << 53)));
    assert!(has("ledger_entry_lines", |row| row["lettered_ledger_entry_lines"]["ids"] != Value::Array(Vec::new())));
    assert!(has("ledger_entry_lines", |row| row["categories"].as_array().is_some_and(|all| all.len() == 2)));
    assert!(has("ledger_entry_lines", |row| row["id"].as_i64() > Some(1 << 32)));
    assert!(has("ledger_entries", |row| row["date"].is_null()));
    assert!(has("ledger_entry_lines", |row| row["label"].as_str().is_some_and(|label| label.chars().count() == 300)));
    for part in ["", "👩‍🌾", "\t", "\\", "\"", "é"] {
        let found = world.list("ledger_entry_lines").iter().any(|row| match row["label"].as_str() {
            Some(label) => {
                if part.is_empty() {
                    label.is_empty()
                } else {
                    label.contains(part)
                }
            }
            None => false,
        });
        assert!(found, "no label with {part:?}");
    }
    let mut by_number: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for account in world.list("ledger_accounts") {
        by_number.entry(account["number"].to_string()).or_default().insert(account["vat_rate"].to_string());
    }
    assert!(by_number.values().any(|rates| rates.len() > 1), "one number, several VAT codes");
    assert!(by_number.keys().any(|number| number.contains("CLI")), "numbers with letters");
}

#[test]
fn about_as_many_lines_are_built_as_were_asked_for() {
    let count = world(Size::with_lines(9_000), 1).count("ledger_entry_lines");
    assert!((8_500..10_500).contains(&count), "{count}");
}
