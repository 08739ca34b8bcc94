//! The trial balance: what the lines of a period add up to, account by account.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::World;
use super::table::Cell;
use crate::amount;

/// Auxiliary accounts begin with the number of their collective account.
const COLLECTIVES: &[(&str, &str, &str)] = &[("411", "411000", "Clients"), ("401", "401000", "Fournisseurs")];

#[derive(Default)]
struct Sums {
    label: String,
    debits: i64,
    credits: i64,
}

impl World {
    /// One row for each account that moved between two days (both included), in the order of numbers. Auxiliary: every
    /// customer and supplier by itself; otherwise their collective accounts.
    pub fn trial_balance(&self, start: NaiveDate, end: NaiveDate, auxiliary: bool) -> Vec<Value> {
        let lines = self.tables.get("ledger_entry_lines");
        let place = |name: &str| lines.column(name).unwrap_or(0);
        let [date, account, debit, credit] = ["date", "ledger_account_id", "debit", "credit"].map(place);
        let mut by_account: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for row in lines.rows.values() {
            let (Cell::Date(day), Cell::Int(account)) = (&row.cells[date], &row.cells[account]) else { continue };
            if *day < start || *day > end {
                continue;
            }
            let micros = |cell: &Cell| if let Cell::Micros(micros) = cell { *micros } else { 0 };
            let sums = by_account.entry(*account).or_default();
            sums.0 += micros(&row.cells[debit]);
            sums.1 += micros(&row.cells[credit]);
        }
        let mut by_number: BTreeMap<String, Sums> = BTreeMap::new();
        for (id, (debits, credits)) in by_account {
            let record = self.tables.get("ledger_accounts").stored(id).unwrap_or_default();
            let number = record["number"].as_str().unwrap_or("").to_owned();
            let collective = COLLECTIVES.iter().find(|(prefix, _, _)| !auxiliary && number.starts_with(prefix));
            let (number, label) = match collective {
                Some((_, number, label)) => ((*number).to_owned(), *label),
                None => (number, record["label"].as_str().unwrap_or("")),
            };
            let sums = by_number.entry(number).or_default();
            if sums.label.is_empty() {
                sums.label = label.to_owned();
            }
            sums.debits += debits;
            sums.credits += credits;
        }
        let written = |micros: i64| amount::plain(micros / 10_000, '.');
        by_number
            .into_iter()
            .map(|(number, sums)| {
                json!({
                    "number": number,
                    "formatted_number": format!("{number:0<9}"),
                    "label": sums.label,
                    "debits": written(sums.debits),
                    "credits": written(sums.credits),
                })
            })
            .collect()
    }
}
