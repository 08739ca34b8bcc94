//! The pace of requests: one `governor` a token, shared by all that a process does with it.

use crate::secret::Token;
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Governor = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Instant>>;

/// Spaces requests evenly: 25 in 5 seconds is what the API takes, and bursts would only earn refusals.
#[derive(Debug)]
pub struct Limiter {
    governor: Option<Governor>,
}

impl Limiter {
    /// This many requests a second; 0 means no limit.
    pub fn new(per_second: f64) -> Limiter {
        let quota =
            (per_second > 0.0).then(|| Quota::with_period(Duration::from_secs_f64(per_second.recip()))).flatten();
        Limiter { governor: quota.map(|quota| RateLimiter::direct_with_clock(quota, MonotonicClock)) }
    }

    /// The limiter of this token in this process, so that a run keeps the pace of the one before it.
    pub fn of(token: &Token, per_second: f64) -> Arc<Limiter> {
        /// By token and pace.
        type Limiters = HashMap<(u64, u64), Arc<Limiter>>;
        static LIMITERS: Mutex<Option<Limiters>> = Mutex::new(None);
        let mut limiters = LIMITERS.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (token.fingerprint(), per_second.to_bits());
        limiters.get_or_insert_default().entry(key).or_insert_with(|| Arc::new(Limiter::new(per_second))).clone()
    }

    /// Takes the next place: `None` means go now, else this long is to be waited before asking again.
    pub fn wait(&self) -> Option<Duration> {
        let refused = self.governor.as_ref()?.check().err()?;
        Some(refused.wait_time_from(MonotonicClock.now()).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_goes_at_once_and_the_second_waits_its_period() {
        let limiter = Limiter::new(4.5);
        assert_eq!(limiter.wait(), None);
        let wait = limiter.wait().unwrap();
        assert!(wait > Duration::from_millis(150) && wait <= Duration::from_millis(223), "{wait:?}");
    }

    #[test]
    fn zero_means_no_limit() {
        let limiter = Limiter::new(0.0);
        assert!((0..1000).all(|_| limiter.wait().is_none()));
    }

    #[test]
    fn two_clients_of_one_token_share_a_pace() {
        let token = Token::parse("shared-pace").unwrap();
        assert_eq!(Limiter::of(&token, 0.001).wait(), None);
        assert!(Limiter::of(&token, 0.001).wait().is_some());
        assert_eq!(Limiter::of(&Token::parse("another").unwrap(), 0.001).wait(), None);
    }
}
