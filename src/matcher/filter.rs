//! Says in one cache line that a hash is not in a set, or that it may be: a split block Bloom
//! filter, as Apache Parquet describes it, with eight bits a key in a block of 32 bytes.

/// Bits for each key: about one in two hundred strangers passes.
const BITS_A_KEY: usize = 12;
/// The bytes of a block.
pub(super) const BLOCK: usize = 32;

/// Eight odd numbers, each of which picks one bit of a word (Parquet's).
const SALTS: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// The bytes of a filter for so many keys.
pub(super) fn size(keys: usize) -> usize {
    (keys * BITS_A_KEY).div_ceil(8 * BLOCK).max(1) * BLOCK
}

/// Adds a hash.
pub(super) fn insert(filter: &mut [u8], hash: u64) {
    let blocks = filter.len() / BLOCK;
    let at = block(hash, blocks);
    if let Some(block) = filter.as_chunks_mut::<BLOCK>().0.get_mut(at) {
        for (word, bit) in block.as_chunks_mut::<4>().0.iter_mut().zip(bits(hash)) {
            *word = (u32::from_le_bytes(*word) | bit).to_le_bytes();
        }
    }
}

/// Whether the hash may have been added; `false` is certain.
pub(super) fn may_contain(filter: &[[u8; BLOCK]], hash: u64) -> bool {
    let Some(block) = filter.get(block(hash, filter.len())) else {
        return false;
    };
    let words = block.as_chunks::<4>().0.iter().zip(bits(hash));
    words.fold(0, |missing, (word, bit)| {
        missing | (bit & !u32::from_le_bytes(*word))
    }) == 0
}

/// The table takes the hash's high bits; the block takes them too, stirred.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the product's high half is below the number of blocks"
)]
fn block(hash: u64, blocks: usize) -> usize {
    let stirred = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((u128::from(stirred) * blocks as u128) >> 64) as usize
}

fn bits(hash: u64) -> [u32; 8] {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    let low = hash as u32;
    SALTS.map(|salt| 1 << (low.wrapping_mul(salt) >> 27))
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
        assert!(strangers.count() < 1000);
    }

    #[test]
    fn an_empty_filter_contains_nothing() {
        assert!(!may_contain(&[], 1));
        assert!(!may_contain(vec![0; size(0)].as_chunks().0, 1));
    }
}
