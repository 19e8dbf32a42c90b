//! What a restart leaves of the held answers.

use super::*;

/// Saves what `cache` holds, and reads it into another after `passed` by the clock on the wall.
fn after_restart(cache: &Cache, passed: Duration) -> Cache {
    let (from, into) = (cache.table.as_ref().unwrap(), stale_cache());
    let now = Instant::now();
    let (_, payload) = cache.encode(from, now, 1_000_000_000).unwrap();
    let file = [saved::header(&payload, 0).as_slice(), &payload].concat();
    let then = 1_000_000_000 + i64::try_from(passed.as_millis()).unwrap();
    let table = into.table.as_ref().unwrap();
    into.decode(table, &file, now, then).unwrap();
    into
}

fn stale_cache() -> Cache {
    Cache::new(config::Cache::default())
}

#[tokio::test(start_paused = true)]
async fn what_is_held_outlives_a_restart_and_time_counts() {
    let (cache, asked) = (stale_cache(), query(RecordType::A));
    put(&cache, &asked, &answer(60)).unwrap();
    put(&cache, &query(RecordType::MX), &no_mx()).unwrap();
    time::advance(Duration::from_secs(10)).await;
    let cache = after_restart(&cache, Duration::from_secs(20));
    assert_eq!(get(&cache, &asked).unwrap().answers[0].ttl, 30);
    let nothing = get(&cache, &query(RecordType::MX)).unwrap();
    assert_eq!(nothing.authorities[0].ttl, 30);
    let held = cache.find(&asked, Instant::now()).unwrap();
    assert!(held.extended_error(Instant::now()).is_none());
}

fn no_mx() -> Message {
    let mut answer = message(ProtoType::MX);
    answer.add_authority(soa(60, 60));
    answer
}

#[tokio::test(start_paused = true)]
async fn what_is_over_after_a_restart_is_stale_and_what_is_too_old_is_gone() {
    let (cache, asked) = (stale_cache(), query(RecordType::A));
    put(&cache, &asked, &answer(60)).unwrap();
    let stale = after_restart(&cache, Duration::from_hours(1));
    assert!(
        stale
            .find(&asked, Instant::now())
            .unwrap()
            .is_stale(Instant::now())
    );
    let gone = after_restart(&cache, Duration::from_hours(25));
    assert_eq!(gone.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_questions_apart() {
    let cache = stale_cache();
    put(&cache, &query(RecordType::A), &denial(60)).unwrap();
    let mut validating = query(RecordType::MX);
    validating.flags |= 0x0010;
    put(&cache, &validating, &no_mx()).unwrap();
    let cache = after_restart(&cache, Duration::ZERO);
    assert!(
        get(&cache, &query(RecordType::AAAA)).is_some(),
        "no such name"
    );
    assert!(get(&cache, &validating).is_some());
    assert_eq!(cache.stats().entries, 2);
}

#[tokio::test(start_paused = true)]
async fn failures_do_not_outlive_a_restart() {
    let (cache, asked) = (stale_cache(), query(RecordType::A));
    cache.fail(&asked, 22, Instant::now());
    assert_eq!(after_restart(&cache, Duration::ZERO).stats().entries, 0);
}

#[test]
fn what_was_asked_since_the_start_is_newer_than_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("held");
    let (cache, asked) = (stale_cache(), query(RecordType::A));
    put(&cache, &asked, &answer(60)).unwrap();
    assert_eq!(cache.save(&file).unwrap(), 1);
    let cache = stale_cache();
    put(&cache, &asked, &answer(300)).unwrap();
    assert_eq!(cache.load(&file).unwrap(), 0);
    assert_eq!(get(&cache, &asked).unwrap().answers[0].ttl, 300);
    let cache = stale_cache();
    cache.fail(&asked, 22, Instant::now());
    assert_eq!(cache.load(&file).unwrap(), 1, "a failure is no answer");
}

#[test]
fn what_other_upstreams_said_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("held");
    let upstream = config::Upstream::default();
    let cache = stale_cache().with_upstream(&upstream);
    put(&cache, &query(RecordType::A), &answer(60)).unwrap();
    cache.save(&file).unwrap();
    let load = |upstream: &config::Upstream| {
        let cache = stale_cache().with_upstream(upstream);
        cache.load(&file).unwrap()
    };
    assert_eq!(load(&upstream), 1);
    let other = |change: fn(&mut config::Upstream)| {
        let mut upstream = upstream.clone();
        change(&mut upstream);
        load(&upstream)
    };
    assert_eq!(other(|upstream| upstream.servers.truncate(1)), 0);
    assert_eq!(other(|upstream| upstream.dnssec = true), 0);
    // Whom is asked first makes no other answers.
    let asked = |upstream: &mut config::Upstream| upstream.strategy = config::Strategy::Spread;
    assert_eq!(other(asked), 1);
}

#[test]
fn a_file_of_before_it_was_told_from_whom_answers_are_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("held");
    std::fs::write(&file, b"sq-held1 and what else there was").unwrap();
    assert_eq!(stale_cache().load(&file).unwrap(), 0);
}

#[test]
fn a_damaged_file_is_refused_wherever_the_damage_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("held");
    let cache = stale_cache();
    put(&cache, &query(RecordType::A), &answer(60)).unwrap();
    cache.save(&file).unwrap();
    let good = std::fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&file, damaged).unwrap();
        assert!(stale_cache().load(&file).is_err(), "{at}");
        std::fs::write(&file, &good[..at]).unwrap();
        assert!(stale_cache().load(&file).is_err(), "cut at {at}");
    }
}

#[test]
fn where_nothing_was_saved_nothing_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("held");
    assert_eq!(stale_cache().load(&file).unwrap(), 0);
}
