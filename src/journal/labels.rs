//! A small dictionary: the entries that decided, or the upstreams that answered, by number.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;

use super::ids::IdSet;
use super::numbers::Numbers;

/// A number that is further above that of the labels is not one that we gave: a bit of it flipped on
/// the disk.
const FAR: usize = 1 << 20;

/// Labels by number; number 0 stands for none.
#[derive(Clone, Debug)]
pub(super) struct Labels<T> {
    known: Vec<Option<T>>,
    /// The numbers by the hashes of their labels.
    ids: HashTable<u32>,
    hasher: RandomState,
    numbers: Numbers,
}

impl<T> Default for Labels<T> {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            ids: HashTable::new(),
            hasher: RandomState::new(),
            numbers: Numbers::default(),
        }
    }
}

impl<T: Clone + Eq + Hash> Labels<T> {
    /// The number of a label; a new one if it has none.
    pub(super) fn intern(&mut self, label: &T) -> u32 {
        self.id(label).unwrap_or_else(|| {
            let id = self.numbers.draw(self.last());
            self.set(id, label.clone())
        })
    }

    /// The number of a label, if it has one.
    pub(super) fn id(&self, label: &T) -> Option<u32> {
        let is_it = |id: &u32| self.label(*id) == Some(label);
        let found = self.ids.find(self.hasher.hash_one(label), is_it);
        found.copied()
    }

    /// Puts a label from the disk under its number; gives 0 where it cannot be.
    pub(super) fn put(&mut self, id: u32, label: T) -> u32 {
        let is_far = id as usize > self.len() * 8 + FAR;
        if id == 0 || is_far || self.label(id).is_some() {
            return 0;
        }
        self.set(id, label)
    }

    /// Puts a label under a number that has none.
    fn set(&mut self, id: u32, label: T) -> u32 {
        let place = (id as usize).saturating_sub(1);
        let hash = self.hasher.hash_one(&label);
        if place >= self.known.len() {
            self.known.resize(place + 1, None);
        }
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(label);
        }
        let (known, hasher) = (&self.known, &self.hasher);
        self.ids.insert_unique(hash, id, |id| {
            let label = known.get((*id as usize).wrapping_sub(1));
            label
                .and_then(Option::as_ref)
                .map_or(0, |label| hasher.hash_one(label))
        });
        id
    }

    /// The label with a number.
    pub(super) fn label(&self, id: u32) -> Option<&T> {
        self.known.get((id as usize).checked_sub(1)?)?.as_ref()
    }

    /// All labels with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (1..)
            .zip(&self.known)
            .filter_map(|(id, label)| Some((id, label.as_ref()?)))
    }

    /// How many labels there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The labels that are not on disk yet.
    pub(super) fn unsaved(&self) -> Vec<(u32, T)> {
        let labelled = |id| Some((id, self.label(id)?.clone()));
        self.numbers.unsaved().filter_map(labelled).collect()
    }

    /// So many of those are on disk now.
    pub(super) fn mark_saved(&mut self, count: usize) {
        self.numbers.mark_saved(count);
    }

    /// Forgets labels.
    pub(super) fn forget(&mut self, gone: &IdSet) {
        for id in gone.iter() {
            let place = (id as usize).wrapping_sub(1);
            if let Some(label) = self.known.get_mut(place).and_then(Option::take) {
                let hash = self.hasher.hash_one(&label);
                if let Ok(found) = self.ids.find_entry(hash, |other| *other == id) {
                    found.remove();
                }
            }
        }
        self.numbers.forget(|id| gone.contains(id));
    }

    /// Has numbers that have no label given again, some time after nothing speaks of them any more.
    pub(super) fn rest(&mut self, is_used: impl Fn(u32) -> bool) {
        let numbered = (1..).zip(&self.known);
        let idle = numbered.filter(|(id, label)| label.is_none() && !is_used(*id));
        let idle = idle.map(|(id, _)| id).collect();
        self.numbers.rest(idle);
    }

    /// The highest number given.
    pub(super) fn last(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_keeps_its_number() {
        let mut labels = Labels::<String>::default();
        labels.put(2, "two".to_owned());
        assert_eq!(labels.intern(&"three".to_owned()), 3);
        assert_eq!(labels.intern(&"two".to_owned()), 2);
        assert_eq!(labels.label(1), None);
        assert_eq!(labels.label(0), None);
        assert_eq!(labels.label(3), Some(&"three".to_owned()));
        assert_eq!(labels.unsaved(), [(3, "three".to_owned())]);
    }

    #[test]
    fn a_forgotten_label_gives_its_number_to_another_some_time_after_nothing_speaks_of_it() {
        let mut labels = Labels::<u64>::default();
        assert_eq!([10, 20, 30].map(|label| labels.intern(&label)), [1, 2, 3]);
        labels.forget(&[1, 2].into_iter().collect());
        assert_eq!(
            (labels.len(), labels.id(&20), labels.label(2)),
            (1, None, None)
        );
        labels.rest(|id| id == 1);
        assert_eq!(labels.intern(&40), 4);
        labels.rest(|id| id == 1);
        assert_eq!([50, 60, 30].map(|label| labels.intern(&label)), [2, 5, 3]);
        assert_eq!(labels.label(2), Some(&50));
    }
}
