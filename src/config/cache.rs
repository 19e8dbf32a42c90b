//! `[cache]`: how long answers are held.

use std::time::Duration;

use super::section::Section;
use super::value;

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

impl Cache {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let cache = Self {
            entries: section.value("entries", default.entries, |item| {
                value::whole(item, 0..=10_000_000)
            }),
            min_ttl: section.value("min_ttl", default.min_ttl, value::ttl),
            max_ttl: section.value("max_ttl", default.max_ttl, value::ttl),
            negative_max_ttl: section.value(
                "negative_max_ttl",
                default.negative_max_ttl,
                value::ttl,
            ),
        };
        if cache.min_ttl > cache.max_ttl {
            section.wrong("min_ttl", "is longer than max_ttl: write a shorter one");
        }
        cache
    }
}
