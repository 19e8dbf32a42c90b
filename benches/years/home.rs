//! A home, made up: 25 devices with habits, 60,000 names of which packs and lists cover some, and
//! days with a rhythm. The same in each run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use squelch::packs::{Action, Packs, Scope};
use squelch::query::{
    DeviceId, EntryLabel, Event, Match, Name, Rcode, RecordType, Source, Transport, UpstreamId,
    Verdict,
};

use super::dice::Dice;

/// Different names that the home ever asks for.
pub const NAMES: usize = 60_000;
/// Its devices, numbered from 1.
pub const DEVICES: u32 = 25;
pub const DAY_MS: i64 = 86_400_000;

/// One name in so many is covered by an entry of a pack or a list.
const COVERED_ONE_IN: usize = 12;
/// Names of telemetry that a device asks for by itself, again and again.
const REPORTS: usize = 30;
/// How busy the hours are where people sleep at night.
const WAKING: [u64; 24] = [
    4, 2, 1, 1, 1, 2, 6, 10, 9, 8, 8, 9, 11, 10, 8, 9, 11, 13, 15, 17, 18, 17, 14, 8,
];

/// How a kind of device behaves.
struct Kind {
    /// Devices of this kind.
    count: usize,
    /// Its share of all queries, in thousandths.
    share: u64,
    /// Names that it knows.
    favourites: usize,
    /// Of a thousand names, those that it did not look for before.
    discovers: u64,
    /// Of a thousand names, those that report home.
    reports: u64,
    sleeps: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        count: 4,
        share: 95,
        favourites: 5000,
        discovers: 130,
        reports: 60,
        sleeps: true,
    },
    Kind {
        count: 6,
        share: 62,
        favourites: 3000,
        discovers: 90,
        reports: 150,
        sleeps: true,
    },
    Kind {
        count: 3,
        share: 42,
        favourites: 400,
        discovers: 20,
        reports: 330,
        sleeps: true,
    },
    Kind {
        count: 12,
        share: 10,
        favourites: 30,
        discovers: 1,
        reports: 250,
        sleeps: false,
    },
];

/// The home.
pub struct Home {
    names: Vec<Asked>,
    labels: Vec<EntryLabel>,
    devices: Vec<Habits>,
    queries_a_day: u64,
    dice: Dice,
}

struct Asked {
    name: Name,
    verdict: Verdict,
}

struct Habits {
    kind: &'static Kind,
    favourites: Vec<u32>,
    reports: Vec<u32>,
    speaks_v6: bool,
}

/// A query before it is put into words.
#[derive(Clone, Copy)]
struct Spec {
    at_ms: i64,
    device: u32,
    name: u32,
    kind: RecordType,
}

impl Home {
    /// A home that asks so much each day.
    pub fn new(queries_a_day: u64) -> Self {
        let mut dice = Dice(7);
        let (covered, labels) = covered(&mut dice);
        let names: Vec<Asked> = names(&mut dice, covered);
        let covered: Vec<u32> = (0..NAMES)
            .filter(|at| names[*at].verdict.matched().is_some())
            .map(|at| u32::try_from(at).unwrap())
            .collect();
        let kinds = KINDS
            .iter()
            .flat_map(|kind| (0..kind.count).map(move |_| kind));
        let habits = |(number, kind): (usize, &'static Kind)| Habits {
            kind,
            favourites: (0..kind.favourites)
                .map(|_| often_small(&mut dice, NAMES))
                .collect(),
            reports: (0..REPORTS)
                .map(|_| covered[dice.below(covered.len())])
                .collect(),
            speaks_v6: number % 3 == 0,
        };
        let devices = kinds.enumerate().map(habits).collect();
        Self {
            names,
            labels,
            devices,
            queries_a_day,
            dice,
        }
    }

    /// The entry of a match.
    pub fn labels(&self) -> Vec<EntryLabel> {
        self.labels.clone()
    }

    /// A name by how popular it is.
    pub fn name(&self, rank: usize) -> String {
        self.names[rank].name.to_string()
    }

    /// Whether an entry covers a name.
    pub fn is_covered(&self, rank: usize) -> bool {
        self.names[rank].verdict.matched().is_some()
    }

    /// What is asked on a day that begins then, in order.
    pub fn day(&mut self, start_ms: i64) -> Vec<Event> {
        let mut specs = Vec::new();
        for device in 0..self.devices.len() {
            let share = self.devices[device].kind.share * (80 + self.dice.roll() % 41);
            let count = usize::try_from(self.queries_a_day * share / 100_000).unwrap();
            let end = specs.len() + count;
            while specs.len() < end {
                let at_ms = start_ms + self.moment(device);
                self.burst(device, at_ms, &mut specs);
            }
        }
        specs.retain(|spec| spec.at_ms < start_ms + DAY_MS);
        specs.sort_unstable_by_key(|spec| spec.at_ms);
        specs.iter().map(|spec| self.event(*spec)).collect()
    }

    /// A time of the day when a device is up.
    fn moment(&mut self, device: usize) -> i64 {
        let within = i64::try_from(self.dice.roll() % 3_600_000).unwrap();
        let hour = if self.devices[device].kind.sleeps {
            let mut place = self.dice.roll() % WAKING.iter().sum::<u64>();
            let is_there = |weight: &u64| {
                let here = place < *weight;
                place = place.saturating_sub(*weight);
                here
            };
            WAKING.iter().position(is_there).unwrap()
        } else {
            self.dice.below(24)
        };
        i64::try_from(hour).unwrap() * 3_600_000 + within
    }

    /// A page or an app: some names, each for several types at once.
    fn burst(&mut self, device: usize, mut at_ms: i64, specs: &mut Vec<Spec>) {
        for _ in 0..=self.dice.below(5) {
            let name = self.pick(device);
            let number = u32::try_from(device).unwrap() + 1;
            for (kind, chance) in [
                (RecordType::A, 100),
                (RecordType::AAAA, 75),
                (RecordType::HTTPS, 35),
            ] {
                if self.dice.below(100) < chance {
                    specs.push(Spec {
                        at_ms,
                        device: number,
                        name,
                        kind,
                    });
                    at_ms += i64::try_from(self.dice.below(3)).unwrap();
                }
            }
            at_ms += i64::try_from(self.dice.below(90)).unwrap();
        }
    }

    fn pick(&mut self, device: usize) -> u32 {
        let (habits, dice) = (&self.devices[device], &mut self.dice);
        let turn = dice.roll() % 1000;
        if turn < habits.kind.discovers {
            often_small(dice, NAMES)
        } else if turn < habits.kind.discovers + habits.kind.reports {
            habits.reports[often_small(dice, REPORTS) as usize]
        } else {
            habits.favourites[often_small(dice, habits.favourites.len()) as usize]
        }
    }

    fn event(&mut self, spec: Spec) -> Event {
        let asked = &self.names[spec.name as usize];
        let habits = &self.devices[spec.device as usize - 1];
        let (source, took_us) = answered(asked.verdict, &mut self.dice);
        let rcode = match (source, spec.name % 29) {
            (Source::Failure, _) => Rcode::SERVFAIL,
            (Source::Policy, _) | (_, 0..28) => Rcode::NOERROR,
            _ => Rcode::NXDOMAIN,
        };
        let by_v6 = habits.speaks_v6 && self.dice.below(2) == 0;
        Event {
            at_ms: spec.at_ms,
            device: DeviceId(spec.device),
            address: address(spec.device, by_v6.then_some(spec.at_ms / DAY_MS)),
            name: asked.name,
            kind: spec.kind,
            verdict: asked.verdict,
            source,
            rcode,
            transport: if self.dice.below(150) == 0 {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            took_us,
        }
    }
}

/// The address of a device; those of IPv6 change each day, as private ones do.
pub fn address(device: u32, v6_day: Option<i64>) -> IpAddr {
    let number = u16::try_from(device).unwrap();
    match v6_day {
        Some(day) => {
            let day = u16::try_from(day & 0x7fff).unwrap();
            IpAddr::V6(Ipv6Addr::new(
                0x2001,
                0xdb8,
                0,
                0,
                day,
                day ^ number,
                77,
                number,
            ))
        }
        None => IpAddr::V4(Ipv4Addr::new(192, 0, 2, u8::try_from(number).unwrap())),
    }
}

/// Who made the answer, and how long that took.
fn answered(verdict: Verdict, dice: &mut Dice) -> (Source, u32) {
    let below = |dice: &mut Dice, limit| u32::try_from(dice.below(limit)).unwrap();
    if let Verdict::Block(_) = verdict {
        return (Source::Policy, 12 + below(dice, 40));
    }
    match dice.below(1000) {
        0..3 => (Source::Failure, 2_000_000 + below(dice, 90_000)),
        3..520 => (Source::Cache, 15 + below(dice, 60)),
        place => {
            let server = u8::from(place > 940);
            let far = 1 + below(dice, 4) * below(dice, 3);
            (
                Source::Upstream(UpstreamId(server)),
                7000 + below(dice, 9000) * far,
            )
        }
    }
}

/// The names that entries cover, with what is done with them, and the entries.
fn covered(dice: &mut Dice) -> (Vec<(String, Verdict)>, Vec<EntryLabel>) {
    let (packs, _) = Packs::load(None).unwrap();
    let (mut names, mut labels) = (Vec::new(), Vec::new());
    for pack in packs.packs() {
        for entry in pack
            .entries
            .iter()
            .filter(|entry| entry.facts.action != Action::Allow)
        {
            let (sign, head) = match entry.facts.scope {
                Scope::Exact => ("=", ""),
                Scope::Subtree => ("", ["", "a.", "eu.", "v2.log."][dice.below(4)]),
            };
            names.push(format!("{head}{}", entry.domain));
            labels.push(EntryLabel {
                origin: format!("pack:{}", pack.id),
                entry: format!("{sign}{}", entry.domain),
            });
        }
    }
    while names.len() < NAMES / COVERED_ONE_IN {
        let name = dice.name();
        labels.push(EntryLabel {
            origin: format!("list:list-{}", dice.below(3)),
            entry: name.clone(),
        });
        names.push(name);
    }
    let judged = |(rule, name)| {
        let matched = Match {
            generation: 1,
            rule,
        };
        let verdict = match rule % 10 {
            0..7 => Verdict::Block(matched),
            7..9 => Verdict::Watch(matched),
            _ => Verdict::Allow(Some(matched)),
        };
        (name, verdict)
    };
    let mut judged: Vec<_> = (0..).zip(names).map(judged).collect();
    for at in (1..judged.len()).rev() {
        judged.swap(at, dice.below(at + 1));
    }
    (judged, labels)
}

fn names(dice: &mut Dice, covered: Vec<(String, Verdict)>) -> Vec<Asked> {
    let mut covered = covered.into_iter();
    let mut name = |rank| {
        let judged = Some(rank)
            .filter(|rank| rank % COVERED_ONE_IN == 5)
            .and_then(|_| covered.next());
        let (text, verdict) = judged.unwrap_or_else(|| (dice.name(), Verdict::Allow(None)));
        Asked {
            name: text.parse().unwrap(),
            verdict,
        }
    };
    (0..NAMES).map(&mut name).collect()
}

/// A number below the limit, of which small ones come often: their logarithms are uniform.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the power is between 1 and the limit"
)]
pub fn often_small(dice: &mut Dice, limit: usize) -> u32 {
    let share = (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64;
    ((limit as f64).powf(share) as usize % limit) as u32
}
