//! What the journal holds in memory: the dictionaries, the newest rows, and the sums of days that
//! are not closed.
//!
//! The writer alone changes it; readers look at it under a short lock.

use std::collections::{BTreeMap, VecDeque};

use super::Words;
use super::budget::Budget;
use super::day::Day;
use super::exchange::Exchange;
use super::ids::{IdMap, IdSet};
use super::labels::Labels;
use super::latency;
use super::line::{Line, day_of};
use super::names::Names;
use super::record::Record;
use super::row::{Row, UNNAMED};
use super::spelled::Spelled;
use crate::query::{EntryLabel, Match, Name, Source};

/// Records that are numbered together: what is looked up for them stays near.
const TOGETHER: usize = 128;

/// Rules whose entries are remembered, so that they are put into words once: three megabytes, for
/// a home that asks for as many names that are listed.
const KNOWN_ENTRIES: usize = 100_000;

/// More entries are not numbered by themselves, but by where they stand: thirteen megabytes.
const MOST_ENTRIES: usize = 100_000;

/// New entries of lists that are taken as they are: those of a home's first days at once, then more
/// by the hour. Packs and people's own rules do not have as many.
const NEW_ENTRIES: Budget = Budget::new(20_000, 1000);

/// Where the entries of lists stand.
const LIST: &str = "list:";

/// What the journal holds in memory.
#[derive(Debug)]
pub(super) struct State {
    pub names: Names,
    pub entries: Labels<EntryLabel>,
    pub upstreams: Labels<String>,
    pub tail: Tail,
    /// Sums that are not on disk: they add to what the disk has for the same day.
    pub days: BTreeMap<i64, Day>,
    pub exchange: Exchange,
    /// When the writer last took what was recorded.
    pub as_of_ms: i64,
    /// Whether it goes on from what is on disk.
    pub is_loaded: bool,
    known_entries: IdMap<(u32, u32), KnownEntry>,
    new_entries: Budget,
    spelled: Spelled,
}

/// What the entry of a rule is numbered as, in more bits than numbers take. The uppermost says whether
/// it shares the number with all where it stands, until there may be more.
#[derive(Clone, Copy, Debug)]
struct KnownEntry(u32);

impl KnownEntry {
    const SHARED: u32 = 1 << 31;

    fn new(id: u32, is_own: bool) -> Self {
        Self(if is_own { id } else { id | Self::SHARED })
    }

    fn id(self) -> u32 {
        self.0 & !Self::SHARED
    }

    fn is_own(self) -> bool {
        self.0 & Self::SHARED == 0
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            names: Names::default(),
            entries: Labels::default(),
            upstreams: Labels::default(),
            tail: Tail::default(),
            days: BTreeMap::new(),
            exchange: Exchange::default(),
            as_of_ms: 0,
            is_loaded: false,
            known_entries: IdMap::default(),
            new_entries: NEW_ENTRIES,
            spelled: Spelled::default(),
        }
    }
}

/// The newest rows: those that are not on disk, and those in blocks that will still be merged.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    /// The number of the first row; the others follow.
    pub base: u64,
    pub lines: VecDeque<Line>,
    /// How many of them, from the front, are on disk.
    pub flushed: usize,
}

impl Tail {
    /// The number that the next row gets.
    pub(super) fn end(&self) -> u64 {
        self.base + self.lines.len() as u64
    }

    /// The rows from a number on.
    pub(super) fn from(&self, first: u64) -> impl Iterator<Item = (u64, &Line)> {
        let skipped = first.saturating_sub(self.base);
        self.iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }

    /// How many rows are not on disk.
    pub(super) fn unflushed(&self) -> usize {
        self.lines.len() - self.flushed
    }

    /// The rows with their numbers.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Line)> + ExactSizeIterator {
        let numbered = self.lines.iter().enumerate();
        numbered.map(|(place, line)| (self.base + place as u64, line))
    }

    /// Forgets rows from the front that are on disk.
    pub(super) fn forget_flushed(&mut self) {
        self.lines.drain(..self.flushed);
        self.base += self.flushed as u64;
        self.flushed = 0;
    }

    /// Forgets the oldest rows above a limit; gives how many of them were not on disk.
    pub(super) fn limit(&mut self, most: usize) -> u64 {
        if self.lines.len() <= most {
            return 0;
        }
        // All that is on disk goes at once, so that no block is half in memory.
        self.forget_flushed();
        let lost = self.lines.len().saturating_sub(most);
        self.lines.drain(..lost);
        self.base += lost as u64;
        lost as u64
    }
}

impl State {
    /// Numbers the words of records, and adds them as the newest rows; gives the number of the
    /// first.
    ///
    /// Each step is done for many records before the next: what one has to fetch from memory does
    /// not keep the others waiting.
    pub(super) fn push_all<'r>(
        &mut self,
        records: impl Iterator<Item = Record<'r>>,
        words: &Words,
    ) -> u64 {
        let first = self.tail.end();
        let mut records = records;
        let mut spelled = std::mem::take(&mut self.spelled);
        loop {
            let together: Vec<Record<'r>> = records.by_ref().take(TOGETHER).collect();
            if together.is_empty() {
                break;
            }
            spelled.clear();
            for record in &together {
                spelled.push(record.name, record.at_ms);
            }
            let names = self.names.numbers(&spelled);
            let lines: Vec<Line> = together
                .iter()
                .zip(names)
                .map(|(record, name)| self.line(record, name, words))
                .collect();
            for day in lines.chunk_by(|a, b| day_of(a.at_ms) == day_of(b.at_ms)) {
                if let Some(line) = day.first() {
                    let sums = self.days.entry(day_of(line.at_ms)).or_default();
                    sums.add_all(day);
                }
            }
            for line in &lines {
                self.exchange.note(*line);
            }
            self.tail.lines.extend(lines);
        }
        self.spelled = spelled;
        first
    }

    /// A record as a row; its name has this number.
    fn line(&mut self, record: &Record<'_>, name: u32, words: &Words) -> Line {
        let matched = record.verdict.matched();
        let entry = matched.and_then(|matched| self.entry_id(matched, record, words));
        let upstream = match record.source {
            Source::Upstream(id) => (words.upstream)(id),
            _ => None,
        };
        Line {
            at_ms: record.at_ms,
            device: record.device,
            name,
            entry: entry.unwrap_or(0),
            upstream: upstream.map_or(0, |text| self.upstreams.intern(&text)),
            address: record.address,
            kind: record.kind,
            rcode: record.rcode,
            verdict: record.verdict.word(),
            source: record.source.into(),
            transport: record.transport,
            latency: latency::step(record.took_us),
        }
    }

    /// Adds a row whose words are numbered; gives its number.
    pub(super) fn push_line(&mut self, line: Line) -> u64 {
        let id = self.tail.end();
        self.tail.lines.push_back(line);
        self.days.entry(day_of(line.at_ms)).or_default().add(&line);
        id
    }

    /// Forgets the sums of the oldest days above a limit.
    pub(super) fn forget_days(&mut self, most: usize) {
        while self.days.len() > most {
            self.days.pop_first();
        }
    }

    /// A row in words.
    pub(super) fn row(&self, id: u64, line: &Line, words: &Words) -> Row {
        Row {
            id,
            at_ms: line.at_ms,
            device: (words.device)(line.device),
            address: line.address,
            name: self.names.text(line.name).to_owned(),
            kind: line.kind,
            verdict: line.verdict,
            entry: self.entries.label(line.entry).cloned(),
            rcode: line.rcode,
            source: line.source,
            upstream: self.upstreams.label(line.upstream).cloned(),
            transport: line.transport,
            took_us: latency::took_us(line.latency),
        }
    }

    /// Adds rows that were recorded under other dictionaries. What other nodes have comes from
    /// them again.
    pub(super) fn adopt(&mut self, other: &Self) {
        let all = || other.tail.lines.iter().copied().collect();
        let lines: Vec<Line> = other.exchange.unsaved().map_or_else(all, <[Line]>::to_vec);
        for line in &lines {
            let name = match line.name {
                0 => 0,
                id => self.names.intern(other.names.text(id)),
            };
            let entry = other
                .entries
                .label(line.entry)
                .map(|label| self.number_entry(label));
            let upstream = other.upstreams.label(line.upstream);
            let upstream = upstream.map(|label| self.upstreams.intern(label));
            let line = Line {
                name,
                entry: entry.unwrap_or(0),
                upstream: upstream.unwrap_or(0),
                ..*line
            };
            self.exchange.note(line);
            self.push_line(line);
        }
    }

    /// The number of an entry; where there are too many of them, that of all where it stands.
    pub(super) fn number_entry(&mut self, label: &EntryLabel) -> u32 {
        if self.entries.len() < MOST_ENTRIES {
            return self.entries.intern(label);
        }
        let known = self.entries.id(label);
        known.unwrap_or_else(|| self.number_origin(label))
    }

    fn number_origin(&mut self, label: &EntryLabel) -> u32 {
        self.entries.intern(&EntryLabel {
            origin: label.origin.clone(),
            entry: UNNAMED.to_owned(),
        })
    }

    /// Forgets entries that nothing speaks of any more.
    pub(super) fn forget_entries(&mut self, gone: &IdSet) {
        self.entries.forget(gone);
        self.known_entries
            .retain(|_, known| !gone.contains(known.id()));
    }

    fn entry_id(&mut self, matched: Match, record: &Record<'_>, words: &Words) -> Option<u32> {
        let key = (matched.generation, matched.rule);
        if let Some(known) = self.known_entries.get(&key)
            && (known.is_own() || !self.new_entries.is_left(record.at_ms))
        {
            return Some(known.id());
        }
        // What was decided is told with its name, unless privacy keeps even that out.
        let name = record.name.map_or(Ok(Name::ROOT), Name::from_wire).ok()?;
        let label = (words.entry)(matched, &name)?;
        let is_own = !label.origin.starts_with(LIST)
            || self.entries.id(&label).is_some()
            || self.new_entries.take(record.at_ms);
        let id = if is_own {
            self.number_entry(&label)
        } else {
            self.number_origin(&label)
        };
        if self.known_entries.len() >= KNOWN_ENTRIES {
            self.known_entries.clear();
        }
        self.known_entries.insert(key, KnownEntry::new(id, is_own));
        Some(id)
    }
}
