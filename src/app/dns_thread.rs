//! One thread that answers DNS, with a runtime of its own.

use std::io;
use std::thread::JoinHandle;

use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::dns::{self, Sockets};
use crate::pipeline::Pipeline;

/// One thread that answers DNS.
#[derive(Debug)]
pub(super) struct DnsThread {
    handle: JoinHandle<()>,
}

impl DnsThread {
    /// Starts thread `number`. What belongs to queries is made on it, and never leaves it.
    pub(super) fn spawn(
        number: usize,
        sockets: Sockets,
        pipeline: impl FnOnce() -> Pipeline + Send + 'static,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let run = move || {
            let local = LocalSet::new();
            let served = local.block_on(&runtime, async move {
                dns::serve(sockets, pipeline(), stop).await
            });
            if let Err(error) = served {
                tracing::error!(%error, thread = number, "a DNS thread could not use its sockets");
            }
        };
        let handle = std::thread::Builder::new()
            .name(format!("dns-{number}"))
            .spawn(run)?;
        Ok(Self { handle })
    }

    /// Waits for its end.
    pub(super) async fn join(self) {
        let joined = tokio::task::spawn_blocking(|| self.handle.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("a DNS thread ended by a panic");
        }
    }
}
