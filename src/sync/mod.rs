//! The sync itself, without PostgreSQL and without sockets: what to read ([`read`]), when to try again
//! ([`backoff`]), and how pages become rows and deletions ([`engine`]), over the traits in [`ports`].

pub mod backoff;
pub mod engine;
pub mod ports;
pub mod read;
pub mod report;
