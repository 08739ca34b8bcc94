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
        SELECT NULL::bigint AS id, NULL::bigint AS company_id, NULL::text AS code, NULL::text AS label, NULL::text AS type
        WHERE false;
    END IF;
END
$journals$;

COMMENT ON VIEW pennylane._journals IS 'Internal: the journals; empty until SELECT pennylane.enable_table(''journals'');';
