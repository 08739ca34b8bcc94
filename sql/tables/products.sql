-- Products and services that the company sells.

CREATE TABLE IF NOT EXISTS pennylane.products (
    id                 bigint CONSTRAINT products_pkey PRIMARY KEY,
    company_id         bigint NOT NULL,
    label              text,
    description        text,
    external_reference text,
    price_before_tax   numeric,
    vat_rate           text,
    price              numeric,
    unit               text,
    currency           text,
    reference          text,
    substance          text,
    ledger_account_id  bigint,
    archived_at        timestamptz,
    created_at         timestamptz,
    updated_at         timestamptz,
    custom_fields      jsonb,
    extra              jsonb,
    _synced_at         timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS products_ledger_account_id_idx ON pennylane.products (ledger_account_id);
CREATE INDEX IF NOT EXISTS products_misfit_idx ON pennylane.products (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.products IS 'Products and services that the company sells. Invoice lines are not part of this copy: what was sold is not counted here. [GET /products]';
COMMENT ON COLUMN pennylane.products.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.products.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.products.label IS 'Name of the product. [label]';
COMMENT ON COLUMN pennylane.products.description IS 'Description. May be empty. [description]';
COMMENT ON COLUMN pennylane.products.external_reference IS 'Reference in another system, unique among products: given by whoever created the record, else made by Pennylane. [external_reference]';
COMMENT ON COLUMN pennylane.products.price_before_tax IS 'Unit price excluding tax, in the currency of the product. [price_before_tax]';
COMMENT ON COLUMN pennylane.products.vat_rate IS 'VAT code, not a number: digits are tenths of a percent (FR_200 is 20 %, FR_55 is 5.5 %), unless the code has a second underscore (FR_1_05 is 1.05 %); also exempt, extracom, crossborder, mixed and other words; the list grows. [vat_rate]';
COMMENT ON COLUMN pennylane.products.price IS 'Unit price including tax, in the currency of the product. [price]';
COMMENT ON COLUMN pennylane.products.unit IS 'Unit that the price is for. May be empty. [unit]';
COMMENT ON COLUMN pennylane.products.currency IS 'Currency of the prices, a three-letter code such as EUR. [currency]';
COMMENT ON COLUMN pennylane.products.reference IS 'Reference of the product. NULL: none. [reference]';
COMMENT ON COLUMN pennylane.products.substance IS 'goods or services, as its ledger account says; the list grows. NULL: no ledger account. [substance]';
COMMENT ON COLUMN pennylane.products.ledger_account_id IS 'Ledger account of its sales; points to ledger_accounts.id. NULL: none. [ledger_account.id]';
COMMENT ON COLUMN pennylane.products.archived_at IS 'When it was archived. NULL: not archived. Archived rows may be listed like the others, so filter on this. [archived_at]';
COMMENT ON COLUMN pennylane.products.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.products.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.products.custom_fields IS 'Custom fields, a JSON array of objects: name, value. A value is a text, null, or an array of texts. Empty array: none. [custom_fields]';
COMMENT ON COLUMN pennylane.products.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.products._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
