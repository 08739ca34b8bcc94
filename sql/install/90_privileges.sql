-- Everything belongs to who installs; PUBLIC may do nothing. A role that shall read gets what its owner grants it.

REVOKE ALL ON SCHEMA pennylane FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pennylane FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA pennylane FROM PUBLIC;
