//! Nothing that is still upstream is ever deleted, whatever the API pretends.

use crate::compare::{table_equals_world, tables_equal_world};
use crate::scene::{Done, Scene, TABLES, sqlstate, words};
use fake_pennylane::{Fault, FaultKind, Size};

fn count(scene: &Scene, table: &str) -> i64 {
    scene.value(&format!("SELECT count(*) FROM pennylane.{table}")).unwrap().parse().unwrap()
}

#[test]
fn empty_lists_delete_nothing_and_say_why() {
    let scene = Scene::with(Size::small(), &[]);
    scene.sync("sync_full()");
    scene.api.fault(Fault::always("GET /", FaultKind::EmptyList));
    // /me is no list; the fault leaves it alone.
    let done = scene.sync("sync_full()");
    assert!(TABLES.iter().all(|table| done[*table].status == "error"), "{done:#?}");
    let error = scene.error("sync_full('ledger_entry_lines')");
    assert_eq!(sqlstate(&error), "55000", "{}", words(&error));
    assert!(words(&error).contains("force_deletes"), "{}", words(&error));
    tables_equal_world(&scene);
}

#[test]
fn one_empty_table_fails_alone_with_its_rows_in_place() {
    let scene = Scene::synced();
    scene.api.fault(Fault::always("GET /products", FaultKind::EmptyList));
    let done = scene.sync("sync_full()");
    assert_eq!(done["products"].status, "error");
    assert!(done["products"].message.as_ref().unwrap().contains("force_deletes"), "{done:?}");
    assert_eq!(done.values().filter(|table| table.status == "ok").count(), 12);
    tables_equal_world(&scene);
    let state = "SELECT status || (last_error LIKE '%force_deletes%') || (last_sync_at IS NOT NULL) FROM pennylane.sync_state WHERE table_name = 'products'";
    assert_eq!(scene.value(state).unwrap(), "errortruetrue");
}

#[test]
fn half_a_list_is_not_taken_for_the_whole() {
    let scene = Scene::with(Size::small(), &[]);
    scene.sync("sync_full()");
    // Only the walk of the list is cut; what is asked for by id is still shown.
    scene.api.fault(Fault::always(r#""operator":"gt""#, FaultKind::HalfList));
    let done = scene.sync("sync_full()");
    let failed: Vec<&Done> = done.values().filter(|table| table.status == "error").collect();
    assert!(!failed.is_empty());
    for table in &failed {
        let message = table.message.as_ref().unwrap();
        assert!(message.contains("left out") && message.contains("there when asked for again"), "{message}");
        assert_eq!(table.deleted, 0);
    }
    tables_equal_world(&scene);
}

#[test]
fn a_row_that_is_missing_once_and_there_again_stays() {
    let scene = Scene::synced();
    for table in ["customers", "transactions", "bank_accounts"] {
        let id = scene.api.world(|world| world.ids(table)[1]);
        scene.api.fault(Fault::once(format!("GET /{table}"), FaultKind::DropRow { id }));
        let done = &scene.sync(&format!("sync_full('{table}')"))[table];
        assert_eq!((done.status.as_str(), done.deleted, done.inserted), ("ok", 0, 0), "{table} {done:?}");
        assert!(done.message.as_ref().unwrap().contains("read a second time"), "{done:?}");
        table_equals_world(&scene, table);
    }
}

#[test]
fn the_brake_holds_back_a_mass_deletion_until_it_is_confirmed() {
    let size = Size { products: 300, ..Size::tiny() };
    let scene = Scene::with(size, &[]);
    scene.sync("sync_full()");
    scene.api.world(|world| {
        for id in world.ids("products").into_iter().take(200) {
            world.delete("products", id);
        }
    });
    let error = scene.error("sync_full('products')");
    assert_eq!(sqlstate(&error), "55000");
    assert!(words(&error).contains("200 of the 300 rows"), "{}", words(&error));
    assert_eq!(count(&scene, "products"), 300);
    let done = &scene.sync("sync_full('products', force_deletes => true)")["products"];
    assert_eq!(done.deleted, 200);
    table_equals_world(&scene, "products");
}

#[test]
fn below_the_brake_real_deletions_go_through() {
    let size = Size { products: 300, ..Size::tiny() };
    let scene = Scene::with(size, &["pennylane.max_delete_percent = 80"]);
    scene.sync("sync_full()");
    scene.api.world(|world| {
        for id in world.ids("products").into_iter().skip(50).take(200) {
            world.delete("products", id);
        }
    });
    scene.api.clear_requests();
    let done = &scene.sync("sync_full('products')")["products"];
    assert_eq!(done.deleted, 200);
    let asked = scene
        .api
        .requests()
        .iter()
        .filter(|request| request.query.iter().any(|(_, value)| value.contains("\"in\"")))
        .count();
    assert_eq!(asked, 2, "every candidate is asked for again, 100 at a time");
    table_equals_world(&scene, "products");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.deleted_rows").unwrap(), "200");
}

#[test]
fn small_lists_without_a_filter_are_read_twice_before_a_row_goes() {
    let scene = Scene::synced();
    let id = scene.api.world(|world| {
        let id = world.ids("bank_accounts")[0];
        world.delete_silently("bank_accounts", id);
        id
    });
    let done = &scene.sync("sync_full('bank_accounts')")["bank_accounts"];
    assert_eq!((done.deleted, done.requests), (1, 2), "{id} {done:?}");
    table_equals_world(&scene, "bank_accounts");
}
