-- Star schema: customers.

CREATE OR REPLACE VIEW pennylane.dim_customer AS
SELECT
    c.id AS customer_id,
    c.company_id,
    c.name,
    c.customer_type,
    c.billing_address_postal_code AS postal_code,
    c.billing_address_city AS city,
    c.billing_address_country_alpha2 AS country_alpha2,
    c.payment_conditions,
    c.reg_no,
    c.vat_number,
    c.external_reference,
    c.ledger_account_id,
    a.number AS account_number
FROM pennylane.customers c
LEFT JOIN pennylane.ledger_accounts a ON a.id = c.ledger_account_id;

COMMENT ON VIEW pennylane.dim_customer IS 'Star schema: one row a customer. Relate it to customer_id of the facts.';
COMMENT ON COLUMN pennylane.dim_customer.customer_id IS 'Key: the customer; points to customers.id.';
COMMENT ON COLUMN pennylane.dim_customer.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.dim_customer.name IS 'Name. May name a person.';
COMMENT ON COLUMN pennylane.dim_customer.customer_type IS 'company or individual.';
COMMENT ON COLUMN pennylane.dim_customer.postal_code IS 'Postal code of the billing address.';
COMMENT ON COLUMN pennylane.dim_customer.city IS 'City of the billing address.';
COMMENT ON COLUMN pennylane.dim_customer.country_alpha2 IS 'Country of the billing address, a two-letter ISO code.';
COMMENT ON COLUMN pennylane.dim_customer.payment_conditions IS 'When invoices are due, such as 30_days.';
COMMENT ON COLUMN pennylane.dim_customer.reg_no IS 'Registration number (SIREN or SIRET). NULL: none.';
COMMENT ON COLUMN pennylane.dim_customer.vat_number IS 'VAT number. NULL: none.';
COMMENT ON COLUMN pennylane.dim_customer.external_reference IS 'Reference in other software.';
COMMENT ON COLUMN pennylane.dim_customer.ledger_account_id IS 'Account in the ledger; points to ledger_accounts.id. NULL: none.';
COMMENT ON COLUMN pennylane.dim_customer.account_number IS 'Number of that account. NULL: none.';
