//! Upgrades: a database that was made by an older version ends as one that is made by this one, with all that is in it.

use crate::cluster::{Cluster, wait_until};
use crate::recipe;
use crate::scene::{SCHEDULER, Scene, TABLES, sqlstate, sync, value, words};
use fake_pennylane::Size;
use postgres::Client;

/// What `setup()` of 0.1.0 made.
const FIRST_TABLES: &str = include_str!("../fixtures/upgrade/tables--0.1.0.sql");
const UPDATE: &str = "ALTER EXTENSION penny_pg UPDATE";

/// Everything that makes the objects of a database what they are, a line each: those of the schema, and those that the
/// extension owns elsewhere. Who may do what is written out, so that what is said and what goes without saying are the same.
const OBJECTS: &str = "
    WITH relations AS (
        SELECT * FROM pg_class WHERE relnamespace = 'pennylane'::regnamespace
    ), rights (object, owner, acl) AS (
        SELECT oid::regclass::text, relowner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END, relowner))
        FROM relations WHERE relkind IN ('r', 'v', 'S')
        UNION ALL
        SELECT attrelid::regclass || '.' || attname, r.relowner, attacl FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
        UNION ALL
        SELECT oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
        FROM pg_proc WHERE pronamespace = 'pennylane'::regnamespace
        UNION ALL
        SELECT 'schema ' || nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname = 'pennylane'
    )
    SELECT concat_ws(' ', 'right', object, coalesce(grantee::regrole::text, ''), privilege_type, is_grantable)
    FROM rights CROSS JOIN LATERAL aclexplode(acl)
    UNION ALL
    SELECT concat_ws(' ', 'owner', object, owner::regrole) FROM rights
    UNION ALL
    SELECT concat_ws(' ', 'relation', oid::regclass, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relreplident, reloptions)
    FROM relations
    UNION ALL
    SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                     attgenerated, attstattarget, pg_get_expr(adbin, adrelid))
    FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(c.oid), convalidated)
    FROM pg_constraint c JOIN relations r ON r.oid = conrelid
    UNION ALL
    SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid)) FROM pg_index i JOIN relations r ON r.oid = i.indrelid
    UNION ALL
    SELECT concat_ws(' ', 'trigger', tgrelid::regclass, regexp_replace(tgname, '[0-9]+', ''), tgfoid::regproc, tgenabled, count(*))
    FROM pg_trigger t JOIN relations r ON r.oid = tgrelid GROUP BY tgrelid, regexp_replace(tgname, '[0-9]+', ''), tgfoid, tgenabled
    UNION ALL
    SELECT concat_ws(' ', 'policy', polrelid::regclass, polname, polpermissive, polroles, pg_get_expr(polqual, polrelid)) FROM pg_policy
    UNION ALL
    SELECT concat_ws(' ', 'view', oid::regclass, pg_get_viewdef(oid)) FROM relations WHERE relkind = 'v'
    UNION ALL
    SELECT concat_ws(' ', 'function', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'pennylane'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'event trigger', evtname, evtevent, evtfoid::regproc, evtenabled, evttags, evtowner::regrole) FROM pg_event_trigger
    UNION ALL
    SELECT concat_ws(' ', 'comment', pg_describe_object(classoid, objoid, objsubid), description) FROM pg_description
    WHERE pg_describe_object(classoid, objoid, objsubid) LIKE '%pennylane.%'
    UNION ALL
    SELECT concat_ws(' ', 'member', pg_describe_object(classid, objid, objsubid)) FROM pg_depend
    WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'penny_pg')
    UNION ALL
    SELECT concat_ws(' ', 'dumped', c.table_oid::regclass, c.condition)
    FROM pg_extension CROSS JOIN LATERAL unnest(extconfig, extcondition) AS c (table_oid, condition) WHERE extname = 'penny_pg'
    UNION ALL
    SELECT concat_ws(' ', 'extension', extversion, extowner::regrole, extnamespace::regnamespace) FROM pg_extension WHERE extname = 'penny_pg'
    ORDER BY 1";

fn objects(client: &mut Client) -> Vec<String> {
    client.query(OBJECTS, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// A database named `old` as 0.1.0 left it.
fn old_database(cluster: &Cluster) -> Client {
    cluster.connect().batch_execute("CREATE DATABASE old").unwrap();
    let mut client = cluster.connect_to("old");
    client.batch_execute("CREATE EXTENSION penny_pg VERSION '0.1.0'; SET ROLE pennylane_owner").unwrap();
    client.batch_execute(FIRST_TABLES).unwrap();
    client
        .batch_execute(
            "SELECT pennylane._share(ARRAY(SELECT name::name FROM pennylane._data_tables() AS t (name)) || 'fec_legal'::name); \
             SELECT pennylane._disarm_foreign_keys(); RESET ROLE",
        )
        .unwrap();
    client
}

/// What whoever installs gives to others by default.
const GENEROUS: &str = "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO neighbour; \
                        ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO neighbour";

/// Fails with what one has and the other has not.
fn assert_same(found: &[String], expected: &[String]) {
    let missing: Vec<&String> = expected.iter().filter(|line| !found.contains(line)).collect();
    let too_many: Vec<&String> = found.iter().filter(|line| !expected.contains(line)).collect();
    assert!(missing.is_empty() && too_many.is_empty(), "missing: {missing:#?}\ntoo many: {too_many:#?}");
}

#[test]
fn an_upgraded_database_equals_a_fresh_one() {
    let scene = Scene::new();
    let mut fresh = scene.connect();
    fresh.batch_execute("CREATE DATABASE generous").unwrap();
    fresh.batch_execute("SELECT pennylane.setup(); CREATE ROLE neighbour").unwrap();
    let fresh = objects(&mut fresh);
    assert!(fresh.len() > 2000, "the snapshot looks at nothing: {} lines", fresh.len());
    let mut old = old_database(&scene.cluster);
    old.batch_execute(GENEROUS).unwrap();
    old.batch_execute(&format!("{UPDATE}; SELECT pennylane.setup()")).unwrap();
    assert_same(&objects(&mut old), &fresh);
    let mut generous = scene.cluster.connect_to("generous");
    generous.batch_execute(GENEROUS).unwrap();
    generous.batch_execute("CREATE EXTENSION penny_pg; SELECT pennylane.setup()").unwrap();
    assert_same(&objects(&mut generous), &fresh);
}

#[test]
fn tables_of_an_older_version_are_brought_up_to_date_with_all_that_is_in_them() {
    let scene = Scene::synced();
    let mut old = old_database(&scene.cluster);
    // The rows that a sync of then has left, and what users have made of the tables.
    let data = scene.cluster.file("data.sql");
    let tables = TABLES.iter().chain(&["fec", "analytical_ledger", "sync_state", "exports", "companies"]);
    let mut dump = vec!["-a".to_owned(), "-f".to_owned(), data.display().to_string()];
    dump.extend(tables.map(|table| format!("--table=pennylane.{table}")));
    scene.cluster.client("pg_dump", dump.iter().map(String::as_str).chain(["postgres"]));
    scene.cluster.client("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-d", "old", "-f", data.to_str().unwrap()]);
    old.batch_execute(
        "SELECT setval(pg_get_serial_sequence('pennylane.exports', 'export_id'), max(export_id)) FROM pennylane.exports; \
         CREATE VIEW public.mine AS SELECT id, label FROM pennylane.ledger_entry_lines; \
         CREATE ROLE analyst; GRANT SELECT ON pennylane.ledger_entry_lines TO analyst; \
         ALTER TABLE pennylane.ledger_entry_lines ADD COLUMN mine text DEFAULT 'kept'; \
         ALTER TABLE pennylane.transactions DROP COLUMN created_at; \
         DROP INDEX pennylane.customer_invoices_date_idx; \
         COMMENT ON COLUMN pennylane.customers.name IS 'ours'; \
         COMMENT ON COLUMN pennylane.transactions.journal_id IS 'ours'",
    )
    .unwrap();
    let digest = "SELECT count(*) || md5(string_agg(t::text, ',' ORDER BY id)) FROM pennylane.ledger_entry_lines t";
    let before = value(&mut old, digest);
    old.batch_execute(UPDATE).unwrap();
    // A sync works with the tables as they are, and says what is to be done.
    let layout = "SELECT status || ': ' || detail FROM pennylane.check() WHERE item = 'tables'";
    assert!(value(&mut old, layout).unwrap().starts_with("warning: layout 1"));
    let done = sync(&mut old, "sync_incremental()");
    assert!(done.values().all(|table| ["ok", "skipped"].contains(&table.status.as_str())), "{done:#?}");
    assert_eq!(value(&mut old, "SELECT count(*) FROM pennylane.data_layout").unwrap(), "0");

    old.batch_execute("SELECT pennylane.setup()").unwrap();
    assert_eq!(value(&mut old, layout), None);
    let indexes = "SELECT string_agg(tablename::text, ',' ORDER BY tablename::text) FROM pg_indexes \
                   WHERE schemaname = 'pennylane' AND indexdef LIKE '%(created_at)'";
    // A column that was dropped stays away, with its index.
    let expected = "customer_invoices,ledger_entries,ledger_entry_lines,supplier_invoices";
    assert_eq!(value(&mut old, indexes).unwrap(), expected);
    assert_eq!(value(&mut old, digest), before, "no row was written");
    assert_eq!(value(&mut old, "SELECT to_regclass('pennylane.customer_invoices_date_idx')"), None);
    let mut said = |table: &str, column: &str| {
        let comment = format!(
            "SELECT col_description(attrelid, attnum) FROM pg_attribute \
             WHERE attrelid = 'pennylane.{table}'::regclass AND attname = '{column}'"
        );
        value(&mut old, &comment).unwrap()
    };
    assert_eq!(said("customers", "name"), "ours");
    assert_eq!(said("transactions", "journal_id"), "ours");
    assert!(said("ledger_entries", "journal_id").contains("SELECT pennylane.enable_table('journals');"));
    assert_eq!(
        value(&mut old, "SELECT has_table_privilege('analyst', 'pennylane.ledger_entry_lines', 'SELECT')").unwrap(),
        "t"
    );
    let rows =
        "SELECT count(*) = (SELECT count(*) FROM pennylane.ledger_entry_lines WHERE mine = 'kept') FROM public.mine";
    assert_eq!(value(&mut old, rows).unwrap(), "t");
    let done = sync(&mut old, "sync_full()");
    for (table, done) in &done {
        // The field whose column is gone moves to extra.
        let moved = if table == "transactions" { done.unchanged + done.updated } else { done.unchanged };
        assert_eq!((done.status.as_str(), done.inserted, done.deleted), ("ok", 0, 0), "{table}: {done:?}");
        assert!(done.unchanged == moved || table == "transactions", "{table}: {done:?}");
    }
    // Twice is once.
    let before = objects(&mut old);
    old.batch_execute("SELECT pennylane.setup()").unwrap();
    assert_eq!(objects(&mut old), before);
}

#[test]
fn a_library_works_with_the_objects_of_its_own_version_only() {
    let scene = Scene::new();
    let mut old = old_database(&scene.cluster);
    for call in ["sync_full()", "sync_incremental('customers')", "export_fec()", "setup()", "prove()"] {
        let error = old.simple_query(&format!("SELECT * FROM pennylane.{call}")).unwrap_err();
        let said = words(&error);
        assert_eq!(sqlstate(&error), "55000", "{said}");
        assert!(said.contains("penny_pg 0.1.0") && said.contains(UPDATE), "{call}: {said}");
    }
    let checked = "SELECT status || ': ' || detail || ' ' || hint FROM pennylane.check() WHERE item = 'version'";
    assert!(value(&mut old, checked).unwrap().contains(UPDATE));
    assert!(scene.api.requests().iter().all(|request| request.path == "/me"), "nothing was read");
    old.batch_execute(UPDATE).unwrap();
    assert_eq!(value(&mut old, checked), None);
    assert_eq!(sync(&mut old, "sync_full('customers')")["customers"].status, "ok");
    // The other way round: the server was not restarted since the package was installed.
    old.batch_execute("UPDATE pg_extension SET extversion = '9.10.0' WHERE extname = 'penny_pg'").unwrap();
    let error = old.simple_query("SELECT * FROM pennylane.sync_full()").unwrap_err();
    assert!(words(&error).contains("penny_pg 9.10.0") && words(&error).contains("Restart"), "{}", words(&error));
}

#[test]
fn the_worker_waits_for_the_upgrade_and_then_brings_the_tables_up_to_date() {
    let scene = Scene::with(Size::tiny(), &["pennylane.database = 'old'"]);
    let mut old = old_database(&scene.cluster);
    scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("it says what is to be done", || scene.cluster.log().contains(&format!("{UPDATE};")));
    assert_eq!(value(&mut old, "SELECT count(*) FROM pennylane.sync_runs").unwrap(), "0");
    // Somebody writes into a table that is to be changed: the run does without.
    let mut writer = scene.cluster.connect_to("old");
    writer.batch_execute("BEGIN; LOCK TABLE pennylane.transactions IN ROW EXCLUSIVE MODE").unwrap();
    old.batch_execute(UPDATE).unwrap();
    let runs = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'ok'";
    wait_until("a first run", || value(&mut old, runs).as_deref() == Some("1"));
    assert!(scene.cluster.log().contains("WARNING:  [SETUP]"), "the log says nothing of the table that is in use");
    assert_eq!(value(&mut old, "SELECT count(*) FROM pennylane.data_layout").unwrap(), "0");
    writer.batch_execute("ROLLBACK").unwrap();
    old.batch_execute("SELECT pennylane.request_sync()").unwrap();
    wait_until("a second run", || value(&mut old, runs).as_deref() == Some("2"));
    assert_eq!(value(&mut old, "SELECT layout FROM pennylane.data_layout").unwrap(), "3");
    assert!(scene.cluster.log().contains("[SETUP] tables et vues mises a jour (1 -> 3)"));
    assert!(value(&mut old, SCHEDULER).is_some());
}

#[test]
fn the_older_etl_gives_way_as_the_guide_says() {
    let scene = Scene::new();
    scene.execute("CREATE DATABASE compta");
    let mut client = scene.cluster.connect_to("compta");
    // As pandas leaves it: every amount is text, and an identifier that was once NULL is a float. One invoice was lost, one
    // is deleted at Pennylane meanwhile.
    let ids = scene.api.world(|world| world.ids("customer_invoices"));
    let held: Vec<String> = ids.iter().skip(1).chain(&[77]).map(|id| format!("({id}.0, '12.50')")).collect();
    client
        .batch_execute(&format!(
            "CREATE SCHEMA pennylane; CREATE TABLE pennylane.customer_invoices (id double precision, amount text); \
             INSERT INTO pennylane.customer_invoices VALUES {}; \
             CREATE VIEW public.turnover AS SELECT sum(amount::numeric) FROM pennylane.customer_invoices",
            held.join(", ")
        ))
        .unwrap();
    let refused = client.batch_execute("CREATE EXTENSION penny_pg").unwrap_err();
    assert!(words(&refused).contains("ALTER SCHEMA pennylane RENAME TO penny_old"), "{}", words(&refused));
    let blocks = recipe::blocks(include_str!("../../docs/guide.fr.md"), "Venir de l'ETL Python");
    let [views, rename, compare] = blocks.as_slice() else { panic!("{blocks:?}") };
    assert!(blocks.iter().all(|block| block.kind == "sql old-etl"), "{blocks:?}");
    assert_eq!(value(&mut client, views.text).as_deref(), Some("turnover"));
    client.batch_execute(rename.text).unwrap();
    assert_eq!(sync(&mut client, "sync_full()")["customer_invoices"].inserted, ids.len() as i64);
    let differing = client.query(compare.text, &[]).unwrap();
    let mut differing: Vec<(i64, String)> = differing.iter().map(|row| (row.get(0), row.get(1))).collect();
    differing.sort();
    assert_eq!(differing, [(77, "ancien seulement".to_owned()), (ids[0], "nouveau seulement".to_owned())]);
    assert_eq!(value(&mut client, "SELECT count(*) FROM public.turnover").unwrap(), "1", "the old view still answers");
}
