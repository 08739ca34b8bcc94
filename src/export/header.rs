//! The row of names: how names are compared, what a name without a known column becomes, and where the row is.

use super::record::{Record, Source};
use super::value::Sort;
use super::{Layout, fec, ledger};
use crate::error::Result;

/// The columns of a file, in its order.
#[derive(Debug, Clone)]
pub struct Titles {
    pub columns: Vec<Title>,
    /// How many of them the layout knows.
    pub known: usize,
}

impl Titles {
    /// The columns up to the last one that has a name.
    pub fn named(&self) -> &[Title] {
        let width = self.columns.iter().rposition(|title| title.named).map_or(0, |last| last + 1);
        &self.columns[..width]
    }
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// The name that a column of the table has or would have.
    pub name: String,
    /// The name that messages give: that of the law, or `name`.
    pub said: String,
    pub sort: Sort,
    /// The file gives it a name; else it counts only if it has values.
    pub named: bool,
    /// Another column of the file holds what the table's column of this name holds.
    pub spare: bool,
}

/// What is missing of a row to be the header.
#[derive(Debug, Clone)]
pub struct Lack {
    pub known: usize,
    pub what: String,
}

/// Reads on to the header, so that the next record is the first behind it.
pub fn find(layout: Layout, source: &mut dyn Source) -> Result<std::result::Result<Titles, Lack>> {
    let mut record = Record::default();
    let mut closest = Lack { known: 0, what: "it has no row at all".into() };
    let mut rows = 0;
    while source.next(&mut record)? {
        let titles = match layout {
            // The law wants it in the first record.
            Layout::Fec if rows > 0 => break,
            Layout::Fec => fec::titles(&record),
            Layout::AnalyticalLedger if record.line > ledger::HEADER_WITHIN => break,
            Layout::AnalyticalLedger => ledger::titles(&record),
        };
        match titles {
            Ok(titles) => return Ok(Ok(titles)),
            Err(lack) if rows == 0 || lack.known > closest.known => closest = lack,
            Err(_) => {}
        }
        rows += 1;
    }
    Ok(Err(closest))
}

/// A name as it is compared: letters without accents, in lower case, and digits; nothing else.
pub fn fold(name: &str) -> String {
    plain(name).filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

/// The name of the column that a header without a known column would fill: `DateRglt` gives `date_rglt`.
pub fn slug(name: &str) -> String {
    let chars: Vec<char> = plain(name).collect();
    let mut slug = String::with_capacity(chars.len() + 4);
    for (at, char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let starts_a_word = char.is_uppercase()
            && before.is_some_and(|before| {
                let in_an_acronym = before.is_uppercase() && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
                before.is_lowercase() || before.is_numeric() || in_an_acronym
            });
        if (starts_a_word || !char.is_alphanumeric()) && !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
        if char.is_alphanumeric() {
            slug.extend(char.to_lowercase());
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    slug
}

/// The name of a column that has none.
pub fn nameless(at: usize) -> String {
    format!("column_{}", at + 1)
}

/// The names of the columns that nothing knows, none of them twice.
#[derive(Default)]
pub struct Slugs(std::collections::HashSet<String>);

impl Slugs {
    /// The title of an unknown column, by its place in the file.
    pub fn title(&mut self, header: &str, at: usize, spare: bool) -> Title {
        let header = header.trim();
        let slug = match slug(header) {
            slug if slug.is_empty() => nameless(at),
            slug => slug,
        };
        let name = (1_u32..)
            .map(|number| if number == 1 { slug.clone() } else { format!("{slug}_{number}") })
            .find(|name| !self.0.contains(name))
            .unwrap_or_default();
        self.0.insert(name.clone());
        Title { said: name.clone(), name, sort: Sort::Unknown, named: !header.is_empty(), spare }
    }
}

/// The characters without their accents; ligatures are two letters.
fn plain(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .flat_map(|char| {
            let (first, second) = match char {
                'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => ('a', None),
                'ç' => ('c', None),
                'è' | 'é' | 'ê' | 'ë' => ('e', None),
                'ì' | 'í' | 'î' | 'ï' => ('i', None),
                'ñ' => ('n', None),
                'ò' | 'ó' | 'ô' | 'õ' | 'ö' => ('o', None),
                'ù' | 'ú' | 'û' | 'ü' => ('u', None),
                'ý' | 'ÿ' => ('y', None),
                'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' => ('A', None),
                'Ç' => ('C', None),
                'È' | 'É' | 'Ê' | 'Ë' => ('E', None),
                'Ì' | 'Í' | 'Î' | 'Ï' => ('I', None),
                'Ñ' => ('N', None),
                'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' => ('O', None),
                'Ù' | 'Ú' | 'Û' | 'Ü' => ('U', None),
                'Ý' | 'Ÿ' => ('Y', None),
                'æ' => ('a', Some('e')),
                'œ' => ('o', Some('e')),
                'Æ' => ('A', Some('E')),
                'Œ' => ('O', Some('E')),
                // The sign of "n°", which Unicode takes for a letter in one of its forms.
                'º' => ('°', None),
                // An accent that stands behind its letter.
                '\u{300}'..='\u{36f}' => return [None, None],
                other => (other, None),
            };
            [Some(first), second]
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_accents_case_and_punctuation() {
        for name in ["N° de pièce", "Nº DE PIE\u{300}CE", "n.de-piece ", "\u{feff}N°_de Pièce"] {
            assert_eq!(fold(name), "ndepiece", "{name}");
        }
        assert_eq!(fold("Œuvre"), "oeuvre");
    }

    #[test]
    fn an_unknown_header_becomes_the_name_of_a_column() {
        for (header, name) in [
            ("DateRglt", "date_rglt"),
            ("IDClient", "id_client"),
            ("TVA 5,5 %", "tva_5_5"),
            ("  Numéro de  dossier ", "numero_de_dossier"),
            ("Coût (€)", "cout"),
            ("NATOP", "natop"),
            ("€", ""),
        ] {
            assert_eq!(slug(header), name);
        }
    }

    #[test]
    fn no_two_unknown_columns_get_one_name() {
        let mut slugs = Slugs::default();
        let names: Vec<String> = ["Note", "note", "", "NOTE", ""]
            .iter()
            .enumerate()
            .map(|(at, name)| slugs.title(name, at, false).name)
            .collect();
        assert_eq!(names, ["note", "note_2", "column_3", "note_3", "column_5"]);
    }
}
