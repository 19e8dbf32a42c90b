//! The figures of the upstreams, from where they are counted to where they are told.

use std::sync::Arc;

use crate::api::{self, UpstreamMore, UpstreamStatus};
use crate::upstream::{FailureKind, Figures, LATENCY_BOUNDS_US, Latencies, Shared};

/// The figures of the upstreams as the API tells them.
pub(super) fn told(upstreams: Arc<Shared>) -> api::Upstreams {
    Arc::new(move || {
        let status = |figures: Figures| UpstreamStatus {
            id: figures.number,
            server: figures.upstream,
            asked: figures.asked,
            failed: figures.failed,
            usable: figures.is_usable,
            last_error: figures.last_error,
            last_latency_us: figures.last_latency_us,
            more: UpstreamMore {
                average_latency_us: figures.average_latency_us,
                failed_at_ms: figures.failed_at_ms,
                failures: words_of(&figures.failures),
                latency: buckets(&figures.latencies),
                latency_sum_us: figures.latencies.sum_us,
            },
        };
        upstreams.figures().into_iter().map(status).collect()
    })
}

fn words_of(failures: &[(FailureKind, u64)]) -> Vec<(&'static str, u64)> {
    let words = failures.iter().map(|(kind, count)| (kind.as_str(), *count));
    words.collect()
}

/// The last bucket has no bound.
fn buckets(latencies: &Latencies) -> Vec<(Option<u64>, u64)> {
    let bounds = LATENCY_BOUNDS_US.into_iter().map(Some);
    bounds.chain([None]).zip(latencies.counts).collect()
}
