//! Which numbers a dictionary gives next: those of forgotten words again, so that it does not grow
//! for ever, but not before nobody can still hold one for what it meant.

use super::ids::IdSet;

/// Free numbers that are remembered: more than there are new words in a day.
const MOST_FREE: usize = 65_536;

/// The numbers to give next, and those whose words are not on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// The lowest is the last.
    free: Vec<u32>,
    /// Had no word, and nothing spoke of them, when that was last looked at.
    resting: IdSet,
    unsaved: Vec<u32>,
}

impl Numbers {
    /// The number for a new word of a dictionary whose highest is `last`.
    pub(super) fn draw(&mut self, last: u32) -> u32 {
        let id = self.free.pop().unwrap_or(last.saturating_add(1));
        self.unsaved.push(id);
        id
    }

    /// The numbers whose words are not on disk, in the order in which they were given.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = u32> {
        self.unsaved.iter().copied()
    }

    /// So many of those are on disk now.
    pub(super) fn mark_saved(&mut self, count: usize) {
        self.unsaved.drain(..count.min(self.unsaved.len()));
    }

    /// The words with these numbers are forgotten.
    pub(super) fn forget(&mut self, is_gone: impl Fn(u32) -> bool) {
        self.unsaved.retain(|id| !is_gone(*id));
    }

    /// Takes numbers that have no word, and that nothing speaks of. Those that were so the last time,
    /// too, are given again: who began to read before then has ended.
    pub(super) fn rest(&mut self, idle: IdSet) {
        let rested = idle.iter().filter(|id| self.resting.contains(*id));
        self.free = rested.take(MOST_FREE).collect();
        self.free.reverse();
        self.resting = idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u32]) -> IdSet {
        ids.iter().copied().collect()
    }

    #[test]
    fn a_number_is_given_again_when_it_was_idle_twice() {
        let mut numbers = Numbers::default();
        assert_eq!([numbers.draw(6), numbers.draw(7)], [7, 8]);
        numbers.rest(set(&[2, 3, 5]));
        assert_eq!(numbers.draw(8), 9);
        numbers.rest(set(&[3, 4, 5]));
        assert_eq!([(); 3].map(|()| numbers.draw(9)), [3, 5, 10]);
    }

    #[test]
    fn words_are_unsaved_in_the_order_in_which_they_came() {
        let mut numbers = Numbers::default();
        numbers.rest(set(&[2]));
        numbers.rest(set(&[2]));
        assert_eq!([6, 6, 7].map(|last| numbers.draw(last)), [2, 7, 8]);
        numbers.forget(|id| id == 7);
        assert_eq!(numbers.unsaved().collect::<Vec<_>>(), [2, 8]);
        numbers.mark_saved(1);
        assert_eq!(numbers.unsaved().collect::<Vec<_>>(), [8]);
    }
}
