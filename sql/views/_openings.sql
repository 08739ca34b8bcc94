-- The opening entries (à-nouveaux) of the fiscal years: Pennylane writes them on the first day of a year when the one before is
-- closed, and they repeat every balance. An open year has none yet.
--
-- An opening is told by what it does: on the first day of a year a journal restates an account of capital or reserves (10, but
-- for withdrawals and capital not called up, 108 and 109) at exactly the balance that it had. Then the entries of that journal
-- and day without charges and income are the opening. A year before which no line is held has nothing to compare with: there
-- it is enough that the journal names such an account. The code of the journal is the company's own choice and is not asked.

CREATE OR REPLACE VIEW pennylane._openings AS
WITH restated AS (
    SELECT
        y.company_id,
        y.fiscal_year_id,
        y.start,
        l.journal_id,
        l.ledger_account_id,
        sum(coalesce(l.debit, 0) - coalesce(l.credit, 0)) AS balance
    FROM pennylane._years y
    JOIN pennylane.ledger_entry_lines l ON l.company_id = y.company_id AND l.date = y.start
    WHERE left(l.ledger_account_number, 2) = '10'
      AND left(l.ledger_account_number, 3) NOT IN ('108', '109')
      AND NOT EXISTS (
          SELECT FROM pennylane.ledger_entry_lines other
          WHERE other.ledger_entry_id = l.ledger_entry_id AND left(other.ledger_account_number, 1) IN ('6', '7')
      )
    GROUP BY y.company_id, y.fiscal_year_id, y.start, l.journal_id, l.ledger_account_id
), compared AS (
    SELECT
        r.*,
        EXISTS (
            SELECT FROM pennylane.ledger_entry_lines earlier
            WHERE earlier.company_id = r.company_id AND earlier.date < r.start
        ) AS repeats
    FROM restated r
), opened AS (
    SELECT DISTINCT c.company_id, c.fiscal_year_id, c.start, c.journal_id, c.repeats
    FROM compared c
    WHERE NOT c.repeats
       OR EXISTS (
           -- The balance before: of the last year, or since an earlier one that was not closed either.
           SELECT
           FROM (
               SELECT y.start FROM pennylane._years y WHERE y.company_id = c.company_id AND y.start < c.start
               UNION ALL
               SELECT '-infinity'
           ) AS since (day)
           WHERE c.balance <> 0 AND c.balance = (
               SELECT sum(coalesce(l.debit, 0) - coalesce(l.credit, 0))
               FROM pennylane.ledger_entry_lines l
               WHERE l.ledger_account_id = c.ledger_account_id AND l.date >= since.day AND l.date < c.start
           )
       )
)
SELECT DISTINCT
    o.company_id,
    o.fiscal_year_id,
    l.ledger_entry_id,
    o.repeats
FROM opened o
JOIN pennylane.ledger_entry_lines l
    ON l.company_id = o.company_id AND l.date = o.start AND l.journal_id IS NOT DISTINCT FROM o.journal_id
WHERE NOT EXISTS (
    SELECT FROM pennylane.ledger_entry_lines other
    WHERE other.ledger_entry_id = l.ledger_entry_id AND left(other.ledger_account_number, 1) IN ('6', '7')
);

COMMENT ON VIEW pennylane._openings IS 'Internal: the opening entries (à-nouveaux) of each fiscal year; repeats says that earlier lines are held, which the opening repeats.';
