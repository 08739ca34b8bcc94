-- The fiscal years, no day in two of them: what overlaps counts to the later one. Lines of a day that lies in none count to
-- the next year's balance sheet.
--
-- Neither window functions nor correlated queries: beside these the lines could not be read in parallel.

CREATE OR REPLACE VIEW pennylane._years AS
SELECT
    f.id AS fiscal_year_id,
    f.company_id,
    f.start,
    least(f.finish, min(later.start) - 1) AS finish,
    coalesce(max(earlier.finish) + 1, '-infinity') AS counts_from,
    (array_agg(later.id ORDER BY later.start, later.id))[1] AS next_id
FROM pennylane.fiscal_years f
LEFT JOIN pennylane.fiscal_years later ON later.company_id = f.company_id AND (later.start, later.id) > (f.start, f.id)
LEFT JOIN pennylane.fiscal_years earlier ON earlier.company_id = f.company_id AND (earlier.start, earlier.id) < (f.start, f.id)
GROUP BY f.id, f.company_id, f.start, f.finish;

COMMENT ON VIEW pennylane._years IS 'Internal: the fiscal years, cut where they overlap; counts_from is the day after the year before.';
