//! A small dictionary: the entries that decided, or the upstreams that answered, by number.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;

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
    saved: usize,
}

impl<T> Default for Labels<T> {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            ids: HashTable::new(),
            hasher: RandomState::new(),
            saved: 0,
        }
    }
}

impl<T: Clone + Eq + Hash> Labels<T> {
    /// The number of a label; a new one if it has none.
    pub(super) fn intern(&mut self, label: &T) -> u32 {
        let is_it = |id: &u32| self.label(*id) == Some(label);
        match self.ids.find(self.hasher.hash_one(label), is_it) {
            Some(id) => *id,
            None => self.put(self.last() + 1, label.clone()),
        }
    }

    /// Puts a label under a number that is higher than all before; 0 where it cannot be.
    pub(super) fn put(&mut self, id: u32, label: T) -> u32 {
        let place = (id as usize).saturating_sub(1);
        if id == 0 || place < self.known.len() || place > self.ids.len() * 8 + FAR {
            return 0;
        }
        let hash = self.hasher.hash_one(&label);
        self.known.resize(place, None);
        self.known.push(Some(label));
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

    /// The labels that are not on disk yet.
    pub(super) fn unsaved(&self) -> Vec<(u32, T)> {
        let new = (1..).zip(&self.known).skip(self.saved);
        new.filter_map(|(id, label)| Some((id, label.clone()?)))
            .collect()
    }

    /// All labels up to this number are on disk.
    pub(super) fn mark_saved(&mut self, last: u32) {
        self.saved = self.saved.max(last as usize);
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
        labels.mark_saved(2);
        assert_eq!(labels.intern(&"three".to_owned()), 3);
        assert_eq!(labels.intern(&"two".to_owned()), 2);
        assert_eq!(labels.label(1), None);
        assert_eq!(labels.label(0), None);
        assert_eq!(labels.label(3), Some(&"three".to_owned()));
        assert_eq!(labels.unsaved(), [(3, "three".to_owned())]);
    }
}
