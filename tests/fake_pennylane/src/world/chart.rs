//! The chart of accounts and the journals: the French PCG, with auxiliary accounts per customer and supplier.

use rand::Rng;
use serde_json::{Value, json};

use super::record::{Maker, VAT_CODES};
use super::table::Table;
use super::tables::Tables;
use super::text;

/// Number, label, type.
const CHART: &[(&str, &str, &str)] = &[
    ("101000", "Capital", "custom"),
    ("120000", "Résultat de l'exercice (bénéfice)", "custom"),
    ("129000", "Résultat de l'exercice (perte)", "custom"),
    ("164000", "Emprunts auprès des établissements de crédit", "custom"),
    ("421000", "Personnel – rémunérations dues", "payroll"),
    ("431000", "Sécurité sociale", "payroll"),
    ("445660", "TVA déductible", "custom"),
    ("445710", "TVA collectée", "custom"),
    ("467000", "Autres comptes débiteurs ou créditeurs", "custom"),
    ("512000", "Banque", "custom"),
    ("601000", "Achats de matières premières", "custom"),
    ("606400", "Fournitures administratives", "custom"),
    ("613200", "Locations immobilières", "custom"),
    ("622600", "Honoraires", "custom"),
    ("625700", "Réceptions", "custom"),
    ("627000", "Services bancaires", "custom"),
    ("641000", "Rémunérations du personnel", "payroll"),
    ("645000", "Charges de sécurité sociale", "payroll"),
    ("701000", "Ventes de produits finis", "custom"),
    ("706000", "Prestations de services", "custom"),
    ("707000", "Ventes de marchandises", "custom"),
    ("758000", "Produits divers de gestion courante", "custom"),
];

/// Code, label, type.
const JOURNALS: &[(&str, &str, &str)] = &[
    ("VE", "Ventes", "sales"),
    ("HA", "Achats", "purchases"),
    ("BQ", "Banque", "bank"),
    ("OD", "Opérations diverses", "miscellaneous"),
    ("AN", "À-nouveaux", "opening"),
    ("PAY", "Paie \"mensuelle\"", "payroll"),
];

/// An account as entries need it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub id: i64,
    pub number: String,
}

pub(crate) fn account(table: &Table, id: i64) -> Option<Account> {
    let record = table.stored(id)?;
    Some(Account { id, number: record["number"].as_str()?.to_owned() })
}

/// Opens the journals: the usual ones, then others.
pub(crate) fn open_journals(tables: &mut Tables, count: usize, rng: &mut impl Rng) {
    for position in 0..count.max(JOURNALS.len()) {
        let id = tables.get_mut("journals").take_id(rng.random_range(0..3));
        let mut record = Maker { tables, rng }.record("journals", id);
        if let Some((code, label, kind)) = JOURNALS.get(position) {
            for (field, value) in [("code", code), ("label", label), ("type", kind)] {
                record.insert(field.into(), json!(value));
            }
        }
        tables.get_mut("journals").put(id, &Value::Object(record));
    }
}

/// Opens one account.
pub(crate) fn open_account(tables: &mut Tables, number: &str, label: &str, kind: &str, rng: &mut impl Rng) -> i64 {
    let id = tables.get_mut("ledger_accounts").take_id(rng.random_range(0..4));
    let mut record = Maker { tables, rng }.record("ledger_accounts", id);
    for (field, value) in [("number", number), ("label", label), ("type", kind)] {
        record.insert(field.into(), json!(value));
    }
    record.insert("letterable".into(), json!(number.starts_with('4')));
    record.insert("enabled".into(), json!(rng.random_ratio(24, 25)));
    tables.get_mut("ledger_accounts").put(id, &Value::Object(record));
    id
}

/// The chart, then so many further accounts of charges: some share one number and differ by their VAT code.
pub(crate) fn open_chart(tables: &mut Tables, further: usize, rng: &mut impl Rng) {
    for (number, label, kind) in CHART {
        open_account(tables, number, label, kind, rng);
    }
    for position in 0..further.max(3) {
        let number = match position % 4 {
            // One number, several accounts.
            0 | 1 => "707000".to_owned(),
            2 => format!("6{}", text::digits(4, rng)),
            _ => format!("62{}ABC", text::digits(2, rng)),
        };
        let label = text::label(rng);
        let id = open_account(tables, &number, &label, "custom", rng);
        if let Some(mut record) = tables.get("ledger_accounts").stored(id) {
            record["vat_rate"] = json!(VAT_CODES[position % VAT_CODES.len()]);
            tables.get_mut("ledger_accounts").put(id, &record);
        }
    }
}
