"""What a reader's client finds: everything, with its right value, and nothing that it could write.

Called by tests/server/clients.rs with a file of what must be there. One function a promise; each is kept by every
client: psycopg, psqlODBC, and the catalogue queries of Npgsql and of Power BI's connector for PostgreSQL, which is made of it.
"""

import datetime
import decimal
import json
import sys
import uuid

import psycopg
import pyodbc

# Numbers wider than Python's default would be rounded in sums.
decimal.getcontext().prec = 200

SCHEMA = "pennylane"
REFUSED = "42501"


class Psycopg:
    def __init__(self, server):
        self.connection = psycopg.connect(**server, autocommit=True, options="-c timezone=UTC")

    def rows(self, query):
        return self.connection.execute(query).fetchall()

    def refusal(self, statement):
        """The SQLSTATE of a statement; None when it ran."""
        try:
            self.connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate


class Odbc:
    def __init__(self, server):
        # As Windows and Excel have it, but for two things: truth as a bit rather than as text, and times in UTC.
        self.connection = pyodbc.connect(
            "Driver={PostgreSQL Unicode};"
            f"Servername={server['host']};Port={server['port']};Database={server['dbname']};Username={server['user']};"
            "BoolsAsChar=0;ConnSettings={SET TIME ZONE 'UTC'}",
            autocommit=True,
        )

    def cursor(self):
        return self.connection.cursor()

    def rows(self, query):
        return [tuple(row) for row in self.cursor().execute(query).fetchall()]

    def refusal(self, statement):
        try:
            self.cursor().execute(statement)
        except pyodbc.Error as error:
            return error.args[0]


def same(what, found, wanted):
    found, wanted = set(found), set(wanted)
    assert wanted, f"{what}: nothing is wanted"
    assert found == wanted, f"{what}: missing {sorted(wanted - found)}, too many {sorted(found - wanted)}"


def every_table_is_listed(wanted, psql, odbc):
    tables = set(wanted["tables"])
    listed = {row.table_name for row in odbc.cursor().tables(schema=SCHEMA, tableType="TABLE")}
    same("tables by SQLTables", listed & tables, tables)
    # Npgsql's GetSchema("Tables"), and what Power BI shows in its navigator.
    listed = psql.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'pennylane' AND table_type = 'BASE TABLE'"
    )
    same("tables by information_schema", {name for (name,) in listed} & tables, tables)
    views = psql.rows("SELECT table_name FROM information_schema.views WHERE table_schema = 'pennylane'")
    assert ("fec_legal",) in views, views


def every_column_is_listed_with_its_type(wanted, psql, odbc):
    for table, columns in wanted["tables"].items():
        names = [name for name, _ in columns]
        listed = [row.column_name for row in odbc.cursor().columns(schema=SCHEMA, table=table)]
        assert listed == names, f"columns of {table} by SQLColumns: {listed}"
        # Npgsql's GetSchema("Columns"); Power BI reads data_type where Npgsql reads udt_name.
        listed = psql.rows(
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE table_schema = 'pennylane' AND table_name = '{table}' ORDER BY ordinal_position"
        )
        assert listed == [tuple(column) for column in columns], f"columns of {table}: {listed}"


def every_primary_key_is_listed(wanted, psql, odbc):
    keys = {(table, column, place) for table, columns in wanted["primary_keys"].items() for place, column in enumerate(columns, 1)}
    assert len(wanted["primary_keys"]) == 13, wanted["primary_keys"]
    listed = [
        (row.table_name, row.column_name, row.key_seq)
        for table in wanted["tables"]
        for row in odbc.cursor().primaryKeys(schema=SCHEMA, table=table)
    ]
    same("primary keys by SQLPrimaryKeys", listed, keys)
    # As Power BI asks for what it can find a row by.
    listed = psql.rows(
        "SELECT k.table_name, u.column_name, u.ordinal_position FROM information_schema.table_constraints k "
        "JOIN information_schema.key_column_usage u USING (constraint_schema, constraint_name, table_schema, table_name) "
        "WHERE k.constraint_type = 'PRIMARY KEY' AND k.table_schema = 'pennylane'"
    )
    same("primary keys by information_schema", [key for key in listed if key[0] in wanted["tables"]], keys)


def every_relation_is_listed(wanted, psql, odbc):
    relations = {tuple(relation) for relation in wanted["relations"]}
    assert len(relations) == 16, relations
    listed = [
        (row.fktable_name, row.fkcolumn_name, row.pktable_name, row.pkcolumn_name)
        for table in wanted["tables"]
        for row in odbc.cursor().foreignKeys(foreignSchema=SCHEMA, foreignTable=table)
    ]
    same("relations by SQLForeignKeys", listed, relations)
    # Power BI asks twice a table: which tables it points to, and which point to it.
    pairs = (
        "SELECT f.table_name, f.column_name, p.table_name, p.column_name "
        "FROM information_schema.referential_constraints r "
        "JOIN information_schema.key_column_usage f "
        "  ON f.constraint_schema = r.constraint_schema AND f.constraint_name = r.constraint_name "
        "JOIN information_schema.key_column_usage p "
        "  ON p.constraint_schema = r.unique_constraint_schema AND p.constraint_name = r.unique_constraint_name "
        " AND p.ordinal_position = f.ordinal_position "
        "WHERE {}.table_schema = 'pennylane' AND {}.table_name = '{}'"
    )
    for side in "fp":
        listed = [row for table in wanted["tables"] for row in psql.rows(pairs.format(side, side, table))]
        same(f"relations from side {side}", listed, relations)
    # Npgsql's GetSchema("ForeignKeys") reads the catalogue itself.
    listed = psql.rows(
        "SELECT c.conname FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class t ON t.oid = c.conrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace "
        f"WHERE c.contype = 'f' AND n.nspname = 'pennylane' AND t.relname IN ({quoted(wanted['tables'])})"
    )
    assert len(listed) == 16, listed


def the_questions_of_a_connection_are_answered(wanted, psql, odbc):
    """What Npgsql loads when it connects, and what it says between two users of a pooled connection."""
    types = dict(psql.rows(
        "SELECT t.typname, n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
        "JOIN pg_catalog.pg_proc p ON p.oid = t.typreceive LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid"
    ))
    for name in ["int8", "int4", "numeric", "date", "timestamptz", "bool", "jsonb", "uuid", "text"]:
        assert types.get(name) == "pg_catalog", name
    assert psql.rows("SELECT character_set_name FROM information_schema.character_sets") == [("UTF8",)]
    psql.connection.execute("DISCARD ALL")
    psql.connection.execute("SET TIME ZONE 'UTC'")
    assert psql.rows("SELECT current_user") == [(wanted["server"]["user"],)]


def quoted(names):
    return ", ".join(f"'{name}'" for name in names)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def in_utc(value):
    """ODBC has no time zones: the session's is UTC."""
    assert isinstance(value, datetime.datetime), value
    return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)


# By type: the class that a client must give, from what it gives to a value, from what Pennylane sent to a value.
PSYCOPG = {
    "bigint": (int, int, int),
    "integer": (int, int, int),
    "numeric": (decimal.Decimal, lambda value: value, decimal.Decimal),
    "date": (datetime.date, lambda value: value, datetime.date.fromisoformat),
    "timestamp with time zone": (datetime.datetime, in_utc, moment),
    "boolean": (bool, lambda value: value, lambda value: value),
    "jsonb": ((dict, list, str, int, float), lambda value: value, lambda value: value),
    "uuid": (uuid.UUID, lambda value: value, uuid.UUID),
    "text": (str, lambda value: value, lambda value: value),
}
ODBC = PSYCOPG | {
    "jsonb": (str, json.loads, lambda value: value),
    "uuid": (str, uuid.UUID, uuid.UUID),
}


def every_value_is_the_one_that_was_sent(wanted, psql, odbc):
    for name, client, types in [("psycopg", psql, PSYCOPG), ("ODBC", odbc, ODBC)]:
        seen = set()
        for table, columns in wanted["tables"].items():
            columns = [column for column in columns if column[0] not in wanted["not_compared"]]
            listed = ", ".join(f'"{column}"' for column, _ in columns)
            order = ", ".join(wanted["primary_keys"][table])
            rows = client.rows(f"SELECT {listed} FROM pennylane.{table} ORDER BY {order}")
            records = wanted["records"][table]
            assert records and len(rows) == len(records), f"{name}: {table}: {len(rows)} rows, {len(records)} are wanted"
            for row, record in zip(rows, records):
                for value, (column, kind) in zip(row, columns):
                    made_of, read, sent = types[kind]
                    source = record.get(column)
                    where = f"{name}: {table}.{column} ({kind}): {value!r} where {source!r} was sent"
                    if source is None or source == "" and kind != "text":
                        assert value is None, where
                        continue
                    assert isinstance(value, made_of), f"{where}: a {type(value).__name__}"
                    assert read(value) == sent(source), where
                    seen.add(kind)
        same(f"types with a value, by {name}", seen, types)


def amounts_are_exact(wanted, psql, odbc):
    for name, client in [("psycopg", psql), ("ODBC", odbc)]:
        for table, column, total in wanted["sums"]:
            rows = client.rows(f"SELECT {column} FROM pennylane.{table}")
            amounts = [amount for (amount,) in rows if amount is not None]
            assert amounts, f"{table}.{column}"
            found = sum(amounts, decimal.Decimal(0))
            assert found == decimal.Decimal(total), f"{name}: {table}.{column}: {found} where {total} was sent"
            ((found,),) = client.rows(f"SELECT sum({column}) FROM pennylane.{table}")
            assert found == decimal.Decimal(total), f"{name}: sum of {table}.{column}: {found} where {total} was sent"


def the_filters_of_docs_powerbi_find_each_row_once(wanted, psql, odbc):
    """Ranges of time from RangeStart (included) to RangeEnd (excluded), one after the other."""
    for table, column in wanted["partitions"]:
        ((rows, empty, first, last),) = psql.rows(
            f"SELECT count(*), count(*) FILTER (WHERE {column} IS NULL), extract(year FROM min({column}))::integer, "
            f"extract(year FROM max({column}))::integer FROM pennylane.{table}"
        )
        assert rows > 0 and empty == 0, f"{table}.{column}: {rows} rows, {empty} without a value"
        found = 0
        for year in range(first, last + 1):
            start, end = datetime.date(year, 1, 1), datetime.date(year + 1, 1, 1)
            ((count,),) = psql.rows(f"SELECT count(*) FROM pennylane.{table} WHERE {column} >= '{start}' AND {column} < '{end}'")
            found += count
        assert found == rows, f"{table}.{column}: {found} of {rows}"


def nothing_can_be_written(wanted, psql, odbc):
    statements = [
        "CREATE TABLE pennylane.mine (id bigint)",
        "CREATE VIEW pennylane.mine AS SELECT 1 AS one",
        "CREATE FUNCTION pennylane.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP SCHEMA pennylane CASCADE",
    ]
    for table in wanted["tables"]:
        statements += [
            f"INSERT INTO pennylane.{table} DEFAULT VALUES",
            f"UPDATE pennylane.{table} SET company_id = company_id",
            f"DELETE FROM pennylane.{table}",
            f"TRUNCATE pennylane.{table}",
            f"ALTER TABLE pennylane.{table} ADD COLUMN mine text",
            f"CREATE INDEX mine ON pennylane.{table} (company_id)",
            f"DROP TABLE pennylane.{table} CASCADE",
        ]
    for name, client in [("psycopg", psql), ("ODBC", odbc)]:
        for statement in statements:
            state = client.refusal(statement)
            assert state == REFUSED, f"{name}: {statement}: {state or 'done'}"


PROMISES = [
    every_table_is_listed,
    every_column_is_listed_with_its_type,
    every_primary_key_is_listed,
    every_relation_is_listed,
    the_questions_of_a_connection_are_answered,
    every_value_is_the_one_that_was_sent,
    amounts_are_exact,
    the_filters_of_docs_powerbi_find_each_row_once,
    nothing_can_be_written,
]


def main(path):
    with open(path, encoding="utf-8") as file:
        wanted = json.load(file)
    psql, odbc = Psycopg(wanted["server"]), Odbc(wanted["server"])
    broken = 0
    for promise in PROMISES:
        try:
            promise(wanted, psql, odbc)
            print(f"kept: {promise.__name__}")
        except (AssertionError, psycopg.Error, pyodbc.Error) as error:
            broken += 1
            print(f"BROKEN: {promise.__name__}: {error}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main(sys.argv[1])
