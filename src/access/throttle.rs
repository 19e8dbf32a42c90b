//! Patience with those who guess: a few tries a minute for each address, a few more an hour, and
//! not many for all addresses together. Who is signed in and shows the password once more has tries
//! of their own: behind a proxy strangers come from the same address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Wrong tries of one address.
const A_MINUTE: u32 = 5;
const AN_HOUR: u32 = 40;

/// Wrong tries of all addresses from which nobody is signed in: who has many addresses does not
/// have as many tries.
const OF_ALL_A_MINUTE: u32 = 20;

/// Addresses that are remembered. In an hour there are not as many tries by strangers.
const MOST: usize = 2048;

/// An address as far as it tells somebody apart: a home has a whole /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Net(IpAddr);

impl Net {
    /// That of an address.
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(network).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Who tries, as far as they are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Guesser {
    /// Somebody who comes from there.
    From(Net),
    /// Who has the session of this id.
    In(String),
}

impl From<Net> for Guesser {
    fn from(net: Net) -> Self {
        Self::From(net)
    }
}

/// What was tried.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    all: Option<Window>,
    guessers: HashMap<Guesser, Tries>,
}

/// A try that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Try {
    guesser: Guesser,
    /// Whether somebody is signed in from there, so that it is none of all together.
    is_known: bool,
    /// How many are left this minute if it is wrong.
    pub left: u32,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    minute: Window,
    hour: Window,
}

/// Tries since a moment.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    count: u32,
}

impl Window {
    fn new(now: Instant) -> Self {
        Self {
            began: now,
            count: 0,
        }
    }

    /// How long to wait where there were too many; begins anew where it is over.
    fn wait(&mut self, (length, most): (Duration, u32), now: Instant) -> Option<Duration> {
        let age = now.duration_since(self.began);
        if age >= length {
            *self = Self::new(now);
        }
        (self.count >= most).then(|| length.saturating_sub(age))
    }
}

impl Throttle {
    /// Counts a try, or says how long to wait.
    /// Where somebody is signed in from there, the tries of others do not matter.
    pub(super) fn begin(
        &mut self,
        guesser: impl Into<Guesser>,
        is_known: bool,
    ) -> Result<Try, Duration> {
        let (now, guesser) = (Instant::now(), guesser.into());
        if !self.guessers.contains_key(&guesser) {
            self.make_room(now);
        }
        let all = self.all.get_or_insert_with(|| Window::new(now));
        let entry = self.guessers.entry(guesser.clone());
        let tries = entry.or_insert_with(|| Tries {
            minute: Window::new(now),
            hour: Window::new(now),
        });
        let waits = [
            tries.minute.wait((MINUTE, A_MINUTE), now),
            tries.hour.wait((HOUR, AN_HOUR), now),
            all.wait((MINUTE, OF_ALL_A_MINUTE), now)
                .filter(|_| !is_known),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(wait);
        }
        tries.minute.count += 1;
        tries.hour.count += 1;
        if !is_known {
            all.count += 1;
        }
        Ok(Try {
            guesser,
            is_known,
            left: A_MINUTE - tries.minute.count,
        })
    }

    /// The try was right: what was wrong before was a slip.
    pub(super) fn forgive(&mut self, right: &Try) {
        self.guessers.remove(&right.guesser);
        if let (Some(all), false) = (&mut self.all, right.is_known) {
            all.count = all.count.saturating_sub(1);
        }
    }

    /// Forgets what is over; of what is not, the oldest where there is no room.
    fn make_room(&mut self, now: Instant) {
        if self.guessers.len() < MOST {
            return;
        }
        self.guessers
            .retain(|_, tries| now.duration_since(tries.hour.began) < HOUR);
        let all = self.guessers.iter();
        let oldest = all.min_by_key(|(_, tries)| tries.hour.began);
        let oldest = oldest.map(|(guesser, _)| guesser.clone());
        if let (Some(oldest), true) = (oldest, self.guessers.len() >= MOST) {
            self.guessers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn net(address: &str) -> Net {
        Net::of(address.parse().unwrap())
    }

    /// How many are left after a try.
    fn begin(throttle: &mut Throttle, net: Net, is_known: bool) -> Result<u32, Duration> {
        Ok(throttle.begin(net, is_known)?.left)
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_wrong_tries_one_waits_for_the_rest_of_the_minute() {
        let mut throttle = Throttle::default();
        let stranger = net("203.0.113.7");
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(begin(&mut throttle, stranger, false), Ok(left));
            advance(Duration::from_secs(2)).await;
        }
        assert_eq!(
            begin(&mut throttle, stranger, false),
            Err(Duration::from_secs(50))
        );
        assert_eq!(begin(&mut throttle, net("203.0.113.8"), false), Ok(4));
        advance(Duration::from_secs(50)).await;
        assert_eq!(begin(&mut throttle, stranger, false), Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_for_an_hour_waits_for_the_rest_of_it() {
        let mut throttle = Throttle::default();
        let stranger = net("203.0.113.7");
        let mut tries = 0;
        for _ in 0..60 {
            while throttle.begin(stranger, false).is_ok() {
                tries += 1;
            }
            advance(MINUTE).await;
        }
        assert_eq!(tries, AN_HOUR);
        assert_eq!(begin(&mut throttle, stranger, false), Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_try_takes_back_what_was_wrong() {
        let mut throttle = Throttle::default();
        let owner = net("192.0.2.7");
        for _ in 0..30 {
            let tries = [(); 2].map(|()| throttle.begin(owner, false).unwrap());
            assert_eq!(tries.each_ref().map(|one| one.left), [4, 3]);
            for one in &tries {
                throttle.forgive(one);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_signed_in_takes_no_try_of_strangers_back() {
        let mut throttle = Throttle::default();
        let owner = net("192.0.2.7");
        let tried = (0..1000_u32).filter(|number| {
            let right = throttle.begin(owner, true).unwrap();
            throttle.forgive(&right);
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0xcb00_7100 + number));
            throttle.begin(Net::of(address), false).is_ok()
        });
        assert_eq!(tried.count(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_have_few_tries_and_do_not_lock_out_who_is_signed_in() {
        let mut throttle = Throttle::default();
        let tried = (0..1000_u32).filter(|number| {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0xcb00_7100 + number));
            throttle.begin(Net::of(address), false).is_ok()
        });
        assert_eq!(tried.count(), 20);
        assert!(throttle.begin(net("192.0.2.7"), false).is_err());
        assert_eq!(begin(&mut throttle, net("192.0.2.7"), true), Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_signed_in_has_tries_of_their_own_behind_a_proxy() {
        let mut throttle = Throttle::default();
        let proxy = net("127.0.0.1");
        while throttle.begin(proxy, true).is_ok() {}
        let owner = || Guesser::In("one".to_owned());
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(throttle.begin(owner(), true).unwrap().left, left);
        }
        assert!(throttle.begin(owner(), true).is_err());
        assert!(
            throttle
                .begin(Guesser::In("other".to_owned()), true)
                .is_ok()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_counts_as_one_address() {
        let mut throttle = Throttle::default();
        for host in 1..=5 {
            let address = format!("2001:db8:0:1::{host}");
            assert!(throttle.begin(net(&address), false).is_ok());
        }
        assert!(throttle.begin(net("2001:db8:0:1:ffff::9"), false).is_err());
        assert!(throttle.begin(net("2001:db8:0:2::1"), false).is_ok());
        assert_eq!(net("::ffff:192.0.2.7"), net("192.0.2.7"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_addresses_are_remembered() {
        let mut throttle = Throttle::default();
        for number in 0..5000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            let _ = throttle.begin(Net::of(address.into()), true);
        }
        assert!(throttle.guessers.len() <= MOST);
        // The newest are those that are still known.
        assert_eq!(begin(&mut throttle, net("10.0.19.135"), true), Ok(3));
    }
}
