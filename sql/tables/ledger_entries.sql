-- Accounting entries; their amounts are in ledger_entry_lines.

CREATE TABLE IF NOT EXISTS pennylane.ledger_entries (
    id                         bigint CONSTRAINT ledger_entries_pkey PRIMARY KEY,
    company_id                 bigint NOT NULL,
    created_at                 timestamptz,
    updated_at                 timestamptz,
    label                      text,
    piece_number               text,
    date                       date,
    due_date                   date,
    invoice_number             text,
    journal_id                 bigint,
    status                     text,
    categories                 jsonb,
    ledger_attachment_filename text,
    attachment_filename        text,
    extra                      jsonb,
    _synced_at                 timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS ledger_entries_date_idx ON pennylane.ledger_entries (date);
CREATE INDEX IF NOT EXISTS ledger_entries_invoice_number_idx ON pennylane.ledger_entries (invoice_number);
CREATE INDEX IF NOT EXISTS ledger_entries_created_at_idx ON pennylane.ledger_entries (created_at);
CREATE INDEX IF NOT EXISTS ledger_entries_misfit_idx ON pennylane.ledger_entries (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.ledger_entries IS 'Accounting entries, drafts and closed years included; their amounts are in ledger_entry_lines. In 2026 the ids lost a three-digit suffix: copies made before do not join. [GET /ledger_entries]';
COMMENT ON COLUMN pennylane.ledger_entries.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.ledger_entries.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.ledger_entries.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.ledger_entries.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.ledger_entries.label IS 'Label of the entry. NULL: none. May hold personal data. [label]';
COMMENT ON COLUMN pennylane.ledger_entries.piece_number IS 'Voucher reference. NULL: none. [piece_number]';
COMMENT ON COLUMN pennylane.ledger_entries.date IS 'Accounting date. NULL: not dated yet, as on some drafts. [date]';
COMMENT ON COLUMN pennylane.ledger_entries.due_date IS 'Due date. NULL: none. [due_date]';
COMMENT ON COLUMN pennylane.ledger_entries.invoice_number IS 'Number of the invoice that the entry records. NULL: none. [invoice_number]';
COMMENT ON COLUMN pennylane.ledger_entries.journal_id IS 'Journal of the entry; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). [journal.id]';
COMMENT ON COLUMN pennylane.ledger_entries.status IS 'State of an entry made from an invoice or a transaction. Known values: draft, entry, accounting_needed, waiting_details, validation_needed, complete, archived; the list grows. NULL: neither an invoice nor a transaction to process. [status]';
COMMENT ON COLUMN pennylane.ledger_entries.categories IS 'Analytical categories of the entry, a JSON array of objects: id, label, weight, category_group, analytical_code, created_at, updated_at. weight is the share as text, such as "0.25". Empty array: none. [categories]';
COMMENT ON COLUMN pennylane.ledger_entries.ledger_attachment_filename IS 'Name of the attached file; older twin of attachment_filename, deprecated by Pennylane. NULL: none. [ledger_attachment_filename]';
COMMENT ON COLUMN pennylane.ledger_entries.attachment_filename IS 'Name of the main attached file. NULL: none. [attachment.filename]';
COMMENT ON COLUMN pennylane.ledger_entries.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.ledger_entries._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
