-- The opening entries (à-nouveaux) of a fiscal year: entries of its first day that restate equity and touch no charge and no
-- income. Pennylane writes them when the year before is closed; an open year has none yet.
--
-- Equity (accounts 10 to 12) is what every balance sheet carries forward. The journal is not asked: its code is the
-- company's own choice.

CREATE OR REPLACE VIEW pennylane._openings AS
SELECT DISTINCT
    y.company_id,
    y.id AS fiscal_year_id,
    l.ledger_entry_id
FROM pennylane.fiscal_years y
JOIN pennylane.ledger_entry_lines l ON l.company_id = y.company_id AND l.date = y.start
WHERE left(l.ledger_account_number, 2) IN ('10', '11', '12')
  AND NOT EXISTS (
      SELECT FROM pennylane.ledger_entry_lines other
      WHERE other.ledger_entry_id = l.ledger_entry_id AND left(other.ledger_account_number, 1) IN ('6', '7')
  );

COMMENT ON VIEW pennylane._openings IS 'Internal: the opening entries (à-nouveaux) of each fiscal year: entries of its first day with a line on equity (10 to 12) and none on charges or income.';
