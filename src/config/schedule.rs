//! `[[group.schedule]]`: what a group does at some times of the week.

mod week;

pub use week::Week;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::group::Known;
use super::list::List;
use super::packs::PacksSaid;
use super::section::{Read, Section};
use super::tree::Item;
use super::value;
use week::{Days, Span};

/// What a group does at some times of the week.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What people call it.
    pub name: String,
    /// When.
    pub week: Week,
    /// What.
    pub does: Does,
}

/// What a group does within a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Nothing is answered but names of the home, and what rules of the device or the group let
    /// through.
    BlockAll,
    /// Nothing is blocked.
    Pause,
    /// These count beside what the group has.
    Add {
        /// What packs do instead; `None` = what they do anyway.
        packs: Option<PacksSaid>,
        /// The names of lists.
        lists: Vec<String>,
    },
}

/// What a group does at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The places of the schedules that count now.
    pub schedules: Vec<usize>,
    /// The name of the schedule that blocks all, if one does.
    pub blocks_all: Option<String>,
    /// Whether nothing is blocked. Who blocks all at the same time blocks.
    pub is_paused: bool,
}

impl Schedule {
    /// Reads one of `[[group.schedule]]`, and its rules.
    pub(super) fn read(
        section: &mut Section<'_>,
        number: usize,
        lists: &Known<'_>,
    ) -> (Self, Vec<String>) {
        let name = section.optional("name", |item| List::check_name(&value::text(item)?));
        let week = Week {
            days: Days::of(&section.values("days", Vec::new(), day)),
            spans: section.values("times", Vec::new(), |item| {
                Span::read(item.text().unwrap_or_default())
            }),
            zone: section.value("zone", TimeZone::system(), zone),
        };
        let does = section.value("action", Word::Add, Word::read);
        let has_packs = section.has("packs");
        let added = section.section("packs", PacksSaid::read);
        let named = section.values("lists", Vec::new(), |item| lists.one_of(item));
        let rules = section.values("rules", Vec::new(), value::text);
        let says_more = has_packs || !named.is_empty() || !rules.is_empty();
        match does {
            Word::Add if !says_more => section.wrong(
                "action",
                "= \"add\" adds nothing: write packs, lists or rules beside it",
            ),
            Word::Pause | Word::BlockAll if says_more => section.wrong(
                "action",
                "stands beside packs, lists or rules: these count with \"add\" only",
            ),
            _ => {}
        }
        let does = match does {
            Word::BlockAll => Does::BlockAll,
            Word::Pause => Does::Pause,
            Word::Add => Does::Add {
                packs: has_packs.then_some(added),
                lists: named,
            },
        };
        let name = name.unwrap_or_else(|| format!("schedule {}", number + 1));
        (Self { name, week, does }, rules)
    }
}

impl Moment {
    /// What these schedules come to at a moment.
    pub fn of(schedules: &[Schedule], now: Timestamp) -> Self {
        let all = schedules.iter().enumerate();
        let counting: Vec<(usize, &Schedule)> = all
            .filter(|(_, schedule)| schedule.week.covers(now))
            .collect();
        let does = |wanted: &Does| {
            let found = counting.iter().find(|(_, one)| one.does == *wanted);
            found.map(|(_, schedule)| schedule.name.clone())
        };
        let blocks_all = does(&Does::BlockAll);
        Self {
            is_paused: blocks_all.is_none() && does(&Does::Pause).is_some(),
            blocks_all,
            schedules: counting.iter().map(|(at, _)| *at).collect(),
        }
    }
}

/// When any of these schedules next begins or ends; `None` = never.
pub fn next_change(schedules: &[Schedule], after: Timestamp) -> Option<Timestamp> {
    let weeks = schedules.iter().map(|schedule| &schedule.week);
    weeks.filter_map(|week| week.next_change(after)).min()
}

#[derive(Clone, Copy)]
enum Word {
    BlockAll,
    Pause,
    Add,
}

impl Word {
    fn read(item: &Item) -> Read<Self> {
        const WORDS: [(&str, Word); 3] = [
            ("add", Word::Add),
            ("block_all", Word::BlockAll),
            ("pause", Word::Pause),
        ];
        value::word(item, &WORDS)
    }
}

fn day(item: &Item) -> Read<usize> {
    let words: Vec<(&str, usize)> = Days::WORDS.into_iter().zip(0..).collect();
    value::word(item, &words)
}

fn zone(item: &Item) -> Read<TimeZone> {
    let right = "write the name of a time zone, such as \"Europe/Berlin\"";
    let text = item.text().unwrap_or_default();
    TimeZone::get(text).map_err(|_| right.to_owned())
}
