//! Keyed hashes of a name's suffixes: the name, its parent, and so on, in one pass from the right.
//!
//! The key is random for each installation, so that nobody can make up names that collide. A hash
//! stands for the suffix itself, and the table keeps 54 bits of it. That a name which is not listed is
//! taken for one of a million that are has a chance of about one in sixty billion; that two listed ones
//! are taken for one another, so that one has the other's rules, one in ten thousand; of a hundred
//! million such a pair is to be expected.

use crate::query::{MAX_NAME, Name};

/// Labels that most names have at most; deeper ones take a longer way.
const USUAL_LABELS: usize = 12;
/// RFC 1035 §3.1: 255 bytes hold at most 127 labels and the root.
const MAX_LABELS: usize = 127;

/// A label is taken in so many bytes at a time; nearly all labels need one step.
const BLOCK: usize = 16;

const STIR: u64 = 0x9e37_79b9_7f4a_7c15;
const STIR_LENGTH: u64 = 0xd6e8_feb8_6659_fd93;

/// Calls `read` with the hashes of the suffixes of `name`, the whole name first, and with where each
/// begins in the name's wire bytes. The root has none.
#[inline]
pub(super) fn with_suffixes<T>(name: &Name, seed: u64, read: impl FnOnce(&[u64], &[u8]) -> T) -> T {
    let mut hashes = [0; USUAL_LABELS];
    let mut starts = [0; USUAL_LABELS];
    match suffixes(name.as_wire_and_more(), seed, &mut hashes, &mut starts) {
        Some(count) => read(first(&hashes, count), first(&starts, count)),
        None => with_many_suffixes(name, seed, read),
    }
}

#[cold]
fn with_many_suffixes<T>(name: &Name, seed: u64, read: impl FnOnce(&[u64], &[u8]) -> T) -> T {
    let mut hashes = [0; MAX_LABELS];
    let mut starts = [0; MAX_LABELS];
    let count =
        suffixes(name.as_wire_and_more(), seed, &mut hashes, &mut starts).unwrap_or_default();
    read(first(&hashes, count), first(&starts, count))
}

fn first<T>(all: &[T], count: usize) -> &[T] {
    all.get(..count).unwrap_or_default()
}

/// Fills in the hashes and beginnings of suffixes, and says how many there are; `None` where the
/// name has more labels than there is room for.
#[inline]
fn suffixes<const ROOM: usize>(
    wire: &[u8; MAX_NAME],
    seed: u64,
    hashes: &mut [u64; ROOM],
    starts: &mut [u8; ROOM],
) -> Option<usize> {
    let mut count = 0;
    let mut at = 0;
    while let Some(&length) = wire.get(at)
        && length != 0
    {
        *starts.get_mut(count)? = u8::try_from(at).ok()?;
        count += 1;
        at += 1 + usize::from(length);
    }
    let (hashes, starts) = (hashes.get_mut(..count)?, starts.get(..count)?);
    let mut above = start(seed);
    for (hash, &start) in hashes.iter_mut().zip(starts).rev() {
        above = suffix(above, wire.get(usize::from(start)..)?, seed)?;
        *hash = above;
    }
    Some(count)
}

/// The hash of a suffix from the hash of the one above it and the wire bytes where it begins.
#[inline]
fn suffix(above: u64, wire: &[u8], seed: u64) -> Option<u64> {
    // What stands behind the label is masked: no branch depends on its length.
    if let Some([length, block @ ..]) = wire.first_chunk::<{ 1 + BLOCK }>()
        && let Some(mask) = MASKS.get(usize::from(*length))
    {
        let (low, high) = halves(block);
        return Some(fold(
            above ^ (low & mask.low),
            seed ^ mask.length ^ (high & mask.high),
        ));
    }
    long_suffix(above, wire, seed)
}

/// The same for a label that is long, or at the end of the room for names.
#[inline(never)]
fn long_suffix(above: u64, wire: &[u8], seed: u64) -> Option<u64> {
    let (&length, rest) = wire.split_first()?;
    Some(step(above, rest.get(..usize::from(length))?, seed))
}

/// The hash of one whole name in dotted text (lower case, no root dot), without building the name.
pub(super) fn hash_text(name: &str, seed: u64) -> u64 {
    name.rsplit('.').fold(start(seed), |above, label| {
        step(above, label.as_bytes(), seed)
    })
}

fn start(seed: u64) -> u64 {
    seed ^ STIR
}

/// The hash of a suffix from the hash of the one above it and its first label.
fn step(above: u64, label: &[u8], seed: u64) -> u64 {
    let mut hash = above;
    let mut rest = label;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>()
        && !after.is_empty()
    {
        let (low, high) = halves(block);
        hash = fold(hash ^ low, seed ^ high);
        rest = after;
    }
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(rest) {
        *to = *from;
    }
    let (low, high) = halves(&block);
    fold(hash ^ low, seed ^ high ^ stirred(label.len()))
}

/// Labels of other lengths that are otherwise the same are others.
const fn stirred(length: usize) -> u64 {
    (length as u64).wrapping_mul(STIR_LENGTH)
}

/// The two numbers that a block is.
#[inline]
fn halves(block: &[u8; BLOCK]) -> (u64, u64) {
    let [low, high] = block.as_chunks::<8>().0 else {
        return (0, 0);
    };
    (u64::from_le_bytes(*low), u64::from_le_bytes(*high))
}

/// What belongs to a label of a certain length: the bits of its bytes, and its length.
struct Mask {
    low: u64,
    high: u64,
    length: u64,
}

#[expect(
    clippy::indexing_slicing,
    reason = "it is done while compiling, and cannot fail later"
)]
static MASKS: [Mask; BLOCK + 1] = {
    let mut masks = [const {
        Mask {
            low: 0,
            high: 0,
            length: 0,
        }
    }; BLOCK + 1];
    let mut length = 1;
    while length <= BLOCK {
        let (low, high) = if length <= 8 {
            (u64::MAX >> (64 - 8 * length), 0)
        } else {
            (u64::MAX, u64::MAX >> (128 - 8 * length))
        };
        masks[length] = Mask {
            low,
            high,
            length: stirred(length),
        };
        length += 1;
    }
    masks
};

/// A multiplication of which both halves count.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
pub(super) fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left).wrapping_mul(u128::from(right));
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn hash(name: &Name, seed: u64) -> u64 {
        with_suffixes(name, seed, |hashes, _| hashes[0])
    }

    #[test]
    fn every_suffix_has_the_hash_of_the_name_that_it_is() {
        let name: Name = "a.bb.ccc.example".parse().unwrap();
        with_suffixes(&name, 7, |hashes, starts| {
            assert_eq!(starts, [0, 2, 5, 9]);
            for (hash_here, text) in hashes.iter().zip([
                "a.bb.ccc.example",
                "bb.ccc.example",
                "ccc.example",
                "example",
            ]) {
                assert_eq!(*hash_here, hash(&text.parse().unwrap(), 7), "{text}");
                assert_eq!(*hash_here, hash_text(text, 7), "{text}");
            }
        });
    }

    #[test]
    fn a_hundred_thousand_names_have_as_many_hashes_spread_evenly() {
        let mut seen = HashMap::new();
        let mut buckets = [0_u32; 256];
        for number in 0..100_000 {
            let text = format!("n{number}.ads.example");
            let hash = hash_text(&text, 99);
            buckets[usize::try_from(hash >> 56).unwrap()] += 1;
            assert_eq!(seen.insert(hash, text), None);
        }
        assert!(
            buckets.iter().all(|&count| (280..=510).contains(&count)),
            "{buckets:?}"
        );
    }

    #[test]
    fn names_of_very_many_labels_are_hashed_too() {
        let deep: Name = ["a"; 127].join(".").parse().unwrap();
        with_suffixes(&deep, 1, |hashes, _| assert_eq!(hashes.len(), 127));
        with_suffixes(&Name::ROOT, 1, |hashes, _| assert!(hashes.is_empty()));
    }

    proptest! {
        #[test]
        fn texts_and_names_have_the_same_hashes(
            labels in prop::collection::vec("[a-c]{1,40}", 1..20),
            seed in any::<u64>(),
        ) {
            let text = labels.join(".");
            prop_assume!(text.len() <= 253);
            let name: Name = text.parse().unwrap();
            with_suffixes(&name, seed, |hashes, _| {
                prop_assert_eq!(hashes.len(), labels.len());
                for (at, &hash) in hashes.iter().enumerate() {
                    prop_assert_eq!(hash, hash_text(&labels[at..].join("."), seed));
                }
                Ok(())
            })?;
        }

        #[test]
        fn a_hash_depends_on_every_byte_the_borders_and_the_seed(
            name in "[a-c]{1,20}(\\.[a-c]{1,20}){0,3}",
            other in "[a-c]{1,20}(\\.[a-c]{1,20}){0,3}",
        ) {
            prop_assert_eq!(hash_text(&name, 3) == hash_text(&other, 3), name == other);
            prop_assert_ne!(hash_text(&name, 3), hash_text(&name, 4));
        }
    }
}
