//! Numbers of queries, by what was decided.

use crate::query::VerdictWord;

/// Numbers of queries. Each query has one verdict; a failed one counts under its verdict as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Let through.
    pub allow: u64,
    /// Let through, and marked.
    pub watch: u64,
    /// Answered here.
    pub block: u64,
    /// Without a usable answer: nobody answered, or the answer was neither NOERROR nor NXDOMAIN.
    pub failed: u64,
}

impl Counts {
    /// All queries.
    pub fn queries(&self) -> u64 {
        self.allow + self.watch + self.block
    }

    /// Adds queries with one verdict.
    pub(super) fn add(&mut self, verdict: VerdictWord, count: u64, failed: u64) {
        match verdict {
            VerdictWord::Allow => self.allow += count,
            VerdictWord::Watch => self.watch += count,
            VerdictWord::Block => self.block += count,
        }
        self.failed += failed;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.queries() == 0
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.allow += other.allow;
        self.watch += other.watch;
        self.block += other.block;
        self.failed += other.failed;
    }
}

impl From<[u32; 4]> for Counts {
    fn from([allow, watch, block, failed]: [u32; 4]) -> Self {
        let [allow, watch, block, failed] = [allow, watch, block, failed].map(u64::from);
        Self {
            allow,
            watch,
            block,
            failed,
        }
    }
}
