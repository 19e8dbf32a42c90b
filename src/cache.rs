//! Answers that upstream gave and that are still good.
//!
//! Only upstream answers are kept: the verdict on a name differs between devices, and stands
//! before the cache in the pipeline. An answer is kept as the bytes of its message, so that giving
//! it again is a copy and a count-down of its TTLs.

mod alias;
mod held;
mod targets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache as Map;
use tokio::time::Instant;

pub use alias::alias;
pub use held::{Held, Unreadable};
pub use targets::Target;

use crate::config;
use crate::query::{Name, Query};

/// The bytes of a name, then type, class, and whether DO and CD were set.
const KEY_MAX: usize = 255 + 5;

/// Answers that upstream gave and that are still good; shared by all DNS threads.
#[derive(Debug)]
pub struct Cache {
    config: config::Cache,
    map: Option<Map<Box<[u8]>, Arc<Held>, Bytes>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What the cache holds, and how often it helped since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CacheStats {
    /// Answers held.
    pub entries: usize,
    /// Their size in bytes, without the table around them.
    pub bytes: u64,
    /// Queries answered from here.
    pub hits: u64,
    /// Queries that were not.
    pub misses: u64,
}

/// An entry's weight is its size, so that a few long answers do not push out many short ones.
#[derive(Clone, Copy, Debug)]
struct Bytes;

impl Weighter<Box<[u8]>, Arc<Held>> for Bytes {
    fn weight(&self, key: &Box<[u8]>, held: &Arc<Held>) -> u64 {
        (key.len() + held.size()) as u64
    }
}

/// The usual answer with its key; `entries` of them bound the cache's bytes.
const USUAL_SIZE: u64 = 300;

impl Cache {
    /// An empty cache; with `entries = 0` it stays empty.
    pub fn new(config: config::Cache) -> Self {
        let map = (config.entries > 0).then(|| {
            let bytes = config.entries as u64 * USUAL_SIZE;
            Map::with_weighter(config.entries, bytes, Bytes)
        });
        Self {
            config,
            map,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The held answer to `query`, if there is one that is still good.
    pub fn find(&self, query: &Query, now: Instant) -> Option<Arc<Held>> {
        let mut key = [0; KEY_MAX];
        let held = self
            .map
            .as_ref()
            .and_then(|map| map.get(write_key(query, &mut key)))
            .filter(|held| held.is_good(now));
        let count = if held.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        count.fetch_add(1, Ordering::Relaxed);
        held
    }

    /// Reads an upstream's answer to `query`, and keeps it for as long as its TTLs allow.
    pub fn put(
        &self,
        query: &Query,
        message: Vec<u8>,
        now: Instant,
    ) -> Result<Arc<Held>, Unreadable> {
        let held = Arc::new(Held::read(query, message, &self.config, now)?);
        if let Some(map) = self
            .map
            .as_ref()
            .filter(|_| held.lifetime() > Duration::ZERO)
        {
            let mut key = [0; KEY_MAX];
            map.insert(write_key(query, &mut key).into(), Arc::clone(&held));
        }
        Ok(held)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        if let Some(map) = &self.map {
            map.clear();
        }
    }

    /// Forgets what is held for this name (lower-cased), whatever the type.
    pub fn clear_name(&self, name: &Name) {
        if let Some(map) = &self.map {
            map.retain(|key, _| !key.starts_with(name.as_wire()));
        }
    }

    /// What is held.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            entries: self.map.as_ref().map_or(0, Map::len),
            bytes: self.map.as_ref().map_or(0, Map::weight),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

fn write_key<'a>(query: &Query, key: &'a mut [u8; KEY_MAX]) -> &'a [u8] {
    let name = query.name.as_wire();
    let [kind_high, kind_low] = query.kind.0.to_be_bytes();
    let [class_high, class_low] = query.class.to_be_bytes();
    let bits = u8::from(query.wants_dnssec()) | u8::from(query.checks_itself()) << 1;
    let rest = [kind_high, kind_low, class_high, class_low, bits];
    let len = name.len() + rest.len();
    if let Some((into, after)) = key.split_at_mut_checked(name.len()) {
        into.copy_from_slice(name);
        after
            .iter_mut()
            .zip(rest)
            .for_each(|(into, byte)| *into = byte);
    }
    key.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests;
