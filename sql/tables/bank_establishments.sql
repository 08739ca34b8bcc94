-- Banks, on request.

CREATE TABLE IF NOT EXISTS pennylane.bank_establishments (
    id         bigint CONSTRAINT bank_establishments_pkey PRIMARY KEY,
    company_id bigint NOT NULL,
    name       text,
    created_at timestamptz,
    updated_at timestamptz,
    extra      jsonb,
    _synced_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS bank_establishments_misfit_idx ON pennylane.bank_establishments (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.bank_establishments IS 'Banks, kept on request; bank_accounts point to them. [GET /bank_establishments]';
COMMENT ON COLUMN pennylane.bank_establishments.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.bank_establishments.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.bank_establishments.name IS 'Name of the bank. [name]';
COMMENT ON COLUMN pennylane.bank_establishments.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.bank_establishments.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.bank_establishments.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.bank_establishments._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
