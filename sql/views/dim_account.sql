-- Star schema: ledger accounts.

CREATE OR REPLACE VIEW pennylane.dim_account AS
SELECT
    a.id AS ledger_account_id,
    a.company_id,
    a.number AS account_number,
    a.label AS account_label,
    left(a.number, 1) AS pcg_1,
    left(a.number, 2) AS pcg_2,
    left(a.number, 3) AS pcg_3,
    k.categorie_compte,
    a.vat_rate,
    a.type,
    a.enabled,
    a.letterable
FROM pennylane.ledger_accounts a
LEFT JOIN pennylane._account_classes k ON k.pcg_1 = left(a.number, 1);

COMMENT ON VIEW pennylane.dim_account IS 'Star schema: one row a ledger account. A number can have several accounts: group by account_number. Relate it to ledger_account_id of the facts.';
COMMENT ON COLUMN pennylane.dim_account.ledger_account_id IS 'Key: the account; points to ledger_accounts.id.';
COMMENT ON COLUMN pennylane.dim_account.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.dim_account.account_number IS 'Number of the account, not unique.';
COMMENT ON COLUMN pennylane.dim_account.account_label IS 'Label of the account. May name a person.';
COMMENT ON COLUMN pennylane.dim_account.pcg_1 IS 'Class: the first character of the number.';
COMMENT ON COLUMN pennylane.dim_account.pcg_2 IS 'The first two characters of the number.';
COMMENT ON COLUMN pennylane.dim_account.pcg_3 IS 'The first three characters of the number.';
COMMENT ON COLUMN pennylane.dim_account.categorie_compte IS 'Name of the class, from Capitaux (1) to Analytique (9). NULL: the number begins with no digit from 1 to 9.';
COMMENT ON COLUMN pennylane.dim_account.vat_rate IS 'VAT code of the account, such as FR_200; not a number.';
COMMENT ON COLUMN pennylane.dim_account.type IS 'Kind of account.';
COMMENT ON COLUMN pennylane.dim_account.enabled IS 'Whether the account is in use.';
COMMENT ON COLUMN pennylane.dim_account.letterable IS 'Whether its lines can be lettered.';
