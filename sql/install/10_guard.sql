-- Refuses databases and schemas in which the copy would not be right or not be safe, and makes the roles.

SET LOCAL search_path TO pg_catalog, pg_temp;

DO $guard$
DECLARE
    stranger name;
BEGIN
    IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'penny_pg needs a database in UTF8, this one is in %', pg_catalog.current_setting('server_encoding')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Create one with CREATE DATABASE pennylane ENCODING ''UTF8'' TEMPLATE template0;';
    END IF;

    -- Who can make objects in the schema can lay traps for the engine.
    SELECT r.rolname INTO stranger
    FROM pg_catalog.pg_namespace n
    CROSS JOIN LATERAL (
        SELECT n.nspowner AS oid
        UNION ALL
        SELECT a.grantee FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE'
    ) AS may
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = may.oid
    WHERE n.nspname = 'pennylane' AND NOT coalesce(r.rolsuper OR r.rolname = 'pennylane_owner', false)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the schema pennylane is there already, and % may create objects in it', coalesce(stranger, 'PUBLIC')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'If it is another program''s, rename it: ALTER SCHEMA pennylane RENAME TO penny_old; otherwise make a '
                      'superuser its owner and REVOKE CREATE ON SCHEMA pennylane from the others.';
    END IF;

    IF EXISTS (
        SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'pennylane_owner' AND (r.rolsuper OR r.rolcanlogin)
    ) THEN
        RAISE EXCEPTION 'the role pennylane_owner is there already, as a superuser or with a login'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Run ALTER ROLE pennylane_owner NOSUPERUSER NOLOGIN; or rename it if it is somebody''s own.';
    END IF;

    -- Roles are shared by all databases of the server: another one may have made them.
    IF pg_catalog.to_regrole('pennylane_owner') IS NULL THEN
        CREATE ROLE pennylane_owner NOLOGIN;
        COMMENT ON ROLE pennylane_owner IS 'penny_pg: owns the tables and the engine in schema pennylane. Nobody logs in as it.';
    END IF;
    IF pg_catalog.to_regrole('pennylane_reader') IS NULL THEN
        CREATE ROLE pennylane_reader NOLOGIN;
        COMMENT ON ROLE pennylane_reader IS 'penny_pg: reads the tables and views of schema pennylane, in every database that has them.';
    END IF;
    IF pg_catalog.to_regrole('pennylane_operator') IS NULL THEN
        CREATE ROLE pennylane_operator NOLOGIN;
        COMMENT ON ROLE pennylane_operator IS 'penny_pg: a reader that may also call the functions that sync.';
    END IF;
    IF NOT pg_catalog.pg_has_role('pennylane_operator', 'pennylane_reader', 'MEMBER') THEN
        GRANT pennylane_reader TO pennylane_operator;
    END IF;
END
$guard$;

-- Where the functions of the library go.
SET LOCAL search_path TO pennylane, pg_temp;
