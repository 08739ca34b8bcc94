-- 0.2.0: Power BI reads a month at a time by created_at, the one date that never moves.
--
-- Left out in silence: a table or a column that is not there.

DO $created_at_indexes$
DECLARE
    wanted name;
BEGIN
    FOR wanted IN
        SELECT c.relname
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'created_at' AND NOT a.attisdropped
        WHERE c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND c.relkind = 'r'
          AND c.relname IN ('customer_invoices', 'ledger_entries', 'ledger_entry_lines', 'supplier_invoices', 'transactions')
        ORDER BY c.relname
    LOOP
        EXECUTE pg_catalog.format(
            'CREATE INDEX IF NOT EXISTS %I ON pennylane.%I (created_at)', wanted || '_created_at_idx', wanted);
    END LOOP;
END
$created_at_indexes$;
