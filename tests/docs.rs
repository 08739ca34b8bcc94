//! What the pages say exists: files they point to, functions, settings and relations they name, messages they explain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The pages of the project.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let tops = ["README.md", "SECURITY.md", "CHANGELOG.md"].map(PathBuf::from);
    let pages = tops.into_iter().chain(docs.filter(|path| path.extension().is_some_and(|end| end == "md")));
    pages.map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// All that the product is made of, in one text: the Rust sources, and the SQL that is not frozen.
fn sources() -> String {
    fn collect(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                collect(&path, text);
            } else if !name.starts_with("penny_pg--") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    collect(Path::new("src"), &mut text);
    collect(Path::new("sql"), &mut text);
    text
}

/// Each piece of `text` between two of these.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split_once(close)).map(|(piece, _)| piece).collect()
}

/// The name at the beginning of a text.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches(['#', ' ']).to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for (page, text) in pages() {
        for link in between(&text, "](", ")").into_iter().filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !heading.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                let found = there.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(found, "{}: {link} leads to no heading", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 20, "only {links} links were found");
}

#[test]
fn every_function_setting_and_relation_that_a_page_names_exists() {
    let sources = sources();
    let known = |word: &str| {
        [
            format!("fn {word}("),
            format!("FUNCTION pennylane.{word}("),
            format!("name = \"{word}\""),
            format!("c\"pennylane.{word}\""),
            format!("TABLE pennylane.{word} ("),
            format!("TABLE IF NOT EXISTS pennylane.{word} ("),
            format!("VIEW pennylane.{word} AS"),
        ]
        .iter()
        .any(|made| sources.contains(made))
    };
    let mut seen = BTreeSet::new();
    for (page, text) in pages() {
        for rest in text.split("pennylane.").skip(1) {
            let word = name(rest);
            // The site, the file of Power BI, and that of a backup.
            if word.is_empty() || ["com", "pbids", "dump"].contains(&word) {
                continue;
            }
            assert!(known(word), "{}: pennylane.{word} is not made anywhere", page.display());
            seen.insert(word.to_owned());
        }
    }
    assert!(seen.len() > 40, "only {} names were found", seen.len());
}

#[test]
fn every_message_that_the_guide_explains_is_one_that_is_said() {
    // As one line, without the breaks of long texts.
    let sources = sources();
    let sources: String = sources.split("\\\n").map(str::trim_start).collect();
    let guide = fs::read_to_string("docs/guide.fr.md").unwrap();
    let (_, table) = guide.split_once("| message | ce que c'est | que faire |").unwrap();
    let mut explained = 0;
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let message = row.split('|').nth(1).unwrap();
        assert!(message.matches('`').count() % 2 == 0, "{row}");
        for words in message.split('`').skip(1).step_by(2) {
            assert!(sources.contains(words), "nothing says {words:?}");
            explained += 1;
        }
    }
    assert!(explained > 20, "only {explained} messages were found");
}
