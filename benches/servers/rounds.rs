//! The order in which things are measured: each server in turn, several times over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::LOAD_CORE;
use super::encrypted;
use super::load::{self, Heard, Pace};
use super::names::{Material, Wire, wire};
use super::peers::{Kind, Peer, Place};
use super::process::{Process, stay_on};

/// How long each load lasts.
const TIME: Duration = Duration::from_secs(4);
/// Queries that are out at once when a server is to be busy.
const OUTSTANDING: usize = 100;
/// A rate that leaves a server time.
const RATE: u32 = 20_000;
/// Names that a changed list has in addition.
const ADDED: usize = 6_000;
/// Longer than any server takes to read the list.
const PATIENCE: Duration = Duration::from_mins(2);
/// Answers that a server is made to hold.
const HELD: usize = 100_000;
/// How long that may take; some would need a minute.
const HELD_WITHIN: Duration = Duration::from_secs(20);

/// What is measured of a server: by the name of a figure, a value a round.
pub type Figures = BTreeMap<&'static str, Vec<f64>>;

/// Asks these queries at a port for a while: how many are answered a second, and in all.
type Ask = fn(u16, &[Wire], &Path, Duration) -> Option<(f64, f64)>;

/// A server with what was measured.
pub struct Row {
    /// What the tables call it.
    pub name: &'static str,
    /// Its version, in its own words.
    pub version: String,
    /// The figures.
    pub figures: Figures,
    /// Whether it failed, and is not measured any more.
    pub has_failed: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All there is.
    All,
    /// Names that nobody has asked for.
    Misses,
}

/// Measures all of them so many times.
pub fn run(peers: &[Peer], material: &Material, (rounds, scope): (usize, Scope)) -> Vec<Row> {
    stay_on(LOAD_CORE);
    let mut rows: Vec<Row> = peers
        .iter()
        .map(|peer| Row {
            name: peer.name,
            version: peer.version.clone(),
            figures: Figures::new(),
            has_failed: false,
        })
        .collect();
    for round in 0..rounds {
        for (peer, row) in peers.iter().zip(&mut rows) {
            if row.has_failed {
                continue;
            }
            println!("round {} of {rounds}: {}", round + 1, peer.name);
            let folder = tempfile::tempdir().unwrap();
            let mut round = Round {
                peer,
                material,
                number: round as u64,
                figures: &mut row.figures,
            };
            if let Err(problem) = round.measure(folder.path(), scope) {
                assert!(peer.kind == Kind::Other, "{}: {problem}", peer.name);
                println!("  {problem}\n  {} is left out from here on", peer.name);
                row.has_failed = true;
            }
        }
    }
    rows
}

struct Round<'a> {
    peer: &'a Peer,
    material: &'a Material,
    number: u64,
    figures: &'a mut Figures,
}

impl Round<'_> {
    fn note(&mut self, figure: &'static str, value: f64) {
        self.figures.entry(figure).or_default().push(value);
    }

    /// Measures all; the error is what the server does not do, with the last of its log.
    fn measure(&mut self, folder: &Path, scope: Scope) -> Result<(), String> {
        let list = folder.join("list.txt");
        fs::copy(&self.material.list, &list).unwrap();
        encrypted::certify(folder);
        let (port, upstream_port) = (free_port(), free_port());
        let place = Place {
            folder,
            list: &list,
            port,
            tls: free_port(),
            https: free_port(),
            control: free_port(),
            upstream: upstream_port,
        };
        let arguments = self.peer.prepare(&place);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let near = upstream(&place, 100);
        let mut server = self.start("first start, ms", &arguments, &place)?;
        if self.peer.is_server() {
            // The second start finds what the first has made of the list.
            drop(server);
            server = self.start("start, ms", &arguments, &place)?;
        }
        if scope == Scope::All {
            self.loads(&mut server, &place)?;
        } else if !self.peer.is_server() {
            self.busy(&server, at);
        }
        drop(near);
        if self.peer.is_server() {
            self.misses(&server, &place);
        }
        Ok(())
    }

    fn loads(&mut self, server: &mut Process, place: &Place<'_>) -> Result<(), String> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        self.busy(server, at);
        self.steady(server, at);
        if !self.peer.is_server() {
            return Ok(());
        }
        if server.has_ended() {
            return Err(format!("has ended: {}", place.last_words()));
        }
        self.note("memory, MB", server.resident_mb());
        self.hold(server, at);
        self.over_tcp(server, at);
        self.encrypted(server, place);
        self.reload(server, place)
    }

    /// Asks for many names that nobody has asked for, and notes what it takes to hold their answers.
    fn hold(&mut self, server: &Process, at: SocketAddr) {
        let mut queries = Material::unknown(self.number * 100_000 + 1);
        queries.truncate(HELD);
        let heard = load::once(at, &queries, OUTSTANDING, HELD_WITHIN);
        let held = heard.answers - heard.failed;
        self.note("answers held", held.min(HELD as u64) as f64);
        self.note("memory with them, MB", server.resident_mb());
    }

    fn misses(&mut self, server: &Process, place: &Place<'_>) {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        for (figure, cpu, delay_us, outstanding) in [
            ("miss, 1 ms: q/s", "miss, 1 ms: CPU", 1_000, 200),
            ("miss, 20 ms: q/s", "miss, 20 ms: CPU", 20_000, 400),
        ] {
            let _upstream = upstream(place, delay_us);
            let queries = Material::unknown(self.number * 100_000 + delay_us);
            let asked = (queries.as_slice(), Pace::Outstanding(outstanding));
            self.load(server, at, asked, (figure, cpu));
        }
    }

    /// Starts the server, and waits until a listed name is blocked.
    fn start(
        &mut self,
        figure: &'static str,
        arguments: &[String],
        place: &Place<'_>,
    ) -> Result<Process, String> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        let started = Instant::now();
        let mut server = self.peer.start(arguments, place);
        let query = wire(&self.material.listed, 1);
        let is_server = self.peer.is_server();
        while !answer_to(at, &query).is_some_and(|answer| !is_server || blocks(&answer)) {
            if server.has_ended() {
                return Err(format!("does not start: {}", place.last_words()));
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("blocks nothing: {}", place.last_words()));
            }
            // It reads the list on the core that answers.
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = started.elapsed().as_secs_f64() * 1000.0;
        self.note(figure, took);
        Ok(server)
    }

    fn load(
        &mut self,
        server: &Process,
        at: SocketAddr,
        (queries, pace): (&[Wire], Pace),
        (rate, cpu): (&'static str, &'static str),
    ) -> Heard {
        let before = server.cpu_seconds();
        let heard = load::udp(at, queries, pace, TIME);
        let used = server.cpu_seconds() - before;
        if heard.lost + heard.failed > 0 {
            println!("  {rate}: {} lost, {} failed", heard.lost, heard.failed);
        }
        self.note(rate, heard.rate);
        self.note(cpu, used * 1e6 / heard.answers.max(1) as f64);
        heard
    }

    fn busy(&mut self, server: &Process, at: SocketAddr) {
        let pace = Pace::Outstanding(OUTSTANDING);
        let material = self.material;
        for (queries, figures) in [
            (&material.blocked, ("blocked: q/s", "blocked: CPU")),
            (&material.held, ("held: q/s", "held: CPU")),
            (&material.mix, ("mix: q/s", "mix: CPU")),
        ] {
            // The first time names are met, and not measured.
            load::udp(at, queries, pace, TIME / 2);
            self.load(server, at, (queries, pace), figures);
        }
    }

    fn steady(&mut self, server: &Process, at: SocketAddr) {
        let material = self.material;
        let pace = Pace::Rate(RATE);
        let heard = self.load(
            server,
            at,
            (&material.mix, pace),
            ("steady: q/s", "steady: CPU"),
        );
        self.note("steady: p50, µs", heard.within(0.5));
        self.note("steady: p99, µs", heard.within(0.99));
        self.note("steady: p99.9, µs", heard.within(0.999));
    }

    fn over_tcp(&mut self, server: &Process, at: SocketAddr) {
        let before = server.cpu_seconds();
        let heard = load::tcp(at, &self.material.held, 64, TIME);
        let Some(heard) = heard.filter(|heard| heard.answers > 0) else {
            return;
        };
        let used = server.cpu_seconds() - before;
        self.note("TCP: q/s", heard.rate);
        self.note("TCP: CPU", used * 1e6 / heard.answers as f64);
    }

    /// Measures DNS over TLS and over HTTPS, where that is served and there is a program to ask with.
    fn encrypted(&mut self, server: &Process, place: &Place<'_>) {
        let asks: [(Ask, u16, _); 2] = [
            (encrypted::dot, place.tls, ("DoT: q/s", "DoT: CPU")),
            (encrypted::doh, place.https, ("DoH: q/s", "DoH: CPU")),
        ];
        for (ask, port, (rate, cpu)) in asks {
            let before = server.cpu_seconds();
            let heard = ask(port, &self.material.held, place.folder, TIME);
            let Some((answered, answers)) = heard.filter(|(_, answers)| *answers > 0.0) else {
                continue;
            };
            let used = server.cpu_seconds() - before;
            self.note(rate, answered);
            self.note(cpu, used * 1e6 / answers);
        }
    }

    /// Replaces the list by a longer one under load, twice: as seldom as a home asks, and as often as
    /// it never does.
    fn reload(&mut self, server: &mut Process, place: &Place<'_>) -> Result<(), String> {
        if self.peer.reload.is_none() {
            return Ok(());
        }
        let mut peak = server.resident_mb();
        let started = Instant::now();
        let seldom = self.replace(server, place, ("added", 1000), &mut peak)?;
        self.note("reload: s", started.elapsed().as_secs_f64());
        let longest = match seldom.lost {
            0 => seldom.within(1.0) / 1000.0,
            _ => load::PATIENCE.as_secs_f64() * 1000.0,
        };
        self.note("reload: longest answer, ms", longest);
        self.note("reload: lost", seldom.lost as f64);
        let often = self.replace(server, place, ("more", RATE), &mut peak)?;
        let slowest = if often.lost * 1000 > often.answers + often.lost {
            load::PATIENCE.as_secs_f64() * 1e6
        } else {
            often.within(0.999)
        };
        self.note("reload: p99.9 of 20,000 q/s, µs", slowest);
        self.note("reload: peak memory, MB", peak);
        Ok(())
    }

    /// Puts a longer list in place, and asks at a rate until the last of its names are blocked.
    fn replace(
        &self,
        server: &mut Process,
        place: &Place<'_>,
        (word, rate): (&str, u32),
        peak: &mut f64,
    ) -> Result<Heard, String> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        let mut text = fs::read_to_string(place.list).unwrap();
        for number in 0..ADDED {
            writeln!(text, "{word}{number}.example").unwrap();
        }
        let new = place.list.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, place.list).unwrap();
        if let Some(reload) = self.peer.reload {
            reload(server, place);
        }
        let started = Instant::now();
        let mut heard = Heard::default();
        for number in (0..ADDED).rev() {
            // Another name each time: what is held of one may be told for as long as its TTL.
            let query = wire(&format!("{word}{number}.example"), 1);
            if answer_to(at, &query).is_some_and(|answer| blocks(&answer)) {
                break;
            }
            if server.has_ended() || started.elapsed() > PATIENCE {
                return Err(format!("does not take a new list: {}", place.last_words()));
            }
            let half = Duration::from_millis(500);
            heard.add(load::udp(at, &self.material.mix, Pace::Rate(rate), half));
            *peak = peak.max(server.resident_mb());
        }
        Ok(heard)
    }
}

/// Starts an upstream that takes so long, and waits until it answers.
fn upstream(place: &Place<'_>, delay_us: u64) -> Process {
    let (port, delay) = (place.upstream.to_string(), delay_us.to_string());
    let words = ["upstream", &port, &delay];
    let upstream = Process::of_this(LOAD_CORE, &words, place.folder);
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, place.upstream));
    let started = Instant::now();
    while answer_to(at, &wire("up.example", 1)).is_none() {
        assert!(started.elapsed() < PATIENCE, "the upstream does not start");
    }
    upstream
}

/// A port that nobody has.
fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// The answer to a query, if there is one soon.
fn answer_to(server: SocketAddr, query: &Wire) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, 1), 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    // Where nobody listens, that is said at once.
    socket.connect(server).unwrap();
    socket.send(query).ok()?;
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).ok()?;
    answer.truncate(length);
    Some(answer)
}

/// Whether an answer is none that the upstream gives.
fn blocks(answer: &[u8]) -> bool {
    let code = answer[3] & 15;
    let is_upstreams = answer.windows(4).any(|bytes| bytes == [192, 0, 2, 1]);
    !is_upstreams && matches!(code, 0 | 3)
}
