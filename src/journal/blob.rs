//! A blob of columns: a version, a checksum, and columns that are compressed one by one.
//!
//! A reader unpacks only the columns that it needs. Every way in which a blob can be wrong is an
//! error, and a blob that claims to be huge is refused before memory is taken for it.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::{Compressor, Decompressor};

use super::bytes::{Bytes, Damaged, put};

const LEVEL: i32 = 3;

const USUAL_COLUMNS: usize = 12;

/// Shorter columns are stored as they are: compression adds a frame to each.
const WORTHWHILE: usize = 48;

/// The most bytes that a column unpacks to: above what the largest block or day needs.
const LARGEST: usize = 64 << 20;

/// Packs columns into a blob.
pub(super) fn pack(version: u8, columns: &[Vec<u8>]) -> Vec<u8> {
    let mut compressor = Compressor::new(LEVEL).ok();
    let mut body = Vec::new();
    for column in columns {
        let packed = match &mut compressor {
            Some(compressor) if column.len() >= WORTHWHILE => compressor.compress(column).ok(),
            _ => None,
        };
        if let Some(packed) = packed.filter(|packed| packed.len() < column.len()) {
            put(&mut body, (packed.len() as u64) << 1 | 1);
            put(&mut body, column.len() as u64);
            body.extend_from_slice(&packed);
        } else {
            put(&mut body, (column.len() as u64) << 1);
            body.extend_from_slice(column);
        }
    }
    let mut blob = vec![version];
    blob.extend_from_slice(&checksum(&body));
    blob.extend_from_slice(&body);
    blob
}

/// A blob whose version and checksum are right, and whose columns are found.
#[derive(Clone, Debug)]
pub(super) struct Blob<'a> {
    columns: Vec<Column<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Column<'a> {
    bytes: &'a [u8],
    unpacked: Option<usize>,
}

impl<'a> Blob<'a> {
    /// Opens a blob.
    pub(super) fn open(version: u8, blob: &'a [u8]) -> Result<Self, Damaged> {
        let mut bytes = Bytes(blob);
        if bytes.byte()? != version || bytes.array()? != checksum(bytes.0) {
            return Err(Damaged);
        }
        let mut columns = Vec::with_capacity(USUAL_COLUMNS);
        while !bytes.0.is_empty() {
            let head = bytes.number()?;
            let unpacked = match head & 1 {
                1 => Some(bytes.narrow()?),
                _ => None,
            };
            let length = usize::try_from(head >> 1).map_err(|_| Damaged)?;
            let bytes = bytes.take(length)?;
            columns.push(Column { bytes, unpacked });
        }
        Ok(Self { columns })
    }

    /// Whether it has a column.
    pub(super) fn has(&self, place: usize) -> bool {
        place < self.columns.len()
    }

    /// The bytes of a column.
    pub(super) fn column(
        &self,
        place: usize,
        unpacker: &mut Unpacker,
    ) -> Result<Cow<'a, [u8]>, Damaged> {
        let column = self.columns.get(place).ok_or(Damaged)?;
        match column.unpacked {
            None => Ok(Cow::Borrowed(column.bytes)),
            Some(size) => unpacker.unpack(column.bytes, size).map(Cow::Owned),
        }
    }
}

/// Unpacks columns; made once for many of them.
pub(super) struct Unpacker(Option<Decompressor<'static>>);

impl Unpacker {
    pub(super) fn new() -> Self {
        Self(Decompressor::new().ok())
    }

    fn unpack(&mut self, packed: &[u8], size: usize) -> Result<Vec<u8>, Damaged> {
        let decompressor = self.0.as_mut().ok_or(Damaged)?;
        if size > LARGEST {
            return Err(Damaged);
        }
        let unpacked = decompressor.decompress(packed, size).map_err(|_| Damaged)?;
        if unpacked.len() == size {
            Ok(unpacked)
        } else {
            Err(Damaged)
        }
    }
}

fn checksum(body: &[u8]) -> [u8; 8] {
    xxh3_64(body).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [Vec<u8>; 3] {
        let mixed = (0..5000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_le_bytes());
        [vec![], vec![7; 10_000], mixed.collect()]
    }

    #[test]
    fn columns_read_back_and_take_less_room() {
        let blob = pack(1, &columns());
        assert!(blob.len() < 20_000);
        let opened = Blob::open(1, &blob).unwrap();
        let mut unpacker = Unpacker::new();
        for (place, column) in columns().iter().enumerate() {
            assert_eq!(*opened.column(place, &mut unpacker).unwrap(), **column);
        }
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(Blob::open(2, &pack(1, &columns())).unwrap_err(), Damaged);
    }

    #[test]
    fn any_altered_or_missing_byte_is_noticed() {
        let blob = pack(1, &[vec![1, 2, 3], vec![9; 200]]);
        for place in 0..blob.len() {
            let mut altered = blob.clone();
            altered[place] ^= 0x10;
            assert_eq!(
                Blob::open(1, &altered).unwrap_err(),
                Damaged,
                "byte {place}"
            );
            assert_eq!(Blob::open(1, &blob[..place]).unwrap_err(), Damaged);
        }
    }

    #[test]
    fn a_column_that_claims_to_be_huge_is_refused() {
        let packed = zstd::bulk::compress(&[0; 100], LEVEL).unwrap();
        for size in [99, 101, LARGEST + 1, usize::MAX] {
            let mut body = Vec::new();
            put(&mut body, (packed.len() as u64) << 1 | 1);
            put(&mut body, size as u64);
            body.extend_from_slice(&packed);
            let mut blob = vec![1];
            blob.extend_from_slice(&checksum(&body));
            blob.extend_from_slice(&body);
            let opened = Blob::open(1, &blob).unwrap();
            assert_eq!(opened.column(0, &mut Unpacker::new()), Err(Damaged));
        }
    }
}
