//! The answers of an export: its number, how far it is, and the link to its file.

use crate::error::{Error, Result};
use serde_json::Value;
use std::fmt;

/// A signed link: whoever has it has the file. `Debug` is masked and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Takes a link out of an answer.
    pub fn new(text: &str) -> Link {
        Link(text.to_owned())
    }

    /// The link itself, for the client that follows it and for nothing else.
    pub(crate) fn open(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(hidden)")
    }
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    Pending,
    Ready(Link),
    Failed,
}

/// An export that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: i64,
    pub progress: Progress,
}

impl Order {
    /// Reads the answer to a POST or to a poll. Older documents name the link `download_url` or `url`, and other words
    /// for ready and for failed. An export that is ready and has no link yet (the answer to a POST never has one) is still
    /// to come.
    ///
    /// # Errors
    /// `Contract` when there is no number or no status in it.
    pub fn parse(path: &str, body: &[u8]) -> Result<Order> {
        let broken = |what: &str| Error::Contract { path: path.to_owned(), what: what.to_owned() };
        let json: Value = serde_json::from_slice(body).map_err(|_| broken("an answer that is no export"))?;
        let id = json["id"].as_i64().ok_or_else(|| broken("an export without a number"))?;
        let link = ["file_url", "download_url", "url"].iter().find_map(|name| json[name].as_str());
        let progress = match (json["status"].as_str(), link.filter(|link| !link.is_empty())) {
            (Some("error" | "failed"), _) => Progress::Failed,
            (Some("ready" | "completed" | "done"), Some(link)) => Progress::Ready(Link::new(link)),
            (Some(_), _) => Progress::Pending,
            (None, _) => return Err(broken("an export without a status")),
        };
        Ok(Order { id, progress })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_ready_and_every_name_of_the_link_is_understood() {
        for status in ["ready", "completed", "done"] {
            for name in ["file_url", "download_url", "url"] {
                let body = format!(r#"{{"id":7,"status":"{status}","{name}":"https://x.test/f?signature=s"}}"#);
                let order = Order::parse("/exports/fecs", body.as_bytes()).unwrap();
                assert_eq!(
                    order,
                    Order { id: 7, progress: Progress::Ready(Link::new("https://x.test/f?signature=s")) }
                );
                assert!(!format!("{order:?}").contains("signature"));
            }
        }
        let progress = |body: &str| Order::parse("/x", body.as_bytes()).unwrap().progress;
        assert_eq!(progress(r#"{"id":7,"status":"pending","file_url":null}"#), Progress::Pending);
        assert_eq!(progress(r#"{"id":7,"status":"in_progress"}"#), Progress::Pending);
        assert_eq!(progress(r#"{"id":7,"status":"error"}"#), Progress::Failed);
        assert_eq!(progress(r#"{"id":7,"status":"ready","file_url":null}"#), Progress::Pending);
        assert_eq!(progress(r#"{"id":7,"status":"ready"}"#), Progress::Pending);
    }

    #[test]
    fn an_answer_that_is_no_export_is_refused() {
        for body in ["<html>", "{}", r#"{"id":7}"#, r#"{"status":"ready"}"#] {
            assert!(matches!(Order::parse("/x", body.as_bytes()), Err(Error::Contract { .. })), "{body}");
        }
    }
}
