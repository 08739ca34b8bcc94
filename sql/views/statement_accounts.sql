-- Each account of each fiscal year with its place in the statements: what balance_sheet and profit_and_loss are made of.
--
-- Charges and income (6, 7) count within their year. Everything else counts from the last opening entry on, so that a year
-- whose predecessor is not closed yet still starts from where that one ended.

CREATE OR REPLACE VIEW pennylane.statement_accounts AS
WITH moved AS (
    SELECT
        y.company_id,
        y.fiscal_year_id,
        y.start,
        coalesce(l.ledger_account_number, '') AS account_number,
        sum(coalesce(l.credit, 0) - coalesce(l.debit, 0)) AS credit
    FROM pennylane.ledger_entry_lines l
    JOIN pennylane._fiscal_years y ON y.company_id = l.company_id AND l.date BETWEEN y.start AND y.finish
    GROUP BY y.company_id, y.fiscal_year_id, y.start, coalesce(l.ledger_account_number, '')
), counted AS (
    SELECT
        y.company_id,
        y.fiscal_year_id,
        y.start,
        y.finish,
        m.account_number,
        left(m.account_number, 1) IN ('6', '7') AS is_result,
        coalesce(sum(m.credit) FILTER (WHERE m.fiscal_year_id = y.fiscal_year_id), 0) AS in_year,
        sum(m.credit) AS in_all
    FROM pennylane._fiscal_years y
    JOIN moved m ON m.company_id = y.company_id AND m.start BETWEEN y.counted_from AND y.start
    -- A year without a line of its own has not begun.
    WHERE EXISTS (SELECT FROM moved begun WHERE begun.fiscal_year_id = y.fiscal_year_id)
    GROUP BY y.company_id, y.fiscal_year_id, y.start, y.finish, m.account_number
), placed AS (
    SELECT
        c.*,
        CASE WHEN c.is_result THEN c.in_year ELSE c.in_all END AS credit,
        CASE WHEN c.is_result THEN c.in_all - c.in_year ELSE 0 END AS credit_before,
        left(c.account_number, (SELECT max(length(p.prefix)) FROM pennylane.pcg_mapping p)) AS stem
    FROM counted c
), stems AS (
    SELECT DISTINCT ON (s.stem, s.balance) s.stem, s.balance, p.side, p.section, p.heading, p.position
    FROM (SELECT DISTINCT stem, CASE WHEN credit > 0 THEN 'credit' ELSE 'debit' END AS balance FROM placed) AS s
    JOIN pennylane.pcg_mapping p ON starts_with(s.stem, p.prefix) AND p.balance IN ('any', s.balance)
    ORDER BY s.stem, s.balance, length(p.prefix) DESC, p.balance = 'any'
)
SELECT
    a.fiscal_year_id || ':' || a.account_number AS statement_account_key,
    a.company_id,
    a.fiscal_year_id,
    a.start AS period_start,
    a.finish AS period_end,
    a.account_number,
    n.label AS account_label,
    CASE WHEN a.is_result THEN 'profit_and_loss' ELSE 'balance_sheet' END AS statement,
    CASE WHEN NOT a.is_result THEN coalesce(s.side, CASE WHEN a.credit > 0 THEN 'passif' ELSE 'actif' END) END AS side,
    coalesce(s.section, 'Comptes non rattachés') AS section,
    coalesce(s.heading, 'Comptes non rattachés') AS heading,
    coalesce(s.position, 9000) AS position,
    (CASE
        WHEN a.is_result OR coalesce(s.side, CASE WHEN a.credit > 0 THEN 'passif' END) = 'passif' THEN a.credit
        ELSE - a.credit
    END)::numeric(18, 2) AS amount,
    a.credit_before::numeric(18, 2) AS amount_before
FROM placed a
LEFT JOIN stems s ON s.stem = a.stem AND s.balance = CASE WHEN a.credit > 0 THEN 'credit' ELSE 'debit' END
LEFT JOIN pennylane._account_labels n ON n.company_id = a.company_id AND n.number = a.account_number;

COMMENT ON VIEW pennylane.statement_accounts IS 'Each account of each fiscal year with its place in profit_and_loss or balance_sheet after pcg_mapping: shows which accounts make a heading. Accounts that pcg_mapping does not know are under "Comptes non rattachés". Where a year has no opening entry (à-nouveaux) since the one before is not closed, the balance sheet goes on from that one.';
COMMENT ON COLUMN pennylane.statement_accounts.statement_account_key IS 'Key: fiscal_year_id and account_number with a colon between.';
COMMENT ON COLUMN pennylane.statement_accounts.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.statement_accounts.fiscal_year_id IS 'Fiscal year; points to fiscal_years.id.';
COMMENT ON COLUMN pennylane.statement_accounts.period_start IS 'First day of the fiscal year.';
COMMENT ON COLUMN pennylane.statement_accounts.period_end IS 'Last day of the fiscal year, included.';
COMMENT ON COLUMN pennylane.statement_accounts.account_number IS 'Number of the account. Empty: the lines name no account.';
COMMENT ON COLUMN pennylane.statement_accounts.account_label IS 'Label of the account. NULL: the account is not in ledger_accounts.';
COMMENT ON COLUMN pennylane.statement_accounts.statement IS 'profit_and_loss for accounts that begin with 6 or 7, balance_sheet for all others.';
COMMENT ON COLUMN pennylane.statement_accounts.side IS 'actif or passif. NULL: an account of profit_and_loss.';
COMMENT ON COLUMN pennylane.statement_accounts.section IS 'Group of headings, from pcg_mapping.';
COMMENT ON COLUMN pennylane.statement_accounts.heading IS 'Line of the statement, from pcg_mapping.';
COMMENT ON COLUMN pennylane.statement_accounts.position IS 'Order of the line in the statement.';
COMMENT ON COLUMN pennylane.statement_accounts.amount IS 'Balance at the end of the year, in euro: debit - credit in actif, credit - debit in passif and in profit_and_loss (income positive, charges negative).';
COMMENT ON COLUMN pennylane.statement_accounts.amount_before IS 'Charges and income of earlier years that no opening entry has turned into a result yet, credit - debit, in euro; 0 elsewhere.';
