//! Where the blocks of late days begin, so that a reader of these days does not go through the
//! heads of years.
//!
//! What is known stays right, if not the latest: blocks that come later have higher numbers, and
//! one that is sealed gets no more rows.

use quick_cache::sync::Cache;

/// Days of which it is kept.
const KEPT: usize = 256;

/// For days since 1970-01-01 UTC: no block that begins before this row has one of that day or of
/// a later one.
#[derive(Debug)]
pub(super) struct Firsts(Cache<i64, u64>);

impl Default for Firsts {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl Firsts {
    /// The row for a day, if it is known.
    pub(super) fn find(&self, day: i64) -> Option<u64> {
        self.0.get(&day)
    }

    /// Keeps the row for a day.
    pub(super) fn keep(&self, day: i64, row: u64) {
        self.0.insert(day, row);
    }

    /// Forgets all: there is another database.
    pub(super) fn forget(&self) {
        self.0.clear();
    }
}
