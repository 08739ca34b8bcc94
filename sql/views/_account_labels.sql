-- One label a number: several accounts can share one. That of the oldest account stands for them.

CREATE OR REPLACE VIEW pennylane._account_labels AS
SELECT DISTINCT ON (a.company_id, a.number)
    a.company_id,
    a.number,
    a.label
FROM pennylane.ledger_accounts a
ORDER BY a.company_id, a.number, a.id;

COMMENT ON VIEW pennylane._account_labels IS 'Internal: one label for each account number of a company, that of the account with the lowest id.';
