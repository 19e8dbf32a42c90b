//! One UDP socket of one thread: receive, answer at once or start a task, send.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Desk, Outcome};
use crate::pipeline::Pending;
use crate::query::{AnswerBuf, Query, Transport};

/// No datagram is longer, and an OPT record may have any number of options (RFC 6891 §6.1.2).
const PACKET_MAX: usize = 65_535;
/// Packets taken before other tasks of the thread have their turn.
const BATCH: usize = 64;
/// Queries of one socket that may wait for upstreams; beyond, new ones that would are dropped.
const WAITING_MAX: usize = 4096;

/// One UDP socket of one thread.
pub(super) struct Server {
    socket: Rc<UdpSocket>,
    desk: Rc<Desk>,
    tasks: TaskTracker,
    waiting: std::sync::Arc<Semaphore>,
}

/// Where an answer goes, and from which of our addresses: the one that was asked (RFC 2181 §4).
#[derive(Clone, Copy)]
struct Route {
    peer: SocketAddr,
    from: Option<Asked>,
}

#[derive(Clone, Copy)]
enum Asked {
    V4(Ipv4Addr),
    V6(Ipv6Addr, u32),
}

impl Server {
    pub(super) fn new(
        socket: std::net::UdpSocket,
        desk: Rc<Desk>,
        tasks: TaskTracker,
    ) -> io::Result<Self> {
        match socket.local_addr()?.ip() {
            IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
            IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
        let socket = Rc::new(UdpSocket::from_std(socket)?);
        Ok(Self {
            socket,
            desk,
            tasks,
            waiting: std::sync::Arc::new(Semaphore::new(WAITING_MAX)),
        })
    }

    pub(super) async fn run(self, stop: CancellationToken) {
        let mut packet = vec![0; PACKET_MAX];
        let mut control = nix::cmsg_space!(in_pktinfo, in6_pktinfo);
        let mut out = AnswerBuf::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                ready = self.socket.readable() => if ready.is_err() { continue },
            }
            for _ in 0..BATCH {
                let received = self.socket.try_io(Interest::READABLE, || {
                    receive(&self.socket, &mut packet, &mut control)
                });
                let Ok((length, route)) = received else { break };
                self.handle(packet.get(..length).unwrap_or_default(), route, &mut out)
                    .await;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn handle(&self, packet: &[u8], route: Route, out: &mut AnswerBuf) {
        // A port of 0 cannot be answered.
        if route.peer.port() == 0 {
            return;
        }
        match self.desk.take(packet, (route.peer, Transport::Udp), out) {
            Outcome::Silence => {}
            Outcome::Answered => send(&self.socket, out.as_slice(), route).await,
            Outcome::Wait(query, pending) => self.wait(query, pending, route),
        }
    }

    fn wait(&self, query: Query, pending: Pending, route: Route) {
        let Ok(permit) = std::sync::Arc::clone(&self.waiting).try_acquire_owned() else {
            return;
        };
        let (desk, socket) = (Rc::clone(&self.desk), Rc::clone(&self.socket));
        self.tasks.spawn_local(async move {
            let mut out = AnswerBuf::new();
            desk.pipeline.answer(&query, pending, &mut out).await;
            if !out.as_slice().is_empty() {
                send(&socket, out.as_slice(), route).await;
            }
            drop(permit);
        });
    }
}

fn receive(
    socket: &UdpSocket,
    packet: &mut [u8],
    control: &mut [u8],
) -> io::Result<(usize, Route)> {
    let mut buffers = [IoSliceMut::new(packet)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut buffers,
        Some(control),
        MsgFlags::empty(),
    )?;
    let peer = message.address.as_ref().and_then(peer_address);
    let peer = peer.ok_or(io::ErrorKind::InvalidData)?;
    let from = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Asked::V4(asked_v4(info))),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Asked::V6(
            Ipv6Addr::from(info.ipi6_addr.s6_addr),
            info.ipi6_ifindex,
        )),
        _ => None,
    });
    Ok((message.bytes, Route { peer, from }))
}

/// The address that was asked. Of a packet that came before the socket was told to say so, only
/// the packet's own header tells (RFC 2181 §4).
fn asked_v4(info: in_pktinfo) -> Ipv4Addr {
    let ours = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
    if ours.is_unspecified() {
        Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr))
    } else {
        ours
    }
}

fn peer_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address
        .as_sockaddr_in()
        .map(|v4| SocketAddr::from(std::net::SocketAddrV4::from(*v4)));
    v4.or_else(|| {
        address
            .as_sockaddr_in6()
            .map(|v6| SocketAddr::from(std::net::SocketAddrV6::from(*v6)))
    })
}

/// Sends an answer. One that cannot be sent is lost, as any datagram may be.
async fn send(socket: &UdpSocket, answer: &[u8], route: Route) {
    let attempt = || socket.try_io(Interest::WRITABLE, || send_now(socket, answer, route));
    match attempt() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            if socket.writable().await.is_ok() {
                let _ = attempt();
            }
        }
        Err(error) => tracing::debug!(%error, "an answer could not be sent"),
        Ok(()) => {}
    }
}

fn send_now(socket: &UdpSocket, answer: &[u8], route: Route) -> io::Result<()> {
    let buffers = [IoSlice::new(answer)];
    let to = SockaddrStorage::from(route.peer);
    let (v4, v6);
    let control = match route.from {
        Some(Asked::V4(ip)) => {
            let none = in_addr { s_addr: 0 };
            v4 = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr {
                    s_addr: u32::from(ip).to_be(),
                },
                ipi_addr: none,
            };
            Some(ControlMessage::Ipv4PacketInfo(&v4))
        }
        Some(Asked::V6(ip, interface)) => {
            v6 = in6_pktinfo {
                ipi6_addr: in6_addr {
                    s6_addr: ip.octets(),
                },
                ipi6_ifindex: interface,
            };
            Some(ControlMessage::Ipv6PacketInfo(&v6))
        }
        None => None,
    };
    sendmsg(
        socket.as_raw_fd(),
        &buffers,
        control.as_slice(),
        MsgFlags::empty(),
        Some(&to),
    )?;
    Ok(())
}
