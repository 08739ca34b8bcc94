//! One request from its arrival to its answer: log, rate limit, faults, triggers, headers.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};

use crate::answer::{Answer, Call, HTML, JSON, TEXT};
use crate::compress;
use crate::control;
use crate::exports;
use crate::fault::{FaultKind, When};
use crate::limiter::{Budget, LIMIT, Limiter};
use crate::log::Request;
use crate::reply::{Delivery, Reply};
use crate::routes;
use crate::shared::{Companies, Shared};

/// Where the API begins.
pub(crate) const BASE: &str = "/api/external/v2";

/// Which of the fake's listeners a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Api,
    Files,
    Control,
}

type Response = hyper::Response<Reply>;

/// Answers one request; an error closes the connection without a word.
pub(crate) async fn serve(
    companies: Arc<Companies>,
    door: Door,
    request: hyper::Request<Incoming>,
) -> Result<Response, io::Error> {
    let arrived = Instant::now();
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (authorization, user_agent, accept_encoding) =
        (text(header::AUTHORIZATION), text(header::USER_AGENT), text(header::ACCEPT_ENCODING));
    let shared = companies.opened_by(authorization.as_deref()).ok_or(io::ErrorKind::NotConnected)?;
    let uri = request.uri().clone();
    let path = if door == Door::Api { uri.path().strip_prefix(BASE) } else { Some(uri.path()) };
    let raw_query = uri.query().unwrap_or_default().to_owned();
    let mut call = Call {
        method: request.method().to_string(),
        path: path.unwrap_or("/outside").to_owned(),
        query: url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
        raw_query,
        accepts_gzip: accept_encoding.as_deref().is_some_and(|encodings| encodings.contains("gzip")),
        authorization,
        host: text(header::HOST),
        body: Default::default(),
    };
    if door == Door::Control {
        call.body = read(request).await?;
        return Ok(write(&shared, control::answer(&shared, &call), &call, None, Delivery::Whole, true));
    }
    let number = shared.log.lock().arrive(Request {
        method: call.method.clone(),
        path: call.path.clone(),
        query: call.query.clone(),
        status: 0,
        at: arrived,
        authorization: call.authorization.is_some(),
        user_agent,
        accept_encoding,
        file_host: door == Door::Files,
    });
    let budget = (door == Door::Api).then(|| budget(&shared, &call, arrived));
    call.body = read(request).await?;
    if let Some(budget) = budget.filter(|budget| !budget.admitted) {
        let seconds = budget.reset_in.as_secs_f64().ceil();
        let answer = too_many(Some(format!("{seconds}")));
        shared.log.lock().answered(number, answer.status);
        return Ok(write(&shared, answer, &call, Some(budget), Delivery::Whole, true));
    }
    let signature = call.signature();
    let faults = shared.faults.lock().hits(&signature);
    let spoiled = Spoiled::by(&faults);
    let latency = shared.config.read().latency + spoiled.delay;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match spoiled.end {
        Some(End::Reset) => return Err(io::Error::new(io::ErrorKind::ConnectionReset, "reset on purpose")),
        Some(End::Hang) => std::future::pending::<()>().await,
        None => {}
    }
    run_triggers(&shared, &signature, When::Before);
    let mut answer = match (spoiled.answer, door) {
        (Some(answer), _) => answer,
        (None, Door::Files) => exports::download(&shared, &call),
        (None, _) => routes::answer(&shared, &call, &faults),
    };
    run_triggers(&shared, &signature, When::After);
    replace_raw(&mut answer, &faults);
    replace_length(&mut answer, &faults);
    shared.log.lock().answered(number, answer.status);
    let dated = !faults.contains(&FaultKind::NoDateHeader);
    Ok(write(&shared, answer, &call, budget, spoiled.delivery, dated))
}

async fn read(request: hyper::Request<Incoming>) -> Result<bytes::Bytes, io::Error> {
    request.into_body().collect().await.map(|body| body.to_bytes()).map_err(io::Error::other)
}

fn budget(shared: &Shared, call: &Call, now: Instant) -> Budget {
    if !shared.config.read().rate_limit {
        return Limiter::unlimited();
    }
    shared.limiter.lock().arrive(call.authorization.as_deref().unwrap_or_default(), now)
}

fn too_many(retry_after: Option<String>) -> Answer {
    let seconds = retry_after.as_deref().unwrap_or("a few");
    let mut answer = Answer::new(429, TEXT, format!("Rate limit exceeded. Retry in {seconds} seconds."));
    answer.headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds)));
    answer
}

fn run_triggers(shared: &Shared, signature: &str, when: When) {
    let due = shared.triggers.lock().due(signature, when);
    for action in due {
        action(&mut shared.world.lock());
    }
}

/// What the faults do to the answer as a whole.
struct Spoiled {
    delay: Duration,
    end: Option<End>,
    answer: Option<Answer>,
    delivery: Delivery,
}

#[derive(Clone, Copy)]
enum End {
    Reset,
    Hang,
}

impl Spoiled {
    fn by(faults: &[FaultKind]) -> Self {
        let mut spoiled = Self { delay: Duration::ZERO, end: None, answer: None, delivery: Delivery::Whole };
        for fault in faults {
            match fault {
                FaultKind::Delay { ms } => spoiled.delay += Duration::from_millis(*ms),
                FaultKind::Reset => spoiled.end = Some(End::Reset),
                FaultKind::Hang => spoiled.end = Some(End::Hang),
                FaultKind::Drip => spoiled.delivery = Delivery::Drip,
                FaultKind::Endless => spoiled.delivery = Delivery::Endless,
                FaultKind::ContentLength { .. } => spoiled.delivery = Delivery::Cut(usize::MAX),
                FaultKind::Truncate { keep_bytes } => spoiled.delivery = Delivery::Cut(*keep_bytes),
                FaultKind::Status { status, headers, body } => {
                    let mut answer =
                        Answer::new(*status, if body.starts_with('<') { HTML } else { JSON }, body.clone());
                    answer.headers.clone_from(headers);
                    spoiled.answer = Some(answer);
                }
                FaultKind::TooManyRequests { retry_after } => spoiled.answer = Some(too_many(retry_after.clone())),
                FaultKind::GarbageJson => {
                    spoiled.answer = Some(Answer::new(200, JSON, "{\"items\":[{\"id\":1,,\"has_more\":tru"));
                }
                FaultKind::Html200 => {
                    let page = "<!DOCTYPE html><html><body><h1>Maintenance en cours</h1></body></html>";
                    spoiled.answer = Some(Answer::new(200, HTML, page));
                }
                FaultKind::Redirect { to } => {
                    let mut answer = Answer::new(302, HTML, "<html><body>Found</body></html>");
                    answer.headers.push(("location".to_owned(), to.clone()));
                    spoiled.answer = Some(answer);
                }
                _ => {}
            }
        }
        spoiled
    }
}

fn replace_raw(answer: &mut Answer, faults: &[FaultKind]) {
    for fault in faults {
        if let FaultKind::RawReplace { from, to } = fault {
            let body = String::from_utf8_lossy(&answer.body).replace(from.as_str(), to);
            answer.body = body.into();
            answer.gzip = None;
        }
    }
}

fn replace_length(answer: &mut Answer, faults: &[FaultKind]) {
    for fault in faults {
        if let FaultKind::ContentLength { bytes } = fault {
            answer.headers.push(("content-length".to_owned(), bytes.to_string()));
        }
    }
}

fn write(
    shared: &Shared,
    answer: Answer,
    call: &Call,
    budget: Option<Budget>,
    delivery: Delivery,
    dated: bool,
) -> Response {
    let (gzip, now, expires) = {
        let config = shared.config.read();
        (config.gzip, Utc::now() + config.clock_offset, config.api_version_expires_at.clone())
    };
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), value.parse::<header::HeaderValue>()) {
            headers.insert(name, value);
        }
    };
    set("content-type", answer.content_type);
    if dated {
        set("date", &http_date(now));
    }
    if let Some(budget) = budget {
        set("ratelimit-limit", &LIMIT.to_string());
        set("ratelimit-remaining", &budget.remaining.to_string());
        let reset = now.timestamp() + i64::try_from(budget.reset_in.as_secs() + 1).unwrap_or(0);
        set("ratelimit-reset", &reset.to_string());
        if let Some(expires) = &expires {
            set("api-version-expires-at", expires);
        }
    }
    let mut body = answer.body;
    if gzip && call.accepts_gzip && body.len() > compress::WORTHWHILE && answer.status == 200 {
        body = answer.gzip.unwrap_or_else(|| compress::gzip(&body));
        set("content-encoding", "gzip");
    }
    if let Delivery::Cut(_) = delivery {
        set("content-length", &body.len().to_string());
    }
    for (name, value) in &answer.headers {
        set(name, value);
    }
    let mut response = hyper::Response::new(Reply::new(body, delivery));
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = headers;
    response
}

/// A time as HTTP writes it.
fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
