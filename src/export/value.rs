//! The dates and amounts of the files to the text of a cell: one form for all the forms that mean the same.

use super::number::day_of;
use super::record::{Field, Kind};
use crate::row::Type;
use chrono::{Datelike, NaiveDate};

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Text,
    Day,
    Amount,
    /// The file's header does not tell.
    Unknown,
}

/// Why a value has no cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Day,
    Amount,
    /// The column's type does not hold it.
    Fit,
}

/// The cell of a field in a column of this type. `scratch` is overwritten.
pub fn cell(field: Field, sort: Sort, live: Type, scratch: &mut String) -> Result<Option<Box<str>>, Wrong> {
    if field.text.is_empty() {
        return Ok(None);
    }
    if sort == Sort::Day || live == Type::Date {
        if !day(field, scratch) {
            return Err(if sort == Sort::Day { Wrong::Day } else { Wrong::Fit });
        }
        if live == Type::Date {
            return Ok(Some(scratch.as_str().into()));
        }
    } else if sort == Sort::Amount || matches!(live, Type::Numeric(_)) {
        if !amount(field.text, scratch) {
            return Err(if sort == Sort::Amount { Wrong::Amount } else { Wrong::Fit });
        }
    } else {
        return live.fit_text(field.text).map(Some).ok_or(Wrong::Fit);
    }
    live.fit_text(scratch).map(Some).ok_or(Wrong::Fit)
}

/// A field as JSON keeps it when no column does: dates and amounts in their one form, all else as it stands.
pub fn shown<'a>(field: Field<'a>, sort: Sort, scratch: &'a mut String) -> &'a str {
    let read = match sort {
        Sort::Day => day(field, scratch),
        Sort::Amount => amount(field.text, scratch),
        Sort::Text | Sort::Unknown => false,
    };
    if read { scratch } else { field.text }
}

/// The type that a value of an unknown column looks made for. Digits alone are text: they may be a code.
pub fn looks_like(field: Field, scratch: &mut String) -> Type {
    match field.kind {
        Kind::Moment => Type::Date,
        Kind::Number { .. } => Type::Numeric(None),
        Kind::Text if day(field, scratch) => Type::Date,
        Kind::Text if field.text.contains([',', '.']) && amount(field.text, scratch) => Type::Numeric(None),
        Kind::Text => Type::Text(None),
    }
}

/// Writes a day as `YYYY-MM-DD`; `false` when the field is no day of years 1 to 9999.
pub fn day(field: Field, out: &mut String) -> bool {
    let text = match field.kind {
        // The time of a date cell is not shown where a workbook shows a date.
        Kind::Moment => field.text.get(..10).unwrap_or(field.text),
        _ => field.text,
    };
    let counted = |since_1904| text.parse::<u32>().ok().and_then(|serial| day_of(serial.into(), since_1904));
    let found = match (written_day(text), field.kind) {
        (None, Kind::Number { since_1904 }) => counted(since_1904),
        (day, _) => day,
    };
    let Some(day) = found else { return false };
    out.clear();
    push_digits(day.year().unsigned_abs(), 1000, out);
    out.push('-');
    push_digits(day.month(), 10, out);
    out.push('-');
    push_digits(day.day(), 10, out);
    true
}

/// Appends the digits of a number, from that of this unit on.
fn push_digits(number: u32, unit: u32, out: &mut String) {
    let mut unit = unit;
    while unit > 0 {
        out.extend(char::from_digit(number / unit % 10, 10));
        unit /= 10;
    }
}

/// A day as the law writes it, `YYYYMMDD`, or as people do: `YYYY-MM-DD`, `DD/MM/YYYY`.
fn written_day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let (year, month, day) = match bytes.len() {
        8 => (0, 4, 6),
        10 if bytes[4] == b'-' && bytes[7] == b'-' => (0, 5, 8),
        10 if bytes[2] == b'/' && bytes[5] == b'/' => (6, 3, 0),
        _ => return None,
    };
    let number = |at: usize, length: usize| {
        bytes[at..at + length]
            .iter()
            .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
    };
    let year = i32::try_from(number(year, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(month, 2)?, number(day, 2)?).filter(|_| year >= 1)
}

/// Writes an amount with a dot and at least two decimals; `false` when the text is no amount.
fn amount(text: &str, out: &mut String) -> bool {
    out.clear();
    let unsigned = match text.as_bytes().first() {
        Some(b'-') => {
            out.push('-');
            &text[1..]
        }
        Some(b'+') => &text[1..],
        _ => text,
    };
    let (whole, fraction) = match unsigned.find([',', '.']) {
        // `,50`
        Some(0) => ("0", &unsigned[1..]),
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, "0"),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(fraction) {
        return false;
    }
    let fraction = fraction.trim_end_matches('0');
    let sign = out.len();
    if digits(whole) {
        out.push_str(whole.trim_start_matches('0'));
    } else if !push_grouped(whole, out) {
        return false;
    }
    if out.len() == sign {
        // A zero has no sign.
        if fraction.is_empty() {
            out.clear();
        }
        out.push('0');
    }
    out.push('.');
    out.push_str(fraction);
    out.push_str(match fraction.len() {
        0 => "00",
        1 => "0",
        _ => "",
    });
    true
}

/// Appends digits that have blanks between them, without leading zeros.
fn push_grouped(whole: &str, out: &mut String) -> bool {
    let start = out.len();
    let mut after_digit = false;
    for char in whole.chars() {
        match char {
            '0' if out.len() == start => after_digit = true,
            '0'..='9' => {
                out.push(char);
                after_digit = true;
            }
            ' ' | '\u{a0}' | '\u{202f}' if after_digit => after_digit = false,
            _ => return false,
        }
    }
    after_digit
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(text: &str) -> Field<'_> {
        Field { text, kind: Kind::Text }
    }

    fn typed(text: &str, sort: Sort, live: Type) -> Result<Option<Box<str>>, Wrong> {
        cell(field(text), sort, live, &mut String::new())
    }

    fn amount_of(text: &str) -> Option<String> {
        typed(text, Sort::Amount, Type::Numeric(None)).ok().flatten().map(String::from)
    }

    fn day_of_field(text: &str, kind: Kind) -> Option<String> {
        let mut out = String::new();
        day(Field { text, kind }, &mut out).then_some(out)
    }

    #[test]
    fn every_way_to_write_an_amount_gives_one_cell() {
        for (text, cell) in [
            ("12,5", "12.50"),
            ("+12.50", "12.50"),
            ("7", "7.00"),
            ("1,234", "1.234"),
            ("-0012,30", "-12.30"),
            ("-0", "0.00"),
            ("-0,00", "0.00"),
            ("-0,01", "-0.01"),
            ("000", "0.00"),
            ("12,5000", "12.50"),
            ("1 234 567,89", "1234567.89"),
            ("0\u{a0}001\u{202f}234.5", "1234.50"),
            (",50", "0.50"),
            ("-.5", "-0.50"),
            ("+,00", "0.00"),
            ("123456789012345678901234567890,12", "123456789012345678901234567890.12"),
        ] {
            assert_eq!(amount_of(text).as_deref(), Some(cell), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for text in [
            "1.234,56", "1,234.56", "1e3", "12,", ",", "-.", "- ,5", "-", "+-1", "1-", "- 1", "1 ,5", "1  2", "NaN",
            "12€", "１", "1,2 3",
        ] {
            assert_eq!(amount_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_is_read_in_each_of_its_forms() {
        for text in ["20240229", "2024-02-29", "29/02/2024"] {
            assert_eq!(day_of_field(text, Kind::Text).as_deref(), Some("2024-02-29"), "{text}");
        }
        assert_eq!(day_of_field("00010101", Kind::Text).as_deref(), Some("0001-01-01"));
    }

    #[test]
    fn a_number_in_a_date_column_is_the_day_it_spells_or_counts() {
        let number = Kind::Number { since_1904: false };
        assert_eq!(day_of_field("20250131", number).as_deref(), Some("2025-01-31"));
        assert_eq!(day_of_field("45688", number).as_deref(), Some("2025-01-31"));
        assert_eq!(day_of_field("44226", Kind::Number { since_1904: true }).as_deref(), Some("2025-01-31"));
        assert_eq!(day_of_field("45688.5", number), None);
        assert_eq!(day_of_field("45688", Kind::Text), None);
    }

    #[test]
    fn a_date_cell_is_its_day() {
        assert_eq!(day_of_field("2025-01-31 08:30:00", Kind::Moment).as_deref(), Some("2025-01-31"));
    }

    #[test]
    fn what_is_no_day_of_the_calendar_is_none() {
        for text in [
            "20250229",
            "00000101",
            "2025013",
            "2025-1-31",
            "31/13/2025",
            "31.01.2025",
            "2025/01/31",
            "+2250131",
            "été 2025",
        ] {
            assert_eq!(day_of_field(text, Kind::Text), None, "{text}");
        }
    }

    #[test]
    fn a_cell_fits_the_type_that_its_column_has_now() {
        assert_eq!(typed("20250131", Sort::Day, Type::Text(None)).unwrap().as_deref(), Some("2025-01-31"));
        assert_eq!(typed("12,5", Sort::Amount, Type::Text(None)).unwrap().as_deref(), Some("12.50"));
        assert_eq!(typed("31/01/2025", Sort::Unknown, Type::Date).unwrap().as_deref(), Some("2025-01-31"));
        assert_eq!(typed("12,5", Sort::Unknown, Type::Numeric(None)).unwrap().as_deref(), Some("12.50"));
        assert_eq!(typed("0042", Sort::Text, Type::Integer).unwrap().as_deref(), Some("42"));
        assert_eq!(typed("a\"b", Sort::Unknown, Type::Jsonb).unwrap().as_deref(), Some(r#""a\"b""#));
        assert_eq!(typed("12,345", Sort::Amount, Type::Numeric(Some((10, 2)))), Err(Wrong::Fit));
        assert_eq!(typed("abcd", Sort::Text, Type::Text(Some(3))), Err(Wrong::Fit));
        assert_eq!(typed("x", Sort::Day, Type::Date), Err(Wrong::Day));
        assert_eq!(typed("x", Sort::Amount, Type::Numeric(None)), Err(Wrong::Amount));
    }

    proptest! {
        #[test]
        fn an_amount_is_the_same_after_its_cell(cents: i64, comma: bool, plus: bool) {
            let (whole, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
            let sign = if cents < 0 { "-" } else { "" };
            let cell = format!("{sign}{whole}.{rest:02}");
            let mark = if comma { ',' } else { '.' };
            let written = format!("{}{whole}{mark}{rest:02}", if plus && cents >= 0 { "+" } else { sign });
            prop_assert_eq!(amount_of(&written), Some(cell.clone()));
            prop_assert_eq!(amount_of(&cell), Some(cell));
        }

        #[test]
        fn a_cell_of_any_text_is_a_number_for_postgresql(text in "[-+]?[0-9 ,.\u{a0}e]{0,12}") {
            if let Some(cell) = amount_of(text.trim()) {
                prop_assert!(Type::Numeric(None).fit_text(&cell).is_some());
                prop_assert!(!cell.contains(' '));
            }
        }
    }
}
