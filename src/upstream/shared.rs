//! What all DNS threads share of the upstreams: how they stand, and the figures for people.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::config::{self, ServerUrl};
use crate::query::UpstreamId;

use super::error::{Failure, FailureKind};
use super::sets::{Set, Sets};
use super::slots::Slots;
use super::standing::{Ranking, Standing, Turns};
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
    /// Every server, by its number.
    pub(super) servers: ArcSwap<Vec<Arc<Known>>>,
    /// So many of them are asked whatever groups have of their own.
    usual: usize,
    sets: Mutex<Sets>,
    ranking: Mutex<Ranking>,
    pub(super) slots: Slots,
    anchors: Anchors,
    kept: Kept,
}

/// One server, as all threads know it.
#[derive(Debug)]
pub(super) struct Known {
    pub url: ServerUrl,
    tally: Tally,
}

impl Known {
    /// A server of which nothing is known yet.
    pub fn new(url: &ServerUrl) -> Self {
        Self {
            url: url.clone(),
            tally: Tally::default(),
        }
    }
}

/// The figures of one upstream since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The upstream's number, its own until a restart.
    pub number: usize,
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
        let usual = config.usual_servers().len();
        let place = |wanted: &ServerUrl| servers.iter().position(|&server| server == wanted);
        let pool =
            |members: &[ServerUrl]| -> Vec<usize> { members.iter().filter_map(place).collect() };
        let routes = config.routes.all();
        let pools = std::iter::once(pool(&config.servers));
        let pools = pools.chain(routes.iter().map(|route| pool(&route.servers)));
        let sets = config.sets.iter().map(|urls| Set {
            urls: urls.clone(),
            members: pool(urls),
            is_used: true,
        });
        let sets: Vec<Set> = sets.collect();
        let pools = pools.chain(sets.iter().map(|set| set.members.clone()));
        Self {
            ranking: Mutex::new(Ranking::new(
                config.strategy,
                servers.len(),
                pools.collect(),
            )),
            servers: ArcSwap::from_pointee(
                servers
                    .iter()
                    .map(|url| Arc::new(Known::new(url)))
                    .collect(),
            ),
            usual,
            sets: Mutex::new(Sets {
                before: 1 + routes.len(),
                all: sets,
            }),
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

    /// The figures of every upstream that is asked now, in the config's order.
    pub fn figures(&self) -> Vec<Figures> {
        let servers = self.servers.load();
        let sets = self.sets();
        let ranking = self.ranking();
        let standings = servers.iter().zip(ranking.servers()).enumerate();
        let asked = standings.filter(|(number, _)| *number < self.usual || sets.ask(*number));
        let figures = |(number, (known, standing)): (usize, (&Arc<Known>, &Standing))| {
            Figures::of(number, known, standing)
        };
        asked.map(figures).collect()
    }

    /// The upstream as people wrote it.
    pub fn name(&self, upstream: UpstreamId) -> Option<String> {
        let known = self.server(usize::from(upstream.0))?;
        Some(known.url.text.clone())
    }

    pub(super) fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn turns(&self, pool: usize, now: Instant) -> Turns {
        self.ranking().turns(pool, now)
    }

    /// As the order in [`Shared::turns`], for one question that takes no part in measuring.
    pub(super) fn order(&self, pool: usize) -> Vec<usize> {
        self.ranking().order(pool, Instant::now())
    }

    pub(super) fn asked(&self, server: usize) {
        self.ranking().asked(server);
    }

    /// Notes an answer to a question that was asked at this time.
    pub(super) fn answered(&self, server: usize, asked_at: Instant) {
        let now = Instant::now();
        let latency = now - asked_at;
        if let Some(known) = self.servers.load().get(server) {
            known.tally.answered(latency);
        }
        let is_back = self.ranking().answered(server, latency, now);
        if is_back {
            let upstream = self.server(server).map(|known| known.url.text.clone());
            tracing::info!(upstream, "an upstream answers again");
        }
    }

    pub(super) fn failed(&self, server: usize, failure: &Failure) {
        if let Some(known) = self.server(server) {
            known.tally.failed(failure.kind());
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
        let upstream = self.server(server).map(|known| known.url.text.clone());
        tracing::warn!(upstream, %failure, "an upstream fails, and is avoided for a while");
    }

    pub(super) fn sets(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ranking(&self) -> MutexGuard<'_, Ranking> {
        // Figures are never half written, so one from a thread that panicked is as good.
        self.ranking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    fn of(number: usize, known: &Known, standing: &Standing) -> Self {
        Self {
            number,
            upstream: known.url.text.clone(),
            asked: standing.asked,
            failed: standing.failed,
            failed_in_a_row: standing.failed_in_a_row,
            is_usable: standing.is_usable(),
            last_error: standing.last_error.clone(),
            last_latency_us: standing.last_latency.map(to_us),
            average_latency_us: standing.average().map(to_us),
            latencies: known.tally.latencies(),
            failures: known.tally.failures(),
            failed_at_ms: known.tally.failed_at_ms(),
        }
    }
}

fn to_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
