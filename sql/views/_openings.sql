-- The opening entries (à-nouveaux) of the fiscal years: Pennylane writes them on the first day of a year when the one before is
-- closed, and they repeat every balance. An open year has none yet.
--
-- An opening is told by what it does: on the first day of a year a journal restates an account of capital or reserves (10, but
-- for withdrawals and capital not called up, 108 and 109) at exactly the balance that it had. Then the entries of that journal
-- and day without charges and income are the opening. A year before which no line is held has nothing to compare with: there
-- it is enough that the journal names such an account. The code of the journal is the company's own choice and is not asked.

CREATE OR REPLACE VIEW pennylane._openings AS
WITH first_day AS MATERIALIZED (
    SELECT
        y.company_id,
        y.fiscal_year_id,
        y.start,
        l.journal_id,
        l.ledger_entry_id,
        l.ledger_account_id,
        l.ledger_account_number AS number,
        coalesce(l.debit, 0) - coalesce(l.credit, 0) AS balance,
        bool_or(left(l.ledger_account_number, 1) IN ('6', '7')) OVER (PARTITION BY l.ledger_entry_id) IS TRUE AS is_result
    FROM pennylane._years y
    JOIN pennylane.ledger_entry_lines l ON l.company_id = y.company_id AND l.date = y.start
), restated AS (
    SELECT
        f.company_id,
        f.fiscal_year_id,
        f.start,
        f.journal_id,
        f.ledger_account_id,
        sum(f.balance) AS balance,
        -- By the index: the first date of all.
        f.start > (SELECT min(l.date) FROM pennylane.ledger_entry_lines l WHERE l.company_id = f.company_id) AS repeats
    FROM first_day f
    WHERE left(f.number, 2) = '10' AND left(f.number, 3) NOT IN ('108', '109') AND NOT f.is_result
    GROUP BY f.company_id, f.fiscal_year_id, f.start, f.journal_id, f.ledger_account_id
), equity AS MATERIALIZED (
    SELECT a.ledger_account_id, e.date, e.balance
    FROM (SELECT DISTINCT r.ledger_account_id FROM restated r) AS a
    -- Few lines, by the index of their account.
    CROSS JOIN LATERAL (
        SELECT l.date, coalesce(l.debit, 0) - coalesce(l.credit, 0) AS balance
        FROM pennylane.ledger_entry_lines l
        WHERE l.ledger_account_id = a.ledger_account_id
        OFFSET 0
    ) AS e
), opened AS (
    SELECT DISTINCT r.fiscal_year_id, r.journal_id, r.repeats
    FROM restated r
    WHERE NOT r.repeats
       OR EXISTS (
           -- The balance before: of the last year, or since an earlier one that was not closed either.
           SELECT
           FROM (
               SELECT y.start FROM pennylane._years y WHERE y.company_id = r.company_id AND y.start < r.start
               UNION ALL
               SELECT '-infinity'
           ) AS since (day)
           WHERE r.balance <> 0 AND r.balance = (
               SELECT sum(e.balance)
               FROM equity e
               WHERE e.ledger_account_id = r.ledger_account_id AND e.date >= since.day AND e.date < r.start
           )
       )
)
SELECT DISTINCT
    f.company_id,
    f.fiscal_year_id,
    f.start,
    f.ledger_entry_id,
    o.repeats
FROM opened o
JOIN first_day f ON f.fiscal_year_id = o.fiscal_year_id AND f.journal_id IS NOT DISTINCT FROM o.journal_id
WHERE NOT f.is_result;

COMMENT ON VIEW pennylane._openings IS 'Internal: the opening entries (à-nouveaux) of each fiscal year; repeats says that earlier lines are held, which the opening repeats.';
