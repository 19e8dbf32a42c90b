//! What is held, for how long, and for whom.

use hickory_proto::op::{
    Edns as ProtoEdns, Message, MessageType, OpCode, Query as Question, ResponseCode,
};
use hickory_proto::rr::rdata::{A, CNAME, NULL, SOA, SRV, TXT};
use hickory_proto::rr::{Name as ProtoName, RData, Record, RecordType as ProtoType};
use tokio::time;

use super::*;
use crate::query::{AnswerBuf, Edns, GroupId, Rcode, RecordType};

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

/// A cache that gives nothing stale.
fn cache() -> Cache {
    Cache::new(config::Cache {
        serve_stale: Duration::ZERO,
        ..config::Cache::default()
    })
}

fn denial(ttl: u32) -> Message {
    let mut answer = message(ProtoType::A);
    answer.metadata.response_code = ResponseCode::NXDomain;
    answer.add_authority(soa(ttl, ttl));
    answer
}

fn answer(ttl: u32) -> Message {
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(ttl));
    answer
}

fn get(cache: &Cache, query: &Query) -> Option<Message> {
    let now = Instant::now();
    let held = cache.find(query, now)?;
    let mut out = AnswerBuf::new();
    held.write(query, now, &mut out);
    Some(Message::from_vec(out.as_slice()).unwrap())
}

fn put(cache: &Cache, query: &Query, message: &Message) -> Result<Held, Unreadable> {
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

#[test]
fn nothing_here_is_held_no_longer_than_anything_else() {
    let cache = Cache::new(config::Cache {
        max_ttl: Duration::from_secs(10),
        ..config::Cache::default()
    });
    let held = put(&cache, &query(RecordType::A), &denial(300)).unwrap();
    assert_eq!(held.lifetime(), Duration::from_secs(10));
    let told = get(&cache, &query(RecordType::A)).unwrap();
    assert_eq!(told.authorities[0].ttl, 10);
}

#[test]
fn addresses_beside_an_answer_are_left_out_and_so_is_what_signs_them() {
    let mut query = query(RecordType::SRV);
    query.edns = Some(Edns {
        dnssec_ok: true,
        ..Edns::default()
    });
    let host = name("host.example.");
    let signature = |covered: ProtoType| {
        let of = u16::from(covered).to_be_bytes();
        let data = [&of, &[13, 2][..], &[0; 14], b"\x07example\0signature"].concat();
        let data = RData::Unknown {
            code: ProtoType::RRSIG,
            rdata: NULL::with(data),
        };
        Record::from_rdata(host.clone(), 60, data)
    };
    let mut answer = message(ProtoType::SRV);
    let data = SRV::new(1, 2, 853, host.clone());
    answer.add_answer(Record::from_rdata(name(HOME), 60, RData::SRV(data)));
    let address = RData::A(A::new(192, 168, 1, 9));
    answer.add_additional(Record::from_rdata(host.clone(), 60, address));
    let text = RData::TXT(TXT::new(vec!["more".to_owned()]));
    answer.add_additional(Record::from_rdata(host.clone(), 60, text));
    for covered in [ProtoType::A, ProtoType::AAAA, ProtoType::TXT] {
        answer.add_additional(signature(covered));
    }
    let cache = cache();
    put(&cache, &query, &answer).unwrap();
    let told = get(&cache, &query).unwrap();
    let beside = told.additionals.iter().map(|record| &record.data);
    let beside: Vec<String> = beside.map(ToString::to_string).collect();
    assert_eq!(told.answers.len(), 1);
    assert_eq!(beside.len(), 2, "{beside:?}");
    assert_eq!(beside[0], "more");
    assert!(beside[1].starts_with("TXT"), "{beside:?}");
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
fn nothing_here_without_soa_is_not_held() {
    let (cache, query) = (cache(), query(RecordType::A));
    put(&cache, &query, &message(ProtoType::A)).unwrap();
    assert!(get(&cache, &query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_held_for_a_second() {
    let (cache, query) = (cache(), query(RecordType::A));
    let mut failure = message(ProtoType::A);
    failure.metadata.response_code = ResponseCode::ServFail;
    put(&cache, &query, &failure).unwrap();
    time::advance(Duration::from_millis(900)).await;
    let held = get(&cache, &query).unwrap();
    assert_eq!(held.metadata.response_code, ResponseCode::ServFail);
    time::advance(Duration::from_millis(100)).await;
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
        ..Edns::default()
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

fn targets(message: &Message) -> Vec<(RecordType, Target)> {
    let question = message.queries.first().unwrap();
    let query = query(RecordType(question.query_type().into()));
    let held = put(&cache(), &query, message).unwrap();
    held.targets().collect()
}

fn to_name(kind: RecordType, text: &str) -> (RecordType, Target) {
    (kind, Target::Name(text.parse().unwrap()))
}

fn to_address(kind: RecordType, text: &str) -> (RecordType, Target) {
    (kind, Target::Address(text.parse().unwrap()))
}

#[test]
fn an_answer_points_to_its_aliases_and_addresses() {
    let mut answer = message(ProtoType::A);
    let alias =
        |owner, target| Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))));
    answer.add_answer(alias(HOME, "Metrics.Vendor.EXAMPLE."));
    answer.add_answer(alias("metrics.vendor.example.", "cdn.example."));
    let data = RData::A(A::new(192, 0, 2, 7));
    answer.add_answer(Record::from_rdata(name("cdn.example."), 60, data));
    answer.add_authority(soa(60, 60));
    assert_eq!(
        targets(&answer),
        [
            to_name(RecordType::CNAME, "metrics.vendor.example"),
            to_name(RecordType::CNAME, "cdn.example"),
            to_address(RecordType::A, "192.0.2.7"),
        ]
    );
}

#[test]
fn a_service_points_to_its_host() {
    let mut answer = message(ProtoType::SRV);
    let data = SRV::new(1, 2, 853, name("Host.example."));
    answer.add_answer(Record::from_rdata(name(HOME), 60, RData::SRV(data)));
    assert_eq!(targets(&answer), [to_name(RecordType::SRV, "host.example")]);
}

/// An answer with one HTTPS record of this data, as bytes.
fn https(data: &[u8]) -> (Query, Vec<u8>) {
    let query = query(RecordType::HTTPS);
    let mut wire = message(ProtoType::HTTPS).to_vec().unwrap();
    wire[7] = 1;
    wire.extend_from_slice(&[0xc0, 12, 0, 65, 0, 1, 0, 0, 0, 60]);
    wire.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    wire.extend_from_slice(data);
    (query, wire)
}

#[test]
fn https_records_point_to_their_target_and_hints() {
    let hints = b"\0\x01\x03svc\x07EXAMPLE\0\0\x01\0\x03\x02h2\0\x04\0\x08\xc0\0\x02\x01\xc0\0\x02\x02\0\x06\0\x10 \x01\r\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
    let (query, wire) = https(hints);
    let held = cache().put(&query, wire, Instant::now()).unwrap();
    let kind = RecordType::HTTPS;
    assert_eq!(
        held.targets().collect::<Vec<_>>(),
        [
            to_name(kind, "svc.example"),
            to_address(kind, "192.0.2.1"),
            to_address(kind, "192.0.2.2"),
            to_address(kind, "2001:db8::1"),
        ]
    );
    let (query, wire) = https(b"\0\x01\0");
    let held = cache().put(&query, wire, Instant::now()).unwrap();
    assert_eq!(held.targets().next(), None, "its own name is no target");
}

#[test]
fn an_answer_whose_targets_cannot_be_read_is_refused() {
    for data in [
        b"\0\x01\x03sv".as_slice(),
        b"\0\x01\0\0\x04\0\x09\xc0\0\x02\x01",
        b"\0",
    ] {
        let (query, wire) = https(data);
        assert!(
            cache().put(&query, wire, Instant::now()).is_err(),
            "{data:?}"
        );
    }
    // An alias that is a pointer to itself.
    let query = query(RecordType::A);
    let mut wire = message(ProtoType::A).to_vec().unwrap();
    wire[7] = 1;
    let here = u8::try_from(wire.len()).unwrap() + 12;
    wire.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, here]);
    assert!(cache().put(&query, wire, Instant::now()).is_err());
}

#[test]
fn an_answer_is_clean_until_the_rules_change() {
    let query = query(RecordType::A);
    let mut answer = message(ProtoType::A);
    answer.add_answer(address(60));
    let held = put(&cache(), &query, &answer).unwrap();
    let (family, children, last) = (GroupId(0), GroupId(1), GroupId(63));
    assert!(!held.is_clean(0, family));
    for group in [family, children, last] {
        assert!(!held.is_clean(3, group));
        held.mark_clean(3, group);
    }
    assert!(held.is_clean(3, family) && held.is_clean(3, children));
    assert!(!held.is_clean(3, last));
    held.mark_clean(4, children);
    assert!(held.is_clean(4, children) && !held.is_clean(4, family));
}

#[test]
fn the_upstreams_reason_is_passed_on() {
    use hickory_proto::rr::rdata::opt::EdnsOption;
    let mut failure = message(ProtoType::A);
    failure.metadata.response_code = ResponseCode::ServFail;
    let mut edns = ProtoEdns::new();
    let reason = EdnsOption::Unknown(15, vec![0, 6, b'x']);
    edns.options_mut().insert(reason);
    failure.edns = Some(edns);
    let held = put(&cache(), &query(RecordType::A), &failure).unwrap();
    let said = held.extended_error(Instant::now()).unwrap();
    assert_eq!((said.code, said.text), (6, ""));
}

mod bounds;
mod names;
mod restart;
mod stale;
mod together;
