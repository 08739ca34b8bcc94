//! One JSON record and the shape of a live table to one typed row.
//!
//! A column's name is its mapping: `customer_id` takes `customer.id`, `label` takes `label`. What no column holds
//! goes to `extra`, and a value that does not fit its column goes to `extra->'_misfit'`: nothing is lost and nothing
//! is guessed. Cells are the text form that PostgreSQL reads; amounts stay text from the wire to the column.

mod cell;
pub(crate) mod json;

pub use cell::Type;

use crate::api::page::Record;
use json::Unreadable;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// Key under `extra` where values that did not fit their column are kept, by column name.
pub const MISFIT: &str = "_misfit";

/// A column that the engine may fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Type,
    /// The table is shipped with it, so a record without its field means NULL. A column that a user added is filled
    /// only from records that have its field, and is the user's own otherwise.
    pub shipped: bool,
}

/// The columns of a live table that the engine may fill, all but `id`, `company_id`, `extra` and `_synced_at`.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
}

impl Shape {
    /// A shape of these columns.
    pub fn new(columns: Vec<Column>) -> Shape {
        let by_name = columns.iter().enumerate().map(|(index, column)| (column.name.clone(), index)).collect();
        Shape { columns, by_name }
    }

    /// Whether there is a column of this name and type.
    pub fn has(&self, name: &str, kind: Type) -> bool {
        self.by_name.get(name).is_some_and(|place| self.columns[*place].kind == kind)
    }

    /// The place of a column in a row's cells.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The columns, in the order of a row's cells.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

/// A record as its table will hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    /// One per column of the shape, as text that PostgreSQL's input functions read; `None` is NULL.
    pub cells: Vec<Option<Box<str>>>,
    /// JSON object of what no column holds; `None` when there is nothing.
    pub extra: Option<Box<str>>,
    /// Places of the columns that a user added and this record has a field for.
    pub adopted: Vec<usize>,
    /// Fields that no column holds and the type their value looks like.
    pub unknown: BTreeMap<String, Type>,
}

/// Types one record by the shape of its table.
pub fn decode(record: Record, shape: &Shape) -> Row {
    let raw = record.json;
    decode_text(record.id, raw, shape).unwrap_or_else(|Unreadable| {
        // Lone surrogates: no text can hold them. Mark them, so that the values that hold one become misfits.
        let marked = json::mark_lone_surrogates(raw.get());
        let again = RawValue::from_string(marked).ok();
        again.and_then(|raw| decode_text(record.id, &raw, shape).ok()).unwrap_or_else(|| unreadable(record, shape))
    })
}

/// The row of a record that cannot be taken apart: all of it is one misfit.
fn unreadable(record: Record, shape: &Shape) -> Row {
    let mut extra = json::Object::default();
    extra.push_raw(MISFIT, &json::Object::single("record", &json::storable(record.json)));
    let cells = vec![None; shape.columns.len()];
    Row { id: record.id, cells, extra: extra.finish(), adopted: Vec::new(), unknown: BTreeMap::new() }
}

fn decode_text(id: i64, raw: &RawValue, shape: &Shape) -> Result<Row, Unreadable> {
    let mut decoder = Decoder {
        shape,
        cells: vec![None; shape.columns.len()],
        depths: vec![0; shape.columns.len()],
        extra: json::Object::default(),
        misfits: json::Object::default(),
        unknown: BTreeMap::new(),
        name: String::with_capacity(64),
    };
    decoder.object(raw, 0, false)?;
    if !decoder.misfits.is_empty() {
        let misfits = std::mem::take(&mut decoder.misfits).text();
        decoder.extra.push_raw(MISFIT, &misfits);
    }
    let added = shape.columns.iter().enumerate().filter(|(_, column)| !column.shipped);
    let adopted = added.map(|(place, _)| place).filter(|place| decoder.depths[*place] > 0).collect();
    Ok(Row { id, cells: decoder.cells, extra: decoder.extra.finish(), adopted, unknown: decoder.unknown })
}

struct Decoder<'a> {
    shape: &'a Shape,
    cells: Vec<Option<Box<str>>>,
    /// How deep in the record each cell's value was found, from 1; 0 is not yet.
    depths: Vec<u8>,
    extra: json::Object,
    misfits: json::Object,
    unknown: BTreeMap<String, Type>,
    /// The column name of the place being read.
    name: String,
}

impl Decoder<'_> {
    /// Reads the members of an object. `held`: a column already holds the whole object, so that what no column of
    /// its own holds is not lost.
    fn object(&mut self, raw: &RawValue, depth: u8, held: bool) -> Result<(), Unreadable> {
        for (key, value) in json::members(raw)? {
            if json::is_link(&key) || (depth == 0 && key == "id") {
                continue;
            }
            let outer = self.name.len();
            if outer > 0 {
                self.name.push('_');
            }
            self.name.push_str(&key);
            self.value(value, depth + 1, held)?;
            self.name.truncate(outer);
        }
        Ok(())
    }

    fn value(&mut self, value: &RawValue, depth: u8, held: bool) -> Result<(), Unreadable> {
        let is_object = value.get().starts_with('{');
        match self.shape.by_name.get(&self.name) {
            Some(&index) => {
                let kind = self.shape.columns[index].kind;
                if is_object && kind != Type::Jsonb {
                    self.depths[index] = self.depths[index].max(1);
                    if !json::is_empty(value) {
                        self.misfits.push(&self.name, value);
                    }
                    return Ok(());
                }
                match kind.fit(value)? {
                    Ok(cell) => self.set(index, cell, value, depth),
                    Err(cell::DoesNotFit) => {
                        self.depths[index] = self.depths[index].max(1);
                        self.misfits.push(&self.name, value);
                    }
                }
                if is_object { self.object(value, depth, true) } else { Ok(()) }
            }
            None if is_object => self.object(value, depth, held),
            None if json::is_null(value) => {
                self.no_members();
                Ok(())
            }
            None => {
                if !held && !json::looks_like_a_link(value) {
                    self.unknown.insert(json::visible(&self.name), Type::of(value));
                    self.extra.push(&self.name, value);
                }
                Ok(())
            }
        }
    }

    /// An object that is null says NULL to the columns of its members.
    fn no_members(&mut self) {
        for (column, depth) in self.shape.columns.iter().zip(&mut self.depths).filter(|(column, _)| !column.shipped) {
            if column.name.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with('_')) {
                *depth = (*depth).max(1);
            }
        }
    }

    /// Two places of a record can have one name (`journal_id` and `journal.id`): the object is the newer form of the
    /// API and wins; a flat twin that says something else is kept in `extra`.
    fn set(&mut self, index: usize, cell: Option<Box<str>>, value: &RawValue, depth: u8) {
        let held_depth = self.depths[index];
        if held_depth == 0 || self.cells[index].is_none() {
            self.cells[index] = cell;
            self.depths[index] = depth;
        } else if cell.is_some() && cell != self.cells[index] {
            if depth > held_depth {
                let flat = std::mem::replace(&mut self.cells[index], cell);
                self.depths[index] = depth;
                self.extra.push_text(&self.name, flat.as_deref().unwrap_or_default());
            } else {
                self.extra.push(&self.name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
