//! A stand-in for Pennylane's API v2: a real HTTP server over a deterministic set of books.
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
pub use rand;
pub use server::FakePennylane;
pub use size::Size;
pub use world::World;
