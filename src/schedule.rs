//! When the next run is due: an incremental one every interval, a full one each day at a time of day, in a time zone.
//!
//! Pure: the time is a value. A run that was missed is caught up once, a full run stands in for the incremental one that is
//! due with it, and after a failure the next try waits longer each time.

use crate::error::{Error, Result};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The pause after a first failure; it doubles with each one.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(30);
/// A gap of the clocks is an hour or two; nobody skips more than this.
const LONGEST_GAP: u32 = 4 * 60;

/// What the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timetable {
    /// `pennylane.sync_interval`.
    pub interval: TimeDelta,
    /// `pennylane.full_sync_at`.
    pub full_at: NaiveTime,
    /// `pennylane.timezone`.
    pub zone: Tz,
}

/// What is known of the past, none of it later than now. Times are when a run started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// The last run that went over every table, of either kind.
    pub last_run: Option<DateTime<Utc>>,
    /// The last one of them that was full.
    pub last_full: Option<DateTime<Utc>>,
    /// When the last run that failed ended, and how many have in a row.
    pub failed: Option<(DateTime<Utc>, u32)>,
}

impl Past {
    /// Of the four figures that the history of runs gives.
    pub fn new(
        last_run: Option<DateTime<Utc>>,
        last_full: Option<DateTime<Utc>>,
        failed_at: Option<DateTime<Utc>>,
        failures: i64,
    ) -> Past {
        Past { last_run, last_full, failed: failed_at.zip(u32::try_from(failures).ok()) }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Incremental,
    Full,
}

/// When the next runs of each kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    pub incremental: DateTime<Utc>,
    pub full: DateTime<Utc>,
}

/// Reads a time of day, `HH:MM`.
///
/// # Errors
/// `Argument` with a good one as hint.
pub fn parse_time(text: &str) -> Result<NaiveTime> {
    let text = text.trim();
    let parsed = NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"));
    parsed.map_err(|_| Error::Argument {
        message: "pennylane.full_sync_at is no time of day".into(),
        hint: "Write hours and minutes, such as 03:00.".into(),
    })
}

/// Reads the name of a time zone.
///
/// # Errors
/// `Argument` with a good one as hint.
pub fn parse_zone(text: &str) -> Result<Tz> {
    text.trim().parse().map_err(|_| Error::Argument {
        message: "pennylane.timezone is no time zone".into(),
        hint: "Use a name such as Europe/Paris: SELECT name FROM pg_timezone_names; lists them.".into(),
    })
}

impl Timetable {
    /// The instant of the full run on this day: of two, the first; in a gap of the clocks, the gap's end.
    fn full_on(&self, day: NaiveDate) -> DateTime<Utc> {
        let wanted = day.and_time(self.full_at);
        let minutes = (0..=LONGEST_GAP).map(|minute| wanted + TimeDelta::minutes(minute.into()));
        let found = minutes.into_iter().find_map(|local| self.zone.from_local_datetime(&local).earliest());
        // A zone that skips a whole day (Samoa did) has no such instant: the same time without a zone is as good.
        found.map_or(wanted.and_utc(), |instant| instant.to_utc())
    }

    /// The first full run after this instant.
    pub fn full_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        let today = instant.with_timezone(&self.zone).date_naive();
        let days = (0..=2).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
        let found = days.map(|day| self.full_on(day)).find(|run| *run > instant);
        found.unwrap_or(instant + TimeDelta::days(1))
    }

    /// When the next runs are. What was never done is due now.
    pub fn next(&self, now: DateTime<Utc>, past: &Past) -> Next {
        let full = past.last_full.map_or(now, |last| self.full_after(last));
        let incremental = past.last_run.map_or(now, |last| last + self.interval);
        let pause = past.failed.map(|(at, times)| at + pause(times));
        let not_before = pause.unwrap_or(now.min(full).min(incremental));
        Next { incremental: incremental.max(not_before), full: full.max(not_before) }
    }

    /// What is due now.
    pub fn due(&self, now: DateTime<Utc>, past: &Past) -> Option<Due> {
        let next = self.next(now, past);
        match (next.full <= now, next.incremental <= now) {
            (true, _) => Some(Due::Full),
            (false, true) => Some(Due::Incremental),
            (false, false) => None,
        }
    }
}

/// How long to wait after so many failures in a row.
fn pause(times: u32) -> TimeDelta {
    let doubled = FIRST_PAUSE.checked_mul(1 << times.saturating_sub(1).min(10)).unwrap_or(LONGEST_PAUSE);
    doubled.min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paris() -> Timetable {
        Timetable {
            interval: TimeDelta::hours(2),
            full_at: NaiveTime::from_hms_opt(3, 0, 0).unwrap(),
            zone: chrono_tz::Europe::Paris,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// Plays a scheduler that looks every `step` and whose runs take no time; what it started, and when.
    fn play(
        timetable: &Timetable,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        step: TimeDelta,
    ) -> Vec<(Due, DateTime<Utc>)> {
        let mut past = Past { last_run: Some(from), last_full: Some(from), failed: None };
        let mut done = Vec::new();
        let mut now = from;
        while now <= to {
            if let Some(due) = timetable.due(now, &past) {
                done.push((due, now));
                past.last_run = Some(now);
                if due == Due::Full {
                    past.last_full = Some(now);
                }
            }
            now += step;
        }
        done
    }

    #[test]
    fn the_first_run_is_full_and_due_at_once() {
        assert_eq!(paris().due(at("2026-02-20T10:00:00Z"), &Past::default()), Some(Due::Full));
    }

    #[test]
    fn runs_follow_each_other_at_the_interval_and_once_a_day_in_full() {
        let runs = play(&paris(), at("2026-02-20T10:00:00Z"), at("2026-02-21T10:00:00Z"), TimeDelta::minutes(1));
        let full: Vec<_> = runs.iter().filter(|(due, _)| *due == Due::Full).map(|(_, at)| *at).collect();
        assert_eq!(full, [at("2026-02-21T02:00:00Z")], "03:00 in Paris in winter");
        // 12, 14, ..., 00, then 02 is the full run, then 04 to 10.
        assert_eq!(runs.len(), 12);
    }

    #[test]
    fn both_nights_in_which_the_clocks_change_have_one_full_run_each() {
        for (time, evening, spring, autumn) in [
            ("03:00", "18:00", "2026-03-29T01:00:00Z", "2026-10-25T02:00:00Z"),
            ("02:30", "18:00", "2026-03-29T01:00:00Z", "2026-10-25T00:30:00Z"),
            ("02:00", "18:00", "2026-03-29T01:00:00Z", "2026-10-25T00:00:00Z"),
        ] {
            let timetable = Timetable { full_at: parse_time(time).unwrap(), ..paris() };
            for (day, next, expected) in [("2026-03-28", "2026-03-29", spring), ("2026-10-24", "2026-10-25", autumn)] {
                let from = at(&format!("{day}T{evening}:00Z"));
                let to = at(&format!("{next}T{evening}:00Z"));
                let runs = play(&timetable, from, to, TimeDelta::minutes(1));
                let full: Vec<_> = runs.iter().filter(|(due, _)| *due == Due::Full).map(|(_, at)| *at).collect();
                assert_eq!(full, [at(expected)], "{time} on {next}");
            }
        }
    }

    #[test]
    fn a_missed_night_is_caught_up_once() {
        let past = |text: &str| Past { last_run: Some(at(text)), last_full: Some(at(text)), failed: None };
        let monday = at("2026-02-23T09:00:00Z");
        assert_eq!(paris().due(monday, &past("2026-02-19T02:00:00Z")), Some(Due::Full), "stopped since Thursday");
        assert_eq!(paris().due(monday + TimeDelta::minutes(5), &past("2026-02-23T09:00:00Z")), None);
        assert_eq!(paris().next(monday, &past("2026-02-23T09:00:00Z")).full, at("2026-02-24T02:00:00Z"));
    }

    #[test]
    fn failures_wait_longer_each_time_and_never_too_long() {
        let now = at("2026-02-20T10:00:00Z");
        let after = |times| paris().next(now, &Past { failed: Some((now, times)), ..Past::default() }).full - now;
        assert_eq!(
            (after(1), after(2), after(3)),
            (TimeDelta::minutes(1), TimeDelta::minutes(2), TimeDelta::minutes(4))
        );
        assert_eq!((after(6), after(1000)), (LONGEST_PAUSE, LONGEST_PAUSE));
    }

    #[test]
    fn bad_settings_are_refused() {
        for bad in ["", "25:00", "3", "03:00 AM", "noon"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
        for bad in ["", "Paris", "UTC+1 or so"] {
            assert!(parse_zone(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_time(" 03:00 ").unwrap(), NaiveTime::from_hms_opt(3, 0, 0).unwrap());
        assert_eq!(parse_zone("Europe/Paris").unwrap(), chrono_tz::Europe::Paris);
    }

    proptest! {
        /// In any zone, at any time of day: one full run a local day, at least 20 and at most 28 hours apart.
        #[test]
        fn every_day_has_its_full_run(
            zone in prop::sample::select(&["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"][..]),
            minute in 0_u32..1440,
            hour in 0_i64..24 * 700,
        ) {
            let full_at = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap();
            let timetable = Timetable { full_at, zone: zone.parse().unwrap(), ..paris() };
            let mut last = timetable.full_after(at("2025-01-01T00:00:00Z") + TimeDelta::hours(hour));
            for _ in 0..10 {
                let next = timetable.full_after(last);
                prop_assert!(next - last >= TimeDelta::hours(20) && next - last <= TimeDelta::hours(28), "{last} {next}");
                last = next;
            }
        }
    }
}
