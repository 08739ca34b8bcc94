-- Profit and loss (compte de résultat) of each fiscal year, beside the year before.

CREATE OR REPLACE VIEW pennylane.profit_and_loss AS
WITH headings AS (
    SELECT s.company_id, s.fiscal_year_id, s.section, s.heading, s.position, sum(s.amount) AS amount
    FROM pennylane.statement_accounts s
    WHERE s.statement = 'profit_and_loss'
    GROUP BY s.company_id, s.fiscal_year_id, s.section, s.heading, s.position
), years AS (
    SELECT h.fiscal_year_id, h.section, h.heading, h.position, h.amount, NULL::numeric AS previous_amount
    FROM headings h
    UNION ALL
    SELECT y.next_id, h.section, h.heading, h.position, NULL, h.amount
    FROM headings h
    JOIN pennylane._fiscal_years y ON y.fiscal_year_id = h.fiscal_year_id
    WHERE y.next_id IN (SELECT fiscal_year_id FROM headings)
)
SELECT
    h.fiscal_year_id || ':' || h.position || ':' || h.heading AS profit_and_loss_key,
    y.company_id,
    h.fiscal_year_id,
    y.start AS period_start,
    y.finish AS period_end,
    h.section,
    h.heading,
    h.position,
    coalesce(sum(h.amount), 0)::numeric(18, 2) AS amount,
    coalesce(sum(h.previous_amount), 0)::numeric(18, 2) AS previous_amount
FROM years h
JOIN pennylane.fiscal_years y ON y.id = h.fiscal_year_id
GROUP BY h.fiscal_year_id, y.company_id, y.start, y.finish, h.section, h.heading, h.position;

COMMENT ON VIEW pennylane.profit_and_loss IS 'Profit and loss (compte de résultat) of each fiscal year after pcg_mapping: income positive, charges negative, so that the sum of amount is the result. Not a filing: nothing is rounded, netted or reclassified beyond pcg_mapping. Accounts of a heading: statement_accounts. SELECT section, heading, amount, previous_amount FROM pennylane.profit_and_loss WHERE current_date BETWEEN period_start AND period_end ORDER BY position;';
COMMENT ON COLUMN pennylane.profit_and_loss.profit_and_loss_key IS 'Key: fiscal_year_id, position and heading with colons between.';
COMMENT ON COLUMN pennylane.profit_and_loss.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.profit_and_loss.fiscal_year_id IS 'Fiscal year; points to fiscal_years.id.';
COMMENT ON COLUMN pennylane.profit_and_loss.period_start IS 'First day of the fiscal year.';
COMMENT ON COLUMN pennylane.profit_and_loss.period_end IS 'Last day of the fiscal year, included.';
COMMENT ON COLUMN pennylane.profit_and_loss.section IS 'Group of headings, such as Charges d''exploitation.';
COMMENT ON COLUMN pennylane.profit_and_loss.heading IS 'Line, such as Charges sociales.';
COMMENT ON COLUMN pennylane.profit_and_loss.position IS 'Order of the line.';
COMMENT ON COLUMN pennylane.profit_and_loss.amount IS 'credit - debit of the year, in euro: income positive, charges negative.';
COMMENT ON COLUMN pennylane.profit_and_loss.previous_amount IS 'The same of the fiscal year before, in euro; 0 where there is none.';
