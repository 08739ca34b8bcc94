//! Tokens, scopes, the rate limit, the log of requests, compression and the control port.

mod support;

use std::time::{Duration, Instant};

use fake_pennylane::{Config, FakePennylane, Size};
use serde_json::{Value, json};
use support::{Client, client, ids, small, tiny};

#[test]
fn a_wrong_or_missing_token_gives_401() {
    let fake = tiny();
    let mut client = client(&fake);
    for token in [Some("wrong".to_owned()), None] {
        client.token = token;
        let reply = client.get("/me", &[]);
        assert_eq!((reply.status, &reply.json()["status"]), (401, &json!(401)));
    }
    fake.set_config(|config| config.token = "other".into());
    client.token = Some("other".into());
    assert_eq!(client.get("/me", &[]).status, 200);
}

#[test]
fn a_scope_that_was_not_granted_gives_403_on_its_resources_only() {
    let fake = tiny();
    fake.set_config(|config| {
        config.scopes.retain(|scope| !scope.starts_with("ledger_entries") && scope != "exports:fec")
    });
    let client = client(&fake);
    for path in ["/ledger_entries", "/ledger_entry_lines", "/changelogs/ledger_entry_lines"] {
        assert_eq!(client.get(path, &[]).status, 403, "{path}");
    }
    assert_eq!(client.get("/customers", &[]).status, 200);
    let body = json!({ "period_start": "2025-01-01", "period_end": "2025-12-31" });
    assert_eq!(client.post("/exports/fecs", &body).status, 403);
    assert_eq!(client.post("/exports/general_ledgers", &body).status, 201);
    let scopes = client.get("/me", &[]).json()["scopes"].clone();
    assert!(!scopes.as_array().expect("a list").contains(&json!("exports:fec")));
    fake.set_config(|config| config.scopes.push("ledger_entries:all".into()));
    assert_eq!(client.get("/ledger_entries", &[]).status, 200, "all includes reading");
}

#[test]
fn the_26th_request_within_five_seconds_is_refused() {
    let fake = FakePennylane::start(Config { size: Size::tiny(), rate_limit: true, ..Config::default() });
    let client = client(&fake);
    let start = Instant::now();
    for left in (0..25).rev() {
        let reply = client.get("/me", &[]);
        assert_eq!((reply.status, reply.header("ratelimit-limit")), (200, Some("25")));
        assert_eq!(reply.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        assert!(reply.header("ratelimit-reset").is_some() && reply.header("retry-after").is_none());
    }
    let refused = client.get("/customers", &[]);
    assert!(start.elapsed() < Duration::from_secs(5), "this machine is too slow for the test");
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=5).contains(&wait));
    fake.set_config(|config| config.rate_limit = false);
    assert_eq!(client.get("/me", &[]).status, 200);
}

#[test]
fn the_log_tells_what_the_client_did() {
    let fake = tiny();
    let client = client(&fake);
    client.get("/customers", &[("limit", "2"), ("filter", "[]")]);
    client.get("/nowhere", &[]);
    let log = fake.requests();
    assert_eq!((log[0].method.as_str(), log[0].path.as_str(), log[0].status), ("GET", "/customers", 200));
    assert_eq!(log[0].param("filter"), Some("[]"));
    assert!(log[0].authorization && log[0].user_agent.is_some() && log[0].at <= log[1].at);
    assert_eq!(log[0].accept_encoding.as_deref(), Some("gzip"));
    assert_eq!(log[1].status, 404);
    fake.clear_requests();
    assert!(fake.requests().is_empty());
}

#[test]
fn bodies_over_one_kilobyte_are_compressed_when_the_client_accepts_it() {
    let fake = tiny();
    // The client takes the encoding's header away with the encoding, so the sizes tell.
    let plain = client(&fake).get("/customers", &[]);
    assert!(
        plain.text.len() > 1_000
            && plain.header("content-length").is_none_or(|length| length != plain.text.len().to_string())
    );
    let short = client(&fake).get("/company/features", &[]);
    assert_eq!(short.header("content-length"), Some(short.text.len().to_string().as_str()));
    fake.set_config(|config| config.gzip = false);
    let reply = client(&fake).get("/customers", &[]);
    assert_eq!(reply.header("content-length"), Some(reply.text.len().to_string().as_str()));
}

#[test]
fn me_names_the_company_and_may_have_no_user() {
    let fake = FakePennylane::start(Config { size: Size::tiny(), seed: 2, ..Config::default() });
    let me = client(&fake).get("/me", &[]).json();
    assert_eq!((&me["company"]["accounting_logic"], &me["user"]), (&json!("FR_PCG"), &Value::Null));
    assert_eq!(client(&fake).get("/company/features", &[]).json(), json!({ "installments": false }));
}

#[test]
fn the_control_port_offers_what_the_library_does() {
    let listen = Some("127.0.0.1:0".parse().expect("an address"));
    let fake = FakePennylane::start(Config { size: Size::tiny(), control: listen, ..Config::default() });
    let client = client(&fake);
    let control = Client::new(fake.control_url().expect("a control port"));
    let done = |path: &str, body: Value| {
        let reply = control.post(path, &body);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    };
    done("/fault", json!({ "path": "GET /customers", "times": 2, "kind": { "Status": { "status": 503 } } }));
    assert_eq!(client.get("/customers", &[]).status, 503);
    assert_eq!(control.delete("/faults").status, 200);
    assert_eq!(client.get("/customers", &[]).status, 200);
    assert_eq!(control.get("/requests", &[]).json().as_array().map(Vec::len), Some(2));
    assert_eq!(control.delete("/requests").status, 200);

    let id = done("/insert", json!({ "table": "products" }))["id"].as_i64().expect("an id");
    done("/update", json!({ "table": "products", "id": id, "changes": { "label": "par le port" } }));
    assert_eq!(client.get(&format!("/products/{id}"), &[]).json()["label"], "par le port");
    done("/delete", json!({ "table": "products", "id": id, "silent": true }));
    assert_eq!(client.get(&format!("/products/{id}"), &[]).status, 404);
    assert_eq!(control.post("/delete", &json!({ "table": "products", "id": id })).status, 404);
    assert_eq!(control.post("/insert", &json!({ "table": "nonsense" })).status, 404);

    let lines = json!([["606400", 100, 0], ["467000", 0, 100]]);
    let entry = done("/book_entry", json!({ "date": "2026-05-01", "label": "port", "lines": lines }))["id"].clone();
    assert_eq!(
        client.get(&format!("/ledger_entries/{entry}"), &[]).json()["ledger_entry_lines"].as_array().map(Vec::len),
        Some(2)
    );
    done("/delete_entry", json!({ "id": entry }));
    done("/random_changes", json!({ "n": 20, "seed": 4 }));
    done("/event", json!({ "changelog": "customers", "event": { "id": 1, "operation": "delete" } }));
    let listed = control.get("/world/journals", &[]).json();
    assert_eq!(ids(listed.as_array().expect("a list")), fake.world(|world| world.ids("journals")));
    done("/config", json!({ "token": "changed", "latency": 5 }));
    assert_eq!(client.get("/me", &[]).status, 401);
    assert_eq!(control.get("/config", &[]).json()["latency"], 5);
    assert!(!fake.shutdown_requested());
    done("/shutdown", json!({}));
    assert!(fake.shutdown_requested());
}

#[test]
fn several_connections_are_served_at_once() {
    let fake = small();
    let base = fake.base_url();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let base = base.clone();
            std::thread::spawn(move || Client::new(base).walk("/customers", &[("sort", "id")]).len())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("a walk"), 240);
    }
}
