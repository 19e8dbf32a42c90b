//! Compiles rules, which come as a stream, into the bytes that [`Compiled`](super::Compiled) reads.
//!
//! Of a plain rule only a hash and its place remain: sixteen bytes until all are there, and then
//! about ten in the result. What needs more than a name and a verdict is kept whole.

use std::collections::{HashMap, HashSet};

use super::cancelled::{self, Cancelled};
use super::depths::Depths;
use super::file::{Extra, Meta, Span};
use super::groups::{EXTRA, Entry, Groups, Names};
use super::image::Image;
use super::rule::{Action, Pattern, Plain, Reach, Reply, Rule, Sink};
use super::source::{Order, Source};
use super::table::Shape;
use super::{Want, What, filter, hash, table};
use crate::query::Rcode;

/// Places end here; the bit above marks a set of places.
const MAX_PLACES: u32 = 1 << 30;
/// Takes rules one by one; [`Compiler::finish`] gives the bytes.
pub struct Compiler {
    seed: u64,
    sources: Vec<Source>,
    /// The greatest line of each source.
    last_lines: Vec<u32>,
    /// What the plain rules of one source say, each with its source.
    kinds: Vec<(u16, What)>,
    /// Where what the current source has begins.
    begun: Begun,
    entries: Vec<Entry>,
    depths: Depths,
    extras: Vec<Extra>,
    /// Rules that take others out of force, each with its source.
    cancels: Vec<(u16, Rule)>,
}

/// Where a source begins in what is gathered of all.
#[derive(Clone, Copy, Default)]
struct Begun {
    kinds: usize,
    entries: usize,
    extras: usize,
    cancels: usize,
}

/// Why rules could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Lines and sources are numbered in 30 bits.
    #[error("all lists together have more than a billion lines")]
    TooManyLines,
    /// Sources are numbered in 16 bits.
    #[error("there are more than 60,000 lists, or kinds of entries in them")]
    TooManySources,
}

impl Compiler {
    /// A compiler without rules. `seed` should be random, so that nobody can make names that
    /// collide.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            sources: Vec::new(),
            last_lines: Vec::new(),
            kinds: Vec::new(),
            begun: Begun::default(),
            entries: Vec::new(),
            depths: Depths::default(),
            extras: Vec::new(),
            cancels: Vec::new(),
        }
    }

    /// Begins a source: the rules that follow are its rules.
    pub fn source(&mut self, source: Source) {
        self.sources.push(source);
        self.last_lines.push(0);
        self.begun = Begun {
            kinds: self.kinds.len(),
            entries: self.entries.len(),
            extras: self.extras.len(),
            cancels: self.cancels.len(),
        };
    }

    /// Takes the current source out again, with its rules.
    pub fn withdraw(&mut self) {
        self.sources.pop();
        self.last_lines.pop();
        self.kinds.truncate(self.begun.kinds);
        self.entries.truncate(self.begun.entries);
        self.extras.truncate(self.begun.extras);
        self.cancels.truncate(self.begun.cancels);
    }

    /// Whether there is still room for all that was added.
    pub fn has_room(&self) -> Result<(), CompileError> {
        self.spans().map(|_| ())
    }

    /// Says of the current source what is known only when it has been read.
    pub fn describe(&mut self, order: Order, reads_addresses: bool) {
        if let Some(source) = self.sources.last_mut() {
            source.order = order;
            source.reads_addresses = reads_addresses;
        }
    }

    /// Adds a rule that is a name and a verdict. `name` is in lower case, without the root dot.
    pub fn add(&mut self, what: What, name: &str, line: u32) {
        let kind = self.kind(what);
        self.note_line(line);
        let hash = self.hash(name);
        self.entries.push(Entry::new(hash, kind, line));
    }

    fn extra(&mut self, rule: Rule, line: u32) {
        self.note_line(line);
        let place = place_of(self.extras.len());
        let name = reach_and_name(&rule.pattern).map(|(_, name)| self.hash(name));
        let address = address_as_name(&rule.pattern).map(|name| self.hash(&name));
        for hash in name.into_iter().chain(address) {
            self.entries.push(Entry::new(hash, EXTRA, place));
        }
        let source = self.current();
        self.extras.push(Extra {
            source,
            rule,
            cancelled_by: Vec::new(),
        });
    }

    fn hash(&mut self, name: &str) -> u64 {
        self.depths.add(name);
        hash::hash_text(name, self.seed)
    }

    fn current(&self) -> u16 {
        u16::try_from(self.sources.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    fn note_line(&mut self, line: u32) {
        if let Some(last) = self.last_lines.last_mut() {
            *last = line.max(*last);
        }
    }

    fn kind(&mut self, what: What) -> u16 {
        let first = self.begun.kinds;
        let known = self.kinds.get(first..).unwrap_or_default();
        let at = known.iter().position(|(_, known)| *known == what);
        let at = at.map_or(self.kinds.len(), |at| at + first);
        if at == self.kinds.len() {
            self.kinds.push((self.current(), what));
        }
        u16::try_from(at).unwrap_or(EXTRA - 1)
    }

    /// The bytes. `tag` is kept as it is: what the rules were made from.
    pub fn finish(mut self, tag: &str) -> Result<Vec<u8>, CompileError> {
        self.settle();
        self.bytes(tag)
    }

    /// The bytes, and the names that have rules.
    pub fn finish_with_names(mut self) -> Result<(Vec<u8>, Names), CompileError> {
        self.settle();
        let names = Names::of(&self.entries);
        Ok((self.bytes("")?, names))
    }

    /// Brings the rules that count into their final order.
    fn settle(&mut self) {
        self.cancel();
        self.entries.sort_unstable();
    }

    fn bytes(mut self, tag: &str) -> Result<Vec<u8>, CompileError> {
        let (spans, first_extra) = self.spans()?;
        let mut hashes = 0;
        let mut last = None;
        for entry in &self.entries {
            let (hash, ..) = entry.parts();
            hashes += usize::from(last.replace(hash) != Some(hash));
        }
        let places_end = first_extra.saturating_add(place_of(self.extras.len()));
        let shape = Shape::new(hashes, places_end.max(Groups::sets_end(self.entries.len())));
        let mut image = Image::new(self.seed, hashes, shape);
        let mut groups = Groups::new(&spans, first_extra, &self.extras, self.sources.len());
        let mut writer = table::Writer::new(image.take_table(), shape);
        let mut filter_bytes = vec![0; filter::size(hashes)];
        let place = |entry: &Entry| shape.place(entry.parts().0);
        for group in self.entries.chunk_by(|a, b| place(a) == place(b)) {
            let Some(first) = group.first() else {
                continue;
            };
            writer.push(place(first), groups.value(group));
            for entry in group {
                filter::insert(&mut filter_bytes, entry.parts().0);
            }
        }
        let (sets, overlap) = groups.finish();
        self.entries = Vec::new();
        image.give_table(writer.finish());
        image.filter(&filter_bytes);
        image.sets(&sets);
        Ok(image.finish(&Meta {
            tag: tag.to_owned(),
            sources: self.sources,
            depths: self.depths,
            spans,
            first_extra,
            extras: self.extras,
            overlap,
        }))
    }

    /// Takes the rules out of force that another says are not meant: those of its own source for
    /// good, and those of others where its source counts.
    fn cancel(&mut self) {
        let mut plains: HashMap<(u64, What), (Rule, Vec<u16>)> = HashMap::new();
        let mut wholes: HashMap<String, Vec<u16>> = HashMap::new();
        for (source, cancel) in std::mem::take(&mut self.cancels) {
            let by = match plain(&cancel) {
                Some((what, name)) => {
                    let key = (hash::hash_text(name, self.seed), what);
                    &mut plains.entry(key).or_insert_with(|| (cancel, Vec::new())).1
                }
                None => wholes.entry(cancelled::in_common(&cancel)).or_default(),
            };
            by.push(source);
        }
        if plains.is_empty() && wholes.is_empty() {
            return;
        }
        let sources = &self.sources;
        for extra in &mut self.extras {
            let by = wholes.get(&cancelled::in_common(&extra.rule));
            match by.and_then(|by| Cancelled::of(sources, extra.source, by)) {
                // Its place stays, so that those of the others do.
                Some(Cancelled::ForGood) => extra.rule.cancels = true,
                Some(Cancelled::By(others)) => extra.cancelled_by = others,
                None => {}
            }
        }
        let mut known = HashSet::new();
        let (kinds, extras) = (&self.kinds, &mut self.extras);
        let mut kept_whole = Vec::new();
        self.entries.retain(|entry| {
            let (hash, kind, line) = entry.parts();
            let at = usize::try_from(line).unwrap_or(usize::MAX);
            let Some(&(source, what)) = kinds.get(usize::from(kind)) else {
                return extras.get(at).is_none_or(|extra| !extra.rule.cancels);
            };
            let Some((rule, by)) = plains.get(&(hash, what)) else {
                return true;
            };
            let Some(cancelled) = Cancelled::of(sources, source, by) else {
                return true;
            };
            // A line that repeats another of its list adds nothing.
            if let (Cancelled::By(cancelled_by), true) = (cancelled, known.insert((hash, kind))) {
                kept_whole.push(Entry::new(hash, EXTRA, place_of(extras.len())));
                let rule = cancelled::as_meant(rule, line);
                extras.push(Extra {
                    source,
                    rule,
                    cancelled_by,
                });
            }
            false
        });
        self.entries.append(&mut kept_whole);
    }

    /// A span of places for each kind, as long as its source has lines; then the extras.
    fn spans(&self) -> Result<(Vec<Span>, u32), CompileError> {
        if self.sources.len() > 60_000 || self.kinds.len() > 60_000 {
            return Err(CompileError::TooManySources);
        }
        let mut start = 0_u32;
        let mut spans = Vec::with_capacity(self.kinds.len());
        for &(source, what) in &self.kinds {
            spans.push(Span {
                start,
                source,
                what,
            });
            let lines = self
                .last_lines
                .get(usize::from(source))
                .copied()
                .unwrap_or_default();
            start = start
                .checked_add(lines)
                .and_then(|end| end.checked_add(1))
                .filter(|&end| end < MAX_PLACES)
                .ok_or(CompileError::TooManyLines)?;
        }
        let extras = place_of(self.extras.len());
        if extras >= MAX_PLACES - start {
            return Err(CompileError::TooManyLines);
        }
        Ok((spans, start))
    }
}

/// A number of rules that are kept whole, as a place.
fn place_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What a rule says beside its name, where it says no more than that.
fn plain(rule: &Rule) -> Option<(What, &str)> {
    let (reach, name) = reach_and_name(&rule.pattern)?;
    if !rule.limits.is_empty() {
        return None;
    }
    let what = What {
        reach,
        want: want(&rule.action)?,
        important: rule.important,
    };
    Some((what, name))
}

/// What an action comes to that needs no words of its own.
fn want(action: &Action) -> Option<Want> {
    match action {
        Action::Block(replies) => match replies.as_slice() {
            [] => Some(Want::Block),
            [Reply::Code(Rcode::NXDOMAIN)] => Some(Want::BlockNxdomain),
            [Reply::Code(Rcode::NOERROR)] => Some(Want::BlockNodata),
            [Reply::Code(Rcode::REFUSED)] => Some(Want::BlockRefused),
            _ => None,
        },
        Action::Watch => Some(Want::Watch),
        Action::Allow => Some(Want::Allow),
        Action::Leave => Some(Want::Leave),
        Action::Drop => Some(Want::Drop),
        Action::Rewrite(_) | Action::KeepAnswer(_) => None,
    }
}

/// How far a pattern reaches around its name, where it is one name that says it all.
pub(super) fn reach_and_name(pattern: &Pattern) -> Option<(Reach, &str)> {
    match pattern {
        Pattern::Exact(name) => Some((Reach::Exact, name)),
        Pattern::Below(name) => Some((Reach::Below, name)),
        Pattern::Subtree(name) if !name.is_empty() => Some((Reach::Subtree, name)),
        _ => None,
    }
}

impl Sink for Compiler {
    fn plain(&mut self, plain: Plain<'_>) {
        match want(plain.action) {
            Some(want) if !plain.name.is_empty() => {
                let what = What {
                    reach: plain.reach,
                    want,
                    important: false,
                };
                let line = u32::try_from(plain.line).unwrap_or(u32::MAX);
                self.add(what, plain.name, line);
            }
            _ => self.rule(plain.to_rule()),
        }
    }

    fn rule(&mut self, rule: Rule) {
        let line = u32::try_from(rule.line).unwrap_or(u32::MAX);
        if rule.cancels {
            return self.cancels.push((self.current(), rule));
        }
        match plain(&rule) {
            Some((what, name)) => self.add(what, name, line),
            None => self.extra(rule, line),
        }
    }
}

/// One address can be asked for as a name, too.
fn address_as_name(pattern: &Pattern) -> Option<String> {
    match pattern {
        Pattern::Address(net) if net.prefix_len() == net.max_prefix_len() => {
            Some(net.addr().to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compiled, Rank};
    use super::*;

    #[test]
    fn names_that_the_table_cannot_tell_apart_have_the_rules_of_both() {
        let mut compiler = Compiler::new(0);
        compiler.source(Source::new("list".to_owned(), Rank::List, String::new()));
        for want in [Want::Block, Want::Allow] {
            let what = What {
                reach: Reach::Subtree,
                want,
                important: false,
            };
            compiler.add(what, "some.example", 1);
        }
        let (hash, kind, line) = compiler.entries[0].parts();
        compiler.entries[0] = Entry::new(hash ^ 1, kind, line);
        let rules = Compiled::from_bytes(compiler.finish("").unwrap()).unwrap();
        for hash in [hash, hash ^ 1] {
            assert_eq!(rules.places(hash).count(), 2);
        }
    }
}
