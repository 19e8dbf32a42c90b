//! Records that were taken from the rings: as bytes, with their order in time beside them.

use super::record::Record;

/// Records that wait to be numbered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// When each was, and where its bytes begin.
    places: Vec<(i64, usize)>,
}

impl Batch {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes the whole records at the front of `bytes`; says how many bytes they are.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let first = self.bytes.len();
        let mut rest = bytes;
        loop {
            let at = bytes.len() - rest.len();
            let Some(record) = Record::read(&mut rest) else {
                self.bytes
                    .extend_from_slice(bytes.get(..at).unwrap_or_default());
                return at;
            };
            self.places.push((record.at_ms, first + at));
        }
    }

    /// Puts them in order. Those of one thread are already; between threads, time decides.
    pub(super) fn sort(&mut self) {
        self.places.sort_by_key(|(at_ms, _)| *at_ms);
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.places.iter().filter_map(|&(_, at)| {
            let mut bytes = self.bytes.get(at..)?;
            Record::read(&mut bytes)
        })
    }

    /// Forgets them, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }
}
