\echo Use "ALTER EXTENSION penny_pg UPDATE" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Which layout the data tables have. No row: the first one, or no tables yet. setup(), and the background worker at its
-- next run, bring older ones up to date.
CREATE TABLE pennylane.data_layout (
    only_row boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (only_row),
    layout   integer     NOT NULL,
    since    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
SELECT pg_catalog.pg_extension_config_dump('pennylane.data_layout', '');

COMMENT ON TABLE pennylane.data_layout IS 'Internal: which layout the data tables have; setup() brings older ones up to date. At most one row.';
COMMENT ON COLUMN pennylane.data_layout.only_row IS 'Always true.';
COMMENT ON COLUMN pennylane.data_layout.layout IS 'Number of the layout: 1 is that of version 0.1.0.';
COMMENT ON COLUMN pennylane.data_layout.since IS 'Since when (database clock).';

-- What is new belongs to the engine, and what the default privileges of who upgrades would give to others is taken back.
DO $privileges$
DECLARE
    change text;
BEGIN
    FOR change IN
        WITH made (kind, name, owner, acl) AS (
            SELECT 'TABLE', c.oid::pg_catalog.regclass::text, c.relowner, c.relacl
            FROM pg_catalog.pg_class c
            WHERE c.oid = 'pennylane.data_layout'::pg_catalog.regclass
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
