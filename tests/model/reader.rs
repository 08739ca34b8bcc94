//! Readers without threads: each job is read by the real code when its turn comes, and what it tells waits for its turn
//! again. Between any two requests the world may change, and any request may fail, once or for good.

use crate::tape::Tape;
use crate::world::World;
use penny_pg::api::Answer;
use penny_pg::api::export::Link;
use penny_pg::api::request::Request;
use penny_pg::error::{Error, Result};
use penny_pg::sync::ports::{Api, Download, Fetch};
use penny_pg::sync::read::{self, Arrival, Job};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub struct Reader<'a> {
    api: Wire<'a>,
    jobs: VecDeque<Job>,
    told: BTreeMap<usize, VecDeque<Arrival>>,
}

struct Wire<'a> {
    world: &'a RefCell<World>,
    tape: &'a RefCell<Tape>,
    clock: Cell<Duration>,
    /// This many more requests fail.
    failing: Cell<u32>,
}

impl Api for Wire<'_> {
    fn send(&self, request: &Request) -> Result<Answer> {
        let mut tape = self.tape.borrow_mut();
        let mut world = self.world.borrow_mut();
        let mischief = tape.pick(12);
        if mischief >= 8 {
            world.change(&mut tape);
        }
        if mischief == 7 && request.path != "/me" {
            self.failing.set([1, 2, 40][tape.pick(3)]);
        }
        if self.failing.get() > 0 {
            self.failing.set(self.failing.get() - 1);
            return Err(Error::Unavailable(503));
        }
        let answer = world.answer(request);
        if tape.pick(12) >= 9 {
            world.change(&mut tape);
        }
        Ok(answer)
    }

    fn download(&self, _: &Link, _: Option<u64>) -> Result<Download> {
        unreachable!("no export is part of a life")
    }

    fn pause(&self, pause: Duration) -> Result<()> {
        self.clock.set(self.clock.get() + pause);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.clock.get()
    }

    fn retry_for(&self) -> Duration {
        Duration::from_secs(10)
    }
}

impl<'a> Reader<'a> {
    pub fn new(world: &'a RefCell<World>, tape: &'a RefCell<Tape>) -> Reader<'a> {
        let api = Wire { world, tape, clock: Cell::default(), failing: Cell::default() };
        Reader { api, jobs: VecDeque::new(), told: BTreeMap::new() }
    }
}

impl Fetch for Reader<'_> {
    fn submit(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    fn next(&mut self, _wait: Duration) -> Option<Arrival> {
        let choices = self.jobs.len() + self.told.len();
        if choices == 0 {
            return None;
        }
        let choice = self.api.tape.borrow_mut().pick(choices);
        if choice < self.jobs.len() {
            let job = self.jobs.remove(choice)?;
            let told = self.told.entry(job.id).or_default();
            read::run(&job, &self.api, &mut |arrival| {
                told.push_back(arrival);
                Ok(())
            });
            // A reader whose run of failures ended with its job leaves the next one a working wire.
            self.api.failing.set(0);
            return None;
        }
        let id = *self.told.keys().nth(choice - self.jobs.len())?;
        let arrivals = self.told.get_mut(&id)?;
        let arrival = arrivals.pop_front();
        if arrivals.is_empty() {
            self.told.remove(&id);
        }
        arrival
    }

    fn cancel(&mut self, job: usize) {
        self.jobs.retain(|waiting| waiting.id != job);
        self.told.remove(&job);
    }
}
