-- What shows how the background worker and the copy are doing.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- The last runs over all tables, company by company, and the failures since the last one that brought anything. A
-- scheduled run that somebody cancelled is over for this time. A crash may happen; from the second in a row on, the run may
-- be what makes the server crash, and waits too. Rows of the future are from a clock that was set back.
CREATE VIEW pennylane._past_runs AS
    WITH whole AS (
        SELECT
            r.run_id,
            r.company_id,
            r.mode,
            r.started_at,
            r.finished_at,
            r.status,
            r.error,
            r.status IN ('ok', 'partial')
                OR (r.status = 'cancelled' AND r.trigger = 'schedule')
                OR EXISTS (
                    SELECT FROM pennylane.sync_run_tables t
                    WHERE t.run_id = r.run_id AND t.status IN ('ok', 'partial')
                ) AS good
        FROM pennylane.sync_runs r
        WHERE r.target IS NULL
          AND r.mode IN ('full', 'incremental')
          AND r.finished_at IS NOT NULL
          AND r.started_at <= pg_catalog.clock_timestamp()
    ), judged AS (
        SELECT
            w.*,
            w.run_id > coalesce(pg_catalog.max(w.run_id) FILTER (WHERE w.good) OVER (PARTITION BY w.company_id), 0) AS since
        FROM whole w
    ), counted AS (
        SELECT
            company_id,
            pg_catalog.max(started_at) FILTER (WHERE good) AS last_run,
            pg_catalog.max(started_at) FILTER (WHERE good AND mode = 'full') AS last_full,
            pg_catalog.max(finished_at) FILTER (WHERE since AND status IN ('error', 'skipped', 'interrupted') AND NOT stopped)
                AS failed_at,
            pg_catalog.count(*) FILTER (WHERE since AND status IN ('error', 'skipped'))
                + greatest(pg_catalog.count(*) FILTER (WHERE since AND status = 'interrupted' AND NOT stopped) - 1, 0)
                AS failures
        FROM judged
        CROSS JOIN LATERAL (SELECT status = 'interrupted' AND error IS NOT NULL AS stopped) AS how
        GROUP BY company_id
    )
    SELECT company_id, last_run, last_full, CASE WHEN failures > 0 THEN failed_at END AS failed_at, failures
    FROM counted;

CREATE VIEW pennylane.schedule AS
    SELECT
        c.company_id,
        n.next_incremental_at,
        n.next_full_at,
        l.started_at AS last_run_at,
        l.status AS last_status,
        (
            SELECT a.pid
            FROM pg_catalog.pg_stat_activity a
            WHERE a.backend_type = 'penny_pg scheduler' AND a.datname = pg_catalog.current_database()
            LIMIT 1
        ) AS worker_pid
    FROM (
        SELECT k.company_id FROM pennylane.companies k WHERE k.enabled
        UNION ALL
        -- Before the first run.
        SELECT NULL WHERE NOT EXISTS (SELECT FROM pennylane.companies)
    ) AS c
    LEFT JOIN pennylane._past_runs p ON p.company_id IS NOT DISTINCT FROM c.company_id
    CROSS JOIN LATERAL pennylane._next_runs(p.last_run, p.last_full, p.failed_at, p.failures) n
    LEFT JOIN LATERAL (
        SELECT r.started_at, r.status
        FROM pennylane.sync_runs r
        WHERE r.status <> 'queued' AND r.company_id IS NOT DISTINCT FROM c.company_id
        ORDER BY r.run_id DESC
        LIMIT 1
    ) AS l ON true;

-- The number of rows to come is that of the last full load; a first one, and changes, cannot be estimated.
CREATE VIEW pennylane.progress AS
    SELECT
        p.run_id,
        p.company_id,
        p.table_name,
        p.pages,
        p.rows,
        pg_catalog.round(p.rows / v.seconds, 1) AS rows_per_second,
        p.started_at,
        CASE
            WHEN p.whole AND s.row_count >= p.rows AND p.rows > 0
                THEN pg_catalog.now() + pg_catalog.make_interval(secs => ((s.row_count - p.rows) * v.seconds / p.rows)::float8)
        END AS estimated_end
    FROM pennylane._progress() p
    CROSS JOIN LATERAL (
        SELECT greatest(extract(epoch FROM pg_catalog.clock_timestamp() - p.started_at), 0.001)::numeric AS seconds
    ) AS v
    LEFT JOIN pennylane.sync_state s ON s.company_id = p.company_id AND s.table_name = p.table_name;

-- A table is late when a night went by without it: the nightly run covers every table. One without its scope is not late,
-- somebody decided that.
CREATE VIEW pennylane.health AS
    SELECT
        c.company_id,
        n.table_name,
        CASE
            WHEN s.status IS NULL OR s.status = 'skipped' THEN 'warning'
            WHEN s.status = 'error' OR s.last_sync_at IS NULL THEN 'error'
            WHEN pg_catalog.now() - s.last_sync_at > interval '26 hours' THEN 'error'
            WHEN s.status <> 'ok' OR proof.differing > 0 OR unproven.nights THEN 'warning'
            ELSE 'ok'
        END AS severity,
        s.last_sync_at AS last_success_at,
        pg_catalog.now() - s.last_sync_at AS age,
        CASE
            WHEN s.status IS NULL THEN 'not synced yet'
            WHEN s.last_error IS NOT NULL THEN s.last_error
            WHEN pg_catalog.now() - s.last_sync_at > interval '26 hours' THEN 'not synced for more than a day'
            WHEN s.status = 'partial' AND altered.known
                THEN 'some rows are not stored as Pennylane sent them, a trigger may be the cause: see pennylane.altered_rows'
            WHEN s.status = 'partial' THEN 'some values did not fit their column: see the key _misfit in extra'
            WHEN proof.differing > 0
                THEN proof.differing || ' accounts differ from the trial balance of Pennylane: see pennylane.proofs'
            WHEN unproven.nights THEN 'not proven whole for two nights: SELECT * FROM pennylane.sync_full();'
        END AS detail
    FROM pennylane.companies c
    CROSS JOIN pennylane._data_tables() AS n (table_name)
    LEFT JOIN pennylane.sync_state s ON s.company_id = c.company_id AND s.table_name = n.table_name
    LEFT JOIN LATERAL (
        SELECT pg_catalog.count(*) AS differing
        FROM pennylane.proofs p
        WHERE s.table_name = 'ledger_entry_lines' AND p.company_id = s.company_id AND p.differs
    ) AS proof ON true
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM pennylane.altered_rows a WHERE a.company_id = s.company_id AND a.table_name = s.table_name
        ) AS known
    ) AS altered
    -- Changes may go on arriving while the nightly run fails for a table. Exports are asked for when the ledger changed.
    CROSS JOIN LATERAL (
        SELECT s.sync_type <> 'export' AND pg_catalog.now() - s.last_full_at > interval '50 hours' AS nights
    ) AS unproven
    WHERE c.enabled
    UNION ALL
    -- A run that could not even begin, such as with a token that is refused, until one succeeds.
    SELECT r.company_id, NULL, 'error', NULL, NULL, r.error
    FROM (
        SELECT DISTINCT ON (l.company_id) l.run_id, l.company_id, l.started_at, l.status, l.error
        FROM pennylane.sync_runs l
        WHERE l.status IN ('ok', 'skipped', 'partial', 'error')
        ORDER BY l.company_id, l.run_id DESC
    ) AS r
    WHERE r.status = 'error'
      AND NOT EXISTS (SELECT FROM pennylane.sync_run_tables t WHERE t.run_id = r.run_id)
      AND CASE
          -- The server's token, of which nobody knew whose it is; until somebody does, or it is not tried any more.
          WHEN r.company_id IS NULL THEN
              r.started_at > pg_catalog.now() - interval '26 hours'
              AND NOT EXISTS (SELECT FROM pennylane.companies c WHERE c.uses_server_token)
          ELSE EXISTS (SELECT FROM pennylane.companies c WHERE c.company_id = r.company_id AND c.enabled)
      END;

-- Tells who listens what went wrong in a run, unless the run before it said so already. Figures do not make an error new:
-- how long and how often something was tried differs each time.
CREATE FUNCTION pennylane._alert(run bigint) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
AS $$
    WITH wrong AS (
        SELECT
            r.run_id,
            r.company_id,
            t.table_name,
            coalesce(t.message, r.error) AS message,
            pg_catalog.regexp_replace(coalesce(t.message, r.error), '[0-9]+', '0', 'g') AS kind
        FROM pennylane.sync_runs r
        LEFT JOIN pennylane.sync_run_tables t ON t.run_id = r.run_id
        WHERE r.status = 'error' AND coalesce(t.status, r.status) = 'error'
    ), before AS (
        -- A table's last run; of a run that could not begin, the last one that was finished.
        SELECT t.company_id, t.table_name, pg_catalog.max(t.run_id) AS run_id
        FROM pennylane.sync_run_tables t
        WHERE t.run_id < run
        GROUP BY t.company_id, t.table_name
        UNION ALL
        SELECT r.company_id, NULL, pg_catalog.max(r.run_id)
        FROM pennylane.sync_runs r
        WHERE r.run_id < run AND r.status IN ('ok', 'skipped', 'partial', 'error')
        GROUP BY r.company_id
    )
    SELECT pg_catalog.pg_notify(
        'pennylane_alert',
        pg_catalog.left(pg_catalog.concat_ws(', ', 'company ' || w.company_id, w.table_name) || ': ' || w.message, 1900)
    )
    FROM wrong w
    WHERE w.run_id = run
      AND NOT EXISTS (
          SELECT
          FROM before b
          JOIN wrong o ON o.run_id = b.run_id AND o.table_name IS NOT DISTINCT FROM b.table_name
          WHERE b.company_id IS NOT DISTINCT FROM w.company_id
            AND b.table_name IS NOT DISTINCT FROM w.table_name
            AND o.kind = w.kind
      );
$$;

CREATE FUNCTION pennylane.assert_healthy() RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ill record;
BEGIN
    SELECT
        pg_catalog.concat_ws(' of company ', coalesce(h.table_name, 'the last run'), h.company_id) AS name, h.detail, pg_catalog.count(*) OVER () AS number
    INTO ill
    FROM pennylane.health h
    WHERE h.severity = 'error'
    ORDER BY h.company_id, h.table_name NULLS FIRST
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'pennylane.health holds % errors; the first, %: %', ill.number, ill.name, ill.detail
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run SELECT * FROM pennylane.health;';
    END IF;
    IF NOT EXISTS (SELECT FROM pennylane.health h WHERE h.last_success_at IS NOT NULL) THEN
        RAISE EXCEPTION 'nothing was synced yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run SELECT * FROM pennylane.check();';
    END IF;
END
$$;

SET LOCAL search_path TO pennylane, pg_temp;
