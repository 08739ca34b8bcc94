//! What is told of the statements that users have applied after a sync.

use crate::error::clean;
use std::time::Duration;

/// What a process shows of itself while it applies one.
pub fn work_line(name: &str) -> String {
    format!("[TRANSFORM] {name}")
}

/// The line of a transform that was applied. `rows` is `None` where PostgreSQL does not tell.
pub fn done_line(name: &str, rows: Option<u64>, took: Duration) -> String {
    let rows = rows.map(|rows| format!(", {rows} lignes")).unwrap_or_default();
    format!("{}: ok{rows} en {:.1}s", work_line(name), took.as_secs_f64())
}

/// The line of one that was not.
pub fn failed_line(name: &str, why: &str) -> String {
    format!("[WARNING] transform {name}: {why}")
}

/// Errors whose messages name roles, constraints, tables and files that are there, and never a value.
const NAME_WHAT_IS_THERE: [&str; 18] = [
    "21000", "22012", "23502", "23503", "23505", "23514", "23P01", "25001", "25006", "2BP01", "2D000", "40P01",
    "42501", "53100", "53200", "55006", "55P03", "58030",
];
/// Errors whose messages quote names as a statement has them, which may be one that a function made of values.
const NAME_WHAT_IS_SAID: [&str; 6] = ["3F000", "42703", "42704", "42809", "42P01", "55000"];

/// PostgreSQL's words for what went wrong in a statement of somebody else, where they tell nothing but names.
pub fn words(sqlstate: &str, message: &str, statement: &str) -> Option<String> {
    let tells_names = NAME_WHAT_IS_THERE.contains(&sqlstate)
        || NAME_WHAT_IS_SAID.contains(&sqlstate) && {
            let mut quoted = message.split('"').skip(1).step_by(2).peekable();
            quoted.peek().is_some() && quoted.all(|name| statement.contains(name))
        };
    tells_names.then(|| clean(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_may_hold_a_value_are_left_out() {
        let refresh = "REFRESH MATERIALIZED VIEW CONCURRENTLY own.delays";
        let said = |sqlstate: &str, message: &str| words(sqlstate, message, refresh).is_some();
        assert!(said("23505", "duplicate key value violates unique constraint \"delays_pkey\""));
        assert!(said("42P01", "relation \"own.delays\" does not exist"));
        assert!(said("55000", "cannot refresh materialized view \"own.delays\" concurrently"));
        assert!(!said("42P01", "relation \"Dupont SARL\" does not exist"), "by a statement that a function made");
        assert!(!said("22P02", "invalid input syntax for type integer: \"own.delays\""));
        assert!(!said("42703", "column dupont.x does not exist"));
        assert!(!said("P0001", "own words"));
    }

    #[test]
    fn the_line_of_a_transform_says_what_it_did() {
        let took = Duration::from_millis(340);
        assert_eq!(done_line("delays", Some(12), took), "[TRANSFORM] delays: ok, 12 lignes en 0.3s");
        assert_eq!(done_line("delays", None, took), "[TRANSFORM] delays: ok en 0.3s");
    }
}
