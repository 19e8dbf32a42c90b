//! How the upstreams stand: which answer, how fast, and whom to ask first.
//!
//! Time is an argument, so that tests need not wait. Failed upstreams are avoided for a while, and
//! then tried with a copy of a real query, which nobody waits for. See [`Ranking::turns`].

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Strategy;

use super::error::{Blame, Failure};

/// How often in a row another server has to know better, until a server is avoided.
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
    /// Failures since the latest answer.
    pub failed_in_a_row: u64,
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

    /// Avoids the server for a while, and tells whether it was in use until now.
    fn avoid(&mut self, now: Instant) -> bool {
        let was_usable = self.is_usable();
        let is_old = self.failed_at.is_none_or(|at| now - at >= FORGIVEN_AFTER);
        self.failed_at = Some(now);
        // Queries that were under way together fail together: that is one reason to pause.
        let is_pausing = |avoided: Avoided| now < avoided.until && !avoided.is_probed;
        if self.avoided.is_some_and(is_pausing) {
            return false;
        }
        self.pause = if is_old || self.pause.is_zero() {
            FIRST_PAUSE
        } else {
            (self.pause * 2).min(LONGEST_PAUSE)
        };
        self.avoided = Some(Avoided {
            until: now + self.pause,
            is_probed: false,
        });
        was_usable
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
    ///
    /// Tells whether the server was avoided until now.
    pub fn answered(&mut self, server: usize, latency: Duration, now: Instant) -> bool {
        let Some(standing) = self.servers.get_mut(server) else {
            return false;
        };
        let was_avoided = !standing.is_usable();
        standing.doubts = 0;
        standing.failed_in_a_row = 0;
        standing.avoided = None;
        standing.answers = standing.answers.saturating_add(1);
        standing.measured_at = Some(now);
        standing.last_latency = Some(latency);
        standing.average = Some(match standing.average {
            Some(average) => (average * 7 + latency) / 8,
            None => latency,
        });
        was_avoided
    }

    /// Counts a failure, and avoids the server if it is certainly to blame.
    ///
    /// Tells whether the server is avoided from now on.
    pub fn failed(&mut self, server: usize, failure: &Failure, now: Instant) -> bool {
        let Some(standing) = self.servers.get_mut(server) else {
            return false;
        };
        standing.failed += 1;
        standing.failed_in_a_row += 1;
        standing.last_error = Some(failure.to_string());
        let is_probed = standing.avoided.is_some_and(|avoided| avoided.is_probed);
        match failure.blame() {
            Blame::Certain => standing.avoid(now),
            Blame::Doubt if is_probed => standing.avoid(now),
            Blame::Doubt | Blame::None => false,
        }
    }

    /// Notes that another server answered what this one did not: so it was not the name's fault.
    ///
    /// Tells whether the server is avoided from now on.
    pub fn outdone(&mut self, server: usize, now: Instant) -> bool {
        let Some(standing) = self.servers.get_mut(server) else {
            return false;
        };
        standing.doubts = standing.doubts.saturating_add(1);
        standing.doubts >= DOUBTS && standing.avoid(now)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn refused() -> Failure {
        Failure::Unreachable("connection refused".into())
    }

    /// A ranking, and a clock that starts somewhere.
    fn ranking(strategy: Strategy, servers: usize) -> (Ranking, Instant) {
        (Ranking::new(strategy, servers), Instant::now())
    }

    /// Three answers of each server, so that their speed is known.
    fn measured(ranking: &mut Ranking, latencies: &[u64], now: Instant) {
        for (server, &latency) in latencies.iter().enumerate() {
            for _ in 0..ENOUGH {
                ranking.answered(server, ms(latency), now);
            }
        }
    }

    fn first(ranking: &mut Ranking, now: Instant) -> usize {
        ranking.turns(now).order[0]
    }

    #[test]
    fn the_order_of_the_config_holds_while_all_work() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 3);
        measured(&mut ranking, &[90, 10, 20], now);
        let turns = ranking.turns(now + ms(60_000));
        assert_eq!((turns.order, turns.probe), (vec![0, 1, 2], None));
    }

    #[test]
    fn a_server_that_is_gone_comes_last_and_is_probed_ever_less_often() {
        let (mut ranking, mut now) = ranking(Strategy::Ordered, 2);
        assert!(ranking.failed(0, &refused(), now));
        for pause in [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            let early = ranking.turns(now + ms(pause - 1));
            assert_eq!((early.order, early.probe), (vec![1, 0], None), "{pause}");
            now += ms(pause);
            assert_eq!(ranking.turns(now).probe, Some(0), "{pause}");
            assert_eq!(ranking.turns(now).probe, None, "one copy at a time");
            assert!(!ranking.failed(0, &refused(), now), "it was avoided before");
        }
    }

    #[test]
    fn a_probe_that_is_answered_brings_the_server_back() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        ranking.failed(0, &refused(), now);
        let later = now + ms(1000);
        assert_eq!(ranking.turns(later).probe, Some(0));
        assert!(ranking.answered(0, ms(10), later));
        assert_eq!(first(&mut ranking, later), 0);
    }

    #[test]
    fn a_server_that_fails_soon_again_pauses_longer_and_a_reformed_one_does_not() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        ranking.failed(0, &refused(), now);
        ranking.answered(0, ms(10), now + ms(1000));
        ranking.failed(0, &refused(), now + ms(2000));
        assert_eq!(ranking.turns(now + ms(3999)).probe, None);
        assert_eq!(ranking.turns(now + ms(4000)).probe, Some(0));
        ranking.answered(0, ms(10), now + ms(4000));
        let much_later = now + ms(2000) + FORGIVEN_AFTER;
        ranking.failed(0, &refused(), much_later);
        assert_eq!(ranking.turns(much_later + ms(1000)).probe, Some(0));
    }

    #[test]
    fn a_server_is_avoided_when_another_knew_better_three_times_in_a_row() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        for _ in 0..5 {
            assert!(!ranking.outdone(0, now));
            assert!(!ranking.outdone(0, now));
            ranking.answered(0, ms(10), now);
        }
        ranking.outdone(0, now);
        ranking.outdone(0, now);
        assert_eq!(first(&mut ranking, now), 0);
        assert!(ranking.outdone(0, now));
        assert_eq!(first(&mut ranking, now), 1);
    }

    #[test]
    fn a_name_that_nobody_answers_is_no_servers_fault() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        for _ in 0..20 {
            ranking.failed(0, &Failure::Timeout, now);
        }
        assert_eq!(first(&mut ranking, now), 0);
        assert_eq!(ranking.servers()[0].failed_in_a_row, 20);
    }

    #[test]
    fn a_probe_that_stays_without_answer_makes_the_pause_longer() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        ranking.failed(0, &refused(), now);
        let later = now + FIRST_PAUSE;
        assert_eq!(ranking.turns(later).probe, Some(0));
        ranking.failed(0, &Failure::Timeout, later);
        assert_eq!(ranking.turns(later + ms(1999)).probe, None);
        assert_eq!(ranking.turns(later + ms(2000)).probe, Some(0));
    }

    #[test]
    fn queries_that_fail_together_are_one_reason_to_pause() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        for _ in 0..20 {
            ranking.failed(0, &refused(), now);
        }
        assert_eq!(ranking.turns(now + FIRST_PAUSE).probe, Some(0));
    }

    #[test]
    fn trouble_of_this_machine_is_no_servers_fault() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        for _ in 0..20 {
            ranking.failed(0, &Failure::Local("too many open files".into()), now);
        }
        assert_eq!(first(&mut ranking, now), 0);
        assert_eq!(ranking.servers()[0].failed, 20);
    }

    #[test]
    fn when_all_are_avoided_all_are_asked() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 2);
        ranking.failed(0, &refused(), now);
        ranking.failed(1, &refused(), now + ms(1));
        assert_eq!(ranking.turns(now + ms(2)).order, [0, 1]);
    }

    #[test]
    fn the_fastest_is_asked_first() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 3);
        measured(&mut ranking, &[90, 30, 10], now);
        assert_eq!(ranking.turns(now).order, [2, 1, 0]);
    }

    #[test]
    fn the_favourite_does_not_change_for_a_trifle_nor_at_once() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 2);
        measured(&mut ranking, &[20, 16], now);
        assert_eq!(first(&mut ranking, now), 0, "less than a quarter faster");
        for _ in 0..50 {
            ranking.answered(1, ms(10), now);
        }
        assert_eq!(first(&mut ranking, now), 1, "twice as fast");
        for _ in 0..50 {
            ranking.answered(0, ms(1), now);
        }
        assert_eq!(first(&mut ranking, now + STAY - ms(1)), 1);
        assert_eq!(first(&mut ranking, now + STAY), 0);
    }

    #[test]
    fn a_favourite_that_fails_is_left_at_once() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 3);
        measured(&mut ranking, &[10, 30, 20], now);
        assert_eq!(first(&mut ranking, now), 0);
        ranking.failed(0, &refused(), now);
        assert_eq!(ranking.turns(now).order, [2, 1, 0]);
    }

    #[test]
    fn the_others_are_measured_now_and_then() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 2);
        for second in 0..3 {
            let then = now + ms(1000 * second);
            assert_eq!(ranking.turns(then).probe, Some(1), "{second}");
            assert_eq!(ranking.turns(then).probe, None, "{second}");
            ranking.answered(0, ms(10), then);
            ranking.answered(1, ms(10), then);
        }
        let known = now + ms(2000);
        assert_eq!(ranking.turns(known + MEASURE - ms(1)).probe, None);
        assert_eq!(ranking.turns(known + MEASURE).probe, Some(1));
    }

    #[test]
    fn one_slow_answer_changes_the_average_by_an_eighth() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 1);
        ranking.answered(0, ms(8), now);
        ranking.answered(0, ms(88), now);
        assert_eq!(ranking.servers()[0].average(), Some(ms(18)));
    }
}
