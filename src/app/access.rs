//! Who may see the dashboard: recalls who was signed in, and keeps when they were here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::access::Access;

/// How long to wait for a store that cannot be opened.
const RETRY: Duration = Duration::from_secs(10);

/// Recalls what earlier runs kept, as soon as the store can be read, and keeps it until told to stop;
/// `known` is dropped when it was tried once.
pub(super) async fn keep(access: Arc<Access>, known: oneshot::Sender<()>, stop: CancellationToken) {
    access.admit_commands();
    let mut known = Some(known);
    let recalled = async {
        while let Err(error) = access.recall().await {
            if known.take().is_some() {
                tracing::warn!(%error, "who was signed in is not known until the database can be read");
            }
            time::sleep(RETRY).await;
        }
        known.take();
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = recalled => {}
    }
    access.keep(stop).await;
}
