//! Which upstream is asked, how quickly another takes its place, and how soon it is back.
//!
//! `UPSTREAM_QUERIES=10000` makes the measured tests as long as the promises of the manual; as they
//! run otherwise, they allow for a busy machine.

#![expect(
    clippy::print_stdout,
    reason = "the times are what a longer run is for"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use squelch::config::Strategy;
use squelch::query::UpstreamId;
use squelch::upstream::{Shared, Upstreams};
use tokio::time::Instant;

use super::{LONG, addresses, config_of, query};
use crate::stub::{Asked, Reaction, Stub};

const ALL: [Strategy; 4] = [
    Strategy::Fastest,
    Strategy::Ordered,
    Strategy::Race,
    Strategy::Spread,
];

fn with_strategy(
    strategy: Strategy,
    stubs: &[&Stub],
    timeout: Duration,
) -> (Upstreams, Arc<Shared>) {
    let urls: Vec<_> = stubs.iter().map(|stub| stub.url("udp")).collect();
    let mut config = config_of(&urls, timeout);
    config.strategy = strategy;
    let shared = Arc::new(Shared::new(&config));
    (Upstreams::new(&config, Arc::clone(&shared)), shared)
}

/// How many queries a measured test asks, and whether its times are held to the promise.
fn extent(usual: usize) -> (usize, bool) {
    let asked = std::env::var("UPSTREAM_QUERIES").ok();
    let asked = asked.map(|number| number.parse().unwrap());
    (asked.unwrap_or(usual), asked.is_some())
}

/// Twenty milliseconds away; of twenty datagrams one is lost, for each line another.
fn far_and_lossy(line: u64) -> impl Fn(&Asked) -> Reaction + Send + Sync + 'static {
    move |asked| {
        let number = u64::try_from(asked.number).unwrap() + line * 1_000_000;
        if (number.wrapping_mul(6_364_136_223_846_793_005) >> 33).is_multiple_of(20) {
            return Reaction::Silence;
        }
        let answer = asked.with_address("192.0.2.1");
        Reaction::After(Duration::from_millis(20), Box::new(answer))
    }
}

/// Asks `number` new names, fifty at a time, and gives the time of each, sorted.
async fn times(upstreams: &Upstreams, number: usize) -> Vec<Duration> {
    let asks = stream::iter(0..number).map(async |number| {
        let started = Instant::now();
        let reply = upstreams
            .ask(&query(&format!("name-{number}.example")))
            .await;
        assert!(reply.is_ok(), "{}", reply.unwrap_err());
        started.elapsed()
    });
    let mut times: Vec<_> = asks.buffer_unordered(50).collect().await;
    times.sort();
    times
}

#[tokio::test]
async fn a_race_hides_the_losses_of_a_bad_line() {
    let (number, is_strict) = extent(400);
    let limit = Duration::from_millis(if is_strict { 60 } else { 1000 });
    let one = Stub::start(far_and_lossy(1)).await;
    let two = Stub::start(far_and_lossy(2)).await;
    for stubs in [vec![&one, &two], vec![&one]] {
        let (upstreams, _) = with_strategy(Strategy::Race, &stubs, Duration::from_secs(2));
        // At first nothing is known of the line.
        times(&upstreams, 200).await;
        let times = times(&upstreams, number).await;
        let p99 = times[number * 99 / 100];
        println!(
            "{} servers: p50 {:?}, p99 {p99:?}, worst {:?}",
            stubs.len(),
            times[number / 2],
            times[number - 1]
        );
        assert!(p99 <= limit, "{p99:?}");
    }
}

#[tokio::test]
async fn the_first_good_answer_wins_a_race() {
    let silent = Stub::start(|_| Reaction::Silence).await;
    let good = Stub::with_address("192.0.2.1").await;
    let (upstreams, _) = with_strategy(Strategy::Race, &[&silent, &good], LONG);
    let started = Instant::now();
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
    assert!(started.elapsed() < LONG / 4);
    let failing = Stub::start(|_| Reaction::Code(hickory_proto::op::ResponseCode::ServFail)).await;
    let (upstreams, _) = with_strategy(Strategy::Race, &[&failing, &good], LONG);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(
        addresses(&reply),
        ["192.0.2.1"],
        "an error is no good answer"
    );
}

#[tokio::test]
async fn queries_are_spread_evenly() {
    let stubs = [
        Stub::with_address("192.0.2.1").await,
        Stub::with_address("192.0.2.2").await,
        Stub::with_address("192.0.2.3").await,
    ];
    let (upstreams, _) = with_strategy(Strategy::Spread, &stubs.each_ref(), LONG);
    for _ in 0..30 {
        upstreams.ask(&query("home.example")).await.unwrap();
    }
    assert!(stubs.iter().all(|stub| stub.seen().len() == 10));
}

#[tokio::test]
async fn a_dead_server_is_left_after_a_few_queries_whatever_the_strategy() {
    let (number, is_strict) = extent(20);
    let slack = Duration::from_millis(if is_strict { 50 } else { 290 });
    let timeout = Duration::from_millis(600);
    for strategy in ALL {
        let dead = Stub::start(|_| Reaction::Silence).await;
        let good = Stub::start(far_and_lossy(1)).await;
        let (upstreams, shared) = with_strategy(strategy, &[&dead, &good], timeout);
        let started = Instant::now();
        let mut worst_later = Duration::ZERO;
        for number in 0..number.min(400) {
            let asked = Instant::now();
            let name = format!("name-{number}.example");
            upstreams.ask(&query(&name)).await.unwrap();
            assert!(asked.elapsed() <= timeout, "{strategy:?}");
            if started.elapsed() > Duration::from_secs(1) + asked.elapsed() {
                worst_later = worst_later.max(asked.elapsed());
            }
        }
        println!("{strategy:?}: after the first second at most {worst_later:?}");
        assert!(
            worst_later <= timeout / 2 + slack,
            "{strategy:?} {worst_later:?}"
        );
        if strategy != Strategy::Race && strategy != Strategy::Fastest {
            assert!(!shared.figures()[0].is_usable, "{strategy:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_back_is_asked_again_within_two_seconds() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let flaky = Stub::start(move |asked| {
        if up.load(Ordering::Relaxed) {
            asked.with_address("192.0.2.1")
        } else {
            Reaction::Silence
        }
    })
    .await;
    let other = Stub::with_address("192.0.2.2").await;
    let timeout = Duration::from_millis(400);
    let (upstreams, shared) = with_strategy(Strategy::Ordered, &[&flaky, &other], timeout);
    while shared.figures()[0].is_usable {
        upstreams.ask(&query("home.example")).await.unwrap();
    }
    is_up.store(true, Ordering::Relaxed);
    let recovered = Instant::now();
    while upstreams
        .ask(&query("home.example"))
        .await
        .unwrap()
        .upstream
        != UpstreamId(0)
    {
        tokio::task::yield_now().await;
    }
    assert!(
        recovered.elapsed() < Duration::from_secs(2),
        "{:?}",
        recovered.elapsed()
    );
}

#[tokio::test]
async fn when_all_come_back_the_next_query_is_answered() {
    let is_up = Arc::new(AtomicBool::new(false));
    let behave = |up: Arc<AtomicBool>| {
        move |asked: &Asked| {
            if up.load(Ordering::Relaxed) {
                asked.with_address("192.0.2.1")
            } else {
                Reaction::Silence
            }
        }
    };
    let one = Stub::start(behave(Arc::clone(&is_up))).await;
    let two = Stub::start(behave(Arc::clone(&is_up))).await;
    for strategy in ALL {
        is_up.store(false, Ordering::Relaxed);
        let timeout = Duration::from_millis(300);
        let (upstreams, _) = with_strategy(strategy, &[&one, &two], timeout);
        for _ in 0..4 {
            let started = Instant::now();
            let error = upstreams.ask(&query("home.example")).await.unwrap_err();
            assert_eq!(error.ede(), 22, "{strategy:?}");
            assert!(started.elapsed() < timeout + Duration::from_millis(400));
        }
        is_up.store(true, Ordering::Relaxed);
        assert!(
            upstreams.ask(&query("home.example")).await.is_ok(),
            "{strategy:?}"
        );
    }
}

#[tokio::test]
async fn names_that_hang_leave_room_for_others() {
    let stub = Stub::start(|asked| {
        if asked.name.starts_with("hangs") {
            Reaction::Silence
        } else {
            asked.with_address("192.0.2.1")
        }
    })
    .await;
    let config = config_of(&[stub.url("udp")], LONG);
    let shared = Arc::new(Shared::new(&config).with_queries_at_once(50));
    let upstreams = Upstreams::new(&config, shared);
    let hanging: Vec<_> = (0..200)
        .map(|number| query(&format!("hangs-{number}.example")))
        .collect();
    let flood = futures_util::future::join_all(hanging.iter().map(|query| upstreams.ask(query)));
    let quick = async {
        while stub.seen().len() < 50 {
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        for number in 0..5 {
            let reply = upstreams
                .ask(&query(&format!("quick-{number}.example")))
                .await;
            assert!(reply.is_ok(), "{}", reply.unwrap_err());
        }
        started.elapsed()
    };
    let quick = std::pin::pin!(quick);
    match futures_util::future::select(std::pin::pin!(flood), quick).await {
        futures_util::future::Either::Left(_) => panic!("the hanging names ended first"),
        futures_util::future::Either::Right((took, _)) => assert!(took < LONG / 2, "{took:?}"),
    }
}
