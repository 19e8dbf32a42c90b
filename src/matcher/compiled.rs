//! Compiled rules, ready for look-ups: in memory, or in a file that is mapped.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::addresses::Addresses;
use super::compile::reach_and_name;
use super::depths::Depths;
use super::file::{Bytes, Extra, FileError, Meta, Overlap};
use super::filter::{self, Key};
use super::groups::Names;
use super::patterns::Patterns;
use super::rule::{Pattern, Rule};
use super::source::{Order, Source};
use super::table::{Found, Value};
use super::{Reach, Want, table};

/// Compiled rules, which never change.
#[derive(Debug)]
pub struct Compiled {
    bytes: Bytes,
    meta: Meta,
    patterns: Patterns,
    addresses: Addresses,
    /// Rules for every name: those of zones for certain devices, which come first, and the others.
    for_devices: Vec<u32>,
    everywhere: Vec<u32>,
    differs_by_device: bool,
    is_damaged: AtomicBool,
}

/// One rule, found by its place.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// Where it comes from.
    pub source: &'a Source,
    /// The source's number.
    pub source_at: u16,
    /// Its line there; for a pack, the index of its entry.
    pub line: u32,
    /// How far it reaches around its name, if it has one.
    pub reach: Option<Reach>,
    /// What it says.
    pub says: Says<'a>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug)]
pub enum Says<'a> {
    /// No more than this.
    Plain {
        /// What to do.
        want: Want,
        /// Whether it beats rules without this mark.
        important: bool,
    },
    /// All that stands here.
    Rule(&'a Rule),
}

impl Placed<'_> {
    /// Whether it counts for every name that it covers.
    pub fn excepts_nothing(&self) -> bool {
        match self.says {
            Says::Plain { .. } => true,
            Says::Rule(rule) => rule.limits.except.is_empty(),
        }
    }

    /// Whether it beats rules without this mark.
    pub fn is_important(&self) -> bool {
        match self.says {
            Says::Plain { important, .. } => important,
            Says::Rule(rule) => rule.important,
        }
    }

    /// Why it blocks, in a few words.
    pub fn reason(&self) -> &str {
        self.source.reason(self.line)
    }
}

impl Compiled {
    /// Opens a file of compiled rules.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let (bytes, meta) = Bytes::map(path)?;
        Ok(Self::ready(bytes, meta))
    }

    /// Takes compiled rules that are in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, FileError> {
        let (bytes, meta) = Bytes::own(bytes)?;
        Ok(Self::ready(bytes, meta))
    }

    /// Gives memory back, because these rules are hardly ever read from now on.
    pub fn rest(&self) {
        self.bytes.rest();
    }

    fn ready(bytes: Bytes, meta: Meta) -> Self {
        let extras = || {
            (meta.first_extra..)
                .zip(&meta.extras)
                .filter(|(_, extra)| !extra.rule.cancels)
        };
        let patterns = Patterns::new(extras().map(|(place, extra)| (place, &extra.rule.pattern)));
        let addresses = Addresses::new(extras().filter_map(
            |(place, extra)| match extra.rule.pattern {
                Pattern::Address(net) => Some((net, place)),
                _ => None,
            },
        ));
        let comes_first = |extra: &Extra| {
            let source = meta.sources.get(usize::from(extra.source));
            source.is_some_and(|source| source.order == Order::Zone)
                && !extra.rule.limits.devices.only.is_empty()
        };
        let every = extras().filter(|(_, extra)| extra.rule.pattern.is_everything());
        let (mut first, rest): (Vec<_>, Vec<_>) = every.partition(|(_, extra)| comes_first(extra));
        // The smallest network of devices decides.
        first.sort_by_key(|(_, extra)| std::cmp::Reverse(extra.rule.limits.longest_network()));
        let places =
            |rules: Vec<(u32, &Extra)>| rules.into_iter().map(|(place, _)| place).collect();
        Self {
            for_devices: places(first),
            everywhere: places(rest),
            differs_by_device: meta
                .extras
                .iter()
                .any(|extra| extra.rule.limits.name_devices()),
            patterns,
            addresses,
            bytes,
            meta,
            is_damaged: AtomicBool::new(false),
        }
    }

    /// How many labels the names have that have rules.
    pub(super) fn depths(&self) -> Depths {
        self.meta.depths
    }

    /// What says in a few instructions that there is no rule for most names.
    pub(super) fn filter(&self) -> &[[u8; filter::BLOCK]] {
        self.bytes.filter()
    }

    /// The places of the rules for the suffix with this hash.
    pub(super) fn places(&self, hash: u64) -> impl Iterator<Item = u32> {
        let may_be = Key::new(hash).may_be_in(self.filter());
        may_be.then(|| self.at(hash)).into_iter().flatten()
    }

    /// The same for a hash that the filter lets pass.
    #[inline]
    pub(super) fn at(&self, hash: u64) -> impl Iterator<Item = u32> {
        let (only, set) = match table::find(self.bytes.table(), self.bytes.shape, hash) {
            Found::Value(Value::Place(place)) => (Some(place), &[][..]),
            Found::Value(Value::Set(set)) => (None, self.bytes.set(set)),
            Found::Nothing => (None, &[][..]),
            Found::Damaged => {
                self.is_damaged.store(true, Ordering::Relaxed);
                (None, &[][..])
            }
        };
        let set = set.iter().map(|place| u32::from_le_bytes(*place));
        only.into_iter().chain(set)
    }

    pub(super) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    pub(super) fn addresses(&self, address: IpAddr) -> impl Iterator<Item = u32> {
        self.addresses.find(address)
    }

    /// Whether answers have to be looked into for addresses.
    pub(super) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
            || (!self.patterns.is_empty() && self.meta.sources.iter().any(|s| s.reads_addresses))
    }

    /// Whether any rule counts for some devices only.
    pub(super) fn differs_by_device(&self) -> bool {
        self.differs_by_device
    }

    /// Rules for every name that come before those for the name itself.
    pub(super) fn for_devices(&self) -> &[u32] {
        &self.for_devices
    }

    /// Whether all of its rules are for names, or addresses.
    pub(super) fn has_only_names(&self) -> bool {
        self.patterns.is_empty() && self.for_devices.is_empty() && self.everywhere.is_empty()
    }

    /// Rules for every name.
    pub(super) fn everywhere(&self) -> &[u32] {
        &self.everywhere
    }

    /// The rule at this place.
    #[inline]
    pub fn rule(&self, place: u32) -> Option<Placed<'_>> {
        if place >= self.meta.first_extra {
            return self.whole_rule(self.extra(place)?);
        }
        let behind = self.meta.spans.partition_point(|span| span.start <= place);
        let span = self.meta.spans.get(behind.checked_sub(1)?)?;
        Some(Placed {
            source: self.meta.sources.get(usize::from(span.source))?,
            source_at: span.source,
            line: place - span.start,
            reach: Some(span.what.reach),
            says: Says::Plain {
                want: span.what.want,
                important: span.what.important,
            },
        })
    }

    #[inline(never)]
    fn whole_rule<'s>(&'s self, extra: &'s Extra) -> Option<Placed<'s>> {
        Some(Placed {
            source: self.meta.sources.get(usize::from(extra.source))?,
            source_at: extra.source,
            line: u32::try_from(extra.rule.line).unwrap_or(u32::MAX),
            reach: reach_and_name(&extra.rule.pattern).map(|(reach, _)| reach),
            says: Says::Rule(&extra.rule),
        })
    }

    /// The sources that take the rule at this place out of force wherever they count.
    pub(super) fn cancelled_by(&self, place: u32) -> &[u16] {
        let extra = self.extra(place);
        extra.map_or(&[], |extra| &extra.cancelled_by)
    }

    fn extra(&self, place: u32) -> Option<&Extra> {
        let at = place.checked_sub(self.meta.first_extra)?;
        self.meta.extras.get(usize::try_from(at).ok()?)
    }

    /// Calls `visit` with each rule for this name (lower-cased, without the root dot) itself.
    pub fn at_name<'s>(&'s self, name: &str, visit: &mut dyn FnMut(Placed<'s>)) {
        let places = self.places(super::hash::hash_text(name, self.seed()));
        places.filter_map(|place| self.rule(place)).for_each(visit);
    }

    /// Whether a damaged part was met since it was opened. Names in it were not found.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Reads all of it, and says whether it is as it was written.
    pub fn is_sound(&self) -> bool {
        self.bytes.table().iter().all(table::is_sound)
    }

    /// Where its rules come from, by number.
    pub fn sources(&self) -> &[Source] {
        &self.meta.sources
    }

    /// How many names its sources have, and share.
    pub fn overlap(&self) -> &Overlap {
        &self.meta.overlap
    }

    /// How many of these names each source of this has, and how many none has. They have to be
    /// hashed with the same seed.
    pub fn overlap_with(&self, names: &Names) -> (Vec<u64>, u64) {
        let mut shared = vec![0; self.meta.sources.len()];
        let mut alone = 0;
        for hash in names.hashes() {
            let rules = self.places(hash).filter_map(|place| self.rule(place));
            let mut sources: Vec<u16> = rules.map(|rule| rule.source_at).collect();
            sources.sort_unstable();
            sources.dedup();
            alone += u64::from(sources.is_empty());
            for source in sources {
                if let Some(count) = shared.get_mut(usize::from(source)) {
                    *count += 1;
                }
            }
        }
        (shared, alone)
    }

    /// What it was made from, as [`Compiler::finish`](super::Compiler::finish) was told.
    pub fn tag(&self) -> &str {
        &self.meta.tag
    }

    /// The key of its hashes.
    pub fn seed(&self) -> u64 {
        self.bytes.seed
    }

    /// How many different names there are, and rules that are more than a name.
    pub fn len(&self) -> usize {
        self.bytes.hashes + self.everywhere.len() + self.for_devices.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.bytes.hashes == 0 && self.meta.extras.is_empty()
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}
