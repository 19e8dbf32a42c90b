//! The rules in force, and those before them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;

use super::Matcher;
use crate::query::GroupId;

/// The rules in force: read without a lock, swapped whole.
///
/// Those before are kept, so that what was just decided by them can still be put into words.
#[derive(Debug, Default)]
pub struct Live {
    current: ArcSwap<Rules>,
    previous: ArcSwap<Rules>,
    generations: AtomicU32,
}

/// The rules of one moment, for each group of devices.
#[derive(Debug, Default)]
pub struct Rules {
    default: Matcher,
    others: Vec<Matcher>,
}

impl Rules {
    /// The rules for a group; those of the default one for a group that is not there.
    pub fn of(&self, group: GroupId) -> &Matcher {
        let other = usize::from(group.0).checked_sub(1);
        other
            .and_then(|at| self.others.get(at))
            .unwrap_or(&self.default)
    }

    /// The matcher of this generation.
    pub fn generation(&self, generation: u32) -> Option<&Matcher> {
        self.all().find(|matcher| matcher.generation == generation)
    }

    fn all(&self) -> impl Iterator<Item = &Matcher> {
        std::iter::once(&self.default).chain(&self.others)
    }
}

impl Live {
    /// The rules in force.
    pub fn load(&self) -> arc_swap::Guard<Arc<Rules>> {
        self.current.load()
    }

    /// Calls `read` with the matcher of this generation, if it is in force or was until just now.
    pub fn with_generation<T>(
        &self,
        generation: u32,
        read: impl FnOnce(Option<&Matcher>) -> T,
    ) -> T {
        let current = self.current.load();
        if let Some(matcher) = current.generation(generation) {
            return read(Some(matcher));
        }
        let previous = self.previous.load();
        read(previous.generation(generation))
    }

    /// Puts a matcher in force for all; queries see the old one or the new one, never half of
    /// each.
    pub fn swap(&self, matcher: Matcher) {
        self.swap_all(matcher, Vec::new());
    }

    /// The same with a matcher for each further group.
    pub fn swap_all(&self, mut default: Matcher, mut others: Vec<Matcher>) {
        for matcher in std::iter::once(&mut default).chain(&mut others) {
            matcher.generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        }
        let rules = Arc::new(Rules { default, others });
        self.previous.store(self.current.swap(rules));
        self.rest();
    }

    /// Gives back the memory of the rules before those in force: what is put into words soon after a
    /// swap has them read again.
    pub fn rest(&self) {
        let (current, previous) = (self.current.load(), self.previous.load());
        // All groups have the same rules of lists.
        let base = previous.default.base();
        if !Arc::ptr_eq(base, current.default.base()) {
            base.rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_before_is_still_readable() {
        let live = Live::default();
        for _ in 0..3 {
            live.swap(Matcher::default());
        }
        let is_known = |generation| live.with_generation(generation, |known| known.is_some());
        assert_eq!(live.load().of(GroupId(0)).generation(), 3);
        assert!(is_known(2));
        assert!(!is_known(1));
    }

    #[test]
    fn each_group_has_rules_and_a_generation_of_its_own() {
        let live = Live::default();
        live.swap_all(Matcher::default(), vec![Matcher::default()]);
        let rules = live.load();
        let generations = [0, 1, 2].map(|group| rules.of(GroupId(group)).generation());
        assert_eq!(generations, [1, 2, 1]);
    }
}
