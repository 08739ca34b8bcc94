//! The FEC and the analytical ledger: every form of a file, no row lost or doubled, whatever goes wrong.

use crate::scene::{Scene, sqlstate, value, words};
use fake_pennylane::{Encoding, Fault, FaultKind, FecContainer, FecFormat, Separator};
use postgres::NoTls;
use serde_json::json;
use std::time::{Duration, Instant};

/// A call for the fiscal year 2025.
const YEAR: &str = "export_fec('2025-01-01', '2025-12-31')";
/// The rows of the FEC without the time at which they were written, as one text. What ISO 8859-15 cannot write is `?`.
const ROWS: &str = "SELECT md5(string_agg(regexp_replace(row(f.*)::text, '[^\\u0001-\\u00ff€ŠšŽžŒœŸ]|[¤¦¨´¸¼½¾]', '?', 'g'), E'\\n' ORDER BY line_no)) FROM (SELECT line_no, journal_code, journal_lib, \
     ecriture_num, ecriture_date, compte_num, compte_lib, comp_aux_num, comp_aux_lib, piece_ref, piece_date, ecriture_lib, \
     debit, credit, ecriture_let, date_let, valid_date, montant_devise, idevise FROM pennylane.fec) AS f";
/// Which versions of its rows the table holds.
const VERSIONS: &str = "SELECT md5(string_agg(line_no || ':' || xmin || ':' || ctid || ':' || _synced_at, ',' ORDER BY period_start, line_no)) \
     FROM pennylane.fec";

fn fec_format(scene: &Scene, format: FecFormat) {
    scene.api.set_config(|config| config.exports.fec = format);
}

/// Lines of a table, by a condition.
fn count(scene: &Scene, from: &str) -> i64 {
    scene.value(&format!("SELECT count(*) FROM pennylane.{from}")).unwrap().parse().unwrap()
}

/// The paths that exports were asked for at, in order.
fn asked(scene: &Scene) -> Vec<String> {
    let requests = scene.api.requests();
    requests.iter().filter(|request| request.method == "POST").map(|request| request.path.clone()).collect()
}

/// The next files of this kind are this text.
fn serve(scene: &Scene, kind: &str, text: String) {
    let kind_of_fault = FaultKind::Status { status: 200, headers: vec![], body: text };
    scene.api.fault(Fault::always(format!("file=exports/{kind}"), kind_of_fault));
}

fn file(scene: &Scene) -> String {
    let lines = scene.connect().query("SELECT pennylane.fec_file('2025-01-01', '2025-12-31')", &[]).unwrap();
    lines.iter().map(|row| row.get::<_, String>(0) + "\n").collect()
}

#[test]
fn every_form_of_a_fec_loads_to_the_same_rows() {
    let scene = Scene::new();
    let done = scene.sync(YEAR)["fec"].clone();
    let lines = scene.api.world(|world| {
        world
            .list("ledger_entry_lines")
            .iter()
            .filter(|line| line["date"].as_str().unwrap().starts_with("2025"))
            .count()
    });
    assert_eq!((done.status.as_str(), done.inserted, done.updated), ("ok", lines as i64, 0));
    let (rows, versions) = (scene.value(ROWS), scene.value(VERSIONS));
    let base = FecFormat::default;
    for format in [
        FecFormat { separator: Separator::Pipe, ..base() },
        FecFormat { separator: Separator::Semicolon, crlf: false, ..base() },
        FecFormat { bom: true, decimal_point: true, ..base() },
        FecFormat { montant_sens: true, ..base() },
        FecFormat { montant_sens: true, signed_sens: true, lower_case_header: true, ..base() },
        FecFormat { container: FecContainer::Zip, ..base() },
        FecFormat { container: FecContainer::Xlsx, ..base() },
    ] {
        fec_format(&scene, format.clone());
        let done = &scene.sync(YEAR)["fec"];
        assert_eq!(
            (done.status.as_str(), done.inserted, done.updated, done.deleted),
            ("ok", 0, 0, 0),
            "{format:?} {done:?}"
        );
        assert_eq!(scene.value(ROWS), rows, "{format:?}");
        assert_eq!(scene.value(VERSIONS), versions, "{format:?}: the same content in other bytes writes nothing");
    }
    for container in [FecContainer::Text, FecContainer::Zip] {
        fec_format(&scene, FecFormat { container, encoding: Encoding::Latin9, ..base() });
        assert_eq!(scene.sync(YEAR)["fec"].status, "ok");
        assert_eq!(scene.value(ROWS), rows, "{container:?} in ISO 8859-15");
    }
    assert_eq!(count(&scene, "exports WHERE kind = 'fec' AND rows > 0"), 10, "every export taken is in the register");
    let files = "SELECT count(DISTINCT sha256) FROM pennylane.exports WHERE sha256 ~ '^[0-9a-f]{64}$'";
    assert_eq!(scene.value(files).unwrap(), "10");
}

#[test]
fn a_fec_goes_out_as_text_and_comes_back_identical() {
    let scene = Scene::new();
    scene.sync(YEAR);
    let (text, rows, versions) = (file(&scene), scene.value(ROWS), scene.value(VERSIONS));
    assert!(text.starts_with("JournalCode\tJournalLib\tEcritureNum\t"), "{text}");
    serve(&scene, "fecs", text.clone());
    let done = &scene.sync(YEAR)["fec"];
    assert_eq!((done.inserted, done.updated, done.deleted), (0, 0, 0), "{done:?}");
    assert_eq!((scene.value(ROWS), scene.value(VERSIONS)), (rows, versions.clone()));
    scene.execute("DELETE FROM pennylane.fec");
    scene.sync(YEAR);
    assert_eq!(file(&scene), text);
    assert_ne!(scene.value(VERSIONS), versions);
}

#[test]
fn debit_equals_credit_and_both_equal_the_ledger() {
    let scene = Scene::synced();
    let unbalanced = "SELECT count(*) FROM (SELECT FROM pennylane.fec GROUP BY period_start, journal_code, ecriture_num \
                      HAVING sum(debit) <> sum(credit)) AS u";
    assert_eq!(scene.value(unbalanced).unwrap(), "0");
    for table in ["fec", "analytical_ledger"] {
        let equal = format!(
            "SELECT count(*) || ' ' || coalesce(bool_and(e.debit = e.credit AND e.debit = l.debit AND e.credit = l.credit), false) FROM \
             (SELECT period_start, period_end, sum(debit) AS debit, sum(credit) AS credit FROM pennylane.{table} GROUP BY 1, 2) AS e \
             CROSS JOIN LATERAL (SELECT sum(debit) AS debit, sum(credit) AS credit FROM pennylane.ledger_entry_lines \
                                 WHERE date BETWEEN e.period_start AND e.period_end) AS l"
        );
        let years = scene.api.world(|world| world.count("fiscal_years"));
        assert_eq!(scene.value(&equal).unwrap(), format!("{years} true"), "{table}");
        let register = format!(
            "SELECT bool_and(x.rows = (SELECT count(*) FROM pennylane.{table} t WHERE t.period_start = x.period_start) AND x.debit = x.credit \
             AND fiscal_year) FROM pennylane.exports x WHERE kind = '{table}'"
        );
        assert_eq!(scene.value(&register).unwrap(), "t", "{table}");
    }
    assert_eq!(scene.value("SELECT string_agg(rule || ': ' || detail, '; ') FROM pennylane.fec_anomalies()"), None);
}

#[test]
fn the_analytical_ledger_is_typed_and_complete() {
    let scene = Scene::synced();
    let filled = "SELECT concat_ws(' ', count(*) = count(date), count(*) = count(account_number), count(*) = count(debit), count(category) > 0, \
                  count(analytical_code) > 0, count(extra) = 0, \
                  bool_and(weight IS NULL OR weight BETWEEN 0 AND 1)) FROM pennylane.analytical_ledger";
    assert_eq!(scene.value(filled).unwrap(), "t t t t t t t");
    let header = "Account number;Libellé;\"Crédit\";DATE;Débit;Cost centre\n";
    serve(&scene, "analytical", format!("{header}606000;\"Papier; toner\";0,00;31/01/2025;1 234,50;Paris\n"));
    assert_eq!(scene.sync("export_analytical_ledger('2024-01-01', '2024-12-31')")["analytical_ledger"].status, "ok");
    let row = "SELECT concat_ws('|', account_number, label, debit, credit, date, extra) FROM pennylane.analytical_ledger \
               WHERE period_start = '2024-01-01'";
    assert_eq!(scene.value(row).unwrap(), "606000|Papier; toner|1234.50|0.00|2025-01-31|{\"cost_centre\": \"Paris\"}");
    let drift = "SELECT field || ' ' || adopt_with FROM pennylane.schema_drift WHERE table_name = 'analytical_ledger'";
    let drift = scene.value(drift).unwrap();
    assert!(drift.starts_with("cost_centre ALTER TABLE pennylane.analytical_ledger ADD COLUMN cost_centre"), "{drift}");
}

#[test]
fn thirteen_tables_are_synced_and_exports_are_asked_again_only_when_the_ledger_changed() {
    let scene = Scene::new();
    scene.cluster.configure(&["log_min_messages = notice"]);
    let done = scene.sync("sync_full()");
    assert_eq!(done.len(), 13);
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    assert!(scene.cluster.log().contains("[END] Succes: 13/13 | Erreurs: 0"));
    scene.api.clear_requests();
    let done = scene.sync("sync_incremental()");
    assert_eq!((done["fec"].status.as_str(), done["fec"].requests), ("skipped", 0));
    assert!(done["fec"].message.as_ref().unwrap().contains("no ledger line changed"), "{done:?}");
    assert_eq!(asked(&scene), Vec::<String>::new());
    assert_eq!(scene.cluster.log().matches("[END] Succes: 13/13 | Erreurs: 0").count(), 2);
    let state = "SELECT count(*) FROM pennylane.sync_state WHERE table_name IN ('fec', 'analytical_ledger') AND status = 'ok' AND row_count > 0";
    assert_eq!(scene.value(state).unwrap(), "2");

    let booked = chrono::NaiveDate::from_ymd_opt(2025, 6, 1).unwrap();
    scene.api.world(|world| world.book_entry(booked, "nouvelle", &[("606000", 100, 0), ("512000", 0, 100)]));
    let done = scene.sync("sync_incremental()");
    assert_eq!((done["fec"].status.as_str(), done["analytical_ledger"].status.as_str()), ("ok", "ok"));
    let mut once = asked(&scene);
    once.sort();
    assert_eq!(once, ["/exports/analytical_general_ledgers", "/exports/fecs"], "one fiscal year each");
    assert_eq!(count(&scene, "fec WHERE ecriture_lib = 'nouvelle' AND period_start = '2025-01-01'"), 2);
    let last = "SELECT mode || ' ' || status FROM pennylane.sync_runs ORDER BY run_id DESC LIMIT 1";
    assert_eq!(scene.value(last).unwrap(), "incremental ok");
    scene.api.clear_requests();
    scene.sync("sync_incremental()");
    assert_eq!(asked(&scene), Vec::<String>::new());

    scene.api.clear_requests();
    let open = scene.api.world(|world| {
        let years = world.list("fiscal_years");
        years.iter().filter(|year| year["status"] != "closed" && year["status"] != "frozen").count()
    });
    let done = scene.sync("export_fec()");
    assert_eq!(done.len(), 1, "one row a table: {done:?}");
    assert_eq!(asked(&scene).len(), open, "closed years that are held are not asked for");
    assert_eq!(done["fec"].inserted + done["fec"].updated, 0);
}

#[test]
fn a_period_that_partly_overlaps_a_held_one_is_refused() {
    let scene = Scene::new();
    scene.sync(YEAR);
    let versions = scene.value(VERSIONS);
    for (start, end) in [
        ("2024-07-01", "2025-06-30"),
        ("2025-03-01", "2025-03-31"),
        ("2024-01-01", "2026-12-31"),
        ("2025-12-31", "2026-01-01"),
    ] {
        let error = scene.error(&format!("export_fec('{start}', '{end}')"));
        assert_eq!(sqlstate(&error), "22023", "{}", words(&error));
        assert!(
            words(&error).contains("2025-01-01 to 2025-12-31") && words(&error).contains("DELETE FROM"),
            "{}",
            words(&error)
        );
    }
    assert_eq!(scene.sync("export_fec('2024-12-01', '2024-12-31')")["fec"].status, "ok", "beside it is no overlap");
    scene.execute("DELETE FROM pennylane.fec WHERE period_start = '2024-12-01'");
    assert_eq!(scene.value(VERSIONS), versions);
    for call in [
        "export_fec('2025-01-01')",
        "export_fec(NULL, '2025-01-01')",
        "export_fec('2025-12-31', '2025-01-01')",
        "export_fec('-infinity', 'infinity')",
    ] {
        assert_eq!(sqlstate(&scene.error(call)), "22023", "{call}");
    }
}

#[test]
fn a_fiscal_year_whose_days_were_changed_takes_the_place_of_what_was_held() {
    let scene = Scene::synced();
    let last = scene.api.world(|world| {
        let id = *world.ids("fiscal_years").last().unwrap();
        world.update_silently("fiscal_years", id, |year| {
            let finish = year["finish"].as_str().unwrap().replace("-12-31", "-11-30");
            year.insert("finish".into(), json!(finish));
        });
        world.get("fiscal_years", id).unwrap()["finish"].as_str().unwrap().to_owned()
    });
    let done = scene.sync("sync_incremental()");
    assert_eq!(done["fec"].status, "ok", "{done:?}");
    let overlaps = "SELECT count(*) FROM (SELECT DISTINCT period_start, period_end FROM pennylane.fec) a \
                    JOIN (SELECT DISTINCT period_start, period_end FROM pennylane.fec) b \
                    ON a.period_start <= b.period_end AND b.period_start <= a.period_end AND a <> b";
    assert_eq!(scene.value(overlaps).unwrap(), "0");
    assert!(count(&scene, &format!("fec WHERE period_end = '{last}'")) > 0);
}

#[test]
fn whatever_goes_wrong_with_an_export_says_so_and_leaves_the_old_rows() {
    let scene =
        Scene::with(fake_pennylane::Size::tiny(), &["pennylane.retry_for = 1", "pennylane.request_timeout = 1"]);
    scene.sync(YEAR);
    let versions = scene.value(VERSIONS);
    let whole = file(&scene);
    let fails = |state: &str, said: &str| {
        let error = scene.error(YEAR);
        assert_eq!(sqlstate(&error), state, "{said}: {}", words(&error));
        assert!(words(&error).contains(said), "{said}: {}", words(&error));
        assert!(words(&error).contains("2025-01-01 to 2025-12-31"), "{}", words(&error));
        assert_eq!(scene.value(VERSIONS), versions, "{said}");
        scene.api.clear_faults();
    };
    let on_file = |kind: FaultKind| scene.api.fault(Fault::always("file=exports", kind));
    let text = |body: &str| FaultKind::Status { status: 200, headers: vec![], body: body.to_owned() };

    scene.api.set_config(|config| config.exports.fails = true);
    fails("38000", "could not make the export");
    scene.api.set_config(|config| {
        config.exports.fails = false;
        config.exports.pending_polls = u32::MAX;
    });
    fails("08006", "still making the export");
    scene.api.set_config(|config| config.exports.pending_polls = 0);
    on_file(FaultKind::Status { status: 403, headers: vec![], body: String::new() });
    fails("38000", "refuses its link");
    on_file(FaultKind::Truncate { keep_bytes: 500 });
    fails("08006", "");
    on_file(FaultKind::Hang);
    fails("08006", "did not answer");
    on_file(FaultKind::Html200);
    fails("08P01", "web page");
    on_file(text("Date;Compte;Montant\n2025-01-01;411;12\n"));
    fails("08P01", "JournalCode");
    on_file(text(""));
    fails("08P01", "empty");
    on_file(text(&whole[..whole.len() - 30]));
    fails("08P01", "line ");
    on_file(text(&whole.replacen("20250", "2025x", 1)));
    fails("08P01", "line 2");
    on_file(text(whole.lines().next().unwrap()));
    fails("55000", "rows of fec are no longer shown");

    // A link that expired once is replaced.
    scene
        .api
        .fault(Fault::once("file=exports", FaultKind::Status { status: 403, headers: vec![], body: String::new() }));
    assert_eq!(scene.sync(YEAR)["fec"].status, "ok");
    assert_eq!(scene.value(VERSIONS), versions);
    let requests = scene.api.requests();
    assert!(requests.iter().any(|request| request.file_host));
    assert!(
        requests.iter().all(|request| request.authorization != request.file_host),
        "no token for the host of files"
    );
}

#[test]
fn a_failing_export_fails_alone_and_catches_up() {
    let scene = Scene::new();
    scene.api.fault(Fault::always(
        "POST /exports/fecs",
        FaultKind::Status { status: 422, headers: vec![], body: r#"{"error":"not now"}"#.into() },
    ));
    let done = scene.sync("sync_full()");
    assert_eq!((done["fec"].status.as_str(), done["analytical_ledger"].status.as_str()), ("error", "ok"));
    assert!(done["fec"].message.as_ref().unwrap().contains("not now"), "{done:?}");
    assert_eq!(done.values().filter(|table| table.status == "ok").count(), 12);
    scene.api.clear_faults();
    let done = scene.sync("sync_incremental()");
    assert_eq!(
        (done["fec"].status.as_str(), done["analytical_ledger"].status.as_str()),
        ("ok", "skipped"),
        "not yet held"
    );
}

#[test]
fn scopes_of_exports_that_are_not_granted_are_skipped_with_their_name() {
    let scene = Scene::new();
    scene.api.set_config(|config| config.scopes.retain(|scope| scope != "exports:fec"));
    let done = scene.sync("sync_full()");
    assert_eq!(done["fec"].status, "skipped");
    assert!(done["fec"].message.as_ref().unwrap().contains("the scope exports:fec;"), "{done:?}");
    assert_eq!(sqlstate(&scene.error("export_fec()")), "42501");
    assert!(asked(&scene).iter().all(|path| path != "/exports/fecs"));
}

#[test]
fn what_users_did_to_the_tables_stays() {
    let scene = Scene::synced();
    scene.execute(
        "ALTER TABLE pennylane.fec DROP COLUMN idevise CASCADE, DROP COLUMN debit CASCADE, ADD COLUMN note text, \
             ALTER COLUMN credit TYPE numeric(12,2); \
         UPDATE pennylane.fec SET note = 'mine' WHERE line_no = 1; CREATE INDEX mine ON pennylane.fec (journal_code); \
         CREATE VIEW public.mine AS SELECT sum(credit) FROM pennylane.fec; ALTER TABLE pennylane.analytical_ledger DROP COLUMN label CASCADE",
    );
    let booked = chrono::NaiveDate::from_ymd_opt(2025, 6, 1).unwrap();
    scene.api.world(|world| world.book_entry(booked, "nouvelle", &[("606000", 100, 0), ("512000", 0, 100)]));
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    assert_eq!(count(&scene, "fec WHERE ecriture_lib = 'nouvelle'"), 2);
    assert!(count(&scene, "fec WHERE note = 'mine'") > 0);
    assert!(count(&scene, "analytical_ledger WHERE extra ->> 'label' = 'nouvelle'") > 0);
    scene.execute("SELECT pennylane.setup(); SELECT * FROM public.mine");
    assert_eq!(count(&scene, "fec_anomalies() WHERE rule = 'missing_column'"), 2);
}

#[test]
fn a_cancel_ends_an_export_at_once() {
    let scene = Scene::new();
    scene.api.set_config(|config| config.exports.pending_polls = u32::MAX);
    let mut client = scene.connect();
    let cancel = client.cancel_token();
    std::thread::scope(|threads| {
        let call = threads.spawn(|| client.batch_execute(&format!("SELECT pennylane.{YEAR}")).expect_err("cancelled"));
        crate::cluster::wait_until("the export was looked at", || {
            scene.api.requests().iter().filter(|request| request.path.starts_with("/exports/fecs/")).count() > 1
        });
        let start = Instant::now();
        cancel.cancel_query(NoTls).unwrap();
        assert_eq!(sqlstate(&call.join().unwrap()), "57014");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    });
    assert_eq!(value(&mut client, "SELECT count(*) FROM pennylane.exports").unwrap(), "0");
}

#[test]
fn a_cancel_ends_a_download_that_stands_still_at_once() {
    let scene = Scene::with(fake_pennylane::Size::tiny(), &["pennylane.request_timeout = 60"]);
    scene.api.fault(Fault::always("file=exports", FaultKind::Drip));
    let mut client = scene.connect();
    let cancel = client.cancel_token();
    std::thread::scope(|threads| {
        let call = threads.spawn(|| client.batch_execute(&format!("SELECT pennylane.{YEAR}")).expect_err("cancelled"));
        crate::cluster::wait_until("the file is asked for", || {
            scene.api.requests().iter().any(|request| request.file_host)
        });
        let start = Instant::now();
        cancel.cancel_query(NoTls).unwrap();
        assert_eq!(sqlstate(&call.join().unwrap()), "57014");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    });
}

#[test]
fn the_links_of_exports_are_in_no_log() {
    let scene = Scene::synced();
    scene
        .api
        .fault(Fault::always("file=exports", FaultKind::Status { status: 403, headers: vec![], body: String::new() }));
    scene.error(YEAR);
    let log = scene.cluster.log();
    assert!(!log.contains("signature=") && !log.contains("/files"));
}

#[test]
fn anomalies_are_named_with_their_line() {
    let scene = Scene::synced();
    scene.execute(
        "UPDATE pennylane.fec SET debit = debit + 0.01 WHERE period_start = '2025-01-01' AND line_no = (SELECT min(line_no) FROM pennylane.fec \
             WHERE period_start = '2025-01-01' AND debit > 0); \
         UPDATE pennylane.fec SET ecriture_date = '2024-12-31', compte_lib = NULL WHERE period_start = '2025-01-01' AND line_no = 5",
    );
    let rules =
        "SELECT string_agg(DISTINCT rule, ' ' ORDER BY rule) FROM pennylane.fec_anomalies('2025-01-01', '2025-12-31')";
    let rules = scene.value(rules).unwrap();
    for rule in ["date_outside_period", "differs_from_ledger", "entry_unbalanced", "missing_value", "total_unbalanced"]
    {
        assert!(rules.contains(rule), "{rules}");
    }
    let line = "SELECT string_agg(rule, ' ' ORDER BY rule) FROM pennylane.fec_anomalies() WHERE line_no = 5 AND rule IN ('date_outside_period', 'missing_value')";
    assert_eq!(scene.value(line).unwrap(), "date_outside_period missing_value");
}

#[test]
fn every_rule_of_the_anomalies_finds_its_fault_and_no_other_does() {
    let scene = Scene::synced();
    let mut client = scene.connect();
    let found = "SELECT coalesce(string_agg(DISTINCT rule || ' ' || severity, ', ' ORDER BY rule || ' ' || severity), '') \
                 FROM pennylane.fec_anomalies('2025-01-01', '2025-12-31')";
    assert_eq!(value(&mut client, found).unwrap(), "");
    // The line of an entry in the middle of the year, and its neighbour of the same entry.
    let place = "SELECT min(line_no) FROM pennylane.fec WHERE period_start = '2025-01-01' AND ecriture_date = \
                 (SELECT max(ecriture_date) FROM pennylane.fec WHERE ecriture_date < '2025-07-01') AND debit > 0 AND comp_aux_num IS NULL";
    let line: i64 = value(&mut client, place).unwrap().parse().unwrap();
    for (change, expected) in [
        ("journal_lib = ' '", "missing_value error"),
        ("compte_num = NULL", "missing_value error"),
        ("valid_date = NULL", "missing_value error"),
        ("ecriture_date = '2026-01-01'", "date_outside_period error, numbering_two_dates error"),
        ("ecriture_date = ecriture_date + 1", "numbering_two_dates error"),
        ("credit = 5, debit = debit + 5", "debit_and_credit_both_set error, differs_from_ledger error"),
        ("debit = debit + 0.01", "differs_from_ledger error, entry_unbalanced error, total_unbalanced error"),
        ("debit = 0", "differs_from_ledger error, entry_unbalanced error, no_amount warning, total_unbalanced error"),
        ("comp_aux_num = 'X1'", "auxiliary_incomplete warning"),
        ("ecriture_let = 'AA', date_let = NULL", "lettering_incomplete warning"),
        ("montant_devise = NULL, idevise = 'USD'", "currency_incomplete warning"),
        ("compte_num = '9X0'", "bad_account error, unknown_account warning"),
        ("compte_num = '699999'", "unknown_account warning"),
    ] {
        client.batch_execute("BEGIN").unwrap();
        let update =
            format!("UPDATE pennylane.fec SET {change} WHERE period_start = '2025-01-01' AND line_no = {line}");
        assert_eq!(client.execute(&update, &[]).unwrap(), 1);
        assert_eq!(value(&mut client, found).unwrap(), expected, "{change}");
        client.batch_execute("ROLLBACK").unwrap();
    }
    client.batch_execute("BEGIN").unwrap();
    let gone = format!(
        "DELETE FROM pennylane.fec f USING pennylane.fec g WHERE g.line_no = {line} AND g.period_start = '2025-01-01' \
         AND (f.period_start, f.journal_code, f.ecriture_num) = (g.period_start, g.journal_code, g.ecriture_num)"
    );
    assert!(client.execute(&gone, &[]).unwrap() > 1);
    assert_eq!(value(&mut client, found).unwrap(), "differs_from_ledger error, numbering_gap warning");
    client.batch_execute("ROLLBACK").unwrap();
    let error = client.simple_query("SELECT * FROM pennylane.fec_anomalies(company => 99)").unwrap_err();
    assert!(words(&error).starts_with("the FEC of company 99 is not held"), "{}", words(&error));
}

#[test]
fn the_legal_view_has_the_legal_names_in_the_legal_order() {
    let scene = Scene::synced();
    let names = "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute \
                 WHERE attrelid = 'pennylane.fec_legal'::regclass AND attnum > 0";
    let legal = "JournalCode,JournalLib,EcritureNum,EcritureDate,CompteNum,CompteLib,CompAuxNum,CompAuxLib,PieceRef,PieceDate,\
                 EcritureLib,Debit,Credit,EcritureLet,DateLet,ValidDate,Montantdevise,Idevise";
    assert_eq!(scene.value(names).unwrap(), format!("company_id,period_start,period_end,line_no,{legal}"));
    let same = "SELECT (SELECT sum(\"Debit\") FROM pennylane.fec_legal) = (SELECT sum(debit) FROM pennylane.fec) \
                AND (SELECT count(\"CompteNum\") FROM pennylane.fec_legal) = (SELECT count(compte_num) FROM pennylane.fec)";
    assert_eq!(scene.value(same).unwrap(), "t");
}

#[test]
fn a_value_of_the_analytical_ledger_that_does_not_fit_makes_it_partial_and_nothing_else_fails() {
    let scene = Scene::synced();
    let rows = "SELECT md5(string_agg(t::text, E'\\n' ORDER BY line_no)) FROM pennylane.analytical_ledger t WHERE period_start = '2025-01-01'";
    let call = "export_analytical_ledger('2024-01-01', '2024-12-31')";
    let (header, held) = ("Date;Compte;Libellé;Débit;Crédit;Poids\n", scene.value(rows));
    serve(&scene, "analytical", format!("{header}31/01/2024;606000;Papier;10,00;0,00;un quart\n"));
    let done = scene.sync(call)["analytical_ledger"].clone();
    assert_eq!(done.status, "partial");
    assert!(done.message.as_ref().unwrap().contains("2024-01-01 line 1: weight"), "{done:?}");
    scene.api.clear_faults();
    let total = format!("{header}31/01/2024;606000;Papier;10,00;0,00;1\nTotal;606000;;10,00;0,00;\n");
    serve(&scene, "analytical", total);
    let done = scene.sync(call)["analytical_ledger"].clone();
    assert_eq!(
        (done.status.as_str(), count(&scene, "analytical_ledger WHERE period_start = '2024-01-01'")),
        ("partial", 1)
    );
    assert!(done.message.as_ref().unwrap().contains("hold an account and an amount"), "{done:?}");
    scene.api.clear_faults();
    assert_eq!(scene.sync(call)["analytical_ledger"].status, "ok");
    // What is no ledger changes nothing.
    let before = count(&scene, "analytical_ledger");
    for (text, state) in
        [("<html><body>no</body></html>", "08P01"), ("", "08P01"), ("a;b;c\n1;2;3\n", "08P01"), (header, "55000")]
    {
        serve(&scene, "analytical", text.to_owned());
        assert_eq!(sqlstate(&scene.error(call)), state, "{text}");
        assert_eq!(count(&scene, "analytical_ledger"), before, "{text}");
        scene.api.clear_faults();
    }
    assert_eq!(scene.value(rows), held);
}

#[test]
fn an_empty_fec_of_a_year_that_has_lines_is_refused() {
    let scene = Scene::synced();
    let header = file(&scene).lines().next().unwrap().to_owned();
    scene.execute("DELETE FROM pennylane.fec");
    serve(&scene, "fecs", header);
    let error = scene.error(YEAR);
    assert_eq!(sqlstate(&error), "08P01");
    assert!(words(&error).contains("it holds no line, and the ledger has"), "{}", words(&error));
}

#[test]
fn part_of_a_fiscal_year_never_takes_the_place_of_a_year_whose_days_were_changed() {
    let scene = Scene::synced();
    scene.api.world(|world| {
        let id = *world.ids("fiscal_years").last().unwrap();
        world.update_silently("fiscal_years", id, |year| {
            let finish = year["finish"].as_str().unwrap().replace("-12-31", "-11-30");
            year.insert("finish".into(), json!(finish));
        });
    });
    scene.sync("sync_full('fiscal_years')");
    let (start, before) = (scene.value("SELECT max(period_start) FROM pennylane.fec").unwrap(), count(&scene, "fec"));
    let error = scene.error(&format!("export_fec('{start}', '{}-03-31')", &start[..4]));
    assert_eq!(sqlstate(&error), "22023", "{}", words(&error));
    assert_eq!(count(&scene, "fec"), before);
    // A year without a line in the place of one that has some needs a word too.
    let header = file(&scene).lines().next().unwrap().to_owned();
    serve(&scene, "analytical", "Date;Compte;Libellé;Débit;Crédit\n".to_owned());
    serve(&scene, "fecs", header);
    let lines = count(&scene, "analytical_ledger");
    let done = scene.sync("sync_incremental()");
    assert_eq!(
        (done["fec"].status.as_str(), done["analytical_ledger"].status.as_str()),
        ("error", "error"),
        "{done:?}"
    );
    assert_eq!((count(&scene, "fec"), count(&scene, "analytical_ledger")), (before, lines));
}

#[test]
fn fiscal_years_that_share_days_are_not_both_taken() {
    let scene = Scene::new();
    scene.api.world(|world| {
        let id = *world.ids("fiscal_years").last().unwrap();
        world.update_silently("fiscal_years", id, |year| {
            let start = year["start"].as_str().unwrap();
            let before: i32 = start[..4].parse().unwrap();
            year.insert("start".into(), json!(format!("{}-12-01", before - 1)));
        });
    });
    let done = scene.sync("sync_full()");
    assert_eq!(done["fec"].status, "error");
    assert!(done["fec"].message.as_ref().unwrap().contains("would double"), "{done:?}");
    let twice = "SELECT count(*) FROM (SELECT DISTINCT period_start, period_end FROM pennylane.fec) a \
                 JOIN (SELECT DISTINCT period_start, period_end FROM pennylane.fec) b \
                 ON a.period_start <= b.period_end AND b.period_start <= a.period_end AND a <> b";
    assert_eq!(scene.value(twice).unwrap(), "0");
}
