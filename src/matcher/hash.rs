//! Keyed hashes of a name's suffixes: the name, its parent, and so on, in one pass from the right.
//!
//! The key is random for each installation, so that nobody can make up names that collide. A hash
//! of 64 bits stands for the suffix itself; that two of a hundred million differ and collide has a
//! chance of about one in four thousand, and of one query one in a hundred billion.

use crate::query::Name;

/// Labels that most names have at most; deeper ones take a longer way.
const USUAL_LABELS: usize = 12;
/// RFC 1035 §3.1: 255 bytes hold at most 127 labels and the root.
const MAX_LABELS: usize = 127;

const STIR: u64 = 0x9e37_79b9_7f4a_7c15;
const STIR_LENGTH: u64 = 0xd6e8_feb8_6659_fd93;

/// The hashes of a name's suffixes, the whole name first. The root has none.
pub(super) struct Suffixes<const N: usize> {
    hashes: [u64; N],
    /// Where each suffix begins in the name's wire bytes.
    starts: [u8; N],
    count: usize,
}

/// Calls `read` with the suffixes of `name`, shortest form of storage first.
pub(super) fn with_suffixes<T>(name: &Name, seed: u64, read: impl FnOnce(&[u64], &[u8]) -> T) -> T {
    match Suffixes::<USUAL_LABELS>::of(name, seed) {
        Some(suffixes) => read(suffixes.hashes(), suffixes.starts()),
        None => match Suffixes::<MAX_LABELS>::of(name, seed) {
            Some(suffixes) => read(suffixes.hashes(), suffixes.starts()),
            None => read(&[], &[]),
        },
    }
}

/// The hash of one whole name in dotted text (lower case, no root dot), without building the name.
pub(super) fn hash_text(name: &str, seed: u64) -> u64 {
    name.rsplit('.').fold(start(seed), |above, label| {
        step(above, label.as_bytes(), seed)
    })
}

impl<const N: usize> Suffixes<N> {
    /// `None` where the name has more labels than there is room for.
    fn of(name: &Name, seed: u64) -> Option<Self> {
        let wire = name.as_wire();
        let mut starts = [0; N];
        let mut count = 0;
        let mut at = 0;
        while let Some(&length) = wire.get(at) {
            if length == 0 {
                break;
            }
            // A name has at most 255 bytes.
            *starts.get_mut(count)? = u8::try_from(at).ok()?;
            count += 1;
            at += 1 + usize::from(length);
        }
        let mut hashes = [0; N];
        let mut above = start(seed);
        let mut end = at;
        let slots = hashes.iter_mut().zip(starts.iter()).take(count).rev();
        for (hash, &start) in slots {
            let label = wire.get(usize::from(start) + 1..end)?;
            above = step(above, label, seed);
            *hash = above;
            end = usize::from(start);
        }
        Some(Self {
            hashes,
            starts,
            count,
        })
    }

    fn hashes(&self) -> &[u64] {
        self.hashes.get(..self.count).unwrap_or_default()
    }

    fn starts(&self) -> &[u8] {
        self.starts.get(..self.count).unwrap_or_default()
    }
}

fn start(seed: u64) -> u64 {
    seed ^ STIR
}

/// The hash of a suffix from the hash of the one above it and its first label.
fn step(above: u64, label: &[u8], seed: u64) -> u64 {
    let length = (label.len() as u64).wrapping_mul(STIR_LENGTH);
    let mut hash = above;
    let mut rest = label;
    // Sixteen bytes a step; nearly all labels need one.
    while let Some((block, after)) = rest.split_first_chunk::<16>()
        && !after.is_empty()
    {
        let (low, high) = halves(block);
        hash = fold(hash ^ low, seed ^ high);
        rest = after;
    }
    let (low, high) = last(rest);
    // 0 means "free" in the table.
    fold(hash ^ low, seed ^ high ^ length).max(1)
}

fn halves(block: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*block);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
    (word as u64, (word >> 64) as u64)
}

/// At most sixteen bytes as two words; overlapping reads, so that nothing is copied.
fn last(bytes: &[u8]) -> (u64, u64) {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (
            u64::from(u32::from_le_bytes(*first)),
            u64::from(u32::from_le_bytes(*last)),
        )
    } else {
        let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or_default());
        (
            byte(0) | byte(length / 2) << 8 | byte(length.saturating_sub(1)) << 16,
            0,
        )
    }
}

/// A multiplication of which both halves count.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left).wrapping_mul(u128::from(right));
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
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
        fn a_hash_depends_on_every_byte_the_borders_and_the_seed(
            name in "[a-c]{1,20}(\\.[a-c]{1,20}){0,3}",
            other in "[a-c]{1,20}(\\.[a-c]{1,20}){0,3}",
        ) {
            prop_assert_eq!(hash_text(&name, 3) == hash_text(&other, 3), name == other);
            prop_assert_ne!(hash_text(&name, 3), hash_text(&name, 4));
        }
    }
}
