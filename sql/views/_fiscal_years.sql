-- The fiscal years, and from when on the lines make the balance sheet of each: from the last year that has an opening entry,
-- since that one repeats what came before; from the first line on where there is none.

CREATE OR REPLACE VIEW pennylane._fiscal_years AS
SELECT
    y.id AS fiscal_year_id,
    y.company_id,
    y.start,
    y.finish,
    coalesce(
        max(y.start) FILTER (WHERE o.fiscal_year_id IS NOT NULL)
            OVER (PARTITION BY y.company_id ORDER BY y.start, y.id),
        '-infinity') AS counted_from,
    lead(y.id) OVER (PARTITION BY y.company_id ORDER BY y.start, y.id) AS next_id
FROM pennylane.fiscal_years y
LEFT JOIN (SELECT DISTINCT fiscal_year_id FROM pennylane._openings) o ON o.fiscal_year_id = y.id;

COMMENT ON VIEW pennylane._fiscal_years IS 'Internal: the fiscal years; counted_from is the first day whose lines make the balance sheet of the year: the start of the last year with an opening entry.';
