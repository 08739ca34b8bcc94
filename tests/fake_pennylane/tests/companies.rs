//! Several companies behind one address, told apart by their tokens.

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fake_pennylane::{Config, FakePennylane, Fault, FaultKind, Size};
use serde_json::{Value, json};
use support::{Client, client, filter, ids, tiny};

fn neighbour(fake: &FakePennylane, number: u32) -> FakePennylane {
    fake.neighbour(Config { size: Size::tiny(), ..Config::company(number) })
}

fn client_with(fake: &FakePennylane, token: &str) -> Client {
    let mut client = client(fake);
    client.token = Some(token.to_owned());
    client
}

fn company(client: &Client) -> Value {
    client.get("/me", &[]).json()["company"]["id"].clone()
}

#[test]
fn the_token_chooses_the_company() {
    let first = tiny();
    let others = [neighbour(&first, 1), neighbour(&first, 2)];
    for (fake, token) in [(&first, "fake-token"), (&others[0], "fake-token-1"), (&others[1], "fake-token-2")] {
        assert_eq!(fake.base_url(), first.base_url());
        let client = client_with(&first, token);
        let listed = client.walk("/customers", &[("sort", "id")]);
        assert_eq!(ids(&listed), fake.world(|world| world.ids("customers")), "{token}");
        let asked: Vec<String> = fake.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(asked, ["/customers"], "each has a log of its own");
    }
    let companies: BTreeSet<String> = ["fake-token", "fake-token-1", "fake-token-2"]
        .map(|token| company(&client_with(&first, token)).to_string())
        .into();
    assert_eq!(companies.len(), 3);
}

#[test]
fn an_unknown_token_is_refused_by_the_first_company() {
    let first = tiny();
    let other = neighbour(&first, 1);
    assert_eq!(client_with(&first, "unknown").get("/me", &[]).status, 401);
    assert_eq!((first.requests().len(), other.requests().len()), (1, 0));
}

#[test]
fn tokens_change_hands_and_overlap_while_they_are_replaced() {
    let first = tiny();
    let other = neighbour(&first, 1);
    other.set_config(|config| config.also_tokens.push("new".into()));
    let (old, new) = (client_with(&first, "fake-token-1"), client_with(&first, "new"));
    assert_eq!((company(&old), company(&new)), (json!(4_300_000_043_i64), json!(4_300_000_043_i64)));
    other.set_config(|config| (config.token, config.also_tokens) = ("new".into(), Vec::new()));
    assert_eq!(old.get("/me", &[]).status, 401);
    assert_eq!(company(&new), 4_300_000_043_i64);

    first.set_config(|config| config.token = "new".into());
    other.set_config(|config| config.token = "fake-token".into());
    assert_eq!(company(&new), 4_300_000_042_i64, "swapped");
    assert_eq!(company(&client_with(&first, "fake-token")), 4_300_000_043_i64);

    other.set_config(|config| config.company.id = 99);
    assert_eq!(company(&client_with(&first, "fake-token")), 99);
}

#[test]
fn no_id_is_found_in_two_companies_unless_they_share_an_offset() {
    let size = Size::tiny();
    let first = tiny();
    let (other, twin) = (neighbour(&first, 1), first.neighbour(Config { id_offset: 0, size, ..Config::company(2) }));
    let tables =
        ["customers", "customer_invoices", "journals", "ledger_accounts", "ledger_entry_lines", "bank_accounts"];
    for table in tables {
        let ids = |fake: &FakePennylane| fake.world(|world| BTreeSet::from_iter(world.ids(table)));
        assert!(ids(&first).is_disjoint(&ids(&other)), "{table}");
        assert!(!ids(&first).is_disjoint(&ids(&twin)), "{table}");
    }
    let events = |fake: &FakePennylane| {
        let id = |event: &Value| event["id"].as_i64();
        fake.world(|world| world.events("customers").iter().filter_map(id).collect::<BTreeSet<i64>>())
    };
    assert!(events(&first).is_disjoint(&events(&other)));
    let body = json!({ "period_start": "2025-01-01", "period_end": "2025-12-31" });
    let job = |token| client_with(&first, token).post("/exports/fecs", &body).json()["id"].clone();
    assert_ne!(job("fake-token"), job("fake-token-1"));
}

#[test]
fn faults_limits_and_file_hosts_are_each_companys_own() {
    let first = tiny();
    let other = first.neighbour(Config { size: Size::tiny(), rate_limit: true, ..Config::company(1) });
    first.fault(Fault::always("GET /products", FaultKind::ScopeDenied));
    let (mine, theirs) = (client(&first), client_with(&first, "fake-token-1"));
    assert_eq!((mine.get("/products", &[]).status, theirs.get("/products", &[]).status), (403, 200));
    let until = Instant::now() + Duration::from_secs(4);
    while theirs.get("/me", &[]).status == 200 && Instant::now() < until {}
    assert_eq!((mine.get("/me", &[]).status, theirs.get("/me", &[]).status), (200, 429));

    let other_id = other.world(|world| world.ids("supplier_invoices")[0]);
    other.set_config(|config| config.rate_limit = false);
    let found = theirs.get("/supplier_invoices", &[("filter", &filter("id", "gteq", other_id))]).items();
    let url = found.iter().find_map(|invoice| invoice["public_file_url"].as_str()).expect("a file");
    first.clear_requests();
    assert_eq!(mine.download(url, None).0, 200);
    assert!(first.requests().is_empty(), "the link leads to the other's file host");
    assert!(other.requests().last().is_some_and(|request| request.file_host));
}

#[test]
fn the_port_closes_and_opens_for_all() {
    let first = tiny();
    let other = neighbour(&first, 1);
    let (mine, theirs) = (client(&first), client_with(&first, "fake-token-1"));
    first.stop();
    assert!(mine.try_get("/me", &[]).is_err() && theirs.try_get("/me", &[]).is_err());
    other.restart();
    assert_eq!((mine.get("/me", &[]).status, theirs.get("/me", &[]).status), (200, 200));
}
