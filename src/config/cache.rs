//! `[cache]`: how long answers are held.

use std::time::Duration;

use super::section::Section;
use super::value;

/// How long answers are held.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// How many answers are held; 0 = none.
    pub entries: usize,
    /// How much memory they take, in bytes.
    pub max_size: u64,
    /// A shorter TTL counts as this long.
    pub min_ttl: Duration,
    /// A longer TTL counts as this long.
    pub max_ttl: Duration,
    /// An answer "there is nothing" is held no longer than this.
    pub negative_max_ttl: Duration,
    /// How long an answer that is over is given while it is asked for again; zero: not at all.
    pub serve_stale: Duration,
    /// Whether popular answers are asked for again before they are over.
    pub prefetch: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            entries: 100_000,
            max_size: 64_000_000,
            min_ttl: Duration::ZERO,
            max_ttl: Duration::from_hours(24),
            negative_max_ttl: Duration::from_hours(1),
            serve_stale: Duration::from_hours(24),
            prefetch: true,
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
            max_size: section.value("max_size", default.max_size, |item| {
                value::size(item, 1_000_000..=100_000_000_000)
            }),
            min_ttl: section.value("min_ttl", default.min_ttl, value::ttl),
            max_ttl: section.value("max_ttl", default.max_ttl, value::ttl),
            negative_max_ttl: section.value(
                "negative_max_ttl",
                default.negative_max_ttl,
                value::ttl,
            ),
            serve_stale: section.value("serve_stale", default.serve_stale, value::ttl),
            prefetch: section.value("prefetch", default.prefetch, value::truth),
        };
        if cache.min_ttl > cache.max_ttl {
            section.wrong("min_ttl", "is longer than max_ttl: write a shorter one");
        }
        cache
    }
}
