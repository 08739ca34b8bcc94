-- Aged receivables (balance âgée clients) as of today, account by account.

CREATE OR REPLACE VIEW pennylane.aged_receivables AS
SELECT
    a.ledger_account_id,
    a.company_id,
    a.account_number,
    a.account_label,
    p.customer_id,
    p.name AS customer_name,
    (a.not_due)::numeric(18, 2) AS not_due,
    (a.days_1_30)::numeric(18, 2) AS days_1_30,
    (a.days_31_60)::numeric(18, 2) AS days_31_60,
    (a.days_61_90)::numeric(18, 2) AS days_61_90,
    (a.days_over_90)::numeric(18, 2) AS days_over_90,
    (a.not_aged)::numeric(18, 2) AS not_aged,
    (a.total)::numeric(18, 2) AS total,
    a.oldest_due_date
FROM pennylane._aged_accounts a
LEFT JOIN pennylane._account_customers p ON p.ledger_account_id = a.ledger_account_id
WHERE left(a.account_number, 3) = '411'
  AND (a.not_due <> 0 OR a.days_1_30 <> 0 OR a.days_31_60 <> 0 OR a.days_61_90 <> 0 OR a.days_over_90 <> 0 OR a.total <> 0);

COMMENT ON VIEW pennylane.aged_receivables IS 'Aged receivables (balance âgée clients) as of today: what is open on accounts 411, in euro, by how long it has been due. The due date is that of the entry, else its own date. total is the balance of the ledger; amounts are positive when owed by the customer. Credit notes and payments not lettered yet count in the age of their own date. Accounts with nothing open are left out.';
COMMENT ON COLUMN pennylane.aged_receivables.ledger_account_id IS 'Key: the account; points to ledger_accounts.id.';
COMMENT ON COLUMN pennylane.aged_receivables.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.aged_receivables.account_number IS 'Number of the account.';
COMMENT ON COLUMN pennylane.aged_receivables.account_label IS 'Label of the account. May name a person.';
COMMENT ON COLUMN pennylane.aged_receivables.customer_id IS 'The customer whose account it is; points to customers.id. NULL: none, or several share it.';
COMMENT ON COLUMN pennylane.aged_receivables.customer_name IS 'Name of the customer. May name a person. NULL: none, or several share the account.';
COMMENT ON COLUMN pennylane.aged_receivables.not_due IS 'Open and due today or later, in euro.';
COMMENT ON COLUMN pennylane.aged_receivables.days_1_30 IS 'Open and overdue by 1 to 30 days, in euro.';
COMMENT ON COLUMN pennylane.aged_receivables.days_31_60 IS 'Open and overdue by 31 to 60 days, in euro.';
COMMENT ON COLUMN pennylane.aged_receivables.days_61_90 IS 'Open and overdue by 61 to 90 days, in euro.';
COMMENT ON COLUMN pennylane.aged_receivables.days_over_90 IS 'Open and overdue by more than 90 days, in euro.';
COMMENT ON COLUMN pennylane.aged_receivables.not_aged IS 'What the lines that are not lettered do not explain of total, in euro: 0 unless a lettering does not balance or the opening entry repeats years that are not held.';
COMMENT ON COLUMN pennylane.aged_receivables.total IS 'Balance of the account in the ledger, in euro: the sum of the six columns before.';
COMMENT ON COLUMN pennylane.aged_receivables.oldest_due_date IS 'The earliest due date among the overdue lines. NULL: nothing is overdue.';
