//! The background worker over time: killed at any moment, cut off from the network, through the nights in which the clocks
//! change, and idle for long.

use crate::cluster::{Cluster, wait_until};
use crate::compare::tables_equal_world;
use crate::scene::{SCHEDULER, Scene, WORKER};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use fake_pennylane::{Fault, FaultKind, Size};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::process::Command;
use std::time::{Duration, Instant};

fn kill(signal: &str, pid: &str) {
    // It may have ended by itself meanwhile.
    let _ = Command::new("kill").args([signal, pid]).status();
}

fn count(scene: &Scene, runs: &str) -> i64 {
    let query = format!("SELECT count(*) FROM pennylane.sync_runs WHERE {runs}");
    scene.cluster.try_value(&query).and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Waits for a run over all tables that starts from here on and ends well.
fn wait_for_a_good_run(scene: &Scene, mode: &str) {
    let last = "SELECT coalesce(max(run_id), 0) FROM pennylane.sync_runs";
    let mut before = None;
    wait_until("the server answers", || {
        before = scene.cluster.try_value(last);
        before.is_some()
    });
    let good = format!("run_id > {} AND mode = '{mode}' AND target IS NULL AND status = 'ok'", before.unwrap());
    wait_until("a run ends well", || count(scene, &good) > 0);
}

#[test]
fn fifty_kills_at_random_moments_lose_nothing() {
    let seed = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    eprintln!("KILLS_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let lines = Size { ledger_entry_lines: 2000, ..Size::tiny() };
    let settings = ["pennylane.worker = on", "pennylane.sync_interval = 1", "pennylane.rate_limit = 200"];
    let scene = Scene::on(Cluster::start_with_clock, Scene::api(lines), &settings);
    let mut clock = Utc::now();
    let mut half_an_hour_later = || {
        clock += TimeDelta::minutes(31);
        scene.cluster.move_clock(clock);
        wait_until("the server answers", || scene.cluster.try_value("SELECT pg_reload_conf()").is_some());
    };
    let (mut in_first_load, mut kills) = (0, [0; 3]);
    for _ in 0..50 {
        // From the second crash in a row on, the worker waits before it tries again, half an hour at most.
        half_an_hour_later();
        // So many answers later, or so much later when nothing is asked.
        let (asked, answers) = (scene.api.requests().len(), rng.random_range(0..60));
        let (start, longest) = (Instant::now(), Duration::from_millis(rng.random_range(0..1500)));
        while scene.api.requests().len() < asked + answers && start.elapsed() < longest {
            std::thread::sleep(Duration::from_millis(1));
        }
        let how = rng.random_range(0..3);
        kills[how] += 1;
        match how {
            0 => {
                if let Some(pid) = scene.cluster.try_value(WORKER).or_else(|| scene.cluster.try_value(SCHEDULER)) {
                    kill("-9", &pid);
                }
            }
            1 => {
                kill("-9", &scene.cluster.postmaster());
                wait_until("the server starts", || scene.cluster.try_start_again());
            }
            _ => {
                scene.cluster.stop("fast");
                scene.cluster.start_again();
            }
        }
        // The first full load is killed often; then the world turns on.
        let loaded = "SELECT count(*) FROM pennylane.sync_runs WHERE mode = 'full' AND status = 'ok'";
        let mut done = None;
        wait_until("the server answers", || {
            done = scene.cluster.try_value(loaded);
            done.is_some()
        });
        if done.as_deref() == Some("0") {
            in_first_load += 1;
        } else {
            scene.api.world(|world| (0..rng.random_range(0..4)).for_each(|_| world.random_change(&mut rng)));
        }
    }
    eprintln!("kills of worker, postmaster, and fast stops: {kills:?}; {in_first_load} of them in the first load");
    // What was cut off last is closed before the clock moves, or the wait after a crash would count from then.
    let running = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'running'";
    wait_until("nothing is left open", || scene.cluster.try_value(running).as_deref() == Some("0"));
    half_an_hour_later();
    wait_for_a_good_run(&scene, "incremental");
    // A change of an entry that touches none of its lines is what only a full run brings.
    let run = scene.value("SELECT pennylane.request_sync('full')").unwrap();
    wait_until("it is done", || count(&scene, &format!("run_id = {run} AND status = 'ok'")) == 1);
    scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || scene.value(SCHEDULER).is_none() && scene.value(WORKER).is_none());
    tables_equal_world(&scene);
    assert_eq!(count(&scene, "status IN ('running', 'queued')"), 0);
    assert!(kills.iter().all(|kills| *kills > 0), "every kind of end was tried: {kills:?}");
}

#[test]
fn an_outage_longer_than_the_patience_is_recovered_without_a_hand() {
    let settings = ["pennylane.sync_interval = 1", "pennylane.retry_for = 1"];
    let lines = Size { ledger_entry_lines: 1500, ..Size::tiny() };
    let scene = Scene::on(Cluster::start_with_clock, Scene::api(lines), &settings);
    let mut clock = Utc::now();
    let mut later = |time: TimeDelta| {
        clock += time;
        scene.cluster.move_clock(clock);
        // It sleeps until the next run by the clock that it knew.
        scene.cluster.try_value("SELECT pg_reload_conf()");
    };
    // In the middle of the first load the network goes: no table is whole, none is lost.
    scene.api.fault(Fault {
        path: "GET /ledger_entry_lines?".into(),
        skip: 8,
        times: u32::MAX,
        kind: FaultKind::Reset,
    });
    scene.cluster.configure(&["pennylane.worker = on"]);
    let lines = "SELECT status || ' ' || (SELECT count(*) FROM pennylane.ledger_entry_lines) FROM pennylane.sync_state \
                 WHERE table_name = 'ledger_entry_lines'";
    wait_until("the lines fail and keep what they have", || {
        scene.cluster.try_value(lines).as_deref() == Some("error 800")
    });
    scene.api.clear_faults();
    let asked = |path: &str| scene.api.requests().iter().filter(|request| request.path == path).count();
    let before = asked("/ledger_entry_lines");
    wait_for_a_good_run(&scene, "incremental");
    tables_equal_world(&scene);
    let total = scene.api.world(|world| world.count("ledger_entry_lines")).div_ceil(100);
    let read = asked("/ledger_entry_lines") - before;
    assert!(read <= total - 8 + 2, "the load went on where it was: {read} pages of {total}");

    // The API is down when the night's run is due, for longer than anybody waits.
    scene.api.fault(Fault::always("", FaultKind::Reset));
    scene.api.world(|world| {
        let id = world.ids("customers")[0];
        world.update_silently("customers", id, |customer| {
            customer.insert("name".into(), serde_json::json!("Renommé sans bruit"));
        });
    });
    later(TimeDelta::hours(30));
    wait_until("the night's run fails", || count(&scene, "mode = 'full' AND status = 'error'") > 0);
    later(TimeDelta::hours(1));
    wait_until("and again", || count(&scene, "mode = 'full' AND status = 'error'") > 1);
    scene.api.clear_faults();
    let before = count(&scene, "mode = 'full' AND status = 'ok'");
    later(TimeDelta::hours(1));
    wait_until("the night's run is made up for", || count(&scene, "mode = 'full' AND status = 'ok'") == before + 1);
    // Only a full run sees what no changelog tells.
    tables_equal_world(&scene);
    wait_for_a_good_run(&scene, "incremental");
    assert_eq!(count(&scene, "mode = 'full' AND status = 'ok'"), before + 1, "once is enough");
    // The API's clock was left behind: only the states count here.
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_state WHERE status = 'ok'").unwrap(), "13");
}

#[test]
fn both_nights_in_which_the_clocks_change_have_one_full_run() {
    let settings = ["pennylane.worker = off", "pennylane.sync_interval = 3500"];
    let scene = Scene::on(Cluster::start_with_clock, Scene::api(Size::tiny()), &settings);
    let evening = |day: &str| day.parse::<NaiveDate>().unwrap().and_time(NaiveTime::from_hms_opt(18, 0, 0).unwrap());
    for (day, expected) in [("2026-03-28", "2026-03-29 03:00:00+02"), ("2026-10-24", "2026-10-25 03:00:00+01")] {
        let mut now: DateTime<Utc> = evening(day).and_utc();
        let end = now.checked_add_days(Days::new(1)).unwrap();
        scene.cluster.move_clock(now);
        scene.cluster.configure(&["pennylane.worker = on"]);
        // The first run of all, and the one that makes up for a summer, are full too.
        let settled = "SELECT (SELECT count(*) FROM pennylane.sync_runs WHERE status = 'running') = 0 \
                       AND least(next_incremental_at, next_full_at) > clock_timestamp() AND worker_pid IS NOT NULL \
                       FROM pennylane.schedule";
        let settle = || wait_until("what is due is done", || scene.value(settled).as_deref() == Some("t"));
        settle();
        // One second past each half hour.
        now += TimeDelta::seconds(1);
        while now < end {
            scene.cluster.move_clock(now);
            scene.value("SELECT pg_reload_conf()");
            settle();
            now += TimeDelta::minutes(30);
        }
        let full = format!(
            "SELECT string_agg(date_trunc('minute', started_at) || '', ', ') FROM pennylane.sync_runs \
             WHERE mode = 'full' AND started_at BETWEEN '{day} 18:10+00' AND '{end}'"
        );
        assert_eq!(scene.value(&full).unwrap(), expected);
        let other = format!(
            "SELECT count(*) FROM pennylane.sync_runs WHERE mode = 'incremental' AND status = 'ok' \
             AND started_at BETWEEN '{day} 18:10+00' AND '{end}'"
        );
        // One an hour from 19:00 to 17:00, and the full run in the place of one.
        assert_eq!(scene.value(&other).unwrap(), "22");
        scene.cluster.configure(&["pennylane.worker = off"]);
        wait_until("it is gone", || scene.value(SCHEDULER).is_none() && scene.value(WORKER).is_none());
    }
}

/// A figure that the kernel tells of a process in `/proc/PID/status`.
fn status(pid: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} of {pid}"));
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

/// Nanoseconds that a process spent on a processor.
fn processor_time(pid: &str) -> u64 {
    let schedule = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    schedule.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_thousand_cycles_take_no_more_memory_and_an_idle_worker_no_time() {
    let scene = Scene::at_work(
        Size::tiny(),
        &["pennylane.sync_interval = 604800", "log_statement = none", "log_min_messages = warning"],
    );
    wait_until("the first run is done", || count(&scene, "status = 'ok'") == 1);
    scene.value("SELECT count(pennylane.request_sync()) FROM generate_series(1, 2050)");
    // The same process does them all, and is still there when it is looked at.
    let size = |cycles: i64| {
        let all = Duration::from_secs(480);
        crate::cluster::wait_up_to(all, "the cycles are done", || count(&scene, "status = 'ok'") >= cycles);
        let pid = scene.value(WORKER).expect("it has work left");
        // Without shared buffers, of which a process maps more the more it has seen.
        (pid.clone(), status(&pid, "RssAnon"))
    };
    // A leak grows in each part of these cycles. What the allocator keeps for its threads grows now and then, and ends.
    let sizes = [500, 1000, 1500, 2000].map(size);
    eprintln!("process and private memory after each 500 cycles: {sizes:?} kB");
    assert!(sizes.iter().all(|(pid, _)| *pid == sizes[0].0), "one process did them all");
    let least = sizes[1..].windows(2).map(|pair| pair[1].1.saturating_sub(pair[0].1)).min();
    assert!(least < Some(512), "{sizes:?} kB");
    wait_until("it has ended", || scene.value(WORKER).is_none());
    let pid = scene.value(SCHEDULER).unwrap();
    assert!(status(&pid, "RssAnon") < 16 * 1024, "the scheduler holds little: {} kB", status(&pid, "RssAnon"));

    // It wakes at least every ten minutes: six times an hour. The settings are read again at each of these wake-ups too.
    let launcher = scene.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'penny_pg launcher'").unwrap();
    const SLEEPS: &str = "voluntary_ctxt_switches";
    for pid in [&pid, &launcher] {
        let mut each: Vec<u64> = Vec::new();
        for _ in 0..21 {
            let (before, slept) = (processor_time(pid), status(pid, SLEEPS));
            kill("-HUP", pid);
            wait_until("it has looked and sleeps again", || status(pid, SLEEPS) > slept);
            each.push(processor_time(pid) - before);
        }
        each.sort_unstable();
        let each = each[10];
        eprintln!("a wake-up takes {} microseconds", each / 1000);
        assert!(each * 6 < 100_000_000, "six wake-ups an hour take {} ms", each * 6 / 1_000_000);
    }
}

#[test]
fn a_clock_that_was_far_ahead_and_is_set_right_stops_nothing() {
    let settings = ["pennylane.worker = on", "pennylane.sync_interval = 3600"];
    let scene = Scene::on(Cluster::start_with_clock, Scene::api(Size::tiny()), &settings);
    wait_until("the first run is done", || count(&scene, "status = 'ok'") == 1);
    let now = Utc::now();
    scene.cluster.move_clock(now + TimeDelta::days(30));
    scene.value("SELECT pg_reload_conf()");
    wait_until("a run of the future is done", || {
        count(&scene, "status = 'ok' AND started_at > now() - interval '1 day'") == 1
    });
    scene.cluster.move_clock(now + TimeDelta::hours(2));
    scene.value("SELECT pg_reload_conf()");
    wait_until("the runs go on", || {
        count(&scene, "status = 'ok' AND started_at BETWEEN now() - interval '1 hour' AND now()") == 1
    });
}
