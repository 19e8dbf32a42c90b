//! The table of hashes: sorted, in lines of 64 bytes, each with five hashes, what each stands for,
//! and a checksum of its own, so that a damaged line is never read wrong.
//!
//! A hash's high bits say in which line it stands; where that line is full, it stands in the next.

use super::hash::fold;

/// The bytes of a line.
pub(super) const LINE: usize = 64;
/// Hashes in a line.
const SLOTS: usize = 5;
/// Hashes for which there is one line: four fifths of the slots are taken.
const LOAD: usize = 4;

/// A line as it is stored: the hashes, their values, the checksum.
type Line = [u8; LINE];

/// What a look-up comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It stands for this.
    Value(u32),
    /// It is not there.
    Nothing,
    /// The line where it would stand is damaged.
    Damaged,
}

/// Writes lines for hashes that come in ascending order, each once.
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Lines that hashes choose from; more follow where the last are full.
    lines: usize,
    line: Line,
    taken: usize,
    written: usize,
}

impl Writer {
    /// A writer for so many hashes, which appends to `bytes`.
    pub fn new(bytes: Vec<u8>, hashes: usize) -> Self {
        Self {
            bytes,
            lines: lines(hashes),
            line: [0; LINE],
            taken: 0,
            written: 0,
        }
    }

    /// Adds a hash that is greater than all before it.
    pub fn push(&mut self, hash: u64, value: u32) {
        let home = home(hash, self.lines);
        while self.written < home || self.taken == SLOTS {
            self.end_line();
        }
        let at = self.taken;
        if let Some(slot) = self.line.as_chunks_mut::<8>().0.get_mut(at) {
            *slot = hash.to_le_bytes();
        }
        if let Some(slot) = self.line.as_chunks_mut::<4>().0.get_mut(2 * SLOTS + at) {
            *slot = value.to_le_bytes();
        }
        self.taken += 1;
    }

    /// The bytes with all lines. Behind the last full line one stands that is not full.
    pub fn finish(mut self) -> Vec<u8> {
        loop {
            let ends = self.taken < SLOTS && self.written + 1 >= self.lines;
            self.end_line();
            if ends {
                return self.bytes;
            }
        }
    }

    fn end_line(&mut self) {
        let sum = checksum(&self.line);
        if let Some(slot) = self.line.last_chunk_mut::<4>() {
            *slot = sum.to_le_bytes();
        }
        self.bytes.extend_from_slice(&self.line);
        self.line = [0; LINE];
        self.taken = 0;
        self.written += 1;
    }
}

/// The lines that so many hashes choose from.
pub(super) fn lines(hashes: usize) -> usize {
    hashes.div_ceil(LOAD).max(1)
}

/// What `hash` stands for, in a table where hashes choose from the first `lines` lines.
pub(super) fn find(table: &[Line], lines: usize, hash: u64) -> Found {
    let behind = table.get(home(hash, lines)..).unwrap_or_default();
    for line in behind {
        if !is_sound(line) {
            return Found::Damaged;
        }
        // All slots are looked at: where in its line a hash stands is a coin toss, and a branch
        // on it would cost more.
        let slots = hashes(line);
        let mut found = 0;
        for (at, slot) in slots.into_iter().enumerate() {
            found |= u32::from(slot == hash) << at;
        }
        if found != 0 {
            return value(line, found.trailing_zeros() as usize);
        }
        // Sorted: what is not before a free slot or a greater hash is not there.
        let [.., last] = slots;
        if last == 0 || last > hash {
            return Found::Nothing;
        }
    }
    Found::Nothing
}

/// The hashes in a line.
#[inline]
fn hashes(line: &Line) -> [u64; SLOTS] {
    let (slots, _) = line.as_chunks::<8>();
    let first = slots.first_chunk::<SLOTS>();
    first.map_or([0; SLOTS], |slots| slots.map(u64::from_le_bytes))
}

/// The hashes and values of all lines that are sound, in ascending order.
pub(super) fn all(table: &[Line]) -> impl Iterator<Item = (u64, u32)> {
    table.iter().filter(|line| is_sound(line)).flat_map(|line| {
        let hashes = line.as_chunks::<8>().0.iter().take(SLOTS);
        let values = line.as_chunks::<4>().0.iter().skip(2 * SLOTS);
        let pairs = hashes.zip(values);
        pairs
            .map(|(hash, value)| (u64::from_le_bytes(*hash), u32::from_le_bytes(*value)))
            .take_while(|&(hash, _)| hash != 0)
    })
}

/// Whether a line is as it was written.
pub(super) fn is_sound(line: &Line) -> bool {
    line.last_chunk::<4>()
        .is_some_and(|sum| u32::from_le_bytes(*sum) == checksum(line))
}

fn value(line: &Line, at: usize) -> Found {
    let values = line.as_chunks::<4>().0;
    values.get(2 * SLOTS + at).map_or(Found::Damaged, |value| {
        Found::Value(u32::from_le_bytes(*value))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the product's high half is below the number of lines"
)]
fn home(hash: u64, lines: usize) -> usize {
    ((u128::from(hash) * lines as u128) >> 64) as usize
}

/// A checksum over all but the last four bytes. Words are multiplied with one another and both
/// halves of a product count, so that changes in two of them do not make up for each other.
#[inline]
fn checksum(line: &Line) -> u32 {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(line.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [.., last] = &mut words;
    *last &= u64::from(u32::MAX);
    let pairs = words.as_chunks::<2>().0.iter().zip(&STIRS);
    let sum = pairs.fold(0_u64, |sum, ([left, right], [stir, other])| {
        sum.wrapping_add(fold(left ^ stir, right ^ other))
    });
    (fold(sum, LAST_STIR) >> 32) as u32
}

/// One for each word, so that words cannot trade places.
const STIRS: [[u64; 2]; 4] = [
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f],
    [0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63],
    [0x27d4_eb2f_1656_67c5, 0xff51_afd7_ed55_8ccd],
    [0xc4ce_b9fe_1a85_ec53, 0x9fb2_1c65_1e98_df25],
];
const LAST_STIR: u64 = 0xd6e8_feb8_6659_fd93;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(hashes: &[u64]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), hashes.len());
        for (value, &hash) in (0..).zip(hashes) {
            writer.push(hash, value);
        }
        writer.finish()
    }

    proptest! {
        #[test]
        fn every_hash_is_found_and_no_other(
            hashes in prop::collection::btree_set(1_u64.., 0..300),
            others in prop::collection::vec(1_u64.., 20),
            crowded in any::<bool>(),
        ) {
            // Crowded hashes share their first bits, so lines overflow into the next.
            let hashes: Vec<u64> = hashes.into_iter().map(|h| if crowded { h >> 20 } else { h }).collect();
            let hashes: Vec<u64> = hashes.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().filter(|&h| h != 0).collect();
            let bytes = table(&hashes);
            let lines = lines(hashes.len());
            let table = bytes.as_chunks().0;
            for (value, &hash) in (0..).zip(&hashes) {
                prop_assert_eq!(find(table, lines, hash), Found::Value(value));
            }
            for other in others {
                if !hashes.contains(&other) {
                    prop_assert_eq!(find(table, lines, other), Found::Nothing);
                }
            }
            prop_assert_eq!(all(table).map(|(hash, _)| hash).collect::<Vec<_>>(), hashes);
        }

        #[test]
        fn two_flipped_bits_are_seen(
            (one, other) in (0_usize..60 * 8, 0_usize..60 * 8),
            hashes in prop::collection::btree_set(1_u64.., 1..5),
        ) {
            prop_assume!(one != other);
            let hashes: Vec<u64> = hashes.into_iter().collect();
            let mut bytes = table(&hashes);
            let line = bytes.len() - LINE;
            for at in [one, other, one / 64 * 64 + 63, other / 64 * 64 + 63] {
                bytes[line + at / 8] ^= 1 << (at % 8);
            }
            let is_changed = bytes != table(&hashes);
            let line = bytes.as_chunks().0.last().unwrap();
            prop_assert_eq!(is_sound(line), !is_changed);
        }

        #[test]
        fn a_flipped_bit_is_seen(at in 0_usize..64 * 8, hashes in prop::collection::btree_set(1_u64.., 1..5)) {
            let hashes: Vec<u64> = hashes.into_iter().collect();
            let mut bytes = table(&hashes);
            let line = bytes.len() - LINE;
            bytes[line + at / 8] ^= 1 << (at % 8);
            prop_assert!(!is_sound(bytes.as_chunks().0.last().unwrap()));
        }
    }

    #[test]
    fn an_empty_table_has_nothing() {
        let bytes = table(&[]);
        assert_eq!(bytes.len(), LINE);
        assert_eq!(find(bytes.as_chunks().0, 1, 9), Found::Nothing);
        assert_eq!(find(&[], 1, 9), Found::Nothing);
    }
}
