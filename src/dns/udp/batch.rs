//! Datagrams, many to a system call: what has come in, and the answers to it.
//!
//! Nothing here allocates once it is made.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, sendmmsg,
};

use super::route::{Asked, Route, peer_address};
use super::socket::Socket;
use crate::query::AnswerBuf;

/// Datagrams of one system call, at most and at least; in between, twice what came last.
const MOST: usize = 32;
const LEAST: usize = 2;
/// No datagram is longer, and an OPT record may have any number of options (RFC 6891 §6.1.2).
const PACKET_MAX: usize = 65_535;

/// What has come in.
pub(super) struct Inbox {
    headers: MultiHeaders<SockaddrStorage>,
    /// One piece of memory, of which the system gives only what is used.
    packets: Vec<u8>,
    received: Vec<Received>,
    /// How many were asked for, and how many will be.
    asked: usize,
    room: usize,
}

/// One datagram: its length, and where it came from.
#[derive(Clone, Copy)]
struct Received {
    length: usize,
    route: Route,
}

impl Inbox {
    pub(super) fn new() -> Self {
        let control = nix::cmsg_space!(in_pktinfo, in6_pktinfo);
        Self {
            headers: MultiHeaders::preallocate(MOST, Some(control)),
            packets: vec![0; MOST * PACKET_MAX],
            received: Vec::with_capacity(MOST),
            asked: LEAST,
            room: LEAST,
        }
    }

    /// Takes what is there.
    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        self.received.clear();
        let mut packets = self.packets.chunks_mut(PACKET_MAX);
        let mut slices: [_; MOST] = std::array::from_fn(|_| {
            let packet = packets.next().unwrap_or_default();
            [IoSliceMut::new(packet)]
        });
        let messages = recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut().take(self.room),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        for message in messages {
            self.received.push(Received::of(&message));
        }
        self.asked = self.room;
        self.room = (2 * self.received.len()).clamp(LEAST, MOST);
        Ok(())
    }

    /// Whether there may be more than what was taken.
    pub(super) fn is_full(&self) -> bool {
        self.received.len() >= self.asked
    }

    /// The datagrams, each with the way back.
    pub(super) fn packets(&self) -> impl Iterator<Item = (&[u8], Route)> {
        let packets = self.packets.chunks(PACKET_MAX).zip(&self.received);
        packets.map(|(packet, received)| {
            let packet = packet.get(..received.length).unwrap_or_default();
            (packet, received.route)
        })
    }
}

impl Received {
    fn of(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Self {
        let from = message
            .cmsgs()
            .into_iter()
            .flatten()
            .find_map(|control| asked(&control));
        let peer = message.address.as_ref().and_then(peer_address);
        Self {
            length: message.bytes,
            route: Route { peer, from },
        }
    }
}

fn asked(control: &ControlMessageOwned) -> Option<Asked> {
    match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            let ours = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
            // Of a packet that came before the socket was told to say so, only the packet's own
            // header tells (RFC 2181 §4).
            let header = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
            Some(Asked::V4(if ours.is_unspecified() { header } else { ours }))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Asked::V6(
            Ipv6Addr::from(info.ipi6_addr.s6_addr),
            info.ipi6_ifindex,
        )),
        _ => None,
    }
}

/// The answers to what came in together.
pub(super) struct Outbox {
    /// For answers that leave from the address that was asked, and for those that the system gives
    /// the only one.
    asked: [MultiHeaders<SockaddrStorage>; 2],
    system: MultiHeaders<SockaddrStorage>,
    answers: Vec<AnswerBuf>,
    peers: Vec<Option<SockaddrStorage>>,
    from: Vec<Option<Asked>>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let headers = |control| MultiHeaders::preallocate(MOST, control);
        Self {
            asked: [
                headers(Some(nix::cmsg_space!(in_pktinfo))),
                headers(Some(nix::cmsg_space!(in6_pktinfo))),
            ],
            system: headers(None),
            answers: (0..MOST).map(|_| AnswerBuf::new()).collect(),
            peers: Vec::with_capacity(MOST),
            from: Vec::with_capacity(MOST),
        }
    }

    /// The buffer for the next answer, which [`Self::keep`] adds; there is one for each datagram
    /// of an [`Inbox`].
    pub(super) fn next(&mut self) -> Option<&mut AnswerBuf> {
        self.answers.get_mut(self.peers.len())
    }

    /// Adds the answer that was just written.
    pub(super) fn keep(&mut self, route: Route) {
        self.peers.push(route.peer.map(SockaddrStorage::from));
        self.from.push(route.from);
    }

    /// Sends all answers. One that cannot be sent is lost, as any datagram may be.
    pub(super) async fn send(&mut self, socket: &Socket) {
        let mut first = 0;
        while first < self.peers.len() {
            first += match self.send_from(socket, first) {
                Ok(count) => count.max(1),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if socket.writable().await.is_err() {
                        break;
                    }
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%error, "an answer could not be sent");
                    1
                }
            };
        }
        self.peers.clear();
        self.from.clear();
    }

    /// Sends from number `first` on those that leave from the same address; how many went.
    fn send_from(&mut self, socket: &Socket, first: usize) -> io::Result<usize> {
        let from = self.from.get(first).copied().flatten();
        let rest = self.from.iter().skip(first);
        let count = rest.take_while(|other| **other == from).count();
        let peers = self.peers.get(first..first + count).unwrap_or_default();
        let answers = self.answers.get(first..first + count).unwrap_or_default();
        let mut answers = answers.iter();
        let slices: [_; MOST] = std::array::from_fn(|_| {
            let answer = answers.next().map(AnswerBuf::as_slice);
            [IoSlice::new(answer.unwrap_or_default())]
        });
        let [v4, v6] = &mut self.asked;
        let headers = match from {
            None => &mut self.system,
            Some(Asked::V4(_)) => v4,
            Some(Asked::V6(..)) => v6,
        };
        let info = from.map(Asked::packet_info);
        let control = info.as_ref().map(|info| info.message());
        let sent = sendmmsg(
            socket.as_raw_fd(),
            headers,
            slices.iter().take(count),
            peers,
            control.as_slice(),
            MsgFlags::MSG_DONTWAIT,
        )?;
        Ok(sent.count())
    }
}
