//! Where rules come from, and what that means for their weight.

use serde::{Deserialize, Serialize};

/// Where rules come from: a pack, a list, or people themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `pack:xiaomi`, `list:NAME` or `rule`.
    pub origin: String,
    /// What kind of source it is.
    pub rank: Rank,
    /// Which of its rules decide when several cover a name.
    pub order: Order,
    /// Whether its patterns are also held against the text of addresses in answers, as `AdGuard`
    /// does.
    pub reads_addresses: bool,
    /// Why it blocks, in a few words, for the answer's EXTRA-TEXT; the first is for all lines that
    /// have none of their own.
    pub reasons: Vec<String>,
    /// For each line, from 0, the reason's place in `reasons`.
    pub reason_of_line: Vec<u16>,
}

/// What kind of source rules come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rank {
    /// A curated pack.
    Pack,
    /// A list that blocks.
    List,
    /// A list that only watches.
    WatchList,
    /// A list of which every entry is an exception.
    AllowList,
    /// What people set themselves.
    Own,
    /// What people set themselves for one group.
    Group,
}

/// Which of a source's rules decide when several cover a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// All of them count, and exceptions win.
    All,
    /// Those for the longest name.
    MostSpecific,
    /// As [`Order::MostSpecific`], and a name that is there by itself is not covered by a wildcard
    /// above it (RFC 4592 §2.2.1); of several such sources the first with a match decides.
    Zone,
}

impl Source {
    /// A source whose lines share one reason.
    pub fn new(origin: String, rank: Rank, reason: String) -> Self {
        Self {
            origin,
            rank,
            order: Order::All,
            reads_addresses: false,
            reasons: vec![reason],
            reason_of_line: Vec::new(),
        }
    }

    /// Why the rule on this line blocks.
    pub fn reason(&self, line: u32) -> &str {
        let own = usize::try_from(line)
            .ok()
            .and_then(|line| self.reason_of_line.get(line))
            .copied()
            .unwrap_or_default();
        let reason = self.reasons.get(usize::from(own));
        reason.map_or("", String::as_str)
    }
}
