//! How much each address may ask, so that one device cannot drown the others.
//!
//! All DNS threads keep one account of an address: the kernel spreads what a device sends over
//! them. It takes no lock, and as much memory whoever asks: addresses share [`SETS`] sets of places
//! by their hashes, and one that comes new takes the place that has been quiet for the longest.

use std::array::from_fn;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::config::RateLimit;
use crate::query::network_of;

/// A power of two.
const SETS: usize = 1024;
const PLACES: usize = 4;

/// The accounts of all addresses. Times are nanoseconds since it began.
#[derive(Debug)]
pub struct RateLimiter {
    /// From one query to the next, in the long run.
    interval: u64,
    /// How far ahead of now an account may be paid for.
    ahead: u64,
    began: Instant,
    hasher: RandomState,
    /// None without a limit.
    sets: Box<[[Account; PLACES]]>,
}

/// One address's queries, by the generic cell rate algorithm: a bucket of tokens in one number.
/// Where two threads are at one account just as it changes hands, a query or two are not counted.
#[derive(Debug, Default)]
struct Account {
    /// The hash of its network.
    owner: AtomicU64,
    /// Until when it has used up what it is given; in the past where the bucket is full.
    used_until: AtomicU64,
}

impl RateLimiter {
    /// Accounts that are all full; of a limit of 0 a second, no accounts.
    pub fn new(limit: RateLimit) -> Self {
        let rate = u64::from(limit.queries_per_second);
        let interval = 1_000_000_000_u64.checked_div(rate);
        let sets = interval.map_or(0, |_| SETS);
        let interval = interval.unwrap_or(0);
        Self {
            interval,
            ahead: interval.saturating_mul(limit.burst.max(1).into()),
            began: Instant::now(),
            hasher: RandomState::new(),
            sets: (0..sets).map(|_| from_fn(|_| Account::default())).collect(),
        }
    }

    /// Takes one token of this address; false when there is none.
    pub(super) fn allows(&self, address: IpAddr, now: Instant) -> bool {
        if self.sets.is_empty() {
            return true;
        }
        let hash = self.hasher.hash_one(network_of(address));
        let number = usize::try_from(hash).unwrap_or(usize::MAX) % SETS;
        let Some(set) = self.sets.get(number) else {
            return true;
        };
        let now = now.saturating_duration_since(self.began).as_nanos();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let mut places = set.iter();
        let own = places.find(|account| account.owner.load(Ordering::Relaxed) == hash);
        let account = own.or_else(|| {
            let until = |account: &&Account| account.used_until.load(Ordering::Relaxed);
            let account = set.iter().min_by_key(until)?;
            account.owner.store(hash, Ordering::Relaxed);
            account.used_until.store(now, Ordering::Relaxed);
            Some(account)
        });
        account.is_none_or(|account| account.take(now, (self.interval, self.ahead)))
    }
}

impl Account {
    fn take(&self, now: u64, (interval, ahead): (u64, u64)) -> bool {
        let used = |until: u64| {
            let until = until.max(now).saturating_add(interval);
            (until <= now.saturating_add(ahead)).then_some(until)
        };
        let (set, read) = (Ordering::Relaxed, Ordering::Relaxed);
        self.used_until.fetch_update(set, read, used).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use tokio::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_address_runs_dry_and_recovers_while_others_go_on() {
        let limiter = RateLimiter::new(RateLimit {
            queries_per_second: 10,
            burst: 3,
        });
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let asked: Vec<bool> = (0..4)
            .map(|_| limiter.allows(one, Instant::now()))
            .collect();
        assert_eq!(asked, [true, true, true, false]);
        assert!(limiter.allows(other, Instant::now()));
        time::advance(Duration::from_millis(100)).await;
        assert!(limiter.allows(one, Instant::now()));
        assert!(!limiter.allows(one, Instant::now()));
    }

    #[test]
    fn threads_share_what_an_address_may_ask() {
        let limiter = RateLimiter::new(RateLimit {
            queries_per_second: 1,
            burst: 100,
        });
        let (address, now) = (IpAddr::from([192, 0, 2, 1]), Instant::now());
        let ask = || (0..100).filter(|_| limiter.allows(address, now)).count();
        let asked: usize = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(ask));
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!(asked, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_beside_a_flood_of_addresses_is_served() {
        let limiter = RateLimiter::new(RateLimit {
            queries_per_second: 10,
            burst: 3,
        });
        let device = IpAddr::from([192, 0, 2, 1]);
        for address in 0..20_000_u32 {
            limiter.allows(IpAddr::V4(address.into()), Instant::now());
            if address % 1000 == 0 {
                assert!(limiter.allows(device, Instant::now()));
                time::advance(Duration::from_millis(100)).await;
            }
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let limiter = RateLimiter::new(RateLimit {
            queries_per_second: 0,
            burst: 0,
        });
        assert!((0..10_000).all(|_| limiter.allows(IpAddr::from([192, 0, 2, 1]), Instant::now())));
    }
}
