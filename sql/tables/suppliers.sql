-- Suppliers.

CREATE TABLE IF NOT EXISTS pennylane.suppliers (
    id                            bigint CONSTRAINT suppliers_pkey PRIMARY KEY,
    company_id                    bigint NOT NULL,
    name                          text,
    establishment_no              text,
    reg_no                        text,
    vat_number                    text,
    ledger_account_id             bigint,
    emails                        jsonb,
    iban                          text,
    postal_address_address        text,
    postal_address_postal_code    text,
    postal_address_city           text,
    postal_address_country_alpha2 text,
    supplier_payment_method       text,
    supplier_due_date_delay       integer,
    supplier_due_date_rule        text,
    external_reference            text,
    created_at                    timestamptz,
    updated_at                    timestamptz,
    extra                         jsonb,
    _synced_at                    timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS suppliers_ledger_account_id_idx ON pennylane.suppliers (ledger_account_id);
CREATE INDEX IF NOT EXISTS suppliers_misfit_idx ON pennylane.suppliers (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.suppliers IS 'Suppliers. Personal data when a supplier is a person: name, address, e-mails, IBAN. [GET /suppliers]';
COMMENT ON COLUMN pennylane.suppliers.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.suppliers.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.suppliers.name IS 'Name of the supplier. Personal data when it is a person. [name]';
COMMENT ON COLUMN pennylane.suppliers.establishment_no IS 'SIRET of a French supplier, 14 digits. NULL: none. [establishment_no]';
COMMENT ON COLUMN pennylane.suppliers.reg_no IS 'SIREN of a French supplier, 9 digits. NULL: none. [reg_no]';
COMMENT ON COLUMN pennylane.suppliers.vat_number IS 'VAT number. Empty: none. [vat_number]';
COMMENT ON COLUMN pennylane.suppliers.ledger_account_id IS 'Auxiliary ledger account of the supplier; points to ledger_accounts.id. NULL: none. [ledger_account.id]';
COMMENT ON COLUMN pennylane.suppliers.emails IS 'E-mail addresses, a JSON array of strings. Empty array: none. Personal data. [emails]';
COMMENT ON COLUMN pennylane.suppliers.iban IS 'IBAN to pay the supplier on. Empty: none. Bank details: share with care. [iban]';
COMMENT ON COLUMN pennylane.suppliers.postal_address_address IS 'Postal address: number and street. May be empty. Personal data when the supplier is a person. [postal_address.address]';
COMMENT ON COLUMN pennylane.suppliers.postal_address_postal_code IS 'Postal address: postal code. May be empty. [postal_address.postal_code]';
COMMENT ON COLUMN pennylane.suppliers.postal_address_city IS 'Postal address: city. May be empty. [postal_address.city]';
COMMENT ON COLUMN pennylane.suppliers.postal_address_country_alpha2 IS 'Postal address: country, a two-letter ISO code such as FR. May be empty. [postal_address.country_alpha2]';
COMMENT ON COLUMN pennylane.suppliers.supplier_payment_method IS 'Usual way to pay. Known values: automatic_transfer, manual_transfer, automatic_debiting, bill_of_exchange, check, cash, card, other; the list grows. NULL: not set. [supplier_payment_method]';
COMMENT ON COLUMN pennylane.suppliers.supplier_due_date_delay IS 'Usual payment term, in days; see supplier_due_date_rule. NULL: not set. [supplier_due_date_delay]';
COMMENT ON COLUMN pennylane.suppliers.supplier_due_date_rule IS 'How the due date follows from supplier_due_date_delay. Known values: days, days_or_end_of_month; the list grows. NULL: not set. [supplier_due_date_rule]';
COMMENT ON COLUMN pennylane.suppliers.external_reference IS 'Reference in another system, unique among suppliers: given by whoever created the record, else made by Pennylane. [external_reference]';
COMMENT ON COLUMN pennylane.suppliers.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.suppliers.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.suppliers.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.suppliers._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
