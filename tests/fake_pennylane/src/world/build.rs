//! Builds the world of a seed: the books become records, and every nullable field is null somewhere.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use super::books::{Books, Chart, Invoice, Movement, Volume};
use super::chart::{self, Account};
use super::cover;
use super::line::NewLine;
use super::record::{LAST_DAY, Maker};
use super::tables::Tables;
use crate::catalogue;
use crate::config::Config;
use crate::size::Size;

/// All the tables of a company.
pub(crate) fn build(config: &Config) -> Tables {
    let size = &config.size;
    let mut rng = StdRng::seed_from_u64(config.seed);
    let mut builder = Builder { tables: Tables::empty(config.id_offset), rng: &mut rng };
    builder.reference_data(size);
    let chart = builder.third_parties(size);
    builder.fill("bank_accounts", size.bank_accounts.max(1), |_, _, _| {});
    builder.fill("products", size.products, |_, _, _| {});
    builder.fill("quotes", size.quotes, |_, _, _| {});
    builder.fiscal_years(size.fiscal_years);
    let volume = Volume {
        sales: size.customer_invoices,
        purchases: size.supplier_invoices,
        movements: size.transactions,
        entries: size.ledger_entries,
        lines: size.ledger_entry_lines,
    };
    let books = Books::keep(&chart, &volume, builder.rng);
    builder.write(&books, &chart);
    let mut tables = builder.tables;
    cover::cover(&mut tables, &mut rng);
    tables
}

struct Builder<'a> {
    tables: Tables,
    rng: &'a mut StdRng,
}

impl Builder<'_> {
    /// Adds so many records, each corrected by `amend` (position, maker, record); answers their ids.
    fn fill(
        &mut self,
        table: &str,
        count: usize,
        mut amend: impl FnMut(usize, &mut Maker<'_, StdRng>, &mut Map<String, Value>),
    ) -> Vec<i64> {
        let mut ids = Vec::with_capacity(count);
        for position in 0..count {
            let gap = if self.rng.random_ratio(1, 3) { self.rng.random_range(1..5) } else { 0 };
            let id = self.tables.get_mut(table).take_id(gap);
            let mut maker = Maker { tables: &self.tables, rng: self.rng };
            let mut record = maker.record(table, id);
            amend(position, &mut maker, &mut record);
            self.tables.get_mut(table).put(id, &Value::Object(record));
            ids.push(id);
        }
        ids
    }

    fn reference_data(&mut self, size: &Size) {
        chart::open_journals(&mut self.tables, size.journals, self.rng);
        self.fill("bank_establishments", size.bank_establishments.max(1), |_, _, _| {});
        self.fill("category_groups", size.category_groups.max(1), |_, _, _| {});
        self.fill("categories", size.categories.max(1), |_, _, _| {});
        chart::open_chart(&mut self.tables, size.ledger_accounts, self.rng);
    }

    /// Customers and suppliers with their auxiliary accounts, and the chart that entries use.
    fn third_parties(&mut self, size: &Size) -> Chart {
        let mut parties = [Vec::new(), Vec::new()];
        let kinds = [("customers", "411", size.customers), ("suppliers", "401", size.suppliers)];
        for (kind, (table, collective, count)) in kinds.into_iter().enumerate() {
            let mut accounts = Vec::new();
            for position in 0..count.max(1) {
                let letters = ["CLI", "FRN"][kind];
                let number = match position % 2 {
                    0 => format!("{collective}{letters}{position:04}"),
                    _ => format!("{collective}{position:05}"),
                };
                accounts.push(chart::open_account(&mut self.tables, &number, "Compte auxiliaire", "custom", self.rng));
            }
            let ids = self.fill(table, count.max(1), |position, _, record| {
                record.insert("ledger_account".into(), json!({ "id": accounts[position] }));
            });
            parties[kind] = ids.into_iter().zip(accounts).collect();
        }
        let table = self.tables.get("ledger_accounts");
        let accounts: Vec<Account> = table.rows.keys().filter_map(|id| chart::account(table, *id)).collect();
        let place = |pairs: &Vec<(i64, i64)>| {
            pairs
                .iter()
                .filter_map(|(party, account)| {
                    accounts.binary_search_by_key(account, |known| known.id).ok().map(|position| (*party, position))
                })
                .collect()
        };
        let (customers, suppliers) = (place(&parties[0]), place(&parties[1]));
        Chart { accounts, customers, suppliers }
    }

    /// The last two years are open, those before closed, then frozen.
    fn fiscal_years(&mut self, count: usize) {
        let count = count.max(3);
        self.fill("fiscal_years", count, |position, _, record| {
            let age = count - 1 - position;
            let year = 2026 - age;
            let status = ["open", "reopen", "closed", "closed", "frozen"][age.min(4)];
            record.insert("start".into(), json!(format!("{year}-01-01")));
            record.insert("finish".into(), json!(format!("{year}-12-31")));
            record.insert("status".into(), json!(status));
        });
    }

    /// The books as records.
    fn write(&mut self, books: &Books, chart: &Chart) {
        let journals: Vec<(String, i64)> = self
            .tables
            .get("journals")
            .rows
            .keys()
            .filter_map(|id| Some((self.tables.get("journals").stored(*id)?["code"].as_str()?.to_owned(), *id)))
            .collect();
        let journal_of = |code: &str| journals.iter().find(|(known, _)| known == code).map_or(1, |(_, id)| *id);
        let journal_field = field("ledger_entries", "journal");
        let entries = self.fill("ledger_entries", books.entries.len(), |position, maker, record| {
            let entry = &books.entries[position];
            let journal = journal_of(entry.journal);
            record.insert("journal".into(), maker.reference(journal_field, "journals", journal));
            record.insert("journal_id".into(), json!(journal));
            record.insert("label".into(), json!(entry.label));
            record.insert("piece_number".into(), json!(entry.piece));
            record.insert("date".into(), json!(entry.date));
            record.insert("due_date".into(), json!(entry.due));
            record.insert("invoice_number".into(), json!(entry.invoice_number));
            if entry.date.is_none() {
                record.insert("status".into(), json!("draft"));
            }
        });
        self.write_lines(books, chart, &entries, journal_of);
        self.write_sales(books, &entries);
        self.write_purchases(books, &entries);
        self.write_movements(books, &journal_of);
    }

    fn write_lines(&mut self, books: &Books, chart: &Chart, entries: &[i64], journal_of: impl Fn(&str) -> i64) {
        let ids: Vec<i64> = books
            .lines
            .iter()
            .map(|_| {
                let gap = if self.rng.random_ratio(1, 5) { self.rng.random_range(1..4) } else { 0 };
                self.tables.get_mut("ledger_entry_lines").take_id(gap)
            })
            .collect();
        for (position, entry) in books.entries.iter().enumerate() {
            let Some(date) = entry.date else { continue };
            let journal = journal_of(entry.journal);
            for number in entry.lines.0..entry.lines.0 + entry.lines.1 {
                let line = &books.lines[number];
                let others = line.lettering.map(|set| &books.letterings[set]).into_iter().flatten();
                let lettered: Vec<i64> = others.filter(|other| **other != number).map(|other| ids[*other]).collect();
                let count = [0, 0, 0, 0, 0, 0, 0, 0, 1, 2][self.rng.random_range(0..10)];
                let mut maker = Maker { tables: &self.tables, rng: self.rng };
                let record = NewLine {
                    id: ids[number],
                    cents: line.cents,
                    label: &entry.label,
                    account: &chart.accounts[line.account],
                    journal,
                    date,
                    entry: entries[position],
                    lettered: &lettered,
                    categories: maker.categories(count),
                    created_at: maker.time_on(date),
                    updated_at: maker.time_on(date.succ_opt().unwrap_or(date)),
                }
                .record(maker.rng);
                self.tables.get_mut("ledger_entry_lines").put(ids[number], &record);
            }
        }
    }

    fn write_sales(&mut self, books: &Books, entries: &[i64]) {
        let mut ids: Vec<i64> = Vec::new();
        let customer = field("customer_invoices", "customer");
        let credited = field("customer_invoices", "credited_invoice");
        self.fill("customer_invoices", books.sales.len(), |position, maker, record| {
            let invoice = &books.sales[position];
            ids.push(record["id"].as_i64().unwrap_or_default());
            document(maker, record, invoice, entries);
            let reference = maker.reference(customer, "customers", invoice.party);
            record.insert("customer".into(), reference);
            let credits = invoice.credits.map(|other| maker.reference(credited, "customer_invoices", ids[other]));
            record.insert("credited_invoice".into(), json!(credits));
            let draft = invoice.date.is_none();
            // One third party saw drafts without an entry, which the schema forbids.
            if draft && position % 32 == 5 {
                record.insert("ledger_entry".into(), Value::Null);
            }
            let paid = invoice.remaining == 0 && invoice.total > 0;
            let status = match () {
                () if draft => "draft",
                () if invoice.total < 0 => "credit_note",
                () if paid => "paid",
                () if position % 23 == 3 => "archived",
                () if position % 41 == 4 => "cancelled",
                () if invoice.remaining < invoice.total => "partially_paid",
                () if invoice.due.is_some_and(|due| due < LAST_DAY) => "late",
                () => "upcoming",
            };
            for (name, value) in [("draft", json!(draft)), ("paid", json!(paid)), ("status", json!(status))] {
                record.insert(name.into(), value);
            }
            archive(maker, record, status == "archived");
        });
    }

    fn write_purchases(&mut self, books: &Books, entries: &[i64]) {
        let supplier = field("supplier_invoices", "supplier");
        self.fill("supplier_invoices", books.purchases.len(), |position, maker, record| {
            let invoice = &books.purchases[position];
            document(maker, record, invoice, entries);
            let reference = maker.reference(supplier, "suppliers", invoice.party);
            record.insert("supplier".into(), reference);
            let paid = invoice.remaining == 0;
            let archived = position % 23 == 3;
            let payment = match () {
                () if paid => "fully_paid",
                () if invoice.date.is_none() => "to_be_processed",
                () if invoice.remaining < invoice.total => "partially_paid",
                () => "to_be_paid",
            };
            let accounting = match () {
                () if invoice.date.is_none() => "draft",
                () if archived => "archived",
                () if position % 5 == 0 => "entry",
                () => "complete",
            };
            for (name, value) in [
                ("payment_status", json!(payment)),
                ("accounting_status", json!(accounting)),
                ("paid", json!(paid)),
                ("reconciled", json!(paid)),
            ] {
                record.insert(name.into(), value);
            }
            archive(maker, record, archived);
        });
    }

    fn write_movements(&mut self, books: &Books, journal_of: &impl Fn(&str) -> i64) {
        let [journal, customer, supplier] = ["journal", "customer", "supplier"].map(|name| field("transactions", name));
        let bank = journal_of("BQ");
        self.fill("transactions", books.movements.len(), |position, maker, record| {
            let movement: &Movement = &books.movements[position];
            maker.set_transaction_amount(record, movement.cents);
            let party = |field, table: &str, id: Option<i64>| json!(id.map(|id| maker.reference(field, table, id)));
            record.insert("customer".into(), party(customer, "customers", movement.customer));
            record.insert("supplier".into(), party(supplier, "suppliers", movement.supplier));
            record.insert("journal".into(), maker.reference(journal, "journals", bank));
            record.insert("date".into(), json!(movement.date));
            record.insert("label".into(), json!(movement.label));
            record.insert("outstanding_balance".into(), json!("0.0"));
            archive(maker, record, position % 37 == 7);
        });
    }
}

/// What both kinds of invoice take from the books.
fn document(maker: &mut Maker<'_, StdRng>, record: &mut Map<String, Value>, invoice: &Invoice, entries: &[i64]) {
    maker.set_amounts(record, invoice.total, invoice.tax);
    maker.set_remaining(record, invoice.total, invoice.tax, invoice.remaining);
    record.insert("invoice_number".into(), json!(invoice.number));
    record.insert("date".into(), json!(invoice.date));
    record.insert("deadline".into(), json!(invoice.due));
    record.insert("ledger_entry".into(), json!({ "id": entries[invoice.entry] }));
    // The prose says that the object is only present for e-invoices, the schema that it is null: both happen.
    if maker.rng.random_ratio(1, 8) {
        record.remove("e_invoicing");
    }
}

fn archive(maker: &mut Maker<'_, StdRng>, record: &mut Map<String, Value>, archived: bool) {
    let time = maker.time_on(LAST_DAY);
    record.insert("archived_at".into(), if archived { json!(time) } else { Value::Null });
}

/// A field that the data file is known to have.
pub(crate) fn field(table: &str, name: &str) -> &'static catalogue::Field {
    let resource = catalogue::known(table);
    resource.fields.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("{table} has no field {name}"))
}
