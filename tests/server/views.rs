//! The accountants' views as objects: what they promise to BI tools, who sees what in them, and what becomes of them and of
//! what users built on them when columns go, versions change and dumps are restored.

use crate::cluster::wait_until;
use crate::group::{Group, company};
use crate::recipe;
use crate::scene::{Scene, value};
use fake_pennylane::Size;
use postgres::Client;

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
