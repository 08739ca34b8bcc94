//! Signed links: different at every read, good for 30 minutes, and self-sufficient.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::world::table::SIGNED;

/// How long a link opens its file.
const LIFE: TimeDelta = TimeDelta::minutes(30);

pub(crate) struct Signer {
    /// Where files are served, e.g. `127.0.0.1:40001`.
    host: SocketAddr,
    reads: AtomicU64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Forged,
    Expired,
}

impl Signer {
    pub fn new(host: SocketAddr) -> Self {
        Self { host, reads: AtomicU64::new(0) }
    }

    /// The start of a fresh link; the name of the file follows. A fake that listens on every address is named as the
    /// client named it (`asked`, from its `Host` header).
    pub fn prefix(&self, asked: Option<&str>, now: DateTime<Utc>) -> String {
        let name = asked.and_then(|asked| asked.split(':').next()).filter(|_| self.host.ip().is_unspecified());
        let host = name.map_or_else(|| self.host.to_string(), |name| format!("{name}:{}", self.host.port()));
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        let expires = (now + LIFE).timestamp();
        format!("http://{}/files?expires={expires}&read={read}&signature={}&file=", host, signature(expires, read))
    }

    /// Writes a fresh link wherever the stored text has its place.
    pub fn sign(&self, text: String, asked: Option<&str>, now: DateTime<Utc>) -> String {
        if !text.contains(SIGNED) {
            return text;
        }
        let mut signed = String::with_capacity(text.len() + 2_000);
        for (position, part) in text.split(SIGNED).enumerate() {
            if position > 0 {
                signed.push_str(&self.prefix(asked, now));
            }
            signed.push_str(part);
        }
        signed
    }

    /// Whether a link that comes back may open its file.
    pub fn check(&self, expires: i64, read: u64, given: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        if given != signature(expires, read) {
            return Err(Refusal::Forged);
        }
        if now.timestamp() > expires { Err(Refusal::Expired) } else { Ok(()) }
    }
}

/// Not a secret worth the name: it only has to differ, and to tell a link from a guess.
fn signature(expires: i64, read: u64) -> String {
    let mut hasher = DefaultHasher::new();
    ("fake pennylane", expires, read).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
