//! The lines of a period as every export needs them: joined with their entry, journal and account.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::Value;

use crate::amount;
use crate::world::World;

/// One line, with what an accountant reads beside it.
pub(crate) struct Booked {
    pub journal: Journal,
    /// In an unbroken sequence: openings first, then by day.
    pub number: usize,
    pub date: NaiveDate,
    pub account: String,
    pub account_label: String,
    pub piece: String,
    pub due: Option<NaiveDate>,
    pub label: String,
    pub debit: i64,
    pub credit: i64,
    /// The set of lettered lines, named by its first line.
    pub lettering: Option<i64>,
    pub categories: Vec<Category>,
    pub id: i64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    pub code: String,
    pub label: String,
}

pub(crate) struct Category {
    pub group: String,
    pub label: String,
    pub code: String,
    pub weight: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every line between two days, both included, entry by entry.
pub(crate) fn lines(world: &World, start: NaiveDate, end: NaiveDate) -> Vec<Booked> {
    let by_id = |table: &str| -> BTreeMap<i64, Value> {
        world.list(table).into_iter().filter_map(|record| Some((record["id"].as_i64()?, record))).collect()
    };
    let [journals, accounts, groups] = ["journals", "ledger_accounts", "category_groups"].map(by_id);
    let find =
        |map: &BTreeMap<i64, Value>, id: &Value| id.as_i64().and_then(|id| map.get(&id)).cloned().unwrap_or_default();
    let mut entries: Vec<(bool, NaiveDate, i64, Value)> = world
        .list("ledger_entries")
        .into_iter()
        .filter_map(|entry| {
            let date = entry["date"].as_str()?.parse().ok().filter(|date| (start..=end).contains(date))?;
            let opening = find(&journals, &entry["journal"]["id"])["code"] == "AN";
            Some((!opening, date, entry["id"].as_i64()?, entry))
        })
        .collect();
    entries.sort_by_key(|(later, date, id, _)| (*later, *date, *id));
    let mut booked = Vec::new();
    for (number, (_, date, id, entry)) in (1..).zip(entries) {
        let journal = find(&journals, &entry["journal"]["id"]);
        for line in world.lines_of(id) {
            let account = find(&accounts, &line["ledger_account"]["id"]);
            let id = line["id"].as_i64().unwrap_or_default();
            let lettered = line["lettered_ledger_entry_lines"]["ids"].as_array().into_iter().flatten();
            let cents = |name: &str| line[name].as_str().and_then(amount::cents).unwrap_or_default();
            let categories = line["categories"].as_array().into_iter().flatten();
            booked.push(Booked {
                journal: Journal { code: text(&journal["code"]), label: text(&journal["label"]) },
                number,
                date,
                account: text(&line["ledger_account"]["number"]),
                account_label: text(&account["label"]),
                piece: text(&entry["piece_number"]),
                due: entry["due_date"].as_str().and_then(|day| day.parse().ok()),
                label: text(&line["label"]),
                debit: cents("debit"),
                credit: cents("credit"),
                lettering: lettered.filter_map(Value::as_i64).min().map(|other| other.min(id)),
                categories: categories
                    .map(|category| Category {
                        group: text(&find(&groups, &category["category_group"]["id"])["label"]),
                        label: text(&category["label"]),
                        code: text(&category["analytical_code"]),
                        weight: text(&category["weight"]),
                    })
                    .collect(),
                id,
            });
        }
    }
    booked
}
