-- Analytical and treasury categories, on request.

CREATE TABLE IF NOT EXISTS pennylane.categories (
    id                bigint CONSTRAINT categories_pkey PRIMARY KEY,
    company_id        bigint NOT NULL,
    label             text,
    direction         text,
    created_at        timestamptz,
    updated_at        timestamptz,
    category_group_id bigint,
    analytical_code   text,
    extra             jsonb,
    _synced_at        timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS categories_category_group_id_idx ON pennylane.categories (category_group_id);
CREATE INDEX IF NOT EXISTS categories_misfit_idx ON pennylane.categories (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.categories IS 'Categories, analytical and treasury ones, kept on request. What is assigned to an entry, a line or a transaction, with its share, is in the column categories there. [GET /categories]';
COMMENT ON COLUMN pennylane.categories.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.categories.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.categories.label IS 'Name of the category. [label]';
COMMENT ON COLUMN pennylane.categories.direction IS 'On treasury categories, which way the money goes: cash_in or cash_out; the list grows. NULL: not a treasury category. [direction]';
COMMENT ON COLUMN pennylane.categories.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.categories.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.categories.category_group_id IS 'Group (axis) of the category; points to category_groups.id. [category_group.id]';
COMMENT ON COLUMN pennylane.categories.analytical_code IS 'Analytical code. NULL: none. [analytical_code]';
COMMENT ON COLUMN pennylane.categories.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.categories._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
