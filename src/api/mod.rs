//! Pennylane's protocol as plain data: requests out, answers in. No I/O here.

pub mod balance;
pub mod changelog;
pub mod export;
pub mod invoice;
pub mod me;
pub mod page;
pub mod problem;
pub mod request;

use chrono::{DateTime, Utc};
use std::time::Duration;

/// An HTTP answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The API's clock (`Date` header), the only clock that watermarks are made of.
    pub date: Option<DateTime<Utc>>,
    /// `Retry-After`, in seconds form. The API sends it with 429 only.
    pub retry_after: Option<Duration>,
    /// `Api-Version-Expires-At`: the day this version of the API ends, when that is announced.
    pub expires: Option<String>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}
