//! Answers that upstream gave and that are still good, or better than none.
//!
//! Only upstream answers are kept: the verdict on a name differs between devices, and stands
//! before the cache in the pipeline. An answer is kept as the bytes of its message, so that giving
//! it again is a copy and a count-down of its TTLs. Start at [`Cache::find`], and where that finds
//! nothing, at [`Cache::resolve`].

mod alias;
mod denial;
mod flights;
mod held;
mod key;
mod read;
mod room;
mod saved;
mod sets;
mod targets;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

pub use alias::alias;
pub use flights::Told;
pub use held::Held;
pub use read::Unreadable;
pub use saved::SavedError;
pub use targets::Target;

use crate::config;
use crate::query::{ExtendedError, Name, Query, Source, UpstreamId};
use flights::{Flight, Flights, Turn};
use key::{Key, Under};
use room::{Room, Table};

/// Answers that upstream gave, shared by all DNS threads.
#[derive(Debug)]
pub struct Cache {
    config: config::Cache,
    /// Names that other upstreams are asked for.
    routes: config::Routes,
    /// Tells apart from whom answers are: the servers, the routes, and how they are checked.
    origin: u64,
    table: Option<Table>,
    flights: Flights,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    refreshes: AtomicU64,
}

/// What the cache holds, and how often it helped since the start.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub struct CacheStats {
    /// Answers held, the stale ones too.
    pub entries: usize,
    /// How many fit.
    pub max_entries: usize,
    /// How much of `max_bytes` they take. An answer counts at least its share, so that neither
    /// bound is passed.
    pub bytes: u64,
    /// How much they may take, everything counted.
    pub max_bytes: u64,
    /// Queries answered from here.
    pub hits: u64,
    /// Queries that were not.
    pub misses: u64,
    /// Those of the hits that got a stale answer, because asking would have taken time.
    pub stale: u64,
    /// Answers asked for again while the ones held were given: stale ones, and popular ones
    /// shortly before their end.
    pub refreshes: u64,
}

/// What an upstream said, or the code of the reason why none did (RFC 8914).
pub type Heard = Result<(Vec<u8>, UpstreamId), u16>;

impl Cache {
    /// An empty cache; with `entries = 0` it stays empty.
    pub fn new(config: config::Cache) -> Self {
        Self {
            table: Room::table(&config),
            config,
            routes: config::Routes::default(),
            origin: 0,
            flights: Flights::default(),
            counts: Counts::default(),
        }
    }

    /// For answers of these upstreams: what others said before counts for nothing.
    #[must_use]
    pub fn with_upstream(self, upstream: &config::Upstream) -> Self {
        Self {
            origin: saved::origin(upstream),
            ..self.with_routes(upstream.routes.clone())
        }
    }

    /// Where other upstreams are asked for some names, what one upstream says of a name above
    /// them counts for nothing.
    #[must_use]
    pub fn with_routes(mut self, routes: config::Routes) -> Self {
        self.routes = routes;
        self
    }

    /// The held answer to `query`, if there is one that may be given now.
    pub fn find(&self, query: &Query, now: Instant) -> Option<Held> {
        let found = self.look(query, now, usize::MAX);
        match &found {
            Some(held) => {
                count(&self.counts.hits);
                if held.is_stale(now) {
                    count(&self.counts.stale);
                }
            }
            None => count(&self.counts.misses),
        }
        found
    }

    /// Looks for an answer to `query`, or for one that its name, or one of so many above it, does not
    /// exist.
    fn look(&self, query: &Query, now: Instant, above: usize) -> Option<Held> {
        let table = self.table.as_ref()?;
        let key = Key::of(query);
        let held = table.get(&key);
        if held.as_ref().is_some_and(|held| held.is_good(now)) {
            return held;
        }
        let key = key.of_any_type();
        let denied = table.get(&key);
        if denied.as_ref().is_some_and(|denied| denied.is_good(now)) {
            return denied;
        }
        // Whoever validates wants to see the proof for the very name.
        let above = if query.wants_dnssec() || query.checks_itself() {
            0
        } else {
            above
        };
        self.denial_above(table, (query, key), now, above)
            .or_else(|| {
                held.into_iter()
                    .chain(denied)
                    .find(|held| held.is_given_stale(now, self.config.serve_stale))
            })
    }

    /// The answer that a name above the one that was asked does not exist.
    fn denial_above(
        &self,
        table: &Table,
        (query, key): (&Query, Key<'_>),
        now: Instant,
        above: usize,
    ) -> Option<Held> {
        let mut keys = key.upwards().skip(1).take(above).peekable();
        keys.peek()?;
        let route = self.routes.find(query.name.as_wire());
        let is_asked_there = |key: &Key<'_>| self.routes.find(key.name) == route;
        let mut held = keys
            .filter(is_asked_there)
            .filter_map(|key| table.get(&key));
        held.find(|held| held.is_good(now))
    }

    /// Counts that `held` is given; whether it should be refreshed, which one of those who ask is
    /// told: whoever is, calls [`Cache::refresh`].
    pub fn give(&self, held: &Held, now: Instant) -> bool {
        held.give(now, self.config.prefetch)
    }

    /// The answer to `query` that `ask` hears from an upstream, kept for as long as it may be.
    ///
    /// Who asks what is being asked already waits for that answer. Without any, a stale one is
    /// better than none; at last, there is the answer that none was to be had.
    pub async fn resolve(
        &self,
        query: &Query,
        mut ask: impl Future<Output = Heard> + Unpin,
    ) -> Told {
        let key = Key::of(query).flat();
        loop {
            match self.flights.join(key.as_slice()) {
                Turn::Wait(waiting) => {
                    if let Some(told) = flights::wait(waiting).await {
                        told.0.count_given();
                        return told;
                    }
                }
                Turn::Ask(flight) => {
                    // It may have come in between the look into the cache and now.
                    if let Some(held) = self.look(query, Instant::now(), 0) {
                        let told = (held, Source::Cache);
                        flight.tell(&told);
                        return told;
                    }
                    return self.hear(query, flight, &mut ask).await;
                }
            }
        }
    }

    /// Asks again for an answer that is held, if nobody does so already.
    pub async fn refresh(&self, query: &Query, ask: impl Future<Output = Heard> + Unpin) {
        let key = Key::of(query).flat();
        if let Turn::Ask(flight) = self.flights.join(key.as_slice()) {
            count(&self.counts.refreshes);
            self.hear(query, flight, ask).await;
        }
    }

    async fn hear(
        &self,
        query: &Query,
        flight: Flight<'_>,
        ask: impl Future<Output = Heard> + Unpin,
    ) -> Told {
        let heard = ask.await;
        let now = Instant::now();
        let told = match heard {
            Ok((message, upstream)) => match self.put(query, message, now) {
                Ok(held) if held.is_stale(now) => (held, Source::Cache),
                Ok(held) => (held, Source::Upstream(upstream)),
                Err(unreadable) => {
                    tracing::debug!(name = %query.name, %unreadable, "an upstream's answer is unusable");
                    self.fail(query, ExtendedError::NETWORK_ERROR, now)
                }
            },
            Err(ede) => self.fail(query, ede, now),
        };
        flight.tell(&told);
        told
    }

    fn fail(&self, query: &Query, ede: u16, now: Instant) -> Told {
        let held = self.keep(query, Held::silence(query, ede, now), now);
        let source = if held.is_failure() {
            Source::Failure
        } else {
            Source::Cache
        };
        (held, source)
    }

    /// Reads an upstream's answer to `query`, and keeps it for as long as its TTLs allow. Gives a
    /// stale one instead, if there is one, where the upstream says that it could not find out.
    pub fn put(&self, query: &Query, message: Vec<u8>, now: Instant) -> Result<Held, Unreadable> {
        let held = Held::read(query, message, &self.config, now)?;
        Ok(self.keep(query, held, now))
    }

    fn keep(&self, query: &Query, held: Held, now: Instant) -> Held {
        let Some(table) = &self.table else {
            return held;
        };
        let key = Key::of(query);
        let any_type = key.of_any_type();
        // RFC 8767 §4: what is stale is for want of an answer, not in place of one that is forged.
        if held.is_failure() && !held.is_bogus() {
            let before = [key, any_type].map(|key| table.get(&key));
            let usable = |before: &Held| before.is_usable(now, self.config.serve_stale);
            if let Some(before) = before.into_iter().flatten().find(usable) {
                before.put_off_refresh(now);
                return before;
            }
        }
        let (into, other) = if held.denies_name() {
            (any_type, key)
        } else {
            (key, any_type)
        };
        if !held.is_failure() {
            table.remove(&other);
        }
        if held.lifetime() > Duration::ZERO {
            table.insert(Under(held.clone()), held.clone());
        } else {
            table.remove(&into);
        }
        held
    }

    /// Forgets everything.
    pub fn clear(&self) {
        if let Some(table) = &self.table {
            table.clear();
        }
    }

    /// Forgets what is held for this name (lower-cased), whatever the type, and whatever says that
    /// a name above it does not exist.
    pub fn clear_name(&self, name: &Name) {
        if let Some(table) = &self.table {
            table.retain(|_, held| {
                let held_for = Name::from_wire(held.key().name).unwrap_or(Name::ROOT);
                let denies = held.denies_name() && name.is_within(&held_for);
                held_for != *name && !denies
            });
        }
    }

    /// What is held.
    pub fn stats(&self) -> CacheStats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheStats {
            entries: self.table.as_ref().map_or(0, Table::len),
            max_entries: self.config.entries,
            bytes: self.table.as_ref().map_or(0, Table::weight),
            max_bytes: self.config.max_size,
            hits: load(&self.counts.hits),
            misses: load(&self.counts.misses),
            stale: load(&self.counts.stale),
            refreshes: load(&self.counts.refreshes),
        }
    }
}

fn count(of: &AtomicU64) {
    of.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
