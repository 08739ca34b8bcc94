-- The analytical categories of the ledger entries, one row each: the inline array as rows.

CREATE OR REPLACE VIEW pennylane.ledger_entry_categories AS
SELECT
    c.ledger_entry_id || ':' || c.place AS entry_category_key,
    c.company_id,
    c.ledger_entry_id,
    c.category_id,
    c.category,
    c.category_group_id,
    c.analytical_code,
    c.weight
FROM (
    SELECT
        t.id AS ledger_entry_id,
        t.company_id,
        e.place,
        CASE WHEN e.category ->> 'id' ~ '^[0-9]{1,18}$' THEN (e.category ->> 'id')::bigint END AS category_id,
        e.category ->> 'label' AS category,
        CASE WHEN e.category #>> '{category_group,id}' ~ '^[0-9]{1,18}$' THEN (e.category #>> '{category_group,id}')::bigint END
            AS category_group_id,
        e.category ->> 'analytical_code' AS analytical_code,
        w.weight
    FROM pennylane.ledger_entries t
    CROSS JOIN LATERAL jsonb_array_elements(t.categories) WITH ORDINALITY AS e (category, place)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.category ->> 'weight' ~ '^-?[0-9]{1,6}([.][0-9]+)?$' THEN (e.category ->> 'weight')::numeric END
    ) AS w (weight)
    WHERE jsonb_typeof(t.categories) = 'array' AND t.categories <> '[]' AND jsonb_typeof(e.category) = 'object'
) AS c;

COMMENT ON VIEW pennylane.ledger_entry_categories IS 'The analytical categories of the ledger entries, one row an entry and category. An entry has no amount: those of its lines are in ledger_entry_line_categories.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.entry_category_key IS 'Key: ledger_entry_id and the place in its list, with a colon between.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.ledger_entry_id IS 'Whose category it is; points to ledger_entries.id.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.category_id IS 'Category: the id that GET /categories gives.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.category IS 'Label of the category.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.category_group_id IS 'Group of the category, such as departments: the id that GET /category_groups gives.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.analytical_code IS 'Analytical code of the category. NULL: none.';
COMMENT ON COLUMN pennylane.ledger_entry_categories.weight IS 'Share that the category takes; 0.25 is a quarter. The weights of one group make 1 or less.';
