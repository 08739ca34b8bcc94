-- From which day on the lines of a company make its balances of today.

CREATE OR REPLACE VIEW pennylane._counted_from AS
SELECT y.company_id, max(y.counted_from) AS day
FROM pennylane._fiscal_years y
WHERE y.start <= current_date
GROUP BY y.company_id;

COMMENT ON VIEW pennylane._counted_from IS 'Internal: the first day whose lines make the balances of today, company by company: that of the last opening entry.';
