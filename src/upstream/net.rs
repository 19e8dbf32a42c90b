//! The sockets that hickory asks through.
//!
//! TCP is tokio's as it is. A UDP socket is ours: it is connected, so that a closed port is noticed
//! at once (ICMP), and it hands on only what answers the very question that it sent (RFC 5452 §9.1).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hickory_net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use crate::query::Name;

/// Replies to other questions that one socket takes before somebody seems to be guessing.
const FORGED_LIMIT: u32 = 64;
const HEADER: usize = 12;
const FORMERR: u8 = 1;

/// Where hickory gets its sockets, its timers and its tasks; the tasks end with the last clone.
#[derive(Clone, Default)]
pub(super) struct Net(TokioRuntimeProvider);

impl RuntimeProvider for Net {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = CheckedSocket;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        from: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.0.connect_tcp(server, from, timeout)
    }

    fn bind_udp(
        &self,
        from: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        Box::pin(async move {
            let socket = UdpSocket::bind(from).await?;
            socket.connect(server).await?;
            Ok(CheckedSocket {
                socket,
                server,
                sent: OnceLock::new(),
                forged: AtomicU32::new(0),
            })
        })
    }
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

/// A UDP socket for one question and its answer.
pub(super) struct CheckedSocket {
    socket: UdpSocket,
    server: SocketAddr,
    sent: OnceLock<Sent>,
    forged: AtomicU32,
}

impl CheckedSocket {
    /// Whether a datagram is the answer; an error ends the waiting for it.
    fn is_answer(&self, source: SocketAddr, datagram: &[u8]) -> io::Result<bool> {
        // What came in between bind and connect may have another source.
        let judged = match self.sent.get() {
            Some(sent) if is_same(source, self.server) => sent.judge(datagram),
            _ => Judged::Forged,
        };
        match judged {
            Judged::Genuine => Ok(true),
            Judged::Odd(oddity) => Err(io::Error::other(oddity)),
            Judged::Forged => {
                let forged = self.forged.fetch_add(1, Ordering::Relaxed) + 1;
                if forged >= FORGED_LIMIT {
                    return Err(io::Error::other(Oddity::Flood));
                }
                Ok(false)
            }
        }
    }

    async fn receive(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            // A refusal (ICMP) makes the socket neither readable nor closed in tokio's eyes, so it
            // has to be waited for by name.
            let waiting = self
                .socket
                .async_io(Interest::READABLE | Interest::ERROR, || {
                    match self.socket.take_error()? {
                        Some(error) => Err(error),
                        None => self.socket.try_recv_from(buf),
                    }
                });
            let (len, source) = waiting.await?;
            if self.is_answer(source, buf.get(..len).unwrap_or_default())? {
                return Ok((len, source));
            }
        }
    }
}

type Receiving<'a> = Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'a>>;

impl DnsUdpSocket for CheckedSocket {
    type Time = TokioTime;

    fn recv_from<'socket, 'buf, 'both>(&'socket self, buf: &'buf mut [u8]) -> Receiving<'both>
    where
        'socket: 'both,
        'buf: 'both,
        Self: 'both,
    {
        Box::pin(self.receive(buf))
    }

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            let mut datagram = ReadBuf::new(buf);
            let source = ready!(self.socket.poll_recv_from(cx, &mut datagram))?;
            if self.is_answer(source, datagram.filled())? {
                return Poll::Ready(Ok((datagram.filled().len(), source)));
            }
        }
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        _server: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        if self.sent.get().is_none() {
            let sent = Sent::read(buf).ok_or(io::ErrorKind::InvalidInput)?;
            // Only one task sends on this socket, so nothing else can have been set meanwhile.
            let _ = self.sent.set(sent);
        }
        self.socket.poll_send(cx, buf)
    }
}

/// Compares without the flow label and scope that the kernel may add (RFC 4007).
fn is_same(source: SocketAddr, server: SocketAddr) -> bool {
    source.ip().to_canonical() == server.ip().to_canonical() && source.port() == server.port()
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
