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
/// How long a server that failed is left alone: a home should not wait for its recovery.
const PAUSE: Duration = Duration::from_secs(1);
/// Until so long after a failure one doubt is enough, so that nobody waits for it again and again.
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
    pools: Vec<Pool>,
}

/// Servers that are asked for the same names.
#[derive(Debug)]
struct Pool {
    members: Vec<usize>,
    favourite: usize,
    chosen_at: Option<Instant>,
    /// Whose turn it is, where the queries are spread.
    next: usize,
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
    failed_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Avoided {
    until: Instant,
    /// Whether a copy of a query is under way to it.
    is_probed: bool,
}

/// Whom to ask for one query.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// Every server, in the order of asking.
    pub order: Vec<usize>,
    /// How many of them are asked at once.
    pub at_once: usize,
    /// A server that gets a copy of the query, to see how it is.
    pub probe: Option<usize>,
}

impl Turns {
    /// Whether the probe is one of those that are asked at once: its answer counts, and is heard
    /// although another comes before it.
    pub fn is_probe_raced(&self) -> bool {
        let mut raced = self.order.iter().take(self.at_once);
        raced.any(|&server| Some(server) == self.probe)
    }
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
        self.is_usable() && self.is_unheard(now, every)
    }

    fn is_unheard(&self, now: Instant, since: Duration) -> bool {
        self.measured_at.is_none_or(|at| now - at >= since)
    }

    /// Avoids the server for a while, and tells whether it was in use until now.
    fn avoid(&mut self, now: Instant) -> bool {
        let was_usable = self.is_usable();
        self.failed_at = Some(now);
        self.avoided = Some(Avoided {
            until: now + PAUSE,
            is_probed: false,
        });
        was_usable
    }

    fn is_forgiven(&self, now: Instant) -> bool {
        self.failed_at.is_none_or(|at| now - at >= FORGIVEN_AFTER)
    }
}

impl Ranking {
    /// For this many servers, of which nothing is known yet, in pools.
    pub fn new(strategy: Strategy, servers: usize, pools: Vec<Vec<usize>>) -> Self {
        Self {
            strategy,
            servers: vec![Standing::default(); servers],
            pools: pools.into_iter().map(Pool::of).collect(),
        }
    }

    /// Takes more servers, so that there are as many.
    pub fn know(&mut self, servers: usize) {
        let servers = servers.max(self.servers.len());
        self.servers.resize_with(servers, Standing::default);
    }

    /// Puts these servers into a pool that there is, or into a new one behind the others.
    pub fn set_pool(&mut self, at: usize, members: Vec<usize>) {
        let pool = Pool::of(members);
        match self.pools.get_mut(at) {
            Some(before) => *before = pool,
            None => self.pools.push(pool),
        }
    }

    /// What is known of each server, in the config's order.
    pub fn servers(&self) -> &[Standing] {
        &self.servers
    }

    /// Whom to ask now of a pool, and whom to send a copy to.
    pub fn turns(&mut self, pool: usize, now: Instant) -> Turns {
        let order = self.order(pool, now);
        let at_once = match self.strategy {
            Strategy::Race => 2,
            Strategy::Fastest | Strategy::Ordered | Strategy::Spread => 1,
        };
        let probe = self.probe(&order, at_once, now);
        Turns {
            order,
            at_once,
            probe,
        }
    }

    /// The servers of a pool: the strategy's choice first, those that are avoided last.
    pub fn order(&mut self, pool: usize, now: Instant) -> Vec<usize> {
        let Some(pool) = self.pools.get_mut(pool) else {
            return Vec::new();
        };
        let mut order = pool.members.clone();
        match self.strategy {
            Strategy::Ordered => {}
            Strategy::Fastest | Strategy::Race => {
                let favourite = pool.choose(&self.servers, now);
                order.sort_by_key(|&server| {
                    (server != favourite, average_of(&self.servers, server))
                });
            }
            Strategy::Spread => {
                pool.next = (pool.next + 1) % order.len().max(1);
                order.rotate_left(pool.next);
            }
        }
        order.sort_by_key(|&server| self.pause_of(server));
        order
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
        let is_enough = standing.doubts >= DOUBTS || !standing.is_forgiven(now);
        is_enough && standing.avoid(now)
    }

    /// When the server may be asked again: at once sorts first.
    fn pause_of(&self, server: usize) -> Option<Instant> {
        let avoided = self.servers.get(server).and_then(|server| server.avoided);
        avoided.map(|avoided| avoided.until)
    }

    /// A server that should be looked at again; it is not given out twice.
    fn probe(&mut self, order: &[usize], at_once: usize, now: Instant) -> Option<usize> {
        let measures = matches!(self.strategy, Strategy::Fastest | Strategy::Race);
        let (raced, others) = order.split_at_checked(at_once).unwrap_or((order, &[]));
        // Whoever is asked alone is heard out; who loses each race is never heard of.
        let raced = if at_once > 1 { raced } else { &[] };
        let servers = &self.servers;
        let is_unheard = |server: &usize| {
            let standing = servers.get(*server);
            standing.is_some_and(|server| server.is_unheard(now, MEASURE_AT_FIRST))
        };
        let is_to_see = |server: &usize| {
            let standing = servers.get(*server);
            standing
                .is_some_and(|server| server.is_due(now) || (measures && server.is_unmeasured(now)))
        };
        let raced = raced.iter().find(|server| is_unheard(server));
        let server = *raced.or_else(|| others.iter().find(|server| is_to_see(server)))?;
        let standing = self.servers.get_mut(server)?;
        standing.measured_at = Some(now);
        if let Some(avoided) = &mut standing.avoided {
            avoided.until = now + PAUSE;
            avoided.is_probed = true;
        }
        Some(server)
    }
}

impl Pool {
    fn of(members: Vec<usize>) -> Self {
        Self {
            favourite: members.first().copied().unwrap_or(0),
            members,
            chosen_at: None,
            next: 0,
        }
    }

    /// The favourite, changed only for one that is faster by a quarter, so that it does not flap.
    fn choose(&mut self, servers: &[Standing], now: Instant) -> usize {
        let is_usable = |server: usize| servers.get(server).is_some_and(Standing::is_usable);
        let usable = self
            .members
            .iter()
            .copied()
            .filter(|&member| is_usable(member));
        let Some(best) = usable.min_by_key(|&server| average_of(servers, server)) else {
            return self.favourite;
        };
        let is_settled = self.chosen_at.is_none_or(|at| now - at >= STAY);
        let is_faster = average_of(servers, best) < average_of(servers, self.favourite) / 4 * 3;
        if !is_usable(self.favourite) || (is_settled && is_faster) {
            self.favourite = best;
            self.chosen_at = Some(now);
        }
        self.favourite
    }
}

/// How fast a server is, as far as enough is known to tell.
fn average_of(servers: &[Standing], server: usize) -> Duration {
    let standing = servers.get(server);
    let average = standing.filter(|server| server.answers >= ENOUGH);
    average
        .and_then(|server| server.average)
        .unwrap_or(Duration::MAX)
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
        let ranking = Ranking::new(strategy, servers, vec![(0..servers).collect()]);
        (ranking, Instant::now())
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
        ranking.turns(0, now).order[0]
    }

    #[test]
    fn the_order_of_the_config_holds_while_all_work() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 3);
        measured(&mut ranking, &[90, 10, 20], now);
        let turns = ranking.turns(0, now + ms(60_000));
        assert_eq!((turns.order, turns.probe), (vec![0, 1, 2], None));
    }

    #[test]
    fn a_server_that_is_gone_comes_last_and_is_probed_each_second() {
        let (mut ranking, mut now) = ranking(Strategy::Ordered, 2);
        assert!(ranking.failed(0, &refused(), now));
        for _ in 0..5 {
            let early = ranking.turns(0, now + PAUSE - ms(1));
            assert_eq!((early.order, early.probe), (vec![1, 0], None));
            now += PAUSE;
            assert_eq!(ranking.turns(0, now).probe, Some(0));
            assert_eq!(ranking.turns(0, now).probe, None, "one copy at a time");
            assert!(!ranking.failed(0, &refused(), now), "it was avoided before");
        }
    }

    #[test]
    fn a_probe_that_is_answered_brings_the_server_back() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        ranking.failed(0, &refused(), now);
        let later = now + ms(1000);
        assert_eq!(ranking.turns(0, later).probe, Some(0));
        assert!(ranking.answered(0, ms(10), later));
        assert_eq!(first(&mut ranking, later), 0);
    }

    #[test]
    fn a_server_that_failed_lately_is_avoided_at_the_first_doubt() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        ranking.failed(0, &refused(), now);
        ranking.answered(0, ms(10), now + ms(1000));
        assert!(ranking.outdone(0, now + ms(2000)));
        let much_later = now + ms(2000) + FORGIVEN_AFTER;
        ranking.answered(0, ms(10), much_later);
        assert!(!ranking.outdone(0, much_later));
    }

    #[test]
    fn queries_are_spread_over_the_servers_that_work() {
        let (mut ranking, now) = ranking(Strategy::Spread, 3);
        let mut firsts: Vec<_> = (0..6).map(|_| first(&mut ranking, now)).collect();
        firsts.sort_unstable();
        assert_eq!(firsts, [0, 0, 1, 1, 2, 2]);
        ranking.failed(1, &refused(), now);
        assert!((0..6).all(|_| first(&mut ranking, now) != 1));
    }

    #[test]
    fn the_two_fastest_race() {
        let (mut ranking, now) = ranking(Strategy::Race, 3);
        measured(&mut ranking, &[90, 10, 20], now);
        let turns = ranking.turns(0, now);
        assert_eq!((turns.order, turns.at_once), (vec![1, 2, 0], 2));
    }

    #[test]
    fn who_loses_each_race_is_heard_out_each_second() {
        let (mut ranking, now) = ranking(Strategy::Race, 3);
        measured(&mut ranking, &[90, 10, 20], now);
        assert_eq!(ranking.turns(0, now + ms(999)).probe, None);
        ranking.answered(1, ms(10), now + ms(999));
        let turns = ranking.turns(0, now + ms(1000));
        assert_eq!((turns.probe, turns.is_probe_raced()), (Some(2), true));
        assert_eq!(ranking.turns(0, now + ms(1001)).probe, None);
        for second in 2..5 {
            let now = now + ms(second * 1000);
            ranking.answered(1, ms(10), now);
            assert_eq!(ranking.turns(0, now).probe, Some(2));
            ranking.failed(2, &Failure::Timeout, now);
            assert_eq!(ranking.outdone(2, now), second == 4, "{second}");
        }
    }

    #[test]
    fn a_pool_asks_its_own_servers() {
        let mut ranking = Ranking::new(Strategy::Fastest, 3, vec![vec![0, 1], vec![2, 1]]);
        let now = Instant::now();
        assert_eq!(ranking.turns(1, now).order, [2, 1]);
        ranking.failed(2, &refused(), now);
        assert_eq!(ranking.turns(1, now).order, [1, 2]);
        assert_eq!(ranking.turns(0, now).order, [0, 1]);
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
    fn a_probe_that_stays_without_answer_keeps_the_server_avoided() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        ranking.failed(0, &refused(), now);
        let later = now + PAUSE;
        assert_eq!(ranking.turns(0, later).probe, Some(0));
        ranking.failed(0, &Failure::Timeout, later);
        assert_eq!(ranking.turns(0, later + ms(999)).probe, None);
        assert_eq!(ranking.turns(0, later + PAUSE).probe, Some(0));
    }

    #[test]
    fn queries_that_fail_together_are_one_reason_to_pause() {
        let (mut ranking, now) = ranking(Strategy::Ordered, 2);
        for _ in 0..20 {
            ranking.failed(0, &refused(), now);
        }
        assert_eq!(ranking.turns(0, now + PAUSE).probe, Some(0));
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
        assert_eq!(ranking.turns(0, now + ms(2)).order, [0, 1]);
    }

    #[test]
    fn the_fastest_is_asked_first() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 3);
        measured(&mut ranking, &[90, 30, 10], now);
        assert_eq!(ranking.turns(0, now).order, [2, 1, 0]);
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
        assert_eq!(ranking.turns(0, now).order, [2, 1, 0]);
    }

    #[test]
    fn the_others_are_measured_now_and_then() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 2);
        for second in 0..3 {
            let then = now + ms(1000 * second);
            assert_eq!(ranking.turns(0, then).probe, Some(1), "{second}");
            assert_eq!(ranking.turns(0, then).probe, None, "{second}");
            ranking.answered(0, ms(10), then);
            ranking.answered(1, ms(10), then);
        }
        let known = now + ms(2000);
        assert_eq!(ranking.turns(0, known + MEASURE - ms(1)).probe, None);
        assert_eq!(ranking.turns(0, known + MEASURE).probe, Some(1));
    }

    #[test]
    fn one_slow_answer_changes_the_average_by_an_eighth() {
        let (mut ranking, now) = ranking(Strategy::Fastest, 1);
        ranking.answered(0, ms(8), now);
        ranking.answered(0, ms(88), now);
        assert_eq!(ranking.servers()[0].average(), Some(ms(18)));
    }
}
