//! Bytes in, bytes out: the sockets that devices ask.
//!
//! Each DNS thread has its own sockets on the same ports (`SO_REUSEPORT`), so that the kernel
//! spreads the devices over the threads and no thread waits for another. Start at [`serve`].

mod bind;
mod holder;
mod read;
mod tcp;
mod udp;

use std::rc::Rc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bind::{BindError, Sockets, bind};

use crate::pipeline::Pipeline;

/// Serves the sockets of one thread until told to stop; then finishes the queries in hand.
///
/// Runs inside a `LocalSet`: nothing of a query leaves its thread.
pub async fn serve(
    sockets: Sockets,
    pipeline: Pipeline,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let pipeline = Rc::new(pipeline);
    let tasks = TaskTracker::new();
    for socket in sockets.udp {
        let server = udp::Server::new(socket, Rc::clone(&pipeline), tasks.clone())?;
        tasks.spawn_local(server.run(stop.clone()));
    }
    let connections = tcp::Connections::new(Rc::clone(&pipeline), tasks.clone());
    for listener in sockets.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tasks.spawn_local(connections.clone().run(listener, stop.clone()));
    }
    stop.cancelled().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// The program that holds a TCP port, as `nginx (pid 812)`, or those that usually do.
pub fn holder_of_tcp(port: u16) -> String {
    holder::find("TCP", port)
}
