\echo Use "ALTER EXTENSION penny_pg UPDATE" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Which layout the data tables have, and a digest of the views over them. No row: the first one, or no tables yet. setup(),
-- and the background worker at its next run, bring older ones up to date.
CREATE TABLE pennylane.data_layout (
    only_row boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (only_row),
    layout   integer     NOT NULL,
    since    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    views    text
);
SELECT pg_catalog.pg_extension_config_dump('pennylane.data_layout', '');

COMMENT ON TABLE pennylane.data_layout IS 'Internal: which layout the data tables have; setup() brings older ones up to date. At most one row.';
COMMENT ON COLUMN pennylane.data_layout.only_row IS 'Always true.';
COMMENT ON COLUMN pennylane.data_layout.layout IS 'Number of the layout: 1 is that of version 0.1.0.';
COMMENT ON COLUMN pennylane.data_layout.since IS 'Since when (database clock).';
COMMENT ON COLUMN pennylane.data_layout.views IS 'Digest of what the views were made of; setup() makes them again when it is another one. NULL: made by an older version.';

-- The views that setup() makes.
CREATE FUNCTION pennylane._views() RETURNS SETOF text
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '_views_wrapper';
COMMENT ON FUNCTION pennylane._views() IS 'Internal: the names of the views over the data tables and of their mapping table, in the order in which they stand on each other.';

-- A copy of the data tables on another server, by logical replication. docs/replication.md has the recipe.
--
-- From the live catalogs, so that columns and indexes of one's own come along. What the subscriber could not make is left
-- out: defaults and indexes that need a function, an operator class or a sequence of this database. Rows bring their
-- values with them, so nothing depends on these. Check constraints hold here already.
CREATE FUNCTION pennylane.subscriber_ddl() RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text;
BEGIN
    SELECT pg_catalog.string_agg(t.name, ', ') INTO missing
    FROM (SELECT pennylane._data_tables() UNION ALL SELECT 'pcg_mapping') AS t (name)
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND c.relname = t.name AND c.relkind = 'r'
    );
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'these tables are not there yet: %', missing
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'SELECT pennylane.setup(); creates them, and so does the first sync.';
    END IF;

    RETURN QUERY
    WITH RECURSIVE tables AS MATERIALIZED (
        SELECT c.oid, c.relname, t.place
        FROM pennylane._data_tables() WITH ORDINALITY AS t (name, place)
        JOIN pg_catalog.pg_class c
            ON c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND c.relname = t.name AND c.relkind = 'r'
    ), relations AS MATERIALIZED (
        SELECT t.oid, t.relname, 'TABLE' AS kind, t.place FROM tables t
        UNION ALL
        SELECT c.oid, c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, 1000 + v.place
        FROM pennylane._views() WITH ORDINALITY AS v (name, place)
        JOIN pg_catalog.pg_class c
            ON c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND c.relname = v.name AND c.relkind IN ('v', 'r')
    ), local AS MATERIALIZED (
        -- Stands on something that was made in this database and is neither one of these relations nor a constraint.
        SELECT d.classid, d.objid
        FROM pg_catalog.pg_depend d
        WHERE d.refobjid >= 16384
          AND d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
                            'pg_catalog.pg_rewrite'::pg_catalog.regclass)
          AND d.refclassid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass
          AND NOT (d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid IN (SELECT r.oid FROM relations r))
    ), broken (oid, place) AS (
        -- Views that stand on such things, and views on these.
        SELECT r.oid, r.place
        FROM local l
        JOIN pg_catalog.pg_rewrite rule ON l.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND l.objid = rule.oid
        JOIN relations r ON r.oid = rule.ev_class AND r.kind = 'VIEW'
        UNION
        SELECT r.oid, r.place
        FROM broken b
        JOIN pg_catalog.pg_depend d
            ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = b.oid
            AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        JOIN pg_catalog.pg_rewrite rule ON rule.oid = d.objid
        JOIN relations r ON r.oid = rule.ev_class AND r.kind = 'VIEW'
    ), columns AS (
        SELECT
            a.attrelid,
            a.attnum,
            pg_catalog.format('%I ', a.attname)
            -- A type of this database arrives as what it is made of, or as text.
            || CASE
                WHEN a.atttypid < 16384 THEN pg_catalog.format_type(a.atttypid, a.atttypmod)
                WHEN ty.typtype = 'd' AND ty.typbasetype < 16384 THEN pg_catalog.format_type(ty.typbasetype, ty.typtypmod)
                ELSE 'text'
            END
            || CASE
                WHEN value.expression IS NULL THEN ''
                WHEN a.attgenerated = '' THEN ' DEFAULT ' || value.expression
                ELSE ' GENERATED ALWAYS AS (' || value.expression || ') STORED'
            END
            || CASE WHEN a.attnotnull AND (a.attgenerated = '' OR value.expression IS NOT NULL) THEN ' NOT NULL' ELSE '' END
            AS definition
        FROM relations t
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
        LEFT JOIN LATERAL (
            SELECT pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) AS expression
            FROM pg_catalog.pg_attrdef ad
            WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum
              AND NOT EXISTS (
                  SELECT FROM local l
                  WHERE l.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND l.objid = ad.oid
              )
        ) AS value ON true
    ), parts AS (
        SELECT c.attrelid, c.attnum::integer AS place, c.definition FROM columns c
        UNION ALL
        SELECT k.conrelid, 10000, pg_catalog.format('CONSTRAINT %I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid))
        FROM pg_catalog.pg_constraint k
        WHERE k.contype = 'p' AND k.conrelid IN (SELECT r.oid FROM relations r)
    ), statements (step, place, name, statement) AS (
        SELECT 1, 0::bigint, '', pg_catalog.format('SET client_encoding = %L', pg_catalog.pg_client_encoding())
        UNION ALL
        SELECT 2, 0, '', 'CREATE SCHEMA pennylane'
        UNION ALL
        SELECT 3, t.place, '',
            pg_catalog.format(E'CREATE TABLE pennylane.%I (\n    %s\n)', t.relname, (
                SELECT pg_catalog.string_agg(p.definition, E',\n    ' ORDER BY p.place) FROM parts p WHERE p.attrelid = t.oid))
        FROM relations t
        WHERE t.kind = 'TABLE'
        UNION ALL
        -- No publication carries it: it is the subscriber's own to edit from then on.
        SELECT 4, 0, '', pg_catalog.format('INSERT INTO pennylane.pcg_mapping (prefix, balance, side, section, heading, position) '
            'VALUES (%L, %L, %L, %L, %L, %s)', m.prefix, m.balance, m.side, m.section, m.heading, m.position)
        FROM pennylane.pcg_mapping m
        UNION ALL
        SELECT 4, t.place, c.relname::text, pg_catalog.pg_get_indexdef(c.oid)
        FROM tables t
        JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE i.indisvalid AND i.indimmediate AND NOT i.indisprimary AND NOT i.indisexclusion
          AND NOT EXISTS (
              SELECT FROM local l WHERE l.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objid = c.oid
          )
        UNION ALL
        -- They inform there as they do here. A subscription does not check them.
        SELECT 5, t.place, k.conname::text,
            pg_catalog.format('ALTER TABLE pennylane.%I ADD CONSTRAINT %I %s NOT VALID', t.relname, k.conname,
                pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', ''))
        FROM tables t
        JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.confrelid IN (SELECT x.oid FROM tables x)
        UNION ALL
        SELECT 6, r.place, '', pg_catalog.format(E'CREATE VIEW pennylane.%I AS\n%s', r.relname,
            pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid), ';'))
        FROM relations r
        WHERE r.kind = 'VIEW'
        UNION ALL
        -- PostgreSQL 14 does not know it.
        SELECT 7, r.place, '', pg_catalog.format(
            E'DO $do$ BEGIN IF current_setting(''server_version_num'')::integer >= 150000 THEN '
            'ALTER VIEW pennylane.%I SET (security_invoker = true); END IF; END $do$', r.relname)
        FROM relations r
        WHERE r.kind = 'VIEW'
        UNION ALL
        SELECT 8, r.place, pg_catalog.lpad(d.objsubid::text, 5, '0'), CASE
            WHEN d.objsubid = 0 THEN pg_catalog.format('COMMENT ON %s pennylane.%I IS %L', r.kind, r.relname, d.description)
            ELSE pg_catalog.format('COMMENT ON COLUMN pennylane.%I.%I IS %L', r.relname, a.attname, d.description)
        END
        FROM relations r
        JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = r.oid
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.objsubid
        WHERE d.objsubid = 0 OR NOT a.attisdropped
    )
    SELECT s.statement || ';'
    FROM statements s
    WHERE s.place NOT IN (SELECT b.place FROM broken b)
    ORDER BY s.step, s.place, s.name;
END
$$;

COMMENT ON FUNCTION pennylane.subscriber_ddl() IS 'What a server that shall hold a copy by logical replication runs first: schema, data tables as they are now, keys, indexes, comments, views and their mapping; one statement a row. It needs no extension there. docs/replication.md has the recipe.';

-- Statements of users that are applied after each sync that changed one of their tables. docs/own-columns.md has examples.

CREATE TABLE pennylane._transforms (
    name      text        PRIMARY KEY,
    statement text        NOT NULL,
    tables    text[]      NOT NULL,
    timeout   interval    NOT NULL,
    added_by  name        NOT NULL,
    added_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- What each has yet to be applied for. A row a change, and never updated: a sync notes changes without waiting for the
-- transaction in which somebody adds a transform, or applies it.
CREATE TABLE pennylane._transform_marks (
    mark_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text        NOT NULL,
    run_id   bigint,
    noted_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TABLE pennylane.transform_runs (
    transform_run_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text        NOT NULL,
    run_id           bigint,
    ran_as           name        NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at      timestamptz,
    status           text        NOT NULL,
    rows             bigint,
    message          text
);
CREATE INDEX transform_runs_name_idx ON pennylane.transform_runs (name, transform_run_id);

SELECT pg_catalog.pg_extension_config_dump('pennylane._transforms', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane._transform_marks', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane._transform_marks_mark_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.transform_runs', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.transform_runs_transform_run_id_seq', '');

-- With its owner's rights: it holds no rows of companies.
CREATE VIEW pennylane.transforms AS
    SELECT
        t.name,
        t.statement,
        t.tables,
        t.timeout,
        t.added_by,
        t.added_at,
        (SELECT pg_catalog.min(m.noted_at) FROM pennylane._transform_marks m WHERE m.name = t.name) AS stale_since,
        last.status AS last_status,
        CASE WHEN last.status = 'suspended' THEN last.message END AS suspended
    FROM pennylane._transforms t
    LEFT JOIN LATERAL (
        SELECT r.status, r.message
        FROM pennylane.transform_runs r
        WHERE r.name = t.name
        ORDER BY r.transform_run_id DESC
        LIMIT 1
    ) AS last ON true;

CREATE FUNCTION pennylane.add_transform(name text, statement text, tables text[], timeout interval DEFAULT '5 min') RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'add_transform_wrapper';
CREATE FUNCTION pennylane.drop_transform(name text) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'drop_transform_wrapper';

COMMENT ON TABLE pennylane._transforms IS 'Internal: the statements that add_transform() was given. The view transforms shows them.';
COMMENT ON COLUMN pennylane._transforms.name IS 'Name; transforms run in its order.';
COMMENT ON COLUMN pennylane._transforms.statement IS 'The statement.';
COMMENT ON COLUMN pennylane._transforms.tables IS 'Tables of schema pennylane after whose changes it runs.';
COMMENT ON COLUMN pennylane._transforms.timeout IS 'How long it may run.';
COMMENT ON COLUMN pennylane._transforms.added_by IS 'Role that added it, and with whose rights it runs.';
COMMENT ON COLUMN pennylane._transforms.added_at IS 'When it was added, or changed last (database clock).';

COMMENT ON TABLE pennylane._transform_marks IS 'Internal: changes that a transform has yet to be applied for.';
COMMENT ON COLUMN pennylane._transform_marks.mark_id IS 'Number of the mark.';
COMMENT ON COLUMN pennylane._transform_marks.name IS 'The transform.';
COMMENT ON COLUMN pennylane._transform_marks.run_id IS 'The run that changed one of its tables. NULL: it was added, or a company removed.';
COMMENT ON COLUMN pennylane._transform_marks.noted_at IS 'When that was noted (database clock).';

COMMENT ON VIEW pennylane.transforms IS 'The statements of users that are applied after each sync that changed one of their tables: add_transform(), drop_transform(). Their runs are in transform_runs.';
COMMENT ON COLUMN pennylane.transforms.name IS 'Name; transforms run in its order.';
COMMENT ON COLUMN pennylane.transforms.statement IS 'The statement.';
COMMENT ON COLUMN pennylane.transforms.tables IS 'Tables of schema pennylane after whose changes it runs.';
COMMENT ON COLUMN pennylane.transforms.timeout IS 'How long it may run.';
COMMENT ON COLUMN pennylane.transforms.added_by IS 'Role that added it, and with whose rights it runs.';
COMMENT ON COLUMN pennylane.transforms.added_at IS 'When it was added, or changed last (database clock).';
COMMENT ON COLUMN pennylane.transforms.stale_since IS 'Since when a change waits for it (database clock); the next sync runs it. NULL: it was applied since the last change.';
COMMENT ON COLUMN pennylane.transforms.last_status IS 'How its last run ended, as in transform_runs. NULL: it has not run yet.';
COMMENT ON COLUMN pennylane.transforms.suspended IS 'Why no sync runs it until it is added again. NULL: it is run.';

COMMENT ON TABLE pennylane.transform_runs IS 'Every run of a transform. Those of a call that was rolled back are not here.';
COMMENT ON COLUMN pennylane.transform_runs.transform_run_id IS 'Number of this run.';
COMMENT ON COLUMN pennylane.transform_runs.name IS 'The transform.';
COMMENT ON COLUMN pennylane.transform_runs.run_id IS 'The last sync run whose changes it was run for, in sync_runs. NULL: it had just been added.';
COMMENT ON COLUMN pennylane.transform_runs.ran_as IS 'Role with whose rights it ran.';
COMMENT ON COLUMN pennylane.transform_runs.started_at IS 'Start (database clock).';
COMMENT ON COLUMN pennylane.transform_runs.finished_at IS 'End (database clock). NULL: it runs, or its process ended without a word.';
COMMENT ON COLUMN pennylane.transform_runs.status IS 'ok; error: nothing of it was kept, and the next sync tries again; running; interrupted: the server stopped, or somebody cancelled it; suspended: it would not stop, or ended its process twice in a row, and is not tried again until it is added again.';
COMMENT ON COLUMN pennylane.transform_runs.rows IS 'Rows that it wrote, or returned. NULL: PostgreSQL does not tell, as for a refresh.';
COMMENT ON COLUMN pennylane.transform_runs.message IS 'What went wrong, and what to do about it. NULL when nothing did.';

COMMENT ON FUNCTION pennylane.add_transform(text, text, text[], interval) IS 'Adds a statement that each sync runs that changed one of these tables, with the rights of who calls, or changes the one of this name. One statement with schema-qualified names; it runs for the first time at the next sync. docs/own-columns.md has examples.';
COMMENT ON FUNCTION pennylane.drop_transform(text) IS 'Forgets a statement that add_transform() was given. What it made stays.';

-- The tables on request that are kept in this database, for every company in it.
CREATE TABLE pennylane.enabled_tables (
    table_name text        PRIMARY KEY,
    enabled_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
SELECT pg_catalog.pg_extension_config_dump('pennylane.enabled_tables', '');

COMMENT ON TABLE pennylane.enabled_tables IS 'The tables on request that are kept here, for every company. enable_table() and disable_table() change it.';
COMMENT ON COLUMN pennylane.enabled_tables.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.enabled_tables.enabled_at IS 'Since when (database clock).';

ALTER FUNCTION pennylane._data_tables() SECURITY DEFINER;
COMMENT ON FUNCTION pennylane._data_tables() IS 'Internal: the names of the data tables that are kept here.';

CREATE FUNCTION pennylane._known_tables() RETURNS SETOF text
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '_known_tables_wrapper';
COMMENT ON FUNCTION pennylane._known_tables() IS 'Internal: the names of the data tables, kept here or not.';

CREATE FUNCTION pennylane.enable_table(name text) RETURNS void
    LANGUAGE c SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'enable_table_wrapper';

CREATE FUNCTION pennylane.disable_table(name text, keep_data boolean DEFAULT true) RETURNS void
    LANGUAGE c SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'disable_table_wrapper';

COMMENT ON FUNCTION pennylane.enable_table(text) IS 'Keeps one more table from now on: quotes, categories, category_groups, journals or bank_establishments. Makes it at once; the next sync reads it whole, and needs the scope for it.';
COMMENT ON FUNCTION pennylane.disable_table(text, boolean) IS 'Syncs a table of enable_table() no more. Table and rows stay for whoever reads them, unless keep_data is false: then its rows go, the table stays. Refused while a sync runs.';

-- The tables that hold rows of companies: data and state, and none that somebody else keeps beside them. A table that is no
-- longer kept may still hold some. A company's own row and its token are elsewhere.
CREATE OR REPLACE FUNCTION pennylane._company_tables() RETURNS SETOF name
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.relname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'company_id' AND NOT a.attisdropped
    JOIN pg_catalog.pg_class ours ON ours.oid = 'pennylane.companies'::pg_catalog.regclass
    WHERE c.relnamespace = ours.relnamespace
      AND c.relowner = ours.relowner
      AND c.relkind = 'r'
      AND c.relname NOT IN ('companies', 'company_tokens')
      AND (
          c.relname IN (SELECT pennylane._known_tables())
          OR EXISTS (
              SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
          )
      )
$$;

-- Readers may call subscriber_ddl() and read the list of tables on request.
CREATE OR REPLACE FUNCTION pennylane.grant_reader(role name) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA pennylane TO %I', role);
    EXECUTE pg_catalog.format('GRANT SELECT ON pennylane.companies TO %I', role);
    EXECUTE pg_catalog.format(
        'GRANT EXECUTE ON FUNCTION pennylane._next_runs(timestamptz, timestamptz, timestamptz, bigint), '
        'pennylane._progress(), pennylane._data_tables(), pennylane.assert_healthy(), '
        'pennylane.fec_file(date, date, bigint), pennylane.fec_anomalies(date, date, bigint), '
        'pennylane._fec_missing_columns(), pennylane._fec_periods(), pennylane._fec_not_held(date, date, bigint), '
        'pennylane.subscriber_ddl(), pennylane._views() TO %I', role);
    PERFORM pennylane._share(
        ARRAY['sync_state', 'sync_runs', 'sync_run_tables', 'deleted_rows', 'schema_drift', 'altered_rows', 'exports', 'proofs',
              'enabled_tables', 'transform_runs', 'schedule', 'health', 'progress', '_past_runs']
        || ARRAY(SELECT t.name FROM pennylane._known_tables() AS t (name))
        || ARRAY(SELECT v.name FROM pennylane._views() AS v (name)));
END
$$;

-- What is new belongs to the engine, and what the default privileges of who upgrades would give to others is taken back.
DO $privileges$
DECLARE
    change text;
BEGIN
    FOR change IN
        WITH made (kind, name, owner, acl) AS (
            SELECT 'TABLE', c.oid::pg_catalog.regclass::text, c.relowner, c.relacl
            FROM pg_catalog.pg_class c
            WHERE c.oid IN ('pennylane.data_layout'::pg_catalog.regclass, 'pennylane.enabled_tables'::pg_catalog.regclass,
                            'pennylane._transforms'::pg_catalog.regclass, 'pennylane._transform_marks'::pg_catalog.regclass,
                            'pennylane.transform_runs'::pg_catalog.regclass, 'pennylane.transforms'::pg_catalog.regclass)
            UNION ALL
            SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::text, p.proowner,
                coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
            FROM pg_catalog.pg_proc p
            WHERE p.oid IN ('pennylane.subscriber_ddl()'::pg_catalog.regprocedure,
                            'pennylane._views()'::pg_catalog.regprocedure,
                            'pennylane._known_tables()'::pg_catalog.regprocedure,
                            'pennylane.enable_table(text)'::pg_catalog.regprocedure,
                            'pennylane.disable_table(text, boolean)'::pg_catalog.regprocedure,
                            'pennylane.add_transform(text, text, text[], interval)'::pg_catalog.regprocedure,
                            'pennylane.drop_transform(text)'::pg_catalog.regprocedure)
        )
        SELECT pg_catalog.format('REVOKE ALL ON %s %s FROM %s', m.kind, m.name, coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'))
        FROM made m
        CROSS JOIN LATERAL pg_catalog.aclexplode(m.acl) may
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = may.grantee
        WHERE may.grantee <> m.owner
        UNION ALL
        SELECT pg_catalog.format('ALTER %s %s OWNER TO pennylane_owner', m.kind, m.name) FROM made m
    LOOP
        EXECUTE change;
    END LOOP;
END
$privileges$;

-- Whoever reads already may call and read what is new.
DO $readers$
DECLARE
    reader record;
BEGIN
    FOR reader IN
        SELECT DISTINCT r.rolname
        FROM pg_catalog.pg_class c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) may
        JOIN pg_catalog.pg_roles r ON r.oid = may.grantee
        WHERE c.oid = 'pennylane.companies'::pg_catalog.regclass AND may.privilege_type = 'SELECT' AND may.grantee <> c.relowner
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION pennylane.subscriber_ddl(), pennylane._views() TO %I', reader.rolname);
        EXECUTE pg_catalog.format('GRANT SELECT ON pennylane.enabled_tables TO %I', reader.rolname);
    END LOOP;
END
$readers$;

SELECT pennylane._share(ARRAY['transform_runs']);
GRANT EXECUTE ON FUNCTION pennylane.add_transform(text, text, text[], interval), pennylane.drop_transform(text)
    TO pennylane_operator;
GRANT SELECT ON pennylane.transforms TO pennylane_operator;
GRANT EXECUTE ON FUNCTION pennylane.enable_table(text), pennylane.disable_table(text, boolean) TO pennylane_operator;
