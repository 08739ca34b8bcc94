//! The tokens that `add_company()` is given: tried before they are kept, and seen by nobody.

use crate::cluster::wait_until;
use crate::group::{Group, company, tiny, token};
use crate::scene::{Scene, sqlstate, value, words};
use fake_pennylane::{Fault, FaultKind};
use postgres::{Client, NoTls};
use std::sync::{Arc, Mutex};

/// A session, and what it is told beside its results.
fn session(scene: &Scene) -> (Client, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = told.clone();
    let mut config = scene.cluster.config("postgres");
    config.notice_callback(move |notice| hear.lock().unwrap().push(notice.to_string()));
    (config.connect(NoTls).expect("a session"), told)
}

fn count(scene: &Scene, table: &str) -> i64 {
    scene.value(&format!("SELECT count(*) FROM pennylane.{table}")).unwrap().parse().unwrap()
}

#[test]
fn a_token_is_tried_before_it_is_kept() {
    let group = Group::new(2, &[]);
    let scene = &group.scene;
    for (wrong, word) in [("no-such-token", "refuses the token"), ("  ", "empty"), ("two words", "spaces")] {
        let error = scene.error(&format!("add_company('{wrong}')"));
        assert_eq!(sqlstate(&error), "28000", "{wrong:?}");
        assert!(words(&error).contains(word) && !words(&error).contains("two words"), "{}", words(&error));
    }
    assert_eq!(sqlstate(&scene.error("add_company(NULL)")), "28000");
    assert_eq!((count(scene, "companies"), count(scene, "company_tokens")), (0, 0));
    let added = scene.value(&format!("SELECT pennylane.add_company(E' \\n{}\\t', 'La menuiserie')", token(1)));
    assert_eq!(added, Some(company(1).to_string()));
    let row = "SELECT concat_ws('|', company_id, name, label, token_hint, enabled) FROM pennylane.companies";
    let name = tiny(1).company.name;
    let expected = format!("{}|{name}|La menuiserie|...{}|t", company(1), &token(1)[token(1).len() - 4..]);
    assert_eq!(scene.value(row), Some(expected.clone()));
    assert_eq!(sqlstate(&scene.error(&format!("rotate_token({}, NULL)", company(1)))), "28000");
    // What is here already is not given another token by mistake, nor another name.
    let error = scene.error(&format!("add_company('{}', 'autre')", token(1)));
    assert_eq!(sqlstate(&error), "22023");
    assert!(words(&error).contains(&format!("rotate_token({}", company(1))), "{}", words(&error));
    assert_eq!(scene.value(row), Some(expected));
    let error = scene.error(&format!("rotate_token({}, '{}')", company(0), token(0)));
    assert_eq!(sqlstate(&error), "22023", "nobody knows this company");
    // With the caller's transaction it comes and goes.
    scene.execute(&format!("BEGIN; SELECT pennylane.add_company('{}'); ROLLBACK", token(0)));
    assert_eq!((count(scene, "companies"), count(scene, "company_tokens")), (1, 1));
    let mut client = scene.connect();
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let error = client.batch_execute(&format!("SELECT pennylane.add_company('{}')", token(0))).expect_err("refused");
    assert_eq!(sqlstate(&error), "25006");
    // The tokens are nobody's to read.
    scene.execute("CREATE ROLE curious LOGIN IN ROLE pg_read_all_data, pg_monitor");
    let mut curious = scene.cluster.connect_as("curious");
    assert_eq!(value(&mut curious, "SELECT count(*) FROM pennylane.company_tokens").unwrap(), "0");
}

#[test]
fn the_statement_that_brings_a_token_is_nowhere() {
    let settings = ["log_min_duration_statement = 0", "pennylane.request_timeout = 60", "pennylane.retry_for = 1"];
    let group = Group::new(6, &settings);
    let scene = &group.scene;
    let (mut client, told) = session(scene);
    let mut secrets: Vec<String> = (0..6).map(token).collect();
    let mut said = Vec::new();
    // While the API is asked whose it is, another session looks on; then it is given up.
    group.api(0).fault(Fault::always("GET /me", FaultKind::Hang));
    let mut watcher = scene.connect();
    let pid = value(&mut client, "SELECT pg_backend_pid()").unwrap();
    let add = format!("SELECT pennylane.add_company('{}')", token(0));
    std::thread::scope(|threads| {
        let cancel = client.cancel_token();
        let asked = threads.spawn(|| client.batch_execute(&add).expect_err("cancelled"));
        wait_until("the API is asked", || group.api(0).requests().iter().any(|request| request.path == "/me"));
        let seen = format!("SELECT query FROM pg_stat_activity WHERE pid = {pid}");
        assert_eq!(value(&mut watcher, &seen).unwrap(), "(hidden: a statement with a token)");
        cancel.cancel_query(NoTls).unwrap();
        said.push(asked.join().unwrap());
    });
    group.api(0).clear_faults();
    // In a statement of its own, in a block, in a function, in a prepared statement, as the client's parameter; good and
    // wrong.
    client
        .batch_execute(
            "CREATE FUNCTION public.enrol(t text) RETURNS bigint LANGUAGE plpgsql AS \
             $$ BEGIN RETURN pennylane.add_company(t, 'par une fonction'); END $$; \
             PREPARE enrol AS SELECT pennylane.add_company($1)",
        )
        .unwrap();
    let forms: [fn(&str) -> String; 6] = [
        |token| format!("SELECT pennylane.add_company('{token}')"),
        |token| format!("DO $$ BEGIN PERFORM pennylane.add_company('{token}'); END $$"),
        |token| format!("SELECT public.enrol('{token}')"),
        |token| format!("EXECUTE enrol('{token}')"),
        |token| format!("CREATE TEMP TABLE t AS SELECT pennylane.add_company('{token}') AS c"),
        |token| format!("DO $$ BEGIN EXECUTE 'SELECT pennylane.add_company(''{token}'')'; END $$"),
    ];
    for (number, form) in (0..6).zip(forms) {
        let wrong = format!("wrong-secret-{number}-0d9a7e6b");
        said.push(client.batch_execute(&form(&wrong)).expect_err("refused"));
        client.batch_execute(&form(&token(number))).unwrap_or_else(|error| panic!("{}: {error:?}", form("...")));
        secrets.push(wrong);
    }
    let new = "new-secret-of-the-first-52c1a9".to_owned();
    group.api(0).set_config(|config| config.also_tokens.push(new.clone()));
    client.batch_execute(&format!("SELECT pennylane.rotate_token({}, '{new}')", company(0))).unwrap();
    said.push(
        client
            .batch_execute(&format!("SELECT pennylane.rotate_token({}, '{}')", company(0), token(1)))
            .expect_err("another company's"),
    );
    secrets.push(new.clone());
    assert_eq!(count(scene, "company_tokens"), 6);
    // What comes in parts is told part by part; only slow ones are here.
    scene.cluster.configure(&["log_min_duration_statement = 200"]);
    group.api(0).fault(Fault::always("GET /me", FaultKind::Delay { ms: 300 }));
    client.execute("SELECT pennylane.rotate_token($1, $2)", &[&company(0), &token(0)]).unwrap();
    let error = client.execute("SELECT pennylane.rotate_token($1, $2)", &[&company(0), &"wrong-secret-as-parameter"]);
    said.push(error.expect_err("refused"));
    client.execute(&format!("SELECT pennylane.rotate_token({}, '{new}')", company(0)), &[]).unwrap();
    secrets.push("wrong-secret-as-parameter".into());
    assert_eq!(value(&mut client, "SHOW log_parameter_max_length").unwrap(), "-1", "only meanwhile");

    let log = scene.cluster.log();
    let durations = log.lines().filter(|line| line.contains("duration:") && line.contains("----"));
    assert_eq!(durations.count(), forms.len() + 3, "each that was well");
    let refused = log.lines().filter(|line| line.contains("STATEMENT:") && line.contains("----"));
    assert_eq!(refused.count(), said.len(), "each that was not");
    let told = told.lock().unwrap().join("\n");
    let dump = scene.cluster.client("pg_dumpall", ["--no-role-passwords"]);
    for secret in secrets {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&secret)).collect();
        assert_eq!(lines, Vec::<&str>::new());
        assert!(!told.contains(&secret) && !dump.contains(&secret), "{secret}");
        assert!(said.iter().all(|error| !format!("{error:?}").contains(&secret)), "{secret}");
    }
    assert!(!told.contains("server's log"), "no false alarm: {told}");
}

#[test]
fn a_token_that_the_log_had_before_the_statement_began_is_told() {
    let group = Group::new(1, &[]);
    let (mut client, told) = session(&group.scene);
    let mut warned = |settings: &str, work: &mut dyn FnMut(&mut Client)| {
        client.batch_execute(settings).unwrap();
        told.lock().unwrap().clear();
        work(&mut client);
        client.batch_execute("RESET ALL").unwrap();
        let told = told.lock().unwrap().join("\n");
        told.contains("was written to the server's log").then_some(told)
    };
    let add = format!("SELECT pennylane.add_company('{}')", token(0));
    let rotate = format!("SELECT pennylane.rotate_token({}, $1)", company(0));
    let told = warned("SET log_statement = 'all'", &mut |client| client.batch_execute(&add).unwrap()).unwrap();
    assert!(told.contains("SET log_statement = none;"), "{told}");
    // One that failed is as well known.
    let told = warned("SET log_statement = 'all'", &mut |client| assert!(client.batch_execute(&add).is_err()));
    assert!(told.is_some());
    let in_parts = &mut |client: &mut Client| assert_eq!(client.execute(&rotate, &[&token(0)]).unwrap(), 1);
    for (setting, off) in [
        ("log_min_duration_statement = 0", "SET log_min_duration_statement = -1;"),
        ("log_min_duration_sample = 0", "SET log_min_duration_sample = -1;"),
        ("log_transaction_sample_rate = 1", "SET log_transaction_sample_rate = 0;"),
        ("log_min_messages = debug2", "SET log_min_messages = warning;"),
    ] {
        let told = warned(&format!("SET {setting}"), in_parts);
        assert!(told.as_ref().is_some_and(|told| told.contains(off)), "{setting}: {told:?}");
    }
    assert_eq!(warned("", in_parts), None);
    let whole = rotate.replace("$1", &format!("'{}'", token(0)));
    for setting in ["log_min_duration_statement = 0", "log_statement = 'mod'"] {
        let told = warned(&format!("SET {setting}"), &mut |client| client.batch_execute(&whole).unwrap());
        assert_eq!(told, None, "{setting}");
    }
}

#[test]
fn no_statistics_of_statements_hold_a_token() {
    let settings = [
        "shared_preload_libraries = 'penny_pg,pg_stat_statements'",
        "pg_stat_statements.track = all",
        "pg_stat_statements.track_utility = on",
    ];
    let group = Group::new(4, &settings);
    group.scene.execute("CREATE EXTENSION pg_stat_statements");
    group.add([0]);
    let mut client = group.scene.connect();
    client.batch_execute(&format!("DO $$ BEGIN PERFORM pennylane.add_company('{}'); END $$", token(1))).unwrap();
    client.execute("SELECT pennylane.add_company($1)", &[&token(2)]).unwrap();
    client.batch_execute(&format!("CREATE TABLE t AS SELECT pennylane.add_company('{}') AS c", token(3))).unwrap();
    // Two in one message: the second is found behind the first, in a text that is hidden by then.
    let behind = "SELECT repeat('x', 3) AS a_statement_that_is_long_enough, 12345 + 67890 AS with_constants_in_it";
    let both = format!("SELECT pennylane.rotate_token({}, '{}'); {behind}", company(1), token(1));
    client.batch_execute(&both).unwrap();
    let seen = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%add_company%'";
    assert_ne!(group.scene.value(seen).unwrap(), "0", "calls are counted");
    let held = "SELECT string_agg(query, E'\n') FROM pg_stat_statements";
    let held = group.scene.value(held).unwrap();
    for number in 0..4 {
        assert!(!held.contains(&token(number)), "{number}");
    }
}

#[test]
fn a_restored_dump_says_which_company_lacks_its_token_and_what_to_type() {
    let group = Group::added(2, &[]);
    let scene = &group.scene;
    scene.value("SELECT count(*) FROM pennylane.sync_full()");
    let dump = scene.cluster.file("dump.sql");
    let dump = dump.to_str().unwrap();
    scene.cluster.client("pg_dump", ["-f", dump, "postgres"]);
    let text = std::fs::read_to_string(dump).unwrap();
    assert!(text.contains("pennylane.companies") && (0..2).all(|number| !text.contains(&token(number))));
    scene.execute("CREATE DATABASE restored");
    scene.cluster.client("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-d", "restored", "-f", dump]);
    let mut client = scene.cluster.connect_to("restored");
    let companies = "SELECT string_agg(t::text, ',' ORDER BY company_id) FROM pennylane.companies t";
    assert_eq!(value(&mut client, companies), scene.value(companies));
    let rotate = |number: u32| format!("SELECT pennylane.rotate_token({}, '", company(number));
    let told = |client: &mut Client| {
        let told =
            "SELECT string_agg(concat_ws(' ', item, detail), E'\n') FROM pennylane.check() WHERE status = 'error'";
        value(client, told).unwrap_or_default()
    };
    let error = client.batch_execute("SELECT pennylane.sync_full()").expect_err("no token");
    assert_eq!(sqlstate(&error), "28000");
    assert!(words(&error).contains(&rotate(0)), "{}", words(&error));
    let ill = told(&mut client);
    assert!(ill.contains(&rotate(0)) && ill.contains(&rotate(1)), "{ill}");
    client.batch_execute(&format!("{}{}')", rotate(0), token(0))).unwrap();
    let ill = told(&mut client);
    assert!(!ill.contains(&rotate(0)) && ill.contains(&rotate(1)), "{ill}");
    let query = "SELECT table_name, status, inserted + updated + deleted, message FROM pennylane.sync_full()";
    let rows = client.query(query, &[]).unwrap();
    let (whole, tables): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get::<_, Option<String>>(0).is_none());
    assert!(whole.len() == 1 && whole[0].get::<_, String>(3).contains(&rotate(1)), "{whole:?}");
    assert_eq!(tables.len(), 13);
    assert!(tables.iter().all(|row| row.get::<_, String>(1) == "ok" && row.get::<_, i64>(2) == 0), "{tables:?}");
    client.batch_execute(&format!("{}{}')", rotate(1), token(1))).unwrap();
    assert_eq!(told(&mut client), "");
}

#[test]
fn no_publication_carries_tokens() {
    let group = Group::new(1, &["wal_level = logical"]);
    let scene = &group.scene;
    let all = ["FOR ALL TABLES", "FOR TABLES IN SCHEMA pennylane", "FOR TABLE pennylane.company_tokens"];
    let add = format!("add_company('{}')", token(0));
    for what in all {
        scene.execute(&format!("CREATE PUBLICATION everything {what}"));
        let error = scene.error(&add);
        assert_eq!(sqlstate(&error), "55000", "{what}");
        assert!(words(&error).contains("everything") && words(&error).contains("SET TABLE"), "{}", words(&error));
        let told = scene.value("SELECT status FROM pennylane.check() WHERE item = 'tokens'");
        assert_eq!(told.as_deref(), Some("error"));
        scene.execute("DROP PUBLICATION everything");
    }
    assert_eq!(count(scene, "company_tokens"), 0);
    scene.value(&format!("SELECT pennylane.{add}"));
    scene.execute("SELECT pennylane.setup()");
    let refused = |statement: &str| {
        let error = scene.connect().batch_execute(statement).expect_err(statement);
        assert_eq!(sqlstate(&error), "55000", "{statement}");
        assert!(words(&error).contains("FOR TABLE pennylane.customers"), "{}", words(&error));
    };
    for what in all {
        refused(&format!("CREATE PUBLICATION everything {what}"));
    }
    scene.execute("CREATE PUBLICATION copy FOR TABLE pennylane.customers, pennylane.suppliers");
    refused("ALTER PUBLICATION copy ADD TABLE pennylane.company_tokens");
    refused("ALTER PUBLICATION copy ADD TABLES IN SCHEMA pennylane");
    assert_eq!(scene.value("SELECT status FROM pennylane.check() WHERE item = 'tokens'"), None);
    // Others go on with theirs.
    scene.execute(
        "CREATE ROLE other LOGIN; GRANT CREATE ON DATABASE postgres TO other; CREATE SCHEMA other AUTHORIZATION other",
    );
    let mut other = scene.cluster.connect_as("other");
    other
        .batch_execute("CREATE TABLE other.mine (id int); CREATE PUBLICATION mine FOR TABLE other.mine; ALTER PUBLICATION mine RENAME TO ours")
        .unwrap();
    // With the last token the reason goes.
    scene.execute(&format!(
        "SELECT pennylane.remove_company({}); CREATE PUBLICATION everything FOR ALL TABLES",
        company(0)
    ));
}
