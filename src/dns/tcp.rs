//! Connections of devices: accepted within limits, and for DNS over TCP (RFC 7766) talked on.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Desk;
use super::places::{Place, Places};
use super::stream::{Caller, Conversation};
use crate::query::Transport;

/// After a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the connections of one thread have in common.
#[derive(Clone)]
pub(super) struct Connections {
    pub desk: Rc<Desk>,
    pub tasks: TaskTracker,
    pub places: Rc<Places>,
    pub stop: CancellationToken,
}

impl Connections {
    /// Answers queries on what comes.
    pub(super) async fn serve_tcp(self, listener: std::net::TcpListener) {
        self.accept(listener, Self::talk_tcp).await;
    }

    /// Hands on what comes, each with its place, until the stop.
    pub(super) async fn accept(
        &self,
        listener: std::net::TcpListener,
        talk: impl Fn(&Self, TcpStream, SocketAddr, Place),
    ) {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "a socket could not be used"),
        };
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // No place left: the connection is closed at once, and UDP goes on.
                    if let Some(place) = self.places.take(peer.ip()) {
                        let _ = stream.set_nodelay(true);
                        talk(self, stream, peer, place);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn talk_tcp(&self, stream: TcpStream, source: SocketAddr, place: Place) {
        let caller = Caller {
            source,
            transport: Transport::Tcp,
            device: None,
        };
        let (desk, tasks) = (Rc::clone(&self.desk), self.tasks.clone());
        let conversation = Conversation::new(stream, caller, desk, tasks);
        let stop = self.stop.clone();
        self.tasks.spawn_local(conversation.run(stop, place));
    }
}
