-- From when on the lines make the balance sheet of each fiscal year: from the last year that has an opening entry, since that
-- one repeats what came before; from the first line on where there is none.

CREATE OR REPLACE VIEW pennylane._fiscal_years AS
SELECT
    y.fiscal_year_id,
    y.company_id,
    y.start,
    y.finish,
    y.counts_from,
    coalesce(
        max(y.start) FILTER (WHERE o.fiscal_year_id IS NOT NULL)
            OVER (PARTITION BY y.company_id ORDER BY y.start, y.fiscal_year_id),
        '-infinity') AS opened_on,
    y.next_id
FROM pennylane._years y
LEFT JOIN (SELECT DISTINCT fiscal_year_id FROM pennylane._openings) o ON o.fiscal_year_id = y.fiscal_year_id;

COMMENT ON VIEW pennylane._fiscal_years IS 'Internal: the fiscal years; opened_on is the first day whose lines make the balance sheet of the year: the start of the last year with an opening entry.';
