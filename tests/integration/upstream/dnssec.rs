//! Answers whose signatures are checked here, over zones that are signed in the test.

use std::sync::Arc;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use squelch::query::Query;
use squelch::upstream::{Anchors, AskError, Shared, Upstreams};

use super::{LONG, config_of, query};
use crate::signed::World;
use crate::stub::{Reaction, Stub};

const CD: u16 = 0x0010;

/// Upstreams that trust the root of a new world, and the server of that world.
async fn checked_by(kind: RecordType) -> (Upstreams, Stub) {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors");
    std::fs::write(&file, world.anchor(kind)).unwrap();
    let anchors = Anchors::read(&file).unwrap();
    let stub = Stub::start(move |asked| world.answer(asked)).await;
    let mut config = config_of(&[stub.url("udp")], LONG);
    config.dnssec = true;
    let shared = Arc::new(Shared::new(&config).with_anchors(anchors));
    (Upstreams::new(&config, shared), stub)
}

async fn checked() -> (Upstreams, Stub) {
    checked_by(RecordType::DNSKEY).await
}

fn plain(name: &str) -> Query {
    query(name)
}

fn with_signatures(name: &str) -> Query {
    let mut query = query(name);
    if let Some(edns) = &mut query.edns {
        edns.dnssec_ok = true;
    }
    query
}

async fn ask(upstreams: &Upstreams, query: &Query) -> Result<Message, AskError> {
    let reply = upstreams.ask(query).await?;
    Ok(Message::from_vec(&reply.message).unwrap())
}

fn signatures(message: &Message) -> usize {
    let records = message.answers.iter().chain(&message.authorities);
    let kinds = records.map(hickory_proto::rr::Record::record_type);
    kinds.filter(|kind| *kind == RecordType::RRSIG).count()
}

#[tokio::test]
async fn a_signed_answer_is_secure_and_its_signatures_go_to_those_who_want_them() {
    for kind in [RecordType::DNSKEY, RecordType::DS] {
        let (upstreams, _stub) = checked_by(kind).await;
        let message = ask(&upstreams, &plain("WWW.example")).await.unwrap();
        assert!(message.metadata.authentic_data);
        assert_eq!((message.answers.len(), signatures(&message)), (1, 0));
        assert_eq!(message.queries[0].name().to_ascii(), "WWW.example.");
        let message = ask(&upstreams, &with_signatures("www.example"))
            .await
            .unwrap();
        assert!(message.metadata.authentic_data);
        assert_eq!((message.answers.len(), signatures(&message)), (2, 1));
    }
}

#[tokio::test]
async fn a_bogus_answer_is_refused_with_the_reason() {
    let (upstreams, _stub) = checked().await;
    for (name, code) in [
        ("forged.example", 6),
        ("expired.example", 7),
        ("early.example", 8),
        ("otherkey.example", 9),
        ("unsigned.example", 10),
    ] {
        let error = ask(&upstreams, &plain(name)).await.unwrap_err();
        assert!(error.is_bogus(), "{name}: {error}");
        assert_eq!(error.ede(), code, "{name}: {error}");
    }
}

#[tokio::test]
async fn who_checks_itself_gets_what_is_there() {
    let (upstreams, stub) = checked().await;
    for name in ["forged.example", "www.example"] {
        let mut query = with_signatures(name);
        query.flags |= CD;
        let message = ask(&upstreams, &query).await.unwrap();
        assert_eq!(message.answers.len(), 2);
        assert!(!message.metadata.authentic_data);
    }
    assert_eq!(stub.seen().len(), 2, "nothing else was asked");
}

#[tokio::test]
async fn an_answer_of_an_unsigned_zone_passes_without_ad() {
    let (upstreams, _stub) = checked().await;
    let message = ask(&upstreams, &plain("www.test")).await.unwrap();
    assert_eq!(message.answers.len(), 1);
    assert!(!message.metadata.authentic_data);
    let message = ask(&upstreams, &plain("nowhere.test")).await.unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert!(!message.metadata.authentic_data);
}

#[tokio::test]
async fn what_is_proved_not_to_be_there_is_secure() {
    let (upstreams, _stub) = checked().await;
    for (name, code) in [
        ("nowhere.example", ResponseCode::NXDomain),
        ("empty.example", ResponseCode::NoError),
    ] {
        let message = ask(&upstreams, &plain(name)).await.unwrap();
        assert_eq!(message.metadata.response_code, code, "{name}");
        assert!(message.metadata.authentic_data, "{name}");
        assert!(
            message.answers.is_empty() && signatures(&message) == 0,
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_unproved_absence_is_bogus() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors");
    std::fs::write(&file, world.anchor(RecordType::DNSKEY)).unwrap();
    let stub = Stub::start(move |asked| {
        if asked.name == "www.example" {
            return Reaction::Code(ResponseCode::NXDomain);
        }
        world.answer(asked)
    })
    .await;
    let mut config = config_of(&[stub.url("udp")], LONG);
    config.dnssec = true;
    let shared = Shared::new(&config).with_anchors(Anchors::read(&file).unwrap());
    let upstreams = Upstreams::new(&config, Arc::new(shared));
    let error = ask(&upstreams, &plain("www.example")).await.unwrap_err();
    assert!(error.is_bogus(), "{error}");
}

#[tokio::test]
async fn an_alias_is_as_secure_as_the_least_of_its_zones() {
    let (upstreams, _stub) = checked().await;
    for (name, records, is_secure) in [
        ("alias.example", 2, true),
        ("away.example", 2, false),
        ("nothing.example", 1, true),
    ] {
        let message = ask(&upstreams, &plain(name)).await.unwrap();
        assert_eq!(message.answers.len(), records, "{name}");
        assert_eq!(message.metadata.authentic_data, is_secure, "{name}");
    }
}

#[tokio::test]
async fn keys_are_asked_for_once() {
    let (upstreams, stub) = checked().await;
    for name in ["www.example", "alias.example", "nowhere.example"] {
        ask(&upstreams, &plain(name)).await.unwrap();
    }
    let keys = |asked: &&crate::stub::Asked| asked.kind.0 == u16::from(RecordType::DNSKEY);
    let seen = stub.seen();
    assert_eq!(
        seen.iter().filter(keys).count(),
        2,
        "the root's and the zone's"
    );
}

#[tokio::test]
async fn trouble_on_the_way_to_a_key_is_not_called_bogus() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors");
    std::fs::write(&file, world.anchor(RecordType::DNSKEY)).unwrap();
    let stub = Stub::start(move |asked| {
        if asked.kind.0 == u16::from(RecordType::DNSKEY) {
            return Reaction::Code(ResponseCode::ServFail);
        }
        world.answer(asked)
    })
    .await;
    let mut config = config_of(&[stub.url("udp")], LONG);
    config.dnssec = true;
    let shared = Shared::new(&config).with_anchors(Anchors::read(&file).unwrap());
    let upstreams = Upstreams::new(&config, Arc::new(shared));
    let error = ask(&upstreams, &plain("www.example")).await.unwrap_err();
    assert!(!error.is_bogus(), "{error}");
}

#[tokio::test]
async fn what_an_upstream_says_of_its_own_checks_is_not_passed_on() {
    let stub = Stub::start(|asked| {
        let mut reply = asked.reply();
        reply.metadata.authentic_data = true;
        reply.add_answer(asked.address("192.0.2.1"));
        Reaction::Message(Box::new(reply))
    })
    .await;
    let config = config_of(&[stub.url("udp")], LONG);
    let upstreams = Upstreams::new(&config, Arc::new(Shared::new(&config)));
    let message = ask(&upstreams, &with_signatures("www.example"))
        .await
        .unwrap();
    assert!(!message.metadata.authentic_data);
}
