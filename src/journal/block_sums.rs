//! What was read of blocks lately: the sums of whole ones, because the last day is looked at again and
//! again, and most of its blocks stay as they are; the rows of those at the ends of a range, of which
//! one reader wants the counts, another the names, and which the next call will want again.

use std::sync::Arc;

use quick_cache::sync::Cache;
use xxhash_rust::xxh3::xxh3_64;

use super::block::Seen;
use super::ids::IdMap;
use super::line::Key;
use super::sum::Sum;

/// Blocks whose sums are kept: those of two busy days, in four megabytes or so.
const KEPT: usize = 32;
/// Blocks whose rows are kept: those at the ends of a few ranges, in two megabytes.
const KEPT_ROWS: usize = 8;

/// What was read of blocks, by a hash of their bytes: a block that was merged or rewritten is another.
#[derive(Debug)]
pub(super) struct BlockSums {
    sums: Cache<u64, Arc<[Sum]>>,
    rows: Cache<u64, Arc<[Seen]>>,
}

impl Default for BlockSums {
    fn default() -> Self {
        Self {
            sums: Cache::new(KEPT),
            rows: Cache::new(KEPT_ROWS),
        }
    }
}

impl BlockSums {
    /// The sums of the block with these bytes, if they are kept.
    pub(super) fn find(&self, block: &[u8]) -> Option<Arc<[Sum]>> {
        self.sums.get(&xxh3_64(block))
    }

    /// Keeps those of the block with these bytes.
    pub(super) fn keep(&self, block: &[u8], sums: Arc<[Sum]>) {
        self.sums.insert(xxh3_64(block), sums);
    }

    /// The rows of the block with these bytes, if they are kept.
    pub(super) fn find_rows(&self, block: &[u8]) -> Option<Arc<[Seen]>> {
        self.rows.get(&xxh3_64(block))
    }

    /// Keeps those of the block with these bytes.
    pub(super) fn keep_rows(&self, block: &[u8], rows: Arc<[Seen]>) {
        self.rows.insert(xxh3_64(block), rows);
    }

    /// Forgets all: what was in some of the blocks is to be known no more.
    pub(super) fn forget(&self) {
        self.sums.clear();
        self.rows.clear();
    }
}

/// Adds rows up, by kind.
pub(super) fn add_up(rows: &[Seen]) -> Arc<[Sum]> {
    let mut sums = IdMap::<Key, Sum>::default();
    for seen in rows {
        let row = Sum::of(seen);
        let add = |sum: &mut Sum| sum.add(&row);
        sums.entry(row.key).and_modify(add).or_insert(row);
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::row::SourceWord;
    use crate::query::{DeviceId, Rcode, VerdictWord};

    fn seen(name: u32, at_ms: i64, rcode: Rcode) -> Seen {
        Seen {
            at_ms,
            key: Key {
                name,
                entry: 0,
                verdict: VerdictWord::Allow,
                device: DeviceId(1),
            },
            source: SourceWord::Upstream,
            rcode,
        }
    }

    #[test]
    fn rows_of_a_kind_are_one_sum_which_is_kept_for_these_bytes_alone() {
        let rows = [
            seen(7, 20, Rcode::NOERROR),
            seen(8, 25, Rcode::NOERROR),
            seen(7, 10, Rcode::SERVFAIL),
        ];
        let sums = BlockSums::default();
        sums.keep(b"block", add_up(&rows));
        let mut added = sums.find(b"block").unwrap().to_vec();
        added.sort_by_key(|sum| sum.key.name);
        let told = added.iter().map(|sum| {
            (
                sum.key.name,
                sum.count,
                sum.failed,
                sum.first_ms,
                sum.last_ms,
            )
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [(7, 2, 1, 10, 20), (8, 1, 0, 25, 25)]
        );
        assert!(sums.find(b"another").is_none());
        sums.keep_rows(b"block", rows.into());
        assert_eq!(sums.find_rows(b"block").as_deref(), Some(&rows[..]));
        assert!(sums.find_rows(b"another").is_none());
        sums.forget();
        assert!(sums.find(b"block").is_none());
        assert!(sums.find_rows(b"block").is_none());
    }
}
