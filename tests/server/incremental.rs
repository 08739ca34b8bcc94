//! Changes: all of them, exactly once, with the fewest requests.

use crate::compare::{table_equals_world, tables_equal_world};
use crate::scene::{Scene, TABLES, TOKEN};
use fake_pennylane::{Config, FakePennylane, Fault, FaultKind, Size, Trigger, When, World};
use serde_json::{Map, Value, json};

/// The tables that have a changelog of their own stand first.
const WITH_CHANGELOG: &[&str] = TABLES.split_at(7).0;

fn relabel(text: &str) -> impl FnOnce(&mut Map<String, Value>) + use<> {
    let text = text.to_owned();
    move |record| {
        let field = if record.contains_key("label") { "label" } else { "name" };
        record.insert(field.into(), json!(text));
    }
}

fn insert_new(world: &mut World, table: &str) -> i64 {
    let record = world.new_record(table);
    world.insert(table, record)
}

/// The time, as the API writes it.
fn now(scene: &Scene) -> String {
    let now = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    scene.value(now).unwrap()
}

/// A new entry of two lines.
fn book(world: &mut World) -> i64 {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
    world.book_entry(date, "nouvelle", &[("606000", 100, 0), ("512000", 0, 100)])
}

/// One entry comes, another goes.
fn replace_an_entry(world: &mut World) {
    book(world);
    let entry = world.ids("ledger_entries")[0];
    world.delete_entry(entry);
}

/// Requests for this path and no other.
fn requests_for(scene: &Scene, path: &str) -> usize {
    scene.api.requests().iter().filter(|request| request.path == path).count()
}

#[test]
fn inserts_updates_and_deletes_of_every_changelog_table_arrive() {
    let scene = Scene::synced();
    scene.sync("sync_incremental()");
    for &table in WITH_CHANGELOG {
        scene.api.world(|world| {
            let ids = world.ids(table);
            insert_new(world, table);
            world.update(table, ids[0], relabel("one"));
            world.update(table, ids[1], relabel("one"));
            world.update(table, ids[1], relabel("two"));
            world.update(table, ids[1], relabel("three"));
            world.delete(table, ids[2]);
            let passing = insert_new(world, table);
            world.delete(table, passing);
            let back = world.get(table, ids[3]).unwrap();
            world.delete(table, ids[3]);
            world.insert(table, back);
        });
    }
    scene.api.clear_requests();
    let done = scene.sync("sync_incremental()");
    for &table in WITH_CHANGELOG {
        let done = &done[table];
        assert_eq!((done.status.as_str(), done.inserted, done.deleted), ("ok", 1, 1), "{table} {done:?}");
        assert!(done.updated == 2 || done.updated == 3, "{table} {done:?}");
        assert_eq!(requests_for(&scene, &format!("/{table}")), 1, "{table}: one fetch for all that changed");
    }
    for &table in WITH_CHANGELOG {
        table_equals_world(&scene, table);
    }
}

#[test]
fn a_record_that_is_deleted_after_its_event_was_read_is_removed() {
    let scene = Scene::synced();
    for &table in WITH_CHANGELOG {
        let id = scene.api.world(|world| {
            let id = world.ids(table)[0];
            world.update(table, id, relabel("short-lived"));
            id
        });
        let after = Trigger { path: format!("/changelogs/{table}"), skip: 0, when: When::After };
        scene.api.on_request(after, move |world| {
            world.delete(table, id);
        });
        let done = &scene.sync(&format!("sync_incremental('{table}')"))[table];
        assert_eq!((done.status.as_str(), done.deleted), ("ok", 1), "{table} {done:?}");
        table_equals_world(&scene, table);
    }
}

#[test]
fn a_change_at_any_instant_of_a_sync_is_there_after_the_next() {
    let scene = Scene::synced();
    let instants =
        ["GET /me", "/changelogs/customers", "GET /customers", "/changelogs/suppliers", "GET /bank_accounts"];
    for when in [When::Before, When::After] {
        for path in instants {
            scene.api.world(|world| {
                let id = world.ids("customers")[1];
                world.update("customers", id, relabel("so that there is something to fetch"));
            });
            let path = path.to_owned();
            scene.api.on_request(Trigger { path: path.clone(), skip: 0, when }, move |world| {
                let ids = world.ids("customers");
                world.update("customers", ids[1], relabel(&format!("changed {when:?} {path}")));
                world.update("customers", ids[2], relabel(&format!("changed {when:?} {path}")));
                world.delete("customers", ids[0]);
                insert_new(world, "customers");
            });
            scene.sync("sync_incremental()");
            scene.sync("sync_incremental()");
            table_equals_world(&scene, "customers");
        }
    }
}

#[test]
fn a_database_whose_clock_is_hours_off_loses_nothing() {
    for hours in [-2, 2] {
        let api = FakePennylane::start(Config {
            size: Size::tiny(),
            token: TOKEN.into(),
            clock_offset: chrono::Duration::hours(hours),
            ..Config::default()
        });
        let scene = Scene::around(api, &[]);
        scene.sync("sync_full()");
        for round in 0..2 {
            scene.api.world(|world| {
                let ids = world.ids("products");
                world.update("products", ids[0], relabel(&format!("round {round}")));
                world.delete("products", ids[1]);
                insert_new(world, "products");
            });
            let done = scene.sync("sync_incremental()");
            assert_eq!(done["products"].status, "ok");
            tables_equal_world(&scene);
        }
    }
}

#[test]
fn a_quiet_cycle_costs_thirteen_requests_and_writes_no_data_row() {
    let scene = Scene::synced();
    scene.sync("sync_incremental()");
    let versions = "SELECT md5(string_agg(v, ',' ORDER BY v)) FROM ( \
        SELECT 'l' || id || xmin || ctid AS v FROM pennylane.ledger_entry_lines UNION ALL \
        SELECT 'c' || id || xmin || ctid FROM pennylane.customers UNION ALL \
        SELECT 'a' || id || xmin || ctid FROM pennylane.ledger_accounts UNION ALL \
        SELECT 'e' || id || xmin || ctid FROM pennylane.ledger_entries) AS rows";
    let before = scene.value(versions);
    scene.api.clear_requests();
    let done = scene.sync("sync_incremental()");
    let mut paths: Vec<String> = scene.api.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/bank_accounts",
            "/changelogs/customer_invoices",
            "/changelogs/customers",
            "/changelogs/ledger_entries_categories",
            "/changelogs/ledger_entry_lines",
            "/changelogs/ledger_entry_lines_categories",
            "/changelogs/products",
            "/changelogs/supplier_invoices",
            "/changelogs/suppliers",
            "/changelogs/transactions",
            "/fiscal_years",
            "/ledger_accounts",
            "/me",
        ]
    );
    assert!(done.values().all(|table| table.inserted + table.updated + table.deleted == 0));
    assert!(
        done.iter().all(|(table, done)| done.status == if TABLES.contains(&table.as_str()) { "ok" } else { "skipped" })
    );
    assert_eq!(scene.value(versions), before);
}

#[test]
fn a_thousand_changed_invoices_cost_eleven_requests() {
    let scene = Scene::with(Size { customer_invoices: 1000, ..Size::tiny() }, &[]);
    scene.sync("sync_full()");
    scene.sync("sync_incremental()");
    scene.api.world(|world| {
        for id in world.ids("customer_invoices").into_iter().take(1000) {
            world.update("customer_invoices", id, relabel("all of them"));
        }
    });
    scene.api.clear_requests();
    let done = &scene.sync("sync_incremental('customer_invoices')")["customer_invoices"];
    assert_eq!((done.updated, done.requests), (1000, 11));
    assert_eq!(requests_for(&scene, "/changelogs/customer_invoices"), 1);
    assert_eq!(requests_for(&scene, "/customer_invoices"), 10);
    scene.api.clear_requests();
    scene.sync("sync_incremental('customer_invoices')");
    assert_eq!(requests_for(&scene, "/customer_invoices"), 0, "the overlap is not fetched again");
    table_equals_world(&scene, "customer_invoices");
}

#[test]
fn a_table_that_was_never_synced_is_read_whole() {
    let scene = Scene::new();
    let done = scene.sync("sync_incremental()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:?}");
    assert!(done["customers"].message.as_ref().unwrap().contains("never synced before"));
    tables_equal_world(&scene);
    let types = "SELECT string_agg(DISTINCT sync_type, ',') FROM pennylane.sync_state";
    assert_eq!(scene.value(types).unwrap(), "export,full");
    scene.sync("sync_incremental()");
    assert_eq!(scene.value(types).unwrap(), "export,full,incremental");
}

#[test]
fn a_changelog_that_cannot_tell_ends_in_a_table_read_whole() {
    let scene = Scene::synced();
    let refuse = |status| FaultKind::Status { status, headers: vec![], body: r#"{"error":"no","status":0}"#.into() };
    let round = std::cell::Cell::new(0);
    let silently_change = |scene: &Scene| {
        round.set(round.get() + 1);
        scene.api.world(|world| {
            let ids = world.ids("products");
            world.update_silently("products", ids[0], relabel(&format!("nobody was told {}", round.get())));
            world.delete_silently("products", ids[1]);
        });
    };
    silently_change(&scene);
    scene.execute(
        "UPDATE pennylane.sync_state SET last_sync_at = now() - interval '35 days' WHERE table_name = 'products'",
    );
    scene.api.clear_requests();
    let done = &scene.sync("sync_incremental('products')")["products"];
    assert_eq!((done.status.as_str(), done.updated, done.deleted), ("ok", 1, 1));
    assert!(done.message.as_ref().unwrap().contains("35 days ago"), "{done:?}");
    assert_eq!(requests_for(&scene, "/changelogs/products"), 0);
    for fault in [FaultKind::Retention422, refuse(422), refuse(400), refuse(404)] {
        silently_change(&scene);
        scene.api.fault(Fault::once("/changelogs/products", fault.clone()));
        let done = &scene.sync("sync_incremental('products')")["products"];
        assert_eq!((done.status.as_str(), done.updated, done.deleted), ("ok", 1, 1), "{fault:?}");
        assert!(done.message.as_ref().unwrap().contains("read whole"), "{done:?}");
        table_equals_world(&scene, "products");
    }
}

#[test]
fn a_cursor_that_expires_in_mid_read_starts_the_changelog_again() {
    let scene = Scene::with(Size { products: 2500, ..Size::tiny() }, &[]);
    scene.sync("sync_full()");
    scene.api.world(|world| {
        for id in world.ids("products") {
            world.update("products", id, relabel("page after page"));
        }
    });
    scene.api.fault(Fault { path: "/changelogs/products".into(), skip: 2, times: 1, kind: FaultKind::ExpiredCursor });
    let done = &scene.sync("sync_incremental('products')")["products"];
    assert_eq!((done.status.as_str(), done.updated), ("ok", 2500));
    table_equals_world(&scene, "products");
}

#[test]
fn a_table_that_fails_keeps_its_watermark_and_catches_up() {
    let scene = Scene::synced();
    let watermarks = |scene: &Scene| {
        let query = "SELECT string_agg(last_sync_at::text, ',' ORDER BY table_name) FILTER (WHERE table_name = 'suppliers') || '|' || \
                     bool_and(last_sync_at > now() - interval '1 hour')::text FROM pennylane.sync_state";
        scene.value(query).unwrap()
    };
    scene.execute("UPDATE pennylane.sync_state SET last_sync_at = last_sync_at - interval '30 minutes'");
    let before = watermarks(&scene);
    scene.api.world(|world| {
        let ids = world.ids("suppliers");
        world.update("suppliers", ids[0], relabel("later"));
        world.delete("suppliers", ids[1]);
    });
    scene.api.fault(Fault::always("GET /suppliers", FaultKind::GarbageJson));
    let done = scene.sync("sync_incremental()");
    assert_eq!(done["suppliers"].status, "error");
    assert!(done.iter().all(|(table, done)| table == "suppliers" || done.status != "error"));
    assert_eq!(watermarks(&scene), before, "the failed table's watermark is where it was");
    let moved = "SELECT count(*) FROM pennylane.sync_state WHERE last_sync_at > now() - interval '20 minutes'";
    assert_eq!(scene.value(moved).unwrap(), "12");
    scene.api.clear_faults();
    assert_eq!(scene.sync("sync_incremental()")["suppliers"].status, "ok");
    tables_equal_world(&scene);
}

#[test]
fn entries_follow_their_lines() {
    let scene = Scene::synced();
    scene.sync("sync_incremental()");
    let gone = scene.api.world(|world| {
        let entries = world.ids("ledger_entries");
        world.delete_entry(entries[0]);
        book(world);
        entries[0]
    });
    let done = scene.sync("sync_incremental()");
    assert_eq!((done["ledger_entries"].inserted, done["ledger_entries"].deleted), (1, 1), "{gone} {done:?}");
    tables_equal_world(&scene);
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.pending_entries").unwrap(), "0");
}

#[test]
fn entries_that_failed_are_fetched_by_the_next_run() {
    let scene = Scene::synced();
    scene.sync("sync_incremental()");
    scene.api.world(replace_an_entry);
    scene.api.fault(Fault::always("GET /ledger_entries?", FaultKind::Reset));
    let done = scene.sync("sync_incremental()");
    assert_eq!((done["ledger_entry_lines"].status.as_str(), done["ledger_entries"].status.as_str()), ("ok", "error"));
    assert_ne!(scene.value("SELECT count(*) FROM pennylane.pending_entries").unwrap(), "0");
    scene.api.clear_faults();
    let done = scene.sync("sync_incremental('ledger_entries')");
    assert_eq!((done["ledger_entries"].inserted, done["ledger_entries"].deleted), (1, 1));
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.pending_entries").unwrap(), "0");
    tables_equal_world(&scene);
}

#[test]
fn entries_catch_up_after_their_lines_were_read_whole_alone() {
    let scene = Scene::synced();
    scene.sync("sync_incremental()");
    scene.api.world(replace_an_entry);
    scene.sync("sync_full('ledger_entry_lines')");
    scene.sync("sync_incremental()");
    tables_equal_world(&scene);
}

#[test]
fn category_changes_arrive_without_an_event_of_the_record() {
    let scene = Scene::synced();
    let (line, entry) = scene.api.world(|world| (world.ids("ledger_entry_lines")[5], world.ids("ledger_entries")[5]));
    let category = json!([{"id": 1, "label": "Site web", "weight": "1.0", "category_group": {"id": 2}, "analytical_code": null,
        "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}]);
    let now = now(&scene);
    scene.api.world(|world| {
        for (table, id) in [("ledger_entry_lines", line), ("ledger_entries", entry)] {
            world.update_silently(table, id, |record| {
                record.insert("categories".into(), category.clone());
            });
        }
        let event = |extra: Value| {
            let mut event =
                json!({"id": 900, "operation": "insert", "processed_at": now, "updated_at": now, "created_at": now});
            event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            event
        };
        world.event(
            "ledger_entry_lines_categories",
            event(json!({"ledger_entry_line": {"id": line}, "ledger_entry": null})),
        );
        world.event("ledger_entries_categories", event(json!({"ledger_entry": {"id": entry, "type": "LedgerEntry"}})));
    });
    let done = scene.sync("sync_incremental()");
    assert_eq!((done["ledger_entry_lines"].updated, done["ledger_entries"].updated), (1, 1));
    tables_equal_world(&scene);
    scene.api.set_config(|config| config.category_changelogs = false);
    assert!(scene.sync("sync_incremental()").values().all(|table| table.status != "error"), "they may not be offered");
}

#[test]
fn invoices_whose_deadline_passed_are_read_again() {
    let scene = Scene::synced();
    let id = scene.api.world(|world| world.ids("customer_invoices")[0]);
    scene.api.world(|world| {
        let passed = chrono::Utc::now().date_naive() - chrono::Days::new(3);
        world.update("customer_invoices", id, |invoice| {
            invoice.insert("deadline".into(), json!(passed.to_string()));
            invoice.insert("status".into(), json!("upcoming"));
        });
    });
    scene.sync("sync_incremental()");
    scene.api.world(|world| {
        world.update_silently("customer_invoices", id, |invoice| {
            invoice.insert("status".into(), json!("late"));
        });
    });
    scene.api.clear_requests();
    scene.sync("sync_incremental()");
    assert_eq!(requests_for(&scene, "/customer_invoices"), 0, "its deadline had passed before the last sync");
    scene.execute("UPDATE pennylane.sync_state SET last_sync_at = now() - interval '5 days'");
    scene.sync("sync_incremental()");
    let status = format!("SELECT status FROM pennylane.customer_invoices WHERE id = {id}");
    assert_eq!(scene.value(&status).unwrap(), "late");
    table_equals_world(&scene, "customer_invoices");
}

#[test]
fn state_and_log_say_what_an_incremental_sync_did() {
    let scene = Scene::synced();
    scene.api.world(|world| {
        let id = world.ids("customers")[0];
        world.update("customers", id, relabel("x"));
    });
    scene.sync("sync_incremental()");
    let state = "SELECT sync_type || ' ' || records_synced || ' ' || row_count || ' ' || (last_processed_at <= last_sync_at + interval '1 second') \
                 FROM pennylane.sync_state WHERE table_name = 'customers'";
    let rows = scene.api.world(|world| world.count("customers"));
    assert_eq!(scene.value(state).unwrap(), format!("incremental 1 {rows} true"));
    let run = "SELECT mode || ' ' || status || ' ' || requests FROM pennylane.sync_runs ORDER BY run_id DESC LIMIT 1";
    assert!(scene.value(run).unwrap().starts_with("incremental ok "));
    scene.cluster.configure(&["log_min_messages = notice"]);
    scene.sync("sync_incremental()");
    let log = scene.cluster.log();
    for line in [
        "[START] Sync INCREMENTALE - 20",
        "[SKIP] customers: aucun changement depuis 20",
        "[END] Sync terminee en ",
        "[END] Succes: 13/13 | Erreurs: 0",
    ] {
        assert!(log.contains(line), "{line}");
    }
}

#[test]
fn twenty_thousand_events_are_folded() {
    let scene = Scene::with(Size { products: 10_000, ..Size::tiny() }, &["pennylane.request_timeout = 10"]);
    scene.sync("sync_full('products')");
    scene.api.world(|world| {
        let ids = world.ids("products");
        for id in &ids[..9_000] {
            world.update("products", *id, relabel("before it goes"));
            world.delete("products", *id);
        }
        for id in &ids[9_000..9_500] {
            for _ in 0..4 {
                world.update("products", *id, relabel("again"));
            }
        }
    });
    scene.api.clear_requests();
    let done = &scene.sync("sync_incremental('products')")["products"];
    assert_eq!((done.deleted, done.updated, done.requests), (9_000, 500, 25));
    table_equals_world(&scene, "products");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.deleted_rows").unwrap(), "9000");
}

#[test]
fn a_clock_that_was_wrong_for_a_while_loses_nothing() {
    let scene = Scene::synced();
    scene.api.set_config(|config| config.clock_offset = chrono::Duration::hours(24));
    scene.sync("sync_incremental('suppliers')");
    scene.api.set_config(|config| config.clock_offset = chrono::Duration::zero());
    scene.api.world(|world| {
        let id = world.ids("suppliers")[0];
        world.update("suppliers", id, relabel("while the clock was right again"));
    });
    scene.api.set_config(|config| config.clock_offset = chrono::Duration::hours(2));
    let done = &scene.sync("sync_incremental('suppliers')")["suppliers"];
    assert!(done.message.as_ref().is_some_and(|message| message.contains("clock")), "{done:?}");
    table_equals_world(&scene, "suppliers");
}

#[test]
fn one_assignment_id_under_two_lines_is_two_changes() {
    let scene = Scene::synced();
    scene.sync("sync_incremental()");
    let now = now(&scene);
    for place in [3, 4] {
        scene.api.world(|world| {
            let line = world.ids("ledger_entry_lines")[place];
            world.update_silently("ledger_entry_lines", line, relabel("categorised"));
            let event = json!({"id": 77, "operation": "insert", "processed_at": now, "updated_at": now, "created_at": now,
                "ledger_entry_line": {"id": line}, "ledger_entry": null});
            world.event("ledger_entry_lines_categories", event);
        });
        scene.sync("sync_incremental()");
        table_equals_world(&scene, "ledger_entry_lines");
    }
}

#[test]
fn columns_and_tables_that_a_dba_dropped_do_not_stop_a_sync() {
    let scene = Scene::synced();
    scene.execute("ALTER TABLE pennylane.customer_invoices DROP COLUMN deadline CASCADE");
    scene.execute("ALTER TABLE pennylane.ledger_entry_lines DROP COLUMN ledger_entry_id CASCADE");
    scene.api.world(|world| {
        let id = world.ids("customer_invoices")[0];
        world.update("customer_invoices", id, relabel("changed"));
        book(world);
        let line = world.ids("ledger_entry_lines")[0];
        world.delete("ledger_entry_lines", line);
    });
    let done = scene.sync("sync_incremental()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    assert!(done["ledger_entries"].message.as_ref().unwrap().contains("no column ledger_entry_id"));
    table_equals_world(&scene, "ledger_entries");
    scene.execute("DROP TABLE pennylane.ledger_entries CASCADE");
    scene.api.world(|world| {
        let line = world.ids("ledger_entry_lines")[0];
        world.update("ledger_entry_lines", line, relabel("changed"));
    });
    assert_eq!(scene.sync("sync_incremental('ledger_entry_lines')")["ledger_entry_lines"].status, "ok");
    scene.sync("sync_full()");
    table_equals_world(&scene, "ledger_entries");
}
