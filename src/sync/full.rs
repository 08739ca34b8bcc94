//! The full sync of one table: reconciliation by ascending id.
//!
//! A page speaks for the ids from the one before it to its last; what is held there and not listed becomes a candidate.
//! At the list's end every candidate is asked for once more by another read, and only what is absent twice is deleted,
//! under the brake.

use super::read::{Batch, Read, What};
use super::report::Level;
use super::table::{Context, State, Table};
use crate::catalogue::IdFilter;
use crate::error::{Error, Result};

/// Candidates that are asked for in one go.
const ASKED_AT_ONCE: u32 = 1000;

/// Where a full sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Pages of the list come in.
    Listing,
    /// Candidates are asked for by id; up to this one they have been.
    Asking { upto: i64 },
    /// The list is read a second time, since it takes no filter.
    ListingAgain,
}

/// A full sync under way.
pub struct Full {
    phase: Phase,
    /// Rows held before.
    held: u64,
    /// Candidates that a second read showed to be there.
    reappeared: u64,
    /// The list was walked once more because it had left records out.
    walked_twice: bool,
}

impl Full {
    /// Starts to read the list.
    pub fn start(table: &mut Table, context: &mut Context) -> Result<Full> {
        table.shape = context.store.shape(table.name())?;
        // A list that is walked by cursor has no place to go on from.
        let resume = table.resource.id_filter == IdFilter::Ranges;
        let load = context.store.start_load(table.name(), context.identity.api_time, resume)?;
        if load.after > 0 {
            table.tally.resumed = true;
            table.tally.say("goes on where a load that was cut off had come to");
        }
        table.watermark = load.watermark;
        let full = Full { phase: Phase::Listing, held: load.held, reappeared: 0, walked_twice: false };
        full.read_list(table, context, load.after);
        Ok(full)
    }

    fn read_list(&self, table: &Table, context: &mut Context, after: i64) {
        let read = Read::List { resource: table.resource, shape: table.shape.clone(), after };
        table.submit(context, read);
    }

    /// Takes what a reader tells.
    pub fn arrive(&mut self, table: &mut Table, context: &mut Context, what: What) -> Result<State> {
        match what {
            What::Page(batch) => self.page(table, context, batch).map(|()| State::Open),
            What::Done => self.done(table, context),
            What::Failed(error) => Err(error),
            _ => Ok(State::Open),
        }
    }

    fn page(&mut self, table: &mut Table, context: &mut Context, batch: Batch) -> Result<()> {
        if self.phase == Phase::Listing {
            return table.merge(context, batch);
        }
        let ids: Vec<i64> = batch.rows.iter().map(|row| row.id).collect();
        self.reappeared += context.store.keep(table.name(), &ids)?;
        Ok(())
    }

    /// A read came to its end: the next one, or the verdict.
    fn done(&mut self, table: &mut Table, context: &mut Context) -> Result<State> {
        match self.phase {
            _ if self.reappeared > 0 => self.walk_again(table, context),
            Phase::Listing if context.store.candidate_count(table.name())? == 0 => Ok(State::Ended),
            Phase::Listing if table.resource.id_filter == IdFilter::Nothing => {
                self.phase = Phase::ListingAgain;
                self.read_list(table, context, 0);
                Ok(State::Open)
            }
            Phase::Listing => self.ask(table, context, i64::MIN),
            Phase::Asking { upto } => self.ask(table, context, upto),
            Phase::ListingAgain => self.delete(table, context),
        }
    }

    /// Asks for the next candidates by id.
    fn ask(&mut self, table: &mut Table, context: &mut Context, after: i64) -> Result<State> {
        let ids = context.store.candidates(table.name(), after, ASKED_AT_ONCE)?;
        let Some(&upto) = ids.last() else { return self.delete(table, context) };
        self.phase = Phase::Asking { upto };
        table.submit_ids(context, ids, false);
        Ok(State::Open)
    }

    /// The list left out records that are there. Once is an accident: the list is walked again. Twice means that it
    /// cannot be trusted to say what is gone.
    fn walk_again(&mut self, table: &mut Table, context: &mut Context) -> Result<State> {
        let what = format!("the list left out {} records that are there when asked for again", self.reappeared);
        if self.walked_twice {
            return Err(Error::Contract { path: table.resource.path.to_owned(), what });
        }
        let line = format!("[WARNING] {}: {what}; nothing deleted, reading it again", table.name());
        context.log.line(Level::Warning, &line);
        table.tally.say(&format!("{what}; it was read a second time"));
        self.walked_twice = true;
        self.reappeared = 0;
        self.phase = Phase::Listing;
        table.unknown.clear();
        table.altered.clear();
        // What the first walk wrote counts once; what it found unchanged is found again.
        table.tally.merged.unchanged = 0;
        context.store.start_load(table.name(), table.watermark, false)?;
        self.read_list(table, context, 0);
        Ok(State::Open)
    }

    /// Deletes what was absent twice, if that is not too much to be true.
    fn delete(&mut self, table: &mut Table, context: &mut Context) -> Result<State> {
        let gone = context.store.candidate_count(table.name())?;
        table.tally.brake(context.limits, gone, self.held)?;
        table.tally.deleted += context.store.delete_candidates(table.name(), &table.shape)?;
        Ok(State::Ended)
    }
}
