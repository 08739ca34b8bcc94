-- What is open on the accounts of customers (411) and suppliers (401, 404): their lines that are not lettered, with the day
-- on which they are due.
--
-- An opening entry repeats what is open in the years before it, in one line an account and without its due dates: where those
-- years are held too, the lines themselves count and the opening does not.

CREATE OR REPLACE VIEW pennylane._open_items AS
SELECT
    l.id,
    l.company_id,
    l.ledger_account_id,
    l.ledger_account_number,
    coalesce(e.due_date, l.date) AS due_date,
    coalesce(l.debit, 0) - coalesce(l.credit, 0) AS balance
FROM pennylane.ledger_entry_lines l
LEFT JOIN pennylane.ledger_entries e ON e.id = l.ledger_entry_id
WHERE left(l.ledger_account_number, 3) IN ('401', '404', '411')
  AND coalesce(l.lettered_ledger_entry_lines_ids, '[]') = '[]'
  AND NOT EXISTS (
      SELECT FROM pennylane._openings o
      JOIN pennylane.fiscal_years y ON y.id = o.fiscal_year_id
      WHERE o.ledger_entry_id = l.ledger_entry_id
        AND EXISTS (
            SELECT FROM pennylane.ledger_entry_lines earlier
            WHERE earlier.company_id = y.company_id AND earlier.date < y.start
        )
  );

COMMENT ON VIEW pennylane._open_items IS 'Internal: the lines of accounts 401, 404 and 411 that are not lettered, and when they are due; opening entries that repeat lines held here are left out.';
