//! What devices notice of the cache: when upstreams are gone, slow or asked by many at once.

#![expect(
    clippy::print_stdout,
    reason = "the times are what the manual promises"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use tokio::sync::Notify;
use tokio::time::{Instant, interval, timeout};

use crate::house::{House, extended_error, question, read_frame, told, write_frame};
use crate::stub::{Reaction, Stub};

const PATIENCE: Duration = Duration::from_secs(30);
const STALE: u16 = 3;
const SPELLED: [&str; 2] = ["Home.example.", "home.EXAMPLE."];

/// An upstream that can be switched off and on again.
async fn switched() -> (Stub, Arc<AtomicBool>) {
    let on = Arc::new(AtomicBool::new(true));
    let is_on = Arc::clone(&on);
    let stub = Stub::start(move |asked| {
        if is_on.load(Ordering::Relaxed) {
            asked.with_address("192.0.2.99")
        } else {
            Reaction::Silence
        }
    });
    (stub.await, on)
}

/// Asks until the answer is as wanted, and gives it.
async fn ask_until(house: &House, name: &str, wanted: impl Fn(&Message) -> bool) -> Message {
    let mut tries = interval(Duration::from_millis(20));
    let asking = async {
        loop {
            tries.tick().await;
            let answer = house.ask(name, RecordType::A).await;
            if wanted(&answer) {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking).await.unwrap()
}

fn is_stale(answer: &Message) -> bool {
    extended_error(answer).is_some_and(|(code, _)| code == STALE)
}

#[tokio::test]
async fn a_thousand_who_ask_the_same_ask_the_upstream_once() {
    let answered = Arc::new(Notify::new());
    let later = Arc::clone(&answered);
    let stub = Stub::start(move |asked| {
        let reaction = asked.with_address("192.0.2.99");
        Reaction::Later(Arc::clone(&later), Box::new(reaction))
    })
    .await;
    let house = House::with(stub, "").await;
    let devices = (0..10).map(|device| {
        let house = &house;
        async move {
            let mut stream = house.connect().await;
            for number in 0..100 {
                let spelled = SPELLED[usize::from(number % 2)];
                let mut message = question(spelled, RecordType::A);
                message.metadata.id = device * 100 + number;
                write_frame(&mut stream, &message.to_vec().unwrap()).await;
            }
            let mut ids = Vec::new();
            for _ in 0..100 {
                let answer = read_frame(&mut stream).await;
                assert_eq!(told(&answer).1, ["192.0.2.99"]);
                let id = answer.metadata.id;
                let spelled = answer.queries[0].name().to_string();
                assert_eq!(spelled.starts_with('H'), id % 2 == 0, "{spelled}");
                ids.push(id);
            }
            ids.sort_unstable();
            assert!(ids.into_iter().eq(device * 100..(device + 1) * 100));
        }
    });
    let release = async {
        let mut looks = interval(Duration::from_millis(20));
        while house.stub.seen().is_empty() {
            looks.tick().await;
        }
        answered.notify_one();
    };
    timeout(PATIENCE, async { tokio::join!(join_all(devices), release) })
        .await
        .unwrap();
    assert_eq!(house.stub.seen().len(), 1);
}

/// How long an answer took that has to come from memory, and whether it was as it should be.
async fn timed(house: &House, name: &str, wanted: impl Fn(&Message) -> bool) -> Duration {
    let asked = Instant::now();
    let answer = house.ask(name, RecordType::A).await;
    let took = asked.elapsed();
    assert!(wanted(&answer), "{name}: {answer}");
    took
}

fn told_times(what: &str, times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    let (p99, worst) = (times[times.len() * 99 / 100], times[times.len() - 1]);
    println!(
        "{} {what}: p50 {:?}, p99 {p99:?}, worst {worst:?}",
        times.len(),
        times[times.len() / 2]
    );
    (p99, worst)
}

fn has_address(answer: &Message) -> bool {
    told(answer).1 == ["192.0.2.99"]
}

fn is_blocked(answer: &Message) -> bool {
    told(answer).1 == ["0.0.0.0"]
}

fn is_unanswered(answer: &Message) -> bool {
    let code = answer.metadata.response_code;
    let told = extended_error(answer);
    code == ResponseCode::ServFail && told.is_some_and(|(code, _)| matches!(code, 22 | 23))
}

/// A server whose two upstreams have just gone, and which held one answer.
async fn deserted() -> (House, [Arc<AtomicBool>; 2]) {
    let [(one, one_on), (two, two_on)] = [switched().await, switched().await];
    let house = House::with_two([one, two], "[cache]\nmax_ttl = \"1s\"\n").await;
    house.ask("held.example.", RecordType::A).await;
    let switches = [one_on, two_on];
    turn(&switches, false);
    (house, switches)
}

fn turn(switches: &[Arc<AtomicBool>], on: bool) {
    for switch in switches {
        switch.store(on, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn while_all_upstreams_are_gone_held_names_are_answered_at_once() {
    let (house, _switches) = deserted().await;
    let stale = ask_until(&house, "held.example.", is_stale).await;
    assert_eq!(stale.answers[0].ttl, 30);
    let (mut held, mut blocked) = (Vec::new(), Vec::new());
    // As many as one device may ask at once.
    for _ in 0..900 {
        let is_held = |answer: &Message| is_stale(answer) && has_address(answer);
        held.push(timed(&house, "held.example.", is_held).await);
        blocked.push(timed(&house, "tracking.miui.com.", is_blocked).await);
    }
    let (p99, worst) = told_times("stale", &mut held);
    // Other tests take the machine's time as well: what is blocked never waits for anybody, and
    // tells how much.
    let (noise, _) = told_times("blocked", &mut blocked);
    assert!(
        p99 <= Duration::from_millis(2) + noise,
        "{p99:?}, {noise:?}"
    );
    // The least that any would wait for an upstream is the pause before a question is repeated.
    assert!(worst < Duration::from_millis(80), "{worst:?}");
}

/// Does this for a thousand numbers, one each three milliseconds.
async fn paced<T, F: Future<Output = T>>(act: impl Fn(usize) -> F) -> Vec<T> {
    let starts = stream::unfold(interval(Duration::from_millis(3)), async |mut starts| {
        starts.tick().await;
        Some(((), starts))
    });
    let acts = starts
        .take(1000)
        .enumerate()
        .map(|(number, ())| act(number));
    acts.buffer_unordered(1000).collect().await
}

#[tokio::test]
async fn while_all_upstreams_are_gone_unknown_names_fail_in_time() {
    let (house, _switches) = deserted().await;
    let took = paced(async |number| {
        let noise = timed(&house, "tracking.miui.com.", is_blocked).await;
        let name = format!("unknown{number}.example.");
        (timed(&house, &name, is_unanswered).await, noise)
    });
    let (mut unknown, mut blocked): (Vec<_>, Vec<_>) = took.await.into_iter().unzip();
    let (_, worst) = told_times("unknown", &mut unknown);
    let (_, noise) = told_times("blocked", &mut blocked);
    let bound = Duration::from_millis(500 + 100);
    assert!(worst <= bound + noise, "{worst:?}, {noise:?}");
}

#[tokio::test]
async fn two_seconds_after_upstreams_are_back_all_is_as_before() {
    let (house, switches) = deserted().await;
    ask_until(&house, "held.example.", is_stale).await;
    paced(async |number| {
        house
            .ask(&format!("unknown{number}.example."), RecordType::A)
            .await;
    })
    .await;
    turn(&switches, true);
    let back = Instant::now();
    let later = paced(async |number| {
        let noise = timed(&house, "tracking.miui.com.", is_blocked).await;
        let asked = Instant::now();
        let answer = house
            .ask(&format!("new{number}.example."), RecordType::A)
            .await;
        (asked - back, has_address(&answer), asked.elapsed(), noise)
    });
    let fresh = async {
        ask_until(&house, "held.example.", |answer| !is_stale(answer)).await;
        back.elapsed()
    };
    let (later, fresh) = join(later, fresh).await;
    let failed = later.iter().filter(|(_, is_answered, ..)| !is_answered);
    let last = failed.map(|(asked, ..)| asked).max();
    println!("the last failure was asked for {last:?} after the return");
    assert!(
        last.is_none_or(|last| *last < Duration::from_secs(2)),
        "{last:?}"
    );
    let normal = later
        .iter()
        .filter(|(asked, ..)| *asked >= Duration::from_secs(2));
    let (mut took, mut noise): (Vec<_>, Vec<_>) =
        normal.map(|(_, _, took, noise)| (*took, *noise)).unzip();
    let (_, worst) = told_times("new", &mut took);
    let (_, noise) = told_times("blocked", &mut noise);
    assert!(
        worst <= Duration::from_millis(80) + noise,
        "{worst:?}, {noise:?}"
    );
    assert!(fresh < Duration::from_secs(2), "{fresh:?}");
}

#[tokio::test]
async fn a_stale_answer_is_refreshed_behind_the_device_that_got_it() {
    let (stub, _on) = switched().await;
    let house = House::with(stub, "[cache]\nmax_ttl = \"1s\"\n").await;
    house.ask("held.example.", RecordType::A).await;
    ask_until(&house, "held.example.", is_stale).await;
    let fresh = ask_until(&house, "held.example.", |answer| !is_stale(answer)).await;
    assert_eq!(fresh.answers[0].ttl, 1);
    assert_eq!(house.stub.seen().len(), 2);
}

#[tokio::test]
async fn with_stale_answers_off_an_answer_that_is_over_is_asked_for_again() {
    let (stub, _on) = switched().await;
    let config = "[cache]\nmax_ttl = \"1s\"\nserve_stale = \"0s\"\n";
    let house = House::with(stub, config).await;
    ask_until(&house, "held.example.", |answer| {
        assert!(!is_stale(answer));
        house.stub.seen().len() == 2
    })
    .await;
}

#[tokio::test]
async fn a_restart_does_not_forget_what_was_held() {
    let (stub, on) = switched().await;
    let house = House::with(stub, "").await;
    house.ask("held.example.", RecordType::A).await;
    on.store(false, Ordering::Relaxed);
    let house = house.restart("").await;
    let answer = ask_until(&house, "held.example.", |answer| !answer.answers.is_empty()).await;
    assert!(!is_stale(&answer));
    assert!(answer.answers[0].ttl <= 300);
}

#[tokio::test]
async fn where_names_are_not_kept_a_restart_begins_with_nothing() {
    let (stub, _on) = switched().await;
    let private = "[journal]\nprivacy = \"no_names\"\n";
    let house = House::with(stub, "").await;
    house.ask("held.example.", RecordType::A).await;
    // What was saved before the setting changed goes as well.
    let house = house.restart(private).await;
    let house = house.restart(private).await;
    assert!(!house.folder().join("cache.zst").exists());
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_the_server_starts() {
    let (stub, _on) = switched().await;
    let house = House::with(stub, "").await;
    let file = house.folder().join("cache.zst");
    let house = house
        .stopped(|| std::fs::write(&file, "no cache").unwrap())
        .await;
    let answer = house.ask("home.example.", RecordType::A).await;
    assert_eq!(told(&answer).1, ["192.0.2.99"]);
    let aside = house.folder().join("cache.zst.broken");
    let house = house.restart("").await;
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "no cache");
    assert!(house.folder().join("cache.zst").exists());
}
