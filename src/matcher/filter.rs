//! Says in one load that a hash is not in a set, or that it may be: a Bloom filter whose bits for
//! a key lie in one word, so that a question costs a few instructions and at most one cache line.

/// Bits for each key: about one in forty-five strangers passes.
const BITS_A_KEY: usize = 10;
/// The bytes of a word.
pub(super) const BLOCK: usize = 8;

/// The bytes of a filter for so many keys.
pub(super) fn size(keys: usize) -> usize {
    (keys * BITS_A_KEY).div_ceil(8 * BLOCK).max(1) * BLOCK
}

/// A hash as a filter sees it, the same for filters of all sizes.
#[derive(Clone, Copy)]
pub(super) struct Key {
    place: u64,
    bits: u64,
}

impl Key {
    /// The low bytes of a hash say in which word, and bits above them which bits of it. The table
    /// knows a hash by its high bits: a stranger that it takes for another passes here no more
    /// often than others do.
    #[inline]
    pub fn new(hash: u64) -> Self {
        let bit = |shift: u32| 1_u64 << ((hash >> shift) & 63);
        Self {
            place: hash.swap_bytes() >> 32,
            bits: bit(20) | bit(26) | bit(32),
        }
    }

    /// Whether the hash may have been added; `false` is certain.
    #[inline]
    pub fn may_be_in(self, filter: &[[u8; BLOCK]]) -> bool {
        let word = filter.get(self.word_of(filter.len()));
        word.is_some_and(|word| self.bits & !u64::from_le_bytes(*word) == 0)
    }

    fn word_of(self, words: usize) -> usize {
        (self.place.wrapping_mul(words as u64) >> 32) as usize
    }
}

/// Adds a hash. A filter has fewer than 2^32 words.
pub(super) fn insert(filter: &mut [u8], hash: u64) {
    let key = Key::new(hash);
    let at = key.word_of(filter.len() / BLOCK);
    if let Some(word) = filter.as_chunks_mut::<BLOCK>().0.get_mut(at) {
        *word = (u64::from_le_bytes(*word) | key.bits).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_few_strangers_pass() {
        let hash = |number: u64| super::super::hash::hash_text(&number.to_string(), 5);
        let mut filter = vec![0; size(10_000)];
        for number in 0..10_000 {
            insert(&mut filter, hash(number));
        }
        let blocks = filter.as_chunks().0;
        assert!((0..10_000).all(|number| Key::new(hash(number)).may_be_in(blocks)));
        let strangers =
            (10_000..110_000).filter(|&number| Key::new(hash(number)).may_be_in(blocks));
        assert!(strangers.count() < 3000);
    }

    #[test]
    fn an_empty_filter_contains_nothing() {
        assert!(!Key::new(1).may_be_in(&[]));
        assert!(!Key::new(1).may_be_in(vec![0; size(0)].as_chunks().0));
    }
}
