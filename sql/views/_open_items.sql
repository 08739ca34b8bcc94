-- What is open on the accounts of customers (411) and suppliers (401, 404), with the day on which it is due: lines that are not
-- lettered, and those of a lettering that does not balance, such as an invoice with a part payment.
--
-- An opening entry repeats what is open in the years before it, in one line an account and without due dates: where those years
-- are held too, the lines themselves count and the opening does not. Lines of a lettering name each other; the smallest id
-- among them stands for the lettering. Nearly all are pairs, for which the ends of the list are enough.

CREATE OR REPLACE VIEW pennylane._open_items AS
SELECT
    l.id,
    l.company_id,
    l.ledger_account_id,
    l.ledger_account_number,
    coalesce(e.due_date, l.date) AS due_date,
    l.balance
FROM (
    SELECT
        t.id,
        t.company_id,
        t.ledger_account_id,
        t.ledger_account_number,
        t.date,
        t.ledger_entry_id,
        t.balance,
        sum(t.balance) OVER (PARTITION BY t.company_id, t.lettering) AS rest
    FROM (
        SELECT
            l.id,
            l.company_id,
            l.ledger_account_id,
            l.ledger_account_number,
            l.date,
            l.ledger_entry_id,
            coalesce(l.debit, 0) - coalesce(l.credit, 0) AS balance,
            CASE
                WHEN jsonb_typeof(l.lettered_ledger_entry_lines_ids) IS DISTINCT FROM 'array' THEN l.id
                WHEN jsonb_array_length(l.lettered_ledger_entry_lines_ids) <= 2 THEN least(
                    l.id,
                    CASE WHEN jsonb_typeof(l.lettered_ledger_entry_lines_ids -> 0) = 'number' THEN (l.lettered_ledger_entry_lines_ids -> 0)::numeric END,
                    CASE WHEN jsonb_typeof(l.lettered_ledger_entry_lines_ids -> -1) = 'number' THEN (l.lettered_ledger_entry_lines_ids -> -1)::numeric END)
                ELSE least(
                    l.id,
                    (SELECT min(other.id::numeric)
                     FROM jsonb_path_query(l.lettered_ledger_entry_lines_ids, '$[*] ? (@.type() == "number")') AS other (id)))
            END AS lettering
        FROM pennylane.ledger_entry_lines l
        WHERE left(l.ledger_account_number, 3) IN ('401', '404', '411')
          AND l.date IS NOT NULL
          AND NOT EXISTS (SELECT FROM pennylane._openings o WHERE o.ledger_entry_id = l.ledger_entry_id AND o.repeats)
    ) AS t
) AS l
LEFT JOIN pennylane.ledger_entries e ON e.id = l.ledger_entry_id
WHERE l.rest <> 0;

COMMENT ON VIEW pennylane._open_items IS 'Internal: the lines of accounts 401, 404 and 411 that are not lettered or whose lettering does not balance, and when they are due; opening entries that repeat lines held here are left out.';
