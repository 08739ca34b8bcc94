//! A list that the API does not sort: read whole, put in order here.

use super::read::{Batch, EMPTY_PAGES, Reader, What, contract};
use crate::catalogue::Resource;
use crate::error::Result;
use crate::row::{Row, Shape};
use std::collections::{BTreeMap, HashSet};

/// The most records that are held to be put in order: such a list is small, or not what it is taken for.
const MOST: usize = 10_000;

impl Reader<'_> {
    /// Reads a list whose order is unknown to its end, then tells it in ascending order of id, as a list that comes in that order is told.
    /// Whatever moves while pages are read may be shown twice, where the later reading counts, or not at all: like any
    /// record that a list leaves out, it is deleted only when a second reading does not show it either.
    pub(super) fn unsorted_list(&mut self, resource: &'static Resource, shape: &Shape) -> Result<()> {
        let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
        let mut cursors: HashSet<String> = HashSet::new();
        let mut cursor: Option<String> = None;
        let mut empty = 0;
        loop {
            let leaf = self.page(resource, shape, None, cursor.as_deref(), |page| {
                if page.records.iter().any(|record| record.id <= 0) {
                    return Err("ids that are not above zero");
                }
                match page.next_cursor.as_ref().is_some_and(|next| page.has_more && cursors.contains(next)) {
                    true => Err("a cursor that repeats"),
                    false => Ok(()),
                }
            })?;
            empty = if leaf.rows.is_empty() { empty + 1 } else { 0 };
            if leaf.has_more && empty > EMPTY_PAGES {
                return Err(contract(resource, "empty pages that promise more, without end"));
            }
            rows.extend(leaf.rows.into_iter().map(|row| (row.id, row)));
            if rows.len() > MOST {
                return Err(contract(resource, "more records than a list without an order can be read with"));
            }
            if !leaf.has_more {
                break;
            }
            cursors.extend(leaf.next_cursor.clone());
            cursor = leaf.next_cursor;
        }
        let mut rows = rows.into_values().peekable();
        let mut last = 0;
        while last < i64::MAX {
            let page: Vec<Row> = rows.by_ref().take(resource.page_limit.into()).collect();
            let upto = page.last().filter(|_| rows.peek().is_some()).map_or(i64::MAX, |row| row.id);
            self.tell(What::Page(Batch { rows: page, range: Some((last, upto)) }))?;
            last = upto;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Answer;
    use crate::api::export::Link;
    use crate::api::request::Request;
    use crate::catalogue::resource;
    use crate::error::Error;
    use crate::sync::ports::{Api, Download};
    use crate::sync::read::{self, Arrival, Job, Read};
    use std::cell::Cell;
    use std::sync::Arc;
    use std::time::Duration;

    /// Answers a cursor with ids and the next cursor.
    struct Script<F: Fn(Option<&str>) -> (Vec<i64>, Option<String>)> {
        answer: F,
        clock: Cell<Duration>,
    }

    impl<F: Fn(Option<&str>) -> (Vec<i64>, Option<String>)> Api for Script<F> {
        fn send(&self, request: &Request) -> Result<Answer> {
            assert!(request.query.iter().all(|(name, _)| ["limit", "cursor"].contains(name)), "{request:?}");
            let cursor = request.query.iter().find(|(name, _)| *name == "cursor").map(|(_, cursor)| cursor.as_str());
            let (ids, next) = (self.answer)(cursor);
            let items: Vec<_> = ids.iter().map(|id| serde_json::json!({ "id": id })).collect();
            let body = serde_json::json!({ "items": items, "has_more": next.is_some(), "next_cursor": next });
            Ok(Answer { status: 200, date: None, retry_after: None, expires: None, body: body.to_string().into() })
        }

        fn download(&self, _: &Link, _: Option<u64>) -> Result<Download> {
            unreachable!("a list has no file")
        }

        fn pause(&self, pause: Duration) -> Result<()> {
            self.clock.set(self.clock.get() + pause);
            Ok(())
        }

        fn now(&self) -> Duration {
            self.clock.get()
        }

        fn retry_for(&self) -> Duration {
            Duration::from_secs(10)
        }
    }

    /// A page that was told: its ids, and the range that it speaks for.
    type Told = (Vec<i64>, Option<(i64, i64)>);

    /// What is told of a list.
    fn told(answer: impl Fn(Option<&str>) -> (Vec<i64>, Option<String>)) -> std::result::Result<Vec<Told>, Error> {
        let api = Script { answer, clock: Cell::default() };
        let resource = resource("category_groups").unwrap();
        let job = Job { id: 0, read: Read::List { resource, shape: Arc::default(), after: 0 } };
        let (mut pages, mut failed) = (Vec::new(), None);
        read::run(&job, &api, &mut |Arrival { what, .. }| {
            match what {
                What::Page(Batch { rows, range }) => pages.push((rows.iter().map(|row| row.id).collect(), range)),
                What::Failed(error) => failed = Some(error),
                _ => {}
            }
            Ok(())
        });
        failed.map_or(Ok(pages), Err)
    }

    /// Pages of a list, the cursor being the number of the page.
    fn pages(ids: &[&[i64]]) -> std::result::Result<Vec<Told>, Error> {
        told(|cursor| {
            let place = cursor.map_or(0, |cursor| cursor.parse::<usize>().unwrap());
            (ids[place].to_vec(), (place + 1 < ids.len()).then(|| (place + 1).to_string()))
        })
    }

    #[test]
    fn whatever_the_order_of_the_list_it_is_told_in_ascending_order() {
        let whole = vec![(vec![1, 2, 3, 7, 9], Some((0, i64::MAX)))];
        assert_eq!(pages(&[&[9, 7, 3], &[2, 1]]).unwrap(), whole, "descending");
        assert_eq!(pages(&[&[3, 9], &[1, 7], &[2]]).unwrap(), whole, "shuffled");
        assert_eq!(pages(&[&[3, 9], &[], &[9, 1, 7], &[3, 2]]).unwrap(), whole, "with an empty page, and ids twice");
        assert_eq!(pages(&[&[]]).unwrap(), [(vec![], Some((0, i64::MAX)))], "nothing");
    }

    #[test]
    fn a_long_list_is_told_in_pages_that_leave_no_id_out() {
        let ids: Vec<i64> = (1..=200).rev().collect();
        let told = pages(&[&ids[..150], &ids[150..]]).unwrap();
        let ranges: Vec<_> = told.iter().map(|(ids, range)| (ids.len(), range.unwrap())).collect();
        assert_eq!(ranges, [(100, (0, 100)), (100, (100, i64::MAX))]);
    }

    #[test]
    fn a_list_that_cannot_be_believed_is_refused() {
        let refused = |told: std::result::Result<Vec<Told>, Error>| told.unwrap_err().to_string();
        let circle = told(|cursor| (vec![1], Some(if cursor == Some("a") { "b" } else { "a" }.into())));
        assert!(refused(circle).contains("a cursor that repeats"));
        let without_end = told(|cursor| {
            let page = cursor.map_or(0, |cursor| cursor.parse::<i64>().unwrap());
            ((1..=100).map(|id| page * 100 + id).collect(), Some((page + 1).to_string()))
        });
        assert!(refused(without_end).contains("more records than"));
        let empty = told(|cursor| (vec![], Some(format!("{}x", cursor.unwrap_or_default()))));
        assert!(refused(empty).contains("empty pages"));
        assert!(refused(pages(&[&[0]])).contains("not above zero"));
    }
}
