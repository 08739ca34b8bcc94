//! The tables on request: none until somebody asks, whole when somebody does, and safe while nobody wants them.

use crate::cluster::wait_until;
use crate::compare::{table_equals_world, tables_equal_world};
use crate::group::{Group, company};
use crate::scene::{Scene, TABLES, WORKER, sqlstate, sync, value, words};
use fake_pennylane::{Fault, FaultKind, Size};
use serde_json::json;

const ON_REQUEST: [&str; 5] = ["quotes", "categories", "category_groups", "journals", "bank_establishments"];

/// Asks for every one of them in one statement.
fn enable_all(scene: &Scene) {
    let tables = ON_REQUEST.join(",");
    scene.execute(&format!("SELECT pennylane.enable_table(name) FROM unnest('{{{tables}}}'::text[]) AS t (name)"));
}

/// A synced scene that keeps them all.
fn all_synced(size: Size) -> Scene {
    let scene = Scene::with(size, &[]);
    enable_all(&scene);
    let done = scene.sync("sync_full()");
    assert!(done.len() == 18 && done.values().all(|table| table.status == "ok"), "{done:#?}");
    scene
}

fn equal_world(scene: &Scene) {
    for table in ON_REQUEST {
        table_equals_world(scene, table);
    }
}

fn count(scene: &Scene, of: &str) -> i64 {
    scene.value(&format!("SELECT count(*) FROM pennylane.{of}")).unwrap().parse().unwrap()
}

/// The rows of a table with their versions.
fn versions(scene: &Scene, table: &str) -> Option<String> {
    let rows = "id || ':' || xmin || ':' || ctid || ':' || _synced_at";
    scene.value(&format!("SELECT md5(string_agg({rows}, ',' ORDER BY id)) FROM pennylane.{table}"))
}

/// Which of them there are.
fn made(scene: &Scene) -> i64 {
    let tables = ON_REQUEST.map(|table| format!("'{table}'")).join(", ");
    let query = format!(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'pennylane'::regnamespace AND relname IN ({tables})"
    );
    scene.value(&query).unwrap().parse().unwrap()
}

#[test]
fn nothing_on_request_is_kept_until_somebody_asks() {
    let scene = Scene::synced();
    scene.execute("SELECT pennylane.setup()");
    assert_eq!(scene.sync("sync_full()").len(), 13);
    assert_eq!((made(&scene), count(&scene, "health"), count(&scene, "enabled_tables")), (0, 13, 0));
    let checked = "SELECT count(*) FROM pennylane.check() WHERE item ~ 'quotes|categor|journals|establishments' OR status <> 'ok'";
    assert_eq!(scene.value(checked).unwrap(), "0");
    scene.api.clear_requests();
    for call in ["sync_full('journals')", "sync_incremental('journals')", "request_sync('full', 'journals')"] {
        let error = scene.error(call);
        assert_eq!(sqlstate(&error), "22023", "{call}");
        assert_eq!(words(&error), "journals is not kept here | SELECT pennylane.enable_table('journals');");
    }
    assert!(!words(&scene.error("sync_full('journal')")).contains("journals"), "what is kept is what can be named");
    assert!(scene.api.requests().is_empty());
}

#[test]
fn every_field_of_every_record_of_a_table_on_request_is_in_it_and_a_second_sync_writes_nothing() {
    let scene = Scene::with(Size { category_groups: 110, ..Size::small() }, &[]);
    scene.sync("sync_full()");
    enable_all(&scene);
    assert_eq!((made(&scene), count(&scene, "health"), count(&scene, "enabled_tables")), (5, 18, 5));
    // The next sync reads them whole, whatever it is.
    let done = scene.sync("sync_incremental()");
    assert_eq!(done.len(), 18);
    for table in ON_REQUEST {
        let records = scene.api.world(|world| world.count(table)) as i64;
        assert_eq!((done[table].status.as_str(), done[table].inserted), ("ok", records), "{table}");
        assert!(records > 0, "{table}");
        assert_eq!(count(&scene, &format!("{table} WHERE extra IS NOT NULL")), 0, "{table}");
    }
    equal_world(&scene);
    let before = ON_REQUEST.map(|table| versions(&scene, table));
    let done = scene.sync("sync_full()");
    for table in ON_REQUEST {
        let records = scene.api.world(|world| world.count(table)) as i64;
        let Some(done) = done.get(table) else { panic!("{table} was not synced") };
        assert_eq!((done.inserted, done.updated, done.deleted, done.unchanged), (0, 0, 0, records), "{table}");
    }
    assert_eq!(ON_REQUEST.map(|table| versions(&scene, table)), before);
    assert_eq!(count(&scene, "health WHERE severity = 'ok'"), 18);
    let scopes = "SELECT count(*) FROM pennylane.check() \
                  WHERE item IN ('scope quotes', 'scope categories', 'scope journals', 'scope bank_establishments')";
    assert_eq!(scene.value(scopes).unwrap(), "4");
    let keys = "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint \
                WHERE contype = 'f' AND NOT convalidated AND confrelid IN (SELECT oid FROM pg_class \
                WHERE relnamespace = 'pennylane'::regnamespace AND relname IN ('journals', 'quotes', 'category_groups', 'bank_establishments'))";
    let expected = "bank_accounts_bank_establishment_id_fkey bank_accounts_journal_id_fkey categories_category_group_id_fkey \
                    customer_invoices_quote_id_fkey ledger_entries_journal_id_fkey ledger_entry_lines_journal_id_fkey \
                    transactions_journal_id_fkey";
    assert_eq!(scene.value(keys).unwrap(), expected);
    assert_eq!(scene.value("SELECT count(*) FROM pennylane._armed_foreign_keys()").unwrap(), "0");
    // Asking twice is asking once.
    let since =
        scene.value("SELECT string_agg(enabled_at::text, ' ' ORDER BY table_name) FROM pennylane.enabled_tables");
    enable_all(&scene);
    let again =
        scene.value("SELECT string_agg(enabled_at::text, ' ' ORDER BY table_name) FROM pennylane.enabled_tables");
    assert_eq!(again, since);
    assert_eq!(ON_REQUEST.map(|table| versions(&scene, table)), before);
    assert_eq!(count(&scene, "sync_state"), 18, "what is synced stays so");
}

#[test]
fn changes_and_deletions_reach_the_tables_on_request() {
    let scene = all_synced(Size::small());
    scene.api.world(|world| {
        for table in ON_REQUEST {
            let ids = world.ids(table);
            world.delete(table, ids[0]);
            world.update(table, ids[1], |record| {
                let label = if table == "bank_establishments" { "name" } else { "label" };
                record.insert(label.into(), json!("changed"));
            });
            let record = world.new_record(table);
            world.insert(table, record);
        }
    });
    scene.api.clear_requests();
    let done = scene.sync("sync_incremental()");
    for table in ON_REQUEST {
        let done = &done[table];
        assert_eq!((done.inserted, done.updated, done.deleted), (1, 1, 1), "{table}: {done:?}");
    }
    equal_world(&scene);
    let requests = scene.api.requests();
    assert!(requests.iter().any(|request| request.path == "/changelogs/quotes"));
    let by_id =
        |query: &[(String, String)]| query.iter().any(|(name, value)| name == "filter" && value.contains("\"in\""));
    let quotes: Vec<_> = requests.iter().filter(|request| request.path == "/quotes").collect();
    assert!(quotes.iter().all(|request| by_id(&request.query)), "a quote is read when its changelog tells: {quotes:?}");
    tables_equal_world(&scene);
}

#[test]
fn a_list_without_an_order_arrives_in_whatever_order_it_comes() {
    let scene = Scene::with(Size { category_groups: 250, ..Size::tiny() }, &[]);
    scene.execute("SELECT pennylane.enable_table('category_groups')");
    scene.api.fault(Fault::always("GET /category_groups", FaultKind::Shuffle));
    let done = &scene.sync("sync_full('category_groups')")["category_groups"];
    assert_eq!((done.status.as_str(), done.inserted, done.requests), ("ok", 250, 3), "{done:?}");
    let sorts = |query: &[(String, String)]| query.iter().any(|(name, _)| name == "sort");
    assert!(!scene.api.requests().iter().any(|request| sorts(&request.query)), "it takes no such parameter");
    table_equals_world(&scene, "category_groups");
    // Something is deleted while the pages are read, which moves what comes after.
    let ids = scene.api.world(|world| world.ids("category_groups"));
    scene.api.world(|world| world.delete("category_groups", ids[100]));
    scene.api.fault(Fault::once("GET /category_groups", FaultKind::DropRow { id: ids[7] }));
    let done = &scene.sync("sync_full('category_groups')")["category_groups"];
    assert_eq!((done.status.as_str(), done.deleted), ("ok", 1), "one is gone, the other was left out once: {done:?}");
    table_equals_world(&scene, "category_groups");
    // The brake holds, and a cursor that leads in a circle is an error.
    for (fault, said) in [(FaultKind::EmptyList, "force_deletes"), (FaultKind::RepeatCursor, "a cursor that repeats")] {
        scene.api.clear_faults();
        scene.api.fault(Fault::always("GET /category_groups", fault));
        let error = scene.error("sync_full('category_groups')");
        assert!(words(&error).contains(said), "{}", words(&error));
    }
    scene.api.clear_faults();
    table_equals_world(&scene, "category_groups");
}

#[test]
fn a_table_that_is_given_up_keeps_its_rows_or_loses_them_and_is_not_asked_about() {
    let scene = all_synced(Size::tiny());
    let held = scene.api.world(|world| ON_REQUEST.map(|table| world.count(table) as i64));
    for table in ON_REQUEST {
        scene.execute(&format!("SELECT pennylane.disable_table('{table}')"));
    }
    assert_eq!(ON_REQUEST.map(|table| count(&scene, table)), held);
    assert_eq!((count(&scene, "health"), count(&scene, "sync_state"), count(&scene, "enabled_tables")), (13, 13, 0));
    scene.api.clear_requests();
    let done = scene.sync("sync_full()");
    assert_eq!(done.len(), 13);
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    for table in ON_REQUEST {
        let path = format!("/{table}");
        assert!(scene.api.requests().iter().all(|request| request.path != path), "{table} is not read");
    }
    assert_eq!(sqlstate(&scene.error("sync_full('quotes')")), "22023");

    // Twice does no harm, and without its rows it does what it says.
    scene.execute("CREATE VIEW public.mine AS SELECT code, label FROM pennylane.journals");
    for table in ON_REQUEST {
        scene.execute(&format!("SELECT pennylane.disable_table('{table}', keep_data => false)"));
    }
    assert_eq!(ON_REQUEST.map(|table| count(&scene, table)), [0; 5]);
    assert_eq!((made(&scene), scene.value("SELECT count(*) FROM public.mine").unwrap()), (5, "0".to_owned()));
    for state in
        ["sync_state", "sync_checkpoints", "sync_candidates", "pending_entries", "altered_rows", "schema_drift"]
    {
        let left = format!("{state} WHERE table_name = ANY ('{{{}}}')", ON_REQUEST.join(","));
        assert_eq!(count(&scene, &left), 0, "{state}");
    }
    assert_eq!(count(&scene, "applied_events WHERE feed = 'quotes'"), 0);
    tables_equal_world(&scene);

    enable_all(&scene);
    let done = scene.sync("sync_incremental()");
    assert_eq!(done.len(), 18);
    equal_world(&scene);
    assert_ne!(scene.value("SELECT count(*) FROM public.mine").unwrap(), "0", "the view is where it was");
}

#[test]
fn what_changed_while_a_table_was_given_up_is_there_after_it_is_asked_for_again() {
    let scene = all_synced(Size::small());
    for table in ON_REQUEST {
        scene.execute(&format!("SELECT pennylane.disable_table('{table}')"));
    }
    // No changelog tells: what came with the events of quotes may be older than they are kept.
    scene.api.world(|world| {
        for table in ON_REQUEST {
            let ids = world.ids(table);
            world.delete_silently(table, ids[0]);
            world.update_silently(table, ids[1], |record| {
                let label = if table == "bank_establishments" { "name" } else { "label" };
                record.insert(label.into(), json!("changed"));
            });
        }
    });
    scene.sync("sync_incremental()");
    enable_all(&scene);
    let done = scene.sync("sync_incremental()");
    for table in ON_REQUEST {
        assert_eq!((done[table].inserted, done[table].updated, done[table].deleted), (0, 1, 1), "{table}");
    }
    equal_world(&scene);
}

#[test]
fn a_users_view_survives_that_its_table_is_given_up_and_asked_for_again() {
    let scene = all_synced(Size::tiny());
    scene.execute(
        "CREATE VIEW public.mine AS SELECT j.code, count(*) AS lines FROM pennylane.ledger_entry_lines l \
         JOIN pennylane.journals j ON j.id = l.journal_id GROUP BY 1; \
         ALTER TABLE pennylane.journals ADD COLUMN colour text DEFAULT 'blue'",
    );
    let query = "SELECT string_agg(code || lines, ' ' ORDER BY code) FROM public.mine";
    let shown = scene.value(query);
    assert!(shown.is_some());
    for call in ["disable_table('journals')", "setup()", "enable_table('journals')"] {
        scene.execute(&format!("SELECT pennylane.{call}"));
        assert_eq!(scene.value(query), shown, "{call}");
    }
    let done = &scene.sync("sync_incremental()")["journals"];
    assert_eq!((done.inserted, done.updated, done.deleted), (0, 0, 0));
    assert_eq!(scene.value(query), shown);
    assert_eq!(scene.value("SELECT bool_and(colour = 'blue') FROM pennylane.journals").unwrap(), "t");
}

#[test]
fn readers_and_limited_roles_see_their_rows_of_a_table_on_request_and_no_other() {
    let group = Group::added(2, &[]);
    let scene = &group.scene;
    scene.execute("CREATE ROLE reader LOGIN; SELECT pennylane.grant_reader('reader')");
    scene.execute("CREATE ROLE client LOGIN; SELECT pennylane.grant_reader('client')");
    scene.execute("CREATE ROLE operator LOGIN IN ROLE pennylane_operator");
    scene.execute(&format!("SELECT pennylane.grant_company('client', {})", company(1)));
    // One who was there before the table, one who comes after it.
    scene.cluster.connect_as("operator").batch_execute("SELECT pennylane.enable_table('quotes')").unwrap();
    scene.execute("CREATE ROLE late LOGIN; SELECT pennylane.grant_reader('late')");
    scene.sync_all("sync_full()");
    let all = group.api(0).world(|world| world.count("quotes")) + group.api(1).world(|world| world.count("quotes"));
    let seen = |role: &str| {
        let query =
            "SELECT count(*) || ' ' || count(DISTINCT company_id) || ' ' || min(company_id) FROM pennylane.quotes";
        value(&mut scene.cluster.connect_as(role), query).unwrap()
    };
    let one = format!("{} 1 {}", group.api(1).world(|world| world.count("quotes")), company(1));
    for disabled in [false, true] {
        if disabled {
            scene.execute("SELECT pennylane.disable_table('quotes'); SELECT pennylane.setup()");
            // Limits that are set while nobody keeps the table hold in it too.
            scene.execute(&format!(
                "CREATE ROLE other LOGIN; SELECT pennylane.grant_reader('other'); \
                                    SELECT pennylane.grant_company('other', {})",
                company(1)
            ));
            assert_eq!(seen("other"), one);
        }
        for role in ["reader", "late", "operator"] {
            assert_eq!(seen(role), format!("{all} 2 {}", company(0)), "{role}");
        }
        assert_eq!(seen("client"), one);
        let health = "SELECT count(*) FROM pennylane.health WHERE table_name = 'quotes'";
        let healths = value(&mut scene.cluster.connect_as("client"), health).unwrap();
        assert_eq!(healths, if disabled { "0" } else { "1" });
    }
    let mut client = scene.cluster.connect_as("client");
    assert_eq!(value(&mut client, "SELECT count(*) FROM pennylane.enabled_tables").unwrap(), "0");
    for call in ["enable_table('quotes')", "disable_table('quotes')", "_known_tables()"] {
        let error = client.simple_query(&format!("SELECT pennylane.{call}")).unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{call}");
    }
    // Whoever may sync one company only does not decide for the others.
    scene.execute("GRANT pennylane_operator TO client");
    for call in ["enable_table('quotes')", "disable_table('quotes', false)"] {
        let error = client.simple_query(&format!("SELECT pennylane.{call}")).unwrap_err();
        assert_eq!(sqlstate(&error), "22023", "{call}");
        assert!(words(&error).contains("some of them only"), "{}", words(&error));
    }
    scene.execute(&format!("SELECT pennylane.remove_company({}, keep_data => false)", company(0)));
    assert_eq!(seen("reader"), one, "a company that goes takes its rows along, kept or not");
}

#[test]
fn a_restored_database_keeps_what_was_asked_for() {
    let scene = all_synced(Size::tiny());
    scene.execute("SELECT pennylane.disable_table('journals')");
    let dump = scene.cluster.file("dump.sql");
    let dump = dump.to_str().unwrap();
    scene.cluster.client("pg_dump", ["-f", dump, "postgres"]);
    scene.execute("CREATE DATABASE restored");
    scene.cluster.client("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-d", "restored", "-f", dump]);
    let mut client = scene.cluster.connect_to("restored");
    let enabled = "SELECT string_agg(table_name || enabled_at, ' ' ORDER BY table_name) FROM pennylane.enabled_tables";
    assert_eq!(value(&mut client, enabled), scene.value(enabled));
    let done = sync(&mut client, "sync_full()");
    assert_eq!(done.len(), 17);
    for (table, done) in &done {
        assert_eq!((done.status.as_str(), done.inserted, done.updated, done.deleted), ("ok", 0, 0, 0), "{table}");
    }
    // The keys that point here came back with their triggers: they stop nobody.
    scene.execute("CREATE DATABASE another");
    scene.cluster.client("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-d", "another", "-f", dump]);
    let mut client = scene.cluster.connect_to("another");
    assert_ne!(value(&mut client, "SELECT count(*) FROM pennylane._armed_foreign_keys()").unwrap(), "0");
    client.batch_execute("SELECT pennylane.disable_table('journals', keep_data => false)").unwrap();
    assert_eq!(value(&mut client, "SELECT count(*) FROM pennylane.journals").unwrap(), "0");
}

#[test]
fn an_extension_that_is_made_again_finds_the_rows_of_what_is_asked_for_again() {
    let scene = all_synced(Size::tiny());
    scene.execute("DROP EXTENSION penny_pg; CREATE EXTENSION penny_pg");
    assert_eq!(scene.sync("sync_full()").len(), 13);
    enable_all(&scene);
    let done = scene.sync("sync_incremental()");
    assert!(done.len() == 18 && done.values().all(|table| table.inserted == 0), "{done:#?}");
    equal_world(&scene);
}

#[test]
fn quotes_that_expire_by_themselves_are_read_again() {
    let scene = Scene::new();
    scene.execute("SELECT pennylane.enable_table('quotes')");
    let id = scene.api.world(|world| {
        let id = world.ids("quotes")[0];
        let passed = chrono::Utc::now().date_naive() - chrono::Days::new(3);
        world.update("quotes", id, |quote| {
            quote.insert("deadline".into(), json!(passed.to_string()));
            quote.insert("status".into(), json!("pending"));
        });
        id
    });
    scene.sync("sync_incremental('quotes')");
    scene.api.world(|world| {
        world.update_silently("quotes", id, |quote| {
            quote.insert("status".into(), json!("expired"));
        });
    });
    scene.execute("UPDATE pennylane.sync_state SET last_sync_at = now() - interval '5 days'");
    assert_eq!(scene.sync("sync_incremental('quotes')")["quotes"].updated, 1);
    table_equals_world(&scene, "quotes");
}

#[test]
fn a_copy_on_another_server_has_the_tables_that_are_kept() {
    let scene = all_synced(Size::tiny());
    scene.execute("SELECT pennylane.disable_table('journals')");
    let statements = "SELECT string_agg(statement, E'\\n') FROM pennylane.subscriber_ddl() AS ddl (statement)";
    let statements = scene.value(statements).unwrap();
    scene.execute("CREATE DATABASE subscriber");
    let mut client = scene.cluster.connect_to("subscriber");
    client.batch_execute(&statements).unwrap();
    let tables = "SELECT count(*) || ' ' || coalesce(to_regclass('pennylane.journals')::text, 'without') FROM pg_tables \
                  WHERE schemaname = 'pennylane' AND tablename <> 'pcg_mapping'";
    assert_eq!(value(&mut client, tables).unwrap(), "17 without");
    scene.execute("DROP TABLE pennylane.quotes CASCADE");
    assert!(words(&scene.error("subscriber_ddl()")).contains("not there yet: quotes"));
    // A sync makes again what is kept and gone.
    assert_eq!(scene.sync("sync_incremental()")["quotes"].status, "ok");
    table_equals_world(&scene, "quotes");
}

#[test]
fn names_that_are_not_on_request_are_refused_with_those_that_are() {
    let scene = Scene::new();
    for function in ["enable_table", "disable_table"] {
        for (name, said) in [
            ("'customers'", "customers is always kept"),
            ("'fec'", "fec is always kept"),
            ("'sync_state'", "there is no table \"sync_state\" on request"),
            ("'x''; DROP'", "there is no table \"x'; DROP\" on request"),
            ("NULL", "there is no table \"NULL\" on request"),
        ] {
            let error = scene.error(&format!("{function}({name})"));
            assert_eq!(sqlstate(&error), "22023", "{function}({name})");
            assert!(words(&error).starts_with(&format!("{said} | Name one of ")), "{}", words(&error));
            assert!(ON_REQUEST.iter().all(|table| words(&error).contains(table)), "{}", words(&error));
        }
        let mut client = scene.connect();
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").unwrap();
        let error = client.batch_execute(&format!("SELECT pennylane.{function}('journals')")).unwrap_err();
        assert_eq!(sqlstate(&error), "25001");
    }
    assert_eq!((made(&scene), count(&scene, "enabled_tables")), (0, 0));
    let mut client = scene.connect();
    client.batch_execute("BEGIN; SELECT pennylane.enable_table('journals'); ROLLBACK").unwrap();
    assert_eq!((made(&scene), count(&scene, "enabled_tables")), (0, 0));
}

#[test]
fn a_table_of_that_name_that_somebody_else_made_is_left_alone() {
    let scene = Scene::new();
    scene.execute(
        "CREATE TABLE pennylane.journals (id bigint, mine text); INSERT INTO pennylane.journals VALUES (1, 'x'); \
         CREATE VIEW pennylane.quotes AS SELECT 1 AS id",
    );
    let done = scene.sync("sync_full()");
    assert!(done.len() == 13 && done.values().all(|table| table.status == "ok"), "{done:#?}");
    for table in ["journals", "quotes"] {
        let error = scene.error(&format!("enable_table('{table}')"));
        assert_eq!(sqlstate(&error), "55000");
        assert!(words(&error).contains("it was not made by penny_pg"), "{}", words(&error));
        scene.execute(&format!("SELECT pennylane.disable_table('{table}', keep_data => false)"));
    }
    assert_eq!((count(&scene, "journals"), count(&scene, "enabled_tables")), (1, 0));
    // Before the extension is made, it is a reason not to make it.
    scene.execute("CREATE DATABASE taken");
    let mut client = scene.cluster.connect_to("taken");
    client.batch_execute("CREATE SCHEMA pennylane; CREATE TABLE pennylane.journals (id bigint)").unwrap();
    let error = client.batch_execute("CREATE EXTENSION penny_pg").unwrap_err();
    assert!(words(&error).contains("with a table journals of the role"), "{}", words(&error));
}

#[test]
fn a_table_whose_scope_is_missing_is_skipped() {
    let scene = Scene::new();
    enable_all(&scene);
    scene.api.set_config(|config| config.scopes.retain(|scope| !scope.starts_with("categories")));
    let done = scene.sync("sync_full()");
    for (table, done) in &done {
        let lacks = table.starts_with("categor");
        assert_eq!(done.status, if lacks { "skipped" } else { "ok" }, "{table}: {done:?}");
    }
    let checked = "SELECT detail FROM pennylane.check() WHERE item = 'scope categories'";
    assert_eq!(scene.value(checked).unwrap(), "not granted: categories, category_groups cannot be synced");
}

#[test]
fn no_table_is_given_up_while_a_sync_runs_and_no_sync_brings_back_one_that_is() {
    let scene = all_synced(Size::tiny());
    scene.api.fault(Fault::once("GET /customers", FaultKind::Delay { ms: 1500 }));
    let mut first = scene.connect();
    let pid = value(&mut first, "SELECT pg_backend_pid()").unwrap();
    scene.api.clear_requests();
    std::thread::scope(|threads| {
        let running = threads.spawn(|| sync(&mut first, "sync_full('customers')"));
        wait_until("it reads", || scene.api.requests().iter().any(|request| request.path == "/customers"));
        let error = scene.error("disable_table('journals')");
        assert_eq!(sqlstate(&error), "55006");
        assert!(words(&error).contains(&format!("process {pid}")), "{}", words(&error));
        assert_eq!(running.join().unwrap()["customers"].status, "ok");
    });
    // The other way round, while nobody knows how it ends.
    let mut giving_up = scene.connect();
    giving_up.batch_execute("BEGIN; SELECT pennylane.disable_table('journals', keep_data => false)").unwrap();
    let error = scene.error("sync_incremental()");
    assert_eq!(sqlstate(&error), "55006");
    assert!(words(&error).contains("list of tables"), "{}", words(&error));
    giving_up.batch_execute("ROLLBACK").unwrap();
    assert_eq!(scene.sync("sync_incremental()").len(), 18);
    // In one transaction each does as the one before left it.
    giving_up
        .batch_execute("BEGIN; SELECT pennylane.sync_full('journals'); SELECT pennylane.disable_table('journals')")
        .unwrap();
    assert_eq!(sync(&mut giving_up, "sync_incremental()").len(), 17);
    giving_up.batch_execute("COMMIT").unwrap();
    assert_eq!(count(&scene, "sync_state"), 17);
}

#[test]
fn the_worker_keeps_what_was_asked_for_and_forgets_requests_for_what_was_given_up() {
    let scene = Scene::synced();
    scene.execute("SELECT pennylane.enable_table('journals')");
    scene.execute("SELECT pennylane.request_sync('full', 'journals')");
    scene.execute("SELECT pennylane.disable_table('journals'); SELECT pennylane.enable_table('quotes')");
    let queued = "SELECT string_agg(status, ' ') FROM pennylane.sync_runs WHERE target = 'journals'";
    assert_eq!(scene.value(queued).unwrap(), "cancelled");
    scene.execute("SELECT pennylane.request_sync('incremental')");
    scene.api.clear_requests();
    scene.api.fault(Fault::always("GET /changelogs/products", FaultKind::Hang));
    scene.cluster.configure(&["pennylane.worker = on"]);
    wait_until("the worker reads", || scene.api.requests().iter().any(|it| it.path == "/changelogs/products"));
    let pid = scene.value(WORKER).unwrap();
    let error = scene.error("disable_table('quotes')");
    assert_eq!(sqlstate(&error), "55006");
    assert!(words(&error).contains(&format!("process {pid}")), "{}", words(&error));
    scene.api.clear_faults();
    let done = |status: &str| {
        let runs = "SELECT count(*) FROM pennylane.sync_runs WHERE trigger = 'request' AND status IN";
        scene.value(&format!("{runs} ({status})")).unwrap()
    };
    wait_until("the request is done", || done("'ok'") == "1");
    table_equals_world(&scene, "quotes");
    assert!(scene.cluster.log().contains("[END] Succes: 14/14"), "{}", scene.cluster.log());
    wait_until("the worker rests", || scene.value(WORKER).is_none());
    scene.execute("SELECT pennylane.disable_table('quotes')");
    scene.execute("SELECT pennylane.request_sync('incremental')");
    wait_until("the next is done", || done("'ok', 'skipped'") == "2");
    let last =
        "SELECT count(*) FROM pennylane.sync_run_tables WHERE run_id = (SELECT max(run_id) FROM pennylane.sync_runs)";
    assert_eq!(scene.value(last).unwrap(), (TABLES.len() + 2).to_string());
}
