//! What answers beside the servers: the bare echo, which is the limit, and the upstream.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use tokio::time::Instant;

/// QR and RA.
const ANSWER: [u8; 2] = [0x81, 0x80];
const ADDRESS: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1];
const A: [u8; 2] = [0, 1];
/// What is due this soon is not slept for.
const SOON: Duration = Duration::from_micros(50);
/// The root's SOA, by which a server may hold that there is nothing (RFC 2308 §5).
const NOTHING: [u8; 33] = [
    0, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 2, 88, 0, 1, 81, 128,
    0, 0, 14, 16,
];

/// Receives, flips the bit that makes an answer of a query, sends; until it is killed.
pub fn echo(port: u16) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut packet = [0; 4096];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut packet) else {
            continue;
        };
        packet[2] |= 0x80;
        let _ = socket.send_to(&packet[..length], peer);
    }
}

/// Gives each name one address after a while; until it is killed.
pub fn upstream(port: u16, delay_us: u64) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let delay = Duration::from_micros(delay_us);
    std::thread::spawn(move || over_streams(port, delay));
    let mut packet = [0; 4096];
    let mut due: VecDeque<(Instant, SocketAddr, Vec<u8>)> = VecDeque::new();
    loop {
        let now = Instant::now();
        while due.front().is_some_and(|(at, ..)| *at <= now) {
            let (_, peer, answer) = due.pop_front().unwrap();
            let _ = socket.send_to(&answer, peer);
        }
        let next = due
            .front()
            .map(|(at, ..)| at.saturating_duration_since(now));
        socket.set_nonblocking(next.is_some()).unwrap();
        if let Some(left) = next.filter(|left| *left > SOON) {
            let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
            let _ = ppoll(&mut sockets, Some(TimeSpec::from_duration(left)), None);
        }
        match socket.recv_from(&mut packet) {
            Ok((length, peer)) => {
                let answer = answer(&packet[..length]);
                due.push_back((Instant::now() + delay, peer, answer));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(_) => {}
        }
    }
}

/// The same over TCP, which some servers use for what they were asked over TCP.
fn over_streams(port: u16, delay: Duration) {
    // Somebody else may have this port for TCP.
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else {
        return;
    };
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer_stream(stream, delay));
    }
}

/// Answers one query after the other; the error is the end of the connection.
fn answer_stream(mut stream: TcpStream, delay: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query)?;
        std::thread::sleep(delay);
        let answer = answer(&query);
        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, answer.as_slice()].concat())?;
    }
}

/// The question with one address, or with nothing for other types.
fn answer(query: &[u8]) -> Vec<u8> {
    let labels = query[12..].iter().position(|&byte| byte == 0).unwrap_or(0);
    let end = (12 + labels + 5).min(query.len());
    let has_address = query[..end].ends_with(&[A, A].concat());
    let mut answer = query[..end].to_vec();
    answer[2..4].copy_from_slice(&ANSWER);
    let (records, nothing) = (u8::from(has_address), u8::from(!has_address));
    answer[4..12].copy_from_slice(&[0, 1, 0, records, 0, nothing, 0, 0]);
    answer.extend_from_slice(if has_address { &ADDRESS } else { &NOTHING });
    answer
}
