//! A span of time, as requests give it.

use jiff::{SignedDuration, Span, Timestamp, ToSpan};
use serde::Deserialize;

use super::problem::Problem;
use crate::journal;

const DEFAULT: SignedDuration = SignedDuration::from_hours(24);

/// The parameters that give a span of time.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RangeParams {
    /// RFC 3339, or a duration back from now such as `24h` or `7d`; 24 hours unless given.
    pub since: Option<String>,
    /// RFC 3339, or a duration back from now, or `now`; now unless given. The end is not part of
    /// the range.
    pub until: Option<String>,
}

/// A span of time in milliseconds since 1970-01-01 UTC; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub since_ms: i64,
    /// Where it ends.
    pub until_ms: i64,
}

impl RangeParams {
    /// The span meant, at this moment.
    pub fn read(&self, now: Timestamp) -> Result<Range, Problem> {
        let until = self
            .until
            .as_deref()
            .map_or(Ok(now), |text| time("until", text, now))?;
        let since = match &self.since {
            Some(text) => time("since", text, now)?,
            None => until
                .checked_sub(DEFAULT)
                .map_err(|error| Problem::input("until", error.to_string()))?,
        };
        if since >= until {
            return Err(Problem::input("since", "it must be before `until`"));
        }
        // What is being recorded right now has this millisecond's time, and is part of "until now".
        let end = i64::from(until == now);
        Ok(Range {
            since_ms: since.as_millisecond(),
            until_ms: until.as_millisecond() + end,
        })
    }
}

impl Range {
    /// Its length.
    pub fn length_ms(self) -> i64 {
        self.until_ms - self.since_ms
    }

    /// Whether it goes on up to this moment.
    pub fn is_open(self, now: Timestamp) -> bool {
        now.as_millisecond() < self.until_ms
    }

    /// The span of the same length right before.
    #[must_use]
    pub fn before(self) -> Self {
        Self {
            since_ms: self.since_ms - self.length_ms(),
            until_ms: self.since_ms,
        }
    }
}

impl From<Range> for journal::Range {
    fn from(range: Range) -> Self {
        Self {
            since_ms: range.since_ms,
            until_ms: range.until_ms,
        }
    }
}

fn time(parameter: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    // In an address `+` is a space, unless it is escaped.
    if let Ok(time) = text.parse().or_else(|_| text.replace(' ', "+").parse()) {
        return Ok(time);
    }
    if text == "now" {
        return Ok(now);
    }
    let wrong = || {
        Problem::input(
            parameter,
            format!("`{text}` is neither an RFC 3339 time nor a duration such as 24h or 7d"),
        )
    };
    let span = duration(text).ok_or_else(wrong)?;
    now.checked_sub(span).map_err(|_| wrong())
}

fn duration(text: &str) -> Option<Span> {
    let unit = text.chars().last()?;
    let number: i64 = text.get(..text.len() - unit.len_utf8())?.parse().ok()?;
    if !(1..=1_000_000).contains(&number) {
        return None;
    }
    Some(match unit {
        's' => number.seconds(),
        'm' => number.minutes(),
        'h' => number.hours(),
        'd' => (number * 24).hours(),
        'w' => (number * 24 * 7).hours(),
        _ => return None,
    })
}

/// A moment as the API writes it: RFC 3339 in UTC, with milliseconds.
pub fn text(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-20T12:00:00Z";

    fn read(since: Option<&str>, until: Option<&str>) -> Result<Range, Problem> {
        let params = RangeParams {
            since: since.map(Into::into),
            until: until.map(Into::into),
        };
        params.read(NOW.parse().unwrap())
    }

    #[test]
    fn a_duration_counts_back_from_now() {
        let range = read(Some("7d"), None).unwrap();
        assert_eq!(text(range.since_ms), "2026-11-13T12:00:00.000Z");
        let usual = read(None, None).unwrap();
        assert_eq!(usual.length_ms(), 24 * 3_600_000 + 1);
        assert_eq!(read(None, Some("now")).unwrap(), usual);
    }

    #[test]
    fn times_are_taken_as_written() {
        let range = read(
            Some("2026-11-01T00:00:00Z"),
            Some("2026-11-02T01:00:00+01:00"),
        )
        .unwrap();
        let unescaped = read(
            Some("2026-11-01T00:00:00Z"),
            Some("2026-11-02T01:00:00 01:00"),
        );
        assert_eq!(unescaped.unwrap(), range);
        assert_eq!(range.length_ms(), 24 * 3_600_000);
        assert_eq!(text(range.before().since_ms), "2026-10-31T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_named() {
        for (since, until) in [
            (Some("yesterday"), None),
            (None, Some("7y")),
            (Some("1h"), Some("2h")),
            (Some(""), None),
            (Some("-5d"), None),
            (Some("99999999d"), None),
        ] {
            let problem = read(since, until).unwrap_err();
            assert_eq!(problem.status, 400);
            assert_eq!(problem.errors.len(), 1);
        }
    }
}
