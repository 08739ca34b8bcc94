-- The analytical categories of the transactions, one row each: the inline array as rows.
--
-- What is not as the API promises is NULL: one odd record must not stop a report. Shares are cut from the running sum of the weights, so that together they make the amount to the cent.

CREATE OR REPLACE VIEW pennylane.transaction_categories AS
SELECT
    c.transaction_id || ':' || c.place AS transaction_category_key,
    c.company_id,
    c.transaction_id,
    c.category_id,
    c.category,
    c.category_group_id,
    c.analytical_code,
    c.weight,
    c.date,
    c.bank_account_id,
    (round(c.amount * c.weight_to_here, 2) - round(c.amount * (c.weight_to_here - c.weight), 2))::numeric(18, 2) AS amount
FROM (
    SELECT
        t.id AS transaction_id,
        t.company_id,
        t.date,
        t.bank_account_id,
        t.amount,
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
    FROM pennylane.transactions t
    CROSS JOIN LATERAL jsonb_array_elements(t.categories) WITH ORDINALITY AS e (category, place)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.category ->> 'weight' ~ '^-?[0-9]{1,6}([.][0-9]+)?$' THEN (e.category ->> 'weight')::numeric END
    ) AS w (weight)
    WHERE jsonb_typeof(t.categories) = 'array' AND t.categories <> '[]' AND jsonb_typeof(e.category) = 'object'
) AS c;

COMMENT ON VIEW pennylane.transaction_categories IS 'The analytical categories of the transactions, one row a transaction and category. Amounts are the category''s share, so the sums over one category_group_id do not double; over several groups they would: name one. Transactions without category are not here, archived ones are.';
COMMENT ON COLUMN pennylane.transaction_categories.transaction_category_key IS 'Key: transaction_id and the place in its list, with a colon between.';
COMMENT ON COLUMN pennylane.transaction_categories.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.transaction_categories.transaction_id IS 'Whose category it is; points to transactions.id.';
COMMENT ON COLUMN pennylane.transaction_categories.category_id IS 'Category: the id that GET /categories gives.';
COMMENT ON COLUMN pennylane.transaction_categories.category IS 'Label of the category.';
COMMENT ON COLUMN pennylane.transaction_categories.category_group_id IS 'Group of the category, such as departments: the id that GET /category_groups gives.';
COMMENT ON COLUMN pennylane.transaction_categories.analytical_code IS 'Analytical code of the category. NULL: none.';
COMMENT ON COLUMN pennylane.transaction_categories.weight IS 'Share that the category takes; 0.25 is a quarter. The weights of one group make 1 or less.';
COMMENT ON COLUMN pennylane.transaction_categories.date IS 'Date of the operation.';
COMMENT ON COLUMN pennylane.transaction_categories.bank_account_id IS 'Bank account; points to bank_accounts.id.';
COMMENT ON COLUMN pennylane.transaction_categories.amount IS 'The category''s share of the amount, in euro, to the cent; money out is expected to be negative.';
