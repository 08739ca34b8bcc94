-- Refuses databases in which text could not be kept as it comes.
DO $guard$
BEGIN
    IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'penny_pg needs a database in UTF8, this one is in %', pg_catalog.current_setting('server_encoding')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Create one with CREATE DATABASE pennylane ENCODING ''UTF8'' TEMPLATE template0;';
    END IF;
END
$guard$;
