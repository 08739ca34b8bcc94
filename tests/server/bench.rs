//! `make bench`: speed and memory, as ratios of things measured in the same run. Not part of `make test`.

use crate::scene::{Scene, TOKEN, value};
use fake_pennylane::{Config, FakePennylane, Fault, FaultKind, Size};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long this takes, in seconds. What was done before is on the disk by then: no measurement pays for another one.
fn time<T>(work: impl FnOnce() -> T) -> (T, f64) {
    assert!(std::process::Command::new("sync").status().unwrap().success());
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}

/// The most private memory that a process has had while `work` ran, in MB.
fn peak_private_memory<T: Send>(pid: &str, work: impl FnOnce() -> T + Send) -> (T, f64) {
    let status = format!("/proc/{pid}/status");
    let private = || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let sampler = threads.spawn(|| {
            let mut peak: f64 = 0.0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(private());
                std::thread::sleep(Duration::from_millis(50));
            }
            peak
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        (done, sampler.join().unwrap())
    })
}

/// Settings with which the server counts the time of every statement, those inside functions too.
const COUNTED: [&str; 3] = [
    "shared_preload_libraries = 'penny_pg, pg_stat_statements'",
    "pg_stat_statements.track = all",
    "pennylane.request_timeout = 30",
];

/// What reading back took since the last call: seconds, how often it was done, and its text.
fn read_back(client: &mut postgres::Client) -> (f64, i64, Option<String>) {
    let query = "SELECT coalesce(sum(total_exec_time), 0) / 1000, coalesce(sum(calls), 0)::bigint, max(query) FROM pg_stat_statements \
                 WHERE query LIKE 'SELECT pg_catalog.array_agg(t.%hash_record_extended%'";
    let row = client.query_one(query, &[]).unwrap();
    client.batch_execute("SELECT pg_stat_statements_reset()").unwrap();
    (row.get(0), row.get(1), row.get(2))
}

/// The share of a load that its check took: reading back, and the digests of what was to be written. Those are made inside
/// the statement that writes; here the same are made again of all that is stored. Handing them over is not counted.
fn share_of_check(client: &mut postgres::Client, table: &str, load_seconds: f64) -> f64 {
    let (seconds, calls, text) = read_back(client);
    assert!(calls > 0, "nothing was read back");
    let text = text.unwrap();
    let (_, values) = text.split_once("hash_record_extended(ROW(").unwrap();
    let (values, _) = values.split_once("), $").unwrap();
    // Where the statement has a 0, its text that is kept has a parameter.
    let mut parts = values.split('$');
    let first = parts.next().unwrap_or_default().to_owned();
    let values = parts.fold(first, |values, part| values + "0" + part.trim_start_matches(|c: char| c.is_ascii_digit()));
    let digests = format!("SELECT count(hash_record_extended(ROW({values}), 0)) FROM pennylane.{table} t");
    client.batch_execute("SET max_parallel_workers_per_gather = 0; SET jit = off").unwrap();
    let (_, digest_seconds) = time(|| value(client, &digests));
    (seconds + digest_seconds) / load_seconds
}

#[test]
#[ignore = "a measurement: make bench"]
fn bench_full_load_against_copy() {
    let lines: usize = std::env::var("BENCH_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let config = Config { size: Size::with_lines(lines), token: TOKEN.into(), prepared: true, ..Config::default() };
    let scene = Scene::around(FakePennylane::start(config), &COUNTED);
    let mut client = scene.connect();
    client.batch_execute("SELECT pennylane.setup(); CREATE EXTENSION pg_stat_statements").unwrap();
    let pid = value(&mut client, "SELECT pg_backend_pid()").unwrap();
    let load = |client: &mut postgres::Client| {
        let ((done, seconds), peak) =
            peak_private_memory(&pid, || time(|| crate::scene::sync(client, "sync_full('ledger_entry_lines')")));
        let done = done["ledger_entry_lines"].clone();
        assert_eq!(done.status, "ok");
        (done, seconds, peak)
    };
    let (first, load_seconds, load_peak) = load(&mut client);
    let check = share_of_check(&mut client, "ledger_entry_lines", load_seconds);
    let (again, again_seconds, again_peak) = load(&mut client);
    assert_eq!((again.inserted, again.updated, again.unchanged), (0, 0, first.inserted));
    assert_eq!(read_back(&mut client).1, 0, "a load without a change writes nothing that needs a check");
    let file = scene.cluster.file("lines.copy");
    client
        .batch_execute(&format!(
            "COPY pennylane.ledger_entry_lines TO '{0}'; CREATE TABLE public.copied (LIKE pennylane.ledger_entry_lines INCLUDING ALL)",
            file.display()
        ))
        .unwrap();
    let ((), copy_seconds) =
        time(|| client.batch_execute(&format!("COPY public.copied FROM '{}'", file.display())).unwrap());
    let rows = first.inserted as f64;
    println!("\nFull load of {} ledger entry lines, no limit, no latency", first.inserted);
    println!("  COPY of the same rows into the same table   {:>9.0} rows/s", rows / copy_seconds);
    println!(
        "  first load                                  {:>9.0} rows/s   {:.2} of COPY (at least 0.20)",
        rows / load_seconds,
        copy_seconds / load_seconds
    );
    println!("  the check of what it wrote, of its time     {check:>9.3} (under 0.15)");
    println!(
        "  load without a change                       {:>9.0} rows/s   {:.2} of COPY",
        rows / again_seconds,
        copy_seconds / again_seconds
    );
    println!(
        "  peak private memory of the backend          {load_peak:>9.0} MB first, {again_peak:.0} MB again (under 200)"
    );
    assert!(copy_seconds / load_seconds >= 0.20 && load_peak.max(again_peak) < 200.0);
    assert!(check < 0.15);
}

/// A FEC of this many lines for 2025, two lines an entry.
fn fec(lines: usize) -> String {
    let mut text =
        "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\t\
                    PieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise\r\n"
            .to_owned();
    for line in 0..lines {
        let entry = line / 2 + 1;
        let day = format!("2025{:02}{:02}", (entry - 1) * 24 / (lines + 1) + 1, entry % 28 + 1);
        let amount = format!("{},{:02}", entry % 100_000, entry % 100);
        let (account, label, auxiliary, debit, credit) = match line % 2 {
            0 => (
                "411000",
                "Clients",
                format!("411C{:05}\tClient n° {}", entry % 5000, entry % 5000),
                amount.as_str(),
                "0,00",
            ),
            _ => ("707000", "Ventes de marchandises", "\t".to_owned(), "0,00", amount.as_str()),
        };
        text += &format!(
            "VE\tVentes\t{entry}\t{day}\t{account}\t{label}\t{auxiliary}\tF{entry:07}\t{day}\tFacture n° {entry} à échéance\t{debit}\t{credit}\t\t\t{day}\t\t\r\n"
        );
    }
    text
}

#[test]
#[ignore = "a measurement: make bench"]
fn bench_fec_against_copy() {
    let lines: usize = std::env::var("BENCH_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let config = Config { size: Size::tiny(), token: TOKEN.into(), gzip: false, ..Config::default() };
    let scene = Scene::around(FakePennylane::start(config), &COUNTED);
    let file = FaultKind::Status { status: 200, headers: vec![], body: fec(lines) };
    scene.api.fault(Fault::always("file=exports", file));
    let mut client = scene.connect();
    client.batch_execute("SELECT pennylane.setup(); CREATE EXTENSION pg_stat_statements").unwrap();
    let pid = value(&mut client, "SELECT pg_backend_pid()").unwrap();
    let load = |client: &mut postgres::Client| {
        let call = "export_fec('2025-01-01', '2025-12-31')";
        let ((done, seconds), peak) = peak_private_memory(&pid, || time(|| crate::scene::sync(client, call)));
        let done = done["fec"].clone();
        assert_eq!(done.status, "ok");
        (done, seconds, peak)
    };
    let (first, load_seconds, load_peak) = load(&mut client);
    assert_eq!(first.inserted, lines as i64);
    let check = share_of_check(&mut client, "fec", load_seconds);
    let (again, again_seconds, again_peak) = load(&mut client);
    assert_eq!((again.inserted, again.updated, again.unchanged), (0, 0, lines as i64));
    let file = scene.cluster.file("fec.copy");
    client
        .batch_execute(&format!(
            "COPY pennylane.fec TO '{0}'; CREATE TABLE public.copied (LIKE pennylane.fec INCLUDING ALL)",
            file.display()
        ))
        .unwrap();
    let ((), copy_seconds) =
        time(|| client.batch_execute(&format!("COPY public.copied FROM '{}'", file.display())).unwrap());
    let ((), anomalies) = time(|| {
        let found = value(
            &mut client,
            "SELECT count(*) FROM pennylane.fec_anomalies('2025-01-01', '2025-12-31') WHERE severity = 'error'",
        );
        assert_eq!(found.as_deref(), Some("0"));
    });
    let (text, out) =
        time(|| value(&mut client, "SELECT count(*) FROM pennylane.fec_file('2025-01-01', '2025-12-31')"));
    assert_eq!(text.unwrap(), (lines + 1).to_string());
    let rows = lines as f64;
    println!("\nFEC of {lines} lines, download included, no latency");
    println!("  COPY of the same rows into the same table   {:>9.0} rows/s", rows / copy_seconds);
    println!(
        "  first export                                {:>9.0} rows/s   {:.2} of COPY (at least 0.50)",
        rows / load_seconds,
        copy_seconds / load_seconds
    );
    println!("  the check of what it wrote, of its time     {check:>9.3} (under 0.20)");
    println!(
        "  export of the same content again            {:>9.0} rows/s   {:.2} of COPY",
        rows / again_seconds,
        copy_seconds / again_seconds
    );
    println!(
        "  peak private memory of the backend          {load_peak:>9.0} MB first, {again_peak:.0} MB again (under 200)"
    );
    println!("  fec_anomalies() {anomalies:.1} s, fec_file() {out:.1} s");
    assert!(copy_seconds / load_seconds >= 0.50 && load_peak.max(again_peak) < 200.0);
    // A line of a file is written in half the time of a record of a list, and takes as long to check.
    assert!(check < 0.20);
}

#[test]
#[ignore = "a measurement: make bench"]
fn bench_pace() {
    let config = Config {
        size: Size::small(),
        token: TOKEN.into(),
        rate_limit: true,
        latency: Duration::from_millis(200),
        ..Config::default()
    };
    let scene =
        Scene::around(FakePennylane::start(config), &["pennylane.rate_limit = 4.5", "pennylane.request_timeout = 30"]);
    let (_, seconds) = time(|| scene.sync("sync_full()"));
    let requests = scene.api.requests();
    let refused = requests.iter().filter(|request| request.status == 429).count();
    let ideal = requests.len() as f64 / 4.5;
    println!("\nFull load under the limit, 200 ms of latency");
    println!(
        "  {} requests in {seconds:.1} s, {:.3} of requests / pace (at most 1.10), {refused} refused (0)",
        requests.len(),
        seconds / ideal
    );
    assert!(seconds / ideal <= 1.10 && refused == 0);
}

#[test]
#[ignore = "a measurement: make bench"]
fn bench_large_changelog() {
    let size = Size { products: 200_000, ..Size::tiny() };
    let config = Config { size, token: TOKEN.into(), ..Config::default() };
    let scene = Scene::around(FakePennylane::start(config), &["pennylane.request_timeout = 30"]);
    let mut client = scene.connect();
    let pid = value(&mut client, "SELECT pg_backend_pid()").unwrap();
    crate::scene::sync(&mut client, "sync_full('products')");
    let mut bring = |what: &str, change: &dyn Fn(&mut fake_pennylane::World, i64)| {
        scene.api.world(|world| world.ids("products").into_iter().take(100_000).for_each(|id| change(world, id)));
        let ((done, seconds), peak) =
            peak_private_memory(&pid, || time(|| crate::scene::sync(&mut client, "sync_incremental('products')")));
        let done = &done["products"];
        assert_eq!(done.status, "ok");
        println!(
            "  {what}: {} updated, {} deleted with {} requests in {seconds:.1} s, peak private memory {peak:.0} MB",
            done.updated, done.deleted, done.requests
        );
    };
    println!("\nLarge changelogs");
    bring("100,000 updated records", &|world, id| {
        world.update("products", id, |product| {
            product.insert("label".into(), "changed".into());
        });
    });
    bring("100,000 deleted records", &|world, id| {
        world.delete("products", id);
    });
}

/// How long a statement takes, in seconds: the middle one of three.
fn middle_of_three(mut work: impl FnMut() -> f64) -> f64 {
    let mut seconds = [work(), work(), work()];
    seconds.sort_by(f64::total_cmp);
    seconds[1]
}

#[test]
#[ignore = "a measurement: make bench"]
fn bench_views() {
    let lines: usize = std::env::var("BENCH_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    // A tenth of the lines are invoices, and a tenth what pays them.
    let (customers, suppliers) = (lines / 500, lines / 1000);
    let (customer_invoices, supplier_invoices, transactions) = (lines / 20, lines / 20, lines / 10);
    let size =
        Size { customers, suppliers, customer_invoices, supplier_invoices, transactions, ..Size::with_lines(lines) };
    let config = Config { size, token: TOKEN.into(), ..Config::default() };
    let scene = Scene::around(FakePennylane::start(config), &["pennylane.request_timeout = 60"]);
    let mut client = scene.connect();
    client.batch_execute("SELECT pennylane.setup()").unwrap();
    // All but the FEC, which has a measurement of its own.
    let tables = "SELECT t FROM pennylane._data_tables() AS t WHERE t <> 'fec'";
    for table in client.query(tables, &[]).unwrap().iter().map(|row| row.get::<_, String>(0)) {
        crate::scene::sync(&mut client, &format!("sync_full('{table}')"));
    }
    client.batch_execute("VACUUM ANALYZE").unwrap();
    let views = "SELECT v.name, count(*), string_agg(format('sum(%I)', a.attname), ', ') \
                        FILTER (WHERE a.atttypid = 'numeric'::regtype) \
                 FROM pennylane._views() WITH ORDINALITY AS v (name, place) \
                 JOIN pg_attribute a ON a.attrelid = ('pennylane.' || v.name)::regclass AND a.attnum > 0 \
                 WHERE v.name NOT LIKE '\\_%' AND v.name NOT IN ('pcg_mapping', 'fec_legal') GROUP BY v.name, v.place";
    let views = client.query(views, &[]).unwrap();
    assert!(views.len() >= 24);
    let mut measured = Vec::new();
    for view in views {
        let (name, sums): (String, Option<String>) = (view.get(0), view.get(2));
        // What a report asks: all rows, all amounts.
        let sums = sums.map_or("count(*)".to_owned(), |sums| format!("count(*), {sums}"));
        let question = format!("SELECT {sums} FROM pennylane.{name}");
        let mut rows = None;
        let answer = middle_of_three(|| {
            let start = Instant::now();
            rows = value(&mut client, &question);
            start.elapsed().as_secs_f64()
        });
        // What an import reads: every column of every row, made by the server and not sent.
        let whole = middle_of_three(|| {
            let start = Instant::now();
            value(&mut client, &format!("EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM pennylane.{name}"));
            start.elapsed().as_secs_f64()
        });
        measured.push((answer, whole, name, rows.unwrap_or_default()));
    }
    measured.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("\nViews over {lines} ledger lines: sums of all amounts (at most 2 s), and every column of every row");
    for (answer, whole, name, rows) in &measured {
        println!("  {name:<30} {answer:>6.2} s {whole:>6.2} s  {rows:>9} rows");
    }
    let slowest = &measured[0];
    assert!(slowest.0 <= 2.0, "{} takes {:.2} s", slowest.2, slowest.0);
}
