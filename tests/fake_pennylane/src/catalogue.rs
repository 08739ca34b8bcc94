//! The resources of the API, read from the crate's data file: fields, filters, sorts, limits, scopes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// One list of the API.
#[derive(Debug, Deserialize)]
pub struct Resource {
    pub name: String,
    /// The largest page that may be asked for.
    pub limit: usize,
    /// The fields that `sort` accepts; none: no sort parameter.
    pub sort: Vec<String>,
    pub default_sort: String,
    /// Any one of these opens the list.
    pub scopes: Vec<String>,
    /// Whether `GET /{resource}/{id}` exists.
    pub single: bool,
    pub changelog: bool,
    pub filters: BTreeMap<String, Vec<Operator>>,
    pub fields: Vec<Field>,
}

/// One field of a record.
#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub format: Option<String>,
    #[serde(default)]
    pub nullable: bool,
    #[serde(rename = "enum", default)]
    pub values: Vec<String>,
    /// What an array holds.
    pub items: Option<Kind>,
    /// The only variant of the record that has this field.
    pub variant: Option<String>,
    /// Of an object, or of the objects of an array.
    #[serde(default)]
    pub children: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Integer,
    String,
    Boolean,
    Object,
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    Eq,
    NotEq,
    Lt,
    Lteq,
    Gt,
    Gteq,
    In,
    NotIn,
    StartWith,
}

static RESOURCES: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    // The data file is part of the crate: a mistake in it fails every test.
    serde_json::from_str(include_str!("../data/resources.json")).expect("data/resources.json is well formed")
});

/// Every list, in the order of the data file.
pub fn resources() -> &'static [Resource] {
    &RESOURCES
}

/// The list of this name.
pub fn find(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.name == name)
}

/// The list of this name, which the code itself wrote.
pub(crate) fn known(name: &str) -> &'static Resource {
    find(name).unwrap_or_else(|| panic!("no table is named {name:?}"))
}

impl Resource {
    /// These lists also carry four page counters, all null, that no published schema names.
    pub fn null_counters(&self) -> bool {
        ["journals", "ledger_accounts", "ledger_entries", "fiscal_years"].contains(&self.name.as_str())
    }
}
