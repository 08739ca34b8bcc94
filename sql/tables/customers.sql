-- Customers: companies and individuals in one list.

CREATE TABLE IF NOT EXISTS pennylane.customers (
    id                              bigint CONSTRAINT customers_pkey PRIMARY KEY,
    company_id                      bigint NOT NULL,
    name                            text,
    billing_iban                    text,
    payment_conditions              text,
    recipient                       text,
    phone                           text,
    reference                       text,
    notes                           text,
    vat_number                      text,
    reg_no                          text,
    ledger_account_id               bigint,
    emails                          jsonb,
    billing_address_address         text,
    billing_address_postal_code     text,
    billing_address_city            text,
    billing_address_country_alpha2  text,
    delivery_address_address        text,
    delivery_address_postal_code    text,
    delivery_address_city           text,
    delivery_address_country_alpha2 text,
    created_at                      timestamptz,
    updated_at                      timestamptz,
    customer_type                   text,
    external_reference              text,
    billing_language                text,
    first_name                      text,
    last_name                       text,
    extra                           jsonb,
    _synced_at                      timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS customers_ledger_account_id_idx ON pennylane.customers (ledger_account_id);
CREATE INDEX IF NOT EXISTS customers_misfit_idx ON pennylane.customers (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.customers IS 'Customers: companies and individuals in one list, told apart by customer_type. Personal data: names, addresses, phone, e-mails, IBAN. [GET /customers]';
COMMENT ON COLUMN pennylane.customers.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.customers.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.customers.name IS 'Name of the customer, company or individual. Personal data for an individual. [name]';
COMMENT ON COLUMN pennylane.customers.billing_iban IS 'IBAN of the customer. NULL: none. Bank details, personal for an individual: share with care. [billing_iban]';
COMMENT ON COLUMN pennylane.customers.payment_conditions IS 'Payment term. Known values: upon_receipt, 7_days, 15_days, 30_days, 30_days_end_of_month, 45_days, 45_days_end_of_month, 60_days, custom; the list grows. [payment_conditions]';
COMMENT ON COLUMN pennylane.customers.recipient IS 'Recipient shown on the invoices. May be empty. May be personal data. [recipient]';
COMMENT ON COLUMN pennylane.customers.phone IS 'Phone number. May be empty. May be personal data. [phone]';
COMMENT ON COLUMN pennylane.customers.reference IS 'Reference of the customer. NULL: none. [reference]';
COMMENT ON COLUMN pennylane.customers.notes IS 'Free notes about the customer. NULL: none. May hold personal data. [notes]';
COMMENT ON COLUMN pennylane.customers.vat_number IS 'VAT number of a company, may be empty. NULL: an individual. [vat_number]';
COMMENT ON COLUMN pennylane.customers.reg_no IS 'Registration number of a company (SIREN in France), may be empty. NULL: an individual. [reg_no]';
COMMENT ON COLUMN pennylane.customers.ledger_account_id IS 'Auxiliary ledger account of the customer; points to ledger_accounts.id. NULL: none. [ledger_account.id]';
COMMENT ON COLUMN pennylane.customers.emails IS 'E-mail addresses, a JSON array of strings. Empty array: none. Personal data. [emails]';
COMMENT ON COLUMN pennylane.customers.billing_address_address IS 'Billing address: number and street. May be empty. Personal data for an individual. [billing_address.address]';
COMMENT ON COLUMN pennylane.customers.billing_address_postal_code IS 'Billing address: postal code. May be empty. [billing_address.postal_code]';
COMMENT ON COLUMN pennylane.customers.billing_address_city IS 'Billing address: city. May be empty. [billing_address.city]';
COMMENT ON COLUMN pennylane.customers.billing_address_country_alpha2 IS 'Billing address: country, a two-letter ISO code such as FR. May be empty. [billing_address.country_alpha2]';
COMMENT ON COLUMN pennylane.customers.delivery_address_address IS 'Delivery address: number and street. May be empty. Personal data for an individual. [delivery_address.address]';
COMMENT ON COLUMN pennylane.customers.delivery_address_postal_code IS 'Delivery address: postal code. May be empty. [delivery_address.postal_code]';
COMMENT ON COLUMN pennylane.customers.delivery_address_city IS 'Delivery address: city. May be empty. [delivery_address.city]';
COMMENT ON COLUMN pennylane.customers.delivery_address_country_alpha2 IS 'Delivery address: country, a two-letter ISO code such as FR. May be empty. [delivery_address.country_alpha2]';
COMMENT ON COLUMN pennylane.customers.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.customers.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.customers.customer_type IS 'company or individual; the list grows. A company has vat_number and reg_no, an individual first_name and last_name. [customer_type]';
COMMENT ON COLUMN pennylane.customers.external_reference IS 'Reference in another system, unique among customers: given by whoever created the record, else made by Pennylane. [external_reference]';
COMMENT ON COLUMN pennylane.customers.billing_language IS 'Language of the invoices. Known values: fr_FR, en_GB, de_DE, es_ES; the list grows. [billing_language]';
COMMENT ON COLUMN pennylane.customers.first_name IS 'First name of an individual. NULL: a company. Personal data. [first_name]';
COMMENT ON COLUMN pennylane.customers.last_name IS 'Last name of an individual. NULL: a company. Personal data. [last_name]';
COMMENT ON COLUMN pennylane.customers.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.customers._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
