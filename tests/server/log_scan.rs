//! What no server log may hold, looked for in the log of every test when it ends: tokens, signed links, and names,
//! addresses, account numbers and amounts of records; and what PostgreSQL says of code that does not clean up after itself.

use crate::scene::TOKEN;
use fake_pennylane::FakePennylane;
use serde_json::Value;
use std::collections::HashSet;

/// Shorter ones would be found where they are something else.
const SHORTEST: usize = 6;

/// What records hold that nobody else's log may.
fn private(api: &FakePennylane) -> HashSet<String> {
    const WORDS: [(&str, &[&str]); 3] = [
        ("customers", &["name", "billing_iban", "emails", "first_name", "last_name", "phone"]),
        ("suppliers", &["name", "iban", "emails"]),
        ("bank_accounts", &["iban"]),
    ];
    const AMOUNTS: [(&str, &[&str]); 4] = [
        ("customer_invoices", &["amount", "currency_amount", "tax", "remaining_amount_with_tax"]),
        ("supplier_invoices", &["amount", "currency_amount", "tax"]),
        ("transactions", &["amount", "currency_amount"]),
        ("ledger_entry_lines", &["debit", "credit"]),
    ];
    let mut found = HashSet::new();
    let mut note = |value: &Value| match value {
        Value::String(text) if text.len() >= SHORTEST => {
            found.insert(text.trim_start_matches('-').to_owned());
        }
        _ => {}
    };
    api.world(|world| {
        for (table, fields) in WORDS.iter().chain(&AMOUNTS) {
            for record in world.list(table) {
                for field in *fields {
                    match &record[*field] {
                        Value::Array(texts) => texts.iter().for_each(&mut note),
                        value => note(value),
                    }
                }
            }
        }
    });
    found
}

/// PostgreSQL's complaints about locks, memory and references that were not given back, or twice.
const UNTIDY: [&str; 4] = ["you don't own a lock", "reference leak", "still active", "transaction left non-empty"];

/// Fails when PostgreSQL complains.
pub fn holds_no_complaint(log: &str) {
    let complaint = said_by_the_server(log).find(|line| UNTIDY.iter().any(|words| line.contains(words)));
    assert_eq!(complaint, None, "PostgreSQL complains");
}

/// The log without times and without what a test typed itself: the text of its statements. An entry goes on in lines that
/// begin with a tab.
fn said_by_the_server(log: &str) -> impl Iterator<Item = &str> {
    const TYPED: [&str; 4] = ["statement: ", "execute ", "duration: ", "parameters: "];
    let mut typed = false;
    log.lines().filter_map(move |line| {
        if line.starts_with('\t') {
            return (!typed).then_some(line);
        }
        let (begin, message) = line.split_once(":  ").unwrap_or(("", line));
        typed = TYPED.iter().any(|start| message.starts_with(start)) || begin.ends_with(" STATEMENT");
        (!typed).then_some(message)
    })
}

/// The first thing in a log that may not be there, and its line.
fn first_private(log: &str, api: &FakePennylane) -> Option<String> {
    let private = private(api);
    let (amounts, words): (Vec<_>, Vec<_>) =
        private.iter().partition(|text| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    let amounts: HashSet<&str> = amounts.into_iter().filter(|text| text.contains('.')).map(String::as_str).collect();
    said_by_the_server(log).find_map(|line| {
        let mut numbers = line.split(|c: char| !c.is_ascii_digit() && c != '.').map(|text| text.trim_end_matches('.'));
        let what = [TOKEN, "signature="].into_iter().find(|text| line.contains(text));
        let what = what.or_else(|| numbers.find(|number| amounts.contains(number)));
        let what = what.or_else(|| words.iter().map(|word| word.as_str()).find(|word| line.contains(word)));
        what.map(|what| format!("{what:?} in the log: {line}"))
    })
}

/// # Panics
/// When the log holds something of the records of this API, a token or a signed link.
pub fn holds_nothing_private(log: &str, api: &FakePennylane) {
    if let Some(found) = first_private(log, api) {
        panic!("{found}");
    }
}

/// Whether the server said this, other than by what a test typed.
pub fn says(log: &str, text: &str) -> bool {
    said_by_the_server(log).any(|line| line.contains(text))
}

#[test]
fn the_scan_finds_what_the_server_says_and_passes_over_what_a_test_types() {
    let api = crate::scene::Scene::api(fake_pennylane::Size::tiny());
    let (name, amount) = api.world(|world| {
        let name = world.list("customers")[0]["name"].as_str().unwrap().to_owned();
        let lines = world.list("ledger_entry_lines");
        let amount = lines.iter().find_map(|line| line["debit"].as_str().filter(|text| text.len() >= SHORTEST));
        (name, amount.unwrap().to_owned())
    });
    let prefix = "2026-11-21 11:40:18.677 UTC [25449] ";
    let typed = format!("{prefix}LOG:  statement: SELECT '{name}'\n\t, {amount}\n{prefix}LOG:  fine");
    assert_eq!(first_private(&typed, &api), None);
    for said in [name.as_str(), &amount, TOKEN, "https://x.test/?signature=1"] {
        let log = format!("{prefix}LOG:  statement: SELECT 1\n{prefix}WARNING:  it is {said}\n");
        assert!(first_private(&log, &api).is_some(), "{said} was not found");
    }
}
