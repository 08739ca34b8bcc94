//! The bytes of a list page to its records, still as JSON text, and to what says whether more follow.

use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One page. The records stay untouched text: a number must not pass through a float, and one record that cannot
/// be read must not cost its neighbours.
#[derive(Debug)]
pub struct Page<'a> {
    pub records: Vec<Record<'a>>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}

/// One record and the id it is known by.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub id: i64,
    pub json: &'a RawValue,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    /// May be null where the schema allows it: null means no more, unless a cursor says otherwise.
    has_more: Option<bool>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Identified {
    id: i64,
}

impl<'a> Page<'a> {
    /// Splits a page.
    ///
    /// # Errors
    /// `Contract` when the body is no JSON list page or a record has no integer id.
    pub fn parse(path: &str, body: &'a [u8]) -> Result<Page<'a>> {
        let broken = |what: String| Error::Contract { path: path.to_owned(), what };
        let envelope: Envelope = serde_json::from_slice(body).map_err(|error| {
            broken(format!(
                "a page that is no list ({} bytes, {:?} at byte {})",
                body.len(),
                error.classify(),
                error.column()
            ))
        })?;
        let records = envelope
            .items
            .into_iter()
            .enumerate()
            .map(|(index, json)| match serde_json::from_str::<Identified>(json.get()) {
                Ok(identified) => Ok(Record { id: identified.id, json }),
                Err(_) => Err(broken(format!("record {} of the page has no usable id", index + 1))),
            })
            .collect::<Result<Vec<_>>>()?;
        let has_more = envelope.has_more.unwrap_or(envelope.next_cursor.is_some());
        Ok(Page { records, has_more, next_cursor: envelope.next_cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_its_records_as_text_and_what_follows() {
        let body = br#"{"items":[{"id":5000000001,"amount":"1.10"}],"has_more":true,"next_cursor":"abc="}"#;
        let page = Page::parse("/x", body).unwrap();
        assert_eq!(page.records[0].id, 5_000_000_001);
        assert_eq!(page.records[0].json.get(), r#"{"id":5000000001,"amount":"1.10"}"#);
        assert!(page.has_more);
        assert_eq!(page.next_cursor.as_deref(), Some("abc="));
    }

    #[test]
    fn null_has_more_means_what_the_cursor_says() {
        let last = br#"{"items":[],"has_more":null,"next_cursor":null}"#;
        assert!(!Page::parse("/x", last).unwrap().has_more);
        let more = br#"{"items":[],"has_more":null,"next_cursor":"c"}"#;
        assert!(Page::parse("/x", more).unwrap().has_more);
    }

    #[test]
    fn a_record_that_no_text_can_hold_does_not_cost_its_page() {
        let body = br#"{"items":[{"id":1,"label":"\ud800"},{"id":2}],"has_more":false,"next_cursor":null}"#;
        assert_eq!(Page::parse("/x", body).unwrap().records.len(), 2);
    }

    #[test]
    fn broken_pages_are_refused_without_their_content() {
        for body in [
            &b"<html>maintenance Dupont</html>"[..],
            br#"{"items":[{"id":1,"label":"Dupont"#,
            br#"{"items":[{"label":"Dupont"}],"has_more":false,"next_cursor":null}"#,
            br#"{"items":[{"id":"Dupont"}],"has_more":false,"next_cursor":null}"#,
            br#"{"error":"Dupont"}"#,
            b"\xff\xfe",
            b"",
        ] {
            let error = Page::parse("/x", body).unwrap_err();
            assert!(matches!(error, Error::Contract { .. }));
            assert!(!error.to_string().contains("Dupont"), "{error}");
        }
    }
}
