//! Bytes in, bytes out: the sockets that devices ask.
//!
//! Each DNS thread has its own sockets on the same ports (`SO_REUSEPORT`), so that the kernel
//! spreads the devices over the threads and no thread waits for another. Start at [`serve`].

mod bind;
mod certificate;
mod cookie;
mod doh;
mod holder;
mod places;
mod quic;
mod read;
mod stream;
mod tcp;
mod tls;
mod udp;
mod words;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bind::{BindError, Encrypted, Sockets, bind, bind_encrypted};
pub use certificate::{CertificateError, Certificates, check_certificate};
pub use doh::{Page, Site, broken_page};
pub use tls::Encryption;
pub use words::{AnswerWords, serve_made_up};

use crate::pipeline::{Arrival, Asker, Gear, Pending, Pipeline};
use crate::query::{AnswerBuf, Query, Transport};
use cookie::Cookies;
use places::Places;
use read::{Origin, Packet};
use tcp::Connections;

/// Serves the sockets of one thread until told to stop; then finishes the queries in hand.
///
/// Runs inside a `LocalSet`: nothing of a query leaves its thread.
pub async fn serve(
    sockets: Sockets,
    pipeline: Pipeline,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let desk = Rc::new(Desk {
        pipeline,
        cookies: Cookies::default(),
    });
    let tasks = TaskTracker::new();
    for socket in sockets.udp {
        let server = Rc::new(udp::Server::new(socket, Rc::clone(&desk), tasks.clone())?);
        let stop = stop.clone();
        let run = move || Rc::clone(&server).run(stop.clone());
        tasks.spawn_local(go_on_after_panics(run));
    }
    let connections = Connections {
        desk,
        tasks: tasks.clone(),
        places: Places::new(sockets.connections),
        stop: stop.clone(),
    };
    for listener in sockets.tcp {
        tasks.spawn_local(connections.clone().serve_tcp(listener));
    }
    for (listener, secure) in sockets.dot {
        tasks.spawn_local(connections.clone().serve_tls(listener, secure));
    }
    for (listener, https) in sockets.doh {
        tasks.spawn_local(connections.clone().serve_https(listener, https));
    }
    for (socket, quic) in sockets.quic {
        tasks.spawn_local(connections.clone().serve_quic(socket, quic));
    }
    stop.cancelled().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Runs what serves a socket to its end. A panic is a fault of ours, in one query: others are
/// answered all the same.
async fn go_on_after_panics<F: Future<Output = ()> + 'static>(run: impl Fn() -> F) {
    while let Err(error) = tokio::task::spawn_local(run()).await {
        tracing::error!(%error, "a query could not be answered; others are");
    }
}

/// A connection on which nothing happens for this long is closed (RFC 7766 §6.2.3), and one whose
/// other end does not read. Where it took a handshake, it is kept for longer.
fn patience(transport: Transport) -> Duration {
    Duration::from_secs(if transport.is_encrypted() { 30 } else { 10 })
}

/// Who sent a packet, and how.
#[derive(Clone, Copy)]
struct Sender<'a> {
    source: SocketAddr,
    transport: Transport,
    /// The name that the device gave itself, in lower case.
    device: Option<&'a str>,
}

/// What came of a packet.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one packet"
)]
enum Outcome {
    /// It gets no answer.
    Silence,
    /// The answer is in the buffer.
    Answered,
    /// The answer has to wait for an upstream.
    Wait(Query, Pending),
}

/// What all sockets of a thread bring their packets to.
struct Desk {
    pipeline: Pipeline,
    cookies: Cookies,
}

impl Desk {
    /// Reads a packet and answers it, if that can be done at once; the same for every transport.
    fn take(
        &self,
        packet: &[u8],
        (sender, arrival): (Sender<'_>, Arrival),
        out: &mut AnswerBuf,
    ) -> Outcome {
        let (source, transport) = (sender.source, sender.transport);
        let name = sender.device;
        let relayed = |id: &str| self.pipeline.device_relayed(source.ip(), id);
        let origin = Origin {
            source,
            transport,
            device: name.and_then(|name| self.pipeline.device_named(source.ip(), name)),
            cookies: &self.cookies,
            // RFC 7828 §3.1: in tenths of a second.
            keepalive: u16::try_from(patience(transport).as_secs() * 10).unwrap_or(0),
            relayed: &relayed,
        };
        match read::read(packet, origin) {
            Packet::Silence => Outcome::Silence,
            Packet::Code {
                rcode,
                id,
                flags,
                query,
                edns,
            } => {
                let asker = Asker::new(source, id, flags).with_edns(edns);
                self.pipeline
                    .answer_error(query.as_ref(), asker, rcode, out);
                Outcome::Answered
            }
            Packet::Query(query) => match self.pipeline.answer_now(&query, arrival, out) {
                Gear::Answered(_) => Outcome::Answered,
                Gear::Silent(_) => Outcome::Silence,
                Gear::Wait(pending) => Outcome::Wait(query, pending),
            },
        }
    }
}

/// The program that holds a TCP port, as `nginx (pid 812)`, or those that usually do.
pub fn holder_of_tcp(port: u16) -> String {
    holder::find("TCP", port)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn a_panic_in_one_query_does_not_end_a_socket() {
        let runs = Rc::new(Cell::new(0));
        let seen = Rc::clone(&runs);
        let run = move || {
            let runs = Rc::clone(&runs);
            async move {
                runs.set(runs.get() + 1);
                assert!(runs.get() > 2, "a fault");
            }
        };
        LocalSet::new().run_until(go_on_after_panics(run)).await;
        assert_eq!(seen.get(), 3);
    }
}
