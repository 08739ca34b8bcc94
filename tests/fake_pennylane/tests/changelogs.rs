//! The changelogs: which events appear, in what order, for how long.

mod support;

use chrono::{Duration, NaiveDate};
use serde_json::{Value, json};
use support::{client, ids, tiny};

const NAMES: &[&str] = &[
    "customer_invoices",
    "supplier_invoices",
    "customers",
    "suppliers",
    "products",
    "transactions",
    "quotes",
    "ledger_entry_lines",
    "ledger_entries_categories",
    "ledger_entry_lines_categories",
];

/// A minute before the API's now, so that the history of the seed stays out.
fn recently(fake: &fake_pennylane::FakePennylane) -> String {
    fake.world(|world| world.now() - Duration::minutes(1)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[test]
fn there_are_exactly_ten() {
    let fake = tiny();
    let client = client(&fake);
    for name in NAMES {
        assert_eq!(client.get(&format!("/changelogs/{name}"), &[]).status, 200, "{name}");
    }
    for name in ["ledger_entries", "ledger_accounts", "journals", "fiscal_years", "bank_accounts"] {
        assert_eq!(client.get(&format!("/changelogs/{name}"), &[]).status, 404, "{name}");
    }
    fake.set_config(|config| config.category_changelogs = false);
    assert_eq!(client.get("/changelogs/ledger_entries_categories", &[]).status, 404);
}

#[test]
fn events_come_oldest_first_and_never_hold_the_row() {
    let fake = tiny();
    let events = client(&fake).walk("/changelogs/customers", &[("limit", "7")]);
    assert_eq!(events.len(), 60);
    let times: Vec<&str> = events.iter().filter_map(|event| event["processed_at"].as_str()).collect();
    assert!(times.is_sorted());
    for event in &events {
        let keys: Vec<&String> = event.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["created_at", "id", "operation", "processed_at", "updated_at"]);
    }
}

#[test]
fn insert_update_and_delete_each_leave_an_event_and_silent_changes_none() {
    let fake = tiny();
    let since = recently(&fake);
    let id = fake.world(|world| {
        let record = world.new_record("products");
        let id = world.insert("products", record);
        let before = world.get("products", id).expect("the record")["updated_at"].clone();
        world.update("products", id, |product| drop(product.insert("label".into(), json!("autre"))));
        assert_ne!(world.get("products", id).expect("the record")["updated_at"], before);
        world.update_silently("products", id, |product| drop(product.insert("label".into(), json!("silence"))));
        world.delete("products", id);
        let record = world.new_record("products");
        let silent = world.insert_silently("products", record);
        world.delete_silently("products", silent);
        id
    });
    let events = client(&fake).walk("/changelogs/products", &[("start_date", &since)]);
    let operations: Vec<&str> = events.iter().filter_map(|event| event["operation"].as_str()).collect();
    assert_eq!(operations, ["insert", "update", "delete"]);
    assert_eq!(ids(&events), [id, id, id]);
}

#[test]
fn start_date_is_inclusive_and_goes_with_no_cursor() {
    let fake = tiny();
    let client = client(&fake);
    let events = client.walk("/changelogs/suppliers", &[("limit", "1000")]);
    let start = events[30]["processed_at"].as_str().expect("a time").to_owned();
    let page = client.get("/changelogs/suppliers", &[("start_date", &start), ("limit", "5")]);
    assert_eq!(page.items()[0], events[30]);
    let cursor = page.json()["next_cursor"].as_str().expect("a cursor").to_owned();
    let next = client.get("/changelogs/suppliers", &[("cursor", &cursor), ("limit", "1000")]);
    assert_eq!(next.items(), events[35..]);
    let both = client.get("/changelogs/suppliers", &[("start_date", &start), ("cursor", &cursor)]);
    assert_eq!(both.status, 400);
    assert_eq!(
        client.get("/changelogs/suppliers", &[("start_date", "yesterday")]).json()["code"],
        "InvalidDateTimeFormat"
    );
    assert_eq!(client.get("/changelogs/suppliers", &[("limit", "1001")]).json()["code"], "MoreThanMaximum");
}

#[test]
fn a_start_date_older_than_four_weeks_gives_422_and_old_events_go() {
    let fake = tiny();
    let client = client(&fake);
    let now = fake.world(|world| world.now());
    let ago = |days: i64| (now - Duration::days(days)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(client.get("/changelogs/customers", &[("start_date", &ago(27))]).status, 200);
    assert_eq!(client.get("/changelogs/customers", &[("start_date", &ago(29))]).status, 422);
    fake.set_config(|config| config.clock_offset = Duration::days(40));
    assert!(client.get("/changelogs/customers", &[]).items().is_empty());
    let date = client.get("/me", &[]).header("date").expect("a date").to_owned();
    assert!(date.contains(&(now + Duration::days(40)).format("%d %b %Y").to_string()), "{date}");
}

#[test]
fn an_entry_shows_only_through_its_lines() {
    let fake = tiny();
    let since = recently(&fake);
    let day = NaiveDate::from_ymd_opt(2026, 3, 4).expect("a date");
    let entry =
        fake.world(|world| world.book_entry(day, "Régularisation", &[("606400", 1250, 0), ("467000", 0, 1250)]));
    let client = client(&fake);
    let inserted = client.walk("/changelogs/ledger_entry_lines", &[("start_date", &since)]);
    assert_eq!(inserted.len(), 2);
    fake.world(|world| world.delete_entry(entry));
    let events = client.walk("/changelogs/ledger_entry_lines", &[("start_date", &since)]);
    let deleted: Vec<i64> =
        events.iter().filter(|event| event["operation"] == "delete").filter_map(|event| event["id"].as_i64()).collect();
    assert_eq!(deleted, ids(&inserted));
    assert!(fake.world(|world| world.get("ledger_entries", entry)).is_none());
}

#[test]
fn a_change_of_categories_shows_in_the_category_feed_alone() {
    let fake = tiny();
    let since = recently(&fake);
    let client = client(&fake);
    let (line, entry) = fake.world(|world| {
        let all = world.list("ledger_entry_lines");
        let line = all.iter().find(|line| line["categories"] == json!([])).expect("a bare line").clone();
        let id = line["id"].as_i64().expect("an id");
        let other = all.iter().find(|line| line["categories"] != json!([])).expect("a line with categories");
        let categories = json!([other["categories"][0]]);
        world.update("ledger_entry_lines", id, |line| drop(line.insert("categories".into(), categories)));
        assert_eq!(world.get("ledger_entry_lines", id).expect("the line")["updated_at"], line["updated_at"]);
        (id, line["ledger_entry"]["id"].clone())
    });
    assert!(client.walk("/changelogs/ledger_entry_lines", &[("start_date", &since)]).is_empty());
    let events = client.walk("/changelogs/ledger_entry_lines_categories", &[("start_date", &since)]);
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["operation"], &events[0]["ledger_entry_line"]["id"]), (&json!("insert"), &json!(line)));
    assert_eq!(events[0]["ledger_entry"]["id"], entry);
    fake.world(|world| world.delete("ledger_entry_lines", line));
    let events = client.walk("/changelogs/ledger_entry_lines_categories", &[("start_date", &since)]);
    let last = events.last().expect("an event");
    assert_eq!(
        (&last["operation"], &last["ledger_entry_line"], &last["ledger_entry"]),
        (&json!("delete"), &Value::Null, &Value::Null)
    );
}

#[test]
fn an_event_filed_by_hand_takes_its_place_by_its_time() {
    let fake = tiny();
    let client = client(&fake);
    let first = client.get("/changelogs/quotes", &[("limit", "1")]).items().remove(0);
    fake.world(|world| {
        world.event("quotes", first.clone());
        world.event("quotes", json!({ "id": 5, "operation": "update" }));
    });
    let events = client.walk("/changelogs/quotes", &[("limit", "1000")]);
    assert_eq!((&events[0], &events[1]), (&first, &first), "a duplicate comes right behind");
    assert_eq!(events.last().expect("an event")["id"], 5);
}
