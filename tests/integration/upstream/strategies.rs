//! Which upstream is asked, how quickly another takes its place, and how soon it is back.
//!
//! `UPSTREAM_QUERIES=10000` makes the measured tests as long as the promises of the manual; as they
//! run otherwise, they allow for a busy machine.

#![expect(
    clippy::print_stdout,
    reason = "the times are what a longer run is for"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};
use squelch::config::Strategy;
use squelch::upstream::{Shared, Upstreams};
use tokio::time::Instant;

use super::several::nobody;
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

/// The usual timeout, and how long an answer takes from far away.
const TIMEOUT: Duration = Duration::from_secs(2);
const FAR: Duration = Duration::from_millis(20);

/// An address, from far away.
fn far(asked: &Asked) -> Reaction {
    Reaction::After(FAR, Box::new(asked.with_address("192.0.2.1")))
}

/// As far away; of twenty datagrams one is lost, for each line another.
fn far_and_lossy(line: u64) -> impl Fn(&Asked) -> Reaction + Send + Sync + 'static {
    move |asked| {
        let number = u64::try_from(asked.number).unwrap() + line * 1_000_000;
        if mixed(number).is_multiple_of(20) {
            return Reaction::Silence;
        }
        far(asked)
    }
}

/// Answers as long as it is up.
fn when(is_up: &Arc<AtomicBool>) -> impl Fn(&Asked) -> Reaction + Send + Sync + 'static {
    let is_up = Arc::clone(is_up);
    move |asked| {
        if is_up.load(Ordering::Relaxed) {
            asked.with_address("192.0.2.1")
        } else {
            Reaction::Silence
        }
    }
}

/// Numbers that follow one another become numbers that have nothing to do with each other
/// (`SplitMix64`): a line that loses a datagram has no reason to lose its repeat as well.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Asks `number` new names, fifty at a time, and gives the time of each, sorted.
async fn times(upstreams: &Upstreams, number: usize) -> Vec<Duration> {
    times_of(upstreams, number, 50).await
}

async fn times_of(upstreams: &Upstreams, number: usize, at_once: usize) -> Vec<Duration> {
    let asks = stream::iter(0..number).map(async |number| {
        let started = Instant::now();
        let reply = upstreams
            .ask(&query(&format!("name-{number}.example")))
            .await;
        assert!(reply.is_ok(), "{}", reply.unwrap_err());
        started.elapsed()
    });
    let mut times: Vec<_> = asks.buffer_unordered(at_once).collect().await;
    times.sort();
    times
}

#[tokio::test(start_paused = true)]
async fn in_a_race_a_datagram_is_sent_again_as_soon_as_its_answer_is_late() {
    let ms = Duration::from_millis;
    let lost = Arc::new(AtomicUsize::new(0));
    let losing = Arc::clone(&lost);
    let stub = Stub::start(move |asked| {
        let is_lost = losing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lost| {
            lost.checked_sub(1)
        });
        if is_lost.is_ok() {
            return Reaction::Silence;
        }
        far(asked)
    })
    .await;
    let (upstreams, _) = with_strategy(Strategy::Race, &[&stub], TIMEOUT);
    times(&upstreams, 200).await;
    for (number, took_ms) in [(0, 20), (1, 50), (2, 95), (3, 162), (4, 264), (1, 50)] {
        lost.store(number, Ordering::Relaxed);
        let took = times(&upstreams, 1).await[0];
        let late = took.saturating_sub(ms(took_ms));
        assert!(
            late <= ms(6) && took >= ms(took_ms),
            "{number} lost: {took:?}"
        );
    }
}

#[tokio::test]
async fn a_race_hides_the_losses_of_a_bad_line() {
    let (number, is_strict) = extent(4000);
    let good = Stub::start(far).await;
    let one = Stub::start(far_and_lossy(1)).await;
    let two = Stub::start(far_and_lossy(2)).await;
    for stubs in [vec![&one, &two], vec![&one]] {
        let (upstreams, _) = with_strategy(Strategy::Race, &stubs, TIMEOUT);
        // At first nothing is known of the line.
        times(&upstreams, 200).await;
        // Twenty milliseconds on a line without losses, too, but for how busy the machine is.
        let (control, _) = with_strategy(Strategy::Race, &[&good], TIMEOUT);
        let control = times_of(&control, number / 10, 5);
        let (times, control) = join(times(&upstreams, number), control).await;
        let [p99, usual] = [&times, &control].map(|times| times[times.len() * 99 / 100]);
        println!(
            "{} servers, {number} queries: p50 {:?}, p99 {p99:?}, worst {:?}; without losses p99 {usual:?}",
            stubs.len(),
            times[number / 2],
            times[number - 1]
        );
        let noise = usual.saturating_sub(FAR);
        // The answer and its repeat are late, and so are the repeats that wait for what is usual.
        let is_exact = is_strict && stubs.len() == 2;
        let slack = if is_exact { Duration::ZERO } else { noise * 8 };
        assert!(
            p99 <= Duration::from_millis(60) + slack,
            "{p99:?}, noise {noise:?}"
        );
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
async fn a_dead_server_costs_half_of_the_time_at_most_and_after_a_second_nothing() {
    let (number, _) = extent(300);
    let timeout = Duration::from_millis(600);
    let bound = timeout / 2 + Duration::from_millis(50);
    let good = Stub::start(far).await;
    let silent = Stub::start(|_| Reaction::Silence).await;
    let (closed, urls) = (nobody().await, [silent.url("udp"), silent.url("tcp")]);
    let cases = urls
        .iter()
        .chain([&closed])
        .flat_map(|dead| ALL.map(|strategy| (dead, strategy)));
    let ask_all = cases.map(async |(dead, strategy)| {
        let mut config = config_of(&[dead.clone(), good.url("udp")], timeout);
        config.strategy = strategy;
        let upstreams = Upstreams::new(&config, Arc::new(Shared::new(&config)));
        let started = Instant::now();
        let mut first_second = Duration::ZERO;
        while started.elapsed() < Duration::from_secs(1) {
            first_second = first_second.max(times_of(&upstreams, 5, 5).await[4]);
        }
        let later = times_of(&upstreams, number, 5).await;
        println!(
            "{strategy:?} with {dead}: at first at most {first_second:?}, then p99 {:?}, worst {:?}",
            later[number * 99 / 100],
            later[number - 1]
        );
        assert!(first_second <= timeout, "{strategy:?} {first_second:?}");
        assert!(later[number - 1] <= bound, "{strategy:?} {later:?}");
    });
    join_all(ask_all).await;
}

#[tokio::test]
async fn a_server_that_is_back_is_asked_again_within_two_seconds() {
    let timeout = Duration::from_millis(400);
    let recoveries = ALL.map(async |strategy| {
        let is_up = Arc::new(AtomicBool::new(false));
        let flaky = Stub::start(when(&is_up)).await;
        let other = Stub::with_address("192.0.2.2").await;
        let (upstreams, shared) = with_strategy(strategy, &[&flaky, &other], timeout);
        while shared.figures()[0].is_usable {
            times_of(&upstreams, 1, 1).await;
        }
        is_up.store(true, Ordering::Relaxed);
        let recovered = Instant::now();
        while shared.figures()[0].failed_in_a_row > 0 || !shared.figures()[0].is_usable {
            times_of(&upstreams, 1, 1).await;
            tokio::task::yield_now().await;
        }
        println!("{strategy:?}: back after {:?}", recovered.elapsed());
        assert!(recovered.elapsed() < Duration::from_secs(2), "{strategy:?}");
    });
    join_all(recoveries).await;
}

#[tokio::test]
async fn when_all_come_back_the_next_query_is_answered() {
    let is_up = Arc::new(AtomicBool::new(false));
    let one = Stub::start(when(&is_up)).await;
    let two = Stub::start(when(&is_up)).await;
    for strategy in ALL {
        is_up.store(false, Ordering::Relaxed);
        let timeout = Duration::from_millis(300);
        let (upstreams, _) = with_strategy(strategy, &[&one, &two], timeout);
        for _ in 0..4 {
            let started = Instant::now();
            let error = upstreams.ask(&query("home.example")).await.unwrap_err();
            assert_eq!(error.ede(), 22, "{strategy:?}");
            // Where the whole server is asked, the bound is as tight as promised.
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
    let flood = join_all(hanging.iter().map(|query| upstreams.ask(query)));
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
