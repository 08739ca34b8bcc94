//! Statements of users that are applied after each sync: when, in whose name, and never in the sync's way.

use crate::cluster::wait_until;
use crate::recipe::blocks;
use crate::scene::{Scene, WORKER, sqlstate, sync, value, words};
use fake_pennylane::{Config, Size};
use postgres::{Client, NoTls};
use serde_json::json;

/// Two operators, each with a schema.
const ROLES: &str = "CREATE ROLE alice LOGIN IN ROLE pennylane_operator; CREATE SCHEMA own AUTHORIZATION alice; \
                     CREATE ROLE bob LOGIN IN ROLE pennylane_operator; CREATE SCHEMA his AUTHORIZATION bob; \
                     CREATE ROLE reader LOGIN; SELECT pennylane.grant_reader('reader')";

fn scene() -> Scene {
    let scene = Scene::synced();
    scene.execute(ROLES);
    scene.execute("GRANT CREATE ON DATABASE postgres TO alice");
    scene
}

/// A session of the first of them.
fn alice(scene: &Scene) -> Client {
    scene.cluster.connect_as("alice")
}

/// Something of this table is another at Pennylane.
fn change(scene: &Scene, table: &str) {
    scene.api.world(|world| {
        let id = world.ids(table)[0];
        world.update(table, id, |record| {
            let moved = record["external_reference"].as_str().unwrap_or_default().len() % 7;
            record.insert("external_reference".into(), json!("x".repeat(moved + 1)));
        });
    });
}

/// Adds a transform of the customers as alice.
fn add(scene: &Scene, name: &str, statement: &str) {
    let added = format!("SELECT pennylane.add_transform('{name}', $q${statement}$q$, '{{customers}}', '2 s')");
    alice(scene).batch_execute(&added).unwrap_or_else(|error| panic!("{added}: {error:?}"));
}

/// What a role is told when it adds this.
fn refused(client: &mut Client, arguments: &str) -> (String, String) {
    let error = client.batch_execute(&format!("SELECT pennylane.add_transform({arguments})")).expect_err(arguments);
    (sqlstate(&error).to_owned(), words(&error))
}

/// Changes the customers and syncs them in a superuser's session: the sync is ok whatever transforms do.
fn sync_customers(scene: &Scene) {
    change(scene, "customers");
    let done = sync(&mut scene.connect(), "sync_incremental('customers')");
    assert_eq!((done["customers"].status.as_str(), done["customers"].updated), ("ok", 1), "{done:?}");
    assert_eq!(scene.value("SELECT status FROM pennylane.sync_runs ORDER BY run_id DESC LIMIT 1").unwrap(), "ok");
}

/// Status and message of the last run of a transform.
fn last(scene: &Scene, name: &str) -> (String, String) {
    let query = "SELECT status || '|' || coalesce(message, '') FROM pennylane.transform_runs WHERE name = ";
    let last = scene.value(&format!("{query}'{name}' ORDER BY transform_run_id DESC LIMIT 1")).unwrap_or_default();
    let (status, message) = last.split_once('|').unwrap_or_default();
    (status.to_owned(), message.to_owned())
}

/// Its last run failed, and it is tried again.
fn failed(scene: &Scene, name: &str, because: &str) {
    let (status, message) = last(scene, name);
    assert!(status == "error" && message.contains(because), "{name}: {status}: {message}");
    assert_eq!(stale(scene, name), "t", "{name}");
}

fn stale(scene: &Scene, name: &str) -> String {
    scene.value(&format!("SELECT stale_since IS NOT NULL FROM pennylane.transforms WHERE name = '{name}'")).unwrap()
}

fn runs(scene: &Scene, name: &str) -> String {
    scene.value(&format!("SELECT count(*) FROM pennylane.transform_runs WHERE name = '{name}'")).unwrap()
}

#[test]
fn a_transform_runs_when_one_of_its_tables_changed_and_not_otherwise() {
    let scene = scene();
    alice(&scene).batch_execute("CREATE TABLE own.ran (at timestamptz, customers bigint)").unwrap();
    add(&scene, "count", "INSERT INTO own.ran SELECT clock_timestamp(), count(*) FROM pennylane.customers WHERE external_reference ~ '^x+$'");
    assert_eq!(stale(&scene, "count"), "t");
    assert_eq!(runs(&scene, "count"), "0", "not before the next sync");
    scene.sync("sync_incremental('products')");
    assert_eq!(runs(&scene, "count"), "1", "what was added is applied by any sync");
    assert_eq!(stale(&scene, "count"), "f");
    scene.sync("sync_incremental()");
    change(&scene, "products");
    assert_eq!(scene.sync("sync_incremental('products')")["products"].updated, 1);
    assert_eq!(runs(&scene, "count"), "1", "none of its tables changed");
    sync_customers(&scene);
    assert_eq!(last(&scene, "count"), ("ok".into(), String::new()));
    assert_eq!(scene.value("SELECT string_agg(customers::text, ' ' ORDER BY at) FROM own.ran").unwrap(), "0 1", "it sees what the sync wrote");
    let row = "SELECT concat_ws(' ', ran_as, rows, run_id = (SELECT max(run_id) FROM pennylane.sync_runs), finished_at >= started_at) \
               FROM pennylane.transform_runs ORDER BY transform_run_id DESC LIMIT 1";
    assert_eq!(scene.value(row).unwrap(), "alice 1 t t");
    assert!(value(&mut scene.cluster.connect_as("reader"), "SELECT count(*) FROM pennylane.transform_runs").is_some());
    // Changed in one place, applied from then on.
    add(&scene, "count", "INSERT INTO own.ran SELECT clock_timestamp(), -1");
    scene.sync("sync_incremental('products')");
    assert_eq!(scene.value("SELECT min(customers) FROM own.ran").unwrap(), "-1");
    alice(&scene).batch_execute("SELECT pennylane.drop_transform('count')").unwrap();
    sync_customers(&scene);
    assert_eq!(runs(&scene, "count"), "3");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane._transform_marks").unwrap(), "0");
}

#[test]
fn transforms_run_in_order_of_name_and_one_that_fails_takes_nothing_from_the_others() {
    let scene = scene();
    alice(&scene)
        .batch_execute("CREATE TABLE own.ran (place serial, name text UNIQUE); CREATE TABLE own.divisor AS SELECT 0 AS by")
        .unwrap();
    add(&scene, "c", "INSERT INTO own.ran (name) VALUES ('c')");
    add(&scene, "b", "INSERT INTO own.ran (name) SELECT 'b' || 1 / by FROM own.divisor");
    add(&scene, "B", "INSERT INTO own.ran (name) VALUES ('B')");
    add(&scene, "a", "INSERT INTO own.ran (name) VALUES ('a')");
    sync_customers(&scene);
    let ran = "SELECT string_agg(name, ' ' ORDER BY place) FROM own.ran";
    assert_eq!(scene.value(ran).unwrap(), "B a c");
    failed(&scene, "b", "22012 (division by zero)");
    let check = "SELECT status || ': ' || detail FROM pennylane.check() WHERE item = 'transforms'";
    assert_eq!(scene.value(check).unwrap(), "warning: failed: b");
    // Tried again though nothing changed; the others are not.
    scene.execute("UPDATE own.divisor SET by = 1");
    scene.sync("sync_incremental('customers')");
    assert_eq!(scene.value(ran).unwrap(), "B a c b1");
    assert_eq!((last(&scene, "b").0.as_str(), stale(&scene, "b").as_str()), ("ok", "f"));
    assert_eq!(scene.value(check).unwrap(), "ok: 4 of them");
    // The others are kept, nothing of it is.
    sync_customers(&scene);
    failed(&scene, "c", "23505 (duplicate key value violates unique constraint \"ran_name_key\")");
}

#[test]
fn a_lesser_role_refreshes_its_views_and_calls_its_functions() {
    let scene = scene();
    alice(&scene)
        .batch_execute(
            "CREATE MATERIALIZED VIEW own.names AS SELECT id, external_reference FROM pennylane.customers; \
             CREATE UNIQUE INDEX ON own.names (id); CREATE TABLE own.calls (by name, session name); \
             CREATE FUNCTION own.call() RETURNS void LANGUAGE sql AS \
             'INSERT INTO own.calls VALUES (current_user, session_user)'; \
             CREATE PROCEDURE own.act() LANGUAGE plpgsql AS \
             'BEGIN INSERT INTO own.calls VALUES (''procedure'', session_user); END'",
        )
        .unwrap();
    add(&scene, "refresh", "REFRESH MATERIALIZED VIEW CONCURRENTLY own.names");
    add(&scene, "refresh whole", "REFRESH MATERIALIZED VIEW own.names");
    add(&scene, "call", "SELECT own.call()");
    add(&scene, "procedure", "CALL own.act()");
    sync_customers(&scene);
    for name in ["refresh", "refresh whole", "call", "procedure"] {
        assert_eq!(last(&scene, name), ("ok".into(), String::new()), "{name}");
    }
    assert_eq!(scene.value("SELECT count(*) FROM own.names WHERE external_reference ~ '^x+$'").unwrap(), "1");
    assert_eq!(scene.value("SELECT string_agg(by, ' ' ORDER BY by) FROM own.calls").unwrap(), "alice procedure");
    // One that is gone is named.
    scene.execute("DROP MATERIALIZED VIEW own.names");
    sync_customers(&scene);
    failed(&scene, "refresh", "42P01 (relation \"own.names\" does not exist)");
}
