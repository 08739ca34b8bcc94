//! Requests as plain data, built from what is asked for and a position in it.

use crate::catalogue::{Export, Resource};
use crate::period::Period;
use chrono::{DateTime, SecondsFormat, Utc};

/// Largest page of every changelog.
const CHANGELOG_LIMIT: u16 = 1000;

/// Largest page of the trial balance.
const TRIAL_BALANCE_LIMIT: u16 = 1000;

/// A request below the base URL. The query is not yet encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    /// What is posted, as JSON; `None` is a GET.
    pub body: Option<String>,
}

/// The records of a list that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Those with an id above this one.
    After(i64),
    /// Those with these ids.
    Ids(&'a [i64]),
}

impl Request {
    /// `GET /me`: whose token this is, and what it may read. Needs no scope.
    pub fn me() -> Request {
        Request::get("/me".into(), Vec::new())
    }

    /// One page of a list, in ascending order of id where the list can be sorted. Filter, sort and limit go with every
    /// page: the cursor remembers none of them.
    pub fn list(resource: &Resource, part: Option<Part>, cursor: Option<&str>) -> Request {
        let mut query = vec![("limit", resource.page_limit.to_string())];
        if resource.sorts {
            query.push(("sort", "id".to_owned()));
        }
        match part {
            Some(Part::After(id)) => query.push(("filter", id_filter("gt", id.into()))),
            Some(Part::Ids(ids)) => query.push(("filter", id_filter("in", ids.into()))),
            None => {}
        }
        if let Some(cursor) = cursor {
            query.push(("cursor", cursor.to_owned()));
        }
        Request::get(resource.path.to_owned(), query)
    }

    /// One page of a changelog. The API refuses `start_date` together with a cursor.
    pub fn changelog(name: &str, since: DateTime<Utc>, cursor: Option<&str>) -> Request {
        let position = match cursor {
            Some(cursor) => ("cursor", cursor.to_owned()),
            None => ("start_date", since.to_rfc3339_opts(SecondsFormat::Secs, true)),
        };
        Request::get(format!("/changelogs/{name}"), vec![("limit", CHANGELOG_LIMIT.to_string()), position])
    }

    /// One page of the trial balance of a period. `auxiliary`: customers and suppliers one by one.
    pub fn trial_balance(period: Period, auxiliary: bool, cursor: Option<&str>) -> Request {
        let mut query = vec![
            ("limit", TRIAL_BALANCE_LIMIT.to_string()),
            ("period_start", period.start.to_string()),
            ("period_end", period.end.to_string()),
            ("is_auxiliary", auxiliary.to_string()),
        ];
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        Request::get("/trial_balance".into(), query)
    }

    /// Asks for an export at this path. The body is closed: nothing but these keys is taken.
    pub fn export(path: &str, export: &Export, period: Period) -> Request {
        let mut body = serde_json::json!({
            "period_start": period.start.to_string(),
            "period_end": period.end.to_string(),
        });
        if let Some(mode) = export.mode {
            body["mode"] = mode.into();
        }
        Request { path: path.to_owned(), query: Vec::new(), body: Some(body.to_string()) }
    }

    /// Asks how far an export is.
    pub fn poll(path: &str, id: i64) -> Request {
        Request::get(format!("{path}/{id}"), Vec::new())
    }

    /// One record of a list.
    pub fn record(resource: &Resource, id: i64) -> Request {
        Request::get(format!("{}/{id}", resource.path), Vec::new())
    }

    fn get(path: String, query: Vec<(&'static str, String)>) -> Request {
        Request { path, query, body: None }
    }
}

fn id_filter(operator: &str, value: serde_json::Value) -> String {
    serde_json::json!([{ "field": "id", "operator": operator, "value": value }]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::resource;

    #[test]
    fn a_list_is_asked_for_in_ascending_order_with_the_filter_on_every_page() {
        let customers = resource("customers").unwrap();
        let request = Request::list(customers, Some(Part::After(7)), Some("c="));
        assert_eq!(request.path, "/customers");
        assert_eq!(
            request.query,
            vec![
                ("limit", "100".to_owned()),
                ("sort", "id".to_owned()),
                ("filter", r#"[{"field":"id","operator":"gt","value":7}]"#.to_owned()),
                ("cursor", "c=".to_owned()),
            ]
        );
        let request = Request::list(customers, Some(Part::Ids(&[1, 2])), None);
        assert_eq!(request.query[2].1, r#"[{"field":"id","operator":"in","value":[1,2]}]"#);
    }

    #[test]
    fn a_list_that_cannot_be_sorted_is_not_asked_for_in_order() {
        let request = Request::list(resource("category_groups").unwrap(), None, Some("c"));
        assert_eq!(request.query, [("limit", "100".to_owned()), ("cursor", "c".to_owned())]);
    }

    #[test]
    fn a_changelog_gets_its_start_or_its_cursor_never_both() {
        let since = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let first = Request::changelog("customers", since, None);
        assert_eq!(first.path, "/changelogs/customers");
        assert_eq!(first.query, [("limit", "1000".to_owned()), ("start_date", "2026-09-21T14:13:20Z".to_owned())]);
        let next = Request::changelog("customers", since, Some("c"));
        assert_eq!(next.query, [("limit", "1000".to_owned()), ("cursor", "c".to_owned())]);
    }
}
