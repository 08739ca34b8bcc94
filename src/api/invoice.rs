//! The file of an invoice: which list it is in, the link in the answer of the invoice, and what makes a file a PDF.

use super::export::Link;
use crate::catalogue::{self, Resource};
use crate::error::{Error, Result, clean};
use serde_json::Value;

/// The most that is taken: the file passes through memory, and a value of PostgreSQL must stay below 1 GB.
pub const LARGEST: u64 = 50 * 1024 * 1024;
/// The kinds of invoices, each with its table; both are understood.
const KINDS: [(&str, &str); 2] = [("customer", "customer_invoices"), ("supplier", "supplier_invoices")];
/// The field of the link. The first name is the published one; the others are those of exports and of older documents.
const LINKS: [&str; 3] = ["public_file_url", "file_url", "attachment_url"];
/// What a host may call a PDF. The second and third say nothing of the content; its first bytes do.
const TYPES: [&str; 3] = ["application/pdf", "application/octet-stream", "binary/octet-stream"];
/// How every PDF begins.
const MAGIC: &[u8] = b"%PDF-";

/// The list that holds the invoices of a kind.
///
/// # Errors
/// `Argument` for any other word.
pub fn list(kind: &str) -> Result<&'static Resource> {
    let table = KINDS.iter().find(|(word, table)| [*word, *table].contains(&kind)).map(|(_, table)| *table);
    table.and_then(catalogue::resource).ok_or_else(|| Error::Argument {
        message: format!("there is no kind of invoice {:?}", kind.chars().take(60).collect::<String>()),
        hint: "Name customer or supplier; customer_invoices and supplier_invoices mean the same.".into(),
    })
}

/// The link in the answer of an invoice; `None` when the invoice has no file, or not yet.
///
/// # Errors
/// `Contract` when it is no invoice, another one, or one without any field for a link.
pub fn link(path: &str, id: i64, body: &[u8]) -> Result<Option<Link>> {
    let broken = |what: &str| Error::Contract { path: path.to_owned(), what: what.to_owned() };
    let json: Value = serde_json::from_slice(body).map_err(|_| broken("an answer that is no invoice"))?;
    if json["id"].as_i64() != Some(id) {
        return Err(broken("another invoice than the one that was asked for"));
    }
    // A field that is gone is not the same as an invoice without a file.
    let fields: Vec<&Value> = LINKS.iter().filter_map(|name| json.get(name)).collect();
    if fields.is_empty() {
        return Err(broken("an invoice without the field public_file_url"));
    }
    Ok(fields.into_iter().filter_map(Value::as_str).find(|link| !link.is_empty()).map(Link::new))
}

/// Lets a PDF pass. A host that names no type leaves it to the first bytes.
///
/// # Errors
/// `Document` for anything else.
pub fn check_pdf(content_type: Option<&str>, bytes: &[u8]) -> Result<()> {
    let no_pdf = |what: String| Err(Error::Document { what });
    let named = content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if let Some(named) = named.filter(|named| !TYPES.contains(&named.as_str())) {
        return no_pdf(format!("it is {}, not application/pdf", clean(&named)));
    }
    if !bytes.starts_with(MAGIC) {
        return no_pdf("it does not begin as a PDF does".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_goes_by_its_word_or_by_its_table() {
        for (kind, path) in [
            ("customer", "/customer_invoices"),
            ("customer_invoices", "/customer_invoices"),
            ("supplier", "/supplier_invoices"),
            ("supplier_invoices", "/supplier_invoices"),
        ] {
            assert_eq!(list(kind).unwrap().path, path);
        }
        for kind in ["", "customers", "Customer", "quote", "products"] {
            let error = list(kind).unwrap_err();
            assert!(error.hint().contains("customer_invoices and supplier_invoices"), "{kind}");
        }
    }

    #[test]
    fn the_link_is_found_under_each_of_its_names_and_never_shown() {
        for name in LINKS {
            let body = format!(r#"{{"id":7,"{name}":"https://x.test/f?signature=s"}}"#);
            let found = link("/x/7", 7, body.as_bytes()).unwrap();
            assert_eq!(found, Some(Link::new("https://x.test/f?signature=s")));
            assert!(!format!("{found:?}").contains("signature"));
        }
        let both = br#"{"id":7,"public_file_url":null,"file_url":"https://x.test/f"}"#;
        assert_eq!(link("/x/7", 7, both).unwrap(), Some(Link::new("https://x.test/f")));
    }

    #[test]
    fn an_invoice_without_a_file_is_no_error_and_an_answer_without_the_field_is_one() {
        for body in [r#"{"id":7,"public_file_url":null}"#, r#"{"id":7,"public_file_url":""}"#] {
            assert_eq!(link("/x/7", 7, body.as_bytes()).unwrap(), None, "{body}");
        }
        for body in ["<html>", "{}", "[]", r#"{"id":7}"#, r#"{"id":8,"public_file_url":"https://x.test/f"}"#] {
            assert!(matches!(link("/x/7", 7, body.as_bytes()), Err(Error::Contract { .. })), "{body}");
        }
    }

    #[test]
    fn a_pdf_has_its_type_and_its_first_bytes() {
        for named in
            [None, Some("application/pdf"), Some("Application/PDF; charset=binary"), Some("binary/octet-stream")]
        {
            assert!(check_pdf(named, b"%PDF-1.7\n").is_ok(), "{named:?}");
            for bytes in [b"".as_slice(), b"%PDF", b"<html>", b"\xff\xd8\xff\xe0"] {
                assert!(matches!(check_pdf(named, bytes), Err(Error::Document { .. })), "{named:?} {bytes:?}");
            }
        }
        let error = check_pdf(Some("text/html; charset=utf-8"), b"%PDF-1.7\n").unwrap_err();
        assert!(error.to_string().ends_with("it is text/html, not application/pdf"), "{error}");
        let error = check_pdf(Some("https://x.test/?signature=s"), b"%PDF-1.7\n").unwrap_err();
        assert!(!error.to_string().contains("signature"), "{error}");
    }
}
