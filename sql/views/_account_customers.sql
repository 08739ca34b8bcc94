-- The customer of an account. An account that several share is nobody's.

CREATE OR REPLACE VIEW pennylane._account_customers AS
SELECT
    p.ledger_account_id,
    min(p.id) AS customer_id,
    min(p.name) AS name
FROM pennylane.customers p
WHERE p.ledger_account_id IS NOT NULL
GROUP BY p.ledger_account_id
HAVING count(*) = 1;

COMMENT ON VIEW pennylane._account_customers IS 'Internal: the customer of each ledger account that only one has.';
