-- The journals as far as they are kept: a table that nobody enabled is empty here, so that the other views need not ask.

DO $journals$
BEGIN
    IF pg_catalog.to_regclass('pennylane.journals') IS NULL THEN
        CREATE OR REPLACE VIEW pennylane._journals AS
        SELECT NULL::bigint AS id, NULL::bigint AS company_id, NULL::text AS code, NULL::text AS label, NULL::text AS type
        WHERE false;
    ELSE
        CREATE OR REPLACE VIEW pennylane._journals AS
        SELECT j.id, j.company_id, j.code, j.label, j.type
        FROM pennylane.journals j;
    END IF;
END
$journals$;

COMMENT ON VIEW pennylane._journals IS 'Internal: the journals; empty until SELECT pennylane.enable_table(''journals'');';
