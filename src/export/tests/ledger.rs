//! The analytical general ledger in the forms that it may take.

use super::samples::*;
use crate::export::{Layout, Summary};
use crate::row::{Row, Shape, Type};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};

const LEDGER: Layout = Layout::AnalyticalLedger;
const FRENCH: &str = "Date;Code journal;Journal;Numéro de compte;Libellé du compte;N° de pièce;Libellé de l'écriture;\
Date d'échéance;Débit;Crédit;Solde;Famille analytique;Catégorie analytique;Code analytique;Poids";
const ENGLISH: &str = "Date;Journal code;Journal;Account number;Account label;Piece number;Entry label;Due date;Debit;\
Credit;Balance;Category group;Category;Analytical code;Weight";
const LINE: &str = "31/01/2025;AC;Achats;606100;\"Eau; \"\"gaz\"\"\";F-1;Facture d'été;28/02/2025;1 234,50;;1 234,50;\
Projets;Île;P1;0,25";
const NAMES: [&str; 15] = [
    "date",
    "journal_code",
    "journal_label",
    "account_number",
    "account_label",
    "piece_number",
    "label",
    "due_date",
    "debit",
    "credit",
    "balance",
    "category_group",
    "category",
    "analytical_code",
    "weight",
];

/// The cells of the columns of [`NAMES`].
fn cells(row: &Row) -> Vec<Option<&str>> {
    NAMES.iter().map(|name| cell(LEDGER, row, name)).collect()
}

fn expected() -> Vec<Option<&'static str>> {
    let texts = [
        "2025-01-31",
        "AC",
        "Achats",
        "606100",
        "Eau; \"gaz\"",
        "F-1",
        "Facture d'été",
        "2025-02-28",
        "1234.50",
        "",
        "1234.50",
        "Projets",
        "Île",
        "P1",
        "0.25",
    ];
    texts.map(|text| Some(text).filter(|text| !text.is_empty())).to_vec()
}

fn one(bytes: impl AsRef<[u8]>) -> (Row, Summary) {
    let (mut rows, summary) = read_with(LEDGER, bytes.as_ref(), &shape(LEDGER)).unwrap();
    assert_eq!((rows.len(), summary.lines), (1, 1));
    (rows.swap_remove(0), summary)
}

fn extra(row: &Row) -> Value {
    row.extra.as_deref().map_or(Value::Null, |extra| serde_json::from_str(extra).unwrap())
}

/// A workbook with numbers and dates as such, below two rows of titles.
fn workbook() -> Workbook {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_string(0, 0, "Grand livre analytique").unwrap();
    sheet.write_string(1, 0, "Du 01/01/2025 au 31/12/2025").unwrap();
    for (column, name) in (0..).zip(FRENCH.split(';')) {
        sheet.write_string(3, column, name).unwrap();
    }
    let day = Format::new().set_num_format("dd/mm/yyyy");
    let texts = [
        (1, "AC"),
        (2, "Achats"),
        (4, "Eau; \"gaz\""),
        (5, "F-1"),
        (6, "Facture d'été"),
        (11, "Projets"),
        (12, "Île"),
        (13, "P1"),
    ];
    for (column, text) in texts {
        sheet.write_string(4, column, text).unwrap();
    }
    for (column, number) in [(3, 606_100.0), (8, 1234.5), (10, 1234.5), (14, 0.25)] {
        sheet.write_number(4, column, number).unwrap();
    }
    sheet.write_datetime_with_format(4, 0, ExcelDateTime::from_ymd(2025, 1, 31).unwrap(), &day).unwrap();
    sheet.write_string(4, 7, "28/02/2025").unwrap();
    sheet.write_string(5, 0, "Total").unwrap();
    sheet.write_number(5, 8, 1234.5).unwrap();
    workbook
}

#[test]
fn the_workbook_of_the_fake_is_read_with_titles_above_and_totals_below() {
    let (row, summary) = one(workbook().save_to_buffer().unwrap());
    assert_eq!(cells(&row), expected());
    assert_eq!(extra(&row), Value::Null);
    assert_eq!(summary, Summary { lines: 1, left_out: 1, ..Summary::default() });
}

#[test]
fn a_workbook_that_counts_its_days_from_1904_is_read_by_its_own_calendar() {
    let book = edited(&workbook().save_to_buffer().unwrap(), &|name, bytes| {
        if name == "xl/workbook.xml" {
            let text = String::from_utf8_lossy(bytes);
            *bytes = text.replacen("<workbookPr ", "<workbookPr date1904=\"1\" ", 1).into_bytes();
        }
    });
    // The same number is a day 1462 days later there.
    assert_eq!(cell(LEDGER, &one(book).0, "date"), Some("2029-02-01"));
}

#[test]
fn french_and_english_csv_are_read_with_quotes() {
    for header in [FRENCH, ENGLISH, &FRENCH.to_uppercase()] {
        let (row, summary) = one(format!("{header}\r\n{LINE}\r\n"));
        assert_eq!(cells(&row), expected(), "{header}");
        assert_eq!((extra(&row), summary.left_out), (Value::Null, 0));
    }
}

#[test]
fn the_other_separators_are_found() {
    let text = format!("{ENGLISH}\n{}", LINE.replace("\"Eau; \"\"gaz\"\"\"", "Eau"));
    for separator in ["\t", "|", ","] {
        let text = text.replace(',', ".").replace(';', separator);
        assert_eq!(cell(LEDGER, &one(text).0, "weight"), Some("0.25"), "{separator:?}");
    }
}

#[test]
fn columns_may_stand_in_any_order() {
    let turn = |line: &str| line.replace("\"Eau; \"\"gaz\"\"\"", "Eau").rsplit(';').collect::<Vec<_>>().join(";");
    let (row, _) = one(format!("{}\n{}", turn(FRENCH), turn(LINE)));
    let mut expected = expected();
    expected[4] = Some("Eau");
    assert_eq!(cells(&row), expected);
}

#[test]
fn vague_names_take_what_the_clear_ones_leave() {
    let values = "2025-01-31;a;b;c;1;2";
    let (row, _) = one(format!("Date;Journal;Compte;Libellé;Débit;Crédit\n{values}"));
    let found = |names: [&str; 3]| names.map(|name| cell(LEDGER, &row, name));
    assert_eq!(found(["journal_code", "account_number", "label"]), [Some("a"), Some("b"), Some("c")]);
    let (row, _) = one(format!("Date;Journal;Compte;N° compte;Débit;Crédit;Code journal\n{values};z"));
    let found = |names: [&str; 4]| names.map(|name| cell(LEDGER, &row, name));
    let names = ["journal_label", "journal_code", "account_label", "account_number"];
    assert_eq!(found(names), [Some("a"), Some("z"), Some("b"), Some("c")]);
}

#[test]
fn titles_totals_and_repeated_headers_are_left_out() {
    let text = format!("Société X\n\nExercice 2025\n{FRENCH}\n;;;;Compte 606100\n{LINE}\n{FRENCH}\nTotal;;;;;;;;1;1\n");
    let summary = one(text).1;
    assert_eq!((summary.left_out, summary.left_out_with_amounts), (3, 0));
}

/// The accounts of the lines of a small ledger, the sum of their debits, what was left out, and that with amounts.
fn booked(rows: &str) -> (Vec<String>, u32, u64, u64) {
    let text = format!("Date;Compte;Libellé;Débit;Crédit\n{rows}");
    let (rows, summary) = read_with(LEDGER, text.as_bytes(), &shape(LEDGER)).unwrap();
    let accounts = rows.iter().map(|row| cell(LEDGER, row, "account_number").unwrap_or_default().to_owned());
    let debits = rows.iter().filter_map(|row| cell(LEDGER, row, "debit")).map(|debit| debit.parse::<f64>().unwrap());
    (accounts.collect(), debits.sum::<f64>() as u32, summary.left_out, summary.left_out_with_amounts)
}

#[test]
fn a_row_with_a_day_is_a_line_even_without_its_account() {
    let rows = "31/01/2025;606100;Eau;10;0\n31/01/2025;;Gaz;10;0\n01/02/2025;;Total à payer;10;0\nTotal;;;30;0";
    assert_eq!(booked(rows), (["606100", "", ""].map(String::from).to_vec(), 30, 1, 0));
}

#[test]
fn an_opening_without_a_day_is_a_line() {
    for text in ["Report", "Report à nouveau", "Solde initial", "Solde d'ouverture", "Soldes", "TotalEnergies"] {
        assert_eq!(booked(&format!(";606100;{text};10;0")), (vec!["606100".into()], 10, 0, 0), "{text}");
    }
}

#[test]
fn a_title_without_a_day_or_an_amount_is_no_line() {
    let rows = ";606100;Eau;;\nCompte;606100;Eau;0,00;0\n;;Eau;10;0\nCompte 606100 Eau;;;;";
    assert_eq!(booked(rows), (Vec::new(), 0, 4, 0));
}

#[test]
fn a_day_that_does_not_read_as_one_is_a_misfit_of_its_line() {
    assert_eq!(booked("31/13/2025;606100;Eau;;"), (vec!["606100".into()], 0, 0, 0));
}

#[test]
fn a_total_is_no_line_and_told_when_it_has_an_account_and_an_amount() {
    for word in ["Total 606100", "TOTAL", "Total général", "Sous-total", "Totaux :", "Solde", "Solde au 31/12", "Cumul"]
    {
        for row in [format!("{word};606100;;20;0"), format!(";606100;{word};0;20"), format!("x;606100;{word};20;")] {
            assert_eq!(booked(&row), (Vec::new(), 0, 1, 1), "{row}");
        }
        for row in [format!("{word};;;20;0"), format!(";{word};;20;0"), format!("{word};606100;;0,00;")] {
            assert_eq!(booked(&row), (Vec::new(), 0, 1, 0), "{row}");
        }
    }
}

#[test]
fn a_quoted_field_ends_on_its_line() {
    for separator in [";", "\t", "|", ","] {
        let text = "Date;Compte;Libellé;Débit;Crédit\n\n31/01/2025;1;Eau;1;0\n31/01/2025;1;\"Eau;1;0\n".to_owned();
        let line = "31/01/2025;1;Gaz;1;0\n";
        for rest in [line.repeat(2), line.to_owned() + &line.replace("Gaz", "\"Gaz\""), line.repeat(300_000)] {
            let text = (text.clone() + &rest).replace(';', separator);
            assert_eq!(refusal(LEDGER, text.as_bytes()), "line 4: a field in quotes does not end on its line");
        }
    }
}

#[test]
fn a_quote_that_only_another_separator_sees_does_no_harm() {
    let (row, _) = one(format!("{ENGLISH}\n{}", LINE.replace("Facture d'été", "Facture,\"été")));
    assert_eq!(cell(LEDGER, &row, "label"), Some("Facture,\"été"));
}

#[test]
fn what_no_column_holds_is_kept_and_told() {
    let text = format!(
        "{FRENCH};Centre de coût;Taux;Date de saisie;Date;Lien;;\n{LINE};Nord;5,50;01/02/2025;x;https://a.test/b?s=1;;y"
    );
    let (row, summary) = one(text);
    assert_eq!(cells(&row), expected());
    let kept = json!({
        "centre_de_cout": "Nord", "taux": "5,50", "date_de_saisie": "01/02/2025", "date": "x", "column_22": "y"
    });
    assert_eq!(extra(&row), kept);
    let (text, number) = (Type::Text(None), Type::Numeric(None));
    let unknown = [
        ("centre_de_cout", text),
        ("taux", number),
        ("date_de_saisie", Type::Date),
        ("date", text),
        ("lien", text),
        ("column_22", text),
    ];
    assert_eq!(summary.unknown, unknown.map(|(name, kind)| (name.to_owned(), kind)).into());
}

#[test]
fn a_field_behind_the_last_header_is_kept() {
    let (row, summary) = one(format!("{FRENCH}\n{LINE};;plus"));
    assert_eq!(extra(&row), json!({ "column_17": "plus" }));
    assert_eq!(summary.unknown, [("column_17".to_owned(), Type::Text(None))].into());
}

#[test]
fn a_value_that_does_not_fit_is_a_misfit() {
    let (row, _) = one(format!("{FRENCH}\n{}", LINE.replace("28/02/2025", "fin février").replace("0,25", "25 %")));
    assert_eq!(cell(LEDGER, &row, "due_date"), None);
    assert_eq!(cell(LEDGER, &row, "weight"), None);
    assert_eq!(extra(&row), json!({ "_misfit": { "due_date": "fin février", "weight": "25 %" } }));
}

#[test]
fn cells_that_are_no_text_become_text() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["Date", "Compte", "Débit", "Crédit", "Ok", "Quand", "Nombre"]) {
        sheet.write_string(0, column, name).unwrap();
    }
    sheet.write_number(1, 0, 20_250_131).unwrap();
    sheet.write_number(1, 1, 411).unwrap();
    sheet.write_formula(1, 2, rust_xlsxwriter::Formula::new("=NA()").set_result("#N/A")).unwrap();
    sheet.write_number(1, 3, 0.1 + 0.2).unwrap();
    sheet.write_boolean(1, 4, true).unwrap();
    let format = Format::new().set_num_format("dd/mm/yyyy hh:mm");
    let time = ExcelDateTime::from_ymd(2025, 1, 31).unwrap().and_hms(8, 30, 0).unwrap();
    sheet.write_datetime_with_format(1, 5, &time, &format).unwrap();
    sheet.write_number(1, 6, 1_234_567.5).unwrap();
    let (row, _) = one(workbook.save_to_buffer().unwrap());
    let found = ["date", "account_number", "debit", "credit"].map(|name| cell(LEDGER, &row, name));
    assert_eq!(found, [Some("2025-01-31"), Some("411"), None, Some("0.30")]);
    let kept = json!({
        "ok": "true", "quand": "2025-01-31 08:30:00", "nombre": "1234567.5", "_misfit": { "debit": "#N/A" }
    });
    assert_eq!(extra(&row), kept);
}

#[test]
fn a_dropped_column_goes_to_extra_and_an_added_one_is_filled() {
    let mut columns = columns(LEDGER);
    columns.retain(|column| !["date", "balance", "category"].contains(&column.name.as_str()));
    columns.extend([added("taux", Type::Numeric(None)), added("mine", Type::Text(None))]);
    let shape = Shape::new(columns);
    let text = format!("{FRENCH};Taux\n{LINE};5,5");
    let (rows, summary) = read_with(LEDGER, text.as_bytes(), &shape).unwrap();
    let taux = shape.place("taux").unwrap();
    assert_eq!(rows[0].cells[taux].as_deref(), Some("5.50"));
    assert_eq!(rows[0].adopted, [taux]);
    assert_eq!(extra(&rows[0]), json!({ "date": "2025-01-31", "balance": "1234.50", "category": "Île" }));
    let names: Vec<&str> = summary.unknown.keys().map(String::as_str).collect();
    assert_eq!(names, ["balance", "category", "date"]);
}

#[test]
fn a_file_without_the_header_is_refused_with_what_is_missing() {
    let text = format!("{}\n{LINE}", FRENCH.replace("Débit", "Doit").replace("Numéro de compte", "Numéro"));
    let expected = "none of its first 50 rows names all its columns: account_number, debit missing";
    assert_eq!(refusal(LEDGER, text.as_bytes()), expected);
    let far = format!("{}{FRENCH}\n{LINE}", "titre\n".repeat(50));
    let all = "none of its first 50 rows names all its columns: date, account_number, debit, credit missing";
    assert_eq!(refusal(LEDGER, far.as_bytes()), all);
}

#[test]
fn a_line_that_is_cut_short_is_refused() {
    assert_eq!(
        refusal(LEDGER, format!("{FRENCH}\n31/01/2025;AC;Achats;606").as_bytes()),
        "line 2 has 4 fields in place of 15"
    );
}
