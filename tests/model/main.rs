//! The model test of the sync: random worlds and random interleavings of changes, reads, failures and crashes must end,
//! after the next quiet sync, in tables that equal the world.
//!
//! Everything but the world and the store is the real thing: requests, pages, typing, folding, retries, the engine. A run
//! is steered by a tape of numbers that proptest makes and shrinks; an empty tape is a world in which nothing happens.

mod reader;
mod store;
mod tape;
mod world;

use chrono::TimeDelta;
use penny_pg::catalogue::{Resource, resource};
use penny_pg::error::Result;
use penny_pg::sync::engine::{self, Ports};
use penny_pg::sync::ports::{Log, Stop};
use penny_pg::sync::report::{Level, Status, SyncType, TableReport};
use penny_pg::sync::table::Limits;
use proptest::prelude::*;
use reader::Reader;
use std::cell::{Cell, RefCell};
use store::MemoryStore;
use tape::Tape;
use world::World;

/// One of each kind: by changelog and id ranges, by changelog and cursor, followed and following, whole, whole and without
/// an order.
const TABLES: [&str; 6] =
    ["ledger_entry_lines", "ledger_entries", "transactions", "products", "bank_accounts", "category_groups"];

struct Lines;

impl Log for Lines {
    fn line(&mut self, _: Level, text: &str) {
        trace(text);
    }
}

/// Tells what happens, when somebody asked.
pub fn trace(text: &str) {
    if std::env::var_os("MODEL_TRACE").is_some() {
        eprintln!("{text}");
    }
}

/// Stops a run when it has looked around this often.
struct StopAfter(Cell<Option<u32>>);

impl Stop for StopAfter {
    fn requested(&self) -> bool {
        match self.0.get() {
            None => false,
            Some(0) => true,
            Some(left) => {
                self.0.set(Some(left - 1));
                false
            }
        }
    }
}

fn sync(
    sync_type: SyncType,
    tables: &[&'static Resource],
    world: &RefCell<World>,
    tape: &RefCell<Tape>,
    store: &mut MemoryStore,
    stop_after: Option<u32>,
) -> Result<Vec<TableReport>> {
    let mut fetch = Reader::new(world, tape);
    let stop = StopAfter(Cell::new(stop_after));
    let mut ports = Ports { fetch: &mut fetch, stop: &stop, log: &mut Lines };
    let identity = engine::identify(&mut ports)?;
    let limits = Limits { max_delete_percent: 100, force_deletes: true };
    engine::run(tables, sync_type, &identity, limits, store, &mut ports)
}

/// A life of a database: rounds of changes and syncs, some of which fail or crash; then quiet, and a last sync.
fn live(numbers: Vec<u16>, skew_minutes: i64) -> std::result::Result<(), TestCaseError> {
    let tape = RefCell::new(Tape::new(numbers));
    let world = RefCell::new(World::new());
    let mut store = MemoryStore::new(world.borrow().clock(), TimeDelta::minutes(skew_minutes));
    let all: Vec<&'static Resource> = TABLES.iter().filter_map(|table| resource(table)).collect();
    let pick = |choices| tape.borrow_mut().pick(choices);
    while !tape.borrow().is_empty() {
        for _ in 0..pick(4) {
            world.borrow_mut().change(&mut tape.borrow_mut());
        }
        let minutes = [0, 1, 10, 20, 180][pick(5)];
        world.borrow_mut().pass(TimeDelta::minutes(minutes));
        let sync_type = if pick(6) == 5 { SyncType::Full } else { SyncType::Incremental };
        let tables = match pick(8) {
            7 => &all[..2],
            6 => &all[..1],
            5 => &all[3..],
            _ => &all[..],
        };
        let crash = match pick(4) {
            3 => Some(pick(60) as u32),
            _ => None,
        };
        let before = store.clone();
        store.now = world.borrow().clock();
        // A trigger that alters each row, one now and then, or none.
        store.alters = [0, 0, 0, 5, 1][pick(5)];
        let done = sync(sync_type, tables, &world, &tape, &mut store, crash);
        crate::trace(&format!("{sync_type:?} of {} tables: {:?}", tables.len(), done.as_ref().map(|_| ())));
        // A function's transaction is undone whole; the worker keeps what it had committed.
        if done.is_err() && pick(2) == 0 {
            store = before;
        }
    }
    world.borrow_mut().pass(world::LATEST);
    store.now = world.borrow().clock();
    store.alters = 0;
    let mut quiet = |sync_type| {
        sync(sync_type, &all, &world, &tape, &mut store, None)
            .map_err(|error| TestCaseError::fail(format!("the quiet sync failed: {error}")))
    };
    let mut reports = quiet(SyncType::Incremental)?;
    // A load that went on where it had been cut off is as old as its start: the next sync brings what came since. Rows that a
    // trigger altered stay so until they change or all is read again, and their table says so until then.
    let resumed = |report: &TableReport| report.message.as_deref().is_some_and(|message| message.contains("cut off"));
    for _ in 0..2 {
        if reports.iter().any(|report| report.status == Status::Partial) {
            reports = quiet(SyncType::Full)?;
        } else if reports.iter().any(resumed) {
            reports = quiet(SyncType::Incremental)?;
        }
    }
    prop_assert!(!reports.iter().any(resumed), "a load that comes to its end leaves no checkpoint");
    for report in &reports {
        prop_assert_eq!(report.status, Status::Ok, "{:?}", report);
    }
    for table in TABLES {
        let held = store.content(table);
        let there = world.borrow().content(table);
        prop_assert_eq!(held, there, "{} after the quiet sync", table);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("MODEL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500),
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_the_next_quiet_sync_the_tables_equal_the_world(
        numbers in prop::collection::vec(any::<u16>(), 0..400),
        skew_minutes in -300_i64..300,
    ) {
        live(numbers, skew_minutes)?;
    }
}

/// Lives one life again, with what happens in it: `MODEL_NUMBERS="1 2 3" MODEL_SKEW=0 MODEL_TRACE=1 cargo test --test model replay -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a tool: it needs the numbers of a life"]
fn replay() {
    let numbers = std::env::var("MODEL_NUMBERS").expect("MODEL_NUMBERS");
    let numbers = numbers.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let skew = std::env::var("MODEL_SKEW").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(0);
    live(numbers, skew).expect("the tables equal the world");
}
