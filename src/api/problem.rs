//! A status that is not 200, and its body, to a typed refusal.
//!
//! Five body shapes are published for errors, a guide shows a sixth, and a proxy may answer HTML: the words are
//! taken from `message`, else `error`, else the raw body.

use super::Answer;
use crate::catalogue::{EXPORTS, Mode, RESOURCES, Resource, TRIAL_BALANCE_SCOPE};
use crate::error::{Error, Result, clean};
use serde_json::Value;

/// Lets a 200 pass and names every other answer.
///
/// # Errors
/// One per class of status: see [`Error`].
pub fn check(path: &str, answer: Answer) -> Result<Answer> {
    match answer.status {
        200 | 201 => Ok(answer),
        401 => Err(Error::TokenRefused),
        403 => Err(Error::ScopeMissing { scope: scope_of(path) }),
        429 => Err(Error::TooManyRequests { retry_after: answer.retry_after }),
        500.. => Err(Error::Unavailable(answer.status)),
        300..=399 => Err(Error::Contract {
            path: path.to_owned(),
            what: format!("a redirect ({}), as a proxy or a login page sends", answer.status),
        }),
        status => Err(Error::Refused { status, path: path.to_owned(), words: words(&answer.body) }),
    }
}

/// The API's own words, cleaned for a log.
fn words(body: &[u8]) -> String {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(json) => {
            let text = |key: &str| json[key].as_str().map(str::to_owned);
            let main = text("message").or_else(|| text("error"));
            main.map(|main| match (text("code"), text("field")) {
                (Some(code), Some(field)) => format!("{main} ({code}, {field})"),
                (Some(code), None) => format!("{main} ({code})"),
                (None, Some(field)) => format!("{main} ({field})"),
                (None, None) => main,
            })
        }
        Err(_) => None,
    };
    let said = clean(&said.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()));
    if said.is_empty() { "no reason given".into() } else { said }
}

/// The scope a path needs. Sample 403 bodies name a scope that no longer exists, so the catalogue is asked instead.
fn scope_of(path: &str) -> String {
    let serves = |resource: &Resource| match path.strip_prefix("/changelogs/") {
        Some(feed) => {
            matches!(resource.mode, Mode::Changelog(name) if name == feed)
                || resource.categories.is_some_and(|categories| categories.feed == feed)
        }
        None => path.strip_prefix(resource.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    };
    let below = |known: &&str| path.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let list = RESOURCES.iter().find(|resource| serves(resource)).map(|resource| resource.scope);
    let export = || EXPORTS.iter().find(|export| export.paths.iter().any(&below)).map(|e| e.scope);
    let balance = || (path == "/trial_balance").then_some(TRIAL_BALANCE_SCOPE);
    list.or_else(export).or_else(balance).unwrap_or(path.trim_start_matches('/')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use std::time::Duration;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, date: None, retry_after: Some(Duration::from_secs(2)), expires: None, body: body.into() }
    }

    #[test]
    fn each_status_has_its_kind() {
        for (status, kind) in [
            (302, Kind::Contract),
            (400, Kind::Refused),
            (401, Kind::Token),
            (403, Kind::Scope),
            (404, Kind::Refused),
            (422, Kind::Refused),
            (429, Kind::Quota),
            (500, Kind::Network),
            (503, Kind::Network),
        ] {
            assert_eq!(check("/customers", answer(status, "")).unwrap_err().kind(), kind);
        }
        assert!(check("/customers", answer(200, "{}")).is_ok());
    }

    #[test]
    fn every_published_error_body_gives_words() {
        for (body, said) in [
            (r#"{"error":"Not here","status":404}"#, "Not here"),
            (r#"{"message":"Bad","code":"NotAnyOf"}"#, "Bad (NotAnyOf)"),
            (
                r#"{"message":"Bad","field":"limit","payload":"1","code":"MoreThanMaximum"}"#,
                "Bad (MoreThanMaximum, limit)",
            ),
            (r#"{"error":"code_x","message":"Longer","details":{}}"#, "Longer"),
            ("plain text", "plain text"),
            ("", "no reason given"),
            (r#"["odd"]"#, r#"["odd"]"#),
        ] {
            assert_eq!(words(body.as_bytes()), said);
        }
    }

    #[test]
    fn a_403_names_the_scope_that_the_catalogue_knows() {
        for path in ["/ledger_entry_lines", "/changelogs/ledger_entry_lines", "/changelogs/ledger_entries_categories"] {
            let error = check(path, answer(403, r#"{"error":"ledger"}"#)).unwrap_err();
            assert!(error.to_string().contains("ledger_entries:readonly"), "{error}");
        }
        for (path, scope) in [
            ("/exports/fecs", "exports:fec"),
            ("/exports/fec/7", "exports:fec"),
            ("/exports/analytical_general_ledgers/7", "exports:agl"),
            ("/trial_balance", "trial_balance:readonly"),
        ] {
            let error = check(path, answer(403, "")).unwrap_err();
            assert!(error.to_string().contains(&format!("scope {scope} (")), "{error}");
        }
    }
}
