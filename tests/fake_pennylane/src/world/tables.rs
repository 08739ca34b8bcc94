//! All the tables of the world, by name.

use std::collections::BTreeMap;

use super::table::Table;
use crate::catalogue;

/// The first id of each table: several are beyond 32 bits, as real ones are.
const FIRST_IDS: &[(&str, i64)] = &[
    ("customers", 4_300_000_100),
    ("suppliers", 51_000),
    // Crosses 2^53: an id that went through a float comes out changed.
    ("customer_invoices", 9_007_199_254_740_800),
    ("supplier_invoices", 4_300_500_000),
    ("products", 700),
    ("transactions", 5_100_000_000),
    ("ledger_entries", 4_400_000_000),
    ("ledger_entry_lines", 4_300_000_000),
    ("ledger_accounts", 820_000_000),
    ("bank_accounts", 31),
    ("fiscal_years", 2_200_000_000),
    ("journals", 4_294_967_290),
    ("categories", 12_000),
    ("category_groups", 90),
    ("quotes", 4_600_000_000),
    ("bank_establishments", 7),
];

pub(crate) struct Tables {
    by_name: BTreeMap<&'static str, Table>,
}

impl Tables {
    /// Ids start at `offset` and beyond.
    pub fn empty(offset: i64) -> Self {
        let first = |name: &str| FIRST_IDS.iter().find(|(table, _)| *table == name).map_or(1, |(_, id)| *id);
        let table = |resource: &'static catalogue::Resource| {
            (resource.name.as_str(), Table::new(resource, offset + first(&resource.name)))
        };
        Self { by_name: catalogue::resources().iter().map(table).collect() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Panics on a name that no table has: only tests and this crate name tables.
    pub fn get(&self, name: &str) -> &Table {
        self.by_name.get(name).unwrap_or_else(|| panic!("no table is named {name:?}"))
    }

    pub fn get_mut(&mut self, name: &str) -> &mut Table {
        self.by_name.get_mut(name).unwrap_or_else(|| panic!("no table is named {name:?}"))
    }
}
