//! The matcher in force, and the one before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;

use super::Matcher;

/// The matcher in force: read without a lock, swapped whole.
///
/// The one before is kept, so that what was just decided by it can still be put into words.
#[derive(Debug, Default)]
pub struct Live {
    current: ArcSwap<Matcher>,
    previous: ArcSwap<Matcher>,
    generations: AtomicU32,
}

impl Live {
    /// The matcher in force.
    pub fn load(&self) -> arc_swap::Guard<Arc<Matcher>> {
        self.current.load()
    }

    /// The matcher of this generation, if it is in force or was until just now.
    pub fn generation(&self, generation: u32) -> Option<Arc<Matcher>> {
        [&self.current, &self.previous]
            .into_iter()
            .map(ArcSwap::load_full)
            .find(|matcher| matcher.generation == generation)
    }

    /// Puts a matcher in force; queries see the old one or the new one, never half of each.
    pub fn swap(&self, mut matcher: Matcher) {
        matcher.generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        self.previous.store(self.current.swap(Arc::new(matcher)));
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
        assert_eq!(live.load().generation(), 3);
        assert!(live.generation(2).is_some());
        assert!(live.generation(1).is_none());
    }
}
