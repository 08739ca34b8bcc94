//! What Pennylane offers and how each list and export is read. The entries are in `resources.rs`; this file gives their
//! types.

mod resources;

use crate::export::Layout;
pub use resources::{EXPORTS, RESOURCES, TRIAL_BALANCE_SCOPE};

/// One list of the API and the table that holds it. Columns are not here: they are read from the live table.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// Table in schema `pennylane`.
    pub table: &'static str,
    /// Path of the list below the base URL.
    pub path: &'static str,
    /// Largest `limit` that the API takes.
    pub page_limit: u16,
    /// How the list can be filtered by id.
    pub id_filter: IdFilter,
    /// Whether it can be asked for in ascending order of id. One that cannot is small: it is put in order here.
    pub sorts: bool,
    /// Scope (without `:readonly`) that the token needs.
    pub scope: &'static str,
    /// How changes are learnt between two full syncs.
    pub mode: Mode,
    /// The feed that tells when the inline `categories` change, which happens without an event of the record.
    pub categories: Option<Categories>,
    /// The column of a date after which the record's status changes by itself, without any event.
    pub deadline: Option<&'static str>,
    /// Kept only where somebody asked for it.
    pub optional: bool,
    /// The table itself, with its comments and indexes: SQL that creates it and may be run again.
    pub ddl: &'static str,
}

/// The operators that a list takes on `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdFilter {
    /// `gt` and `in`: the list is walked by `id gt`, so the last id is a checkpoint that lasts.
    Ranges,
    /// `in` only: the list is walked by cursor.
    Set,
    /// No filter at all: the list is walked by cursor and can only be read again as a whole.
    Nothing,
}

/// How changes of a table are learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Through `/changelogs/<name>`.
    Changelog(&'static str),
    /// Through the changes of another table's rows that point here by a column of theirs.
    Follows { table: &'static str, column: &'static str },
    /// Small: read whole each time.
    Whole,
}

/// A changelog of category assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Categories {
    /// Its name below `/changelogs/`.
    pub feed: &'static str,
    /// The member of its events that holds the record.
    pub parent: &'static str,
}

/// One file that Pennylane makes on request, and the table that holds its lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Export {
    /// Table in schema `pennylane`.
    pub table: &'static str,
    /// Where it is asked for below the base URL; the first form is the published one, older documents name the second.
    pub paths: [&'static str; 2],
    /// Scope that the token needs: exports have one form only.
    pub scope: &'static str,
    /// What the body of the request says beside the period.
    pub mode: Option<&'static str>,
    /// How the file is read.
    pub layout: Layout,
    /// As for a [`Resource`].
    pub ddl: &'static str,
}

/// A table of the schema, whatever fills it.
#[derive(Debug, Clone, Copy)]
pub struct DataTable {
    pub name: &'static str,
    pub scope: &'static str,
    /// As for a [`Resource`]. Exports are always kept.
    pub optional: bool,
    pub ddl: &'static str,
}

impl DataTable {
    /// Whether it is kept where these tables were asked for.
    pub fn is_kept(&self, enabled: &[String]) -> bool {
        !self.optional || enabled.iter().any(|name| name == self.name)
    }

    /// The columns that the table is shipped with, in their order.
    pub fn shipped_columns(&self) -> impl Iterator<Item = &'static str> {
        let body = self.ddl.split_once(" (\n").map_or("", |(_, rest)| rest);
        let lines = body.lines().take_while(|line| !line.starts_with(')'));
        lines.filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "CONSTRAINT")
    }
}

impl Resource {
    /// The table that it fills.
    pub fn data_table(&self) -> DataTable {
        DataTable { name: self.table, scope: self.scope, optional: self.optional, ddl: self.ddl }
    }

    /// The table that learns its changes from this one.
    pub fn follower(&self) -> Option<&'static Resource> {
        RESOURCES.iter().find(|other| matches!(other.mode, Mode::Follows { table, .. } if table == self.table))
    }
}

/// The list that fills a table, or `None` when none does.
pub fn resource(table: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.table == table)
}

/// The export that fills a table, or `None` when none does.
pub fn export(table: &str) -> Option<&'static Export> {
    EXPORTS.iter().find(|export| export.table == table)
}

/// Every table that can be kept: those of the lists, then those of the exports.
pub fn data_tables() -> impl Iterator<Item = DataTable> {
    let of_export =
        |export: &Export| DataTable { name: export.table, scope: export.scope, optional: false, ddl: export.ddl };
    let exports = EXPORTS.iter().map(of_export);
    RESOURCES.iter().map(Resource::data_table).chain(exports)
}

/// The tables that are kept where these were asked for.
pub fn kept_tables(enabled: &[String]) -> impl Iterator<Item = DataTable> {
    data_tables().filter(|table| table.is_kept(enabled))
}

/// A table that can be kept, by its name.
pub fn data_table(name: &str) -> Option<DataTable> {
    data_tables().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// The published contract, trimmed to what is synced.
    fn contract() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/api/resources.json")).unwrap()
    }

    #[test]
    fn the_shipped_columns_are_read_from_the_ddl() {
        let columns: Vec<&str> = data_table("fiscal_years").unwrap().shipped_columns().collect();
        let expected =
            ["id", "company_id", "start", "finish", "status", "created_at", "updated_at", "extra", "_synced_at"];
        assert_eq!(columns, expected);
        assert!(data_tables().all(|table| table.shipped_columns().last() == Some("_synced_at")));
    }

    #[test]
    fn what_is_on_request_is_kept_on_request() {
        let names = |enabled: &[&str]| -> Vec<&str> {
            let enabled: Vec<String> = enabled.iter().map(|name| (*name).to_owned()).collect();
            kept_tables(&enabled).map(|table| table.name).collect()
        };
        assert_eq!(names(&[]).len(), 13);
        assert_eq!(names(&["customers", "nothing"]), names(&[]));
        let one_more = names(&["journals"]);
        assert_eq!(one_more.len(), 14);
        assert!(one_more.contains(&"journals"));
        assert!(RESOURCES.is_sorted_by_key(|resource| resource.optional), "those on request are at the end");
    }

    #[test]
    fn every_entry_says_what_the_contract_says() {
        let contract = contract();
        for resource in RESOURCES {
            let published = &contract["resources"][resource.table];
            assert_eq!(published["path"], resource.path);
            assert_eq!(published["list_max_limit"], resource.page_limit);
            let operators: Vec<&str> = published["filters"]["id"]
                .as_array()
                .map(|list| list.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            let filter = match (operators.contains(&"gt"), operators.contains(&"in")) {
                (true, true) => IdFilter::Ranges,
                (false, true) => IdFilter::Set,
                _ => IdFilter::Nothing,
            };
            assert_eq!(filter, resource.id_filter, "{}", resource.table);
            let scope = format!("{}:readonly", resource.scope);
            let scopes = published["scopes"].as_array().unwrap();
            assert!(scopes.contains(&Value::from(scope)), "{}", resource.table);
            let sorts = published["sort"].as_array().unwrap().contains(&Value::from("id"));
            assert_eq!(sorts, resource.sorts, "{}", resource.table);
            assert!(sorts || resource.mode == Mode::Whole, "{}: not in order means small", resource.table);
            match resource.mode {
                Mode::Changelog(name) => {
                    assert_eq!(published["changelog"], format!("/changelogs/{name}"));
                }
                Mode::Follows { table, column } => {
                    assert_eq!(published["changelog"], Value::Null);
                    let leader = super::resource(table).unwrap();
                    assert!(leader.data_table().shipped_columns().any(|shipped| shipped == column));
                    assert_eq!(leader.follower(), Some(resource));
                }
                Mode::Whole => assert_eq!(published["changelog"], Value::Null),
            }
            if let Some(Categories { feed, parent }) = resource.categories {
                let fields = contract["changelogs"][feed]["fields"].as_array().unwrap();
                assert!(fields.iter().any(|field| field["name"] == parent));
            }
            if let Some(deadline) = resource.deadline {
                assert!(resource.data_table().shipped_columns().any(|shipped| shipped == deadline));
            }
        }
    }
}
