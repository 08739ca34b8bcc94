//! Periods of days, and the fiscal years of a company.

use chrono::NaiveDate;
use std::fmt;

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    pub start: NaiveDate,
    pub end: NaiveDate,
}

impl Period {
    /// Whether a day is in both.
    pub fn overlaps(self, other: Period) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

/// A fiscal year as the table `fiscal_years` holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiscalYear {
    pub period: Period,
    /// Its books may still change: any status but `closed` and `frozen`.
    pub open: bool,
}

impl FiscalYear {
    /// The word of a status that says that the books may still change. Statuses grow: an unknown one is open.
    pub fn is_open(status: Option<&str>) -> bool {
        !matches!(status, Some("closed" | "frozen"))
    }
}
