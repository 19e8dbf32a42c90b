//! How much is held at most.

use super::*;

/// A cache that was given so many answers; those of the first are asked for all the time.
fn flooded(config: config::Cache, flood: u32, bytes: usize) -> (Cache, Query) {
    let cache = Cache::new(config);
    let popular = query(RecordType::A);
    put(&cache, &popular, &answer(300)).unwrap();
    for number in 0..flood {
        let text = format!("{number}.flood.example");
        let query = Query::internal(text.parse().unwrap(), RecordType::TXT);
        let mut wire = vec![0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        wire.extend_from_slice(query.name.as_wire());
        wire.extend_from_slice(&[0, 16, 0, 1, 0xc0, 12, 0, 16, 0, 1, 0, 0, 1, 0]);
        wire.extend_from_slice(&u16::try_from(bytes).unwrap().to_be_bytes());
        wire.resize(wire.len() + bytes, 1);
        cache.put(&query, wire, Instant::now()).unwrap();
        cache.find(&popular, Instant::now());
    }
    (cache, popular)
}

fn assert_bounded(cache: &Cache) {
    let stats = cache.stats();
    assert!(stats.entries <= stats.max_entries, "{stats:?}");
    assert!(stats.bytes <= stats.max_bytes, "{stats:?}");
    let table = cache.table.as_ref().unwrap();
    let slots = table.memory_used();
    let counted = room::SLOT * stats.max_entries as u64;
    assert!(slots.total() as u64 <= counted, "{slots:?}, {counted}");
}

#[test]
fn the_number_of_answers_is_bounded() {
    let config = config::Cache {
        entries: 2000,
        ..config::Cache::default()
    };
    let (cache, popular) = flooded(config, 10_000, 10);
    assert_bounded(&cache);
    assert!(cache.stats().entries > 1800, "{:?}", cache.stats());
    assert!(get(&cache, &popular).is_some());
}

#[test]
fn their_bytes_are_bounded_slots_and_all() {
    let config = config::Cache {
        entries: 2000,
        max_size: 2_000_000,
        ..config::Cache::default()
    };
    let (cache, popular) = flooded(config, 5_000, 2000);
    assert_bounded(&cache);
    assert!(cache.stats().entries < 1000, "{:?}", cache.stats());
    assert!(cache.stats().bytes > 1_800_000, "{:?}", cache.stats());
    assert!(get(&cache, &popular).is_some());
}

#[test]
fn so_many_usual_answers_fit_as_the_config_says() {
    let config = config::Cache::default();
    let entries = u32::try_from(config.entries).unwrap();
    let cache = Cache::new(config);
    let mut usual = answer(300);
    for _ in 0..8 {
        usual.add_answer(address(300));
    }
    let held = put(&cache, &query(RecordType::A), &usual).unwrap();
    let size = room::size(&held);
    assert!(
        size * u64::from(entries) <= cache.stats().max_bytes,
        "{size}"
    );
}

#[test]
fn a_cache_without_entries_stays_empty() {
    let config = config::Cache {
        entries: 0,
        ..config::Cache::default()
    };
    let cache = Cache::new(config);
    put(&cache, &query(RecordType::A), &answer(60)).unwrap();
    assert!(get(&cache, &query(RecordType::A)).is_none());
}

/// As many records as a message has room for, all of which are compared with each other.
#[test]
fn a_message_full_of_records_is_put_right_in_no_time() {
    let asked = Query {
        transport: crate::query::Transport::Tcp,
        ..query(RecordType::A)
    };
    let mut message = message(ProtoType::A);
    for number in 0..1000_u16 {
        let [high, low] = number.to_be_bytes();
        for ttl in [300, 60 + u32::from(number)] {
            let data = RData::A(A::new(192, 0, high, low));
            let record = Record::from_rdata(name(HOME), ttl, data);
            message.answers.push(record);
        }
    }
    let cache = cache();
    put(&cache, &asked, &message).unwrap();
    let answers = get(&cache, &asked).unwrap().answers;
    assert_eq!(answers.len(), 1000);
    assert!(answers.iter().all(|record| record.ttl == answers[0].ttl));
}
