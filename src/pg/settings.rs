//! The settings `pennylane.*`: set in the configuration file, applied on reload, never by a session. The token is not
//! one of them: members of `pg_monitor` read every setting.

use crate::error::{Error, Result};
use crate::http::client::{self, parse_base_url};
use crate::schedule::{self, Timetable};
use crate::secret::Token;
use chrono::TimeDelta;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString, c_char, c_void};
use std::io::Read;
use std::time::Duration;

/// Path of a file that holds the token; empty means that the environment says where it is.
static API_TOKEN_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
/// Where the API is.
static API_BASE_URL: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"https://app.pennylane.com/api/external/v2"));
/// Requests a second and token. The API takes 25 in 5 seconds; 4.5 leaves room for a clock that is not exact.
static RATE_LIMIT: GucSetting<f64> = GucSetting::<f64>::new(4.5);
/// Requests in flight. One list is read page after page, so this is how many lists are read side by side.
static CONCURRENCY: GucSetting<i32> = GucSetting::<i32>::new(4);
/// Seconds that one request may take.
static REQUEST_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(30);
/// Seconds that one request is retried: five minutes outlast a deployment on the other side.
static RETRY_FOR: GucSetting<i32> = GucSetting::<i32>::new(300);
/// The database that the background worker works in; the one that every cluster has.
static DATABASE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"postgres"));
/// Whether the background worker works.
static WORKER: GucSetting<bool> = GucSetting::<bool>::new(true);
/// Seconds between two incremental runs.
static SYNC_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(7200);
/// The time of day of the full run: when nobody works, and after the night jobs of most companies.
static FULL_SYNC_AT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"03:00"));
/// The zone of that time.
static TIMEZONE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"Europe/Paris"));
/// Days that the history of runs is kept.
static HISTORY_DAYS: GucSetting<i32> = GucSetting::<i32>::new(90);
/// Companies that the background worker syncs at once.
static MAX_WORKERS: GucSetting<i32> = GucSetting::<i32>::new(4);
/// Percentage of a table's rows that a sync may delete.
static MAX_DELETE_PERCENT: GucSetting<i32> = GucSetting::<i32>::new(50);

/// The largest token file that is read: a mistaken path must not fill memory.
const LARGEST_TOKEN_FILE: u64 = 64 * 1024;

/// Defines every setting. Values in the configuration file, then those of the environment, then the defaults count.
pub fn define() {
    let sighup = GucContext::Sighup;
    // SAFETY: the hooks are `pg_guard`ed and follow the GUC protocol: they look at the new value and say yes or no.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"pennylane.api_token_file",
            c"File that holds the Pennylane API token.",
            c"Absolute path, readable by the server only. Empty: the environment variables PENNYLANE_API_TOKEN or PENNYLANE_API_TOKEN_FILE are used.",
            &API_TOKEN_FILE,
            GucContext::Sighup,
            GucFlags::SUPERUSER_ONLY,
            Some(check_token_file),
            None,
            None,
        );
        GucRegistry::define_string_guc_with_hooks(
            c"pennylane.api_base_url",
            c"Address of the Pennylane API.",
            c"https, or http on a loopback address. The environment variable PENNYLANE_API_BASE_URL gives another default.",
            &API_BASE_URL,
            GucContext::Sighup,
            GucFlags::default(),
            Some(check_base_url),
            None,
            None,
        );
    }
    GucRegistry::define_float_guc(
        c"pennylane.rate_limit",
        c"Requests a second for each token.",
        c"Pennylane takes 25 requests in 5 seconds. 0 means no limit. The environment variable PENNYLANE_RATE_LIMIT gives another default.",
        &RATE_LIMIT,
        0.0,
        1000.0,
        sighup,
        GucFlags::default(),
    );
    let integer = |name, short, long, setting, least, most, flags| {
        GucRegistry::define_int_guc(name, short, long, setting, least, most, GucContext::Sighup, flags);
    };
    integer(
        c"pennylane.concurrency",
        c"Requests in flight at once.",
        c"Lists are read side by side under one pace.",
        &CONCURRENCY,
        1,
        32,
        GucFlags::default(),
    );
    integer(
        c"pennylane.request_timeout",
        c"Longest time for one request.",
        c"From the connection to the last byte of the answer.",
        &REQUEST_TIMEOUT,
        1,
        3600,
        GucFlags::UNIT_S,
    );
    integer(
        c"pennylane.retry_for",
        c"How long one request is retried.",
        c"After server errors, timeouts, broken connections and refusals for speed.",
        &RETRY_FOR,
        0,
        86_400,
        GucFlags::UNIT_S,
    );
    integer(
        c"pennylane.max_delete_percent",
        c"Largest part of a table that one sync may delete, in percent.",
        c"Applies above 100 rows; all rows of a table are never deleted. sync_full(..., force_deletes => true) overrides it.",
        &MAX_DELETE_PERCENT,
        0,
        100,
        GucFlags::default(),
    );
    integer(
        c"pennylane.sync_interval",
        c"Time between two incremental runs of the background worker.",
        c"Counted from start to start.",
        &SYNC_INTERVAL,
        1,
        7 * 86_400,
        GucFlags::UNIT_S,
    );
    integer(
        c"pennylane.history_days",
        c"Days that the history of runs is kept.",
        c"Older rows of sync_runs and sync_run_tables go after a run.",
        &HISTORY_DAYS,
        1,
        36_500,
        GucFlags::default(),
    );
    integer(
        c"pennylane.max_workers",
        c"Companies that the background worker syncs at once.",
        c"Each takes a process of max_worker_processes while it is synced.",
        &MAX_WORKERS,
        1,
        64,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"pennylane.worker",
        c"Whether the background worker works.",
        c"off leaves the syncs to pg_cron or to hands.",
        &WORKER,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"pennylane.database",
        c"The database that the background worker works in.",
        c"It must hold the extension. Set at server start.",
        &DATABASE,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    // SAFETY: as above.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"pennylane.full_sync_at",
            c"Time of day of the full run of the background worker.",
            c"Hours and minutes, such as 03:00, in pennylane.timezone.",
            &FULL_SYNC_AT,
            GucContext::Sighup,
            GucFlags::default(),
            Some(check_full_sync_at),
            None,
            None,
        );
        GucRegistry::define_string_guc_with_hooks(
            c"pennylane.timezone",
            c"Time zone of pennylane.full_sync_at.",
            c"A name such as Europe/Paris.",
            &TIMEZONE,
            GucContext::Sighup,
            GucFlags::default(),
            Some(check_timezone),
            None,
            None,
        );
    }
    default_from_environment(c"pennylane.api_base_url", "PENNYLANE_API_BASE_URL");
    default_from_environment(c"pennylane.rate_limit", "PENNYLANE_RATE_LIMIT");
}

/// Gives a setting the value of an environment variable unless the configuration file has one.
fn default_from_environment(name: &CStr, variable: &str) {
    let value = std::env::var(variable).ok().filter(|value| !value.trim().is_empty());
    let Some(value) = value.and_then(|value| CString::new(value.trim()).ok()) else { return };
    // SAFETY: both strings outlive the call; a bad value is refused by the setting's own checks.
    unsafe {
        pg_sys::SetConfigOption(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_POSTMASTER,
            pg_sys::GucSource::PGC_S_ENV_VAR,
        );
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_base_url(
    new: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: as PostgreSQL calls it.
    unsafe { check_parsed(new, parse_base_url) }
}

/// Lets a text setting in that a parser takes.
///
/// # Safety
/// `new` is what PostgreSQL hands to a check hook.
unsafe fn check_parsed<T>(new: *mut *mut c_char, parse: impl Fn(&str) -> Result<T>) -> bool {
    // SAFETY: PostgreSQL hands a C string of its own, or NULL for no value.
    let text = unsafe { if (*new).is_null() { c"" } else { CStr::from_ptr(*new) } }.to_string_lossy();
    match parse(&text) {
        Ok(_) => true,
        Err(error) => {
            refuse(&error.to_string(), &error.hint());
            false
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_full_sync_at(
    new: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: as PostgreSQL calls it.
    unsafe { check_parsed(new, schedule::parse_time) }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_timezone(
    new: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: as PostgreSQL calls it.
    unsafe { check_parsed(new, schedule::parse_zone) }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_token_file(
    new: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL hands a C string of its own, or NULL for no value.
    let text = unsafe { if (*new).is_null() { c"" } else { CStr::from_ptr(*new) } }.to_string_lossy();
    if text.is_empty() || text.starts_with('/') {
        return true;
    }
    refuse("It must be an absolute path.", "The setting names a file; the token itself is never a setting.");
    false
}

/// The detail and hint that go with a refused setting.
fn refuse(detail: &str, hint: &str) {
    let copy = |text: &str| {
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: copied into the context where PostgreSQL keeps the strings of a check.
        unsafe { pg_sys::MemoryContextStrdup(pg_sys::ErrorContext, text.as_ptr()) }
    };
    // SAFETY: the variables that GUC_check_errdetail() and GUC_check_errhint() set.
    unsafe {
        pg_sys::GUC_check_errdetail_string = copy(detail);
        pg_sys::GUC_check_errhint_string = copy(hint);
    }
}

/// The settings of one run, as plain values.
#[derive(Debug, Clone)]
pub struct Settings {
    pub client: client::Options,
    pub concurrency: usize,
}

impl Settings {
    /// For calls in which a person waits for the answer: a few tries tell enough.
    pub fn in_short(mut self) -> Settings {
        self.client.retry_for = self.client.retry_for.min(Duration::from_secs(3));
        self.concurrency = 1;
        self
    }
}

/// Reads the settings as they are now, for runs with this token. `base_url` goes before the setting.
///
/// # Errors
/// `Argument` for an address that cannot be used.
pub fn snapshot(token: Token, base_url: Option<&str>) -> Result<Settings> {
    let seconds = |setting: &GucSetting<i32>| Duration::from_secs(setting.get().unsigned_abs().into());
    Ok(Settings {
        client: client::Options {
            base_url: parse_base_url(base_url.unwrap_or(&text(&API_BASE_URL)))?,
            token,
            rate_limit: RATE_LIMIT.get(),
            request_timeout: seconds(&REQUEST_TIMEOUT),
            retry_for: seconds(&RETRY_FOR),
        },
        concurrency: usize::try_from(CONCURRENCY.get()).unwrap_or(1),
    })
}

/// When the background worker works.
///
/// # Errors
/// `Argument` for a value that was never checked.
pub fn timetable() -> Result<Timetable> {
    Ok(Timetable {
        interval: TimeDelta::seconds(SYNC_INTERVAL.get().into()),
        full_at: schedule::parse_time(&text(&FULL_SYNC_AT))?,
        zone: schedule::parse_zone(&text(&TIMEZONE))?,
    })
}

/// The time zone of the company.
pub fn timezone() -> String {
    text(&TIMEZONE)
}

/// The database of the background worker.
pub fn database() -> String {
    text(&DATABASE)
}

/// Whether the background worker is to work.
pub fn worker() -> bool {
    WORKER.get()
}

/// The largest part of a table that a sync may delete, in percent.
pub fn max_delete_percent() -> u8 {
    u8::try_from(MAX_DELETE_PERCENT.get()).unwrap_or(0)
}

/// How many companies are synced at once.
pub fn max_workers() -> usize {
    usize::try_from(MAX_WORKERS.get()).unwrap_or(1)
}

/// How many days of history are kept.
pub fn history_days() -> i32 {
    HISTORY_DAYS.get()
}

fn text(setting: &GucSetting<Option<CString>>) -> String {
    setting.get().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Where the token comes from.
#[derive(Debug)]
pub enum TokenSource {
    /// The file of `pennylane.api_token_file`.
    SettingFile(String),
    /// The file of `PENNYLANE_API_TOKEN_FILE`.
    EnvironmentFile(String),
    /// `PENNYLANE_API_TOKEN`.
    Environment(String),
}

/// The first source that is configured, in this order: setting, file of the environment, environment.
pub fn token_source() -> Option<TokenSource> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let file = Some(text(&API_TOKEN_FILE)).filter(|path| !path.is_empty());
    file.map(TokenSource::SettingFile)
        .or_else(|| variable("PENNYLANE_API_TOKEN_FILE").map(TokenSource::EnvironmentFile))
        .or_else(|| variable("PENNYLANE_API_TOKEN").map(TokenSource::Environment))
}

/// The server's own token, as it is now.
///
/// # Errors
/// `TokenMissing`.
pub fn server_token() -> Result<Token> {
    let file = |path: String, named_by: &str| {
        let unusable = |why: &str| Error::TokenMissing(format!("the file named by {named_by} {why}"));
        let mut content = String::new();
        let opened = std::fs::File::open(path.trim());
        let file = opened.map_err(|error| unusable(&format!("cannot be read ({})", error.kind())))?;
        let read = file.take(LARGEST_TOKEN_FILE).read_to_string(&mut content);
        read.map_err(|_| unusable("is not text"))?;
        Token::parse(&content).map_err(|_| unusable("holds no token: it must hold the token and nothing else"))
    };
    match token_source() {
        Some(TokenSource::SettingFile(path)) => file(path, "pennylane.api_token_file"),
        Some(TokenSource::EnvironmentFile(path)) => file(path, "PENNYLANE_API_TOKEN_FILE"),
        Some(TokenSource::Environment(token)) => Token::parse(&token),
        None => Err(Error::TokenMissing("none is configured".into())),
    }
}
