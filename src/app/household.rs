//! Groups and devices: recalls what the dashboard set of them, and puts it in force.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::library::tags;
use crate::api::Api;
use crate::cache::Cache;
use crate::device::Devices;
use crate::household::{Enforce, Household};
use crate::lists::{self, Library};
use crate::local::Local;
use crate::policy::Policy;
use crate::upstream::Shared as UpstreamShared;

/// How long to wait for a store that cannot be opened.
const RETRY: Duration = Duration::from_secs(10);

/// Puts groups and devices in force wherever they count.
pub(super) fn enforce(
    (library, policy): (Arc<Library>, Policy),
    (devices, local): (Arc<Devices>, Local),
    (upstreams, cache): (Arc<UpstreamShared>, Arc<Cache>),
) -> Enforce {
    Box::new(move |plan| {
        let config = &plan.config;
        policy.set_group_names(config.group_names());
        policy.set_tags(tags(config));
        local.declare_groups(config);
        // The rules of a group are there before its devices are.
        let servers = config.groups.iter().map(|group| &*group.upstream);
        let numbers = upstreams.set_groups(servers);
        if numbers.is_reused {
            // Answers of other servers are held under this number.
            cache.clear();
        }
        library.rulebook.set_groups(lists::Groups {
            upstream_sets: numbers.of_groups,
            ..lists::Groups::of(config)
        });
        devices.trust(&config.trust_mac_from);
        devices.rearrange(config, &plan.kept);
        library.declare_rules(config);
    })
}

/// Recalls what the dashboard set in earlier runs, as soon as the store can be read; `known` is
/// dropped when that is done, or takes longer.
pub(super) async fn recall(
    household: Arc<Household>,
    known: oneshot::Sender<()>,
    stop: CancellationToken,
) {
    let mut known = Some(known);
    let recalled = async {
        while let Err(error) = household.recall().await {
            if known.take().is_some() {
                tracing::warn!(%error, "groups of the dashboard are not in force until the database can be read");
            }
            time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = recalled => {}
    }
}

/// Puts the pauses of earlier runs in force, as soon as the store can be read; no device waits for
/// that.
pub(super) async fn recall_pauses(api: Arc<Api>, stop: CancellationToken) {
    let mut is_told = false;
    let recalled = async {
        while let Err(error) = api.recall_pauses().await {
            if !is_told {
                tracing::warn!(%error, "pauses are not in force until the database can be read");
                is_told = true;
            }
            time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = recalled => {}
    }
}
