//! Answers whose time is over, or nearly.

use super::*;

fn stale_cache() -> Cache {
    Cache::new(config::Cache::default())
}

fn refreshes(cache: &Cache, query: &Query) -> bool {
    let now = Instant::now();
    let held = cache.find(query, now).unwrap();
    cache.give(&held, now)
}

fn fail(cache: &Cache, query: &Query) -> Told {
    cache.fail(query, 22, Instant::now())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_over_is_given_for_another_day() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(60)).unwrap();
    time::advance(Duration::from_hours(24)).await;
    let held = cache.find(&query, Instant::now()).unwrap();
    let said = held.extended_error(Instant::now()).unwrap();
    assert_eq!(said.code, ExtendedError::STALE);
    assert_eq!(get(&cache, &query).unwrap().answers[0].ttl, 30);
    assert_eq!(cache.stats().stale, 2);
    time::advance(Duration::from_mins(1)).await;
    assert!(get(&cache, &query).is_none());
}

#[tokio::test(start_paused = true)]
async fn one_of_those_who_get_a_stale_answer_refreshes_it() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(60)).unwrap();
    assert!(!refreshes(&cache, &query));
    time::advance(Duration::from_mins(1)).await;
    assert!(refreshes(&cache, &query));
    assert!(!refreshes(&cache, &query));
    time::advance(Duration::from_secs(1)).await;
    assert!(refreshes(&cache, &query), "the one before has failed");
    put(&cache, &query, &answer(60)).unwrap();
    assert!(!refreshes(&cache, &query));
    assert_eq!(get(&cache, &query).unwrap().answers[0].ttl, 60);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_refresh_there_is_a_pause() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(60)).unwrap();
    time::advance(Duration::from_secs(63)).await;
    assert!(refreshes(&cache, &query));
    time::advance(Duration::from_secs(2)).await;
    let (held, source) = fail(&cache, &query);
    assert_eq!((held.rcode(), source), (Rcode::NOERROR, Source::Cache));
    assert!(!refreshes(&cache, &query));
    time::advance(Duration::from_secs(1)).await;
    assert!(refreshes(&cache, &query));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_fails_does_not_push_out_what_is_held() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(60)).unwrap();
    time::advance(Duration::from_mins(2)).await;
    let mut failure = message(ProtoType::A);
    failure.metadata.response_code = ResponseCode::ServFail;
    let given = put(&cache, &query, &failure).unwrap();
    assert_eq!(given.rcode(), Rcode::NOERROR);
    assert_eq!(get(&cache, &query).unwrap().answers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_such_name_is_given_stale_only_when_asking_fails() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &denial(60)).unwrap();
    time::advance(Duration::from_mins(1)).await;
    assert!(get(&cache, &query).is_none());
    let (held, source) = fail(&cache, &query);
    assert_eq!((held.rcode(), source), (Rcode::NXDOMAIN, Source::Cache));
    let said = held.extended_error(Instant::now()).unwrap();
    assert_eq!(said.code, ExtendedError::STALE_NXDOMAIN);
    assert!(get(&cache, &query).is_some(), "asking has just failed");
    time::advance(Duration::from_secs(1)).await;
    assert!(get(&cache, &query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_newer_answer_takes_the_place_of_a_stale_one_of_the_other_kind() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(60)).unwrap();
    time::advance(Duration::from_mins(2)).await;
    put(&cache, &query, &denial(60)).unwrap();
    let held = get(&cache, &query).unwrap();
    assert_eq!(held.metadata.response_code, ResponseCode::NXDomain);
    put(&cache, &query, &answer(60)).unwrap();
    assert_eq!(cache.stats().entries, 1);
    put(&cache, &query, &answer(0)).unwrap();
    assert_eq!(cache.stats().entries, 0, "not to be held at all");
}

#[tokio::test(start_paused = true)]
async fn popular_answers_are_asked_for_once_before_they_are_over() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(100)).unwrap();
    for _ in 0..2 {
        assert!(!refreshes(&cache, &query));
    }
    time::advance(Duration::from_secs(89)).await;
    assert!(!refreshes(&cache, &query));
    time::advance(Duration::from_secs(1)).await;
    assert!(refreshes(&cache, &query));
    assert!(!refreshes(&cache, &query));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_given_once_is_not_asked_for_ahead() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    put(&cache, &query, &answer(100)).unwrap();
    assert!(!refreshes(&cache, &query));
    time::advance(Duration::from_secs(95)).await;
    assert!(!refreshes(&cache, &query));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_never_given_stale() {
    let (cache, query) = (stale_cache(), query(RecordType::A));
    let (held, source) = fail(&cache, &query);
    assert_eq!((held.rcode(), source), (Rcode::SERVFAIL, Source::Failure));
    let said = held.extended_error(Instant::now()).unwrap();
    assert_eq!((said.code, said.text), (22, "no upstream answered"));
    assert!(get(&cache, &query).is_some());
    time::advance(Duration::from_secs(1)).await;
    assert!(get(&cache, &query).is_none());
}
