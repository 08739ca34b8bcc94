//! The books before they become records: entries that balance to the cent, invoices, payments, openings.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use rand::Rng;

use super::chart::Account;
use super::record::{FIRST_DAY, LAST_DAY};
use super::text;

/// The accounts that entries are posted to, and the third parties with theirs.
pub(crate) struct Chart {
    pub accounts: Vec<Account>,
    /// Row of the customer, position of its account.
    pub customers: Vec<(i64, usize)>,
    pub suppliers: Vec<(i64, usize)>,
}

impl Chart {
    /// Positions of the accounts whose number starts so.
    fn starting(&self, prefix: &str) -> Vec<usize> {
        (0..self.accounts.len()).filter(|position| self.accounts[*position].number.starts_with(prefix)).collect()
    }

    fn one(&self, number: &str) -> usize {
        self.accounts.iter().position(|account| account.number == number).unwrap_or(0)
    }
}

/// How many of each document.
pub(crate) struct Volume {
    pub sales: usize,
    pub purchases: usize,
    pub movements: usize,
    pub entries: usize,
    pub lines: usize,
}

pub(crate) struct Entry {
    /// None on a draft.
    pub date: Option<NaiveDate>,
    pub journal: &'static str,
    pub label: String,
    pub piece: String,
    pub due: Option<NaiveDate>,
    pub invoice_number: Option<String>,
    /// First line and number of lines.
    pub lines: (usize, usize),
}

pub(crate) struct Line {
    pub account: usize,
    /// Debit when positive, credit when negative.
    pub cents: i64,
    /// The set of lines that it is lettered with.
    pub lettering: Option<usize>,
}

/// An invoice of either side.
pub(crate) struct Invoice {
    pub entry: usize,
    pub party: i64,
    pub number: String,
    /// None on a draft.
    pub date: Option<NaiveDate>,
    pub due: Option<NaiveDate>,
    pub total: i64,
    pub tax: i64,
    pub remaining: i64,
    /// The invoice that this credit note takes back.
    pub credits: Option<usize>,
}

/// A movement on the bank account.
pub(crate) struct Movement {
    pub date: NaiveDate,
    pub label: String,
    pub cents: i64,
    pub customer: Option<i64>,
    pub supplier: Option<i64>,
}

/// An invoice that waits for its payment.
struct Open {
    invoice: usize,
    line: usize,
}

#[derive(Clone, Copy)]
enum Document {
    Sale,
    Purchase,
    Movement,
    /// Anything else, with so many lines.
    Other(usize),
}

/// Everything that was booked.
pub(crate) struct Books {
    pub entries: Vec<Entry>,
    pub lines: Vec<Line>,
    pub letterings: Vec<Vec<usize>>,
    pub sales: Vec<Invoice>,
    pub purchases: Vec<Invoice>,
    pub movements: Vec<Movement>,
    open_sales: Vec<Open>,
    open_purchases: Vec<Open>,
    charges: Vec<usize>,
    incomes: Vec<usize>,
    bank: usize,
}

impl Books {
    /// Books these volumes over the whole period, then the openings of each year.
    pub fn keep(chart: &Chart, volume: &Volume, rng: &mut impl Rng) -> Self {
        let mut books = Self {
            entries: Vec::new(),
            lines: Vec::new(),
            letterings: Vec::new(),
            sales: Vec::new(),
            purchases: Vec::new(),
            movements: Vec::new(),
            open_sales: Vec::new(),
            open_purchases: Vec::new(),
            charges: chart.starting("6"),
            incomes: chart.starting("70"),
            bank: chart.one("512000"),
        };
        let capital =
            [(chart.one("512000"), 12_000_000), (chart.one("101000"), -5_000_000), (chart.one("164000"), -7_000_000)];
        books.post(Some(FIRST_DAY), "AN", "À-nouveaux".to_owned(), &capital);
        for (date, document) in plan(volume, rng) {
            match document {
                Document::Sale => books.invoice(true, chart, date, rng),
                Document::Purchase => books.invoice(false, chart, date, rng),
                Document::Movement => books.movement(chart, date, rng),
                Document::Other(lines) => books.other(chart, date, lines, rng),
            }
        }
        for year in FIRST_DAY.year() + 1..=LAST_DAY.year() {
            books.carry_forward(chart, year);
        }
        books
    }

    /// Writes one balanced entry; answers its position.
    fn post(&mut self, date: Option<NaiveDate>, journal: &'static str, label: String, lines: &[(usize, i64)]) -> usize {
        debug_assert_eq!(lines.iter().map(|(_, cents)| cents).sum::<i64>(), 0, "an entry balances");
        let first = self.lines.len();
        self.lines.extend(lines.iter().map(|(account, cents)| Line {
            account: *account,
            cents: *cents,
            lettering: None,
        }));
        let piece = format!("{journal}{:06}", self.entries.len() + 1);
        let lines = (first, lines.len());
        self.entries.push(Entry { date, journal, label, piece, due: None, invoice_number: None, lines });
        self.entries.len() - 1
    }

    fn invoice(&mut self, sale: bool, chart: &Chart, date: NaiveDate, rng: &mut impl Rng) {
        let (party, account) = *text::pick(if sale { &chart.customers } else { &chart.suppliers }, rng);
        let kept = if sale { &self.sales } else { &self.purchases };
        let position = kept.len();
        let credit_note = rng.random_ratio(1, 12);
        // Drafts come one in sixteen, and early enough for the smallest company to have one.
        let draft = position % 16 == 5;
        let credited =
            if credit_note && sale { (0..position).rev().find(|other| kept[*other].date.is_some()) } else { None };
        let base = rng.random_range(500..400_000) * if credit_note { -1 } else { 1 };
        let tax = base / [5, 10, 18][rng.random_range(0..3)];
        let number = match (draft, sale) {
            (true, _) => String::new(),
            (false, true) => format!("F-{}-{:05}", date.year(), position + 1),
            (false, false) => text::for_field("reference", rng),
        };
        let due = date + Days::new([0, 15, 30, 45, 60][rng.random_range(0..5)]);
        let side = if sale { 1 } else { -1 };
        let total = base + tax;
        let label = text::label(rng);
        let journal = if sale { "VE" } else { "HA" };
        let entry = if draft {
            self.post(None, journal, label, &[])
        } else {
            let other = *text::pick(if sale { &self.incomes } else { &self.charges }, rng);
            let vat = chart.one(if sale { "445710" } else { "445660" });
            let mut lines = vec![(account, side * total)];
            if rng.random_ratio(1, 3) {
                let half = base / 2;
                lines.extend([(other, -side * half), (*text::pick(&self.charges, rng), -side * (base - half))]);
            } else {
                lines.push((other, -side * base));
            }
            if tax != 0 {
                lines.push((vat, -side * tax));
            }
            self.post(Some(date), journal, label, &lines)
        };
        self.entries[entry].due = Some(due).filter(|_| !draft);
        self.entries[entry].invoice_number = Some(number.clone()).filter(|_| !draft);
        if !draft && !credit_note {
            let open = Open { invoice: position, line: self.entries[entry].lines.0 };
            if sale { &mut self.open_sales } else { &mut self.open_purchases }.push(open);
        }
        let shown = |day: NaiveDate| Some(day).filter(|_| !draft);
        let invoice = Invoice {
            entry,
            party,
            number,
            date: shown(date),
            due: shown(due),
            total,
            tax,
            remaining: if credit_note { 0 } else { total },
            credits: credited,
        };
        if sale { &mut self.sales } else { &mut self.purchases }.push(invoice);
    }

    /// Pays an open invoice, whole or in part, or books a bank fee when none is open.
    fn movement(&mut self, chart: &Chart, date: NaiveDate, rng: &mut impl Rng) {
        let sale = rng.random_bool(0.6);
        let open = if sale { &mut self.open_sales } else { &mut self.open_purchases };
        let mut movement = Movement { date, label: text::label(rng), cents: 0, customer: None, supplier: None };
        if open.is_empty() || rng.random_ratio(1, 20) {
            movement.cents = -rng.random_range(100..5_000);
            let lines = [(chart.one("627000"), -movement.cents), (self.bank, movement.cents)];
            self.post(Some(date), "BQ", movement.label.clone(), &lines);
            self.movements.push(movement);
            return;
        }
        let position = rng.random_range(0..open.len());
        let paid = open.swap_remove(position);
        let invoice = if sale { &mut self.sales[paid.invoice] } else { &mut self.purchases[paid.invoice] };
        let whole = invoice.total < 100 || rng.random_ratio(4, 5);
        let cents = if whole { invoice.total } else { invoice.total / 3 };
        invoice.remaining -= cents;
        movement.cents = if sale { cents } else { -cents };
        *if sale { &mut movement.customer } else { &mut movement.supplier } = Some(invoice.party);
        let account = self.lines[paid.line].account;
        let entry = self.post(
            Some(date),
            "BQ",
            movement.label.clone(),
            &[(self.bank, movement.cents), (account, -movement.cents)],
        );
        if whole {
            let payment = self.entries[entry].lines.0 + 1;
            for line in [paid.line, payment] {
                self.lines[line].lettering = Some(self.letterings.len());
            }
            self.letterings.push(vec![paid.line, payment]);
        }
        self.movements.push(movement);
    }

    /// Charges against a third party, a payroll, or sundry income.
    fn other(&mut self, chart: &Chart, date: NaiveDate, lines: usize, rng: &mut impl Rng) {
        let mut posted = Vec::with_capacity(lines);
        let income = rng.random_ratio(1, 6);
        let from = if income { &self.incomes } else { &self.charges };
        for _ in 1..lines {
            let cents = rng.random_range(100..250_000);
            posted.push((*text::pick(from, rng), if income { -cents } else { cents }));
        }
        let total: i64 = posted.iter().map(|(_, cents)| cents).sum();
        let number = *text::pick(&["467000", "421000", "431000", "512000"], rng);
        let against = chart.one(number);
        posted.push((against, -total));
        let label = text::label(rng);
        self.post(Some(date), if lines > 3 { "PAY" } else { "OD" }, label, &posted);
    }

    /// The opening of a year: what each balance sheet account held at the end of the one before, and its result.
    fn carry_forward(&mut self, chart: &Chart, year: i32) {
        let mut balances: BTreeMap<usize, i64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.date.is_some_and(|date| date.year() == year - 1)) {
            for line in &self.lines[entry.lines.0..entry.lines.0 + entry.lines.1] {
                *balances.entry(line.account).or_default() += line.cents;
            }
        }
        let on_balance_sheet = |account: usize| chart.accounts[account].number.as_bytes()[0] < b'6';
        let mut lines: Vec<(usize, i64)> =
            balances.into_iter().filter(|(account, cents)| *cents != 0 && on_balance_sheet(*account)).collect();
        let assets: i64 = lines.iter().map(|(_, cents)| cents).sum();
        if assets != 0 {
            lines.push((chart.one(if assets > 0 { "120000" } else { "129000" }), -assets));
        }
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(FIRST_DAY);
        self.post(Some(first), "AN", format!("À-nouveaux {year}"), &lines);
    }
}

/// Every document with its day, in the order in which they are typed: nearly that of the days.
fn plan(volume: &Volume, rng: &mut impl Rng) -> Vec<(NaiveDate, Document)> {
    let mut documents = vec![Document::Sale; volume.sales];
    documents.extend(vec![Document::Purchase; volume.purchases]);
    documents.extend(vec![Document::Movement; volume.movements]);
    let mut lines = volume.sales * 3 + volume.purchases * 3 + volume.movements * 2;
    while documents.len() < volume.entries || lines < volume.lines {
        let count = [2, 2, 3, 3, 4, 5][rng.random_range(0..6)];
        lines += count;
        documents.push(Document::Other(count));
    }
    let span = u64::try_from((LAST_DAY - FIRST_DAY).num_days()).unwrap_or(0);
    let mut dated: Vec<(u64, NaiveDate, Document)> = documents
        .into_iter()
        .map(|document| {
            let day = rng.random_range(0..=span);
            (day + rng.random_range(0..15), FIRST_DAY + Days::new(day), document)
        })
        .collect();
    dated.sort_by_key(|(typed, _, _)| *typed);
    dated.into_iter().map(|(_, date, document)| (date, document)).collect()
}
