//! Changes that keep the books balanced: entries booked and deleted whole, and a random change of any kind.

use chrono::NaiveDate;
use rand::Rng;
use serde_json::{Value, json};

use super::World;
use super::build::field;
use super::changelog::stamp;
use super::chart::{self, Account};
use super::line::NewLine;
use super::record::{LAST_DAY, Maker};
use super::text;
use crate::amount;

impl World {
    /// Books an entry in the journal of sundry operations: (account number, debit, credit) in cents. Accounts that do
    /// not exist are opened. Answers the id of the entry.
    ///
    /// Panics when debits and credits differ: an unbalanced entry would be a mistake in the test.
    pub fn book_entry(&mut self, date: NaiveDate, label: &str, lines: &[(&str, i64, i64)]) -> i64 {
        let balance: i64 = lines.iter().map(|(_, debit, credit)| debit - credit).sum();
        assert_eq!(balance, 0, "the entry {label:?} does not balance");
        let journal = self.journal("OD");
        let id = self.tables.get("ledger_entries").next_id();
        let now = stamp(self.now());
        let mut maker = Maker { tables: &self.tables, rng: &mut self.rng };
        let mut entry = maker.record("ledger_entries", id);
        let reference = maker.reference(field("ledger_entries", "journal"), "journals", journal);
        for (name, value) in [
            ("label", json!(label)),
            ("date", json!(date)),
            ("due_date", Value::Null),
            ("journal", reference),
            ("journal_id", json!(journal)),
            ("categories", json!([])),
            ("created_at", json!(now)),
            ("updated_at", json!(now)),
        ] {
            entry.insert(name.into(), value);
        }
        self.insert("ledger_entries", Value::Object(entry));
        for (number, debit, credit) in lines {
            let account = self.account(number);
            let line = self.tables.get("ledger_entry_lines").next_id();
            let mut record = NewLine {
                id: line,
                cents: debit - credit,
                label,
                account: &account,
                journal,
                date,
                entry: id,
                lettered: &[],
                categories: json!([]),
                created_at: now.clone(),
                updated_at: now.clone(),
            }
            .record(&mut self.rng);
            record["debit"] = json!(amount::varied(*debit, &mut self.rng));
            record["credit"] = json!(amount::varied(*credit, &mut self.rng));
            self.insert("ledger_entry_lines", record);
        }
        id
    }

    /// Deletes an entry and its lines; only the deletes of the lines show in a changelog.
    pub fn delete_entry(&mut self, id: i64) {
        for line in self.tables.get("ledger_entry_lines").group(id) {
            self.delete("ledger_entry_lines", line);
        }
        self.delete_silently("ledger_entries", id);
    }

    fn journal(&self, code: &str) -> i64 {
        let journals = self.tables.get("journals");
        let is_it = |id: &&i64| journals.stored(**id).is_some_and(|journal| journal["code"] == code);
        journals.rows.keys().find(is_it).copied().unwrap_or(1)
    }

    /// The account of this number, opened when there is none.
    fn account(&mut self, number: &str) -> Account {
        let accounts = self.tables.get("ledger_accounts");
        let column = accounts.column("number").unwrap_or(0);
        let wanted = super::table::Cell::Text(number.into());
        let known = accounts.rows.iter().find(|(_, row)| row.cells[column] == wanted).map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| {
            chart::open_account(&mut self.tables, number, "Compte ouvert en cours d'année", "custom", &mut self.rng)
        });
        Account { id, number: number.to_owned() }
    }

    /// Inserts, updates or deletes something somewhere; entries stay balanced.
    pub fn random_change(&mut self, rng: &mut impl Rng) {
        const TABLES: &[&str] = &[
            "customers",
            "suppliers",
            "customer_invoices",
            "supplier_invoices",
            "products",
            "transactions",
            "quotes",
            "ledger_accounts",
        ];
        match rng.random_range(0..12) {
            0..=6 => {
                let table = *text::pick(TABLES, rng);
                match rng.random_range(0..5) {
                    0 => {
                        let record = self.new_record(table);
                        self.insert(table, record);
                    }
                    // Accounts are kept: lines refer to them.
                    1 if table != "ledger_accounts" => {
                        if let Some(id) = self.tables.get(table).random_id(rng) {
                            self.delete(table, id);
                        }
                    }
                    _ => self.random_update(table, rng),
                }
            }
            7 | 8 => {
                let cents = rng.random_range(1..500_000);
                let charge = *text::pick(&["606400", "613200", "625700"], rng);
                let label = text::label(rng);
                let day = LAST_DAY - chrono::Days::new(rng.random_range(0..300));
                self.book_entry(day, &label, &[(charge, cents, 0), ("467000", 0, cents)]);
            }
            9 => {
                if let Some(id) = self.tables.get("ledger_entries").random_id(rng) {
                    self.delete_entry(id);
                }
            }
            10 => self.random_update("ledger_entry_lines", rng),
            _ => {
                let table = *text::pick(&["ledger_entries", "ledger_entry_lines"], rng);
                if let Some(id) = self.tables.get(table).random_id(rng) {
                    let count = rng.random_range(0..3);
                    let categories = Maker { tables: &self.tables, rng }.categories(count);
                    self.update(table, id, |record| {
                        record.insert("categories".into(), categories);
                    });
                }
            }
        }
    }

    /// Changes a text of some row, which never touches an amount.
    fn random_update(&mut self, table: &str, rng: &mut impl Rng) {
        let Some(id) = self.tables.get(table).random_id(rng) else { return };
        let field = if ["customers", "suppliers"].contains(&table) { "name" } else { "label" };
        let label = text::label(rng);
        self.update(table, id, |record| {
            record.insert(field.into(), json!(label));
        });
    }
}
