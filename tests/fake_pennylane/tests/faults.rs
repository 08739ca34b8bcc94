//! Each fault does what it says, to the requests that it names and to no other.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fake_pennylane::{Company, FakePennylane, Fault, FaultKind, Trigger, When};
use serde_json::{Value, json};
use support::{Client, Reply, client, filter, ids, small, tiny};

/// The answer to one list request under one fault.
fn under(fake: &FakePennylane, kind: FaultKind) -> Reply {
    fake.fault(Fault::once("GET /customers", kind));
    client(fake).get("/customers", &[("limit", "100"), ("sort", "id")])
}

/// What comes over a bare connection until it is closed, or until patience ends.
fn raw(fake: &FakePennylane, patience: Duration) -> (String, bool) {
    let address = fake.base_url().replace("http://", "").replace("/api/external/v2", "");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    let request = "GET /api/external/v2/customers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer fake-token\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a request");
    let mut received = Vec::new();
    let start = Instant::now();
    let closed = loop {
        if start.elapsed() > patience {
            break false;
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break true,
            Err(_) => break false,
        }
    };
    (String::from_utf8_lossy(&received).into_owned(), closed)
}

#[test]
fn a_fault_passes_some_hits_some_and_is_over() {
    let fake = tiny();
    let kind =
        FaultKind::Status { status: 503, headers: vec![("x-why".into(), "test".into())], body: "<h1>non</h1>".into() };
    fake.fault(Fault { path: "GET /customers".into(), skip: 1, times: 2, kind });
    let client = client(&fake);
    let statuses: Vec<u16> = (0..4).map(|_| client.get("/customers", &[]).status).collect();
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert_eq!(client.get("/suppliers", &[]).status, 200);
    fake.fault(Fault::always("", FaultKind::Status { status: 500, headers: Vec::new(), body: String::new() }));
    assert_eq!(client.get("/me", &[]).status, 500);
    fake.clear_faults();
    assert_eq!(client.get("/me", &[]).status, 200);
}

#[test]
fn a_fault_is_matched_with_the_decoded_query() {
    let fake = tiny();
    fake.fault(Fault::always("GET /customers?filter=[{\"field\":\"id\"", FaultKind::EmptyList));
    let filter = filter("id", "gt", 1);
    assert!(!client(&fake).get("/customers", &[]).items().is_empty());
    assert!(client(&fake).get("/customers", &[("filter", &filter)]).items().is_empty());
}

#[test]
fn too_many_requests_is_plain_text_with_its_retry_after() {
    let fake = tiny();
    let reply = under(&fake, FaultKind::TooManyRequests { retry_after: Some("7".into()) });
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")));
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    assert!(serde_json::from_str::<Value>(&reply.text).is_err());
    assert_eq!(under(&fake, FaultKind::TooManyRequests { retry_after: None }).header("retry-after"), None);
}

#[test]
fn broken_connections_break_as_announced() {
    let fake = tiny();
    fake.fault(Fault::once("", FaultKind::Reset));
    assert_eq!(raw(&fake, Duration::from_secs(2)), (String::new(), true));
    fake.fault(Fault::once("", FaultKind::Truncate { keep_bytes: 100 }));
    let (cut, closed) = raw(&fake, Duration::from_secs(2));
    let (head, body) = cut.split_once("\r\n\r\n").expect("a header");
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .expect("a length");
    assert!(closed && body.len() == 100 && length > 1_000, "{} of {length}", body.len());
    fake.fault(Fault::once("", FaultKind::ContentLength { bytes: 123_456_789 }));
    let (short, closed) = raw(&fake, Duration::from_secs(2));
    assert!(closed && short.contains("content-length: 123456789") && short.len() < 100_000, "{}", short.len());
    fake.fault(Fault::once("", FaultKind::Hang));
    assert_eq!(raw(&fake, Duration::from_millis(300)), (String::new(), false));
    fake.fault(Fault::once("", FaultKind::Drip));
    let (dripped, closed) = raw(&fake, Duration::from_millis(1_200));
    assert!(!closed && dripped.contains("200 OK"), "{dripped}");
    fake.fault(Fault::once("", FaultKind::Endless));
    let (endless, closed) = raw(&fake, Duration::from_millis(300));
    assert!(!closed && endless.len() > 1_000_000, "{}", endless.len());
    let statuses: Vec<u16> = fake.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 200, 200, 0, 200, 200]);
}

#[test]
fn a_delay_delays_and_latency_does_so_always() {
    let fake = tiny();
    let start = Instant::now();
    under(&fake, FaultKind::Delay { ms: 120 });
    assert!(start.elapsed() >= Duration::from_millis(120));
    fake.set_config(|config| config.latency = Duration::from_millis(80));
    let start = Instant::now();
    client(&fake).get("/me", &[]);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[test]
fn bodies_that_are_not_the_json_they_should_be() {
    let fake = tiny();
    assert!(serde_json::from_str::<Value>(&under(&fake, FaultKind::GarbageJson).text).is_err());
    let html = under(&fake, FaultKind::Html200);
    assert!(html.status == 200 && html.text.starts_with("<!DOCTYPE"));
    let moved = under(&fake, FaultKind::Redirect { to: "http://127.0.0.1:9/".into() });
    assert_eq!((moved.status, moved.header("location")), (302, Some("http://127.0.0.1:9/")));
    let raw = FaultKind::RawReplace { from: "\"has_more\"".into(), to: "\"lone\":\"\\ud800\",\"has_more\"".into() };
    assert!(under(&fake, raw).text.contains("\\ud800"));
    assert!(under(&fake, FaultKind::NoDateHeader).header("date").is_none());
    assert!(client(&fake).get("/me", &[]).header("date").is_some());
}

#[test]
fn pages_that_repeat_or_go_backwards() {
    let fake = small();
    let client = client(&fake);
    let first = client.get("/customers", &[("sort", "id")]);
    let cursor = first.json()["next_cursor"].as_str().expect("a cursor").to_owned();
    let next = |kind: FaultKind| {
        fake.fault(Fault::once("GET /customers", kind));
        client.get("/customers", &[("sort", "id"), ("cursor", &cursor)])
    };
    let repeated = next(FaultKind::RepeatCursor).json();
    assert_eq!((&repeated["next_cursor"], &repeated["has_more"]), (&json!(cursor), &json!(true)));
    assert_eq!(next(FaultKind::RepeatPage).items(), first.items());
    fake.fault(Fault::once("GET /customers", FaultKind::RepeatPage));
    let after = filter("id", "gt", ids(&first.items())[19]);
    assert_eq!(client.get("/customers", &[("sort", "id"), ("filter", &after)]).items(), first.items());
    let shuffled = ids(&under(&fake, FaultKind::Shuffle).items());
    assert!(shuffled.len() == 100 && !shuffled.is_sorted());
    assert!(!ids(&under(&fake, FaultKind::Descending).items()).is_sorted());
}

#[test]
fn an_empty_page_with_more_leads_to_the_page_that_it_should_have_been() {
    let fake = small();
    let client = client(&fake);
    let whole = ids(&client.walk("/customers", &[("sort", "id")]));
    for skip in 0..4 {
        fake.fault(Fault { path: "GET /customers".into(), skip, times: 1, kind: FaultKind::EmptyPage });
        assert_eq!(ids(&client.walk("/customers", &[("sort", "id")])), whole);
    }
    let events = client.walk("/changelogs/customers", &[("limit", "25")]);
    for skip in 0..3 {
        fake.fault(Fault { path: "GET /changelogs".into(), skip, times: 1, kind: FaultKind::EmptyPage });
        assert_eq!(client.walk("/changelogs/customers", &[("limit", "25")]), events);
    }
}

#[test]
fn lists_that_end_too_soon() {
    let fake = small();
    let empty = under(&fake, FaultKind::EmptyList).json();
    assert_eq!((&empty["items"], &empty["has_more"]), (&json!([]), &json!(false)));
    fake.fault(Fault::always("GET /customers", FaultKind::HalfList));
    let client = client(&fake);
    for sort in ["id", "-id"] {
        let half = client.walk("/customers", &[("sort", sort), ("limit", "30")]).len();
        assert!((110..=130).contains(&half), "{half} of 240");
    }
    let mut last = 0;
    let mut found = 0;
    loop {
        let after = filter("id", "gt", last);
        let page = client.get("/customers", &[("filter", &after), ("sort", "id"), ("limit", "50")]);
        found += page.items().len();
        last = ids(&page.items()).last().copied().unwrap_or(last);
        if page.json()["has_more"] == false {
            break;
        }
    }
    assert!((110..=130).contains(&found), "{found} of 240");
}

#[test]
fn single_rows_and_fields_go_wrong_in_the_answer_only() {
    let fake = tiny();
    let before = fake.world(|world| world.list("customers"));
    let id = before[3]["id"].as_i64().expect("an id");
    assert!(!ids(&under(&fake, FaultKind::DropRow { id }).items()).contains(&id));
    assert!(under(&fake, FaultKind::RecordWithoutId).items()[0].get("id").is_none());
    let replace = FaultKind::ReplaceField { id, field: "billing_address.city".into(), value: json!(12) };
    assert_eq!(under(&fake, replace).items()[3]["billing_address"]["city"], 12);
    let unknown = under(&fake, FaultKind::UnknownFields).items();
    assert!(
        unknown.iter().all(|row| row["new_field_amount"] == "12.34" && row["new_field_object"]["b"]["url"].is_string())
    );
    assert_eq!(fake.world(|world| world.list("customers")), before);
}

#[test]
fn parameters_that_are_ignored() {
    let fake = small();
    let client = client(&fake);
    fake.fault(Fault::once("GET /customers", FaultKind::IgnoreLimit));
    assert_eq!(client.get("/customers", &[("limit", "100")]).items().len(), 20);
    fake.fault(Fault::once("GET /customers", FaultKind::IgnoreFilter));
    let nothing = filter("id", "lt", 1);
    assert_eq!(client.get("/customers", &[("filter", &nothing)]).items().len(), 20);
}

#[test]
fn refusals_on_demand() {
    let fake = tiny();
    assert_eq!(under(&fake, FaultKind::ScopeDenied).status, 403);
    assert_eq!(under(&fake, FaultKind::ExpiredCursor).status, 400);
    assert_eq!(under(&fake, FaultKind::Retention422).status, 422);
    let company = Company { id: 99, ..Company::default() };
    fake.fault(Fault::once("GET /me", FaultKind::FirstCompany { company }));
    let client = client(&fake);
    assert_eq!(client.get("/me", &[]).json()["company"]["id"], 99);
    assert_ne!(client.get("/me", &[]).json()["company"]["id"], 99);
}

#[test]
fn a_trigger_changes_the_world_before_or_after_its_request() {
    let fake = tiny();
    let client = client(&fake);
    let count = || client.get("/products", &[("limit", "100")]).items().len();
    for (when, expected) in [(When::Before, [7, 7]), (When::After, [7, 6])] {
        fake.on_request(Trigger { path: "GET /products".into(), skip: 0, when }, |world| {
            let id = world.ids("products")[0];
            world.delete("products", id);
        });
        assert_eq!([count(), count()], expected, "{when:?}");
    }
}

#[test]
fn faults_travel_as_json() {
    let fault = Fault { path: "GET".into(), skip: 2, times: u32::MAX, kind: FaultKind::DropRow { id: 5 } };
    let text = serde_json::to_string(&fault).expect("JSON");
    assert_eq!(serde_json::from_str::<Fault>(&text).expect("a fault"), fault);
    let short: Fault = serde_json::from_value(json!({ "kind": "Hang" })).expect("a fault");
    assert_eq!((short.times, short.skip, short.path.as_str()), (1, 0, ""));
}

#[test]
fn a_stopped_fake_refuses_connections_and_comes_back_on_the_same_port() {
    let fake = tiny();
    let client: Client = client(&fake);
    assert_eq!(client.get("/me", &[]).status, 200);
    fake.stop();
    assert!(client.try_get("/me", &[]).is_err());
    let address = fake.base_url().replace("http://", "").replace("/api/external/v2", "");
    let refused = TcpStream::connect(address).expect_err("no one listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    fake.restart();
    assert_eq!(client.get("/me", &[]).status, 200);
}
