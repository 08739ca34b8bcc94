-- The analytical general ledger: the lines of the ledger shared out among their categories.

CREATE TABLE IF NOT EXISTS pennylane.analytical_ledger (
    company_id      bigint NOT NULL,
    period_start    date NOT NULL,
    period_end      date NOT NULL,
    line_no         bigint NOT NULL,
    date            date,
    journal_code    text,
    journal_label   text,
    entry_number    text,
    piece_number    text,
    account_number  text,
    account_label   text,
    label           text,
    third_party     text,
    invoice_number  text,
    due_date        date,
    debit           numeric,
    credit          numeric,
    balance         numeric,
    currency        text,
    category_group  text,
    category        text,
    analytical_code text,
    weight          numeric,
    lettering       text,
    extra           jsonb,
    _synced_at      timestamptz NOT NULL,
    CONSTRAINT analytical_ledger_pkey PRIMARY KEY (company_id, period_start, period_end, line_no)
);

CREATE INDEX IF NOT EXISTS analytical_ledger_date_idx ON pennylane.analytical_ledger (date);
CREATE INDEX IF NOT EXISTS analytical_ledger_account_number_idx ON pennylane.analytical_ledger (account_number text_pattern_ops);
CREATE INDEX IF NOT EXISTS analytical_ledger_misfit_idx ON pennylane.analytical_ledger (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.analytical_ledger IS 'The analytical general ledger. A line that has several categories appears once for each. Pennylane does not publish whether each of them shows its share of the amount or all of it: before you sum over several category_group, compare with ledger_entry_lines. One period of a company never overlaps another. Rows keep the order of the file: sort by line_no. Pennylane does not publish the layout of the file: a column that the file does not have is NULL on every row. [POST /exports/analytical_general_ledgers, mode in_line]';
COMMENT ON COLUMN pennylane.analytical_ledger.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.analytical_ledger.period_start IS 'First day of the exported period.';
COMMENT ON COLUMN pennylane.analytical_ledger.period_end IS 'Last day of the exported period, included.';
COMMENT ON COLUMN pennylane.analytical_ledger.line_no IS 'Place of the row in the file; 1 is the first row after the names of the columns.';
COMMENT ON COLUMN pennylane.analytical_ledger.date IS 'Accounting date. NULL: empty in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger.journal_code IS 'Code of the journal. NULL: empty in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger.journal_label IS 'Label of the journal. NULL: empty in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger.entry_number IS 'Number of the entry, text. NULL: empty in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger.piece_number IS 'Reference of the voucher. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger.account_number IS 'Account number, text that may hold letters. Look up a group of accounts with LIKE, such as account_number LIKE ''6%''. NULL: empty in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger.account_label IS 'Label of the account. That of an auxiliary account may name a person. NULL: empty in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger.label IS 'Label of the line. May hold personal data. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger.third_party IS 'Customer or supplier; may name a person. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger.invoice_number IS 'Number of the invoice that the entry records. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger.due_date IS 'Due date. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger.debit IS 'Debit as the file gives it, in the currency of the books (euro). 0 or NULL on a credit line.';
COMMENT ON COLUMN pennylane.analytical_ledger.credit IS 'Credit as the file gives it, in the currency of the books (euro). 0 or NULL on a debit line.';
COMMENT ON COLUMN pennylane.analytical_ledger.balance IS 'Balance as the file gives it, in the currency of the books (euro). NULL: empty in the file. To be sure of its meaning, sum debit - credit.';
COMMENT ON COLUMN pennylane.analytical_ledger.currency IS 'Currency, an ISO code such as EUR. NULL: the file does not say.';
COMMENT ON COLUMN pennylane.analytical_ledger.category_group IS 'Group of the category, such as a department or a project. NULL: the line has no category.';
COMMENT ON COLUMN pennylane.analytical_ledger.category IS 'Analytical category. NULL: the line has none.';
COMMENT ON COLUMN pennylane.analytical_ledger.analytical_code IS 'Analytical code of the category. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger.weight IS 'Share of the line that the category takes; 0.25 is a quarter. Pennylane does not publish whether debit and credit are that share already. NULL: the line has no category.';
COMMENT ON COLUMN pennylane.analytical_ledger.lettering IS 'Lettering code. NULL: not lettered.';
COMMENT ON COLUMN pennylane.analytical_ledger.extra IS 'What the file holds and no column does, by the name of its column there; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.analytical_ledger._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
