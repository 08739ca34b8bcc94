//! The FEC (article A47 A-1 of the Livre des procédures fiscales), in the forms that real files take.

use std::io::{Cursor, Write};

use chrono::{Days, NaiveDate};
use rust_xlsxwriter::Workbook;
use zip::write::SimpleFileOptions;

use super::booked::Booked;
use super::{File, XLSX};
use crate::amount;
use crate::config::{Config, Encoding, FecContainer, FecFormat, Separator};

const BEFORE_AMOUNTS: &[&str] = &[
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
];
const AFTER_AMOUNTS: &[&str] = &["EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise"];

/// The file of a period, whose legal name ends with its last day.
pub(crate) fn file(lines: &[Booked], config: &Config, end: NaiveDate) -> Result<File, String> {
    let format = &config.exports.fec;
    let mut rows = vec![header(format)];
    rows.extend(lines.iter().map(|line| row(line, format)));
    let name = format!("{}FEC{}.txt", config.company.reg_no, end.format("%Y%m%d"));
    Ok(match format.container {
        FecContainer::Text => File { content_type: "text/plain", body: text(&rows, format).into() },
        FecContainer::Zip => {
            File { content_type: "application/zip", body: zipped(&name, &text(&rows, format))?.into() }
        }
        FecContainer::Xlsx => File { content_type: XLSX, body: sheet(&rows)?.into() },
    })
}

fn header(format: &FecFormat) -> Vec<String> {
    let amounts: [&str; 2] = if format.montant_sens { ["Montant", "Sens"] } else { ["Debit", "Credit"] };
    let names = BEFORE_AMOUNTS.iter().chain(&amounts).chain(AFTER_AMOUNTS);
    names.map(|name| if format.lower_case_header { name.to_lowercase() } else { (*name).to_owned() }).collect()
}

fn row(line: &Booked, format: &FecFormat) -> Vec<String> {
    let separator = if format.decimal_point { '.' } else { ',' };
    let written = |cents: i64| amount::plain(cents, separator);
    let day = |date: NaiveDate| date.format("%Y%m%d").to_string();
    let collective = [("411", "411000", "Clients"), ("401", "401000", "Fournisseurs")]
        .into_iter()
        .find(|(prefix, _, _)| line.account.starts_with(prefix));
    let (account, account_label, auxiliary, auxiliary_label) = match collective {
        Some((_, number, label)) => (number, label, line.account.as_str(), line.account_label.as_str()),
        None => (line.account.as_str(), line.account_label.as_str(), "", ""),
    };
    let or = |text: &str, fallback: &str| if text.trim().is_empty() { fallback.to_owned() } else { text.to_owned() };
    let mut row: Vec<String> = vec![
        line.journal.code.clone(),
        line.journal.label.clone(),
        line.number.to_string(),
        day(line.date),
        account.to_owned(),
        or(account_label, "Compte sans libellé"),
        auxiliary.to_owned(),
        auxiliary_label.to_owned(),
        or(&line.piece, &format!("P{}", line.number)),
        day(line.date),
        or(&line.label, "Sans libellé"),
    ];
    if format.montant_sens {
        let net = line.debit - line.credit;
        let sides = if format.signed_sens { ["+1", "-1"] } else { ["D", "C"] };
        row.extend([written(net.abs()), sides[usize::from(net < 0)].to_owned()]);
    } else {
        row.extend([written(line.debit), written(line.credit)]);
    }
    // One line in thirty carries an amount in a foreign currency.
    let foreign = line.id % 30 == 0;
    row.extend([
        line.lettering.map_or_else(String::new, |set| format!("L{}", set % 100_000)),
        line.lettering.map_or_else(String::new, |_| day(line.date + Days::new(20))),
        day(line.date),
        if foreign { written((line.debit - line.credit).abs() * 2) } else { String::new() },
        if foreign { "USD".to_owned() } else { String::new() },
    ]);
    row
}

fn text(rows: &[Vec<String>], format: &FecFormat) -> Vec<u8> {
    let separator = match format.separator {
        Separator::Tab => '\t',
        Separator::Pipe => '|',
        Separator::Semicolon => ';',
    };
    let mut out = String::new();
    if format.bom && format.encoding == Encoding::Utf8 {
        out.push('\u{feff}');
    }
    for row in rows {
        for (position, cell) in row.iter().enumerate() {
            if position > 0 {
                out.push(separator);
            }
            // No quoting is defined: what would break a record becomes a space.
            out.extend(cell.chars().map(|char| if char.is_control() || char == separator { ' ' } else { char }));
        }
        out.push_str(if format.crlf { "\r\n" } else { "\n" });
    }
    match format.encoding {
        Encoding::Utf8 => out.into_bytes(),
        Encoding::Latin9 => out.chars().map(latin9).collect(),
    }
}

/// ISO 8859-15 differs from the first 256 code points in eight places.
fn latin9(char: char) -> u8 {
    match char {
        '€' => 0xa4,
        'Š' => 0xa6,
        'š' => 0xa8,
        'Ž' => 0xb4,
        'ž' => 0xb8,
        'Œ' => 0xbc,
        'œ' => 0xbd,
        'Ÿ' => 0xbe,
        '¤' | '¦' | '¨' | '´' | '¸' | '¼' | '½' | '¾' => b'?',
        other => u8::try_from(u32::from(other)).unwrap_or(b'?'),
    }
}

fn zipped(name: &str, text: &[u8]) -> Result<Vec<u8>, String> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, SimpleFileOptions::default()).map_err(|error| error.to_string())?;
    archive.write_all(text).map_err(|error| error.to_string())?;
    archive.finish().map(Cursor::into_inner).map_err(|error| error.to_string())
}

/// As a workbook: texts but for the amounts.
fn sheet(rows: &[Vec<String>]) -> Result<Vec<u8>, String> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (number, row) in (0_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(row) {
            let amount: Option<f64> =
                cell.replace(',', ".").parse().ok().filter(|_| number > 0 && [11, 12].contains(&column));
            match amount {
                Some(amount) => sheet.write_number(number, column, amount),
                None => sheet.write_string(number, column, cell),
            }
            .map_err(|error| error.to_string())?;
        }
    }
    workbook.save_to_buffer().map_err(|error| error.to_string())
}
