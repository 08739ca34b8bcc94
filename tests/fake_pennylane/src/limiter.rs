//! The rate limit: 25 requests in any 5 seconds, per token, counted when they arrive.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

pub(crate) const LIMIT: usize = 25;
const WINDOW: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Limiter {
    admitted: HashMap<String, VecDeque<Instant>>,
}

/// What a request is told about its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub admitted: bool,
    pub remaining: usize,
    /// Until a place is free again, or until the oldest request leaves the window.
    pub reset_in: Duration,
}

impl Limiter {
    /// A refused request does not count.
    pub fn arrive(&mut self, token: &str, now: Instant) -> Budget {
        let recent = self.admitted.entry(token.to_owned()).or_default();
        while recent.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            recent.pop_front();
        }
        let admitted = recent.len() < LIMIT;
        if admitted {
            recent.push_back(now);
        }
        let reset_in = recent.front().map_or(WINDOW, |oldest| WINDOW.saturating_sub(now.duration_since(*oldest)));
        Budget { admitted, remaining: LIMIT - recent.len(), reset_in }
    }

    /// What is said while no limit is in force.
    pub fn unlimited() -> Budget {
        Budget { admitted: true, remaining: LIMIT - 1, reset_in: WINDOW }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_five_seconds_ever_hold_a_26th_request() {
        let start = Instant::now();
        let mut limiter = Limiter::default();
        let mut admitted: Vec<Duration> = Vec::new();
        for step in 0..4_000_u64 {
            let at = Duration::from_millis(step * 7);
            if limiter.arrive("t", start + at).admitted {
                admitted.push(at);
            }
        }
        for window in admitted.windows(LIMIT + 1) {
            assert!(window[LIMIT] - window[0] >= WINDOW, "{window:?}");
        }
        assert!(admitted.len() > 100, "requests pass again when the window has moved on");
    }

    #[test]
    fn two_tokens_have_a_budget_each() {
        let now = Instant::now();
        let mut limiter = Limiter::default();
        for _ in 0..LIMIT {
            assert!(limiter.arrive("one", now).admitted);
        }
        assert!(!limiter.arrive("one", now).admitted);
        assert!(limiter.arrive("two", now).admitted);
    }
}
