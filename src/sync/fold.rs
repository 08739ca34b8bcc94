//! Change events to the last word per id.

use crate::api::changelog::{Event, Operation};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// What the events of a changelog come to. Their number is bounded by the ids, not by the events.
#[derive(Debug, Default)]
pub struct Fold {
    last: HashMap<i64, Last>,
    /// Events that had not been applied before, by operation: insert, update, delete.
    fresh: [u64; 3],
    newest: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    processed_at: DateTime<Utc>,
    deleted: bool,
    fresh: bool,
}

/// The work that follows from a changelog.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Records to read again, ascending.
    pub fetch: Vec<i64>,
    /// Records that are gone, ascending.
    pub delete: Vec<i64>,
}

impl Fold {
    /// Adds an event of a changelog. `applied`: an earlier sync has done what it says.
    ///
    /// An event that was applied still counts for the order: a delete that shows up late must not undo an insert that
    /// came after it. Of two events with one time, the record itself decides: it is read again.
    pub fn add(&mut self, event: &Event, applied: bool) {
        self.note(event.id, event.processed_at, event.operation == Operation::Delete, applied);
        self.count(event, applied);
    }

    /// Adds an event of a feed of category assignments: its record has changed, if there is still one.
    pub fn add_category(&mut self, event: &Event, applied: bool) {
        if let Some(parent) = event.parent.filter(|_| !applied) {
            // Only that the record is to be read again; whether it was deleted is for its own changelog to say.
            self.note(parent, DateTime::<Utc>::MIN_UTC, false, false);
            self.fresh[Operation::Update as usize] += 1;
        }
        self.newest = self.newest.max(Some(event.processed_at));
    }

    /// Adds a record that is to be read again for another reason.
    pub fn add_id(&mut self, id: i64) {
        self.note(id, DateTime::<Utc>::MIN_UTC, false, false);
    }

    fn note(&mut self, id: i64, processed_at: DateTime<Utc>, deleted: bool, applied: bool) {
        let new = Last { processed_at, deleted, fresh: !applied };
        self.last
            .entry(id)
            .and_modify(|last| {
                let fresh = last.fresh || new.fresh;
                if new.processed_at > last.processed_at {
                    *last = new;
                } else if new.processed_at == last.processed_at {
                    last.deleted &= new.deleted;
                }
                last.fresh = fresh;
            })
            .or_insert(new);
    }

    fn count(&mut self, event: &Event, applied: bool) {
        if !applied {
            self.fresh[event.operation as usize] += 1;
        }
        self.newest = self.newest.max(Some(event.processed_at));
    }

    /// How many events were new: insert, update, delete.
    pub fn fresh(&self) -> [u64; 3] {
        self.fresh
    }

    /// The time of the newest event, new or not.
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest
    }

    /// What is to be done.
    pub fn work(&self) -> Work {
        let mut work = Work::default();
        for (id, last) in self.last.iter().filter(|(_, last)| last.fresh) {
            if last.deleted { work.delete.push(*id) } else { work.fetch.push(*id) }
        }
        work.fetch.sort_unstable();
        work.delete.sort_unstable();
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::*;

    fn event(id: i64, operation: Operation, second: i64) -> Event {
        Event { id, operation, processed_at: DateTime::from_timestamp(second, 0).unwrap(), parent: None }
    }

    fn folded(events: &[(Event, bool)]) -> Work {
        let mut fold = Fold::default();
        events.iter().for_each(|(event, applied)| fold.add(event, *applied));
        fold.work()
    }

    #[test]
    fn the_newest_event_has_the_last_word_in_whatever_order_they_come() {
        let insert_then_delete = [(event(1, Insert, 1), false), (event(1, Delete, 2), false)];
        let delete_then_insert = [(event(1, Insert, 3), false), (event(1, Delete, 2), false)];
        assert_eq!(folded(&insert_then_delete), Work { fetch: vec![], delete: vec![1] });
        assert_eq!(folded(&delete_then_insert), Work { fetch: vec![1], delete: vec![] });
    }

    #[test]
    fn several_updates_of_one_record_are_one_fetch() {
        let events = [(event(1, Update, 1), false), (event(1, Update, 2), false), (event(1, Update, 2), false)];
        assert_eq!(folded(&events), Work { fetch: vec![1], delete: vec![] });
    }

    #[test]
    fn what_was_applied_is_not_done_again() {
        assert_eq!(folded(&[(event(1, Update, 1), true), (event(2, Delete, 1), true)]), Work::default());
    }

    #[test]
    fn a_late_delete_does_not_undo_a_newer_insert_that_was_applied() {
        let events = [(event(1, Insert, 9), true), (event(1, Delete, 8), false)];
        assert_eq!(folded(&events), Work { fetch: vec![1], delete: vec![] });
    }

    #[test]
    fn at_one_instant_the_record_itself_decides() {
        for events in [
            [(event(1, Delete, 5), false), (event(1, Insert, 5), false)],
            [(event(1, Insert, 5), false), (event(1, Delete, 5), false)],
        ] {
            assert_eq!(folded(&events), Work { fetch: vec![1], delete: vec![] });
        }
    }

    #[test]
    fn a_category_change_reads_its_record_again_unless_that_was_deleted() {
        let mut fold = Fold::default();
        fold.add_category(&Event { parent: Some(7), ..event(1, Update, 5) }, false);
        fold.add_category(&Event { parent: None, ..event(2, Delete, 5) }, false);
        fold.add_category(&Event { parent: Some(8), ..event(3, Update, 5) }, false);
        fold.add(&event(8, Delete, 4), false);
        assert_eq!(fold.work(), Work { fetch: vec![7], delete: vec![8] });
    }
}
