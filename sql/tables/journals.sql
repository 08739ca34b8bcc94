-- Journals, on request.

CREATE TABLE IF NOT EXISTS pennylane.journals (
    id         bigint CONSTRAINT journals_pkey PRIMARY KEY,
    company_id bigint NOT NULL,
    code       text,
    label      text,
    type       text,
    extra      jsonb,
    _synced_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS journals_misfit_idx ON pennylane.journals (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.journals IS 'Accounting journals (sales, purchases, bank, ...), kept on request. Pennylane dates neither their creation nor their changes. [GET /journals]';
COMMENT ON COLUMN pennylane.journals.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.journals.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.journals.code IS 'Short code, such as VE, AC or BQ. [code]';
COMMENT ON COLUMN pennylane.journals.label IS 'Name of the journal. [label]';
COMMENT ON COLUMN pennylane.journals.type IS 'Kind of journal. Pennylane publishes no list; payroll is one value. [type]';
COMMENT ON COLUMN pennylane.journals.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.journals._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
