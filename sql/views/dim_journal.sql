-- Star schema: journals. Their ids come from the lines, so that every fact finds its row; names need the table of journals.

CREATE OR REPLACE VIEW pennylane.dim_journal AS
SELECT
    used.journal_id,
    used.company_id,
    j.code AS journal_code,
    j.label AS journal_label,
    j.type
FROM (
    SELECT journal_id, min(company_id) AS company_id
    FROM (
        SELECT l.journal_id, l.company_id FROM pennylane.ledger_entry_lines l WHERE l.journal_id IS NOT NULL
        GROUP BY l.journal_id, l.company_id
        UNION ALL
        SELECT t.journal_id, t.company_id FROM pennylane.transactions t WHERE t.journal_id IS NOT NULL
        GROUP BY t.journal_id, t.company_id
        UNION ALL
        SELECT j.id, j.company_id FROM pennylane._journals j
    ) AS each_one
    GROUP BY journal_id
) AS used
LEFT JOIN pennylane._journals j ON j.id = used.journal_id;

COMMENT ON VIEW pennylane.dim_journal IS 'Star schema: one row a journal. Only ids until the journals are kept: SELECT pennylane.enable_table(''journals''); and a sync. Relate it to journal_id of the facts.';
COMMENT ON COLUMN pennylane.dim_journal.journal_id IS 'Key: the journal; the id that GET /journals gives.';
COMMENT ON COLUMN pennylane.dim_journal.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.dim_journal.journal_code IS 'Code, such as VE. NULL until the journals are kept: SELECT pennylane.enable_table(''journals''); and a sync.';
COMMENT ON COLUMN pennylane.dim_journal.journal_label IS 'Label, such as Ventes. NULL until the journals are kept.';
COMMENT ON COLUMN pennylane.dim_journal.type IS 'Kind of journal. NULL until the journals are kept.';
