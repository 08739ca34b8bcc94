//! Requests as plain data, built from a resource and a position.

use crate::catalogue::Resource;
use chrono::{DateTime, SecondsFormat, Utc};

/// Largest page of every changelog.
const CHANGELOG_LIMIT: u16 = 1000;

/// A GET request below the base URL. The query is not yet encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub query: Vec<(&'static str, String)>,
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
        Request { path: "/me".into(), query: Vec::new() }
    }

    /// One page of a list, in ascending order of id. Filter, sort and limit go with every page: the cursor remembers
    /// none of them.
    pub fn list(resource: &Resource, part: Option<Part>, cursor: Option<&str>) -> Request {
        let mut query = vec![("limit", resource.page_limit.to_string()), ("sort", "id".to_owned())];
        match part {
            Some(Part::After(id)) => query.push(("filter", id_filter("gt", id.into()))),
            Some(Part::Ids(ids)) => query.push(("filter", id_filter("in", ids.into()))),
            None => {}
        }
        if let Some(cursor) = cursor {
            query.push(("cursor", cursor.to_owned()));
        }
        Request { path: resource.path.to_owned(), query }
    }

    /// One page of a changelog. The API refuses `start_date` together with a cursor.
    pub fn changelog(name: &str, since: DateTime<Utc>, cursor: Option<&str>) -> Request {
        let position = match cursor {
            Some(cursor) => ("cursor", cursor.to_owned()),
            None => ("start_date", since.to_rfc3339_opts(SecondsFormat::Secs, true)),
        };
        Request { path: format!("/changelogs/{name}"), query: vec![("limit", CHANGELOG_LIMIT.to_string()), position] }
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
    fn a_changelog_gets_its_start_or_its_cursor_never_both() {
        let since = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let first = Request::changelog("customers", since, None);
        assert_eq!(first.path, "/changelogs/customers");
        assert_eq!(first.query, [("limit", "1000".to_owned()), ("start_date", "2026-09-21T14:13:20Z".to_owned())]);
        let next = Request::changelog("customers", since, Some("c"));
        assert_eq!(next.query, [("limit", "1000".to_owned()), ("cursor", "c".to_owned())]);
    }
}
