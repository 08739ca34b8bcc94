//! The sync itself, without PostgreSQL and without sockets, over the traits in [`ports`]: what to read ([`read`]), when to
//! try again ([`backoff`]), how a table is proven whole ([`full`]) or brought up to date from its changelog ([`changes`],
//! [`fold`]), and the run that holds the tables together ([`engine`]).

pub mod backoff;
pub mod changes;
pub mod engine;
pub mod fold;
pub mod full;
pub mod ports;
pub mod read;
pub mod report;
pub mod table;
