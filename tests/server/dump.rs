//! Dump and restore: tables, data, state and keys come back, and the next sync finds nothing to do.

use crate::compare::table_equals_world;
use crate::scene::{Scene, TABLES, sync};
use serde_json::json;

#[test]
fn a_restored_database_goes_on_where_it_was() {
    let scene = Scene::synced();
    scene.api.world(|world| {
        let id = world.ids("customer_invoices")[0];
        world.update("customer_invoices", id, |invoice| {
            invoice.insert("customer".into(), json!({"id": 999_999_999_999_i64, "url": "https://x"}));
        });
        let id = world.ids("products")[0];
        world.delete("products", id);
    });
    scene.sync("sync_full()");
    scene.execute("CREATE VIEW public.mine AS SELECT id FROM pennylane.customers");
    let dump = scene.cluster.file("dump.sql");
    let dump = dump.to_str().unwrap();
    scene.cluster.client("pg_dump", ["-f", dump, "postgres"]);
    scene.execute("CREATE DATABASE restored");
    scene.cluster.client("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-d", "restored", "-f", dump]);
    let mut client = scene.cluster.connect_to("restored");
    let mut original = scene.connect();
    for relation in
        TABLES.iter().copied().chain(["sync_state", "sync_runs", "sync_run_tables", "deleted_rows", "schema_drift"])
    {
        let digest = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM pennylane.{relation} t"
        );
        let here = crate::scene::value(&mut client, &digest);
        assert_eq!(here, crate::scene::value(&mut original, &digest), "{relation}");
    }
    let keys = "SELECT count(*) FROM information_schema.table_constraints WHERE constraint_type = 'FOREIGN KEY' AND constraint_schema = 'pennylane'";
    assert_eq!(crate::scene::value(&mut client, keys), crate::scene::value(&mut original, keys));
    let done = sync(&mut client, "sync_full()");
    for (table, done) in &done {
        assert_eq!((done.status.as_str(), done.inserted, done.updated, done.deleted), ("ok", 0, 0, 0), "{table}");
    }
    let runs = client.query_one("SELECT count(*) FROM pennylane.sync_runs", &[]).unwrap();
    assert_eq!(runs.get::<_, i64>(0), 3, "the run numbers go on after the restored ones");
    // Orphans arrive in the restored database too: a dump forgets that the keys only inform.
    scene.api.world(|world| {
        let id = world.ids("transactions")[0];
        world.update("transactions", id, |transaction| {
            transaction.insert("customer".into(), json!({"id": 888_888_888_888_i64, "url": "https://x"}));
        });
    });
    assert_eq!(sync(&mut client, "sync_full('transactions')")["transactions"].updated, 1);
    scene.sync("sync_full('transactions')");
    table_equals_world(&scene, "transactions");
}

#[test]
fn transforms_and_their_history_are_restored_and_go_on() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE ROLE alice LOGIN IN ROLE pennylane_operator; CREATE SCHEMA own AUTHORIZATION alice; SET ROLE alice; \
         CREATE TABLE own.ran (at timestamptz); \
         SELECT pennylane.add_transform('done', 'INSERT INTO own.ran SELECT pg_catalog.clock_timestamp()', '{customers}'); \
         RESET ROLE; SELECT pennylane.sync_incremental('customers'); SET ROLE alice; \
         SELECT pennylane.add_transform('to do', 'INSERT INTO own.ran SELECT pg_catalog.clock_timestamp()', '{customers}')",
    );
    let dump = scene.cluster.file("dump");
    let dump = dump.to_str().unwrap();
    scene.cluster.client("pg_dump", ["-F", "directory", "-f", dump, "postgres"]);
    scene.execute("CREATE DATABASE restored");
    scene.cluster.client("pg_restore", ["--exit-on-error", "-j", "2", "-d", "restored", dump]);
    let mut client = scene.cluster.connect_to("restored");
    let mut original = scene.connect();
    for relation in ["transforms", "transform_runs", "_transforms", "_transform_marks"] {
        let rows = format!("SELECT string_agg(t::text, ',' ORDER BY t::text) FROM pennylane.{relation} t");
        let here = crate::scene::value(&mut client, &rows);
        assert!(here.is_some(), "{relation}");
        assert_eq!(here, crate::scene::value(&mut original, &rows), "{relation}");
    }
    assert_eq!(sync(&mut client, "sync_incremental('customers')")["customers"].status, "ok");
    let ran = "SELECT string_agg(transform_run_id || ' ' || name || ' ' || status, ', ' ORDER BY transform_run_id) FROM pennylane.transform_runs";
    assert_eq!(crate::scene::value(&mut client, ran).unwrap(), "1 done ok, 2 to do ok");
    assert_eq!(crate::scene::value(&mut client, "SELECT count(*) FROM own.ran").unwrap(), "2");
}

#[test]
fn a_watermark_without_its_rows_is_forgotten() {
    let scene = Scene::synced();
    scene.execute("DROP TABLE pennylane.products CASCADE; SELECT pennylane.setup()");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_state WHERE table_name = 'products'").unwrap(), "0");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_state").unwrap(), "12");
}

#[test]
fn dropping_the_extension_keeps_the_data() {
    let scene = Scene::synced();
    scene.execute("DROP EXTENSION penny_pg");
    table_equals_world(&scene, "customers");
    scene.execute("CREATE EXTENSION penny_pg");
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok" && table.inserted == 0), "{done:?}");
}
