//! The statements that write and delete rows. One shape for every table: nothing here knows a table by name.

use crate::catalogue::{Mode, Resource};
use crate::row::{Column, Shape, Type};

/// `identifier` quoted for SQL.
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The name of a data table for SQL.
pub fn relation(table: &str) -> String {
    format!("pennylane.{}", quoted(table))
}

/// Merges a page: compares first, writes what differs. Arguments: company (bigint), the range's lower (exclusive) and
/// upper (inclusive) id (bigint), or NULLs when the page says nothing of other ids, the ids of the page (bigint[]) and of
/// the rows to write (bigint[]), then one text[] per column and one for `extra`. One row comes back: inserted, updated, an
/// id and its company when a record belongs to another company, and what was to be written: the ids (bigint[]) and the
/// digest of each (bigint[]).
///
/// An `INSERT ... ON CONFLICT` would lock every unchanged row and write WAL for it; joining first writes nothing. The
/// parts of the statement see one snapshot, so the order in which they run does not matter.
pub fn merge(resource: &Resource, columns: &[&Column]) -> String {
    let table = resource.table;
    let relation = relation(table);
    let Lists { names, unnested, typed, held, came, assignments, different, wanted, .. } = Lists::of(columns, true, 6);
    let refers = columns.iter().any(|column| Some(column.name.as_str()) == leads(resource).map(|(_, name)| name));
    let (old, pending) = match leads(resource).filter(|_| refers) {
        // A page that was read by id holds changed records: what they point to, and pointed to, is to be read again. Of
        // a whole list, only the rows that differ say so.
        Some((follower, column)) => (
            format!(", t.{column} AS old_reference"),
            format!(
                ", pending AS ( \
                     INSERT INTO pennylane.pending_entries (company_id, table_name, id) \
                     SELECT DISTINCT $1, '{follower}', reference FROM ( \
                         SELECT old_reference FROM differing \
                         UNION ALL SELECT {column} FROM differing WHERE NOT is_new \
                         UNION ALL SELECT {column} FROM incoming WHERE $3::bigint IS NULL) AS touched (reference) \
                     WHERE reference IS NOT NULL {NOTED_AGAIN} \
                 )"
            ),
        ),
        None => (String::new(), String::new()),
    };
    let done = match resource.mode {
        // Only what was asked for by id was read after it was noted; pages of a list may be older.
        Mode::Follows { .. } => {
            format!(", done AS ({} AND $3::bigint IS NULL)", forget_pending(table, "$4::bigint[]"))
        }
        _ => String::new(),
    };
    format!(
        "WITH incoming AS MATERIALIZED ( \
             SELECT id, {typed} FROM (SELECT pg_catalog.unnest($5::bigint[]) AS id, {unnested}) AS page \
         ), differing AS MATERIALIZED ( \
             SELECT i.*, t.id IS NULL AS is_new, t.company_id AS owner{old} \
             FROM incoming i LEFT JOIN {relation} t ON t.id = i.id \
             WHERE t.id IS NULL OR t.company_id <> $1 OR ROW({held}) IS DISTINCT FROM ROW({came}) \
         ), updated AS ( \
             UPDATE {relation} t SET {assignments}, _synced_at = pg_catalog.clock_timestamp() FROM differing d \
             WHERE t.id = d.id AND d.owner = $1 RETURNING 1 \
         ), inserted AS ( \
             INSERT INTO {relation} (id, company_id, {names}, _synced_at) \
             SELECT d.id, $1, {different}, pg_catalog.clock_timestamp() FROM differing d WHERE d.is_new RETURNING 1 \
         ), missing AS ( \
             INSERT INTO pennylane.sync_candidates (company_id, table_name, id) \
             SELECT $1, '{table}', t.id FROM {relation} t \
             WHERE t.id > $2 AND t.id <= $3 AND t.company_id = $1 AND t.id <> ALL ($4::bigint[]) \
             ON CONFLICT DO NOTHING \
         ), foreign_record AS ( \
             SELECT id, owner FROM differing WHERE owner <> $1 LIMIT 1 \
         ){pending}{done} \
         SELECT (SELECT pg_catalog.count(*) FROM inserted), (SELECT pg_catalog.count(*) FROM updated), \
                (SELECT id FROM foreign_record), (SELECT owner FROM foreign_record), w.ids, w.digests \
         FROM (SELECT pg_catalog.array_agg(d.id) AS ids, pg_catalog.array_agg({}) AS digests FROM differing d) AS w",
        digest(&wanted)
    )
}

/// The digest of a row that has these values, as [`Lists`] gives them.
fn digest(values: &str) -> String {
    format!("pg_catalog.hash_record_extended(ROW({values}), 0)")
}

/// Reads rows of a page back: what [`merge`] has written, after the triggers that it fired. Arguments: company (bigint) and
/// the ids (bigint[], ascending). One row comes back: the ids that are there (bigint[]) and the digest of each (bigint[]).
/// `listed`: the rows lie side by side, and one walk through the index finds them in two thirds of the time; the sum keeps
/// the planner from looking each up, and from rows in between that the list no longer shows nothing is made.
pub fn read_back(resource: &Resource, columns: &[&Column], listed: bool) -> String {
    let Lists { stored, .. } = Lists::of(columns, true, 1);
    let which = match listed {
        true => "t.id BETWEEN ($2)[1] AND ($2)[pg_catalog.cardinality($2)] AND t.id + 0 = ANY ($2)",
        false => "t.id = ANY ($2)",
    };
    format!(
        "SELECT pg_catalog.array_agg(t.id), pg_catalog.array_agg({}) FROM {} t WHERE t.company_id = $1 AND {which}",
        digest(&stored),
        relation(resource.table)
    )
}

/// The columns of a statement that writes, as the lists that it is made of.
struct Lists {
    names: String,
    /// One text[] a column, as columns of a SELECT: in FROM, each array would be copied to a table of its own first.
    unnested: String,
    typed: String,
    /// As columns of `t`, the table; of `i`, what comes in; and of `d`, what differs.
    held: String,
    came: String,
    different: String,
    /// As [`digest`] takes them, of `d` and of `t`.
    wanted: String,
    stored: String,
    /// Assignments from `d`, and from the row that an INSERT could not put in.
    assignments: String,
    assigned: String,
}

impl Lists {
    /// The lists of these columns, and of `extra` behind them. `first` is the number of the first argument.
    fn of(columns: &[&Column], extra: bool, first: usize) -> Lists {
        let extra = extra.then(|| ("extra".to_owned(), Type::Jsonb));
        let columns = columns.iter().map(|column| (quoted(&column.name), column.kind));
        let columns: Vec<(String, Type)> = columns.chain(extra).collect();
        let list = |item: &dyn Fn(usize, &str, Type) -> String| {
            let items = columns.iter().enumerate().map(|(place, (name, kind))| item(place, name, *kind));
            items.collect::<Vec<_>>().join(", ")
        };
        // The hash of a number leaves out its sign, and that of NaN is that of 0. The hash of a jsonb leaves out the signs of
        // its numbers, and that of an empty object is that of an empty list.
        let hashed = |row: &str, name: &str, kind| match kind {
            Type::Numeric(_) => format!("{row}.{name}, {row}.{name} <= 0"),
            Type::Jsonb => format!("{row}.{name}::text"),
            _ => format!("{row}.{name}"),
        };
        Lists {
            names: list(&|_, name, _| name.to_owned()),
            unnested: list(&|place, _, _| format!("pg_catalog.unnest(${}::text[]) AS c{place}", first + place)),
            typed: list(&|place, name, kind| format!("c{place}::{kind} AS {name}")),
            held: list(&|_, name, _| format!("t.{name}")),
            came: list(&|_, name, _| format!("i.{name}")),
            different: list(&|_, name, _| format!("d.{name}")),
            wanted: list(&|_, name, kind| hashed("d", name, kind)),
            stored: list(&|_, name, kind| hashed("t", name, kind)),
            assignments: list(&|_, name, _| format!("{name} = d.{name}")),
            assigned: list(&|_, name, _| format!("{name} = EXCLUDED.{name}")),
        }
    }
}

/// Writes lines of a file as [`merge`] writes a page. Arguments: company (bigint), first and last day of the period
/// (date, as text), the numbers of the lines (bigint[]), then one text[] a column and, with `extra`, one for it. `fresh`:
/// no line of the period is held. One row comes back: what was to be written, as the numbers (bigint[]) and the digest of
/// each line (bigint[]), and unless `fresh` the lines inserted and updated: counting them takes time that a first load has
/// not got, and there they are the lines that are read back.
pub fn put_lines(table: &str, columns: &[&Column], extra: bool, fresh: bool) -> String {
    let relation = relation(table);
    let Lists { names, unnested, typed, held, came, assigned, different, wanted, .. } = Lists::of(columns, extra, 5);
    let incoming =
        format!("SELECT line_no, {typed} FROM (SELECT pg_catalog.unnest($4::bigint[]) AS line_no, {unnested}) AS page");
    let keys = "company_id, period_start, period_end, line_no";
    // The planner takes a period that was just loaded for one line, and would go through all of it for each line. So each
    // line looks its twin up by the whole key (LIMIT keeps that from becoming a join), and what differs goes in by its key.
    let twin = "t.company_id = $1 AND t.period_start = $2::date AND t.period_end = $3::date AND t.line_no = i.line_no";
    let (differing, conflict, counts) = match fresh {
        true => (format!("differing AS MATERIALIZED ({incoming})"), String::new(), ""),
        false => (
            format!(
                "incoming AS MATERIALIZED ({incoming}), differing AS MATERIALIZED ( \
                     SELECT i.* FROM incoming i LEFT JOIN LATERAL (SELECT t.* FROM {relation} t WHERE {twin} LIMIT 1) AS t ON true \
                     WHERE t.line_no IS NULL OR ROW({held}) IS DISTINCT FROM ROW({came}) \
                 )"
            ),
            // A row that was put in has no xmax; one that was in the way has been locked, then updated.
            format!(
                "ON CONFLICT ({keys}) DO UPDATE SET {assigned}, _synced_at = EXCLUDED._synced_at \
                 RETURNING xmax = 0 AS is_new"
            ),
            ", (SELECT pg_catalog.count(*) FROM written WHERE is_new), \
               (SELECT pg_catalog.count(*) FROM written WHERE NOT is_new)",
        ),
    };
    format!(
        "WITH {differing}, written AS ( \
             INSERT INTO {relation} ({keys}, {names}, _synced_at) \
             SELECT $1, (SELECT $2::date), (SELECT $3::date), d.line_no, {different}, pg_catalog.clock_timestamp() \
             FROM differing d \
             {conflict} \
         ) SELECT pg_catalog.array_agg(d.line_no), pg_catalog.array_agg({}){counts} FROM differing d",
        digest(&wanted)
    )
}

/// Reads lines back as [`read_back`] reads rows. Arguments: company (bigint), first and last day of the period (date, as
/// text), the first and the last line (bigint).
pub fn read_lines_back(table: &str, columns: &[&Column], extra: bool) -> String {
    let Lists { stored, .. } = Lists::of(columns, extra, 1);
    format!(
        "SELECT pg_catalog.array_agg(t.line_no), pg_catalog.array_agg({}) FROM {} t \
         WHERE t.company_id = $1 AND t.period_start = $2::date AND t.period_end = $3::date \
           AND t.line_no BETWEEN $4 AND $5",
        digest(&stored),
        relation(table)
    )
}

/// The table that learns its changes from this one, and by which column.
fn leads(resource: &Resource) -> Option<(&'static str, &'static str)> {
    resource.follower().and_then(|follower| match follower.mode {
        Mode::Follows { column, .. } => Some((follower.table, column)),
        _ => None,
    })
}

/// A record that is noted again is pending from now on: a full sync that started before may have read it too early.
pub const NOTED_AGAIN: &str = "ON CONFLICT (company_id, table_name, id) DO UPDATE SET noted_at = EXCLUDED.noted_at";

/// Takes rows of a follower off what is pending. `ids` is SQL; $1 is the company.
fn forget_pending(table: &str, ids: &str) -> String {
    format!(
        "DELETE FROM pennylane.pending_entries WHERE company_id = $1 AND table_name = '{table}' AND id = ANY ({ids})"
    )
}

/// Deletes rows, their last version kept: arguments are the company and, as `which` says, their ids. One row comes back:
/// how many went.
pub fn delete(resource: &Resource, shape: &Shape, which: Which) -> String {
    let table = resource.table;
    let relation = relation(table);
    let candidates =
        format!("SELECT id FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = '{table}'");
    let (source, of_these, forget) = match which {
        Which::Ids => (
            "unnest($2::bigint[]) AS c (id)".to_owned(),
            "= ANY ($2::bigint[])".to_owned(),
            match resource.mode {
                Mode::Follows { .. } => format!(", done AS ({})", forget_pending(table, "$2::bigint[]")),
                _ => String::new(),
            },
        ),
        Which::Candidates => (
            format!("({candidates}) AS c"),
            format!("IN ({candidates})"),
            format!(
                ", done AS (DELETE FROM pennylane.sync_candidates WHERE company_id = $1 AND table_name = '{table}')"
            ),
        ),
    };
    let refers = leads(resource).filter(|(_, column)| shape.has(column, Type::Bigint));
    let pending = refers.map_or(String::new(), |(follower, column)| {
        format!(
            ", pending AS ( \
                 INSERT INTO pennylane.pending_entries (company_id, table_name, id) \
                 SELECT DISTINCT $1, '{follower}', {column} FROM gone WHERE {column} IS NOT NULL {NOTED_AGAIN} \
             )"
        )
    });
    format!(
        "WITH gone AS ( \
             DELETE FROM {relation} t USING {source} WHERE t.id = c.id AND t.company_id = $1 RETURNING t.* \
         ), kept AS ( \
             INSERT INTO pennylane.deleted_rows (company_id, table_name, id, deleted_at, row) \
             SELECT $1, '{table}', gone.id, pg_catalog.clock_timestamp(), pg_catalog.to_jsonb(gone) FROM gone \
         ), settled AS ( \
             DELETE FROM pennylane.altered_rows WHERE company_id = $1 AND table_name = '{table}' AND id {of_these} \
         ){pending}{forget} SELECT pg_catalog.count(*) FROM gone"
    )
}

/// Which rows are to be deleted.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// Those in the second argument, a bigint[].
    Ids,
    /// The candidates of a full sync. There is no second argument.
    Candidates,
}
