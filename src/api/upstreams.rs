//! `GET upstreams`: how each upstream does.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::range;
use super::{Api, UpstreamStatus};

/// The upstreams.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpstreamList {
    /// In the config's order, those of routes last.
    pub upstreams: Vec<UpstreamItem>,
}

/// One upstream, with its figures since the start.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpstreamItem {
    /// What the status tells of it, too.
    #[serde(flatten)]
    pub status: UpstreamStatus,
    /// The decaying average over its answers, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_latency_us: Option<u64>,
    /// When it failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<String>,
    /// How often it failed, by the kind of failure: `timeout`, `unreachable`, `certificate`, `tls`,
    /// `no_address`, `closed`, `garbage`, `odd`, `error_code`, `broken`, `local`, `crowded`.
    pub failures: BTreeMap<String, u64>,
    /// How long its answers took, the quickest first.
    pub latency: Vec<LatencyBucket>,
}

/// Answers that took about as long.
#[derive(Debug, Serialize, ToSchema)]
pub struct LatencyBucket {
    /// They took at most so many microseconds, and longer than those before; the last has no bound.
    pub up_to_us: Option<u64>,
    /// How many there were.
    pub answers: u64,
}

/// Upstreams
///
/// How each upstream does: whether it is in use, how long its answers take, how often and why it
/// failed.
#[utoipa::path(get, path = "/upstreams", tag = "server", responses((status = 200, body = UpstreamList)))]
pub(super) async fn upstreams(State(api): State<Arc<Api>>) -> Json<UpstreamList> {
    let upstreams = (api.upstreams)().into_iter().map(item);
    Json(UpstreamList {
        upstreams: upstreams.collect(),
    })
}

fn item(status: UpstreamStatus) -> UpstreamItem {
    let more = &status.more;
    let bucket = |&(up_to_us, answers): &(Option<u64>, u64)| LatencyBucket { up_to_us, answers };
    let failure = |&(kind, count): &(&str, u64)| (kind.to_owned(), count);
    UpstreamItem {
        average_latency_us: more.average_latency_us,
        last_error_at: more.failed_at_ms.map(range::text),
        failures: more.failures.iter().map(failure).collect(),
        latency: more.latency.iter().map(bucket).collect(),
        status,
    }
}
