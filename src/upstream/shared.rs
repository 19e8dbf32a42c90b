//! What all DNS threads share of the upstreams: how they stand, and the figures for people.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::{self, ServerUrl};
use crate::query::UpstreamId;

use super::error::{Failure, FailureKind};
use super::slots::Slots;
use super::standing::{Ranking, Turns};
use super::tally::{Latencies, Tally};
use super::validate::{Anchors, Kept};

/// How many queries may be under way at once, over all threads, unless told otherwise.
///
/// Each takes a socket or two; 1,024 open files is what a process usually gets that does not ask
/// for more.
const AT_ONCE: usize = 256;

/// How the upstreams stand, shared by the `Upstreams` of all threads.
#[derive(Debug)]
pub struct Shared {
    names: Vec<String>,
    ranking: Mutex<Ranking>,
    tallies: Vec<Tally>,
    pub(super) slots: Slots,
    anchors: Anchors,
    kept: Kept,
}

/// The figures of one upstream since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The upstream, as written in the config.
    pub upstream: String,
    /// Queries sent to it.
    pub asked: u64,
    /// Queries that it did not answer, or not with an answer of use.
    pub failed: u64,
    /// Of these, those since its latest answer.
    pub failed_in_a_row: u64,
    /// Whether it is asked as usual; if not, it failed lately and is only tried now and then.
    pub is_usable: bool,
    /// The latest failure.
    pub last_error: Option<String>,
    /// How long its latest answer took, in microseconds.
    pub last_latency_us: Option<u64>,
    /// The decaying average over its answers, in microseconds.
    pub average_latency_us: Option<u64>,
    /// How long its answers took.
    pub latencies: Latencies,
    /// The failures by kind, those that never were left out.
    pub failures: Vec<(FailureKind, u64)>,
    /// When it failed last, in milliseconds since 1970-01-01 UTC.
    pub failed_at_ms: Option<i64>,
}

impl Shared {
    /// For the upstreams of `config`, of which nothing is known yet.
    pub fn new(config: &config::Upstream) -> Self {
        let servers = config.every_server();
        let place = |wanted: &ServerUrl| servers.iter().position(|&server| server == wanted);
        let pool = |members: &[ServerUrl]| members.iter().filter_map(place).collect();
        let routes = config.routes.all().iter();
        let pools = std::iter::once(pool(&config.servers));
        let pools = pools.chain(routes.map(|route| pool(&route.servers)));
        let pools = pools.chain(config.sets.iter().map(|set| pool(set)));
        Self {
            ranking: Mutex::new(Ranking::new(
                config.strategy,
                servers.len(),
                pools.collect(),
            )),
            tallies: servers.iter().map(|_| Tally::default()).collect(),
            names: servers.iter().map(|server| server.text.clone()).collect(),
            slots: Slots::new(AT_ONCE),
            anchors: Anchors::default(),
            kept: Kept::default(),
        }
    }

    /// With other keys that are trusted without proof than the root's.
    #[must_use]
    pub fn with_anchors(mut self, anchors: Anchors) -> Self {
        self.anchors = anchors;
        self
    }

    /// With another number of queries that may be under way at once, over all threads.
    #[must_use]
    pub fn with_queries_at_once(mut self, queries: usize) -> Self {
        self.slots = Slots::new(queries);
        self
    }

    /// The figures of every upstream, in the config's order.
    pub fn figures(&self) -> Vec<Figures> {
        let ranking = self.ranking();
        let servers = self.names.iter().zip(ranking.servers()).zip(&self.tallies);
        let figures = servers.map(|((name, standing), tally)| Figures {
            upstream: name.clone(),
            asked: standing.asked,
            failed: standing.failed,
            failed_in_a_row: standing.failed_in_a_row,
            is_usable: standing.is_usable(),
            last_error: standing.last_error.clone(),
            last_latency_us: standing.last_latency.map(to_us),
            average_latency_us: standing.average().map(to_us),
            latencies: tally.latencies(),
            failures: tally.failures(),
            failed_at_ms: tally.failed_at_ms(),
        });
        figures.collect()
    }

    /// The upstream as written in the config.
    pub fn name(&self, upstream: UpstreamId) -> Option<&str> {
        let name = self.names.get(usize::from(upstream.0));
        name.map(String::as_str)
    }

    pub(super) fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn turns(&self, pool: usize) -> Turns {
        self.ranking().turns(pool, Instant::now())
    }

    pub(super) fn asked(&self, server: usize) {
        self.ranking().asked(server);
    }

    pub(super) fn answered(&self, server: usize, latency: Duration) {
        if let Some(tally) = self.tallies.get(server) {
            tally.answered(latency);
        }
        let is_back = self.ranking().answered(server, latency, Instant::now());
        if is_back {
            let upstream = self.names.get(server);
            tracing::info!(upstream, "an upstream answers again");
        }
    }

    pub(super) fn failed(&self, server: usize, failure: &Failure) {
        if let Some(tally) = self.tallies.get(server) {
            tally.failed(failure.kind());
        }
        if self.ranking().failed(server, failure, Instant::now()) {
            self.warn_of(server, failure);
        }
    }

    /// Notes that another server answered what this one did not.
    pub(super) fn outdone(&self, server: usize, failure: &Failure) {
        if self.ranking().outdone(server, Instant::now()) {
            self.warn_of(server, failure);
        }
    }

    fn warn_of(&self, server: usize, failure: &Failure) {
        let upstream = self.names.get(server);
        tracing::warn!(upstream, %failure, "an upstream fails, and is avoided for a while");
    }

    fn ranking(&self) -> MutexGuard<'_, Ranking> {
        // Figures are never half written, so one from a thread that panicked is as good.
        self.ranking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
