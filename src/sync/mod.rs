//! The sync itself, without PostgreSQL and without sockets, over the traits in [`ports`]: what to read ([`read`],
//! [`unsorted`] for a list without an order, [`order`] for exports), when to try again ([`backoff`]), how a table is proven whole ([`full`]) or brought up to date from its
//! changelog ([`changes`], [`fold`]), the second look at what was stored otherwise than it was written ([`again`]), the run
//! that holds the tables together ([`engine`]), the exports ([`exports`]), the proof of the ledger ([`proof`]), and the round
//! of all three ([`round`]). The file of an invoice is brought when somebody asks for it ([`invoice`]).

pub mod again;
pub mod backoff;
pub mod changes;
pub mod engine;
pub mod exports;
pub mod fold;
pub mod full;
pub mod invoice;
pub mod order;
pub mod ports;
pub mod proof;
pub mod read;
pub mod report;
pub mod round;
pub mod table;
pub mod unsorted;
