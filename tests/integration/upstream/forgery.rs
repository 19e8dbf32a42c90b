//! Replies that others send in an upstream's name: none of them is believed.

use std::net::UdpSocket;

use hickory_proto::op::MessageType;
use squelch::query::Transport;

use super::{LONG, addresses, query, upstreams};
use crate::stub::{Asked, Reaction, Stub};

const NAME: &str = "a-long-name.home.example";

/// A reply with a wrong address, in which `change` makes something else wrong too.
fn forge(asked: &Asked, change: impl FnOnce(&mut hickory_proto::op::Message)) -> Vec<u8> {
    let mut reply = asked.reply();
    reply.add_answer(asked.address("203.0.113.66"));
    change(&mut reply);
    reply.to_vec().unwrap()
}

fn respelled(asked: &Asked, ip: &str) -> Vec<u8> {
    let mut reply = asked.reply();
    let lower = asked.message.queries[0].name().to_lowercase();
    reply.queries[0].set_name(lower);
    reply.add_answer(asked.address(ip));
    reply.to_vec().unwrap()
}

fn right(asked: &Asked) -> Vec<u8> {
    let mut reply = asked.reply();
    reply.add_answer(asked.address("192.0.2.1"));
    reply.to_vec().unwrap()
}

/// A thousand forgeries of one kind.
type Kind = fn(&Asked, u16) -> Vec<u8>;

const KINDS: [(&str, Kind); 6] = [
    ("id", |asked, number| {
        forge(asked, |reply| reply.metadata.id ^= 1 + number)
    }),
    ("name", |asked, _| {
        forge(asked, |reply| {
            reply.queries[0].name = "other.example.".parse().unwrap();
        })
    }),
    ("type", |asked, _| {
        forge(asked, |reply| reply.queries[0].query_type = 28.into())
    }),
    ("no question", |asked, _| {
        forge(asked, |reply| reply.queries.clear())
    }),
    ("a query", |asked, _| {
        forge(asked, |reply| {
            reply.metadata.message_type = MessageType::Query;
        })
    }),
    ("case", |asked, _| respelled(asked, "203.0.113.66")),
];

#[tokio::test]
async fn a_thousand_forgeries_of_each_kind_before_the_answer_are_passed_over() {
    for (kind, forge) in KINDS {
        let behave = move |asked: &Asked| {
            let mut replies: Vec<_> = (0..1000).map(|number| forge(asked, number)).collect();
            replies.push(right(asked));
            Reaction::Raw(replies)
        };
        let over_both = Stub::start(move |asked| match asked.transport {
            Transport::Udp => behave(asked),
            _ => asked.with_address("192.0.2.1"),
        });
        let stubs = [Stub::without_tcp(behave).await, over_both.await];
        for stub in stubs {
            let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
            let reply = upstreams.ask(&query(NAME)).await.unwrap();
            assert_eq!(addresses(&reply), ["192.0.2.1"], "{kind}");
        }
    }
}

#[tokio::test]
async fn replies_from_another_port_or_address_are_passed_over() {
    let stub = Stub::without_tcp(|asked| {
        let forged = forge(asked, |_| {});
        for from in ["127.0.0.1:0", "127.0.0.2:0"] {
            let elsewhere = UdpSocket::bind(from).unwrap();
            // Refused, because the socket takes from its server alone.
            (0..1000).for_each(|_| drop(elsewhere.send_to(&forged, asked.source)));
        }
        Reaction::Raw(vec![right(asked)])
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query(NAME)).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
}

#[tokio::test]
async fn after_a_flood_of_forged_replies_the_answer_of_tcp_counts() {
    let stub = Stub::start(|asked| match asked.transport {
        Transport::Udp => {
            let mut replies: Vec<_> = (1..200)
                .map(|guess| forge(asked, |reply| reply.metadata.id ^= guess))
                .collect();
            // In the end one guess is right.
            replies.push(forge(asked, |_| {}));
            Reaction::Raw(replies)
        }
        _ => asked.with_address("192.0.2.1"),
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query(NAME)).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
}

#[tokio::test]
async fn a_reply_in_another_spelling_is_not_believed_but_asked_for_over_tcp() {
    let stub = Stub::start(|asked| match asked.transport {
        Transport::Udp => Reaction::Raw(vec![respelled(asked, "203.0.113.66")]),
        _ => asked.with_address("192.0.2.1"),
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query(NAME)).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
}

#[tokio::test]
async fn a_server_without_tcp_that_changes_the_spelling_is_still_of_use() {
    let stub = Stub::without_tcp(|asked| Reaction::Raw(vec![respelled(asked, "192.0.2.1")])).await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    for _ in 0..2 {
        let reply = upstreams.ask(&query(NAME)).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
    }
    assert_eq!(
        stub.seen().len(),
        3,
        "once in mixed case, then as it likes it"
    );
}
