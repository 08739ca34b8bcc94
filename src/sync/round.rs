//! A round: the lists, then the exports, which are compared with them, then the proof.

use super::engine::{self, Ports};
use super::exports::{self, Ask};
use super::ports::ExportStore;
use super::proof;
use super::report::{Level, Status, SyncType, TableReport};
use super::table::{Identity, Limits};
use crate::catalogue::{EXPORTS, Export, Mode, RESOURCES, Resource, resource};
use crate::error::{Error, Result};
use crate::period::Period;
use std::collections::BTreeSet;

/// The table that tells which periods there are to export.
const YEARS: &str = "fiscal_years";
/// The table that is proven.
const LEDGER: &str = "ledger_entry_lines";

/// What a round is to do.
#[derive(Debug)]
pub struct Plan {
    pub sync_type: SyncType,
    pub lists: Vec<&'static Resource>,
    pub exports: Vec<&'static Export>,
    /// The period of the exports; `None` lets the fiscal years decide.
    pub period: Option<Period>,
    /// The one table that the round is about; `None` when it is about all of them.
    pub target: Option<&'static str>,
}

/// What a round did.
#[derive(Debug)]
pub struct Round {
    pub reports: Vec<TableReport>,
    pub requests: u32,
    /// The tables with rows that changed, those too that were read along with what was asked for.
    pub changed: BTreeSet<&'static str>,
}

impl Plan {
    /// A round over every table that is kept where these were asked for.
    pub fn whole(sync_type: SyncType, enabled: &[String]) -> Plan {
        let lists = RESOURCES.iter().filter(|list| list.data_table().is_kept(enabled)).collect();
        Plan { sync_type, lists, exports: EXPORTS.iter().collect(), period: None, target: None }
    }

    /// A round over one table. Changes of a table that follows another one are told by that one: it comes along.
    pub fn of_list(sync_type: SyncType, list: &'static Resource) -> Plan {
        let leader = match list.mode {
            Mode::Follows { table, .. } if sync_type == SyncType::Incremental => resource(table),
            _ => None,
        };
        let lists = leader.into_iter().chain([list]).collect();
        Plan { sync_type, lists, exports: Vec::new(), period: None, target: Some(list.table) }
    }

    /// A round over one export.
    pub fn of_export(sync_type: SyncType, export: &'static Export, period: Option<Period>) -> Plan {
        Plan { sync_type, lists: Vec::new(), exports: vec![export], period, target: Some(export.table) }
    }

    /// The tables that the round works with.
    pub fn tables(&self) -> Vec<&'static str> {
        let followers = self.lists.iter().filter_map(|list| list.follower());
        let lists = self.lists.iter().copied().chain(followers).map(|list| list.table);
        let exports = self.exports.iter().map(|export| export.table);
        // Exports ask the ledger whether it changed, and the fiscal years for their days.
        let asked = [YEARS, LEDGER].into_iter().filter(|_| !self.exports.is_empty());
        lists.chain(exports).chain(asked).collect()
    }

    /// The list of fiscal years, when the exports need it and nobody asked for it.
    fn years(&self) -> Option<&'static Resource> {
        let needed = !self.exports.is_empty() && self.period.is_none();
        resource(YEARS).filter(|years| needed && !self.lists.contains(years))
    }
}

/// Does a round.
///
/// # Errors
/// `Interrupted`; and what the store could not note down.
pub fn run(
    plan: &Plan,
    identity: &Identity,
    limits: Limits,
    store: &mut dyn ExportStore,
    ports: &mut Ports,
) -> Result<Round> {
    let lists: Vec<_> = plan.lists.iter().copied().chain(plan.years()).collect();
    let list_type = if plan.sync_type == SyncType::Incremental { SyncType::Incremental } else { SyncType::Full };
    let mut reports = engine::run(&lists, list_type, identity, limits, store, ports)?;
    let mut requests = identity.requests + count(&reports);
    let over = reports.iter().filter_map(|report| report.error.clone()).find(Error::ends_the_run);
    let mut changed = changed(&reports);
    reports.truncate(plan.lists.len());
    let ask = match (plan.period, plan.sync_type) {
        (Some(period), _) => Ask::Period(period),
        (None, SyncType::Incremental) => Ask::ChangedYears,
        (None, SyncType::Full | SyncType::Export) => Ask::OpenYears,
    };
    let exported = exports::run(&plan.exports, ask, over.clone(), identity, limits, store, ports)?;
    requests += count(&exported);
    changed.extend(self::changed(&exported));
    reports.extend(exported);
    let proven = plan.sync_type == SyncType::Full && over.is_none();
    if proven && let Some(ledger) = reports.iter_mut().find(|report| report.table == LEDGER && report.status.is_good())
    {
        requests += prove(ledger, &mut changed, identity, limits, store, ports)?;
    }
    Ok(Round { reports, requests, changed })
}

/// The tables with rows that changed, whatever became of them then.
fn changed(reports: &[TableReport]) -> BTreeSet<&'static str> {
    let rows = |report: &TableReport| report.merged.inserted + report.merged.updated + report.deleted;
    reports.iter().filter(|report| rows(report) > 0).map(|report| report.table).collect()
}

fn count(reports: &[TableReport]) -> u32 {
    reports.iter().map(|report| report.requests).sum()
}

/// Proves the ledger. What differs may have changed since it was read: its changes are brought, and it is proven again.
/// What remains is said in its report and in the log, and never ends a round.
fn prove(
    ledger: &mut TableReport,
    changed: &mut BTreeSet<&'static str>,
    identity: &Identity,
    limits: Limits,
    store: &mut dyn ExportStore,
    ports: &mut Ports,
) -> Result<u32> {
    let mut requests = 0;
    let mut proof = proof::run(identity, store, ports);
    if let Ok(first) = &proof
        && first.differing > 0
    {
        requests += first.requests;
        let line = format!("[PREUVE] {} comptes different de la balance, relecture des ecritures", first.differing);
        ports.log.line(Level::Step, &line);
        let plan: Vec<_> =
            resource(LEDGER).into_iter().flat_map(|lines| [Some(lines), lines.follower()]).flatten().collect();
        let read = engine::run(&plan, SyncType::Incremental, identity, limits, store, ports)?;
        requests += count(&read);
        changed.extend(self::changed(&read));
        proof = proof::run(identity, store, ports);
    }
    let said = match proof {
        Ok(proof) => {
            requests += proof.requests;
            if proof.differing == 0 {
                let line = format!("[PREUVE] {} comptes egaux a la balance de Pennylane", proof.accounts);
                ports.log.line(Level::Step, &line);
                return Ok(requests);
            }
            format!(
                "{} accounts differ from Pennylane's trial balance: SELECT * FROM pennylane.proofs \
                 WHERE debit_difference <> 0 OR credit_difference <> 0;",
                proof.differing
            )
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(Error::ScopeMissing { scope }) => {
            let scope = crate::error::scope_name(&scope);
            ports.log.line(Level::Step, &format!("[SKIP] preuve: the token does not grant the scope {scope}"));
            return Ok(requests);
        }
        Err(error) => format!("not proven against Pennylane's trial balance: {error}"),
    };
    ports.log.line(Level::Warning, &format!("[WARNING] {LEDGER}: {said}"));
    debug_assert!(ledger.status != Status::Error);
    ledger.message = Some(match ledger.message.take() {
        Some(before) => format!("{before}; {said}"),
        None => said,
    });
    Ok(requests)
}
