//! A FEC is the same in each of its forms.

use super::samples::*;
use crate::error::Error;
use crate::export::{BATCH, Layout, Summary, read};
use crate::row::{Row, Shape, Type};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

fn fec_rows(bytes: impl AsRef<[u8]>) -> Vec<Row> {
    rows(Layout::Fec, bytes.as_ref())
}

fn expected() -> Vec<Row> {
    fec_rows(fec())
}

#[test]
fn the_lines_of_a_fec_become_rows() {
    let rows = expected();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2, 3]);
    let cells: Vec<Option<&str>> = rows[0].cells.iter().map(Option::as_deref).collect();
    assert_eq!(
        cells,
        [
            "VE",
            "Journal des ventes",
            "12",
            "2025-01-31",
            "411000",
            "Clients",
            "C001",
            "Société \"Œuvre\" d'été",
            "FA-1",
            "2025-01-30",
            "Vente 100 € \"net\"",
            "1234.50",
            "0.00",
            "L1",
            "2025-02-20",
            "2025-02-01",
            "-1400.10",
            "USD",
        ]
        .map(Some)
    );
    assert_eq!(cell(Layout::Fec, &rows[1], "ecriture_lib"), Some("\"Vente"));
    assert_eq!(cell(Layout::Fec, &rows[1], "idevise"), None);
    assert!(rows.iter().all(|row| row.extra.is_none() && row.adopted.is_empty() && row.unknown.is_empty()));
}

#[test]
fn separators_line_ends_and_decimal_signs_make_no_difference() {
    for separator in ["\t", "|", ";"] {
        for end in ["\n", "\r\n", "\r"] {
            for point in [",", "."] {
                let text = fec().replace(',', point).replace('\t', separator).replace('\n', end);
                assert_eq!(fec_rows(&text), expected(), "{separator:?} {end:?} {point}");
                assert_eq!(
                    fec_rows(text.strip_suffix(end).unwrap()),
                    expected(),
                    "{separator:?} {end:?} {point}, last end missing"
                );
            }
        }
    }
}

#[test]
fn mixed_line_ends_and_blank_lines_make_no_difference() {
    let [first, second, third] = LINES;
    let text = format!("\r\n{HEADER}\r{first}\r\n\n   \n{second}\n\t\t\t\r{third}\n\u{1a}");
    assert_eq!(fec_rows(text), expected());
}

#[test]
fn encodings_make_no_difference() {
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{}", fec()).encode_utf16().flat_map(to_bytes).collect()
    };
    let (windows, ..) = encoding_rs::WINDOWS_1252.encode(Box::leak(fec().into_boxed_str()));
    let (latin9, ..) = encoding_rs::ISO_8859_15.encode(Box::leak(fec().into_boxed_str()));
    assert!(windows.contains(&0x80) && latin9.contains(&0xa4));
    assert_eq!(fec_rows(format!("\u{feff}{}", fec())), expected());
    assert_eq!(fec_rows(windows), expected());
    assert_eq!(fec_rows(latin9), expected());
    assert_eq!(fec_rows(utf16(u16::to_le_bytes)), expected());
    assert_eq!(fec_rows(utf16(u16::to_be_bytes)), expected());
}

#[test]
fn a_letter_that_is_cut_leaves_the_others_of_a_utf_8_file_as_they_are() {
    let cut = |text: &str| {
        let at = text.rfind("Vente\t").unwrap();
        [&text.as_bytes()[..at], b"V\xc3", &text.as_bytes()[at + 1..]].concat()
    };
    let text = fec().replacen("Clients", "Éàèùçôîêâû", 1);
    for (text, start) in [(text.clone(), 0), (format!("\u{feff}{text}"), 3)] {
        let rows = fec_rows(cut(&text));
        assert_eq!(cell(Layout::Fec, &rows[0], "compte_lib"), Some("Éàèùçôîêâû"), "{start}");
        assert_eq!(cell(Layout::Fec, &rows[0], "ecriture_lib"), Some("Vente 100 € \"net\""), "{start}");
        assert_eq!(cell(Layout::Fec, &rows[2], "ecriture_lib"), Some("V\u{fffd}ente"), "{start}");
    }
}

#[test]
fn a_latin_file_in_which_some_letters_read_as_utf_8_stays_latin() {
    let text = format!("{HEADER}\n{}\n", LINES[2].replace("Vente", "été é\u{c3}\u{a9}\u{c3}\u{a9}"));
    let (latin, ..) = encoding_rs::ISO_8859_15.encode(&text);
    let rows = fec_rows(latin);
    assert_eq!(cell(Layout::Fec, &rows[0], "ecriture_lib"), Some("été é\u{c3}\u{a9}\u{c3}\u{a9}"));
}

#[test]
fn a_lettering_day_of_zeros_is_none() {
    let text = fec().replacen("20250220", "00000000", 1);
    let rows = fec_rows(text);
    assert_eq!((rows.len(), cell(Layout::Fec, &rows[0], "date_let")), (3, None));
}

#[test]
fn an_amount_may_lack_its_zero() {
    let rows = fec_rows(fec().replacen("1234,50\t0,00", ",50\t.00", 1));
    let sides = ["debit", "credit"].map(|side| cell(Layout::Fec, &rows[0], side));
    assert_eq!(sides, [Some("0.50"), Some("0.00")]);
}

#[test]
fn one_amount_and_its_sign_are_a_debit_or_a_credit() {
    for (debit, credit) in [("D", "C"), ("d", "c"), ("+1", "-1"), ("1", "-1"), ("+", "-")] {
        assert_eq!(fec_rows(signed(debit, credit)), expected(), "{debit} {credit}");
    }
}

#[test]
fn the_case_and_the_order_of_the_header_make_no_difference() {
    for header in
        [HEADER.to_lowercase(), HEADER.to_uppercase(), HEADER.replace("Debit", "Débit").replace("tDate", "t_Date ")]
    {
        assert_eq!(fec_rows(fec().replace(HEADER, &header)), expected(), "{header}");
    }
    let turned: Vec<String> = fec().lines().map(|line| line.rsplit('\t').collect::<Vec<_>>().join("\t")).collect();
    assert_eq!(fec_rows(turned.join("\n")), expected());
}

#[test]
fn blanks_around_fields_and_separators_behind_them_make_no_difference() {
    let padded: Vec<String> = fec().lines().map(|line| line.replace('\t', " \t\u{a0} ") + "\t \t").collect();
    assert_eq!(fec_rows(padded.join("\n")), expected());
}

#[test]
fn a_zip_is_its_one_fec() {
    let text = fec();
    let archive = zip(&[
        ("folder/", b""),
        ("__MACOSX/folder/._FEC.txt", b"x"),
        ("folder/.hidden", text.as_bytes()),
        ("folder/description.txt", b"Fichier"),
        ("./folder/123FEC20251231.txt", text.as_bytes()),
    ]);
    assert_eq!(fec_rows(archive), expected());
}

#[test]
fn a_workbook_of_texts_is_a_fec_bare_or_zipped() {
    let text = fec();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let book = sheet_of_texts(&rows);
    assert_eq!(fec_rows(&book), expected());
    assert_eq!(fec_rows(zip(&[("fec.xlsx", &book)])), expected());
}

#[test]
fn a_workbook_of_numbers_and_dates_is_the_same_fec() {
    let mut workbook = Workbook::new();
    workbook.add_worksheet().write_string(0, 0, "Lisez-moi").unwrap();
    let day_format = Format::new().set_num_format("dd/mm/yyyy");
    let sheet = workbook.add_worksheet();
    for (number, line) in (0..).zip(fec().lines()) {
        for (column, text) in (0_u16..).zip(line.split('\t')) {
            let number_of = text.replace(',', ".").parse::<f64>().ok();
            match (column, number_of) {
                (_, None) => sheet.write_string(number, column, text),
                // A day as a date cell, as a number that spells it and as a number that counts it.
                (3, Some(_)) => {
                    let day = ExcelDateTime::parse_from_str(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]));
                    sheet.write_datetime_with_format(number, column, day.unwrap(), &day_format)
                }
                (9, Some(_)) => sheet.write_number(number, column, 45_687),
                (_, Some(value)) => sheet.write_number(number, column, value),
            }
            .unwrap();
        }
    }
    assert_eq!(fec_rows(workbook.save_to_buffer().unwrap()), expected());
}

#[test]
fn an_empty_side_is_zero_unless_both_are() {
    let line = |debit: &str, credit: &str| LINES[2].replace("0,00\t205,75", &format!("{debit}\t{credit}"));
    let text = format!("{HEADER}\n{}\n{}\n{}\n", line("1", " "), line("", "2"), line("", ""));
    let sides: Vec<_> = fec_rows(text)
        .iter()
        .map(|row| ["debit", "credit"].map(|side| cell(Layout::Fec, row, side).map(str::to_owned)))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(sides, [[some("1.00"), some("0.00")], [some("0.00"), some("2.00")], [None, None]]);
}

#[test]
fn a_control_character_is_a_blank() {
    let text = fec().replace("Vente 100", "Vente\u{1}100").replace("Clients", "Clients\u{85}");
    assert_eq!(fec_rows(text), expected());
}

#[test]
fn only_a_header_is_a_fec_without_lines() {
    let (rows, summary) = read_with(Layout::Fec, HEADER.as_bytes(), &shape(Layout::Fec)).unwrap();
    assert_eq!((rows, summary), (Vec::new(), Summary::default()));
}

#[test]
fn a_column_that_a_user_dropped_is_told_and_not_kept() {
    let kept = columns(Layout::Fec).into_iter().filter(|column| column.name != "debit" && column.name != "piece_date");
    let shape = Shape::new(kept.collect());
    for text in [fec(), signed("D", "C")] {
        let (rows, summary) = read_with(Layout::Fec, text.as_bytes(), &shape).unwrap();
        let credits: Vec<_> = rows.iter().map(|row| row.cells[shape.place("credit").unwrap()].as_deref()).collect();
        assert_eq!(credits, [Some("0.00"), Some("1028.75"), Some("205.75")]);
        assert!(rows.iter().all(|row| row.cells.len() == 16 && row.extra.is_none()));
        let unknown = [("debit".into(), Type::Numeric(None)), ("piece_date".into(), Type::Date)];
        assert_eq!(summary.unknown, unknown.into());
    }
}

#[test]
fn further_columns_fill_the_columns_that_a_user_added_and_are_told_else() {
    let mut columns = columns(Layout::Fec);
    columns.extend([added("mine", Type::Text(None)), added("date_rglt", Type::Date)]);
    let mut text = HEADER.to_owned() + "\tdaterglt\tModeRglt\tTauxTVA\tRemise\n";
    text += &(LINES[0].to_owned() + "\t20250301\tvirement\t5,5\t\n");
    text += &(LINES[1].to_owned() + "\t\t\t20\t\n");
    let (rows, summary) = read_with(Layout::Fec, text.as_bytes(), &Shape::new(columns)).unwrap();
    assert_eq!(rows[0].cells[18..], [None, Some("2025-03-01".into())]);
    assert_eq!(rows[1].cells[18..], [None, None]);
    assert!(rows.iter().all(|row| row.adopted == [19]));
    let text = Type::Text(None);
    assert_eq!(
        summary.unknown,
        [("mode_rglt".into(), text), ("remise".into(), text), ("taux_tva".into(), text)].into()
    );
}

#[test]
fn batches_are_full_and_numbered_through() {
    let text = HEADER.to_owned() + &format!("\n{}", LINES[0]).repeat(2 * BATCH + 1);
    let mut told = Vec::new();
    let summary = read(Layout::Fec, file(text.as_bytes()), &shape(Layout::Fec), &mut |rows| {
        told.push((rows.len(), rows[0].id));
        Ok(())
    });
    assert_eq!(told, [(BATCH, 1), (BATCH, 1 + BATCH as i64), (1, 1 + 2 * BATCH as i64)]);
    assert_eq!(summary.unwrap().lines, 2 * BATCH as u64 + 1);
}

#[test]
fn the_error_of_a_listener_ends_the_reading() {
    let text = HEADER.to_owned() + &format!("\n{}", LINES[0]).repeat(3 * BATCH);
    let mut calls = 0;
    let error = read(Layout::Fec, file(text.as_bytes()), &shape(Layout::Fec), &mut |_| {
        calls += 1;
        Err(Error::Interrupted)
    });
    assert!(matches!(error, Err(Error::Interrupted)));
    assert_eq!(calls, 1);
}
