//! The figures of the accountants' views, computed here a second time from the API's own records, in cents and in another
//! way: no SQL, and openings known by their journal.

use crate::scene::Scene;
use chrono::{Datelike, NaiveDate};
use fake_pennylane::{Size, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One row of a view: its columns as text, in the order that was asked for.
type Row = Vec<Option<String>>;

/// A line of the ledger.
struct Line {
    id: i64,
    entry: i64,
    account: i64,
    number: String,
    date: NaiveDate,
    due: NaiveDate,
    debit: i64,
    credit: i64,
    lettered: Vec<i64>,
    /// Of the journal of openings.
    opening: bool,
}

impl Line {
    fn balance(&self) -> i64 {
        self.debit - self.credit
    }
}

struct Year {
    id: i64,
    start: NaiveDate,
    finish: NaiveDate,
}

impl Year {
    fn holds(&self, line: &Line) -> bool {
        (self.start..=self.finish).contains(&line.date)
    }
}

struct Books {
    lines: Vec<Line>,
    /// Ascending.
    years: Vec<Year>,
}

impl Books {
    fn of(world: &World) -> Books {
        let journal = |line: &Value| world.get("journals", line["journal"]["id"].as_i64()?);
        let lines = world.list("ledger_entry_lines");
        let lines = lines.iter().map(|line| {
            let entry = line["ledger_entry"]["id"].as_i64().unwrap();
            let due = world.get("ledger_entries", entry).and_then(|entry| day(&entry["due_date"]));
            let date = day(&line["date"]).unwrap();
            Line {
                id: line["id"].as_i64().unwrap(),
                entry,
                account: line["ledger_account"]["id"].as_i64().unwrap(),
                number: text(&line["ledger_account"]["number"]),
                date,
                due: due.unwrap_or(date),
                debit: cents(&line["debit"]),
                credit: cents(&line["credit"]),
                lettered: ids(&line["lettered_ledger_entry_lines"]["ids"]),
                opening: journal(line).is_some_and(|journal| journal["code"] == "AN"),
            }
        });
        let years = world.list("fiscal_years");
        let years = years.iter().map(|year| Year {
            id: year["id"].as_i64().unwrap(),
            start: day(&year["start"]).unwrap(),
            finish: day(&year["finish"]).unwrap(),
        });
        let mut books = Books { lines: lines.collect(), years: years.collect() };
        books.years.sort_by_key(|year| year.start);
        books
    }

    fn first_day(&self) -> NaiveDate {
        self.lines.iter().map(|line| line.date).min().unwrap()
    }

    /// An opening that repeats lines that are held.
    fn repeats(&self, line: &Line) -> bool {
        line.opening && line.date > self.first_day()
    }

    /// Years with lines.
    fn begun(&self) -> impl Iterator<Item = &Year> {
        self.years.iter().filter(|year| self.lines.iter().any(|line| year.holds(line)))
    }

    /// What each account number holds at the end of a year: everything since the first line, each thing once.
    fn held_at(&self, year: &Year) -> BTreeMap<&str, i64> {
        let mut held = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.date <= year.finish && !self.repeats(line)) {
            *held.entry(line.number.as_str()).or_default() += line.balance();
        }
        held
    }
}

fn day(value: &Value) -> Option<NaiveDate> {
    value.as_str()?.parse().ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_i64).collect()
}

/// Decimal text, of PostgreSQL or of the API, in cents.
fn cents(value: &Value) -> i64 {
    in_cents(value.as_str().unwrap_or("0"))
}

fn in_cents(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (units, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let (kept, rest) = decimals.split_at(decimals.len().min(2));
    assert!(rest.bytes().all(|byte| byte == b'0'), "{text} is no whole number of cents");
    sign * format!("{units}{kept:0<2}").parse::<i64>().unwrap()
}

fn rows(scene: &Scene, query: &str) -> Vec<Row> {
    let messages = scene.connect().simple_query(query).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let rows = messages.iter().filter_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|place| row.get(place).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

/// The rows of a query by their first column; the others are amounts.
fn amounts(scene: &Scene, query: &str) -> BTreeMap<String, Vec<i64>> {
    let rows = rows(scene, query).into_iter().map(|row| {
        let amounts = row[1..].iter().map(|cell| in_cents(cell.as_deref().expect("an amount")));
        (row[0].clone().expect("a key"), amounts.collect())
    });
    rows.collect()
}

fn sum(scene: &Scene, query: &str) -> i64 {
    in_cents(&scene.value(query).unwrap_or_else(|| panic!("{query} gives nothing")))
}

fn books(scene: &Scene) -> Books {
    scene.api.world(|world| Books::of(world))
}

#[test]
fn the_trial_balance_is_that_of_the_api() {
    let scene = Scene::synced();
    let books = books(&scene);
    let mut compared = 0;
    for year in &books.years {
        let theirs = scene.api.world(|world| world.trial_balance(year.start, year.finish, true));
        let theirs: BTreeMap<String, Vec<i64>> = theirs
            .iter()
            .map(|row| (text(&row["number"]), vec![cents(&row["debits"]), cents(&row["credits"])]))
            .collect();
        let query = format!(
            "SELECT account_number, debit, credit FROM pennylane.trial_balance WHERE fiscal_year_id = {}",
            year.id
        );
        assert_eq!(amounts(&scene, &query), theirs, "{}", year.start);
        compared += theirs.len();
        let query = format!(
            "SELECT account_number, balance, debit_balance, credit_balance FROM pennylane.trial_balance WHERE fiscal_year_id = {}",
            year.id
        );
        for (number, shown) in amounts(&scene, &query) {
            let [debit, credit] = theirs[&number][..] else { panic!() };
            let balance = debit - credit;
            assert_eq!(shown, [balance, balance.max(0), (-balance).max(0)], "{number}");
        }
    }
    assert!(compared > 50, "{compared} accounts");
}

#[test]
fn the_general_ledger_runs_from_line_to_line_within_each_year() {
    let scene = Scene::synced();
    let books = books(&scene);
    let shown = amounts(&scene, "SELECT ledger_entry_line_id, debit, credit, balance FROM pennylane.general_ledger");
    assert_eq!(shown.len(), books.lines.len());
    let mut lines: Vec<&Line> = books.lines.iter().collect();
    lines.sort_by_key(|line| (line.date, line.id));
    let mut running: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    for line in lines {
        let balance = running.entry((&line.number, line.date.year())).or_default();
        *balance += line.balance();
        assert_eq!(shown[&line.id.to_string()], [line.debit, line.credit, *balance], "line {}", line.id);
    }
    let joined = "SELECT count(*) FROM pennylane.general_ledger g JOIN pennylane.ledger_entries e ON e.id = g.ledger_entry_id \
                  JOIN pennylane.ledger_accounts a ON a.id = g.ledger_account_id \
                  WHERE g.piece_number IS NOT DISTINCT FROM e.piece_number AND g.account_label IS NOT DISTINCT FROM a.label \
                    AND g.account_number = a.number AND g.due_date IS NOT DISTINCT FROM e.due_date AND g.journal_code IS NULL \
                    AND g.is_lettered = (SELECT lettered_ledger_entry_lines_ids <> '[]' FROM pennylane.ledger_entry_lines l WHERE l.id = g.ledger_entry_line_id)";
    assert_eq!(scene.value(joined).unwrap(), books.lines.len().to_string());
}

#[test]
fn journals_have_their_codes_once_they_are_kept() {
    let scene = Scene::synced();
    let coded = "SELECT count(*) FROM pennylane.general_ledger WHERE journal_code IS NOT NULL";
    assert_eq!(scene.value(coded).unwrap(), "0");
    assert_eq!(scene.value("SELECT count(journal_code) FROM pennylane.dim_journal").unwrap(), "0");
    scene.execute("CREATE VIEW public.mine AS SELECT journal_code, debit FROM pennylane.general_ledger; SELECT pennylane.enable_table('journals')");
    scene.sync("sync_incremental()");
    let codes: BTreeMap<String, Vec<i64>> = scene.api.world(|world| {
        let mut codes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for line in world.list("ledger_entry_lines") {
            let journal = world.get("journals", line["journal"]["id"].as_i64().unwrap()).unwrap();
            codes.entry(text(&journal["code"])).or_insert_with(|| vec![0])[0] += cents(&line["debit"]);
        }
        codes
    });
    assert!(codes.len() > 3);
    assert_eq!(amounts(&scene, "SELECT journal_code, sum(debit) FROM public.mine GROUP BY 1"), codes);
    let named = "SELECT count(journal_code) = count(*) AND count(*) = (SELECT count(*) FROM pennylane.journals) FROM pennylane.dim_journal";
    assert_eq!(scene.value(named).unwrap(), "t");
    // Given up with its rows, the table is there, and so are the views.
    scene.execute("SELECT pennylane.disable_table('journals', keep_data => false)");
    assert_eq!(scene.value(coded).unwrap(), "0");
}

/// Open lines by account and age, as they are on this day: not due, 1 to 30 days, to 60, to 90, more; and their sum.
fn aged(books: &Books, prefixes: &[&str], today: NaiveDate, sign: i64) -> BTreeMap<String, Vec<i64>> {
    // Every lettering of these books balances.
    let mut aged: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let open = books.lines.iter().filter(|line| {
        prefixes.iter().any(|prefix| line.number.starts_with(prefix))
            && line.lettered.is_empty()
            && !books.repeats(line)
    });
    for line in open {
        let late = (today - line.due).num_days();
        let column =
            [i64::MIN..=0, 1..=30, 31..=60, 61..=90, 91..=i64::MAX].iter().position(|days| days.contains(&late));
        let account = aged.entry(line.account.to_string()).or_insert_with(|| vec![0; 6]);
        account[column.unwrap()] += sign * line.balance();
        account[5] += sign * line.balance();
    }
    aged.retain(|_, columns| columns.iter().any(|cents| *cents != 0));
    aged
}

fn today(scene: &Scene) -> NaiveDate {
    scene.value("SELECT current_date").unwrap().parse().unwrap()
}

const AGED: &str = "not_due, days_1_30, days_31_60, days_61_90, days_over_90, total";

#[test]
fn aged_receivables_and_payables_are_what_is_not_lettered_by_age() {
    let scene = Scene::synced();
    let books = books(&scene);
    let receivables = amounts(&scene, &format!("SELECT aged_account_key, {AGED} FROM pennylane.aged_receivables"));
    assert_eq!(receivables, aged(&books, &["411"], today(&scene), 1));
    let payables = amounts(&scene, &format!("SELECT aged_account_key, {AGED} FROM pennylane.aged_payables"));
    assert_eq!(payables, aged(&books, &["401", "404"], today(&scene), -1));
    assert!(receivables.len() > 3 && payables.len() > 2, "{receivables:?} {payables:?}");
    // And it is what the trial balance of this year says of these accounts, which knows nothing of lettering.
    let year = books.begun().last().unwrap().id;
    for (view, prefix, sign) in [("aged_receivables", "411", ""), ("aged_payables", "401", "-")] {
        let total = sum(&scene, &format!("SELECT sum(total) FROM pennylane.{view}"));
        let ledger = format!(
            "SELECT {sign}sum(balance) FROM pennylane.trial_balance WHERE fiscal_year_id = {year} AND pcg_3 = '{prefix}'"
        );
        assert_eq!(total, sum(&scene, &ledger), "{view}");
        assert_eq!(sum(&scene, &format!("SELECT sum(abs(not_aged)) FROM pennylane.{view}")), 0, "{view}");
    }
    let named = "SELECT count(*) FROM pennylane.aged_receivables a JOIN pennylane.customers c ON c.id = a.customer_id \
                 WHERE c.ledger_account_id = a.ledger_account_id AND c.name = a.customer_name";
    assert_ne!(scene.value(named).unwrap(), "0");
}

/// Letters all lines of an entry with each other.
fn letter(world: &mut World, entries: &[i64], prefix: &str) {
    let lines: Vec<Value> = entries.iter().flat_map(|entry| world.lines_of(*entry)).collect();
    let own = lines.iter().filter(|line| text(&line["ledger_account"]["number"]).starts_with(prefix));
    let own: Vec<i64> = own.filter_map(|line| line["id"].as_i64()).collect();
    for id in &own {
        world.update("ledger_entry_lines", *id, |line| {
            line["lettered_ledger_entry_lines"]["ids"] = json!(own);
        });
    }
}

#[test]
fn an_invoice_that_is_paid_in_part_is_as_old_as_it_is() {
    let scene = Scene::synced();
    let (today, days) = (today(&scene), chrono::Days::new);
    scene.api.world(|world| {
        let sold = world.book_entry(today - days(100), "vente", &[("411PART", 10_000, 0), ("707000", 0, 10_000)]);
        let paid = world.book_entry(today - days(40), "acompte", &[("512000", 1_000, 0), ("411PART", 0, 1_000)]);
        letter(world, &[sold, paid], "411");
        // Settled by three payments, and named in an order of its own by each line.
        let sold = world.book_entry(today - days(50), "vente", &[("411PART", 6_000, 0), ("707000", 0, 6_000)]);
        let mut all = vec![sold];
        for part in [1_000, 2_000, 3_000] {
            all.insert(0, world.book_entry(today - days(20), "paiement", &[("512000", part, 0), ("411PART", 0, part)]));
        }
        letter(world, &all, "411");
    });
    scene.sync("sync_full()");
    let shown = format!(
        "SELECT account_number, {AGED}, not_aged FROM pennylane.aged_receivables WHERE account_number = '411PART'"
    );
    let expected = vec![0, 0, -1_000, 0, 10_000, 9_000, 0];
    assert_eq!(amounts(&scene, &shown), BTreeMap::from([("411PART".to_owned(), expected)]));
}

#[test]
fn what_open_lines_do_not_explain_of_a_balance_is_shown_beside_them() {
    let scene = Scene::synced();
    let opened = books(&scene).begun().last().unwrap().start;
    // The opening repeats a sale of last year that is not held.
    let account = scene.api.world(|world| {
        let sold =
            world.book_entry(opened - chrono::Days::new(30), "vente", &[("411PERDU", 3_000, 0), ("707000", 0, 3_000)]);
        let line = world.lines_of(sold)[0].clone();
        let books = Books::of(world);
        let opening = books.lines.iter().find(|line| line.opening && line.date == opened).unwrap().entry;
        let restated = world.lines_of(opening);
        let any = restated.iter().find(|line| text(&line["ledger_account"]["number"]).starts_with("411")).unwrap();
        world.update("ledger_entry_lines", any["id"].as_i64().unwrap(), |restated| {
            restated.insert("ledger_account".into(), line["ledger_account"].clone());
        });
        world.delete_entry(sold);
        (line["ledger_account"]["id"].as_i64().unwrap(), cents(&any["debit"]) - cents(&any["credit"]))
    });
    scene.sync("sync_full()");
    let shown = format!(
        "SELECT account_number, total, not_aged, days_over_90 FROM pennylane.aged_receivables WHERE ledger_account_id = {}",
        account.0
    );
    assert_eq!(amounts(&scene, &shown), BTreeMap::from([("411PERDU".to_owned(), vec![account.1, account.1, 0])]));
}

/// Sums by hand of small books that are no opening, whatever they look like.
#[test]
fn what_only_looks_like_an_opening_is_none() {
    let scene = Scene::synced();
    let before = books(&scene);
    let last = before.begun().last().unwrap();
    let first_day = last.start;
    // The year before is not closed: its opening goes. Then the first day sees what it may see.
    scene.api.world(|world| {
        let opening = before.lines.iter().find(|line| line.opening && line.date == first_day).unwrap().entry;
        world.delete_entry(opening);
        world.book_entry(first_day, "prélèvement", &[("108000", 5_000, 0), ("512000", 0, 5_000)]);
        world.book_entry(first_day, "augmentation de capital", &[("512000", 7_000, 0), ("101000", 0, 7_000)]);
        world.book_entry(first_day, "affectation", &[("120000", 400, 0), ("106100", 0, 400)]);
    });
    scene.sync("sync_full()");
    let carried = "SELECT count(*) FROM pennylane.fact_ledger_line WHERE is_carried_forward AND date = ";
    assert_eq!(scene.value(&format!("{carried}'{first_day}'")).unwrap(), "0");
    let books = books(&scene);
    let bank: i64 =
        books.lines.iter().filter(|line| line.number == "512000" && !books.repeats(line)).map(Line::balance).sum();
    let shown = format!(
        "SELECT sum(CASE side WHEN 'actif' THEN amount ELSE -amount END) FROM pennylane.statement_accounts \
         WHERE fiscal_year_id = {} AND account_number = '512000'",
        last.id
    );
    assert_eq!(sum(&scene, &shown), bank);
    let capital = format!(
        "SELECT sum(amount) FROM pennylane.balance_sheet WHERE fiscal_year_id = {} AND heading = 'Capital'",
        last.id
    );
    assert_eq!(sum(&scene, &capital), 5_000_000 + 7_000 - 5_000);
}

#[test]
fn an_opening_of_several_entries_is_one() {
    let scene = Scene::synced();
    let before = books(&scene);
    let last = before.begun().last().unwrap();
    let vat = "SELECT coalesce(sum(debit + credit), 0) FROM pennylane.vat_summary";
    let (sums, sheet) = (sum(&scene, vat), balance_sheet(&before, last));
    // The same opening again, in two entries against 890.
    scene.api.world(|world| {
        let opening: Vec<&Line> = before.lines.iter().filter(|line| line.opening && line.date == last.start).collect();
        world.delete_entry(opening[0].entry);
        let (equity, rest): (Vec<&Line>, Vec<&Line>) =
            opening.into_iter().partition(|line| line.number.starts_with('1'));
        for part in [equity, rest] {
            let mut lines: Vec<(&str, i64, i64)> =
                part.iter().map(|line| (line.number.as_str(), line.debit, line.credit)).collect();
            let balance: i64 = part.iter().map(|line| line.balance()).sum();
            lines.push(("890000", (-balance).max(0), balance.max(0)));
            world.book_entry(last.start, "à-nouveaux", &lines);
        }
    });
    scene.sync("sync_full()");
    assert_eq!(sum(&scene, vat), sums, "an opening is no VAT");
    let shown = format!(
        "SELECT heading, sum(amount) FROM pennylane.balance_sheet WHERE fiscal_year_id = {} GROUP BY heading HAVING sum(amount) <> 0",
        last.id
    );
    assert_eq!(amounts(&scene, &shown), sheet);
    let receivables = amounts(&scene, &format!("SELECT aged_account_key, {AGED} FROM pennylane.aged_receivables"));
    assert_eq!(receivables, aged(&before, &["411"], today(&scene), 1));
}

#[test]
fn balances_over_several_years_leave_out_what_is_carried_forward() {
    let scene = Scene::synced();
    let books = books(&scene);
    let held = books.held_at(books.begun().last().unwrap());
    let shown = "SELECT a.account_number, sum(f.balance) FROM pennylane.fact_ledger_line f \
                 JOIN pennylane.dim_account a USING (ledger_account_id) WHERE NOT f.is_carried_forward GROUP BY 1";
    let expected: BTreeMap<String, Vec<i64>> =
        held.into_iter().map(|(number, balance)| (number.to_owned(), vec![balance])).collect();
    assert_eq!(amounts(&scene, shown), expected);
}

/// Headings of the balance sheet by a second reading of the chart, for the accounts that the books have.
fn heading(number: &str, balance: i64) -> &'static str {
    let first = |places: usize| number.get(..places).unwrap_or(number);
    match (first(3), balance > 0) {
        ("101", _) => "Capital",
        ("120" | "129", _) => "Résultats antérieurs en attente d'affectation",
        ("164", _) => "Emprunts et dettes financières",
        ("411", true) => "Créances clients",
        ("512", true) => "Disponibilités",
        ("512", false) => "Concours bancaires courants",
        (_, true) => "Autres créances",
        ("401", false) => "Dettes fournisseurs",
        ("421" | "431" | "445", false) => "Dettes fiscales et sociales",
        ("411" | "467", false) => "Autres dettes",
        _ => panic!("the books have a {number}"),
    }
}

const PASSIF: [&str; 8] = [
    "Capital",
    "Résultats antérieurs en attente d'affectation",
    "Résultat de l'exercice",
    "Emprunts et dettes financières",
    "Concours bancaires courants",
    "Dettes fournisseurs",
    "Dettes fiscales et sociales",
    "Autres dettes",
];

/// The balance sheet of a year, from everything that was ever booked, each thing once. What charges and income of earlier
/// years left is an earlier result, wherever it was booked.
fn balance_sheet(books: &Books, year: &Year) -> BTreeMap<String, Vec<i64>> {
    let mut sheet: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut add = |heading: &str, balance: i64| {
        let cents = if PASSIF.contains(&heading) { -balance } else { balance };
        sheet.entry(heading.to_owned()).or_insert_with(|| vec![0])[0] += cents;
    };
    let result_of = |line: &&Line| line.number.starts_with(['6', '7']);
    for (number, balance) in books.held_at(year).into_iter().filter(|(number, _)| !number.starts_with(['6', '7'])) {
        add(if balance == 0 { "0" } else { heading(number, balance) }, balance);
    }
    let results = books.lines.iter().filter(result_of);
    let (this, earlier): (Vec<&Line>, Vec<&Line>) =
        results.filter(|line| line.date <= year.finish).partition(|line| year.holds(line));
    add("Résultat de l'exercice", this.iter().map(|line| line.balance()).sum());
    add("Résultats antérieurs en attente d'affectation", earlier.iter().map(|line| line.balance()).sum());
    sheet.retain(|_, cents| cents[0] != 0);
    sheet
}

fn assert_statements(scene: &Scene, books: &Books) {
    let mut years = 0;
    for year in books.begun() {
        years += 1;
        let of_year = format!("WHERE fiscal_year_id = {}", year.id);
        let sheet = format!(
            "SELECT heading, sum(amount) FROM pennylane.balance_sheet {of_year} GROUP BY heading HAVING sum(amount) <> 0"
        );
        assert_eq!(amounts(scene, &sheet), balance_sheet(books, year), "{}", year.start);
        let result: i64 = books
            .lines
            .iter()
            .filter(|line| year.holds(line) && line.number.starts_with(['6', '7']))
            .map(|line| -line.balance())
            .sum();
        assert_eq!(sum(scene, &format!("SELECT sum(amount) FROM pennylane.profit_and_loss {of_year}")), result);
        // Profit and loss, as the one line of the balance sheet that it is, closes the balance sheet.
        let without = "heading <> 'Résultat de l''exercice'";
        let net = format!(
            "SELECT sum(CASE side WHEN 'actif' THEN amount ELSE -amount END) FROM pennylane.balance_sheet {of_year} AND {without}"
        );
        assert_eq!(sum(scene, &net) - result, 0, "{}", year.start);
    }
    assert!(years >= 3, "{years} years");
}

#[test]
fn profit_and_loss_and_balance_sheet_close_to_zero() {
    let scene = Scene::synced();
    let books = books(&scene);
    assert_statements(&scene, &books);
    let merchandise = |year: &Year| -> i64 {
        let lines = books.lines.iter().filter(|line| year.holds(line) && line.number.starts_with("707"));
        lines.map(|line| -line.balance()).sum()
    };
    let years: Vec<&Year> = books.begun().collect();
    for pair in years.windows(2) {
        let shown = format!(
            "SELECT heading, amount, previous_amount FROM pennylane.profit_and_loss \
             WHERE fiscal_year_id = {} AND heading = 'Ventes de marchandises'",
            pair[1].id
        );
        let expected = vec![merchandise(pair[1]), merchandise(pair[0])];
        assert_eq!(amounts(&scene, &shown), BTreeMap::from([("Ventes de marchandises".to_owned(), expected)]));
        let before = |view: &str| {
            let previous =
                format!("SELECT sum(previous_amount) FROM pennylane.{view} WHERE fiscal_year_id = {}", pair[1].id);
            let own = format!("SELECT sum(amount) FROM pennylane.{view} WHERE fiscal_year_id = {}", pair[0].id);
            assert_eq!(sum(&scene, &previous), sum(&scene, &own), "{view}");
        };
        before("profit_and_loss");
        before("balance_sheet");
    }
    let accounts = "SELECT count(*) FROM pennylane.statement_accounts WHERE heading = 'Comptes non rattachés'";
    assert_eq!(scene.value(accounts).unwrap(), "0");
}

#[test]
fn a_year_whose_predecessor_is_not_closed_goes_on_from_where_that_one_ended() {
    let scene = Scene::synced();
    let last = scene.api.world(|world| {
        let books = Books::of(world);
        let openings = books.lines.iter().filter(|line| books.repeats(line));
        let last = openings.max_by_key(|line| line.date).unwrap().entry;
        world.delete_entry(last);
        last
    });
    scene.sync("sync_full()");
    let books = books(&scene);
    assert!(books.lines.iter().all(|line| line.entry != last));
    assert_statements(&scene, &books);
    let receivables = amounts(&scene, &format!("SELECT aged_account_key, {AGED} FROM pennylane.aged_receivables"));
    assert_eq!(receivables, aged(&books, &["411"], today(&scene), 1));
    assert_eq!(sum(&scene, "SELECT sum(abs(not_aged)) FROM pennylane.aged_receivables"), 0);
}

#[test]
fn accounts_go_where_the_edited_mapping_says_and_nothing_is_lost_on_the_way() {
    let scene = Scene::synced();
    let books = books(&scene);
    let year = books.begun().last().unwrap();
    let amount = |heading: &str, view: &str| {
        let query = format!(
            "SELECT coalesce(sum(amount), 0) FROM pennylane.{view} WHERE fiscal_year_id = {} AND heading = '{heading}'",
            year.id
        );
        sum(&scene, &query)
    };
    let of = |prefix: &str| -> i64 {
        let lines = books.lines.iter().filter(|line| year.holds(line) && line.number.starts_with(prefix));
        lines.map(|line| -line.balance()).sum()
    };
    let result = sum(&scene, "SELECT sum(amount) FROM pennylane.profit_and_loss");
    scene.execute(
        "CREATE ROLE accountant LOGIN IN ROLE pennylane_operator; CREATE ROLE reader LOGIN; SELECT pennylane.grant_reader('reader')",
    );
    let edit = "INSERT INTO pennylane.pcg_mapping (prefix, section, heading, position) \
                VALUES ('6226', 'Charges d''exploitation', 'Honoraires', 1141)";
    assert!(scene.cluster.connect_as("reader").batch_execute(edit).is_err(), "a reader edits nothing");
    scene.cluster.connect_as("accountant").batch_execute(edit).unwrap();
    assert_eq!(amount("Honoraires", "profit_and_loss"), of("6226"));
    assert_ne!(of("6226"), 0);
    scene.execute("DELETE FROM pennylane.pcg_mapping WHERE prefix = '101' OR prefix = '10' OR prefix IN ('707', '70')");
    assert_eq!(amount("Comptes non rattachés", "profit_and_loss"), of("70"));
    assert_eq!(amount("Comptes non rattachés", "balance_sheet"), 5_000_000);
    assert_eq!(sum(&scene, "SELECT sum(amount) FROM pennylane.profit_and_loss"), result);
    for wrong in [
        "INSERT INTO pennylane.pcg_mapping VALUES ('411', 'any', NULL, 's', 'h', 1)",
        "INSERT INTO pennylane.pcg_mapping VALUES ('61', 'debit', 'actif', 's', 'h', 1)",
        "INSERT INTO pennylane.pcg_mapping VALUES ('41 %', 'any', 'actif', 's', 'h', 1)",
        "INSERT INTO pennylane.pcg_mapping VALUES ('411', 'both', 'actif', 's', 'h', 1)",
    ] {
        assert!(scene.connect().batch_execute(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn vat_is_summed_by_account_and_month_without_openings() {
    let scene = Scene::synced();
    let books = books(&scene);
    let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in books.lines.iter().filter(|line| line.number.starts_with("445") && !line.opening) {
        let sums =
            expected.entry(format!("{} {}", line.date.format("%Y-%m-01"), line.number)).or_insert_with(|| vec![0; 3]);
        sums[0] += line.debit;
        sums[1] += line.credit;
        sums[2] -= line.balance();
    }
    assert!(expected.len() > 10);
    let shown = "SELECT month || ' ' || account_number, debit, credit, amount FROM pennylane.vat_summary";
    assert_eq!(amounts(&scene, shown), expected);
    let kinds = "SELECT string_agg(DISTINCT kind || ' ' || account_number, ', ' ORDER BY kind || ' ' || account_number) FROM pennylane.vat_summary";
    assert_eq!(scene.value(kinds).unwrap(), "TVA collectée 445710, TVA déductible 445660");
}

#[test]
fn delays_of_payment_come_from_the_lettering() {
    let scene = Scene::synced();
    let today = today(&scene);
    let books = books(&scene);
    let by_id: BTreeMap<i64, &Line> = books.lines.iter().map(|line| (line.id, line)).collect();
    let invoices = scene.api.world(|world| world.list("customer_invoices"));
    let notes: BTreeSet<i64> = invoices
        .iter()
        .filter(|invoice| cents(&invoice["amount"]) < 0)
        .filter_map(|note| note["ledger_entry"]["id"].as_i64())
        .collect();
    let not_one = ["draft", "archived", "proforma", "shipping_order", "purchasing_order"];
    let mut expected = BTreeMap::new();
    let mut settled = 0;
    for invoice in &invoices {
        let status = invoice["status"].as_str().unwrap_or_default();
        let none = not_one.contains(&status) || status.starts_with("estimate");
        if none || invoice["draft"] == true || !invoice["archived_at"].is_null() || cents(&invoice["amount"]) < 0 {
            continue;
        }
        let own = books.lines.iter().filter(|line| {
            Some(line.entry) == invoice["ledger_entry"]["id"].as_i64() && line.number.starts_with("411")
        });
        let others = own.flat_map(|line| &line.lettered).filter_map(|id| by_id.get(id));
        let others = others.filter(|line| line.credit > 0 && !notes.contains(&line.entry));
        let nothing_left = invoice["remaining_amount_with_tax"].as_str().is_some_and(|left| in_cents(left) == 0);
        let paid = others.map(|line| line.date).max().filter(|_| invoice["paid"] == true || nothing_left);
        settled += usize::from(paid.is_some());
        let delay = paid.zip(day(&invoice["date"])).map(|(paid, date)| (paid - date).num_days());
        let open = invoice["paid"] == false && !nothing_left && status != "cancelled";
        let end = paid.or_else(|| open.then_some(today));
        let late = end.zip(day(&invoice["deadline"])).map(|(end, due)| (end - due).num_days().max(0));
        expected
            .insert(invoice["id"].to_string(), [delay.map(|days| days.to_string()), late.map(|days| days.to_string())]);
    }
    assert!(settled > 5, "{settled} invoices are settled");
    let shown =
        rows(&scene, "SELECT customer_invoice_id, delai_paiement, retard FROM pennylane.customer_invoice_delays");
    let shown: BTreeMap<_, _> =
        shown.into_iter().map(|row| (row[0].clone().unwrap(), [row[1].clone(), row[2].clone()])).collect();
    assert_eq!(shown, expected);
}

#[test]
fn nothing_settles_an_invoice_but_a_payment_in_full() {
    let scene = Scene::synced();
    let today = today(&scene);
    let ago = |days| today - chrono::Days::new(days);
    // Each of 100.00, dated 100 days ago and due 70 days ago.
    let ids = scene.api.world(|world| {
        let mut invoice = |status: &str, amount: &str, paid: bool, remaining: &str, settled: &[(u64, i64)]| {
            let cents = in_cents(amount);
            let entry = world.book_entry(
                ago(100),
                "vente",
                &[("411SEUL", cents.max(0), (-cents).max(0)), ("707000", (-cents).max(0), cents.max(0))],
            );
            let mut lettered = vec![entry];
            for (days, part) in settled {
                lettered.push(world.book_entry(ago(*days), "paiement", &[("512000", *part, 0), ("411SEUL", 0, *part)]));
            }
            if lettered.len() > 1 {
                letter(world, &lettered, "411");
            }
            let mut record = world.new_record("customer_invoices");
            for (name, value) in [
                ("amount", json!(amount)),
                ("remaining_amount_with_tax", json!(remaining)),
                ("paid", json!(paid)),
                ("status", json!(status)),
                ("draft", json!(false)),
                ("archived_at", Value::Null),
                ("date", json!(ago(100))),
                ("deadline", json!(ago(70))),
                ("ledger_entry", json!({"id": entry})),
            ] {
                record[name] = value;
            }
            (world.insert("customer_invoices", record), entry)
        };
        let part = invoice("partially_paid", "100.0", false, "90.0", &[(80, 1_000)]).0;
        let whole = invoice("paid", "100.0", true, "0.0", &[(80, 4_000), (60, 6_000)]).0;
        let early = invoice("paid", "100.0", true, "0.0", &[(90, 10_000)]).0;
        let cancelled = invoice("cancelled", "100.0", false, "0.0", &[]).0;
        let (credited, entry) = invoice("cancelled", "100.0", true, "0.0", &[]);
        let (_, note) = invoice("credit_note", "-100.0", true, "0.0", &[]);
        let unknown = invoice("paid", "100.0", true, "0.0", &[]).0;
        letter(world, &[entry, note], "411");
        [part, whole, early, cancelled, credited, unknown]
    });
    scene.sync("sync_incremental()");
    let shown = ids.map(|id| {
        let query = "SELECT delai_paiement, retard FROM pennylane.customer_invoice_delays WHERE customer_invoice_id = ";
        let row = rows(&scene, &format!("{query}{id}")).remove(0);
        [row[0].clone(), row[1].clone()].map(|days| days.map(|days| days.parse::<i64>().unwrap()))
    });
    let expected =
        [[None, Some(70)], [Some(40), Some(10)], [Some(10), Some(0)], [None, None], [None, None], [None, None]];
    assert_eq!(shown, expected);
}

/// Nothing is synced yet.
fn several_banks() -> Scene {
    Scene::with(Size { bank_accounts: 4, ..Size::tiny() }, &[])
}

#[test]
fn transactions_are_summed_up_along_each_bank_account() {
    let scene = several_banks();
    scene.api.world(|world| {
        let id = world.ids("transactions")[0];
        world.update("transactions", id, |transaction| {
            transaction.insert("amount".into(), json!("-10000.00"));
            transaction.insert("archived_at".into(), Value::Null);
        });
    });
    scene.sync("sync_full()");
    let mut movements = scene.api.world(|world| world.list("transactions"));
    movements.retain(|movement| movement["archived_at"].is_null());
    movements.sort_by_key(|movement| (day(&movement["date"]), movement["id"].as_i64()));
    let mut running: BTreeMap<i64, i64> = BTreeMap::new();
    let mut large = BTreeSet::new();
    let expected: BTreeMap<String, Vec<i64>> = movements
        .iter()
        .map(|movement| {
            let (id, amount) = (movement["id"].to_string(), cents(&movement["amount"]));
            let sum = running.entry(movement["bank_account"]["id"].as_i64().unwrap()).or_default();
            *sum += amount;
            if amount.abs() >= 1_000_000 {
                large.insert(id.clone());
            }
            (id, vec![amount, *sum])
        })
        .collect();
    assert!(running.len() > 1 && !large.is_empty());
    assert_eq!(
        amounts(&scene, "SELECT transaction_id, amount, solde_cumule FROM pennylane.transaction_balance"),
        expected
    );
    let shown = rows(&scene, "SELECT transaction_id FROM pennylane.transaction_balance WHERE transaction_importante");
    assert_eq!(shown.into_iter().filter_map(|row| row[0].clone()).collect::<BTreeSet<_>>(), large);
}

#[test]
fn cash_is_that_of_the_bank_beside_that_of_the_ledger() {
    let scene = several_banks();
    // One bank account in euro with a ledger account of its own.
    let (bank, account) = scene.api.world(|world| {
        let bank = world.ids("bank_accounts")[0];
        let accounts = world.list("ledger_accounts");
        let account = accounts.iter().find(|account| account["number"] == "512000").unwrap()["id"].as_i64().unwrap();
        let other = accounts.iter().find(|account| account["number"] == "467000").unwrap()["id"].as_i64().unwrap();
        for id in world.ids("bank_accounts") {
            world.update("bank_accounts", id, |record| {
                record["ledger_account"]["id"] = json!(if id == bank { account } else { other });
                record.insert("currency".into(), json!(if id == bank { "EUR" } else { "USD" }));
                record.insert("balance".into(), json!("1000.5"));
            });
        }
        (bank, account)
    });
    scene.sync("sync_full()");
    let books = books(&scene);
    let held: i64 =
        books.lines.iter().filter(|line| line.account == account && !books.repeats(line)).map(Line::balance).sum();
    let shown = format!(
        "SELECT bank_account_id, bank_balance, ledger_balance, difference FROM pennylane.cash_position WHERE bank_account_id = {bank}"
    );
    assert_eq!(amounts(&scene, &shown), BTreeMap::from([(bank.to_string(), vec![100_050, held, 100_050 - held])]));
    let shared = "SELECT count(*) FROM pennylane.cash_position WHERE ledger_balance IS NULL AND difference IS NULL";
    let banks = scene.api.world(|world| world.count("bank_accounts"));
    assert_eq!(scene.value(shared).unwrap(), (banks - 1).to_string(), "the others share one ledger account");
    let movements = scene.api.world(|world| world.list("transactions"));
    let last = movements
        .iter()
        .filter(|movement| movement["archived_at"].is_null() && movement["bank_account"]["id"] == bank)
        .filter_map(|movement| day(&movement["date"]))
        .max();
    let shown = format!("SELECT last_transaction_date FROM pennylane.cash_position WHERE bank_account_id = {bank}");
    assert_eq!(scene.value(&shown), last.map(|day| day.to_string()));
}

#[test]
fn the_analytical_ledger_is_sorted_into_its_classes() {
    let scene = Scene::synced();
    let classes = [
        "Capitaux",
        "Immobilisations",
        "Stocks",
        "Tiers",
        "Financier",
        "Charges",
        "Produits",
        "Spéciaux",
        "Analytique",
    ];
    let shown = rows(
        &scene,
        "SELECT account_number, pcg_1, pcg_2, pcg_3, categorie_compte, count(*), sum(balance) \
         FROM pennylane.analytical_ledger_classes GROUP BY 1, 2, 3, 4, 5",
    );
    assert!(shown.len() > 10);
    for row in &shown {
        let number = row[0].as_deref().unwrap();
        let class = classes[number[..1].parse::<usize>().unwrap() - 1];
        let expected = [&number[..1], &number[..2], &number[..3], class].map(|text| Some(text.to_owned()));
        assert_eq!(row[1..5], expected, "{number}");
    }
    let held = rows(
        &scene,
        "SELECT account_number, count(*), sum(coalesce(debit, 0) - coalesce(credit, 0))::numeric(18, 2) \
         FROM pennylane.analytical_ledger GROUP BY 1 ORDER BY 1",
    );
    let mut sums: Vec<Row> = shown.iter().map(|row| vec![row[0].clone(), row[5].clone(), row[6].clone()]).collect();
    sums.sort_by(|a, b| a[0].cmp(&b[0]));
    let sorted = |mut rows: Vec<Row>| {
        rows.sort_by(|a, b| a[0].cmp(&b[0]));
        rows
    };
    assert_eq!(sums, sorted(held));
}

#[test]
fn facts_are_the_records_and_each_finds_its_dimensions() {
    let scene = Scene::synced();
    let books = books(&scene);
    let lines = amounts(&scene, "SELECT ledger_entry_line_id, debit, credit, balance FROM pennylane.fact_ledger_line");
    let expected: BTreeMap<String, Vec<i64>> =
        books.lines.iter().map(|line| (line.id.to_string(), vec![line.debit, line.credit, line.balance()])).collect();
    assert_eq!(lines, expected);
    let openings = rows(&scene, "SELECT ledger_entry_line_id FROM pennylane.fact_ledger_line WHERE is_carried_forward");
    let openings: BTreeSet<String> = openings.into_iter().filter_map(|row| row[0].clone()).collect();
    let expected: BTreeSet<String> =
        books.lines.iter().filter(|line| books.repeats(line)).map(|line| line.id.to_string()).collect();
    assert_eq!(openings, expected);
    let (sales, purchases, movements) = scene
        .api
        .world(|world| (world.list("customer_invoices"), world.list("supplier_invoices"), world.list("transactions")));
    let facts = |records: &[Value], kept: &dyn Fn(&Value) -> bool, amounts: &[&str]| -> BTreeMap<String, Vec<i64>> {
        let kept = records.iter().filter(|record| record["archived_at"].is_null() && kept(record));
        kept.map(|record| (record["id"].to_string(), amounts.iter().map(|name| cents(&record[name])).collect()))
            .collect()
    };
    let expected = facts(
        &sales,
        &|invoice| {
            let status = invoice["status"].as_str().unwrap_or_default();
            invoice["draft"] == false
                && !["draft", "archived", "proforma", "shipping_order", "purchasing_order"].contains(&status)
                && !status.starts_with("estimate")
        },
        &["amount", "tax", "currency_amount", "currency_tax"],
    );
    let shown =
        "SELECT customer_invoice_id, amount, tax, currency_amount, currency_tax FROM pennylane.fact_customer_invoice";
    assert_eq!(amounts(&scene, shown), expected);
    let expected = facts(
        &purchases,
        &|invoice| !["draft", "archived"].contains(&invoice["accounting_status"].as_str().unwrap_or_default()),
        &["amount", "tax"],
    );
    assert_eq!(
        amounts(&scene, "SELECT supplier_invoice_id, amount, tax FROM pennylane.fact_supplier_invoice"),
        expected
    );
    let expected = facts(&movements, &|_| true, &["amount", "currency_amount"]);
    assert_eq!(
        amounts(&scene, "SELECT transaction_id, amount, currency_amount FROM pennylane.fact_transaction"),
        expected
    );
    for (fact, column, dimension, key) in [
        ("fact_ledger_line", "ledger_account_id", "dim_account", "ledger_account_id"),
        ("fact_ledger_line", "journal_id", "dim_journal", "journal_id"),
        ("fact_ledger_line", "date", "dim_date", "date"),
        ("fact_ledger_line", "customer_id", "dim_customer", "customer_id"),
        ("fact_ledger_line", "supplier_id", "dim_supplier", "supplier_id"),
        ("fact_ledger_line", "fiscal_year_id", "fiscal_years", "id"),
        ("fact_customer_invoice", "customer_id", "dim_customer", "customer_id"),
        ("fact_customer_invoice", "date", "dim_date", "date"),
        ("fact_supplier_invoice", "supplier_id", "dim_supplier", "supplier_id"),
        ("fact_supplier_invoice", "date", "dim_date", "date"),
        ("fact_transaction", "customer_id", "dim_customer", "customer_id"),
        ("fact_transaction", "journal_id", "dim_journal", "journal_id"),
        ("fact_transaction", "date", "dim_date", "date"),
        ("fact_transaction", "bank_account_id", "cash_position", "bank_account_id"),
    ] {
        let found = format!(
            "SELECT count(*) > 0 AND count(*) = count(d.{key}) FROM pennylane.{fact} f \
             LEFT JOIN pennylane.{dimension} d ON d.{key} = f.{column} WHERE f.{column} IS NOT NULL"
        );
        assert_eq!(scene.value(&found).unwrap(), "t", "{fact}.{column}");
    }
}

#[test]
fn category_shares_add_up_to_the_cent() {
    let scene = Scene::new();
    let day = today(&scene);
    let line = scene.api.world(|world| {
        let entry = world.book_entry(day, "à partager", &[("622600", 10_000, 0), ("512000", 0, 10_000)]);
        let line = world.lines_of(entry)[0]["id"].as_i64().unwrap();
        let category = |id: i64, group: i64, weight: &str| {
            json!({"id": id, "label": format!("c{id}"), "weight": weight, "category_group": {"id": group},
                   "analytical_code": null, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"})
        };
        world.update("ledger_entry_lines", line, |record| {
            record.insert(
                "categories".into(),
                json!([
                    category(1, 7, "0.3333"),
                    category(2, 7, "0.3333"),
                    category(3, 7, "0.3334"),
                    category(4, 8, "0.125")
                ]),
            );
        });
        line
    });
    scene.sync("sync_full()");
    let shown = format!(
        "SELECT category_id, debit, credit FROM pennylane.ledger_entry_line_categories WHERE ledger_entry_line_id = {line}"
    );
    let expected = [("1", 3_333), ("2", 3_333), ("3", 3_334), ("4", 1_250)];
    let expected = expected.map(|(category, debit)| (category.to_owned(), vec![debit, 0]));
    assert_eq!(amounts(&scene, &shown), BTreeMap::from(expected));
    for (table, view, parent, amount) in [
        ("ledger_entry_lines", "ledger_entry_line_categories", "ledger_entry_line_id", Some("debit")),
        ("ledger_entries", "ledger_entry_categories", "ledger_entry_id", None),
        ("transactions", "transaction_categories", "transaction_id", Some("amount")),
    ] {
        let records = scene.api.world(|world| world.list(table));
        let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut categories = 0;
        for record in &records {
            let mut weights: BTreeMap<i64, i64> = BTreeMap::new();
            for category in record["categories"].as_array().into_iter().flatten() {
                categories += 1;
                *weights.entry(category["category_group"]["id"].as_i64().unwrap()).or_default() +=
                    ten_thousandths(category["weight"].as_str().unwrap());
            }
            for (group, weight) in weights {
                let whole = amount.map_or(0, |name| cents(&record[name]));
                expected.insert(format!("{} {group}", record["id"]), vec![rounded(whole * weight), weight]);
            }
        }
        assert!(categories > 3, "{table} has {categories} categories");
        assert_eq!(scene.value(&format!("SELECT count(*) FROM pennylane.{view}")).unwrap(), categories.to_string());
        let amount = amount.map_or("0".to_owned(), |name| format!("sum({name})"));
        let shown = format!(
            "SELECT {parent} || ' ' || category_group_id, {amount}, trim_scale(sum(weight) * 100) FROM pennylane.{view} GROUP BY {parent}, category_group_id"
        );
        assert_eq!(amounts(&scene, &shown), expected, "{view}");
    }
}

/// A weight in ten thousandths.
fn ten_thousandths(weight: &str) -> i64 {
    let (units, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    assert!(decimals.len() <= 4, "{weight}");
    format!("{units}{decimals:0<4}").parse().unwrap()
}

/// Ten thousandths of cents, rounded half away from zero as PostgreSQL rounds.
fn rounded(value: i64) -> i64 {
    (value.abs() + 5_000) / 10_000 * value.signum()
}

#[test]
fn an_invoice_in_dollars_and_its_credit_note_are_counted_in_euro() {
    let scene = Scene::synced();
    let shown = "SELECT sum(amount), sum(tax), sum(amount_before_tax), sum(remaining_amount), count(*) FROM pennylane.fact_customer_invoice";
    let before = rows(&scene, shown)[0].clone();
    let receivables = sum(&scene, "SELECT sum(total) FROM pennylane.aged_receivables");
    let day = today(&scene);
    let (invoice, note) = scene.api.world(|world| {
        let customer = world.new_record("customer_invoices")["customer"].clone();
        let party = world.list("customers")[0]["id"].clone();
        // USD 1,200.00, VAT included, at 0.9: EUR 1,080.00. A third is taken back.
        let entry = world.book_entry(
            day,
            "facture USD",
            &[("411USD", 108_000, 0), ("706000", 0, 90_000), ("445710", 0, 18_000)],
        );
        let credit =
            world.book_entry(day, "avoir USD", &[("411USD", 0, 36_000), ("706000", 30_000, 0), ("445710", 6_000, 0)]);
        let mut add = |entry: i64, amounts: [&str; 6], status: &str, credited: Value| {
            let mut record = world.new_record("customer_invoices");
            let [amount, tax, remaining, currency_amount, currency_tax, before_tax] = amounts;
            for (name, value) in [
                ("amount", json!(amount)),
                ("tax", json!(tax)),
                ("remaining_amount_with_tax", json!(remaining)),
                ("currency", json!("USD")),
                ("currency_amount", json!(currency_amount)),
                ("currency_tax", json!(currency_tax)),
                ("currency_amount_before_tax", json!(before_tax)),
                ("exchange_rate", json!("0.9")),
                ("draft", json!(false)),
                ("paid", json!(false)),
                ("archived_at", Value::Null),
                ("status", json!(status)),
                ("date", json!(day)),
                ("deadline", json!(day)),
                ("ledger_entry", json!({"id": entry})),
                ("credited_invoice", credited),
                ("customer", if customer.is_null() { Value::Null } else { json!({"id": party, "url": "https://x"}) }),
            ] {
                record[name] = value;
            }
            world.insert("customer_invoices", record)
        };
        let invoice = add(entry, ["1080.0", "180.0", "1080.00", "1200", "200.0", "1000.00"], "upcoming", Value::Null);
        let credited = json!({"id": invoice, "url": "https://x"});
        let note = add(credit, ["-360.0", "-60", "0.0", "-400.00", "-66.67", "-333.33"], "credit_note", credited);
        (invoice, note)
    });
    scene.sync("sync_incremental()");
    let fact = |id: i64| {
        let columns = "amount, tax, amount_before_tax, remaining_amount, currency_amount, currency_tax, currency_amount_before_tax";
        let query = format!(
            "SELECT currency || is_credit_note, {columns} FROM pennylane.fact_customer_invoice WHERE customer_invoice_id = {id}"
        );
        amounts(&scene, &query)
    };
    let expected = [108_000, 18_000, 90_000, 108_000, 120_000, 20_000, 100_000].to_vec();
    assert_eq!(fact(invoice), BTreeMap::from([("USDfalse".to_owned(), expected)]));
    let expected = [-36_000, -6_000, -30_000, 0, -40_000, -6_667, -33_333].to_vec();
    assert_eq!(fact(note), BTreeMap::from([("USDtrue".to_owned(), expected)]));
    let after = rows(&scene, shown)[0].clone();
    let grown = |place: usize| in_cents(after[place].as_deref().unwrap()) - in_cents(before[place].as_deref().unwrap());
    assert_eq!([grown(0), grown(1), grown(2), grown(4)], [72_000, 12_000, 60_000, 200]);
    assert_eq!(sum(&scene, "SELECT sum(total) FROM pennylane.aged_receivables") - receivables, 72_000);
    let own = "SELECT account_number, not_due, total FROM pennylane.aged_receivables WHERE account_number = '411USD'";
    assert_eq!(amounts(&scene, own), BTreeMap::from([("411USD".to_owned(), vec![72_000, 72_000])]));
    // Only invoices have delays.
    let delays = format!(
        "SELECT string_agg(customer_invoice_id::text, ',') FROM pennylane.customer_invoice_delays WHERE customer_invoice_id IN ({invoice}, {note})"
    );
    assert_eq!(scene.value(&delays).unwrap(), invoice.to_string());
}
