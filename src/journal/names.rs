//! The dictionary of names: every name that the journal speaks of, once, by number.
//!
//! It is held in memory because the writer numbers the names of all rows, and because a search
//! goes over the names first: about 40 bytes a name.

use xxhash_rust::xxh3::xxh3_64;

use super::budget::Budget;
use super::ids::IdSet;
use super::numbers::Numbers;
use super::row::UNNAMED;
use super::spelled::Spelled;

/// More names are not numbered; a home has some ten thousand. It bounds what a device that asks
/// random names can cost us.
const MOST: usize = 500_000;

/// A number that is further above that of the names is not one that we gave: a bit of it flipped on
/// the disk. Of the names of earlier times, nearly all may be forgotten.
const FAR: usize = 1 << 22;

/// New names that are taken as they are: a home's of its first days at once, then more by the hour.
const NEW: Budget = Budget::new(20_000, 1000);
/// The same for names that stand for all below a domain, where there are too many.
const NEW_DOMAINS: Budget = Budget::new(2000, 100);

/// Names by number; number 0 stands for no name.
#[derive(Clone, Debug)]
pub(super) struct Names {
    new: Budget,
    new_domains: Budget,
    text: String,
    spans: Vec<Span>,
    /// Open addressing.
    slots: Vec<Slot>,
    live: usize,
    numbers: Numbers,
    is_full: bool,
    /// Whether the latest new name was not taken as it is.
    is_flooded: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    len: u16,
}

/// A number, 0 where the slot is free, and half of the hash of its name: the others that are met on
/// the way to a name need not be fetched.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    id: u32,
    tag: u32,
}

/// Where a name is looked for first, and its tag.
#[derive(Clone, Copy)]
struct Home {
    slot: usize,
    tag: u32,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            new: NEW,
            new_domains: NEW_DOMAINS,
            text: String::new(),
            spans: Vec::new(),
            slots: Vec::new(),
            live: 0,
            numbers: Numbers::default(),
            is_full: false,
            is_flooded: false,
        }
    }
}

impl Names {
    /// The numbers of names that were asked for, as [`Self::number`] gives them; 0 for no name.
    pub(super) fn numbers(&mut self, asked: &Spelled) -> Vec<u32> {
        let mut ids = self.known(asked);
        for (id, (text, at_ms)) in ids.iter_mut().zip(asked.iter()) {
            if *id == 0 && !text.is_empty() {
                *id = self.number(text, at_ms);
            }
        }
        ids
    }

    /// The numbers of names that stand where they are looked for first; of others 0. No name has to
    /// wait until another was fetched from memory.
    fn known(&self, asked: &Spelled) -> Vec<u32> {
        let first = |text| {
            let home = self.home(text)?;
            let slot = self.slots.get(home.slot)?;
            (slot.tag == home.tag).then_some(slot.id)
        };
        let ids = asked.iter().map(|(text, _)| first(text).unwrap_or(0));
        let ids: Vec<u32> = ids.collect();
        let spans: Vec<Span> = ids.iter().map(|id| self.span(*id)).collect();
        let found = asked.iter().zip(ids).zip(spans);
        found
            .map(|(((text, _), id), span)| if self.text_of(span) == text { id } else { 0 })
            .collect()
    }

    /// The number of a name that was asked for. Where too many new ones were, it is that of
    /// `*.` and the domain above, which stands for all such names.
    pub(super) fn number(&mut self, text: &str, at_ms: i64) -> u32 {
        if let Some(id) = self.id(text) {
            return id;
        }
        if self.new.take(at_ms) {
            self.is_flooded = false;
            return self.intern(text);
        }
        if !std::mem::replace(&mut self.is_flooded, true) {
            tracing::warn!("too many new names at once: more are kept as `*.` and their domain");
        }
        self.number_above(text, at_ms)
    }

    fn number_above(&mut self, text: &str, at_ms: i64) -> u32 {
        let mut below = text;
        let mut all = String::with_capacity(text.len() + 2);
        while let Some((_, domain)) = below.split_once('.').filter(|(_, rest)| !rest.is_empty()) {
            all.clear();
            all.push_str("*.");
            all.push_str(domain);
            if let Some(id) = self.id(&all) {
                return id;
            }
            if self.new_domains.take(at_ms) {
                return self.intern(&all);
            }
            below = domain;
        }
        0
    }

    /// The number of a name; a new one if it has none, 0 if there are too many names.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(id) = self.id(text) {
            return id;
        }
        if self.live >= MOST {
            if !std::mem::replace(&mut self.is_full, true) {
                tracing::warn!(
                    most = MOST,
                    "too many different names: more are kept as `…`"
                );
            }
            return 0;
        }
        let id = self.numbers.draw(self.last());
        self.set(id, text)
    }

    /// The number of a name, if it has one.
    pub(super) fn id(&self, text: &str) -> Option<u32> {
        let Home { slot, tag } = self.home(text)?;
        let mut at = slot;
        loop {
            let slot = *self.slots.get(at)?;
            if slot.id == 0 {
                return None;
            }
            if slot.tag == tag && self.span_text(slot.id) == Some(text) {
                return Some(slot.id);
            }
            at = (at + 1) % self.slots.len();
        }
    }

    /// Puts a name from the disk under its number; gives 0 where it cannot be.
    pub(super) fn put(&mut self, id: u32, text: &str) -> u32 {
        if id as usize > self.live * 16 + FAR {
            return 0;
        }
        self.set(id, text)
    }

    /// Puts a name under a number that has none; gives 0 where it cannot be.
    fn set(&mut self, id: u32, text: &str) -> u32 {
        let (start, len) = (u32::try_from(self.text.len()), u16::try_from(text.len()));
        let (Ok(start), Ok(len)) = (start, len) else {
            return 0;
        };
        let place = (id as usize).saturating_sub(1);
        if id == 0 || self.span(id).len > 0 {
            return 0;
        }
        self.text.push_str(text);
        if place >= self.spans.len() {
            self.spans.resize(place + 1, Span::default());
        }
        if let Some(span) = self.spans.get_mut(place) {
            *span = Span { start, len };
        }
        self.live += 1;
        if self.live * 4 > self.slots.len() * 3 {
            self.grow();
        } else {
            self.place(id);
        }
        id
    }

    /// The name with a number, or [`UNNAMED`].
    pub(super) fn text(&self, id: u32) -> &str {
        self.span_text(id).unwrap_or(UNNAMED)
    }

    /// All names with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        (1..self.next_id()).filter_map(|id| Some((id, self.span_text(id)?)))
    }

    /// The names that are not on disk yet.
    pub(super) fn unsaved(&self) -> Vec<(u32, String)> {
        let named = |id| Some((id, self.span_text(id)?.to_owned()));
        self.numbers.unsaved().filter_map(named).collect()
    }

    /// So many of those are on disk now.
    pub(super) fn mark_saved(&mut self, count: usize) {
        self.numbers.mark_saved(count);
    }

    /// Has numbers that have no name given again, some time after nothing speaks of them any more.
    pub(super) fn rest(&mut self, is_used: impl Fn(u32) -> bool) {
        let all = 1..self.next_id();
        let idle = all.filter(|id| self.span(*id).len == 0 && !is_used(*id));
        let idle = idle.collect();
        self.numbers.rest(idle);
    }

    /// The highest number given.
    pub(super) fn last(&self) -> u32 {
        self.next_id() - 1
    }

    /// Forgets all names but these; gives the numbers that went.
    pub(super) fn retain(&mut self, keep: &IdSet) -> Vec<u32> {
        let old = std::mem::take(self);
        let mut gone = Vec::new();
        for (id, text) in old.iter() {
            if keep.contains(id) {
                self.set(id, text);
            } else {
                gone.push(id);
            }
        }
        // What still holds an old number must not meet another name yet.
        self.spans.resize(old.spans.len(), Span::default());
        self.numbers = old.numbers;
        self.numbers.forget(|id| !keep.contains(id));
        (self.new, self.new_domains) = (old.new, old.new_domains);
        gone
    }

    fn next_id(&self) -> u32 {
        u32::try_from(self.spans.len() + 1).unwrap_or(u32::MAX)
    }

    fn span_text(&self, id: u32) -> Option<&str> {
        let text = self.text_of(self.span(id));
        (!text.is_empty()).then_some(text)
    }

    fn span(&self, id: u32) -> Span {
        let place = (id as usize).wrapping_sub(1);
        self.spans.get(place).copied().unwrap_or_default()
    }

    fn text_of(&self, span: Span) -> &str {
        let start = span.start as usize;
        self.text
            .get(start..start + usize::from(span.len))
            .unwrap_or_default()
    }

    fn home(&self, text: &str) -> Option<Home> {
        let hash = xxh3_64(text.as_bytes());
        let slot = hash.checked_rem(u64::try_from(self.slots.len()).ok()?)?;
        Some(Home {
            slot: usize::try_from(slot).ok()?,
            tag: u32::try_from(hash >> 32).ok()?,
        })
    }

    fn place(&mut self, id: u32) {
        let Some(home) = self.span_text(id).and_then(|text| self.home(text)) else {
            return;
        };
        let mut at = home.slot;
        while self.slots.get(at).is_some_and(|slot| slot.id != 0) {
            at = (at + 1) % self.slots.len();
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { id, tag: home.tag };
        }
    }

    fn grow(&mut self) {
        self.slots = vec![Slot::default(); (self.slots.len() * 2).max(64)];
        (1..self.next_id()).for_each(|id| self.place(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = Names::default();
        let ids: Vec<u32> = (0..5000)
            .map(|n| names.intern(&format!("n{n}.example")))
            .collect();
        assert_eq!(ids, (1..=5000).collect::<Vec<_>>());
        for n in 0..5000 {
            let text = format!("n{n}.example");
            assert_eq!(names.intern(&text), n + 1);
            assert_eq!(names.text(n + 1), text);
        }
        assert_eq!(names.id("other.example"), None);
        assert_eq!(names.text(0), UNNAMED);
        assert_eq!(names.text(9999), UNNAMED);
    }

    #[test]
    fn only_names_that_are_not_on_disk_are_unsaved() {
        let mut names = Names::default();
        names.put(3, "a.example");
        assert_eq!(names.intern("b.example"), 4);
        assert_eq!(names.unsaved(), [(4, "b.example".to_owned())]);
        names.mark_saved(1);
        assert_eq!(names.unsaved(), []);
    }

    #[test]
    fn a_forgotten_name_gives_its_number_to_another_some_time_after_nothing_speaks_of_it() {
        let mut names = Names::default();
        assert_eq!(
            ["a.example", "b.example", "c.example"].map(|n| names.intern(n)),
            [1, 2, 3]
        );
        let gone = names.retain(&[1].into_iter().collect());
        assert_eq!(gone, [2, 3]);
        assert_eq!(names.id("b.example"), None);
        assert_eq!(names.text(2), UNNAMED);
        assert_eq!(names.intern("d.example"), 4);
        assert_eq!(
            names.iter().collect::<Vec<_>>(),
            [(1, "a.example"), (4, "d.example")]
        );
        names.rest(|id| id == 3);
        assert_eq!(names.intern("e.example"), 5);
        names.rest(|id| id == 3);
        assert_eq!(["f.example", "g.example"].map(|n| names.intern(n)), [2, 6]);
        assert_eq!(names.text(2), "f.example");
        assert_eq!(names.id("f.example"), Some(2));
    }

    #[test]
    fn a_flood_of_new_names_is_kept_by_its_domain_and_known_names_by_themselves() {
        let mut names = Names::default();
        let now = 1_700_000_000_000;
        let known = names.number("www.home.example", now);
        for number in 0..200_000 {
            let id = names.number(&format!("x{number}.flood.example"), now);
            assert_eq!(names.text(id) == "*.flood.example", number >= 19_999);
        }
        assert_eq!(names.number("www.home.example", now), known);
        assert_eq!(names.iter().count(), 20_001);
        let hour = now + 3_600_000;
        let id = names.number("new.home.example", hour);
        assert_eq!(names.text(id), "new.home.example");
    }

    #[test]
    fn a_flood_below_random_domains_is_kept_by_what_is_above_them() {
        let mut names = Names::default();
        let ids = (0..30_000).map(|n| names.number(&format!("x.d{n}.flood.test"), 1));
        let last = ids.last().unwrap();
        assert_eq!(names.text(last), UNNAMED);
        assert_eq!(names.iter().count(), 22_000);
    }

    #[test]
    fn too_many_names_are_not_numbered() {
        let mut names = Names::default();
        (0..MOST).for_each(|n| assert_ne!(names.intern(&n.to_string()), 0));
        assert_eq!(names.intern("one-more.example"), 0);
        assert_eq!(names.intern("5"), 6);
    }
}
