//! A copy on another server: what docs/replication.md says, word for word, on a server without the extension.

use crate::cluster::{Cluster, programs, wait_until};
use crate::group::{Group, company, token};
use crate::recipe::blocks;
use crate::scene::{Scene, TABLES, sqlstate, value, words};
use fake_pennylane::{Size, World};
use postgres::Client;
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};

const PAGE: &str = include_str!("../../docs/replication.md");

/// The data tables.
pub fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().chain(["analytical_ledger", "fec"])
}

/// Two servers, and the recipe between them.
struct Recipe<'a> {
    publisher: &'a Cluster,
    subscriber: &'a Cluster,
    /// The database of the subscriber.
    database: &'static str,
    company: i64,
}

impl Recipe<'_> {
    /// Runs the blocks of a step; what the last one printed.
    fn step(&self, heading: &str) -> String {
        let mut printed = String::new();
        for block in blocks(PAGE, heading) {
            let mut command = match block.kind {
                "sh" => Command::new("sh"),
                "sql publisher" => psql("$PUBLISHER_ADMIN"),
                "sql subscriber" => psql("$SUBSCRIBER"),
                // Names of servers and numbers of companies: those of the test stand in for them.
                "sh yours" => continue,
                kind => panic!("a block of an unknown kind: {kind}"),
            };
            let text = if block.kind == "sh" { format!("set -e\n{}", block.text) } else { block.text.to_owned() };
            printed = self.run(&mut command, &text);
        }
        printed
    }

    fn run(&self, command: &mut Command, input: &str) -> String {
        let at = |cluster: &Cluster, database: &str, user: &str| {
            format!("host={} dbname={database} user={user}", cluster.file("").display())
        };
        let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap_or_default());
        let folder = tempfile::tempdir().unwrap();
        let mut child = command
            .env("PATH", path)
            .env("PUBLISHER_ADMIN", at(self.publisher, "postgres", "postgres"))
            .env("PUBLISHER", at(self.publisher, "postgres", "replicator"))
            .env("SUBSCRIBER", at(self.subscriber, self.database, "postgres"))
            .env("COMPANY", self.company.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the shell starts");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(done.status.success(), "{input}\n{}{}", text(&done.stdout), text(&done.stderr));
        text(&done.stdout)
    }

    /// Waits until every table is there and all that the publisher wrote has arrived.
    fn has_caught_up(&self, subscription: &str) {
        let mut publisher = self.publisher.connect();
        let mut subscriber = self.subscriber.connect_to(self.database);
        wait_until("every table is copied", || {
            let copied = "SELECT concat_ws(' ', count(*), bool_and(srsubstate = 'r')) FROM pg_subscription_rel";
            value(&mut subscriber, copied).as_deref() == Some("13 t")
        });
        let written = value(&mut publisher, "SELECT pg_current_wal_lsn()").unwrap();
        let arrived = format!(
            "SELECT active AND confirmed_flush_lsn >= '{written}' FROM pg_replication_slots WHERE slot_name = '{subscription}'"
        );
        wait_until("every change has arrived", || value(&mut publisher, &arrived).as_deref() == Some("t"));
    }

    /// The rows of every table are the same on both sides; those of one company when there is a clause.
    fn are_equal(&self, rows: &str) {
        let mut publisher = self.publisher.connect();
        let mut subscriber = self.subscriber.connect_to(self.database);
        for table in tables() {
            let held = lines(&mut publisher, &format!("SELECT to_jsonb(t)::text FROM pennylane.{table} t {rows}"));
            assert!(!held.is_empty(), "rows of {table}");
            let copied = lines(&mut subscriber, &format!("SELECT to_jsonb(t)::text FROM pennylane.{table} t"));
            assert_eq!(copied.len(), held.len(), "rows of {table}");
            for (copied, held) in copied.iter().zip(&held) {
                assert_eq!(copied, held, "a row of {table}");
            }
        }
    }

    /// So are the views.
    fn views_are_equal(&self) {
        let mut publisher = self.publisher.connect();
        let mut subscriber = self.subscriber.connect_to(self.database);
        let views = "SELECT v FROM pennylane._views() AS v WHERE v <> 'pcg_mapping'";
        for view in lines(&mut publisher, views) {
            let rows = format!("SELECT t::text FROM pennylane.{view} t");
            assert_eq!(lines(&mut subscriber, &rows), lines(&mut publisher, &rows), "{view}");
        }
    }
}

/// psql as the page says to start it; what is asked of its output is for the test.
fn psql(server: &str) -> Command {
    let mut command = Command::new("sh");
    let line =
        format!(r#"exec psql "{server}" -v publisher="$PUBLISHER" -v company="$COMPANY" -XAtq -v ON_ERROR_STOP=1"#);
    command.arg("-c").arg(line);
    command
}

/// The rows of a query of one column, sorted.
fn lines(client: &mut Client, query: &str) -> Vec<String> {
    client.batch_execute("SET timezone = 'UTC'").unwrap();
    let rows = client.query(query, &[]).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let mut lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.sort();
    lines
}

/// A server without the extension.
fn plain_server() -> Cluster {
    let server = Cluster::start(&["shared_preload_libraries = ''".into()], &[]);
    let library = value(&mut server.connect(), "SHOW shared_preload_libraries");
    assert_eq!(library.as_deref(), Some(""));
    server
}

/// Something new, something changed and something gone in each table that lists have.
fn change_everything(world: &mut World) {
    for table in TABLES.into_iter().filter(|table| !["ledger_entry_lines", "fiscal_years"].contains(table)) {
        let ids = world.ids(table);
        if !["ledger_entries", "ledger_accounts", "bank_accounts"].contains(&table) {
            let record = world.new_record(table);
            world.insert(table, record);
            world.delete(table, ids[2]);
        }
        world.update(table, ids[1], |record| {
            let field = if record.contains_key("label") { "label" } else { "name" };
            record.insert(field.into(), json!("l'été à Sète \\ \"₂\"\n2"));
        });
    }
    let date = chrono::NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
    world.book_entry(date, "nouvelle", &[("606000", 100, 0), ("512000", 0, 100)]);
    let entry = world.ids("ledger_entries")[0];
    world.delete_entry(entry);
}

/// What the tables are made of, as anybody may look it up.
const DEFINITIONS: &[&str] = &[
    "SELECT concat_ws(' ', table_name, column_name, ordinal_position, data_type, numeric_precision, numeric_scale, is_nullable, \
            column_default, is_generated, generation_expression) \
     FROM information_schema.columns WHERE table_schema = 'pennylane' AND table_name IN (TABLES)",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'pennylane' AND tablename IN (TABLES)",
    "SELECT concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)) FROM pg_constraint \
     WHERE connamespace = 'pennylane'::regnamespace AND contype IN ('p', 'f') AND conrelid::regclass::text IN (NAMES)",
    "SELECT concat_ws(' ', c.relname, a.attname, d.description) FROM pg_description d \
     JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid \
     LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 \
     WHERE c.relnamespace = 'pennylane'::regnamespace \
       AND (c.relname IN (TABLES, 'pcg_mapping') OR (c.relkind = 'v' AND c.relname NOT IN (STATE)))",
    "SELECT concat_ws(' ', c.relname, c.reloptions, a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_class c \
     JOIN pg_attribute a ON a.attrelid = c.oid \
     WHERE c.relnamespace = 'pennylane'::regnamespace AND c.relkind = 'v' AND c.relname NOT IN (STATE)",
    "SELECT m::text FROM pennylane.pcg_mapping m",
];

#[test]
fn the_recipe_makes_a_copy_that_follows_every_change_and_can_be_made_again() {
    let scene = Scene::with(Size::tiny(), &["wal_level = replica"]);
    scene.sync("sync_full()");
    scene.execute(
        "ALTER TABLE pennylane.customers ADD COLUMN note numeric(12, 3) NOT NULL DEFAULT 1.5, \
             ADD COLUMN \"Loud name\" text GENERATED ALWAYS AS (upper(name)) STORED; \
         COMMENT ON COLUMN pennylane.customers.note IS 'l''été'; \
         CREATE INDEX \"Own index\" ON pennylane.customers (lower(name)) WHERE note > 1",
    );
    let subscriber = plain_server();
    let recipe = Recipe { publisher: &scene.cluster, subscriber: &subscriber, database: "postgres", company: 0 };
    recipe.step("1. ");
    scene.cluster.stop("fast");
    scene.cluster.start_again();
    // Another role's companies change nothing for this one.
    let company = scene.value("SELECT company_id FROM pennylane.companies").unwrap();
    scene.execute(&format!("CREATE ROLE client LOGIN; SELECT pennylane.grant_company('client', {company})"));
    recipe.step("2. ");
    let carried =
        "SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'pennylane'";
    let mut all: Vec<&str> = tables().collect();
    all.sort_unstable();
    assert_eq!(scene.value(carried).unwrap(), all.join(","));
    recipe.step("3. ");
    let (mut here, mut there) = (scene.connect(), subscriber.connect());
    for definition in DEFINITIONS {
        let names: Vec<String> = tables().map(|table| format!("'pennylane.{table}'")).collect();
        let definition = definition
            .replace("TABLES", &names.join(", ").replace("pennylane.", ""))
            .replace("NAMES", &names.join(", "))
            .replace("STATE", "'health', 'schedule', 'progress', '_past_runs', 'transforms'");
        let definitions = lines(&mut here, &definition);
        assert!(!definitions.is_empty());
        assert_eq!(lines(&mut there, &definition), definitions, "{definition}");
    }
    recipe.step("4. ");
    recipe.step("5. ");
    recipe.step("6. ");
    recipe.has_caught_up("pennylane");
    recipe.are_equal("");

    scene.api.world(change_everything);
    let done = scene.sync("sync_full()");
    assert!(
        done["customers"].inserted > 0 && done["customers"].updated > 0 && done["customers"].deleted > 0,
        "{done:#?}"
    );
    assert!(done["fec"].status == "ok" && done["ledger_entry_lines"].deleted > 0, "{done:#?}");
    recipe.has_caught_up("pennylane");
    recipe.are_equal("");
    recipe.views_are_equal();
    // Nothing failed on the way.
    let lag = recipe.step("How far behind");
    assert!(lag.starts_with("pennylane|") && lag.trim_end().ends_with("|0|0"), "{lag}");

    // Readers of the copy find what readers of the publisher find.
    let mut reader = subscriber.connect_as("powerbi");
    let relations =
        "SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = 'pennylane'";
    assert_eq!(value(&mut reader, relations).as_deref(), Some("16"));
    assert_ne!(value(&mut reader, "SELECT count(*) FROM pennylane.fec_legal").as_deref(), Some("0"));

    recipe.step("A new column");
    scene.api.world(|world| {
        let id = world.ids("products")[0];
        world.update("products", id, |product| {
            product.insert("shelf".into(), json!("B 12"));
        });
    });
    assert_eq!(scene.sync("sync_full('products')")["products"].updated, 1);
    recipe.has_caught_up("pennylane");
    recipe.are_equal("");
    let shelf = value(&mut there, "SELECT string_agg(shelf, ',') FROM pennylane.products");
    assert_eq!(shelf.as_deref(), Some("B 12"));

    recipe.step("Again from nothing");
    assert_eq!(scene.value("SELECT count(*) FROM pg_replication_slots").unwrap(), "0", "no slot keeps the log");
    assert_eq!(value(&mut there, "SELECT to_regnamespace('pennylane')"), None);
    recipe.step("3. ");
    recipe.step("4. ");
    recipe.step("6. ");
    recipe.has_caught_up("pennylane");
    recipe.are_equal("");
}

#[test]
fn a_publication_of_one_company_carries_its_rows_and_no_others() {
    let group = Group::added(2, &["wal_level = logical"]);
    let scene = &group.scene;
    scene.sync_all("sync_full()");
    let subscriber = plain_server();
    subscriber.connect().batch_execute("CREATE DATABASE one").unwrap();
    let recipe = Recipe { publisher: &scene.cluster, subscriber: &subscriber, database: "one", company: company(1) };
    recipe.step("2. ");
    recipe.step("3. ");
    recipe.step("One company only");
    recipe.has_caught_up("pennylane_one");
    let rows = format!("WHERE t.company_id = {}", company(1));
    recipe.are_equal(&rows);
    for number in [0, 1] {
        group.api(number).world(change_everything);
    }
    let done = scene.sync_all("sync_full()");
    assert!(done.iter().all(|(_, status)| status == "ok"), "{done:?}");
    recipe.has_caught_up("pennylane_one");
    recipe.are_equal(&rows);
    group.equal_worlds([0, 1]);
}

#[test]
fn without_old_rows_a_publication_of_one_company_stops_the_syncs_of_its_tables() {
    let group = Group::added(1, &["wal_level = logical"]);
    let scene = &group.scene;
    scene.sync_all("sync_full()");
    scene.execute(&format!("CREATE PUBLICATION one FOR TABLE pennylane.customers WHERE (company_id = {})", company(0)));
    scene.api.world(change_everything);
    let error = scene.error("sync_full('customers')");
    assert_eq!(sqlstate(&error), "55000");
    assert!(words(&error).contains("customers: SQLSTATE 42P10"), "{}", words(&error));
    scene.execute("ALTER TABLE pennylane.customers REPLICA IDENTITY FULL");
    assert_eq!(scene.sync("sync_full('customers')")["customers"].status, "ok");
}

#[test]
fn the_replication_role_reads_tokens_whatever_it_was_granted() {
    // No promise: a fact that the page warns of. Should PostgreSQL change it, the page should, too.
    let group = Group::new(1, &["wal_level = logical"]);
    let scene = &group.scene;
    scene.execute("CREATE ROLE replicator LOGIN REPLICATION");
    let mut replicator = scene.cluster.connect_as("replicator");
    value(&mut replicator, "SELECT pg_create_logical_replication_slot('spy', 'test_decoding')");
    group.add([0]);
    let seen = lines(&mut replicator, "SELECT data FROM pg_logical_slot_get_changes('spy', NULL, NULL)");
    assert!(seen.iter().any(|change| change.contains(&token(0))), "{} changes", seen.len());
    value(&mut replicator, "SELECT pg_drop_replication_slot('spy')");
}

#[test]
fn definitions_that_another_server_could_not_make_are_left_out() {
    let scene = Scene::synced();
    scene.execute(
        "CREATE FUNCTION public.mine(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'; \
         CREATE TYPE public.mood AS ENUM ('good'); CREATE DOMAIN public.euros AS numeric(12, 2); CREATE SEQUENCE public.numbers; \
         ALTER TABLE pennylane.products \
             ADD COLUMN mood public.mood DEFAULT 'good', ADD COLUMN moods public.mood[], ADD COLUMN worth public.euros, \
             ADD COLUMN number bigint DEFAULT nextval('public.numbers'), ADD COLUMN serial bigint GENERATED BY DEFAULT AS IDENTITY, \
             ADD COLUMN made text NOT NULL GENERATED ALWAYS AS (public.mine('x')) STORED, \
             ADD CONSTRAINT mine CHECK (public.mine(label) = label), ADD CONSTRAINT once UNIQUE (serial); \
         CREATE INDEX mine ON pennylane.products (public.mine(label)); \
         CREATE TABLE public.other (id bigint PRIMARY KEY); \
         ALTER TABLE pennylane.products ADD COLUMN other bigint REFERENCES public.other; \
         CREATE OR REPLACE VIEW pennylane.fec_legal AS SELECT company_id, period_start, period_end, line_no, journal_code AS \"JournalCode\", \
             journal_lib AS \"JournalLib\", ecriture_num AS \"EcritureNum\", ecriture_date AS \"EcritureDate\", compte_num AS \"CompteNum\", \
             compte_lib AS \"CompteLib\", comp_aux_num AS \"CompAuxNum\", comp_aux_lib AS \"CompAuxLib\", piece_ref AS \"PieceRef\", \
             piece_date AS \"PieceDate\", public.mine(ecriture_lib) AS \"EcritureLib\", debit AS \"Debit\", credit AS \"Credit\", \
             ecriture_let AS \"EcritureLet\", date_let AS \"DateLet\", valid_date AS \"ValidDate\", \
             montant_devise AS \"Montantdevise\", idevise AS \"Idevise\" FROM pennylane.fec; \
         CREATE ROLE reader LOGIN; SELECT pennylane.grant_reader('reader')",
    );
    let mut reader = scene.cluster.connect_as("reader");
    let statements = reader.query("SELECT pennylane.subscriber_ddl()", &[]).unwrap();
    let server = plain_server();
    let mut there = server.connect();
    for statement in &statements {
        let statement: String = statement.get(0);
        there.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}\n{error:?}"));
    }
    let columns = "SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, atthasdef), ', ' ORDER BY attnum) \
                   FROM pg_attribute WHERE attrelid = 'pennylane.products'::regclass AND attname IN \
                   ('mood', 'moods', 'worth', 'number', 'serial', 'made', 'other')";
    assert_eq!(
        value(&mut there, columns).unwrap(),
        "mood text f f, moods text f f, worth numeric(12,2) f f, number bigint f f, serial bigint t f, made text f f, other bigint f f"
    );
    let unique = "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE indisunique AND NOT indisprimary \
                  AND indrelid = 'pennylane.products'::regclass";
    assert_eq!(value(&mut there, unique).as_deref(), Some("pennylane.once"));
    assert_eq!(value(&mut there, "SELECT to_regclass('pennylane.fec_legal')"), None);
    assert_eq!(value(&mut there, "SELECT to_regclass('pennylane.trial_balance') IS NOT NULL").unwrap(), "t");

    scene.execute("DROP TABLE pennylane.suppliers CASCADE");
    let error = reader.query("SELECT pennylane.subscriber_ddl()", &[]).unwrap_err();
    assert_eq!(sqlstate(&error), "55000");
    let words = words(&error);
    assert!(words.contains("suppliers") && words.contains("pennylane.setup()"), "{words}");
}
