-- Star schema: days, from the first year that the books tell of to the end of next year. A BI tool needs every day of a year.
--
-- Within a hundred years: a mistyped date must not make a table of a million days.

CREATE OR REPLACE VIEW pennylane.dim_date AS
SELECT
    day::date AS date,
    extract(year FROM day)::integer AS year,
    extract(quarter FROM day)::integer AS quarter,
    extract(month FROM day)::integer AS month,
    (ARRAY['janvier', 'février', 'mars', 'avril', 'mai', 'juin', 'juillet', 'août', 'septembre', 'octobre', 'novembre',
           'décembre'])[extract(month FROM day)::integer] AS month_name,
    to_char(day, 'YYYY-MM') AS year_month,
    extract(day FROM day)::integer AS day,
    extract(isodow FROM day)::integer AS day_of_week,
    (ARRAY['lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi', 'dimanche'])[extract(isodow FROM day)::integer]
        AS day_name,
    extract(isoyear FROM day)::integer AS iso_year,
    extract(week FROM day)::integer AS iso_week,
    extract(isodow FROM day) >= 6 AS is_weekend
FROM (
    SELECT
        least(min(first), current_date) AS first,
        greatest(max(last), current_date + interval '1 year') AS last
    FROM (
        SELECT min(date) AS first, max(date) AS last FROM pennylane.ledger_entry_lines
        UNION ALL
        SELECT min(date), max(date) FROM pennylane.transactions
        UNION ALL
        SELECT min(date), max(date) FROM pennylane.customer_invoices
        UNION ALL
        SELECT min(date), max(deadline) FROM pennylane.supplier_invoices
        UNION ALL
        SELECT min(start), max(finish) FROM pennylane.fiscal_years
    ) AS each_one
) AS span
CROSS JOIN LATERAL generate_series(
    date_trunc('year', greatest(span.first::timestamp, current_date - interval '50 years')),
    date_trunc('year', least(span.last, current_date + interval '50 years')) + interval '1 year' - interval '1 day',
    interval '1 day'
) AS day;

COMMENT ON VIEW pennylane.dim_date IS 'Star schema: one row a day, whole years, from the first date of the books to the end of next year or later, 50 years back and on at most. Mark it as the date table and relate it to the date of the facts.';
COMMENT ON COLUMN pennylane.dim_date.date IS 'Key: the day.';
COMMENT ON COLUMN pennylane.dim_date.year IS 'Calendar year.';
COMMENT ON COLUMN pennylane.dim_date.quarter IS 'Quarter, 1 to 4.';
COMMENT ON COLUMN pennylane.dim_date.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN pennylane.dim_date.month_name IS 'Month in French; sort it by month.';
COMMENT ON COLUMN pennylane.dim_date.year_month IS 'Year and month, such as 2026-03; sorts as it is.';
COMMENT ON COLUMN pennylane.dim_date.day IS 'Day of the month.';
COMMENT ON COLUMN pennylane.dim_date.day_of_week IS 'Day of the week, 1 (Monday) to 7.';
COMMENT ON COLUMN pennylane.dim_date.day_name IS 'Day of the week in French; sort it by day_of_week.';
COMMENT ON COLUMN pennylane.dim_date.iso_year IS 'Year of iso_week.';
COMMENT ON COLUMN pennylane.dim_date.iso_week IS 'Week after ISO 8601, as in France.';
COMMENT ON COLUMN pennylane.dim_date.is_weekend IS 'Saturday or Sunday.';
