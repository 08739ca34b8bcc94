//! A file by its signed link: streamed to a temporary file whatever its size, given up only when nothing comes any more.
//!
//! HTTP timeouts count from the start of a body, which is no measure for a file without a known size. So a thread of its
//! own reads, and whoever waits looks how long ago the last bytes came.

use super::client::{LOOK_AROUND, Options, agent};
use crate::error::{Error, Result};
use crate::sync::ports::Download;
use sha2::{Digest, Sha256};
use std::io::{Read, Seek, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};
use ureq::http::header;
use url::Url;

/// Bytes that are read in one go, and how many such pieces may wait to be written.
const PIECE: usize = 256 * 1024;
const PIECES_AHEAD: usize = 4;
/// A thread that was left behind ends after this time at the latest. The link itself is good for half an hour.
const LONGEST: Duration = Duration::from_secs(3600);
/// Hosts of files forward to others.
const REDIRECTS: u32 = 5;

/// What the reading thread tells.
enum Piece {
    Head { status: u16, content_type: Option<String> },
    Bytes(Vec<u8>),
    End,
    Failed(Error),
}

/// Reads a file. Statuses other than 200 come back with an empty file. `limit`: the most bytes that are taken.
///
/// # Errors
/// `Network` and `Timeout` from the wire, `TooLarge` beyond the limit, `Setup` when the temporary file cannot be written, `Interrupted` when `over`
/// turns true.
pub fn file(
    options: &Options,
    url: &Url,
    authorization: Option<String>,
    limit: Option<u64>,
    over: &AtomicBool,
) -> Result<Download> {
    let mut file = tempfile::tempfile().map_err(|error| disk(&error))?;
    let (sender, pieces) = mpsc::sync_channel(PIECES_AHEAD);
    let (options_of_thread, url) = (options.clone(), url.clone());
    let body = move || {
        let last = match read(&options_of_thread, &url, authorization, limit, &sender) {
            Ok(()) => Piece::End,
            Err(error) => Piece::Failed(error),
        };
        // Nobody listens any more when the download was given up.
        let _ = sender.send(last);
    };
    // It inherits the signal mask of the reading thread that starts it: everything is blocked.
    std::thread::Builder::new().name("penny_pg file".into()).spawn(body).map_err(|error| disk(&error))?;
    let (mut status, mut content_type, mut hash, mut heard) = (0, None, Sha256::new(), Instant::now());
    loop {
        if over.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        match pieces.recv_timeout(LOOK_AROUND) {
            Ok(Piece::Head { status: came, content_type: named }) => (status, content_type) = (came, named),
            Ok(Piece::Bytes(bytes)) => {
                hash.update(&bytes);
                file.write_all(&bytes).map_err(|error| disk(&error))?;
            }
            Ok(Piece::End) => break,
            Ok(Piece::Failed(error)) => return Err(error),
            Err(RecvTimeoutError::Timeout) if heard.elapsed() < options.request_timeout => continue,
            Err(RecvTimeoutError::Timeout) => return Err(Error::Timeout(options.request_timeout)),
            Err(RecvTimeoutError::Disconnected) => return Err(Error::Network("the download broke off".into())),
        }
        heard = Instant::now();
    }
    file.rewind().map_err(|error| disk(&error))?;
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Download { status, content_type, file, sha256 })
}

/// The reading thread: the answer's head, then its bytes.
fn read(
    options: &Options,
    url: &Url,
    authorization: Option<String>,
    limit: Option<u64>,
    pieces: &SyncSender<Piece>,
) -> Result<()> {
    let wire = |error| options.wire_error(error);
    let config = agent(url)
        .max_redirects(REDIRECTS)
        .https_only(url.scheme() == "https")
        .timeout_connect(Some(options.request_timeout))
        .timeout_recv_response(Some(options.request_timeout))
        .timeout_global(Some(LONGEST));
    let mut call = config.build().new_agent().get(url.as_str());
    if let Some(authorization) = authorization {
        call = call.header(header::AUTHORIZATION, authorization);
    }
    let mut response = call.call().map_err(wire)?;
    let status = response.status().as_u16();
    let gone = |_| Error::Interrupted;
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|named| named.to_str().ok());
    pieces.send(Piece::Head { status, content_type: content_type.map(str::to_owned) }).map_err(gone)?;
    if status != 200 {
        return Ok(());
    }
    let limit = limit.unwrap_or(u64::MAX);
    let too_large = || Error::TooLarge { megabytes: limit / 1024 / 1024 };
    if response.body().content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let (mut body, mut taken) = (response.body_mut().as_reader(), 0);
    loop {
        let mut piece = vec![0; PIECE];
        let length = body.read(&mut piece).map_err(|error| wire(ureq::Error::from(error)))?;
        if length == 0 {
            return Ok(());
        }
        taken += length as u64;
        if taken > limit {
            return Err(too_large());
        }
        piece.truncate(length);
        pieces.send(Piece::Bytes(piece)).map_err(gone)?;
    }
}

fn disk(error: &std::io::Error) -> Error {
    Error::Setup {
        message: format!("the file cannot be kept in a temporary one ({})", error.kind()),
        hint: "Make room in the temporary folder of the server (TMPDIR in its environment, otherwise /tmp).".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Token;
    use std::io::BufRead;
    use std::net::TcpListener;

    fn options() -> Options {
        Options {
            base_url: Url::parse("http://127.0.0.1:1/").unwrap(),
            token: Token::parse("t").unwrap(),
            rate_limit: 0.0,
            request_timeout: Duration::from_millis(300),
            retry_for: Duration::ZERO,
        }
    }

    /// A host that answers one request with these bytes and then waits for its end.
    fn host(answer: &'static [u8], close: bool) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/f?signature=s", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            stream.write_all(answer).unwrap();
            if !close {
                std::thread::park();
            }
        });
        url
    }

    fn get(url: &Url) -> Result<Download> {
        get_up_to(None, url)
    }

    fn get_up_to(limit: Option<u64>, url: &Url) -> Result<Download> {
        file(&options(), url, None, limit, &AtomicBool::new(false))
    }

    #[test]
    fn a_file_comes_whole_with_its_digest() {
        let mut done = get(&host(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", true)).unwrap();
        let mut text = String::new();
        done.file.read_to_string(&mut text).unwrap();
        assert_eq!((done.status, text.as_str()), (200, "abc"));
        assert_eq!(done.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_file_beyond_the_limit_is_given_up_whether_or_not_it_says_so() {
        let said = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd";
        let unsaid = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
        for answer in [said.as_slice(), unsaid] {
            assert!(matches!(get_up_to(Some(3), &host(answer, false)), Err(Error::TooLarge { megabytes: 0 })));
            assert_eq!(get_up_to(Some(4), &host(answer, false)).unwrap().status, 200);
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_stands_still_is_an_error() {
        let cut = get(&host(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", true)).unwrap_err();
        assert!(matches!(cut, Error::Network(_)), "{cut:?}");
        let still = get(&host(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", false)).unwrap_err();
        assert!(matches!(still, Error::Timeout(_)), "{still:?}");
    }
}
