//! Many who ask the same at once.

use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::*;

fn heard() -> Ready<Heard> {
    ready(Ok((answer(60).to_vec().unwrap(), UpstreamId(3))))
}

#[tokio::test]
async fn a_thousand_who_ask_the_same_ask_once() {
    let (cache, asked, answered) = (cache(), AtomicUsize::new(0), Notify::new());
    let query = query(RecordType::A);
    let ask = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        answered.notified().await;
        heard().await
    };
    let all = join_all((0..1000).map(|_| cache.resolve(&query, Box::pin(ask()))));
    let release = async {
        tokio::task::yield_now().await;
        answered.notify_one();
    };
    let (told, ()) = tokio::join!(all, release);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    for (held, source) in told {
        assert_eq!(held.rcode(), Rcode::NOERROR);
        assert_eq!(source, Source::Upstream(UpstreamId(3)));
    }
}

#[tokio::test]
async fn who_asks_other_things_does_not_wait() {
    let cache = cache();
    let other = query(RecordType::AAAA);
    let mut message = message(ProtoType::AAAA);
    message.add_authority(soa(60, 60));
    let wire = message.to_vec().unwrap();
    let first = query(RecordType::A);
    tokio::select! {
        biased;
        _ = cache.resolve(&first, pending()) => unreachable!("it is never answered"),
        (held, _) = cache.resolve(&other, ready(Ok((wire, UpstreamId(0))))) => {
            assert_eq!(held.rcode(), Rcode::NOERROR);
        }
    }
}

#[tokio::test]
async fn when_the_one_who_asks_is_gone_another_asks() {
    let cache = Arc::new(cache());
    let query = query(RecordType::A);
    let mut first = Box::pin(cache.resolve(&query, pending()));
    let second = cache.resolve(&query, heard());
    let mut second = Box::pin(second);
    tokio::select! {
        biased;
        _ = &mut first => unreachable!("it is never answered"),
        _ = &mut second => unreachable!("it waits for the first"),
        () = ready(()) => {}
    }
    drop(first);
    let (held, _) = second.await;
    assert_eq!(held.rcode(), Rcode::NOERROR);
}

#[tokio::test]
async fn who_comes_when_the_answer_is_there_does_not_ask_again() {
    let cache = cache();
    let query = query(RecordType::A);
    cache.resolve(&query, heard()).await;
    let (_, source) = cache.resolve(&query, pending()).await;
    assert_eq!(source, Source::Cache);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_not_asked_again_for_a_second() {
    let cache = cache();
    let query = query(RecordType::A);
    let ask = |cache| Cache::resolve(cache, &query, ready(Err(22)));
    let (first, second) = tokio::join!(ask(&cache), ask(&cache));
    for (held, source) in [first, second, cache.resolve(&query, pending()).await] {
        assert_eq!((held.rcode(), held.is_failure()), (Rcode::SERVFAIL, true));
        assert_ne!(source, Source::Upstream(UpstreamId(0)));
    }
    time::advance(Duration::from_secs(1)).await;
    let (held, _) = cache.resolve(&query, heard()).await;
    assert_eq!(held.rcode(), Rcode::NOERROR);
}

#[tokio::test]
async fn a_refresh_that_somebody_else_does_is_not_done_again() {
    let cache = cache();
    let query = query(RecordType::A);
    tokio::select! {
        biased;
        _ = cache.resolve(&query, pending()) => unreachable!("it is never answered"),
        () = cache.refresh(&query, pending()) => {}
    }
    assert_eq!(cache.stats().refreshes, 0);
    cache.refresh(&query, heard()).await;
    assert_eq!(cache.stats().refreshes, 1);
    assert!(get(&cache, &query).is_some());
}

#[tokio::test]
async fn a_message_that_makes_no_sense_is_a_failure() {
    let cache = cache();
    let query = query(RecordType::A);
    let ask = ready(Ok((vec![0; 11], UpstreamId(0))));
    let (held, source) = cache.resolve(&query, ask).await;
    assert_eq!((held.rcode(), source), (Rcode::SERVFAIL, Source::Failure));
}
