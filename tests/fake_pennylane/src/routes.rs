//! From a call to its answer: authentication, scopes, and which part of the API speaks.

use serde_json::{Value, json};

use crate::answer::{Answer, Call, JSON};
use crate::catalogue::{self, Resource};
use crate::compress;
use crate::config::Config;
use crate::exports;
use crate::fault::FaultKind;
use crate::feed;
use crate::page::{self, Page};
use crate::page_fault;
use crate::query::{Position, Query, START, limit};
use crate::shared::{Prepared, Shared};
use crate::world::World;
use crate::world::table::{Table, parse};

/// More prepared pages than this are forgotten all at once: enough for a million lines, 100 a page.
const PREPARED_PAGES: usize = 20_000;

/// Answers a call; `faults` are those that spoil what a page holds.
pub(crate) fn answer(shared: &Shared, call: &Call, faults: &[FaultKind]) -> Answer {
    let config = shared.config.read().clone();
    if !config.accepts(call.authorization.as_deref()) {
        return Answer::error(401, "The access token is invalid or has expired");
    }
    for fault in faults {
        match fault {
            FaultKind::ScopeDenied => return scope_denied(),
            FaultKind::ExpiredCursor => return crate::query::bad_cursor(),
            FaultKind::Retention422 => return feed::too_old(),
            _ => {}
        }
    }
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let answered = match (call.method.as_str(), parts.as_slice()) {
        (_, ["exports", kind, rest @ ..]) => exports::answer(shared, &config, call, kind, rest),
        ("GET", ["me"]) => Ok(me(&config, faults)),
        ("GET", ["company", "features"]) => Ok(Answer::json(200, &json!({ "installments": false }))),
        ("GET", ["changelogs", name]) => feed::answer(shared, &config, call, name, faults),
        ("GET", ["trial_balance"]) => trial_balance(shared, &config, call, faults),
        ("GET", ["ledger_entries", id, "ledger_entry_lines"]) => entry_lines(shared, &config, call, id, faults),
        ("GET", [name]) => catalogue::find(name).ok_or_else(not_found).and_then(|resource| {
            allowed(&config, resource.scopes.iter().map(String::as_str))?;
            list(shared, &config, call, resource, faults)
        }),
        ("GET", [name, id]) => match catalogue::find(name).filter(|resource| resource.single) {
            Some(resource) => allowed(&config, resource.scopes.iter().map(String::as_str))
                .and_then(|()| single(shared, call, resource, id, faults)),
            None => Err(not_found()),
        },
        _ => Err(not_found()),
    };
    answered.unwrap_or_else(|refusal| refusal)
}

pub(crate) fn not_found() -> Answer {
    Answer::error(404, "The resource you are looking for does not exist")
}

fn scope_denied() -> Answer {
    Answer::error(403, "Access to this resource is forbidden: the token lacks the required scope")
}

/// One of these scopes must have been granted.
pub(crate) fn allowed<'a>(config: &Config, mut scopes: impl Iterator<Item = &'a str>) -> Result<(), Answer> {
    if scopes.any(|scope| config.scopes.iter().any(|granted| granted == scope)) { Ok(()) } else { Err(scope_denied()) }
}

fn me(config: &Config, faults: &[FaultKind]) -> Answer {
    let other = faults
        .iter()
        .find_map(|fault| if let FaultKind::FirstCompany { company } = fault { Some(company) } else { None });
    let company = other.unwrap_or(&config.company);
    // The user is null for a token that belongs to the company alone.
    let user = json!({ "id": 4_300_000_007_i64, "first_name": "Zoé", "last_name": "D'Angelo", "email": "zoe@example.com", "locale": "fr" });
    let user = if config.seed.is_multiple_of(2) { Value::Null } else { user };
    Answer::json(200, &json!({ "user": user, "company": company, "scopes": config.scopes }))
}

fn list(
    shared: &Shared,
    config: &Config,
    call: &Call,
    resource: &'static Resource,
    faults: &[FaultKind],
) -> Result<Answer, Answer> {
    let prepare = config.prepared && faults.is_empty();
    let key = format!("{}?{}", call.path, call.raw_query);
    let mut world = shared.world.lock();
    let now = world.now();
    let table = world.table_mut(&resource.name);
    let version = table.version;
    if prepare
        && let Some(kept) = shared.prepared.lock().get(&key)
        && (kept.table, kept.version) == (&resource.name, version)
    {
        let mut answer = Answer::new(200, JSON, kept.body.clone());
        answer.gzip.clone_from(&kept.gzip);
        return Ok(answer);
    }
    let mut query = match faults.contains(&FaultKind::IgnoreLimit) {
        true => Query::read(&without_limit(call), table)?,
        false => Query::read(call, table)?,
    };
    page_fault::spoil_query(&mut query, faults);
    let mut page = page::select(table, &query);
    if faults.contains(&FaultKind::HalfList) {
        page_fault::halve(&mut page, table, query.sort.descending);
    }
    drop(world);
    page_fault::spoil_page(&mut page, faults, call.param("cursor"), START);
    let body = shared.signer.sign(page.body(), call.host.as_deref(), now);
    let mut answer = Answer::new(200, JSON, body);
    if prepare {
        let gzip = config.gzip.then(|| compress::gzip(&answer.body));
        answer.gzip.clone_from(&gzip);
        let mut kept = shared.prepared.lock();
        if kept.len() >= PREPARED_PAGES {
            kept.clear();
        }
        kept.insert(key, Prepared { table: &resource.name, version, body: answer.body.clone(), gzip });
    }
    Ok(answer)
}

fn without_limit(call: &Call) -> Call {
    let mut call = call.clone();
    call.query.retain(|(name, _)| name != "limit");
    call
}

fn single(shared: &Shared, call: &Call, resource: &Resource, id: &str, faults: &[FaultKind]) -> Result<Answer, Answer> {
    let id: i64 = id.parse().map_err(|_| not_found())?;
    if faults.contains(&FaultKind::DropRow { id }) {
        return Err(not_found());
    }
    let mut world = shared.world.lock();
    let now = world.now();
    let mut record = world.table_mut(&resource.name).stored(id).ok_or_else(not_found)?;
    if resource.name == "ledger_entries" {
        whole_entry(&mut record, &world, id);
    }
    drop(world);
    page_fault::spoil_record(&mut record, id, faults);
    Ok(Answer::new(200, JSON, shared.signer.sign(record.to_string(), call.host.as_deref(), now)))
}

/// A single entry has another shape than in the list: it embeds its lines and has lost two old fields.
fn whole_entry(record: &mut Value, world: &World, id: i64) {
    let mut lines = world.lines_of(id);
    lines.iter_mut().filter_map(Value::as_object_mut).for_each(|line| {
        line.retain(|name, _| ["id", "debit", "credit", "ledger_account", "label"].contains(&name.as_str()));
    });
    if let Some(fields) = record.as_object_mut() {
        fields.remove("journal_id");
        fields.remove("ledger_attachment_filename");
        fields.insert("ledger_entry_lines".into(), Value::Array(lines));
    }
}

/// `/ledger_entries/{id}/ledger_entry_lines`: a list with its own shape, filtered on the account only.
fn entry_lines(
    shared: &Shared,
    config: &Config,
    call: &Call,
    entry: &str,
    faults: &[FaultKind],
) -> Result<Answer, Answer> {
    let resource = catalogue::known("ledger_entry_lines");
    allowed(config, resource.scopes.iter().map(String::as_str))?;
    let entry: i64 = entry.parse().map_err(|_| not_found())?;
    let mut lines = {
        let mut world = shared.world.lock();
        if world.table_mut("ledger_entries").stored(entry).is_none() {
            return Err(not_found());
        }
        let mut lines = Table::new(resource, 1);
        for line in world.lines_of(entry) {
            lines.put(line["id"].as_i64().unwrap_or_default(), &line);
        }
        lines
    };
    let mut query = Query::read(call, &lines)?;
    page_fault::spoil_query(&mut query, faults);
    let mut page = page::select(&mut lines, &query);
    for item in &mut page.items {
        let mut line = parse(&item.text);
        line["ledger_account_id"] = line["ledger_account"]["id"].clone();
        if let Some(fields) = line.as_object_mut() {
            let kept = ["id", "debit", "credit", "label", "ledger_account_id", "ledger_account"];
            fields.retain(|name, _| kept.contains(&name.as_str()));
        }
        item.text = line.to_string();
    }
    page_fault::spoil_page(&mut page, faults, call.param("cursor"), START);
    Ok(Answer::new(200, JSON, page.body()))
}

fn trial_balance(shared: &Shared, config: &Config, call: &Call, faults: &[FaultKind]) -> Result<Answer, Answer> {
    allowed(config, ["trial_balance:readonly"].into_iter())?;
    let day = |name: &str| {
        let text = call.param(name).ok_or_else(|| {
            Answer::invalid(name, "NotExistRequiredKey", format!("missing required parameters: {name}"))
        })?;
        text.parse().map_err(|_| Answer::invalid(name, "InvalidDateFormat", format!("{text:?} isn't a date")))
    };
    let (start, end) = (day("period_start")?, day("period_end")?);
    let auxiliary = call.param("is_auxiliary") == Some("true");
    let limit = limit(call, 1_000)?;
    let position = call.param("cursor").map_or(Ok(Position::Start), Position::decode)?;
    let rows = shared.world.lock().trial_balance(start, end, auxiliary);
    // Rows have no id: their place in the order of numbers stands for one.
    let after = if let Position::After { id, .. } = position { id } else { 0 };
    let texts: Vec<(i64, String)> = (1..).zip(rows.iter().map(Value::to_string)).collect();
    let rest = texts.iter().filter(|(place, _)| *place > after).map(|(place, text)| (*place, *place, text.as_str()));
    let mut page = Page::collect(rest, limit, |place| Position::After { id: *place, date: None }.encode());
    page_fault::spoil_page(&mut page, faults, call.param("cursor"), START);
    Ok(Answer::new(200, JSON, page.body()))
}
