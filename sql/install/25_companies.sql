-- The companies that are kept here, and the tokens that add_company() was given. The server's own token is not here.

CREATE TABLE pennylane.companies (
    company_id        bigint  PRIMARY KEY,
    name              text,
    label             text,
    reg_no            text,
    api_base_url      text,
    enabled           boolean NOT NULL DEFAULT true,
    token_hint        text,
    uses_server_token boolean GENERATED ALWAYS AS (token_hint IS NULL) STORED
);

-- Row security without a policy: nobody reads it but its owner, not even pg_read_all_data. Never dumped.
CREATE TABLE pennylane.company_tokens (
    company_id bigint PRIMARY KEY REFERENCES pennylane.companies ON DELETE CASCADE,
    token      text   NOT NULL
);
ALTER TABLE pennylane.company_tokens ENABLE ROW LEVEL SECURITY;
-- Statistics hold values, and pg_read_all_data reads those past every policy.
ALTER TABLE pennylane.company_tokens ALTER COLUMN token SET STATISTICS 0;

SELECT pg_catalog.pg_extension_config_dump('pennylane.companies', '');

-- A publication carries rows past every right on the table: it must leave the tokens out.
CREATE FUNCTION pennylane._publications_of_tokens() RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_catalog.string_agg(DISTINCT p.pubname::text, ', ')
    FROM pg_catalog.pg_publication_tables p
    WHERE p.schemaname = 'pennylane' AND p.tablename = 'company_tokens'
$$;

-- With its owner's rights: it runs for whoever makes any publication in this database.
CREATE FUNCTION pennylane._keep_tokens_unpublished() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    publications CONSTANT text := pennylane._publications_of_tokens();
BEGIN
    IF publications IS NOT NULL AND EXISTS (SELECT FROM pennylane.company_tokens) THEN
        RAISE EXCEPTION 'the publication % would carry the API tokens in pennylane.company_tokens', publications
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'List the tables that it shall carry: CREATE PUBLICATION ... FOR TABLE pennylane.customers, ...;';
    END IF;
END
$$;
CREATE EVENT TRIGGER penny_pg_keep_tokens_unpublished ON ddl_command_end
    WHEN TAG IN ('CREATE PUBLICATION', 'ALTER PUBLICATION')
    EXECUTE FUNCTION pennylane._keep_tokens_unpublished();

-- The tables that hold rows of companies: data and state, and none that somebody else keeps beside them. A table that is no
-- longer kept may still hold some. A company's own row and its token are elsewhere.
CREATE FUNCTION pennylane._company_tables() RETURNS SETOF name
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.relname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'company_id' AND NOT a.attisdropped
    JOIN pg_catalog.pg_class ours ON ours.oid = 'pennylane.companies'::pg_catalog.regclass
    WHERE c.relnamespace = ours.relnamespace
      AND c.relowner = ours.relowner
      AND c.relkind = 'r'
      AND c.relname NOT IN ('companies', 'company_tokens')
      AND (
          c.relname IN (SELECT pennylane._known_tables())
          OR EXISTS (
              SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
          )
      )
$$;
