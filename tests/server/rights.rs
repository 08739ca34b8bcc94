//! Who and what is refused, clearly.

use crate::compare::table_equals_world;
use crate::scene::{Scene, sqlstate, words};
use fake_pennylane::{Fault, FaultKind};
use serde_json::json;

#[test]
fn an_old_snapshot_is_refused() {
    let scene = Scene::new();
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let mut client = scene.connect();
        client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).unwrap();
        let error = client.batch_execute("SELECT pennylane.sync_full()").expect_err("refused");
        assert_eq!(sqlstate(&error), "25001");
        assert!(words(&error).contains("READ COMMITTED"));
    }
    let mut client = scene.connect();
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let error = client.batch_execute("SELECT pennylane.sync_full()").expect_err("refused");
    assert_eq!(sqlstate(&error), "25006");
}

#[test]
fn an_unknown_table_is_refused_with_the_names_that_exist() {
    let scene = Scene::new();
    let error = scene.error("sync_full('customer')");
    assert_eq!(sqlstate(&error), "22023");
    assert!(words(&error).contains("customer_invoices"), "{}", words(&error));
    assert!(scene.api.requests().is_empty());
}

#[test]
fn another_company_is_refused() {
    let scene = Scene::new();
    let error = scene.error("sync_full(company => 1)");
    assert_eq!(sqlstate(&error), "22023");
}

#[test]
fn a_second_sync_of_the_same_company_is_told_who_is_at_work() {
    let scene = Scene::synced();
    scene.api.fault(Fault::once("GET /customers", FaultKind::Delay { ms: 1500 }));
    let mut first = scene.connect();
    let pid = crate::scene::value(&mut first, "SELECT pg_backend_pid()").unwrap();
    scene.api.clear_requests();
    std::thread::scope(|threads| {
        let running = threads.spawn(|| crate::scene::sync(&mut first, "sync_full('customers')"));
        crate::cluster::wait_until("the first reads", || {
            scene.api.requests().iter().any(|request| request.path == "/customers")
        });
        let error = scene.error("sync_full('products')");
        assert_eq!(sqlstate(&error), "55006");
        assert!(words(&error).contains(&pid), "{}", words(&error));
        assert_eq!(running.join().unwrap()["customers"].status, "ok");
    });
    assert_eq!(scene.sync("sync_full('products')")["products"].status, "ok");
}

#[test]
fn a_role_without_rights_is_refused() {
    let scene = Scene::synced();
    scene.execute("CREATE ROLE nobody LOGIN");
    let mut client = scene.cluster.connect_as("nobody");
    for call in [
        "SELECT pennylane.sync_full()",
        "SELECT pennylane.setup()",
        "SELECT pennylane.check()",
        "SELECT pennylane._disarm_foreign_keys()",
        "TABLE pennylane.customers",
        "TABLE pennylane.sync_state",
        "SET pennylane.api_base_url = 'http://127.0.0.1/'",
    ] {
        let error = client.batch_execute(call).expect_err(call);
        assert!(["42501", "55P02"].contains(&sqlstate(&error)), "{call}: {error:?}");
    }
}

#[test]
fn a_table_that_someone_else_made_is_left_alone() {
    let scene = Scene::new();
    scene.execute(
        "CREATE ROLE etl; GRANT CREATE, USAGE ON SCHEMA pennylane TO etl; SET ROLE etl; \
         CREATE TABLE pennylane.customers (id bigint PRIMARY KEY, name text); RESET ROLE; CREATE VIEW pennylane.products AS SELECT 1 AS id",
    );
    for call in ["sync_full('customers')", "sync_full('products')", "sync_full()", "setup()"] {
        let error = scene.error(call);
        assert_eq!(sqlstate(&error), "55000", "{call} {}", words(&error));
        assert!(words(&error).contains("RENAME TO"), "{}", words(&error));
    }
    assert_eq!(
        scene.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'pennylane' AND tableowner = 'etl'").unwrap(),
        "1"
    );
}

#[test]
fn a_record_of_another_company_overwrites_nothing() {
    let scene = Scene::synced();
    let id = scene.api.world(|world| world.ids("products")[3]);
    scene.execute(&format!("UPDATE pennylane.products SET company_id = 77, label = 'theirs' WHERE id = {id}"));
    let error = scene.error("sync_full('products')");
    let said = words(&error);
    assert!(said.contains("77") && said.contains(&id.to_string()), "{said}");
    assert_eq!(scene.value(&format!("SELECT label FROM pennylane.products WHERE id = {id}")).unwrap(), "theirs");
}

#[test]
fn a_table_that_lacks_a_column_of_ours_says_how_to_put_it_back() {
    let scene = Scene::synced();
    scene.execute("ALTER TABLE pennylane.products DROP COLUMN extra");
    let error = scene.error("sync_full('products')");
    assert!(words(&error).contains("ALTER TABLE pennylane.products ADD COLUMN extra jsonb;"), "{}", words(&error));
    scene.execute("ALTER TABLE pennylane.products ADD COLUMN extra jsonb");
    scene.api.world(|world| {
        let id = world.ids("products")[0];
        world.update("products", id, |product| {
            product.insert("label".into(), json!("x"));
        });
    });
    scene.sync("sync_full('products')");
    table_equals_world(&scene, "products");
}

#[test]
fn bad_settings_are_refused_when_they_are_set() {
    let scene = Scene::new();
    let mut client = scene.connect();
    for (setting, word) in [
        ("pennylane.api_base_url = 'http://app.pennylane.com/'", "https://"),
        ("pennylane.api_base_url = 'https://user:pass@x.test/'", "password"),
        ("pennylane.api_token_file = 'token.txt'", "absolute"),
        ("pennylane.rate_limit = -1", "rate_limit"),
        ("pennylane.concurrency = 0", "concurrency"),
        ("pennylane.request_timeout = '2h'", "request_timeout"),
        ("pennylane.max_delete_percent = 101", "max_delete_percent"),
    ] {
        let error = client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).expect_err(setting);
        let db = error.as_db_error().unwrap();
        let said = format!("{} {}", db.message(), db.detail().unwrap_or_default());
        assert!(said.contains(word), "{said}");
    }
    let error = client.batch_execute("SET pennylane.rate_limit = 100").expect_err("no session may");
    assert_eq!(sqlstate(&error), "55P02");
}
