//! A workbook is several worksheets, and a table of texts that has to be in memory.

use super::samples::*;
use crate::export::container::OPEN;
use crate::export::{Layout, read};
use crate::row::Row;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const LEDGER: [[&str; 5]; 3] = [
    ["Date", "Compte", "Libellé", "Débit", "Crédit"],
    ["31/01/2025", "606100", "Eau", "10", "0"],
    ["31/01/2025", "401000", "Eau", "0", "10"],
];
const SOON: Duration = Duration::from_millis(50);
const AT_LAST: Duration = Duration::from_secs(60);

/// The records of the sample of a layout.
fn records(layout: Layout) -> Vec<Vec<&'static str>> {
    match layout {
        Layout::Fec => [HEADER].iter().chain(&LINES).map(|line| line.split('\t').collect()).collect(),
        Layout::AnalyticalLedger => LEDGER.map(Vec::from).to_vec(),
    }
}

fn whole(layout: Layout) -> Vec<Row> {
    rows(layout, &sheet_of_texts(&records(layout)))
}

#[test]
fn the_lines_go_on_over_the_worksheets_that_have_the_same_header() {
    for layout in [Layout::Fec, Layout::AnalyticalLedger] {
        let records = records(layout);
        let header = records[0].clone();
        let notes = vec![vec!["Lisez-moi"], vec!["Date", "Journal"]];
        let first = vec![header.clone(), records[1].clone()];
        let mut second = vec![[header.clone(), vec![" "]].concat()];
        second.extend_from_slice(&records[2..]);
        let sheets = [notes.clone(), first, Vec::new(), notes, second, vec![header]];
        assert_eq!(rows(layout, &sheets_of_texts(&sheets)), whole(layout));
        let zipped = zip(&[("book.xlsx", &sheets_of_texts(&sheets))]);
        assert_eq!(rows(layout, &zipped), whole(layout));
    }
}

#[test]
fn a_workbook_of_two_different_lists_is_refused() {
    let expected = "it is a workbook of two different lists: its worksheets 1 and 3 have other columns";
    for layout in [Layout::Fec, Layout::AnalyticalLedger] {
        let first = records(layout);
        let wider: Vec<Vec<&str>> = first.iter().map(|record| [record.clone(), vec!["Taux"]].concat()).collect();
        let turned: Vec<Vec<&str>> = first.iter().map(|record| record.iter().copied().rev().collect()).collect();
        for other in [wider, turned] {
            assert_eq!(refusal(layout, &sheets_of_texts(&[first.clone(), vec![vec!["x"]], other])), expected);
        }
    }
}

#[test]
fn the_table_of_texts_has_a_limit_under_every_name_that_it_may_have() {
    let book = sheet_of_texts(&records(Layout::Fec));
    for name in ["xl/sharedStrings.xml", "xl/SharedStrings.XML", "XL\\sharedstrings.xml", "elsewhere/sharedStrings.xml"]
    {
        let large = edited(&book, &|entry, bytes| {
            if entry == "xl/sharedStrings.xml" {
                *entry = name.into();
                bytes.resize((64 << 20) + 1, b' ');
            }
        });
        let expected = "its table of texts unpacks to more than 67108864 bytes";
        assert_eq!(refusal(Layout::Fec, &large), expected, "{name}");
    }
}

#[test]
fn a_table_of_texts_that_announces_more_than_it_can_hold_is_refused() {
    let book = sheet_of_texts(&records(Layout::Fec));
    for count in ["6000000", "99999999999999999999999999"] {
        let boasting = edited(&book, &|entry, bytes| {
            if entry == "xl/sharedStrings.xml" {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let (before, after) = text.split_once("uniqueCount=\"").unwrap();
                let (_, rest) = after.split_once('"').unwrap();
                *bytes = format!("{before}uniqueCount=\"{count}\"{rest}").into_bytes();
            }
        });
        let expected = "its table of texts announces more texts than fit in it";
        assert_eq!(refusal(Layout::Fec, &boasting), expected, "{count}");
    }
}

#[test]
fn a_row_of_a_worksheet_does_not_fill_the_memory() {
    let book = |cells: &str| {
        edited(&sheet_of_texts(&records(Layout::Fec)), &|name, bytes| {
            if name == "xl/sharedStrings.xml" {
                *bytes = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(1 << 20)).into_bytes();
            }
            if name == "xl/worksheets/sheet1.xml" {
                *bytes =
                    format!("<worksheet><sheetData><row r=\"1\">{cells}</row></sheetData></worksheet>").into_bytes();
            }
        })
    };
    let far = book("<c r=\"XFE1\"><v>1</v></c>");
    assert_eq!(refusal(Layout::Fec, &far), "line 1 has more than 16384 fields");
    let long = book(&"<c t=\"s\"><v>0</v></c>".repeat(5));
    assert_eq!(refusal(Layout::Fec, &long), "line 1 is longer than 4194304 bytes");
}

/// Reads the sample workbook on a thread of its own, which says when it is done.
fn started() -> mpsc::Receiver<Vec<Row>> {
    let (done, lines) = mpsc::channel();
    thread::spawn(move || done.send(whole(Layout::Fec)));
    lines
}

#[test]
fn one_workbook_is_open_at_a_time() {
    let open = OPEN.lock().unwrap();
    let lines = started();
    assert!(lines.recv_timeout(SOON).is_err());
    drop(open);
    assert_eq!(lines.recv_timeout(AT_LAST).unwrap().len(), LINES.len());
}

#[test]
fn no_workbook_is_open_while_its_lines_are_told() {
    let book = file(&sheet_of_texts(&records(Layout::Fec)));
    let mut others = Vec::new();
    // Who listens may be busy with another workbook first.
    let summary = read(Layout::Fec, book, &shape(Layout::Fec), &mut |_| {
        others = started().recv_timeout(AT_LAST).unwrap_or_default();
        Ok(())
    });
    assert_eq!((summary.unwrap().lines, others.len()), (3, LINES.len()));
}
