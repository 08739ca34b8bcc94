//! `invoice_pdf()`: the file of an invoice, by a link that is asked for at each call and never shown.

use crate::cluster::wait_until;
use crate::scene::{Scene, TOKEN, sqlstate, value, words};
use fake_pennylane::{Config, Fault, FaultKind, Size, pdf};
use postgres::NoTls;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const CUSTOMER: &str = "customer_invoices";
const SUPPLIER: &str = "supplier_invoices";

/// The first invoice that has a file, or that has none.
fn invoice(scene: &Scene, table: &str, with_file: bool) -> i64 {
    let found = |invoice: &Value| invoice["public_file_url"].is_string() == with_file;
    let invoices = scene.api.world(|world| world.list(table));
    invoices.iter().find(|invoice| found(invoice)).and_then(|invoice| invoice["id"].as_i64()).unwrap()
}

fn file(scene: &Scene, kind: &str, id: i64) -> Option<Vec<u8>> {
    scene.connect().query_one("SELECT pennylane.invoice_pdf($1, $2)", &[&kind, &id]).unwrap().get(0)
}

fn error(scene: &Scene, kind: &str, id: i64) -> postgres::Error {
    scene.error(&format!("invoice_pdf('{kind}', {id})"))
}

/// What was asked for, in order, without `/me`.
fn asked(scene: &Scene) -> Vec<String> {
    let requests = scene.api.requests();
    requests.into_iter().map(|request| request.path).filter(|path| path != "/me").collect()
}

fn on_file(scene: &Scene, times: u32, kind: FaultKind) {
    scene.api.fault(Fault { path: "GET /files".into(), skip: 0, times, kind });
}

fn status(status: u16, content_type: &str, body: &str) -> FaultKind {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    FaultKind::Status { status, headers, body: body.to_owned() }
}

#[test]
fn the_file_comes_byte_by_byte_and_by_a_fresh_link_each_time() {
    let scene = Scene::new();
    let mut expected = Vec::new();
    for (kind, table) in [("customer", CUSTOMER), ("supplier", SUPPLIER)] {
        let id = invoice(&scene, table, true);
        for word in [kind, table] {
            assert_eq!(file(&scene, word, id), Some(pdf(table, id)), "{word}");
            expected.extend([format!("/{table}/{id}"), "/files".to_owned()]);
        }
    }
    assert_eq!(asked(&scene), expected);
    let log = scene.api.requests();
    assert!(log.iter().all(|request| request.authorization != request.file_host), "no token for the host of files");
    let links: BTreeSet<&str> = log.iter().filter_map(|request| request.param("signature")).collect();
    assert_eq!(links.len(), 4, "no link is used twice");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'pennylane' AND tablename LIKE '%invoices'";
    assert_eq!(scene.value(tables).unwrap(), "0", "no table is needed");
}

#[test]
fn an_invoice_without_a_file_is_null_and_no_invoice_is_an_error() {
    let scene = Scene::new();
    for (kind, table) in [("customer", CUSTOMER), ("supplier", SUPPLIER)] {
        let id = invoice(&scene, table, true);
        let null = FaultKind::ReplaceField { id, field: "public_file_url".into(), value: Value::Null };
        scene.api.fault(Fault::once(format!("GET /{table}"), null));
        assert_eq!(file(&scene, kind, id), None);
        let refused = error(&scene, kind, 17);
        assert_eq!(sqlstate(&refused), "22023");
        let company = Config::default().company.id;
        let said = format!("Pennylane shows no invoice 17 of {table} to company {company}");
        assert!(words(&refused).starts_with(&said), "{}", words(&refused));
    }
    assert!(!asked(&scene).contains(&"/files".to_owned()));
    for call in ["invoice_pdf(NULL, 1)", "invoice_pdf('customer', NULL)"] {
        assert_eq!(scene.value(&format!("SELECT pennylane.{call} IS NULL")).unwrap(), "t", "{call}");
    }
}

#[test]
fn an_unknown_kind_and_another_company_are_refused() {
    let scene = Scene::new();
    let refused = error(&scene, "quote", 1);
    assert_eq!(sqlstate(&refused), "22023");
    assert!(words(&refused).contains("Name customer or supplier"), "{}", words(&refused));
    assert!(scene.api.requests().is_empty(), "nobody was asked");
    let id = invoice(&scene, CUSTOMER, true);
    let other = scene.api.neighbour(Config { size: Size::tiny(), ..Config::company(1) });
    let company = other.world(|world| world.ids(CUSTOMER)[0]);
    assert_eq!(sqlstate(&scene.error(&format!("invoice_pdf('customer', {id}, company => 1)"))), "22023");
    assert_eq!(sqlstate(&error(&scene, "customer", company)), "22023", "an invoice of another company");
    assert!(!asked(&scene).contains(&"/files".to_owned()));
    let own = Config::default().company.id;
    let called = format!("SELECT length(pennylane.invoice_pdf('customer', {id}, {own}))");
    assert_eq!(scene.value(&called).unwrap(), pdf(CUSTOMER, id).len().to_string());
    scene.api.set_config(|config| config.scopes.retain(|scope| !scope.starts_with(CUSTOMER)));
    let refused = error(&scene, "customer", id);
    assert_eq!(sqlstate(&refused), "42501");
    assert!(words(&refused).contains("customer_invoices:readonly"), "{}", words(&refused));
}

#[test]
fn of_several_companies_the_one_that_has_the_invoice_gives_it() {
    let scene = Scene::new();
    let other = scene.api.neighbour(Config { size: Size::tiny(), ..Config::company(1) });
    scene.execute("SELECT pennylane.sync_full('products')");
    scene.execute("SELECT pennylane.add_company('fake-token-1')");
    let theirs = other.world(|world| {
        let found = |invoice: &Value| invoice["public_file_url"].is_string().then(|| invoice["id"].as_i64()).flatten();
        world.list(SUPPLIER).iter().find_map(found).unwrap()
    });
    let (own, company) = (Config::default().company.id, Config::company(1).company.id);
    scene.api.clear_requests();
    assert_eq!(file(&scene, "supplier", theirs), Some(pdf(SUPPLIER, theirs)));
    let called = format!("SELECT length(pennylane.invoice_pdf('supplier', {theirs}, {company}))");
    scene.api.clear_requests();
    assert_eq!(scene.value(&called).unwrap(), pdf(SUPPLIER, theirs).len().to_string());
    assert!(scene.api.requests().is_empty(), "the other one is not asked");
    let refused = scene.error(&format!("invoice_pdf('supplier', {theirs}, {own})"));
    assert_eq!(sqlstate(&refused), "22023", "{}", words(&refused));
    let refused = error(&scene, "supplier", 17);
    assert!(words(&refused).contains(&format!("to company {own} or {company}")), "{}", words(&refused));
    // A token that is refused hides its own company only.
    scene.api.set_config(|config| config.token = "another".into());
    assert_eq!(file(&scene, "supplier", theirs), Some(pdf(SUPPLIER, theirs)));
    assert_eq!(sqlstate(&error(&scene, "supplier", 17)), "28000");
}

#[test]
fn a_link_that_expired_is_asked_for_again_once() {
    let scene = Scene::new();
    let id = invoice(&scene, CUSTOMER, true);
    let look = format!("/customer_invoices/{id}");
    for refusal in [403, 404, 410] {
        scene.api.clear_requests();
        on_file(&scene, 1, status(refusal, "application/xml", "<Error>Request has expired</Error>"));
        assert_eq!(file(&scene, "customer", id), Some(pdf(CUSTOMER, id)), "{refusal}");
        assert_eq!(asked(&scene), [look.as_str(), "/files", look.as_str(), "/files"], "{refusal}");
    }
    scene.api.clear_requests();
    on_file(&scene, u32::MAX, status(403, "application/xml", "<Error>Request has expired</Error>"));
    let refused = error(&scene, "customer", id);
    assert_eq!((sqlstate(&refused), asked(&scene).len()), ("38000", 4));
    assert!(words(&refused).contains("the file of the invoice (403)"), "{}", words(&refused));
    // What passes is waited for.
    scene.api.clear_faults();
    on_file(&scene, 1, status(503, "text/plain", "busy"));
    assert_eq!(file(&scene, "customer", id), Some(pdf(CUSTOMER, id)));
}

#[test]
fn what_is_no_pdf_or_too_large_is_refused() {
    let scene = Scene::new();
    let id = invoice(&scene, CUSTOMER, true);
    let whole = String::from_utf8_lossy(&pdf(CUSTOMER, id)).into_owned();
    for (kind, state, said) in [
        (FaultKind::Html200, "08P01", "it is text/html, not application/pdf"),
        (status(200, "text/html; charset=utf-8", &whole), "08P01", "it is text/html, not application/pdf"),
        (status(200, "image/jpeg", "\u{1}\u{2}"), "08P01", "it is image/jpeg, not application/pdf"),
        (status(200, "application/pdf", "<html>login</html>"), "08P01", "does not begin as a PDF does"),
        (status(200, "application/pdf", ""), "08P01", "does not begin as a PDF does"),
        (FaultKind::ContentLength { bytes: 60_000_000 }, "54000", "larger than 50 MB"),
        (FaultKind::Endless, "54000", "larger than 50 MB"),
    ] {
        on_file(&scene, 1, kind);
        let start = Instant::now();
        let refused = error(&scene, "customer", id);
        assert_eq!(sqlstate(&refused), state, "{}", words(&refused));
        assert!(words(&refused).contains(said), "{}", words(&refused));
        assert!(start.elapsed() < Duration::from_secs(10), "{said}: {:?}", start.elapsed());
    }
    on_file(&scene, 1, status(200, "binary/octet-stream", "%PDF-1.7 short"));
    assert_eq!(file(&scene, "customer", id), Some(b"%PDF-1.7 short".to_vec()), "its first bytes tell");
    // Packed or not, what is taken counts.
    for gzip in [true, false] {
        scene.api.set_config(|config| config.gzip = gzip);
        let mut largest = "%PDF-".repeat(10 * 1024 * 1024);
        on_file(&scene, 1, status(200, "application/pdf", &largest));
        assert_eq!(file(&scene, "customer", id).map(|bytes| bytes.len()), Some(largest.len()));
        largest.push('.');
        on_file(&scene, 1, status(200, "application/pdf", &largest));
        assert_eq!(sqlstate(&error(&scene, "customer", id)), "54000");
    }
    scene.cluster.configure(&["pennylane.retry_for = 0", "pennylane.request_timeout = 1"]);
    for (kind, said) in
        [(FaultKind::Truncate { keep_bytes: 100 }, ""), (FaultKind::Hang, "did not answer"), (FaultKind::Reset, "")]
    {
        on_file(&scene, 1, kind);
        let refused = error(&scene, "customer", id);
        assert_eq!(sqlstate(&refused), "08006", "{}", words(&refused));
        assert!(words(&refused).contains(said), "{}", words(&refused));
    }
}

#[test]
fn a_link_leads_nowhere_in_clear_and_is_never_shown() {
    let scene = Scene::new();
    scene.cluster.configure(&[
        "log_min_messages = debug1",
        "log_min_error_statement = debug1",
        "pennylane.retry_for = 0",
    ]);
    let id = invoice(&scene, CUSTOMER, true);
    let leading = |to: &str| {
        let value = json!(to);
        let kind = FaultKind::ReplaceField { id, field: "public_file_url".into(), value };
        scene.api.fault(Fault::once("GET /customer_invoices", kind));
    };
    let refused = |state: &str| {
        let error = error(&scene, "customer", id);
        assert_eq!(sqlstate(&error), state, "{error:?}");
        assert!(!format!("{error:?}").contains("signature"), "{error:?}");
    };
    for link in
        ["http://files.test/f?signature=s", "ftp://127.0.0.1/f?signature=s", "/f?signature=s", "file:///f?signature=s"]
    {
        leading(link);
        refused("08P01");
    }
    leading("https://127.0.0.1:9/f?signature=s");
    refused("08006");
    on_file(&scene, 1, status(200, "https://x.test/?signature=s", "%PDF-"));
    refused("08P01");
    on_file(&scene, 1, FaultKind::Redirect { to: "http://127.0.0.1:9/f?signature=s".into() });
    refused("08006");
    on_file(&scene, 9, status(403, "text/html", &format!("<html>?signature=s {TOKEN}</html>")));
    refused("38000");
    scene.api.clear_faults();
    assert!(file(&scene, "customer", id).is_some());
    let log = scene.cluster.log();
    assert!(log.contains("invoice_pdf"), "the log is as talkative as asked");
    assert!(!log.contains("signature") && !log.contains(TOKEN));
}

#[test]
fn ctrl_c_and_statement_timeout_leave_a_hanging_download_at_once() {
    let scene = Scene::new();
    scene.cluster.configure(&["pennylane.request_timeout = 60"]);
    let id = invoice(&scene, CUSTOMER, true);
    let call = format!("SELECT pennylane.invoice_pdf('customer', {id})");
    let mut client = scene.connect();
    for kind in [FaultKind::Hang, FaultKind::Drip] {
        on_file(&scene, u32::MAX, kind);
        scene.api.clear_requests();
        let cancel = client.cancel_token();
        let (asked_at, ended) = std::thread::scope(|threads| {
            let call = threads.spawn(|| {
                let error = client.batch_execute(&call).expect_err("cancelled");
                (sqlstate(&error).to_owned(), Instant::now())
            });
            wait_until("the file is asked for", || asked(&scene).contains(&"/files".to_owned()));
            let asked_at = Instant::now();
            cancel.cancel_query(NoTls).unwrap();
            let (state, ended) = call.join().unwrap();
            assert_eq!(state, "57014");
            (asked_at, ended)
        });
        assert!(ended - asked_at < Duration::from_millis(200), "{:?}", ended - asked_at);
        client.batch_execute("SET statement_timeout = '500ms'").unwrap();
        let start = Instant::now();
        assert_eq!(sqlstate(&client.batch_execute(&call).expect_err("timed out")), "57014");
        assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());
        client.batch_execute("RESET statement_timeout").unwrap();
        scene.api.clear_faults();
    }
    assert_eq!(value(&mut client, &format!("{call} IS NOT NULL")).unwrap(), "t", "the session goes on");
}

#[test]
fn it_writes_nothing_and_needs_a_right() {
    let scene = Scene::new();
    let id = invoice(&scene, CUSTOMER, true);
    let call = format!("SELECT pennylane.invoice_pdf('customer', {id}) IS NOT NULL");
    for begin in ["BEGIN READ ONLY", "BEGIN ISOLATION LEVEL SERIALIZABLE"] {
        let mut client = scene.connect();
        client.batch_execute(begin).unwrap();
        assert_eq!(value(&mut client, &call).unwrap(), "t", "{begin}");
    }
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.sync_runs").unwrap(), "0", "it is no run");
    scene.execute("CREATE ROLE nobody LOGIN; GRANT USAGE ON SCHEMA pennylane TO nobody");
    let mut nobody = scene.cluster.connect_as("nobody");
    assert_eq!(sqlstate(&nobody.batch_execute(&call).expect_err("refused")), "42501");
}
