//! Which rows a reader wants.

use super::blob::Unpacker;
use super::block::Seen;
use super::bytes::Damaged;
use super::devices::Devices;
use super::ids::IdSet;
use super::line::Key;
use super::parts::{self, ByDevice};
use super::row::Row;
use super::state::State;
use super::view::Range;
use crate::query::{DeviceId, RecordType, VerdictWord};
use crate::store::{DayParts, StoredDay};

/// Which rows a reader wants; what is `None` or empty lets all pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// When they were answered.
    pub range: Range,
    /// Who asked.
    pub devices: Option<Vec<DeviceId>>,
    /// The name asked.
    pub name: Option<NameFilter>,
    /// What was decided, or whether it failed: a row passes when one of them fits.
    pub outcomes: Vec<Outcome>,
    /// Where the entry stands that decided: `pack:xiaomi`.
    pub origin: Option<String>,
    /// The type asked.
    pub kind: Option<RecordType>,
}

/// A verdict, or a failure whatever the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A query with this verdict.
    Verdict(VerdictWord),
    /// A query without a usable answer.
    Failed,
}

/// Which names a reader wants; names are lower case without a final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFilter {
    /// Names with this text in them.
    Contains(String),
    /// This name alone.
    Exact(String),
    /// This name and all below it.
    Subtree(String),
}

impl NameFilter {
    /// Reads `=name` (alone), `.name` (and all below it) or a part of a name.
    pub fn parse(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        let plain = |text: &str| text.strip_suffix('.').unwrap_or(text).to_owned();
        if let Some(name) = text.strip_prefix('=') {
            Self::Exact(plain(name))
        } else if let Some(name) = text.strip_prefix('.') {
            Self::Subtree(plain(name))
        } else {
            Self::Contains(text)
        }
    }

    /// Whether a name is wanted.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Contains(part) => name.contains(part.as_str()),
            Self::Exact(wanted) => name == wanted,
            Self::Subtree(parent) => name
                .strip_suffix(parent.as_str())
                .is_some_and(|below| below.is_empty() || below.ends_with('.')),
        }
    }
}

impl Filter {
    /// A filter that lets everything of a range pass.
    pub fn all(range: Range) -> Self {
        Self {
            range,
            devices: None,
            name: None,
            outcomes: Vec::new(),
            origin: None,
            kind: None,
        }
    }

    /// Whether a row is wanted: for rows as they are recorded.
    pub fn matches(&self, row: &Row) -> bool {
        let origin = row.entry.as_ref().map(|entry| &entry.origin);
        self.range.contains(row.at_ms)
            && self
                .devices
                .as_ref()
                .is_none_or(|devices| devices.contains(&row.device))
            && self
                .name
                .as_ref()
                .is_none_or(|name| name.matches(&row.name))
            && passes(&self.outcomes, row.verdict, row.is_failed())
            && self
                .origin
                .as_ref()
                .is_none_or(|wanted| origin == Some(wanted))
            && self.kind.is_none_or(|kind| kind == row.kind)
    }
}

fn passes(outcomes: &[Outcome], verdict: VerdictWord, is_failed: bool) -> bool {
    let fits = |outcome: &Outcome| match outcome {
        Outcome::Verdict(wanted) => *wanted == verdict,
        Outcome::Failed => is_failed,
    };
    outcomes.is_empty() || outcomes.iter().any(fits)
}

/// A filter in the numbers of the dictionaries.
pub(super) struct NumberFilter<'a> {
    filter: &'a Filter,
    devices: Devices<'a>,
    names: Option<IdSet>,
    entries: Option<IdSet>,
}

impl<'a> NumberFilter<'a> {
    /// Looks the words up: only what is in the dictionaries now will pass.
    pub(super) fn new(filter: &'a Filter, devices: Devices<'a>, state: &State) -> Self {
        let names = filter.name.as_ref().map(|wanted| match wanted {
            NameFilter::Exact(name) => state.names.id(name).into_iter().collect(),
            NameFilter::Contains(_) | NameFilter::Subtree(_) => {
                let names = state.names.iter();
                names
                    .filter(|(_, name)| wanted.matches(name))
                    .map(|(id, _)| id)
                    .collect()
            }
        });
        let entries = filter.origin.as_ref().map(|wanted| {
            let entries = state
                .entries
                .iter()
                .filter(|(_, label)| label.origin == *wanted);
            entries.map(|(id, _)| id).collect()
        });
        Self {
            filter,
            devices,
            names,
            entries,
        }
    }

    /// Whether no row can pass, because nothing that is wanted was ever asked.
    pub(super) fn is_hopeless(&self) -> bool {
        let is_empty = |ids: &Option<IdSet>| ids.as_ref().is_some_and(|ids| ids.len() == 0);
        is_empty(&self.names) || is_empty(&self.entries)
    }

    /// The parts of a day's sums that tell whether rows of it may pass; `None` when no sums do.
    pub(super) fn telling_parts(&self) -> Option<DayParts> {
        if self.entries.is_some() {
            Some(DayParts::Covered)
        } else if self.names.is_some() && self.devices.are_some() {
            Some(DayParts::Devices)
        } else if self.names.is_some() {
            Some(DayParts::Names)
        } else if self.devices.are_some() || !self.filter.outcomes.is_empty() {
            Some(DayParts::Hours)
        } else {
            None
        }
    }

    /// The hours of a day in which rows may pass, a bit each, by its sums.
    pub(super) fn hours_of(
        &mut self,
        stored: &StoredDay,
        unpacker: &mut Unpacker,
    ) -> Result<u32, Damaged> {
        let mut wanted = 0;
        for (device, hours) in parts::hours(&stored.hours, unpacker)? {
            if self.devices.wanted(DeviceId(device)).is_some() {
                let bits = (0..).zip(&hours).filter(|(_, hour)| self.fits(**hour));
                bits.for_each(|(hour, _)| wanted |= 1 << hour);
            }
        }
        let is_asked = wanted == 0 || self.is_asked(stored, unpacker)?;
        Ok(if is_asked { wanted } else { 0 })
    }

    fn fits(&self, [allow, watch, block, failed]: [u32; 4]) -> bool {
        let fits = |outcome: &Outcome| match outcome {
            Outcome::Verdict(VerdictWord::Allow) => allow > 0,
            Outcome::Verdict(VerdictWord::Watch) => watch > 0,
            Outcome::Verdict(VerdictWord::Block) => block > 0,
            Outcome::Failed => failed > 0,
        };
        let outcomes = &self.filter.outcomes;
        allow + watch + block > 0 && (outcomes.is_empty() || outcomes.iter().any(fits))
    }

    /// Whether a day has queries for the names and entries that are wanted.
    fn is_asked(&mut self, stored: &StoredDay, unpacker: &mut Unpacker) -> Result<bool, Damaged> {
        if self.names.is_none() && self.entries.is_none() {
            return Ok(true);
        }
        let mut is_asked = false;
        parts::covered(&stored.covered, unpacker, |key, tally| {
            is_asked |= self.wants_key(&key, tally.failed > 0);
        })?;
        let (Some(names), None, false) = (&self.names, &self.entries, is_asked) else {
            return Ok(is_asked);
        };
        let outcomes = &self.filter.outcomes;
        let mut look = |sum: parts::NameSum| {
            is_asked |=
                names.contains(sum.name) && (passes(outcomes, VerdictWord::Allow, sum.failed > 0));
        };
        if !self.devices.are_some() {
            parts::names(&stored.names, unpacker, look)?;
            return Ok(is_asked);
        }
        let by_device = ByDevice::open(&stored.data, unpacker)?;
        for (place, device) in by_device.list().enumerate() {
            if self.devices.wanted(DeviceId(device)).is_some() {
                by_device.names(place, unpacker, &mut look)?;
            }
        }
        Ok(is_asked)
    }

    /// Whether one of these names may pass.
    pub(super) fn wants_any(&self, names: &[u32]) -> bool {
        let wanted = self.names.as_ref();
        wanted.is_none_or(|wanted| names.iter().any(|name| wanted.contains(*name)))
    }

    /// Whether a row passes, but for its type.
    pub(super) fn wants(&mut self, seen: &Seen) -> bool {
        self.filter.range.contains(seen.at_ms) && self.wants_key(&seen.key, seen.is_failed())
    }

    fn wants_key(&mut self, key: &Key, is_failed: bool) -> bool {
        self.names
            .as_ref()
            .is_none_or(|names| names.contains(key.name))
            && self
                .entries
                .as_ref()
                .is_none_or(|entries| entries.contains(key.entry))
            && passes(&self.filter.outcomes, key.verdict, is_failed)
            && self.devices.wanted(key.device).is_some()
    }

    /// Whether a row's type passes.
    pub(super) fn wants_kind(&self, kind: RecordType) -> bool {
        self.filter.kind.is_none_or(|wanted| wanted == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_filter_reads_its_three_forms() {
        assert_eq!(
            NameFilter::parse("=A.Example."),
            NameFilter::Exact("a.example".to_owned())
        );
        assert_eq!(
            NameFilter::parse(".a.example"),
            NameFilter::Subtree("a.example".to_owned())
        );
        assert_eq!(
            NameFilter::parse(" track "),
            NameFilter::Contains("track".to_owned())
        );
    }

    #[test]
    fn a_subtree_is_the_name_and_what_is_below_it() {
        let below = NameFilter::parse(".a.example");
        assert!(below.matches("a.example"));
        assert!(below.matches("x.y.a.example"));
        assert!(!below.matches("ba.example"));
        assert!(!below.matches("example"));
    }
}
