//! The table of names: lines of 64 bytes, each with eight slots and a checksum of its own, so that a
//! damaged line is never read wrong.
//!
//! A hash times the number of lines is a line, and behind the point what tells the hashes of one
//! line apart. Of that a slot keeps as many bits as the value leaves. Where a line is full, a hash
//! stands in the next.

use super::hash::fold;

/// The bytes of a line.
pub(super) const LINE: usize = 64;
/// Slots of a line.
const SLOTS: usize = 8;
/// The bits of a slot, which is within eight bytes wherever it begins. Behind the slots stand a bit
/// that says whether hashes of this line stand in the next, and the checksum.
const WIDTH: usize = 58;
/// The bits of 64 that a slot leaves; it stands above them.
const BELOW: u32 = 6;

/// The byte and the bit that say whether hashes of this line stand in the next.
const CONTINUES: (usize, u8) = (59, 1 << 7);

/// A line as it is stored: the slots, the checksum.
type Line = [u8; LINE];

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The place of its only rule.
    Place(u32),
    /// Where the set of its places stands among the sets.
    Set(u32),
}

/// What a look-up comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It stands for this.
    Value(Value),
    /// It is not there.
    Nothing,
    /// The line where it would stand is damaged.
    Damaged,
}

/// How many lines a table has for hashes to choose from, and how many bits a value takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    lines: u64,
    value_bits: u32,
}

/// Where a hash stands: its line, and what tells it from others there. All that a table knows of a
/// hash; two of one place are one. Of hashes from lines before, only the rest is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    home: u64,
    /// In the upper bits of 64, and never 0, which is a free slot.
    rest: u64,
}

impl Shape {
    /// The shape for so many hashes with values of up to `greatest`.
    pub fn new(hashes: usize, greatest: u32) -> Self {
        // One bit tells sets from places.
        let value_bits = u32::BITS - greatest.leading_zeros() + 1;
        Self {
            // One slot of each line is left free, on an average.
            lines: hashes.div_ceil(SLOTS - 1).max(1) as u64,
            value_bits,
        }
    }

    /// The shape that a file tells; `None` where there is none with such values.
    pub fn read(lines: u64, value_bits: u64) -> Option<Self> {
        let value_bits = u32::try_from(value_bits).ok()?;
        let fits = (1..=u32::BITS + 1).contains(&value_bits);
        fits.then_some(Self { lines, value_bits })
    }

    /// The lines that hashes choose from.
    pub fn lines(self) -> u64 {
        self.lines
    }

    /// The bits of a value.
    pub fn value_bits(self) -> u32 {
        self.value_bits
    }

    /// The bytes of the lines; a few more may follow.
    pub fn size(self) -> usize {
        usize::try_from(self.lines).map_or(usize::MAX, |lines| lines.saturating_mul(LINE))
    }

    /// Where a hash stands.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
    pub fn place(self, hash: u64) -> Place {
        let product = u128::from(hash) * u128::from(self.lines);
        let one = 1 << (BELOW + self.value_bits);
        Place {
            home: (product >> 64) as u64,
            rest: (product as u64 & !(one - 1)).max(one),
        }
    }

    /// The bit of a value that marks sets.
    #[inline]
    fn mark(self) -> u64 {
        1 << (self.value_bits - 1)
    }

    fn encode(self, value: Value) -> u64 {
        match value {
            Value::Place(place) => u64::from(place),
            Value::Set(set) => u64::from(set) | self.mark(),
        }
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a value was of 32 bits before"
    )]
    fn decode(self, value: u64) -> Value {
        let number = (value & (self.mark() - 1)) as u32;
        if value & self.mark() == 0 {
            Value::Place(number)
        } else {
            Value::Set(number)
        }
    }
}

/// Writes lines for hashes that come in the order of their places, each place once.
pub(super) struct Writer {
    bytes: Vec<u8>,
    shape: Shape,
    line: Line,
    taken: usize,
    written: u64,
}

impl Writer {
    /// A writer of such a table, which appends to `bytes`.
    pub fn new(bytes: Vec<u8>, shape: Shape) -> Self {
        Self {
            bytes,
            shape,
            line: [0; LINE],
            taken: 0,
            written: 0,
        }
    }

    /// Adds what stands behind all before it.
    pub fn push(&mut self, place: Place, value: Value) {
        while self.written < place.home {
            self.end_line();
        }
        // The line is full, and this hash chose it, or one before it.
        if self.taken == SLOTS {
            if let Some(last) = self.line.get_mut(CONTINUES.0) {
                *last |= CONTINUES.1;
            }
            self.end_line();
        }
        let slot = place.rest >> BELOW | self.shape.encode(value);
        let (start, shift) = position(self.taken);
        let bytes = self
            .line
            .get_mut(start..)
            .and_then(|from| from.first_chunk_mut());
        if let Some(bytes) = bytes {
            *bytes = (u64::from_le_bytes(*bytes) | slot << shift).to_le_bytes();
        }
        self.taken += 1;
    }

    /// The bytes with all lines.
    pub fn finish(mut self) -> Vec<u8> {
        while self.taken != 0 || self.written < self.shape.lines {
            self.end_line();
        }
        self.bytes
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

/// Where the eight bytes begin in which a slot stands, and above how many bits of others it does.
#[expect(clippy::cast_possible_truncation, reason = "it is below eight")]
const fn position(at: usize) -> (usize, u32) {
    let bit = at * WIDTH;
    (bit / 8, (bit % 8) as u32)
}

/// What `hash` stands for in a table of this shape.
#[inline]
pub(super) fn find(table: &[Line], shape: Shape, hash: u64) -> Found {
    let place = shape.place(hash);
    let home = usize::try_from(place.home).unwrap_or(usize::MAX);
    for line in table.get(home..).unwrap_or_default() {
        match look_in(line, place.rest, shape.value_bits) {
            Looked::Found(value) => return Found::Value(shape.decode(value)),
            Looked::Nothing => return Found::Nothing,
            Looked::Damaged => return Found::Damaged,
            Looked::Continues => {}
        }
    }
    Found::Nothing
}

/// What a line says of a hash.
enum Looked {
    Found(u64),
    /// It is in no line.
    Nothing,
    /// It is not there, but may be in the next.
    Continues,
    Damaged,
}

/// Looks at all slots of a line: where in it a hash stands is a coin toss, and a branch on it would
/// cost more. In a loop compilers make branches of it; so this has none around it.
#[inline(never)]
fn look_in(line: &Line, rest: u64, value_bits: u32) -> Looked {
    if !is_sound(line) {
        return Looked::Damaged;
    }
    // What is nearest has the same bits above its value, or none has.
    let apart = slots(line).map(|slot| slot ^ rest);
    let fours = apart.as_chunks::<4>().0.iter();
    let nearest = fours.map(|[a, b, c, d]| *a.min(b).min(c.min(d)));
    let value = nearest.fold(u64::MAX, u64::min) >> BELOW;
    if value >> value_bits == 0 {
        return Looked::Found(value);
    }
    match line.get(CONTINUES.0) {
        Some(last) if last & CONTINUES.1 != 0 => Looked::Continues,
        _ => Looked::Nothing,
    }
}

/// The slots of a line, each above bits that mean nothing.
#[inline]
fn slots(line: &Line) -> [u64; SLOTS] {
    std::array::from_fn(|at| {
        let (start, shift) = position(at);
        let bytes = line.get(start..).and_then(|from| from.first_chunk());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes)) << (BELOW - shift)
    })
}

/// Whether a line is as it was written.
#[inline]
pub(super) fn is_sound(line: &Line) -> bool {
    line.last_chunk::<4>()
        .is_some_and(|sum| u32::from_le_bytes(*sum) == checksum(line))
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

    const GREATEST: u32 = 1 << 20;

    fn shape(hashes: &[u64]) -> Shape {
        Shape::new(hashes.len(), GREATEST)
    }

    /// A table of hashes in ascending order, each with its number as its value.
    fn table(hashes: &[u64]) -> Vec<u8> {
        let shape = shape(hashes);
        let mut writer = Writer::new(Vec::new(), shape);
        for (value, &hash) in (0..).zip(hashes) {
            writer.push(shape.place(hash), Value::Place(value));
        }
        writer.finish()
    }

    /// In ascending order, and of those with the same rest only one.
    fn distinct(mut hashes: Vec<u64>, shape: Shape) -> Vec<u64> {
        hashes.sort_unstable_by_key(|&hash| shape.place(hash).rest);
        hashes.dedup_by_key(|hash| shape.place(*hash).rest);
        hashes.sort_unstable();
        hashes
    }

    proptest! {
        #[test]
        fn every_hash_is_found_and_no_other(
            hashes in prop::collection::vec(any::<u64>(), 0..300),
            others in prop::collection::vec(any::<u64>(), 20),
            crowd in 1_u64..40,
            greatest in prop_oneof![Just(GREATEST), Just(1 << 28)],
        ) {
            let shape = Shape::new(hashes.len(), greatest);
            // In a crowd the hashes choose from a part of the lines, so these overflow into others.
            let crowded = |hash: &u64| hash / crowd;
            let hashes = distinct(hashes.iter().map(crowded).collect(), shape);
            let mut writer = Writer::new(Vec::new(), shape);
            for (value, &hash) in (0..).zip(&hashes) {
                writer.push(shape.place(hash), Value::Place(value));
            }
            let bytes = writer.finish();
            let table = bytes.as_chunks().0;
            for (value, &hash) in (0..).zip(&hashes) {
                prop_assert_eq!(find(table, shape, hash), Found::Value(Value::Place(value)));
            }
            let rests: Vec<u64> = hashes.iter().map(|&hash| shape.place(hash).rest).collect();
            for other in others.iter().flat_map(|other| [*other, crowded(other)]) {
                if !rests.contains(&shape.place(other).rest) {
                    prop_assert_eq!(find(table, shape, other), Found::Nothing);
                }
            }
        }

        #[test]
        fn values_come_back_as_they_were(
            greatest in any::<u32>(),
            number in any::<u32>(),
            hash in any::<u64>(),
        ) {
            let number = number.min(greatest);
            let shape = Shape::new(1, greatest);
            for value in [Value::Place(number), Value::Set(number)] {
                let mut writer = Writer::new(Vec::new(), shape);
                writer.push(shape.place(hash), value);
                let bytes = writer.finish();
                prop_assert_eq!(find(bytes.as_chunks().0, shape, hash), Found::Value(value));
            }
            let read = Shape::read(shape.lines(), shape.value_bits().into());
            prop_assert_eq!(read, Some(shape));
        }

        #[test]
        fn two_flipped_bits_are_seen(
            (one, other) in (0_usize..60 * 8, 0_usize..60 * 8),
            hashes in prop::collection::btree_set(any::<u64>(), 1..7),
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
        fn a_flipped_bit_is_seen(
            at in 0_usize..64 * 8,
            hashes in prop::collection::btree_set(any::<u64>(), 1..7),
        ) {
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
        for hash in [0, 9] {
            assert_eq!(find(bytes.as_chunks().0, shape(&[]), hash), Found::Nothing);
            assert_eq!(find(&[], shape(&[]), hash), Found::Nothing);
        }
    }

    #[test]
    fn a_hash_with_nothing_behind_the_point_is_no_free_slot() {
        let shape = Shape::new(1, GREATEST);
        let mut writer = Writer::new(Vec::new(), shape);
        writer.push(shape.place(0), Value::Place(0));
        let bytes = writer.finish();
        let found = |hash| find(bytes.as_chunks().0, shape, hash);
        assert_eq!(found(0), Found::Value(Value::Place(0)));
        assert_eq!(found(1 << 63), Found::Nothing);
    }
}
