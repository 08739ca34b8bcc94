-- Star schema: movements on the bank accounts. Archived ones are not here.

CREATE OR REPLACE VIEW pennylane.fact_transaction AS
SELECT
    t.id AS transaction_id,
    t.company_id,
    t.bank_account_id,
    t.date,
    t.journal_id,
    t.customer_id,
    t.supplier_id,
    t.amount::numeric(18, 2) AS amount,
    t.fee::numeric(18, 2) AS fee,
    t.currency,
    t.currency_amount::numeric(18, 2) AS currency_amount,
    t.currency_fee::numeric(18, 2) AS currency_fee
FROM pennylane.transactions t
WHERE t.archived_at IS NULL;

COMMENT ON VIEW pennylane.fact_transaction IS 'Star schema: one row a movement on a bank account; archived ones are left out. They are not the payments recorded on invoices: one settlement can be both, so never add the two.';
COMMENT ON COLUMN pennylane.fact_transaction.transaction_id IS 'Key: the transaction; points to transactions.id.';
COMMENT ON COLUMN pennylane.fact_transaction.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.fact_transaction.bank_account_id IS 'Bank account; points to bank_accounts.id, and is the key of cash_position.';
COMMENT ON COLUMN pennylane.fact_transaction.date IS 'Date of the operation; relates to dim_date.';
COMMENT ON COLUMN pennylane.fact_transaction.journal_id IS 'Journal; relates to dim_journal.';
COMMENT ON COLUMN pennylane.fact_transaction.customer_id IS 'Customer; relates to dim_customer. NULL: none.';
COMMENT ON COLUMN pennylane.fact_transaction.supplier_id IS 'Supplier; relates to dim_supplier. NULL: none.';
COMMENT ON COLUMN pennylane.fact_transaction.amount IS 'Signed amount, in euro; money out is expected to be negative.';
COMMENT ON COLUMN pennylane.fact_transaction.fee IS 'Fee, in euro. NULL: none.';
COMMENT ON COLUMN pennylane.fact_transaction.currency IS 'Currency of the transaction, a three-letter code such as EUR. NULL: not given.';
COMMENT ON COLUMN pennylane.fact_transaction.currency_amount IS 'Signed amount, in the currency of the transaction. Never sum it over several currencies.';
COMMENT ON COLUMN pennylane.fact_transaction.currency_fee IS 'Fee, in the currency of the transaction. NULL: none.';
