-- What is on each bank account, after the bank and after the ledger.

CREATE OR REPLACE VIEW pennylane.cash_position AS
SELECT
    b.id AS bank_account_id,
    b.company_id,
    b.name,
    b.currency,
    b.balance::numeric(18, 2) AS bank_balance,
    b.ledger_account_id,
    a.number AS account_number,
    (CASE WHEN shared.accounts = 1 THEN coalesce(held.balance, 0) END)::numeric(18, 2) AS ledger_balance,
    (CASE WHEN shared.accounts = 1 AND b.currency = 'EUR' THEN b.balance - coalesce(held.balance, 0) END)::numeric(18, 2)
        AS difference,
    coalesce(moved.money_in, 0)::numeric(18, 2) AS money_in_30_days,
    coalesce(moved.money_out, 0)::numeric(18, 2) AS money_out_30_days,
    moved.last_date AS last_transaction_date
FROM pennylane.bank_accounts b
LEFT JOIN pennylane.ledger_accounts a ON a.id = b.ledger_account_id
LEFT JOIN (
    SELECT ledger_account_id, count(*) AS accounts
    FROM pennylane.bank_accounts
    GROUP BY ledger_account_id
) AS shared ON shared.ledger_account_id = b.ledger_account_id
LEFT JOIN (
    SELECT l.ledger_account_id, sum(coalesce(l.debit, 0) - coalesce(l.credit, 0)) AS balance
    FROM pennylane.ledger_entry_lines l
    LEFT JOIN pennylane._counted_from counted ON counted.company_id = l.company_id
    WHERE l.ledger_account_id IN (SELECT ledger_account_id FROM pennylane.bank_accounts)
      AND l.date >= coalesce(counted.day, '-infinity')
    GROUP BY l.ledger_account_id
) AS held ON held.ledger_account_id = b.ledger_account_id
LEFT JOIN (
    SELECT
        t.bank_account_id,
        sum(t.amount) FILTER (WHERE t.amount > 0 AND t.date > current_date - 30) AS money_in,
        sum(t.amount) FILTER (WHERE t.amount < 0 AND t.date > current_date - 30) AS money_out,
        max(t.date) AS last_date
    FROM pennylane.transactions t
    WHERE t.archived_at IS NULL
    GROUP BY t.bank_account_id
) AS moved ON moved.bank_account_id = b.id;

COMMENT ON VIEW pennylane.cash_position IS 'What is on each bank account: the balance that the bank told Pennylane, beside that of its ledger account.';
COMMENT ON COLUMN pennylane.cash_position.bank_account_id IS 'Key: the bank account; points to bank_accounts.id.';
COMMENT ON COLUMN pennylane.cash_position.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.cash_position.name IS 'Name of the account.';
COMMENT ON COLUMN pennylane.cash_position.currency IS 'Currency of the account, a three-letter code such as EUR.';
COMMENT ON COLUMN pennylane.cash_position.bank_balance IS 'Balance that Pennylane shows, taken to be in the currency of the account. Pennylane does not say as of when. Accounts in several currencies must not be summed.';
COMMENT ON COLUMN pennylane.cash_position.ledger_account_id IS 'Ledger account; points to ledger_accounts.id.';
COMMENT ON COLUMN pennylane.cash_position.account_number IS 'Number of the ledger account, such as 512000.';
COMMENT ON COLUMN pennylane.cash_position.ledger_balance IS 'debit - credit of the ledger account, opening entry included, in euro. NULL: several bank accounts share the ledger account, or there is none.';
COMMENT ON COLUMN pennylane.cash_position.difference IS 'bank_balance - ledger_balance, in euro: movements that are not booked yet, or booked and not seen by the bank. NULL: the account is not in euro, or there is no ledger_balance.';
COMMENT ON COLUMN pennylane.cash_position.money_in_30_days IS 'Money that came in during the last 30 days, in euro.';
COMMENT ON COLUMN pennylane.cash_position.money_out_30_days IS 'Money that went out during the last 30 days, in euro, negative.';
COMMENT ON COLUMN pennylane.cash_position.last_transaction_date IS 'Date of the last transaction that is held. NULL: none.';
