-- Run once, when the database is made. The background worker finds the extension and starts the first import by itself.
CREATE EXTENSION penny_pg;
