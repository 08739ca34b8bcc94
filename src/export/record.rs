//! One record of a file, whichever container it came from.

use crate::error::Result;
use csv::StringRecord;

/// Longest record in bytes: what is longer is no accounting line, and must not fill the memory.
pub const LONGEST: usize = 1 << 22;
/// Columns of the widest worksheet.
pub const MOST_FIELDS: usize = 16_384;

/// Where records come from.
pub trait Source {
    /// Reads the next record that is not blank; `false` at the end of the file.
    fn next(&mut self, record: &mut Record) -> Result<bool>;
}

/// The fields of one record.
#[derive(Default)]
pub struct Record {
    /// The record's place in the file; the first one is 1.
    pub line: u64,
    pub fields: StringRecord,
    /// What each field was in the worksheet; empty for a text file.
    pub kinds: Vec<Kind>,
    /// Blank fields at the end may be missing: worksheets write no cells there.
    pub ragged: bool,
}

/// What a field was in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Text,
    /// A number cell, as decimal text. `since_1904`: which days the workbook's serial numbers count.
    Number { since_1904: bool },
    /// A date cell: `YYYY-MM-DD`, and the time behind it when there is one.
    Moment,
}

/// A field without the blanks around it.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    pub text: &'a str,
    pub kind: Kind,
}

impl Record {
    /// The field at a place, empty where the record has none.
    pub fn field(&self, at: usize) -> Field<'_> {
        let text = self.fields.get(at).unwrap_or_default().trim();
        Field { text, kind: self.kinds.get(at).copied().unwrap_or_default() }
    }

    /// Whether every field from this place on is blank.
    pub fn is_blank_from(&self, at: usize) -> bool {
        (at..self.fields.len()).all(|at| self.field(at).text.is_empty())
    }

    /// Empties the record.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.kinds.clear();
    }
}

/// Whether text holds a control character, which no label needs and some cannot be stored.
pub fn has_control(text: &str) -> bool {
    // One pass without branches over bytes; 0xC2 leads the C1 controls, and some letters too.
    let suspect = text.bytes().fold(false, |seen, byte| seen | (byte < 0x20) | (byte == 0x7f) | (byte == 0xc2));
    suspect && text.contains(char::is_control)
}

/// Text with a space for each control character.
pub fn without_control(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
