//! The files and tables of the tests.

use crate::error::{Error, Result};
use crate::export::{Layout, Summary, read};
use crate::row::{Column, Row, Shape, Type};
use rust_xlsxwriter::Workbook;
use std::fs::File;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;

const D: Type = Type::Date;
const N: Type = Type::Numeric(None);
const T: Type = Type::Text(None);

const FEC: [(&str, Type); 18] = [
    ("journal_code", T),
    ("journal_lib", T),
    ("ecriture_num", T),
    ("ecriture_date", D),
    ("compte_num", T),
    ("compte_lib", T),
    ("comp_aux_num", T),
    ("comp_aux_lib", T),
    ("piece_ref", T),
    ("piece_date", D),
    ("ecriture_lib", T),
    ("debit", N),
    ("credit", N),
    ("ecriture_let", T),
    ("date_let", D),
    ("valid_date", D),
    ("montant_devise", N),
    ("idevise", T),
];

const LEDGER: [(&str, Type); 20] = [
    ("date", D),
    ("journal_code", T),
    ("journal_label", T),
    ("entry_number", T),
    ("piece_number", T),
    ("account_number", T),
    ("account_label", T),
    ("label", T),
    ("third_party", T),
    ("invoice_number", T),
    ("due_date", D),
    ("debit", N),
    ("credit", N),
    ("balance", N),
    ("currency", T),
    ("category_group", T),
    ("category", T),
    ("analytical_code", T),
    ("weight", N),
    ("lettering", T),
];

/// The columns that a table is shipped with.
pub fn columns(layout: Layout) -> Vec<Column> {
    let shipped = match layout {
        Layout::Fec => &FEC[..],
        Layout::AnalyticalLedger => &LEDGER[..],
    };
    shipped.iter().map(|(name, kind)| Column { name: (*name).into(), kind: *kind, shipped: true }).collect()
}

pub fn shape(layout: Layout) -> Shape {
    Shape::new(columns(layout))
}

/// A column that a user added.
pub fn added(name: &str, kind: Type) -> Column {
    Column { name: name.into(), kind, shipped: false }
}

/// A file of these bytes, its reading position at the end as after a download.
pub fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub fn read_with(layout: Layout, bytes: &[u8], shape: &Shape) -> Result<(Vec<Row>, Summary)> {
    let mut rows = Vec::new();
    let summary = read(layout, file(bytes), shape, &mut |mut batch| {
        rows.append(&mut batch);
        Ok(())
    })?;
    Ok((rows, summary))
}

pub fn rows(layout: Layout, bytes: &[u8]) -> Vec<Row> {
    read_with(layout, bytes, &shape(layout)).unwrap().0
}

/// What the refusal of a file says.
pub fn refusal(layout: Layout, bytes: &[u8]) -> String {
    match read_with(layout, bytes, &shape(layout)) {
        Err(Error::File { what }) => what,
        other => panic!("{other:?}"),
    }
}

/// The cell of a column.
pub fn cell<'a>(layout: Layout, row: &'a Row, column: &str) -> Option<&'a str> {
    row.cells[shape(layout).place(column).unwrap()].as_deref()
}

pub const HEADER: &str = "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\t\
PieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise";

/// Lines of a FEC as the law writes them.
pub const LINES: [&str; 3] = [
    "VE\tJournal des ventes\t12\t20250131\t411000\tClients\tC001\tSociété \"Œuvre\" d'été\tFA-1\t20250130\tVente 100 € \"net\"\t1234,50\t0,00\tL1\t20250220\t20250201\t-1400,10\tUSD",
    "VE\tJournal des ventes\t12\t20250131\t707000\tVentes\t\t\tFA-1\t20250130\t\"Vente\t0,00\t1028,75\t\t\t20250201\t\t",
    "VE\tJournal des ventes\t12\t20250131\t445710\tTVA\t\t\tFA-1\t20250130\tVente\t0,00\t205,75\t\t\t20250201\t\t",
];

/// The sample as a text.
pub fn fec() -> String {
    let mut text = HEADER.to_owned() + "\n";
    for line in LINES {
        text += line;
        text.push('\n');
    }
    text
}

/// The sample with the amounts as one amount and a sign.
pub fn signed(debit: &str, credit: &str) -> String {
    let mut text = HEADER.replace("Debit\tCredit", "Montant\tSens") + "\n";
    for line in LINES {
        let mut fields: Vec<&str> = line.split('\t').collect();
        (fields[11], fields[12]) = if fields[11] == "0,00" { (fields[12], credit) } else { (fields[11], debit) };
        text += &fields.join("\t");
        text.push('\n');
    }
    text
}

/// An archive of these entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        if name.ends_with('/') {
            archive.add_directory(*name, SimpleFileOptions::default()).unwrap();
        } else {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// A workbook of one sheet whose cells are texts.
pub fn sheet_of_texts(rows: &[Vec<&str>]) -> Vec<u8> {
    sheets_of_texts(&[rows.to_vec()])
}

/// A workbook of such sheets.
pub fn sheets_of_texts(sheets: &[Vec<Vec<&str>>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for rows in sheets {
        let sheet = workbook.add_worksheet();
        for (number, row) in (0..).zip(rows) {
            for (column, text) in (0..).zip(row).filter(|(_, text)| !text.is_empty()) {
                sheet.write_string(number, column, *text).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// The files of an archive, each changed by its name.
pub fn edited(archive: &[u8], edit: &dyn Fn(&mut String, &mut Vec<u8>)) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let mut name = entry.name().unwrap().into_owned();
        edit(&mut name, &mut bytes);
        entries.push((name, bytes));
    }
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    zip(&entries)
}
