-- The movements of each bank account, with their running sum.

CREATE OR REPLACE VIEW pennylane.transaction_balance AS
SELECT
    t.id AS transaction_id,
    t.company_id,
    t.bank_account_id,
    b.name AS bank_account_name,
    t.date,
    t.label,
    t.customer_id,
    t.supplier_id,
    t.amount::numeric(18, 2) AS amount,
    sum(t.amount) OVER (PARTITION BY t.bank_account_id ORDER BY t.date, t.id ROWS UNBOUNDED PRECEDING)::numeric(18, 2)
        AS solde_cumule,
    abs(t.amount) >= 10000 AS transaction_importante
FROM pennylane.transactions t
LEFT JOIN pennylane.bank_accounts b ON b.id = t.bank_account_id
WHERE t.archived_at IS NULL;

COMMENT ON VIEW pennylane.transaction_balance IS 'The movements of each bank account with their running sum, archived ones left out. SELECT * FROM pennylane.transaction_balance WHERE bank_account_name = ''...'' ORDER BY date, transaction_id;';
COMMENT ON COLUMN pennylane.transaction_balance.transaction_id IS 'Key: the transaction; points to transactions.id.';
COMMENT ON COLUMN pennylane.transaction_balance.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.transaction_balance.bank_account_id IS 'Bank account; points to bank_accounts.id.';
COMMENT ON COLUMN pennylane.transaction_balance.bank_account_name IS 'Name of the bank account.';
COMMENT ON COLUMN pennylane.transaction_balance.date IS 'Date of the operation.';
COMMENT ON COLUMN pennylane.transaction_balance.label IS 'Label that the bank gave. May hold personal data.';
COMMENT ON COLUMN pennylane.transaction_balance.customer_id IS 'Customer; points to customers.id. NULL: none.';
COMMENT ON COLUMN pennylane.transaction_balance.supplier_id IS 'Supplier; points to suppliers.id. NULL: none.';
COMMENT ON COLUMN pennylane.transaction_balance.amount IS 'Signed amount, in euro; money out is expected to be negative.';
COMMENT ON COLUMN pennylane.transaction_balance.solde_cumule IS 'Sum of amount over the bank account from the first transaction held up to this one, by date and id, in euro. It is not the balance of the bank, which did not start from 0. Never sum it.';
COMMENT ON COLUMN pennylane.transaction_balance.transaction_importante IS 'Whether the amount is 10,000 euro or more, in or out.';
