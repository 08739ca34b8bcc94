//! Bodies compressed as HTTP wants them.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller bodies are sent as they are.
pub(crate) const WORTHWHILE: usize = 1_000;

pub(crate) fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    // Writing to memory cannot fail.
    encoder.write_all(body).and_then(|()| encoder.finish()).map_or_else(|_| Bytes::new(), Bytes::from)
}
