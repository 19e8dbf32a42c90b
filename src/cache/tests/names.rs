//! Names that do not exist: for every type, and below.

use super::*;

fn below(text: &str, kind: RecordType) -> Query {
    Query::internal(text.parse().unwrap(), kind)
}

fn code(cache: &Cache, query: &Query) -> Option<ResponseCode> {
    get(cache, query).map(|message| message.metadata.response_code)
}

#[tokio::test(start_paused = true)]
async fn no_such_name_is_true_for_every_type_and_below() {
    let cache = cache();
    put(&cache, &query(RecordType::A), &denial(60)).unwrap();
    for asked in [
        query(RecordType::AAAA),
        query(RecordType::HTTPS),
        below("a.home.example", RecordType::A),
        below("A.b.Home.example", RecordType::TXT),
    ] {
        let held = get(&cache, &asked).unwrap();
        assert_eq!(held.metadata.response_code, ResponseCode::NXDomain);
        let question = held.queries.first().unwrap();
        assert_eq!(question.query_type(), asked.kind.0.into());
        assert_eq!(question.name().to_string(), format!("{}.", asked.spelled()));
        assert_eq!(held.authorities.first().unwrap().ttl, 60);
    }
    time::advance(Duration::from_mins(1)).await;
    assert_eq!(code(&cache, &below("a.home.example", RecordType::A)), None);
}

#[test]
fn no_such_name_says_nothing_of_names_beside_and_above() {
    let cache = cache();
    put(&cache, &query(RecordType::A), &denial(60)).unwrap();
    for name in ["example", "xhome.example", "home.example.test", "."] {
        assert_eq!(code(&cache, &below(name, RecordType::A)), None, "{name}");
    }
}

#[test]
fn whoever_validates_gets_the_proof_for_the_very_name() {
    let cache = cache();
    let validating = |mut query: Query| {
        query.edns = Some(Edns {
            dnssec_ok: true,
            ..Edns::default()
        });
        query
    };
    put(&cache, &validating(query(RecordType::A)), &denial(60)).unwrap();
    assert!(code(&cache, &validating(query(RecordType::TXT))).is_some());
    let asked = validating(below("a.home.example", RecordType::A));
    assert_eq!(code(&cache, &asked), None);
    assert_eq!(code(&cache, &below("a.home.example", RecordType::A)), None);
}

#[test]
fn an_alias_to_no_such_name_says_nothing_of_other_types() {
    let cache = cache();
    let mut answer = denial(60);
    let data = RData::CNAME(CNAME(name("away.example.")));
    answer.add_answer(Record::from_rdata(name(HOME), 60, data));
    put(&cache, &query(RecordType::A), &answer).unwrap();
    assert!(code(&cache, &query(RecordType::A)).is_some());
    assert_eq!(code(&cache, &query(RecordType::TXT)), None);
    assert_eq!(code(&cache, &below("a.home.example", RecordType::A)), None);
}

#[test]
fn a_held_answer_counts_for_more_than_no_such_name_above_it() {
    let cache = cache();
    let child = below("a.home.example", RecordType::A);
    let mut there = Message::new(7, MessageType::Response, OpCode::Query);
    there.add_query(Question::query(name("a.home.example."), ProtoType::A));
    let data = RData::A(A::new(192, 0, 2, 1));
    there.add_answer(Record::from_rdata(name("a.home.example."), 60, data));
    put(&cache, &child, &there).unwrap();
    put(&cache, &query(RecordType::A), &denial(60)).unwrap();
    assert_eq!(code(&cache, &child), Some(ResponseCode::NoError));
}

#[test]
fn forgetting_a_name_forgets_that_one_above_it_does_not_exist() {
    let cache = cache();
    put(&cache, &query(RecordType::A), &denial(60)).unwrap();
    cache.clear_name(&"other.example".parse().unwrap());
    assert_eq!(cache.stats().entries, 1);
    cache.clear_name(&"a.home.example".parse().unwrap());
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn no_such_name_says_nothing_of_names_that_other_upstreams_are_asked_for() {
    let route = config::Route {
        domains: vec!["lan.home.example".to_owned()],
        servers: Vec::new(),
    };
    let cache = cache().with_routes(config::Routes::new(vec![route]));
    put(&cache, &query(RecordType::A), &denial(60)).unwrap();
    for name in ["lan.home.example", "nas.lan.home.example"] {
        assert_eq!(code(&cache, &below(name, RecordType::A)), None, "{name}");
    }
    assert!(code(&cache, &below("wan.home.example", RecordType::A)).is_some());
}
