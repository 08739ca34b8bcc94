//! A text file to records: its encoding is told from its bytes, and every line end is taken for what it is.

use super::record::{LONGEST, Record, Source, has_control, without_control};
use super::refusal;
use crate::error::{Error, Result};
use encoding_rs::{DecoderResult, Encoding, ISO_8859_15, UTF_8, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

const CHUNK: usize = 1 << 16;
/// A file is in an encoding in which it has at least this many letters beyond ASCII for each sequence that is none.
const LETTERS_FOR_ONE: u64 = 10;

/// A text file whose encoding is known.
pub struct Text<'a> {
    file: &'a File,
    encoding: &'static Encoding,
    /// Some bytes are no text of the encoding: U+FFFD takes their place.
    torn: bool,
    /// Bytes of the byte order mark.
    start: u64,
}

impl<'a> Text<'a> {
    /// Finds the encoding of a file and refuses what is no text of records.
    pub fn of(file: &'a File) -> Result<Text<'a>> {
        let mut head = Vec::new();
        rewound(file, 0)?.take(3).read_to_end(&mut head).map_err(broken)?;
        let text = match Encoding::for_bom(&head) {
            Some((encoding, length)) => {
                let start = length as u64;
                let found = scan(rewound(file, start)?, encoding)?;
                if !found.decodes() {
                    return Err(refusal(format!("its bytes are not the {} that it announces", encoding.name())));
                }
                Text { file, encoding, torn: found.malformed > 0, start }
            }
            None => {
                let found = scan(rewound(file, 0)?, UTF_8)?;
                let encoding = match found {
                    _ if found.decodes() => UTF_8,
                    Scan { c1: true, .. } => WINDOWS_1252,
                    _ => ISO_8859_15,
                };
                let text = Text { file, encoding, torn: found.malformed > 0, start: 0 };
                if found.nul {
                    // Better words for the formats that are known.
                    text.refuse_other_formats()?;
                    return Err(refusal("it is neither text, nor a workbook, nor a zip archive"));
                }
                text
            }
        };
        text.refuse_other_formats()?;
        Ok(text)
    }

    fn refuse_other_formats(&self) -> Result<()> {
        let mut reader = self.decoded()?;
        let mut start: Vec<u8> = Vec::new();
        let mut chunk = vec![0; CHUNK];
        while start.len() < 5 {
            let read = some(&mut reader, &mut chunk).map_err(broken)?;
            if read == 0 {
                break;
            }
            let rest = &chunk[..read];
            start.extend_from_slice(if start.is_empty() { rest.trim_ascii_start() } else { rest });
        }
        match start.as_slice() {
            [] => Err(refusal("it is empty")),
            [b'<', ..] => Err(refusal("it is a web page or XML, not a file of lines")),
            [b'%', b'P', b'D', b'F', ..] => Err(refusal("it is a PDF document")),
            _ => Ok(()),
        }
    }

    /// The text as UTF-8.
    fn decoded(&self) -> Result<DecodeReaderBytes<&'a File, Vec<u8>>> {
        let transcoded = (self.torn || self.encoding != UTF_8).then_some(self.encoding);
        let mut builder = DecodeReaderBytesBuilder::new();
        builder.encoding(transcoded).bom_sniffing(false);
        builder.build_with_buffer(rewound(self.file, self.start)?, vec![0; CHUNK]).map_err(broken)
    }

    /// The records from the first one, fields cut at this separator. `quotes`: a field may be quoted, as CSV does, to
    /// hold separators, but no line end.
    pub fn records(&self, separator: u8, quotes: bool) -> Result<Records<'a>> {
        let delivered = Rc::new(Cell::new(0));
        let lines = Lines { inner: self.decoded()?, after_cr: false, open: false, delivered: Rc::clone(&delivered) };
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .quoting(quotes)
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(CHUNK)
            .from_reader(lines);
        Ok(Records { reader, delivered, quotes })
    }
}

/// What the bytes of a file have in common.
struct Scan {
    /// Characters beyond ASCII.
    letters: u64,
    /// Sequences that are no text of the encoding.
    malformed: u64,
    nul: bool,
    /// A byte that is a letter or a sign in windows-1252 and no character at all in ISO 8859-15.
    c1: bool,
}

impl Scan {
    /// The bytes are text of the encoding, but for a letter here and there, as in a label that was cut by its bytes.
    fn decodes(&self) -> bool {
        self.malformed == 0 || self.letters / self.malformed >= LETTERS_FOR_ONE
    }
}

fn scan(mut file: &File, encoding: &'static Encoding) -> Result<Scan> {
    let mut found = Scan { letters: 0, malformed: 0, nul: false, c1: false };
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut bytes = vec![0; CHUNK];
    let mut text = vec![0; 3 * CHUNK + 16];
    loop {
        let read = some(&mut file, &mut bytes).map_err(broken)?;
        let mut rest = &bytes[..read];
        found.nul = found.nul || rest.contains(&0);
        found.c1 = found.c1 || rest.iter().fold(false, |seen, byte| seen | (0x80..=0x9f).contains(byte));
        loop {
            let (result, taken, given) = decoder.decode_to_utf8_without_replacement(rest, &mut text, read == 0);
            rest = &rest[taken..];
            found.letters += text[..given].iter().filter(|byte| **byte >= 0xc0).count() as u64;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => found.malformed += 1,
            }
        }
        if read == 0 {
            return Ok(found);
        }
    }
}

fn rewound(mut file: &File, at: u64) -> Result<&File> {
    file.seek(SeekFrom::Start(at)).map_err(broken)?;
    Ok(file)
}

/// Reads on, past signals.
fn some(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// An operating system's error, whose words hold no value of the file.
pub fn broken(error: io::Error) -> Error {
    refusal(format!("reading it failed ({})", error.kind()))
}

/// Makes one LF of every line end, CR, LF or CRLF, and ends the last line too: so each record ends with one LF, and
/// counting them counts records.
struct Lines<R> {
    inner: R,
    after_cr: bool,
    /// The last line has no end yet.
    open: bool,
    /// Bytes given since the last record was whole.
    delivered: Rc<Cell<usize>>,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.delivered.get() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        loop {
            let read = some(&mut self.inner, out)?;
            if read == 0 {
                if !std::mem::take(&mut self.open) {
                    return Ok(0);
                }
                out[0] = b'\n';
                return Ok(1);
            }
            let kept = self.unify(&mut out[..read]);
            if kept > 0 {
                self.open = out[kept - 1] != b'\n';
                self.delivered.set(self.delivered.get() + kept);
                return Ok(kept);
            }
        }
    }
}

impl<R> Lines<R> {
    fn unify(&mut self, bytes: &mut [u8]) -> usize {
        if !self.after_cr && !bytes.contains(&b'\r') {
            return bytes.len();
        }
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            let second_half = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            if !second_half {
                bytes[kept] = if self.after_cr { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }
}

/// The records of a text file.
pub struct Records<'a> {
    reader: csv::Reader<Lines<DecodeReaderBytes<&'a File, Vec<u8>>>>,
    delivered: Rc<Cell<usize>>,
    /// A field may be quoted.
    quotes: bool,
}

impl Source for Records<'_> {
    fn next(&mut self, record: &mut Record) -> Result<bool> {
        loop {
            let first = self.reader.position().line();
            let more = self.reader.read_record(&mut record.fields);
            // Every record ends with one LF, which has been counted.
            record.line = self.reader.position().line().saturating_sub(1);
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.unreadable(error.into_kind(), first)),
            }
            self.delivered.set(0);
            if has_control(record.fields.as_slice()) {
                // A label that only begins with a quotation mark would swallow the lines up to the next one.
                let fields = record.fields.as_slice();
                if fields.contains('\n') {
                    // At the end of the file the last line's end is in the field too.
                    let inside = fields.trim_end_matches('\n').matches('\n').count() as u64;
                    return Err(unended(record.line - inside));
                }
                record.fields = record.fields.iter().map(without_control).collect();
            }
            if !record.is_blank_from(0) {
                return Ok(true);
            }
        }
    }
}

fn unended(line: u64) -> Error {
    refusal(format!("line {line}: a field in quotes does not end on its line"))
}

impl Records<'_> {
    /// The error of a record that begins on the line `first`, or behind the blank lines that begin there.
    fn unreadable(&self, error: csv::ErrorKind, first: u64) -> Error {
        let line = self.reader.position().line();
        match error {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                if self.quotes && line > first {
                    return unended(first);
                }
                refusal(format!("line {line} is longer than {LONGEST} bytes"))
            }
            csv::ErrorKind::Io(error) => broken(error),
            _ => refusal(format!("line {line} is not text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.0.len().min(self.1).min(out.len()));
            out[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    #[test]
    fn every_line_end_becomes_one_lf_wherever_a_chunk_ends() {
        for chunk in 1..8 {
            let inner = Slow(b"a\r\nb\rc\n\r\n\r\rd", chunk);
            let mut lines = Lines { inner, after_cr: false, open: false, delivered: Rc::default() };
            let mut text = String::new();
            lines.read_to_string(&mut text).unwrap();
            assert_eq!(text, "a\nb\nc\n\n\n\nd\n", "{chunk}");
        }
    }

    #[test]
    fn a_record_without_end_does_not_fill_the_memory() {
        let mut file = tempfile::tempfile().unwrap();
        io::copy(&mut io::repeat(b'x').take(3 * LONGEST as u64), &mut file).unwrap();
        let mut records = Text::of(&file).unwrap().records(b'\t', false).unwrap();
        let Err(Error::File { what }) = records.next(&mut Record::default()) else { panic!("it was read") };
        assert_eq!(what, "line 1 is longer than 4194304 bytes");
    }
}
