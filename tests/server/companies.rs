//! Several companies in one database: side by side, each with its token, and never in each other's way.

use crate::cluster::wait_until;
use crate::group::{Group, company, tiny, token};
use crate::scene::{SCHEDULER, Scene, WORKER, sqlstate, value, words};
use fake_pennylane::{Config, FakePennylane, Fault, FaultKind, Size};
use postgres::Client;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a call says of its tables: company, table, status, message.
type Row = (Option<i64>, Option<String>, String, Option<String>);

fn call(client: &mut Client, call: &str) -> Vec<Row> {
    let query = format!("SELECT company_id, table_name, status, message FROM pennylane.{call}");
    let rows = client.query(&query, &[]).unwrap_or_else(|error| panic!("{call}: {error:?}"));
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}

/// How many tables of each company are well; an export whose ledger did not change is skipped.
fn well(rows: &[Row]) -> BTreeMap<i64, usize> {
    let mut well = BTreeMap::new();
    for (company, _, status, _) in rows {
        *well.entry(company.expect("a company")).or_default() += usize::from(status == "ok" || status == "skipped");
    }
    well
}

/// How many processes sync a company now.
fn workers(scene: &Scene) -> usize {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'penny_pg worker'";
    scene.value(query).unwrap().parse().unwrap()
}

fn calls_of_me(api: &FakePennylane) -> usize {
    api.requests().iter().filter(|request| request.path == "/me").count()
}

#[test]
fn twenty_companies_take_the_worker_the_time_that_their_pace_asks_for() {
    const PACE: f64 = 20.0;
    const COMPANIES: u32 = 20;
    let sized = |number| {
        // Some are larger than others.
        let lines = if number % 5 == 0 { 2_000 } else { 0 };
        Config { size: Size { ledger_entry_lines: lines, ..Size::tiny() }, ..tiny(number) }
    };
    let group =
        Group::of((0..COMPANIES).map(sized), &[&format!("pennylane.rate_limit = {PACE}"), "max_worker_processes = 16"]);
    group.add(0..COMPANIES);
    let start = Instant::now();
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    let mut most = 0;
    let done = format!("SELECT count(*) >= {COMPANIES} FROM pennylane.sync_runs WHERE finished_at IS NOT NULL");
    wait_until("every company is synced", || {
        most = most.max(workers(&group.scene));
        group.scene.value(&done).as_deref() == Some("t")
    });
    let total = start.elapsed().as_secs_f64();
    let mut client = group.scene.connect();
    let runs = client
        .query(
            "SELECT requests, extract(epoch FROM finished_at - started_at)::float8 FROM pennylane.sync_runs WHERE status = 'ok'",
            &[],
        )
        .unwrap();
    assert_eq!(runs.len(), COMPANIES as usize, "one run each, all of them well");
    assert_eq!(most, 4, "workers at once");
    let by_pace: Vec<f64> = runs.iter().map(|run| f64::from(run.get::<_, i32>(0)) / PACE).collect();
    let durations: Vec<f64> = runs.iter().map(|run| run.get(1)).collect();
    let least = |times: &[f64]| times.iter().copied().fold(times.iter().sum::<f64>() / 4.0, f64::max);
    println!(
        "total {total:.2} s; by their pace {:.2} s; by their durations {:.2} s",
        least(&by_pace),
        least(&durations)
    );
    assert!(total <= 1.2 * least(&durations), "{total} s of {} s", least(&durations));
    group.equal_worlds(0..COMPANIES);
}

#[test]
fn the_largest_of_those_that_are_due_at_once_goes_first() {
    let sized =
        |number: u32| Config { size: Size { customers: 12 + 50 * number as usize, ..Size::tiny() }, ..tiny(number) };
    let group = Group::of((0..3).map(sized), &["pennylane.max_workers = 1", "pennylane.sync_interval = 3600"]);
    group.add(0..3);
    call(&mut group.scene.connect(), "sync_full()");
    // As if a night had passed since.
    group.scene.execute("UPDATE pennylane.sync_runs SET started_at = now() - interval '2 days'");
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("all are done", || (0..3).all(|number| group.runs(number, "ok") == 2));
    let order =
        "SELECT string_agg(company_id::text, ',' ORDER BY run_id) FROM pennylane.sync_runs WHERE trigger = 'schedule'";
    let expected: Vec<String> = (0..3).rev().map(|number| company(number).to_string()).collect();
    assert_eq!(group.scene.value(order).unwrap(), expected.join(","));
}

#[test]
fn an_id_that_comes_for_a_second_company_overwrites_nothing() {
    let clash = Config { id_offset: 0, ..tiny(1) };
    let group = Group::of([tiny(0), clash], &[]);
    group.add([0]);
    group.scene.sync("sync_full()");
    group.add([1]);
    let digest = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM pennylane.customers t";
    let before = group.scene.value(digest);
    let rows = call(&mut group.scene.connect(), "sync_full('customers')");
    let of_second: Vec<_> = rows.iter().filter(|row| row.0 == Some(company(1))).collect();
    let [(_, _, status, Some(message))] = of_second.as_slice() else { panic!("{rows:?}") };
    assert_eq!(status, "error");
    for named in [company(0), company(1)] {
        assert!(message.contains(&named.to_string()), "{message}");
    }
    assert_eq!(group.scene.value(digest), before);
    assert_eq!(well(&rows)[&company(0)], 1, "the owner's sync goes on");
}

#[test]
fn tokens_that_were_swapped_write_nothing() {
    let group = Group::added(2, &[]);
    call(&mut group.scene.connect(), "sync_full()");
    let held: Vec<i64> = (0..2).map(|number| group.rows(number)).collect();
    // At Pennylane, as when two files of a vault were exchanged.
    for number in 0..2 {
        group.api(number).set_config(|config| config.token = token(1 - number));
    }
    let error = group.scene.error("sync_full()");
    let said = words(&error);
    assert_eq!(sqlstate(&error), "28000");
    for word in [company(0).to_string(), company(1).to_string(), "swapped".into(), "nothing was written".into()] {
        assert!(said.contains(&word), "{said}");
    }
    assert_eq!((0..2).map(|number| group.rows(number)).collect::<Vec<_>>(), held);
    for number in 0..2 {
        group.api(number).set_config(|config| config.token = token(number));
    }
    // By hand.
    let error = group.scene.error(&format!("rotate_token({}, '{}')", company(0), token(1)));
    assert_eq!(sqlstate(&error), "28000");
    assert!(words(&error).contains(&company(0).to_string()) && words(&error).contains(&company(1).to_string()));
    let rows = call(&mut group.scene.connect(), "sync_full()");
    assert_eq!(well(&rows), BTreeMap::from([(company(0), 13), (company(1), 13)]));
}

#[test]
fn a_server_whose_token_changes_to_another_companys_writes_nothing_until_the_first_is_given_up() {
    let group = Group::with_token(&token(0), (0..2).map(tiny), &["pennylane.sync_interval = 3600"]);
    let file = group.scene.cluster.file("token");
    let path = format!("pennylane.api_token_file = '{}'", file.display());
    group.scene.sync("sync_full()");
    std::fs::write(&file, token(1)).unwrap();
    group.scene.cluster.configure(&[&path]);
    let held = group.rows(0);
    let error = group.scene.error("sync_full()");
    assert_eq!(sqlstate(&error), "28000");
    let said = words(&error);
    let advice = format!("SELECT pennylane.remove_company({})", company(0));
    for word in [company(0).to_string(), company(1).to_string(), advice.clone()] {
        assert!(said.contains(&word), "{said}");
    }
    let told = group.scene.value("SELECT detail FROM pennylane.check() WHERE item = 'company'").unwrap();
    assert!(told.contains(&company(1).to_string()), "{told}");
    // The worker says so too.
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    group.scene.value("SELECT pennylane.request_sync()");
    wait_until("the worker was refused", || group.runs(0, "error") == 1);
    assert_eq!((group.rows(0), group.rows(1)), (held + 1, 0), "a run in the log, and nothing else");
    group.scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || group.scene.value(SCHEDULER).is_none());
    group.scene.execute(&advice);
    group.scene.sync("sync_full()");
    group.equal_worlds([0, 1]);
}

/// A company whose lines take their time, and whose token is replaced meanwhile.
fn slow(group: &Group, number: u32, latency: u64) {
    group.api(number).set_config(|config| config.latency = Duration::from_millis(latency));
}

/// Waits until pages of the lines are being read.
fn pages_come(group: &Group, number: u32) {
    let api = group.api(number);
    api.clear_requests();
    wait_until("pages come", || {
        api.requests().iter().filter(|request| request.path == "/ledger_entry_lines").count() > 2
    });
}

/// Requests with a token that opens nothing any more: the first company gets them, and its own those on their way.
fn refused(group: &Group, number: u32) -> usize {
    let refused = |api: &FakePennylane| api.requests().iter().filter(|request| request.status == 401).count();
    refused(group.api(0)) + refused(group.api(number))
}

#[test]
fn a_run_in_whose_middle_the_token_is_rotated_ends_with_the_new_one() {
    let long = Config { size: Size { ledger_entry_lines: 1500, ..Size::tiny() }, ..tiny(1) };
    let group = Group::of([tiny(0), long], &["pennylane.sync_interval = 3600"]);
    group.add([1]);
    slow(&group, 1, 60);
    let rotate = |new: &str| {
        group.api(1).set_config(|config| config.also_tokens.push(new.into()));
        group.scene.execute(&format!("SELECT pennylane.rotate_token({}, '{new}')", company(1)));
        group.scene.api.clear_requests();
        group.api(1).set_config(|config| {
            config.token = new.into();
            config.also_tokens.clear();
        });
    };
    // A session.
    let full = format!("sync_full(company => {})", company(1));
    let mut session = group.scene.connect();
    let rows = std::thread::scope(|threads| {
        let running = threads.spawn(|| call(&mut session, &full));
        pages_come(&group, 1);
        rotate("secret-token-of-a-second-year-51aa");
        running.join().unwrap()
    });
    assert!(refused(&group, 1) > 0, "it met the old one's end");
    assert_eq!(well(&rows)[&company(1)], 13, "{rows:?}");
    group.equal_worlds([1]);
    let hint = "SELECT token_hint FROM pennylane.companies";
    assert_eq!(group.scene.value(hint).unwrap(), "...51aa");
    // The worker.
    group.scene.execute(
        "DELETE FROM pennylane.sync_runs; DELETE FROM pennylane.sync_state; DELETE FROM pennylane.ledger_entry_lines",
    );
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    pages_come(&group, 1);
    rotate("secret-token-of-a-third-year-93bc");
    wait_until("the run is over", || group.scene.value("SELECT finished_at FROM pennylane.sync_runs").is_some());
    assert!(refused(&group, 1) > 0, "it met the old one's end");
    assert_eq!((group.runs(1, "ok"), group.runs(1, "error")), (1, 0));
    group.equal_worlds([1]);
}

#[test]
fn a_run_in_whose_middle_the_token_file_changes_goes_on_for_its_own_company_only() {
    let long = Config { size: Size { ledger_entry_lines: 1500, ..Size::tiny() }, ..tiny(1) };
    let group = Group::of([tiny(0), long, tiny(2)], &["pennylane.sync_interval = 3600"]);
    let file = group.scene.cluster.file("token");
    std::fs::write(&file, token(1)).unwrap();
    group.scene.cluster.configure(&[&format!("pennylane.api_token_file = '{}'", file.display())]);
    slow(&group, 1, 60);
    let mut session = group.scene.connect();
    let mut interrupted_by = |new: &str| {
        std::thread::scope(|threads| {
            let running = threads.spawn(|| call(&mut session, "sync_full()"));
            pages_come(&group, 1);
            std::fs::write(&file, new).unwrap();
            group.api(1).set_config(|config| config.token = "secret-token-of-a-second-year-51aa".into());
            running.join().unwrap()
        })
    };
    let rows = interrupted_by("secret-token-of-a-second-year-51aa");
    assert_eq!(well(&rows)[&company(1)], 13, "{rows:?}");
    group.equal_worlds([1]);
    group.api(1).set_config(|config| config.token = token(1));
    std::fs::write(&file, token(1)).unwrap();
    let rows = interrupted_by(&token(2));
    let lines = rows.iter().find(|row| row.1.as_deref() == Some("ledger_entry_lines")).unwrap();
    assert_eq!(lines.2, "error", "{rows:?}");
    assert!(lines.3.as_ref().unwrap().contains("refuses the token"), "{lines:?}");
    assert_eq!(group.rows(2), 0);
    group.equal_worlds([1]);
}

#[test]
fn a_company_that_fails_delays_no_other_and_is_told_by_its_name() {
    let group = Group::added(4, &["pennylane.sync_interval = 3600", "pennylane.retry_for = 2"]);
    let refusal = FaultKind::Status { status: 401, headers: vec![], body: "{}".into() };
    group.api(1).fault(Fault::always("", refusal));
    group.api(2).fault(Fault::always("", FaultKind::Reset));
    // A session goes on with the next one.
    let rows = call(&mut group.scene.connect(), "sync_incremental()");
    let failed: BTreeMap<_, _> =
        rows.iter().filter(|row| row.1.is_none()).map(|row| (row.0.unwrap(), row.3.clone().unwrap())).collect();
    assert_eq!(failed.keys().copied().collect::<Vec<_>>(), [company(1), company(2)]);
    assert!(failed[&company(1)].contains("(401)") && failed[&company(2)].contains("cannot be reached"), "{failed:?}");
    let good = |rows: &[Row]| {
        let good = rows.iter().filter(|row| row.2 == "ok").map(|row| (row.0, row.1.clone(), row.2.clone(), None));
        well(&good.collect::<Vec<_>>())
    };
    assert_eq!(good(&rows), BTreeMap::from([(company(0), 13), (company(3), 13)]));
    // Only those that failed are ill, and none of their rows came.
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("every company had its turn", || {
        [1, 2].iter().all(|number| group.runs(*number, "error") > 0)
            && [0, 3].iter().all(|number| group.runs(*number, "ok") > 0)
    });
    let ill = "SELECT string_agg(DISTINCT company_id::text, ',' ORDER BY company_id::text) FROM pennylane.health WHERE severity = 'error'";
    assert_eq!(group.scene.value(ill).unwrap(), format!("{},{}", company(1), company(2)));
    let error = group.scene.connect().batch_execute("SELECT pennylane.assert_healthy()").expect_err("not healthy");
    assert!(words(&error).contains(&format!("of company {}", company(1))), "{}", words(&error));
    group.equal_worlds([0, 3]);
    // When every one fails the call does.
    for number in [0, 3] {
        group.api(number).fault(Fault::always("", FaultKind::Reset));
    }
    assert_eq!(sqlstate(&group.scene.error("sync_incremental()")), "08006");
}

#[test]
fn an_outage_of_one_company_keeps_one_worker_only() {
    let group = Group::added(5, &["pennylane.max_workers = 2", "pennylane.request_timeout = 60"]);
    group.api(0).fault(Fault::always("GET /customers", FaultKind::Hang));
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    let mut most = 0;
    wait_until("the others are synced", || {
        most = most.max(workers(&group.scene));
        (1..5).all(|number| group.runs(number, "ok") == 1)
    });
    assert_eq!(most, 2, "no more than pennylane.max_workers");
    assert_eq!(group.runs(0, "running"), 1);
    group.equal_worlds(1..5);
    group.api(0).clear_faults();
    group.scene.value(&format!(
        "SELECT pennylane.cancel_run(run_id) FROM pennylane.sync_runs WHERE company_id = {}",
        company(0)
    ));
    wait_until("it is cancelled", || group.runs(0, "cancelled") == 1);
}

#[test]
fn a_server_with_little_room_for_processes_syncs_every_company_and_says_so_once() {
    // The launcher, the scheduler, and PostgreSQL's own for logical replication leave room for one worker.
    let settings =
        ["max_worker_processes = 4", "max_logical_replication_workers = 2", "pennylane.sync_interval = 3600"];
    let group = Group::added(5, &settings);
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("every company is synced", || (0..5).all(|number| group.runs(number, "ok") == 1));
    group.equal_worlds(0..5);
    wait_until("no worker is left", || workers(&group.scene) == 0);
    let log = group.scene.cluster.log();
    assert_eq!(log.matches("raise max_worker_processes").count(), 1);
    let ends = log.lines().filter(|line| line.contains("penny_pg worker") && line.contains("exited with exit code 1"));
    assert_eq!(ends.count(), 0, "a worker that is done is no crash");
}

#[test]
fn a_request_is_a_run_for_each_company_that_is_turned_on() {
    let group = Group::added(3, &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
    call(&mut group.scene.connect(), "sync_full()");
    group.scene.execute(&format!("UPDATE pennylane.companies SET enabled = false WHERE company_id = {}", company(2)));
    let of = |view: &str| {
        let query = format!(
            "SELECT string_agg(DISTINCT company_id::text, ',' ORDER BY company_id::text) FROM pennylane.{view}"
        );
        group.scene.value(&query).unwrap()
    };
    let on = format!("{},{}", company(0), company(1));
    assert_eq!((of("schedule"), of("health")), (on.clone(), on));
    for asked in ["sync_full", "sync_incremental", "request_sync"] {
        let error = group.scene.error(&format!("{asked}(company => {})", company(2)));
        assert_eq!(sqlstate(&error), "22023");
        assert!(words(&error).contains("turned off"), "{}", words(&error));
    }
    assert_eq!(well(&call(&mut group.scene.connect(), "sync_incremental()")).len(), 2);
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the worker is there", || group.scene.value(SCHEDULER).is_some());
    let first: i64 = group.scene.value("SELECT pennylane.request_sync()").unwrap().parse().unwrap();
    let requested = |status: &str| {
        let query = "SELECT string_agg(company_id::text, ',' ORDER BY company_id) FROM pennylane.sync_runs WHERE trigger = 'request' AND ";
        group.scene.value(&format!("{query} run_id >= {first} AND status = '{status}'")).unwrap_or_default()
    };
    wait_until("both runs are done", || requested("ok") == format!("{},{}", company(0), company(1)));
    // One is stopped, the other one goes on.
    for number in 0..2 {
        group.api(number).fault(Fault::always("GET /customers", FaultKind::Hang));
    }
    let second: i64 = group.scene.value("SELECT pennylane.request_sync('full', 'customers')").unwrap().parse().unwrap();
    wait_until("both hang", || requested("running") == format!("{},{}", company(0), company(1)));
    group.scene.value(&format!("SELECT pennylane.cancel_run({second})"));
    wait_until("the first is cancelled", || requested("cancelled") == company(0).to_string());
    assert_eq!(requested("running"), company(1).to_string());
    for number in 0..2 {
        group.api(number).clear_faults();
    }
    group.scene.value(&format!("SELECT pennylane.cancel_run({})", second + 1));
    wait_until("no worker is left", || workers(&group.scene) == 0);
    // What was asked for a company that goes away is taken back with it.
    let mut session = group.scene.connect();
    session.batch_execute("BEGIN").unwrap();
    let run = value(&mut session, &format!("SELECT pennylane.request_sync(company => {})", company(1))).unwrap();
    session.batch_execute(&format!("SELECT pennylane.remove_company({}); COMMIT", company(1))).unwrap();
    let status = format!("SELECT status FROM pennylane.sync_runs WHERE run_id = {run}");
    assert_eq!(group.scene.value(&status).unwrap(), "cancelled");
    assert_eq!(sqlstate(&group.scene.error(&format!("request_sync(company => {})", company(1)))), "22023");
}

#[test]
fn a_company_that_is_removed_keeps_its_rows_unless_they_are_to_go() {
    let group = Group::added(2, &["pennylane.request_timeout = 60"]);
    let mut session = group.scene.connect();
    call(&mut session, "sync_full()");
    for number in 0..2 {
        let id = group.api(number).world(|world| {
            let id = world.ids("products")[0];
            world.delete("products", id);
            id
        });
        assert!(id > 0);
    }
    call(&mut session, "sync_incremental()");
    group.scene.execute(
        "CREATE TABLE pennylane.mine AS SELECT company_id, 'a budget' AS note FROM pennylane.companies; \
         INSERT INTO pennylane.schema_drift (company_id, table_name, field, sample_type, adopt_with) SELECT company_id, 'x', 'x', 'x', 'x' FROM pennylane.companies; \
         INSERT INTO pennylane.pending_entries SELECT company_id, 'ledger_entries', 1 FROM pennylane.companies; \
         INSERT INTO pennylane.sync_candidates SELECT company_id, 'customers', 1 FROM pennylane.companies; \
         INSERT INTO pennylane.sync_checkpoints SELECT company_id, 'customers', 1, now(), now() FROM pennylane.companies"
    );
    let (first, second) = (group.rows(0), group.rows(1));
    let nobody = group.scene.error("remove_company(NULL)");
    assert_eq!((sqlstate(&nobody), words(&nobody).contains("no company is named")), ("22023", true));
    // Not while it is synced.
    group.api(0).fault(Fault::always("GET /customers", FaultKind::Hang));
    let remove = format!("remove_company({})", company(0));
    std::thread::scope(|threads| {
        let cancel = session.cancel_token();
        let running = threads.spawn(|| session.batch_execute("SELECT pennylane.sync_full('customers')"));
        wait_until("it reads", || {
            group.api(0).requests().last().is_some_and(|request| request.path == "/customers" && request.status == 0)
        });
        assert_eq!(sqlstate(&group.scene.error(&remove)), "55006");
        cancel.cancel_query(postgres::NoTls).unwrap();
        assert_eq!(sqlstate(&running.join().unwrap().unwrap_err()), "57014");
    });
    group.api(0).clear_faults();
    group.scene.value(&format!("SELECT pennylane.{remove}"));
    assert_eq!(group.rows(0), first - 2, "its name and its token only");
    assert_eq!(group.scene.value("SELECT count(*) FROM pennylane.company_tokens").unwrap(), "1");
    group.equal_worlds([0, 1]);
    // Added again it goes on from where it was.
    let id = group.api(0).world(|world| {
        let id = world.ids("customers")[0];
        world.update("customers", id, |customer| {
            customer.insert("name".into(), json!("Après le retour"));
        });
        id
    });
    group.add([0]);
    group.api(0).clear_requests();
    let mut session = group.scene.connect();
    assert_eq!(well(&call(&mut session, "sync_incremental()"))[&company(0)], 13);
    group.equal_worlds([0, 1]);
    let asked = group.api(0).requests();
    let whole = asked.iter().filter(|request| request.path == "/customers" && request.param("filter").is_none());
    assert_eq!(whole.count(), 0, "customer {id} came by the changelog");
    // And with its rows it leaves nothing behind, and nobody else's goes.
    group.scene.value(&format!("SELECT pennylane.remove_company({}, keep_data => false)", company(0)));
    let mine = format!("SELECT count(*) FROM pennylane.mine WHERE company_id = {}", company(0));
    assert_eq!(group.scene.value(&mine).unwrap(), "1", "a table of somebody's own");
    assert_eq!(group.rows(0), 1);
    assert!(group.rows(1) >= second);
    group.equal_worlds([1]);
    assert_eq!(sqlstate(&group.scene.error(&remove)), "22023");
}

#[test]
fn a_scheduler_that_is_ended_leaves_the_workers_at_work_and_the_next_one_finds_them() {
    let settings = ["pennylane.max_workers = 2", "pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"];
    let group = Group::added(5, &settings);
    for number in 0..5 {
        group.api(number).fault(Fault::once("GET /customers", FaultKind::Delay { ms: 4000 }));
    }
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("two are at work", || group.runs(0, "running") + group.runs(1, "running") == 2);
    let at_work =
        "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity WHERE backend_type = 'penny_pg worker'";
    let (before, scheduler) = (group.scene.value(at_work), group.scene.value(SCHEDULER));
    group
        .scene
        .value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'penny_pg scheduler'");
    let asleep = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'penny_pg scheduler' AND state = 'idle'";
    wait_until("there is another one, and it has looked around", || {
        group.scene.value(asleep).is_some_and(|pid| Some(pid) != scheduler)
    });
    assert_eq!(group.scene.value(at_work), before, "the same two");
    wait_until("every company is synced", || (0..5).all(|number| group.runs(number, "ok") == 1));
    assert_eq!((0..5).map(|number| group.runs(number, "interrupted")).sum::<u32>(), 0);
    group.equal_worlds(0..5);
}

#[test]
fn a_session_syncs_what_the_worker_has_not_in_hand() {
    let group = Group::added(3, &["pennylane.sync_interval = 3600", "pennylane.request_timeout = 60"]);
    call(&mut group.scene.connect(), "sync_full()");
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the worker is there", || group.scene.value(SCHEDULER).is_some());
    group.api(1).fault(Fault::always("GET /products", FaultKind::Hang));
    let run = group.scene.value(&format!("SELECT pennylane.request_sync('full', 'products', {})", company(1))).unwrap();
    wait_until("the worker has one in hand", || group.runs(1, "running") == 1);
    let worker = group.scene.value(WORKER).unwrap();
    let rows = call(&mut group.scene.connect(), "sync_full()");
    let busy: Vec<_> = rows.iter().filter(|row| row.1.is_none()).collect();
    let [(Some(of), _, status, Some(message))] = busy.as_slice() else { panic!("{rows:?}") };
    assert_eq!((*of, status.as_str()), (company(1), "error"));
    assert!(message.contains(&company(1).to_string()) && message.contains(&worker), "{message}");
    let well = well(&rows);
    assert_eq!((well[&company(0)], well[&company(2)]), (13, 13));
    group.api(1).clear_faults();
    group.scene.value(&format!("SELECT pennylane.cancel_run({run})"));
    wait_until("it is cancelled", || group.runs(1, "cancelled") == 1);
}

#[test]
fn the_servers_token_for_a_company_with_its_own_is_left_alone() {
    let group = Group::with_token(&token(0), (0..2).map(tiny), &["pennylane.sync_interval = 2"]);
    group.api(0).set_config(|config| config.also_tokens.push("secret-token-of-its-own-1c2d".into()));
    group.scene.execute("SELECT pennylane.add_company('secret-token-of-its-own-1c2d')");
    // A call takes the stored one, once.
    let rows = call(&mut group.scene.connect(), "sync_full()");
    assert_eq!(well(&rows), BTreeMap::from([(company(0), 13)]));
    assert_eq!(rows.len(), 13);
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the worker goes on", || group.runs(0, "ok") > 2);
    group.scene.value("SELECT pennylane.request_sync()");
    let request = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'queued'";
    wait_until("nothing that was asked for is left waiting", || group.scene.value(request).as_deref() == Some("0"));
    let (calls, runs) = (calls_of_me(group.api(0)), group.runs(0, "ok"));
    wait_until("some runs later", || group.runs(0, "ok") > runs + 5);
    let more = calls_of_me(group.api(0)) - calls;
    let runs = (group.runs(0, "ok") - runs) as usize;
    assert!(more <= runs + 2, "{more} questions for {runs} runs");
    assert_eq!(
        group.scene.value("SELECT string_agg(company_id::text, ',') FROM pennylane.schedule").unwrap(),
        company(0).to_string()
    );
    group.scene.execute("SELECT pennylane.assert_healthy()");
    // When the company's own goes, the server's is there.
    group.scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || group.scene.value(SCHEDULER).is_none() && workers(&group.scene) == 0);
    group.scene.execute(&format!("SELECT pennylane.remove_company({})", company(0)));
    group.api(0).set_config(|config| config.also_tokens.clear());
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    let before = group.runs(0, "ok");
    wait_until("the worker goes on with it", || group.runs(0, "ok") > before);
    group.equal_worlds([0]);
}

#[test]
fn a_worker_gives_its_place_to_a_company_that_waits_longer() {
    let group = Group::added(2, &["pennylane.max_workers = 1", "pennylane.sync_interval = 3600"]);
    call(&mut group.scene.connect(), "sync_full()");
    group.scene.cluster.configure(&["pennylane.worker = on"]);
    let ask = |mode: &str, number| format!("SELECT pennylane.request_sync('{mode}', 'products', {});", company(number));
    group.scene.execute(&format!("BEGIN; {}{}{}COMMIT", ask("full", 0), ask("full", 1), ask("incremental", 0)));
    wait_until("all are done", || group.runs(0, "ok") + group.runs(1, "ok") == 5);
    let order = "SELECT string_agg(concat(company_id, ' ', mode), ', ' ORDER BY started_at, run_id) \
                 FROM pennylane.sync_runs WHERE trigger = 'request'";
    let expected = format!("{0} full, {1} full, {0} incremental", company(0), company(1));
    assert_eq!(group.scene.value(order).unwrap(), expected);
}

#[test]
fn a_company_that_is_removed_while_pennylane_is_asked_whose_token_it_is_gets_no_row() {
    let group = Group::added(2, &["pennylane.request_timeout = 60"]);
    call(&mut group.scene.connect(), "sync_full()");
    let asked = group.api(0).requests().len();
    group.api(0).fault(Fault::always("GET /me", FaultKind::Delay { ms: 3000 }));
    std::thread::scope(|threads| {
        let mut session = group.scene.connect();
        let run = format!("SELECT pennylane.sync_full('customers', {})", company(0));
        let running = threads.spawn(move || session.batch_execute(&run));
        wait_until("it asks", || group.api(0).requests()[asked..].iter().any(|request| request.path == "/me"));
        group.scene.value(&format!("SELECT pennylane.remove_company({}, keep_data => false)", company(0)));
        assert_eq!(sqlstate(&running.join().unwrap().unwrap_err()), "22023");
    });
    assert_eq!(group.rows(0), 0);
    group.equal_worlds([1]);
}
