//! The reading jobs: from a request to typed rows, page after page, on a thread that knows nothing of PostgreSQL.

use super::backoff::Backoff;
use super::invoice::Invoice;
use super::ports::Api;
use crate::api::Answer;
use crate::api::balance::{Balance, BalancePage};
use crate::api::changelog::{self, Event};
use crate::api::me::Me;
use crate::api::page::Page;
use crate::api::problem;
use crate::api::request::{Part, Request};
use crate::catalogue::{Export, IdFilter, Resource};
use crate::error::{Error, Result};
use crate::export::Summary;
use crate::period::Period;
use crate::row::{self, Row, Shape};
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// How many empty pages that promise more are followed before the list is called broken.
pub(super) const EMPTY_PAGES: u32 = 5;
/// Ids of one request: as many as a page holds, and a URL of about 2 kB.
pub(super) const IDS_PER_REQUEST: usize = 100;
/// How often a changelog is read again from its start when its cursor expires.
const RESTARTS: u32 = 2;

/// Something to read.
#[derive(Debug, Clone)]
pub struct Job {
    /// Named by the engine, to tell arrivals apart.
    pub id: usize,
    pub read: Read,
}

/// What to read.
#[derive(Debug, Clone)]
pub enum Read {
    /// `GET /me`.
    Me,
    /// A list from after this id to its end, in ascending order of id.
    List { resource: &'static Resource, shape: Arc<Shape>, after: i64 },
    /// The records with these ids, a hundred a request. `ask_alone`: one that does not come back is asked for once more,
    /// alone, before it is told absent.
    Ids { resource: &'static Resource, shape: Arc<Shape>, ids: Vec<i64>, ask_alone: bool },
    /// What these feeds say since this time, one after the other.
    Changes { feeds: Vec<Feed>, since: DateTime<Utc> },
    /// An export of a period: asked for, waited for, downloaded and taken apart.
    Export { export: &'static Export, shape: Arc<Shape>, period: Period },
    /// The file of an invoice of this list.
    Invoice { list: &'static Resource, id: i64 },
    /// The trial balance of a period, whole. `auxiliary`: customers and suppliers one by one.
    TrialBalance { period: Period, auxiliary: bool },
}

/// One changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// Its name below `/changelogs/`.
    pub name: &'static str,
    /// The member of an event that holds the changed record, in feeds of category assignments.
    pub parent: Option<&'static str>,
}

/// Something that a job has to tell.
#[derive(Debug)]
pub struct Arrival {
    pub job: usize,
    /// Requests sent since the job's last arrival.
    pub requests: u32,
    pub what: What,
}

/// What arrived.
#[derive(Debug)]
pub enum What {
    /// Whose token it is, and the API's clock.
    Me { me: Me, api_time: Option<DateTime<Utc>>, api_expires: Option<String> },
    /// A page of rows.
    Page(Batch),
    /// A page of events of the feed at this place.
    Events { feed: usize, events: Vec<Event> },
    /// Records that were asked for and are not there.
    Absent(Vec<i64>),
    /// A file is there, and its lines come one batch after the other.
    File(Delivery),
    /// What there is of an invoice.
    Invoice(Invoice),
    /// A page of a trial balance.
    Balances(Vec<Balance>),
    /// The API asked to slow down; the pause in seconds.
    Throttled(u64),
    /// The job is done.
    Done,
    /// The job failed for good.
    Failed(Error),
}

/// The lines of a file on their way.
#[derive(Debug)]
pub struct Delivery {
    /// Of the file, in hexadecimal digits.
    pub sha256: String,
    /// The last word is `Whole` or an error; whoever drops this stops the reading.
    pub lines: Receiver<Result<Lines>>,
}

/// Lines of a file.
#[derive(Debug)]
pub enum Lines {
    Some(Vec<Row>),
    /// That was all.
    Whole(Summary),
}

/// Rows of one page.
#[derive(Debug, Default)]
pub struct Batch {
    pub rows: Vec<Row>,
    /// The ids that the page speaks for: above the first, up to the second. Rows held in that range and not in the
    /// page are no longer listed. `None` when the page says nothing of other ids.
    pub range: Option<(i64, i64)>,
}

/// Does a job and tells what it reads; the last word is `Done` or `Failed`.
pub fn run(job: &Job, api: &dyn Api, tell: &mut dyn FnMut(Arrival) -> Result<()>) {
    let mut reader = Reader { job: job.id, api, requests: 0, tell };
    let last = match reader.read(&job.read) {
        Ok(()) => What::Done,
        Err(error) => What::Failed(error),
    };
    // Nobody listens any more only when the run is over.
    let _ = reader.tell(last);
}

pub(super) struct Reader<'a> {
    job: usize,
    pub(super) api: &'a dyn Api,
    requests: u32,
    tell: &'a mut dyn FnMut(Arrival) -> Result<()>,
}

impl Reader<'_> {
    fn read(&mut self, read: &Read) -> Result<()> {
        match read {
            Read::Me => {
                let me = self.fetch(&Request::me(), |answer| {
                    let me = Me::parse(&answer.body)?;
                    Ok(What::Me { me, api_time: answer.date, api_expires: answer.expires.clone() })
                })?;
                self.tell(me)
            }
            Read::List { resource, shape, after } if resource.sorts => self.list(resource, shape, *after),
            Read::List { resource, shape, .. } => self.unsorted_list(resource, shape),
            Read::Ids { resource, shape, ids, ask_alone } => {
                ids.chunks(IDS_PER_REQUEST).try_for_each(|ids| self.ids(resource, shape, ids, *ask_alone))
            }
            Read::Changes { feeds, since } => {
                feeds.iter().enumerate().try_for_each(|(place, feed)| self.changelog(place, *feed, *since))
            }
            Read::Export { export, shape, period } => self.export(export, shape, *period),
            Read::Invoice { list, id } => self.invoice(list, *id),
            Read::TrialBalance { period, auxiliary } => self.trial_balance(*period, *auxiliary),
        }
    }

    /// Walks a list to its end. Each page must start above the last one's last id: a list that does not ascend has no
    /// ranges, so nothing could be said of what it leaves out.
    fn list(&mut self, resource: &'static Resource, shape: &Shape, after: i64) -> Result<()> {
        let mut last = after;
        let mut cursor: Option<String> = None;
        let mut empty = 0;
        loop {
            let filter = (resource.id_filter == IdFilter::Ranges).then_some(Part::After(last));
            let leaf = self.page(resource, shape, filter, cursor.as_deref(), |page| ascending(page, last))?;
            let upto = match leaf.rows.last() {
                _ if !leaf.has_more => i64::MAX,
                Some(row) => row.id,
                None => last,
            };
            empty = if leaf.rows.is_empty() { empty + 1 } else { 0 };
            if leaf.has_more && empty > EMPTY_PAGES {
                return Err(contract(resource, "empty pages that promise more, without end"));
            }
            // After an empty page the cursor is the only way on; after a full one the id is the better way.
            cursor = match resource.id_filter {
                IdFilter::Ranges if empty == 0 => None,
                _ => leaf.next_cursor,
            };
            self.tell(What::Page(Batch { rows: leaf.rows, range: Some((last, upto)) }))?;
            if !leaf.has_more {
                return Ok(());
            }
            last = upto;
        }
    }

    /// Reads the records with these ids and tells which are not there.
    fn ids(&mut self, resource: &'static Resource, shape: &Shape, ids: &[i64], ask_alone: bool) -> Result<()> {
        let mut absent = self.absent(resource, shape, ids)?;
        if ask_alone && ids.len() > 1 {
            let mut alone = Vec::new();
            for id in absent {
                alone.extend(self.absent(resource, shape, &[id])?);
            }
            absent = alone;
        }
        if absent.is_empty() { Ok(()) } else { self.tell(What::Absent(absent)) }
    }

    /// Reads the records with these ids; those that are not in the answer are given back.
    fn absent(&mut self, resource: &'static Resource, shape: &Shape, ids: &[i64]) -> Result<Vec<i64>> {
        let mut asked: HashSet<i64> = ids.iter().copied().collect();
        let mut cursor: Option<String> = None;
        let mut last = i64::MIN;
        for _ in 0..=ids.len() {
            let leaf = self.page(resource, shape, Some(Part::Ids(ids)), cursor.as_deref(), |page| {
                ascending(page, last)?;
                match page.records.iter().all(|record| asked.contains(&record.id)) {
                    true => Ok(()),
                    false => Err("records that were not asked for, as if the filter were ignored"),
                }
            })?;
            last = leaf.rows.last().map_or(last, |row| row.id);
            cursor = leaf.next_cursor;
            leaf.rows.iter().for_each(|row| {
                asked.remove(&row.id);
            });
            self.tell(What::Page(Batch { rows: leaf.rows, range: None }))?;
            if !leaf.has_more {
                return Ok(ids.iter().copied().filter(|id| asked.contains(id)).collect());
            }
        }
        Err(contract(resource, "more pages than records asked for"))
    }

    /// Reads a changelog to its end. A cursor that is refused in mid-read has expired: the changelog is read again from
    /// its start, which is harmless. A category feed that does not exist tells nothing.
    fn changelog(&mut self, place: usize, feed: Feed, since: DateTime<Utc>) -> Result<()> {
        let mut cursor: Option<String> = None;
        let mut restarts = 0;
        loop {
            let request = Request::changelog(feed.name, since, cursor.as_deref());
            let read = self.fetch(&request, |answer| {
                let page = Page::parse(&request.path, &answer.body)?;
                let broken = |what: &str| Error::Contract { path: request.path.clone(), what: what.to_owned() };
                if page.has_more && (page.next_cursor.is_none() || page.next_cursor == cursor) {
                    return Err(broken("a cursor that is missing or repeats"));
                }
                let events = changelog::events(&request.path, &page, feed.parent)?;
                Ok((events, page.next_cursor.filter(|_| page.has_more)))
            });
            match read {
                Ok((events, next)) => {
                    self.tell(What::Events { feed: place, events })?;
                    if next.is_none() {
                        return Ok(());
                    }
                    cursor = next;
                }
                Err(Error::Refused { status: 404, .. }) if feed.parent.is_some() => return Ok(()),
                Err(Error::Refused { status: 400, .. }) if cursor.is_some() && restarts < RESTARTS => {
                    restarts += 1;
                    cursor = None;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Walks a trial balance to its end. What is asked for goes with every page: the cursor remembers none of it.
    fn trial_balance(&mut self, period: Period, auxiliary: bool) -> Result<()> {
        let mut cursor: Option<String> = None;
        let mut seen = HashSet::new();
        loop {
            let request = Request::trial_balance(period, auxiliary, cursor.as_deref());
            let page = self.fetch(&request, |answer| {
                let page = BalancePage::parse(&request.path, &answer.body)?;
                if page.next_cursor.as_ref().is_some_and(|next| seen.contains(next)) {
                    let what = "a cursor that repeats".to_owned();
                    return Err(Error::Contract { path: request.path.clone(), what });
                }
                Ok(page)
            })?;
            self.tell(What::Balances(page.balances))?;
            let Some(next) = page.next_cursor else { return Ok(()) };
            seen.insert(next.clone());
            cursor = Some(next);
        }
    }

    /// One page, typed; `rule` is what must hold of it beyond its form.
    pub(super) fn page(
        &mut self,
        resource: &'static Resource,
        shape: &Shape,
        filter: Option<Part>,
        cursor: Option<&str>,
        rule: impl Fn(&Page) -> std::result::Result<(), &'static str>,
    ) -> Result<Leaf> {
        let request = Request::list(resource, filter, cursor);
        self.fetch(&request, |answer| {
            let page = Page::parse(resource.path, &answer.body)?;
            rule(&page).map_err(|what| contract(resource, what))?;
            if page.has_more && page.next_cursor.is_some() && page.next_cursor.as_deref() == cursor {
                return Err(contract(resource, "a cursor that repeats"));
            }
            if page.has_more && page.next_cursor.is_none() && (filter.is_none() || page.records.is_empty()) {
                return Err(contract(resource, "a page that promises more and gives no cursor"));
            }
            Ok(Leaf {
                rows: page.records.iter().map(|record| row::decode(*record, shape)).collect(),
                has_more: page.has_more,
                next_cursor: page.next_cursor,
            })
        })
    }

    /// Sends a request until it succeeds or its failure is final.
    pub(super) fn fetch<T>(&mut self, request: &Request, read: impl Fn(&Answer) -> Result<T>) -> Result<T> {
        self.persist(|api| {
            let answer = api.send(request).and_then(|answer| problem::check(&request.path, answer))?;
            read(&answer)
        })
    }

    /// Tries something until it succeeds or its failure is final. Each try is one request.
    pub(super) fn persist<T>(&mut self, mut attempt: impl FnMut(&dyn Api) -> Result<T>) -> Result<T> {
        let mut backoff = Backoff::new(self.api.retry_for());
        let start = self.api.now();
        loop {
            self.requests += 1;
            let error = match attempt(self.api) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let elapsed = self.api.now().saturating_sub(start);
            let Some(pause) = backoff.after(&error, elapsed, fastrand::f64()) else {
                return Err(error);
            };
            if let Error::TooManyRequests { .. } = error {
                self.tell(What::Throttled(pause.as_secs_f64().ceil() as u64))?;
            }
            self.api.pause(pause)?;
        }
    }

    pub(super) fn tell(&mut self, what: What) -> Result<()> {
        let requests = std::mem::take(&mut self.requests);
        (self.tell)(Arrival { job: self.job, requests, what })
    }
}

/// A page of a list, typed.
pub(super) struct Leaf {
    pub(super) rows: Vec<Row>,
    pub(super) has_more: bool,
    pub(super) next_cursor: Option<String>,
}

fn ascending(page: &Page, after: i64) -> std::result::Result<(), &'static str> {
    let mut last = after;
    for record in &page.records {
        if record.id <= last {
            return Err("ids that do not ascend");
        }
        last = record.id;
    }
    Ok(())
}

pub(super) fn contract(resource: &Resource, what: &str) -> Error {
    Error::Contract { path: resource.path.to_owned(), what: what.to_owned() }
}
