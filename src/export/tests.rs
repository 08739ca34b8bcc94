//! Whole files to rows.

mod fec;
mod ledger;
mod refusals;
mod samples;
mod speed;
mod workbooks;
