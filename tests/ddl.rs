//! The SQL of the data tables says what the published contract says: the rule that makes a column of a field is written
//! here once, in [`columns_of`], and compared with `sql/tables/` both ways.

use penny_pg::catalogue::resource;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// A column: its name, its type, and the path of the field it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: String,
    path: String,
}

/// A table's columns by the naming rule, in the order of the API.
///
/// Nested names are joined by `_`. Links are no columns, so an object that holds nothing else vanishes. An array is one
/// column. Of two fields with one name, the nested one is the newer form of the API and gives the path.
fn columns_of(fields: &[Value]) -> Vec<Column> {
    fn visit(fields: &[Value], outer: Option<&str>, columns: &mut Vec<Column>) {
        for field in fields {
            let own = text(&field["name"]);
            if is_link(own) {
                continue;
            }
            let path = outer.map_or_else(|| own.to_owned(), |outer| format!("{outer}.{own}"));
            if let ("object", Some(children)) = (text(&field["type"]), field["children"].as_array()) {
                visit(children, Some(&path), columns);
                continue;
            }
            let column = Column { name: path.replace('.', "_"), kind: type_of(field).to_owned(), path };
            match columns.iter_mut().find(|other| other.name == column.name) {
                Some(twin) if depth(&twin.path) < depth(&column.path) => *twin = column,
                Some(_) => {}
                None => columns.push(column),
            }
        }
    }
    let mut columns = Vec::new();
    visit(fields, None, &mut columns);
    columns
}

/// The type of the column that holds a field.
fn type_of(field: &Value) -> &'static str {
    match (text(&field["type"]), field["format"].as_str()) {
        ("integer", Some("int64")) => "bigint",
        ("integer", _) => "integer",
        ("boolean", _) => "boolean",
        ("array" | "object", _) => "jsonb",
        (_, Some("decimal-string")) => "numeric",
        (_, Some("date")) => "date",
        (_, Some("date-time")) => "timestamptz",
        (_, Some("uuid")) => "uuid",
        _ => "text",
    }
}

/// Links expire, change at every read and may let anyone in.
fn is_link(name: &str) -> bool {
    name == "url" || name.ends_with("_url")
}

fn depth(path: &str) -> usize {
    path.split('.').count()
}

/// A file of `sql/tables/`, read line by line: one column, one index, one comment a line.
#[derive(Debug, Default)]
struct Ddl {
    /// Name, and the rest of the definition.
    columns: Vec<(String, String)>,
    /// Column that leads an index, and the index's name.
    indexes: Vec<(String, String)>,
    table_comment: Option<String>,
    comments: BTreeMap<String, String>,
}

impl Ddl {
    fn read(table: &str) -> Ddl {
        let mut ddl = Ddl::default();
        let mut in_columns = false;
        for line in file(&format!("sql/tables/{table}.sql")).lines() {
            if line == format!("CREATE TABLE IF NOT EXISTS pennylane.{table} (") {
                in_columns = true;
            } else if line == ");" {
                in_columns = false;
            } else if in_columns {
                let (name, definition) =
                    line.trim().trim_end_matches(',').split_once(' ').expect("a column and its type");
                ddl.columns.push((name.to_owned(), definition.trim().to_owned()));
            } else if let Some(index) = line.strip_prefix("CREATE INDEX IF NOT EXISTS ") {
                let (name, rest) = index.split_once(" ON ").expect("an index on a table");
                let rest = rest.strip_prefix(&format!("pennylane.{table} (")).expect("an index on its table");
                let leading = rest.split([')', ' ', ',']).next().expect("an indexed column");
                ddl.indexes.push((leading.to_owned(), name.to_owned()));
            } else if let Some(comment) = line.strip_prefix(&format!("COMMENT ON TABLE pennylane.{table} IS ")) {
                assert!(ddl.table_comment.replace(literal(comment)).is_none(), "{table}: two comments");
            } else if let Some(comment) = line.strip_prefix(&format!("COMMENT ON COLUMN pennylane.{table}.")) {
                let (column, comment) = comment.split_once(" IS ").expect("a column and its comment");
                let twice = ddl.comments.insert(column.to_owned(), literal(comment));
                assert!(twice.is_none(), "{table}.{column}: two comments");
            } else {
                assert!(line.is_empty() || line.starts_with("--"), "{table}: not understood: {line}");
            }
        }
        ddl
    }
}

/// The text of an SQL literal that ends its statement.
fn literal(sql: &str) -> String {
    let inner = sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix("';")).expect("a literal and a semicolon");
    assert!(!inner.replace("''", "").contains('\''), "a quote ends this literal early: {sql}");
    inner.replace("''", "'")
}

/// The rows of the list of foreign keys: table, column, referenced table.
fn foreign_keys() -> Vec<[String; 3]> {
    let sql = file("sql/tables/foreign_keys.sql");
    let rows = sql.lines().filter_map(|line| line.trim().trim_end_matches(',').strip_prefix("('")?.strip_suffix("')"));
    rows.map(|row| {
        let parts: Vec<String> = row.split(',').map(|part| part.trim().trim_matches('\'').to_owned()).collect();
        parts.try_into().expect("a table, a column and a table")
    })
    .collect()
}

fn file(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every resource of the contract and the columns that the rule gives it.
fn contract() -> BTreeMap<String, Vec<Column>> {
    let contract: Value = serde_json::from_str(&file("tests/fixtures/api/resources.json")).expect("JSON");
    let resources = contract["resources"].as_object().expect("resources");
    assert_eq!(resources.len(), 16);
    let columns = |resource: &Value| columns_of(resource["fields"].as_array().expect("fields"));
    resources.iter().map(|(table, resource)| (table.clone(), columns(resource))).collect()
}

fn is_optional(table: &str) -> bool {
    resource(table).is_some_and(|resource| resource.optional)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[test]
fn every_table_has_the_columns_that_the_contract_gives_it_and_no_other() {
    for (table, columns) in contract() {
        let mut expected = vec![
            ("id".to_owned(), format!("bigint CONSTRAINT {table}_pkey PRIMARY KEY")),
            ("company_id".to_owned(), "bigint NOT NULL".to_owned()),
        ];
        // The key is first, wherever the API has it.
        assert!(columns.iter().any(|column| column.name == "id"), "{table}");
        let others = columns.into_iter().filter(|column| column.name != "id");
        expected.extend(others.map(|column| (column.name, column.kind)));
        expected.push(("extra".to_owned(), "jsonb".to_owned()));
        expected.push(("_synced_at".to_owned(), "timestamptz NOT NULL".to_owned()));
        assert_eq!(Ddl::read(&table).columns, expected, "{table}");
    }
}

#[test]
fn every_table_and_every_column_is_explained() {
    for table in contract().keys() {
        let ddl = Ddl::read(table);
        let comment = ddl.table_comment.unwrap_or_else(|| panic!("{table} has no comment"));
        assert!(comment.ends_with(&format!(" [GET /{table}]")), "{table}: {comment}");
        let mut columns: Vec<String> = ddl.columns.into_iter().map(|(name, _)| name).collect();
        columns.sort();
        assert_eq!(ddl.comments.into_keys().collect::<Vec<_>>(), columns, "{table}");
    }
}

#[test]
fn every_comment_ends_with_the_field_that_its_column_holds() {
    for (table, columns) in contract() {
        let comments = Ddl::read(&table).comments;
        for Column { name, path, .. } in columns {
            let explained = comments[&name].strip_suffix(&format!(" [{path}]"));
            assert!(explained.is_some_and(|text| text.ends_with('.')), "{table}.{name}: {}", comments[&name]);
        }
        assert!(comments["company_id"].ends_with(" [me: company.id]"), "{table}");
    }
}

#[test]
fn a_comment_names_every_value_of_a_short_enumeration() {
    fn visit(table: &str, fields: &Value, outer: &str, comments: &BTreeMap<String, String>) {
        for field in fields.as_array().into_iter().flatten() {
            let name = format!("{outer}{}", text(&field["name"]));
            visit(table, &field["children"], &format!("{name}_"), comments);
            let values = field["enum"].as_array().filter(|values| values.len() < 15);
            for value in values.into_iter().flatten() {
                let comment = &comments[&name];
                let named = comment.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == text(value));
                assert!(named, "{table}.{name} does not say {value}: {comment}");
            }
        }
    }
    let contract: Value = serde_json::from_str(&file("tests/fixtures/api/resources.json")).expect("JSON");
    for (table, resource) in contract["resources"].as_object().expect("resources") {
        visit(table, &resource["fields"], "", &Ddl::read(table).comments);
    }
}

#[test]
fn no_column_holds_a_link() {
    for table in contract().keys() {
        for (name, _) in Ddl::read(table).columns {
            assert!(!is_link(&name), "{table}.{name}");
        }
    }
}

#[test]
fn every_column_that_points_to_another_table_has_a_foreign_key_and_an_index() {
    let contract = contract();
    let keys = foreign_keys();
    let mut sorted = keys.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(keys, sorted, "the list is in order, without repetition");

    for [table, column, referenced] in &keys {
        assert!(contract.contains_key(referenced), "{referenced}");
        let held = contract[table].iter().find(|held| held.name == *column).expect("a key on a column");
        assert_eq!(held.kind, "bigint", "{table}.{column}");
        // Whoever keeps no table on request pays for none: these columns point to few rows from many.
        if is_optional(referenced) && !is_optional(table) {
            continue;
        }
        let index = (column.clone(), format!("{table}_{column}_idx"));
        assert!(Ddl::read(table).indexes.contains(&index), "{table}.{column} has no index");
    }

    let parents = [
        ("customer", "customers"),
        ("supplier", "suppliers"),
        ("credited_invoice", "customer_invoices"),
        ("ledger_entry", "ledger_entries"),
        ("ledger_account", "ledger_accounts"),
        ("payment_method_ledger_account", "ledger_accounts"),
        ("bank_account", "bank_accounts"),
        ("journal", "journals"),
        ("quote", "quotes"),
        ("category_group", "category_groups"),
        ("bank_establishment", "bank_establishments"),
    ];
    for (table, columns) in &contract {
        for column in columns {
            let reference = column.path.strip_suffix(".id");
            let Some((_, parent)) = parents.iter().find(|(name, _)| reference == Some(*name)) else { continue };
            let key = [table.clone(), column.name.clone(), (*parent).to_owned()];
            assert!(keys.contains(&key), "{key:?} is missing");
        }
    }
}

#[test]
fn every_index_is_named_for_its_column_and_every_table_finds_its_misfits() {
    for (table, columns) in contract() {
        let mut indexes = Ddl::read(&table).indexes;
        let misfits = indexes.pop().expect("an index");
        assert_eq!(misfits, ("company_id".to_owned(), format!("{table}_misfit_idx")));
        for (column, name) in indexes {
            assert_eq!(name, format!("{table}_{column}_idx"));
            assert!(columns.iter().any(|held| held.name == column), "{table}.{column}");
        }
        let sql = file(&format!("sql/tables/{table}.sql"));
        assert!(sql.contains("(company_id) WHERE extra ? '_misfit';"), "{table}");
    }
}
