-- Star schema: suppliers.

CREATE OR REPLACE VIEW pennylane.dim_supplier AS
SELECT
    s.id AS supplier_id,
    s.company_id,
    s.name,
    s.postal_address_postal_code AS postal_code,
    s.postal_address_city AS city,
    s.postal_address_country_alpha2 AS country_alpha2,
    s.supplier_payment_method AS payment_method,
    s.reg_no,
    s.vat_number,
    s.external_reference,
    s.ledger_account_id,
    a.number AS account_number
FROM pennylane.suppliers s
LEFT JOIN pennylane.ledger_accounts a ON a.id = s.ledger_account_id;

COMMENT ON VIEW pennylane.dim_supplier IS 'Star schema: one row a supplier. Relate it to supplier_id of the facts.';
COMMENT ON COLUMN pennylane.dim_supplier.supplier_id IS 'Key: the supplier; points to suppliers.id.';
COMMENT ON COLUMN pennylane.dim_supplier.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.dim_supplier.name IS 'Name. May name a person.';
COMMENT ON COLUMN pennylane.dim_supplier.postal_code IS 'Postal code.';
COMMENT ON COLUMN pennylane.dim_supplier.city IS 'City.';
COMMENT ON COLUMN pennylane.dim_supplier.country_alpha2 IS 'Country, a two-letter ISO code.';
COMMENT ON COLUMN pennylane.dim_supplier.payment_method IS 'How the supplier is paid, such as automatic_transfer. NULL: not said.';
COMMENT ON COLUMN pennylane.dim_supplier.reg_no IS 'Registration number (SIREN or SIRET). NULL: none.';
COMMENT ON COLUMN pennylane.dim_supplier.vat_number IS 'VAT number.';
COMMENT ON COLUMN pennylane.dim_supplier.external_reference IS 'Reference in other software.';
COMMENT ON COLUMN pennylane.dim_supplier.ledger_account_id IS 'Account in the ledger; points to ledger_accounts.id. NULL: none.';
COMMENT ON COLUMN pennylane.dim_supplier.account_number IS 'Number of that account. NULL: none.';
