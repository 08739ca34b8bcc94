-- Bank accounts of the company.

CREATE TABLE IF NOT EXISTS pennylane.bank_accounts (
    id                    bigint CONSTRAINT bank_accounts_pkey PRIMARY KEY,
    company_id            bigint NOT NULL,
    name                  text,
    currency              text,
    balance               numeric,
    created_at            timestamptz,
    updated_at            timestamptz,
    bank_establishment_id bigint,
    journal_id            bigint,
    ledger_account_id     bigint,
    extra                 jsonb,
    _synced_at            timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS bank_accounts_ledger_account_id_idx ON pennylane.bank_accounts (ledger_account_id);
CREATE INDEX IF NOT EXISTS bank_accounts_misfit_idx ON pennylane.bank_accounts (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.bank_accounts IS 'Bank accounts of the company; their movements are in transactions. [GET /bank_accounts]';
COMMENT ON COLUMN pennylane.bank_accounts.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.bank_accounts.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.bank_accounts.name IS 'Name of the account. [name]';
COMMENT ON COLUMN pennylane.bank_accounts.currency IS 'Currency of the account, a three-letter code such as EUR. [currency]';
COMMENT ON COLUMN pennylane.bank_accounts.balance IS 'Current balance, taken to be in the currency of the account. Pennylane does not say as of when. [balance]';
COMMENT ON COLUMN pennylane.bank_accounts.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.bank_accounts.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.bank_accounts.bank_establishment_id IS 'Bank; points to bank_establishments.id, a table on request (SELECT pennylane.enable_table(''bank_establishments'');). [bank_establishment.id]';
COMMENT ON COLUMN pennylane.bank_accounts.journal_id IS 'Journal of the account; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). NULL: none. [journal.id]';
COMMENT ON COLUMN pennylane.bank_accounts.ledger_account_id IS 'Ledger account of the bank account; points to ledger_accounts.id. [ledger_account.id]';
COMMENT ON COLUMN pennylane.bank_accounts.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.bank_accounts._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
