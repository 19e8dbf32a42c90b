//! The compiled rules as bytes: in memory, or a file that is mapped and never read whole.
//!
//! The header, the filter and what describes the rules are checked when a file is opened; each
//! line of the table has a checksum of its own, which is checked when it is read. So a file opens
//! at once, and a damaged one is never read wrong.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
#[cfg(unix)]
use memmap2::UncheckedAdvice;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::depths::Depths;
use super::rule::Rule;
use super::source::Source;
use super::table::Shape;
use super::{What, filter, table};

pub(super) const MAGIC: [u8; 8] = *b"SQRULES\n";
pub(super) const VERSION: u64 = 6;
pub(super) const HEADER: usize = 128;

/// What describes the compiled rules, beside the table itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    /// What the rules were made from.
    pub tag: String,
    pub sources: Vec<Source>,
    pub depths: Depths,
    pub spans: Vec<Span>,
    pub first_extra: u32,
    pub extras: Vec<Extra>,
    pub overlap: Overlap,
}

/// The places of the plain rules of one source that say the same.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Span {
    /// The place of its line 0.
    pub start: u32,
    pub source: u16,
    pub what: What,
}

/// A rule that is kept whole.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Extra {
    pub source: u16,
    pub rule: Rule,
    /// Other sources that take it out of force wherever they count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled_by: Vec<u16>,
}

/// How many names sources have, and share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// By source: different names.
    pub names: Vec<u64>,
    /// By source: names that no other has.
    pub only_here: Vec<u64>,
    /// By two sources, the lower first: names that both have.
    #[serde(with = "pairs")]
    pub shared: HashMap<(u16, u16), u64>,
}

/// A file of compiled rules that cannot be used; it is made anew.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("reading {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("the compiled rules are damaged: {0}")]
    Damaged(&'static str),
    /// Another version of this program wrote it.
    #[error("the compiled rules are of another version")]
    OtherVersion,
}

/// The bytes of compiled rules, and where things are in them.
#[derive(Debug)]
pub(super) struct Bytes {
    held: Held,
    pub seed: u64,
    pub shape: Shape,
    pub hashes: usize,
    table: Range<usize>,
    filter: Range<usize>,
    sets: Range<usize>,
}

#[derive(Debug)]
enum Held {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Held {
    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// The header's fields, in their order behind magic and version.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Seed,
    Hashes,
    Lines,
    Table,
    Filter,
    Sets,
    Meta,
    End,
    RestSum,
    ValueBits,
}

impl Bytes {
    /// Maps a file.
    #[expect(
        unsafe_code,
        reason = "mapping a file is only sound while nobody changes it; see inside"
    )]
    pub fn map(path: &Path) -> Result<(Self, Meta), FileError> {
        let wrong = |source| FileError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(wrong)?;
        // SAFETY: these files are ours alone. They are written under another name, renamed when
        // they are whole, and never written to afterwards; a new one has a new inode.
        let map = unsafe { Mmap::map(&file) }.map_err(wrong)?;
        Self::read(Held::Mapped(map))
    }

    /// Gives the memory of a mapped file back; what is still read comes from the file again.
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "elsewhere such advice loses data; see inside")]
    pub fn rest(&self) {
        if let Held::Mapped(map) = &self.held {
            // SAFETY: the mapping is read-only and of a file that nobody changes, so a page that
            // is read again is the same.
            let rested = unsafe { map.unchecked_advise(UncheckedAdvice::DontNeed) };
            if let Err(error) = rested {
                tracing::debug!(%error, "memory of old rules stays in use");
            }
        }
    }

    /// Systems that know no such advice.
    #[cfg(not(unix))]
    pub fn rest(&self) {}

    /// Takes bytes that are in memory.
    pub fn own(bytes: Vec<u8>) -> Result<(Self, Meta), FileError> {
        Self::read(Held::Owned(bytes))
    }

    fn read(held: Held) -> Result<(Self, Meta), FileError> {
        let bytes = held.as_slice();
        let header = header(bytes)?;
        let field = |field: Field| header.get(field as usize).copied().unwrap_or_default();
        let place = |value: Field| {
            usize::try_from(field(value)).map_err(|_| FileError::Damaged("a place is too large"))
        };
        let table = place(Field::Table)?..place(Field::Filter)?;
        let filter = table.end..place(Field::Sets)?;
        let sets = filter.end..place(Field::Meta)?;
        let meta = sets.end..place(Field::End)?;
        if meta.end != bytes.len() {
            return Err(FileError::Damaged("its length is not what its header says"));
        }
        let part = |range: &Range<usize>| {
            bytes
                .get(range.clone())
                .ok_or(FileError::Damaged("a part is outside the file"))
        };
        if part(&table)?.len() % table::LINE != 0 || part(&filter)?.len() % filter::BLOCK != 0 {
            return Err(FileError::Damaged("a part has an odd length"));
        }
        part(&sets)?;
        let rest = part(&(filter.start..meta.end))?;
        if xxh3_64(rest) != field(Field::RestSum) {
            return Err(FileError::Damaged("a checksum differs"));
        }
        let meta: Meta = serde_json::from_slice(part(&meta)?)
            .map_err(|_| FileError::Damaged("its description is not readable"))?;
        let read = Self {
            seed: field(Field::Seed),
            shape: Shape::read(field(Field::Lines), field(Field::ValueBits))
                .ok_or(FileError::Damaged("its values do not fit"))?,
            hashes: place(Field::Hashes)?,
            table,
            filter,
            sets,
            held,
        };
        Ok((read, meta))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.held.as_slice().len()
    }

    /// The lines of the table.
    #[inline]
    pub fn table(&self) -> &[[u8; table::LINE]] {
        let bytes = self.held.as_slice().get(self.table.clone());
        bytes.unwrap_or_default().as_chunks().0
    }

    /// The blocks of the filter.
    #[inline]
    pub fn filter(&self) -> &[[u8; filter::BLOCK]] {
        let bytes = self.held.as_slice().get(self.filter.clone());
        bytes.unwrap_or_default().as_chunks().0
    }

    /// The places of a set.
    pub fn set(&self, at: u32) -> &[[u8; 4]] {
        let bytes = self.held.as_slice().get(self.sets.clone());
        let words = bytes.unwrap_or_default().as_chunks::<4>().0;
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let Some((count, places)) = words.get(at..).and_then(<[_]>::split_first) else {
            return &[];
        };
        let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
        places.get(..count.min(places.len())).unwrap_or_default()
    }
}

/// The header's fields, when it is whole.
fn header(bytes: &[u8]) -> Result<[u64; 13], FileError> {
    let words = bytes
        .first_chunk::<HEADER>()
        .ok_or(FileError::Damaged("it is cut off"))?
        .as_chunks::<8>()
        .0;
    let [magic, version, fields @ .., sum] = words else {
        return Err(FileError::Damaged("it is cut off"));
    };
    if *magic != MAGIC {
        return Err(FileError::Damaged("it is something else"));
    }
    let version = u64::from_le_bytes(*version);
    let summed = bytes.get(..HEADER - 8).map(xxh3_64);
    if summed != Some(u64::from_le_bytes(*sum)) {
        // Versions to come may sum otherwise.
        return Err(if version == VERSION {
            FileError::Damaged("its header's checksum differs")
        } else {
            FileError::OtherVersion
        });
    }
    if version != VERSION {
        return Err(FileError::OtherVersion);
    }
    let mut header = [0; 13];
    for (slot, field) in header.iter_mut().zip(fields) {
        *slot = u64::from_le_bytes(*field);
    }
    Ok(header)
}

/// A map with pairs as keys, as a list.
mod pairs {
    use std::collections::HashMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes them.
    pub fn serialize<S: Serializer>(
        map: &HashMap<(u16, u16), u64>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let mut list: Vec<_> = map.iter().map(|(&(a, b), &n)| (a, b, n)).collect();
        list.sort_unstable();
        list.serialize(to)
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<HashMap<(u16, u16), u64>, D::Error> {
        let list = Vec::<(u16, u16, u64)>::deserialize(from)?;
        Ok(list.into_iter().map(|(a, b, n)| ((a, b), n)).collect())
    }
}
