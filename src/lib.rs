//! penny_pg keeps an exact, typed, always-fresh copy of a company's Pennylane accounts inside PostgreSQL.
//!
//! The house has a pure half, which knows neither PostgreSQL nor pgrx, and a shell around it, `pg`, compiled with a
//! `pgNN` feature only. A record's way from HTTP bytes to a row:
//!
//! 1. [`sync::read`] builds an [`api::request`] from the [`catalogue`] and sends it through [`http::client`], on a thread
//!    of [`http::fetcher`], at the pace of [`limit`]; [`sync::backoff`] says when to try again.
//! 2. [`api::page`] splits the answer, [`api::problem`] names refusals, [`row`] types each record by its table's shape.
//! 3. [`sync::engine`], on the main thread, hands the pages to each table's sync: [`sync::full`] proves a table whole,
//!    [`sync::changes`] brings it up to date. Both write through [`sync::ports::Store`].
//! 4. `pg::store` writes: compare first, read back what differed, a savepoint a page, the watermark in the same transaction.
//!
//! The files that Pennylane makes on request come in through [`export`], typed by the same shapes; [`sync::exports`] puts
//! each in the place of its period. [`sync::proof`] compares the ledger with Pennylane's own trial balance. [`sync::invoice`] brings the file of one
//! invoice, of which nothing is kept. [`schedule`]
//! says when a run is due.
//!
//! After a sync, `pg::transforms` applies the statements that users have added; [`transform`] says what became of them.
//!
//! [`error`] holds every way to fail and what to do about it; `pg::report` gives each its SQLSTATE. [`secret`] keeps the
//! token out of sight.

#![deny(unsafe_code)]

pub mod api;
pub mod catalogue;
pub mod error;
pub mod export;
pub mod http;
pub mod limit;
pub mod period;
pub mod row;
pub mod schedule;
pub mod secret;
pub mod sync;
pub mod transform;

#[cfg(feature = "pg")]
#[allow(unsafe_code, reason = "calling PostgreSQL is unsafe; nothing outside this module does")]
mod pg;

/// What `cargo pgrx test` asks of the crate's root.
#[cfg(all(test, feature = "pg_test"))]
pub mod pg_test {
    pub fn setup(_options: Vec<&str>) {}

    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec!["shared_preload_libraries = 'penny_pg'"]
    }
}
