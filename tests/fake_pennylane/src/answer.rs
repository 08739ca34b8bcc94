//! What the fake says to one call, before it becomes bytes on a connection.

use bytes::Bytes;
use serde_json::{Value, json};

/// One request as the API reads it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: String,
    /// Below the base URL.
    pub path: String,
    /// As it was sent.
    pub raw_query: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    pub authorization: Option<String>,
    /// How the client names this host.
    pub host: Option<String>,
    pub accepts_gzip: bool,
    pub body: Bytes,
}

impl Call {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What faults and triggers are matched with: `METHOD /path?decoded query`.
    pub fn signature(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, query.join("&"))
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content_type: &'static str,
    pub body: Bytes,
    /// The same body compressed, when it was prepared.
    pub gzip: Option<Bytes>,
}

pub(crate) const JSON: &str = "application/json; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

impl Answer {
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: body.into(), gzip: None }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, JSON, body.to_string())
    }

    /// `{error, status}`, the shape of 401, 403, 404 and 422.
    pub fn error(status: u16, text: impl Into<String>) -> Self {
        Self::json(status, &json!({ "error": text.into(), "status": status }))
    }

    /// `{message, field, code}`, one of the shapes of 400.
    pub fn invalid(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::json(400, &json!({ "message": message.into(), "field": field, "code": code }))
    }
}
