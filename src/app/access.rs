//! Who may see the dashboard: recalls who was signed in, and keeps when they were here.

use std::sync::Arc;
use std::time::Duration;

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::access::Access;

/// How long to wait for a store that cannot be opened.
const RETRY: Duration = Duration::from_secs(10);

/// Recalls what earlier runs kept, as soon as the store can be read, and keeps it until told to stop.
pub(super) async fn keep(access: Arc<Access>, stop: CancellationToken) {
    access.admit_commands();
    let recalled = async {
        let mut is_told = false;
        while let Err(error) = access.recall().await {
            if !is_told {
                is_told = true;
                tracing::warn!(%error, "who was signed in is not known until the database can be read");
            }
            time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = recalled => {}
    }
    access.keep(stop).await;
}
