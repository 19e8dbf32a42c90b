//! What answers DNS: a thread with a runtime of its own, or a task of the caller's.

use std::io;
use std::thread::JoinHandle;

use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::time_slice::shorten_time_slice;
use crate::dns::{self, Sockets};
use crate::pipeline::Pipeline;

/// Where DNS is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// On threads of its own.
    Threads,
    /// On the caller's thread, so that a test can move its clock.
    Here,
}

/// What answers DNS on one set of sockets.
#[derive(Debug)]
pub(super) enum DnsThread {
    Thread(JoinHandle<()>),
    Here(tokio::task::JoinHandle<()>),
}

impl DnsThread {
    /// Starts number `number`. What belongs to queries is made on its thread, and never leaves it.
    pub(super) fn start(
        place: Place,
        number: usize,
        sockets: Sockets,
        pipeline: impl FnOnce() -> Pipeline + Send + 'static,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let serve = move || async move {
            if let Err(error) = dns::serve(sockets, pipeline(), stop).await {
                tracing::error!(%error, thread = number, "a DNS thread could not use its sockets");
            }
        };
        match place {
            Place::Here => Ok(Self::Here(tokio::task::spawn_local(serve()))),
            Place::Threads => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let run = move || {
                    shorten_time_slice();
                    LocalSet::new().block_on(&runtime, serve());
                };
                let thread = std::thread::Builder::new().name(format!("dns-{number}"));
                Ok(Self::Thread(thread.spawn(run)?))
            }
        }
    }

    /// Waits for its end.
    pub(super) async fn join(self) {
        let has_ended = match self {
            Self::Thread(handle) => {
                let joined = tokio::task::spawn_blocking(|| handle.join()).await;
                matches!(joined, Ok(Ok(())))
            }
            Self::Here(task) => task.await.is_ok(),
        };
        if !has_ended {
            tracing::error!("a DNS thread ended by a panic");
        }
    }
}
