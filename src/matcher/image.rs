//! Writes compiled rules as bytes, and the bytes to a file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::file::{Field, HEADER, MAGIC, Meta, VERSION};
use super::filter;
use super::table::Shape;

/// The bytes in the making: header, table, filter, sets, meta.
pub(super) struct Image {
    bytes: Vec<u8>,
    header: [u64; 13],
    filter_at: usize,
}

impl Image {
    /// The bytes for so many hashes in a table of this shape, still without them.
    pub fn new(seed: u64, hashes: usize, shape: Shape) -> Self {
        let room = HEADER + shape.size() + filter::size(hashes);
        let mut bytes = Vec::with_capacity(room + room / 64 + 65_536);
        bytes.resize(HEADER, 0);
        let mut image = Self {
            bytes,
            header: [0; 13],
            filter_at: 0,
        };
        image.set(Field::Seed, seed);
        image.set(Field::Hashes, hashes as u64);
        image.set(Field::Lines, shape.lines());
        image.set(Field::ValueBits, shape.value_bits().into());
        image.set(Field::Table, HEADER as u64);
        image
    }

    fn set(&mut self, field: Field, value: u64) {
        if let Some(slot) = self.header.get_mut(field as usize) {
            *slot = value;
        }
    }

    /// The bytes so far, for the table to be appended.
    pub fn take_table(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The bytes with the table at their end.
    pub fn give_table(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    /// Adds the filter.
    pub fn filter(&mut self, bytes: &[u8]) {
        self.filter_at = self.bytes.len();
        self.section(Field::Filter, bytes);
    }

    /// Adds the sets of places.
    pub fn sets(&mut self, bytes: &[u8]) {
        self.section(Field::Sets, bytes);
    }

    fn section(&mut self, field: Field, bytes: &[u8]) {
        self.set(field, self.bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// All bytes.
    pub fn finish(mut self, meta: &Meta) -> Vec<u8> {
        let meta = serde_json::to_vec(meta).expect("plain data with text keys is JSON");
        self.section(Field::Meta, &meta);
        self.set(Field::End, self.bytes.len() as u64);
        let rest = self.bytes.get(self.filter_at..).unwrap_or_default();
        self.set(Field::RestSum, xxh3_64(rest));
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&VERSION.to_le_bytes());
        for value in self.header {
            header.extend_from_slice(&value.to_le_bytes());
        }
        let sum = xxh3_64(&header);
        header.extend_from_slice(&sum.to_le_bytes());
        header.resize(HEADER, 0);
        if let Some(place) = self.bytes.get_mut(..HEADER) {
            place.copy_from_slice(&header);
        }
        self.bytes
    }
}

/// Writes compiled rules to a file: whole, or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
