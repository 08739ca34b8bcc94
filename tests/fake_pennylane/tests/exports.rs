//! Exports: create, poll, download, and the forms that files take.

mod support;

use std::collections::BTreeMap;
use std::io::Read;

use fake_pennylane::{Encoding, FakePennylane, FecContainer, FecFormat, Separator};
use serde_json::{Value, json};
use support::{Client, client, tiny};

fn year() -> Value {
    json!({ "period_start": "2025-01-01", "period_end": "2025-12-31" })
}

/// Creates an export, polls until it is over, answers the last poll.
fn export(client: &Client, kind: &str, body: &Value) -> Value {
    let created = client.post(&format!("/exports/{kind}"), body);
    assert_eq!(created.status, 201, "{}", created.text);
    let job = created.json();
    assert!(job["status"] == "pending" && job.get("file_url").is_none());
    loop {
        let polled = client.get(&format!("/exports/{kind}/{}", job["id"]), &[]).json();
        if polled["status"] != "pending" {
            return polled;
        }
        assert_eq!(polled["file_url"], Value::Null);
    }
}

fn file(fake: &FakePennylane, kind: &str, body: &Value) -> Vec<u8> {
    let client = client(fake);
    let url = export(&client, kind, body)["file_url"].as_str().expect("a link").to_owned();
    let (status, bytes) = client.download(&url, None);
    assert_eq!(status, 200);
    bytes
}

fn fec(fake: &FakePennylane, format: FecFormat) -> Vec<u8> {
    fake.set_config(|config| config.exports.fec = format);
    file(fake, "fecs", &year())
}

#[test]
fn the_body_is_closed_and_its_dates_are_mandatory() {
    let fake = tiny();
    let client = client(&fake);
    let refused = |kind: &str, body: Value| {
        let reply = client.post(&format!("/exports/{kind}"), &body);
        assert_eq!(reply.status, 400, "{}", reply.text);
        reply.json()["code"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refused("fecs", json!({ "period_start": "2025-01-01" })), "NotExistRequiredKey");
    assert_eq!(
        refused("fecs", json!({ "period_start": "2025-01-01", "period_end": "31/12/2025" })),
        "InvalidDateFormat"
    );
    for (kind, key) in [("fecs", "fiscal_year_id"), ("fecs", "mode"), ("general_ledgers", "mode")] {
        let mut body = year();
        body[key] = json!("in_line");
        assert_eq!(refused(kind, body), "NotExistPropertyDefinition");
    }
    let mut body = year();
    body["mode"] = json!("sideways");
    assert_eq!(refused("analytical_general_ledgers", body), "NotEnumInclude");
    assert_eq!(client.post("/exports/fec", &year()).status, 404, "the path is plural");
    assert_eq!(client.get("/exports/fecs/1", &[]).status, 404);
}

#[test]
fn the_job_is_pending_for_as_many_polls_as_told_then_ready_or_in_error() {
    let fake = tiny();
    let client = client(&fake);
    fake.set_config(|config| config.exports.pending_polls = 3);
    export(&client, "fecs", &year());
    let polls = fake.requests().iter().filter(|request| request.method == "GET").count();
    assert_eq!(polls, 4);
    fake.set_config(|config| config.exports.fails = true);
    let failed = export(&client, "fecs", &year());
    assert_eq!((&failed["status"], &failed["file_url"]), (&json!("error"), &Value::Null));
}

#[test]
fn the_link_expires_after_30_minutes_and_another_poll_gives_a_fresh_one() {
    let fake = tiny();
    let client = client(&fake);
    let job = export(&client, "fecs", &year());
    let url = job["file_url"].as_str().expect("a link");
    assert_eq!(client.download(url, Some("fake-token")).0, 400);
    fake.set_config(|config| config.clock_offset = chrono::Duration::minutes(31));
    assert_eq!(client.download(url, None).0, 403);
    let again = client.get(&format!("/exports/fecs/{}", job["id"]), &[]).json();
    assert_eq!(client.download(again["file_url"].as_str().expect("a link"), None).0, 200);
    assert!(fake.requests().iter().filter(|request| request.file_host).count() == 3);
}

#[test]
fn the_fec_holds_every_line_of_the_period_and_each_entry_balances() {
    let fake = tiny();
    let text = String::from_utf8(fec(&fake, FecFormat::default())).expect("UTF-8");
    let mut records = text.split("\r\n");
    assert!(
        records.next().is_some_and(|header| header.starts_with("JournalCode\tJournalLib\tEcritureNum\tEcritureDate\t"))
    );
    let rows: Vec<Vec<&str>> =
        records.filter(|record| !record.is_empty()).map(|record| record.split('\t').collect()).collect();
    let expected = fake.world(|world| world.list("ledger_entry_lines"));
    let expected =
        expected.iter().filter(|line| line["date"].as_str().is_some_and(|date| date.starts_with("2025"))).count();
    assert_eq!(rows.len(), expected);
    assert!(rows.iter().all(|row| row.len() == 18));
    let cents = |text: &str| text.replace(',', "").parse::<i64>().expect("an amount with a comma");
    let mut balances: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &rows {
        *balances.entry(row[2]).or_default() += cents(row[11]) - cents(row[12]);
        for mandatory in [0, 1, 2, 3, 4, 5, 8, 9, 10, 15] {
            assert!(!row[mandatory].trim().is_empty(), "{row:?}");
        }
    }
    assert!(balances.values().all(|balance| *balance == 0));
    assert_eq!(rows[0][0], "AN", "opening balances first");
    assert!(rows.iter().any(|row| row[6].starts_with("411")) && rows.iter().any(|row| !row[13].is_empty()));
}

#[test]
fn the_fec_takes_the_forms_of_real_files() {
    let fake = tiny();
    let base = FecFormat::default;
    let text = |format| String::from_utf8_lossy(&fec(&fake, format)).into_owned();
    assert!(text(FecFormat { separator: Separator::Pipe, ..base() }).starts_with("JournalCode|"));
    assert!(text(FecFormat { bom: true, ..base() }).starts_with('\u{feff}'));
    assert!(!text(FecFormat { crlf: false, ..base() }).contains('\r'));
    assert!(text(FecFormat { lower_case_header: true, ..base() }).starts_with("journalcode\t"));
    let point = text(FecFormat { decimal_point: true, ..base() });
    assert!(point.lines().nth(1).is_some_and(|row| row.split('\t').nth(11).is_some_and(|debit| debit.contains('.'))));
    let sens = text(FecFormat { montant_sens: true, ..base() });
    assert!(
        sens.contains("\tMontant\tSens\t")
            && sens.lines().skip(1).all(|row| ["D", "C"].contains(&row.split('\t').nth(12).unwrap_or("")))
    );
    let latin = fec(&fake, FecFormat { encoding: Encoding::Latin9, ..base() });
    assert!(String::from_utf8(latin.clone()).is_err() && latin.contains(&0xe9));
    let zipped = fec(&fake, FecFormat { container: FecContainer::Zip, ..base() });
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zipped)).expect("a zip");
    let mut entry = archive.by_index(0).expect("one file");
    assert_eq!(entry.name(), "552100554FEC20251231.txt");
    let mut inner = String::new();
    entry.read_to_string(&mut inner).expect("text");
    assert!(inner.starts_with("JournalCode\t"));
    let sheet = fec(&fake, FecFormat { container: FecContainer::Xlsx, ..base() });
    assert!(zip::ZipArchive::new(std::io::Cursor::new(sheet)).expect("a zip").by_name("xl/workbook.xml").is_ok());
}

#[test]
fn both_ledgers_are_workbooks() {
    let fake = tiny();
    let mut columns = year();
    columns["mode"] = json!("in_column");
    for (kind, body) in
        [("general_ledgers", year()), ("analytical_general_ledgers", year()), ("analytical_general_ledgers", columns)]
    {
        let bytes = file(&fake, kind, &body);
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip");
        assert!(archive.by_name("xl/worksheets/sheet1.xml").is_ok_and(|sheet| sheet.size() > 1_000), "{kind}");
    }
}
