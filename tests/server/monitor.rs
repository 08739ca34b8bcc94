//! What a monitor sees of the copy: progress, alerts, health; and pg_cron in the worker's place.

use crate::cluster::{Cluster, wait_until};
use crate::recipe::blocks;
use crate::scene::{Scene, TOKEN, sqlstate, value, words};
use chrono::{TimeDelta, Utc};
use fake_pennylane::{Fault, FaultKind, Size};
use postgres::fallible_iterator::FallibleIterator;
use std::time::Duration;

/// pg_cron looks at the clock once a second.
const TICK: Duration = Duration::from_millis(1100);

/// A reader of `pg_monitor` and nothing else.
fn monitor(scene: &Scene) -> postgres::Client {
    scene.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor");
    scene.cluster.connect_as("watcher")
}

/// Lines that hang from this page on.
fn hang_at_page(scene: &Scene, page: u32) {
    scene.api.fault(Fault {
        path: "GET /ledger_entry_lines?".into(),
        skip: page - 1,
        times: u32::MAX,
        kind: FaultKind::Hang,
    });
}

#[test]
fn a_monitor_sees_how_far_a_session_and_the_worker_are() {
    let lines = Size { ledger_entry_lines: 1000, ..Size::tiny() };
    let scene = Scene::with(lines, &["pennylane.request_timeout = 60", "pennylane.sync_interval = 3600"]);
    let mut watcher = monitor(&scene);
    let seen = "SELECT concat_ws(' ', table_name, pages, rows, rows_per_second > 0, started_at <= now(), company_id > 0, \
                run_id > 0, estimated_end > now()) FROM pennylane.progress WHERE table_name = 'ledger_entry_lines'";
    hang_at_page(&scene, 5);
    let mut session = scene.connect();
    let cancel = session.cancel_token();
    let call = std::thread::spawn(move || session.batch_execute("SELECT pennylane.sync_full()"));
    wait_until("the session is seen", || {
        value(&mut watcher, seen).as_deref() == Some("ledger_entry_lines 4 400 t t t t")
    });
    cancel.cancel_query(postgres::NoTls).unwrap();
    assert_eq!(sqlstate(&call.join().unwrap().unwrap_err()), "57014");
    assert_eq!(value(&mut watcher, "SELECT count(*) FROM pennylane.progress").unwrap(), "0");

    scene.api.clear_faults();
    scene.sync("sync_full('ledger_entry_lines')");
    hang_at_page(&scene, 5);
    scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the worker is seen, with its end", || {
        value(&mut watcher, seen).as_deref() == Some("ledger_entry_lines 4 400 t t t t t")
    });
    let run = value(&mut watcher, "SELECT max(run_id) FROM pennylane.progress").unwrap();
    assert_eq!(scene.value("SELECT run_id FROM pennylane.sync_runs WHERE status = 'running'"), Some(run));
    // A process that ends without a word leaves nothing behind.
    scene.value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'penny_pg worker'");
    scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || value(&mut watcher, "SELECT count(*) FROM pennylane.progress").as_deref() == Some("0"));

    for query in ["TABLE pennylane.schedule", "TABLE pennylane.health"] {
        assert!(!watcher.query(query, &[]).unwrap().is_empty(), "{query}");
    }
    for query in ["TABLE pennylane.sync_runs", "TABLE pennylane.customers", "SELECT pennylane.sync_full()"] {
        assert_eq!(sqlstate(&watcher.batch_execute(query).unwrap_err()), "42501", "{query}");
    }
}

#[test]
fn listeners_hear_of_each_new_error_once() {
    let scene = Scene::with(Size::tiny(), &["pennylane.retry_for = 1"]);
    scene.sync("sync_full()");
    let mut listener = scene.connect();
    listener.batch_execute("LISTEN pennylane_alert").unwrap();
    let mut heard = || -> Vec<String> {
        listener.batch_execute("SELECT").unwrap();
        let mut notifications = listener.notifications();
        notifications.iter().map(|one| Ok(one.payload().to_owned())).collect().unwrap()
    };
    let broken = |path: &str, status: u16| {
        let kind = FaultKind::Status { status, headers: Vec::new(), body: "{\"error\": \"no\"}".into() };
        scene.api.fault(Fault::always(path, kind));
    };
    scene.sync("sync_full()");
    assert_eq!(heard(), Vec::<String>::new());
    broken("GET /products", 500);
    scene.sync("sync_full()");
    let first = heard();
    assert_eq!(first.len(), 1);
    assert!(first[0].starts_with("company ") && first[0].contains(", products: "), "{first:?}");
    scene.sync("sync_full()");
    assert_eq!(heard(), Vec::<String>::new(), "the same error is not new");
    broken("GET /customers", 500);
    scene.sync("sync_full()");
    let second = heard();
    assert_eq!(second.len(), 1);
    assert!(second[0].contains(", customers: "), "{second:?}");
    scene.api.clear_faults();
    scene.sync("sync_full()");
    assert_eq!(heard(), Vec::<String>::new());
    broken("GET /products", 500);
    scene.sync("sync_full()");
    assert_eq!(heard().len(), 1, "an error that comes back is new");
}

#[test]
fn pg_cron_syncs_in_the_workers_place_and_shows_a_table_that_failed() {
    let page = include_str!("../../docs/pg_cron.md");
    let settings: Vec<&str> = blocks(page, "Settings").iter().flat_map(|block| block.text.lines()).collect();
    // Its database is that of the test.
    let settings = [&settings[..], &["cron.database_name = 'postgres'", "pennylane.retry_for = 1"]].concat();
    let scene = Scene::on(Cluster::start_with_clock, Scene::api(Size::tiny()), &settings);
    scene.api.fault(Fault::always("GET /products", FaultKind::Reset));
    for block in blocks(page, "Jobs") {
        scene.execute(block.text);
    }
    let ended = |job: &str| {
        let query = format!(
            "SELECT d.status || ' ' || d.return_message FROM cron.job_run_details d JOIN cron.job j USING (jobid) \
             WHERE j.jobname = '{job}' AND d.username = 'pennylane_cron' AND d.status IN ('succeeded', 'failed') \
             ORDER BY runid DESC LIMIT 1"
        );
        scene.value(&query).unwrap_or_default()
    };
    // pg_cron runs what is due when a minute begins, and sees that once a second.
    let mut clock = Utc::now() + TimeDelta::minutes(2);
    let mut until = |what: &str, job: &str, hour: u32, minute: u32, fact: &dyn Fn() -> bool| {
        let begun = format!(
            "SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE j.jobname = '{job}'"
        );
        let open = "SELECT count(*) FROM cron.job_run_details WHERE status NOT IN ('succeeded', 'failed')";
        wait_until(what, || {
            let due = clock.date_naive().and_hms_opt(hour, minute, 0).unwrap().and_utc();
            clock = if due > clock { due } else { due + TimeDelta::days(1) };
            let before = scene.value(&begun);
            scene.cluster.move_clock(clock - TimeDelta::minutes(1));
            std::thread::sleep(TICK);
            scene.cluster.move_clock(clock);
            // Pennylane's goes along, or its times would be of another day.
            scene.api.set_config(|config| config.clock_offset = clock - Utc::now());
            wait_until("the job began", || scene.value(&begun) != before);
            wait_until("all jobs ended", || scene.value(open).as_deref() == Some("0"));
            clock += TimeDelta::minutes(2);
            fact()
        });
    };
    until("the first job has synced", "pennylane", 8, 0, &|| ended("pennylane").starts_with("succeeded"));
    until("the alarm shows the table that failed", "pennylane health", 9, 30, &|| {
        ended("pennylane health").contains("products")
    });
    assert!(
        ended("pennylane health").starts_with("failed ERROR: pennylane.health holds 1 errors"),
        "{}",
        ended("pennylane health")
    );
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_state WHERE status = 'ok'").unwrap(), "12");
    scene.api.clear_faults();
    until("the night has synced all", "pennylane night", 3, 0, &|| ended("pennylane night").starts_with("succeeded"));
    until("the alarm is well", "pennylane health", 4, 30, &|| ended("pennylane health").starts_with("succeeded"));
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_state WHERE status = 'ok'").unwrap(), "13");
    for block in blocks(page, "How they ended").into_iter().chain(blocks(page, "Back to the worker")) {
        scene.execute(block.text);
    }
    assert_eq!(scene.value("SELECT string_agg(jobname, ',') FROM cron.job").unwrap(), "cron history");
    assert!(!scene.cluster.log().contains(TOKEN));
}

#[test]
fn a_database_that_never_synced_is_not_healthy() {
    let scene = Scene::new();
    let error = scene.connect().batch_execute("SELECT pennylane.assert_healthy()").unwrap_err();
    assert_eq!(sqlstate(&error), "55000");
    assert!(words(&error).contains("nothing was synced yet"), "{}", words(&error));
}

#[test]
fn health_tells_a_table_that_is_missing_late_or_left_out_from_one_that_is_ill() {
    let scene = Scene::new();
    let of = |table: &str| {
        scene.value(&format!(
            "SELECT severity || ': ' || coalesce(detail, '') FROM pennylane.health WHERE table_name = '{table}'"
        ))
    };
    scene.sync("sync_full('customers')");
    assert_eq!(of("customers").unwrap(), "ok: ");
    assert_eq!(of("products").unwrap(), "warning: not synced yet");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.health").unwrap(), "13");
    scene.execute("SELECT pennylane.assert_healthy()");
    scene.execute("UPDATE pennylane.sync_state SET last_full_at = now() - interval '51 hours'");
    assert!(of("customers").unwrap().starts_with("warning: not proven whole"), "{:?}", of("customers"));
    scene.execute("UPDATE pennylane.sync_state SET last_sync_at = now() - interval '27 hours'");
    assert_eq!(of("customers").unwrap(), "error: not synced for more than a day");
    // A scope that was taken away on purpose is no illness, however old the copy grows.
    scene.api.set_config(|config| config.scopes.retain(|scope| !scope.starts_with("customers")));
    scene.sync("sync_full()");
    scene.execute(
        "UPDATE pennylane.sync_state SET last_sync_at = now() - interval '27 hours' WHERE table_name = 'customers'",
    );
    assert!(of("customers").unwrap().starts_with("warning: the token does not grant"), "{:?}", of("customers"));
    // A run that failed is not forgotten because another one was cancelled.
    scene.execute(
        "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, status, finished_at, error) \
         SELECT company_id, run.* FROM pennylane.companies, (VALUES \
             ('schedule', 'full', 'error', now(), 'Pennylane refuses the token (401)'), \
             ('request', 'full', 'cancelled', now(), NULL)) AS run",
    );
    let ill = "SELECT detail FROM pennylane.health WHERE table_name IS NULL";
    assert_eq!(scene.value(ill).unwrap(), "Pennylane refuses the token (401)");
}

#[test]
fn a_run_that_crashes_the_server_waits_before_it_is_tried_again() {
    let scene = Scene::new();
    scene.sync("sync_full('customers')");
    let failures = "SELECT failures || ' ' || (failed_at IS NOT NULL) FROM pennylane._past_runs";
    let crash = "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, status, finished_at) \
                 SELECT company_id, 'schedule', 'full', 'interrupted', now() FROM pennylane.companies";
    scene.execute(crash);
    assert_eq!(scene.value(failures).unwrap(), "0 false", "a crash may happen");
    scene.execute(crash);
    assert_eq!(scene.value(failures).unwrap(), "1 true");
    scene.execute(crash);
    assert_eq!(scene.value(failures).unwrap(), "2 true");
    let waits =
        "SELECT next_full_at - now() BETWEEN interval '1 minute' AND interval '2 minutes' FROM pennylane.schedule";
    assert_eq!(scene.value(waits).unwrap(), "t");
}
