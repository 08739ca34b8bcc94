-- The supplier of an account. An account that several share is nobody's.

CREATE OR REPLACE VIEW pennylane._account_suppliers AS
SELECT
    p.ledger_account_id,
    min(p.id) AS supplier_id,
    min(p.name) AS name
FROM pennylane.suppliers p
WHERE p.ledger_account_id IS NOT NULL
GROUP BY p.ledger_account_id
HAVING count(*) = 1;

COMMENT ON VIEW pennylane._account_suppliers IS 'Internal: the supplier of each ledger account that only one has.';
