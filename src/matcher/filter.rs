//! Says in one load that a hash is not in a set, or that it may be: a Bloom filter whose bits for
//! a key lie in one word, so that a question costs a few instructions and at most one cache line.

/// Bits for each key: about one in a hundred strangers passes.
const BITS_A_KEY: usize = 12;
/// The bytes of a word.
pub(super) const BLOCK: usize = 8;

/// The bytes of a filter for so many keys.
pub(super) fn size(keys: usize) -> usize {
    (keys * BITS_A_KEY).div_ceil(8 * BLOCK).max(1) * BLOCK
}

/// Adds a hash.
pub(super) fn insert(filter: &mut [u8], hash: u64) {
    let words = filter.len() / BLOCK;
    let at = place(hash, words);
    if let Some(word) = filter.as_chunks_mut::<BLOCK>().0.get_mut(at) {
        *word = (u64::from_le_bytes(*word) | bits(hash)).to_le_bytes();
    }
}

/// Whether the hash may have been added; `false` is certain.
#[inline]
pub(super) fn may_contain(filter: &[[u8; BLOCK]], hash: u64) -> bool {
    let word = filter.get(place(hash, filter.len()));
    word.is_some_and(|word| bits(hash) & !u64::from_le_bytes(*word) == 0)
}

/// The table takes the hash's high bits; the place takes them too, stirred.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the product's high half is below the number of words"
)]
fn place(hash: u64, words: usize) -> usize {
    let stirred = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((u128::from(stirred) * words as u128) >> 64) as usize
}

/// Four bits, picked by the hash's low end.
fn bits(hash: u64) -> u64 {
    let bit = |shift: u32| 1_u64 << ((hash >> shift) & 63);
    bit(0) | bit(6) | bit(12) | bit(18)
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
        assert!((0..10_000).all(|number| may_contain(blocks, hash(number))));
        let strangers = (10_000..110_000).filter(|&number| may_contain(blocks, hash(number)));
        assert!(strangers.count() < 1500);
    }

    #[test]
    fn an_empty_filter_contains_nothing() {
        assert!(!may_contain(&[], 1));
        assert!(!may_contain(vec![0; size(0)].as_chunks().0, 1));
    }
}
