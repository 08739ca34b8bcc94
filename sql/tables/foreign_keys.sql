-- The relations between the data tables. BI tools draw theirs from them, and nothing else does: NOT VALID because an
-- orphan is legal (an invoice may arrive before its customer), and setup() disarms their triggers.
--
-- Adds what is missing. Left out in silence: a table that is not there or is somebody else's, a column that is not there or
-- was given another type, a name that is taken, and a relation that somebody declared under a name of their own.

DO $foreign_keys$
DECLARE
    key record;
BEGIN
    FOR key IN
        SELECT wanted.table_name, wanted.column_name, wanted.referenced, named.constraint_name
        FROM (VALUES
            ('bank_accounts',      'bank_establishment_id',            'bank_establishments'),
            ('bank_accounts',      'journal_id',                       'journals'),
            ('bank_accounts',      'ledger_account_id',                'ledger_accounts'),
            ('categories',         'category_group_id',                'category_groups'),
            ('customer_invoices',  'credited_invoice_id',              'customer_invoices'),
            ('customer_invoices',  'customer_id',                      'customers'),
            ('customer_invoices',  'ledger_entry_id',                  'ledger_entries'),
            ('customer_invoices',  'payment_method_ledger_account_id', 'ledger_accounts'),
            ('customer_invoices',  'quote_id',                         'quotes'),
            ('customers',          'ledger_account_id',                'ledger_accounts'),
            ('ledger_entries',     'journal_id',                       'journals'),
            ('ledger_entry_lines', 'journal_id',                       'journals'),
            ('ledger_entry_lines', 'ledger_account_id',                'ledger_accounts'),
            ('ledger_entry_lines', 'ledger_entry_id',                  'ledger_entries'),
            ('products',           'ledger_account_id',                'ledger_accounts'),
            ('quotes',             'customer_id',                      'customers'),
            ('supplier_invoices',  'ledger_entry_id',                  'ledger_entries'),
            ('supplier_invoices',  'payment_method_ledger_account_id', 'ledger_accounts'),
            ('supplier_invoices',  'supplier_id',                      'suppliers'),
            ('suppliers',          'ledger_account_id',                'ledger_accounts'),
            ('transactions',       'bank_account_id',                  'bank_accounts'),
            ('transactions',       'customer_id',                      'customers'),
            ('transactions',       'journal_id',                       'journals'),
            ('transactions',       'supplier_id',                      'suppliers')
        ) AS wanted (table_name, column_name, referenced)
        CROSS JOIN LATERAL (
            SELECT wanted.table_name || '_' || wanted.column_name || '_fkey' AS constraint_name
        ) AS named
        JOIN pg_catalog.pg_class ours ON ours.oid = 'pennylane.sync_state'::pg_catalog.regclass
        JOIN pg_catalog.pg_class child
            ON child.relnamespace = ours.relnamespace AND child.relowner = ours.relowner
            AND child.relname = wanted.table_name AND child.relkind = 'r'
        JOIN pg_catalog.pg_class parent
            ON parent.relnamespace = ours.relnamespace AND parent.relowner = ours.relowner
            AND parent.relname = wanted.referenced AND parent.relkind = 'r'
        JOIN pg_catalog.pg_attribute a
            ON a.attrelid = child.oid AND a.attname = wanted.column_name AND NOT a.attisdropped
            AND a.atttypid = 'pg_catalog.int8'::pg_catalog.regtype
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint c
            WHERE c.conrelid = child.oid
              AND (c.conname = named.constraint_name
                   OR (c.contype = 'f' AND c.confrelid = parent.oid AND c.conkey = ARRAY[a.attnum]))
        )
        ORDER BY wanted.table_name, wanted.column_name
    LOOP
        EXECUTE pg_catalog.format(
            'ALTER TABLE pennylane.%I ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES pennylane.%I (id) NOT VALID',
            key.table_name, key.constraint_name, key.column_name, key.referenced);
    END LOOP;
END
$foreign_keys$;
