//! What is held, for how long, and for whom.

use hickory_proto::op::{
    Edns as ProtoEdns, Message, MessageType, OpCode, Query as Question, ResponseCode,
};
use hickory_proto::rr::rdata::{A, CNAME, SOA};
use hickory_proto::rr::{Name as ProtoName, RData, Record, RecordType as ProtoType};
use tokio::time;

use super::*;
use crate::query::{Edns, RecordType};

const HOME: &str = "home.example.";

fn query(kind: RecordType) -> Query {
    Query::internal("HOME.example".parse().unwrap(), kind)
}

fn name(text: &str) -> ProtoName {
    ProtoName::from_ascii(text).unwrap()
}

fn message(kind: ProtoType) -> Message {
    let mut message = Message::new(7, MessageType::Response, OpCode::Query);
    message.add_query(Question::query(name(HOME), kind));
    message
}

fn address(ttl: u32) -> Record {
    Record::from_rdata(name(HOME), ttl, RData::A(A::new(192, 0, 2, 1)))
}

fn soa(ttl: u32, minimum: u32) -> Record {
    let data = SOA::new(
        name("ns.example."),
        name("admin.example."),
        1,
        2,
        3,
        4,
        minimum,
    );
    Record::from_rdata(name("example."), ttl, RData::SOA(data))
}

fn cache() -> Cache {
    Cache::new(config::Cache::default())
}

fn get(cache: &Cache, query: &Query) -> Option<Message> {
    let mut out = AnswerBuf::new();
    cache
        .get(query, Instant::now(), &mut out)
        .then(|| Message::from_vec(out.as_slice()).unwrap())
}

fn put(cache: &Cache, query: &Query, message: &Message) -> Result<Arc<Held>, Unreadable> {
    cache.put(query, message.to_vec().unwrap(), Instant::now())
}

#[tokio::test(start_paused = true)]
async fn a_held_answer_counts_down_and_ends_with_its_ttl() {
    let (cache, query) = (cache(), query(RecordType::A));
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(60));
    put(&cache, &query, &answer).unwrap();
    time::advance(Duration::from_secs(20)).await;
    let held = get(&cache, &query).unwrap();
    assert_eq!(held.answers.first().unwrap().ttl, 40);
    assert_eq!(
        held.queries.first().unwrap().name().to_string(),
        "HOME.example."
    );
    time::advance(Duration::from_secs(40)).await;
    assert!(get(&cache, &query).is_none());
}

#[tokio::test(start_paused = true)]
async fn nothing_here_is_held_for_the_smaller_of_soa_ttl_and_minimum() {
    let (cache, query) = (cache(), query(RecordType::A));
    let mut answer = message(ProtoType::A);
    answer.metadata.response_code = ResponseCode::NXDomain;
    answer.add_authority(soa(3600, 30));
    put(&cache, &query, &answer).unwrap();
    let held = get(&cache, &query).unwrap();
    assert_eq!(held.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(held.authorities.first().unwrap().ttl, 30);
    time::advance(Duration::from_secs(30)).await;
    assert!(get(&cache, &query).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_alias_to_nothing_is_held_as_long_as_the_shorter_of_both() {
    let (cache, query) = (cache(), query(RecordType::A));
    let mut answer = message(ProtoType::A);
    answer.add_answer(Record::from_rdata(
        name(HOME),
        5,
        RData::CNAME(CNAME(name("away.example."))),
    ));
    answer.add_authority(soa(3600, 30));
    assert_eq!(
        put(&cache, &query, &answer).unwrap().lifetime(),
        Duration::from_secs(5)
    );
}

#[test]
fn nothing_here_without_soa_and_failures_are_not_held() {
    let (cache, query) = (cache(), query(RecordType::A));
    put(&cache, &query, &message(ProtoType::A)).unwrap();
    assert!(get(&cache, &query).is_none());
    let mut failure = message(ProtoType::A);
    failure.metadata.response_code = ResponseCode::ServFail;
    put(&cache, &query, &failure).unwrap();
    assert!(get(&cache, &query).is_none());
}

#[test]
fn types_and_dnssec_wishes_are_held_apart() {
    let (cache, plain) = (cache(), query(RecordType::A));
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(60));
    put(&cache, &plain, &answer).unwrap();
    let mut wants_dnssec = plain.clone();
    wants_dnssec.edns = Some(Edns {
        payload: 1232,
        version: 0,
        dnssec_ok: true,
    });
    assert!(get(&cache, &plain).is_some());
    assert!(get(&cache, &wants_dnssec).is_none());
    assert!(get(&cache, &query(RecordType::AAAA)).is_none());
}

#[test]
fn the_opt_record_of_the_upstream_stays_between_it_and_us() {
    let (cache, query) = (cache(), query(RecordType::A));
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(60));
    answer.edns = Some(ProtoEdns::new());
    put(&cache, &query, &answer).unwrap();
    let held = get(&cache, &query).unwrap();
    assert!(held.edns.is_none());
    assert_eq!(held.answers.len(), 1);
}

#[test]
fn ttls_are_bounded_and_a_negative_one_is_zero() {
    let (cache, query) = (cache(), query(RecordType::A));
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(10_000_000));
    assert_eq!(
        put(&cache, &query, &answer).unwrap().lifetime(),
        Duration::from_hours(24)
    );
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(0x8000_0001));
    assert_eq!(
        put(&cache, &query, &answer).unwrap().lifetime(),
        Duration::ZERO
    );
}

#[test]
fn what_answers_another_question_or_is_cut_off_is_refused() {
    let (cache, query) = (cache(), query(RecordType::A));
    assert!(put(&cache, &query, &message(ProtoType::AAAA)).is_err());
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(60));
    let bytes = answer.to_vec().unwrap();
    for len in 0..bytes.len() {
        assert!(
            cache
                .put(&query, bytes[..len].to_vec(), Instant::now())
                .is_err(),
            "{len}"
        );
    }
}

#[test]
fn one_name_or_everything_can_be_forgotten() {
    let cache = cache();
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(60));
    let query = query(RecordType::A);
    put(&cache, &query, &answer).unwrap();
    cache.clear_name(&"other.example".parse().unwrap());
    assert_eq!(cache.stats().entries, 1);
    cache.clear_name(&query.name);
    assert_eq!(cache.stats().entries, 0);
    put(&cache, &query, &answer).unwrap();
    cache.clear();
    assert_eq!(cache.stats().entries, 0);
}
