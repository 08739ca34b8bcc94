//! One table: its rows as ready JSON text in id order, and beside each text the few values that requests ask about.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use chrono::NaiveDate;
use rand::Rng;
use serde_json::Value;

use crate::catalogue::Resource;

/// Stands in the stored text for the start of a signed link, which is written anew at each read.
pub(crate) const SIGNED: &str = "~~signed~~";

/// A value kept beside the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Bool(bool),
    Int(i64),
    Date(NaiveDate),
    /// Millionths of a euro.
    Micros(i64),
    Text(Box<str>),
    Texts(Box<[Box<str>]>),
    /// Last, so that rows without a date close an ascending list.
    Null,
}

/// Which value of a record a column holds.
pub(crate) struct Column {
    pub name: String,
    path: Vec<String>,
}

pub(crate) struct Row {
    pub text: Box<str>,
    pub cells: Box<[Cell]>,
}

/// The ids of a table in the order of one column, and the version of the table that it was made for.
type Order = (u64, Arc<Vec<(Cell, i64)>>);

pub(crate) struct Table {
    pub resource: &'static Resource,
    pub columns: Vec<Column>,
    pub rows: BTreeMap<i64, Row>,
    /// Moves with every change.
    pub version: u64,
    next_id: i64,
    orders: HashMap<usize, Order>,
    /// Lines by entry: the one question that a filter does not answer.
    groups: Option<(usize, HashMap<i64, Vec<i64>>)>,
}

/// Columns that no filter names but that the books need.
const EXTRA_COLUMNS: &[(&str, &[&str])] =
    &[("ledger_entry_lines", &["debit", "credit", "ledger_entry_id"]), ("fiscal_years", &["start"])];

impl Table {
    pub fn new(resource: &'static Resource, first_id: i64) -> Self {
        let extra = EXTRA_COLUMNS.iter().filter(|(table, _)| *table == resource.name).flat_map(|(_, names)| *names);
        let names = resource.filters.keys().map(String::as_str).chain(extra.copied()).filter(|name| *name != "id");
        let columns: Vec<Column> =
            names.map(|name| Column { name: name.to_owned(), path: path_of(resource, name) }).collect();
        let groups = columns
            .iter()
            .position(|column| column.name == "ledger_entry_id")
            .map(|position| (position, HashMap::new()));
        Self { resource, columns, rows: BTreeMap::new(), version: 0, next_id: first_id, orders: HashMap::new(), groups }
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Writes a whole record under this id.
    pub fn put(&mut self, id: i64, record: &Value) {
        let cells: Box<[Cell]> = self.columns.iter().map(|column| cell_of(record, column)).collect();
        self.remove(id);
        if let Some((position, groups)) = &mut self.groups
            && let Cell::Int(group) = cells[*position]
        {
            groups.entry(group).or_default().push(id);
        }
        self.rows.insert(id, Row { text: record.to_string().into(), cells });
        self.next_id = self.next_id.max(id + 1);
        self.version += 1;
    }

    pub fn remove(&mut self, id: i64) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        if let Some((position, groups)) = &mut self.groups
            && let Cell::Int(group) = row.cells[*position]
            && let Some(ids) = groups.get_mut(&group)
        {
            ids.retain(|other| *other != id);
        }
        self.version += 1;
        true
    }

    /// The record as it is stored, signed links not yet written.
    pub fn stored(&self, id: i64) -> Option<Value> {
        self.rows.get(&id).map(|row| parse(&row.text))
    }

    /// The rows of one group (the lines of one entry).
    pub fn group(&self, id: i64) -> Vec<i64> {
        self.groups.as_ref().and_then(|(_, groups)| groups.get(&id)).cloned().unwrap_or_default()
    }

    pub fn next_id(&self) -> i64 {
        self.next_id
    }

    /// Leaves a gap, as real ids do.
    pub fn take_id(&mut self, gap: i64) -> i64 {
        let id = self.next_id + gap;
        self.next_id = id + 1;
        id
    }

    /// Some id of the table, or none when it is empty.
    pub fn random_id(&self, rng: &mut impl Rng) -> Option<i64> {
        let first = *self.rows.first_key_value()?.0;
        let last = *self.rows.last_key_value()?.0;
        let start = rng.random_range(first..=last);
        self.rows.range(start..).next().map(|(id, _)| *id)
    }

    /// Every row in the order of one column; kept until the table changes.
    pub fn order(&mut self, column: usize) -> Arc<Vec<(Cell, i64)>> {
        if let Some((version, order)) = self.orders.get(&column)
            && *version == self.version
        {
            return Arc::clone(order);
        }
        let mut order: Vec<(Cell, i64)> = self.rows.iter().map(|(id, row)| (row.cells[column].clone(), *id)).collect();
        order.sort_unstable();
        let order = Arc::new(order);
        self.orders.insert(column, (self.version, Arc::clone(&order)));
        order
    }

    /// The rows between two ids, ascending.
    pub fn between(&self, low: Bound<i64>, high: Bound<i64>) -> impl DoubleEndedIterator<Item = (i64, &Row)> {
        let empty = match (low, high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
            _ => false,
        };
        let range = if empty { (Bound::Included(0), Bound::Excluded(0)) } else { (low, high) };
        self.rows.range(range).map(|(id, row)| (*id, row))
    }
}

/// Stored text is always what `Value` itself wrote.
pub(crate) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Where in a record the value of a filter is: `customer_id` is `customer.id`, most others are the field itself.
fn path_of(resource: &Resource, name: &str) -> Vec<String> {
    let path: &[&str] = match name {
        "flow_id" => &["e_invoicing", "flow", "id"],
        "electronic_billing_address" => &["e_invoicing", "electronic_billing_address"],
        _ => {
            let object = name.strip_suffix("_id").unwrap_or_default();
            if resource.fields.iter().any(|field| field.name == object) { &[object, "id"] } else { &[name] }
        }
    };
    path.iter().map(|part| (*part).to_owned()).collect()
}

fn cell_of(record: &Value, column: &Column) -> Cell {
    if column.name == "credit_note" {
        return Cell::Bool(record["amount"].as_str().is_some_and(|amount| amount.starts_with('-')));
    }
    let mut value = record;
    for part in &column.path {
        value = &value[part];
    }
    match value {
        Value::Bool(flag) => Cell::Bool(*flag),
        Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Int),
        Value::String(text) if ["debit", "credit"].contains(&column.name.as_str()) => {
            crate::amount::micros(text).map_or(Cell::Null, Cell::Micros)
        }
        Value::String(text) if ["date", "start"].contains(&column.name.as_str()) => {
            text.parse().map_or(Cell::Null, Cell::Date)
        }
        Value::String(text) => Cell::Text(text.as_str().into()),
        Value::Array(texts) => Cell::Texts(texts.iter().filter_map(Value::as_str).map(Box::from).collect()),
        Value::Null | Value::Object(_) => Cell::Null,
    }
}
