-- The fiscal years, no day in two of them: what overlaps counts to the later one. Lines of a day that lies in none count to
-- the next year's balance sheet.

CREATE OR REPLACE VIEW pennylane._years AS
SELECT
    y.id AS fiscal_year_id,
    y.company_id,
    y.start,
    least(y.finish, y.next_start - 1) AS finish,
    coalesce(max(y.finish) OVER (PARTITION BY y.company_id ORDER BY y.start, y.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1,
        '-infinity') AS counts_from,
    y.next_id
FROM (
    SELECT
        f.id,
        f.company_id,
        f.start,
        f.finish,
        lead(f.start) OVER later AS next_start,
        lead(f.id) OVER later AS next_id
    FROM pennylane.fiscal_years f
    WINDOW later AS (PARTITION BY f.company_id ORDER BY f.start, f.id)
) AS y;

COMMENT ON VIEW pennylane._years IS 'Internal: the fiscal years, cut where they overlap; counts_from is the day after the year before.';
