//! The two ledgers that are workbooks. Their layout is not published: this one is plausible French.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, XlsxError};

use super::booked::{Booked, Category};
use crate::amount;

/// The content of a cell.
enum Cell<'a> {
    Text(&'a str),
    Cents(i64),
    Share(f64),
    Day(NaiveDate),
    Empty,
}

const LINE_COLUMNS: &[&str] = &[
    "Date",
    "Code journal",
    "Journal",
    "Numéro de compte",
    "Libellé du compte",
    "N° de pièce",
    "Libellé de l'écriture",
    "Date d'échéance",
    "Débit",
    "Crédit",
    "Solde",
];
const CATEGORY_COLUMNS: &[&str] = &["Famille analytique", "Catégorie analytique", "Code analytique", "Poids"];

/// What every row says of its line, with this share of its amounts.
fn line_cells<'a>(line: &'a Booked, share: impl Fn(i64) -> i64) -> Vec<Cell<'a>> {
    vec![
        Cell::Day(line.date),
        Cell::Text(&line.journal.code),
        Cell::Text(&line.journal.label),
        Cell::Text(&line.account),
        Cell::Text(&line.account_label),
        Cell::Text(&line.piece),
        Cell::Text(&line.label),
        line.due.map_or(Cell::Empty, Cell::Day),
        Cell::Cents(share(line.debit)),
        Cell::Cents(share(line.credit)),
        Cell::Cents(share(line.debit - line.credit)),
    ]
}

pub(crate) fn general_ledger(lines: &[Booked]) -> Result<Vec<u8>, String> {
    let header = LINE_COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    let mut sorted: Vec<&Booked> = lines.iter().collect();
    sorted.sort_by_key(|line| (&line.account, line.date, line.id));
    write("Grand livre", header, sorted.into_iter().map(|line| line_cells(line, |cents| cents)))
}

/// `in_line`: a row for each category of a line. `in_column`: a row for each line, a column for each family.
pub(crate) fn analytical_ledger(lines: &[Booked], in_column: bool) -> Result<Vec<u8>, String> {
    let mut header: Vec<String> = LINE_COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    if in_column {
        let families: BTreeSet<&str> =
            lines.iter().flat_map(|line| &line.categories).map(|category| category.group.as_str()).collect();
        header.extend(families.iter().map(|family| (*family).to_owned()));
        let rows = lines.iter().map(|line| {
            let mut cells = line_cells(line, |cents| cents);
            cells.extend(families.iter().map(|family| {
                let own = line.categories.iter().find(|category| category.group == *family);
                own.map_or(Cell::Empty, |category| Cell::Text(&category.label))
            }));
            cells
        });
        return write("Grand livre analytique", header, rows);
    }
    header.extend(CATEGORY_COLUMNS.iter().map(|name| (*name).to_owned()));
    let rows = lines.iter().flat_map(|line| {
        if line.categories.is_empty() {
            return vec![line_cells(line, |cents| cents)];
        }
        let last = line.categories.len() - 1;
        let share = |category: &Category, cents: i64| cents * weight(category) / 1_000_000;
        let row = |(position, category): (usize, &'_ Category)| {
            // The last share is the rest, so that a line adds up to its own amount.
            let before = |cents: i64| line.categories[..last].iter().map(|other| share(other, cents)).sum::<i64>();
            let own = |cents: i64| if position == last { cents - before(cents) } else { share(category, cents) };
            line_cells(line, own)
        };
        line.categories
            .iter()
            .enumerate()
            .map(|(position, category)| {
                let mut cells = row((position, category));
                cells.extend([
                    Cell::Text(&category.group),
                    Cell::Text(&category.label),
                    Cell::Text(&category.code),
                    Cell::Share(category.weight.parse().unwrap_or(1.0)),
                ]);
                cells
            })
            .collect()
    });
    write("Grand livre analytique", header, rows)
}

/// The share of a category, in millionths.
fn weight(category: &Category) -> i64 {
    amount::micros(&category.weight).unwrap_or(1_000_000)
}

fn write<'a>(name: &str, header: Vec<String>, rows: impl Iterator<Item = Vec<Cell<'a>>>) -> Result<Vec<u8>, String> {
    fill(name, header, rows).map_err(|error| error.to_string())
}

fn fill<'a>(name: &str, header: Vec<String>, rows: impl Iterator<Item = Vec<Cell<'a>>>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let (bold, day_format) = (Format::new().set_bold(), Format::new().set_num_format("dd/mm/yyyy"));
    let sheet = workbook.add_worksheet();
    sheet.set_name(name)?;
    for (column, title) in (0_u16..).zip(&header) {
        sheet.write_string_with_format(0, column, title, &bold)?;
    }
    for (number, row) in (1_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(row) {
            match cell {
                Cell::Text(text) => sheet.write_string(number, column, text)?,
                // A workbook holds floats: 15 digits are enough for cents of any company.
                Cell::Cents(cents) => sheet.write_number(number, column, cents as f64 / 100.0)?,
                Cell::Share(share) => sheet.write_number(number, column, share)?,
                Cell::Day(day) => {
                    let year = u16::try_from(day.year()).unwrap_or(1900);
                    let (month, day) = (u8::try_from(day.month()).unwrap_or(1), u8::try_from(day.day()).unwrap_or(1));
                    let day = ExcelDateTime::from_ymd(year, month, day)?;
                    sheet.write_datetime_with_format(number, column, &day, &day_format)?
                }
                Cell::Empty => continue,
            };
        }
    }
    workbook.save_to_buffer()
}
