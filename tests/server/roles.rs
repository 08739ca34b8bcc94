//! What each role must not be able to do: a test for each line of the threat model in SECURITY.md.

use crate::compare::tables_equal_world;
use crate::scene::{SCHEDULER, Scene, TOKEN, sqlstate, value, words};
use fake_pennylane::{Config, Size};
use postgres::{Client, SimpleQueryMessage};
use serde_json::json;

/// The token of the second company.
const OTHER_TOKEN: &str = "other-token-0c4e82aa19f35d77";

/// A synced company of the server's token, a stored one beside it, and a role of each kind.
fn scene() -> Scene {
    let scene = Scene::synced();
    scene.execute(
        "CREATE ROLE nobody LOGIN; \
         CREATE ROLE reader LOGIN; SELECT pennylane.grant_reader('reader'); \
         CREATE ROLE operator LOGIN IN ROLE pennylane_operator; \
         CREATE ROLE monitor LOGIN IN ROLE pg_monitor; \
         CREATE ROLE all_reader LOGIN IN ROLE pg_read_all_data, pg_read_all_settings, pg_read_all_stats; \
         CREATE ROLE creator LOGIN CREATEROLE CREATEDB",
    );
    scene
}

const ROLES: [&str; 6] = ["nobody", "reader", "operator", "monitor", "all_reader", "creator"];

/// A second company with a stored token.
fn add_neighbour(scene: &Scene) -> (fake_pennylane::FakePennylane, i64) {
    let config = Config { size: Size::tiny(), token: OTHER_TOKEN.into(), ..Config::company(7) };
    let neighbour = scene.api.neighbour(config);
    let mut client = scene.connect();
    client.batch_execute("SET log_statement = 'none'").unwrap();
    let company = value(&mut client, &format!("SELECT pennylane.add_company('{OTHER_TOKEN}', 'La voisine')")).unwrap();
    (neighbour, company.parse().unwrap())
}

/// Everything that a query shows, as text; the SQLSTATE when it is refused.
fn seen(client: &mut Client, query: &str) -> Result<String, String> {
    let messages = client.simple_query(query).map_err(|error| sqlstate(&error).to_string())?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).filter_map(|place| row.get(place)).collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(rows.collect::<Vec<_>>().join("\n"))
}

#[test]
fn no_role_reads_a_token() {
    let scene = scene();
    let (_neighbour, _) = add_neighbour(&scene);
    assert_eq!(scene.value("SELECT count(*) FROM pennylane.company_tokens").unwrap(), "1", "there is one to read");
    // What autovacuum would do in its time: statistics hold values.
    scene.execute("ANALYZE");
    let relations = "SELECT string_agg(quote_ident(n.nspname) || '.' || quote_ident(c.relname), ' ') FROM pg_class c \
                     JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname IN ('pennylane', 'pg_catalog')";
    let relations: Vec<String> = scene.value(relations).unwrap().split(' ').map(str::to_owned).collect();
    assert!(relations.iter().any(|name| name == "pennylane.company_tokens") && relations.len() > 100);
    let functions = "SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p \
                     WHERE p.pronamespace = 'pennylane'::regnamespace AND p.pronargs - p.pronargdefaults = 0 \
                       AND p.prorettype <> 'event_trigger'::regtype";
    let functions: Vec<String> = scene.value(functions).unwrap().split(' ').map(str::to_owned).collect();
    for role in ROLES {
        let mut client = scene.cluster.connect_as(role);
        // It is told as much as there is to tell.
        client.batch_execute("SET client_min_messages = debug1").unwrap();
        for relation in &relations {
            let shown = seen(&mut client, &format!("SELECT * FROM {relation} AS t")).unwrap_or_default();
            assert!(!shown.contains(OTHER_TOKEN) && !shown.contains(TOKEN), "{role} reads a token in {relation}");
        }
        for function in &functions {
            let name = function.split('(').next().unwrap();
            let shown = seen(&mut client, &format!("SELECT * FROM {name}()")).unwrap_or_default();
            assert!(!shown.contains(OTHER_TOKEN) && !shown.contains(TOKEN), "{role} gets a token from {function}");
        }
        // By a back door: a copy of the table's file, the planner's statistics, the server's files and environment.
        for query in [
            "TABLE pennylane.company_tokens",
            "SELECT most_common_vals FROM pg_stats WHERE tablename = 'company_tokens'",
            "SELECT pg_read_file('/proc/self/environ')",
            "COPY (TABLE pennylane.company_tokens) TO PROGRAM 'cat'",
            "SET row_security = off; TABLE pennylane.company_tokens",
            "SET ROLE pennylane_owner; TABLE pennylane.company_tokens",
            "CREATE TABLE pennylane.mine (LIKE pennylane.company_tokens)",
            "CREATE POLICY mine ON pennylane.company_tokens USING (true)",
            "ALTER TABLE pennylane.company_tokens DISABLE ROW LEVEL SECURITY",
        ] {
            let shown = seen(&mut client, query).unwrap_or_default();
            assert_eq!(shown, "", "{role}: {query}");
        }
    }
    assert_eq!(scene.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'company_tokens'").unwrap(), "t");
}

#[test]
fn who_may_only_read_neither_writes_nor_calls() {
    let scene = scene();
    let calls = [
        "setup()",
        "enable_table('journals')",
        "disable_table('journals', false)",
        "sync_full('customers')",
        "sync_incremental()",
        "export_fec()",
        "export_analytical_ledger()",
        "prove()",
        "request_sync()",
        "cancel_run(1)",
        "invoice_pdf('customer', 1)",
        "check()",
        "add_company('x')",
        "rotate_token(1, 'x')",
        "remove_company(1)",
        "grant_reader('nobody')",
        "grant_company('nobody', 1)",
        "_prove(1)",
        "_disarm_foreign_keys()",
        "_share('{}')",
        "_spread_policies()",
        "_policies()",
        "_alert(1)",
        "_company_tables()",
        "add_transform('t', 'SELECT 1', '{customers}')",
        "drop_transform('t')",
        "_known_tables()",
    ];
    scene.execute("SELECT pennylane.enable_table('journals')");
    let tables = scene.value("SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'pennylane'::regnamespace AND relkind = 'r'");
    let tables = tables.unwrap();
    let writes = |table: &str| {
        ["DELETE FROM", "INSERT INTO", "TRUNCATE", "ALTER TABLE", "DROP TABLE"].map(|verb| match verb {
            "INSERT INTO" => format!("INSERT INTO pennylane.{table} DEFAULT VALUES"),
            "ALTER TABLE" => format!("ALTER TABLE pennylane.{table} ADD COLUMN mine text"),
            verb => format!("{verb} pennylane.{table}"),
        })
    };
    for role in ["nobody", "reader", "operator", "monitor", "all_reader", "creator"] {
        let mut client = scene.cluster.connect_as(role);
        for call in calls {
            let of_operators = role == "operator"
                && [
                    "setup",
                    "enable_",
                    "disable_",
                    "sync_",
                    "export_",
                    "prove",
                    "request_",
                    "cancel_",
                    "invoice_",
                    "check",
                    "_prove",
                    "add_transform",
                    "drop_transform",
                ]
                .iter()
                .any(|start| call.starts_with(start));
            if !of_operators {
                let refused = seen(&mut client, &format!("SELECT * FROM pennylane.{call}"));
                assert_eq!(refused, Err("42501".into()), "{role} calls {call}");
            }
        }
        for table in tables.split(' ') {
            // Operators edit the mapping of the statements, row by row.
            let edits = role == "operator" && table == "pcg_mapping";
            for write in writes(table).iter().skip(if edits { 2 } else { 0 }) {
                assert_eq!(seen(&mut client, write), Err("42501".into()), "{role}: {write}");
            }
        }
        // Traps and doors in the schema itself.
        for plant in [
            "CREATE TABLE pennylane.mine ()",
            "CREATE FUNCTION pennylane.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "CREATE OPERATOR pennylane.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
            "CREATE TRIGGER mine BEFORE INSERT ON pennylane.customers EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE RULE mine AS ON INSERT TO pennylane.customers DO INSTEAD NOTHING",
            "ALTER SYSTEM SET pennylane.api_base_url = 'https://evil.test'",
            "SET pennylane.api_base_url = 'https://evil.test'",
            "SET pennylane.api_token_file = '/etc/passwd'",
        ] {
            let refused = seen(&mut client, plant).expect_err(plant);
            assert!(["42501", "55P02"].contains(&refused.as_str()), "{role}: {plant}: {refused}");
        }
        // Where the token of a company is sent is not for an operator to say.
        let elsewhere = "UPDATE pennylane.companies SET api_base_url = 'https://evil.test'";
        assert_eq!(seen(&mut client, elsewhere), Err("42501".into()), "{role}");
    }
    let mut client = scene.cluster.connect_as("nobody");
    assert_eq!(seen(&mut client, "SELECT count(*) FROM pennylane.customers"), Err("42501".into()));
    let mut client = scene.cluster.connect_as("monitor");
    for private in [
        "TABLE pennylane.customers",
        "TABLE pennylane.proofs",
        "TABLE pennylane.companies",
        "TABLE pennylane.deleted_rows",
    ] {
        assert_eq!(seen(&mut client, private), Err("42501".into()), "{private}");
    }
    let others = "SELECT string_agg(c.relname, ', ') FROM pg_class c WHERE c.relnamespace = 'pennylane'::regnamespace \
                    AND c.relkind IN ('r', 'v') \
                    AND has_table_privilege('nobody', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')";
    assert_eq!(scene.value(others), None, "PUBLIC may do nothing");
    let others = "SELECT string_agg(r.rolname || ' ' || p.oid::regprocedure, ', ') FROM pg_proc p, pg_roles r \
                  WHERE p.pronamespace = 'pennylane'::regnamespace AND r.rolname = 'nobody' \
                    AND has_function_privilege(r.oid, p.oid, 'EXECUTE')";
    assert_eq!(scene.value(others), None, "PUBLIC may do nothing");
}

#[test]
fn readers_and_operators_can_do_what_they_are_for() {
    let scene = scene();
    let mut reader = scene.cluster.connect_as("reader");
    for query in [
        "SELECT count(*) > 0 FROM pennylane.customers",
        "SELECT count(*) > 0 FROM pennylane.fec_legal",
        "SELECT count(*) = 13 FROM pennylane.health",
        "SELECT count(*) = 1 FROM pennylane.schedule",
        "SELECT count(*) = 0 FROM pennylane.progress",
        "SELECT count(*) > 0 FROM pennylane.sync_state",
        "SELECT count(*) > 1 FROM pennylane.fec_file((SELECT min(period_start) FROM pennylane.fec), \
                                                    (SELECT min(period_end) FROM pennylane.fec))",
        "SELECT count(*) >= 0 FROM pennylane.fec_anomalies()",
        "SELECT pennylane.assert_healthy() IS NOT NULL",
        "SELECT count(*) > 100 FROM pennylane.subscriber_ddl()",
        "SELECT count(*) = 16 FROM information_schema.table_constraints \
         WHERE constraint_type = 'FOREIGN KEY' AND table_schema = 'pennylane' AND table_name <> 'sync_run_tables' \
           AND table_name <> 'company_tokens'",
    ] {
        assert_eq!(seen(&mut reader, query).as_deref(), Ok("t"), "{query}");
    }
    let mut operator = scene.cluster.connect_as("operator");
    for call in ["sync_full()", "sync_incremental()", "export_fec()", "prove()", "check()", "request_sync()", "setup()"]
    {
        seen(&mut operator, &format!("SELECT * FROM pennylane.{call}"))
            .unwrap_or_else(|state| panic!("{call}: {state}"));
    }
    assert_eq!(
        seen(&mut operator, "UPDATE pennylane.companies SET enabled = false, label = 'fermée'").as_deref(),
        Ok("")
    );
    assert_eq!(seen(&mut operator, "SELECT count(*) FROM pennylane.schedule").as_deref(), Ok("0"));
    // A table that is made again is there for those who could read it before.
    scene.execute("UPDATE pennylane.companies SET enabled = true; DROP TABLE pennylane.customers CASCADE");
    scene.sync("sync_full('customers')");
    assert_eq!(seen(&mut reader, "SELECT count(*) > 0 FROM pennylane.customers").as_deref(), Ok("t"));
    let owners = "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'pennylane'";
    assert_eq!(scene.value(owners).unwrap(), "pennylane_owner");
}

#[test]
fn a_role_sees_the_companies_that_were_granted_to_it() {
    let scene = scene();
    let (neighbour, other) = add_neighbour(&scene);
    scene.execute(
        "CREATE ROLE client LOGIN; SELECT pennylane.grant_reader('client'); \
                   CREATE ROLE clerk LOGIN IN ROLE pennylane_operator",
    );
    scene.sync_all("sync_full()");
    // Something of both companies in every table of state.
    for world in [&scene.api, &neighbour] {
        world.world(|world| {
            let id = world.ids("customers")[0];
            world.delete("customers", id);
        });
    }
    scene.sync_all("sync_incremental('customers')");
    let first: i64 = scene
        .value(&format!("SELECT company_id FROM pennylane.companies WHERE company_id <> {other}"))
        .unwrap()
        .parse()
        .unwrap();
    let tables = scene.value("SELECT string_agg(t::text, ' ') FROM pennylane._company_tables() AS t").unwrap();
    for table in tables.split(' ').filter(|table| {
        !["sync_checkpoints", "sync_candidates", "pending_entries", "schema_drift", "altered_rows"].contains(table)
    }) {
        let companies = format!("SELECT count(DISTINCT company_id) FROM pennylane.{table}");
        assert_eq!(scene.value(&companies).unwrap(), "2", "{table} holds rows of both");
    }
    let views = ["fec_legal", "health", "schedule", "_past_runs", "companies"];
    let readable = "SELECT string_agg(t::text, ' ') FROM pennylane._company_tables() AS t \
                    WHERE has_table_privilege('client', 'pennylane.' || t, 'SELECT')";
    let readable = scene.value(readable).unwrap();
    let shown = |role: &str, expected: &str| {
        let mut client = scene.cluster.connect_as(role);
        for relation in readable.split(' ').chain(views) {
            let companies = format!(
                "SELECT string_agg(DISTINCT company_id::text, ',' ORDER BY company_id::text) FROM pennylane.{relation}"
            );
            let companies = seen(&mut client, &companies).unwrap();
            if companies.is_empty() {
                assert!(["schema_drift", "altered_rows"].contains(&relation), "{role} sees nothing in {relation}");
            } else {
                assert_eq!(companies, expected, "{role} in {relation}");
            }
        }
    };
    let both = {
        let mut both = [first.to_string(), other.to_string()];
        both.sort();
        both.join(",")
    };
    shown("client", &both);
    scene.execute(&format!("SELECT pennylane.grant_company('client', {other})"));
    shown("client", &other.to_string());
    shown("reader", &both);
    // By what else shows rows: functions, the legal file, counts, errors of another's key.
    let mut client = scene.cluster.connect_as("client");
    assert_eq!(
        seen(&mut client, &format!("SELECT count(*) FROM pennylane.fec_anomalies(company => {first})")),
        Err("22023".into())
    );
    let period = scene
        .value(&format!(
            "SELECT format('%L, %L', min(period_start), min(period_end)) FROM pennylane.fec WHERE company_id = {first}"
        ))
        .unwrap();
    assert!(seen(&mut client, &format!("SELECT * FROM pennylane.fec_file({period}, {first})")).is_err());
    assert_eq!(seen(&mut client, "SELECT count(*) FROM pennylane.health WHERE company_id IS NULL").as_deref(), Ok("0"));

    // An operator with one company neither syncs nor stops another.
    scene.execute(&format!("SELECT pennylane.grant_company('clerk', {other})"));
    let mut clerk = scene.cluster.connect_as("clerk");
    let run = scene.value(&format!("SELECT pennylane.request_sync('full', 'products', {first})")).unwrap();
    for call in [
        format!("sync_full('products', {first})"),
        format!("sync_incremental('products', {first})"),
        format!("export_fec(company => {first})"),
        format!("prove({first})"),
        format!("request_sync('full', 'products', {first})"),
        format!("invoice_pdf('customer', 1, {first})"),
    ] {
        assert_eq!(seen(&mut clerk, &format!("SELECT * FROM pennylane.{call}")), Err("22023".into()), "{call}");
    }
    assert_eq!(seen(&mut clerk, &format!("SELECT pennylane.cancel_run({run})")).as_deref(), Ok("f"));
    assert_eq!(scene.value(&format!("SELECT status FROM pennylane.sync_runs WHERE run_id = {run}")).unwrap(), "queued");
    // Nor does taking on a role that it is a member of open what is closed to it.
    for role in ["pennylane_operator", "pennylane_reader"] {
        clerk.batch_execute(&format!("SET ROLE {role}")).unwrap();
        for relation in readable.split(' ').chain(views) {
            let others = format!("SELECT count(*) FROM pennylane.{relation} WHERE company_id = {first}");
            assert_eq!(seen(&mut clerk, &others).as_deref(), Ok("0"), "{relation} as {role}");
        }
        let off = format!("UPDATE pennylane.companies SET enabled = false WHERE company_id = {first} RETURNING 1");
        assert_ne!(seen(&mut clerk, &off).as_deref(), Ok("1"), "as {role}");
        assert!(
            seen(&mut clerk, &format!("SELECT * FROM pennylane.sync_full('products', {first})")).is_err(),
            "as {role}"
        );
        clerk.batch_execute("RESET ROLE").unwrap();
    }
    let synced = seen(&mut clerk, "SELECT DISTINCT company_id FROM pennylane.sync_full()").unwrap();
    assert_eq!(synced, other.to_string());
    let checked =
        seen(&mut clerk, "SELECT string_agg(item || detail || coalesce(hint, ''), ' ') FROM pennylane.check()")
            .unwrap();
    assert!(!checked.contains(&first.to_string()), "{checked}");
    assert_eq!(
        seen(&mut clerk, "UPDATE pennylane.companies SET label = 'x' RETURNING company_id").unwrap(),
        other.to_string()
    );

    // The engine is not hindered, nor is a table that is made later open.
    scene.execute("DROP TABLE pennylane.products CASCADE");
    let done = scene.sync_all("sync_full()");
    assert!(done.iter().all(|(_, status)| status == "ok"), "{done:?}");
    shown("client", &other.to_string());
    // Granted one more, and then everything again.
    scene.execute(&format!("SELECT pennylane.grant_company('client', {first})"));
    shown("client", &both);
    scene.execute(&format!(
        "SELECT pennylane.revoke_companies('client'); SELECT pennylane.grant_company('client', {first})"
    ));
    shown("client", &first.to_string());
    scene.execute("SELECT pennylane.revoke_companies('client')");
    shown("client", &both);
    // Policies outlive the extension, and a dump carries them.
    scene.execute(&format!("SELECT pennylane.grant_company('client', {other})"));
    let (dump, file) = (scene.cluster.file("dump"), scene.cluster.file("dump.sql"));
    let (dump, file) = (dump.to_str().unwrap(), file.to_str().unwrap());
    scene.cluster.client("pg_dump", ["-f", file, "postgres"]);
    scene.cluster.client("pg_dump", ["-F", "d", "-f", dump, "postgres"]);
    for name in ["restored", "in_parallel"] {
        scene.cluster.client("createdb", ["-T", "template0", name]);
    }
    scene.cluster.client("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-d", "restored", "-f", file]);
    scene.cluster.client("pg_restore", ["-j", "4", "-d", "in_parallel", dump]);
    for name in ["restored", "in_parallel"] {
        let mut restored = scene.cluster.config(name).user("client").connect(postgres::NoTls).unwrap();
        for relation in readable.split(' ').chain(views) {
            let others = format!("SELECT count(*) FROM pennylane.{relation} WHERE company_id = {first}");
            assert_eq!(seen(&mut restored, &others).as_deref(), Ok("0"), "{relation} in the database {name}");
        }
        assert_ne!(seen(&mut restored, "SELECT count(*) FROM pennylane.customers").as_deref(), Ok("0"), "{name}");
    }
    scene.execute("DROP EXTENSION penny_pg");
    assert_eq!(seen(&mut client, "SELECT DISTINCT company_id FROM pennylane.customers").unwrap(), other.to_string());
}

#[test]
fn companies_are_not_granted_in_vain() {
    let scene = scene();
    let company = scene.value("SELECT company_id FROM pennylane.companies").unwrap();
    scene.execute("CREATE ROLE owns IN ROLE pennylane_owner; CREATE ROLE passes BYPASSRLS");
    for (role, company, state) in [
        ("postgres", company.as_str(), "22023"),
        ("owns", &company, "22023"),
        ("passes", &company, "22023"),
        ("reader", "99", "22023"),
        ("reader", "NULL", "22023"),
        ("missing", &company, "42704"),
    ] {
        let error =
            scene.connect().simple_query(&format!("SELECT pennylane.grant_company('{role}', {company})")).unwrap_err();
        assert_eq!(sqlstate(&error), state, "{}", words(&error));
    }
    assert_eq!(scene.value("SELECT count(*) FROM pg_policies").unwrap(), "0");
}

#[test]
fn nothing_planted_in_a_schema_of_the_search_path_is_called() {
    let scene = scene();
    // Better matches than PostgreSQL's own, in the session's temporary schema and in one of its search path.
    scene.execute("GRANT CREATE ON SCHEMA public TO operator; GRANT CREATE ON DATABASE postgres TO operator");
    let mut operator = scene.cluster.connect_as("operator");
    let plant = |schema: &str| {
        format!(
            "CREATE FUNCTION {schema}.trap(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO trapped VALUES (current_user); RETURN false; END $$; \
             CREATE FUNCTION {schema}.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO trapped VALUES (current_user); RETURN false; END $$; \
             CREATE OPERATOR {schema}.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = {schema}.trap); \
             CREATE OPERATOR {schema}.= (LEFTARG = text, RIGHTARG = text, FUNCTION = {schema}.trap); \
             CREATE OPERATOR {schema}.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = {schema}.trap); \
             CREATE FUNCTION {schema}.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE sql AS 'SELECT NULL::bigint WHERE false'; \
             CREATE FUNCTION {schema}.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'; \
             CREATE FUNCTION {schema}.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';"
        )
    };
    operator.batch_execute("CREATE TABLE public.trapped (by name); GRANT ALL ON public.trapped TO PUBLIC; SET search_path = public, pg_temp, pg_catalog").unwrap();
    operator.batch_execute(&plant("public")).unwrap();
    operator.batch_execute(&plant("pg_temp")).unwrap();
    operator
        .batch_execute("CREATE TEMP TABLE customers (); CREATE TEMP TABLE sync_state (); CREATE TEMP TABLE pg_class (relname text)")
        .unwrap();
    for call in
        ["sync_full()", "sync_incremental()", "export_fec()", "prove()", "check()", "fec_anomalies()", "request_sync()"]
    {
        seen(&mut operator, &format!("SELECT * FROM pennylane.{call}"))
            .unwrap_or_else(|state| panic!("{call}: {state}"));
    }
    for view in ["health", "schedule", "progress"] {
        seen(&mut operator, &format!("SELECT * FROM pennylane.{view}")).unwrap();
    }
    assert_eq!(scene.value("SELECT count(*) FROM public.trapped").unwrap(), "0");
    tables_equal_world(&scene);
    let pinned = "SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p \
                  WHERE p.pronamespace = 'pennylane'::regnamespace \
                    AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)";
    assert_eq!(scene.value(pinned), None, "every function pins its search_path");
}

#[test]
fn a_schema_in_which_others_may_create_is_refused() {
    let scene = scene();
    let refused = |prepare: &str, state: &str| {
        scene.execute("DROP DATABASE IF EXISTS hostile");
        scene.execute("CREATE DATABASE hostile");
        let mut client = scene.cluster.connect_to("hostile");
        client.batch_execute(prepare).unwrap();
        let error = client.batch_execute("CREATE EXTENSION penny_pg").expect_err(prepare);
        assert_eq!(sqlstate(&error), state, "{}", words(&error));
        words(&error)
    };
    assert!(refused("CREATE SCHEMA pennylane AUTHORIZATION creator", "55000").contains("creator"));
    assert!(refused("CREATE SCHEMA pennylane; GRANT CREATE ON SCHEMA pennylane TO reader", "55000").contains("reader"));
    assert!(refused("CREATE SCHEMA pennylane; GRANT CREATE ON SCHEMA pennylane TO PUBLIC", "55000").contains("PUBLIC"));
    scene.execute("ALTER ROLE pennylane_owner LOGIN");
    assert!(refused("", "55000").contains("pennylane_owner"));
    scene.execute("ALTER ROLE pennylane_owner NOLOGIN SUPERUSER");
    assert!(refused("", "55000").contains("pennylane_owner"));
}

#[test]
fn neither_triggers_nor_the_owner_of_the_tables_become_a_superuser() {
    let scene = Scene::with(Size::tiny(), &["pennylane.sync_interval = 3600"]);
    scene.sync("sync_full()");
    scene.execute(
        "CREATE ROLE planter LOGIN; GRANT USAGE ON SCHEMA pennylane TO planter; \
         GRANT TRIGGER ON pennylane.customers TO planter; GRANT CREATE ON SCHEMA public TO planter; \
         CREATE TABLE public.fired (by name, super text, back text); GRANT ALL ON public.fired TO PUBLIC",
    );
    scene
        .cluster
        .connect_as("planter")
        .batch_execute(
            "CREATE FUNCTION public.climb() RETURNS trigger LANGUAGE plpgsql AS $$ \
             DECLARE back text := 'no'; BEGIN \
               BEGIN RESET ROLE; back := current_user; EXCEPTION WHEN OTHERS THEN NULL; END; \
               BEGIN SET SESSION AUTHORIZATION DEFAULT; back := current_user; EXCEPTION WHEN OTHERS THEN NULL; END; \
               BEGIN SET ROLE postgres; back := current_user; EXCEPTION WHEN OTHERS THEN NULL; END; \
               INSERT INTO public.fired SELECT current_user, rolsuper::text, back FROM pg_roles WHERE rolname = current_user; \
               RETURN NEW; END $$; \
             CREATE TRIGGER climb BEFORE UPDATE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.climb()",
        )
        .unwrap();
    let change = |name: &str| {
        scene.api.world(|world| {
            let id = world.ids("customers")[0];
            world.update("customers", id, |customer| {
                customer.insert("phone".into(), json!(name));
            });
        });
    };
    // Called by a superuser, and by the worker, which began as one.
    change("0102030405");
    scene.sync("sync_full('customers')");
    change("0504030201");
    scene.cluster.configure(&["pennylane.worker = on"]);
    crate::cluster::wait_until("the scheduler runs", || scene.value(SCHEDULER).is_some());
    let run = scene.value("SELECT pennylane.request_sync('full', 'customers')").unwrap();
    let done = format!("SELECT status FROM pennylane.sync_runs WHERE run_id = {run}");
    crate::cluster::wait_until("the worker's run is done", || scene.value(&done).as_deref() == Some("ok"));
    let fired =
        "SELECT count(*) || ' ' || string_agg(DISTINCT concat_ws(' ', by, super, back), ', ') FROM public.fired";
    assert_eq!(scene.value(fired).unwrap(), "2 pennylane_owner false no");

    // What runs as a superuser is a superuser's own, and calls nothing else.
    let supers = "SELECT string_agg(p.proname, ', ' ORDER BY p.proname) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner \
                  WHERE p.pronamespace = 'pennylane'::regnamespace AND r.rolsuper";
    assert_eq!(
        scene.value(supers).unwrap(),
        "_armed_foreign_keys, _company_tables, _disarm_foreign_keys, _keep_policies_whole, _keep_tokens_unpublished, \
         _policies, _publications_of_tokens, _spread_policies"
    );
    scene.execute("CREATE ROLE engineer LOGIN IN ROLE pennylane_owner");
    let mut engineer = scene.cluster.connect_as("engineer");
    engineer.batch_execute("SET ROLE pennylane_owner").unwrap();
    for climb in [
        "CREATE OR REPLACE FUNCTION pennylane._armed_foreign_keys(OUT relation regclass, OUT trigger_name name) RETURNS SETOF record LANGUAGE sql AS 'SELECT NULL, NULL'",
        "ALTER SCHEMA pennylane RENAME TO mine",
        "DROP FUNCTION pennylane._disarm_foreign_keys()",
        "ALTER FUNCTION pennylane._keep_tokens_unpublished() SECURITY INVOKER",
        "CREATE ROLE mine SUPERUSER",
        "DROP EVENT TRIGGER penny_pg_keep_tokens_unpublished",
    ] {
        assert_eq!(seen(&mut engineer, climb), Err("42501".into()), "{climb}");
    }
}

#[test]
fn nothing_that_a_trigger_does_outlasts_the_call() {
    let scene = scene();
    scene.execute(
        "CREATE TABLE public.fired (by name); GRANT ALL ON public.fired TO PUBLIC; GRANT CREATE ON SCHEMA public TO reader; \
         GRANT TRIGGER ON pennylane.customers TO reader",
    );
    let mut planter = scene.cluster.connect_as("reader");
    planter
        .batch_execute(
            "CREATE FUNCTION public.note(text) RETURNS text LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO public.fired VALUES (current_user); RETURN $1; END $$; \
             CREATE FUNCTION public.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.note(''); RETURN NEW; END $$; \
             CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT public.note(pg_catalog.lower(pg_catalog.current_database()))'; RETURN NEW; END $$; \
             CREATE FUNCTION public.path() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM set_config('search_path', 'public, pg_catalog', false); RETURN NEW; END $$",
        )
        .unwrap();
    for trigger in [
        "CREATE CONSTRAINT TRIGGER planted AFTER UPDATE ON pennylane.customers DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION public.later()",
        "CREATE TRIGGER planted BEFORE UPDATE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.hold()",
        "CREATE TRIGGER planted BEFORE UPDATE ON pennylane.customers FOR EACH ROW EXECUTE FUNCTION public.path()",
    ] {
        planter.batch_execute(trigger).unwrap();
        scene.api.world(|world| {
            let id = world.ids("customers")[0];
            world.update("customers", id, |customer| {
                customer.insert("phone".into(), json!(trigger.len().to_string()));
            });
        });
        // A superuser's session: whether the table can be synced with this trigger is another matter.
        let mut session = scene.connect();
        let _ = seen(&mut session, "SELECT * FROM pennylane.sync_full()");
        assert_eq!(value(&mut session, "SHOW search_path").unwrap(), "\"$user\", public", "{trigger}");
        let by = "SELECT string_agg(DISTINCT by, ',') FROM public.fired WHERE by <> 'pennylane_owner'";
        assert_eq!(value(&mut session, by), None, "{trigger}");
        scene.execute("DROP TRIGGER planted ON pennylane.customers");
    }
}

#[test]
fn what_pennylane_sends_is_data_and_never_a_statement() {
    let scene = scene();
    let label = "'; DROP TABLE pennylane.customers; -- $$ %s %I \\ \u{202e}\n2026-11-21 [1] LOG:  [END] Succes: 13/13";
    let field = "x\"; DROP TABLE pennylane.suppliers; --%I$$'\n[ERREUR]";
    let id = scene.api.world(|world| {
        let id = world.ids("customers")[0];
        world.update("customers", id, |customer| {
            customer.insert("name".into(), json!(label));
            customer.insert(field.into(), json!(label));
            customer.insert("_misfit".into(), json!({"name": label}));
        });
        id
    });
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    let held = scene.connect().query_one("SELECT name FROM pennylane.customers WHERE id = $1", &[&id]).unwrap();
    assert_eq!(held.get::<_, String>(0), label);
    let adopt = "SELECT adopt_with FROM pennylane.schema_drift WHERE table_name = 'customers' AND field LIKE 'x%'";
    let adopt = scene.value(adopt).unwrap();
    scene.execute(&adopt);
    scene.sync("sync_full('customers')");
    let adopted = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'pennylane.customers'::regclass AND attname LIKE 'x%DROP TABLE%' AND NOT attisdropped";
    assert_eq!(scene.value(adopted).unwrap(), "1");
    assert_eq!(scene.value("SELECT count(*) > 0 FROM pennylane.suppliers").unwrap(), "t");
    let log = scene.cluster.log();
    assert!(
        !log.lines().any(|line| line.starts_with("2026-11-21 [1]") || line.starts_with("[ERREUR]")),
        "a line of its own in the log"
    );
    // The name of the company is Pennylane's to choose, too.
    scene.api.set_config(|config| config.company.name = label.into());
    scene.sync("sync_full('customers')");
    let name = scene.connect().query_one("SELECT name FROM pennylane.companies", &[]).unwrap();
    assert_eq!(name.get::<_, String>(0), label);
    scene.value("SELECT count(*) FROM pennylane.check()");
}
