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

/// A statement that is hidden while this value lives, as far as it is not yet said somewhere.
struct Hidden {
    context: *mut pg_sys::ErrorContextCallback,
}

impl Hidden {
    fn statement() -> Hidden {
        // SAFETY: the text of the statement is memory of this session; it is overwritten in its own length, because the
        // log and pg_stat_statements have pointers to it. Blanks: the latter reads it as SQL once more.
        unsafe {
            let mut text = pg_sys::debug_query_string.cast_mut();
            while !text.is_null() && *text != 0 {
                *text = b' ' as std::ffi::c_char;
                text = text.add(1);
            }
            pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, HIDDEN.as_ptr());
            // The arguments of a prepared statement are logged when it is over, if slow statements are.
            pg_sys::SetConfigOption(
                c"log_parameter_max_length".as_ptr(),
                c"0".as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
            );
            // PL/pgSQL would add the statement inside a block to each message.
            let context = pg_sys::error_context_stack;
            pg_sys::error_context_stack = std::ptr::null_mut();
            Hidden { context }
        }
    }

    /// Says what could not be hidden.
    fn warn(self) {
        // SAFETY: the stack as it was; it belongs to functions that have not returned yet.
        unsafe { pg_sys::error_context_stack = self.context };
        let said = "SELECT pg_catalog.current_setting('log_statement') = 'all'";
        if let Ok(Some(true)) = Spi::get_one::<bool>(said) {
            warning!(
                "log_statement is 'all': this statement was written to the server's log with its token before it began. \
                 Make a new token, and give it with log_statement set to 'none', 'ddl' or 'mod'."
            );
        }
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
fn add_company(api_token: &str, label: default!(Option<&str>, "NULL")) -> std::result::Result<i64, ErrorReport> {
    let hidden = Hidden::statement();
    let added = || {
        require_private()?;
        let token = Token::parse(api_token)?;
        with_api(&settings::snapshot(token.clone(), None)?, None, |_, identity| {
            let company = identity.me.company;
            companies::add(&token, label, &company)?;
            Ok(company.id)
        })
    };
    let company = settle(added())?;
    scheduler::wake_on_commit();
    hidden.warn();
    Ok(company)
}

/// `pennylane.rotate_token(company, api_token)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rotate_token(company: i64, api_token: &str) -> std::result::Result<(), ErrorReport> {
    let hidden = Hidden::statement();
    let rotated = || {
        require_private()?;
        let access: Access = companies::find(company)?;
        let token = Token::parse(api_token)?;
        with_api(&access.settings_with(token.clone())?, None, |_, identity| {
            let found = identity.me.company.id;
            if found != company {
                return Err(Error::WrongCompany { whose: "this", expected: company, found });
            }
            companies::rotate(company, &token)
        })
    };
    settle(rotated())?;
    scheduler::wake_on_commit();
    hidden.warn();
    Ok(())
}

/// `pennylane.remove_company(company, keep_data)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn remove_company(company: i64, keep_data: default!(bool, "true")) -> std::result::Result<(), ErrorReport> {
    txn::require_fresh_snapshots()?;
    let _confined = txn::Confined::begin();
    let was_servers = companies::find(company).is_ok_and(|access| access.is_servers());
    companies::remove(company, keep_data)?;
    if was_servers && settings::token_source().is_some() {
        warning!("the server still has a token of its own: if it is company {company}'s, the next sync brings it back");
    }
    Ok(())
}
