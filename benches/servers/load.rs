//! The load: queries from twenty devices over UDP or TCP, as fast as answers come or at a fixed
//! rate, and what came back when.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use tokio::time::Instant;

use super::names::Wire;

/// Devices that ask, each from an address of its own.
pub const DEVICES: u8 = 20;
/// Queries of a device that may be out at once; an id's low byte says which.
const SLOTS: usize = 256;
/// What is not answered by then is lost.
pub const PATIENCE: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 8;

/// How hard it is.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many queries are out at any time.
    Outstanding(usize),
    /// So many are sent each second, whatever comes back.
    Rate(u32),
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Answers in a second.
    pub rate: f64,
    /// Answers.
    pub answers: u64,
    /// Queries without an answer.
    pub lost: u64,
    /// Answers with another code than success, or than "no such name".
    pub failed: u64,
    /// Microseconds, in ascending order.
    times: Vec<u32>,
    /// The longest time without any answer, in milliseconds.
    pub silence_ms: f64,
}

impl Heard {
    /// Adds what came back of another run.
    pub fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.lost += other.lost;
        self.failed += other.failed;
        self.times.extend(other.times);
        self.times.sort_unstable();
        self.silence_ms = self.silence_ms.max(other.silence_ms);
    }

    /// The time within which this share of the answers came, in microseconds.
    pub fn within(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length"
        )]
        let at = (self.times.len() as f64 * share) as usize;
        self.times
            .get(at.min(self.times.len().saturating_sub(1)))
            .map_or(0.0, |time| f64::from(*time))
    }
}

struct Device {
    socket: UdpSocket,
    /// When each slot's query was sent; `None` = free.
    sent: Vec<Option<Instant>>,
    turns: Vec<u8>,
    free: Vec<u8>,
}

/// Asks over UDP for so long.
pub fn udp(server: SocketAddr, queries: &[Wire], pace: Pace, time: Duration) -> Heard {
    let mut run = Run::new(server, queries);
    let started = Instant::now();
    let mut last_look = started;
    if let Pace::Outstanding(count) = pace {
        for number in 0..count {
            run.send(number % run.devices.len());
        }
    }
    let mut sent: u64 = 0;
    let mut ready = Vec::new();
    loop {
        let now = Instant::now();
        let is_over = now - started >= time;
        if is_over && (run.is_quiet() || now - started >= time + PATIENCE) {
            break;
        }
        match pace {
            Pace::Outstanding(_) => run.take_and_replace(is_over),
            Pace::Rate(rate) => {
                for &at in &ready {
                    run.receive(at);
                }
                let due = |number: u64| started + Duration::from_secs(number) / rate;
                while !is_over && due(sent) <= now {
                    run.send(usize::try_from(sent).unwrap() % run.devices.len());
                    sent += 1;
                }
                ready = run.wait(due(sent));
            }
        }
        if now - last_look > Duration::from_millis(100) {
            last_look = now;
            let given_up = run.give_up(now);
            if matches!(pace, Pace::Outstanding(_)) && !is_over {
                (0..given_up).for_each(|number| run.send(number % run.devices.len()));
            }
        }
    }
    run.finish(time)
}

/// Asks each query over UDP once, or a few twice, with so many out at a time and for so long at most.
pub fn once(server: SocketAddr, queries: &[Wire], window: usize, time: Duration) -> Heard {
    let mut run = Run::new(server, queries);
    let started = Instant::now();
    let mut last_look = started;
    (0..window).for_each(|number| run.send(number % run.devices.len()));
    loop {
        let now = Instant::now();
        let is_over = run.next >= queries.len() || now - started >= time;
        if is_over && run.is_quiet() {
            break;
        }
        run.take_and_replace(is_over);
        if now - last_look > Duration::from_millis(100) {
            last_look = now;
            let given_up = run.give_up(now);
            if !is_over {
                (0..given_up).for_each(|number| run.send(number % run.devices.len()));
            }
        }
    }
    run.finish(time)
}

struct Run<'a> {
    devices: Vec<Device>,
    queries: &'a [Wire],
    next: usize,
    heard: Heard,
    last_answer: Instant,
    packet: Vec<u8>,
}

impl<'a> Run<'a> {
    fn new(server: SocketAddr, queries: &'a [Wire]) -> Self {
        let device = |number| {
            let address = Ipv4Addr::new(127, 0, 1, number);
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket.connect(server).unwrap();
            socket.set_nonblocking(true).unwrap();
            Device {
                socket,
                sent: vec![None; SLOTS],
                turns: vec![0; SLOTS],
                free: (0..=u8::MAX).collect(),
            }
        };
        Self {
            devices: (1..=DEVICES).map(device).collect(),
            queries,
            next: 0,
            heard: Heard::default(),
            last_answer: Instant::now(),
            packet: vec![0; 4096],
        }
    }

    fn send(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let Some(slot) = device.free.pop() else {
            self.heard.lost += 1;
            return;
        };
        let query = &self.queries[self.next % self.queries.len()];
        self.next += 1;
        let turn = device.turns[usize::from(slot)].wrapping_add(1);
        device.turns[usize::from(slot)] = turn;
        self.packet.clear();
        self.packet.extend_from_slice(query);
        self.packet[..2].copy_from_slice(&[turn, slot]);
        device.sent[usize::from(slot)] = Some(Instant::now());
        // What does not go out is not answered, and counts as lost.
        let _ = device.socket.send(&self.packet);
    }

    /// Takes what has come for a device; how many answers.
    fn receive(&mut self, at: usize) -> usize {
        let device = &mut self.devices[at];
        let mut answers = 0;
        let mut packet = [0; 4096];
        while answers < 16
            && let Ok(length) = device.socket.recv(&mut packet)
        {
            let slot = usize::from(packet[1]);
            if length < 12 || packet[0] != device.turns[slot] {
                continue;
            }
            let Some(sent) = device.sent[slot].take() else {
                continue;
            };
            let now = Instant::now();
            device.free.push(packet[1]);
            answers += 1;
            self.heard.answers += 1;
            self.heard.failed += u64::from(!matches!(packet[3] & 15, 0 | 3));
            let took = u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX);
            self.heard.times.push(took);
            let silence = (now - self.last_answer).as_secs_f64() * 1000.0;
            self.heard.silence_ms = self.heard.silence_ms.max(silence);
            self.last_answer = now;
        }
        answers
    }

    /// Takes what has come, and sends as much, unless it is over.
    fn take_and_replace(&mut self, is_over: bool) {
        let mut is_idle = true;
        for at in 0..self.devices.len() {
            let answered = self.receive(at);
            is_idle &= answered == 0;
            if !is_over {
                (0..answered).for_each(|_| self.send(at));
            }
        }
        if is_idle {
            // The upstream is on the same core.
            std::thread::yield_now();
        }
    }

    /// Waits until something has come, or until then, and gives the devices that have got something.
    /// It takes nothing of the processor meanwhile, as if it were another machine.
    fn wait(&self, until: Instant) -> Vec<usize> {
        let of = |device| PollFd::new(device, PollFlags::POLLIN);
        let sockets = self.devices.iter().map(|device| device.socket.as_fd());
        let mut sockets: Vec<PollFd<'_>> = sockets.map(of).collect();
        let left = until.saturating_duration_since(Instant::now());
        let _ = ppoll(&mut sockets, Some(TimeSpec::from_duration(left)), None);
        let ready = sockets.iter().enumerate();
        let ready = ready.filter(|(_, socket)| socket.any() == Some(true));
        ready.map(|(at, _)| at).collect()
    }

    /// Takes queries as lost that have waited for too long; how many.
    fn give_up(&mut self, now: Instant) -> usize {
        let mut count = 0;
        for device in &mut self.devices {
            for (slot, sent) in (0..=u8::MAX).zip(&mut device.sent) {
                if sent.is_some_and(|sent| now - sent > PATIENCE) {
                    *sent = None;
                    device.free.push(slot);
                    count += 1;
                }
            }
        }
        self.heard.lost += count as u64;
        count
    }

    fn is_quiet(&self) -> bool {
        self.devices.iter().all(|device| device.free.len() == SLOTS)
    }

    fn finish(mut self, time: Duration) -> Heard {
        let out = self.devices.iter().map(|device| SLOTS - device.free.len());
        self.heard.lost += out.sum::<usize>() as u64;
        self.heard.times.sort_unstable();
        self.heard.rate = self.heard.answers as f64 / time.as_secs_f64();
        self.heard
    }
}

/// Asks over a few TCP connections for so long, with so many queries out on each; `None` where the
/// server takes none, or ends one of them.
pub fn tcp(server: SocketAddr, queries: &[Wire], window: usize, time: Duration) -> Option<Heard> {
    let connect = |_| {
        let stream = TcpStream::connect(server).ok()?;
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        Some(Connection {
            stream,
            read: Vec::new(),
            unwritten: Vec::new(),
            out: 0,
        })
    };
    let connections: Option<Vec<Connection>> = (0..CONNECTIONS).map(connect).collect();
    let mut connections = connections?;
    let mut heard = Heard::default();
    let mut next = 0;
    let started = Instant::now();
    while started.elapsed() < time {
        for connection in &mut connections {
            while connection.out < window {
                connection.write(&queries[next % queries.len()]);
                next += 1;
            }
            connection.flush().ok()?;
            heard.answers += connection.read().ok()?;
        }
    }
    heard.rate = heard.answers as f64 / time.as_secs_f64();
    Some(heard)
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    unwritten: Vec<u8>,
    out: usize,
}

impl Connection {
    fn write(&mut self, query: &Wire) {
        let length = u16::try_from(query.len()).unwrap();
        self.unwritten.extend_from_slice(&length.to_be_bytes());
        self.unwritten.extend_from_slice(query);
        self.out += 1;
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.stream.write(&self.unwritten) {
            Ok(count) => drop(self.unwritten.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes the answers that are whole; how many.
    fn read(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 16_384];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.read.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        }
        let mut at = 0;
        let mut answers = 0;
        while let Some(length) = self.read.get(at..at + 2) {
            let end = at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            if end > self.read.len() {
                break;
            }
            at = end;
            answers += 1;
        }
        self.read.drain(..at);
        self.out -= usize::try_from(answers).unwrap();
        Ok(answers)
    }
}
