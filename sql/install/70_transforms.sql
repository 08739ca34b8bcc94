-- Statements of users that are applied after each sync that changed one of their tables. docs/own-columns.md has examples.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE pennylane._transforms (
    name      text        PRIMARY KEY,
    statement text        NOT NULL,
    tables    text[]      NOT NULL,
    timeout   interval    NOT NULL,
    added_by  name        NOT NULL,
    added_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- What each has yet to be applied for. A row a change, and never updated: a sync notes changes without waiting for the
-- transaction in which somebody adds a transform, or applies it.
CREATE TABLE pennylane._transform_marks (
    mark_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text        NOT NULL,
    run_id   bigint,
    noted_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TABLE pennylane.transform_runs (
    transform_run_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text        NOT NULL,
    run_id           bigint,
    ran_as           name        NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at      timestamptz,
    status           text        NOT NULL,
    rows             bigint,
    message          text
);
CREATE INDEX transform_runs_name_idx ON pennylane.transform_runs (name, transform_run_id);

SELECT pg_catalog.pg_extension_config_dump('pennylane._transforms', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane._transform_marks', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane._transform_marks_mark_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.transform_runs', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.transform_runs_transform_run_id_seq', '');

-- With its owner's rights: it holds no rows of companies.
CREATE VIEW pennylane.transforms AS
    SELECT
        t.name,
        t.statement,
        t.tables,
        t.timeout,
        t.added_by,
        t.added_at,
        (SELECT pg_catalog.min(m.noted_at) FROM pennylane._transform_marks m WHERE m.name = t.name) AS stale_since,
        last.status AS last_status,
        CASE WHEN last.status = 'suspended' THEN last.message END AS suspended
    FROM pennylane._transforms t
    LEFT JOIN LATERAL (
        SELECT r.status, r.message
        FROM pennylane.transform_runs r
        WHERE r.name = t.name
        ORDER BY r.transform_run_id DESC
        LIMIT 1
    ) AS last ON true;

-- Where the functions of the library go.
SET LOCAL search_path TO pennylane, pg_temp;
