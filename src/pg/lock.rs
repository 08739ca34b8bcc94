//! One run per company at a time, by a lock that plain SQL can neither take nor drop.
//!
//! It is an advisory lock of a class of its own: `pg_advisory_lock` takes classes 1 and 2 only. It lasts until the
//! transaction ends, since other sessions cannot see the rows before that. `pg_locks` shows it with `objsubid` 20560.

use super::interrupts::Pending;
use super::txn;
use crate::error::{Error, Result};
use crate::sync::ports::Stop;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Our class of advisory locks: "PP".
const CLASS: u16 = 0x5050;
/// The key that `setup()` takes: no company has it, nor the next two.
const SETUP: i64 = i64::MIN;
/// The key of the list of tables. Runs share it; whoever takes a table off the list has it alone.
const TABLES: i64 = i64::MIN + 1;
/// The key of whoever applies transforms.
const TRANSFORMS: i64 = i64::MIN + 2;
/// How long a sync waits for its turn to apply them.
const PATIENCE: Duration = Duration::from_secs(5);

fn tag(key: i64) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        // SAFETY: a number of this process.
        locktag_field1: unsafe { pg_sys::MyDatabaseId.to_u32() },
        locktag_field2: (key >> 32) as u32,
        locktag_field3: key as u32,
        locktag_field4: CLASS,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

/// Who else may have the lock meanwhile.
#[derive(Clone, Copy)]
enum Mode {
    Alone = pg_sys::ExclusiveLock as isize,
    Shared = pg_sys::ShareLock as isize,
}

/// `session`: the lock lasts until it is given back or the process ends, not until the transaction does.
fn acquire(key: i64, mode: Mode, session: bool, wait: bool) -> bool {
    // SAFETY: plain numbers; a lock of the transaction goes with it.
    let got = unsafe { pg_sys::LockAcquire(&tag(key), mode as i32, session, !wait) };
    got != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// A lock of the session, until this value goes.
struct OfSession(i64, Mode);

impl OfSession {
    fn take(key: i64, mode: Mode) -> Option<OfSession> {
        acquire(key, mode, true, false).then_some(OfSession(key, mode))
    }
}

impl Drop for OfSession {
    fn drop(&mut self) {
        // SAFETY: the lock that `take` took.
        unsafe {
            pg_sys::LockRelease(&tag(self.0), self.1 as i32, true);
        }
    }
}

/// The turn to apply transforms, which one process of a database has at a time: until the value goes, or inside of a
/// transaction until that ends.
pub struct Turn(#[expect(dead_code, reason = "its end is what counts")] Option<OfSession>);

impl Turn {
    /// Waits a while for it; `None` when another process keeps it.
    ///
    /// # Errors
    /// `Interrupted`.
    pub fn take() -> Result<Option<Turn>> {
        let session = !txn::is_open();
        let until = Instant::now() + PATIENCE;
        loop {
            if txn::atomically("transforms", || Ok(acquire(TRANSFORMS, Mode::Alone, session, false)))? {
                return Ok(Some(Turn(session.then(|| OfSession(TRANSFORMS, Mode::Alone)))));
            }
            if Pending.requested() {
                return Err(Error::Interrupted);
            }
            if Instant::now() > until {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A company that the background worker holds over many transactions, and the list of tables.
pub struct Held {
    _company: OfSession,
    _tables: OfSession,
}

impl Held {
    /// # Errors
    /// `Busy` or `TablesInUse`, naming the process that holds it.
    pub fn take(company: i64) -> Result<Held> {
        let _tables = OfSession::take(TABLES, Mode::Shared).ok_or_else(tables_in_use)?;
        let _company = OfSession::take(company, Mode::Alone).ok_or_else(|| busy(company))?;
        Ok(Held { _company, _tables })
    }
}

/// Takes the company until the transaction ends, and sees to it that no table goes meanwhile.
///
/// # Errors
/// `Busy` or `TablesInUse`, naming the process that holds it.
pub fn company(company: i64) -> Result<()> {
    if !acquire(TABLES, Mode::Shared, false, false) {
        return Err(tables_in_use());
    }
    if acquire(company, Mode::Alone, false, false) { Ok(()) } else { Err(busy(company)) }
}

/// Takes the list of tables until the transaction ends: no run is under way, and none begins.
///
/// # Errors
/// `TablesInUse`, naming a process that holds it.
pub fn tables() -> Result<()> {
    if acquire(TABLES, Mode::Alone, false, false) { Ok(()) } else { Err(tables_in_use()) }
}

fn busy(company: i64) -> Error {
    Error::Busy { company, holder: holder(company) }
}

fn tables_in_use() -> Error {
    Error::TablesInUse { holder: holder(TABLES) }
}

/// The other process that holds a lock, in words; empty when it is gone.
fn holder(key: i64) -> String {
    let holder = "SELECT pg_catalog.min(l.pid) FROM pg_catalog.pg_locks l \
                  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = $1 \
                    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
                    AND l.classid::bigint = $2 AND l.objid::bigint = $3 AND l.pid <> pg_catalog.pg_backend_pid()";
    let args = [i32::from(CLASS).into(), i64::from((key >> 32) as u32).into(), i64::from(key as u32).into()];
    let pid = Spi::get_one_with_args::<i32>(holder, &args).ok().flatten();
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Waits for its turn to create or upgrade tables.
pub fn setup() {
    acquire(SETUP, Mode::Alone, false, true);
}

/// Marks this session as running a sync, so that a trigger that fires in it cannot start another inside.
pub struct Running(());

thread_local! { static RUNNING: Cell<bool> = const { Cell::new(false) } }

impl Running {
    /// # Errors
    /// `Argument` when a sync of this session is under way.
    pub fn start() -> Result<Running> {
        if RUNNING.replace(true) {
            return Err(Error::Argument {
                message: "a sync cannot be started from inside a sync".into(),
                hint: "Look for a trigger on a table of schema pennylane that calls a sync function.".into(),
            });
        }
        Ok(Running(()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}
