//! A statement that somebody gave to be run later: what PostgreSQL's parser says of it, and its run.

use super::{settings, txn};
use crate::error::{Error, Result};
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// Settings of a session that would change what a statement means. It means the same whoever calls for the sync.
const MEANING: [(&CStr, &CStr); 6] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"standard_conforming_strings", c"on"),
    (c"transform_null_equals", c"off"),
    (c"row_security", c"on"),
    (c"datestyle", c"ISO, DMY"),
    (c"intervalstyle", c"postgres"),
];

/// Looks at a statement, or runs it, with the settings that all of them have.
pub fn with_its_settings<T>(work: impl FnOnce() -> T) -> T {
    let zone = CString::new(settings::timezone()).unwrap_or_default();
    let zone = [(c"timezone", zone.as_c_str())];
    txn::with_settings(&MEANING, || txn::with_settings(&zone, work))
}

/// What has a rule of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Begins, keeps or takes back a transaction.
    Transaction,
    /// Confines the query that it runs by itself, with the rights of the view's owner, and makes a temporary table.
    ConcurrentRefresh,
    Other,
}

/// The statements of a text. Raises PostgreSQL's error when it cannot parse them.
pub fn kinds(text: &CStr) -> Vec<Kind> {
    // SAFETY: the parser looks at the text only, and gives a list of statements, each of which begins with its tag.
    unsafe {
        let list = pgrx::PgList::<pg_sys::RawStmt>::from_pg(pg_sys::pg_parse_query(text.as_ptr()));
        list.iter_ptr()
            .map(|raw| {
                let statement = (*raw).stmt;
                match (*statement).type_ {
                    pg_sys::NodeTag::T_TransactionStmt => Kind::Transaction,
                    pg_sys::NodeTag::T_RefreshMatViewStmt
                        if (*statement.cast::<pg_sys::RefreshMatViewStmt>()).concurrent =>
                    {
                        Kind::ConcurrentRefresh
                    }
                    _ => Kind::Other,
                }
            })
            .collect()
    }
}

/// Looks for what a statement names, as far as PostgreSQL does so before it runs it. Raises its error.
pub fn analyse(text: &CStr) {
    Spi::connect_mut(|_| prepare(text));
}

fn prepare(text: &CStr) -> pg_sys::SPIPlanPtr {
    // SAFETY: inside of SPI; the plan goes with it.
    unsafe { pg_sys::SPI_prepare(text.as_ptr(), 0, std::ptr::null_mut()) }
}

/// Runs a statement with a snapshot of now and tells how many rows it wrote or returned; `None` where PostgreSQL does not
/// tell. `prepared` is set when its text has been understood: what goes wrong from then on may be about values.
pub fn run(text: &CStr, prepared: &Cell<bool>) -> Result<Option<u64>> {
    Spi::connect_mut(|_| {
        let plan = prepare(text);
        prepared.set(true);
        // SAFETY: inside of SPI, with a plan of it. Rows go nowhere: a query of a million of them fills no memory.
        let (code, rows) = unsafe {
            let options = pg_sys::SPIExecuteOptions { dest: pg_sys::None_Receiver, ..Default::default() };
            (pg_sys::SPI_execute_plan_extended(plan, &options), pg_sys::SPI_processed)
        };
        match u32::try_from(code) {
            Ok(pg_sys::SPI_OK_UTILITY) => Ok(Some(rows).filter(|rows| *rows > 0)),
            Ok(_) => Ok(Some(rows)),
            Err(_) => Err(Error::Setup {
                message: "it is a statement that cannot be run inside of another, such as COMMIT or COPY FROM STDIN"
                    .into(),
                hint: "Add it again with another statement.".into(),
            }),
        }
    })
}
