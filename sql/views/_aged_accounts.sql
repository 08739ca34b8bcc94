-- The accounts of customers and suppliers by how long their open lines have been due.
--
-- total is what the ledger says, whatever is lettered: lines of the books since their last opening entry. What the open
-- lines do not explain of it (a lettering that does not balance, an opening whose past is not held) is not_aged: nothing is
-- left out in silence.

CREATE OR REPLACE VIEW pennylane._aged_accounts AS
WITH aged AS (
    SELECT
        i.company_id,
        i.ledger_account_id,
        i.ledger_account_number,
        sum(i.balance) FILTER (WHERE i.due_date >= current_date) AS not_due,
        sum(i.balance) FILTER (WHERE current_date - i.due_date BETWEEN 1 AND 30) AS days_1_30,
        sum(i.balance) FILTER (WHERE current_date - i.due_date BETWEEN 31 AND 60) AS days_31_60,
        sum(i.balance) FILTER (WHERE current_date - i.due_date BETWEEN 61 AND 90) AS days_61_90,
        sum(i.balance) FILTER (WHERE current_date - i.due_date > 90) AS days_over_90,
        sum(i.balance) AS open_items,
        min(i.due_date) FILTER (WHERE i.due_date < current_date) AS oldest_due_date
    FROM pennylane._open_items i
    GROUP BY i.company_id, i.ledger_account_id, i.ledger_account_number
), held AS (
    SELECT
        l.company_id,
        l.ledger_account_id,
        l.ledger_account_number,
        sum(coalesce(l.debit, 0) - coalesce(l.credit, 0)) AS balance
    FROM pennylane.ledger_entry_lines l
    LEFT JOIN pennylane._counted_from counted ON counted.company_id = l.company_id
    WHERE left(l.ledger_account_number, 3) IN ('401', '404', '411')
      AND l.date >= coalesce(counted.day, '-infinity')
    GROUP BY l.company_id, l.ledger_account_id, l.ledger_account_number
)
SELECT
    company_id,
    ledger_account_id,
    ledger_account_number AS account_number,
    l.label AS account_label,
    coalesce(a.not_due, 0) AS not_due,
    coalesce(a.days_1_30, 0) AS days_1_30,
    coalesce(a.days_31_60, 0) AS days_31_60,
    coalesce(a.days_61_90, 0) AS days_61_90,
    coalesce(a.days_over_90, 0) AS days_over_90,
    coalesce(h.balance, 0) - coalesce(a.open_items, 0) AS not_aged,
    coalesce(h.balance, 0) AS total,
    a.oldest_due_date
FROM held h
FULL JOIN aged a USING (company_id, ledger_account_id, ledger_account_number)
LEFT JOIN (SELECT id AS ledger_account_id, label FROM pennylane.ledger_accounts) AS l USING (ledger_account_id);

COMMENT ON VIEW pennylane._aged_accounts IS 'Internal: accounts 401, 404 and 411 by age of their open lines; debit - credit.';
