//! The views over the data tables, from `sql/views/`. Like the tables they are the users': `setup()` makes them, dumps carry
//! them, and what users build on them stays, since a new version adds columns at the end of a view and nowhere else.

use super::log::Notices;
use super::shape::{self, Found};
use super::{setup, txn};
use crate::error::{Error, Result};
use crate::sync::ports::Log;
use crate::sync::report::Level;
use pgrx::prelude::*;
use sha2::{Digest, Sha256};

/// A view of the schema `pennylane`.
struct View {
    name: &'static str,
    /// `CREATE OR REPLACE VIEW`, and its comments.
    ddl: &'static str,
}

macro_rules! views {
    ($($name:literal),* $(,)?) => {
        &[$(View { name: $name, ddl: include_str!(concat!("../../sql/views/", $name, ".sql")) }),*]
    };
}

/// Every view, each after those that it reads. What begins with `_` is a part of others.
const VIEWS: &[View] = views![
    "fec_legal",
    "_years",
    "_openings",
    "_fiscal_years",
    "_opened_on",
    "_journals",
    "_account_labels",
    "_account_classes",
    "_account_customers",
    "_account_suppliers",
    "_aged_accounts",
    "trial_balance",
    "general_ledger",
    "aged_receivables",
    "aged_payables",
    "statement_accounts",
    "profit_and_loss",
    "balance_sheet",
    "cash_position",
    "vat_summary",
    "dim_customer",
    "dim_supplier",
    "dim_account",
    "dim_journal",
    "dim_date",
    "fact_ledger_line",
    "fact_customer_invoice",
    "fact_supplier_invoice",
    "fact_transaction",
    "customer_invoice_delays",
    "transaction_balance",
    "analytical_ledger_classes",
    "ledger_entry_line_categories",
    "ledger_entry_categories",
    "transaction_categories",
];

/// The table behind the statements, which users edit: made once, with its rows, and left alone.
const MAPPING: &str = "pcg_mapping";
const MAPPING_DDL: &str = include_str!("../../sql/tables/pcg_mapping.sql");

/// What a view is made of is asked by name: a table that is not kept may come later.
const OPTIONAL: &str = "journals";

/// `pennylane._views()`
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn _views() -> SetOfIterator<'static, &'static str> {
    SetOfIterator::new(VIEWS.iter().map(|view| view.name).chain([MAPPING]))
}

/// Makes what is missing and replaces what another version made; gives the names of what was not there before. A view that
/// cannot be made (a column that it reads was dropped, its name is taken) is said and left as it is: the copy needs none.
///
/// # Errors
/// `Write` when somebody held a lock for too long: then nothing is noted, and the next call tries again.
pub fn make() -> Result<Vec<&'static str>> {
    let missing = missing();
    if missing.is_empty() && is_current()? {
        return Ok(missing);
    }
    let mut foreign = Vec::new();
    match shape::find(MAPPING) {
        Found::Missing => attempt(MAPPING, || setup::execute(MAPPING_DDL))?,
        Found::Ours => {}
        Found::Foreign(what) => leave(MAPPING, &shape::taken(MAPPING, &what), &mut foreign),
    }
    for view in VIEWS {
        // Over somebody else's objects our views would run their code.
        match (shape::find_view(view.name), view.stands_on(&foreign)) {
            (Found::Foreign(what), _) => leave(view.name, &shape::taken(view.name, &what), &mut foreign),
            (_, Some(other)) => leave(view.name, &stands_on(other), &mut foreign),
            _ => attempt(view.name, || replace(view))?,
        }
    }
    let note = "UPDATE pennylane.data_layout SET views = $1 WHERE views IS DISTINCT FROM $1";
    setup::execute_with(note, &[fingerprint().into()])?;
    Ok(missing)
}

/// What is not there of the views and their table.
pub fn missing() -> Vec<&'static str> {
    let names = VIEWS.iter().map(|view| view.name).chain([MAPPING]);
    names.filter(|name| shape::find(name) == Found::Missing).collect()
}

/// Whether the views are those of this version, over the tables that are there now.
pub fn is_current() -> Result<bool> {
    let noted = Spi::get_one::<String>("SELECT (SELECT views FROM pennylane.data_layout)").map_err(setup::failed)?;
    Ok(noted == Some(fingerprint()))
}

impl View {
    /// The first of these that it reads.
    fn stands_on(&self, names: &[&'static str]) -> Option<&'static str> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let read: Vec<&str> =
            self.ddl.split("pennylane.").skip(1).filter_map(|rest| rest.split(|c| !word(c)).next()).collect();
        names.iter().copied().find(|name| read.contains(name))
    }
}

fn replace(view: &View) -> Result<()> {
    setup::execute(view.ddl)?;
    // Else it would show every company to a role that row security lets see one. PostgreSQL 14 does not know it.
    let invoker = format!(
        "DO $do$ BEGIN IF pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN \
         ALTER VIEW pennylane.{} SET (security_invoker = true); END IF; END $do$",
        view.name
    );
    setup::execute(&invoker)
}

/// Does it whole, or says that it could not be done.
fn attempt(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    match txn::atomically(name, work) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        // Somebody reads it just now: that passes.
        Err(Error::Write { sqlstate, table, words }) if ["55P03", "40P01"].contains(&sqlstate.as_str()) => {
            Err(Error::Write { sqlstate, table, words })
        }
        Err(error) => {
            left(name, &error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Says that something under the name of ours is another's, or stands on such a thing.
fn leave(name: &'static str, error: &Error, foreign: &mut Vec<&'static str>) {
    left(name, error);
    foreign.push(name);
}

fn stands_on(other: &str) -> Error {
    Error::Setup { message: format!("it would read pennylane.{other}"), hint: String::new() }
}

fn left(name: &str, error: &Error) {
    let why = match error {
        Error::Write { sqlstate, words, .. } => format!("SQLSTATE {sqlstate}{words}"),
        other => other.to_string(),
    };
    let line = format!(
        "[WARNING] pennylane.{name} is left as it is: {why}. The copy needs no view; put back what it reads, or rename what \
         stands in its way, and run SELECT pennylane.setup();"
    );
    Notices.line(Level::Warning, &line);
}

/// What the views were made of: their text, and whether an optional table that they read is there.
fn fingerprint() -> String {
    let mut hash = Sha256::new();
    VIEWS.iter().for_each(|view| hash.update(view.ddl));
    hash.update([u8::from(shape::find(OPTIONAL) == Found::Ours)]);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
