//! An export against an API that plays a script: what is asked, in which order, and what comes of each answer.

use super::*;
use crate::api::Answer;
use crate::catalogue;
use crate::error::Kind;
use crate::row::{Column, Type};
use crate::sync::ports::Api;
use crate::sync::read::{self, Arrival, Job, Read};
use std::cell::RefCell;
use std::io::{Seek, Write};
use std::sync::Arc;

const HEADER: &str = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|\
                      PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise\n";

/// Answers each request as told, by what it asks; downloads get the last link's number as status, or a file.
struct Script<A: Fn(&str, usize) -> (u16, String)> {
    answer: A,
    /// What was asked: `POST /path`, `GET /path`, `FILE link`; and the pauses, in milliseconds.
    asked: RefCell<Vec<String>>,
    clock: RefCell<Duration>,
}

impl<A: Fn(&str, usize) -> (u16, String)> Api for Script<A> {
    fn send(&self, request: &Request) -> Result<Answer> {
        let method = if request.body.is_some() { "POST" } else { "GET" };
        let call = format!("{method} {}", request.path);
        let before = self.asked.borrow().iter().filter(|asked| **asked == call).count();
        let (status, body) = (self.answer)(&call, before);
        self.asked.borrow_mut().push(call);
        Ok(Answer { status, date: None, retry_after: None, expires: None, body: body.into() })
    }

    fn download(&self, link: &Link, _: Option<u64>) -> Result<Download> {
        let call = format!("FILE {}", link.open());
        let (status, body) = (self.answer)(&call, 0);
        self.asked.borrow_mut().push(call);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(body.as_bytes()).unwrap();
        file.rewind().unwrap();
        Ok(Download { status, content_type: None, file, sha256: "abc".into() })
    }

    fn pause(&self, pause: Duration) -> Result<()> {
        self.asked.borrow_mut().push(format!("{} ms", pause.as_millis()));
        *self.clock.borrow_mut() += pause;
        Ok(())
    }

    fn now(&self) -> Duration {
        *self.clock.borrow()
    }

    fn retry_for(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// Plays a script: what was asked, and how many lines came or what failed.
fn play(answer: impl Fn(&str, usize) -> (u16, String)) -> (Vec<String>, Result<u64>) {
    let day = |text: &str| text.parse().unwrap();
    let columns = vec![Column { name: "debit".into(), kind: Type::Numeric(None), shipped: true }];
    let export = catalogue::export("fec").unwrap();
    let period = Period { start: day("2025-01-01"), end: day("2025-12-31") };
    let job = Job { id: 1, read: Read::Export { export, shape: Arc::new(Shape::new(columns)), period } };
    let api = Script { answer, asked: RefCell::default(), clock: RefCell::default() };
    let mut done = Ok(0);
    read::run(&job, &api, &mut |arrival: Arrival| {
        match arrival.what {
            What::File(delivery) => {
                // A channel without a listener in another thread: what fits in it is taken when the reading is over.
                let lines = std::thread::spawn(move || {
                    delivery.lines.iter().try_fold(0, |sum, lines| {
                        Ok(match lines? {
                            Lines::Some(_) => sum,
                            Lines::Whole(summary) => summary.lines,
                        })
                    })
                });
                LISTENER.with(|listener| *listener.borrow_mut() = Some(lines));
            }
            What::Failed(error) => done = Err(error),
            _ => {}
        }
        Ok(())
    });
    if let Some(lines) = LISTENER.with(|listener| listener.borrow_mut().take()) {
        done = lines.join().unwrap();
    }
    (api.asked.into_inner(), done)
}

thread_local! { static LISTENER: RefCell<Option<std::thread::JoinHandle<Result<u64>>>> = const { RefCell::new(None) } }

fn line() -> String {
    format!("{HEADER}VE|Ventes|1|20250103|411000|Clients|||F1|20250103|Facture|12,50|0,00|||20250103||\n")
}

/// The answer of a healthy API.
fn healthy(call: &str) -> (u16, String) {
    match call {
        "POST /exports/fecs" => (201, r#"{"id":7,"status":"pending"}"#.into()),
        "GET /exports/fecs/7" => (200, r#"{"id":7,"status":"ready","file_url":"a"}"#.into()),
        _ => (200, line()),
    }
}

#[test]
fn an_export_is_asked_for_waited_for_and_read() {
    let pending = |call: &str, before| match (call, before) {
        ("GET /exports/fecs/7", 0..3) => (200, r#"{"id":7,"status":"pending","file_url":null}"#.into()),
        _ => healthy(call),
    };
    let (asked, done) = play(pending);
    let look = "GET /exports/fecs/7";
    let expected = ["POST /exports/fecs", look, "250 ms", look, "500 ms", look, "1000 ms", look, "FILE a"];
    assert_eq!(asked, expected);
    assert_eq!(done.unwrap(), 1);
}

#[test]
fn the_path_of_older_documents_is_tried_once_when_the_published_one_is_gone() {
    let (asked, done) = play(|call, _| match call {
        "POST /exports/fecs" => (404, String::new()),
        "POST /exports/fec" => (201, r#"{"id":7,"status":"pending"}"#.into()),
        "GET /exports/fec/7" => (200, r#"{"id":7,"status":"completed","download_url":"a"}"#.into()),
        _ => healthy(call),
    });
    assert_eq!(asked, ["POST /exports/fecs", "POST /exports/fec", "GET /exports/fec/7", "FILE a"]);
    assert_eq!(done.unwrap(), 1);
    let (asked, done) = play(|_, _| (404, r#"{"error":"no"}"#.into()));
    assert_eq!(asked, ["POST /exports/fecs", "POST /exports/fec"]);
    assert!(matches!(done, Err(Error::Refused { status: 404, .. })));
}

#[test]
fn a_link_that_expired_is_replaced_by_a_fresh_one() {
    let fresh = |call: &str, before: usize| match call {
        "GET /exports/fecs/7" => (200, format!(r#"{{"id":7,"status":"ready","file_url":"{before}"}}"#)),
        "FILE 0" => (403, String::new()),
        _ => healthy(call),
    };
    let (asked, done) = play(fresh);
    let look = "GET /exports/fecs/7";
    assert_eq!(asked, ["POST /exports/fecs", look, "FILE 0", look, "FILE 1"]);
    assert_eq!(done.unwrap(), 1);
    let (asked, done) = play(|call, _| if call.starts_with("FILE") { (403, String::new()) } else { healthy(call) });
    assert_eq!(asked.iter().filter(|call| call.starts_with("FILE")).count(), 4);
    assert_eq!(done.unwrap_err().kind(), Kind::Refused);
}

#[test]
fn an_export_that_fails_or_is_never_ready_says_so() {
    let status = |status: &'static str| {
        move |call: &str, _| match call {
            "GET /exports/fecs/7" => (200, format!(r#"{{"id":7,"status":"{status}","file_url":null}}"#)),
            _ => healthy(call),
        }
    };
    assert!(matches!(play(status("error")).1, Err(Error::ExportFailed)));
    let (asked, done) = play(status("pending"));
    assert!(matches!(done, Err(Error::ExportNotReady(_))));
    let pauses: Vec<&String> = asked.iter().filter(|call| call.ends_with(" ms")).collect();
    assert!(
        pauses.len() < 12 && pauses.last().is_some_and(|pause| *pause == "30000 ms" || *pause == "16000 ms"),
        "{pauses:?}"
    );
}

#[test]
fn what_is_wrong_with_a_file_comes_after_its_lines() {
    let (_, done) =
        play(|call, _| if call.starts_with("FILE") { (200, line() + "VE|Ventes|1|2025") } else { healthy(call) });
    assert!(matches!(&done, Err(Error::File { what }) if what.contains("line 3")), "{done:?}");
}
