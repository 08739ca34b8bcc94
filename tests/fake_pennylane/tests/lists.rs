//! Lists over HTTP: pages, cursors, filters, sorts, refusals.

mod support;

use fake_pennylane::{Config, FakePennylane, Size, Trigger, When, catalogue, pdf};
use serde_json::{Value, json};
use support::{client, filter, ids, small, tiny};

#[test]
fn a_walk_by_cursor_reads_every_row_of_every_list_once() {
    let fake = small();
    let client = client(&fake);
    for resource in catalogue::resources() {
        let items = client.walk(&format!("/{}", resource.name), &[("limit", "97"), ("sort", "id")]);
        let mut found = ids(&items);
        // Two lists have no sort parameter.
        found.sort_unstable();
        assert_eq!(found, fake.world(|world| world.ids(&resource.name)), "{}", resource.name);
    }
}

#[test]
fn pages_hold_20_rows_newest_first_unless_told_otherwise() {
    let fake = small();
    let found = ids(&client(&fake).get("/customers", &[]).items());
    let mut expected = fake.world(|world| world.ids("customers"));
    expected.reverse();
    assert_eq!(found, expected[..20]);
}

#[test]
fn a_walk_by_lower_bound_on_the_id_reads_every_line() {
    let fake = small();
    let client = client(&fake);
    let mut found: Vec<i64> = Vec::new();
    loop {
        let after = filter("id", "gt", found.last().copied().unwrap_or(0));
        let page = client.get("/ledger_entry_lines", &[("filter", &after), ("sort", "id"), ("limit", "100")]);
        found.extend(ids(&page.items()));
        if page.json()["has_more"] == false {
            break;
        }
    }
    assert_eq!(found, fake.world(|world| world.ids("ledger_entry_lines")));
}

#[test]
fn a_cursor_carries_neither_filter_nor_sort_nor_limit() {
    let fake = small();
    let client = client(&fake);
    let only = filter("customer_type", "eq", "individual");
    let first = client.get("/customers", &[("filter", &only), ("sort", "id"), ("limit", "10")]);
    assert!(first.items().iter().all(|item| item["customer_type"] == "individual"));
    let cursor = first.json()["next_cursor"].as_str().expect("a cursor").to_owned();
    let bare = client.get("/customers", &[("cursor", &cursor)]);
    assert!(bare.items().iter().any(|item| item["customer_type"] == "company"), "the filter is forgotten");
    let last = ids(&first.items())[9];
    assert!(ids(&bare.items()).iter().all(|id| *id < last), "the order is the default one, newest first");
    let expected = ids(&client.walk("/customers", &[("filter", &only), ("sort", "id"), ("limit", "10")]));
    let known = fake.world(|world| world.list("customers"));
    let individuals = known.iter().filter(|row| row["customer_type"] == "individual").count();
    assert_eq!(expected.len(), individuals);
}

#[test]
fn some_cursors_end_with_an_equals_sign() {
    let fake = small();
    let client = client(&fake);
    let ends_with_equals = |resource: &&catalogue::Resource| {
        let page = client.get(&format!("/{}", resource.name), &[("limit", "1"), ("sort", "id")]).json();
        page["next_cursor"].as_str().is_some_and(|cursor| cursor.ends_with('='))
    };
    let count = catalogue::resources().iter().filter(ends_with_equals).count();
    assert!((1..catalogue::resources().len()).contains(&count), "{count}");
}

#[test]
fn lists_sorted_by_date_keep_their_order_across_pages() {
    let fake = small();
    let client = client(&fake);
    for (path, sort) in [("/ledger_entries", "date"), ("/customer_invoices", "-date"), ("/fiscal_years", "start")] {
        let items = client.walk(path, &[("sort", sort), ("limit", "31")]);
        let count = fake.world(|world| world.count(&path[1..]));
        assert_eq!(items.len(), count, "{path}");
        let field = sort.trim_start_matches('-');
        let mut keys: Vec<String> =
            items.iter().map(|item| item[field].as_str().unwrap_or("9999").to_owned()).collect();
        if sort.starts_with('-') {
            keys.reverse();
        }
        assert!(keys.is_sorted(), "{path} {sort}");
    }
}

#[test]
fn rows_that_come_and_go_between_pages_neither_hide_nor_repeat_another() {
    let fake = small();
    let ids_before = fake.world(|world| world.ids("suppliers"));
    let (gone, kept) = (ids_before[25], ids_before.len());
    fake.on_request(Trigger { path: "GET /suppliers".into(), skip: 1, when: When::Before }, move |world| {
        // The last row of the page just read, and a new one at the end.
        world.delete("suppliers", gone);
        world.delete("suppliers", ids_before[19]);
        let fresh = world.new_record("suppliers");
        world.insert("suppliers", fresh);
    });
    let found = ids(&client(&fake).walk("/suppliers", &[("sort", "id")]));
    assert_eq!(found.len(), kept, "one row read then deleted, one deleted unread, one inserted");
    assert!(found.is_sorted_by(|a, b| a < b));
    assert!(!found.contains(&gone));
}

#[test]
fn every_operator_selects_what_it_says() {
    let fake = small();
    let client = client(&fake);
    let rows = fake.world(|world| world.list("customer_invoices"));
    let middle = rows[rows.len() / 2]["id"].as_i64().expect("an id");
    let count = |field: &str, operator: &str, value: Value| {
        client.walk("/customer_invoices", &[("filter", &filter(field, operator, value)), ("limit", "100")]).len()
    };
    let expected = |wanted: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let id = |row: &Value| row["id"].as_i64().expect("an id");
    assert_eq!(count("id", "lt", json!(middle)), expected(&|row| id(row) < middle));
    assert_eq!(count("id", "lteq", json!(middle)), expected(&|row| id(row) <= middle));
    assert_eq!(count("id", "gt", json!(middle.to_string())), expected(&|row| id(row) > middle));
    assert_eq!(count("id", "gteq", json!(middle)), expected(&|row| id(row) >= middle));
    assert_eq!(count("id", "eq", json!(middle)), 1);
    assert_eq!(count("id", "not_eq", json!(middle)), rows.len() - 1);
    assert_eq!(count("id", "in", json!([middle, middle.to_string(), 5])), 1);
    assert_eq!(count("id", "not_in", json!([middle, 5])), rows.len() - 1);
    let day = "2025-06-30";
    let date = |row: &Value| row["date"].as_str().map(str::to_owned);
    assert_eq!(count("date", "gteq", json!(day)), expected(&|row| date(row).is_some_and(|date| date.as_str() >= day)));
    assert_eq!(count("date", "lt", json!(day)), expected(&|row| date(row).is_some_and(|date| date.as_str() < day)));
    assert_eq!(count("draft", "eq", json!("true")), expected(&|row| row["draft"] == true));
    assert_eq!(count("draft", "eq", json!(true)), expected(&|row| row["draft"] == true));
    let credit = |row: &Value| row["amount"].as_str().is_some_and(|amount| amount.starts_with('-'));
    assert_eq!(count("credit_note", "eq", json!("true")), expected(&credit));
    let customer = rows[0]["customer"]["id"].clone();
    assert_eq!(count("customer_id", "eq", customer.clone()), expected(&|row| row["customer"]["id"] == customer));
    let number = rows[0]["invoice_number"].clone();
    assert_eq!(count("invoice_number", "eq", number), 1);
    let start = filter("number", "start_with", "411");
    let accounts = client.walk("/ledger_accounts", &[("filter", &start), ("limit", "1000")]);
    assert_eq!(accounts.len(), fake.world(|world| world.count("customers")));
    let email = fake.world(|world| {
        world.list("customers").into_iter().find_map(|row| row["emails"][0].as_str().map(str::to_owned))
    });
    let with = filter("emails", "in", json!([email.expect("an e-mail")]));
    assert_eq!(client.walk("/customers", &[("filter", &with)]).len(), 1);
}

#[test]
fn two_conditions_must_both_hold() {
    let fake = small();
    let both = json!([
        { "field": "date", "operator": "gteq", "value": "2025-01-01" },
        { "field": "date", "operator": "lteq", "value": "2025-12-31" },
    ]);
    let found = client(&fake).walk("/ledger_entry_lines", &[("filter", &both.to_string()), ("limit", "100")]);
    let expected = fake.world(|world| world.list("ledger_entry_lines"));
    let expected =
        expected.iter().filter(|row| row["date"].as_str().is_some_and(|date| date.starts_with("2025"))).count();
    assert_eq!(found.len(), expected);
}

#[test]
fn what_the_schema_does_not_declare_is_refused_with_400() {
    let fake = tiny();
    let client = client(&fake);
    let refused = |path: &str, name: &str, value: &str| {
        let reply = client.get(path, &[(name, value)]);
        assert_eq!(reply.status, 400, "{path}?{name}={value}: {}", reply.text);
        reply.json()
    };
    assert_eq!(refused("/customers", "limit", "101")["code"], "MoreThanMaximum");
    assert_eq!(refused("/customers", "limit", "0")["code"], "LessThanMinimum");
    assert_eq!(refused("/ledger_accounts", "limit", "1001")["code"], "MoreThanMaximum");
    refused("/customers", "limit", "many");
    refused("/customers", "cursor", "not-a-cursor");
    refused("/customers", "sort", " id");
    refused("/customers", "sort", "name");
    refused("/customers", "filter", "name");
    refused("/customers", "filter", &filter("created_at", "gteq", "2026-01-01"));
    refused("/transactions", "filter", &filter("id", "gt", 1));
    refused("/transactions", "filter", &filter("date", "in", json!(["2026-01-01"])));
    refused("/customers", "filter", &filter("id", "gte", 1));
    refused("/customers", "filter", &filter("id", "in", 1));
    refused("/customers", "filter", &filter("id", "eq", "one"));
    refused("/bank_accounts", "filter", &filter("id", "eq", 1));
    refused("/ledger_entries", "filter", &filter("date", "eq", "yesterday"));
    refused("/customers", "filter", "[{\"field\":\"id\",\"operator\":\"eq\",\"value\":1,\"or\":2}]");
    // A bare plus decodes to a space.
    let plus = client.try_get("/customers?sort=+id", &[]).expect("an answer");
    assert_eq!(plus.status, 400);
    assert_eq!(client.get("/ledger_accounts", &[("limit", "1000")]).status, 200);
}

#[test]
fn unknown_parameters_are_ignored_so_per_page_silently_gives_20() {
    let fake = small();
    let reply = client(&fake).get("/customers", &[("per_page", "100"), ("page", "2")]);
    assert_eq!((reply.status, reply.items().len()), (200, 20));
}

#[test]
fn four_lists_carry_page_counters_that_are_null() {
    let fake = tiny();
    for resource in catalogue::resources() {
        let page = client(&fake).get(&format!("/{}", resource.name), &[]).json();
        let carried =
            ["journals", "ledger_accounts", "ledger_entries", "fiscal_years"].contains(&resource.name.as_str());
        for counter in ["total_pages", "current_page", "per_page", "total_items"] {
            assert_eq!(page.get(counter), carried.then_some(&Value::Null), "{}", resource.name);
        }
    }
}

#[test]
fn a_single_row_is_the_row_of_the_list_and_a_single_entry_embeds_its_lines() {
    let fake = tiny();
    let client = client(&fake);
    let customer = client.get("/customers", &[("limit", "1")]).items().remove(0);
    assert_eq!(client.get(&format!("/customers/{}", customer["id"]), &[]).json(), customer);
    let id = fake.world(|world| world.list("ledger_entry_lines")[0]["ledger_entry"]["id"].as_i64().expect("an entry"));
    let entry = client.get(&format!("/ledger_entries/{id}"), &[]).json();
    assert!(entry.get("journal_id").is_none() && entry.get("ledger_attachment_filename").is_none());
    let lines = entry["ledger_entry_lines"].as_array().expect("lines");
    let listed = client.walk(&format!("/ledger_entries/{id}/ledger_entry_lines"), &[("sort", "id"), ("limit", "1")]);
    assert_eq!(ids(lines), ids(&listed));
    assert!(listed.iter().all(|line| line["ledger_account_id"] == line["ledger_account"]["id"]));
    assert_eq!(client.get("/customers/1", &[]).status, 404);
    assert_eq!(client.get("/fiscal_years/2200000000", &[]).status, 404, "this list has no single read");
    assert_eq!(client.get("/nonsense", &[]).status, 404);
}

#[test]
fn signed_links_differ_at_every_read_and_open_their_file() {
    let fake = small();
    let client = client(&fake);
    let link = || {
        let rows = client.get("/customer_invoices", &[("limit", "100"), ("sort", "id")]).items();
        let found =
            rows.iter().find_map(|row| Some((row["id"].as_i64()?, row["public_file_url"].as_str()?.to_owned())));
        found.expect("a link")
    };
    let ((id, one), (_, two)) = (link(), link());
    assert_ne!(one, two);
    assert!(one.contains("signature="));
    assert!(!one.starts_with(&fake.base_url()));
    let (status, body) = client.download(&one, None);
    assert_eq!((status, body), (200, pdf("customer_invoices", id)));
    assert_eq!(client.download(&one, Some("fake-token")).0, 400, "a token sent along is refused");
    assert_eq!(client.download(&one.replace("signature=", "signature=0"), None).0, 403);
    fake.set_config(|config| config.clock_offset = chrono::Duration::minutes(31));
    assert_eq!(client.download(&one, None).0, 403, "30 minutes");
}

#[test]
fn the_trial_balance_needs_its_two_dates_and_comes_in_pages() {
    let fake = small();
    let client = client(&fake);
    assert_eq!(client.get("/trial_balance", &[("period_start", "2025-01-01")]).json()["code"], "NotExistRequiredKey");
    let period = [("period_start", "2025-01-01"), ("period_end", "2025-12-31")];
    let rows = client.walk("/trial_balance", &[period[0], period[1], ("is_auxiliary", "true"), ("limit", "13")]);
    let day = |text: &str| text.parse().expect("a date");
    assert_eq!(rows, fake.world(|world| world.trial_balance(day("2025-01-01"), day("2025-12-31"), true)));
}

#[test]
fn prepared_pages_are_the_same_pages_and_end_with_their_table() {
    let fake = FakePennylane::start(Config { size: Size::tiny(), prepared: true, ..Config::default() });
    let client = client(&fake);
    let get = || client.get("/ledger_entry_lines", &[("sort", "id"), ("limit", "100")]).text;
    let before = get();
    assert_eq!(get(), before);
    let id = fake.world(|world| world.ids("ledger_entry_lines")[0]);
    fake.world(|world| world.update("ledger_entry_lines", id, |line| drop(line.insert("label".into(), json!("neuf")))));
    assert!(get().contains("\"label\":\"neuf\""));
    assert_ne!(get(), before);
}
