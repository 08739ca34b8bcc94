-- Who may read what: readers of everything, and roles that see some companies only.
--
-- The list of readers is the list of those who may read pennylane.companies. The list of what a role sees is in its policies
-- on that table, and is copied to the others: policies name no object of the extension, so they outlive it.

-- Lets every reader read these relations.
CREATE FUNCTION pennylane._share(relations name[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    share record;
BEGIN
    FOR share IN
        SELECT c.relname, r.rolname, a.attname
        FROM pg_catalog.pg_class list
        CROSS JOIN LATERAL pg_catalog.aclexplode(list.relacl) may
        JOIN pg_catalog.pg_roles r ON r.oid = may.grantee
        JOIN pg_catalog.pg_class c
            ON c.relnamespace = list.relnamespace AND c.relowner = list.relowner AND c.relname = ANY (relations)
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = '_synced_at' AND NOT a.attisdropped
        WHERE list.oid = 'pennylane.companies'::pg_catalog.regclass
          AND may.privilege_type = 'SELECT' AND may.grantee <> list.relowner
    LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON pennylane.%I TO %I', share.relname, share.rolname);
        -- Clients are told of keys and relations by whoever may do more than read, if only with one column.
        IF share.attname IS NOT NULL THEN
            EXECUTE pg_catalog.format('GRANT REFERENCES (_synced_at) ON pennylane.%I TO %I', share.relname, share.rolname);
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION pennylane.grant_reader(role name) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA pennylane TO %I', role);
    EXECUTE pg_catalog.format('GRANT SELECT ON pennylane.companies TO %I', role);
    EXECUTE pg_catalog.format(
        'GRANT EXECUTE ON FUNCTION pennylane._next_runs(timestamptz, timestamptz, timestamptz, bigint), '
        'pennylane._progress(), pennylane._data_tables(), pennylane.assert_healthy(), '
        'pennylane.fec_file(date, date, bigint), pennylane.fec_anomalies(date, date, bigint), '
        'pennylane._fec_missing_columns(), pennylane._fec_periods(), pennylane._fec_not_held(date, date, bigint), '
        'pennylane.subscriber_ddl(), pennylane._views() TO %I', role);
    PERFORM pennylane._share(
        ARRAY['sync_state', 'sync_runs', 'sync_run_tables', 'deleted_rows', 'schema_drift', 'altered_rows', 'exports', 'proofs',
              'enabled_tables', 'transform_runs', 'schedule', 'health', 'progress', '_past_runs']
        || ARRAY(SELECT t.name FROM pennylane._known_tables() AS t (name))
        || ARRAY(SELECT v.name FROM pennylane._views() AS v (name)));
END
$$;

-- The policies of grant_company(): that of everybody and those of limited roles.
CREATE FUNCTION pennylane._policies(OUT relation pg_catalog.regclass, OUT policy name, OUT kind text, OUT role text, OUT condition text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        p.polrelid::pg_catalog.regclass,
        p.polname,
        CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE p.polroles[1] WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END,
        pg_catalog.pg_get_expr(p.polqual, p.polrelid)
    FROM pg_catalog.pg_policy p
    JOIN pg_catalog.pg_class c ON c.oid = p.polrelid AND c.relnamespace = 'pennylane'::pg_catalog.regnamespace
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = p.polroles[1]
    WHERE p.polname = 'penny_pg' OR p.polname LIKE 'penny\_pg\_%'
$$;

-- Gives every table that holds rows of companies the same policies: those of pennylane.companies. Dumps bring back those of
-- the data tables only: the state tables have theirs from there.
CREATE FUNCTION pennylane._spread_policies() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    change text;
BEGIN
    -- Its own statements fire the event trigger below.
    PERFORM pg_catalog.set_config('penny_pg.spreads_policies', 'on', true);
    FOR change IN
        WITH policies AS MATERIALIZED (
            SELECT * FROM pennylane._policies()
        ), wanted AS (
            SELECT DISTINCT ON (p.policy) p.*
            FROM policies p
            ORDER BY p.policy, p.relation <> 'pennylane.companies'::pg_catalog.regclass
        ), tables AS (
            SELECT c.oid::pg_catalog.regclass AS relation, c.relrowsecurity
            FROM pg_catalog.pg_class c
            WHERE c.relnamespace = 'pennylane'::pg_catalog.regnamespace
              AND (c.relname = 'companies' OR c.relname IN (SELECT t.name FROM pennylane._company_tables() AS t (name)))
        )
        SELECT pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.relation)
        FROM tables t
        WHERE NOT t.relrowsecurity AND EXISTS (SELECT FROM wanted)
        UNION ALL
        SELECT CASE
            WHEN p.policy IS NULL THEN pg_catalog.format(
                'CREATE POLICY %I ON %s AS %s TO %s USING (%s)', w.policy, t.relation, w.kind, w.role, w.condition)
            ELSE pg_catalog.format('ALTER POLICY %I ON %s USING (%s)', w.policy, t.relation, w.condition)
        END
        FROM tables t
        CROSS JOIN wanted w
        LEFT JOIN policies p ON p.relation = t.relation AND p.policy = w.policy
        WHERE w.condition IS DISTINCT FROM p.condition
    LOOP
        EXECUTE change;
    END LOOP;
    PERFORM pg_catalog.set_config('penny_pg.spreads_policies', 'off', true);
END
$$;

-- A restored dump makes the policies of the data tables last: from then on no state table may be open. Looks at nothing but
-- the new policy and the state tables: a parallel restore holds the other data tables.
CREATE FUNCTION pennylane._keep_policies_whole() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new    record;
    change text;
BEGIN
    IF coalesce(pg_catalog.current_setting('penny_pg.spreads_policies', true), '') = 'on' THEN
        RETURN;
    END IF;
    FOR new IN
        SELECT
            p.polname,
            CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS kind,
            CASE p.polroles[1] WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END AS role,
            pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS condition
        FROM pg_catalog.pg_event_trigger_ddl_commands() d
        JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid
        JOIN pg_catalog.pg_class c ON c.oid = p.polrelid AND c.relnamespace = 'pennylane'::pg_catalog.regnamespace
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = p.polroles[1]
        WHERE p.polname = 'penny_pg' OR p.polname LIKE 'penny\_pg\_%'
    LOOP
        PERFORM pg_catalog.pg_advisory_xact_lock('pennylane.companies'::pg_catalog.regclass::pg_catalog.oid::bigint);
        PERFORM pg_catalog.set_config('penny_pg.spreads_policies', 'on', true);
        FOR change IN
            WITH tables AS (
                SELECT c.oid, c.relrowsecurity
                FROM pg_catalog.pg_class c
                JOIN pg_catalog.pg_depend d
                    ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
                WHERE c.oid = 'pennylane.companies'::pg_catalog.regclass
                   OR c.relname IN (SELECT t.name FROM pennylane._company_tables() AS t (name))
            )
            SELECT pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.oid::pg_catalog.regclass)
            FROM tables t
            WHERE NOT t.relrowsecurity
            UNION ALL
            SELECT pg_catalog.format('CREATE POLICY %I ON %s AS %s TO %s USING (%s)',
                new.polname, t.oid::pg_catalog.regclass, new.kind, new.role, new.condition)
            FROM tables t
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = t.oid AND p.polname = new.polname)
        LOOP
            EXECUTE change;
        END LOOP;
        PERFORM pg_catalog.set_config('penny_pg.spreads_policies', 'off', true);
    END LOOP;
END
$$;
CREATE EVENT TRIGGER penny_pg_keep_policies_whole ON ddl_command_end
    WHEN TAG IN ('CREATE POLICY')
    EXECUTE FUNCTION pennylane._keep_policies_whole();

CREATE FUNCTION pennylane.grant_company(role name, company bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_role CONSTANT pg_catalog.regrole := pg_catalog.to_regrole(pg_catalog.quote_ident(role));
    own_policy       name;
    companies        bigint[];
    condition        text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
        RAISE EXCEPTION 'grant_company() needs PostgreSQL 15: before it, the views of pennylane show every company'
            USING ERRCODE = 'feature_not_supported', HINT = 'Give each company a database of its own, or upgrade.';
    END IF;
    IF of_role IS NULL THEN
        RAISE EXCEPTION 'there is no role "%"', role
            USING ERRCODE = 'undefined_object', HINT = 'Create it first: CREATE ROLE ... LOGIN;';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = of_role AND (r.rolsuper OR r.rolbypassrls))
        OR pg_catalog.pg_has_role(of_role, 'pennylane_owner', 'USAGE')
    THEN
        RAISE EXCEPTION 'the role "%" sees every row whatever is granted: it is a superuser, has BYPASSRLS or owns the tables', role
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Grant the company to a role without these rights.';
    END IF;
    IF NOT EXISTS (SELECT FROM pennylane.companies c WHERE c.company_id = company) THEN
        RAISE EXCEPTION 'there is no company %', coalesce(company::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT company_id, name FROM pennylane.companies; lists them.';
    END IF;

    PERFORM pennylane._spread_policies();
    SELECT p.policy, pg_catalog.string_to_array(substring(p.condition FROM '\{(.*)\}'), ',')
    INTO own_policy, companies
    FROM pennylane._policies() p
    WHERE p.relation = 'pennylane.companies'::pg_catalog.regclass AND p.role = pg_catalog.quote_ident(grant_company.role);

    IF company = ANY (companies) THEN
        NULL;
    ELSE
        condition := pg_catalog.format('company_id = ANY (%L::bigint[])', companies || company);
        IF own_policy IS NOT NULL THEN
            EXECUTE pg_catalog.format('ALTER POLICY %I ON pennylane.companies USING (%s)', own_policy, condition);
        ELSE
            IF NOT (SELECT c.relrowsecurity FROM pg_catalog.pg_class c
                    WHERE c.oid = 'pennylane.companies'::pg_catalog.regclass)
            THEN
                ALTER TABLE pennylane.companies ENABLE ROW LEVEL SECURITY;
                -- Whoever has no companies of their own sees them all; but not by taking on another role.
                CREATE POLICY penny_pg ON pennylane.companies USING (
                    NOT EXISTS (
                        SELECT FROM pg_catalog.pg_policy p
                        JOIN pg_catalog.pg_roles session ON session.rolname = session_user
                        WHERE p.polname LIKE 'penny\_pg\_%' AND NOT session.rolsuper
                          AND pg_catalog.pg_has_role(session.oid, p.polroles[1], 'MEMBER')
                    )
                    OR EXISTS (
                        SELECT FROM pg_catalog.pg_policy p
                        WHERE p.polname LIKE 'penny\_pg\_%' AND pg_catalog.pg_has_role(p.polroles[1], 'USAGE')
                    )
                );
            END IF;
            EXECUTE pg_catalog.format(
                'CREATE POLICY %I ON pennylane.companies AS RESTRICTIVE TO %I USING (%s)',
                (
                    SELECT 'penny_pg_' || n
                    FROM pg_catalog.generate_series(1, (SELECT pg_catalog.count(*) + 1 FROM pennylane._policies())) AS n
                    WHERE 'penny_pg_' || n NOT IN (SELECT p.policy FROM pennylane._policies() p)
                    LIMIT 1
                ),
                role, condition);
        END IF;
    END IF;
    PERFORM pennylane._spread_policies();
    IF NOT pg_catalog.has_table_privilege(of_role, 'pennylane.companies', 'SELECT') THEN
        RAISE NOTICE 'the role "%" may not read the tables yet: SELECT pennylane.grant_reader(%);', role, pg_catalog.quote_literal(role);
    END IF;
END
$$;

CREATE FUNCTION pennylane.revoke_companies(role name) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    change text;
BEGIN
    FOR change IN
        SELECT pg_catalog.format('DROP POLICY %I ON %s', p.policy, p.relation)
        FROM pennylane._policies() p
        WHERE p.role = pg_catalog.quote_ident(revoke_companies.role)
    LOOP
        EXECUTE change;
    END LOOP;
END
$$;
