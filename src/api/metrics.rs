//! `GET /metrics`: figures since the start, as Prometheus text.

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, header};
use jiff::Timestamp;

use super::Api;
use super::status::UpstreamStatus;
use super::who::Known;
use crate::journal::JournalState;

/// The text format's version, as scrapers expect it.
const KIND: [(HeaderName, &str); 1] = [(
    header::CONTENT_TYPE,
    "text/plain; version=0.0.4; charset=utf-8",
)];

/// Metrics
///
/// Figures since the start, as Prometheus text. No names, no addresses, no devices.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(
    State(api): State<Arc<Api>>,
) -> ([(HeaderName, &'static str); 1], String) {
    let mut text = Text::default();
    queries(&api, &mut text);
    let cache = api.cache.stats();
    text.family(
        "squelch_cache_answers",
        "gauge",
        "Answers held in the cache.",
    )
    .value("", cache.entries);
    text.family("squelch_cache_bytes", "gauge", "Size of the answers held.")
        .value("", cache.bytes);
    text.family(
        "squelch_cache_hits_total",
        "counter",
        "Queries answered from the cache.",
    )
    .value("", cache.hits);
    text.family(
        "squelch_cache_misses_total",
        "counter",
        "Queries that the cache had no answer for.",
    )
    .value("", cache.misses);
    upstreams(&api, &mut text);
    text.family("squelch_devices", "gauge", "Devices that ever asked.")
        .value("", Known::of(&api.devices).iter().count());
    text.family("squelch_pack_names", "gauge", "Names in the packs.")
        .value("", api.packs.names());
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    text.family("squelch_build_info", "gauge", "The program's version.")
        .value(&labels(&version), 1);
    let uptime = Timestamp::now().duration_since(api.started);
    text.family("squelch_uptime_seconds", "gauge", "Time since the start.")
        .value("", uptime.as_secs());
    (KIND, text.0)
}

fn queries(api: &Api, text: &mut Text) {
    let counts = api.journal.totals();
    let mut family = text.family(
        "squelch_queries_total",
        "counter",
        "Queries answered, by verdict.",
    );
    let verdicts = [
        ("allow", counts.allow),
        ("watch", counts.watch),
        ("block", counts.block),
    ];
    for (verdict, count) in verdicts {
        family.value(&labels(&[("verdict", verdict)]), count);
    }
    text.family(
        "squelch_queries_failed_total",
        "counter",
        "Queries without a usable answer, whatever the verdict.",
    )
    .value("", counts.failed);
    text.family(
        "squelch_journal_lost_total",
        "counter",
        "Queries that were answered but not recorded.",
    )
    .value("", api.journal.lost());
    text.family(
        "squelch_journal_written",
        "gauge",
        "1 while the journal is kept on disk.",
    )
    .value("", u8::from(api.journal.state() == JournalState::Ok));
}

fn upstreams(api: &Api, text: &mut Text) {
    let upstreams = (api.upstreams)();
    let mut each = |name, kind, help, figure: fn(&UpstreamStatus) -> u64| {
        let mut family = text.family(name, kind, help);
        for upstream in &upstreams {
            family.value(&alone(upstream), figure(upstream));
        }
    };
    each(
        "squelch_upstream_queries_total",
        "counter",
        "Queries sent to an upstream.",
        |upstream| upstream.asked,
    );
    each(
        "squelch_upstream_failures_total",
        "counter",
        "Queries that an upstream did not answer, or not with an answer of use.",
        |upstream| upstream.failed,
    );
    each(
        "squelch_upstream_usable",
        "gauge",
        "1 while an upstream is asked as usual.",
        |upstream| u64::from(upstream.usable),
    );
    let mut family = text.family(
        "squelch_upstream_failures_by_kind_total",
        "counter",
        "The same failures by kind.",
    );
    for upstream in &upstreams {
        for (kind, count) in &upstream.more.failures {
            let labels = with(upstream, "kind", kind);
            family.value(&labels, count);
        }
    }
    latencies(&upstreams, text);
}

fn latencies(upstreams: &[UpstreamStatus], text: &mut Text) {
    let mut family = text.family(
        "squelch_upstream_latency_seconds",
        "histogram",
        "How long answers of an upstream took.",
    );
    for upstream in upstreams {
        let mut answers = 0;
        for (bound, count) in &upstream.more.latency {
            answers += count;
            let bound = bound.map_or_else(|| "+Inf".to_owned(), seconds);
            family.part("_bucket", &with(upstream, "le", &bound), answers);
        }
        let sum = seconds(upstream.more.latency_sum_us);
        family.part("_sum", &alone(upstream), sum);
        family.part("_count", &alone(upstream), answers);
    }
}

fn alone(upstream: &UpstreamStatus) -> String {
    let place = upstream.id.to_string();
    labels(&[("upstream", host_of(&upstream.server)), ("place", &place)])
}

fn with(upstream: &UpstreamStatus, label: &str, value: &str) -> String {
    // Its place in the config tells it from others of the same host.
    let place = upstream.id.to_string();
    labels(&[
        ("upstream", host_of(&upstream.server)),
        ("place", &place),
        (label, value),
    ])
}

/// The path of an upstream may be an account of people's, and is left out.
fn host_of(server: &str) -> &str {
    let host = server.find("://").map_or(0, |at| at + 3);
    let end = server.get(host..).and_then(|rest| rest.find('/'));
    end.and_then(|end| server.get(..host + end))
        .unwrap_or(server)
}

fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// Prometheus text as it grows.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _infallible = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: self, name }
    }
}

struct Family<'a> {
    text: &'a mut Text,
    name: &'static str,
}

impl Family<'_> {
    fn part(&mut self, part: &str, labels: &str, value: impl Display) {
        let _infallible = writeln!(self.text.0, "{}{part}{labels} {value}", self.name);
    }

    fn value(&mut self, labels: &str, value: impl Display) {
        let _infallible = writeln!(self.text.0, "{}{labels} {value}", self.name);
    }
}

fn labels(labels: &[(&str, &str)]) -> String {
    let escaped = |value: &str| {
        value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_upstream_is_not_told() {
        let told = host_of("https://dns.example/account-of-somebody#dns.example");
        assert_eq!(told, "https://dns.example");
        assert_eq!(
            host_of("tls://192.0.2.1#dns.example"),
            "tls://192.0.2.1#dns.example"
        );
    }

    #[test]
    fn a_family_has_its_help_and_type_and_escaped_labels() {
        let mut text = Text::default();
        text.family("asked_total", "counter", "How often.")
            .value(&labels(&[("upstream", "a\"b\\c\nd")]), 7);
        assert_eq!(
            text.0,
            "# HELP asked_total How often.\n# TYPE asked_total counter\n\
             asked_total{upstream=\"a\\\"b\\\\c\\nd\"} 7\n"
        );
    }
}
