//! What devices are answered: blocked, watched, ordinary, and not at all.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::house::{House, extended_error, question, read_frame, told, write_frame};
use crate::stub::Stub;

fn addresses(texts: &[&str]) -> (ResponseCode, Vec<String>) {
    (
        ResponseCode::NoError,
        texts.iter().map(ToString::to_string).collect(),
    )
}

#[tokio::test]
async fn a_blocked_name_is_answered_here_with_the_reason() {
    let house = House::start().await;
    let answer = house.ask("open.oneplus.net.", RecordType::A).await;
    assert_eq!(told(&answer), addresses(&["0.0.0.0"]));
    let (code, text) = extended_error(&answer).unwrap();
    assert_eq!(code, 15);
    assert!(
        text.contains("OnePlus") && text.contains("usage analytics"),
        "{text}"
    );
    assert_eq!(
        told(&house.ask("open.oneplus.net.", RecordType::AAAA).await),
        addresses(&["::"])
    );
    assert_eq!(
        told(
            &house
                .ask("deep.below.open.oneplus.net.", RecordType::A)
                .await
        ),
        addresses(&["0.0.0.0"])
    );
    assert!(house.stub.seen().is_empty());
}

#[tokio::test]
async fn other_types_of_a_blocked_name_are_empty_and_may_be_kept() {
    let house = House::start().await;
    for kind in [
        RecordType::HTTPS,
        RecordType::TXT,
        RecordType::MX,
        RecordType::NS,
    ] {
        let answer = house.ask("open.oneplus.net.", kind).await;
        assert_eq!(told(&answer), addresses(&[]));
        let soa = answer.authorities.first().unwrap();
        assert_eq!((soa.record_type(), soa.ttl), (RecordType::SOA, 10));
    }
    assert!(house.stub.seen().is_empty());
}

#[tokio::test]
async fn neighbours_of_a_blocked_name_are_asked_upstream() {
    let house = House::start().await;
    for name in [
        "notopen.oneplus.net.",
        "oneplus.net.",
        "open.oneplus.net.example.",
    ] {
        assert_eq!(
            told(&house.ask(name, RecordType::A).await),
            addresses(&["192.0.2.99"]),
            "{name}"
        );
    }
    assert_eq!(house.stub.seen().len(), 3);
}

#[tokio::test]
async fn a_watched_name_is_resolved_like_any_other() {
    let house = House::start().await;
    let watched = house.ask("api.account.xiaomi.com.", RecordType::A).await;
    let ordinary = house.ask("home.example.", RecordType::A).await;
    assert_eq!(told(&watched), told(&ordinary));
    assert_eq!(extended_error(&watched), None);
}

#[tokio::test]
async fn tcp_says_the_same_as_udp() {
    let house = House::start().await;
    let mut stream = house.connect().await;
    for name in [
        "open.oneplus.net.",
        "api.account.xiaomi.com.",
        "home.example.",
    ] {
        let message = question(name, RecordType::A);
        write_frame(&mut stream, &message.to_vec().unwrap()).await;
        let over_tcp = read_frame(&mut stream).await;
        let over_udp = house.send(&message).await;
        assert_eq!(told(&over_tcp), told(&over_udp), "{name}");
        assert_eq!(
            extended_error(&over_tcp),
            extended_error(&over_udp),
            "{name}"
        );
    }
}

#[tokio::test]
async fn spelling_does_not_matter_and_is_kept() {
    let house = House::start().await;
    for (name, address) in [
        ("OPEN.OnePlus.NET.", "0.0.0.0"),
        ("HoMe.ExAmPlE.", "192.0.2.99"),
        ("home.EXAMPLE.", "192.0.2.99"),
    ] {
        let answer = house.ask(name, RecordType::A).await;
        assert_eq!(told(&answer), addresses(&[address]));
        assert_eq!(answer.queries[0].name().to_string(), name);
        assert_eq!(answer.answers[0].name.to_string(), name);
    }
    // The second spelling came from the cache.
    assert_eq!(house.stub.seen().len(), 1);
}

#[tokio::test]
async fn a_device_without_edns_gets_none() {
    let house = House::start().await;
    for name in ["open.oneplus.net.", "home.example."] {
        let mut message = question(name, RecordType::A);
        message.edns = None;
        assert!(house.send(&message).await.edns.is_none());
    }
}

#[tokio::test]
async fn each_configured_answer_is_given() {
    for (config, expected) in [
        ("\"nxdomain\"", (ResponseCode::NXDomain, vec![])),
        ("\"nodata\"", (ResponseCode::NoError, vec![])),
        ("\"refused\"", (ResponseCode::Refused, vec![])),
        (
            "{ ipv4 = \"192.0.2.5\" }",
            (ResponseCode::NoError, vec!["192.0.2.5".to_owned()]),
        ),
    ] {
        let stub = Stub::with_address("192.0.2.99").await;
        let house = House::with(stub, &format!("[blocking]\nanswer = {config}")).await;
        assert_eq!(
            told(&house.ask("open.oneplus.net.", RecordType::A).await),
            expected,
            "{config}"
        );
    }
}

#[tokio::test]
async fn strangers_are_refused_and_nothing_else_is_done() {
    let stub = Stub::with_address("192.0.2.99").await;
    let house = House::with(stub, "[dns]\nallow_from = [\"192.0.2.0/24\"]").await;
    let answer = house.ask("home.example.", RecordType::A).await;
    assert_eq!(told(&answer), (ResponseCode::Refused, vec![]));
    assert_eq!(extended_error(&answer).unwrap().0, 18);
    assert!(house.stub.seen().is_empty());
}

#[tokio::test]
async fn without_recursion_desired_nothing_is_looked_up() {
    let house = House::start().await;
    let mut message = question("home.example.", RecordType::A);
    message.metadata.recursion_desired = false;
    assert_eq!(
        house.send(&message).await.metadata.response_code,
        ResponseCode::Refused
    );
    house.ask("home.example.", RecordType::A).await;
    assert_eq!(
        told(&house.send(&message).await),
        addresses(&["192.0.2.99"])
    );
    assert_eq!(house.stub.seen().len(), 1);
}

#[tokio::test]
async fn when_no_upstream_answers_the_device_is_told_so() {
    let stub = Stub::start(|_| crate::stub::Reaction::Code(ResponseCode::ServFail)).await;
    let house = House::with(stub, "").await;
    let answer = house.ask("home.example.", RecordType::A).await;
    assert_eq!(told(&answer), (ResponseCode::ServFail, vec![]));
}
