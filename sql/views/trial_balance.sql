-- The trial balance (balance générale) of each fiscal year.

CREATE OR REPLACE VIEW pennylane.trial_balance AS
SELECT
    sums.fiscal_year_id || ':' || sums.account_number AS trial_balance_key,
    sums.company_id,
    sums.fiscal_year_id,
    sums.period_start,
    sums.period_end,
    sums.account_number,
    n.label AS account_label,
    left(sums.account_number, 1) AS pcg_1,
    left(sums.account_number, 2) AS pcg_2,
    left(sums.account_number, 3) AS pcg_3,
    sums.debit::numeric(18, 2) AS debit,
    sums.credit::numeric(18, 2) AS credit,
    (sums.debit - sums.credit)::numeric(18, 2) AS balance,
    greatest(sums.debit - sums.credit, 0)::numeric(18, 2) AS debit_balance,
    greatest(sums.credit - sums.debit, 0)::numeric(18, 2) AS credit_balance
FROM (
    SELECT
        y.company_id,
        y.id AS fiscal_year_id,
        y.start AS period_start,
        y.finish AS period_end,
        coalesce(l.ledger_account_number, '') AS account_number,
        coalesce(sum(l.debit), 0) AS debit,
        coalesce(sum(l.credit), 0) AS credit
    FROM pennylane.ledger_entry_lines l
    JOIN pennylane.fiscal_years y ON y.company_id = l.company_id AND l.date BETWEEN y.start AND y.finish
    GROUP BY y.company_id, y.id, y.start, y.finish, coalesce(l.ledger_account_number, '')
) AS sums
LEFT JOIN pennylane._account_labels n ON n.company_id = sums.company_id AND n.number = sums.account_number;

COMMENT ON VIEW pennylane.trial_balance IS 'Trial balance (balance générale) of each fiscal year, customers and suppliers account by account: what GET /trial_balance answers with is_auxiliary=true. Opening entries are in it, as in Pennylane''s. Lines dated in no fiscal year are not. Name a fiscal year: SELECT * FROM pennylane.trial_balance WHERE current_date BETWEEN period_start AND period_end ORDER BY account_number;';
COMMENT ON COLUMN pennylane.trial_balance.trial_balance_key IS 'Key: fiscal_year_id and account_number with a colon between.';
COMMENT ON COLUMN pennylane.trial_balance.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.trial_balance.fiscal_year_id IS 'Fiscal year; points to fiscal_years.id.';
COMMENT ON COLUMN pennylane.trial_balance.period_start IS 'First day of the fiscal year.';
COMMENT ON COLUMN pennylane.trial_balance.period_end IS 'Last day of the fiscal year, included.';
COMMENT ON COLUMN pennylane.trial_balance.account_number IS 'Number of the account; the accounts that share it are summed. Empty: the lines name no account.';
COMMENT ON COLUMN pennylane.trial_balance.account_label IS 'Label of the account; where several share the number, that of the one with the lowest id. NULL: the account is not in ledger_accounts.';
COMMENT ON COLUMN pennylane.trial_balance.pcg_1 IS 'Class of the chart of accounts: the first character of the number.';
COMMENT ON COLUMN pennylane.trial_balance.pcg_2 IS 'The first two characters of the number.';
COMMENT ON COLUMN pennylane.trial_balance.pcg_3 IS 'The first three characters of the number.';
COMMENT ON COLUMN pennylane.trial_balance.debit IS 'Sum of the debits of the year, in euro.';
COMMENT ON COLUMN pennylane.trial_balance.credit IS 'Sum of the credits of the year, in euro.';
COMMENT ON COLUMN pennylane.trial_balance.balance IS 'debit - credit, in euro.';
COMMENT ON COLUMN pennylane.trial_balance.debit_balance IS 'Solde débiteur: the balance where it is a debit, else 0, in euro.';
COMMENT ON COLUMN pennylane.trial_balance.credit_balance IS 'Solde créditeur: the balance where it is a credit, else 0, in euro.';
