//! Statements of users that are applied after each sync: when, in whose name, and never in the sync's way.

use crate::cluster::wait_until;
use crate::group::{Group, company};
use crate::log_scan::says;
use crate::recipe::blocks;
use crate::scene::{Scene, WORKER, sqlstate, sync, value, words};
use fake_pennylane::{Fault, FaultKind, Size};
use postgres::{Client, NoTls};
use serde_json::json;
use std::time::{Duration, Instant};

/// Two operators, each with a schema.
const ROLES: &str = "CREATE ROLE alice LOGIN IN ROLE pennylane_operator; CREATE SCHEMA own AUTHORIZATION alice; \
                     CREATE ROLE bob LOGIN IN ROLE pennylane_operator; CREATE SCHEMA his AUTHORIZATION bob; \
                     CREATE ROLE reader LOGIN; SELECT pennylane.grant_reader('reader')";

fn scene() -> Scene {
    let scene = Scene::synced();
    scene.execute(ROLES);
    scene.execute("GRANT CREATE ON DATABASE postgres TO alice");
    scene
}

/// A session of the first of them.
fn alice(scene: &Scene) -> Client {
    scene.cluster.connect_as("alice")
}

/// Something of this table is another at Pennylane.
fn change(scene: &Scene, table: &str) {
    scene.api.world(|world| {
        let id = world.ids(table)[0];
        world.update(table, id, |record| {
            let moved = record["external_reference"].as_str().unwrap_or_default().len() % 7;
            record.insert("external_reference".into(), json!("x".repeat(moved + 1)));
        });
    });
}

/// Adds a transform of the customers as alice.
fn add(scene: &Scene, name: &str, statement: &str) {
    let added = format!("SELECT pennylane.add_transform('{name}', $q${statement}$q$, '{{customers}}', '2 s')");
    alice(scene).batch_execute(&added).unwrap_or_else(|error| panic!("{added}: {error:?}"));
}

/// What a role is told when it adds this.
fn refused(client: &mut Client, arguments: &str) -> (String, String) {
    let error = client.batch_execute(&format!("SELECT pennylane.add_transform({arguments})")).expect_err(arguments);
    (sqlstate(&error).to_owned(), words(&error))
}

/// Changes the customers and syncs them in a superuser's session: the sync is ok whatever transforms do.
fn sync_customers(scene: &Scene) {
    change(scene, "customers");
    let done = sync(&mut scene.connect(), "sync_incremental('customers')");
    assert_eq!((done["customers"].status.as_str(), done["customers"].updated), ("ok", 1), "{done:?}");
    assert_eq!(scene.value("SELECT status FROM pennylane.sync_runs ORDER BY run_id DESC LIMIT 1").unwrap(), "ok");
}

/// Status and message of the last run of a transform.
fn last(scene: &Scene, name: &str) -> (String, String) {
    let query = "SELECT status || '|' || coalesce(message, '') FROM pennylane.transform_runs WHERE name = ";
    let last = scene.value(&format!("{query}'{name}' ORDER BY transform_run_id DESC LIMIT 1")).unwrap_or_default();
    let (status, message) = last.split_once('|').unwrap_or_default();
    (status.to_owned(), message.to_owned())
}

/// Its last run failed, and it is tried again.
fn failed(scene: &Scene, name: &str, because: &str) {
    let (status, message) = last(scene, name);
    assert!(status == "error" && message.contains(because), "{name}: {status}: {message}");
    assert_eq!(stale(scene, name), "t", "{name}");
}

fn stale(scene: &Scene, name: &str) -> String {
    scene.value(&format!("SELECT stale_since IS NOT NULL FROM pennylane.transforms WHERE name = '{name}'")).unwrap()
}

fn runs(scene: &Scene, name: &str) -> String {
    scene.value(&format!("SELECT count(*) FROM pennylane.transform_runs WHERE name = '{name}'")).unwrap()
}

#[test]
fn a_transform_runs_when_one_of_its_tables_changed_and_not_otherwise() {
    let scene = scene();
    alice(&scene).batch_execute("CREATE TABLE own.ran (at timestamptz, customers bigint)").unwrap();
    add(
        &scene,
        "count",
        "INSERT INTO own.ran SELECT clock_timestamp(), count(*) FROM pennylane.customers WHERE external_reference ~ '^x+$'",
    );
    assert_eq!(stale(&scene, "count"), "t");
    assert_eq!(runs(&scene, "count"), "0", "not before the next sync");
    scene.sync("sync_incremental('products')");
    assert_eq!(runs(&scene, "count"), "1", "what was added is applied by any sync");
    assert_eq!(stale(&scene, "count"), "f");
    scene.sync("sync_incremental()");
    change(&scene, "products");
    assert_eq!(scene.sync("sync_incremental('products')")["products"].updated, 1);
    assert_eq!(runs(&scene, "count"), "1", "none of its tables changed");
    sync_customers(&scene);
    assert_eq!(last(&scene, "count"), ("ok".into(), String::new()));
    assert_eq!(
        scene.value("SELECT string_agg(customers::text, ' ' ORDER BY at) FROM own.ran").unwrap(),
        "0 1",
        "it sees what the sync wrote"
    );
    let row = "SELECT concat_ws(' ', ran_as, rows, run_id = (SELECT max(run_id) FROM pennylane.sync_runs), finished_at >= started_at) \
               FROM pennylane.transform_runs ORDER BY transform_run_id DESC LIMIT 1";
    assert_eq!(scene.value(row).unwrap(), "alice 1 t t");
    assert!(value(&mut scene.cluster.connect_as("reader"), "SELECT count(*) FROM pennylane.transform_runs").is_some());
    // Changed in one place, applied from then on.
    add(&scene, "count", "INSERT INTO own.ran SELECT clock_timestamp(), -1");
    scene.sync("sync_incremental('products')");
    assert_eq!(scene.value("SELECT min(customers) FROM own.ran").unwrap(), "-1");
    alice(&scene).batch_execute("SELECT pennylane.drop_transform('count')").unwrap();
    sync_customers(&scene);
    assert_eq!(runs(&scene, "count"), "3");
    assert_eq!(scene.value("SELECT count(*) FROM pennylane._transform_marks").unwrap(), "0");
}

#[test]
fn transforms_run_in_order_of_name_and_one_that_fails_takes_nothing_from_the_others() {
    let scene = scene();
    alice(&scene)
        .batch_execute(
            "CREATE TABLE own.ran (place serial, name text UNIQUE); CREATE TABLE own.divisor AS SELECT 0 AS by",
        )
        .unwrap();
    add(&scene, "c", "INSERT INTO own.ran (name) VALUES ('c')");
    add(&scene, "b", "INSERT INTO own.ran (name) SELECT 'b' || 1 / by FROM own.divisor");
    add(&scene, "B", "INSERT INTO own.ran (name) VALUES ('B')");
    add(&scene, "a", "INSERT INTO own.ran (name) VALUES ('a')");
    sync_customers(&scene);
    let ran = "SELECT string_agg(name, ' ' ORDER BY place) FROM own.ran";
    assert_eq!(scene.value(ran).unwrap(), "B a c");
    failed(&scene, "b", "22012 (division by zero)");
    let check = "SELECT status || ': ' || detail FROM pennylane.check() WHERE item = 'transforms'";
    assert_eq!(scene.value(check).unwrap(), "warning: failed: b");
    // Tried again though nothing changed; the others are not.
    scene.execute("UPDATE own.divisor SET by = 1");
    scene.sync("sync_incremental('customers')");
    assert_eq!(scene.value(ran).unwrap(), "B a c b1");
    assert_eq!((last(&scene, "b").0.as_str(), stale(&scene, "b").as_str()), ("ok", "f"));
    assert_eq!(scene.value(check).unwrap(), "ok: 4 of them");
    // The others are kept, nothing of it is.
    sync_customers(&scene);
    failed(&scene, "c", "23505 (duplicate key value violates unique constraint \"ran_name_key\")");
}

#[test]
fn a_lesser_role_refreshes_its_views_and_calls_its_functions() {
    let scene = scene();
    alice(&scene)
        .batch_execute(
            "CREATE MATERIALIZED VIEW own.names AS SELECT id, external_reference FROM pennylane.customers; \
             CREATE UNIQUE INDEX ON own.names (id); CREATE TABLE own.calls (by name, session name); \
             CREATE FUNCTION own.call() RETURNS void LANGUAGE sql AS \
             'INSERT INTO own.calls VALUES (current_user, session_user)'; \
             CREATE FUNCTION own.refresh() RETURNS void LANGUAGE sql AS \
             'REFRESH MATERIALIZED VIEW CONCURRENTLY own.names'; \
             CREATE PROCEDURE own.act() LANGUAGE plpgsql AS \
             'BEGIN INSERT INTO own.calls VALUES (''procedure'', session_user); END'",
        )
        .unwrap();
    add(&scene, "refresh", "REFRESH MATERIALIZED VIEW CONCURRENTLY own.names");
    add(&scene, "refresh in a function", "SELECT own.refresh()");
    add(&scene, "refresh whole", "REFRESH MATERIALIZED VIEW own.names");
    add(&scene, "call", "SELECT own.call()");
    add(&scene, "procedure", "CALL own.act()");
    sync_customers(&scene);
    for name in ["refresh", "refresh whole", "call", "procedure"] {
        assert_eq!(last(&scene, name), ("ok".into(), String::new()), "{name}");
    }
    // It makes a temporary table, which is allowed to the statement alone.
    failed(
        &scene,
        "refresh in a function",
        "42501 (cannot create temporary table within security-restricted operation)",
    );
    assert_eq!(scene.value("SELECT count(*) FROM own.names WHERE external_reference ~ '^x+$'").unwrap(), "1");
    assert_eq!(scene.value("SELECT string_agg(by, ' ' ORDER BY by) FROM own.calls").unwrap(), "alice procedure");
    // One that is gone is named.
    scene.execute("DROP MATERIALIZED VIEW own.names");
    sync_customers(&scene);
    failed(&scene, "refresh", "42P01 (relation \"own.names\" does not exist)");
}

#[test]
fn a_statement_means_the_same_whoever_calls() {
    let scene = scene();
    alice(&scene).batch_execute("CREATE TABLE own.told (what text)").unwrap();
    add(
        &scene,
        "told",
        "INSERT INTO own.told SELECT concat_ws(' ', current_setting('timezone'), '31/12/2025'::date, '2025-06-30 23:30Z'::timestamptz, \
         'a\\b', interval '1 day 2 h', 1 = NULL)",
    );
    let mut session = scene.connect();
    session
        .batch_execute(
            "SET datestyle = 'SQL, MDY'; SET timezone = 'Asia/Jakarta'; SET intervalstyle = 'iso_8601'; \
             SET standard_conforming_strings = off; SET transform_null_equals = on; SET search_path = own; SET role = 'bob'",
        )
        .unwrap();
    sync(&mut session, "sync_incremental('customers')");
    assert_eq!(
        scene.value("SELECT what FROM own.told").unwrap(),
        "Europe/Paris 2025-12-31 2025-07-01 01:30:00+02 a\\b 1 day 02:00:00"
    );
    assert_eq!(value(&mut session, "SHOW datestyle").unwrap(), "SQL, MDY");
}

#[test]
fn one_that_runs_for_ever_is_ended_in_time_and_the_session_goes_on() {
    let scene = scene();
    alice(&scene)
        .batch_execute(
            "CREATE FUNCTION own.spin() RETURNS void LANGUAGE plpgsql AS 'BEGIN LOOP END LOOP; END'; \
             CREATE FUNCTION own.deaf() RETURNS text LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(3); RETURN ''; EXCEPTION WHEN query_canceled THEN RETURN 'caught'; END $$; \
             CREATE TABLE own.ran (name text)",
        )
        .unwrap();
    add(&scene, "a first", "INSERT INTO own.ran VALUES ('a')");
    add(&scene, "deaf", "INSERT INTO own.ran SELECT own.deaf()");
    add(&scene, "sleep", "SELECT pg_sleep(600)");
    add(&scene, "spin", "SELECT own.spin()");
    add(&scene, "z last", "INSERT INTO own.ran VALUES ('z')");
    change(&scene, "customers");
    let mut session = scene.connect();
    assert_eq!(sync(&mut session, "sync_incremental('customers')")["customers"].status, "ok");
    for name in ["sleep", "spin"] {
        failed(&scene, name, "it ran longer than 2s");
    }
    assert_eq!(scene.value("SELECT string_agg(name, ' ') FROM own.ran").unwrap(), "a caught z");
    // Nothing of the timers is left.
    assert_eq!(value(&mut session, "SELECT pg_sleep(2.2)").unwrap(), "");
}

#[test]
fn the_worker_ends_what_does_not_end_and_gives_up_what_cannot_be_ended() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1"]);
    scene.execute(ROLES);
    alice(&scene)
        .batch_execute(
            "CREATE FUNCTION own.never() RETURNS void LANGUAGE plpgsql AS \
             $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$; \
             CREATE TABLE own.ran (name text)",
        )
        .unwrap();
    add(&scene, "never", "SELECT own.never()");
    add(&scene, "sleep", "SELECT pg_sleep(600)");
    add(&scene, "write", "INSERT INTO own.ran VALUES ('w')");
    wait_until("it is given up", || last(&scene, "never").0 == "suspended");
    assert!(last(&scene, "never").1.contains("query_canceled"), "{:?}", last(&scene, "never"));
    wait_until("the others are tried", || runs(&scene, "write") == "1" && runs(&scene, "sleep") != "0");
    failed(&scene, "sleep", "it ran longer than 2s");
    assert_eq!(last(&scene, "write").0, "ok");
    assert_eq!(
        scene.value("SELECT count(*) FROM pennylane.sync_runs WHERE status NOT IN ('ok', 'running')").unwrap(),
        "0"
    );
    assert_eq!(runs(&scene, "never"), "1");
    let check = "SELECT detail FROM pennylane.check() WHERE item = 'transforms'";
    assert!(scene.value(check).unwrap().contains("suspended: never"));
    assert!(says(&scene.cluster.log(), "[WARNING] transform never: it did not stop"));
    assert!(says(&scene.cluster.log(), "[TRANSFORM] write: ok, 1 lignes"));
    // Added again it has another chance.
    add(&scene, "never", "INSERT INTO own.ran VALUES ('n')");
    wait_until("it runs", || last(&scene, "never").0 == "ok");
    assert_eq!(scene.value("SELECT string_agg(name, ' ' ORDER BY name) FROM own.ran").unwrap(), "n w");
}

#[test]
fn one_that_the_worker_was_at_when_it_ended_is_tried_again_and_given_up_after_two_crashes() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1"]);
    scene.execute(ROLES);
    alice(&scene)
        .batch_execute(
            "SELECT pennylane.add_transform('sleep', 'SELECT pg_catalog.pg_sleep(600)', '{customers}', '10 min')",
        )
        .unwrap();
    let at_it = || wait_until("it runs", || last(&scene, "sleep").0 == "running");
    let pid = || scene.value(WORKER).unwrap();
    at_it();
    let shown = "SELECT query FROM pg_stat_activity WHERE backend_type = 'penny_pg worker'";
    assert_eq!(scene.value(shown).unwrap(), "[TRANSFORM] sleep");
    scene.execute(&format!("SELECT pg_cancel_backend({})", pid()));
    wait_until("it is cancelled", || runs(&scene, "sleep") == "2");
    at_it();
    scene.execute(&format!("SELECT pg_terminate_backend({})", pid()));
    wait_until("it is told to end", || runs(&scene, "sleep") == "3");
    for crash in ["first", "second"] {
        at_it();
        assert!(std::process::Command::new("kill").args(["-9", &pid()]).status().unwrap().success());
        wait_until(crash, || {
            scene.cluster.try_value("SELECT 1").is_some()
                && scene
                    .cluster
                    .try_value(
                        "SELECT status FROM pennylane.transform_runs ORDER BY transform_run_id DESC LIMIT 1 OFFSET 1",
                    )
                    .is_some()
                && (last(&scene, "sleep").0 == "suspended" || runs(&scene, "sleep") == "4")
        });
    }
    wait_until("it is given up", || last(&scene, "sleep").0 == "suspended");
    let runs =
        "SELECT string_agg(status || ' ' || message, '|' ORDER BY transform_run_id) FROM pennylane.transform_runs";
    let runs = scene.value(runs).unwrap();
    let runs: Vec<&str> = runs.split('|').collect();
    assert!(runs[0] == "interrupted cancelled", "{runs:?}");
    assert!(runs[1].starts_with("interrupted its process was told to end"), "{runs:?}");
    assert!(runs[2].starts_with("interrupted its process ended before it did."), "{runs:?}");
    assert!(runs[3].starts_with("suspended its process ended before it did, twice"), "{runs:?}");
    assert_eq!(runs.len(), 4);
}

#[test]
fn a_worker_that_is_turned_off_leaves_what_it_was_at() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1"]);
    scene.execute(ROLES);
    alice(&scene)
        .batch_execute(
            "SELECT pennylane.add_transform('sleep', 'SELECT pg_catalog.pg_sleep(600)', '{customers}', '10 min')",
        )
        .unwrap();
    wait_until("it runs", || last(&scene, "sleep").0 == "running");
    let start = Instant::now();
    scene.cluster.configure(&["pennylane.worker = off"]);
    wait_until("it is gone", || scene.value(WORKER).is_none());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!((last(&scene, "sleep").0.as_str(), stale(&scene, "sleep").as_str()), ("interrupted", "t"));
}

#[test]
fn none_does_more_than_the_role_that_added_it() {
    let scene = scene();
    let mut session = alice(&scene);
    session
        .batch_execute(
            "CREATE TABLE own.said (who text); \
             CREATE FUNCTION own.execute(text) RETURNS void LANGUAGE plpgsql AS \
             $$ BEGIN EXECUTE $1; INSERT INTO own.said VALUES (current_user); END $$",
        )
        .unwrap();
    let attempts = [
        "DROP TABLE pennylane.customers",
        "DELETE FROM pennylane.customers",
        "UPDATE pennylane._transforms SET added_by = 'postgres'",
        "SELECT count(*) FROM pennylane.company_tokens",
        "SET ROLE pennylane_owner",
        "SET ROLE postgres",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION postgres",
        "SET SESSION AUTHORIZATION DEFAULT",
        "RESET SESSION AUTHORIZATION",
        "ALTER ROLE alice SUPERUSER",
        "CREATE TEMPORARY TABLE mine (id int)",
        "PREPARE later AS SELECT 1",
        "LISTEN later",
        "DISCARD ALL",
    ];
    for (place, attempt) in attempts.iter().enumerate() {
        add(&scene, &format!("{place}"), attempt);
        add(&scene, &format!("{place} in a function"), &format!("SELECT own.execute($in${attempt}$in$)"));
    }
    sync_customers(&scene);
    let through = "SELECT string_agg(t.statement, '; ') FROM pennylane.transform_runs JOIN pennylane.transforms t USING (name) \
                   WHERE status <> 'error'";
    assert_eq!(scene.value(through), None);
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.transform_runs").unwrap(), (2 * attempts.len()).to_string());
    failed(&scene, "0", "42501 (must be owner of table customers)");
    failed(&scene, "0 in a function", "42501 (must be owner of table customers)");
    assert_eq!(scene.value("SELECT count(*) FROM own.said").unwrap(), "0");
    assert_ne!(scene.value("SELECT count(*) FROM pennylane.customers").unwrap(), "0");
}

/// What would run later, with the rights of who called for the sync.
const TRAPS: &str = "
    CREATE TABLE own.fired (by name);
    CREATE FUNCTION own.note(text) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO own.fired VALUES (current_user); RETURN $1; END $$;
    CREATE FUNCTION own.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM own.note(''); RETURN NEW; END $$;
    CREATE TABLE own.deferred (id int);
    CREATE CONSTRAINT TRIGGER later AFTER INSERT ON own.deferred DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION own.later();
    CREATE FUNCTION own.trap(what text) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN
        CASE what
            WHEN 'deferred' THEN INSERT INTO own.deferred VALUES (1);
            WHEN 'held' THEN EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT own.note(lower(current_database()))';
            WHEN 'role' THEN EXECUTE 'SET ROLE postgres';
            WHEN 'temporary' THEN EXECUTE 'CREATE TEMPORARY TABLE customers (id int)';
            WHEN 'settings' THEN PERFORM set_config('search_path', 'own', false), set_config('datestyle', 'German', false);
            WHEN 'adds' THEN PERFORM pennylane.add_transform('of the caller', 'SELECT own.note(1::text)', '{customers}');
            WHEN 'syncs' THEN PERFORM pennylane.sync_full('products');
        END CASE;
        RETURN 1;
    END $$;";

#[test]
fn nothing_that_one_does_outlasts_it_with_the_rights_of_who_called() {
    let scene = scene();
    let mut session = alice(&scene);
    session.batch_execute(TRAPS).unwrap();
    let traps = ["deferred", "held", "role", "temporary", "settings", "adds", "syncs"];
    for trap in traps {
        add(&scene, trap, &format!("SELECT own.trap('{trap}')"));
        // The refresh runs its query by itself: not a way around either.
        session
            .batch_execute(&format!(
                "CREATE MATERIALIZED VIEW own.{trap}_view AS SELECT own.trap('{trap}') AS id WITH NO DATA; \
                 CREATE UNIQUE INDEX ON own.{trap}_view (id)"
            ))
            .unwrap();
        add(&scene, &format!("{trap} view"), &format!("REFRESH MATERIALIZED VIEW own.{trap}_view"));
    }
    session
        .batch_execute("CREATE MATERIALIZED VIEW own.switch AS SELECT 1 AS id; CREATE UNIQUE INDEX ON own.switch (id)")
        .unwrap();
    change(&scene, "customers");
    let mut caller = scene.connect();
    caller.batch_execute("BEGIN").unwrap();
    assert_eq!(sync(&mut caller, "sync_incremental('customers')")["customers"].status, "ok");
    caller.batch_execute("COMMIT").unwrap();
    // With data in them they can be refreshed beside their readers, which needs a temporary table.
    for trap in traps {
        scene.execute(&format!("UPDATE pg_class SET relispopulated = true WHERE oid = 'own.{trap}_view'::regclass"));
        add(&scene, &format!("{trap} view"), &format!("REFRESH MATERIALIZED VIEW CONCURRENTLY own.{trap}_view"));
    }
    sync_customers(&scene);
    let through =
        "SELECT string_agg(name, ', ' ORDER BY name COLLATE \"C\") FROM pennylane.transforms WHERE last_status = 'ok'";
    assert_eq!(
        scene.value(through).unwrap(),
        "adds, adds view, of the caller, settings, settings view",
        "what is not refused is as harmless as by hand"
    );
    assert_eq!(scene.value("SELECT string_agg(DISTINCT by, ',') FROM own.fired").unwrap(), "alice");
    assert_eq!(scene.value("SELECT added_by FROM pennylane.transforms WHERE name = 'of the caller'").unwrap(), "alice");
    for (setting, expected) in [("search_path", "\"$user\", public"), ("datestyle", "ISO, MDY"), ("role", "none")] {
        assert_eq!(value(&mut caller, &format!("SHOW {setting}")).unwrap(), expected);
    }
    assert_eq!(value(&mut caller, "SELECT count(*) FROM pg_cursors WHERE name = 'held'").unwrap(), "0");
    assert_eq!(value(&mut caller, "SELECT session_user || current_user").unwrap(), "postgrespostgres");
    // Nor does a superuser add what a view of hers adds.
    scene.execute("SELECT pennylane.drop_transform('of the caller'); REFRESH MATERIALIZED VIEW own.adds_view");
    assert_eq!(scene.value("SELECT added_by FROM pennylane.transforms WHERE name = 'of the caller'").unwrap(), "alice");
}

#[test]
fn transaction_control_in_a_procedure_is_refused() {
    let scene = scene();
    alice(&scene)
        .batch_execute(
            "CREATE TABLE own.ran (id int); \
             CREATE PROCEDURE own.commits() LANGUAGE plpgsql AS 'BEGIN INSERT INTO own.ran VALUES (1); COMMIT; END'; \
             CREATE PROCEDURE own.rolls_back() LANGUAGE plpgsql AS 'BEGIN ROLLBACK; END'",
        )
        .unwrap();
    add(&scene, "commits", "CALL own.commits()");
    add(&scene, "rolls back", "CALL own.rolls_back()");
    add(&scene, "vacuums", "VACUUM own.ran");
    sync_customers(&scene);
    failed(&scene, "commits", "2D000");
    failed(&scene, "rolls back", "2D000");
    failed(&scene, "vacuums", "25001");
    assert_eq!(scene.value("SELECT count(*) FROM own.ran").unwrap(), "0");
}

#[test]
fn a_transform_is_refused_when_it_is_added_rather_than_when_it_runs() {
    let scene = scene();
    let mut session = alice(&scene);
    session.batch_execute("CREATE TABLE own.ran (id int); SET search_path = own").unwrap();
    for (arguments, state, told) in [
        ("NULL, 'SELECT 1', '{customers}'", "22023", "name"),
        ("' ', 'SELECT 1', '{customers}'", "22023", "name"),
        ("E'a\nb', 'SELECT 1', '{customers}'", "22023", "name"),
        ("'t', NULL, '{customers}'", "22023", "needs a statement"),
        ("'t', ' -- nothing', '{customers}'", "22023", "needs a statement"),
        ("'t', 'SELECT 1; SELECT 2', '{customers}'", "22023", "one statement"),
        ("'t', 'CREATE TABLE own.x (id int); INSERT INTO own.x VALUES (1)', '{customers}'", "22023", "one statement"),
        ("'t', 'COMMIT', '{customers}'", "22023", "COMMIT"),
        ("'t', 'SAVEPOINT x', '{customers}'", "22023", "SAVEPOINT"),
        ("'t', 'SELEKT 1', '{customers}'", "42601", "SELEKT"),
        ("'t', 'SELECT 1', NULL", "22023", "customer_invoices"),
        ("'t', 'SELECT 1', '{}'", "22023", "customer_invoices"),
        ("'t', 'SELECT 1', '{customers,NULL}'", "22023", "customer_invoices"),
        ("'t', 'SELECT 1', '{customers,invoices}'", "22023", "\"invoices\""),
        ("'t', 'SELECT 1', '{sync_runs}'", "22023", "\"sync_runs\""),
        ("'t', 'SELECT 1', '{customers}', NULL", "22023", "timeout"),
        ("'t', 'SELECT 1', '{customers}', '0'", "22023", "timeout"),
        ("'t', 'SELECT 1', '{customers}', '-1 s'", "22023", "timeout"),
        ("'t', 'SELECT 1', '{customers}', '25 hours'", "22023", "timeout"),
        ("'t', 'INSERT INTO ran VALUES (1)', '{customers}'", "42P01", "with its schema"),
        ("'t', 'INSERT INTO own.ran SELECT ranned FROM own.ran', '{customers}'", "42703", "ranned"),
        ("'t', 'SELECT own.missing()', '{customers}'", "42883", "own.missing()"),
        ("'t', 'SELECT count(*) FROM pennylane._transforms; ', '{customers}'", "", ""),
    ] {
        if state.is_empty() {
            // Whether it may be read is asked when it runs.
            session.batch_execute(&format!("SELECT pennylane.add_transform({arguments})")).unwrap();
            continue;
        }
        let (found, said) = refused(&mut session, arguments);
        assert!(found == state && said.contains(told), "{arguments}: {found}: {said}");
    }
    assert_eq!(scene.value("SELECT string_agg(name, ',') FROM pennylane.transforms").unwrap(), "t");
    sync_customers(&scene);
    failed(&scene, "t", "42501 (permission denied for table _transforms)");
}

#[test]
fn a_transform_is_its_roles_and_needs_the_right_to_add_one() {
    let scene = scene();
    scene.execute("CREATE ROLE nobody LOGIN; CREATE ROLE helper LOGIN IN ROLE alice; CREATE ROLE admin LOGIN IN ROLE pennylane_owner");
    let mine = "'mine', 'SELECT 1', '{customers}'";
    for role in ["nobody", "reader"] {
        let mut client = scene.cluster.connect_as(role);
        assert_eq!(refused(&mut client, mine).0, "42501", "{role}");
        for attempt in [
            "SELECT pennylane.drop_transform('mine')",
            "TABLE pennylane.transforms",
            "TABLE pennylane._transforms",
            "TABLE pennylane._transform_marks",
        ] {
            assert_eq!(sqlstate(&client.batch_execute(attempt).expect_err(attempt)), "42501", "{role}: {attempt}");
        }
    }
    add(&scene, "mine", "SELECT 1");
    let mut bob = scene.cluster.connect_as("bob");
    assert_eq!(refused(&mut bob, mine).0, "42501");
    let error = bob.batch_execute("SELECT pennylane.drop_transform('mine')").expect_err("alice's");
    assert!(sqlstate(&error) == "42501" && words(&error).contains("no member of"), "{}", words(&error));
    let error = bob.batch_execute("SELECT pennylane.drop_transform('none')").expect_err("there is none");
    assert_eq!(sqlstate(&error), "22023");
    // Who takes it over answers for it.
    let by = "SELECT added_by FROM pennylane.transforms";
    for role in ["helper", "admin", "postgres"] {
        scene.cluster.connect_as(role).batch_execute(&format!("SELECT pennylane.add_transform({mine})")).unwrap();
        assert_eq!(scene.value(by).unwrap(), role);
        if role == "helper" {
            assert_eq!(
                sqlstate(&alice(&scene).batch_execute("SELECT pennylane.drop_transform('mine')").unwrap_err()),
                "42501"
            );
        }
    }
    assert!(says(&scene.cluster.log(), "the transform mine will run with the rights of a superuser"));
    scene.execute(&format!(
        "SELECT pennylane.drop_transform('mine'); SET ROLE bob; SELECT pennylane.add_transform({mine})"
    ));
    assert_eq!(scene.value(by).unwrap(), "bob", "it is the role of the moment that counts");
    // Who may not add any more has none run, and who is gone neither.
    add(&scene, "hers", "SELECT 1");
    scene.execute("REVOKE pennylane_operator FROM bob");
    sync_customers(&scene);
    failed(&scene, "mine", "\"bob\", which added it, may not");
    assert_eq!(last(&scene, "hers").0, "ok");
    scene.execute("DROP OWNED BY bob; DROP ROLE bob");
    sync_customers(&scene);
    failed(&scene, "mine", "\"bob\", which added it, is gone");
}

#[test]
fn a_cancel_ends_the_call_and_a_rollback_takes_the_work_back() {
    let scene = scene();
    alice(&scene).batch_execute("CREATE TABLE own.ran (id int)").unwrap();
    add(&scene, "a", "INSERT INTO own.ran VALUES (1)");
    change(&scene, "customers");
    let mut session = scene.connect();
    session.batch_execute("BEGIN").unwrap();
    assert_eq!(sync(&mut session, "sync_incremental('customers')")["customers"].updated, 1);
    assert_eq!(value(&mut session, "SELECT count(*) FROM own.ran").unwrap(), "1");
    session.batch_execute("ROLLBACK").unwrap();
    assert_eq!((runs(&scene, "a").as_str(), stale(&scene, "a").as_str()), ("0", "t"));
    assert_eq!(scene.value("SELECT count(*) FROM own.ran").unwrap(), "0");
    alice(&scene)
        .batch_execute("SELECT pennylane.add_transform('b', 'SELECT pg_catalog.pg_sleep(600)', '{customers}')")
        .unwrap();
    let cancel = session.cancel_token();
    std::thread::scope(|threads| {
        let call = threads
            .spawn(|| session.batch_execute("SELECT pennylane.sync_incremental('customers')").expect_err("cancelled"));
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        wait_until("it sleeps", || scene.value(sleeps).as_deref() == Some("1"));
        cancel.cancel_query(NoTls).unwrap();
        assert_eq!(sqlstate(&call.join().unwrap()), "57014");
    });
    assert_eq!((runs(&scene, "a").as_str(), runs(&scene, "b").as_str()), ("0", "0"));
    assert_eq!(value(&mut session, "SELECT count(*) FROM own.ran").unwrap(), "0");
    // The same by a timeout of the session.
    session.batch_execute("SET statement_timeout = '2s'").unwrap();
    let error = session.batch_execute("SELECT pennylane.sync_incremental('customers')").expect_err("timed out");
    assert_eq!(sqlstate(&error), "57014");
}

#[test]
fn no_value_of_a_record_is_told() {
    let scene = scene();
    let mut session = alice(&scene);
    session
        .batch_execute(
            "CREATE TABLE own.typed (n int); CREATE TABLE own.names (name text PRIMARY KEY); \
             CREATE FUNCTION own.shout(how text) RETURNS void LANGUAGE plpgsql AS $$ \
             DECLARE secret text; \
             BEGIN \
                 SELECT name INTO secret FROM pennylane.customers ORDER BY id LIMIT 1; \
                 RAISE LOG 'log %', secret; RAISE WARNING 'warning %', secret; \
                 CASE how \
                     WHEN 'raise' THEN RAISE EXCEPTION 'secret %', secret; \
                     WHEN 'as another' THEN RAISE EXCEPTION 'secret %', secret USING ERRCODE = '42501'; \
                     WHEN 'dynamic' THEN EXECUTE format('SELECT * FROM own.%I', secret); \
                     WHEN 'syntax' THEN EXECUTE format('SELECT 1 %I 2', secret); \
                     WHEN 'key' THEN INSERT INTO own.names VALUES (secret), (secret); \
                     ELSE NULL; \
                 END CASE; \
             END $$",
        )
        .unwrap();
    for how in ["raise", "as another", "dynamic", "syntax", "key", "warn"] {
        add(&scene, how, &format!("SELECT own.shout('{how}')"));
    }
    add(&scene, "type", "INSERT INTO own.typed SELECT name::int FROM pennylane.customers");
    scene.cluster.configure(&["pennylane.worker = on"]);
    scene.execute("SELECT pennylane.request_sync()");
    wait_until("each has run", || {
        scene.value("SELECT count(*) FROM pennylane.transform_runs WHERE status <> 'running'").unwrap() == "7"
    });
    assert_eq!(last(&scene, "warn").0, "ok");
    let messages = scene
        .value("SELECT string_agg(name || ': ' || message, '|' ORDER BY name) FROM pennylane.transform_runs")
        .unwrap();
    let names: Vec<String> = scene
        .api
        .world(|world| world.list("customers"))
        .iter()
        .filter_map(|c| c["name"].as_str().map(str::to_owned))
        .collect();
    for name in names.iter().filter(|name| name.len() > 5) {
        assert!(!messages.contains(name.as_str()), "{name}: {messages}");
        assert!(!says(&scene.cluster.log(), name), "{name} in the log");
    }
    for (name, because) in
        [("as another", "42501. "), ("dynamic", "42P01. "), ("key", "names_pkey"), ("type", "22P02. ")]
    {
        failed(&scene, name, because);
    }
}

#[test]
fn what_another_transaction_holds_open_delays_no_sync() {
    let group = Group::added(2, &[]);
    let scene = &group.scene;
    scene.execute(ROLES);
    scene.execute("SELECT pennylane.sync_full()");
    alice(scene).batch_execute("CREATE TABLE own.ran (id int)").unwrap();
    add(scene, "a", "INSERT INTO own.ran VALUES (1)");
    scene.execute("SELECT pennylane.sync_incremental('products')");
    assert_eq!((runs(scene, "a").as_str(), stale(scene, "a").as_str()), ("1", "f"));
    let sync_of = |client: &mut Client, number: u32| {
        group.api(number).world(|world| {
            let id = world.ids("customers")[0];
            world.update("customers", id, |customer| {
                customer.insert("external_reference".into(), json!(format!("moved {number}")));
            });
        });
        let call = format!("sync_incremental('customers', {})", company(number));
        assert_eq!(sync(client, &call)["customers"].updated, 1);
    };
    let mut first = scene.connect();
    first.batch_execute("BEGIN").unwrap();
    sync_of(&mut first, 0);
    assert_eq!(value(&mut first, "SELECT count(*) FROM own.ran").unwrap(), "2", "it applies, and stays open");
    let mut editor = alice(scene);
    editor
        .batch_execute("BEGIN; SELECT pennylane.add_transform('a', 'INSERT INTO own.ran VALUES (2)', '{customers}')")
        .unwrap();
    let start = Instant::now();
    sync_of(&mut scene.connect(), 1);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(stale(scene, "a"), "t");
    first.batch_execute("COMMIT").unwrap();
    assert_eq!((runs(scene, "a").as_str(), stale(scene, "a").as_str()), ("2", "t"), "the second one's change waits");
    scene.execute("SELECT pennylane.sync_incremental('products')");
    editor.batch_execute("COMMIT").unwrap();
    assert_eq!((runs(scene, "a").as_str(), stale(scene, "a").as_str()), ("3", "t"), "it was changed meanwhile");
    scene.execute("SELECT pennylane.sync_incremental('products')");
    assert_eq!(scene.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM own.ran").unwrap(), "1 1 1 2");
    // Rows that go without a sync are a change as well.
    scene.execute(&format!("SELECT pennylane.remove_company({}, keep_data => false)", company(1)));
    assert_eq!(stale(scene, "a"), "t");
}

#[test]
fn who_sees_one_company_adds_and_applies_nothing() {
    let group = Group::added(2, &[]);
    let scene = &group.scene;
    scene.execute(ROLES);
    scene.execute("SELECT pennylane.sync_full()");
    let seen = "SELECT count(DISTINCT company_id) FROM pennylane.customers";
    alice(scene).batch_execute("CREATE TABLE own.seen (companies int)").unwrap();
    add(scene, "a", &format!("INSERT INTO own.seen {seen}"));
    let mut bob = scene.cluster.connect_as("bob");
    bob.batch_execute("CREATE TABLE his.seen (companies int); GRANT ALL ON SCHEMA his TO pennylane_operator").unwrap();
    let arguments = format!("'b', 'INSERT INTO his.seen {seen}', '{{customers}}'");
    bob.batch_execute(&format!("SELECT pennylane.add_transform({arguments})")).unwrap();
    // By the group that he is a member of, too.
    scene.execute(&format!(
        "SET ROLE pennylane_operator; SELECT pennylane.add_transform('group', 'INSERT INTO his.seen {seen}', '{{customers}}'); \
         RESET ROLE; SELECT pennylane.grant_company('bob', {})",
        company(1)
    ));
    bob.batch_execute("SELECT pennylane.sync_incremental()").unwrap();
    assert_eq!((runs(scene, "a").as_str(), stale(scene, "a").as_str()), ("0", "t"), "in his session it would see less");
    scene.execute("SELECT pennylane.sync_incremental('products')");
    assert_eq!(scene.value("SELECT companies FROM own.seen").unwrap(), "2");
    for name in ["b", "group"] {
        failed(scene, name, "sees some companies only");
    }
    for role in ["bob", "pennylane_operator"] {
        bob.batch_execute(&format!("SET ROLE {role}")).unwrap();
        assert_eq!(refused(&mut bob, &arguments).0, "42501", "as {role}");
    }
    assert_eq!(scene.value("SELECT count(*) FROM his.seen").unwrap(), "0");
}

#[test]
fn a_run_that_is_cut_off_leaves_no_change_unapplied() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 1", "pennylane.request_timeout = 60"]);
    scene.execute(ROLES);
    scene.execute("SELECT pennylane.setup()");
    alice(&scene).batch_execute("CREATE TABLE own.ran (moved bigint)").unwrap();
    add(&scene, "a", "INSERT INTO own.ran SELECT count(*) FROM pennylane.customers WHERE external_reference ~ '^x+$'");
    wait_until("it was applied", || last(&scene, "a").0 == "ok" && stale(&scene, "a") == "f");
    let there = "SELECT 1 FROM pennylane.customers WHERE external_reference ~ '^x+$'";
    let moved = "SELECT max(moved) FROM own.ran";
    for how in ["-TERM", "-9"] {
        scene.execute("TRUNCATE own.ran");
        scene.api.fault(Fault::always("GET /fiscal_years", FaultKind::Hang));
        change(&scene, "customers");
        wait_until("the change is committed, and the run hangs", || scene.value(there).is_some());
        let pid = scene.value(WORKER).unwrap();
        assert!(std::process::Command::new("kill").args([how, &pid]).status().unwrap().success());
        scene.api.clear_faults();
        wait_until(how, || scene.cluster.try_value(moved).as_deref() == Some("1"));
        scene.api.world(|world| {
            let id = world.ids("customers")[0];
            world.update("customers", id, |customer| {
                customer.insert("external_reference".into(), json!("back"));
            });
        });
        wait_until("it is as before", || scene.value(there).is_none());
    }
}

#[test]
fn the_examples_of_the_page_run_as_they_stand() {
    const PAGE: &str = include_str!("../../docs/own-columns.md");
    let scene = Scene::synced();
    for block in blocks(PAGE, "Before you begin") {
        scene.execute(block.text);
    }
    let mut accountant = scene.cluster.connect_as("accountant");
    let mut run = |heading: &str| {
        for block in blocks(PAGE, heading) {
            assert_eq!(block.kind, "sql");
            accountant.batch_execute(block.text).unwrap_or_else(|error| panic!("{}: {error:?}", block.text));
        }
    };
    for heading in ["Payment delay", "Account classes", "Running balance", "See that they run"] {
        run(heading);
    }
    let ran = "SELECT string_agg(name || ' ' || status || coalesce(message, ''), ', ' ORDER BY transform_run_id) FROM pennylane.transform_runs";
    assert_eq!(scene.value(ran).unwrap(), "account classes ok, payment delays ok, running balance ok");
    // Power BI reads what they made, and it is right.
    let mut powerbi = scene.cluster.connect_as("powerbi");
    for fact in [
        "SELECT count(*) = (SELECT count(*) FROM pennylane.customer_invoices \
                            WHERE NOT draft AND archived_at IS NULL AND credited_invoice_id IS NULL) AND count(*) > 0 FROM own.payment_delays",
        "SELECT sum(debit) = (SELECT sum(debit) FROM pennylane.ledger_entry_lines) FROM own.account_months",
        "SELECT bool_and(balance = (SELECT sum(amount) FROM pennylane.transactions t \
                                    WHERE t.bank_account_id = r.bank_account_id AND t.archived_at IS NULL \
                                      AND (t.date, t.id) <= (r.date, r.transaction_id))) FROM own.running_balance r",
    ] {
        assert_eq!(value(&mut powerbi, fact).as_deref(), Some("t"), "{fact}");
    }
    // A change of the data is a change of the figures, and notes stay.
    scene.execute("UPDATE own.running_balance SET note = 'seen'");
    let id = scene.api.world(|world| {
        let id = world.ids("transactions")[0];
        world.update("transactions", id, |transaction| {
            transaction.insert("amount".into(), json!("1234.56"));
        });
        id
    });
    scene.sync("sync_incremental('transactions')");
    let moved = format!("SELECT amount || ' ' || note FROM own.running_balance WHERE transaction_id = {id}");
    assert_eq!(scene.value(&moved).unwrap(), "1234.56 seen");
    run("Change one, or drop it");
    assert_eq!(
        scene.value("SELECT string_agg(name || ' ' || timeout, ', ' ORDER BY name) FROM pennylane.transforms").unwrap(),
        "account classes 00:05:00, payment delays 00:02:00"
    );
}
