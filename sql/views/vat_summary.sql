-- VAT by account and month: what prepares a return, never the return itself.

CREATE OR REPLACE VIEW pennylane.vat_summary AS
SELECT
    sums.company_id || ':' || to_char(sums.month, 'YYYY-MM') || ':' || sums.account_number AS vat_summary_key,
    sums.company_id,
    sums.month,
    sums.account_number,
    n.label AS account_label,
    CASE
        WHEN sums.account_number LIKE '4452%' THEN 'TVA intracommunautaire'
        WHEN sums.account_number LIKE '4455%' THEN 'TVA à décaisser'
        WHEN sums.account_number LIKE '4456%' THEN 'TVA déductible'
        WHEN sums.account_number LIKE '4457%' THEN 'TVA collectée'
        WHEN sums.account_number LIKE '4458%' THEN 'TVA à régulariser'
        ELSE 'Autres comptes de TVA'
    END AS kind,
    sums.debit::numeric(18, 2) AS debit,
    sums.credit::numeric(18, 2) AS credit,
    (sums.credit - sums.debit)::numeric(18, 2) AS amount
FROM (
    SELECT
        l.company_id,
        date_trunc('month', l.date::timestamp)::date AS month,
        l.ledger_account_number AS account_number,
        coalesce(sum(l.debit), 0) AS debit,
        coalesce(sum(l.credit), 0) AS credit
    FROM pennylane.ledger_entry_lines l
    WHERE left(l.ledger_account_number, 3) = '445'
      AND l.date IS NOT NULL
      AND coalesce(l.ledger_entry_id, 0) NOT IN (SELECT coalesce(o.ledger_entry_id, -1) FROM pennylane._openings o)
    GROUP BY l.company_id, date_trunc('month', l.date::timestamp)::date, l.ledger_account_number
) AS sums
LEFT JOIN pennylane._account_labels n ON n.company_id = sums.company_id AND n.number = sums.account_number;

COMMENT ON VIEW pennylane.vat_summary IS 'VAT by account (445) and month, in euro, opening entries left out. It prepares and checks; it is not a return: what is due depends on when services are paid, on options and on corrections that no account shows.';
COMMENT ON COLUMN pennylane.vat_summary.vat_summary_key IS 'Key: company_id, month and account_number with colons between.';
COMMENT ON COLUMN pennylane.vat_summary.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.vat_summary.month IS 'First day of the month of the accounting date.';
COMMENT ON COLUMN pennylane.vat_summary.account_number IS 'Number of the account.';
COMMENT ON COLUMN pennylane.vat_summary.account_label IS 'Label of the account. NULL: the account is not in ledger_accounts.';
COMMENT ON COLUMN pennylane.vat_summary.kind IS 'After the chart of accounts: 4452 TVA intracommunautaire, 4455 à décaisser, 4456 déductible, 4457 collectée, 4458 à régulariser.';
COMMENT ON COLUMN pennylane.vat_summary.debit IS 'Sum of the debits of the month, in euro.';
COMMENT ON COLUMN pennylane.vat_summary.credit IS 'Sum of the credits of the month, in euro.';
COMMENT ON COLUMN pennylane.vat_summary.amount IS 'credit - debit, in euro. Of TVA collectée the credits are the operations, of TVA déductible the debits; the entry that books a return is a movement too and offsets them here.';
