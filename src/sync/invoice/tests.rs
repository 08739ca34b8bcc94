//! The file of an invoice from an API that plays a script.

use super::*;
use crate::api::Answer;
use crate::api::export::Link;
use crate::error::Kind;
use crate::sync::ports::Api;
use crate::sync::read::{self, Arrival};
use std::cell::RefCell;
use std::io::{Seek, Write};
use std::time::Duration;

/// Answers each call (`GET /path`, `FILE link`) as told, by how often it was made before. A file has the type of its link.
struct Script<A: Fn(&str, usize) -> (u16, String)> {
    answer: A,
    asked: RefCell<Vec<String>>,
}

impl<A: Fn(&str, usize) -> (u16, String)> Script<A> {
    fn ask(&self, call: String) -> (u16, String) {
        let before = self.asked.borrow().iter().filter(|asked| **asked == call).count();
        let answer = (self.answer)(&call, before);
        self.asked.borrow_mut().push(call);
        answer
    }
}

impl<A: Fn(&str, usize) -> (u16, String)> Api for Script<A> {
    fn send(&self, request: &Request) -> Result<Answer> {
        let (status, body) = self.ask(format!("GET {}", request.path));
        Ok(Answer { status, date: None, retry_after: None, expires: None, body: body.into() })
    }

    fn download(&self, link: &Link, limit: Option<u64>) -> Result<Download> {
        assert_eq!(limit, Some(LARGEST));
        let (status, body) = self.ask(format!("FILE {}", link.open()));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(body.as_bytes()).unwrap();
        file.rewind().unwrap();
        let content_type = if link.open() == "page" { "text/html" } else { "application/pdf" };
        Ok(Download { status, content_type: Some(content_type.into()), file, sha256: "abc".into() })
    }

    fn pause(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn retry_for(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Plays a script: what was asked, and what came of it.
fn play(answer: impl Fn(&str, usize) -> (u16, String)) -> (Vec<String>, Result<Invoice>) {
    let list = invoice::list("customer").unwrap();
    let api = Script { answer, asked: RefCell::default() };
    let mut done = Err(Error::Interrupted);
    read::run(&Job { id: 0, read: Read::Invoice { list, id: 7 } }, &api, &mut |arrival: Arrival| {
        match arrival.what {
            What::Invoice(invoice) => done = Ok(invoice),
            What::Failed(error) => done = Err(error),
            _ => {}
        }
        Ok(())
    });
    (api.asked.into_inner(), done)
}

fn with_link(link: &str) -> (u16, String) {
    (200, format!(r#"{{"id":7,"public_file_url":"{link}"}}"#))
}

const LOOK: &str = "GET /customer_invoices/7";

#[test]
fn a_link_is_asked_for_and_followed() {
    let (asked, done) = play(|call, _| if call == LOOK { with_link("a") } else { (200, "%PDF-1.7".into()) });
    assert_eq!(asked, [LOOK, "FILE a"]);
    assert_eq!(done.unwrap(), Invoice::Pdf(b"%PDF-1.7".to_vec()));
}

#[test]
fn no_file_and_no_invoice_are_told_apart() {
    let (asked, done) = play(|_, _| (200, r#"{"id":7,"public_file_url":null}"#.into()));
    assert_eq!((asked, done.unwrap()), (vec![LOOK.to_owned()], Invoice::WithoutFile));
    let (asked, done) = play(|_, _| (404, r#"{"error":"no","status":404}"#.into()));
    assert_eq!((asked, done.unwrap()), (vec![LOOK.to_owned()], Invoice::Absent));
}

#[test]
fn a_link_that_is_refused_is_replaced_once() {
    for status in [403, 404, 410] {
        let fresh = |call: &str, before: usize| match call {
            LOOK => with_link(&before.to_string()),
            "FILE 0" => (status, String::new()),
            _ => (200, "%PDF-1.7".into()),
        };
        let (asked, done) = play(fresh);
        assert_eq!(asked, [LOOK, "FILE 0", LOOK, "FILE 1"]);
        assert!(matches!(done, Ok(Invoice::Pdf(_))));
        let (asked, done) = play(|call, _| if call == LOOK { with_link("a") } else { (status, String::new()) });
        assert_eq!(asked, [LOOK, "FILE a", LOOK, "FILE a"]);
        assert_eq!(done.unwrap_err().kind(), Kind::Refused);
    }
}

#[test]
fn what_is_no_pdf_is_refused_and_not_asked_for_again() {
    for (link, body) in [("a", "<html>login</html>"), ("page", "%PDF-1.7")] {
        let (asked, done) = play(|call, _| if call == LOOK { with_link(link) } else { (200, body.into()) });
        assert_eq!(asked.len(), 2);
        assert!(matches!(done, Err(Error::Document { .. })), "{done:?}");
    }
}
