//! `GET /changelogs/{name}`: what changed, oldest first, for four weeks.

use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

use crate::answer::{Answer, Call, JSON};
use crate::config::Config;
use crate::fault::FaultKind;
use crate::page::Page;
use crate::page_fault;
use crate::query::{self, limit};
use crate::routes::{allowed, not_found};
use crate::shared::Shared;
use crate::world::changelog::{ENTRY_CATEGORIES, LINE_CATEGORIES, Position};
use crate::world::table::parse;

const RETENTION: TimeDelta = TimeDelta::days(28);

pub(crate) fn too_old() -> Answer {
    Answer::error(422, "start_date can't be older than 4 weeks")
}

pub(crate) fn answer(
    shared: &Shared,
    config: &Config,
    call: &Call,
    name: &str,
    faults: &[FaultKind],
) -> Result<Answer, Answer> {
    let of_categories = [ENTRY_CATEGORIES, LINE_CATEGORIES].contains(&name);
    if of_categories && !config.category_changelogs {
        return Err(not_found());
    }
    let world = shared.world.lock();
    let changelog = world.find_changelog(name).ok_or_else(not_found)?;
    let scope = if of_categories || name == "ledger_entry_lines" { "ledger_entries" } else { name };
    let scopes = [format!("{scope}:readonly"), format!("{scope}:all")];
    allowed(config, scopes.iter().map(String::as_str))?;
    let limit = limit(call, 1_000)?;
    let oldest = world.now() - RETENTION;
    let mut first = (oldest, 0);
    let start = match (call.param("start_date"), call.param("cursor")) {
        (Some(_), Some(_)) => {
            return Err(Answer::invalid("start_date", "ValidateError", "start_date and cursor can't be used together"));
        }
        (Some(text), None) => {
            let start: DateTime<Utc> = text.parse().map_err(|_| {
                Answer::invalid("start_date", "InvalidDateTimeFormat", format!("{text:?} isn't a date-time"))
            })?;
            if start < oldest {
                return Err(too_old());
            }
            first = (start, 0);
            Bound::Included(first)
        }
        (None, Some(cursor)) => Bound::Excluded(decode(cursor).ok_or_else(query::bad_cursor)?),
        (None, None) => Bound::Included(first),
    };
    let id = |text: &str| parse(text)["id"].as_i64().unwrap_or_default();
    let events = changelog.from(start).map(|(position, text)| (position, id(text), text));
    let mut page = Page::collect(events, limit, encode);
    drop(world);
    page_fault::spoil_page(&mut page, faults, call.param("cursor"), &place(first));
    Ok(Answer::new(200, JSON, page.body()))
}

fn place((time, arrival): Position) -> String {
    format!("{}.{arrival}", time.timestamp_micros())
}

fn encode(position: &Position) -> String {
    STANDARD.encode(place(*position))
}

fn decode(cursor: &str) -> Option<Position> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let (micros, arrival) = text.trim_end_matches('~').split_once('.')?;
    Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, arrival.parse().ok()?))
}
