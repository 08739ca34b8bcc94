-- The journals as far as they are kept: a table that nobody enabled, or that is another's, is empty here, so that the other
-- views need not ask.

DO $journals$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_class ours ON ours.oid = 'pennylane.sync_state'::pg_catalog.regclass
        WHERE c.relnamespace = ours.relnamespace AND c.relname = 'journals' AND c.relkind = 'r' AND c.relowner = ours.relowner
    ) THEN
        CREATE OR REPLACE VIEW pennylane._journals AS
        SELECT j.id, j.company_id, j.code::text AS code, j.label::text AS label, j.type::text AS type
        FROM pennylane.journals j;
    ELSE
        CREATE OR REPLACE VIEW pennylane._journals AS
        -- Grouped by its key: a query that does not ask for codes then leaves the join out.
        SELECT j.id, min(j.company_id) AS company_id, min(j.code) AS code, min(j.label) AS label, min(j.type) AS type
        FROM (VALUES (0::bigint, 0::bigint, ''::text, ''::text, ''::text)) AS j (id, company_id, code, label, type)
        WHERE false
        GROUP BY j.id;
    END IF;
END
$journals$;

COMMENT ON VIEW pennylane._journals IS 'Internal: the journals; empty until SELECT pennylane.enable_table(''journals'');';
