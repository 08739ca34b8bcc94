//! The version of the library against that of the database: `ALTER EXTENSION` may still be to come, or a restart.

use crate::error::{Error, Result};
use pgrx::prelude::*;

/// The version of this library.
pub const LIBRARY: &str = env!("CARGO_PKG_VERSION");

/// The version of the extension's objects in this database; `None` where it is not installed.
fn of_database() -> Option<String> {
    let query = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'penny_pg'";
    Spi::get_one::<String>(query).ok().flatten()
}

/// Refuses to work with the objects of another version: they may hold rows in another way.
///
/// # Errors
/// `Setup`, with what to do.
pub fn require_same() -> Result<()> {
    match of_database() {
        Some(version) if version != LIBRARY => Err(Error::Setup {
            message: format!("this database has penny_pg {version}, and the server runs the library of {LIBRARY}"),
            hint: if is_older(&version, LIBRARY) {
                "Run ALTER EXTENSION penny_pg UPDATE; in this database, as a superuser.".into()
            } else {
                "Restart PostgreSQL, so that it loads the library of that version; if it does already, install that version's package.".into()
            },
        }),
        _ => Ok(()),
    }
}

/// Whether the first version, such as `0.2.0`, comes before the second.
fn is_older(first: &str, second: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    numbers(first) < numbers(second)
}

#[cfg(test)]
mod tests {
    use super::is_older;

    #[test]
    fn versions_are_compared_number_by_number() {
        assert!(is_older("0.2.0", "0.10.0") && is_older("0.9.9", "1.0.0"));
        assert!(!is_older("0.2.0", "0.2.0") && !is_older("0.10.0", "0.2.0"));
    }
}
