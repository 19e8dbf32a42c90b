//! The query path without sockets: what a look-up costs, and what an answer from memory costs.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has failed")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use squelch::cache::Cache;
use squelch::config::Config;
use squelch::device::Devices;
use squelch::journal::{Journal, Words};
use squelch::lists;
use squelch::local::Local;
use squelch::matcher::{Live, Matcher, Nobody, Question};
use squelch::packs::Packs;
use squelch::pipeline::{Arrival, Gear, Pipeline, RateLimiter, Steps};
use squelch::policy::Policy;
use squelch::query::{AnswerBuf, Name, Query, RecordType};
use squelch::store::Store;
use squelch::upstream::{Shared, Upstreams};
use tokio::time::Instant;

fn config() -> Config {
    let mut config = Config::default();
    config.packs.default = squelch::config::PackAction::Block;
    config.dns.rate_limit.queries_per_second = 0;
    config
}

fn rules(config: &Config) -> Matcher {
    lists::without_lists(&Packs::builtin().unwrap(), &config.packs, &[], 42)
}

fn query(name: &str) -> Query {
    Query::internal(name.parse().unwrap(), RecordType::A)
}

/// An upstream's answer: the question, and one address.
fn reply(query: &Query) -> Vec<u8> {
    let mut message = vec![0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    message.extend_from_slice(query.name.as_wire());
    message.extend_from_slice(&[
        0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 1, 0, 0, 0, 4, 192, 0, 2, 1,
    ]);
    message
}

fn matcher(criterion: &mut Criterion) {
    let rules = rules(&config());
    for (label, name) in [
        ("find: blocked, two labels below", "a.b.open.oneplus.net"),
        ("find: not covered, four labels", "www.images.site.example"),
    ] {
        let name: Name = name.parse().unwrap();
        criterion.bench_function(label, |bench| {
            bench.iter(|| {
                let address = Ipv4Addr::LOCALHOST.into();
                let question = Question::new(black_box(&name), RecordType::A, address, &Nobody);
                let mut found = 0;
                rules.find(&question, &mut |_| found += 1);
                found
            });
        });
    }
}

fn gear(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let config = config();
    let live = Arc::new(Live::default());
    live.swap(rules(&config));
    let shared = Arc::new(Shared::new(&config.upstream));
    let words = Words {
        entry: Box::new(|_, _| None),
        upstream: Box::new(|_| None),
        device: Box::new(|device| device),
    };
    let folder = tempfile::tempdir().unwrap();
    // The writer is not run: once its ring is full, recording is the counting of a lost event.
    let (journal, _writer) = Journal::new(&config.journal, Store::at(folder.path()), words);
    let steps = Arc::new(Steps {
        allow_from: config.dns.allow_from.clone(),
        limiter: RateLimiter::new(config.dns.rate_limit),
        blocking: config.blocking.clone(),
        devices: Arc::new(Devices::new(&[], Vec::new())),
        policy: Policy::new(live),
        local: Local::new(&config),
        cache: Arc::new(Cache::new(config.cache.clone())),
    });
    let held = query("home.example");
    steps
        .cache
        .put(&held, reply(&held), Instant::now())
        .unwrap();
    let upstreams = Upstreams::new(&config.upstream, shared);
    let pipeline = Pipeline::new(steps, upstreams, journal.recorder());
    let mut out = AnswerBuf::new();
    for (label, query) in [
        ("answer at once: blocked", query("open.oneplus.net")),
        ("answer at once: held", held),
    ] {
        criterion.bench_function(label, |bench| {
            bench.iter(|| {
                let gear = pipeline.answer_now(black_box(&query), Arrival::now(), &mut out);
                assert!(matches!(gear, Gear::Answered(_)));
            });
        });
    }
}

fn load(criterion: &mut Criterion) {
    criterion.bench_function("load: all packs", |bench| {
        bench.iter(|| Packs::builtin().unwrap());
    });
    let packs = Packs::builtin().unwrap();
    let choices = config().packs;
    criterion.bench_function("load: compile the rules", |bench| {
        bench.iter(|| lists::without_lists(&packs, &choices, &[], 42));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = matcher, gear, load
}
criterion_main!(benches);
