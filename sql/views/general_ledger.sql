-- The general ledger (grand livre), with a running balance.
--
-- Labels are joined after the lines are sorted: what is not carried through the sort costs nothing there.

CREATE OR REPLACE VIEW pennylane.general_ledger AS
SELECT
    l.id AS ledger_entry_line_id,
    l.company_id,
    l.fiscal_year_id,
    l.date,
    l.journal_id,
    j.code AS journal_code,
    l.ledger_entry_id,
    l.piece_number,
    l.ledger_account_id,
    l.account_number,
    a.label AS account_label,
    l.label,
    l.debit,
    l.credit,
    l.balance,
    l.is_lettered,
    l.due_date
FROM (
    SELECT
        l.id,
        l.company_id,
        y.fiscal_year_id,
        l.date,
        l.journal_id,
        l.ledger_entry_id,
        e.piece_number,
        l.ledger_account_id,
        l.ledger_account_number AS account_number,
        l.label,
        l.debit::numeric(18, 2) AS debit,
        l.credit::numeric(18, 2) AS credit,
        (CASE WHEN y.fiscal_year_id IS NOT NULL THEN sum(coalesce(l.debit, 0) - coalesce(l.credit, 0)) OVER (
            PARTITION BY l.ledger_account_number, y.fiscal_year_id, l.company_id ORDER BY l.date, l.id ROWS UNBOUNDED PRECEDING
        ) END)::numeric(18, 2) AS balance,
        l.lettered_ledger_entry_lines_ids <> '[]' AS is_lettered,
        e.due_date
    FROM pennylane.ledger_entry_lines l
    LEFT JOIN pennylane._years y ON y.company_id = l.company_id AND l.date BETWEEN y.start AND y.finish
    LEFT JOIN pennylane.ledger_entries e ON e.id = l.ledger_entry_id
) AS l
LEFT JOIN pennylane.ledger_accounts a ON a.id = l.ledger_account_id
LEFT JOIN pennylane._journals j ON j.id = l.journal_id;

COMMENT ON VIEW pennylane.general_ledger IS 'General ledger (grand livre): every line with its account and voucher, and the running balance of the account within its fiscal year. Name an account or a year and sort: SELECT * FROM pennylane.general_ledger WHERE account_number = ''512000'' ORDER BY date, ledger_entry_line_id;';
COMMENT ON COLUMN pennylane.general_ledger.ledger_entry_line_id IS 'Key: the line; points to ledger_entry_lines.id.';
COMMENT ON COLUMN pennylane.general_ledger.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.general_ledger.fiscal_year_id IS 'Fiscal year; points to fiscal_years.id. NULL: the date lies in none.';
COMMENT ON COLUMN pennylane.general_ledger.date IS 'Accounting date.';
COMMENT ON COLUMN pennylane.general_ledger.journal_id IS 'Journal: the id that GET /journals gives.';
COMMENT ON COLUMN pennylane.general_ledger.journal_code IS 'Code of the journal, such as VE. NULL until the journals are kept: SELECT pennylane.enable_table(''journals''); and a sync.';
COMMENT ON COLUMN pennylane.general_ledger.ledger_entry_id IS 'Entry of the line; points to ledger_entries.id.';
COMMENT ON COLUMN pennylane.general_ledger.piece_number IS 'Voucher reference of the entry. NULL: none.';
COMMENT ON COLUMN pennylane.general_ledger.ledger_account_id IS 'Account; points to ledger_accounts.id.';
COMMENT ON COLUMN pennylane.general_ledger.account_number IS 'Number of the account.';
COMMENT ON COLUMN pennylane.general_ledger.account_label IS 'Label of the account. NULL: the account is not in ledger_accounts.';
COMMENT ON COLUMN pennylane.general_ledger.label IS 'Label of the line. May hold personal data.';
COMMENT ON COLUMN pennylane.general_ledger.debit IS 'Debit, in euro.';
COMMENT ON COLUMN pennylane.general_ledger.credit IS 'Credit, in euro.';
COMMENT ON COLUMN pennylane.general_ledger.balance IS 'Solde progressif: sum of debit - credit of the account number in this fiscal year up to this line, by date and line id, in euro. Never sum it. NULL: the date lies in no fiscal year.';
COMMENT ON COLUMN pennylane.general_ledger.is_lettered IS 'Whether the line is lettered (matched with others).';
COMMENT ON COLUMN pennylane.general_ledger.due_date IS 'Due date of the entry. NULL: none.';
