//! Reading threads behind the [`Fetch`] port: jobs in, arrivals out through a bounded channel.
//!
//! The threads block every signal before they start, so that PostgreSQL's handlers run on the main thread only, and
//! they never touch PostgreSQL. Whoever drops the fetcher does not wait for them: one that hangs in a read ends with
//! its timeout and finds nobody to talk to.

use super::client::Client;
use super::token::RunToken;
use crate::error::{Error, Result};
use crate::secret::Token;
use crate::sync::ports::Fetch;
use crate::sync::read::{self, Arrival, Job, What};
use nix::sys::signal::{SigSet, SigmaskHow};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pages that may wait for the writer, per thread: enough to keep it busy, few enough to bound memory.
const PAGES_AHEAD: usize = 4;

/// Looks for the token that is stored now; `None` when there is none that can be used.
pub type Stored<'a> = Box<dyn FnMut() -> Option<Token> + 'a>;

/// The reading threads of one run.
pub struct Fetcher<'a> {
    shared: Arc<Shared>,
    token: Arc<RunToken>,
    /// Called on the thread that holds this value.
    stored: Stored<'a>,
    arrivals: Receiver<(u64, Arrival)>,
    over: Arc<AtomicBool>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// A job came, or the run is over.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// Jobs with their place in the order of submission.
    jobs: VecDeque<(u64, Job)>,
    submitted: u64,
    /// Up to which place the jobs of a number are cancelled. A number may be used again for a later one.
    cancelled: HashMap<usize, u64>,
    over: bool,
}

impl Queue {
    fn is_cancelled(&self, place: u64, job: usize) -> bool {
        self.cancelled.get(&job).is_some_and(|upto| place <= *upto)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Fetcher<'a> {
    /// Starts this many threads. `over` is the flag that the client's waits look at; `stored` is asked for another token
    /// when the one in use is refused.
    ///
    /// # Errors
    /// `Setup` when the system gives no thread.
    pub fn start(client: Client, threads: usize, over: Arc<AtomicBool>, stored: Stored<'a>) -> Result<Fetcher<'a>> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let (sender, arrivals) = mpsc::sync_channel(threads * PAGES_AHEAD);
        let fetcher = Fetcher { shared: shared.clone(), token: client.token(), stored, arrivals, over };
        let client = Arc::new(client);
        let started = with_signals_blocked(|| {
            (0..threads).try_for_each(|_| {
                let (shared, client, sender) = (shared.clone(), client.clone(), sender.clone());
                let body = move || work(&shared, &client, &sender);
                std::thread::Builder::new().name("penny_pg reader".into()).spawn(body).map(|_| ())
            })
        });
        started.map_err(|error| Error::Setup {
            message: format!("the system gives no thread to read with ({})", error.kind()),
            hint: "Lower pennylane.concurrency, or raise the system's limit on threads.".into(),
        })?;
        Ok(fetcher)
    }
}

/// Runs something while no signal reaches this thread; threads started meanwhile inherit that for good.
fn with_signals_blocked<T>(f: impl FnOnce() -> T) -> T {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let done = f();
    if let Ok(before) = before {
        // Restoring a mask that was just read cannot fail.
        let _ = before.thread_set_mask();
    }
    done
}

/// A reading thread: takes jobs until the run is over.
fn work(shared: &Shared, client: &Client, arrivals: &SyncSender<(u64, Arrival)>) {
    while let Some((place, job)) = next_job(shared) {
        let mut tell = |arrival: Arrival| {
            if shared.lock().is_cancelled(place, job.id) {
                return Err(Error::Interrupted);
            }
            arrivals.send((place, arrival)).map_err(|_| Error::Interrupted)
        };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read::run(&job, client, &mut tell)));
        if done.is_err() {
            let error =
                Error::Contract { path: "(reader)".into(), what: "a defect of penny_pg stopped the reader".into() };
            let _ = arrivals.send((place, Arrival { job: job.id, requests: 0, what: What::Failed(error) }));
        }
    }
}

fn next_job(shared: &Shared) -> Option<(u64, Job)> {
    let mut queue = shared.lock();
    loop {
        if queue.over {
            return None;
        }
        if let Some(job) = queue.jobs.pop_front() {
            return Some(job);
        }
        queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

impl Fetch for Fetcher<'_> {
    fn submit(&mut self, job: Job) {
        let mut queue = self.shared.lock();
        queue.submitted += 1;
        let place = queue.submitted;
        queue.jobs.push_back((place, job));
        drop(queue);
        self.shared.changed.notify_one();
    }

    fn next(&mut self, wait: Duration) -> Option<Arrival> {
        if self.token.is_asked_for() {
            let stored = (self.stored)();
            self.token.answer(stored);
        }
        let (place, arrival) = self.arrivals.recv_timeout(wait).ok()?;
        (!self.shared.lock().is_cancelled(place, arrival.job)).then_some(arrival)
    }

    fn cancel(&mut self, job: usize) {
        let mut queue = self.shared.lock();
        queue.jobs.retain(|(_, waiting)| waiting.id != job);
        let upto = queue.submitted;
        queue.cancelled.insert(job, upto);
    }
}

impl Drop for Fetcher<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
    }
}
