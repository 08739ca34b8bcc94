//! A stand-in for Pennylane's API v2: a real HTTP server over a deterministic set of books.
//!
//! It follows Pennylane's published contract, including what makes clients stumble: cursors that carry no filter, refusals
//! in several shapes, amounts as text, signed links that differ at every read. Tests change its [`World`] under a reader's
//! feet ([`FakePennylane::on_request`]) and make it fail ([`Fault`]).
//!
//! ```
//! use fake_pennylane::{Config, FakePennylane, Fault, FaultKind, Size};
//!
//! let fake = FakePennylane::start(Config { size: Size::tiny(), ..Config::default() });
//! assert_eq!(fake.world(|world| world.count("customers")), 12);
//! fake.fault(Fault::once("GET /customers", FaultKind::EmptyList));
//! assert!(fake.base_url().ends_with("/api/external/v2"));
//! assert!(fake.requests().is_empty());
//! let other = fake.neighbour(Config { size: Size::tiny(), ..Config::company(1) });
//! assert_eq!(fake.base_url(), other.base_url());
//! ```
#![forbid(unsafe_code)]

mod amount;
mod answer;
pub mod catalogue;
mod compress;
mod config;
mod control;
mod exports;
mod fault;
mod feed;
mod limiter;
mod log;
mod page;
mod page_fault;
mod pdf;
mod query;
mod reply;
mod routes;
mod server;
mod service;
mod shared;
mod sign;
mod size;
mod world;

pub use config::{Company, Config, Encoding, ExportOptions, FecContainer, FecFormat, Separator};
pub use fault::{Fault, FaultKind, Trigger, When};
pub use log::Request;
pub use pdf::pdf;
pub use rand;
pub use server::FakePennylane;
pub use size::Size;
pub use world::World;
