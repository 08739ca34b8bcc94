//! The proof of the ledger against Pennylane's trial balance.

use crate::scene::{Scene, sqlstate, words};
use fake_pennylane::{Fault, FaultKind, Size, Trigger, When};

const DIFFERING: &str = "SELECT string_agg(concat_ws(' ', account_number, period_start, debit_difference, credit_difference), ', ') FROM pennylane.prove()";

#[test]
fn the_proof_finds_nothing_in_a_right_copy_and_keeps_every_account() {
    let scene = Scene::synced();
    assert_eq!(scene.value(DIFFERING), None);
    let kept = "SELECT concat_ws(' ', count(DISTINCT period_start), bool_and(our_debit = their_debit AND our_credit = their_credit), \
                bool_and(debit_difference = 0 AND credit_difference = 0), bool_or(account_number = 'FEC'), bool_or(account_number LIKE '411%'), \
                count(*) > 20) FROM pennylane.proofs";
    let years = scene.api.world(|world| world.count("fiscal_years"));
    assert_eq!(scene.value(kept).unwrap(), format!("{years} t t t t t"));
    assert!(scene.cluster.log().contains("[PREUVE]"));
}

#[test]
fn one_cent_in_one_line_is_named_with_its_account_and_year() {
    let scene = Scene::synced();
    let line = "SELECT id FROM pennylane.ledger_entry_lines WHERE ledger_account_number LIKE '411%' AND date BETWEEN '2025-01-01' AND '2025-12-31' AND debit > 0 LIMIT 1";
    let id = scene.value(line).unwrap();
    let account = scene
        .value(&format!("SELECT ledger_account_number FROM pennylane.ledger_entry_lines WHERE id = {id}"))
        .unwrap();
    scene.execute(&format!("UPDATE pennylane.ledger_entry_lines SET debit = debit + 0.01 WHERE id = {id}"));
    let found = scene.value(DIFFERING).unwrap();
    let (named, rest) = found.split_once(' ').unwrap();
    assert_eq!(named, account);
    assert!(rest.starts_with("2025-01-01 0.01") && !rest.contains(','), "{found}");
    let state = "SELECT count(*) FROM pennylane.proofs WHERE debit_difference <> 0";
    assert_eq!(scene.value(state).unwrap(), "1");
    // A full sync mends the line, and its proof says so.
    let done = &scene.sync("sync_full()")["ledger_entry_lines"];
    assert_eq!((done.updated, done.message.clone()), (1, None));
    assert_eq!(scene.value(state).unwrap(), "0");
}

#[test]
fn what_changes_while_a_full_sync_reads_is_brought_before_anything_is_said() {
    let scene = Scene::with(Size::small(), &[]);
    scene.api.on_request(Trigger { path: "GET /trial_balance".into(), skip: 0, when: When::Before }, |world| {
        let date = chrono::NaiveDate::from_ymd_opt(2025, 9, 1).unwrap();
        world.book_entry(date, "pendant", &[("606000", 100, 0), ("512000", 0, 100)]);
    });
    let done = scene.sync("sync_full()");
    assert_eq!(done["ledger_entry_lines"].message, None, "{done:?}");
    assert!(scene.cluster.log().contains("relecture des ecritures"));
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.ledger_entry_lines WHERE label = 'pendant'").unwrap(), "2");
    let requests = "SELECT requests FROM pennylane.sync_runs";
    assert_eq!(scene.value(requests).unwrap(), scene.api.requests().len().to_string());
}

#[test]
fn a_difference_that_stays_is_a_warning_and_never_stops_a_sync() {
    let scene = Scene::new();
    let kind = FaultKind::RawReplace { from: r#""debits":""#.into(), to: r#""debits":"1"#.into() };
    scene.api.fault(Fault::always("GET /trial_balance", kind));
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    let message = done["ledger_entry_lines"].message.clone().unwrap();
    assert!(message.contains("differ from Pennylane's trial balance"), "{message}");
    let told = "SELECT message FROM pennylane.sync_run_tables WHERE table_name = 'ledger_entry_lines'";
    assert_eq!(scene.value(told), Some(message));
    assert!(scene.cluster.log().contains("WARNING:  [WARNING] ledger_entry_lines: "));
}

#[test]
fn without_its_scope_or_the_api_the_proof_is_skipped_in_a_sync_and_refused_by_itself() {
    let scene = Scene::new();
    scene.api.set_config(|config| config.scopes.retain(|scope| scope != "trial_balance:readonly"));
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    assert!(scene.cluster.log().contains("[SKIP] preuve: the token does not grant the scope trial_balance:readonly"));
    let error = scene.error("prove()");
    assert_eq!(sqlstate(&error), "42501");
    assert!(words(&error).contains("trial_balance:readonly"));
    scene.api.set_config(|config| config.scopes.push("trial_balance:readonly".into()));
    scene.api.fault(Fault::always("GET /trial_balance", FaultKind::GarbageJson));
    let done = scene.sync("sync_full()");
    assert!(done["ledger_entry_lines"].message.as_ref().unwrap().contains("not proven"), "{done:#?}");
    assert_eq!(sqlstate(&scene.error("prove()")), "08P01");
}

#[test]
fn a_ledger_that_was_never_synced_cannot_be_proven() {
    let scene = Scene::new();
    scene.sync("sync_full('fiscal_years')");
    let error = scene.error("prove()");
    assert_eq!(sqlstate(&error), "55000");
    assert!(words(&error).contains("sync_full('ledger_entry_lines')"), "{}", words(&error));
}

#[test]
fn nothing_compared_is_not_taken_for_no_difference() {
    let scene = Scene::new();
    let done = scene.sync("sync_full('ledger_entry_lines')");
    let message = done["ledger_entry_lines"].message.clone().unwrap_or_default();
    assert!(message.contains("not proven") && message.contains("fiscal years"), "{message}");
    assert_eq!(sqlstate(&scene.error("prove()")), "55000");
}
