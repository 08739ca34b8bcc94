//! The proof of the ledger: what the lines held here add up to, account by account, against Pennylane's own trial balance,
//! to the cent.
//!
//! It is not published whether a trial balance shows customers and suppliers one by one, under their collective account, or
//! both, nor how numbers are padded. So an account of a customer or a supplier counts towards the row that has its number,
//! else towards the row whose number it begins with, and a collective row that no account counts towards may be the sum of
//! the accounts below it. Every other account has to equal its own row: what was moved from 606300 to 606000 is a difference.

use super::engine::Ports;
use super::exports;
use super::ports::ExportStore;
use super::read::{Job, Read, What};
use super::table::Identity;
use crate::api::balance::Balance;
use crate::catalogue::TRIAL_BALANCE_SCOPE;
use crate::error::{Error, Result};
use crate::period::Period;
use bigdecimal::{BigDecimal, Zero};
use std::collections::BTreeMap;
use std::ops::{Add, Sub};

/// The name under which the total of the FEC is compared.
pub const FEC: &str = "FEC";
/// French charts name an account by three digits at least.
const SHORTEST: usize = 3;
/// Suppliers and customers: the classes that have auxiliary accounts below collective ones.
const COLLECTIVE: [&str; 2] = ["40", "41"];

/// Debit and credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    pub debit: BigDecimal,
    pub credit: BigDecimal,
}

impl Sides {
    fn zero() -> Sides {
        Sides { debit: BigDecimal::zero(), credit: BigDecimal::zero() }
    }

    fn is_zero(&self) -> bool {
        self.debit.is_zero() && self.credit.is_zero()
    }
}

impl Add<&Sides> for Sides {
    type Output = Sides;

    fn add(self, other: &Sides) -> Sides {
        Sides { debit: self.debit + &other.debit, credit: self.credit + &other.credit }
    }
}

impl Sub for &Sides {
    type Output = Sides;

    fn sub(self, other: &Sides) -> Sides {
        Sides { debit: &self.debit - &other.debit, credit: &self.credit - &other.credit }
    }
}

/// An account as it is held here and as Pennylane shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub account: String,
    pub ours: Sides,
    pub theirs: Sides,
}

impl Compared {
    /// What is held here less what Pennylane shows.
    pub fn difference(&self) -> Sides {
        &self.ours - &self.theirs
    }

    /// Whether they differ by a cent or less than that.
    pub fn differs(&self) -> bool {
        !self.difference().is_zero()
    }
}

/// What a proof found.
#[derive(Debug, Default)]
pub struct Proof {
    pub requests: u32,
    /// Accounts compared, over all fiscal years.
    pub accounts: usize,
    /// Those that differ.
    pub differing: usize,
}

/// Proves every fiscal year that has begun, and keeps what it found.
///
/// # Errors
/// `ScopeMissing` when the token may not read the trial balance, those of the requests, `Interrupted`.
pub fn run(identity: &Identity, store: &mut dyn ExportStore, ports: &mut Ports) -> Result<Proof> {
    for scope in [TRIAL_BALANCE_SCOPE, "fiscal_years", "ledger_entries"] {
        if !identity.me.grants(scope) {
            return Err(Error::ScopeMissing { scope: scope.to_owned() });
        }
    }
    let today = identity.api_time.map(|time| time.date_naive());
    let years = exports::fiscal_years(store, identity)?.into_iter().map(|year| year.period);
    let years: Vec<Period> = years.filter(|year| today.is_none_or(|today| year.start <= today)).collect();
    if years.is_empty() {
        // Nothing compared is not the same as no difference.
        return Err(Error::Setup {
            message: "no fiscal year has begun".into(),
            hint: "Look at pennylane.fiscal_years: Pennylane's trial balance is read for each of them.".into(),
        });
    }
    let mut proof = Proof::default();
    // Two reads a year: general, and with customers and suppliers one by one.
    let mut theirs: Vec<[Option<Vec<Balance>>; 2]> = years.iter().map(|_| [None, None]).collect();
    let mut reading: BTreeMap<usize, Vec<Balance>> = BTreeMap::new();
    for (place, period) in years.iter().enumerate() {
        for auxiliary in [false, true] {
            let id = place * 2 + usize::from(auxiliary);
            reading.insert(id, Vec::new());
            ports.fetch.submit(Job { id, read: Read::TrialBalance { period: *period, auxiliary } });
        }
    }
    while !reading.is_empty() {
        let arrival = ports.next()?;
        proof.requests += arrival.requests;
        match arrival.what {
            What::Balances(balances) => {
                if let Some(read) = reading.get_mut(&arrival.job) {
                    read.extend(balances);
                }
            }
            What::Failed(error) => {
                reading.keys().for_each(|job| ports.fetch.cancel(*job));
                return Err(error);
            }
            What::Done => {
                let Some(read) = reading.remove(&arrival.job) else { continue };
                let place = arrival.job / 2;
                theirs[place][arrival.job % 2] = Some(read);
                if let [Some(general), Some(auxiliary)] = &theirs[place] {
                    let accounts = prove(store, years[place], general, auxiliary)?;
                    proof.accounts += accounts.len();
                    proof.differing += accounts.iter().filter(|account| account.differs()).count();
                    theirs[place] = [None, None];
                }
            }
            _ => {}
        }
    }
    store.forget_proofs(&years)?;
    Ok(proof)
}

/// Compares one fiscal year and keeps what was found.
fn prove(
    store: &mut dyn ExportStore,
    period: Period,
    general: &[Balance],
    auxiliary: &[Balance],
) -> Result<Vec<Compared>> {
    let ours = store.ledger_balances(period)?;
    let ledger = store.ledger_state(period)?.map(|(_, state)| state);
    let held = store.holdings("fec")?;
    // A FEC from before the ledger's last change is no witness: the next export brings a new one.
    let current =
        held.iter().any(|fec| fec.period == period && fec.ledger_state.is_some() && fec.ledger_state == ledger);
    let fec = if current { Some(store.fec_totals(period)?) } else { None };
    let accounts = compare(&ours, general, auxiliary, fec.map(|(debit, credit)| Sides { debit, credit }));
    store.note_proof(period, &accounts)?;
    Ok(accounts)
}

/// A number without the zeros that pad it.
fn bare(number: &str) -> &str {
    let number = number.trim();
    let longest = number.char_indices().nth(SHORTEST).map_or(number.len(), |(at, _)| at);
    let trimmed = number.trim_end_matches('0');
    &number[..trimmed.len().max(longest)]
}

/// Rows by bare number: how the number is written, and its sums.
type Rows = BTreeMap<String, (String, Sides)>;

fn rows(balances: &[Balance]) -> Rows {
    let mut rows = Rows::new();
    for balance in balances {
        let number = balance.number.trim();
        let row = rows.entry(bare(number).to_owned()).or_insert_with(|| (number.to_owned(), Sides::zero()));
        row.1.debit += &balance.debit;
        row.1.credit += &balance.credit;
    }
    rows
}

/// Whether this number is that of a customer or a supplier, or of the collective account above them.
fn is_auxiliary(account: &str) -> bool {
    COLLECTIVE.iter().any(|class| account.starts_with(class))
}

/// The row that an account counts towards: its own, else, for a customer or a supplier, the longest that it begins with.
fn row_of<'a>(rows: &'a Rows, account: &str) -> Option<&'a str> {
    if !is_auxiliary(account) {
        return rows.get_key_value(account).map(|(row, _)| row.as_str());
    }
    let mut ends: Vec<usize> = account.char_indices().map(|(at, _)| at).skip(SHORTEST).collect();
    ends.push(account.len());
    let found = ends.into_iter().rev().find_map(|end| rows.get_key_value(&account[..end]));
    found.map(|(row, _)| row.as_str())
}

/// Our accounts against one trial balance, by bare number.
fn against(ours: &Rows, theirs: &Rows) -> BTreeMap<String, Compared> {
    let mut compared: BTreeMap<String, Compared> = BTreeMap::new();
    for (account, (number, sides)) in ours {
        let row = row_of(theirs, account).unwrap_or(account);
        let written = theirs.get(row).map_or(number, |(written, _)| written);
        let entry = compared.entry(row.to_owned()).or_insert_with(|| Compared {
            account: written.clone(),
            ours: Sides::zero(),
            theirs: theirs.get(row).map_or_else(Sides::zero, |(_, sides)| sides.clone()),
        });
        entry.ours = std::mem::replace(&mut entry.ours, Sides::zero()) + sides;
    }
    for (row, (number, sides)) in theirs {
        if !compared.contains_key(row) {
            // Nothing counts towards it: it may sum up accounts that have rows of their own.
            let below = ours.range(row.clone()..).take_while(|(account, _)| account.starts_with(row.as_str()));
            let below = below.fold(Sides::zero(), |sum, (_, (_, sides))| sum + sides);
            let ours = if is_auxiliary(row) && below == *sides { below } else { Sides::zero() };
            compared.insert(row.clone(), Compared { account: number.clone(), ours, theirs: sides.clone() });
        }
    }
    compared
}

/// Compares the accounts held here with the general trial balance, with the one that has customers and suppliers one by
/// one, and with the total of the FEC. What follows from a difference already named is not named again.
pub fn compare(ours: &[Balance], general: &[Balance], auxiliary: &[Balance], fec: Option<Sides>) -> Vec<Compared> {
    let ours = rows(ours);
    let general_rows = rows(general);
    let mut found = against(&ours, &rows(auxiliary));
    let total = |accounts: &mut dyn Iterator<Item = &Compared>| {
        accounts.fold(Sides::zero(), |sum, account| sum + &account.difference())
    };
    for (row, collective) in against(&ours, &general_rows) {
        let mut below = found.iter().filter(|(account, _)| row_of(&general_rows, account) == Some(row.as_str()));
        let named = total(&mut below.by_ref().map(|(_, account)| account));
        let explained = collective.difference() == named;
        match found.get(&row) {
            None if !collective.differs() || !explained => {
                found.insert(row, collective);
            }
            Some(account) if !account.differs() && !explained => {
                found.insert(row, collective);
            }
            _ => {}
        }
    }
    let all = ours.values().fold(Sides::zero(), |sum, (_, sides)| sum + sides);
    let differences = total(&mut found.values());
    let fec = fec.map(|theirs| Compared { account: FEC.to_owned(), ours: all, theirs });
    let fec = fec.filter(|fec| !fec.differs() || fec.difference() != differences);
    found.into_values().chain(fec).collect()
}

#[cfg(test)]
mod tests;
