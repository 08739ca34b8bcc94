//! The whole copy: every field of every record, and nothing rewritten without need.

use crate::compare::{table_equals_world, tables_equal_world};
use crate::scene::{Scene, TABLES};
use fake_pennylane::{Fault, FaultKind, Size, Trigger, When};
use serde_json::{Value, json};

#[test]
fn every_field_of_every_record_is_in_its_table() {
    let scene = Scene::with(Size::small(), &[]);
    let done = scene.sync("sync_full()");
    assert_eq!(done.len(), TABLES.len() + 2);
    for table in TABLES {
        let done = &done[table];
        let records = scene.api.world(|world| world.count(table));
        assert_eq!((done.status.as_str(), done.inserted), ("ok", records as i64), "{table}");
    }
    tables_equal_world(&scene);
    let in_extra: Vec<String> = TABLES
        .iter()
        .filter(|table| scene.value(&format!("SELECT count(extra) FROM pennylane.{table}")).as_deref() != Some("0"))
        .map(|table| (*table).to_owned())
        .collect();
    assert_eq!(in_extra, Vec::<String>::new(), "no field of the contract needs extra");
}

#[test]
fn odd_values_survive_the_way() {
    let scene = Scene::new();
    let label = "😀 \"quotes\" \\ tab\t nl\n é ".to_owned() + &"x".repeat(300);
    let id = scene.api.world(|world| {
        let mut record = world.new_record("customer_invoices");
        record["id"] = json!(9_007_199_254_740_993_i64);
        record["label"] = json!(label);
        record["amount"] = json!("-123456789012345678901234567890.1234567890");
        record["currency_amount"] = json!("0.10");
        record["created_at"] = json!("2026-03-29T01:59:59.999999Z");
        record["discount"] = json!({"type": "absolute", "value": ""});
        record["customer"] = Value::Null;
        world.insert("customer_invoices", record)
    });
    scene.sync("sync_full('customer_invoices')");
    table_equals_world(&scene, "customer_invoices");
    let stored = format!(
        "SELECT amount || '|' || currency_amount || '|' || (discount_value IS NULL) FROM pennylane.customer_invoices WHERE id = {id}"
    );
    assert_eq!(scene.value(&stored).unwrap(), "-123456789012345678901234567890.1234567890|0.10|true");
}

#[test]
fn a_second_sync_of_an_unchanged_world_writes_no_data_row() {
    let scene = Scene::synced();
    let versions = |table: &str| {
        scene.value(&format!(
            "SELECT md5(string_agg(id || ':' || xmin || ':' || ctid || ':' || _synced_at, ',' ORDER BY id)) FROM pennylane.{table}"
        ))
    };
    let before: Vec<_> = TABLES.iter().map(|table| versions(table)).collect();
    let done = scene.sync("sync_full()");
    for table in TABLES {
        let done = &done[table];
        let records = scene.api.world(|world| world.count(table)) as i64;
        assert_eq!((done.inserted, done.updated, done.deleted, done.unchanged), (0, 0, 0, records), "{table}");
    }
    let after: Vec<_> = TABLES.iter().map(|table| versions(table)).collect();
    assert_eq!(before, after);
}

#[test]
fn what_changed_between_two_syncs_is_counted_exactly() {
    let scene = Scene::synced();
    let (added, changed, gone) = scene.api.world(|world| {
        let ids = world.ids("products");
        let record = world.new_record("products");
        let added = world.insert("products", record);
        world.update("products", ids[0], |product| {
            product.insert("label".into(), json!("nouveau"));
        });
        world.update_silently("products", ids[1], |product| {
            product.insert("price".into(), json!("1.23"));
        });
        world.delete("products", ids[2]);
        (added, ids[0], ids[2])
    });
    let done = &scene.sync("sync_full('products')")["products"];
    assert_eq!((done.inserted, done.updated, done.deleted), (1, 2, 1));
    table_equals_world(&scene, "products");
    assert_eq!(scene.value(&format!("SELECT label FROM pennylane.products WHERE id = {changed}")).unwrap(), "nouveau");
    let kept = format!("SELECT row->>'id' FROM pennylane.deleted_rows WHERE table_name = 'products' AND id = {gone}");
    assert_eq!(scene.value(&kept).unwrap(), gone.to_string());
    assert!(added > 0);
}

#[test]
fn changes_while_a_sync_reads_are_in_the_tables_after_the_next() {
    let scene = Scene::with(Size::small(), &[]);
    let on = |path: &str, skip| Trigger { path: path.into(), skip, when: When::After };
    scene.api.on_request(on("/ledger_entry_lines", 1), |world| {
        let ids = world.ids("ledger_entry_lines");
        world.delete("ledger_entry_lines", ids[0]);
        world.delete("ledger_entry_lines", ids[ids.len() - 1]);
        let record = world.new_record("ledger_entry_lines");
        world.insert("ledger_entry_lines", record);
    });
    scene.api.on_request(on("/transactions", 1), |world| {
        let ids = world.ids("transactions");
        world.delete("transactions", ids[ids.len() - 1]);
        world.update("transactions", ids[0], |transaction| {
            transaction.insert("label".into(), json!("changed while reading"));
        });
    });
    scene.sync("sync_full()");
    let done = scene.sync("sync_full()");
    assert_eq!(done["transactions"].updated, 1);
    assert_eq!(done["ledger_entry_lines"].deleted, 0, "the proof of the first sync saw the change and brought it");
    tables_equal_world(&scene);
}

#[test]
fn a_column_that_a_dba_adds_with_the_name_of_a_field_is_filled() {
    let scene = Scene::synced();
    scene.api.fault(Fault::always("GET /customers", FaultKind::UnknownFields));
    scene.sync("sync_full('customers')");
    let drift = "SELECT string_agg(field || ' ' || sample_type, ',' ORDER BY field) FROM pennylane.schema_drift";
    let found = scene.value(drift).unwrap();
    assert!(found.contains("new_field_amount numeric") && !found.contains("url"), "{found}");
    let adopt = "SELECT adopt_with FROM pennylane.schema_drift WHERE field = 'new_field_amount'";
    let adopt = scene.value(adopt).unwrap();
    scene.execute(&adopt);
    let done = &scene.sync("sync_full('customers')")["customers"];
    assert!(done.updated > 0);
    let filled =
        "SELECT bool_and(new_field_amount = 12.34 AND NOT extra ? 'new_field_amount') FROM pennylane.customers";
    assert_eq!(scene.value(filled).unwrap(), "t");
    assert_eq!(
        scene.value("SELECT count(*) FROM pennylane.schema_drift WHERE field = 'new_field_amount'").unwrap(),
        "0"
    );
}

#[test]
fn a_column_that_a_dba_drops_goes_to_extra_and_stays_dropped() {
    let scene = Scene::synced();
    scene.execute("ALTER TABLE pennylane.products DROP COLUMN label");
    let done = &scene.sync("sync_full('products')")["products"];
    assert_eq!((done.status.as_str(), done.inserted), ("ok", 0));
    let extra = "SELECT bool_and(extra ? 'label') FROM pennylane.products";
    assert_eq!(scene.value(extra).unwrap(), "t");
    scene.execute("SELECT pennylane.setup()");
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'pennylane.products'::regclass AND attname = 'label'";
    assert_eq!(scene.value(columns).unwrap(), "0");
}

#[test]
fn state_and_history_say_what_happened() {
    let scene = Scene::synced();
    let state = "SELECT count(*) FILTER (WHERE status = 'ok' AND sync_type IN ('full', 'export') AND last_error IS NULL AND records_synced = row_count \
                 AND last_full_at IS NOT NULL AND abs(extract(epoch FROM last_sync_at - now())) < 60) FROM pennylane.sync_state";
    assert_eq!(scene.value(state).unwrap(), "13");
    let as_written = "SELECT table_name, last_sync_at, records_synced, sync_type, updated_at FROM pennylane.sync_state ORDER BY updated_at DESC";
    assert_eq!(scene.connect().query(as_written, &[]).unwrap().len(), 13);
    let run = "SELECT trigger || mode || status || (finished_at >= started_at) || (requests = (SELECT 1 + 2 * (SELECT count(*) FROM pennylane.fiscal_years) + sum(requests) FROM pennylane.sync_run_tables)) FROM pennylane.sync_runs";
    assert_eq!(scene.value(run).unwrap(), "manualfulloktruetrue");
    assert_eq!(
        scene.value("SELECT requests FROM pennylane.sync_runs").unwrap(),
        scene.api.requests().len().to_string()
    );
}

#[test]
fn rollback_undoes_a_sync() {
    let scene = Scene::new();
    let mut client = scene.connect();
    client.batch_execute("SELECT pennylane.setup()").unwrap();
    let mut transaction = client.transaction().unwrap();
    transaction.batch_execute("SELECT pennylane.sync_full('customers')").unwrap();
    transaction.rollback().unwrap();
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.customers").unwrap(), "0");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_runs").unwrap(), "0");
}
