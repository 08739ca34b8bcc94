//! The analytical general ledger: a workbook without a published layout. Its columns are known by the names that they
//! have in French or English, what no column holds is kept in `extra`, and a value that is not what its column holds is a
//! misfit, as everywhere in the house.

use super::header::{Lack, Slugs, Title, Titles, fold, slug};
use super::plan::Plan;
use super::record::{MOST_FIELDS, Record};
use super::value::{Sort, cell, day, shown};
use super::{Line, Part, Reader, refusal};
use crate::error::Result;
use crate::row::{MISFIT, Shape, json};

/// The header is one of the first rows of the file.
pub const HEADER_WITHIN: u64 = 50;
/// What a row must name to be the header.
const NEEDED: [&str; 4] = ["date", "account_number", "debit", "credit"];

/// The columns of the table, what they hold, and the names that say so, as [`fold`] writes them.
const COLUMNS: [(&str, Sort, &[&str]); 20] = [
    (
        "date",
        Sort::Day,
        &["date", "datedecriture", "dateecriture", "datecomptable", "entrydate", "accountingdate", "postingdate"],
    ),
    ("journal_code", Sort::Text, &["codejournal", "codedujournal", "journalcode", "codejnl"]),
    (
        "journal_label",
        Sort::Text,
        &[
            "libellejournal",
            "libelledujournal",
            "nomdujournal",
            "intitulejournal",
            "intituledujournal",
            "journallabel",
            "journalname",
        ],
    ),
    (
        "entry_number",
        Sort::Text,
        &[
            "numerodecriture",
            "numeroecriture",
            "ndecriture",
            "necriture",
            "numecriture",
            "entrynumber",
            "entryno",
            "mouvement",
        ],
    ),
    (
        "piece_number",
        Sort::Text,
        &[
            "numerodepiece",
            "numeropiece",
            "ndepiece",
            "npiece",
            "numpiece",
            "piece",
            "piecenumber",
            "pieceno",
            "document",
            "documentnumber",
            "voucher",
            "vouchernumber",
        ],
    ),
    (
        "account_number",
        Sort::Text,
        &[
            "numerodecompte",
            "numerocompte",
            "numeroducompte",
            "ndecompte",
            "ncompte",
            "numcompte",
            "comptenum",
            "codecompte",
            "comptegeneral",
            "accountnumber",
            "accountno",
            "accountcode",
            "ledgeraccountnumber",
        ],
    ),
    (
        "account_label",
        Sort::Text,
        &[
            "libelleducompte",
            "libellecompte",
            "libelledecompte",
            "intituleducompte",
            "intitulecompte",
            "nomducompte",
            "accountlabel",
            "accountname",
            "ledgeraccountlabel",
        ],
    ),
    (
        "label",
        Sort::Text,
        &[
            "libelledelecriture",
            "libelleecriture",
            "libelledecriture",
            "libelledelaligne",
            "libelleligne",
            "entrylabel",
            "linelabel",
            "entrylinelabel",
        ],
    ),
    ("third_party", Sort::Text, &["tiers", "nomdutiers", "thirdparty", "thirdpartyname"]),
    (
        "invoice_number",
        Sort::Text,
        &["numerodefacture", "numerofacture", "ndefacture", "nfacture", "numfacture", "invoicenumber", "invoiceno"],
    ),
    ("due_date", Sort::Day, &["datedecheance", "dateecheance", "echeance", "duedate", "deadline"]),
    ("debit", Sort::Amount, &["debit", "montantdebit", "debitamount", "debiteur"]),
    ("credit", Sort::Amount, &["credit", "montantcredit", "creditamount", "crediteur"]),
    ("balance", Sort::Amount, &["solde", "balance"]),
    ("currency", Sort::Text, &["devise", "codedevise", "currency", "currencycode"]),
    (
        "category_group",
        Sort::Text,
        &[
            "familleanalytique",
            "famille",
            "familledecategories",
            "groupedecategories",
            "axeanalytique",
            "axe",
            "analyticfamily",
            "analyticalfamily",
            "categorygroup",
            "categoryfamily",
            "family",
        ],
    ),
    (
        "category",
        Sort::Text,
        &["categorieanalytique", "categorie", "analyticcategory", "analyticalcategory", "category"],
    ),
    ("analytical_code", Sort::Text, &["codeanalytique", "analyticalcode", "analyticcode"]),
    ("weight", Sort::Amount, &["poids", "ponderation", "repartition", "weight"]),
    ("lettering", Sort::Text, &["lettrage", "codelettrage", "codedelettrage", "lettre", "lettering", "letteringcode"]),
];

/// Names that mean one column or another, by what the other headers leave free.
const VAGUE: [(&[&str], &[&str]); 4] = [
    (&["journal", "jnl"], &["journal_code", "journal_label"]),
    (&["compte", "account", "ledgeraccount"], &["account_number", "account_label"]),
    (&["libelle", "label", "description"], &["label"]),
    (&["reference", "ref", "referencepiece"], &["piece_number"]),
];

/// What the title of a row that sums up others begins with, as [`slug`] writes it.
const TOTALS: [&str; 12] = [
    "total",
    "totals",
    "totaux",
    "sous_total",
    "sous_totaux",
    "soustotal",
    "grand_total",
    "subtotal",
    "sub_total",
    "cumul",
    "solde",
    "closing_balance",
];
/// A balance that others do not add up to: what the period begins with.
const OPENINGS: [&str; 6] =
    ["solde_initial", "solde_d_ouverture", "solde_a_nouveau", "solde_reporte", "solde_anterieur", "solde_precedent"];

/// Whether a text is the title of a row that sums up others.
fn is_total(text: &str) -> bool {
    // In one case of letters, or TotalEnergies is two words.
    let slug = slug(&text.to_lowercase());
    let titled = |title: &&str| slug.strip_prefix(*title).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
    TOTALS.iter().any(titled) && !OPENINGS.iter().any(titled)
}

/// The columns of a header, or what it lacks to be one.
pub fn titles(record: &Record) -> std::result::Result<Titles, Lack> {
    let folded: Vec<String> = record.fields.iter().map(fold).collect();
    let mut columns: Vec<Option<&str>> = vec![None; folded.len()];
    let mut claim = |at: usize, wanted: &[&'static str]| {
        let free = wanted.iter().copied().find(|column| !columns.contains(&Some(column)));
        if columns[at].is_none() {
            columns[at] = free;
        }
    };
    for (at, header) in folded.iter().enumerate() {
        if let Some((column, ..)) = COLUMNS.iter().find(|(.., names)| names.contains(&header.as_str())) {
            claim(at, &[column]);
        }
    }
    for (at, header) in folded.iter().enumerate() {
        if let Some((_, wanted)) = VAGUE.iter().find(|(names, _)| names.contains(&header.as_str())) {
            claim(at, wanted);
        }
    }

    let known = columns.iter().flatten().count();
    let missing: Vec<&str> = NEEDED.into_iter().filter(|column| !columns.contains(&Some(column))).collect();
    if !missing.is_empty() {
        let what =
            format!("none of its first {HEADER_WITHIN} rows names all its columns: {} missing", missing.join(", "));
        return Err(Lack { known, what });
    }
    let mut slugs = Slugs::default();
    let titles = columns.iter().zip(record.fields.iter()).enumerate().map(|(at, (column, header))| match column {
        Some(column) => {
            let sort = COLUMNS.iter().find(|(name, ..)| name == column).map_or(Sort::Text, |(_, sort, _)| *sort);
            Title { name: (*column).into(), said: (*column).into(), sort, named: true, spare: false }
        }
        None => {
            let mut title = slugs.title(header, at, false);
            title.spare = columns.contains(&Some(title.name.as_str()));
            title
        }
    });
    Ok(Titles { columns: titles.collect(), known })
}

/// The reader of a ledger's lines.
pub struct Ledger {
    plan: Plan,
    date: usize,
    account: usize,
    sides: [usize; 2],
    /// Fields of a whole record.
    width: usize,
    scratch: String,
}

impl Ledger {
    /// A reader for a table.
    pub fn new(titles: Titles, shape: &Shape) -> Ledger {
        let at = |name| titles.columns.iter().position(|title| title.name == name && !title.spare).unwrap_or_default();
        let (date, account, sides) = (at("date"), at("account_number"), [at("debit"), at("credit")]);
        let width = titles.named().len();
        Ledger { plan: Plan::new(titles, shape), date, account, sides, width, scratch: String::new() }
    }

    /// A row with a day is a line, though its account may stand on another row of its group. A row without one is a
    /// line if it has an account and an amount, as an opening has, and nothing in it says that it sums up others. All
    /// else is a title, a total, or the header again, as it stands on every page of some ledgers.
    fn is_line(&mut self, record: &Record) -> bool {
        let date = record.field(self.date);
        if day(date, &mut self.scratch) {
            return true;
        }
        // A day that was never in the calendar is a misfit, not a title.
        let dated = date.text.starts_with(|char: char| char.is_ascii_digit());
        self.has_account(record) && (dated || self.has_amount(record)) && !record.fields.iter().any(is_total)
    }

    fn has_account(&self, record: &Record) -> bool {
        let account = record.field(self.account).text;
        !account.is_empty() && !is_total(account)
    }

    /// Whether one of the two sides is more than nothing.
    fn has_amount(&self, record: &Record) -> bool {
        self.sides.iter().any(|side| record.field(*side).text.contains(|char| matches!(char, '1'..='9')))
    }

    fn check_width(&self, record: &Record) -> Result<()> {
        let found = record.fields.len();
        if (found < self.width && !record.ragged) || found > MOST_FIELDS {
            return Err(refusal(format!("line {} has {found} fields in place of {}", record.line, self.width)));
        }
        Ok(())
    }

    /// What no column holds, as JSON.
    fn extra(&mut self, record: &Record, misfits: json::Object) -> Option<Box<str>> {
        let mut extra = json::Object::default();
        for loose in &self.plan.loose {
            let field = record.field(loose.at);
            // Links expire, and some let anyone in.
            if !field.text.is_empty() && !json::is_link(&loose.name) && !json::is_link_text(field.text) {
                extra.push_text(&loose.name, shown(field, loose.sort, &mut self.scratch));
            }
        }
        if !misfits.is_empty() {
            extra.push_raw(MISFIT, &misfits.text());
        }
        extra.finish()
    }
}

impl Reader for Ledger {
    fn part(&mut self, record: &Record) -> Result<Part> {
        if !self.is_line(record) {
            return Ok(Part::LeftOut { amounts: self.has_account(record) && self.has_amount(record) });
        }
        self.check_width(record)?;
        self.plan.widen(record);
        let mut cells = vec![None; self.plan.cells];
        let mut misfits = json::Object::default();
        for bound in &self.plan.bound {
            let field = record.field(bound.at);
            match cell(field, bound.sort, bound.live, &mut self.scratch) {
                Ok(cell) => cells[bound.place] = cell,
                Err(_) if json::is_link_text(field.text) => misfits.push_text(&bound.name, "(link)"),
                Err(_) => misfits.push_text(&bound.name, field.text),
            }
        }
        self.plan.observe(record, &mut self.scratch);
        let extra = self.extra(record, misfits);
        Ok(Part::Line(Line { cells, extra }))
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }
}
