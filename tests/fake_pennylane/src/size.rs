//! How much of everything there is in the books.

use serde::{Deserialize, Serialize};

/// Rows per table. Ledger entries and lines are minimums: every invoice and bank movement brings its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Size {
    pub customers: usize,
    pub suppliers: usize,
    pub customer_invoices: usize,
    pub supplier_invoices: usize,
    pub products: usize,
    pub transactions: usize,
    pub ledger_entries: usize,
    pub ledger_entry_lines: usize,
    /// Beside those of customers, suppliers and the chart itself.
    pub ledger_accounts: usize,
    pub bank_accounts: usize,
    pub fiscal_years: usize,
    pub journals: usize,
    pub categories: usize,
    pub category_groups: usize,
    pub quotes: usize,
    pub bank_establishments: usize,
}

impl Size {
    /// A few dozen rows: most lists fit in one page of 100.
    pub fn tiny() -> Self {
        Self {
            customers: 12,
            suppliers: 8,
            customer_invoices: 20,
            supplier_invoices: 15,
            products: 8,
            transactions: 18,
            ledger_entries: 70,
            ledger_entry_lines: 0,
            ledger_accounts: 5,
            bank_accounts: 2,
            fiscal_years: 3,
            journals: 6,
            categories: 6,
            category_groups: 2,
            quotes: 5,
            bank_establishments: 2,
        }
    }

    /// A few hundred rows each, so that most lists have several pages.
    pub fn small() -> Self {
        Self {
            customers: 240,
            suppliers: 130,
            customer_invoices: 420,
            supplier_invoices: 310,
            products: 150,
            transactions: 330,
            ledger_entries: 1_300,
            ledger_entry_lines: 0,
            ledger_accounts: 60,
            bank_accounts: 5,
            fiscal_years: 5,
            journals: 9,
            categories: 40,
            category_groups: 6,
            quotes: 110,
            bank_establishments: 4,
        }
    }

    /// About `lines` ledger entry lines, and the other tables small.
    pub fn with_lines(lines: usize) -> Self {
        Self { ledger_entries: 0, ledger_entry_lines: lines, ..Self::small() }
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::small()
    }
}
