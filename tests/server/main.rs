//! Promises about the extension in a real PostgreSQL, against a fake API that can hang, throttle, truncate and lie.
//!
//! Every test has a cluster and an API of its own, so that settings, logs and kills stay its own too. The extension must
//! be installed, and the install scripts of `tests/fixtures/upgrade/`; `make test` does both, and then runs them.

mod cluster;
mod compare;
mod group;
mod log_scan;
mod recipe;
mod scene;

mod altered;
mod bench;
mod clients;
mod companies;
mod concurrency;
mod deletions;
mod drift;
mod dump;
mod endurance;
mod exports;
mod faults;
mod figures;
mod full;
mod incremental;
mod interrupts;
mod invoices;
mod monitor;
mod optional;
mod proof;
mod replication;
mod rights;
mod roles;
mod secrets;
mod tokens;
mod transforms;
mod upgrade;
mod users_objects;
mod views;
mod wire;
mod worker;
