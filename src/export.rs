//! The two export files that Pennylane makes, the FEC and the analytical general ledger, to typed rows.
//!
//! A file's way to rows: `container` tells by its bytes what it is and unpacks it; `text` finds its encoding and
//! cuts it into records, `workbook` does that for a worksheet and `spool` keeps them on disk; `header` finds the row of
//! names; `fec` and `ledger` say what the names mean and type each record, by the rules of `value`. Nothing here holds
//! more of a file than a batch of rows, but for the table of texts of a workbook: 64 MiB of XML at most, of one workbook
//! at a time.
//!
//! Messages give line numbers, counts and names of columns, never a value of the file.

mod container;
mod fec;
mod header;
mod ledger;
mod number;
mod plan;
mod record;
mod spool;
mod text;
mod value;
mod workbook;

use crate::error::{Error, Result};
use crate::row::{Row, Shape, Type};
use std::collections::BTreeMap;
use std::fs::File;

/// Rows handed over at a time.
pub const BATCH: usize = 2000;

/// The two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The legal accounting file of article A47 A-1 of the Livre des procédures fiscales.
    Fec,
    /// The general ledger with one line for each analytical category of an entry line.
    AnalyticalLedger,
}

/// What a reading found beside the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines handed over.
    pub lines: u64,
    /// Rows of the file that are no lines and were left out: titles, totals (never of a FEC).
    pub left_out: u64,
    /// Those of them that name an account and an amount: if one was a line after all, sums lack it.
    pub left_out_with_amounts: u64,
    /// Columns of the file that no column of the table holds, under the name that a column would have, and the type
    /// their values look made for.
    pub unknown: BTreeMap<String, Type>,
}

/// Reads a downloaded file, types its lines for a table of this shape and hands them over in batches of at most
/// [`BATCH`] rows, in the order of the file. [`Row::id`] is the line's number, from 1, without gaps. `tell` may fail:
/// that error is returned at once.
///
/// # Errors
///
/// [`Error::File`] when the file is not what the layout asks for; those of `tell`. Batches may have been told by then.
pub fn read(
    layout: Layout,
    file: File,
    shape: &Shape,
    tell: &mut dyn FnMut(Vec<Row>) -> Result<()>,
) -> Result<Summary> {
    container::open(layout, &file, &mut |titles, source| lines(layout, titles, source, shape, tell))
}

/// The cells of one line, and what no column holds.
struct Line {
    cells: Vec<Option<Box<str>>>,
    extra: Option<Box<str>>,
}

/// What a record is.
enum Part {
    Line(Line),
    /// A title or a total; `amounts`: it names an account and an amount.
    LeftOut {
        amounts: bool,
    },
}

/// Turns the records of one layout to lines.
trait Reader {
    /// What this record is.
    fn part(&mut self, record: &record::Record) -> Result<Part>;

    /// What the reading knows of the file's columns.
    fn plan(&self) -> &plan::Plan;
}

/// Reads the records behind a header.
fn lines(
    layout: Layout,
    titles: header::Titles,
    source: &mut dyn record::Source,
    shape: &Shape,
    tell: &mut dyn FnMut(Vec<Row>) -> Result<()>,
) -> Result<Summary> {
    let mut reader: Box<dyn Reader> = match layout {
        Layout::Fec => Box::new(fec::Fec::new(titles, shape)),
        Layout::AnalyticalLedger => Box::new(ledger::Ledger::new(titles, shape)),
    };
    let mut summary = Summary::default();
    let mut record = record::Record::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut id = 0;
    while source.next(&mut record)? {
        let Line { cells, extra } = match reader.part(&record)? {
            Part::Line(line) => line,
            Part::LeftOut { amounts } => {
                summary.left_out += 1;
                summary.left_out_with_amounts += u64::from(amounts);
                continue;
            }
        };
        id += 1;
        batch.push(Row { id, cells, extra, adopted: reader.plan().adopted.clone(), unknown: BTreeMap::new() });
        if batch.len() == BATCH {
            tell(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
        }
    }
    if !batch.is_empty() {
        tell(batch)?;
    }
    summary.lines = id.unsigned_abs();
    summary.unknown = reader.plan().unknown();
    Ok(summary)
}

/// The refusal of a file.
fn refusal(what: impl Into<String>) -> Error {
    Error::File { what: what.into() }
}

#[cfg(test)]
mod tests;
