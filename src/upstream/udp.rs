//! One question over UDP: a socket of its own, and what comes back on it.
//!
//! The socket is connected, so that a closed port is noticed at once (ICMP), and its port is chosen
//! by the kernel at random. It hands on only what answers the very question that was sent
//! (RFC 5452 §9.1), however much else comes; of the first signs of forgery it tells.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use crate::query::Name;

use super::error::Failure;

/// Replies to other questions that one socket takes before somebody seems to be guessing.
const FORGED_LIMIT: u32 = 64;
const HEADER: usize = 12;
const FORMERR: u8 = 1;

thread_local! {
    /// Room for the longest datagram: some servers send more than they were asked for.
    static DATAGRAM: RefCell<Box<[u8]>> = RefCell::new(vec![0; 65_535].into());
}

/// What came instead of an answer, and calls for asking another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    /// The question came back in another case than it was sent in.
    #[error("its reply spells the question in another way")]
    Spelling,
    /// So many replies to other questions came that somebody may be guessing.
    #[error("a flood of replies to other questions came in its name")]
    Flood,
    /// FORMERR without a question: how old servers turn EDNS down.
    #[error("it cannot read the question")]
    Unreadable,
}

/// What was heard on the socket.
#[derive(Debug)]
pub(super) enum Heard {
    /// A reply to the question.
    Reply(Vec<u8>),
    /// A sign that the answer should be had another way; each is told of once.
    Odd(Oddity),
}

/// A question that was sent.
pub(super) struct Asking {
    socket: UdpSocket,
    message: Vec<u8>,
    sent: Sent,
    started: Instant,
    repeat_at: Instant,
    pause: Duration,
    is_repeated: bool,
    forged: u32,
    is_respelled: bool,
}

impl Asking {
    /// Sends `message` to `server`, to be repeated after `pause`, and then ever less often.
    pub async fn send(
        server: SocketAddr,
        message: Vec<u8>,
        pause: Duration,
    ) -> Result<Self, Failure> {
        let sent = Sent::read(&message)
            .ok_or_else(|| Failure::Local("the question cannot be read back".into()))?;
        let socket = open(server).map_err(|error| Failure::from_io(&error))?;
        let started = Instant::now();
        let asking = Self {
            socket,
            message,
            sent,
            started,
            repeat_at: started + pause,
            pause,
            is_repeated: false,
            forged: 0,
            is_respelled: false,
        };
        asking.send_again().await?;
        Ok(asking)
    }

    /// How long ago the question was first sent, and whether it was repeated since.
    pub fn took(&self) -> (Duration, bool) {
        (self.started.elapsed(), self.is_repeated)
    }

    /// Waits for the next thing worth telling, for as long as the caller does.
    pub async fn hear(&mut self) -> Result<Heard, Failure> {
        loop {
            let Ok(received) = timeout_at(self.repeat_at, receive(&self.socket)).await else {
                // Twice the pause would leave the usual timeout room for three datagrams only.
                self.pause = self.pause * 3 / 2;
                self.repeat_at = Instant::now() + self.pause;
                self.is_repeated = true;
                self.send_again().await?;
                continue;
            };
            let datagram = received.map_err(|error| Failure::from_io(&error))?;
            if let Some(heard) = self.judge(datagram) {
                return Ok(heard);
            }
        }
    }

    /// Waits for a reply, whatever else comes.
    pub async fn hear_reply(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Heard::Reply(reply) = self.hear().await? {
                return Ok(reply);
            }
        }
    }

    async fn send_again(&self) -> Result<(), Failure> {
        let sent = self.socket.send(&self.message).await;
        sent.map(drop).map_err(|error| Failure::from_io(&error))
    }

    fn judge(&mut self, datagram: Vec<u8>) -> Option<Heard> {
        match self.sent.judge(&datagram) {
            Judged::Genuine => Some(Heard::Reply(datagram)),
            Judged::Odd(Oddity::Spelling) if self.is_respelled => None,
            Judged::Odd(oddity) => {
                self.is_respelled |= oddity == Oddity::Spelling;
                Some(Heard::Odd(oddity))
            }
            Judged::Forged => {
                self.forged = self.forged.saturating_add(1);
                (self.forged == FORGED_LIMIT).then_some(Heard::Odd(Oddity::Flood))
            }
        }
    }
}

/// Connects without binding first, so that nothing from elsewhere is ever taken in.
fn open(server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&server.into())?;
    UdpSocket::from_std(socket.into())
}

async fn receive(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    // A refusal (ICMP) makes the socket neither readable nor closed in tokio's eyes, so it has to
    // be waited for by name.
    let waiting = socket.async_io(Interest::READABLE | Interest::ERROR, || {
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        DATAGRAM.with_borrow_mut(|datagram| {
            let length = socket.try_recv(datagram)?;
            Ok(datagram.get(..length).unwrap_or_default().to_vec())
        })
    });
    waiting.await
}

/// What a reply has to repeat.
struct Sent {
    id: [u8; 2],
    question: Box<[u8]>,
}

#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Genuine,
    Odd(Oddity),
    Forged,
}

impl Sent {
    fn read(query: &[u8]) -> Option<Self> {
        let rest = query.get(HEADER..)?;
        let name = Name::from_wire(rest).ok()?;
        // The type and the class follow the name.
        let question = rest.get(..name.as_wire().len() + 4)?;
        Some(Self {
            id: *query.first_chunk()?,
            question: question.into(),
        })
    }

    fn judge(&self, reply: &[u8]) -> Judged {
        let Some(header) = reply.first_chunk::<HEADER>() else {
            return Judged::Forged;
        };
        let [id0, id1, flags0, flags1, count0, count1, ..] = *header;
        let is_reply = flags0 & 0x80 != 0;
        if [id0, id1] != self.id || !is_reply {
            return Judged::Forged;
        }
        match u16::from_be_bytes([count0, count1]) {
            0 if flags1 & 0x0f == FORMERR => return Judged::Odd(Oddity::Unreadable),
            1 => {}
            _ => return Judged::Forged,
        }
        match reply.get(HEADER..HEADER + self.question.len()) {
            Some(question) if *question == *self.question => Judged::Genuine,
            Some(question) if question.eq_ignore_ascii_case(&self.question) => {
                Judged::Odd(Oddity::Spelling)
            }
            _ => Judged::Forged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\
        \x04hOme\x07EXAMPLE\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";

    fn judge(change: impl FnOnce(&mut Vec<u8>)) -> Judged {
        let mut reply = QUERY.to_vec();
        reply[2] |= 0x80;
        change(&mut reply);
        Sent::read(QUERY).unwrap().judge(&reply)
    }

    #[test]
    fn the_same_question_under_the_same_id_is_genuine() {
        assert_eq!(judge(|_| {}), Judged::Genuine);
    }

    #[test]
    fn a_reply_to_something_else_is_passed_over() {
        assert_eq!(judge(|reply| reply[0] ^= 1), Judged::Forged, "id");
        assert_eq!(judge(|reply| reply[2] = 0), Judged::Forged, "a query");
        assert_eq!(judge(|reply| reply[14] = b'x'), Judged::Forged, "name");
        assert_eq!(judge(|reply| reply[27] = 28), Judged::Forged, "type");
        assert_eq!(judge(|reply| reply[29] = 3), Judged::Forged, "class");
        assert_eq!(judge(|reply| reply[5] = 0), Judged::Forged, "no question");
        assert_eq!(judge(|reply| reply[5] = 2), Judged::Forged, "two questions");
        assert_eq!(judge(|reply| reply.truncate(11)), Judged::Forged, "short");
        assert_eq!(judge(|reply| reply.truncate(20)), Judged::Forged, "cut");
    }

    #[test]
    fn another_case_and_formerr_without_question_call_for_another_way() {
        assert_eq!(
            judge(|reply| reply[14] = b'o'),
            Judged::Odd(Oddity::Spelling)
        );
        let formerr = |reply: &mut Vec<u8>| {
            reply[3] |= 1;
            reply[5] = 0;
            reply.truncate(12);
        };
        assert_eq!(judge(formerr), Judged::Odd(Oddity::Unreadable));
    }
}
