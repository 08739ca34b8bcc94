-- The balance sheet (bilan) at the end of each fiscal year, beside the year before.

CREATE OR REPLACE VIEW pennylane.balance_sheet AS
WITH accounts AS MATERIALIZED (
    SELECT s.fiscal_year_id, s.statement, s.side, s.section, s.heading, s.position, s.amount, s.amount_before
    FROM pennylane.statement_accounts s
), headings AS (
    SELECT a.fiscal_year_id, a.side, a.section, a.heading, a.position, a.amount
    FROM accounts a
    WHERE a.statement = 'balance_sheet'
    UNION ALL
    SELECT a.fiscal_year_id, 'passif', 'Capitaux propres', 'Résultat de l''exercice', 560, a.amount
    FROM accounts a
    WHERE a.statement = 'profit_and_loss'
    UNION ALL
    SELECT a.fiscal_year_id, 'passif', 'Capitaux propres', 'Résultats antérieurs en attente d''affectation', 550, a.amount_before
    FROM accounts a
    WHERE a.amount_before <> 0
), years AS (
    SELECT h.fiscal_year_id, h.side, h.section, h.heading, h.position, h.amount, NULL::numeric AS previous_amount
    FROM headings h
    UNION ALL
    SELECT y.next_id, h.side, h.section, h.heading, h.position, NULL, h.amount
    FROM headings h
    JOIN pennylane._fiscal_years y ON y.fiscal_year_id = h.fiscal_year_id
    WHERE y.next_id IN (SELECT fiscal_year_id FROM headings)
)
SELECT
    h.fiscal_year_id || ':' || h.side || ':' || h.position || ':' || h.heading AS balance_sheet_key,
    y.company_id,
    h.fiscal_year_id,
    y.start AS period_start,
    y.finish AS period_end,
    h.side,
    h.section,
    h.heading,
    h.position,
    coalesce(sum(h.amount), 0)::numeric(18, 2) AS amount,
    coalesce(sum(h.previous_amount), 0)::numeric(18, 2) AS previous_amount
FROM years h
JOIN pennylane.fiscal_years y ON y.id = h.fiscal_year_id
GROUP BY h.fiscal_year_id, y.company_id, y.start, y.finish, h.side, h.section, h.heading, h.position;

COMMENT ON VIEW pennylane.balance_sheet IS 'Balance sheet (bilan) at the end of each fiscal year, or as it stands in an open one, after pcg_mapping: the sum of actif equals that of passif, which holds the result of the year. Depreciation is netted in actif. Not a filing: nothing is reclassified beyond pcg_mapping. Accounts of a heading: statement_accounts. SELECT side, section, heading, amount, previous_amount FROM pennylane.balance_sheet WHERE current_date BETWEEN period_start AND period_end ORDER BY position;';
COMMENT ON COLUMN pennylane.balance_sheet.balance_sheet_key IS 'Key: fiscal_year_id, side, position and heading with colons between.';
COMMENT ON COLUMN pennylane.balance_sheet.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.balance_sheet.fiscal_year_id IS 'Fiscal year; points to fiscal_years.id.';
COMMENT ON COLUMN pennylane.balance_sheet.period_start IS 'First day of the fiscal year.';
COMMENT ON COLUMN pennylane.balance_sheet.period_end IS 'Last day of the fiscal year, included.';
COMMENT ON COLUMN pennylane.balance_sheet.side IS 'actif (assets) or passif (equity and liabilities).';
COMMENT ON COLUMN pennylane.balance_sheet.section IS 'Group of headings, such as Actif circulant.';
COMMENT ON COLUMN pennylane.balance_sheet.heading IS 'Line, such as Créances clients.';
COMMENT ON COLUMN pennylane.balance_sheet.position IS 'Order of the line.';
COMMENT ON COLUMN pennylane.balance_sheet.amount IS 'Balance in euro: debit - credit in actif, credit - debit in passif.';
COMMENT ON COLUMN pennylane.balance_sheet.previous_amount IS 'The same at the end of the fiscal year before, in euro; 0 where there is none.';
