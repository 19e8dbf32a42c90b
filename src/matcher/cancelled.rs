//! How rules are taken out of force that another says are not meant (`$badfilter`).

use super::rule::Rule;
use super::source::{Rank, Source};

/// What becomes of a rule that others cancel.
pub(super) enum Cancelled {
    /// Its own source does not mean it.
    ForGood,
    /// It is out of force wherever one of these sources counts.
    By(Vec<u16>),
}

impl Cancelled {
    /// What becomes of a rule of a source when rules of these cancel it.
    pub fn of(sources: &[Source], source: u16, by: &[u16]) -> Option<Self> {
        if by.contains(&source) {
            return Some(Self::ForGood);
        }
        let only_watches = |at: u16| {
            let source = sources.get(usize::from(at));
            source.is_some_and(|source| source.rank == Rank::WatchList)
        };
        // A list that only watches takes nothing of others out of force.
        let counts = |by: &u16| !only_watches(*by) || only_watches(source);
        let mut by: Vec<u16> = by.iter().copied().filter(counts).collect();
        by.dedup();
        (!by.is_empty()).then_some(Self::By(by))
    }
}

/// What a rule and the one that cancels it have in common.
pub(super) fn in_common(rule: &Rule) -> String {
    as_meant(rule, 0).to_string()
}

/// The rule that one cancels, as it stands on a line.
pub(super) fn as_meant(cancel: &Rule, line: u32) -> Rule {
    Rule {
        cancels: false,
        line: line.into(),
        ..cancel.clone()
    }
}
