//! Exports: a job is created, polled, and its file downloaded from another host by a signed link.

mod booked;
mod fec;
mod workbook;

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Call, TEXT};
use crate::config::{Config, FecContainer};
use crate::pdf;
use crate::routes::{allowed, not_found};
use crate::shared::Shared;
use crate::sign::Refusal;
use crate::world::changelog::stamp;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// One kind of export.
struct Kind {
    /// As in `/exports/{path}`.
    path: &'static str,
    scope: &'static str,
    /// Keys of the body beside the two dates, with the values that they may take.
    options: &'static [(&'static str, &'static [&'static str])],
}

const KINDS: &[Kind] = &[
    Kind { path: "fecs", scope: "exports:fec", options: &[] },
    Kind { path: "general_ledgers", scope: "exports:gl", options: &[] },
    Kind { path: "analytical_general_ledgers", scope: "exports:agl", options: &[("mode", &["in_line", "in_column"])] },
];

struct Job {
    kind: &'static str,
    start: NaiveDate,
    end: NaiveDate,
    in_column: bool,
    created_at: DateTime<Utc>,
    polls: u32,
    /// Written at the first download.
    file: Option<File>,
}

#[derive(Clone)]
struct File {
    content_type: &'static str,
    body: Bytes,
}

/// Every export since the start, by id.
#[derive(Default)]
pub(crate) struct Jobs {
    by_id: BTreeMap<i64, Job>,
}

const FIRST_JOB: i64 = 4_700_000_001;

/// `POST /exports/{kind}` and `GET /exports/{kind}/{id}`.
pub(crate) fn answer(
    shared: &Shared,
    config: &Config,
    call: &Call,
    kind: &str,
    rest: &[&str],
) -> Result<Answer, Answer> {
    let kind = KINDS.iter().find(|known| known.path == kind).ok_or_else(not_found)?;
    allowed(config, [kind.scope].into_iter())?;
    match (call.method.as_str(), rest) {
        ("POST", []) => create(shared, config, kind, call),
        ("GET", [id]) => poll(shared, config, call, kind, id.parse().map_err(|_| not_found())?),
        _ => Err(not_found()),
    }
}

fn create(shared: &Shared, config: &Config, kind: &Kind, call: &Call) -> Result<Answer, Answer> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let body = body.as_object().ok_or_else(|| Answer::error(400, "The body isn't a JSON object"))?;
    let known = |key: &str| {
        ["period_start", "period_end"].contains(&key) || kind.options.iter().any(|(option, _)| *option == key)
    };
    if let Some(key) = body.keys().find(|key| !known(key)) {
        return Err(Answer::invalid(
            key,
            "NotExistPropertyDefinition",
            format!("property {key} is not defined in the schema"),
        ));
    }
    for (option, values) in kind.options {
        if let Some(value) = body.get(*option)
            && !value.as_str().is_some_and(|value| values.contains(&value))
        {
            return Err(Answer::invalid(option, "NotEnumInclude", format!("{value} isn't part of the enum")));
        }
    }
    let (start, end) = (day(body, "period_start")?, day(body, "period_end")?);
    if end < start {
        return Err(Answer::error(422, "period_end must be after period_start"));
    }
    let now = shared.world.lock().now();
    let mut jobs = shared.jobs.lock();
    let id = jobs.by_id.last_key_value().map_or(config.id_offset + FIRST_JOB, |(last, _)| last + 3);
    let in_column = body.get("mode").and_then(Value::as_str) == Some("in_column");
    let job = Job { kind: kind.path, start, end, in_column, created_at: now, polls: 0, file: None };
    let shown = shown(id, &job, "pending");
    jobs.by_id.insert(id, job);
    Ok(Answer::json(201, &shown))
}

fn day(body: &Map<String, Value>, key: &str) -> Result<NaiveDate, Answer> {
    let value = body
        .get(key)
        .ok_or_else(|| Answer::invalid(key, "NotExistRequiredKey", format!("missing required parameters: {key}")))?;
    // Other spellings of a date, such as 2026-1-1, are refused as the API refuses them.
    let day = value.as_str().filter(|text| text.len() == 10).and_then(|text| text.parse().ok());
    day.ok_or_else(|| Answer::invalid(key, "InvalidDateFormat", format!("{value} isn't a date")))
}

fn shown(id: i64, job: &Job, status: &str) -> Value {
    let time = stamp(job.created_at);
    json!({ "id": id, "status": status, "created_at": time, "updated_at": time })
}

fn poll(shared: &Shared, config: &Config, call: &Call, kind: &Kind, id: i64) -> Result<Answer, Answer> {
    let now = shared.world.lock().now();
    let mut jobs = shared.jobs.lock();
    let job = jobs.by_id.get_mut(&id).filter(|job| job.kind == kind.path).ok_or_else(not_found)?;
    job.polls = job.polls.saturating_add(1);
    let status = match (job.polls > config.exports.pending_polls, config.exports.fails) {
        (false, _) => "pending",
        (true, true) => "error",
        (true, false) => "ready",
    };
    let mut body = shown(id, job, status);
    let link = || {
        format!(
            "{}exports/{}/{id}.{}",
            shared.signer.prefix(call.host.as_deref(), now),
            job.kind,
            extension(job.kind, config)
        )
    };
    body["file_url"] = if status == "ready" { json!(link()) } else { Value::Null };
    if status != "pending" {
        body["updated_at"] = json!(stamp(now));
    }
    Ok(Answer::json(200, &body))
}

fn extension(kind: &str, config: &Config) -> &'static str {
    match (kind, config.exports.fec.container) {
        ("fecs", FecContainer::Text) => "txt",
        ("fecs", FecContainer::Zip) => "zip",
        _ => "xlsx",
    }
}

/// `GET /files?...` on the file host: the link suffices, and a token sent along is refused.
pub(crate) fn download(shared: &Shared, call: &Call) -> Answer {
    if call.authorization.is_some() {
        return refused(400, "InvalidArgument", "Only one auth mechanism allowed: send no Authorization header");
    }
    let number = |name: &str| call.param(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    let now = shared.world.lock().now();
    let read = u64::try_from(number("read")).unwrap_or_default();
    match shared.signer.check(number("expires"), read, call.param("signature").unwrap_or_default(), now) {
        Err(Refusal::Forged) => return refused(403, "SignatureDoesNotMatch", "The signature does not match"),
        Err(Refusal::Expired) => return refused(403, "AccessDenied", "Request has expired"),
        Ok(()) => {}
    }
    let name = call.param("file").unwrap_or_default();
    match name.strip_prefix("exports/") {
        Some(export) => export_file(shared, export),
        None => Answer::new(200, "application/pdf", pdf::named(name)),
    }
}

fn refused(status: u16, code: &str, message: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Answer::new(status, "application/xml", body)
}

fn export_file(shared: &Shared, name: &str) -> Answer {
    let id = name.rsplit('/').next().and_then(|file| file.split('.').next()).and_then(|id| id.parse::<i64>().ok());
    let config = shared.config.read().clone();
    let mut jobs = shared.jobs.lock();
    let Some(job) = id.and_then(|id| jobs.by_id.get_mut(&id)) else {
        return refused(404, "NoSuchKey", "The specified key does not exist");
    };
    if job.file.is_none() {
        let lines = booked::lines(&shared.world.lock(), job.start, job.end);
        let made = match job.kind {
            "fecs" => fec::file(&lines, &config, job.end),
            "general_ledgers" => workbook::general_ledger(&lines).map(xlsx),
            _ => workbook::analytical_ledger(&lines, job.in_column).map(xlsx),
        };
        match made {
            Ok(file) => job.file = Some(file),
            Err(error) => return Answer::new(500, TEXT, error),
        }
    }
    job.file.clone().map_or_else(not_found, |file| Answer::new(200, file.content_type, file.body))
}

fn xlsx(body: Vec<u8>) -> File {
    File { content_type: XLSX, body: body.into() }
}
