-- Lines of the accounting entries: the ledger itself.

CREATE TABLE IF NOT EXISTS pennylane.ledger_entry_lines (
    id                              bigint CONSTRAINT ledger_entry_lines_pkey PRIMARY KEY,
    company_id                      bigint NOT NULL,
    debit                           numeric,
    credit                          numeric,
    label                           text,
    categories                      jsonb,
    ledger_account_id               bigint,
    ledger_account_number           text,
    journal_id                      bigint,
    date                            date,
    ledger_entry_id                 bigint,
    lettered_ledger_entry_lines_ids jsonb,
    created_at                      timestamptz,
    updated_at                      timestamptz,
    extra                           jsonb,
    _synced_at                      timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS ledger_entry_lines_date_idx ON pennylane.ledger_entry_lines (date);
CREATE INDEX IF NOT EXISTS ledger_entry_lines_ledger_entry_id_idx ON pennylane.ledger_entry_lines (ledger_entry_id);
CREATE INDEX IF NOT EXISTS ledger_entry_lines_ledger_account_id_idx ON pennylane.ledger_entry_lines (ledger_account_id);
CREATE INDEX IF NOT EXISTS ledger_entry_lines_created_at_idx ON pennylane.ledger_entry_lines (created_at);
CREATE INDEX IF NOT EXISTS ledger_entry_lines_misfit_idx ON pennylane.ledger_entry_lines (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.ledger_entry_lines IS 'Lines of the accounting entries: the ledger itself. Balance of an account = sum of debit - credit. Join the account on ledger_account_id (numbers are not unique) and the entry, with its journal and status, on ledger_entry_id. [GET /ledger_entry_lines]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.debit IS 'Debit, in the currency of the books (euro); 0 on a credit line. [debit]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.credit IS 'Credit, in the currency of the books (euro); 0 on a debit line. [credit]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.label IS 'Label of the line. May hold personal data. [label]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.categories IS 'Analytical categories of the line, a JSON array of objects: id, label, weight, category_group, analytical_code, created_at, updated_at. weight is the share as text, such as "0.25". Empty array: none. [categories]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.ledger_account_id IS 'Account; points to ledger_accounts.id. [ledger_account.id]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.ledger_account_number IS 'Number of the account, text. Several accounts can share one: group by it, join on ledger_account_id. [ledger_account.number]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.journal_id IS 'Journal of the entry; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). [journal.id]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.date IS 'Accounting date. [date]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.ledger_entry_id IS 'Entry of the line; points to ledger_entries.id. [ledger_entry.id]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.lettered_ledger_entry_lines_ids IS 'Lettering: ids of all the lines that are lettered together, this one included, a JSON array. Empty array: not lettered. Lettering codes are in the FEC only. [lettered_ledger_entry_lines.ids]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.ledger_entry_lines.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.ledger_entry_lines._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
