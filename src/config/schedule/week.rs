//! Times of the week by the clock on the wall, and the exact moments at which they begin and end.
//!
//! A time that the clock shows twice when summer ends counts twice, and one that it leaves out when
//! summer begins does not come.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

const DAY: u16 = 24 * 60;

/// A change is looked for this far ahead: a time that the beginning of summer leaves out comes a
/// week later.
const HORIZON_DAYS: i64 = 16;

/// Times of the week in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Week {
    /// The days on which its times begin.
    pub days: Days,
    /// The times of these days; none = all day.
    pub spans: Vec<Span>,
    /// Whose clock counts.
    pub zone: TimeZone,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days([bool; 7]);

/// From a time of the day up to, and without, another, which may be on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// In minutes since the day began.
    pub from: u16,
    /// Likewise; up to `from` it is on the next day.
    pub to: u16,
}

impl Days {
    /// The words for them.
    pub const WORDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// These days, Monday is 0; none = all.
    pub fn of(days: &[usize]) -> Self {
        let mut all = [days.is_empty(); 7];
        for (at, day) in all.iter_mut().enumerate() {
            *day |= days.contains(&at);
        }
        Self(all)
    }

    /// The words for those that are in.
    pub fn words(self) -> Vec<&'static str> {
        let all = Self::WORDS.into_iter().zip(self.0);
        all.filter(|(_, is_in)| *is_in)
            .map(|(word, _)| word)
            .collect()
    }

    fn has(self, date: Date) -> bool {
        let day = date.weekday().to_monday_zero_offset();
        let day = usize::try_from(day).unwrap_or_default();
        self.0.get(day).copied().unwrap_or(false)
    }
}

impl Span {
    /// All day.
    const WHOLE_DAY: Self = Self { from: 0, to: DAY };

    /// Reads `20:30-06:30`.
    pub fn read(text: &str) -> Result<Self, String> {
        let right = || "write two times of the day, such as \"20:30-06:30\"".to_owned();
        let (from, to) = text.split_once('-').ok_or_else(right)?;
        let from = minute(from).filter(|from| *from < DAY).ok_or_else(right)?;
        let to = minute(to).ok_or_else(right)?;
        if from == to {
            return Err("begins when it ends: write \"00:00-24:00\" for all day".to_owned());
        }
        Ok(Self { from, to })
    }

    fn passes_midnight(self) -> bool {
        self.to < self.from
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", time(self.from), time(self.to))
    }
}

impl Week {
    /// Whether this moment is within.
    pub fn covers(&self, at: Timestamp) -> bool {
        let wall = self.zone.to_datetime(at);
        let now = minute_of(wall.time());
        let is_today = self.days.has(wall.date());
        let is_yesterday = wall
            .date()
            .yesterday()
            .is_ok_and(|date| self.days.has(date));
        self.spans().iter().any(|span| {
            if span.passes_midnight() {
                (is_today && now >= span.from) || (is_yesterday && now < span.to)
            } else {
                is_today && (span.from..span.to).contains(&now)
            }
        })
    }

    /// The next moment at which that is otherwise; `None` = never.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let is_covered = self.covers(after);
        let mut moments = self.moments(after);
        moments.sort_unstable();
        let mut later = moments.into_iter().filter(|moment| *moment > after);
        later.find(|moment| self.covers(*moment) != is_covered)
    }

    fn spans(&self) -> &[Span] {
        if self.spans.is_empty() {
            &[Span::WHOLE_DAY]
        } else {
            &self.spans
        }
    }

    /// Every moment of the days to come at which a span may begin or end, in no order.
    fn moments(&self, after: Timestamp) -> Vec<Timestamp> {
        let mut moments = Vec::new();
        let mut date = self.zone.to_datetime(after).date();
        for _ in 0..HORIZON_DAYS {
            for span in self.spans() {
                self.add_moments(date, span.from, &mut moments);
                self.add_moments(date, span.to, &mut moments);
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        // The clock on the wall jumps: that, too, may begin or end a span.
        let horizon = SignedDuration::from_hours(24 * HORIZON_DAYS);
        let jumps = self.zone.following(after).map(|jump| jump.timestamp());
        moments.extend(jumps.take_while(|jump| jump.duration_since(after) <= horizon));
        moments
    }

    /// The moments at which the clock on the wall shows this minute of a day: none, one or two.
    fn add_moments(&self, date: Date, minute: u16, moments: &mut Vec<Timestamp>) {
        let wall = date.to_datetime(Time::midnight());
        let Ok(wall) = wall.checked_add(i64::from(minute).minutes()) else {
            return;
        };
        let at = |offset: jiff::tz::Offset, wall: DateTime| offset.to_timestamp(wall).ok();
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => moments.extend(at(offset, wall)),
            AmbiguousOffset::Gap { .. } => {}
            AmbiguousOffset::Fold { before, after } => {
                moments.extend(at(before, wall));
                moments.extend(at(after, wall));
            }
        }
    }
}

fn minute_of(time: Time) -> u16 {
    let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
    u16::try_from(minute).unwrap_or_default()
}

/// `06:30` in minutes; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) || hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && total <= DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn week(days: &[usize], spans: &[&str], zone: &str) -> Week {
        Week {
            days: Days::of(days),
            spans: spans.iter().map(|text| Span::read(text).unwrap()).collect(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in ["20:30-06:30", "00:00-24:00", "12:00-12:01"] {
            assert_eq!(Span::read(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Span::read("7:00 - 9:15").unwrap().to_string(),
            "07:00-09:15"
        );
        for text in [
            "",
            "7-9",
            "07:00",
            "24:00-01:00",
            "07:60-08:00",
            "07:00-24:01",
            "07:00-07:00",
            "+7:00-08:00",
        ] {
            assert!(Span::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // Friday to Saturday; 2026-11-20 is a Friday.
        let night = week(&[4], &["21:00-07:00"], "UTC");
        assert!(!night.covers(at("2026-11-20T06:59:00Z")));
        assert!(night.covers(at("2026-11-20T21:00:00Z")));
        assert!(night.covers(at("2026-11-21T06:59:59Z")));
        assert!(!night.covers(at("2026-11-21T07:00:00Z")));
        assert!(!night.covers(at("2026-11-21T21:00:00Z")));
        let ends = night.next_change(at("2026-11-20T22:00:00Z"));
        assert_eq!(ends, Some(at("2026-11-21T07:00:00Z")));
    }

    #[test]
    fn the_clock_on_the_wall_counts_when_summer_begins_and_ends() {
        let early = week(&[], &["02:15-02:45"], "Europe/Berlin");
        // 2026-03-29 has no such time.
        let next = early.next_change(at("2026-03-28T12:00:00Z"));
        assert_eq!(next, Some(at("2026-03-30T00:15:00Z")));
        // 2026-10-25 has it twice.
        let mut moment = at("2026-10-24T12:00:00Z");
        let mut changes = Vec::new();
        for _ in 0..4 {
            moment = early.next_change(moment).unwrap();
            changes.push(moment.to_string());
        }
        let expected = [
            "2026-10-25T00:15:00Z",
            "2026-10-25T00:45:00Z",
            "2026-10-25T01:15:00Z",
            "2026-10-25T01:45:00Z",
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn what_always_counts_never_changes() {
        let always = week(&[], &[], "America/New_York");
        assert!(always.covers(at("2026-01-01T00:00:00Z")));
        assert_eq!(always.next_change(at("2026-01-01T00:00:00Z")), None);
    }

    /// The slow, obvious way: a table of the minutes of a week as the clock on the wall shows them.
    struct Model {
        minutes: Vec<bool>,
        zone: TimeZone,
    }

    impl Model {
        fn of(week: &Week) -> Self {
            let mut minutes = vec![false; 7 * 1440];
            let days = week.days.words();
            for (day, word) in Days::WORDS.iter().enumerate() {
                for span in week.spans.iter().filter(|_| days.contains(word)) {
                    let (from, to) = (usize::from(span.from), usize::from(span.to));
                    let to = to + 1440 * usize::from(to < from);
                    (from..to).for_each(|at| minutes[(day * 1440 + at) % (7 * 1440)] = true);
                }
            }
            Self {
                minutes,
                zone: week.zone.clone(),
            }
        }

        /// Whether each minute of a year is within. Clocks are set on quarters of an hour only.
        fn year(&self, first: Timestamp) -> Vec<bool> {
            let mut year = Vec::new();
            for quarter in 0..366 * 96 {
                let second = first.as_second() + quarter * 15 * MINUTE;
                let start = Timestamp::from_second(second).unwrap();
                let offset = i64::from(self.zone.to_offset(start).seconds());
                for minute in 0..15 {
                    // 1970-01-05 was a Monday.
                    let wall = second + minute * MINUTE + offset - 4 * 1440 * MINUTE;
                    let place = (wall / MINUTE).rem_euclid(7 * 1440);
                    year.push(self.minutes[usize::try_from(place).unwrap()]);
                }
            }
            year
        }
    }

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        let whole = Just(Span::WHOLE_DAY);
        let any = (0..DAY, 0..=DAY)
            .prop_filter("a span has a length", |(from, to)| from != to)
            .prop_map(|(from, to)| Span { from, to });
        // Where clocks are set.
        let night = (0..240_u16, 1..60_u16).prop_map(|(from, length)| Span {
            from,
            to: from + length,
        });
        prop::collection::vec(prop_oneof![1 => whole, 6 => any, 5 => night], 1..4)
    }

    fn weeks() -> impl Strategy<Value = Week> {
        let zones = [
            "Europe/Berlin",
            "America/New_York",
            // Half an hour, half an hour, and three quarters past the hour.
            "Australia/Lord_Howe",
            "Pacific/Chatham",
            "America/St_Johns",
            // Midnight comes twice, or not at all.
            "America/Santiago",
            "Africa/Cairo",
            // Summer stops for Ramadan.
            "Africa/Casablanca",
            "Asia/Kolkata",
            "UTC",
        ];
        let days = prop::collection::vec(0..7_usize, 0..5);
        (days, spans(), prop::sample::select(zones.to_vec())).prop_map(|(days, spans, zone)| Week {
            days: Days::of(&days),
            spans,
            zone: TimeZone::get(zone).unwrap(),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn changes_come_exactly_when_the_minutes_of_a_year_say_so(
            week in weeks(),
            year in 2024..2032_i64,
        ) {
            let first = at(&format!("{year}-01-01T00:00:00Z"));
            let expected = Model::of(&week).year(first);
            let mut moment = first;
            let mut is_covered = week.covers(first);
            let mut minute = 0;
            while minute < expected.len() {
                let next = week.next_change(moment);
                let until = next.map_or(expected.len(), |next| {
                    usize::try_from((next.as_second() - first.as_second()) / MINUTE).unwrap()
                });
                let until = until.min(expected.len());
                prop_assert!(until > minute, "no progress at {moment}");
                let other = expected[minute..until].iter().position(|is_in| *is_in != is_covered);
                prop_assert_eq!(other, None, "minutes after {}", moment);
                minute = until;
                is_covered = !is_covered;
                moment = next.unwrap_or(moment);
            }
        }

        #[test]
        fn any_moment_is_judged_by_itself(week in weeks(), second in 1_700_000_000_i64..1_900_000_000) {
            // Whatever the clock said before: a jump of it cannot leave a schedule hanging.
            let now = Timestamp::from_second(second).unwrap();
            let start = Timestamp::from_second(second - second.rem_euclid(15 * MINUTE)).unwrap();
            let expected = Model::of(&week).year(start);
            let place = usize::try_from(second.rem_euclid(15 * MINUTE) / MINUTE).unwrap();
            prop_assert_eq!(week.covers(now), expected[place]);
        }
    }
}
