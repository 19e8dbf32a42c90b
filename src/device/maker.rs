//! Who made a device, by the first bits of its hardware address.
//!
//! The table is packed in the binary and unpacked for each batch of look-ups: a home meets a new
//! device a few times a month, and 700 kB held for that would be wasted. `oui/make.py` makes it,
//! and says how it is laid out.

use super::Mac;

static PACKED: &[u8] = include_bytes!("oui/oui.zst");

/// The bits of the prefixes in the three blocks of the table.
const BITS: [u32; 3] = [24, 28, 36];

/// The table of makers, unpacked. Drop it after the look-ups.
pub(super) struct Makers {
    table: Vec<u8>,
}

/// The prefixes of one length.
struct Block<'a> {
    distances: &'a [u8],
    low: &'a [u8],
    high: &'a [u8],
}

impl Makers {
    /// Unpacks the table.
    pub fn open() -> Self {
        // What is in the binary unpacks (a test says so); without it no maker is known.
        let table = zstd::decode_all(PACKED).unwrap_or_default();
        Self { table }
    }

    /// The maker of a device, if its address is not made up.
    pub fn find(&self, mac: Mac) -> Option<&str> {
        if super::is_private(mac) {
            return None;
        }
        let (names, mut rest) = take_sized(&self.table)?;
        let mut found = None;
        let address = mac
            .iter()
            .fold(0u64, |address, byte| address << 8 | u64::from(*byte));
        // Longer prefixes come later, and are part of a shorter one that was given on.
        for bits in BITS {
            let (block, after) = Block::take(rest)?;
            rest = after;
            found = block.find(address >> (48 - bits)).or(found);
        }
        let mut names = names.split(|byte| *byte == b'\n');
        std::str::from_utf8(names.nth(found?)?).ok()
    }
}

impl<'a> Block<'a> {
    fn take(table: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (count, rest) = take_number(table)?;
        let (distances, rest) = take_sized(rest)?;
        let (low, rest) = rest.split_at_checked(count)?;
        let (high, rest) = rest.split_at_checked(count)?;
        let block = Self {
            distances,
            low,
            high,
        };
        Some((block, rest))
    }

    /// The place in the names of the owner of this prefix.
    fn find(&self, wanted: u64) -> Option<usize> {
        let (mut prefix, mut distance, mut shift, mut place) = (0, 0, 0, 0);
        for byte in self.distances {
            distance |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 != 0 {
                continue;
            }
            prefix += distance;
            if prefix >= wanted {
                break;
            }
            (distance, shift) = (0, 0);
            place += 1;
        }
        let (low, high) = (self.low.get(place)?, self.high.get(place)?);
        (prefix == wanted).then(|| usize::from(u16::from_le_bytes([*low, *high])))
    }
}

fn take_number(table: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = table.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn take_sized(table: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = take_number(table)?;
    rest.split_at_checked(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_of_devices_that_homes_have_are_known() {
        let makers = Makers::open();
        let cases = [
            ([0x28, 0x6c, 0x07, 1, 2, 3], "Xiaomi Electronics"),
            ([0x64, 0xa2, 0xf9, 1, 2, 3], "OnePlus Technology (Shenzhen)"),
            ([0xb8, 0x27, 0xeb, 1, 2, 3], "Raspberry Pi Foundation"),
            ([0x00, 0x00, 0x00, 1, 2, 3], "Xerox"),
        ];
        for (mac, maker) in cases {
            assert_eq!(makers.find(mac), Some(maker));
        }
    }

    #[test]
    fn the_longest_prefix_decides() {
        let makers = Makers::open();
        // 70:B3:D5 is split into blocks of 36 bits; the block as a whole has no maker.
        let first = makers.find([0x70, 0xb3, 0xd5, 0xf2, 0xf0, 1]);
        assert_eq!(first, Some("Teleplatforms"));
        let other = makers.find([0x70, 0xb3, 0xd5, 0x00, 0x10, 1]);
        assert_eq!(other, Some("Soredi touch systems"));
    }

    #[test]
    fn addresses_that_nobody_owns_have_no_maker() {
        let makers = Makers::open();
        assert_eq!(makers.find([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
        // The second bit of the first byte says: made up by the device itself.
        assert_eq!(makers.find([0x02, 0x00, 0x00, 1, 2, 3]), None);
        assert_eq!(makers.find([0x02 | 0x28, 0x6c, 0x07, 1, 2, 3]), None);
    }

    #[test]
    fn the_packed_table_stays_small() {
        assert!(PACKED.len() < 600_000);
        assert!(Makers::open().table.len() < 1_000_000);
    }

    #[test]
    fn a_broken_table_knows_nobody() {
        let whole = Makers::open().table;
        for length in [0, 3, 4, 1000, whole.len() / 2] {
            let table = whole[..length].to_vec();
            assert_eq!(Makers { table }.find([0x28, 0x6c, 0x07, 1, 2, 3]), None);
        }
    }
}
