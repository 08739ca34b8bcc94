//! Amounts as the API writes them: decimal text with a varying number of decimals, never a float.

use rand::Rng;

/// Cents as text, in one of the forms that the API uses: `34`, `34.0`, `34.00`, `34.5`, `34.50`, `34.57`, `34.570`.
pub fn varied(cents: i64, rng: &mut impl Rng) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    let (units, rest) = (cents / 100, cents % 100);
    match (rest, rng.random_range(0..8)) {
        (0, 0) => format!("{sign}{units}"),
        (0, 1 | 2) => format!("{sign}{units}.00"),
        (0, _) => format!("{sign}{units}.0"),
        (_, 0) => format!("{sign}{units}.{rest:02}0"),
        (_, 1) => format!("{sign}{units}.{rest:02}"),
        _ if rest % 10 == 0 => format!("{sign}{units}.{}", rest / 10),
        _ => format!("{sign}{units}.{rest:02}"),
    }
}

/// Cents with two decimals and this decimal separator.
pub fn plain(cents: i64, separator: char) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}{}{separator}{:02}", cents / 100, cents % 100)
}

/// Decimal text in millionths, when it is a number of at most six decimals.
pub fn micros(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (units, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    if decimals.len() > 6
        || units.is_empty()
        || !units.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let micros: i64 = format!("{units}{decimals:0<6}").parse().ok()?;
    Some(if negative { -micros } else { micros })
}

/// Decimal text in cents, when it is a whole number of them.
pub fn cents(text: &str) -> Option<i64> {
    micros(text).filter(|micros| micros % 10_000 == 0).map(|micros| micros / 10_000)
}
