//! What a list is asked for: filter, sort, limit and cursor, checked against the resource.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use serde_json::Value;

use crate::answer::{Answer, Call};
use crate::catalogue::{Operator, Resource};
use crate::world::table::{Cell, Row, Table};

pub(crate) const DEFAULT_LIMIT: usize = 20;

/// The place before the first row.
pub(crate) const START: &str = "start";

/// The order of a list: by id, or by a column and then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    /// None: by id.
    pub column: Option<usize>,
    pub descending: bool,
}

/// A place in a list: the row that the page before ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    Start,
    After { id: i64, date: Option<NaiveDate> },
}

pub(crate) struct Query {
    pub conditions: Vec<Condition>,
    pub sort: Sort,
    pub limit: usize,
    pub position: Position,
}

impl Query {
    pub fn read(call: &Call, table: &Table) -> Result<Self, Answer> {
        let resource = table.resource;
        Ok(Self {
            limit: limit(call, resource.limit)?,
            sort: sort(call, table)?,
            conditions: conditions(call, table)?,
            position: call.param("cursor").map_or(Ok(Position::Start), Position::decode)?,
        })
    }
}

/// The page size asked for; out of range is refused, not clamped.
pub(crate) fn limit(call: &Call, maximum: usize) -> Result<usize, Answer> {
    let Some(text) = call.param("limit") else { return Ok(DEFAULT_LIMIT) };
    match text.parse::<i64>() {
        Err(_) => Err(Answer::invalid("limit", "ValidateError", format!("{text:?} isn't an integer"))),
        Ok(limit) if limit < 1 => {
            Err(Answer::invalid("limit", "LessThanMinimum", format!("{limit} is less than minimum value 1")))
        }
        Ok(limit) => usize::try_from(limit).ok().filter(|limit| *limit <= maximum).ok_or_else(|| {
            Answer::invalid("limit", "MoreThanMaximum", format!("{limit} is more than maximum value {maximum}"))
        }),
    }
}

fn sort(call: &Call, table: &Table) -> Result<Sort, Answer> {
    let resource = table.resource;
    // Lists without a sort parameter ignore it, as any unknown one.
    let asked = call.param("sort").filter(|_| !resource.sort.is_empty()).unwrap_or(&resource.default_sort);
    let (descending, field) = asked.strip_prefix('-').map_or((false, asked), |field| (true, field));
    if asked != resource.default_sort && !resource.sort.iter().any(|known| known == field) {
        let known = resource.sort.join(", ");
        return Err(Answer::invalid(
            "sort",
            "NotEnumInclude",
            format!("{asked:?} isn't part of the sortable fields: {known}"),
        ));
    }
    Ok(Sort { column: if field == "id" { None } else { table.column(field) }, descending })
}

impl Position {
    /// Opaque to clients: base64, which now and then ends with `=`. Holds a place only, never filter, sort or limit.
    pub fn encode(&self) -> String {
        STANDARD.encode(self.text())
    }

    fn text(&self) -> String {
        match self {
            Self::Start => START.to_owned(),
            Self::After { id, date: None } => format!("id:{id}"),
            Self::After { id, date: Some(date) } => format!("id:{id}|{date}"),
        }
    }

    pub fn decode(cursor: &str) -> Result<Self, Answer> {
        let bytes = STANDARD.decode(cursor).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        // A faulty answer may have marked it, to name one place by another text.
        let text = text.trim_end_matches('~');
        if text == START {
            return Ok(Self::Start);
        }
        let place = text.strip_prefix("id:").and_then(|rest| {
            let (id, date) = rest.split_once('|').map_or((rest, None), |(id, date)| (id, date.parse().ok()));
            Some(Self::After { id: id.parse().ok()?, date })
        });
        place.ok_or_else(bad_cursor)
    }
}

pub(crate) fn bad_cursor() -> Answer {
    Answer::json(400, &serde_json::json!({ "error": "The cursor is invalid or has expired", "status": 400 }))
}

/// One condition of a filter; all must hold.
pub(crate) struct Condition {
    /// None: the id.
    column: Option<usize>,
    operator: Operator,
    operands: Vec<Operand>,
}

/// A value of a filter under each of the readings that a column may need.
struct Operand {
    text: String,
    int: Option<i64>,
    date: Option<NaiveDate>,
    flag: Option<bool>,
}

impl Operand {
    fn read(value: &Value) -> Option<Self> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(Self { int: text.parse().ok(), date: text.parse().ok(), flag: text.parse().ok(), text })
    }

    fn compare(&self, cell: &Cell) -> Option<Ordering> {
        match cell {
            Cell::Bool(flag) => self.flag.map(|wanted| flag.cmp(&wanted)),
            Cell::Int(int) => self.int.map(|wanted| int.cmp(&wanted)),
            Cell::Date(date) => self.date.map(|wanted| date.cmp(&wanted)),
            Cell::Text(text) => Some((**text).cmp(self.text.as_str())),
            Cell::Texts(texts) => texts.iter().any(|text| **text == *self.text).then_some(Ordering::Equal),
            Cell::Micros(_) | Cell::Null => None,
        }
    }
}

fn bad_filter(message: impl Into<String>) -> Answer {
    Answer::invalid("filter", "ValidateError", message)
}

fn conditions(call: &Call, table: &Table) -> Result<Vec<Condition>, Answer> {
    let Some(text) = call.param("filter") else { return Ok(Vec::new()) };
    let filter: Value = serde_json::from_str(text).map_err(|_| bad_filter("filter isn't valid JSON"))?;
    let list = filter.as_array().ok_or_else(|| bad_filter("filter isn't an array"))?;
    list.iter().map(|condition| read_condition(condition, table)).collect()
}

fn read_condition(condition: &Value, table: &Table) -> Result<Condition, Answer> {
    let object = condition.as_object().ok_or_else(|| bad_filter("a condition isn't an object"))?;
    if let Some(key) = object.keys().find(|key| !["field", "operator", "value"].contains(&key.as_str())) {
        return Err(bad_filter(format!("{key:?} isn't a key of a condition")));
    }
    let field = object.get("field").and_then(Value::as_str).ok_or_else(|| bad_filter("field is missing"))?;
    let resource: &Resource = table.resource;
    let operators = resource.filters.get(field).ok_or_else(|| bad_filter(format!("{field} isn't filterable")))?;
    let name = object.get("operator").cloned().unwrap_or(Value::Null);
    let operator: Operator = serde_json::from_value(name.clone())
        .ok()
        .filter(|operator| operators.contains(operator))
        .ok_or_else(|| bad_filter(format!("{name} isn't an operator of {field}")))?;
    let value = object.get("value").ok_or_else(|| bad_filter("value is missing"))?;
    let values: Vec<&Value> = match (operator, value) {
        (Operator::In | Operator::NotIn, Value::Array(values)) => values.iter().collect(),
        (Operator::In | Operator::NotIn, _) => return Err(bad_filter(format!("{field}: value isn't an array"))),
        (_, value) => vec![value],
    };
    let operands: Option<Vec<Operand>> = values.into_iter().map(Operand::read).collect();
    let operands = operands.ok_or_else(|| bad_filter(format!("{field}: value is neither text nor number")))?;
    if (field == "id" || field.ends_with("_id") && field != "flow_id")
        && operands.iter().any(|operand| operand.int.is_none())
    {
        return Err(bad_filter(format!("{field}: value isn't an integer")));
    }
    if field == "date" && operands.iter().any(|operand| operand.date.is_none()) {
        return Err(Answer::invalid("date", "InvalidDateFormat", "date isn't a date"));
    }
    Ok(Condition { column: table.column(field), operator, operands })
}

impl Condition {
    pub fn holds(&self, id: i64, row: &Row) -> bool {
        let own = Cell::Int(id);
        let cell = self.column.map_or(&own, |column| &row.cells[column]);
        let any = |accepted: &[Ordering]| {
            self.operands.iter().any(|operand| operand.compare(cell).is_some_and(|found| accepted.contains(&found)))
        };
        match self.operator {
            Operator::Eq | Operator::In => any(&[Ordering::Equal]),
            Operator::NotEq | Operator::NotIn => !any(&[Ordering::Equal]),
            Operator::Lt => any(&[Ordering::Less]),
            Operator::Lteq => any(&[Ordering::Less, Ordering::Equal]),
            Operator::Gt => any(&[Ordering::Greater]),
            Operator::Gteq => any(&[Ordering::Greater, Ordering::Equal]),
            Operator::StartWith => {
                let starts = |text: &str| self.operands.iter().any(|operand| text.starts_with(&operand.text));
                matches!(cell, Cell::Text(text) if starts(text))
            }
        }
    }

    /// Whether it bounds the id from below.
    pub fn is_lower_bound(&self) -> bool {
        self.column.is_none() && matches!(self.operator, Operator::Gt | Operator::Gteq)
    }
}

/// Between which ids the rows are, as far as the conditions say; and which ones exactly, when they name them.
pub(crate) struct IdRange {
    pub low: Bound<i64>,
    pub high: Bound<i64>,
    pub only: Option<BTreeSet<i64>>,
}

impl IdRange {
    pub fn of(conditions: &[Condition]) -> Self {
        let mut range = Self { low: Bound::Unbounded, high: Bound::Unbounded, only: None };
        for condition in conditions.iter().filter(|condition| condition.column.is_none()) {
            let ids = condition.operands.iter().filter_map(|operand| operand.int);
            match condition.operator {
                Operator::Gt => ids.for_each(|id| range.raise(Bound::Excluded(id))),
                Operator::Gteq => ids.for_each(|id| range.raise(Bound::Included(id))),
                Operator::Lt => ids.for_each(|id| range.lower(Bound::Excluded(id))),
                Operator::Lteq => ids.for_each(|id| range.lower(Bound::Included(id))),
                Operator::Eq | Operator::In => range.only = Some(ids.collect()),
                Operator::NotEq | Operator::NotIn | Operator::StartWith => {}
            }
        }
        range
    }

    /// Moves the lower bound up; each condition is tested on each row anyway, so a rough bound is enough.
    pub fn raise(&mut self, bound: Bound<i64>) {
        let key = |bound: Bound<i64>| match bound {
            Bound::Unbounded => i64::MIN,
            Bound::Included(id) => id,
            Bound::Excluded(id) => id.saturating_add(1),
        };
        if key(bound) > key(self.low) {
            self.low = bound;
        }
    }

    pub fn lower(&mut self, bound: Bound<i64>) {
        let key = |bound: Bound<i64>| match bound {
            Bound::Unbounded => i64::MAX,
            Bound::Included(id) => id,
            Bound::Excluded(id) => id.saturating_sub(1),
        };
        if key(bound) < key(self.high) {
            self.high = bound;
        }
    }
}
