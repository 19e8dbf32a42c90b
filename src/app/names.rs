//! Names: recalls those of our own that were added in earlier runs, and finds those of devices.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::device::{Devices, Lease, NameLookup, NameSource};
use crate::household::Household;
use crate::local::{self, Records};
use crate::upstream::{self, Upstreams};

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

/// Asks the router for the names of devices, and the devices themselves where that is wanted.
pub(super) fn look_up(
    devices: Arc<Devices>,
    (upstreams, household): (Upstreams, Arc<Household>),
    (tasks, stop): (&TaskTracker, &CancellationToken),
) {
    let of_router = async move |address| upstreams.reverse(address).await;
    let of_itself = async move |address| {
        if household.plan().config.mdns {
            upstream::local_name(address).await
        } else {
            None
        }
    };
    let lookup = NameLookup::new(Arc::clone(&devices), NameSource::Reverse, of_router);
    tasks.spawn(lookup.run(stop.clone()));
    let lookup = NameLookup::new(devices, NameSource::Mdns, of_itself);
    tasks.spawn(lookup.run(stop.clone()));
}

/// Tells the registry what DHCP servers gave out, as that changes.
pub(super) async fn tell_leases(
    mut leases: watch::Receiver<Vec<local::Lease>>,
    devices: Arc<Devices>,
    stop: CancellationToken,
) {
    leases.mark_changed();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = leases.changed() => if changed.is_err() { return },
        }
        let told = leases.borrow_and_update().iter().map(lease).collect();
        devices.learn_leases(told);
    }
}

fn lease(lease: &local::Lease) -> Lease {
    Lease {
        address: lease.address,
        mac: lease.mac,
        name: lease.name.map(|name| name.to_string()),
    }
}
