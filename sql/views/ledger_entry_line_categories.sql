-- The analytical categories of the ledger lines, one row each: the inline array as rows.
--
-- What is not as the API promises is NULL: one odd record must not stop a report. Shares are cut from the running sum of the weights, so that together they make the amount to the cent.

CREATE OR REPLACE VIEW pennylane.ledger_entry_line_categories AS
SELECT
    c.ledger_entry_line_id || ':' || c.place AS line_category_key,
    c.company_id,
    c.ledger_entry_line_id,
    c.category_id,
    c.category,
    c.category_group_id,
    c.analytical_code,
    c.weight,
    c.date,
    c.ledger_account_id,
    (round(c.debit * c.weight_to_here, 2) - round(c.debit * (c.weight_to_here - c.weight), 2))::numeric(18, 2) AS debit,
    (round(c.credit * c.weight_to_here, 2) - round(c.credit * (c.weight_to_here - c.weight), 2))::numeric(18, 2) AS credit
FROM (
    SELECT
        t.id AS ledger_entry_line_id,
        t.company_id,
        t.date,
        t.ledger_account_id,
        t.debit,
        t.credit,
        e.place,
        CASE WHEN e.category ->> 'id' ~ '^[0-9]{1,18}$' THEN (e.category ->> 'id')::bigint END AS category_id,
        e.category ->> 'label' AS category,
        CASE WHEN e.category #>> '{category_group,id}' ~ '^[0-9]{1,18}$' THEN (e.category #>> '{category_group,id}')::bigint END
            AS category_group_id,
        e.category ->> 'analytical_code' AS analytical_code,
        w.weight,
        sum(w.weight) OVER (
            PARTITION BY t.id, e.category #>> '{category_group,id}' ORDER BY e.place
        ) AS weight_to_here
    FROM pennylane.ledger_entry_lines t
    CROSS JOIN LATERAL jsonb_array_elements(t.categories) WITH ORDINALITY AS e (category, place)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.category ->> 'weight' ~ '^-?[0-9]{1,6}([.][0-9]+)?$' THEN (e.category ->> 'weight')::numeric END
    ) AS w (weight)
    WHERE jsonb_typeof(t.categories) = 'array' AND t.categories <> '[]' AND jsonb_typeof(e.category) = 'object'
) AS c;

COMMENT ON VIEW pennylane.ledger_entry_line_categories IS 'The analytical categories of the ledger lines, one row a line and category. Amounts are the category''s share, so the sums over one category_group_id do not double; over several groups they would: name one. Lines without category are not here.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.line_category_key IS 'Key: ledger_entry_line_id and the place in its list, with a colon between.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.ledger_entry_line_id IS 'Whose category it is; points to ledger_entry_lines.id.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.category_id IS 'Category: the id that GET /categories gives.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.category IS 'Label of the category.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.category_group_id IS 'Group of the category, such as departments: the id that GET /category_groups gives.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.analytical_code IS 'Analytical code of the category. NULL: none.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.weight IS 'Share that the category takes; 0.25 is a quarter. The weights of one group make 1 or less.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.date IS 'Accounting date of the line.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.ledger_account_id IS 'Account of the line; points to ledger_accounts.id.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.debit IS 'The category''s share of the debit, in euro, to the cent.';
COMMENT ON COLUMN pennylane.ledger_entry_line_categories.credit IS 'The category''s share of the credit, in euro, to the cent.';
