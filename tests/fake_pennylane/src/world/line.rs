//! One line of an entry as the API shows it.

use chrono::NaiveDate;
use rand::Rng;
use serde_json::{Value, json};

use super::chart::Account;
use super::record::LINKS;
use crate::amount;

pub(crate) struct NewLine<'a> {
    pub id: i64,
    /// Debit when positive, credit when negative.
    pub cents: i64,
    pub label: &'a str,
    pub account: &'a Account,
    pub journal: i64,
    pub date: NaiveDate,
    pub entry: i64,
    pub lettered: &'a [i64],
    pub categories: Value,
    pub created_at: String,
    pub updated_at: String,
}

impl NewLine<'_> {
    pub fn record(self, rng: &mut impl Rng) -> Value {
        let amount = amount::varied(self.cents.abs(), rng);
        let zero = if rng.random_ratio(1, 9) { "0" } else { "0.0" };
        let (debit, credit) = if self.cents >= 0 { (&*amount, zero) } else { (zero, &*amount) };
        let Account { id: account, number } = self.account;
        json!({
            "id": self.id,
            "debit": debit,
            "credit": credit,
            "label": self.label,
            "categories": self.categories,
            "ledger_account": { "id": account, "number": number, "url": format!("{LINKS}/ledger_accounts/{account}") },
            "journal": { "id": self.journal, "url": format!("{LINKS}/journals/{}", self.journal) },
            "date": self.date.to_string(),
            "ledger_entry": { "id": self.entry },
            "lettered_ledger_entry_lines": {
                "ids": self.lettered,
                "url": format!("{LINKS}/ledger_entry_lines/{}/lettered_ledger_entry_lines", self.id),
            },
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }
}
