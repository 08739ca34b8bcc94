//! The store of the background worker: each step in a transaction of its own, and none between two steps.

use super::SpiStore;
use crate::api::balance::Balance;
use crate::error::Result;
use crate::period::{FiscalYear, Period};
use crate::pg::txn;
use crate::row::{Row, Shape, Type};
use crate::sync::changes::Applied;
use crate::sync::ports::{ExportStore, Flaws, Holding, Load, Progress, Store, Written};
use crate::sync::proof::Compared;
use crate::sync::read::Batch;
use crate::sync::report::TableReport;
use bigdecimal::BigDecimal;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// A store that commits after each step. Even the arguments of a statement are made inside: they need a transaction.
pub struct InSteps(SpiStore);

impl InSteps {
    /// The store of this company.
    pub fn new(company: i64) -> InSteps {
        InSteps(SpiStore { checkpoints: true, ..SpiStore::new(company) })
    }
}

/// Each call as a step.
macro_rules! steps {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(fn $name(&mut self $(, $argument: $kind)*) -> Result<$result> {
            txn::atomically("(a step of the worker)", || self.0.$name($($argument),*))
        })*
    };
}

impl Store for InSteps {
    steps! {
        fn shape(table: &str) -> Arc<Shape>;
        fn start_load(table: &str, now: Option<DateTime<Utc>>, resume: bool) -> Load;
        fn merge(table: &str, shape: &Shape, batch: &Batch) -> Written;
        fn candidates(table: &str, after: i64, limit: u32) -> Vec<i64>;
        fn candidate_count(table: &str) -> u64;
        fn keep(table: &str, ids: &[i64]) -> u64;
        fn delete(table: &str, shape: &Shape, ids: &[i64]) -> u64;
        fn held(table: &str, ids: &[i64]) -> (u64, u64);
        fn watermark(table: &str) -> Option<DateTime<Utc>>;
        fn applied(feeds: &[&str]) -> HashSet<Applied>;
        fn past_deadline(table: &str, column: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<i64>;
        fn add_pending(table: &str, ids: &[i64]) -> ();
        fn add_orphans(table: &str, within: TimeDelta) -> ();
        fn pending(table: &str, after: i64, limit: u32) -> Vec<i64>;
        fn delete_candidates(table: &str, shape: &Shape) -> u64;
        fn flaws(table: &str, whole: bool) -> Flaws;
        fn note_drift(table: &str, unknown: &BTreeMap<String, Type>, whole: bool) -> ();
        fn finish(report: &TableReport, progress: &Progress) -> ();
    }
}

impl ExportStore for InSteps {
    steps! {
        fn fiscal_years() -> Vec<FiscalYear>;
        fn holdings(table: &str) -> Vec<Holding>;
        fn ledger_state(period: Period) -> Option<(u64, String)>;
        fn whole(table: &str, work: &mut dyn FnMut(&mut dyn ExportStore) -> Result<()>) -> ();
        fn held_lines(table: &str, period: Period) -> u64;
        fn put_lines(table: &str, shape: &Shape, period: Period, rows: &[Row], fresh: bool) -> Written;
        fn cut_lines(table: &str, period: Period, last: u64) -> u64;
        fn register(table: &str, holding: &Holding, sha256: &str) -> ();
        fn ledger_balances(period: Period) -> Vec<Balance>;
        fn fec_totals(period: Period) -> (BigDecimal, BigDecimal);
        fn note_proof(period: Period, accounts: &[Compared]) -> ();
        fn forget_proofs(but: &[Period]) -> ();
    }
}
