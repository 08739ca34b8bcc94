//! How fast a large file is read.

use super::samples::*;
use crate::export::{Layout, read};
use rust_xlsxwriter::Workbook;
use std::io::{BufWriter, Write};
use std::time::Instant;

#[test]
#[ignore = "a measurement"]
fn a_million_lines_of_a_fec() {
    for (separator, end, latin) in [("\t", "\n", false), ("|", "\r\n", true)] {
        let file = tempfile::tempfile().unwrap();
        let mut out = BufWriter::new(&file);
        let mut put = |line: &str| {
            let line = line.replace('\t', separator) + end;
            if latin {
                out.write_all(&encoding_rs::WINDOWS_1252.encode(&line).0)
            } else {
                out.write_all(line.as_bytes())
            }
        };
        put(HEADER).unwrap();
        for number in 0..1_000_000 {
            put(LINES[number % LINES.len()]).unwrap();
        }
        out.flush().unwrap();
        drop(out);
        let bytes = file.metadata().unwrap().len();
        let start = Instant::now();
        let summary = read(Layout::Fec, file, &shape(Layout::Fec), &mut |_| Ok(())).unwrap();
        println!("{} lines of {bytes} bytes in {:.2} s", summary.lines, start.elapsed().as_secs_f64());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}

#[test]
#[ignore = "a measurement"]
fn a_workbook_of_200_000_lines() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["Date", "Compte", "Libellé", "Débit", "Crédit", "Solde", "Catégorie", "Poids"])
    {
        sheet.write_string(0, column, name).unwrap();
    }
    for row in 1..=200_000 {
        sheet.write_string(row, 1, "606100").unwrap();
        sheet.write_string(row, 2, format!("Facture {row} du fournisseur")).unwrap();
        sheet.write_string(row, 6, "Projet").unwrap();
        for (column, number) in [(0, 45_688.0), (3, f64::from(row) / 100.0), (4, 0.0), (5, 12.34), (7, 0.25)] {
            sheet.write_number(row, column, number).unwrap();
        }
    }
    let file = file(&workbook.save_to_buffer().unwrap());
    let start = Instant::now();
    let layout = Layout::AnalyticalLedger;
    let summary = read(layout, file, &shape(layout), &mut |_| Ok(())).unwrap();
    println!("{} lines in {:.2} s", summary.lines, start.elapsed().as_secs_f64());
}
