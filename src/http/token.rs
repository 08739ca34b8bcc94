//! The token of a run. It may be rotated while the run lasts: who is refused asks for the one that is stored by now.

use super::client::LOOK_AROUND;
use crate::secret::Token;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Shared by the reading threads and the main thread, which alone can look where tokens are stored.
pub struct RunToken {
    state: Mutex<State>,
    answered: Condvar,
}

struct State {
    token: Token,
    /// Whose token it is, as soon as `/me` told.
    company: Option<i64>,
    /// A reader wants to know whether another one is stored by now.
    asked: bool,
    /// How often that was answered, and what the last answer was.
    answers: u64,
    stored: Option<Token>,
}

impl RunToken {
    pub fn new(token: Token) -> RunToken {
        let state = State { token, company: None, asked: false, answers: 0, stored: None };
        RunToken { state: Mutex::new(state), answered: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token to send.
    pub fn current(&self) -> Token {
        self.lock().token.clone()
    }

    /// The company of the run, once it is known.
    pub fn company(&self) -> Option<i64> {
        self.lock().company
    }

    /// From here on this token is sent. It is this company's.
    pub fn adopt(&self, token: Token, company: i64) {
        let mut state = self.lock();
        state.token = token;
        state.company = Some(company);
    }

    /// What to try in place of a token that was refused: `None` when no other one is stored. Waits for the main thread,
    /// unless the run ends before.
    pub fn instead_of(&self, refused: &Token, over: &AtomicBool) -> Option<Token> {
        let mut state = self.lock();
        if state.token != *refused {
            return Some(state.token.clone());
        }
        state.asked = true;
        let before = state.answers;
        while state.answers == before && !over.load(Ordering::Relaxed) {
            state = self.answered.wait_timeout(state, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.stored.clone().filter(|stored| stored != refused)
    }

    /// Whether a reader waits for [`RunToken::answer`].
    pub fn is_asked_for(&self) -> bool {
        self.lock().asked
    }

    /// Says which token is stored by now; `None` when there is none that can be used.
    pub fn answer(&self, stored: Option<Token>) {
        let mut state = self.lock();
        state.asked = false;
        state.answers += 1;
        state.stored = stored;
        self.answered.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn token(text: &str) -> Token {
        Token::parse(text).unwrap()
    }

    #[test]
    fn a_refused_reader_gets_what_is_stored_by_now_and_nothing_when_that_is_the_same() {
        let shared = Arc::new(RunToken::new(token("old")));
        for (stored, expected) in [(Some("new"), Some("new")), (Some("old"), None), (None, None)] {
            let reader = {
                let shared = shared.clone();
                std::thread::spawn(move || shared.instead_of(&token("old"), &AtomicBool::new(false)))
            };
            while !shared.is_asked_for() {
                std::thread::yield_now();
            }
            shared.answer(stored.map(token));
            assert_eq!(reader.join().unwrap(), expected.map(token));
        }
    }

    #[test]
    fn nobody_is_waited_for_when_the_run_is_over_or_another_reader_has_the_new_one() {
        let shared = RunToken::new(token("old"));
        assert_eq!(shared.instead_of(&token("old"), &AtomicBool::new(true)), None);
        shared.adopt(token("new"), 1);
        assert_eq!(shared.instead_of(&token("old"), &AtomicBool::new(false)), Some(token("new")));
    }
}
