//! What is refused, and in which words.

use super::samples::*;
use crate::error::{Error, Kind};
use crate::export::Layout;
use crate::row::{Shape, Type};

fn words(bytes: impl AsRef<[u8]>) -> String {
    refusal(Layout::Fec, bytes.as_ref())
}

fn with(from: &str, to: &str) -> String {
    let text = fec().replacen(from, to, 1);
    assert_ne!(text, fec());
    text
}

#[test]
fn what_is_no_file_of_lines_is_refused_by_its_name() {
    for (bytes, expected) in [
        (&b""[..], "it is empty"),
        (b" \r\n\t ", "it is empty"),
        (b"\xef\xbb\xbf\n", "it is empty"),
        (b"\xef\xbb\xbf \n<html>", "it is a web page or XML, not a file of lines"),
        (b"<?xml version=\"1.0\"?>", "it is a web page or XML, not a file of lines"),
        (b"%PDF-1.7\n", "it is a PDF document"),
        (b"%PDF-1.7\n\0", "it is a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "it is a workbook of an old kind (.xls), or one that is protected by a password"),
        (b"\x7fELF\0\0", "it is neither text, nor a workbook, nor a zip archive"),
        (b"PK\x05\x06\0\0", "it is an archive without any file"),
        (b"PK\x03\x04\0\0", "the archive is damaged"),
        (b"\xff\xfe\x00\xd8", "its bytes are not the UTF-16LE that it announces"),
        (b"\xef\xbb\xbfJournalCode\xe9", "its bytes are not the UTF-8 that it announces"),
    ] {
        assert_eq!(words(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn a_header_that_is_not_that_of_the_law_is_refused_with_the_names() {
    let none = "its first line does not hold the names of a FEC's columns (JournalCode, JournalLib, ...)";
    assert_eq!(words("nom\tprénom\n"), none);
    assert_eq!(words(with("CompteNum", "Compte")), "its header lacks CompteNum");
    assert_eq!(words(with("\tCredit", "\tCrédits").replace("Idevise", "Devise")), "its header lacks Idevise, Credit");
    assert_eq!(words(with("Debit\tCredit", "Montant\tx")), "its header lacks Sens");
    assert_eq!(words(with("Debit\tCredit", "x\ty")), "its header lacks Debit, Credit");
    assert_eq!(words(HEADER.to_owned() + "\tJOURNALCODE\n"), "its header repeats JournalCode");
}

#[test]
fn a_field_that_is_wrong_is_named_by_line_and_column() {
    for (text, expected) in [
        (with("20250131\t707", "20250132\t707"), "line 3: EcritureDate is no date (YYYYMMDD)"),
        (with("20250220", "février"), "line 2: DateLet is no date (YYYYMMDD)"),
        (with("20250130", "00000000"), "line 2: PieceDate is no date (YYYYMMDD)"),
        (with("20250131", "00000000"), "line 2: EcritureDate is no date (YYYYMMDD)"),
        (with("205,75", "205,7x"), "line 4: Credit is no amount"),
        (with("-1400,10", "1.400,10"), "line 2: Montantdevise is no amount"),
        (signed("D", "X"), "line 3: Sens is neither a debit nor a credit (D, C, +1, -1)"),
        (signed("D", ""), "line 3: Sens is neither a debit nor a credit (D, C, +1, -1)"),
        (signed("D", "C").replace("1028,75", "1028;75"), "line 3: Montant is no amount"),
    ] {
        assert_eq!(words(&text), expected);
        assert_eq!(words(text.replace('\n', "\r")), expected, "with CR");
        assert_eq!(words(text.replace('\n', "\r\n")), expected, "with CRLF");
    }
}

#[test]
fn blank_lines_count_as_lines_of_the_file() {
    let text = fec().replace('\n', "\n\n").replacen("205,75", "x", 1);
    assert_eq!(words(text), "line 7: Credit is no amount");
}

#[test]
fn a_row_of_a_worksheet_is_named_by_its_number() {
    let text = with("20250131\t707", "20250132\t707");
    let mut rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    rows.insert(1, Vec::new());
    assert_eq!(words(sheet_of_texts(&rows)), "line 4: EcritureDate is no date (YYYYMMDD)");
}

#[test]
fn a_record_that_is_cut_short_is_no_line() {
    let text = fec();
    let cut = &text[..text.len() - 40];
    assert_eq!(words(cut), "line 4 has 10 fields in place of 18; the file may have been cut short");
}

#[test]
fn a_record_with_fields_too_many_is_no_line() {
    assert_eq!(words(with("\tUSD\n", "\tUSD\t\tx\n")), "line 2 has 20 fields in place of 18");
}

#[test]
fn a_value_that_its_column_does_not_hold_is_named() {
    let mut columns = columns(Layout::Fec);
    columns[7].kind = Type::Text(Some(5));
    let error = read_with(Layout::Fec, fec().as_bytes(), &Shape::new(columns)).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert_eq!(
        error.to_string(),
        "the file that Pennylane made cannot be read: \
         line 2: CompAuxLib does not fit the column comp_aux_lib of type varchar(5)"
    );
}

#[test]
fn an_archive_has_to_hold_one_file_with_the_header() {
    let (text, book) = (fec(), sheet_of_texts(&[vec!["x"]]));
    let fec = text.as_bytes();
    let two = "it is an archive in which 2 files have the header";
    assert_eq!(words(zip(&[("a.txt", fec), ("b.txt", fec)])), two);
    let none = "it is an archive of 2 files, and none has the header";
    assert_eq!(words(zip(&[("a.txt", b"x"), ("b.xlsx", &book)])), none);
    assert_eq!(words(zip(&[("a.txt", b"<html>")])), "it is a web page or XML, not a file of lines");
    assert_eq!(words(zip(&[("a.zip", &zip(&[("a.txt", fec)]))])), "it is an archive inside an archive");
    assert_eq!(words(zip(&[("folder/", b"")])), "it is an archive without any file");
}

#[test]
fn a_damaged_archive_is_refused() {
    // Text without repetition, so that deflate stores it as it is and only the checksum tells.
    let archive = zip(&[("fec.txt", fec().as_bytes())]);
    for at in [40, archive.len() / 3] {
        let mut damaged = archive.clone();
        damaged[at] ^= 0x10;
        let what = words(&damaged);
        assert!(what == "the archive is damaged", "{what}");
    }
    assert_eq!(words(&archive[..archive.len() - 30]), "the archive is damaged");
}

#[test]
fn a_damaged_workbook_is_refused() {
    let text = fec();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let book = sheet_of_texts(&rows);
    for at in (100..book.len()).step_by(97) {
        let mut damaged = book.clone();
        damaged[at] ^= 0x04;
        // Bytes that say nothing, such as a file's time, may be anything; the lines are right or the file refused.
        if let Ok((rows, _)) = read_with(Layout::Fec, &damaged, &shape(Layout::Fec)) {
            assert_eq!(rows, super::samples::rows(Layout::Fec, fec().as_bytes()), "{at}");
        }
    }
}

#[test]
fn an_encrypted_archive_is_refused() {
    // The flag of both headers says that the entry is encrypted.
    let mut archive = zip(&[("fec.txt", fec().as_bytes())]);
    let central = archive.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    archive[6] |= 1;
    archive[central + 8] |= 1;
    assert_eq!(words(&archive), "the archive is protected by a password");
}

#[test]
fn no_message_holds_a_value_of_the_file() {
    let text = fec();
    let fields: Vec<&str> = LINES[0].split('\t').collect();
    for at in 0..fields.len() {
        let mut secret = fields.clone();
        secret[at] = "SECRET\u{a0}4711";
        for tail in ["", "\tSECRET4711"] {
            let file = format!("{HEADER}\n{}{tail}\n", secret.join("\t"));
            for bytes in [file.clone().into_bytes(), zip(&[("SECRET4711.txt", file.as_bytes())])] {
                if let Err(error) = read_with(Layout::Fec, &bytes, &shape(Layout::Fec)) {
                    assert!(matches!(error, Error::File { .. }));
                    let told = format!("{error} {}", error.hint());
                    assert!(!told.contains("SECRET") && !told.contains("4711"), "{told}");
                }
            }
        }
    }
    let header = text.replacen("JournalCode", "SECRET4711", 1);
    assert!(!words(header).contains("SECRET"));
}
