//! The statement that writes a page. One shape for every table: nothing here knows a table by name.

use crate::row::Column;

/// `identifier` quoted for SQL.
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The name of a data table for SQL.
pub fn relation(table: &str) -> String {
    format!("pennylane.{}", quoted(table))
}

/// Merges a page: compares first, writes what differs. Arguments: company (bigint), the range's lower (exclusive) and
/// upper (inclusive) id (bigint), or NULLs when the page says nothing of other ids, the ids (bigint[]), then one text[]
/// per column and one for `extra`. One row comes back: inserted, updated, candidates for deletion, and an
/// id and its company when a record belongs to another company.
///
/// An `INSERT ... ON CONFLICT` would lock every unchanged row and write WAL for it; joining first writes nothing. The
/// parts of the statement see one snapshot, so the order in which they run does not matter. `unnest` of several arrays
/// is syntax, not a function: it takes no schema.
pub fn merge(table: &str, columns: &[&Column]) -> String {
    const FIRST_COLUMN: usize = 5;
    let relation = relation(table);
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).chain(["extra".into()]).collect();
    let types: Vec<String> = columns.iter().map(|column| column.kind.to_string()).chain(["jsonb".into()]).collect();
    let list = |item: &dyn Fn(usize) -> String| (0..names.len()).map(item).collect::<Vec<_>>().join(", ");
    let arguments = list(&|i| format!("${}::text[]", FIRST_COLUMN + i));
    let aliases = list(&|i| format!("c{i}"));
    let typed = list(&|i| format!("c{i}::{} AS {}", types[i], names[i]));
    let list_of_names = names.join(", ");
    let held = list(&|i| format!("t.{}", names[i]));
    let came = list(&|i| format!("i.{}", names[i]));
    let assignments = list(&|i| format!("{0} = i.{0}", names[i]));
    format!(
        "WITH incoming AS MATERIALIZED ( \
             SELECT id, {typed} FROM unnest($4::bigint[], {arguments}) AS page (id, {aliases}) \
         ), foreign_record AS ( \
             SELECT t.id, t.company_id FROM {relation} t JOIN incoming i ON i.id = t.id WHERE t.company_id <> $1 LIMIT 1 \
         ), updated AS ( \
             UPDATE {relation} t SET {assignments}, _synced_at = pg_catalog.clock_timestamp() FROM incoming i \
             WHERE t.id = i.id AND t.company_id = $1 AND ROW({held}) IS DISTINCT FROM ROW({came}) RETURNING 1 \
         ), inserted AS ( \
             INSERT INTO {relation} (id, company_id, {list_of_names}, _synced_at) \
             SELECT i.id, $1, {came}, pg_catalog.clock_timestamp() FROM incoming i \
             WHERE NOT EXISTS (SELECT FROM {relation} t WHERE t.id = i.id) RETURNING 1 \
         ), missing AS ( \
             INSERT INTO pennylane.sync_candidates (company_id, table_name, id) \
             SELECT $1, '{table}', t.id FROM {relation} t \
             WHERE t.id > $2 AND t.id <= $3 AND t.company_id = $1 AND t.id <> ALL ($4::bigint[]) \
             ON CONFLICT DO NOTHING RETURNING 1 \
         ) \
         SELECT (SELECT pg_catalog.count(*) FROM inserted), (SELECT pg_catalog.count(*) FROM updated), \
                (SELECT pg_catalog.count(*) FROM missing), (SELECT id FROM foreign_record), \
                (SELECT company_id FROM foreign_record)"
    )
}
