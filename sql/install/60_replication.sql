-- A copy of the data tables on another server, by logical replication. docs/replication.md has the recipe.

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
