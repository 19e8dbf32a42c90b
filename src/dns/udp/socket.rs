//! A UDP socket of which only what comes in is watched.
//!
//! The system tells of room for sending each time when an answer has left. Watched for that as
//! well, it would wake an idle thread twice for each query.

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// A UDP socket that wakes its thread when something has come in.
pub(super) struct Socket(AsyncFd<UdpSocket>);

impl Socket {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        watch(socket, Interest::READABLE).map(Self)
    }

    /// Waits until something has come in, since the guard that was given last was cleared.
    pub(super) async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, UdpSocket>> {
        self.0.readable().await
    }

    /// Waits for room to send, which is seldom missing.
    pub(super) async fn writable(&self) -> io::Result<()> {
        let watched = self.0.get_ref().try_clone()?;
        watch(watched, Interest::WRITABLE)?
            .writable()
            .await
            .map(drop)
    }
}

#[expect(
    deprecated,
    reason = "an `UdpSocket` keeps its descriptor, so this is sound, and what came after is unsafe code"
)]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
