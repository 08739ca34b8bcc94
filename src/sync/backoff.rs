//! Which failure is worth another try, and after which pause.

use crate::error::{Error, Kind};
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// No server means more than this; an absurd `retry-after` must not stop a night's work.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// An answer that breaks the contract is asked for again twice: a proxy's page passes, a changed API stays.
const TRIES_OF_A_BROKEN_ANSWER: u32 = 3;

/// The tries of one request.
#[derive(Debug)]
pub struct Backoff {
    retry_for: Duration,
    failures: u32,
    broken: u32,
}

impl Backoff {
    /// For a request that may be retried for this long.
    pub fn new(retry_for: Duration) -> Backoff {
        Backoff { retry_for, failures: 0, broken: 0 }
    }

    /// The pause before the next try, or `None` when the failure is final. `elapsed` counts from the first try;
    /// `jitter`, from 0 to 1, keeps many clients from coming back at the same instant.
    pub fn after(&mut self, error: &Error, elapsed: Duration, jitter: f64) -> Option<Duration> {
        self.failures += 1;
        let grown = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(self.failures - 1)).min(LONGEST_PAUSE);
        let pause = grown.mul_f64(0.5 + jitter / 2.0);
        let pause = match (error.kind(), error) {
            (Kind::Quota, Error::TooManyRequests { retry_after: Some(asked) }) => (*asked).min(LONGEST_RETRY_AFTER),
            (Kind::Quota | Kind::Network, _) => pause,
            (Kind::Contract, Error::Contract { .. }) => {
                self.broken += 1;
                if self.broken >= TRIES_OF_A_BROKEN_ANSWER {
                    return None;
                }
                pause
            }
            _ => return None,
        };
        (elapsed + pause <= self.retry_for).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: Duration = Duration::from_secs(300);

    #[test]
    fn pauses_grow_until_retry_for_is_used_up() {
        let mut backoff = Backoff::new(MINUTES);
        let mut elapsed = Duration::ZERO;
        let mut pauses = Vec::new();
        while let Some(pause) = backoff.after(&Error::Unavailable(503), elapsed, 1.0) {
            elapsed += pause;
            pauses.push(pause);
        }
        assert_eq!(pauses[..4], [500, 1000, 2000, 4000].map(Duration::from_millis));
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(elapsed <= MINUTES && elapsed + LONGEST_PAUSE > MINUTES);
    }

    #[test]
    fn retry_after_is_honoured_and_an_absurd_one_is_cut() {
        let asked = |seconds| Error::TooManyRequests { retry_after: Some(Duration::from_secs(seconds)) };
        let mut backoff = Backoff::new(MINUTES);
        assert_eq!(backoff.after(&asked(3), Duration::ZERO, 0.3), Some(Duration::from_secs(3)));
        assert_eq!(backoff.after(&asked(86_400), Duration::ZERO, 0.3), Some(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn a_broken_answer_is_asked_for_three_times_and_a_refusal_once() {
        let broken = Error::Contract { path: "/x".into(), what: "y".into() };
        let mut backoff = Backoff::new(MINUTES);
        assert!(backoff.after(&broken, Duration::ZERO, 0.0).is_some());
        assert!(backoff.after(&broken, Duration::ZERO, 0.0).is_some());
        assert!(backoff.after(&broken, Duration::ZERO, 0.0).is_none());
        for error in [
            Error::TokenRefused,
            Error::ScopeMissing { scope: "x".into() },
            Error::Refused { status: 404, path: "/x".into(), words: "y".into() },
            Error::Interrupted,
        ] {
            assert!(Backoff::new(MINUTES).after(&error, Duration::ZERO, 0.0).is_none());
        }
    }
}
