//! One JSON value and the type of its column to the text that PostgreSQL reads, or the word that it does not fit.

use super::json::{self, Unreadable};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde_json::value::RawValue;
use std::fmt;

/// The column types that can be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Bigint,
    Integer,
    Smallint,
    /// `numeric`, or `numeric(precision, scale)`.
    Numeric(Option<(u16, u16)>),
    /// `text`, or `varchar(n)`.
    Text(Option<u32>),
    Boolean,
    Date,
    Timestamptz,
    Uuid,
    Jsonb,
}

/// The value has no faithful form in the column's type.
#[derive(Debug)]
pub struct DoesNotFit;

type Fit = Result<Option<Box<str>>, DoesNotFit>;

impl fmt::Display for Type {
    /// The type's name in SQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bigint => f.write_str("bigint"),
            Type::Integer => f.write_str("integer"),
            Type::Smallint => f.write_str("smallint"),
            Type::Numeric(None) => f.write_str("numeric"),
            Type::Numeric(Some((precision, scale))) => write!(f, "numeric({precision},{scale})"),
            Type::Text(None) => f.write_str("text"),
            Type::Text(Some(longest)) => write!(f, "varchar({longest})"),
            Type::Boolean => f.write_str("boolean"),
            Type::Date => f.write_str("date"),
            Type::Timestamptz => f.write_str("timestamptz"),
            Type::Uuid => f.write_str("uuid"),
            Type::Jsonb => f.write_str("jsonb"),
        }
    }
}

impl Type {
    /// The column type that a value looks made for.
    pub(super) fn of(value: &RawValue) -> Type {
        let text = value.get();
        match text.as_bytes()[0] {
            b't' | b'f' => Type::Boolean,
            b'[' | b'{' => Type::Jsonb,
            b'"' => match json::string(value) {
                Ok(text) if decimal(&text) && text.contains('.') => Type::Numeric(None),
                Ok(text) if date(&text).is_some() => Type::Date,
                Ok(text) if timestamp(&text).is_some() => Type::Timestamptz,
                _ => Type::Text(None),
            },
            _ if text.parse::<i64>().is_ok() => Type::Bigint,
            _ => Type::Numeric(None),
        }
    }

    /// One type that holds what both hold.
    pub fn merged(self, other: Type) -> Type {
        match (self, other) {
            (a, b) if a == b => a,
            (Type::Bigint, Type::Numeric(None)) | (Type::Numeric(None), Type::Bigint) => Type::Numeric(None),
            (Type::Jsonb, _) | (_, Type::Jsonb) => Type::Jsonb,
            _ => Type::Text(None),
        }
    }

    /// The cell of a value.
    pub(super) fn fit(self, value: &RawValue) -> Result<Fit, Unreadable> {
        let raw = value.get();
        if json::is_null(value) {
            return Ok(Ok(None));
        }
        if self == Type::Jsonb {
            return Ok(json::jsonb(value).map(|text| Some(text.into())).ok_or(DoesNotFit));
        }
        let is_string = raw.starts_with('"');
        let text = if is_string { json::string(value)? } else { raw.into() };
        // discount.value, for one, is published as a decimal that may be the empty string: no value.
        if is_string && text.is_empty() && !matches!(self, Type::Text(_)) {
            return Ok(Ok(None));
        }
        // Text and times are strings in JSON, and nothing else is; true and false are no strings.
        let fits = match self {
            Type::Text(_) | Type::Date | Type::Timestamptz => is_string,
            Type::Boolean => !is_string,
            _ => true,
        };
        let cell = fits.then(|| self.fit_text(&text)).flatten();
        Ok(cell.map(Some).ok_or(DoesNotFit))
    }

    /// The cell of a value that is text; `None` when it does not fit.
    pub(crate) fn fit_text(self, text: &str) -> Option<Box<str>> {
        match self {
            Type::Text(longest) => (!text.contains('\0')
                && longest.is_none_or(|longest| text.chars().count() <= longest as usize))
            .then(|| text.into()),
            Type::Bigint => integer::<i64>(text),
            Type::Integer => integer::<i32>(text),
            Type::Smallint => integer::<i16>(text),
            Type::Numeric(None) => decimal(text).then(|| text.into()),
            Type::Numeric(Some((precision, scale))) => {
                (decimal(text) && within(text, precision, scale)).then(|| text.into())
            }
            Type::Boolean => matches!(text, "true" | "false").then(|| text.into()),
            Type::Date => date(text).map(|_| text.into()),
            Type::Timestamptz => timestamp(text).map(|time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into()),
            Type::Uuid => uuid::Uuid::try_parse(text).ok().map(|uuid| uuid.hyphenated().to_string().into()),
            Type::Jsonb => (!text.contains('\0')).then(|| json::quoted(text).into()),
        }
    }
}

/// A whole number, from a JSON number or from a string of digits (ids are numbers, but some services quote them).
fn integer<T: std::str::FromStr + ToString>(text: &str) -> Option<Box<str>> {
    text.parse::<T>().ok().map(|number| number.to_string().into())
}

/// Whether `numeric` reads this text as the number it shows. PostgreSQL holds 131,072 digits before the point and
/// 16,383 behind it; words such as NaN, which it reads too, are no amounts.
pub(super) fn decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, exponent),
            Err(_) => return false,
        },
        None => (text, 0),
    };
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if digits(fraction) => (whole, fraction.len() as i64),
        Some(_) => return false,
        None => (mantissa, 0),
    };
    let exponent = i64::from(exponent);
    digits(whole) && whole.len() as i64 + exponent <= 131_072 && fraction - exponent <= 16_383
}

/// Whether `numeric(precision, scale)` holds a decimal without rounding it.
fn within(text: &str, precision: u16, scale: u16) -> bool {
    if text.contains(['e', 'E']) {
        return false;
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0').len();
    let fraction = fraction.trim_end_matches('0').len();
    fraction <= usize::from(scale) && whole + usize::from(scale) <= usize::from(precision)
}

/// A calendar day as the API writes it: exactly `YYYY-MM-DD`.
fn date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    let day = shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()?;
    (day.year() >= 1).then_some(day)
}

/// A time as the API writes it (RFC 3339), in UTC.
fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    // A leap second is the second after it, as PostgreSQL reads it; it takes no fraction of one.
    let time = match time.timestamp_subsec_nanos().checked_sub(1_000_000_000) {
        Some(nanos) => DateTime::from_timestamp(time.timestamp() + 1, nanos)?,
        None => time,
    };
    (1..=9999).contains(&time.year()).then_some(time)
}
