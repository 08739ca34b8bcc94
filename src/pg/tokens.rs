//! `add_company()`, `rotate_token()` and `remove_company()`. Those that bring a token hide their own statement before they do
//! anything else: it would stay in `pg_stat_activity` and go to the log with an error or a slow statement.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::companies::{self, Access};
use super::functions::{settle, with_api};
use super::{scheduler, settings, txn};
use crate::error::{Error, Result};
use crate::secret::Token;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// What is seen of a statement that held a token.
const HIDDEN: &std::ffi::CStr = c"(hidden: a statement with a token)";

/// Settings of the log that show a statement before it begins, and the values that do not. Drivers send a statement in
/// parts, and PostgreSQL logs how long each took: those take no time to speak of.
const SHOWN_BEFORE: &str = "\
    SELECT pg_catalog.string_agg('SET ' || s.name || ' = ' || o.off, '; ') \
    FROM pg_catalog.pg_settings s \
    JOIN (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'), \
                 ('log_transaction_sample_rate', '0'), ('log_min_messages', 'warning')) AS o (name, off) ON o.name = s.name \
    WHERE CASE s.name \
          WHEN 'log_statement' THEN s.setting = 'all' \
          WHEN 'log_min_messages' THEN $1 AND s.setting IN ('debug5', 'debug4', 'debug3', 'debug2') \
          WHEN 'log_transaction_sample_rate' THEN $1 AND s.setting::float8 > 0 \
          WHEN 'log_min_duration_statement' THEN $1 AND s.setting::integer BETWEEN 0 AND 100 \
          WHEN 'log_min_duration_sample' THEN $1 AND s.setting::integer BETWEEN 0 AND 100 END";

/// A statement that is hidden from here on, whatever becomes of it.
struct Hidden {
    context: *mut pg_sys::ErrorContextCallback,
}

impl Hidden {
    fn statement() -> Hidden {
        // SAFETY: the text of the statement is memory of this session; it is overwritten in its own length, because the
        // log and pg_stat_statements have pointers to it. The latter reads it as SQL once more: a comment, wherever it begins.
        let (hidden, in_parts) = unsafe {
            let mut text = pg_sys::debug_query_string.cast_mut();
            while !text.is_null() && *text != 0 {
                *text = b'-' as std::ffi::c_char;
                text = text.add(1);
            }
            pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, HIDDEN.as_ptr());
            // The arguments of a prepared statement are logged when it is over, if slow statements are. That is before
            // the transaction ends.
            pg_sys::set_config_option(
                c"log_parameter_max_length".as_ptr(),
                c"0".as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_LOCAL,
                true,
                0,
                false,
            );
            // PL/pgSQL would add the statement inside a block to each message.
            let context = pg_sys::error_context_stack;
            pg_sys::error_context_stack = std::ptr::null_mut();
            // A statement that comes in one piece runs in the portal without a name and without a kept plan.
            let portal = pg_sys::GetPortalByName(c"".as_ptr());
            (Hidden { context }, portal.is_null() || !(*portal).cplan.is_null())
        };
        if let Ok(Some(settings)) = Spi::get_one_with_args::<String>(SHOWN_BEFORE, &[in_parts.into()]) {
            warning!(
                "this statement was written to the server's log, with its token, before it began. Make a new token, and \
                 give it in a session with {settings};"
            );
        }
        hidden
    }

    /// Ends the part of the statement that knows the token. After an error nothing is put back: it would be told with it.
    fn end(self) {
        // SAFETY: the stack as it was; it belongs to functions that have not returned yet.
        unsafe { pg_sys::error_context_stack = self.context };
    }
}

/// Tokens that this session may write, and where nobody else reads them.
fn require_private() -> Result<()> {
    txn::require_fresh_snapshots()?;
    match companies::publications()? {
        None => Ok(()),
        Some(publications) => Err(Error::Setup {
            message: format!("the publication {publications} would carry the token to its subscribers"),
            hint: "List the tables that it shall carry: ALTER PUBLICATION ... SET TABLE pennylane.customers, ...;"
                .into(),
        }),
    }
}

/// `pennylane.add_company(api_token, label)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn add_company(
    api_token: Option<&str>,
    label: default!(Option<&str>, "NULL"),
) -> std::result::Result<i64, ErrorReport> {
    let hidden = Hidden::statement();
    let added = || {
        require_private()?;
        let token = Token::parse(api_token.unwrap_or_default())?;
        with_api(&settings::snapshot(token.clone(), None)?.in_short(), None, |_, identity| {
            let company = identity.me.company;
            companies::add(&token, label, &company)?;
            Ok(company.id)
        })
    };
    let company = settle(added())?;
    scheduler::wake_on_commit();
    hidden.end();
    Ok(company)
}

/// `pennylane.rotate_token(company, api_token)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rotate_token(company: Option<i64>, api_token: Option<&str>) -> std::result::Result<(), ErrorReport> {
    let hidden = Hidden::statement();
    let rotated = || {
        require_private()?;
        let company = companies::named(company)?;
        let access: Access = companies::find(company)?;
        let token = Token::parse(api_token.unwrap_or_default())?;
        with_api(&access.settings_with(token.clone())?.in_short(), None, |_, identity| {
            let found = identity.me.company.id;
            if found != company {
                return Err(Error::WrongCompany { whose: "this", expected: company, found });
            }
            companies::rotate(company, &token)
        })
    };
    settle(rotated())?;
    scheduler::wake_on_commit();
    hidden.end();
    Ok(())
}

/// `pennylane.remove_company(company, keep_data)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn remove_company(
    company: Option<i64>,
    keep_data: default!(Option<bool>, "true"),
) -> std::result::Result<(), ErrorReport> {
    txn::require_fresh_snapshots()?;
    let company = companies::named(company)?;
    let _confined = txn::Confined::begin();
    let was_servers = companies::find(company).is_ok_and(|access| access.is_servers());
    companies::remove(company, keep_data.unwrap_or(true))?;
    if was_servers && settings::token_source().is_some() {
        warning!("the server still has a token of its own: if it is company {company}'s, the next sync brings it back");
    }
    Ok(())
}
