//! The accountants' views as objects: what they promise to BI tools, who sees what in them, and what becomes of them and of
//! what users built on them when columns go, versions change and dumps are restored.

use crate::cluster::wait_until;
use crate::group::{Group, company};
use crate::recipe;
use crate::scene::{Scene, value, words};
use fake_pennylane::Size;
use postgres::Client;
use serde_json::json;

/// The views that users read; the others are parts of them.
fn public_views(client: &mut Client) -> Vec<String> {
    let query = "SELECT v FROM pennylane._views() AS v WHERE v NOT LIKE '\\_%' AND v <> 'pcg_mapping'";
    client.query(query, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
fn every_view_has_one_key_amounts_to_the_cent_and_a_word_on_each_column() {
    let scene = Scene::synced();
    let mut client = scene.connect();
    let views = public_views(&mut client);
    assert!(views.len() >= 25, "{views:?}");
    for view in &views {
        let columns = client
            .query(
                "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), \
                        col_description(a.attrelid, a.attnum), obj_description(a.attrelid, 'pg_class') \
                 FROM pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 ORDER BY a.attnum",
                &[&format!("pennylane.{view}")],
            )
            .unwrap();
        for column in &columns {
            let (name, kind): (String, String) = (column.get(0), column.get(1));
            let (comment, of_view): (Option<String>, Option<String>) = (column.get(2), column.get(3));
            assert!(comment.is_some_and(|words| !words.is_empty()) && of_view.is_some(), "{view}.{name} says nothing");
            assert!(!kind.contains("json"), "{view}.{name} is {kind}");
            // The legal file has its own forms.
            let exact = ["weight", "exchange_rate"].contains(&name.as_str()) || view == "fec_legal";
            assert!(!kind.starts_with("numeric") || exact || kind == "numeric(18,2)", "{view}.{name} is {kind}");
            assert!(!["real", "double precision", "money"].contains(&kind.as_str()), "{view}.{name} is {kind}");
        }
        if view != "fec_legal" {
            let key: String = columns[0].get(0);
            let unique = format!("SELECT count(*) = count(DISTINCT {key}) AND count(*) > 0 FROM pennylane.{view}");
            assert_eq!(
                value(&mut client, &unique).unwrap(),
                "t",
                "{key} is no key of {view}, or there is nothing in it"
            );
        }
    }
    assert_eq!(
        value(&mut client, "SELECT obj_description('pennylane.pcg_mapping'::regclass) IS NOT NULL").unwrap(),
        "t"
    );
}

#[test]
fn a_role_sees_its_own_company_in_every_view() {
    let group = Group::added(2, &[]);
    group.scene.sync_all("sync_full()");
    let own = company(1);
    group.scene.execute(&format!(
        "CREATE ROLE client LOGIN; SELECT pennylane.grant_reader('client'), pennylane.grant_company('client', {own})"
    ));
    let mut owner = group.scene.connect();
    let mut client = group.scene.cluster.connect_as("client");
    for view in public_views(&mut owner).iter().filter(|view| *view != "dim_date") {
        let companies = format!("SELECT string_agg(DISTINCT company_id::text, ',') FROM pennylane.{view}");
        assert!(value(&mut owner, &companies).unwrap().contains(','), "{view} holds both");
        assert_eq!(value(&mut client, &companies).unwrap(), own.to_string(), "{view}");
    }
    assert_ne!(value(&mut client, "SELECT count(*) FROM pennylane.dim_date").unwrap(), "0");
}

#[test]
fn the_statements_of_the_page_about_views_run_as_they_stand() {
    let scene = Scene::synced();
    let page = include_str!("../../docs/views.md");
    let mut run = 0;
    let sections = page.split("\n## ").skip(1).filter(|section| section.contains("```"));
    for heading in sections.filter_map(|section| section.lines().next()) {
        for block in recipe::blocks(page, heading) {
            assert_eq!(block.kind, "sql", "{heading}");
            scene.execute(block.text);
            run += 1;
        }
    }
    assert_eq!(run, 4, "blocks were run");
    let edited = "SELECT count(*) FROM pennylane.pcg_mapping WHERE prefix = '6226'";
    assert_eq!(scene.value(edited).unwrap(), "0", "the page takes its example back");
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for view in public_views(&mut scene.connect()).iter().filter(|view| *view != "fec_legal") {
        assert!(table.iter().any(|line| line.contains(&format!("`{view}`"))), "{view} is not on the page");
    }
}

/// The columns of the views as they were released, a line each: what users' views stand on.
const RELEASED: &str = include_str!("../fixtures/views.txt");

#[test]
fn columns_that_were_released_stay_where_they_are() {
    let scene = Scene::new();
    scene.execute("SELECT pennylane.setup()");
    let mut client = scene.connect();
    let columns = "SELECT format('%s %s %s %s', v.name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod)) \
                   FROM pennylane._views() WITH ORDINALITY AS v (name, place) \
                   JOIN pg_attribute a ON a.attrelid = ('pennylane.' || v.name)::regclass AND a.attnum > 0 \
                   WHERE v.name NOT LIKE '\\_%' ORDER BY v.name, a.attnum";
    let columns: Vec<String> = client.query(columns, &[]).unwrap().iter().map(|row| row.get(0)).collect();
    assert!(RELEASED.lines().count() > 250);
    for line in RELEASED.lines() {
        assert!(
            columns.iter().any(|column| column == line),
            "{line} is gone: a column is added at the end, and only there"
        );
    }
    let added: Vec<&String> = columns.iter().filter(|column| !RELEASED.lines().any(|line| line == *column)).collect();
    assert!(added.is_empty(), "add to tests/fixtures/views.txt: {added:#?}");
}

#[test]
fn odd_records_stop_no_view_and_make_no_row_twice() {
    let scene = Scene::new();
    scene.api.world(|world| {
        let huge: serde_json::Value = serde_json::from_str("99999999999999999999999").unwrap();
        let lines = world.ids("ledger_entry_lines");
        for (id, categories) in lines.iter().zip([
            json!([{"id": huge, "weight": "99999999999999999999999", "category_group": {"id": 1.5}}, "x", 7, null]),
            json!([{"id": "x", "label": 3, "weight": "a tenth", "category_group": 5, "analytical_code": {}}]),
            json!({"id": 1}),
            json!("x"),
        ]) {
            world.update("ledger_entry_lines", *id, |line| {
                line.insert("categories".into(), categories.clone());
            });
        }
        for (id, ids) in
            lines.iter().rev().zip([json!([huge, "x", 1.5]), json!({"a": 1}), json!("x"), json!([]), json!(null)])
        {
            world.update("ledger_entry_lines", *id, |line| {
                line["lettered_ledger_entry_lines"]["ids"] = ids.clone();
            });
        }
        for (id, field) in
            lines.iter().skip(20).zip(["ledger_account", "date", "journal", "ledger_entry", "debit", "credit", "label"])
        {
            world.update("ledger_entry_lines", *id, |line| {
                line.insert(field.into(), json!(null));
            });
        }
        for (id, field) in
            world.ids("transactions").iter().zip(["bank_account", "date", "amount", "journal", "categories"])
        {
            world.update("transactions", *id, |transaction| {
                transaction.insert(field.into(), json!(null));
            });
        }
        for (id, field) in
            world.ids("customer_invoices").iter().zip(["draft", "status", "amount", "deadline", "paid", "date"])
        {
            world.update("customer_invoices", *id, |invoice| {
                invoice.insert(field.into(), json!(null));
            });
        }
        // A fiscal year over another, and one that ends before it starts.
        for (start, finish) in
            [("2025-07-01", "2026-06-30"), ("2026-01-01", "2025-12-31"), ("2027-03-01", "2027-02-28")]
        {
            let mut year = world.new_record("fiscal_years");
            year["start"] = json!(start);
            year["finish"] = json!(finish);
            world.insert("fiscal_years", year);
        }
    });
    scene.sync("sync_full()");
    let mut client = scene.connect();
    for view in public_views(&mut client).iter().filter(|view| *view != "fec_legal") {
        let key =
            format!("SELECT attname FROM pg_attribute WHERE attrelid = 'pennylane.{view}'::regclass AND attnum = 1");
        let key = value(&mut client, &key).unwrap();
        let whole = format!("SELECT count(*) = count(DISTINCT {key}) AND count(t::text) > 0 FROM pennylane.{view} t");
        assert_eq!(value(&mut client, &whole).unwrap(), "t", "{view}");
    }
    let lines = "SELECT (SELECT count(*) FROM pennylane.ledger_entry_lines) || ' ' || (SELECT count(*) FROM pennylane.general_ledger) \
                 || ' ' || (SELECT count(*) FROM pennylane.fact_ledger_line)";
    let lines = value(&mut client, lines).unwrap();
    let counts: Vec<&str> = lines.split(' ').collect();
    assert!(counts[0] == counts[1] && counts[1] == counts[2], "{lines}");
}

/// The state of a database whose views are those of another version, which had less: and a user's views and grants on them.
const OLDER: &str = "\
    DROP VIEW pennylane.vat_summary; \
    DROP VIEW pennylane.transaction_balance; \
    SET ROLE pennylane_owner; \
    CREATE VIEW pennylane.transaction_balance AS SELECT transaction_id, company_id, bank_account_id, \
        NULL::text AS bank_account_name, date, NULL::text AS label FROM pennylane.fact_transaction; \
    RESET ROLE; \
    GRANT SELECT ON pennylane.transaction_balance TO analyst; \
    CREATE VIEW public.mine AS SELECT * FROM pennylane.transaction_balance; \
    CREATE VIEW public.balances AS SELECT account_number, balance FROM pennylane.trial_balance; \
    UPDATE pennylane.data_layout SET views = 'of another version'";

fn assert_brought_up_to_date(scene: &Scene) {
    let facts = [
        ("SELECT to_regclass('pennylane.vat_summary') IS NOT NULL", "a view that is new"),
        (
            "SELECT count(solde_cumule) > 0 AND count(label) > 0 FROM pennylane.transaction_balance",
            "a view that had less",
        ),
        ("SELECT count(*) > 0 AND count(label) > 0 FROM public.mine", "a view on it, which sees what is new below"),
        ("SELECT count(*) > 0 FROM public.balances", "a view on one that stayed"),
        ("SELECT has_table_privilege('analyst', 'pennylane.transaction_balance', 'SELECT')", "a grant"),
    ];
    for (fact, what) in facts {
        assert_eq!(scene.value(fact).as_deref(), Some("t"), "{what}");
    }
}

#[test]
fn an_upgrade_keeps_users_views_on_top_and_only_adds_columns() {
    let scene = Scene::synced();
    scene.execute(&format!("CREATE ROLE analyst; {OLDER}"));
    let mine = "SELECT 'public.mine'::regclass::oid || ' ' || 'public.balances'::regclass::oid || ' ' || \
                       'pennylane.transaction_balance'::regclass::oid";
    let before = scene.value(mine);
    scene.execute("SELECT pennylane.setup()");
    assert_brought_up_to_date(&scene);
    assert_eq!(scene.value(mine), before, "nothing was dropped");
    // With nothing to do, nobody who reads is waited for.
    let mut reader = scene.connect();
    reader.batch_execute("BEGIN; SELECT count(*) FROM pennylane.trial_balance").unwrap();
    scene.execute("SET lock_timeout = '50ms'; SELECT pennylane.setup()");
}

#[test]
fn the_worker_brings_views_up_to_date_at_its_next_run() {
    let scene = Scene::at_work(Size::tiny(), &[]);
    let runs = "SELECT count(*) FROM pennylane.sync_runs WHERE status = 'ok'";
    wait_until("a first run", || scene.value(runs).as_deref() == Some("1"));
    scene.execute(&format!("CREATE ROLE analyst; {OLDER}; SELECT pennylane.request_sync()"));
    wait_until("a second run", || scene.value(runs).as_deref() == Some("2"));
    assert_brought_up_to_date(&scene);
}

#[test]
fn an_upgrade_that_somebody_who_reads_stands_in_the_way_of_is_tried_again() {
    let scene = Scene::synced();
    scene.execute(&format!("CREATE ROLE analyst; {OLDER}"));
    let mut reader = scene.connect();
    reader.batch_execute("BEGIN; SELECT count(*) FROM pennylane.dim_account").unwrap();
    let refused = scene.connect().batch_execute("SET lock_timeout = '100ms'; SELECT pennylane.setup()").unwrap_err();
    assert!(words(&refused).contains("55P03"), "{}", words(&refused));
    assert_eq!(scene.value("SELECT views FROM pennylane.data_layout").unwrap(), "of another version");
    reader.batch_execute("ROLLBACK").unwrap();
    scene.execute("SELECT pennylane.setup()");
    assert_brought_up_to_date(&scene);
}

#[test]
fn no_view_is_made_over_somebody_elses_objects() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE ROLE stranger; GRANT USAGE, CREATE ON SCHEMA pennylane TO stranger; \
         DROP TABLE pennylane.pcg_mapping CASCADE; DROP VIEW pennylane._account_labels CASCADE; SET ROLE stranger; \
         CREATE FUNCTION pennylane.trap() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''sprung''; END'; \
         CREATE VIEW pennylane._account_labels AS SELECT 1::bigint AS company_id, ''::text AS number, pennylane.trap() AS label; \
         CREATE VIEW pennylane.journals AS SELECT 1::bigint AS id, 1::bigint AS company_id, pennylane.trap() AS code, \
             ''::text AS label, ''::text AS type; \
         CREATE VIEW pennylane.pcg_mapping AS SELECT ''::text AS prefix, pennylane.trap() AS balance, ''::text AS side, \
             ''::text AS section, ''::text AS heading, 1 AS position; \
         RESET ROLE; UPDATE pennylane.data_layout SET views = NULL; SELECT pennylane.setup()",
    );
    let over = "SELECT string_agg(DISTINCT r.ev_class::regclass::text, ', ') FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid \
                WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class <> d.refobjid AND d.refobjid IN \
                    ('pennylane._account_labels'::regclass, 'pennylane.journals'::regclass, 'pennylane.pcg_mapping'::regclass)";
    assert_eq!(scene.value(over), None);
    let found = "SELECT detail FROM pennylane.check() WHERE item = 'views'";
    let found = scene.value(found).unwrap();
    for missing in ["trial_balance", "statement_accounts", "balance_sheet", "vat_summary"] {
        assert!(found.contains(missing), "{found}");
    }
    assert_ne!(scene.value("SELECT count(*) FROM pennylane.general_ledger").unwrap(), "0");
    scene.execute(
        "DROP VIEW pennylane._account_labels, pennylane.journals, pennylane.pcg_mapping; SELECT pennylane.setup()",
    );
    assert_ne!(scene.value("SELECT count(*) FROM pennylane.balance_sheet").unwrap(), "0");
}

#[test]
fn a_view_that_lacks_a_column_is_said_and_stops_nothing() {
    let scene = Scene::synced();
    scene.execute("ALTER TABLE pennylane.suppliers DROP COLUMN postal_address_city CASCADE");
    let found = "SELECT status || ': ' || detail FROM pennylane.check() WHERE item = 'views'";
    assert_eq!(scene.value(found).unwrap(), "warning: not there: dim_supplier");
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| ["ok", "skipped"].contains(&table.status.as_str())), "{done:#?}");
    scene.execute("SELECT pennylane.setup()");
    let log = scene.cluster.log();
    let said = "pennylane.dim_supplier is left as it is: SQLSTATE 42703 (column s.postal_address_city does not exist)";
    assert!(log.contains(said), "{log}");
    scene.execute("ALTER TABLE pennylane.suppliers ADD COLUMN postal_address_city text; SELECT pennylane.setup()");
    assert_eq!(scene.value(found), None);
    assert_eq!(scene.sync("sync_full('suppliers')")["suppliers"].status, "ok");
    assert_ne!(scene.value("SELECT count(city) FROM pennylane.dim_supplier").unwrap(), "0");
    // What users made of the rest stays: others' objects under a name of ours are theirs.
    scene.execute(
        "DROP VIEW pennylane.cash_position; CREATE VIEW pennylane.cash_position AS SELECT 1 AS theirs; SELECT pennylane.setup(); \
         UPDATE pennylane.data_layout SET views = NULL; SELECT pennylane.setup()",
    );
    assert_eq!(scene.value("SELECT theirs FROM pennylane.cash_position").unwrap(), "1");
}

#[test]
fn a_restored_database_has_the_views_and_the_edited_mapping() {
    let scene = Scene::synced();
    scene.execute(
        "UPDATE pennylane.pcg_mapping SET heading = 'Ventes du magasin' WHERE heading = 'Ventes de marchandises'; \
         DELETE FROM pennylane.pcg_mapping WHERE prefix = '72'; \
         INSERT INTO pennylane.pcg_mapping VALUES ('62', 'credit', NULL, 'Produits d''exploitation', 'Avoirs de services', 1070); \
         GRANT SELECT ON pennylane.pcg_mapping TO PUBLIC; \
         CREATE VIEW public.mine AS SELECT heading, amount FROM pennylane.profit_and_loss",
    );
    let dump = scene.cluster.file("dump.sql");
    let dump = dump.to_str().unwrap();
    scene.cluster.client("pg_dump", ["-f", dump, "postgres"]);
    scene.execute("CREATE DATABASE restored");
    scene.cluster.client("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-d", "restored", "-f", dump]);
    let (mut here, mut there) = (scene.connect(), scene.cluster.connect_to("restored"));
    let views = public_views(&mut here);
    let same = |here: &mut Client, there: &mut Client| {
        for relation in views.iter().map(String::as_str).chain(["pcg_mapping"]) {
            let digest = format!(
                "SELECT count(*) || ' ' || md5(string_agg(t::text, ',' ORDER BY t::text)) FROM pennylane.{relation} t"
            );
            assert_eq!(value(there, &digest), value(here, &digest), "{relation}");
        }
    };
    same(&mut here, &mut there);
    there.batch_execute("SELECT pennylane.setup()").unwrap();
    same(&mut here, &mut there);
    let mine = "SELECT count(*) > 0 FROM public.mine WHERE heading = 'Ventes du magasin' AND amount <> 0";
    assert_eq!(value(&mut there, mine).unwrap(), "t");
    // A mapping that was emptied on purpose stays empty.
    there.batch_execute("DELETE FROM pennylane.pcg_mapping; SELECT pennylane.setup()").unwrap();
    assert_eq!(value(&mut there, "SELECT count(*) FROM pennylane.pcg_mapping").unwrap(), "0");
    let headings = "SELECT string_agg(DISTINCT heading, ',') FROM pennylane.profit_and_loss";
    assert_eq!(value(&mut there, headings).unwrap(), "Comptes non rattachés");
}
