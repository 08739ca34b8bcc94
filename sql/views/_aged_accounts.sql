-- The accounts of customers and suppliers by how long their open lines have been due.
--
-- total is what the ledger says, whatever is lettered: lines of the books since their last opening entry. What the open
-- lines do not explain of it (an opening whose past is not held, a lettering that spans it) is not_aged: nothing is left out in
-- silence.

CREATE OR REPLACE VIEW pennylane._aged_accounts AS
SELECT
    sums.company_id,
    sums.ledger_account_id,
    coalesce(a.number, sums.ledger_account_number) AS account_number,
    a.label AS account_label,
    sums.not_due,
    sums.days_1_30,
    sums.days_31_60,
    sums.days_61_90,
    sums.days_over_90,
    sums.total - sums.open_items AS not_aged,
    sums.total,
    sums.oldest_due_date
FROM (
    SELECT
        l.company_id,
        l.ledger_account_id,
        min(l.ledger_account_number) AS ledger_account_number,
        coalesce(sum(l.balance) FILTER (WHERE l.due_date >= current_date), 0) AS not_due,
        coalesce(sum(l.balance) FILTER (WHERE current_date - l.due_date BETWEEN 1 AND 30), 0) AS days_1_30,
        coalesce(sum(l.balance) FILTER (WHERE current_date - l.due_date BETWEEN 31 AND 60), 0) AS days_31_60,
        coalesce(sum(l.balance) FILTER (WHERE current_date - l.due_date BETWEEN 61 AND 90), 0) AS days_61_90,
        coalesce(sum(l.balance) FILTER (WHERE current_date - l.due_date > 90), 0) AS days_over_90,
        coalesce(sum(l.balance), 0) AS open_items,
        coalesce(sum(l.held), 0) AS total,
        min(l.due_date) FILTER (WHERE l.due_date < current_date) AS oldest_due_date
    FROM (
        SELECT i.company_id, i.ledger_account_id, i.ledger_account_number, i.due_date, i.balance, NULL::numeric AS held
        FROM pennylane._open_items i
        UNION ALL
        SELECT l.company_id, l.ledger_account_id, l.ledger_account_number, NULL, NULL, coalesce(l.debit, 0) - coalesce(l.credit, 0)
        FROM pennylane.ledger_entry_lines l
        LEFT JOIN pennylane._opened_on opened ON opened.company_id = l.company_id
        WHERE left(l.ledger_account_number, 3) IN ('401', '404', '411')
          AND l.date >= coalesce(opened.day, '-infinity')
    ) AS l
    GROUP BY l.company_id, l.ledger_account_id
) AS sums
LEFT JOIN pennylane.ledger_accounts a ON a.id = sums.ledger_account_id;

COMMENT ON VIEW pennylane._aged_accounts IS 'Internal: accounts 401, 404 and 411 by age of their open lines; debit - credit.';
