//! JSON text taken apart and put together without ever turning a number into a float.

use super::cell::decimal;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A string that no text can hold: it has a lone surrogate.
#[derive(Debug)]
pub struct Unreadable;

/// The members of an object in their order, values untouched.
pub fn members(object: &RawValue) -> Result<Vec<(String, &RawValue)>, Unreadable> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut text = serde_json::Deserializer::from_str(object.get());
    serde::Deserializer::deserialize_map(&mut text, Members).map_err(|_| Unreadable)
}

/// The text of a JSON string.
pub fn string(raw: &RawValue) -> Result<Cow<'_, str>, Unreadable> {
    let text = raw.get();
    let inner = &text[1..text.len() - 1];
    if inner.contains('\\') {
        serde_json::from_str(text).map(Cow::Owned).map_err(|_| Unreadable)
    } else {
        Ok(Cow::Borrowed(inner))
    }
}

/// A member that only points somewhere: links change at every read, expire, and some let anyone in.
pub fn is_link(key: &str) -> bool {
    key == "url" || key.ends_with("_url")
}

/// A value that is a link whatever its name.
pub fn looks_like_a_link(raw: &RawValue) -> bool {
    raw.get().strip_prefix('"').is_some_and(is_link_text)
}

/// Text that is a link.
pub fn is_link_text(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

pub fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// An object without members.
pub fn is_empty(object: &RawValue) -> bool {
    object.get()[1..].trim_start().starts_with('}')
}

/// The value without its links, or `None` when `jsonb` cannot hold it: NUL characters, lone surrogates, numbers out
/// of any range, nesting beyond reason.
pub fn jsonb(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    if text.len() > 2 {
        let parsed: serde_json::Value = serde_json::from_str(text).ok()?;
        if text.contains("\\u0000") && holds_nul(&parsed) {
            return None;
        }
        if !numbers(text).all(decimal) {
            return None;
        }
    }
    if text.contains("url\"") { Some(Cow::Owned(without_links(raw, false))) } else { Some(Cow::Borrowed(text)) }
}

/// The number tokens of JSON text, as they stand.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
        rest = &rest[start..];
        let is_string = rest.starts_with('"');
        let end = if is_string {
            let mut escaped = false;
            let quote = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            quote.map_or(rest.len(), |quote| quote + 2)
        } else {
            rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(if is_string { "0" } else { token })
    })
}

fn holds_nul(value: &serde_json::Value) -> bool {
    use serde_json::Value::*;
    match value {
        String(text) => text.contains('\0'),
        Array(items) => items.iter().any(holds_nul),
        Object(members) => members.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// The same value with every link member left out, at any depth. `hide`: text that is a link goes too, whatever its name;
/// a column of Pennylane's own keeps it, since a person may have typed it there.
fn without_links(raw: &RawValue, hide: bool) -> String {
    if raw.get().starts_with('{')
        && let Ok(members) = members(raw)
    {
        let mut object = Object::default();
        for (key, value) in members.iter().filter(|(key, _)| !is_link(key)) {
            object.push_raw(key, &without_links(value, hide));
        }
        return object.text();
    }
    if raw.get().starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get())
    {
        let items: Vec<String> = items.into_iter().map(|item| without_links(item, hide)).collect();
        return format!("[{}]", items.join(","));
    }
    if hide && looks_like_a_link(raw) { quoted("(link)") } else { raw.get().to_owned() }
}

/// A value as `jsonb` can hold it: as it is where that is possible, else as a string that shows its text.
pub fn storable(raw: &RawValue) -> String {
    match jsonb(raw) {
        _ if looks_like_a_link(raw) => quoted("(link)"),
        Some(text) if text.contains("http") => without_links(raw, true),
        Some(text) => text.into_owned(),
        None => match raw.get().starts_with('"').then(|| string(raw)) {
            Some(Ok(text)) => quoted(&visible(&text)),
            _ => quoted(&without_links(raw, true)),
        },
    }
}

/// Text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Text with its NUL characters, which PostgreSQL cannot hold, written as `\u0000`. A NUL that only marks a lone
/// surrogate (see [`mark_lone_surrogates`]) goes: the surrogate is written out behind it.
pub fn visible(text: &str) -> String {
    text.replace("\0\\ud", "\\ud").replace('\0', "\\u0000")
}

/// Replaces each lone surrogate escape, which no text can hold, by a NUL and the escape as plain characters. A NUL
/// fits no text column either, so the value is treated like any other that does not fit.
pub fn mark_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| -> Option<u16> {
        let escape = text.get(at..at + 6)?;
        let hex = escape.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    while let Some(next) = text[at..].find('\\').map(|offset| at + offset) {
        out.push_str(&text[at..next]);
        at = next;
        let taken = match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str("\\u0000\\\\u");
                out.push_str(&text[at + 2..at + 6].to_ascii_lowercase());
                at += 6;
                continue;
            }
            Some(_) => 6,
            None => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&text[at..at + taken]);
        at += taken;
    }
    out.push_str(&text[at..]);
    out
}

/// A JSON object being written, member by member.
#[derive(Debug, Default)]
pub struct Object(String);

impl Object {
    /// An object of one member, whose value is JSON text.
    pub fn single(key: &str, json: &str) -> String {
        let mut object = Object::default();
        object.push_raw(key, json);
        object.text()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value of the record, made storable.
    pub fn push(&mut self, key: &str, raw: &RawValue) {
        self.push_raw(key, &storable(raw));
    }

    /// Adds plain text.
    pub fn push_text(&mut self, key: &str, text: &str) {
        self.push_raw(key, &quoted(text));
    }

    /// Adds JSON text.
    pub fn push_raw(&mut self, key: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&quoted(&visible(key)));
        self.0.push(':');
        self.0.push_str(json);
    }

    /// The object's text; `{}` when it has no member.
    pub fn text(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }

    /// The object's text, or `None` when it has no member.
    pub fn finish(self) -> Option<Box<str>> {
        (!self.is_empty()).then(|| self.text().into_boxed_str())
    }
}
