-- The accounts of customers (411) and suppliers (401, 404) by how long their open lines have been due.
--
-- Open are lines that are not lettered, and those of a lettering that does not balance, such as an invoice with a part payment.
-- Lines of a lettering name each other; the smallest id among them stands for it. Nearly all are pairs, for which the ends of
-- the list are enough.
--
-- An opening entry repeats what is open in the years before it, in one line an account and without due dates: where those years
-- are held too, the lines themselves count and the opening does not.
--
-- total is what the ledger says, whatever is lettered: lines of the books since their last opening entry. What the open
-- lines do not explain of it (an opening whose past is not held, a lettering that spans it) is not_aged: nothing is left out in
-- silence.

CREATE OR REPLACE VIEW pennylane._aged_accounts AS
WITH openings AS MATERIALIZED (
    SELECT o.company_id, o.start, o.ledger_entry_id, o.repeats FROM pennylane._openings o
), lines AS (
    SELECT
        l.company_id,
        l.ledger_account_id,
        l.ledger_account_number,
        l.ledger_entry_id,
        l.date,
        coalesce(l.debit, 0) - coalesce(l.credit, 0) AS balance,
        l.date >= coalesce(opened.day, '-infinity') AS is_held,
        coalesce(l.ledger_entry_id, 0) IN (SELECT coalesce(o.ledger_entry_id, -1) FROM openings o WHERE o.repeats) AS is_repeated,
        least(l.id, CASE
            WHEN l.lettered_ledger_entry_lines_ids = '[]' OR l.lettered_ledger_entry_lines_ids::text !~ '^\[[0-9, ]+\]$' THEN NULL
            WHEN jsonb_array_length(l.lettered_ledger_entry_lines_ids) <= 2 THEN least(
                (l.lettered_ledger_entry_lines_ids ->> 0)::numeric,
                (l.lettered_ledger_entry_lines_ids ->> -1)::numeric)
            ELSE (
                SELECT min(other.id)
                FROM unnest(translate(l.lettered_ledger_entry_lines_ids::text, '[]', '{}')::numeric[]) AS other (id))
        END) AS lettering
    FROM pennylane.ledger_entry_lines l
    LEFT JOIN (
        SELECT o.company_id, max(o.start) AS day FROM openings o WHERE o.start <= current_date GROUP BY o.company_id
    ) AS opened ON opened.company_id = l.company_id
    WHERE left(l.ledger_account_number, 3) IN ('401', '404', '411')
      AND l.date IS NOT NULL
), aged AS (
    SELECT
        l.company_id,
        l.ledger_account_id,
        l.ledger_account_number,
        CASE WHEN l.is_held THEN l.balance ELSE 0 END AS held,
        CASE WHEN l.rest <> 0 AND NOT l.is_repeated THEN l.balance END AS open,
        CASE WHEN l.rest <> 0 AND NOT l.is_repeated THEN coalesce(e.due_date, l.date) END AS due_date
    FROM (
        SELECT l.*, sum(l.balance) FILTER (WHERE NOT l.is_repeated) OVER (PARTITION BY l.company_id, l.lettering) AS rest
        FROM lines l
    ) AS l
    LEFT JOIN pennylane.ledger_entries e ON e.id = CASE WHEN l.rest <> 0 THEN l.ledger_entry_id END
)
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
    sums.total - sums.not_due - sums.days_1_30 - sums.days_31_60 - sums.days_61_90 - sums.days_over_90 AS not_aged,
    sums.total,
    sums.oldest_due_date
FROM (
    SELECT
        l.company_id,
        l.ledger_account_id,
        min(l.ledger_account_number) AS ledger_account_number,
        coalesce(sum(l.open) FILTER (WHERE l.due_date >= current_date), 0) AS not_due,
        coalesce(sum(l.open) FILTER (WHERE current_date - l.due_date BETWEEN 1 AND 30), 0) AS days_1_30,
        coalesce(sum(l.open) FILTER (WHERE current_date - l.due_date BETWEEN 31 AND 60), 0) AS days_31_60,
        coalesce(sum(l.open) FILTER (WHERE current_date - l.due_date BETWEEN 61 AND 90), 0) AS days_61_90,
        coalesce(sum(l.open) FILTER (WHERE current_date - l.due_date > 90), 0) AS days_over_90,
        sum(l.held) AS total,
        min(l.due_date) FILTER (WHERE l.due_date < current_date) AS oldest_due_date
    FROM aged l
    GROUP BY l.company_id, l.ledger_account_id
) AS sums
LEFT JOIN pennylane.ledger_accounts a ON a.id = sums.ledger_account_id;

COMMENT ON VIEW pennylane._aged_accounts IS 'Internal: accounts 401, 404 and 411 by age of their open lines; debit - credit.';
