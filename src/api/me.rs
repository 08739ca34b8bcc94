//! The answer of `GET /me`: the company behind the token and the scopes it grants.

use crate::error::{Error, Result};
use serde::Deserialize;

/// Whose books the token opens. `user` is left out: it is personal data and may be null.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Me {
    pub company: Company,
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// The company of a token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Company {
    pub id: i64,
    #[serde(default)]
    pub name: Option<String>,
    /// SIREN in France.
    #[serde(default)]
    pub reg_no: Option<String>,
}

impl Me {
    /// Reads the body of `/me`.
    ///
    /// # Errors
    /// `Contract` when there is no company id in it.
    pub fn parse(body: &[u8]) -> Result<Me> {
        serde_json::from_slice(body)
            .map_err(|_| Error::Contract { path: "/me".into(), what: "an answer without a company".into() })
    }

    /// Whether the token may read what needs this scope.
    pub fn grants(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| {
            granted == scope || granted.strip_prefix(scope).is_some_and(|form| form == ":readonly" || form == ":all")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_user_is_no_obstacle_and_both_forms_of_a_scope_grant_it() {
        let me = Me::parse(
            br#"{"user":null,"company":{"id":42,"name":"X","reg_no":"1"},"scopes":["customers:all","products:readonly"]}"#,
        )
        .unwrap();
        assert_eq!(me.company.id, 42);
        assert!(me.grants("customers") && me.grants("products"));
        assert!(!me.grants("customer") && !me.grants("suppliers"));
    }
}
