//! One page: the rows that a query selects, and the envelope around them.

use std::ops::{Bound, RangeBounds};

use chrono::NaiveDate;

use crate::query::{IdRange, Position, Query};
use crate::world::table::{Cell, Row, Table};

/// One row of a page, as text.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub id: i64,
    pub text: String,
}

/// What a page says, before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub items: Vec<Item>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
    /// With the four counters that are always null.
    pub null_counters: bool,
}

impl Page {
    /// Takes up to `limit` rows; one more tells whether there is another page.
    pub fn collect<'a, P>(
        rows: impl Iterator<Item = (P, i64, &'a str)>,
        limit: usize,
        cursor: impl Fn(&P) -> String,
    ) -> Self {
        let mut items = Vec::with_capacity(limit);
        let mut last = None;
        for (position, id, text) in rows {
            if items.len() == limit {
                let next_cursor = last.as_ref().map(cursor);
                return Self { items, has_more: true, next_cursor, null_counters: false };
            }
            items.push(Item { id, text: text.to_owned() });
            last = Some(position);
        }
        Self { items, has_more: false, next_cursor: None, null_counters: false }
    }

    pub fn body(&self) -> String {
        let size: usize = self.items.iter().map(|item| item.text.len() + 1).sum();
        let mut body = String::with_capacity(size + 200);
        body.push_str("{\"items\":[");
        for (position, item) in self.items.iter().enumerate() {
            if position > 0 {
                body.push(',');
            }
            body.push_str(&item.text);
        }
        body.push_str("],\"has_more\":");
        body.push_str(if self.has_more { "true" } else { "false" });
        body.push_str(",\"next_cursor\":");
        match &self.next_cursor {
            Some(cursor) => body.extend(["\"", cursor.as_str(), "\""]),
            None => body.push_str("null"),
        }
        if self.null_counters {
            body.push_str(",\"total_pages\":null,\"current_page\":null,\"per_page\":null,\"total_items\":null");
        }
        body.push('}');
        body
    }
}

/// The rows of a table that a query selects. The walk is by key: rows that come and go between two pages neither
/// repeat nor hide another.
pub(crate) fn select(table: &mut Table, query: &Query) -> Page {
    let order = query.sort.column.map(|column| table.order(column));
    let table = &*table;
    let date = table.column("date").or_else(|| table.column("start"));
    let cursor = |(id, row): &(i64, &Row)| {
        let day = date.and_then(|column| if let Cell::Date(day) = row.cells[column] { Some(day) } else { None });
        Position::After { id: *id, date: day }.encode()
    };
    let holds = |(id, row): &(i64, &Row)| query.conditions.iter().all(|condition| condition.holds(*id, row));
    let placed = |(id, row)| -> ((i64, &Row), i64, &str) { ((id, row), id, &*row.text) };
    let mut page = match order {
        Some(order) => {
            let known = |(_, id): &(Cell, i64)| table.rows.get_key_value(id).map(|(id, row)| (*id, row));
            let range = by_key(&order, query);
            let rows: Box<dyn Iterator<Item = &(Cell, i64)>> =
                if query.sort.descending { Box::new(range.iter().rev()) } else { Box::new(range.iter()) };
            Page::collect(rows.filter_map(known).filter(holds).map(placed), query.limit, cursor)
        }
        None => {
            let mut range = IdRange::of(&query.conditions);
            if let Position::After { id, .. } = query.position {
                let bound = Bound::Excluded(id);
                if query.sort.descending { range.lower(bound) } else { range.raise(bound) }
            }
            let rows: Box<dyn Iterator<Item = (i64, &Row)>> = match (range.only, query.sort.descending) {
                (Some(ids), descending) => {
                    let inside = ids.into_iter().filter(|id| (range.low, range.high).contains(id));
                    let known = move |id: i64| table.rows.get_key_value(&id).map(|(id, row)| (*id, row));
                    let mut rows: Vec<(i64, &Row)> = inside_only(inside, known);
                    if descending {
                        rows.reverse();
                    }
                    Box::new(rows.into_iter())
                }
                (None, true) => Box::new(table.between(range.low, range.high).rev()),
                (None, false) => Box::new(table.between(range.low, range.high)),
            };
            Page::collect(rows.filter(holds).map(placed), query.limit, cursor)
        }
    };
    page.null_counters = table.resource.null_counters();
    page
}

fn inside_only<'a>(
    ids: impl Iterator<Item = i64>,
    known: impl Fn(i64) -> Option<(i64, &'a Row)>,
) -> Vec<(i64, &'a Row)> {
    ids.filter_map(known).collect()
}

/// The part of an ordered list that lies beyond the query's position.
fn by_key<'a>(order: &'a [(Cell, i64)], query: &Query) -> &'a [(Cell, i64)] {
    let Position::After { id, date } = query.position else { return order };
    let key = (date.map_or(Cell::Null, |date: NaiveDate| Cell::Date(date)), id);
    if query.sort.descending {
        &order[..order.partition_point(|entry| *entry < key)]
    } else {
        &order[order.partition_point(|entry| *entry <= key)..]
    }
}
