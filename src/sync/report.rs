//! What is told of a run: one report a table, and the lines of the log in the words that users know.

use super::ports::Merged;
use crate::error::Error;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use std::time::Duration;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A long step moves on.
    Progress,
    /// A step is done.
    Step,
    /// Something needs a look.
    Warning,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncType {
    Full,
    Incremental,
    Export,
}

impl SyncType {
    /// The word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            SyncType::Full => "full",
            SyncType::Incremental => "incremental",
            SyncType::Export => "export",
        }
    }

    /// The word in the log.
    fn log_word(self) -> &'static str {
        match self {
            SyncType::Full => "COMPLETE",
            SyncType::Incremental => "INCREMENTALE",
            SyncType::Export => "EXPORT",
        }
    }
}

/// How a table ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The table equals the API.
    Ok,
    /// It does but for values that did not fit their column, and rows that were altered when they were written.
    Partial,
    /// The token may not read it.
    Skipped,
    /// An export whose ledger did not change was not asked for again.
    Unchanged,
    /// It failed; its rows are as they were or newer, and none was deleted.
    Error,
}

impl Status {
    /// Whether the table equals what Pennylane shows, as far as it can hold it.
    pub fn is_good(self) -> bool {
        matches!(self, Status::Ok | Status::Partial | Status::Unchanged)
    }

    /// The word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Partial => "partial",
            Status::Skipped | Status::Unchanged => "skipped",
            Status::Error => "error",
        }
    }
}

/// One row of what `sync_full` returns.
#[derive(Debug, Clone)]
pub struct TableReport {
    pub table: &'static str,
    pub sync_type: SyncType,
    pub status: Status,
    pub merged: Merged,
    pub deleted: u64,
    pub requests: u32,
    pub duration: Duration,
    /// Since when an incremental sync looked for changes.
    pub since: Option<DateTime<Utc>>,
    pub message: Option<String>,
    /// The load had been cut off and went on: the table is as old as that load's start.
    pub resumed: bool,
    /// What failed, for callers that need its kind.
    pub error: Option<Error>,
}

/// `[START]`, at the caller's local time.
pub fn start_line(sync_type: SyncType, now: NaiveDateTime) -> String {
    format!("[START] Sync {} - {}", sync_type.log_word(), now.format("%Y-%m-%d %H:%M:%S"))
}

/// The lines of a table's end.
pub fn table_lines(report: &TableReport) -> Vec<(Level, String)> {
    let table = report.table;
    let Merged { inserted, updated, unchanged } = report.merged;
    let mut lines = Vec::new();
    if report.status == Status::Error {
        let message = report.message.as_deref().unwrap_or_default();
        lines.push((Level::Warning, format!("[ERREUR] {table}: {message}")));
        return lines;
    }
    if report.status == Status::Unchanged {
        lines.push((Level::Step, format!("[SKIP] {table}: aucun changement dans les ecritures")));
        return lines;
    }
    if report.status == Status::Skipped {
        let message = report.message.as_deref().unwrap_or_default();
        lines.push((Level::Warning, format!("[SKIP] {table}: {message}")));
        return lines;
    }
    if inserted + updated > 0 {
        lines.push((Level::Step, format!("[UPSERT] {table}: {} enregistrements upsert", inserted + updated)));
    }
    if report.deleted > 0 {
        lines.push((Level::Step, format!("[DELETE] {table}: {} enregistrements supprimes", report.deleted)));
    }
    if lines.is_empty() {
        let nothing = match report.since {
            Some(since) => format!("depuis {}", since.to_rfc3339_opts(SecondsFormat::Secs, true)),
            None => format!("({unchanged} enregistrements)"),
        };
        lines.push((Level::Step, format!("[SKIP] {table}: aucun changement {nothing}")));
    }
    if let Some(message) = &report.message {
        lines.push((Level::Warning, format!("[WARNING] {table}: {message}")));
    }
    lines
}

/// `[END]`, twice.
pub fn end_lines(reports: &[TableReport], took: Duration) -> [String; 2] {
    let errors = reports.iter().filter(|report| report.status == Status::Error).count();
    let good = reports.iter().filter(|report| report.status.is_good()).count();
    [
        format!("[END] Sync terminee en {:.1}s", took.as_secs_f64()),
        format!("[END] Succes: {good}/{} | Erreurs: {errors}", reports.len()),
    ]
}
