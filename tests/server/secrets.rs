//! The token and the records stay out of every log, message and catalog.

use crate::scene::{Scene, TOKEN};
use fake_pennylane::{Config, FakePennylane, Fault, FaultKind, Size};
use std::io::Write;

#[test]
fn the_token_is_nowhere_but_where_it_was_put() {
    let scene = Scene::synced();
    scene.value("SELECT count(*) FROM pennylane.check()");
    let echo = format!("bad token {TOKEN} at https://x.test/?signature=abc");
    for status in [400, 401, 500] {
        let kind = FaultKind::Status { status, headers: vec![], body: format!(r#"{{"message":"{echo}"}}"#) };
        scene.api.fault(Fault { path: "GET /customers".into(), skip: 0, times: u32::MAX, kind });
        let mut client = scene.connect();
        let _ = client.simple_query("SELECT * FROM pennylane.sync_full()");
        scene.api.clear_faults();
    }
    scene.api.fault(Fault::always("GET /me", FaultKind::Reset));
    let error = scene.error("sync_full()");
    assert!(!format!("{error:?}").contains(TOKEN));
    scene.api.clear_faults();
    scene.sync("sync_full()");
    let dump = scene.cluster.client("pg_dumpall", ["--no-role-passwords"]);
    assert!(!dump.contains(TOKEN), "in a dump");
    assert_eq!(
        scene
            .value(&format!(
                "SELECT count(*) FROM pg_settings WHERE setting LIKE '%{TOKEN}%' AND name LIKE 'pennylane%'"
            ))
            .unwrap(),
        "0"
    );
    let log = scene.cluster.log();
    let logged: Vec<&str> = log.lines().filter(|line| line.contains(TOKEN) && !line.contains("pg_settings")).collect();
    assert_eq!(logged, Vec::<&str>::new());
    assert!(!log.contains("signature="), "a signed link in the log");
}

#[test]
fn no_name_address_or_amount_of_a_record_is_logged() {
    let scene = Scene::synced();
    let id = scene.api.world(|world| world.ids("customers")[0]);
    let kind = FaultKind::ReplaceField { id, field: "created_at".into(), value: "Zorglub le Magnifique".into() };
    scene.api.fault(Fault::always("GET /customers", kind));
    scene.sync("sync_full()");
    let log = scene.cluster.log();
    assert!(log.contains("created_at"), "the field is named");
    assert!(!log.contains("Zorglub"), "its value is not");
    let names = scene.api.world(|world| world.list("customers"));
    for record in names.iter().chain(&scene.api.world(|world| world.list("suppliers"))) {
        for field in ["name", "billing_iban", "iban"] {
            if let Some(text) = record[field].as_str().filter(|text| text.len() > 8) {
                assert!(!log.contains(text), "{field}");
            }
        }
    }
}

#[test]
fn the_token_can_come_from_a_file_and_a_bad_file_is_named_without_its_content() {
    let api = FakePennylane::start(Config { size: Size::tiny(), token: TOKEN.into(), ..Config::default() });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    writeln!(file, "  {TOKEN}").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let scene = Scene::around(api, &[&format!("pennylane.api_token_file = '{path}'")]);
    assert_eq!(scene.sync("sync_full('products')")["products"].status, "ok");
    writeln!(file, "and something else").unwrap();
    let error = scene.error("sync_full('products')");
    assert_eq!(crate::scene::sqlstate(&error), "28000");
    assert!(crate::scene::words(&error).contains("pennylane.api_token_file"));
    assert!(!format!("{error:?}").contains(TOKEN));
    std::fs::remove_file(&path).unwrap();
    let error = scene.error("sync_full('products')");
    assert_eq!(crate::scene::sqlstate(&error), "28000");
}

#[test]
fn no_token_at_all_says_where_to_put_one() {
    let api = FakePennylane::start(Config { size: Size::tiny(), ..Config::default() });
    let settings = [format!("pennylane.api_base_url = '{}'", api.base_url())];
    let cluster = crate::cluster::Cluster::start(&settings, &[("PENNYLANE_API_TOKEN", "")]);
    let scene = Scene { api, cluster };
    scene.execute("CREATE EXTENSION penny_pg");
    let error = scene.error("sync_full()");
    assert_eq!(crate::scene::sqlstate(&error), "28000");
    assert!(crate::scene::words(&error).contains("PENNYLANE_API_TOKEN"));
}

#[test]
fn a_token_that_the_api_repeats_is_hidden_whatever_it_looks_like() {
    let token = "only-letters-here";
    let api = FakePennylane::start(Config { size: Size::tiny(), token: token.into(), ..Config::default() });
    let settings = [format!("pennylane.api_base_url = '{}'", api.base_url()), "pennylane.rate_limit = 0".into()];
    let cluster = crate::cluster::Cluster::start(&settings, &[("PENNYLANE_API_TOKEN", token)]);
    let scene = Scene { api, cluster };
    scene.execute("CREATE EXTENSION penny_pg");
    let body = format!(r#"{{"error":"who is Bearer {token}?","status":400}}"#);
    scene.api.fault(Fault::always("GET /customers", FaultKind::Status { status: 400, headers: vec![], body }));
    let done = scene.sync("sync_full()");
    let message = done["customers"].message.as_ref().unwrap();
    assert!(message.contains("who is Bearer (hidden)?"), "{message}");
    assert!(!scene.cluster.log().contains(token));
}
