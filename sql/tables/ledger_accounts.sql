-- The chart of accounts.

CREATE TABLE IF NOT EXISTS pennylane.ledger_accounts (
    id             bigint CONSTRAINT ledger_accounts_pkey PRIMARY KEY,
    company_id     bigint NOT NULL,
    number         text,
    label          text,
    vat_rate       text,
    country_alpha2 text,
    enabled        boolean,
    type           text,
    letterable     boolean,
    created_at     timestamptz,
    updated_at     timestamptz,
    extra          jsonb,
    _synced_at     timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS ledger_accounts_number_idx ON pennylane.ledger_accounts (number text_pattern_ops);
CREATE INDEX IF NOT EXISTS ledger_accounts_misfit_idx ON pennylane.ledger_accounts (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.ledger_accounts IS 'Chart of accounts. A number is text and not unique (one id per VAT setting): join on id, group by number. [GET /ledger_accounts]';
COMMENT ON COLUMN pennylane.ledger_accounts.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.ledger_accounts.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.ledger_accounts.number IS 'Account number, text that may hold letters. Not unique: one row per VAT setting. Look up a group of accounts with LIKE, such as number LIKE ''411%''. [number]';
COMMENT ON COLUMN pennylane.ledger_accounts.label IS 'Name of the account. That of an auxiliary account may name a person. [label]';
COMMENT ON COLUMN pennylane.ledger_accounts.vat_rate IS 'VAT code, not a number: any, exempt, extracom, crossborder or a rate whose digits are tenths of a percent (FR_200 is 20 %, FR_55 is 5.5 %), unless the code has a second underscore (FR_1_05 is 1.05 %); the list grows. [vat_rate]';
COMMENT ON COLUMN pennylane.ledger_accounts.country_alpha2 IS 'Country, a two-letter ISO code such as FR. [country_alpha2]';
COMMENT ON COLUMN pennylane.ledger_accounts.enabled IS 'Whether the account is in use. [enabled]';
COMMENT ON COLUMN pennylane.ledger_accounts.type IS 'Kind of account. Pennylane publishes no list; custom is one value. [type]';
COMMENT ON COLUMN pennylane.ledger_accounts.letterable IS 'Whether its lines can be lettered. [letterable]';
COMMENT ON COLUMN pennylane.ledger_accounts.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.ledger_accounts.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.ledger_accounts.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.ledger_accounts._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
