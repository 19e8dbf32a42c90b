//! How the upstreams stand: which answer, how fast, and whom to ask first.
//!
//! Time is an argument, so that tests need not wait. Failed upstreams are avoided for a while, and
//! then tried with a copy of a real query, which nobody waits for. See [`Ranking::turns`].

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Strategy;

use super::error::{Blame, Failure};

/// Failures in a row that may have been the names' fault, until the server is avoided.
const DOUBTS: u32 = 3;
/// How long a server is avoided that failed for the first time; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After this long without a failure, the next pause is the first again.
const FORGIVEN_AFTER: Duration = Duration::from_mins(1);
/// How many answers are needed to know how fast a server is.
const ENOUGH: u32 = 3;
/// How often another server is measured, with a copy of a query, until enough is known and then.
const MEASURE_AT_FIRST: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(30);
/// A new favourite stays it for at least this long, unless it fails.
const STAY: Duration = Duration::from_secs(10);

/// What is known of each server, and the one that is asked first.
#[derive(Debug)]
pub(super) struct Ranking {
    strategy: Strategy,
    servers: Vec<Standing>,
    favourite: usize,
    chosen_at: Option<Instant>,
}

/// What is known of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Queries sent, copies included.
    pub asked: u64,
    /// Queries that it did not answer.
    pub failed: u64,
    /// The latest failure.
    pub last_error: Option<String>,
    /// How long the latest answer took.
    pub last_latency: Option<Duration>,
    average: Option<Duration>,
    answers: u32,
    measured_at: Option<Instant>,
    doubts: u32,
    avoided: Option<Avoided>,
    pause: Duration,
    failed_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Avoided {
    until: Instant,
    /// Whether a copy of a query is under way to it.
    is_probed: bool,
}

/// Whom to ask for one query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turns {
    /// Every server, in the order of asking.
    pub order: Vec<usize>,
    /// A server that gets a copy of the query, to see how it is.
    pub probe: Option<usize>,
}

impl Standing {
    /// Whether it is asked as usual.
    pub fn is_usable(&self) -> bool {
        self.avoided.is_none()
    }

    /// The decaying average of its answers' times.
    pub fn average(&self) -> Option<Duration> {
        self.average
    }

    fn is_due(&self, now: Instant) -> bool {
        self.avoided.is_some_and(|avoided| avoided.until <= now)
    }

    fn is_unmeasured(&self, now: Instant) -> bool {
        let every = if self.answers < ENOUGH {
            MEASURE_AT_FIRST
        } else {
            MEASURE
        };
        self.is_usable() && self.measured_at.is_none_or(|at| now - at >= every)
    }

    fn avoid(&mut self, now: Instant) {
        let is_old = self.failed_at.is_none_or(|at| now - at >= FORGIVEN_AFTER);
        self.pause = if is_old || self.pause.is_zero() {
            FIRST_PAUSE
        } else {
            (self.pause * 2).min(LONGEST_PAUSE)
        };
        self.avoided = Some(Avoided {
            until: now + self.pause,
            is_probed: false,
        });
    }
}

impl Ranking {
    /// For this many servers, of which nothing is known yet.
    pub fn new(strategy: Strategy, servers: usize) -> Self {
        Self {
            strategy,
            servers: vec![Standing::default(); servers],
            favourite: 0,
            chosen_at: None,
        }
    }

    /// What is known of each server, in the config's order.
    pub fn servers(&self) -> &[Standing] {
        &self.servers
    }

    /// Whom to ask now: the strategy's choice first, those that are avoided last.
    pub fn turns(&mut self, now: Instant) -> Turns {
        let mut order: Vec<usize> = (0..self.servers.len()).collect();
        match self.strategy {
            Strategy::Ordered => order.sort_by_key(|&server| self.pause_of(server)),
            Strategy::Fastest => {
                let favourite = self.choose(now);
                order.sort_by_key(|&server| {
                    let average = self.average_of(server);
                    (self.pause_of(server), server != favourite, average)
                });
            }
        }
        let probe = order.get(1..).and_then(|others| self.probe(others, now));
        Turns { order, probe }
    }

    /// Counts a query that is sent to `server`.
    pub fn asked(&mut self, server: usize) {
        if let Some(standing) = self.servers.get_mut(server) {
            standing.asked += 1;
        }
    }

    /// Notes an answer that took `latency`; what failed before is forgiven.
    pub fn answered(&mut self, server: usize, latency: Duration, now: Instant) {
        let Some(standing) = self.servers.get_mut(server) else {
            return;
        };
        standing.doubts = 0;
        standing.avoided = None;
        standing.answers = standing.answers.saturating_add(1);
        standing.measured_at = Some(now);
        standing.last_latency = Some(latency);
        standing.average = Some(match standing.average {
            Some(average) => (average * 7 + latency) / 8,
            None => latency,
        });
    }

    /// Notes a failure, and avoids the server if it is to blame.
    pub fn failed(&mut self, server: usize, failure: &Failure, now: Instant) {
        let Some(standing) = self.servers.get_mut(server) else {
            return;
        };
        standing.failed += 1;
        standing.last_error = Some(failure.to_string());
        match failure.blame() {
            Blame::None => return,
            Blame::Doubt => standing.doubts = standing.doubts.saturating_add(1),
            Blame::Certain => standing.doubts = DOUBTS,
        }
        // Queries that were under way together fail together: that is one reason to pause.
        let is_pausing = standing
            .avoided
            .is_some_and(|avoided| now < avoided.until && !avoided.is_probed);
        if standing.doubts >= DOUBTS && !is_pausing {
            standing.avoid(now);
        }
        standing.failed_at = Some(now);
    }

    /// When the server may be asked again: at once sorts first.
    fn pause_of(&self, server: usize) -> Option<Instant> {
        let avoided = self.servers.get(server).and_then(|server| server.avoided);
        avoided.map(|avoided| avoided.until)
    }

    fn average_of(&self, server: usize) -> Duration {
        let standing = self.servers.get(server);
        let average = standing.filter(|server| server.answers >= ENOUGH);
        average
            .and_then(|server| server.average)
            .unwrap_or(Duration::MAX)
    }

    fn is_usable(&self, server: usize) -> bool {
        self.servers.get(server).is_some_and(Standing::is_usable)
    }

    /// The favourite, changed only for one that is faster by a quarter, so that it does not flap.
    fn choose(&mut self, now: Instant) -> usize {
        let usable = (0..self.servers.len()).filter(|&server| self.is_usable(server));
        let Some(best) = usable.min_by_key(|&server| self.average_of(server)) else {
            return self.favourite;
        };
        let is_settled = self.chosen_at.is_none_or(|at| now - at >= STAY);
        let is_faster = self.average_of(best) < self.average_of(self.favourite) / 4 * 3;
        if !self.is_usable(self.favourite) || (is_settled && is_faster) {
            self.favourite = best;
            self.chosen_at = Some(now);
        }
        self.favourite
    }

    /// One of `others` that should be looked at again; it is not given out twice.
    fn probe(&mut self, others: &[usize], now: Instant) -> Option<usize> {
        let measures = self.strategy == Strategy::Fastest;
        let server = others.iter().copied().find(|&server| {
            self.servers
                .get(server)
                .is_some_and(|server| server.is_due(now) || (measures && server.is_unmeasured(now)))
        })?;
        let standing = self.servers.get_mut(server)?;
        standing.measured_at = Some(now);
        if let Some(avoided) = &mut standing.avoided {
            avoided.until = now + standing.pause;
            avoided.is_probed = true;
        }
        Some(server)
    }
}
