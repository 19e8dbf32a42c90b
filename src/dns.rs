//! Bytes in, bytes out: the sockets that devices ask.
//!
//! Each DNS thread has its own sockets on the same ports (`SO_REUSEPORT`), so that the kernel
//! spreads the devices over the threads and no thread waits for another. Start at [`serve`].

mod bind;
mod cookie;
mod holder;
mod read;
mod tcp;
mod udp;
mod words;

use std::net::SocketAddr;
use std::rc::Rc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bind::{BindError, Sockets, bind};
pub use words::{AnswerWords, serve_made_up};

use crate::pipeline::{Asker, Gear, Pending, Pipeline};
use crate::query::{AnswerBuf, Query, Transport};
use cookie::Cookies;
use read::{Origin, Packet};

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
        let server = udp::Server::new(socket, Rc::clone(&desk), tasks.clone())?;
        tasks.spawn_local(server.run(stop.clone()));
    }
    let connections = tcp::Connections::new(sockets.connections, desk, tasks.clone());
    for listener in sockets.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tasks.spawn_local(connections.clone().run(listener, stop.clone()));
    }
    stop.cancelled().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
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
        (source, transport): (SocketAddr, Transport),
        out: &mut AnswerBuf,
    ) -> Outcome {
        let origin = Origin {
            source,
            transport,
            cookies: &self.cookies,
            keepalive: tcp::IDLE_TENTHS,
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
            Packet::Query(query) => match self.pipeline.answer_now(&query, Instant::now(), out) {
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
