//! One HTTP client a run: the token's header, timeouts, a size cap while reading, the pace, and errors without secrets.

use super::download;
use super::token::RunToken;
use crate::api::Answer;
use crate::api::export::Link;
use crate::api::me::Me;
use crate::api::request::Request;
use crate::error::{Error, Result, clean};
use crate::limit::Limiter;
use crate::secret::Token;
use crate::sync::ports::{Api, Download};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ureq::config::ConfigBuilder;
use ureq::http::{HeaderMap, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use url::Url;

/// A page of 1000 records is about 1 MB; nothing honest comes near this.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;
/// How often a wait looks whether the run is over.
pub(super) const LOOK_AROUND: Duration = Duration::from_millis(50);

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// `pennylane.api_base_url`, checked when it was set.
    pub base_url: Url,
    pub token: Token,
    /// `pennylane.rate_limit`, requests a second.
    pub rate_limit: f64,
    /// `pennylane.request_timeout`: from the connection to the last byte of the answer.
    pub request_timeout: Duration,
    /// `pennylane.retry_for`.
    pub retry_for: Duration,
}

/// The client. Shared by the reading threads; connections are kept alive between requests.
pub struct Client {
    agent: ureq::Agent,
    options: Options,
    token: Arc<RunToken>,
    limiter: Arc<Limiter>,
    started: Instant,
    over: Arc<AtomicBool>,
}

/// What every agent has in common. A status is an answer, not an error.
pub(super) fn agent(url: &Url) -> ConfigBuilder<AgentScope> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("penny_pg/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build());
    // Proxies come from the environment (HTTPS_PROXY, NO_PROXY); a loopback address has no business with one.
    if is_loopback(url) { config.proxy(None) } else { config }
}

impl Client {
    /// A client whose waits end when `over` turns true.
    pub fn new(options: Options, over: Arc<AtomicBool>) -> Client {
        let config = agent(&options.base_url)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(options.request_timeout))
            .accept("application/json");
        Client {
            agent: config.build().new_agent(),
            token: Arc::new(RunToken::new(options.token.clone())),
            limiter: Limiter::of(&options.token, options.rate_limit),
            options,
            started: Instant::now(),
            over,
        }
    }

    /// The token that is sent, for whoever looks where it is stored.
    pub(super) fn token(&self) -> Arc<RunToken> {
        self.token.clone()
    }

    /// The token to go on with after this one was refused: rotated meanwhile, and of the same company.
    fn renewed(&self, refused: &Token) -> Result<Option<Token>> {
        let Some(stored) = self.token.instead_of(refused, &self.over) else { return Ok(None) };
        let Some(company) = company(&self.send_with(&Request::me(), &stored)?) else { return Ok(None) };
        if self.token.company().is_some_and(|of_run| of_run != company) {
            return Ok(None);
        }
        self.token.adopt(stored.clone(), company);
        Ok(Some(stored))
    }

    /// One try of one request with this token.
    fn send_with(&self, request: &Request, token: &Token) -> Result<Answer> {
        self.take_turn()?;
        let wire = |error| self.options.wire_error(error);
        let url = self.url(request);
        let mut response = match &request.body {
            None => self.agent.get(url.as_str()).header(header::AUTHORIZATION, bearer(token)).call(),
            Some(body) => {
                let call = self.agent.post(url.as_str()).header(header::AUTHORIZATION, bearer(token));
                call.content_type("application/json").send(body)
            }
        }
        .map_err(wire)?;
        let status = response.status().as_u16();
        let (date, retry_after) = (date(response.headers()), retry_after(response.headers()));
        let expires = text(response.headers(), "api-version-expires-at").map(clean);
        let body = response.body_mut().with_config().limit(LARGEST_BODY).read_to_vec().map_err(wire)?;
        // Refusals are quoted in messages, and a server may repeat what it was sent.
        let body = if status < 400 { body } else { without(token, &body) };
        Ok(Answer { status, date, retry_after, expires, body })
    }

    /// Where a signed link leads: never elsewhere than over TLS, or on this machine.
    fn link(&self, link: &Link) -> Result<Url> {
        let good = |url: &Url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(url);
        let url = Url::parse(link.open()).ok().filter(good);
        url.ok_or_else(|| Error::Contract {
            path: "the API".into(),
            what: "a link to a file that is no https address".into(),
        })
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.options.base_url.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    /// Waits for the next place in the pace.
    fn take_turn(&self) -> Result<()> {
        while let Some(wait) = self.limiter.wait() {
            self.pause(wait)?;
        }
        if self.over.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

impl Options {
    /// A wire error without address, header or content.
    pub(super) fn wire_error(&self, error: ureq::Error) -> Error {
        use std::io::ErrorKind;
        match error {
            ureq::Error::Timeout(_) => Error::Timeout(self.request_timeout),
            ureq::Error::HostNotFound => Error::Network("its name cannot be resolved".into()),
            ureq::Error::Io(error) => match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock => Error::Timeout(self.request_timeout),
                ErrorKind::ConnectionRefused => Error::Network("connection refused".into()),
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => Error::Network("the connection broke".into()),
                // What rustls has to say of a certificate comes wrapped in this.
                ErrorKind::InvalidData => Error::Network(format!("TLS: {}", clean(&error.to_string()))),
                // What has no kind of its own, such as a name that cannot be resolved, is said in the system's words.
                _ => Error::Network(clean(&error.to_string())),
            },
            ureq::Error::BodyExceedsLimit(_) => Error::Contract {
                path: self.base_url.path().to_owned(),
                what: format!("an answer of more than {} MB", LARGEST_BODY / 1024 / 1024),
            },
            ureq::Error::Rustls(error) => Error::Network(format!("TLS: {}", clean(&error.to_string()))),
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
                Error::Network("the proxy named in the environment does not let it through".into())
            }
            ureq::Error::Decompress(..) => Error::Network("the answer was damaged on the way".into()),
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => Error::Network("the answer is not HTTP".into()),
            other => Error::Network(clean(&other.to_string())),
        }
    }
}

impl Api for Client {
    fn send(&self, request: &Request) -> Result<Answer> {
        let token = self.token.current();
        let answer = self.send_with(request, &token)?;
        if answer.status == 401 {
            return match self.renewed(&token)? {
                Some(renewed) => self.send_with(request, &renewed),
                None => Ok(answer),
            };
        }
        if *request == Request::me()
            && let Some(company) = company(&answer)
        {
            self.token.adopt(token, company);
        }
        Ok(answer)
    }

    fn download(&self, link: &Link, limit: Option<u64>) -> Result<Download> {
        let url = self.link(link)?;
        let get = |authorization| download::file(&self.options, &url, authorization, limit, &self.over);
        // The link suffices and its host refuses a token. Should the API's own host ask for one, it may have it.
        let done = get(None)?;
        let own = url.origin() == self.options.base_url.origin();
        if done.status == 401 && own { get(Some(bearer(&self.token.current()))) } else { Ok(done) }
    }

    fn pause(&self, pause: Duration) -> Result<()> {
        let end = Instant::now() + pause;
        loop {
            if self.over.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK_AROUND));
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn retry_for(&self) -> Duration {
        self.options.retry_for
    }
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.open())
}

fn without(token: &Token, body: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(body).replace(token.open(), "(hidden)").into_bytes()
}

/// The company in an answer of `/me`.
fn company(me: &Answer) -> Option<i64> {
    let me = (me.status == 200).then(|| Me::parse(&me.body).ok()).flatten()?;
    Some(me.company.id)
}

/// Whether an address never leaves this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Checks an API address: https, or http on a loopback address, without user, query or fragment.
///
/// # Errors
/// `Argument`, with a good address as hint. The text is not repeated: a password may be in it.
pub fn parse_base_url(text: &str) -> Result<Url> {
    let wrong = |message: &str| Error::Argument {
        message: format!("pennylane.api_base_url {message}"),
        hint: "A good address is https://app.pennylane.com/api/external/v2".into(),
    };
    let url = Url::parse(text.trim()).map_err(|_| wrong("is not an address"))?;
    if !url.has_host() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must be a plain address: scheme, host and path"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user or a password"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(wrong(
            "must begin with https:// (plain http only for a loopback address): the token would be readable on the way",
        )),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text(headers, "date")?).ok().map(|date| date.to_utc())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, "retry-after")?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds.clamp(0.0, 86_400.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_send_the_token_in_clear_are_refused() {
        for good in [
            "https://app.pennylane.com/api/external/v2",
            "http://127.0.0.1:8080/x",
            "http://localhost/",
            "http://[::1]:1/",
        ] {
            assert!(parse_base_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://app.pennylane.com",
            "ftp://x",
            "app.pennylane.com",
            "",
            "https://u:secret@x/",
            "https://x/?a=1",
            "http://127.0.0.1.evil.test/",
        ] {
            let error = parse_base_url(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn the_query_is_encoded_and_the_path_goes_below_the_base() {
        let options = Options {
            base_url: parse_base_url("https://app.pennylane.com/api/external/v2/").unwrap(),
            token: Token::parse("t").unwrap(),
            rate_limit: 0.0,
            request_timeout: Duration::from_secs(1),
            retry_for: Duration::ZERO,
        };
        let client = Client::new(options, Arc::default());
        let request = Request { path: "/customers".into(), query: vec![("cursor", "a+b=".into())], body: None };
        assert_eq!(
            client.url(&request).as_str(),
            "https://app.pennylane.com/api/external/v2/customers?cursor=a%2Bb%3D"
        );
    }
}
