//! A token bucket for each asking address, so that one device cannot drown the others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use tokio::time::Instant;

use crate::config::RateLimit;

/// Addresses remembered at most; beyond, those that are full again are forgotten.
const REMEMBERED: usize = 4096;

/// The buckets of one DNS thread.
#[derive(Debug)]
pub(super) struct RateLimiter {
    limit: RateLimit,
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            buckets: HashMap::new(),
        }
    }

    /// Takes one token of this address; false when there is none.
    pub(super) fn allows(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.limit.queries_per_second == 0 {
            return true;
        }
        let (rate, burst) = (
            f64::from(self.limit.queries_per_second),
            f64::from(self.limit.burst.max(1)),
        );
        let key = network(address);
        if self.buckets.len() >= REMEMBERED && !self.buckets.contains_key(&key) {
            self.buckets
                .retain(|_, bucket| bucket.level(now, rate) < burst);
        }
        let bucket = self.buckets.entry(key).or_insert(Bucket {
            tokens: burst,
            at: now,
        });
        bucket.tokens = bucket.level(now, rate).min(burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

impl Bucket {
    fn level(&self, now: Instant, rate: f64) -> f64 {
        self.tokens + now.duration_since(self.at).as_secs_f64() * rate
    }
}

/// A device may take any address of its IPv6 network, so the /64 counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_address_runs_dry_and_recovers_while_others_go_on() {
        let mut limiter = RateLimiter::new(RateLimit {
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

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_is_forgotten_once_quiet() {
        let mut limiter = RateLimiter::new(RateLimit {
            queries_per_second: 10,
            burst: 3,
        });
        for address in 0..10_000_u32 {
            limiter.allows(IpAddr::V4(address.into()), Instant::now());
            time::advance(Duration::from_millis(1)).await;
        }
        assert!(limiter.buckets.len() <= REMEMBERED);
    }

    #[test]
    fn zero_is_no_limit() {
        let mut limiter = RateLimiter::new(RateLimit {
            queries_per_second: 0,
            burst: 0,
        });
        assert!((0..10_000).all(|_| limiter.allows(IpAddr::from([192, 0, 2, 1]), Instant::now())));
    }
}
