//! The one error type of the house: what went wrong, whether time can heal it, and what to do next.
//!
//! Messages are read in a log and in `psql`, so they hold no token, no link and no value of a record. How a kind
//! becomes an SQLSTATE is `pg::report`'s business.

use std::time::Duration;

/// The classes a caller can act on. Each has one SQLSTATE (see the table in the README).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No token, or the API refuses it.
    Token,
    /// The token is good but lacks a scope.
    Scope,
    /// Too many requests for longer than a request may be retried.
    Quota,
    /// The API cannot be reached, does not answer in time, or answers with a server error.
    Network,
    /// The API answered something that its contract does not allow.
    Contract,
    /// More came than is taken.
    Limit,
    /// The API refused the request (4xx).
    Refused,
    /// The caller asked for something impossible.
    Argument,
    /// A role may not do what it asked for.
    Denied,
    /// Another run works on the same company.
    Busy,
    /// Somebody asked to stop.
    Interrupted,
    /// More rows would be deleted than a sync may delete.
    Brake,
    /// The caller's transaction holds an old snapshot.
    Transaction,
    /// The caller's transaction may not write.
    ReadOnly,
    /// PostgreSQL refused a statement, or a table is not as the engine needs it.
    Database,
}

/// Every way a sync can fail.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No token is configured anywhere, or its file cannot be used.
    #[error("no usable Pennylane token: {0}")]
    TokenMissing(String),
    /// HTTP 401: missing, wrong and expired tokens are not told apart by the API.
    #[error("Pennylane refuses the token (401)")]
    TokenRefused,
    /// `/me` names another company than the one whose token this is said to be.
    #[error("{whose} token is for company {found}, not for company {expected}: nothing was written")]
    WrongCompany { whose: &'static str, expected: i64, found: i64 },
    /// HTTP 403 on a list.
    #[error("the token lacks the scope {} (403)", scope_name(scope))]
    ScopeMissing { scope: String },
    /// HTTP 429 that outlasted `pennylane.retry_for`.
    #[error("Pennylane's rate limit is exhausted (429)")]
    TooManyRequests { retry_after: Option<Duration> },
    /// No connection, or one that broke.
    #[error("Pennylane cannot be reached: {0}")]
    Network(String),
    /// No answer within `pennylane.request_timeout`.
    #[error("Pennylane did not answer within {}s", .0.as_secs())]
    Timeout(Duration),
    /// HTTP 5xx.
    #[error("Pennylane answers with server error {0}")]
    Unavailable(u16),
    /// Any other 4xx, with the API's own words.
    #[error("Pennylane refuses {path} ({status}): {words}")]
    Refused { status: u16, path: String, words: String },
    /// An answer that breaks the contract: not JSON, cut short, a record without id, a cursor that repeats.
    #[error("unexpected answer of {path}: {what}")]
    Contract { path: String, what: String },
    /// An export that ended in status `error` at Pennylane.
    #[error("Pennylane could not make the export")]
    ExportFailed,
    /// An export that was still being made when patience ended.
    #[error("Pennylane was still making the export after {}s", .0.as_secs())]
    ExportNotReady(Duration),
    /// The file of an export that cannot be read. `what` says where and holds no value of the file.
    #[error("the file that Pennylane made cannot be read: {what}")]
    File { what: String },
    /// The file of an invoice that is not what was asked for. `what` says why and holds no value of the file.
    #[error("the file of the invoice cannot be given: {what}")]
    Document { what: String },
    /// A file that is larger than its caller takes.
    #[error("the file is larger than {megabytes} MB, the most that is taken")]
    TooLarge { megabytes: u64 },
    /// What happened to one period of several.
    #[error("{period}: {error}")]
    Period { period: String, error: Box<Error> },
    /// An argument of an SQL function that cannot be served.
    #[error("{message}")]
    Argument { message: String, hint: String },
    /// Something that is another role's to change or to run.
    #[error("{message}")]
    Denied { message: String, hint: String },
    /// Another run holds the company.
    #[error("a sync of company {company} is already running{holder}")]
    Busy { company: i64, holder: String },
    /// A sync needs the list of tables as it is, whoever takes one off it needs that no sync runs.
    #[error("the list of tables is in use, by a sync or by somebody who changes it{holder}")]
    TablesInUse { holder: String },
    /// REPEATABLE READ or SERIALIZABLE.
    #[error(
        "a sync cannot run in a REPEATABLE READ or SERIALIZABLE transaction: it would compare with an old snapshot"
    )]
    Transaction,
    /// A read-only transaction, or a standby.
    #[error("a sync cannot run in a read-only transaction")]
    ReadOnly,
    /// A cancel request, a timeout or a shutdown was seen. The caller lets PostgreSQL say which.
    #[error("the sync was interrupted")]
    Interrupted,
    /// The brake of `pennylane.max_delete_percent`.
    #[error("{gone} of the {held} rows of {table} are no longer shown by Pennylane: nothing was deleted")]
    Brake { table: String, gone: u64, held: u64 },
    /// Ids that two companies claim: ids are unique across Pennylane, so one of the tokens is not what it seems.
    #[error(
        "record {id} of {table} came for company {arrived} but belongs to company {owner}: nothing was overwritten"
    )]
    ForeignRecord { table: String, id: i64, arrived: i64, owner: i64 },
    /// PostgreSQL refused what the engine wanted to write. `words` is empty where its message may quote a value.
    #[error("PostgreSQL refused to write {table}: SQLSTATE {sqlstate}{words}")]
    Write { table: String, sqlstate: String, words: String },
    /// A statement that a user has applied after each sync failed. `words` is empty where PostgreSQL's message may quote
    /// a value.
    #[error("its statement failed: SQLSTATE {sqlstate}{words}")]
    Statement { sqlstate: String, words: String },
    /// The same, which did not end in time.
    #[error("it ran longer than {:?}, the time that it has", .0)]
    Overrun(Duration),
    /// A table or setting of the database is not as it has to be.
    #[error("{message}")]
    Setup { message: String, hint: String },
}

/// Shorthand of the pure half.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The class of this error.
    pub fn kind(&self) -> Kind {
        match self {
            Error::TokenMissing(_) | Error::TokenRefused | Error::WrongCompany { .. } => Kind::Token,
            Error::ScopeMissing { .. } => Kind::Scope,
            Error::TooManyRequests { .. } => Kind::Quota,
            Error::Network(_) | Error::Timeout(_) | Error::Unavailable(_) | Error::ExportNotReady(_) => Kind::Network,
            Error::Contract { .. } | Error::ForeignRecord { .. } | Error::File { .. } | Error::Document { .. } => {
                Kind::Contract
            }
            Error::TooLarge { .. } => Kind::Limit,
            Error::Refused { .. } | Error::ExportFailed => Kind::Refused,
            Error::Period { error, .. } => error.kind(),
            Error::Argument { .. } => Kind::Argument,
            Error::Denied { .. } => Kind::Denied,
            Error::Busy { .. } | Error::TablesInUse { .. } => Kind::Busy,
            Error::Transaction => Kind::Transaction,
            Error::ReadOnly => Kind::ReadOnly,
            Error::Interrupted => Kind::Interrupted,
            Error::Brake { .. } => Kind::Brake,
            Error::Write { .. } | Error::Statement { .. } | Error::Overrun(_) | Error::Setup { .. } => Kind::Database,
        }
    }

    /// Whether no table of this company can be synced after this error: the whole run stops.
    pub fn ends_the_run(&self) -> bool {
        matches!(self.kind(), Kind::Token | Kind::Interrupted | Kind::Busy)
    }

    /// What went wrong and what to do about it, in one text.
    pub fn in_full(&self) -> String {
        format!("{self}. {}", self.hint())
    }

    /// What the reader of the message can do about it.
    pub fn hint(&self) -> String {
        match self {
            Error::TokenMissing(_) => {
                "Set PENNYLANE_API_TOKEN in the environment of the PostgreSQL server, or name a file \
                 that holds the token in PENNYLANE_API_TOKEN_FILE or in the setting pennylane.api_token_file, \
                 then restart or reload the server; or run SELECT pennylane.add_company('...');"
                    .into()
            }
            Error::TokenRefused => {
                "The token is wrong, was revoked or has expired. Make a new read-only one in Pennylane \
                 (Settings > Connectivity > Developers) and put it where the server reads it; then run \
                 SELECT * FROM pennylane.check();"
                    .into()
            }
            Error::WrongCompany { expected, .. } => format!(
                "Were two tokens swapped? Put the token of company {expected} back, add the other company beside it with \
                 SELECT pennylane.add_company('...'); or give up company {expected} with \
                 SELECT pennylane.remove_company({expected});"
            ),
            Error::ScopeMissing { scope } => format!(
                "Make a token that has the scope {} in Pennylane (Settings > Connectivity > Developers) and put it in \
                 this one's place; then run the sync again.",
                scope_name(scope)
            ),
            Error::TooManyRequests { .. } => {
                "Another program seems to use the same token: give this one a token of its own, or lower \
                 pennylane.rate_limit. The next sync catches up."
                    .into()
            }
            Error::Network(_) | Error::Timeout(_) | Error::Unavailable(_) => {
                "Nothing is lost: run it again later. SELECT * FROM pennylane.check(); tells whether \
                 the API can be reached; pennylane.retry_for sets how long one request is retried."
                    .into()
            }
            Error::Refused { .. } => {
                "Nothing is lost. Run it again; if it stays, the API has changed: report these words.".into()
            }
            Error::Contract { .. } => {
                "Nothing was deleted. Run it again; if it stays, the API or a proxy on the way has \
                 changed: report this message."
                    .into()
            }
            Error::ExportFailed => {
                "Nothing was changed here. Try the same export in Pennylane: what it says there is the reason.".into()
            }
            Error::ExportNotReady(_) => {
                "Nothing was changed. Run it again later; pennylane.retry_for sets how long one request is retried, \
                 and an export may take six times that."
                    .into()
            }
            Error::File { .. } => "Nothing was changed. Run the export again; if it stays, report this message.".into(),
            Error::Document { .. } => {
                "Look at the invoice in Pennylane: only a file that is a PDF can be given here.".into()
            }
            Error::TooLarge { .. } => "Take the file from Pennylane itself.".into(),
            Error::Period { error, .. } => error.hint(),
            Error::ForeignRecord { .. } => "Check that each token belongs to the company that it is used for.".into(),
            Error::Argument { hint, .. } | Error::Denied { hint, .. } | Error::Setup { hint, .. } => hint.clone(),
            Error::Busy { .. } | Error::TablesInUse { .. } => {
                "Wait for it to end, or look at it with SELECT * FROM pg_stat_activity;".into()
            }
            Error::Transaction => "Use SET TRANSACTION ISOLATION LEVEL READ COMMITTED, the default.".into(),
            Error::ReadOnly => "Run it on the primary, in a transaction that may write.".into(),
            Error::Interrupted => "Run the sync again: it goes on from what is held.".into(),
            Error::Brake { table, .. } => format!(
                "If they are really gone, run SELECT * FROM pennylane.sync_full('{table}', force_deletes => true); \
                 otherwise wait until Pennylane shows them again."
            ),
            Error::Statement { .. } => {
                "Run the statement by hand, as the role that added it: PostgreSQL says there what is wrong. The next sync \
                 tries again."
                    .into()
            }
            Error::Overrun(_) => {
                "Make its statement faster, or add it again with a longer timeout. The next sync tries again.".into()
            }
            Error::Write { table, sqlstate, .. } if sqlstate == "42501" => format!(
                "Triggers on pennylane.{table} run with the rights of the role pennylane_owner: GRANT it what they need, or \
                 make their function SECURITY DEFINER; then run the sync again."
            ),
            Error::Write { table, .. } => format!(
                "Look for triggers and constraints that were added to pennylane.{table} (\\d pennylane.{table}), \
                 and for the disk; then run the sync again."
            ),
        }
    }
}

/// A scope as Pennylane shows it: most have a form that only reads, exports have one form.
pub fn scope_name(scope: &str) -> String {
    if scope.contains(':') { scope.to_owned() } else { format!("{scope}:readonly") }
}

/// Text from outside, made fit for a log: one line, no links (they may be signed), no token-like run, cut short.
pub fn clean(text: &str) -> String {
    const LONGEST: usize = 200;
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            if word.contains("://") {
                "(link)"
            } else if word.contains('@') {
                "(address)"
            } else if bare.len() >= 24 && bare.chars().any(|c| c.is_ascii_digit()) {
                "(hidden)"
            } else {
                word
            }
        })
        .collect();
    let mut line = words.join(" ");
    line.retain(|c| !c.is_control());
    if line.chars().count() > LONGEST {
        line = line.chars().take(LONGEST).collect::<String>() + "...";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_lose_links_addresses_and_token_like_runs() {
        let text = "Bad\nrequest https://x.test/f?signature=abc for jean@exemple.fr with ab12CD34ef56GH78ij90KL12mn";
        assert_eq!(clean(text), "Bad request (link) for (address) with (hidden)");
        assert_eq!(clean(&"long ".repeat(100)).chars().count(), 203);
    }
}
