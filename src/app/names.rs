//! Names of our own: recalls those that were added in earlier runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::local::Records;

/// How long to wait for a store that cannot be opened.
const RETRY: Duration = Duration::from_secs(10);

/// Recalls the records of earlier runs, as soon as the store can be read; `known` is dropped when
/// that is done, or takes longer.
pub(super) async fn recall(
    records: Arc<Records>,
    known: oneshot::Sender<()>,
    stop: CancellationToken,
) {
    let mut known = Some(known);
    let recalled = async {
        while let Err(error) = records.recall().await {
            if known.take().is_some() {
                tracing::warn!(%error, "records are not answered until the database can be read");
            }
            time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = recalled => {}
    }
}
