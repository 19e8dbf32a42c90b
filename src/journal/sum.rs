//! What is added up of rows: queries of the same kind.

use super::block::Seen;
use super::line::Key;

/// Queries of one kind: the same device, name, verdict and entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub key: Key,
    pub count: u64,
    pub failed: u64,
    pub first_ms: i64,
    pub last_ms: i64,
}

impl Sum {
    /// One row.
    pub(super) fn of(seen: &Seen) -> Self {
        Self {
            key: seen.key,
            count: 1,
            failed: u64::from(seen.is_failed()),
            first_ms: seen.at_ms,
            last_ms: seen.at_ms,
        }
    }

    /// Adds queries of the same kind.
    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.failed += other.failed;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}
