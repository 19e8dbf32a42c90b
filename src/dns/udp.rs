//! One UDP socket of one thread: receive, answer at once or start a task, send.

mod batch;
mod route;
mod socket;

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;

use nix::sys::socket::{MsgFlags, SockaddrStorage, sendmsg, setsockopt, sockopt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Desk, Outcome, Sender};
use crate::pipeline::{Arrival, Pending};
use crate::query::{AnswerBuf, Query, Transport};
use batch::{Inbox, Outbox};
use route::{Asked, Route};
use socket::Socket;

/// Batches taken before other tasks of the thread have their turn.
const BATCHES: usize = 2;
/// Queries of one socket that may wait for upstreams; beyond, new ones that would are dropped.
const WAITING_MAX: usize = 4096;

/// One UDP socket of one thread.
pub(super) struct Server {
    socket: Rc<Socket>,
    desk: Rc<Desk>,
    tasks: TaskTracker,
    /// Has an owner more for each query that waits.
    waiting: Rc<()>,
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
        let socket = Rc::new(Socket::new(socket)?);
        Ok(Self {
            socket,
            desk,
            tasks,
            waiting: Rc::default(),
        })
    }

    pub(super) async fn run(self: Rc<Self>, stop: CancellationToken) {
        let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
        let mut stopped = pin!(stop.cancelled());
        loop {
            let ready = tokio::select! {
                biased;
                () = &mut stopped => return,
                ready = self.socket.readable() => ready,
            };
            let Ok(mut ready) = ready else { continue };
            let mut is_drained = false;
            for _ in 0..BATCHES {
                match inbox.receive(&self.socket) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready.clear_ready();
                        is_drained = true;
                        break;
                    }
                    // An error that stays must not keep the thread from its other tasks.
                    Err(_) => break,
                }
                let arrival = Arrival::now();
                for (packet, route) in inbox.packets() {
                    self.handle(packet, (route, arrival), &mut outbox);
                }
                outbox.send(&self.socket).await;
                if !inbox.is_full() {
                    // All that was there was received: what comes later wakes the socket again,
                    // and nobody has to ask the system in vain.
                    ready.clear_ready();
                    is_drained = true;
                    break;
                }
            }
            if !is_drained {
                tokio::task::yield_now().await;
            }
        }
    }

    fn handle(&self, packet: &[u8], (route, arrival): (Route, Arrival), outbox: &mut Outbox) {
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
        match self.desk.take(packet, (sender, arrival), out) {
            Outcome::Silence => {}
            Outcome::Answered => outbox.keep(route),
            Outcome::Wait(query, pending) => self.wait(query, pending, (peer, route.from)),
        }
    }

    fn wait(&self, query: Query, pending: Pending, route: (SocketAddr, Option<Asked>)) {
        if Rc::strong_count(&self.waiting) > WAITING_MAX {
            return;
        }
        let waiting = Rc::clone(&self.waiting);
        let (desk, socket) = (Rc::clone(&self.desk), Rc::clone(&self.socket));
        // In a box: the runtime moves its tasks several times, and this one is long.
        self.tasks.spawn_local(Box::pin(async move {
            // Its room is taken when there is an answer.
            let mut out = AnswerBuf::default();
            desk.pipeline.answer(&query, pending, &mut out).await;
            if !out.as_slice().is_empty() {
                send(&socket, out.as_slice(), route).await;
            }
            drop(waiting);
        }));
    }
}

/// Sends an answer. One that cannot be sent is lost, as any datagram may be.
async fn send(socket: &Socket, answer: &[u8], route: (SocketAddr, Option<Asked>)) {
    let sent = match send_now(socket, answer, route) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => match socket.writable().await {
            Ok(()) => send_now(socket, answer, route),
            Err(error) => Err(error),
        },
        sent => sent,
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "an answer could not be sent");
    }
}

fn send_now(
    socket: &Socket,
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
