//! The FEC: the columns that the law names and the rules of its lines. Whatever breaks them stops the reading: this is
//! the legal file, and a line that cannot be read must not be missing from a total.

use super::header::{Lack, Slugs, Title, Titles, fold};
use super::plan::{Bound, Plan};
use super::record::{Field, Kind, Record};
use super::value::{Sort, Wrong, cell};
use super::{Line, Part, Reader, refusal};
use crate::error::{Error, Result};
use crate::row::Shape;

/// The columns of the law but for the two of the amount: their names there, in the table, and what they hold.
const LAW: [(&str, &str, Sort); 16] = [
    ("JournalCode", "journal_code", Sort::Text),
    ("JournalLib", "journal_lib", Sort::Text),
    ("EcritureNum", "ecriture_num", Sort::Text),
    ("EcritureDate", "ecriture_date", Sort::Day),
    ("CompteNum", "compte_num", Sort::Text),
    ("CompteLib", "compte_lib", Sort::Text),
    ("CompAuxNum", "comp_aux_num", Sort::Text),
    ("CompAuxLib", "comp_aux_lib", Sort::Text),
    ("PieceRef", "piece_ref", Sort::Text),
    ("PieceDate", "piece_date", Sort::Day),
    ("EcritureLib", "ecriture_lib", Sort::Text),
    ("EcritureLet", "ecriture_let", Sort::Text),
    ("DateLet", "date_let", Sort::Day),
    ("ValidDate", "valid_date", Sort::Day),
    ("Montantdevise", "montant_devise", Sort::Amount),
    ("Idevise", "idevise", Sort::Text),
];
const SIDES: [(&str, &str, Sort); 2] = [("Debit", "debit", Sort::Amount), ("Credit", "credit", Sort::Amount)];
/// What may stand in place of the two sides.
const SIGNED: [(&str, &str, Sort); 2] = [("Montant", "montant", Sort::Amount), ("Sens", "sens", Sort::Text)];
/// Names that the law gives to some, so that their words are known in any case of letters.
const OPTIONAL: [(&str, &str); 4] =
    [("DateRglt", "date_rglt"), ("ModeRglt", "mode_rglt"), ("NatOp", "nat_op"), ("IdClient", "id_client")];
const ZERO: Field<'static> = Field { text: "0.00", kind: Kind::Text };
const NOTHING: Field<'static> = Field { text: "", kind: Kind::Text };

/// The columns of a header; a column of the law that is missing or repeated makes it none.
pub fn titles(record: &Record) -> std::result::Result<Titles, Lack> {
    let folded: Vec<String> = record.fields.iter().map(fold).collect();
    let count = |name: &str| folded.iter().filter(|header| **header == fold(name)).count();
    let signed = SIDES.iter().all(|(name, ..)| count(name) == 0) && SIGNED.iter().any(|(name, ..)| count(name) > 0);
    let amounts = if signed { SIGNED } else { SIDES };
    let law = || LAW.iter().chain(&amounts);

    let missing: Vec<&str> = law().map(|(name, ..)| *name).filter(|name| count(name) == 0).collect();
    let repeated: Vec<&str> = law().map(|(name, ..)| *name).filter(|name| count(name) > 1).collect();
    let known = law().count() - missing.len();
    let lack = |what| Err(Lack { known, what });
    if known == 0 {
        return lack("its first line does not hold the names of a FEC's columns (JournalCode, JournalLib, ...)".into());
    }
    if !missing.is_empty() {
        return lack(format!("its header lacks {}", missing.join(", ")));
    }
    if !repeated.is_empty() {
        return lack(format!("its header repeats {}", repeated.join(", ")));
    }

    let mut slugs = Slugs::default();
    // A separator may end the header: a column without a name behind the last one is none.
    let width = folded.iter().rposition(|header| !header.is_empty()).map_or(0, |last| last + 1);
    let columns = folded.iter().zip(record.fields.iter()).take(width).enumerate().map(|(at, (folded, header))| {
        match law().find(|(name, ..)| fold(name) == *folded) {
            Some((said, name, sort)) => {
                Title { name: (*name).into(), said: (*said).into(), sort: *sort, named: true, spare: false }
            }
            None => {
                let optional = OPTIONAL.iter().find(|(name, _)| fold(name) == *folded);
                slugs.title(optional.map_or(header, |(name, _)| name), at, false)
            }
        }
    });
    Ok(Titles { columns: columns.collect(), known })
}

/// The reader of a FEC's lines.
pub struct Fec {
    plan: Plan,
    /// The columns but for the sides.
    bound: Vec<Bound>,
    sides: Sides,
    debit: Option<Bound>,
    credit: Option<Bound>,
    /// Fields of a record.
    width: usize,
    scratch: String,
}

/// Where the file has its amounts.
enum Sides {
    Two { debit: usize, credit: usize },
    Signed { amount: usize, sign: usize },
}

impl Fec {
    /// A reader for a table.
    pub fn new(mut titles: Titles, shape: &Shape) -> Fec {
        let width = titles.columns.len();
        let law =
            |said: &str| titles.columns.iter().position(|title| title.sort != Sort::Unknown && title.said == said);
        let sides = match (law("Montant"), law("Sens"), law("Debit"), law("Credit")) {
            (Some(amount), Some(sign), ..) => {
                // Seen from the table, the two columns are a debit and a credit.
                for (at, name) in [(amount, "debit"), (sign, "credit")] {
                    titles.columns[at] = Title {
                        name: name.into(),
                        said: "Montant".into(),
                        sort: Sort::Amount,
                        named: true,
                        spare: false,
                    };
                }
                Sides::Signed { amount, sign }
            }
            (_, _, debit, credit) => {
                Sides::Two { debit: debit.unwrap_or_default(), credit: credit.unwrap_or_default() }
            }
        };
        let mut plan = Plan::new(titles, shape);
        let is_side = |bound: &Bound, name| bound.sort == Sort::Amount && bound.name == name;
        let take = |bound: &mut Vec<Bound>, name| {
            bound.iter().position(|bound| is_side(bound, name)).map(|at| bound.remove(at))
        };
        let mut bound = std::mem::take(&mut plan.bound);
        let (debit, credit) = (take(&mut bound, "debit"), take(&mut bound, "credit"));
        Fec { plan, bound, sides, debit, credit, width, scratch: String::new() }
    }

    /// The texts of debit and credit.
    fn sides<'a>(&self, record: &'a Record) -> Result<(Field<'a>, Field<'a>)> {
        let (amount, sign) = match self.sides {
            Sides::Two { debit, credit } => return Ok((record.field(debit), record.field(credit))),
            Sides::Signed { amount, sign } => (record.field(amount), record.field(sign).text),
        };
        match sign {
            "" if amount.text.is_empty() => Ok((NOTHING, NOTHING)),
            "D" | "d" | "+1" | "1" | "+" => Ok((amount, NOTHING)),
            "C" | "c" | "-1" | "-" => Ok((NOTHING, amount)),
            _ => Err(refusal(format!("line {}: Sens is neither a debit nor a credit (D, C, +1, -1)", record.line))),
        }
    }

    fn check_width(&self, record: &Record) -> Result<()> {
        let (width, found) = (self.width, record.fields.len());
        let short = found < width && !record.ragged;
        if short || (found > width && !record.is_blank_from(width)) {
            let what = if short { "; the file may have been cut short" } else { "" };
            return Err(refusal(format!("line {} has {found} fields in place of {width}{what}", record.line)));
        }
        Ok(())
    }
}

impl Reader for Fec {
    fn part(&mut self, record: &Record) -> Result<Part> {
        self.check_width(record)?;
        let mut cells = vec![None; self.plan.cells];
        for bound in &self.bound {
            let mut field = record.field(bound.at);
            // How some write that a line has no lettering.
            if bound.said == "DateLet" && field.text.bytes().all(|byte| byte == b'0') {
                field = NOTHING;
            }
            cells[bound.place] = cell(field, bound.sort, bound.live, &mut self.scratch)
                .map_err(|wrong| refused(wrong, bound, record))?;
        }
        let (debit, credit) = self.sides(record)?;
        let nothing = debit.text.is_empty() && credit.text.is_empty();
        for (bound, field) in [(&self.debit, debit), (&self.credit, credit)] {
            let Some(bound) = bound else { continue };
            let field = if field.text.is_empty() && !nothing { ZERO } else { field };
            cells[bound.place] = cell(field, bound.sort, bound.live, &mut self.scratch)
                .map_err(|wrong| refused(wrong, bound, record))?;
        }
        if !self.plan.loose.is_empty() {
            self.plan.observe(record, &mut self.scratch);
        }
        Ok(Part::Line(Line { cells, extra: None }))
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }
}

fn refused(wrong: Wrong, bound: &Bound, record: &Record) -> Error {
    let (line, said) = (record.line, &bound.said);
    refusal(match wrong {
        Wrong::Day => format!("line {line}: {said} is no date (YYYYMMDD)"),
        Wrong::Amount => format!("line {line}: {said} is no amount"),
        Wrong::Fit => format!("line {line}: {said} does not fit the column {} of type {}", bound.name, bound.live),
    })
}
