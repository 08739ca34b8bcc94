-- 0.2.0: tables on request. The columns that point to one say how to get it.
--
-- Left out in silence: a table or a column that is not there, and a comment that somebody rewrote.

DO $optional_tables$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT c.relname, a.attname, wanted.text
        FROM (VALUES
            ('bank_accounts', 'bank_establishment_id',
             'Bank, an id of GET /bank_establishments (no table here). [bank_establishment.id]',
             'Bank; points to bank_establishments.id, a table on request (SELECT pennylane.enable_table(''bank_establishments'');). [bank_establishment.id]'),
            ('bank_accounts', 'journal_id',
             'Journal of the account. Journals have no table here: the id is that of GET /journals. NULL: none. [journal.id]',
             'Journal of the account; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). NULL: none. [journal.id]'),
            ('customer_invoices', 'quote_id',
             'Quote that the invoice was made from, an id of GET /quotes (no table here). NULL: none. [quote.id]',
             'Quote that the invoice was made from; points to quotes.id, a table on request (SELECT pennylane.enable_table(''quotes'');). NULL: none. [quote.id]'),
            ('ledger_entries', 'journal_id',
             'Journal of the entry. Journals have no table here: the id is that of GET /journals. [journal.id]',
             'Journal of the entry; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). [journal.id]'),
            ('ledger_entry_lines', 'journal_id',
             'Journal of the entry. Journals have no table here: the id is that of GET /journals. [journal.id]',
             'Journal of the entry; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). [journal.id]'),
            ('transactions', 'journal_id',
             'Journal that the transaction goes to. Journals have no table here: the id is that of GET /journals. [journal.id]',
             'Journal that the transaction goes to; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). [journal.id]')
        ) AS wanted (table_name, column_name, before, text)
        JOIN pg_catalog.pg_class c
            ON c.relnamespace = 'pennylane'::pg_catalog.regnamespace AND c.relname = wanted.table_name AND c.relkind = 'r'
        JOIN pg_catalog.pg_attribute a
            ON a.attrelid = c.oid AND a.attname = wanted.column_name AND NOT a.attisdropped
        WHERE pg_catalog.col_description(c.oid, a.attnum) = wanted.before
        ORDER BY c.relname, a.attname
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN pennylane.%I.%I IS %L', change.relname, change.attname, change.text);
    END LOOP;
END
$optional_tables$;
