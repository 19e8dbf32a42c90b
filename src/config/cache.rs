//! `[cache]`: how long answers are held.

use std::time::Duration;

/// How long answers are held.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// How many answers are held; 0 = none.
    pub entries: usize,
    /// A shorter TTL counts as this long.
    pub min_ttl: Duration,
    /// A longer TTL counts as this long.
    pub max_ttl: Duration,
    /// An answer "there is nothing" is held no longer than this.
    pub negative_max_ttl: Duration,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            entries: 100_000,
            min_ttl: Duration::ZERO,
            max_ttl: Duration::from_hours(24),
            negative_max_ttl: Duration::from_hours(1),
        }
    }
}
