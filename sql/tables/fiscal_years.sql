-- Fiscal years.

CREATE TABLE IF NOT EXISTS pennylane.fiscal_years (
    id         bigint CONSTRAINT fiscal_years_pkey PRIMARY KEY,
    company_id bigint NOT NULL,
    start      date,
    finish     date,
    status     text,
    created_at timestamptz,
    updated_at timestamptz,
    extra      jsonb,
    _synced_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS fiscal_years_misfit_idx ON pennylane.fiscal_years (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.fiscal_years IS 'Fiscal years. Several can be open at once: take the one whose start and finish enclose a date. [GET /fiscal_years]';
COMMENT ON COLUMN pennylane.fiscal_years.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.fiscal_years.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.fiscal_years.start IS 'First day. [start]';
COMMENT ON COLUMN pennylane.fiscal_years.finish IS 'Last day, included. [finish]';
COMMENT ON COLUMN pennylane.fiscal_years.status IS 'State. Known values: open, reopen (opened again), closed, frozen; the list grows. [status]';
COMMENT ON COLUMN pennylane.fiscal_years.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.fiscal_years.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.fiscal_years.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.fiscal_years._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
