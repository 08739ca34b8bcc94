-- Who owns what and may do what. Everything belongs to pennylane_owner, which is no superuser: a trigger that a lesser role
-- put on a table runs with the rights of the engine. PUBLIC may do nothing.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- A data table that is here already was left by an extension that was dropped, and is the owner's. Later the schema could not
-- be renamed any more: the extension would go with it.
DO $tables$
DECLARE
    strange record;
BEGIN
    SELECT c.relname, r.rolname INTO strange
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND r.rolname <> 'pennylane_owner'
      AND c.relname IN (SELECT t.name FROM pennylane._known_tables() AS t (name))
    ORDER BY c.relname
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the schema pennylane is there already, with a table % of the role %', strange.relname, strange.rolname
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'If it is the older ETL''s, rename it: ALTER SCHEMA pennylane RENAME TO penny_old; if a dump brought the '
                      'table back without its owner, run ALTER TABLE ... OWNER TO pennylane_owner; then CREATE EXTENSION again.';
    END IF;
END
$tables$;

DO $owner$
DECLARE
    object text;
BEGIN
    FOR object IN
        SELECT pg_catalog.format(
            'ALTER %s %s OWNER TO pennylane_owner',
            CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE 'TYPE' END,
            c.oid::pg_catalog.regclass)
        FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
        JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
        WHERE e.extname = 'penny_pg' AND d.deptype = 'e' AND c.relkind IN ('r', 'v')
        UNION ALL
        SELECT pg_catalog.format('ALTER TYPE %s OWNER TO pennylane_owner', t.oid::pg_catalog.regtype)
        FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
        JOIN pg_catalog.pg_type t ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
        JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
        WHERE e.extname = 'penny_pg' AND d.deptype = 'e'
        UNION ALL
        -- What runs with a superuser's rights stays a superuser's, with all that it calls: the helper that disarms foreign
        -- keys, and what event triggers do in a superuser's statement.
        SELECT pg_catalog.format('ALTER FUNCTION %s OWNER TO pennylane_owner', p.oid::pg_catalog.regprocedure)
        FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
        JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
        WHERE e.extname = 'penny_pg' AND d.deptype = 'e'
          AND p.proname NOT IN (
              '_armed_foreign_keys', '_disarm_foreign_keys',
              '_publications_of_tokens', '_keep_tokens_unpublished',
              '_company_tables', '_policies', '_spread_policies', '_keep_policies_whole')
    LOOP
        EXECUTE object;
    END LOOP;

    -- What a view shows is what the one who asks may see. PostgreSQL 14 knows no such views.
    IF pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN
        ALTER VIEW pennylane._past_runs SET (security_invoker = true);
        ALTER VIEW pennylane.schedule SET (security_invoker = true);
        ALTER VIEW pennylane.progress SET (security_invoker = true);
        ALTER VIEW pennylane.health SET (security_invoker = true);
    END IF;
END
$owner$;

-- What the default privileges of who installs would give to others, too.
DO $revoke$
DECLARE
    change text;
BEGIN
    FOR change IN
        SELECT DISTINCT pg_catalog.format('REVOKE ALL ON %s FROM %I', object.name, r.rolname)
        FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
        CROSS JOIN LATERAL (
            SELECT 'TABLE ' || c.oid::pg_catalog.regclass, c.relacl, c.relowner
            FROM pg_catalog.pg_class c
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid AND c.relkind IN ('r', 'v')
            UNION ALL
            SELECT 'FUNCTION ' || p.oid::pg_catalog.regprocedure, p.proacl, p.proowner
            FROM pg_catalog.pg_proc p
            WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid
        ) AS object (name, acl, owner)
        CROSS JOIN LATERAL pg_catalog.aclexplode(object.acl) may
        JOIN pg_catalog.pg_roles r ON r.oid = may.grantee
        WHERE e.extname = 'penny_pg' AND d.deptype = 'e' AND may.grantee <> object.owner
    LOOP
        EXECUTE change;
    END LOOP;
END
$revoke$;

REVOKE ALL ON SCHEMA pennylane FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pennylane FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA pennylane FROM PUBLIC;

GRANT USAGE, CREATE ON SCHEMA pennylane TO pennylane_owner;
-- So that grant_reader() can hand it on.
GRANT USAGE ON SCHEMA pennylane TO pennylane_owner WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION pennylane._armed_foreign_keys(), pennylane._disarm_foreign_keys(),
    pennylane._publications_of_tokens(), pennylane._company_tables(), pennylane._policies(),
    pennylane._spread_policies() TO pennylane_owner;

-- Monitors see how it goes: names of tables, counts, times and errors, no accounts. Column by column: the views read with
-- their rights.
GRANT USAGE ON SCHEMA pennylane TO pg_monitor;
GRANT SELECT ON pennylane.schedule, pennylane.health, pennylane.progress, pennylane._past_runs TO pg_monitor;
GRANT SELECT (company_id, enabled, uses_server_token) ON pennylane.companies TO pg_monitor;
GRANT SELECT (company_id, table_name, last_sync_at, sync_type, status, last_error, last_full_at, row_count)
    ON pennylane.sync_state TO pg_monitor;
GRANT SELECT (run_id, company_id, trigger, mode, target, started_at, finished_at, status, error)
    ON pennylane.sync_runs TO pg_monitor;
GRANT SELECT (run_id, status) ON pennylane.sync_run_tables TO pg_monitor;
GRANT SELECT (company_id, differs) ON pennylane.proofs TO pg_monitor;
GRANT SELECT (company_id, table_name) ON pennylane.altered_rows TO pg_monitor;
GRANT EXECUTE ON FUNCTION pennylane._next_runs(timestamptz, timestamptz, timestamptz, bigint), pennylane._progress(),
    pennylane._data_tables(), pennylane.assert_healthy() TO pg_monitor;

SELECT pennylane.grant_reader('pennylane_reader');

GRANT EXECUTE ON FUNCTION pennylane.setup(), pennylane.check(),
    pennylane.enable_table(text), pennylane.disable_table(text, boolean),
    pennylane.sync_full(text, bigint, boolean), pennylane.sync_incremental(text, bigint),
    pennylane.export_fec(date, date, bigint), pennylane.export_analytical_ledger(date, date, bigint),
    pennylane.prove(bigint), pennylane._prove(bigint),
    pennylane.request_sync(text, text, bigint), pennylane.cancel_run(bigint),
    pennylane.invoice_pdf(text, bigint, bigint),
    pennylane.add_transform(text, text, text[], interval), pennylane.drop_transform(text) TO pennylane_operator;
-- Statements may hold what is not for every reader.
GRANT SELECT ON pennylane.transforms TO pennylane_operator;
GRANT UPDATE (enabled, label) ON pennylane.companies TO pennylane_operator;
