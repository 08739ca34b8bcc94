//! Stopping: at once, without a trace, and the session goes on.

use crate::scene::{Scene, sqlstate, value};
use fake_pennylane::{Fault, FaultKind};
use postgres::NoTls;
use std::time::{Duration, Instant};

/// Milliseconds that "at once" may take.
const AT_ONCE: u64 = 200;

/// The API hangs after a first page was read.
fn hanging() -> Scene {
    let scene = Scene::new();
    scene.execute("SELECT pennylane.setup()");
    scene.cluster.configure(&["pennylane.request_timeout = 60"]);
    scene.api.fault(Fault { path: "GET /ledger_entry_lines".into(), skip: 1, times: u32::MAX, kind: FaultKind::Hang });
    scene
}

fn nothing_is_written(scene: &Scene) {
    for table in crate::scene::TABLES {
        assert_eq!(scene.value(&format!("SELECT count(*) FROM pennylane.{table}")).unwrap(), "0", "{table}");
    }
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_runs").unwrap(), "0");
}

#[test]
fn ctrl_c_ends_a_sync_at_once_while_the_api_hangs() {
    let scene = hanging();
    let mut client = scene.connect();
    let cancel = client.cancel_token();
    let (asked, ended) = std::thread::scope(|threads| {
        let call = threads.spawn(|| {
            let error = client.batch_execute("SELECT pennylane.sync_full()").expect_err("cancelled");
            (sqlstate(&error).to_owned(), Instant::now())
        });
        crate::cluster::wait_until("the hanging request is sent", || {
            scene.api.requests().iter().filter(|request| request.path == "/ledger_entry_lines").count() == 2
        });
        let asked = Instant::now();
        cancel.cancel_query(NoTls).unwrap();
        let (state, ended) = call.join().unwrap();
        assert_eq!(state, "57014");
        (asked, ended)
    });
    assert!(ended - asked < Duration::from_millis(AT_ONCE), "{:?}", ended - asked);
    nothing_is_written(&scene);
    scene.api.clear_faults();
    assert_eq!(crate::scene::sync(&mut client, "sync_full('customers')")["customers"].status, "ok");
}

#[test]
fn statement_timeout_ends_a_sync_and_the_session_goes_on() {
    let scene = hanging();
    let mut client = scene.connect();
    client.batch_execute("SET statement_timeout = '1s'").unwrap();
    let start = Instant::now();
    let error = client.batch_execute("SELECT pennylane.sync_full()").expect_err("timed out");
    assert_eq!(sqlstate(&error), "57014");
    assert!(start.elapsed() < Duration::from_millis(1000 + AT_ONCE), "{:?}", start.elapsed());
    nothing_is_written(&scene);
    assert_eq!(value(&mut client, "SELECT 1").unwrap(), "1");
}

#[test]
fn a_terminated_session_leaves_at_once_and_the_server_stays_up() {
    let scene = hanging();
    let mut client = scene.connect();
    let pid = value(&mut client, "SELECT pg_backend_pid()").unwrap();
    std::thread::scope(|threads| {
        let call = threads.spawn(|| client.batch_execute("SELECT pennylane.sync_full()").is_err());
        crate::cluster::wait_until("the hanging request is sent", || {
            scene.api.requests().iter().filter(|request| request.path == "/ledger_entry_lines").count() == 2
        });
        let start = Instant::now();
        scene.execute(&format!("SELECT pg_terminate_backend({pid}, 1000)"));
        assert!(call.join().unwrap());
        assert!(start.elapsed() < Duration::from_millis(AT_ONCE), "{:?}", start.elapsed());
    });
    assert!(!scene.cluster.log().contains("terminated by signal"), "no process crashed");
    nothing_is_written(&scene);
}

#[test]
fn a_sync_can_be_cancelled_at_any_moment_and_started_again() {
    let scene = Scene::new();
    scene.execute("SELECT pennylane.setup()");
    let mut client = scene.connect();
    let cancel = client.cancel_token();
    let mut cancelled = 0;
    for moment in 0..60 {
        std::thread::scope(|threads| {
            threads.spawn(|| {
                std::thread::sleep(Duration::from_millis(moment * 5));
                cancel.cancel_query(NoTls).unwrap();
            });
            match client.batch_execute("SELECT pennylane.sync_full()") {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(sqlstate(&error), "57014", "{error:?}");
                    cancelled += 1;
                }
            }
        });
    }
    assert!(cancelled > 5, "{cancelled}");
    // The last cancel may still be on its way.
    crate::cluster::wait_until("a sync runs to its end", || {
        client.batch_execute("SELECT pennylane.sync_full()").is_ok()
    });
    let readers = format!("/proc/{}/task", value(&mut client, "SELECT pg_backend_pid()").unwrap());
    crate::cluster::wait_until("no reader is left", || std::fs::read_dir(&readers).unwrap().count() == 1);
}
