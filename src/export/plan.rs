//! Which column of the file fills which column of the live table, and what the table has no column for.

use super::header::{Title, Titles, nameless};
use super::record::Record;
use super::value::{Sort, looks_like};
use crate::row::{Shape, Type};
use std::collections::BTreeMap;

/// A column of the file and the column of the table that it fills.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Its place in the file.
    pub at: usize,
    /// The place of its cell.
    pub place: usize,
    pub live: Type,
    /// Its name in the table.
    pub name: String,
    /// Its name in messages.
    pub said: String,
    pub sort: Sort,
}

/// A column of the file that no column of the table holds.
#[derive(Debug, Clone)]
pub struct Loose {
    pub at: usize,
    pub name: String,
    pub sort: Sort,
    named: bool,
    /// The type that all the values seen look made for.
    seen: Option<Type>,
}

/// All of them.
pub struct Plan {
    pub bound: Vec<Bound>,
    pub loose: Vec<Loose>,
    /// Places of the columns that a user added and the file has.
    pub adopted: Vec<usize>,
    /// Cells of a row.
    pub cells: usize,
    /// Columns of the file that have been seen.
    width: usize,
}

impl Plan {
    /// The plan of a file for a table.
    pub fn new(titles: Titles, shape: &Shape) -> Plan {
        let (cells, width) = (shape.columns().len(), titles.columns.len());
        let mut plan = Plan { bound: Vec::new(), loose: Vec::new(), adopted: Vec::new(), cells, width };
        for (at, Title { name, said, sort, named, spare }) in titles.columns.into_iter().enumerate() {
            match shape.place(&name).filter(|_| !spare && named) {
                Some(place) => {
                    let column = &shape.columns()[place];
                    if !column.shipped {
                        plan.adopted.push(place);
                    }
                    plan.bound.push(Bound { at, place, live: column.kind, name, said, sort });
                }
                None => plan.loose.push(Loose { at, name, sort, named, seen: None }),
            }
        }
        plan.adopted.sort_unstable();
        plan
    }

    /// Takes in the fields of a record that stand behind the last column of the header.
    pub fn widen(&mut self, record: &Record) {
        let seen = self.width;
        self.width = seen.max(record.fields.len());
        let nameless = |at| Loose { at, name: nameless(at), sort: Sort::Unknown, named: false, seen: None };
        self.loose.extend((seen..self.width).map(nameless));
    }

    /// Learns from a line what the columns without a home hold.
    pub fn observe(&mut self, record: &Record, scratch: &mut String) {
        for loose in &mut self.loose {
            // Text stays text, and a known column needs no look.
            if loose.sort != Sort::Unknown || loose.seen == Some(Type::Text(None)) {
                continue;
            }
            let field = record.field(loose.at);
            if !field.text.is_empty() {
                let looks = looks_like(field, scratch);
                loose.seen = Some(loose.seen.map_or(looks, |seen| seen.merged(looks)));
            }
        }
    }

    /// The columns without a home, as a reader is told of them.
    pub fn unknown(&self) -> BTreeMap<String, Type> {
        let told = self.loose.iter().filter(|loose| loose.named || loose.seen.is_some());
        told.map(|loose| {
            let kind = match loose.sort {
                Sort::Day => Type::Date,
                Sort::Amount => Type::Numeric(None),
                Sort::Text => Type::Text(None),
                Sort::Unknown => loose.seen.unwrap_or(Type::Text(None)),
            };
            (loose.name.clone(), kind)
        })
        .collect()
    }
}
