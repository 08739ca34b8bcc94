-- State and history. The data tables are not here: setup() makes them from sql/tables/, they are the user's.

CREATE TABLE pennylane.sync_state (
    company_id        bigint      NOT NULL,
    table_name        text        NOT NULL,
    last_sync_at      timestamptz,
    last_processed_at timestamptz,
    records_synced    bigint,
    sync_type         text,
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    status            text        NOT NULL,
    last_error        text,
    last_full_at      timestamptz,
    row_count         bigint,
    PRIMARY KEY (company_id, table_name)
);

CREATE TABLE pennylane.sync_runs (
    run_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id  bigint,
    trigger     text        NOT NULL,
    mode        text        NOT NULL,
    target      text,
    started_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    status      text        NOT NULL,
    requests    integer,
    error       text
);
CREATE INDEX sync_runs_started_at_idx ON pennylane.sync_runs (started_at);

-- No foreign key: a parallel restore fills both tables at once.
CREATE TABLE pennylane.sync_run_tables (
    run_id     bigint   NOT NULL,
    company_id bigint   NOT NULL,
    table_name text     NOT NULL,
    sync_type  text     NOT NULL,
    status     text     NOT NULL,
    inserted   bigint   NOT NULL,
    updated    bigint   NOT NULL,
    deleted    bigint   NOT NULL,
    unchanged  bigint   NOT NULL,
    requests   integer  NOT NULL,
    duration   interval,
    message    text,
    PRIMARY KEY (run_id, table_name)
);

CREATE TABLE pennylane.deleted_rows (
    company_id bigint      NOT NULL,
    table_name text        NOT NULL,
    id         bigint      NOT NULL,
    deleted_at timestamptz NOT NULL,
    row        jsonb       NOT NULL
);
CREATE INDEX deleted_rows_id_idx ON pennylane.deleted_rows (table_name, id);
CREATE INDEX deleted_rows_deleted_at_idx ON pennylane.deleted_rows (deleted_at);

CREATE TABLE pennylane.schema_drift (
    company_id    bigint      NOT NULL,
    table_name    text        NOT NULL,
    field         text        NOT NULL,
    sample_type   text        NOT NULL,
    adopt_with    text        NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    last_seen_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (company_id, table_name, field)
);

-- Ids that a list no longer shows, until a second read says so too. Kept in a table so that memory stays bounded when a
-- hundred thousand rows are gone. Not dumped: candidates are good for one load only.
CREATE TABLE pennylane.sync_candidates (
    company_id bigint NOT NULL,
    table_name text   NOT NULL,
    id         bigint NOT NULL,
    PRIMARY KEY (company_id, table_name, id)
);

-- How far a full load came that is written step by step, so that it goes on there after a crash, a restart or a lost
-- network. Not dumped: without its rows it would be silent loss.
CREATE TABLE pennylane.sync_checkpoints (
    company_id bigint      NOT NULL,
    table_name text        NOT NULL,
    last_id    bigint      NOT NULL,
    watermark  timestamptz,
    started_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, table_name)
);

-- Records that are to be read again because rows that point to them changed; a table without a changelog learns it here.
CREATE TABLE pennylane.pending_entries (
    company_id bigint      NOT NULL,
    table_name text        NOT NULL,
    id         bigint      NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (company_id, table_name, id)
);

-- Events of the last minutes that were applied, so that the overlap of two reads fetches nothing twice.
CREATE TABLE pennylane.applied_events (
    company_id   bigint      NOT NULL,
    feed         text        NOT NULL,
    id           bigint      NOT NULL,
    operation    text        NOT NULL,
    processed_at timestamptz NOT NULL,
    parent       bigint      NOT NULL,
    PRIMARY KEY (company_id, feed, id, operation, processed_at, parent)
);

-- Rows that were read back otherwise than they were written. Kept, so that a table whose other rows are brought up to date
-- does not look whole again. A row of a list is of all time, a line of an export of its period.
CREATE TABLE pennylane.altered_rows (
    company_id   bigint      NOT NULL,
    table_name   text        NOT NULL,
    id           bigint      NOT NULL,
    period_start date        NOT NULL DEFAULT '-infinity',
    period_end   date        NOT NULL DEFAULT 'infinity',
    noted_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (company_id, table_name, id, period_start, period_end)
);

-- Which layout the data tables have, and a digest of the views over them. No row: the first one, or no tables yet.
CREATE TABLE pennylane.data_layout (
    only_row boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (only_row),
    layout   integer     NOT NULL,
    since    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    views    text
);

-- The tables on request that are kept in this database, for every company in it.
CREATE TABLE pennylane.enabled_tables (
    table_name text        PRIMARY KEY,
    enabled_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

SELECT pg_catalog.pg_extension_config_dump('pennylane.data_layout', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.enabled_tables', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.sync_state', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.pending_entries', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.applied_events', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.altered_rows', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.sync_runs', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.sync_runs_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.sync_run_tables', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.deleted_rows', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.schema_drift', '');

-- The triggers of our own foreign keys that PostgreSQL would fire. "Our own": declared NOT VALID between two tables of
-- this schema, under the name that setup() gives.
CREATE FUNCTION pennylane._armed_foreign_keys(OUT relation pg_catalog.regclass, OUT trigger_name name)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.tgrelid::pg_catalog.regclass, t.tgname
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_class child ON child.oid = c.conrelid
    JOIN pg_catalog.pg_class parent ON parent.oid = c.confrelid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
    JOIN pg_catalog.pg_trigger t ON t.tgconstraint = c.oid AND t.tgisinternal AND t.tgenabled <> 'D'
    WHERE c.contype = 'f'
      AND NOT c.convalidated
      AND child.relnamespace = 'pennylane'::pg_catalog.regnamespace
      AND parent.relnamespace = 'pennylane'::pg_catalog.regnamespace
      AND c.conname = child.relname || '_' || a.attname || '_fkey'
$$;

-- Disabling a constraint's trigger is a superuser's right, and the constraint must stay: BI tools draw relations from it.
CREATE FUNCTION pennylane._disarm_foreign_keys() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    armed record;
BEGIN
    FOR armed IN SELECT relation, trigger_name FROM pennylane._armed_foreign_keys() LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', armed.relation, armed.trigger_name);
    END LOOP;
END
$$;
