//! What was written is read back: a row that a user's trigger alters or leaves out is asked for once more, then named.

use crate::cluster::wait_until;
use crate::compare::{table_equals_world, tables_equal_world};
use crate::scene::{Done, Scene};
use fake_pennylane::{Fault, FaultKind, Size};
use serde_json::{Value, json};

/// A value that Pennylane sends, and one that a trigger puts in its place: no message nor log may show either. The log
/// shows the statement that makes the trigger, so its value is put together there.
const SENT: &str = "06-11-22-33-44";
const PUT: &str = "altered-phone";

/// Puts a trigger on a table. `body` is PL/pgSQL.
fn trigger(scene: &Scene, table: &str, when: &str, body: &str) {
    scene.execute(&format!(
        "CREATE OR REPLACE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$; \
         CREATE TRIGGER meddle {when} ON pennylane.{table} FOR EACH ROW EXECUTE FUNCTION public.meddle()"
    ));
}

/// Gives the first customers a new phone number, of which no event tells; their ids.
fn change_phones(scene: &Scene, customers: usize) -> Vec<i64> {
    scene.api.world(|world| {
        let ids: Vec<i64> = world.ids("customers").into_iter().take(customers).collect();
        for id in &ids {
            world.update_silently("customers", *id, |customer| {
                customer.insert("phone".into(), json!(SENT));
            });
        }
        ids
    })
}

/// Changes one customer; its id.
fn change_phone(scene: &Scene, phone: &str) -> i64 {
    scene.api.world(|world| {
        let id = world.ids("customers")[0];
        world.update("customers", id, |customer| {
            customer.insert("phone".into(), json!(phone));
        });
        id
    })
}

/// The reads of a list, by the filter of each.
fn filters(scene: &Scene, path: &str) -> Vec<String> {
    let requests = scene.api.requests().into_iter().filter(|request| request.path == path);
    let filter = |query: Vec<(String, String)>| query.into_iter().find(|(name, _)| name == "filter");
    requests.map(|request| filter(request.query).map(|(_, filter)| filter).unwrap_or_default()).collect()
}

fn sync(scene: &Scene, call: &str, table: &str) -> Done {
    scene.api.clear_requests();
    scene.sync(call)[table].clone()
}

fn altered(scene: &Scene) -> String {
    let query =
        "SELECT coalesce(string_agg(table_name || ' ' || id, ', ' ORDER BY id), '') FROM pennylane.altered_rows";
    scene.value(query).unwrap()
}

fn state(scene: &Scene, table: &str) -> String {
    scene.value(&format!("SELECT status FROM pennylane.sync_state WHERE table_name = '{table}'")).unwrap()
}

const ALTER: &str = "NEW.phone := 'altered' || '-phone';";

#[test]
fn a_trigger_that_alters_rows_leaves_the_table_partial_until_they_are_stored_right() {
    let scene = Scene::synced();
    trigger(&scene, "customers", "BEFORE UPDATE", ALTER);
    let ids = change_phones(&scene, 2);
    let done = sync(&scene, "sync_full('customers')", "customers");
    assert_eq!((done.status.as_str(), done.inserted, done.updated), ("partial", 0, 2), "{done:?}");
    let message = done.message.unwrap();
    let named = format!(
        "2 rows are not stored as Pennylane sent them; a trigger on the table may be the cause (listed in pennylane.altered_rows): {}, {}",
        ids[0], ids[1]
    );
    assert_eq!(message, named);
    let again = filters(&scene, "/customers").iter().filter(|filter| filter.contains("\"in\"")).count();
    assert_eq!(again, 1, "{:?}", filters(&scene, "/customers"));
    assert_eq!(altered(&scene), format!("customers {}, customers {}", ids[0], ids[1]));
    let health = "SELECT severity || ': ' || detail FROM pennylane.health WHERE table_name = 'customers'";
    assert!(scene.value(health).unwrap().starts_with("warning: some rows are not stored as Pennylane sent them"));
    let finding = "SELECT detail FROM pennylane.check() WHERE item = 'sync customers'";
    assert!(scene.value(finding).unwrap().contains("a trigger may be the cause"));

    // Other rows come and go: what is known stays so.
    scene.execute("DROP TRIGGER meddle ON pennylane.customers");
    scene.api.world(|world| {
        let record = world.new_record("customers");
        world.insert("customers", record);
        world.delete("customers", ids[0]);
    });
    let done = sync(&scene, "sync_incremental('customers')", "customers");
    assert_eq!((done.status.as_str(), done.inserted, done.deleted), ("partial", 1, 1), "{done:?}");
    assert_eq!(altered(&scene), format!("customers {}", ids[1]), "a row that is gone is altered no more");
    let done = sync(&scene, "sync_full('customers')", "customers");
    assert_eq!((done.status.as_str(), done.updated), ("ok", 1), "{done:?}");
    assert_eq!(altered(&scene), "");
    table_equals_world(&scene, "customers");
    let log = scene.cluster.log();
    assert!(log.contains("[RELECTURE] customers: 2 enregistrements") && !log.contains(SENT) && !log.contains(PUT));
}

#[test]
fn a_change_is_checked_as_a_load_is() {
    let scene = Scene::synced();
    trigger(&scene, "customers", "BEFORE UPDATE", ALTER);
    let id = change_phone(&scene, SENT);
    let done = sync(&scene, "sync_incremental('customers')", "customers");
    assert_eq!((done.status.as_str(), done.updated), ("partial", 1), "{done:?}");
    assert_eq!(filters(&scene, "/customers").len(), 2, "read, and read again");
    assert_eq!(altered(&scene), format!("customers {}", id));
    // The watermark moved: nothing is read a third time.
    let done = sync(&scene, "sync_incremental('customers')", "customers");
    assert_eq!((done.status.as_str(), filters(&scene, "/customers").len()), ("partial", 0), "{done:?}");
    scene.execute("DROP TRIGGER meddle ON pennylane.customers");
    change_phone(&scene, "07");
    assert_eq!(sync(&scene, "sync_incremental('customers')", "customers").status, "ok");
    table_equals_world(&scene, "customers");
}

#[test]
fn what_alters_a_row_but_once_is_healed_by_the_second_read() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE TABLE public.once (left_to_do integer); INSERT INTO public.once VALUES (1); \
                   GRANT SELECT, UPDATE ON public.once TO pennylane_owner",
    );
    let once = "UPDATE public.once SET left_to_do = left_to_do - 1 WHERE left_to_do > 0; IF FOUND THEN ";
    trigger(&scene, "customers", "BEFORE UPDATE", &format!("{once} {ALTER} END IF;"));
    change_phones(&scene, 3);
    let done = sync(&scene, "sync_full('customers')", "customers");
    assert_eq!((done.status.as_str(), done.updated, done.message), ("ok", 3, None));
    table_equals_world(&scene, "customers");
    // A row that was left out once, of a list that takes no filter.
    scene.execute("DROP TRIGGER meddle ON pennylane.customers; UPDATE public.once SET left_to_do = 1");
    trigger(&scene, "bank_accounts", "BEFORE INSERT", &format!("{once} RETURN NULL; END IF;"));
    scene.api.world(|world| {
        let record = world.new_record("bank_accounts");
        world.insert("bank_accounts", record);
    });
    let done = sync(&scene, "sync_full('bank_accounts')", "bank_accounts");
    let records = scene.api.world(|world| world.count("bank_accounts")) as i64;
    assert_eq!((done.status.as_str(), done.inserted, done.unchanged), ("ok", 1, records - 1), "{done:?}");
    assert_eq!(filters(&scene, "/bank_accounts").len(), 2);
    table_equals_world(&scene, "bank_accounts");
}

#[test]
fn a_row_that_a_trigger_leaves_out_is_named() {
    let scene = Scene::synced();
    trigger(&scene, "products", "BEFORE INSERT", "RETURN NULL;");
    let (id, records) = scene.api.world(|world| {
        let record = world.new_record("products");
        (world.insert("products", record), world.count("products") as i64)
    });
    let done = sync(&scene, "sync_full('products')", "products");
    assert_eq!((done.status.as_str(), done.inserted, done.unchanged), ("partial", 0, records - 1), "{done:?}");
    assert!(done.message.unwrap().ends_with(&format!(": {id}")));
    // It never came in, and then it is gone at Pennylane too.
    scene.api.world(|world| world.delete("products", id));
    assert_eq!(sync(&scene, "sync_full('products')", "products").status, "ok");
    assert_eq!(altered(&scene), "");
}

#[test]
fn no_alteration_looks_like_what_was_sent() {
    let scene = Scene::synced();
    scene.execute("ALTER TABLE pennylane.products ADD COLUMN odd jsonb");
    let mut changed = 0;
    for (field, sent, alter) in [
        ("price", json!("5.00"), "price := -NEW.price"),
        ("price", json!("0.00"), "price := NULL"),
        ("price", json!("0"), "price := 'NaN'"),
        ("label", json!(""), "label := NULL"),
        ("label", Value::Null, "label := ''"),
        ("odd", json!([]), "odd := '{}'"),
        ("odd", Value::Null, "odd := '{}'"),
        ("odd", json!({"a": 1}), "odd := '{\"a\": -1}'"),
        ("created_at", json!("2026-03-29T00:59:59.999999Z"), "created_at := NEW.created_at + interval '1 microsecond'"),
    ] {
        let id = scene.api.world(|world| {
            changed += 1;
            let id = world.ids("products")[changed % 2];
            world.update_silently("products", id, |product| {
                product.insert(field.into(), sent.clone());
                product.insert("external_reference".into(), json!(format!("change {changed}")));
            });
            id
        });
        trigger(&scene, "products", "BEFORE UPDATE", &format!("NEW.{alter};"));
        let done = sync(&scene, "sync_full('products')", "products");
        assert_eq!((done.status.as_str(), altered(&scene)), ("partial", format!("products {id}")), "{alter}: {done:?}");
        scene.execute("DROP TRIGGER meddle ON pennylane.products");
        assert_eq!(sync(&scene, "sync_full('products')", "products").status, "ok", "{alter}");
        assert_eq!(altered(&scene), "");
    }
}

#[test]
fn what_a_trigger_does_after_the_write_is_seen_too() {
    let scene = Scene::synced();
    let body = "IF pg_trigger_depth() = 1 THEN UPDATE pennylane.customers SET extra = '{}' WHERE id = NEW.id; END IF;";
    trigger(&scene, "customers", "AFTER UPDATE", body);
    change_phones(&scene, 1);
    assert_eq!(sync(&scene, "sync_full('customers')", "customers").status, "partial");
    // What no record says anything of is the user's.
    scene.execute(
        "DROP TRIGGER meddle ON pennylane.customers; ALTER TABLE pennylane.customers ADD COLUMN my_note text, \
         ADD COLUMN my_sum text GENERATED ALWAYS AS (name || id) STORED",
    );
    trigger(&scene, "customers", "BEFORE INSERT OR UPDATE", "NEW.my_note := 'mine';");
    assert_eq!(sync(&scene, "sync_full('customers')", "customers").status, "ok");
    table_equals_world_but_users_columns(&scene);
}

fn table_equals_world_but_users_columns(scene: &Scene) {
    scene.execute("ALTER TABLE pennylane.customers DROP COLUMN my_note, DROP COLUMN my_sum");
    table_equals_world(scene, "customers");
}

#[test]
fn a_trigger_that_alters_every_row_costs_one_more_request() {
    let scene = Scene::with(Size { products: 1000, ..Size::tiny() }, &[]);
    scene.execute("SELECT pennylane.setup()");
    trigger(&scene, "products", "BEFORE INSERT OR UPDATE", "NEW.label := 'x';");
    let done = sync(&scene, "sync_full('products')", "products");
    assert_eq!((done.status.as_str(), done.inserted, done.updated), ("partial", 1000, 0), "{done:?}");
    assert!(done.message.unwrap().starts_with("1000 rows are not stored"));
    let again: Vec<String> = filters(&scene, "/products").into_iter().filter(|f| f.contains("\"in\"")).collect();
    assert_eq!((again.len(), scene.value("SELECT count(*) FROM pennylane.altered_rows").unwrap()), (1, "1000".into()));
    scene.execute("DROP TRIGGER meddle ON pennylane.products");
    assert_eq!(sync(&scene, "sync_full('products')", "products").status, "ok");
    table_equals_world(&scene, "products");
}

#[test]
fn equal_values_that_are_written_otherwise_are_equal() {
    let scene = Scene::new();
    scene.execute(
        "SELECT pennylane.setup(); DROP VIEW pennylane.fact_customer_invoice CASCADE; ALTER TABLE pennylane.customer_invoices ALTER COLUMN label TYPE varchar(500), \
         ALTER COLUMN amount TYPE numeric(40, 10), ADD COLUMN odd jsonb, ADD COLUMN odd_uuid uuid, ADD COLUMN odd_flag boolean, \
         ADD COLUMN odd_small smallint, ADD COLUMN odd_time timestamptz",
    );
    scene.api.world(|world| {
        let mut record = world.new_record("customer_invoices");
        record["label"] = json!("  \u{1F600} \\ \t ");
        record["amount"] = json!("-0.00");
        record["currency_amount"] = json!("1000.000");
        record["odd"] = json!([-0.0, 1e5, 1.50, {"b": 1, "a": [null, "\u{e9}"]}]);
        record["odd_uuid"] = json!("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11");
        record["odd_flag"] = json!(false);
        record["odd_small"] = json!(-3);
        record["odd_time"] = json!("2016-12-31T23:59:60Z");
        record["unknown"] = json!({"deep": [1e-7]});
        world.insert("customer_invoices", record)
    });
    let done = sync(&scene, "sync_full('customer_invoices')", "customer_invoices");
    assert_eq!((done.status.as_str(), done.message), ("ok", None));
    assert_eq!(sync(&scene, "sync_full('customer_invoices')", "customer_invoices").updated, 0);
}

#[test]
fn lines_of_an_export_are_checked_by_their_place_in_the_file() {
    let scene = Scene::synced();
    let call = "export_fec('2019-01-01', '2019-12-31')";
    let header = "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\t\
                  PieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise\r\n";
    let line = |n: i32| {
        format!("VE\tVentes\t{n}\t20190101\t411\tX\t\t\tF{n}\t20190101\tL\t{n},50\t0,00\t\t\t20190101\t\t\r\n")
    };
    let serve = |lines: std::ops::Range<i32>| {
        scene.api.clear_faults();
        let body = header.to_owned() + &lines.map(line).collect::<String>();
        let file = FaultKind::Status { status: 200, headers: vec![], body };
        scene.api.fault(Fault::always("file=exports/fecs", file));
    };
    trigger(
        &scene,
        "fec",
        "BEFORE INSERT OR UPDATE",
        "IF NEW.line_no = 2 THEN NEW.debit := 1; END IF; IF NEW.line_no = 5 THEN RETURN NULL; END IF;",
    );
    serve(1..7);
    let done = scene.sync(call)["fec"].clone();
    assert_eq!((done.status.as_str(), done.inserted, done.updated), ("partial", 5, 0), "{done:?}");
    let message = done.message.unwrap();
    assert!(message.starts_with("2 rows are not stored"), "{message}");
    assert!(message.ends_with(": 2019-01-01 line 2, 2019-01-01 line 5"), "{message}");
    // The same lines again, and nothing else.
    let done = scene.sync(call)["fec"].clone();
    assert_eq!((done.status.as_str(), done.inserted, done.updated, done.unchanged), ("partial", 0, 1, 4), "{done:?}");
    // A run that asks for no export leaves the table what it is.
    assert_eq!(scene.sync("sync_incremental()")["fec"].status, "skipped");
    assert_eq!(state(&scene, "fec"), "partial");
    // A file without the one, and no trigger for the other.
    serve(1..5);
    scene.execute("ALTER TABLE pennylane.fec DISABLE TRIGGER meddle");
    let done = scene.sync(call)["fec"].clone();
    assert_eq!((done.status.as_str(), done.updated, altered(&scene).as_str()), ("ok", 1, ""), "{done:?}");
    assert_eq!(state(&scene, "fec"), "ok");
}

#[test]
fn the_worker_checks_too() {
    let scene = Scene::at_work(Size::tiny(), &["pennylane.sync_interval = 3600"]);
    let runs = |status: &str| {
        let query = format!("SELECT count(*) FROM pennylane.sync_runs WHERE status = '{status}'");
        move |scene: &Scene| scene.value(&query).unwrap() != "0"
    };
    wait_until("the first full run is done", || runs("ok")(&scene));
    tables_equal_world(&scene);
    trigger(&scene, "customers", "BEFORE UPDATE", ALTER);
    let id = change_phone(&scene, SENT);
    scene.execute("SELECT pennylane.request_sync()");
    wait_until("the run with the change is done", || runs("partial")(&scene));
    assert_eq!(altered(&scene), format!("customers {}", id));
}
