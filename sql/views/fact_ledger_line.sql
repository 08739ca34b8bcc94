-- Star schema: ledger lines. Only ids and amounts: names are in the dimensions.

CREATE OR REPLACE VIEW pennylane.fact_ledger_line AS
SELECT
    l.id AS ledger_entry_line_id,
    l.company_id,
    l.date,
    y.id AS fiscal_year_id,
    l.ledger_account_id,
    l.journal_id,
    l.ledger_entry_id,
    c.customer_id,
    s.supplier_id,
    l.debit::numeric(18, 2) AS debit,
    l.credit::numeric(18, 2) AS credit,
    (coalesce(l.debit, 0) - coalesce(l.credit, 0))::numeric(18, 2) AS balance,
    l.lettered_ledger_entry_lines_ids <> '[]' AS is_lettered,
    o.ledger_entry_id IS NOT NULL AS is_opening
FROM pennylane.ledger_entry_lines l
LEFT JOIN pennylane.fiscal_years y ON y.company_id = l.company_id AND l.date BETWEEN y.start AND y.finish
LEFT JOIN pennylane._account_customers c ON c.ledger_account_id = l.ledger_account_id
LEFT JOIN pennylane._account_suppliers s ON s.ledger_account_id = l.ledger_account_id
LEFT JOIN pennylane._openings o ON o.ledger_entry_id = l.ledger_entry_id;

COMMENT ON VIEW pennylane.fact_ledger_line IS 'Star schema: one row a line of the ledger. Over several years, sum balance sheet accounts without is_opening: an opening entry repeats the years before it.';
COMMENT ON COLUMN pennylane.fact_ledger_line.ledger_entry_line_id IS 'Key: the line; points to ledger_entry_lines.id.';
COMMENT ON COLUMN pennylane.fact_ledger_line.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.fact_ledger_line.date IS 'Accounting date; relates to dim_date.';
COMMENT ON COLUMN pennylane.fact_ledger_line.fiscal_year_id IS 'Fiscal year; points to fiscal_years.id. NULL: the date lies in none.';
COMMENT ON COLUMN pennylane.fact_ledger_line.ledger_account_id IS 'Account; relates to dim_account.';
COMMENT ON COLUMN pennylane.fact_ledger_line.journal_id IS 'Journal; relates to dim_journal.';
COMMENT ON COLUMN pennylane.fact_ledger_line.ledger_entry_id IS 'Entry of the line; points to ledger_entries.id.';
COMMENT ON COLUMN pennylane.fact_ledger_line.customer_id IS 'Customer whose account it is; relates to dim_customer. NULL: nobody''s, or several share the account.';
COMMENT ON COLUMN pennylane.fact_ledger_line.supplier_id IS 'Supplier whose account it is; relates to dim_supplier. NULL: nobody''s, or several share the account.';
COMMENT ON COLUMN pennylane.fact_ledger_line.debit IS 'Debit, in euro.';
COMMENT ON COLUMN pennylane.fact_ledger_line.credit IS 'Credit, in euro.';
COMMENT ON COLUMN pennylane.fact_ledger_line.balance IS 'debit - credit, in euro.';
COMMENT ON COLUMN pennylane.fact_ledger_line.is_lettered IS 'Whether the line is lettered.';
COMMENT ON COLUMN pennylane.fact_ledger_line.is_opening IS 'Whether it is of an opening entry (à-nouveaux): an entry of the first day of a fiscal year with equity and without charges and income.';
