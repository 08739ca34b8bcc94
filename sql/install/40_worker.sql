-- What shows how the background worker and the copy are doing.

CREATE VIEW pennylane.schedule AS
    SELECT
        (SELECT r.company_id FROM pennylane.sync_runs r WHERE r.company_id IS NOT NULL ORDER BY r.run_id DESC LIMIT 1)
            AS company_id,
        n.next_incremental_at,
        n.next_full_at,
        l.started_at AS last_run_at,
        l.status AS last_status,
        (
            SELECT a.pid
            FROM pg_catalog.pg_stat_activity a
            WHERE a.backend_type = 'penny_pg worker' AND a.datname = pg_catalog.current_database()
            LIMIT 1
        ) AS worker_pid
    FROM pennylane._next_runs() n
    LEFT JOIN LATERAL (
        SELECT r.started_at, r.status
        FROM pennylane.sync_runs r
        WHERE r.status <> 'queued'
        ORDER BY r.run_id DESC
        LIMIT 1
    ) AS l ON true;

-- A table is late when a night went by without it: the nightly run covers every table.
CREATE VIEW pennylane.health AS
    SELECT
        s.company_id,
        s.table_name,
        CASE
            WHEN s.status = 'error' OR (s.last_sync_at IS NULL AND s.status <> 'skipped') THEN 'error'
            WHEN pg_catalog.now() - s.last_sync_at > interval '26 hours' THEN 'error'
            WHEN s.status <> 'ok' OR proof.differing > 0 THEN 'warning'
            ELSE 'ok'
        END AS severity,
        s.last_sync_at AS last_success_at,
        pg_catalog.now() - s.last_sync_at AS age,
        CASE
            WHEN s.last_error IS NOT NULL THEN s.last_error
            WHEN pg_catalog.now() - s.last_sync_at > interval '26 hours' THEN 'not synced for more than a day'
            WHEN s.status = 'partial' THEN 'some values did not fit their column: see the key _misfit in extra'
            WHEN proof.differing > 0
                THEN proof.differing || ' accounts differ from the trial balance of Pennylane: see pennylane.proofs'
        END AS detail
    FROM pennylane.sync_state s
    LEFT JOIN LATERAL (
        SELECT pg_catalog.count(*) AS differing
        FROM pennylane.proofs p
        WHERE s.table_name = 'ledger_entry_lines' AND p.company_id = s.company_id
          AND (p.debit_difference <> 0 OR p.credit_difference <> 0)
    ) AS proof ON true
    UNION ALL
    -- A run that could not even begin, such as with a token that is refused, until one succeeds.
    SELECT r.company_id, NULL, 'error', NULL, NULL, r.error
    FROM (SELECT * FROM pennylane.sync_runs WHERE finished_at IS NOT NULL ORDER BY run_id DESC LIMIT 1) AS r
    WHERE r.status = 'error' AND NOT EXISTS (SELECT FROM pennylane.sync_run_tables t WHERE t.run_id = r.run_id);

CREATE FUNCTION pennylane.assert_healthy() RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ill record;
BEGIN
    SELECT coalesce(h.table_name, 'the last run') AS name, h.detail, pg_catalog.count(*) OVER () AS number
    INTO ill
    FROM pennylane.health h
    WHERE h.severity = 'error'
    ORDER BY h.table_name NULLS FIRST
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'pennylane.health holds % errors; the first, %: %', ill.number, ill.name, ill.detail
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run SELECT * FROM pennylane.health;';
    END IF;
    IF NOT EXISTS (SELECT FROM pennylane.health) THEN
        RAISE EXCEPTION 'nothing was synced yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run SELECT * FROM pennylane.check();';
    END IF;
END
$$;
