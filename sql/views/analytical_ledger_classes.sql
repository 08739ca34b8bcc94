-- The analytical ledger with the classes of the chart of accounts.

CREATE OR REPLACE VIEW pennylane.analytical_ledger_classes AS
SELECT
    l.company_id || ':' || l.period_start || ':' || l.line_no AS analytical_ledger_key,
    l.company_id,
    l.period_start,
    l.period_end,
    l.line_no,
    l.date,
    l.journal_code,
    l.journal_label,
    l.entry_number,
    l.piece_number,
    l.account_number,
    l.account_label,
    left(l.account_number, 1) AS pcg_1,
    left(l.account_number, 2) AS pcg_2,
    left(l.account_number, 3) AS pcg_3,
    k.categorie_compte,
    l.label,
    l.third_party,
    l.invoice_number,
    l.due_date,
    l.debit::numeric(18, 2) AS debit,
    l.credit::numeric(18, 2) AS credit,
    (coalesce(l.debit, 0) - coalesce(l.credit, 0))::numeric(18, 2) AS balance,
    l.currency,
    l.category_group,
    l.category,
    l.analytical_code,
    l.weight,
    l.lettering
FROM pennylane.analytical_ledger l
LEFT JOIN pennylane._account_classes k ON k.pcg_1 = left(l.account_number, 1);

COMMENT ON VIEW pennylane.analytical_ledger_classes IS 'The analytical ledger with the classes of the chart of accounts beside each line. A line with several categories appears once for each; Pennylane does not publish whether each shows its share: compare with ledger_entry_lines before you sum over several category_group.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.analytical_ledger_key IS 'Key: company_id, period_start and line_no with colons between.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.period_start IS 'First day of the exported period.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.period_end IS 'Last day of the exported period, included.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.line_no IS 'Place of the row in the file.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.date IS 'Accounting date.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.journal_code IS 'Code of the journal.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.journal_label IS 'Label of the journal.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.entry_number IS 'Number of the entry, text.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.piece_number IS 'Reference of the voucher. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.account_number IS 'Number of the account.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.account_label IS 'Label of the account. May name a person.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.pcg_1 IS 'Class: the first character of the account number.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.pcg_2 IS 'The first two characters of the account number.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.pcg_3 IS 'The first three characters of the account number.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.categorie_compte IS 'Name of the class, from Capitaux (1) to Analytique (9). NULL: the number begins with no digit from 1 to 9.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.label IS 'Label of the line. May hold personal data.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.third_party IS 'Customer or supplier; may name a person. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.invoice_number IS 'Number of the invoice. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.due_date IS 'Due date. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.debit IS 'Debit as the file gives it, in euro.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.credit IS 'Credit as the file gives it, in euro.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.balance IS 'debit - credit, in euro.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.currency IS 'Currency, an ISO code. NULL: the file does not say.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.category_group IS 'Group of the category. NULL: the line has no category.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.category IS 'Analytical category. NULL: the line has none.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.analytical_code IS 'Analytical code of the category. NULL: none.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.weight IS 'Share of the line that the category takes; 0.25 is a quarter. NULL: the line has no category.';
COMMENT ON COLUMN pennylane.analytical_ledger_classes.lettering IS 'Lettering code. NULL: not lettered.';
