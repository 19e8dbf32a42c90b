//! What the entries of lists did lately.

use jiff::Timestamp;

use super::super::Api;
use super::item::{ListHits, time};
use crate::journal::{EntryCount, OriginCount, Range};

/// Hits are counted over so many days.
pub(super) const DAYS: i64 = 7;

/// What all entries did in the last days.
pub(super) struct Did {
    since: Timestamp,
    origins: Vec<OriginCount>,
    entries: Vec<EntryCount>,
}

impl Did {
    pub(super) async fn of(api: &Api) -> Self {
        let range = last_days(Timestamp::now());
        let (origins, _) = api.journal.origins(range).await;
        let (entries, _) = api.journal.entries(range, None).await;
        Self {
            since: Timestamp::from_millisecond(range.since_ms).unwrap_or_default(),
            origins,
            entries,
        }
    }

    pub(super) fn hits(&self, origin: &str) -> ListHits {
        let count = self.origins.iter().find(|count| count.origin == origin);
        let counts = count.map(|count| count.span.counts).unwrap_or_default();
        ListHits {
            blocked: counts.block,
            watched: counts.watch,
            names: count.map_or(0, |count| count.names),
            since: time(self.since),
        }
    }

    pub(super) fn matched(&self, origin: &str) -> u64 {
        let entries = self.entries.iter();
        let matched = entries.filter(|count| count.entry.origin == origin).count();
        u64::try_from(matched).unwrap_or(u64::MAX)
    }
}

/// The range over which hits are counted.
pub(in crate::api) fn last_days(now: Timestamp) -> Range {
    let until_ms = now.as_millisecond() + 1;
    Range {
        since_ms: until_ms - DAYS * 24 * 3_600_000,
        until_ms,
    }
}
