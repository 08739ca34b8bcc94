//! What a file is, told from its first bytes and never from its name: text, a workbook, or a zip archive that holds
//! one of the two.

use super::header::{self, Lack, Titles};
use super::record::{Record, Source};
use super::spool::Spool;
use super::text::{Text, broken};
use super::workbook::{Rows, damaged};
use super::{Layout, Summary, refusal};
use crate::error::{Error, Result};
use calamine::{Reader, Xlsx, XlsxError};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};
use zip::ZipArchive;
use zip::result::ZipError;

const ZIP: &[u8] = b"PK\x03\x04";
const EMPTY_ZIP: &[u8] = b"PK\x05\x06";
/// What Excel wrote before 2007, and what it puts a workbook with a password into.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0";
const WORKBOOK: &str = "xl/workbook.xml";
const TEXTS: &[u8] = b"sharedStrings.xml";
/// An archive may not unpack to more than this, so that a malicious one fills no disk.
const MOST_UNPACKED: u64 = 8 << 30;
/// The texts of a workbook are the one thing that has to be in memory as a whole, where they take up to some times the
/// 64 MiB that their XML may have.
const MOST_TEXTS: u64 = 64 << 20;
/// `<si><t/></si>`.
const SHORTEST_TEXT: u64 = 13;
/// Where a table of texts says how many there are.
const LONGEST_START: u64 = 4096;

/// One workbook is open at a time in a process, so that the texts of several do not add up. Whoever holds it waits for
/// nobody.
pub static OPEN: Mutex<()> = Mutex::new(());

/// What is done with the records behind a header.
pub type Then<'a> = dyn FnMut(Titles, &mut dyn Source) -> Result<Summary> + 'a;

/// Opens a file, finds its header and does with the rest what is to be done.
pub fn open(layout: Layout, file: &File, then: &mut Then) -> Result<Summary> {
    let head = head(file)?;
    if head == EMPTY_ZIP {
        return Err(refusal("it is an archive without any file"));
    }
    if head != ZIP {
        return text(layout, file, then);
    }
    let mut archive = ZipArchive::new(BufReader::new(rewound(file)?)).map_err(bad_archive)?;
    if archive.index_for_name(WORKBOOK).is_some() {
        return workbook(layout, file, then);
    }
    let candidate = unpacked(layout, &mut archive)?;
    open_one(layout, &candidate, then)
}

/// Opens what an archive may hold: anything but another archive.
fn open_one(layout: Layout, file: &File, then: &mut Then) -> Result<Summary> {
    if head(file)? == ZIP { workbook(layout, file, then) } else { text(layout, file, then) }
}

/// The first four bytes.
fn head(file: &File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    rewound(file)?.take(4).read_to_end(&mut head).map_err(broken)?;
    Ok(head)
}

fn rewound(mut file: &File) -> Result<&File> {
    file.seek(SeekFrom::Start(0)).map_err(broken)?;
    Ok(file)
}

/// The one file of an archive that has the layout's header.
fn unpacked(layout: Layout, archive: &mut ZipArchive<BufReader<&File>>) -> Result<File> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let mut left = MOST_UNPACKED;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(bad_archive)?;
        let name = entry.name_raw();
        let hidden = name.rsplit(|byte| *byte == b'/').next().is_some_and(|last| last.starts_with(b"."));
        if !entry.is_file() || hidden || name.starts_with(b"__MACOSX/") {
            continue;
        }
        let mut file = tempfile::tempfile().map_err(broken)?;
        left -= copy("it", &mut entry, &mut file, left)?;
        match open_one(layout, &file, &mut |_, _| Ok(Summary::default())) {
            Ok(_) => found.push(file),
            Err(error) => refused.push(error),
        }
    }
    match (found.len(), refused.len()) {
        (1, _) => {}
        (0, 0) => return Err(refusal("it is an archive without any file")),
        (0, 1) => return Err(refused.swap_remove(0)),
        (0, files) => return Err(refusal(format!("it is an archive of {files} files, and none has the header"))),
        (files, _) => return Err(refusal(format!("it is an archive in which {files} files have the header"))),
    }
    Ok(found.swap_remove(0))
}

/// Copies an entry to its end, where its checksum is proved.
fn copy(what: &str, entry: &mut impl Read, to: &mut impl Write, most: u64) -> Result<u64> {
    let copied = io::copy(&mut entry.take(most + 1), to).map_err(bad_entry)?;
    if copied > most {
        return Err(refusal(format!("{what} unpacks to more than {most} bytes")));
    }
    Ok(copied)
}

fn bad_entry(error: io::Error) -> Error {
    match error.kind() {
        // What the archive itself is wrong about.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            refusal("the archive is damaged")
        }
        _ => broken(error),
    }
}

fn bad_archive(error: ZipError) -> Error {
    refusal(match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            "the archive is protected by a password"
        }
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => {
            "the archive is of a kind that cannot be unpacked"
        }
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => return broken(error),
        _ => "the archive is damaged",
    })
}

/// Reads a workbook.
fn workbook(layout: Layout, file: &File, then: &mut Then) -> Result<Summary> {
    prove(file)?;
    let (titles, spool) = spooled(layout, file)?;
    then(titles, &mut spool.records()?)
}

/// The records of a workbook that is closed again. The lines of the first worksheet that has the header go on over the
/// others that have the same: a worksheet has a last row, and there may be one for each family.
fn spooled(layout: Layout, file: &File) -> Result<(Titles, Spool)> {
    // A thread that panicked has left nothing to mend.
    let _open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(rewound(file)?)).map_err(damaged)?;
    let since_1904 = book.has_1904_epoch();
    let mut closest: Option<Lack> = None;
    let mut found: Option<(Titles, usize)> = None;
    let mut spool = Spool::new(MOST_UNPACKED, since_1904)?;
    let mut record = Record::default();
    for (number, sheet) in (1..).zip(book.sheet_names()) {
        let cells = match book.worksheet_cells_reader(&sheet) {
            Ok(cells) => cells,
            // A page that is a chart.
            Err(XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(damaged(error)),
        };
        let mut rows = Rows::new(cells, since_1904);
        match header::find(layout, &mut rows)? {
            Ok(titles) => {
                let (held, first) = found.get_or_insert_with(|| (titles.clone(), number));
                if held.named() != titles.named() {
                    return Err(refusal(format!(
                        "it is a workbook of two different lists: its worksheets {first} and {number} have other columns"
                    )));
                }
            }
            Err(lack) => {
                if closest.as_ref().is_none_or(|held| lack.known > held.known) {
                    closest = Some(lack);
                }
                continue;
            }
        }
        while rows.next(&mut record)? {
            spool.put(&record)?;
        }
    }
    match found {
        Some((titles, _)) => Ok((titles, spool)),
        None => Err(refusal(closest.map_or_else(|| "it is a workbook without a worksheet".into(), |lack| lack.what))),
    }
}

/// Unpacks a workbook to nowhere: its checksums tell whether it is whole, which its library does not ask.
fn prove(file: &File) -> Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(rewound(file)?)).map_err(bad_archive)?;
    if archive.index_for_name(WORKBOOK).is_none() {
        return Err(refusal("it is an archive inside an archive"));
    }
    let mut left = MOST_UNPACKED;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(bad_archive)?;
        // Its library looks names up in any case of letters, and in the folder that the workbook names.
        let name = entry.name_raw().rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
        let texts = name.eq_ignore_ascii_case(TEXTS);
        let (what, most) = if texts { ("its table of texts", MOST_TEXTS) } else { ("it", left) };
        let mut start = Vec::new();
        if texts {
            // Its library makes room at once for as many texts as the table announces.
            entry.by_ref().take(LONGEST_START).read_to_end(&mut start).map_err(bad_entry)?;
            if announced(&start).is_some_and(|texts| texts > MOST_TEXTS / SHORTEST_TEXT) {
                return Err(refusal("its table of texts announces more texts than fit in it"));
            }
        }
        left = left.saturating_sub(copy(what, &mut start.as_slice().chain(&mut entry), &mut io::sink(), most)?);
    }
    Ok(())
}

/// How many texts the start of a table of texts announces.
fn announced(start: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"uniqueCount=";
    let at = start.windows(NAME.len()).position(|window| window == NAME)? + NAME.len() + 1;
    let digits: Vec<u8> = start[at.min(start.len())..].iter().copied().take_while(u8::is_ascii_digit).collect();
    let digits = String::from_utf8(digits).ok().filter(|digits| !digits.is_empty())?;
    // More digits than a number has are too many texts too.
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Reads a text, cut at the separator that shows the most names of columns.
fn text(layout: Layout, file: &File, then: &mut Then) -> Result<Summary> {
    let head = head(file)?;
    if head == OLE {
        return Err(refusal("it is a workbook of an old kind (.xls), or one that is protected by a password"));
    }
    let text = Text::of(file)?;
    let (separators, quotes): (&[u8], bool) = match layout {
        Layout::Fec => (b"\t|;", false),
        Layout::AnalyticalLedger => (b"\t|;,", true),
    };
    let mut best: Option<u8> = None;
    let mut closest: Option<Lack> = None;
    let mut most = 0;
    let mut wrong = None;
    for separator in separators {
        match header::find(layout, &mut text.records(*separator, quotes)?) {
            Ok(Ok(titles)) if best.is_none() || titles.known > most => {
                most = titles.known;
                best = Some(*separator);
            }
            Ok(Err(lack)) if closest.as_ref().is_none_or(|held| lack.known > held.known) => closest = Some(lack),
            Ok(_) => {}
            // What is wrong with the quotes may only be so at another separator.
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    let Some(separator) = best else {
        if let Some(error) = wrong {
            return Err(error);
        }
        return Err(refusal(closest.map_or_else(|| "it is empty".into(), |lack| lack.what)));
    };
    let mut records = text.records(separator, quotes)?;
    let titles = header::find(layout, &mut records)?.map_err(|lack| refusal(lack.what))?;
    then(titles, &mut records)
}
