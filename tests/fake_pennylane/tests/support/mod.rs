//! A small client: one request, one answer, as text and as JSON.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::time::Duration;

use fake_pennylane::{Config, FakePennylane, Size};
use serde_json::{Value, json};

pub struct Client {
    agent: ureq::Agent,
    pub base: String,
    pub token: Option<String>,
}

pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn items(&self) -> Vec<Value> {
        self.json()["items"].as_array().cloned().unwrap_or_else(|| panic!("no items: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Client {
    pub fn new(base: String) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(3)));
        Self { agent: config.build().into(), base, token: Some("fake-token".to_owned()) }
    }

    pub fn try_get(&self, path: &str, query: &[(&str, &str)]) -> Result<Reply, ureq::Error> {
        let mut request = self.agent.get(format!("{}{path}", self.base)).query_pairs(query.iter().copied());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call()?;
        let headers = response.headers().clone();
        let text = response.body_mut().read_to_string()?;
        Ok(Reply { status: response.status().as_u16(), headers, text })
    }

    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Reply {
        self.try_get(path, query).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send(body.to_string()).expect("an answer");
        let headers = response.headers().clone();
        let text = response.body_mut().read_to_string().expect("a body");
        Reply { status: response.status().as_u16(), headers, text }
    }

    pub fn delete(&self, path: &str) -> Reply {
        let mut response = self.agent.delete(format!("{}{path}", self.base)).call().expect("an answer");
        let text = response.body_mut().read_to_string().expect("a body");
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// The bytes of a file, by its signed link.
    pub fn download(&self, url: &str, token: Option<&str>) -> (u16, Vec<u8>) {
        let mut request = self.agent.get(url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().expect("an answer");
        (response.status().as_u16(), response.body_mut().read_to_vec().expect("a body"))
    }

    /// Every item of a list, page by page, with these parameters on each page.
    pub fn walk(&self, path: &str, query: &[(&str, &str)]) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
                query.retain(|(name, _)| *name != "start_date");
            }
            let page = self.get(path, &query);
            assert_eq!(page.status, 200, "{}", page.text);
            items.extend(page.items());
            let page = page.json();
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            assert_eq!(page["has_more"].as_bool(), Some(cursor.is_some()));
            if cursor.is_none() {
                return items;
            }
        }
    }
}

pub fn tiny() -> FakePennylane {
    FakePennylane::start(Config { size: Size::tiny(), ..Config::default() })
}

pub fn small() -> FakePennylane {
    FakePennylane::start(Config::default())
}

pub fn client(fake: &FakePennylane) -> Client {
    Client::new(fake.base_url())
}

/// A filter of one condition, as text.
pub fn filter(field: &str, operator: &str, value: impl Into<Value>) -> String {
    json!([{ "field": field, "operator": operator, "value": value.into() }]).to_string()
}

pub fn ids(items: &[Value]) -> Vec<i64> {
    items.iter().filter_map(|item| item["id"].as_i64()).collect()
}
