-- Everything belongs to who installs; PUBLIC may do nothing. A role that shall read gets what its owner grants it.

REVOKE ALL ON SCHEMA pennylane FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pennylane FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA pennylane FROM PUBLIC;

-- Monitors see how it goes: names of tables, counts, times and errors, no accounts.
GRANT USAGE ON SCHEMA pennylane TO pg_monitor;
GRANT SELECT ON pennylane.schedule, pennylane.health, pennylane.progress TO pg_monitor;
GRANT EXECUTE ON FUNCTION pennylane._next_runs(timestamptz, timestamptz, timestamptz, bigint), pennylane._progress(),
    pennylane._data_tables(),
    pennylane.assert_healthy() TO pg_monitor;
