//! The numbers of a workbook, which are floats and days counted from an epoch, to text.

use calamine::{ExcelDateTime, ExcelDateTimeType};
use chrono::NaiveDate;
use std::fmt::Write;

/// Digits that a float tells apart for sure: amounts of up to this many digits come back as they were written.
const DIGITS: usize = 15;
/// Days that the two calendars of workbooks count, to the end of year 9999.
const LAST_SERIAL: f64 = 2_958_466.0;
const LAST_SERIAL_1904: f64 = 2_957_004.0;

/// Appends a float as the shortest decimal that reads back to it, at most 15 digits: what lies behind them is noise
/// of the computations of whoever wrote the workbook. Never with an exponent.
pub fn push_decimal(number: f64, out: &mut String) {
    let mut written = format!("{number:e}");
    let mantissa = |text: &str| text.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    if mantissa(&written) > DIGITS {
        written = format!("{number:.*e}", DIGITS - 1);
    }
    let Some((mantissa, exponent)) = written.split_once('e') else {
        // Not a number, or an infinite one: its word, which no amount is.
        out.push_str(&written);
        return;
    };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if digits.is_empty() {
        out.push('0');
        return;
    }
    out.push_str(sign);
    let point = usize::try_from(exponent + 1).unwrap_or_default();
    if point == 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', usize::try_from(-exponent - 1).unwrap_or_default()));
        out.push_str(digits);
    } else if point >= digits.len() {
        out.push_str(digits);
        out.extend(std::iter::repeat_n('0', point - digits.len()));
    } else {
        out.push_str(&digits[..point]);
        out.push('.');
        out.push_str(&digits[point..]);
    }
}

/// The day that a serial number counts to, if it is one of the calendar.
pub fn day_of(serial: f64, since_1904: bool) -> Option<NaiveDate> {
    let (first, end) = if since_1904 { (0.0, LAST_SERIAL_1904) } else { (1.0, LAST_SERIAL) };
    if !(first..end).contains(&serial) {
        return None;
    }
    let moment = ExcelDateTime::new(serial.floor(), ExcelDateTimeType::DateTime, since_1904);
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
}

/// Appends the content of a date cell; `false` when its number is no day, or a day that never was.
pub fn push_moment(moment: &ExcelDateTime, since_1904: bool, out: &mut String) -> bool {
    let serial = moment.as_f64();
    let Some(day) = day_of(serial, since_1904).filter(|_| moment.is_datetime()) else { return false };
    let seconds = (serial.fract() * 86_400.0).round();
    let time =
        if seconds > 0.0 { chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds as u32, 0) } else { None };
    // Writing to a string cannot fail.
    let _ = match time {
        Some(time) => write!(out, "{day} {time}"),
        None => write!(out, "{day}"),
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(number: f64) -> String {
        let mut out = String::new();
        push_decimal(number, &mut out);
        out
    }

    #[test]
    fn a_float_shows_no_noise_and_no_exponent() {
        for (number, text) in [
            (0.1 + 0.2, "0.3"),
            (1e21, "1000000000000000000000"),
            (-0.0, "0"),
            (411_000.0, "411000"),
            (-1.5e-7, "-0.00000015"),
            (1234.5, "1234.5"),
            (1.005, "1.005"),
            (100.0 / 3.0, "33.3333333333333"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(decimal(number), text);
        }
    }

    #[test]
    fn a_serial_number_is_a_day_of_either_calendar() {
        let day = |serial, since_1904| day_of(serial, since_1904).map(|day| day.to_string());
        assert_eq!(day(45_688.0, false).as_deref(), Some("2025-01-31"));
        assert_eq!(day(44_226.75, true).as_deref(), Some("2025-01-31"));
        assert_eq!(day(2_958_465.9, false).as_deref(), Some("9999-12-31"));
        assert_eq!(day(0.0, true).as_deref(), Some("1904-01-01"));
        // 29 February 1900, which only workbooks know.
        for never in [60.0, 0.5, -1.0, 2_958_466.0, f64::NAN] {
            assert_eq!(day(never, false), None, "{never}");
        }
    }

    proptest! {
        #[test]
        fn cents_come_back_as_they_were_written(cents in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let shown = text.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(decimal(cents as f64 / 100.0), shown);
            prop_assert_eq!(decimal(text.parse::<f64>().unwrap()), shown);
        }
    }
}
