//! Each fault of the API either heals or fails its table alone, with no row lost.

use crate::compare::tables_equal_world;
use crate::scene::{Scene, sqlstate, words};
use fake_pennylane::{Fault, FaultKind, Size};

/// Twelve tables are synced and customers fails, its rows in place, with these words.
fn fails_alone(scene: &Scene, fault: FaultKind, said: &str) {
    scene.api.fault(Fault::always("GET /customers", fault.clone()));
    let done = scene.sync("sync_full()");
    let customers = &done["customers"];
    assert_eq!(customers.status, "error", "{fault:?}");
    assert!(customers.message.as_ref().unwrap().contains(said), "{fault:?}: {customers:?}");
    assert_eq!(done.values().filter(|table| table.status == "ok").count(), 12, "{fault:?} {done:?}");
    scene.api.clear_faults();
    tables_equal_world(scene);
    let done = scene.sync("sync_full('customers')");
    assert_eq!((done["customers"].status.as_str(), done["customers"].inserted), ("ok", 0), "{fault:?}");
}

#[test]
fn faults_that_pass_heal_by_themselves() {
    let scene = Scene::with(Size::small(), &["pennylane.retry_for = 20"]);
    let status = |status| FaultKind::Status { status, headers: vec![], body: "<html>sorry</html>".into() };
    for (table, fault) in [
        ("customers", status(500)),
        ("suppliers", status(503)),
        ("products", status(502)),
        ("customer_invoices", FaultKind::Reset),
        ("supplier_invoices", FaultKind::Truncate { keep_bytes: 300 }),
        ("transactions", FaultKind::Hang),
        ("ledger_entries", FaultKind::GarbageJson),
        ("ledger_entry_lines", FaultKind::Html200),
        ("ledger_accounts", FaultKind::TooManyRequests { retry_after: Some("1".into()) }),
        ("bank_accounts", FaultKind::RecordWithoutId),
        ("fiscal_years", FaultKind::Drip),
    ] {
        scene.api.fault(Fault::once(format!("GET /{table}?"), fault));
    }
    for (table, fault) in [
        ("customers", FaultKind::EmptyPage),
        ("transactions", FaultKind::EmptyPage),
        ("suppliers", FaultKind::RepeatPage),
        ("products", FaultKind::IgnoreFilter),
        ("customer_invoices", FaultKind::Shuffle),
        ("transactions", FaultKind::RepeatCursor),
    ] {
        scene.api.fault(Fault { path: format!("GET /{table}?"), skip: 2, times: 1, kind: fault });
    }
    let done = scene.sync("sync_full()");
    for (table, done) in &done {
        assert_eq!(done.status, "ok", "{table} {done:?}");
    }
    tables_equal_world(&scene);
}

#[test]
fn faults_that_stay_fail_their_table_alone() {
    let scene = Scene::synced();
    let status = |status, body: &str| FaultKind::Status { status, headers: vec![], body: body.into() };
    fails_alone(&scene, status(500, ""), "server error 500");
    fails_alone(
        &scene,
        status(400, r#"{"message":"limit too large","field":"limit","code":"MoreThanMaximum"}"#),
        "limit too large",
    );
    fails_alone(&scene, status(404, r#"{"error":"not here","status":404}"#), "not here");
    fails_alone(&scene, FaultKind::ScopeDenied, "customers:readonly");
    fails_alone(&scene, FaultKind::GarbageJson, "no list");
    fails_alone(&scene, FaultKind::Html200, "no list");
    fails_alone(&scene, FaultKind::Redirect { to: "https://elsewhere.test/".into() }, "redirect");
    fails_alone(&scene, FaultKind::RecordWithoutId, "no usable id");
    fails_alone(&scene, FaultKind::Descending, "do not ascend");
    fails_alone(&scene, FaultKind::Truncate { keep_bytes: 100 }, "on the way");
    fails_alone(&scene, FaultKind::Reset, "connection broke");
    fails_alone(&scene, FaultKind::TooManyRequests { retry_after: Some("1".into()) }, "rate limit");
    fails_alone(&scene, FaultKind::Hang, "did not answer within 2s");
}

#[test]
fn a_list_that_starts_again_is_not_followed_for_ever() {
    let scene = Scene::with(Size::small(), &[]);
    scene.api.fault(Fault { path: "GET /suppliers".into(), skip: 1, times: u32::MAX, kind: FaultKind::RepeatPage });
    scene.api.fault(Fault {
        path: "GET /transactions".into(),
        skip: 1,
        times: u32::MAX,
        kind: FaultKind::RepeatCursor,
    });
    let done = scene.sync("sync_full()");
    assert_eq!(done["suppliers"].status, "error");
    assert_eq!(done["transactions"].status, "error");
    assert_eq!(done.values().filter(|table| table.status == "ok").count(), 11);
}

#[test]
fn an_ignored_limit_only_costs_requests() {
    let scene = Scene::with(Size::small(), &[]);
    scene.api.fault(Fault::always("GET /", FaultKind::IgnoreLimit));
    scene.sync("sync_full()");
    tables_equal_world(&scene);
}

#[test]
fn a_missing_date_header_leaves_the_watermark_where_it_was() {
    let scene = Scene::synced();
    let watermark = "SELECT last_sync_at FROM pennylane.sync_state WHERE table_name = 'customers'";
    let before = scene.value(watermark);
    assert!(before.is_some());
    scene.api.fault(Fault::always("GET /", FaultKind::NoDateHeader));
    let done = scene.sync("sync_full('customers')");
    assert_eq!(done["customers"].status, "ok");
    assert_eq!(scene.value(watermark), before);
}

#[test]
fn values_that_fit_no_column_are_kept_named_and_counted() {
    let scene = Scene::synced();
    let id = scene.api.world(|world| world.ids("customers")[0]);
    for (field, value) in [("created_at", "2026-02-30T00:00:00Z"), ("ledger_account.id", "99999999999999999999")] {
        let kind = FaultKind::ReplaceField { id, field: field.into(), value: value.into() };
        scene.api.fault(Fault::always("GET /customers", kind));
    }
    let name = scene.api.world(|world| world.get("customers", id).unwrap()["name"].to_string());
    let from = format!("\"name\":{name}");
    scene.api.fault(Fault::always(
        "GET /customers",
        FaultKind::RawReplace { from, to: r#""name":"a\u0000b\ud800""#.into() },
    ));
    let done = &scene.sync("sync_full('customers')")["customers"];
    assert_eq!(done.status, "partial");
    let message = done.message.as_ref().unwrap();
    assert!(
        message.starts_with("1 rows hold") && message.contains(&format!("{id}: name, created_at, ledger_account_id")),
        "{message}"
    );
    let misfit =
        format!("SELECT (extra->'_misfit'->>'name') || (name IS NULL) FROM pennylane.customers WHERE id = {id}");
    assert_eq!(scene.value(&misfit).unwrap(), "a\\u0000b\\ud800true");
    let again = &scene.sync("sync_full('customers')")["customers"];
    assert_eq!((again.status.as_str(), again.updated), ("partial", 0), "still partial, still named, not rewritten");
    scene.api.clear_faults();
    assert_eq!(scene.sync("sync_full('customers')")["customers"].status, "ok");
    tables_equal_world(&scene);
}

#[test]
fn a_refused_token_raises_28000_and_says_where_to_get_another() {
    let scene = Scene::new();
    scene.api.set_config(|config| config.token = "another".into());
    let error = scene.error("sync_full()");
    assert_eq!(sqlstate(&error), "28000");
    assert!(words(&error).contains("Settings > Connectivity > Developers"), "{}", words(&error));
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_runs").unwrap(), "0");
}

#[test]
fn a_token_refused_in_mid_run_stops_the_run_and_keeps_what_is_right() {
    let scene = Scene::with(Size::small(), &["pennylane.concurrency = 1"]);
    let refused = FaultKind::Status { status: 401, headers: vec![], body: String::new() };
    scene.api.fault(Fault { path: "GET /customers".into(), skip: 1, times: u32::MAX, kind: refused });
    let done = scene.sync("sync_full()");
    assert_eq!(done["ledger_entry_lines"].status, "ok");
    assert_eq!(done["customers"].status, "error");
    assert_eq!(done["fiscal_years"].status, "error", "nothing is asked for after a 401");
    assert!(scene.api.requests().iter().all(|request| request.path != "/fiscal_years"));
}

#[test]
fn scopes_that_are_not_granted_are_skipped_with_their_name() {
    let scene = Scene::new();
    scene.api.set_config(|config| config.scopes.retain(|scope| !scope.starts_with("products")));
    let done = scene.sync("sync_full()");
    assert_eq!(done["products"].status, "skipped");
    assert!(done["products"].message.as_ref().unwrap().contains("products:readonly"));
    assert_eq!(done.values().filter(|table| table.status == "ok").count(), 12);
    assert!(scene.api.requests().iter().all(|request| request.path != "/products"));
    let error = scene.error("sync_full('products')");
    assert_eq!(sqlstate(&error), "42501");
}

#[test]
fn a_dead_api_raises_08006() {
    let scene = Scene::new();
    scene.api.stop();
    let error = scene.error("sync_full()");
    assert_eq!(sqlstate(&error), "08006");
    scene.api.restart();
    scene.sync("sync_full()");
    tables_equal_world(&scene);
}
