//! THE table: one entry a Pennylane list, one an export. A new resource is one entry here and one file in `sql/tables/`.
//!
//! The order is the order of reading: the longest list first, so that the others are read beside it.

use super::{Categories, Export, IdFilter::*, Mode::*, Resource};
use crate::export::Layout;

/// Every list that is synced.
pub const RESOURCES: &[Resource] = &[
    Resource {
        table: "ledger_entry_lines",
        path: "/ledger_entry_lines",
        page_limit: 100,
        id_filter: Ranges,
        scope: "ledger_entries",
        mode: Changelog("ledger_entry_lines"),
        categories: Some(Categories { feed: "ledger_entry_lines_categories", parent: "ledger_entry_line" }),
        deadline: None,
        ddl: include_str!("../../sql/tables/ledger_entry_lines.sql"),
    },
    Resource {
        table: "ledger_entries",
        path: "/ledger_entries",
        page_limit: 100,
        id_filter: Ranges,
        scope: "ledger_entries",
        mode: Follows { table: "ledger_entry_lines", column: "ledger_entry_id" },
        categories: Some(Categories { feed: "ledger_entries_categories", parent: "ledger_entry" }),
        deadline: None,
        ddl: include_str!("../../sql/tables/ledger_entries.sql"),
    },
    Resource {
        table: "transactions",
        path: "/transactions",
        page_limit: 100,
        id_filter: Set,
        scope: "transactions",
        mode: Changelog("transactions"),
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/transactions.sql"),
    },
    Resource {
        table: "customer_invoices",
        path: "/customer_invoices",
        page_limit: 100,
        id_filter: Ranges,
        scope: "customer_invoices",
        mode: Changelog("customer_invoices"),
        categories: None,
        deadline: Some("deadline"),
        ddl: include_str!("../../sql/tables/customer_invoices.sql"),
    },
    Resource {
        table: "supplier_invoices",
        path: "/supplier_invoices",
        page_limit: 100,
        id_filter: Ranges,
        scope: "supplier_invoices",
        mode: Changelog("supplier_invoices"),
        categories: None,
        deadline: Some("deadline"),
        ddl: include_str!("../../sql/tables/supplier_invoices.sql"),
    },
    Resource {
        table: "customers",
        path: "/customers",
        page_limit: 100,
        id_filter: Ranges,
        scope: "customers",
        mode: Changelog("customers"),
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/customers.sql"),
    },
    Resource {
        table: "suppliers",
        path: "/suppliers",
        page_limit: 100,
        id_filter: Ranges,
        scope: "suppliers",
        mode: Changelog("suppliers"),
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/suppliers.sql"),
    },
    Resource {
        table: "products",
        path: "/products",
        page_limit: 100,
        id_filter: Ranges,
        scope: "products",
        mode: Changelog("products"),
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/products.sql"),
    },
    Resource {
        table: "ledger_accounts",
        path: "/ledger_accounts",
        page_limit: 1000,
        id_filter: Ranges,
        scope: "ledger_accounts",
        mode: Whole,
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/ledger_accounts.sql"),
    },
    Resource {
        table: "bank_accounts",
        path: "/bank_accounts",
        page_limit: 100,
        id_filter: Nothing,
        scope: "bank_accounts",
        mode: Whole,
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/bank_accounts.sql"),
    },
    Resource {
        table: "fiscal_years",
        path: "/fiscal_years",
        page_limit: 100,
        id_filter: Nothing,
        scope: "fiscal_years",
        mode: Whole,
        categories: None,
        deadline: None,
        ddl: include_str!("../../sql/tables/fiscal_years.sql"),
    },
];

/// Every export that is kept.
pub const EXPORTS: &[Export] = &[
    Export {
        table: "fec",
        paths: ["/exports/fecs", "/exports/fec"],
        scope: "exports:fec",
        mode: None,
        layout: Layout::Fec,
        ddl: include_str!("../../sql/tables/fec.sql"),
    },
    Export {
        table: "analytical_ledger",
        paths: ["/exports/analytical_general_ledgers", "/exports/analytical_general_ledger"],
        scope: "exports:agl",
        mode: Some("in_line"),
        layout: Layout::AnalyticalLedger,
        ddl: include_str!("../../sql/tables/analytical_ledger.sql"),
    },
];

/// What the proof of the ledger needs: it reads `/trial_balance`, which fills no table.
pub const TRIAL_BALANCE_SCOPE: &str = "trial_balance";
