//! The log of requests, for tests that ask what a client really did.

use std::collections::VecDeque;
use std::time::Instant;

use serde::Serialize;

/// Beyond this many the oldest are forgotten.
const KEPT: usize = 1_000_000;

/// One request that reached the fake.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    pub method: String,
    /// Below the base URL; `/files` and beyond on the file host.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// 0 while unanswered: reset, hanging, or still being computed.
    pub status: u16,
    #[serde(skip)]
    pub at: Instant,
    /// Whether an `Authorization` header was sent.
    pub authorization: bool,
    pub user_agent: Option<String>,
    pub accept_encoding: Option<String>,
    /// True for downloads from the file host.
    pub file_host: bool,
}

impl Request {
    /// The value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
pub(crate) struct Log {
    requests: VecDeque<Request>,
    /// How many requests came before the first one kept.
    forgotten: usize,
}

impl Log {
    /// Files a request; the answer's status is told later, by this number.
    pub fn arrive(&mut self, request: Request) -> usize {
        if self.requests.len() == KEPT {
            self.requests.pop_front();
            self.forgotten += 1;
        }
        self.requests.push_back(request);
        self.forgotten + self.requests.len() - 1
    }

    pub fn answered(&mut self, number: usize, status: u16) {
        if let Some(request) = number.checked_sub(self.forgotten).and_then(|place| self.requests.get_mut(place)) {
            request.status = status;
        }
    }

    pub fn all(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
    }
}
