-- Groups of categories, on request.

CREATE TABLE IF NOT EXISTS pennylane.category_groups (
    id         bigint CONSTRAINT category_groups_pkey PRIMARY KEY,
    company_id bigint NOT NULL,
    label      text,
    created_at timestamptz,
    updated_at timestamptz,
    extra      jsonb,
    _synced_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS category_groups_misfit_idx ON pennylane.category_groups (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.category_groups IS 'Groups of categories: the axes of the analysis, kept on request. [GET /category_groups]';
COMMENT ON COLUMN pennylane.category_groups.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.category_groups.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.category_groups.label IS 'Name of the group. [label]';
COMMENT ON COLUMN pennylane.category_groups.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.category_groups.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.category_groups.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.category_groups._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
