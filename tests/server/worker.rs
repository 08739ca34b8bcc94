//! The background worker: by itself, after every kind of stop, and never in the way.

use crate::cluster::wait_until;
use crate::compare::tables_equal_world;
use crate::scene::{SCHEDULER, Scene, TOKEN, WORKER, sqlstate, words};
use fake_pennylane::{Fault, FaultKind, Size};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs over all tables that ended in this way.
fn runs(scene: &Scene, status: &str) -> i64 {
    let query = format!("SELECT count(*) FROM pennylane.sync_runs WHERE status = '{status}' AND trigger = 'schedule'");
    scene.value(&query).unwrap().parse().unwrap()
}

fn kill(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

/// Requests for pages of a list.
fn pages(scene: &Scene, path: &str) -> usize {
    scene.api.requests().iter().filter(|request| request.path == path && request.status == 200).count()
}

#[test]
fn with_a_token_and_nothing_typed_the_thirteen_tables_fill_and_changes_arrive() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1"]);
    wait_until("the first full run is done", || runs(&scene, "ok") > 0);
    assert_eq!(scene.value("SELECT mode FROM pennylane.sync_runs ORDER BY run_id LIMIT 1").unwrap(), "full");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_state WHERE status = 'ok'").unwrap(), "13");
    tables_equal_world(&scene);
    let id = scene.api.world(|world| {
        let id = world.ids("customers")[0];
        world.update("customers", id, |customer| {
            customer.insert("name".into(), json!("Nouveau nom"));
        });
        id
    });
    let name = format!("SELECT name FROM pennylane.customers WHERE id = {id}");
    wait_until("the change arrives", || scene.value(&name).as_deref() == Some("Nouveau nom"));
    wait_until("the run that brought it is done", || runs(&scene, "ok") > 1);
    assert!(scene.cluster.log().contains("LOG:  [END] Succes: 13/13 | Erreurs: 0"));
    scene.execute("SELECT pennylane.assert_healthy()");
    let counted = "SELECT n_tup_ins > 0 AND n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'customers'";
    wait_until("autovacuum can know what was written", || scene.value(counted).as_deref() == Some("t"));
}

#[test]
fn a_load_that_is_killed_goes_on_at_its_checkpoint() {
    let lines = Size { ledger_entry_lines: 20_000, ..Size::tiny() };
    for how in ["worker", "postmaster", "fast"] {
        let scene =
            Scene::at_work(lines.clone(), &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
        let total = scene.api.world(|world| world.count("ledger_entry_lines")).div_ceil(100);
        scene.api.fault(Fault {
            path: "GET /ledger_entry_lines?".into(),
            skip: 100,
            times: u32::MAX,
            kind: FaultKind::Hang,
        });
        wait_until("a page hangs", || {
            let asked = scene.api.requests().iter().filter(|request| request.path == "/ledger_entry_lines").count();
            asked > 100 && scene.value("SELECT count(*) FROM pennylane.ledger_entry_lines").as_deref() == Some("10000")
        });
        scene.api.clear_faults();
        // What was read already changes: the load that goes on does not see it.
        scene.api.world(|world| {
            let id = world.ids("ledger_entry_lines")[0];
            world.update("ledger_entry_lines", id, |line| {
                line.insert("label".into(), json!("corrigé entre-temps"));
            });
        });
        match how {
            "worker" => kill("-9", &scene.value(WORKER).unwrap()),
            "postmaster" => {
                kill("-9", &scene.cluster.postmaster());
                wait_until("every process has seen it", || {
                    scene.cluster.config("postgres").connect(postgres::NoTls).is_err()
                });
                wait_until("the server starts", || scene.cluster.try_start_again());
            }
            _ => {
                let took = scene.cluster.stop("fast");
                assert!(took < Duration::from_secs(2), "a hanging call holds the server up: {took:?}");
                scene.cluster.start_again();
            }
        }
        wait_until("the run is done", || {
            let done = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'ok' AND mode = 'full'";
            scene.cluster.try_value(done).as_deref() == Some("1")
        });
        wait_until("the changes meanwhile are brought at once", || {
            let done = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'ok' AND mode = 'incremental'";
            scene.cluster.try_value(done).as_deref() == Some("1")
        });
        tables_equal_world(&scene);
        assert_eq!(runs(&scene, "interrupted"), 1, "{how}: the run that was cut off is closed");
        // The proof may ask for lines by id; the list itself was read once.
        let listed = pages(&scene, "/ledger_entry_lines");
        assert!(listed <= total + 2, "{how}: {listed} pages read of {total}");
    }
}

#[test]
fn a_shutdown_during_a_hanging_call_takes_less_than_a_second() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.request_timeout = 60"]);
    scene.api.fault(Fault::always("GET /products", FaultKind::Hang));
    wait_until("a call hangs", || scene.api.requests().iter().any(|request| request.path == "/products"));
    let pid = scene.value(WORKER).unwrap();
    let start = Instant::now();
    kill("-TERM", &pid);
    wait_until("it has ended", || scene.value(WORKER).as_deref() != Some(&pid));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    scene.api.clear_faults();
    wait_until("another one does the work", || runs(&scene, "ok") == 1);
    tables_equal_world(&scene);
}

#[test]
fn a_new_interval_counts_at_once_and_off_means_off() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600"]);
    wait_until("the first run is done", || runs(&scene, "ok") == 1);
    let next = "SELECT next_incremental_at > now() + interval '59 minutes' AND next_full_at > now() AND worker_pid IS NOT NULL \
                AND last_status = 'ok' FROM pennylane.schedule";
    wait_until("it sleeps", || scene.value(next).as_deref() == Some("t"));
    let told = "SELECT status || ': ' || detail FROM pennylane.check() WHERE item = 'background worker'";
    let told_now = scene.value(told).unwrap();
    assert!(told_now.starts_with("ok: process ") && told_now.contains(", next full run 20"), "{told_now}");
    scene.cluster.configure(&["pennylane.sync_interval = 1"]);
    wait_until("it runs again", || runs(&scene, "ok") > 2);
    scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || scene.value(SCHEDULER).is_none() && scene.value(WORKER).is_none());
    assert!(scene.value(told).unwrap().starts_with("ok: off"));
    scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("it is back", || scene.value(SCHEDULER).is_some());
}

#[test]
fn what_is_not_there_yet_is_waited_for_in_silence() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.database = 'later'", "pennylane.sync_interval = 3600"]);
    wait_until("it says so", || scene.cluster.log().contains("waits for the database \"later\""));
    scene.execute("CREATE DATABASE later");
    wait_until("it waits for the extension", || scene.cluster.log().contains("waiting for CREATE EXTENSION penny_pg"));
    scene.cluster.connect_to("later").batch_execute("CREATE EXTENSION penny_pg").unwrap();
    let filled = |client: &mut postgres::Client| {
        crate::scene::value(client, "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'ok'").as_deref()
            == Some("1")
    };
    let mut client = scene.cluster.connect_to("later");
    wait_until("the tables are filled", || filled(&mut client));
    drop(client);
    scene.execute("DROP DATABASE later WITH (FORCE)");
    wait_until("it waits for the database again", || {
        scene.cluster.log().matches("waits for the database \"later\"").count() == 2
    });
    assert_eq!(scene.cluster.log().matches("waiting for CREATE EXTENSION").count(), 1);
}

#[test]
fn a_token_that_is_revoked_and_replaced_needs_no_hand() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1", "pennylane.retry_for = 1"]);
    wait_until("the first run is done", || runs(&scene, "ok") > 0);
    scene.api.set_config(|config| config.token = "another".into());
    wait_until("a run fails", || runs(&scene, "error") > 0);
    let ill =
        "SELECT severity || ' ' || (detail LIKE '%refuses the token%') FROM pennylane.health WHERE table_name IS NULL";
    wait_until("health says so", || scene.value(ill).as_deref() == Some("error true"));
    let error = scene.connect().batch_execute("SELECT pennylane.assert_healthy()").expect_err("not healthy");
    assert!(words(&error).contains("refuses the token"), "{}", words(&error));
    assert_eq!(sqlstate(&error), "55000");
    scene.api.set_config(|config| config.token = TOKEN.into());
    scene
        .execute("UPDATE pennylane.sync_runs SET finished_at = finished_at - interval '1 hour' WHERE status = 'error'");
    let before = runs(&scene, "ok");
    kill("-HUP", &scene.value(SCHEDULER).unwrap());
    wait_until("it goes on", || runs(&scene, "ok") > before);
    wait_until("health is well", || scene.connect().batch_execute("SELECT pennylane.assert_healthy()").is_ok());
}

#[test]
fn a_run_can_be_asked_for_and_cancelled() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
    wait_until("the first run is done", || runs(&scene, "ok") == 1);
    let status =
        |run: &str| scene.value(&format!("SELECT status FROM pennylane.sync_runs WHERE run_id = {run}")).unwrap();
    let run = scene.value("SELECT pennylane.request_sync('full', 'products')").unwrap();
    wait_until("it is done", || status(&run) == "ok");
    let tables = format!("SELECT string_agg(table_name, ',') FROM pennylane.sync_run_tables WHERE run_id = {run}");
    assert_eq!(scene.value(&tables).unwrap(), "products");
    scene.api.fault(Fault::always("GET /products", FaultKind::Hang));
    let run = scene.value("SELECT pennylane.request_sync('full', 'products')").unwrap();
    wait_until("it hangs", || status(&run) == "running");
    let queued = scene.value("SELECT pennylane.request_sync()").unwrap();
    assert_eq!(scene.value(&format!("SELECT pennylane.cancel_run({queued})")).unwrap(), "t");
    assert_eq!(scene.value(&format!("SELECT pennylane.cancel_run({run})")).unwrap(), "t");
    wait_until("it is cancelled", || status(&run) == "cancelled");
    assert_eq!(status(&queued), "cancelled");
    assert_eq!(scene.value(&format!("SELECT pennylane.cancel_run({run})")).unwrap(), "f");
    scene.api.clear_faults();
    let run = scene.value("SELECT pennylane.request_sync('incremental')").unwrap();
    wait_until("the worker goes on", || status(&run) == "ok");
    for call in ["request_sync('whole')", "request_sync('full', 'nothing')"] {
        assert_eq!(sqlstate(&scene.error(call)), "22023", "{call}");
    }
    assert_eq!(sqlstate(&scene.error("request_sync(company => 99)")), "22023");
    // A company that was removed after it was asked for.
    let late = "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, status) \
                VALUES (99, 'request', 'full', 'queued') RETURNING run_id";
    let run = scene.value(late).unwrap();
    kill("-HUP", &scene.value(SCHEDULER).unwrap());
    wait_until("it is refused", || status(&run) == "error");
    let why = scene.value(&format!("SELECT error FROM pennylane.sync_runs WHERE run_id = {run}")).unwrap();
    assert!(why.contains("no token for this company"), "{why}");
    // Cancelled before it began, while the API is asked whose token it is.
    let asked = || scene.api.requests().iter().filter(|request| request.path == "/me").count();
    let before = asked();
    scene.api.fault(Fault::always("GET /me", FaultKind::Hang));
    let run = scene.value("SELECT pennylane.request_sync()").unwrap();
    wait_until("it is asked", || asked() > before);
    assert_eq!(scene.value(&format!("SELECT pennylane.cancel_run({run})")).unwrap(), "t");
    scene.api.clear_faults();
    kill("-INT", &scene.value(WORKER).unwrap());
    let next = scene.value("SELECT pennylane.request_sync('full', 'products')").unwrap();
    wait_until("the next one is done", || status(&next) == "ok");
    assert_eq!(status(&run), "cancelled");
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with_once_and_a_table_that_stays_broken_waits() {
    let lines = Size { ledger_entry_lines: 1000, ..Size::tiny() };
    let scene = Scene::at_work(lines, &["pennylane.sync_interval = 3600"]);
    // The sixth page and those behind it can never be read.
    let refusal = FaultKind::Status { status: 400, headers: vec![], body: "{\"error\":\"no\"}".into() };
    scene.api.fault(Fault { path: "GET /ledger_entry_lines?".into(), skip: 5, times: u32::MAX, kind: refusal });
    let ended = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'error'";
    wait_until("the first run is over", || scene.cluster.try_value(ended).as_deref() == Some("1"));
    scene.value("SELECT pennylane.request_sync('full', 'ledger_entry_lines')");
    wait_until("it is tried again", || scene.cluster.try_value(ended).as_deref() == Some("2"));
    let idle = "SELECT next_incremental_at > now() AND next_full_at > now() FROM pennylane.schedule";
    assert_eq!(scene.value(idle).unwrap(), "t");
    wait_until("it has ended", || scene.value(WORKER).is_none());
    let state = "SELECT state FROM pg_stat_activity WHERE backend_type = 'penny_pg scheduler'";
    wait_until("the scheduler sleeps", || scene.value(state).as_deref() == Some("idle"));
    assert_eq!(scene.value("SELECT max(run_id) FROM pennylane.sync_runs").unwrap(), "2", "nothing ran by itself");
}

#[test]
fn nobody_elses_operators_run_with_the_workers_rights() {
    let scene = Scene::with(Size::tiny(), &["pennylane.sync_interval = 3600"]);
    scene.execute(
        "CREATE TABLE public.trapped (by name); \
         CREATE FUNCTION public.trap(integer, interval) RETURNS interval LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO public.trapped VALUES (current_user); RETURN $2; END $$; \
         CREATE FUNCTION public.trap(bigint, interval) RETURNS interval LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO public.trapped VALUES (current_user); RETURN $2; END $$; \
         CREATE OPERATOR public.* (LEFTARG = integer, RIGHTARG = interval, FUNCTION = public.trap); \
         CREATE OPERATOR public.* (LEFTARG = bigint, RIGHTARG = interval, FUNCTION = public.trap); \
         CREATE FUNCTION public.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO public.trapped VALUES (current_user); RETURN; END $$; \
         ALTER DATABASE postgres SET search_path = public, pg_catalog; ALTER DATABASE postgres SET default_transaction_read_only = on",
    );
    scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the first run is done", || runs(&scene, "ok") == 1);
    tables_equal_world(&scene);
    assert_eq!(scene.value("SELECT count(*) FROM public.trapped").unwrap(), "0");
}

#[test]
fn a_launcher_that_is_ended_finds_its_scheduler_again() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600"]);
    wait_until("the first run is done", || runs(&scene, "ok") == 1);
    let schedulers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'penny_pg scheduler'";
    let launcher = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'penny_pg launcher'";
    let (scheduler, first) = (scene.value(SCHEDULER).unwrap(), scene.value(launcher).unwrap());
    kill("-INT", &first);
    kill("-TERM", &first);
    wait_until("there is another launcher", || scene.value(launcher).is_some_and(|pid| pid != first));
    let slept = "SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'penny_pg launcher'";
    wait_until("it has looked around", || scene.value(slept).is_some());
    assert_eq!((scene.value(schedulers).as_deref(), scene.value(SCHEDULER)), (Some("1"), Some(scheduler.clone())));
    // And it starts another one when that is gone.
    kill("-TERM", &scheduler);
    wait_until("there is another scheduler", || scene.value(SCHEDULER).is_some_and(|pid| pid != scheduler));
}

#[test]
fn a_database_that_takes_no_connections_is_waited_for() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.database = 'later'", "pennylane.sync_interval = 3600"]);
    scene.execute("CREATE DATABASE later");
    wait_until("it waits for the extension", || scene.cluster.log().contains("waiting for CREATE EXTENSION penny_pg"));
    scene.execute("ALTER DATABASE later ALLOW_CONNECTIONS false");
    scene.value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'penny_pg scheduler'");
    wait_until("it waits for the database", || {
        scene.cluster.log().contains("waits for the database \"later\" (pennylane.database)")
    });
    assert!(!scene.cluster.log().contains("not currently accepting connections"));
}

#[test]
fn turned_off_in_the_middle_of_a_run_it_lets_go_at_once_and_goes_on_later() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
    scene.api.fault(Fault::always("GET /products", FaultKind::Hang));
    wait_until("a call hangs", || scene.api.requests().iter().any(|request| request.path == "/products"));
    let start = Instant::now();
    scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || scene.value(SCHEDULER).is_none() && scene.value(WORKER).is_none());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let why = "SELECT status || ': ' || error FROM pennylane.sync_runs";
    assert_eq!(scene.value(why).unwrap(), "interrupted: pennylane.worker was turned off");
    scene.api.clear_faults();
    scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the run is done", || runs(&scene, "ok") == 1);
}

#[test]
fn a_trigger_cannot_start_a_sync_inside_the_workers() {
    let scene = Scene::with(Size::tiny(), &["pennylane.sync_interval = 3600"]);
    scene.execute(
        "SELECT pennylane.setup(); CREATE FUNCTION public.again() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pennylane.sync_full('suppliers'); RETURN NULL; END $$; \
         CREATE TRIGGER again AFTER INSERT ON pennylane.customers EXECUTE FUNCTION public.again()",
    );
    scene.cluster.configure(&["pennylane.worker = on"]);
    let ended = "SELECT string_agg(table_name, ',') FROM pennylane.sync_run_tables WHERE status = 'error'";
    wait_until("the run is over", || runs(&scene, "error") > 0);
    assert_eq!(scene.value(ended).unwrap(), "customers");
}

#[test]
fn worker_and_sessions_never_sync_a_company_at_once() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
    wait_until("the first run is done", || runs(&scene, "ok") == 1);
    scene.api.fault(Fault::always("GET /products", FaultKind::Hang));
    let run = scene.value("SELECT pennylane.request_sync('full', 'products')").unwrap();
    let status = format!("SELECT status FROM pennylane.sync_runs WHERE run_id = {run}");
    wait_until("the worker has it in hand", || scene.value(&status).as_deref() == Some("running"));
    let error = scene.error("sync_full('customers')");
    assert_eq!(sqlstate(&error), "55006");
    assert!(words(&error).contains(&scene.value(WORKER).unwrap()), "{}", words(&error));
    scene.value(&format!("SELECT pennylane.cancel_run({run})"));
    wait_until("it is free", || scene.value(&status).as_deref() == Some("cancelled"));
    scene.api.clear_faults();
    assert_eq!(scene.sync("sync_full('customers')")["customers"].status, "ok");
}

#[test]
fn no_transaction_is_open_while_the_worker_waits_for_the_network_or_sleeps() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
    scene.api.fault(Fault::always("GET /products", FaultKind::Hang));
    wait_until("a call hangs", || scene.api.requests().iter().any(|request| request.path == "/products"));
    let open = "SELECT concat_ws(' ', xact_start IS NOT NULL, backend_xmin IS NOT NULL, backend_xid IS NOT NULL) FROM pg_stat_activity \
                WHERE backend_type = ";
    let open = |kind: &str| scene.value(&format!("{open}'penny_pg {kind}'"));
    wait_until("nothing is open", || {
        ["worker", "scheduler"].into_iter().all(|kind| open(kind).as_deref() == Some("f f f"))
    });
    let seen = "SELECT query FROM pg_stat_activity WHERE backend_type = 'penny_pg worker'";
    assert!(scene.value(seen).unwrap().starts_with('['), "what it does is seen");
    scene.api.clear_faults();
    let pid = scene.value(WORKER).unwrap();
    kill("-INT", &pid);
    wait_until("the run is cancelled", || runs(&scene, "cancelled") == 1);
    let next = "SELECT last_status = 'cancelled' AND next_full_at > now() AND next_incremental_at > now() FROM pennylane.schedule";
    assert_eq!(scene.value(next).unwrap(), "t", "what was cancelled does not start again at once");
    wait_until("nothing is open", || open("scheduler").as_deref() == Some("f f f") && open("worker").is_none());
}

#[test]
fn on_a_standby_nothing_runs_and_after_its_promotion_it_takes_over() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1", "wal_level = replica"]);
    wait_until("the first run is done", || runs(&scene, "ok") > 0);
    let standby = scene.cluster.standby();
    let value = |query: &str| crate::scene::value(&mut standby.connect(), query);
    assert_eq!(value("SELECT pg_is_in_recovery()").unwrap(), "t");
    assert_eq!(value(SCHEDULER), None);
    scene.cluster.stop("fast");
    let before: i64 = value("SELECT count(*) FROM pennylane.sync_runs").unwrap().parse().unwrap();
    assert_eq!(value(SCHEDULER), None);
    value("SELECT pg_promote()");
    wait_until("it takes over", || {
        value("SELECT count(*) FROM pennylane.sync_runs WHERE status = 'ok'").unwrap().parse::<i64>().unwrap() > before
    });
}

#[test]
fn old_runs_are_forgotten_with_their_tables() {
    let scene = Scene::with(Size::tiny(), &["pennylane.sync_interval = 3600", "pennylane.history_days = 7"]);
    scene.sync("sync_full()");
    scene.execute(
        "INSERT INTO pennylane.sync_runs (company_id, trigger, mode, status, started_at, finished_at) \
         SELECT 1, 'schedule', 'incremental', 'ok', t, t FROM generate_series(now() - interval '30 days', now() - interval '6 days', \
                                                                              interval '1 day') AS t; \
         UPDATE pennylane.sync_runs SET started_at = now() - interval '8 days' WHERE mode = 'full'",
    );
    // A full run is due now, since the last one was eight days ago.
    scene.cluster.configure(&["pennylane.worker = on"]);
    let old = "SELECT count(*) FROM pennylane.sync_runs WHERE started_at < now() - interval '7 days 1 hour'";
    wait_until("old runs are forgotten", || scene.value(old).as_deref() == Some("0"));
    let left = "SELECT string_agg(mode || ' ' || (started_at > now() - interval '1 hour'), ', ' ORDER BY started_at) \
                FROM pennylane.sync_runs WHERE started_at > now() - interval '6 days 1 hour'";
    assert_eq!(scene.value(left).unwrap(), "incremental false, full true");
    let tables = "SELECT count(*) FROM pennylane.sync_run_tables";
    assert_eq!(scene.value(tables).unwrap(), "13", "those of a run go with it");
}
