//! Small numbers that stand for words: sets of them, and a quick hash for maps keyed by them.

use std::hash::{BuildHasherDefault, Hasher};

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct IdSet {
    words: Vec<u64>,
}

impl IdSet {
    /// Adds a number.
    pub(super) fn insert(&mut self, id: u32) {
        let (word, bit) = place(id);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether a number is in the set.
    pub(super) fn contains(&self, id: u32) -> bool {
        let (word, bit) = place(id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The numbers in the set, the lowest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let words = (0_u32..).zip(&self.words);
        words.flat_map(|(place, word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| place * 64 + bit)
        })
    }

    /// How many numbers are in the set.
    pub(super) fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }
}

impl FromIterator<u32> for IdSet {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        let mut set = Self::default();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

fn place(id: u32) -> (usize, u64) {
    ((id / 64) as usize, 1 << (id % 64))
}

/// A map keyed by numbers that we gave out ourselves.
pub(super) type IdMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Mixes numbers that nobody outside chooses, so it need not withstand an attack.
#[derive(Clone, Copy, Default)]
pub(super) struct IdHasher(u64);

impl IdHasher {
    #[inline]
    fn mix(&mut self, number: u64) {
        let product = u128::from(self.0.rotate_left(29) ^ number) * 0x9E37_79B9_7F4A_7C15;
        self.0 = fold(product);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
fn fold(product: u128) -> u64 {
    (product as u64) ^ ((product >> 64) as u64)
}

impl Hasher for IdHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.mix(u64::from(number) | 1 << 40);
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number) | 1 << 41);
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_isize(&mut self, number: isize) {
        self.mix(number.cast_unsigned() as u64 | 1 << 42);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, RandomState};

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: IdSet = [0, 63, 64, 1000].into_iter().collect();
        assert_eq!(
            (0..2000).filter(|id| set.contains(*id)).collect::<Vec<_>>(),
            [0, 63, 64, 1000]
        );
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 1000]);
        assert_eq!(set.len(), 4);
    }

    #[test]
    fn keys_that_differ_little_hash_apart() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let keys = (0..100_u32).flat_map(|a| (0..100_u32).map(move |b| (a, b)));
        let low: HashSet<u64> = keys
            .clone()
            .map(|key| hasher.hash_one(key) & 0xffff)
            .collect();
        // Of 10,000 random values of 16 bits, about 9,280 differ.
        let ideal: HashSet<u64> = keys
            .map(|key| RandomState::new().hash_one(key) & 0xffff)
            .collect();
        assert!(low.len() > 8_500, "{} (ideal {})", low.len(), ideal.len());
    }
}
