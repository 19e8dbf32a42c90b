//! One UDP socket of one thread: receive, answer at once or start a task, send.

mod batch;
mod route;

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;

use nix::sys::socket::{MsgFlags, SockaddrStorage, sendmsg, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Desk, Outcome, Sender};
use crate::pipeline::Pending;
use crate::query::{AnswerBuf, Query, Transport};
use batch::{Inbox, Outbox};
use route::{Asked, Route};

/// Batches taken before other tasks of the thread have their turn.
const BATCHES: usize = 2;
/// Queries of one socket that may wait for upstreams; beyond, new ones that would are dropped.
const WAITING_MAX: usize = 4096;

/// One UDP socket of one thread.
pub(super) struct Server {
    socket: Rc<UdpSocket>,
    desk: Rc<Desk>,
    tasks: TaskTracker,
    waiting: std::sync::Arc<Semaphore>,
}

impl Server {
    pub(super) fn new(
        socket: std::net::UdpSocket,
        desk: Rc<Desk>,
        tasks: TaskTracker,
    ) -> io::Result<Self> {
        // A socket with one address answers from there anyway.
        match socket.local_addr()?.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            }
            IpAddr::V6(ip) if ip.is_unspecified() => {
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            }
            _ => {}
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
        let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
        let mut stopped = pin!(stop.cancelled());
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return,
                ready = self.socket.readable() => if ready.is_err() { continue },
            }
            let mut is_drained = false;
            for _ in 0..BATCHES {
                let receive = || inbox.receive(&self.socket);
                if self.socket.try_io(Interest::READABLE, receive).is_err() {
                    // An error that stays must not keep the thread from its other tasks.
                    break;
                }
                for (packet, route) in inbox.packets() {
                    self.handle(packet, route, &mut outbox);
                }
                outbox.send(&self.socket).await;
                if !inbox.is_full() {
                    self.wait_for_more();
                    is_drained = true;
                    break;
                }
            }
            if !is_drained {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes it that all that was there was received: what comes later wakes the socket again, and
    /// nobody has to ask the system in vain.
    fn wait_for_more(&self) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.socket.try_io(Interest::READABLE, nothing);
    }

    fn handle(&self, packet: &[u8], route: Route, outbox: &mut Outbox) {
        // A port of 0 cannot be answered.
        let Some(peer) = route.peer.filter(|peer| peer.port() != 0) else {
            return;
        };
        let Some(out) = outbox.next() else { return };
        let sender = Sender {
            source: peer,
            transport: Transport::Udp,
            device: None,
        };
        match self.desk.take(packet, sender, out) {
            Outcome::Silence => {}
            Outcome::Answered => outbox.keep(route),
            Outcome::Wait(query, pending) => self.wait(query, pending, (peer, route.from)),
        }
    }

    fn wait(&self, query: Query, pending: Pending, route: (SocketAddr, Option<Asked>)) {
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

/// Sends an answer. One that cannot be sent is lost, as any datagram may be.
async fn send(socket: &UdpSocket, answer: &[u8], route: (SocketAddr, Option<Asked>)) {
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

fn send_now(
    socket: &UdpSocket,
    answer: &[u8],
    (peer, from): (SocketAddr, Option<Asked>),
) -> io::Result<()> {
    let info = from.map(Asked::packet_info);
    let control = info.as_ref().map(|info| info.message());
    sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(answer)],
        control.as_slice(),
        MsgFlags::empty(),
        Some(&SockaddrStorage::from(peer)),
    )?;
    Ok(())
}
