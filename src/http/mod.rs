//! The wire: the only place with sockets and threads.

pub mod client;
pub mod fetcher;
