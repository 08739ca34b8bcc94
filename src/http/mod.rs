//! The wire: the only place with sockets and threads.

pub mod client;
mod download;
pub mod fetcher;
pub mod token;
