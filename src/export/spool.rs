//! The records of a workbook, on disk: its texts fill the memory, so it is closed before anyone waits for its lines.

use super::record::{Kind, Record, Source};
use super::refusal;
use super::text::broken;
use crate::error::{Error, Result};
use csv::StringRecord;
use std::fs::File;
use std::io::{Seek, SeekFrom};

/// Records on their way to the disk, each behind its line and the kinds of its fields.
pub struct Spool {
    out: csv::Writer<File>,
    since_1904: bool,
    /// Bytes that it may still take.
    left: u64,
}

impl Spool {
    /// A spool that takes so many bytes of a workbook that counts its days this way.
    pub fn new(most: u64, since_1904: bool) -> Result<Spool> {
        let file = tempfile::tempfile().map_err(broken)?;
        Ok(Spool { out: csv::WriterBuilder::new().flexible(true).from_writer(file), since_1904, left: most })
    }

    /// Adds a record.
    pub fn put(&mut self, record: &Record) -> Result<()> {
        let bytes = record.fields.as_slice().len() + 2 * record.fields.len();
        self.left = self.left.checked_sub(bytes as u64).ok_or_else(|| refusal("its cells unpack to too many bytes"))?;
        let kinds: String = record.kinds.iter().map(|kind| letter(*kind)).collect();
        let before = [record.line.to_string(), kinds];
        self.out.write_record(before.iter().map(String::as_str).chain(&record.fields)).map_err(unkept)
    }

    /// The records from the first one.
    pub fn records(self) -> Result<Records> {
        let mut file = self.out.into_inner().map_err(|error| broken(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(broken)?;
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
        Ok(Records { reader, since_1904: self.since_1904, kept: StringRecord::new() })
    }
}

/// Records on their way back.
pub struct Records {
    reader: csv::Reader<File>,
    since_1904: bool,
    kept: StringRecord,
}

impl Source for Records {
    fn next(&mut self, record: &mut Record) -> Result<bool> {
        record.clear();
        record.ragged = true;
        if !self.reader.read_record(&mut self.kept).map_err(unkept)? {
            return Ok(false);
        }
        let mut fields = self.kept.iter();
        record.line = fields.next().and_then(|line| line.parse().ok()).unwrap_or_default();
        record.kinds.extend(fields.next().unwrap_or_default().chars().map(|letter| self.kind(letter)));
        record.fields.extend(fields);
        Ok(true)
    }
}

impl Records {
    fn kind(&self, letter: char) -> Kind {
        match letter {
            'n' => Kind::Number { since_1904: self.since_1904 },
            'm' => Kind::Moment,
            _ => Kind::Text,
        }
    }
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Text => 't',
        Kind::Number { .. } => 'n',
        Kind::Moment => 'm',
    }
}

/// An error of the library, whose words may quote a field.
fn unkept(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => broken(error),
        _ => refusal("what was kept of the workbook is damaged"),
    }
}
