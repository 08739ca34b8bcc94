//! A page of the trial balance. Its rows have no id: an account's number is all that names them.

use crate::error::{Error, Result};
use bigdecimal::BigDecimal;
use serde::Deserialize;
use std::str::FromStr;

/// What an account adds up to in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    pub number: String,
    pub debit: BigDecimal,
    pub credit: BigDecimal,
}

/// One page.
#[derive(Debug)]
pub struct BalancePage {
    pub balances: Vec<Balance>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    items: Vec<Item>,
    has_more: Option<bool>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    number: String,
    debits: String,
    credits: String,
}

impl BalancePage {
    /// Reads a page.
    ///
    /// # Errors
    /// `Contract` when it is no page of a trial balance, or promises more and does not say where.
    pub fn parse(path: &str, body: &[u8]) -> Result<BalancePage> {
        let broken = |what: &str| Error::Contract { path: path.to_owned(), what: what.to_owned() };
        let page: Envelope = serde_json::from_slice(body).map_err(|_| broken("a page that is no trial balance"))?;
        let amount = |text: &str| BigDecimal::from_str(text).map_err(|_| broken("an amount that is no decimal"));
        let balances = page.items.iter().map(|item| {
            let (debit, credit) = (amount(&item.debits)?, amount(&item.credits)?);
            Ok(Balance { number: item.number.clone(), debit, credit })
        });
        let balances = balances.collect::<Result<Vec<_>>>()?;
        let next_cursor = match page.has_more {
            Some(false) => None,
            Some(true) if page.next_cursor.is_none() => {
                return Err(broken("a page that promises more and gives no cursor"));
            }
            _ => page.next_cursor,
        };
        Ok(BalancePage { balances, next_cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_exact_amounts_and_what_follows() {
        let body = br#"{"items":[{"number":"411000","formatted_number":"411000000","label":"x","debits":"0.10","credits":"12345678901234567.89"}],"has_more":true,"next_cursor":"c="}"#;
        let page = BalancePage::parse("/trial_balance", body).unwrap();
        assert_eq!(page.balances[0].debit.to_string(), "0.10");
        assert_eq!(page.balances[0].credit.to_string(), "12345678901234567.89");
        assert_eq!(page.next_cursor.as_deref(), Some("c="));
    }

    #[test]
    fn broken_pages_are_refused_without_their_content() {
        for body in [
            r#"{"items":[{"number":"1","debits":"Dupont","credits":"0"}],"has_more":false,"next_cursor":null}"#,
            r#"{"items":[{"number":"1","debits":null,"credits":"Dupont"}],"has_more":false,"next_cursor":null}"#,
            r#"{"items":[],"has_more":true,"next_cursor":null}"#,
            "<html>Dupont</html>",
        ] {
            let error = BalancePage::parse("/x", body.as_bytes()).unwrap_err();
            assert!(matches!(error, Error::Contract { .. }) && !error.to_string().contains("Dupont"), "{error}");
        }
    }
}
