//! A home's day, made up: for tests of size, speed and sums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::query::{
    DeviceId, Event, Match, Name, Rcode, RecordType, Source, Transport, UpstreamId, Verdict,
};

/// A small generator of numbers (xorshift64*): the same day each time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn fraction(&mut self) -> f64 {
        self.below(1 << 40) as f64 / (1_u64 << 40) as f64
    }

    /// Few are asked often, many seldom (Zipf).
    fn rank(&mut self, count: u64) -> u64 {
        ((count as f64).powf(self.fraction()) as u64).min(count) - 1
    }
}

/// How many different names the home asks.
const NAMES: u64 = 12_000;

/// The name of a rank.
pub(super) fn name(rank: u64) -> Name {
    format!("n{rank}.s{}.example", rank % 701).parse().unwrap()
}

/// `count` events of 25 devices, spread over a day that begins at `start_ms`, in order.
pub(super) fn day(start_ms: i64, count: usize, seed: u64) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    let mut events = Vec::with_capacity(count + 32);
    while events.len() < count {
        let at_ms = start_ms + (86_400_000.0 * dice.fraction()) as i64;
        burst(&mut dice, at_ms, &mut events);
    }
    events.truncate(count);
    events.retain(|event| event.at_ms < start_ms + 86_400_000);
    events.sort_by_key(|event| event.at_ms);
    events
}

/// A page or an app: some names, each asked for several types at once.
fn burst(dice: &mut Dice, mut at_ms: i64, events: &mut Vec<Event>) {
    let device = dice.rank(25) as u32 + 1;
    let v6 = device.is_multiple_of(3) && dice.below(2) == 0;
    let address = if v6 {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, device as u16))
    } else {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, device as u8))
    };
    for _ in 0..=dice.below(4) {
        // Each device has its own taste.
        let rank = (dice.rank(NAMES) + u64::from(device) * 37 * dice.below(2)) % NAMES;
        let kinds = [
            (RecordType::A, 10),
            (RecordType::AAAA, 8),
            (RecordType::HTTPS, 4),
        ];
        for (kind, chance) in kinds {
            if dice.below(10) < chance {
                events.push(event(
                    dice,
                    at_ms,
                    (DeviceId(device), address),
                    (rank, kind),
                ));
                at_ms += dice.below(3) as i64;
            }
        }
        at_ms += dice.below(60) as i64;
    }
}

fn event(
    dice: &mut Dice,
    at_ms: i64,
    (device, address): (DeviceId, IpAddr),
    (rank, kind): (u64, RecordType),
) -> Event {
    let matched = Match {
        generation: 1,
        rule: (rank % 997) as u32,
    };
    let verdict = match rank * 2_654_435_761 % 100 {
        0..12 => Verdict::Block(matched),
        12..18 => Verdict::Watch(matched),
        _ => Verdict::Allow(None),
    };
    let (source, took_us) = match (verdict, dice.below(1000)) {
        (Verdict::Block(_), _) => (Source::Policy, 15 + dice.below(40)),
        (_, 0..4) => (Source::Failure, 2_000_000 + dice.below(90_000)),
        (_, 4..450) => (Source::Cache, 20 + dice.below(60)),
        (_, 450..900) => (
            Source::Upstream(UpstreamId(0)),
            9_000 + dice.below(9000) * dice.below(4),
        ),
        _ => (
            Source::Upstream(UpstreamId(1)),
            14_000 + dice.below(9000) * dice.below(6),
        ),
    };
    let rcode = match (source, rank % 23) {
        (Source::Failure, _) => Rcode::SERVFAIL,
        (Source::Policy, _) => Rcode::NOERROR,
        (_, 22) => Rcode::NXDOMAIN,
        _ => Rcode::NOERROR,
    };
    let transport = if dice.below(200) == 0 {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    Event {
        at_ms,
        device,
        address,
        name: name(rank),
        kind,
        verdict,
        source,
        rcode,
        transport,
        took_us: took_us as u32,
    }
}
