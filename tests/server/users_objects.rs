//! What users build on the tables survives every sync, and nobody who reads is made to wait.

use crate::compare::{table_equals_world, tables_equal_world};
use crate::scene::{Scene, value, words};
use fake_pennylane::{Fault, FaultKind};
use serde_json::json;

fn change_customers(scene: &Scene) {
    scene.api.world(|world| {
        let ids = world.ids("customers");
        for id in &ids[..3] {
            world.update("customers", *id, |customer| {
                customer.insert("phone".into(), json!("0102030405"));
            });
        }
        world.delete("customers", ids[4]);
        let record = world.new_record("customers");
        world.insert("customers", record);
    });
}

#[test]
fn views_grants_indexes_and_columns_of_users_survive() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE ROLE bi LOGIN; GRANT USAGE ON SCHEMA pennylane TO bi; GRANT SELECT ON pennylane.customers TO bi; \
         CREATE VIEW public.my_customers AS SELECT id, name, my_note FROM (SELECT *, 1 AS my_note FROM pennylane.customers) AS c; \
         CREATE INDEX my_index ON pennylane.customers (lower(name)); \
         ALTER TABLE pennylane.customers ADD COLUMN my_rating integer DEFAULT 5; \
         UPDATE pennylane.customers SET my_rating = 9",
    );
    change_customers(&scene);
    let done = &scene.sync("sync_full()")["customers"];
    assert_eq!((done.inserted, done.updated, done.deleted), (1, 3, 1));
    scene.execute("SELECT pennylane.setup()");
    let mut bi = scene.cluster.connect_as("bi");
    let ratings = value(
        &mut bi,
        "SELECT count(*) FILTER (WHERE my_rating = 9) || '/' || count(*) FILTER (WHERE my_rating = 5) FROM pennylane.customers",
    );
    let total = scene.api.world(|world| world.count("customers"));
    assert_eq!(ratings.unwrap(), format!("{}/1", total - 1));
    assert_eq!(scene.value("SELECT count(*) FROM public.my_customers").unwrap(), total.to_string());
    assert_eq!(scene.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'my_index'").unwrap(), "1");
}

#[test]
fn a_reader_is_never_blocked() {
    let scene = Scene::synced();
    change_customers(&scene);
    scene.api.fault(Fault { path: "GET /suppliers".into(), skip: 0, times: 1, kind: FaultKind::Delay { ms: 1500 } });
    scene.api.clear_requests();
    let mut writer = scene.connect();
    std::thread::scope(|threads| {
        let running = threads.spawn(|| crate::scene::sync(&mut writer, "sync_full()"));
        crate::cluster::wait_until("suppliers are being read", || {
            scene.api.requests().iter().any(|request| request.path == "/suppliers")
        });
        let mut reader = scene.connect();
        reader.batch_execute("SET lock_timeout = '50ms'").unwrap();
        let mut reads = 0;
        while !running.is_finished() {
            for table in crate::scene::TABLES {
                assert!(value(&mut reader, &format!("SELECT count(*) FROM pennylane.{table}")).is_some());
            }
            reads += 1;
        }
        assert!(reads > 0);
        assert!(running.join().unwrap().values().all(|table| table.status == "ok"));
    });
    tables_equal_world(&scene);
}

#[test]
fn triggers_of_users_fire() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE TABLE public.seen (what text, id bigint); \
         CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           INSERT INTO public.seen VALUES (TG_WHEN || ' ' || TG_OP, coalesce(NEW.id, OLD.id)); RETURN coalesce(NEW, OLD); END $$; \
         CREATE TRIGGER before_any BEFORE INSERT OR UPDATE OR DELETE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.see(); \
         CREATE TRIGGER after_any AFTER INSERT OR UPDATE OR DELETE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.see()",
    );
    change_customers(&scene);
    // Triggers run with the rights of the engine, not with those of whoever calls it.
    let refused = scene.error("sync_full('customers')");
    assert!(
        words(&refused).contains("42501") && words(&refused).contains("GRANT it what they need"),
        "{}",
        words(&refused)
    );
    scene.execute("GRANT INSERT ON public.seen TO pennylane_owner");
    scene.sync("sync_full('customers')");
    let seen = "SELECT string_agg(what || ' ' || n, ',' ORDER BY what) FROM (SELECT what, count(*) AS n FROM public.seen GROUP BY what) AS s";
    assert_eq!(
        scene.value(seen).unwrap(),
        "AFTER DELETE 1,AFTER INSERT 1,AFTER UPDATE 3,BEFORE DELETE 1,BEFORE INSERT 1,BEFORE UPDATE 3"
    );
}

#[test]
fn a_trigger_that_raises_fails_its_table_alone_and_its_words_stay_out_of_the_log() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not you, %', NEW.phone; END $$; \
         CREATE TRIGGER no BEFORE UPDATE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.no()",
    );
    change_customers(&scene);
    let done = scene.sync("sync_full()");
    assert_eq!(done["customers"].status, "error");
    let message = done["customers"].message.as_ref().unwrap();
    assert!(message.contains("P0001") && message.contains("trigger"), "{message}");
    assert_eq!(done.values().filter(|table| table.status == "ok").count(), 12);
    assert!(!scene.cluster.log().contains("not you, 0102030405"));
    scene.execute("DROP TRIGGER no ON pennylane.customers");
    scene.sync("sync_full('customers')");
    table_equals_world(&scene, "customers");
}

#[test]
fn a_sync_cannot_be_started_from_a_trigger_of_a_sync() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE FUNCTION public.again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pennylane.sync_full('products'); RETURN NEW; END $$; \
         CREATE TRIGGER again AFTER UPDATE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.again()",
    );
    change_customers(&scene);
    let error = scene.error("sync_full('customers')");
    assert!(crate::scene::words(&error).contains("22023"), "{}", crate::scene::words(&error));
}

#[test]
fn orphans_are_welcome_and_the_foreign_keys_are_visible() {
    let scene = Scene::synced();
    let keys = "SELECT count(*) FROM information_schema.referential_constraints r \
                JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name) \
                WHERE r.constraint_schema = 'pennylane' AND r.constraint_name LIKE '%\\_fkey' AND k.column_name <> 'run_id'";
    let declared: i64 = scene.value(keys).unwrap().parse().unwrap();
    assert!(declared >= 15, "{declared}");
    scene.api.world(|world| {
        let id = world.ids("customer_invoices")[0];
        world.update("customer_invoices", id, |invoice| {
            invoice.insert("customer".into(), json!({"id": 999_999_999_999_i64, "url": "https://x"}));
        });
        let customer = world.ids("customers")[0];
        world.delete("customers", customer);
    });
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:?}");
    tables_equal_world(&scene);
}

#[test]
fn a_users_column_keeps_its_values_where_a_record_has_no_such_field() {
    let scene = Scene::synced();
    scene.execute("ALTER TABLE pennylane.products ADD COLUMN nouveau text DEFAULT 'default'");
    scene.execute("UPDATE pennylane.products SET nouveau = 'mine'");
    scene.api.world(|world| {
        let id = world.ids("products")[2];
        world.update("products", id, |product| {
            product.insert("nouveau".into(), json!("theirs"));
        });
        let record = world.new_record("products");
        world.insert("products", record);
    });
    let done = &scene.sync("sync_full('products')")["products"];
    assert_eq!((done.inserted, done.updated, done.deleted), (1, 1, 0), "{done:?}");
    let count = "SELECT string_agg(n || ' ' || nouveau, ', ' ORDER BY n) FROM (SELECT nouveau, count(*) AS n \
                 FROM pennylane.products WHERE nouveau IS DISTINCT FROM 'mine' GROUP BY nouveau ORDER BY nouveau) AS s";
    let found = scene.value(count).unwrap();
    assert!(["1 default, 1 theirs", "1 theirs, 1 default"].contains(&found.as_str()), "{found}");
    assert_eq!(scene.sync("sync_full('products')")["products"].updated, 0);
}

#[test]
fn the_settings_of_a_session_do_not_matter() {
    let scene = Scene::new();
    let mut client = scene.connect();
    client
        .batch_execute("SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Jakarta'; SET intervalstyle = 'sql_standard'")
        .unwrap();
    let done = crate::scene::sync(&mut client, "sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:?}");
    crate::scene::sync(&mut client, "sync_incremental()");
    tables_equal_world(&scene);
}

#[test]
fn a_message_that_the_clients_encoding_cannot_hold_does_not_break_the_session() {
    let scene = Scene::synced();
    let body = "{\"error\":\"L\u{2019}entreprise \u{1F600}\",\"status\":400}".to_owned();
    scene.api.fault(Fault::once("GET /customers", FaultKind::Status { status: 400, headers: vec![], body }));
    let calls = ["-X", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", "SET client_encoding = 'LATIN1'"];
    let calls = calls.into_iter().chain(["-c", "SELECT count(*) FROM pennylane.sync_full()"]);
    let calls = calls.chain(["-c", "SELECT count(*) FROM pennylane.sync_full('customers')"]);
    scene.cluster.client("psql", calls);
    assert!(scene.cluster.log().contains("[ERREUR] customers: Pennylane refuses /customers (400): L?entreprise ?"));
}

#[test]
fn a_name_inside_a_triggers_broken_statement_stays_out_of_every_message() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE FUNCTION public.dynamic() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           EXECUTE 'SELECT ''' || NEW.phone || ''''; RETURN NEW; END $$; \
         CREATE TRIGGER dynamic BEFORE UPDATE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.dynamic()",
    );
    scene.api.world(|world| {
        let id = world.ids("customers")[0];
        world.update("customers", id, |customer| {
            customer.insert("phone".into(), json!("d'Ormesson Jean"));
        });
    });
    let done = scene.sync("sync_full()");
    assert_eq!(done["customers"].status, "error");
    assert!(!done["customers"].message.as_ref().unwrap().contains("Ormesson"));
    assert!(!scene.cluster.log().contains("Ormesson"));
    let stored = "SELECT count(*) FROM pennylane.sync_state WHERE last_error LIKE '%' || 'Orm' || 'esson%'";
    assert_eq!(scene.value(stored).unwrap(), "0");
}
