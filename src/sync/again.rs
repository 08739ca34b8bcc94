//! The second look at rows that were not stored as they were written: each is asked for and written once more.
//!
//! What altered them may have been an accident. A trigger that goes on altering them leaves the table partial.

use super::changes::Memory;
use super::read::{Batch, Read, What};
use super::report::Level;
use super::table::{Context, State, Table};
use crate::catalogue::IdFilter;
use crate::error::Result;
use std::collections::BTreeSet;

/// A second look under way.
pub struct Again {
    asked: BTreeSet<i64>,
    /// What the first look leaves for the next run.
    pub memory: Option<Memory>,
}

impl Again {
    /// Asks for these rows by id, or for the whole list where no filter exists.
    pub fn start(table: &Table, context: &mut Context, asked: BTreeSet<i64>, memory: Option<Memory>) -> Again {
        let line = format!("[RELECTURE] {}: {} enregistrements alteres a l'ecriture", table.name(), asked.len());
        context.log.line(Level::Step, &line);
        match table.resource.id_filter {
            IdFilter::Nothing => {
                let read = Read::List { resource: table.resource, shape: table.shape.clone(), after: 0 };
                table.submit(context, read);
            }
            IdFilter::Ranges | IdFilter::Set => table.submit_ids(context, asked.iter().copied().collect(), false),
        }
        Again { asked, memory }
    }

    /// Takes what a reader tells.
    pub fn arrive(&mut self, table: &mut Table, context: &mut Context, what: What) -> Result<State> {
        match what {
            What::Page(batch) => self.page(table, context, batch).map(|()| State::Open),
            What::Done => Ok(State::Ended),
            What::Failed(error) => Err(error),
            _ => Ok(State::Open),
        }
    }

    /// Writes those of a page that were asked for. A row counts once, however often it is written.
    fn page(&self, table: &mut Table, context: &mut Context, batch: Batch) -> Result<()> {
        let rows = batch.rows.into_iter().filter(|row| self.asked.contains(&row.id)).collect();
        let written = context.store.merge(table.name(), &table.shape, &Batch { rows, range: None })?;
        table.tally.merged.inserted += written.counts.inserted;
        Ok(())
    }
}
