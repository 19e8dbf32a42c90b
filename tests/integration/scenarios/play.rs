//! Plays a scenario: starts what it needs, asks what it asks, and gathers what was not right.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout};

use super::ask::Ask;
use super::expect;
use super::file::{Scenario, Step, duration};
use super::served::{Peer, Served};
use super::upstream::Upstream;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub enum Outcome {
    Holds,
    /// What was not as written.
    Differs(Vec<String>),
    /// The server has nothing of the kind.
    NotOffered,
}

/// What came back for one question.
#[derive(Debug)]
pub struct Got {
    /// The question's place in the step, from 0.
    pub place: usize,
    pub bytes: Vec<u8>,
    pub took: Duration,
}

/// Scenarios at a time; they mostly wait.
const AT_A_TIME: usize = 4;
/// How long a device waits for an answer that has no time of its own.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long a device waits before it asks again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long silence has to last.
const SILENCE: Duration = Duration::from_millis(200);
/// How long we look whether a connection is open.
const GLANCE: Duration = Duration::from_millis(100);

/// Plays scenarios, each with a server of its own.
pub fn play_all(peer: Peer, scenarios: &[Scenario]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let place = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(scenario) = scenarios.get(place)
                {
                    let outcome = play(peer, scenario);
                    outcomes.lock().unwrap().insert(place, outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap().into_values().collect()
}

fn play(peer: Peer, scenario: &Scenario) -> Outcome {
    if peer.config(scenario).is_none() {
        return Outcome::NotOffered;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let problems = LocalSet::new().block_on(&runtime, run(peer, scenario));
    if problems.is_empty() {
        Outcome::Holds
    } else {
        Outcome::Differs(problems)
    }
}

async fn run(peer: Peer, scenario: &Scenario) -> Vec<String> {
    let mut upstreams =
        vec![Upstream::start(&scenario.upstream, &scenario.behave, &scenario.reply).await];
    if scenario.upstream2.is_some() || scenario.behave2.is_some() {
        let records = scenario.upstream2.clone().unwrap_or_default();
        let behave = scenario.behave2.clone().unwrap_or_default();
        upstreams.push(Upstream::start(&records, &behave, &scenario.reply).await);
    }
    let addresses: Vec<SocketAddr> = upstreams.iter().map(|upstream| upstream.address).collect();
    let mut served = match Served::start(peer, scenario, &addresses).await {
        Ok(served) => served,
        Err(problem) => return vec![problem],
    };
    let mut problems = Vec::new();
    for (number, step) in scenario.step.iter().enumerate() {
        if step.restart {
            served = match served.restart(peer, scenario, &addresses).await {
                Ok(served) => served,
                Err(problem) => return vec![problem],
            };
        }
        if let Some(wait) = &step.wait {
            served.pass(duration(wait)).await;
        }
        let found = run_step(peer, step, &served, &upstreams).await;
        let prefix = if scenario.step.len() > 1 {
            format!("step {}: ", number + 1)
        } else {
            String::new()
        };
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("{prefix}{problem}")),
        );
    }
    problems
}

async fn run_step(peer: Peer, step: &Step, served: &Served, upstreams: &[Upstream]) -> Vec<String> {
    let lines = step.ask.list();
    let asks: Vec<Ask> = lines.iter().map(|line| Ask::read(line)).collect();
    let repeated = asks.iter().flat_map(|ask| {
        let again = (1..step.times.unwrap_or(1)).map(|_| ask.again());
        std::iter::once(ask.clone()).chain(again)
    });
    let asks: Vec<Ask> = repeated.collect();
    if !asks.is_empty() {
        upstreams.iter().for_each(Upstream::forget);
    }
    let mut problems = Vec::new();
    let got = if asks.iter().any(|ask| ask.is_tcp) {
        match ask_stream(step, &asks, served).await {
            Ok(got) => got,
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        }
    } else {
        ask_datagrams(peer, step, &asks, served.dns).await
    };
    if asks.is_empty() {
        // What goes on in the background has to get there.
        sleep(GLANCE).await;
    }
    problems.extend(expect::judge_all(peer, step, &asks, &got));
    for (upstream, wanted) in upstreams.iter().zip([&step.saw, &step.saw2]) {
        let seen = upstream.seen();
        problems.extend(
            wanted
                .iter()
                .filter_map(|saw| expect::judge_seen(saw, &seen)),
        );
    }
    problems
}

fn patience(step: &Step) -> Duration {
    if step.silence { SILENCE } else { PATIENCE }
}

fn local(ask: &Ask) -> SocketAddr {
    (ask.from.unwrap_or(Ipv4Addr::LOCALHOST), 0).into()
}

fn target(ask: &Ask, dns: SocketAddr) -> SocketAddr {
    let ip = if dns.ip().is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        dns.ip()
    };
    SocketAddr::new(ask.to.map_or(ip, IpAddr::V4), dns.port())
}

/// Asks over UDP, each question from a socket of its own, all at once.
///
/// Peers are asked again, as devices do: some leave the repeating to them.
async fn ask_datagrams(peer: Peer, step: &Step, asks: &[Ask], dns: SocketAddr) -> Vec<Got> {
    let again = if peer.is_us() { PATIENCE } else { AGAIN };
    let mut tasks = JoinSet::new();
    for (place, ask) in asks.iter().enumerate() {
        let socket = UdpSocket::bind(local(ask)).await.unwrap();
        socket.connect(target(ask, dns)).await.unwrap();
        let (bytes, patience) = (ask.bytes.clone(), patience(step));
        tasks.spawn(async move {
            let started = Instant::now();
            let mut buffer = vec![0; 65_535];
            while started.elapsed() < patience {
                socket.send(&bytes).await.unwrap();
                let received = timeout(patience.min(again), socket.recv(&mut buffer)).await;
                if let Ok(Ok(len)) = received {
                    buffer.truncate(len);
                    return Some(Got {
                        place,
                        bytes: buffer,
                        took: started.elapsed(),
                    });
                }
            }
            None
        });
    }
    let mut got = Vec::new();
    while let Some(one) = tasks.join_next().await {
        got.extend(one.unwrap());
    }
    got
}

/// Asks over one connection, and looks how long it lasts.
async fn ask_stream(step: &Step, asks: &[Ask], served: &Served) -> Result<Vec<Got>, String> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(local(&asks[0])).unwrap();
    let connecting = socket.connect(target(&asks[0], served.dns)).await;
    let mut stream = connecting.map_err(|error| format!("it takes no connection: {error}"))?;
    let frames: Vec<u8> = asks.iter().flat_map(framed).collect();
    let started = Instant::now();
    let written = if step.pieces {
        write_pieces(&mut stream, &frames).await
    } else {
        stream.write_all(&frames).await
    };
    written.map_err(|error| format!("it does not take the questions: {error}"))?;
    if step.half_close {
        stream.shutdown().await.unwrap();
    }
    let mut got: Vec<Got> = Vec::new();
    let wanted = asks.iter().filter(|ask| ask.question.is_some()).count();
    while got.len() < wanted.max(usize::from(step.is_answered())) {
        let Ok(Ok(bytes)) = timeout(patience(step), read_frame(&mut stream)).await else {
            break;
        };
        let id = bytes.first_chunk().map(|id| u16::from_be_bytes(*id));
        let place = asks.iter().position(|ask| ask.id() == id).unwrap_or(0);
        got.push(Got {
            place,
            bytes,
            took: started.elapsed(),
        });
    }
    look_at_its_end(step, &mut stream, served).await?;
    Ok(got)
}

/// A message with its length; bytes of a line that begins with `#` have theirs, if any.
fn framed(ask: &Ask) -> Vec<u8> {
    if ask.question.is_none() {
        return ask.bytes.clone();
    }
    let len = u16::try_from(ask.bytes.len()).unwrap().to_be_bytes();
    [&len, ask.bytes.as_slice()].concat()
}

async fn write_pieces(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn read_frame(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let len = stream.read_u16().await?;
    let mut bytes = vec![0; len.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn look_at_its_end(
    step: &Step,
    stream: &mut TcpStream,
    served: &Served,
) -> Result<(), String> {
    let open = step.open.as_deref().map(duration);
    if step.open.is_some() || step.closed.is_some() {
        // What was written gets there before time passes.
        sleep(GLANCE).await;
    }
    if let Some(open) = open {
        served.pass(open).await;
        if timeout(GLANCE, stream.read_u8()).await.is_ok() {
            return Err(format!("the connection is closed within {open:?}"));
        }
    }
    if let Some(closed) = step.closed.as_deref().map(duration) {
        served
            .pass(closed.saturating_sub(open.unwrap_or_default()))
            .await;
        // Closed or reset: both end it.
        let is_closed = matches!(timeout(GLANCE * 5, stream.read_u8()).await, Ok(Err(_)));
        if !is_closed {
            return Err(format!("the connection is open after {closed:?}"));
        }
    }
    Ok(())
}
