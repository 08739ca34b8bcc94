//! The API token: kept out of every log, error and debug print. Only the HTTP client opens it.

use crate::error::{Error, Result};
use std::fmt;

/// A bearer token. `Debug` is masked and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Reads a token as a person stores it: white space around it is ignored.
    ///
    /// # Errors
    /// `TokenMissing` when nothing is left or when it holds what a token cannot hold; the text is not repeated.
    pub fn parse(text: &str) -> Result<Token> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::TokenMissing("it is empty".into()));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::TokenMissing("it holds spaces or characters that no token has".into()));
        }
        Ok(Token(text.to_owned()))
    }

    /// Tells tokens apart within this process without holding one.
    pub(crate) fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    /// Its last characters, enough to tell it from others in Pennylane's list. A short one shows nothing.
    pub fn hint(&self) -> String {
        let shown = if self.0.len() >= 20 { &self.0[self.0.len() - 4..] } else { "" };
        format!("...{shown}")
    }

    /// The token itself, for the Authorization header, the table of tokens, and nothing else.
    pub(crate) fn open(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_shows_in_debug_and_loses_its_white_space() {
        let token = Token::parse("  abc-123\n").unwrap();
        assert_eq!(token.open(), "abc-123");
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn a_token_with_a_space_inside_is_refused_without_repeating_it() {
        let error = Token::parse("abc def").unwrap_err();
        assert!(!error.to_string().contains("abc"));
    }
}
