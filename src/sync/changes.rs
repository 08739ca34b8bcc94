//! The incremental sync of one table: its changelog, folded, and the records that it names read again.
//!
//! Reading starts from the watermark less an overlap, since an event may show up late; the memory of applied events keeps
//! the overlap from being fetched again. The watermark moves to the API's time at the start of the run, and only when all
//! that was read has been applied.

use super::fold::Fold;
use super::read::{Feed, Read, What};
use super::report::Level;
use super::table::{Context, State, Table};
use crate::api::changelog::{Event, Operation};
use crate::catalogue::Mode;
use crate::error::{Error, Result};
use crate::row::Type;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;

/// How late an event may show up in a changelog.
pub const OVERLAP: TimeDelta = TimeDelta::minutes(15);
/// Changelogs keep four weeks; a day less keeps clear of the edge.
const RETENTION: TimeDelta = TimeDelta::days(27);
/// How long before the window of a changelog a record may have been written that is read again for want of rows that
/// point to it: a run may take this long.
const ORPHAN_MARGIN: TimeDelta = TimeDelta::hours(12);
/// Entries of a follower that are read in one go.
const PENDING_AT_ONCE: u32 = 1000;
/// Rows deleted by one statement.
const DELETED_AT_ONCE: usize = 10_000;

/// An event that was applied: the place of its feed, its id, what it said, when, and of which record (a category assignment
/// repeats its id under several).
pub type Applied = (usize, i64, Operation, DateTime<Utc>, Option<i64>);

/// Where an incremental sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The changelog comes in.
    Reading,
    /// The changelog is read, and the table that this one follows is still at work.
    Waiting,
    /// Records come in by id.
    Fetching,
    /// A follower's pending records come in by id; up to this one they have been asked for.
    FetchingPending { upto: i64 },
}

/// An incremental sync under way.
pub struct Changes {
    phase: Phase,
    feeds: Vec<Feed>,
    /// Where the changelog is read from.
    since: DateTime<Utc>,
    fold: Fold,
    applied: HashSet<Applied>,
    /// Events to remember once they are applied, with the feed's place.
    fresh: Vec<(usize, Event)>,
    /// From here on the next run will read: older events need no memory.
    remember_from: DateTime<Utc>,
    /// The records that did not come back.
    absent: Vec<i64>,
}

/// What a finished incremental sync leaves for the next one.
#[derive(Debug, Default)]
pub struct Memory {
    pub feeds: Vec<&'static str>,
    pub fresh: Vec<(usize, Event)>,
    /// Events before this time are forgotten.
    pub forget_before: Option<DateTime<Utc>>,
    pub newest: Option<DateTime<Utc>>,
}

impl Changes {
    /// Starts to read the changelog of a table that was synced up to `watermark`. `follower`: the watermark of the table
    /// that learns its changes here, when it is older.
    pub fn start(
        table: &mut Table,
        context: &mut Context,
        watermark: DateTime<Utc>,
        follower: Option<DateTime<Utc>>,
    ) -> Result<std::result::Result<Changes, String>> {
        let now = context.identity.api_time.unwrap_or(watermark);
        let age = now - watermark;
        if age > RETENTION {
            return Ok(Err(format!(
                "the last sync was {} days ago, longer than Pennylane keeps changes",
                age.num_days()
            )));
        }
        if watermark - now > OVERLAP {
            return Ok(Err("Pennylane's clock is behind the time of the last sync".into()));
        }
        table.shape = context.store.shape(table.name())?;
        if let Mode::Follows { table: leader, column } = table.resource.mode
            && !context.store.shape(leader)?.has(column, Type::Bigint)
        {
            return Ok(Err(format!("{leader} has no column {column} to follow")));
        }
        let follower = follower.filter(|follower| now - *follower <= RETENTION);
        let from = watermark.min(now).min(follower.unwrap_or(now));
        let since = from - OVERLAP;
        table.tally.since = Some(watermark);
        let feeds = feeds(table);
        let names: Vec<&str> = feeds.iter().map(|feed| feed.name).collect();
        let applied = context.store.applied(&names)?;
        let mut fold = Fold::default();
        if let Some(column) = table.resource.deadline.filter(|column| table.shape.has(column, Type::Date)) {
            let late = context.store.past_deadline(table.name(), column, watermark, now)?;
            late.into_iter().for_each(|id| fold.add_id(id));
        }
        table.submit(context, Read::Changes { feeds: feeds.clone(), since });
        Ok(Ok(Changes {
            phase: Phase::Reading,
            feeds,
            since,
            fold,
            applied,
            fresh: Vec::new(),
            remember_from: watermark.max(now) - OVERLAP,
            absent: Vec::new(),
        }))
    }

    /// Takes what a reader tells.
    pub fn arrive(&mut self, table: &mut Table, context: &mut Context, what: What) -> Result<State> {
        match what {
            What::Events { feed, events } => {
                self.events(feed, events);
                Ok(State::Open)
            }
            What::Page(batch) => table.merge(context, batch).map(|()| State::Open),
            What::Absent(ids) => {
                self.absent.extend(ids);
                Ok(State::Open)
            }
            What::Done => self.done(table, context),
            What::Failed(Error::Refused { status: status @ (400 | 404 | 422), words, .. })
                if self.phase == Phase::Reading =>
            {
                Ok(State::ReadWhole(format!("the changelog cannot be read from there ({status}: {words})")))
            }
            What::Failed(error) => Err(error),
            What::Me { .. } | What::Throttled(_) | What::File(_) | What::Balances(_) | What::Invoice(_) => {
                Ok(State::Open)
            }
        }
    }

    fn events(&mut self, feed: usize, events: Vec<Event>) {
        let categories = self.feeds[feed].parent.is_some();
        for event in events {
            let applied = self.applied.contains(&(feed, event.id, event.operation, event.processed_at, event.parent));
            if categories {
                self.fold.add_category(&event, applied)
            } else {
                self.fold.add(&event, applied)
            }
            if !applied && event.processed_at >= self.remember_from {
                self.fresh.push((feed, event));
            }
        }
    }

    fn done(&mut self, table: &mut Table, context: &mut Context) -> Result<State> {
        match self.phase {
            Phase::Reading => self.apply(table, context),
            Phase::Waiting => Ok(State::Open),
            Phase::Fetching => {
                self.remove_absent(table, context)?;
                self.note_orphans(table, context)?;
                Ok(State::Ended)
            }
            Phase::FetchingPending { upto } => {
                self.remove_absent(table, context)?;
                self.fetch_pending(table, context, upto)
            }
        }
    }

    /// The changelog is read: deletions at once, then the records to read again.
    fn apply(&mut self, table: &mut Table, context: &mut Context) -> Result<State> {
        let [inserts, updates, deletes] = self.fold.fresh();
        if inserts + updates + deletes > 0 {
            let name = table.name();
            let line = format!("[CHANGELOG] {name}: {inserts} insert, {updates} update, {deletes} delete");
            context.log.line(Level::Step, &line);
        }
        let work = self.fold.work();
        delete(table, context, &work.delete)?;
        if matches!(table.resource.mode, Mode::Follows { .. }) {
            context.store.add_pending(table.name(), &work.fetch)?;
            self.phase = Phase::Waiting;
            return Ok(State::Open);
        }
        if work.fetch.is_empty() {
            self.note_orphans(table, context)?;
            return Ok(State::Ended);
        }
        self.phase = Phase::Fetching;
        table.submit_ids(context, work.fetch, true);
        Ok(State::Open)
    }

    /// Whether this table can only go on when the one that it follows has ended.
    pub fn waits(&self) -> bool {
        self.phase == Phase::Waiting
    }

    /// The table that this one follows has ended: what it noted can be read.
    pub fn leader_ended(&mut self, table: &mut Table, context: &mut Context) -> Result<State> {
        self.fetch_pending(table, context, i64::MIN)
    }

    fn fetch_pending(&mut self, table: &mut Table, context: &mut Context, after: i64) -> Result<State> {
        let ids = context.store.pending(table.name(), after, PENDING_AT_ONCE)?;
        let Some(&upto) = ids.last() else { return Ok(State::Ended) };
        self.phase = Phase::FetchingPending { upto };
        table.submit_ids(context, ids, true);
        Ok(State::Open)
    }

    /// Records that a change named and that are not there any more, asked for with others and alone. No event says that
    /// they were deleted, so the brake applies.
    fn remove_absent(&mut self, table: &mut Table, context: &mut Context) -> Result<()> {
        let absent = std::mem::take(&mut self.absent);
        if absent.is_empty() {
            return Ok(());
        }
        let (held, of_table) = context.store.held(table.name(), &absent)?;
        table.tally.brake(context.limits, held, of_table)?;
        delete(table, context, &absent)
    }

    /// A row that came and went between two reads cannot say what it pointed to. If that was read meanwhile, nothing of
    /// this table points to it now: read such records again. Those that were written before the window are not meant.
    fn note_orphans(&self, table: &Table, context: &mut Context) -> Result<()> {
        let Some(follower) = table.resource.follower() else { return Ok(()) };
        let refers = matches!(follower.mode, Mode::Follows { column, .. } if table.shape.has(column, Type::Bigint));
        if !refers || self.fold.fresh() == [0; 3] {
            return Ok(());
        }
        let now = context.identity.api_time.unwrap_or(self.since);
        context.store.add_orphans(follower.table, now - self.since + ORPHAN_MARGIN)
    }

    /// What the next run needs to know.
    pub fn memory(self) -> Memory {
        Memory {
            feeds: self.feeds.iter().map(|feed| feed.name).collect(),
            newest: self.fold.newest(),
            fresh: self.fresh,
            forget_before: Some(self.remember_from),
        }
    }
}

/// Deletes rows, a bounded number at once.
fn delete(table: &mut Table, context: &mut Context, ids: &[i64]) -> Result<()> {
    for ids in ids.chunks(DELETED_AT_ONCE) {
        table.tally.deleted += context.store.delete(table.name(), &table.shape, ids)?;
    }
    Ok(())
}

/// The feeds that tell of a table's changes.
fn feeds(table: &Table) -> Vec<Feed> {
    let own = match table.resource.mode {
        Mode::Changelog(name) => Some(Feed { name, parent: None }),
        Mode::Follows { .. } | Mode::Whole => None,
    };
    let categories =
        table.resource.categories.map(|categories| Feed { name: categories.feed, parent: Some(categories.parent) });
    own.into_iter().chain(categories).collect()
}
