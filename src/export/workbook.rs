//! A worksheet to records, streamed cell by cell.

use super::number::{push_decimal, push_moment};
use super::record::{Kind, LONGEST, MOST_FIELDS, Record, Source, has_control, without_control};
use super::refusal;
use crate::error::{Error, Result};
use calamine::{Cell, DataRef, XlsxCellReader, XlsxError};
use std::fs::File;
use std::io::BufReader;

/// The rows of one worksheet.
pub struct Rows<'a, 'f> {
    cells: XlsxCellReader<'a, BufReader<&'f File>>,
    since_1904: bool,
    /// The first cell of the next row.
    ahead: Option<Cell<DataRef<'a>>>,
    ended: bool,
    /// The text of the cell being read.
    text: String,
}

/// An error of the library, whose words may quote a cell.
pub fn damaged(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => refusal("the workbook is protected by a password"),
        _ => refusal("the workbook is damaged"),
    }
}

impl<'a, 'f> Rows<'a, 'f> {
    /// The rows of these cells.
    pub fn new(cells: XlsxCellReader<'a, BufReader<&'f File>>, since_1904: bool) -> Rows<'a, 'f> {
        Rows { cells, since_1904, ahead: None, ended: false, text: String::new() }
    }

    /// Reads one row, cells that were left out included.
    fn row(&mut self, record: &mut Record) -> Result<bool> {
        record.clear();
        record.ragged = true;
        let mut row = None;
        loop {
            let next = match self.ahead.take() {
                Some(cell) => Some(cell),
                None if self.ended => None,
                None => self.cells.next_cell().map_err(damaged)?,
            };
            let Some(cell) = next else {
                // Its library would read on behind the end.
                self.ended = true;
                return Ok(row.is_some());
            };
            let (at, column) = cell.get_position();
            let current = *row.get_or_insert(at);
            record.line = u64::from(current) + 1;
            if at > current {
                self.ahead = Some(cell);
                return Ok(true);
            }
            let column = column as usize;
            if at < current || column < record.fields.len() {
                return Err(refusal(format!("the cells of line {} are not in order", record.line)));
            }
            if column >= MOST_FIELDS {
                return Err(refusal(format!("line {} has more than {MOST_FIELDS} fields", record.line)));
            }
            while record.fields.len() < column {
                record.fields.push_field("");
                record.kinds.push(Kind::Text);
            }
            let kind = self.set_text(cell.get_value());
            record.fields.push_field(&self.text);
            record.kinds.push(kind);
            if record.fields.as_slice().len() > LONGEST {
                return Err(refusal(format!("line {} is longer than {LONGEST} bytes", record.line)));
            }
        }
    }

    fn set_text(&mut self, value: &DataRef) -> Kind {
        self.text.clear();
        let number = Kind::Number { since_1904: self.since_1904 };
        match value {
            DataRef::Empty => {}
            DataRef::String(text) => self.text.push_str(text),
            DataRef::SharedString(text) => self.text.push_str(text),
            DataRef::DurationIso(text) => self.text.push_str(text),
            DataRef::Bool(yes) => self.text.push_str(if *yes { "true" } else { "false" }),
            DataRef::Error(error) => self.text.push_str(&error.to_string()),
            DataRef::Int(integer) => {
                self.text.push_str(&integer.to_string());
                return number;
            }
            DataRef::Float(float) => {
                push_decimal(*float, &mut self.text);
                return number;
            }
            DataRef::DateTime(moment) => {
                if push_moment(moment, self.since_1904, &mut self.text) {
                    return Kind::Moment;
                }
                push_decimal(moment.as_f64(), &mut self.text);
                return number;
            }
            DataRef::DateTimeIso(text) => {
                self.text.push_str(text);
                return Kind::Moment;
            }
        }
        if has_control(&self.text) {
            self.text = without_control(&self.text);
        }
        Kind::Text
    }
}

impl Source for Rows<'_, '_> {
    fn next(&mut self, record: &mut Record) -> Result<bool> {
        while self.row(record)? {
            if !record.is_blank_from(0) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
