//! One upstream over UDP and TCP.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use futures_util::stream::StreamExt as _;
use hickory_proto::op::{Edns, Message, ResponseCode};
use squelch::query::{RecordType, Transport, UpstreamId};
use squelch::upstream::{Failure, Shared, Upstreams};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::several::nobody;
use super::{LONG, addresses, config_of, query, upstreams};
use crate::stub::{Reaction, Stub};

#[tokio::test]
async fn an_answer_repeats_the_id_and_the_spelling_of_the_query() {
    let stub = Stub::with_address("192.0.2.1").await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query("Home.EXAMPLE")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
    assert_eq!(reply.upstream, UpstreamId(0));
    let message = Message::from_vec(&reply.message).unwrap();
    assert_eq!(message.metadata.id, 4711);
    assert_eq!(message.queries[0].name().to_ascii(), "Home.EXAMPLE.");
}

#[tokio::test]
async fn each_query_has_a_new_port_a_new_id_and_a_new_spelling() {
    let stub = Stub::with_address("192.0.2.1").await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    for _ in 0..20 {
        upstreams
            .ask(&query("a-long-name.home.example"))
            .await
            .unwrap();
    }
    let seen = stub.seen();
    let ports: HashSet<_> = seen.iter().map(|asked| asked.source.port()).collect();
    let ids: HashSet<_> = seen.iter().map(|asked| asked.message.metadata.id).collect();
    let names: HashSet<_> = seen
        .iter()
        .map(|asked| asked.message.queries[0].name().to_ascii())
        .collect();
    assert!(
        ports.len() > 15 && ids.len() > 15 && names.len() > 15,
        "{ports:?} {ids:?} {names:?}"
    );
    assert!(!ids.contains(&4711) || ids.len() > 1);
}

#[tokio::test]
async fn more_questions_than_a_home_has_share_ports_and_each_gets_its_own_answer() {
    // The third label of the address is the number in the name.
    let stub = Stub::start(|asked| {
        let name = asked.message.queries[0].name().to_ascii();
        let number: String = name.chars().take_while(char::is_ascii_digit).collect();
        let number: u16 = number.parse().unwrap();
        asked.with_address(&format!("192.0.{}.{}", number / 256, number % 256))
    })
    .await;
    let config = config_of(&[stub.url("udp")], LONG);
    let shared = Shared::new(&config).with_queries_at_once(2000);
    let upstreams = Upstreams::new(&config, Arc::new(shared));
    let asking = futures_util::stream::iter(0..3000_u16).map(|number| {
        let upstreams = upstreams.clone();
        async move {
            let name = format!("{number}-of-many.home.example");
            let reply = upstreams.ask(&query(&name)).await.unwrap();
            let wanted = format!("192.0.{}.{}", number / 256, number % 256);
            assert_eq!(addresses(&reply), [wanted]);
        }
    });
    asking.buffer_unordered(1500).count().await;
    let mut questions: HashMap<u16, HashSet<u16>> = HashMap::new();
    for asked in stub.seen() {
        let ids = questions.entry(asked.source.port()).or_default();
        ids.insert(asked.message.metadata.id);
    }
    assert!(
        (100..2900).contains(&questions.len()),
        "{}",
        questions.len()
    );
    let most = questions.values().map(HashSet::len).max();
    assert!(most <= Some(64), "{most:?}");
}

#[tokio::test]
async fn all_who_share_ports_hear_at_once_that_the_port_of_the_server_is_closed() {
    let (upstreams, _) = upstreams(&[nobody().await], LONG);
    let started = Instant::now();
    let name = query("home.example");
    let asks = (0..400).map(|_| upstreams.ask(&name));
    for answer in join_all(asks).await {
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("not reachable"), "{error}");
    }
    assert!(started.elapsed() < LONG / 4, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn each_lost_datagram_is_repeated_until_the_time_is_over() {
    let timeout = Duration::from_secs(2);
    for (lost, took_ms) in [(0, 0), (1, 333), (2, 833), (3, 1582)] {
        let stub = Stub::start(move |asked| match asked.number {
            number if number < lost => Reaction::Silence,
            _ => asked.with_address("192.0.2.1"),
        })
        .await;
        let (upstreams, _) = upstreams(&[stub.url("udp")], timeout);
        let started = Instant::now();
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
        let late_ms = started.elapsed().as_millis().checked_sub(took_ms);
        assert!(
            late_ms.is_some_and(|late| late <= 3),
            "{lost} lost, {late_ms:?} late"
        );
    }
    let stub = Stub::start(|_| Reaction::Silence).await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], timeout);
    upstreams.ask(&query("home.example")).await.unwrap_err();
    assert_eq!(stub.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_the_whole_time_is_heard() {
    let timeout = Duration::from_secs(2);
    let stub = Stub::start(move |asked| match asked.number {
        0 => Reaction::After(timeout, Box::new(asked.with_address("192.0.2.1"))),
        _ => Reaction::Silence,
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], timeout);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    let stub = Stub::start(|asked| {
        let mut reply = asked.reply();
        if asked.transport == Transport::Udp {
            reply.metadata.truncation = true;
        } else {
            let many = (1..=250).map(|host| asked.address(&format!("192.0.2.{host}")));
            reply.add_answers(many);
        }
        Reaction::Message(Box::new(reply))
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply).len(), 250);
}

#[tokio::test]
async fn a_datagram_that_is_longer_than_we_asked_for_is_taken() {
    let stub = Stub::without_tcp(|asked| {
        let many = (1..=250).map(|host| asked.address(&format!("192.0.2.{host}")));
        Reaction::Records(many.collect())
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert!(reply.message.len() > 3000);
    assert_eq!(addresses(&reply).len(), 250);
}

#[tokio::test]
async fn a_server_older_than_edns_is_asked_without_it() {
    let header_only = Stub::without_tcp(|asked| {
        if asked.message.edns.is_none() {
            return asked.with_address("192.0.2.1");
        }
        let mut reply = asked.reply();
        reply.metadata.response_code = ResponseCode::FormErr;
        reply.edns = None;
        reply.queries.clear();
        Reaction::Message(Box::new(reply))
    })
    .await;
    let whole = Stub::without_tcp(|asked| match asked.message.edns {
        Some(_) => Reaction::Code(ResponseCode::FormErr),
        None => asked.with_address("192.0.2.1"),
    })
    .await;
    for stub in [header_only, whole] {
        let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
    }
}

#[tokio::test]
async fn a_code_that_needs_an_opt_record_is_a_failure() {
    for code in [ResponseCode::BADVERS, ResponseCode::BADCOOKIE] {
        let stub = Stub::start(move |asked| {
            let mut reply = asked.reply();
            reply.metadata.response_code = code;
            reply.edns = Some(Edns::new());
            Reaction::Message(Box::new(reply))
        })
        .await;
        let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(reply.message[3] & 0x0f, 2, "{code}");
    }
}

#[tokio::test]
async fn a_broken_reply_over_udp_is_asked_for_over_tcp() {
    let stub = Stub::start(|asked| match asked.transport {
        Transport::Udp => {
            let mut broken = asked.reply().to_vec().unwrap();
            // One answer is promised, none is there.
            broken[7] = 1;
            Reaction::Raw(vec![broken])
        }
        _ => asked.with_address("192.0.2.1"),
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
}

#[tokio::test]
async fn nonexistence_comes_back_as_it_is() {
    let stub = Stub::start(|_| Reaction::Code(ResponseCode::NXDomain)).await;
    let (upstreams, shared) = upstreams(&[stub.url("udp")], LONG);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    let message = Message::from_vec(&reply.message).unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(shared.figures()[0].failed, 0);
}

#[tokio::test]
async fn one_connection_serves_many_queries_and_a_slow_one_holds_up_none() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let stub = Stub::start(move |asked| match asked.name.as_str() {
        "slow.example" => {
            Reaction::Later(Arc::clone(&gate), Box::new(asked.with_address("192.0.2.1")))
        }
        _ => asked.with_address("192.0.2.2"),
    })
    .await;
    let (upstreams, _) = upstreams(&[stub.url("tcp")], LONG);
    let slow = query("slow.example");
    let quick = async {
        for _ in 0..50 {
            let reply = upstreams.ask(&query("quick.example")).await.unwrap();
            assert_eq!(addresses(&reply), ["192.0.2.2"]);
        }
        opened.notify_one();
    };
    let (slow, ()) = join(upstreams.ask(&slow), quick).await;
    assert_eq!(addresses(&slow.unwrap()), ["192.0.2.1"]);
    assert!(stub.seen().iter().all(|asked| asked.connection == 0));
}

#[tokio::test]
async fn a_burst_of_queries_goes_through_one_connection() {
    let stub = Stub::with_address("192.0.2.1").await;
    let (upstreams, _) = upstreams(&[stub.url("tcp")], LONG);
    let mut burst = JoinSet::new();
    for _ in 0..1000 {
        let upstreams = upstreams.clone();
        burst.spawn(async move { upstreams.ask(&query("home.example")).await });
    }
    let replies = burst.join_all().await;
    assert!(replies.iter().all(Result::is_ok));
    assert!(stub.seen().iter().all(|asked| asked.connection == 0));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_opened_again() {
    let stub = Stub::start(|asked| match (asked.connection, asked.number) {
        (0, 1..) => Reaction::Close,
        _ => asked.with_address("192.0.2.1"),
    })
    .await;
    let (upstreams, shared) = upstreams(&[stub.url("tcp")], LONG);
    for _ in 0..3 {
        upstreams.ask(&query("home.example")).await.unwrap();
    }
    assert_eq!(stub.seen().last().unwrap().connection, 1);
    assert_eq!(shared.figures()[0].failed, 0);
}

#[tokio::test]
async fn a_connection_that_went_silent_is_replaced() {
    let stub = Stub::start(|asked| match (asked.connection, asked.number) {
        (0, 1..) => Reaction::Silence,
        _ => asked.with_address("192.0.2.1"),
    })
    .await;
    let (upstreams, shared) = upstreams(&[stub.url("tcp")], Duration::from_secs(2));
    for _ in 0..3 {
        upstreams.ask(&query("home.example")).await.unwrap();
    }
    assert_eq!(stub.seen().last().unwrap().connection, 1);
    assert_eq!(shared.figures()[0].failed, 0);
}

#[tokio::test]
async fn a_server_that_always_closes_has_failed() {
    let stub = Stub::start(|_| Reaction::Close).await;
    let (upstreams, _) = upstreams(&[stub.url("tcp")], LONG);
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert_eq!(error.tried[0].failure, Failure::Closed);
    assert_eq!(error.ede(), 23);
}

#[tokio::test]
async fn silence_is_an_error_when_the_time_is_over() {
    let stub = Stub::start(|_| Reaction::Silence).await;
    let (upstreams, shared) = upstreams(&[stub.url("udp")], Duration::from_millis(200));
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert_eq!(error.ede(), 22);
    let text = format!(
        "no upstream answered: {}: no answer in time",
        stub.url("udp")
    );
    assert_eq!(error.to_string(), text);
    let figures = &shared.figures()[0];
    assert_eq!((figures.asked, figures.failed), (1, 1));
    assert_eq!(figures.last_error.as_deref(), Some("no answer in time"));
}

#[tokio::test]
async fn an_address_of_the_home_is_named_by_the_server_of_the_home() {
    let stub = Stub::start(|asked| {
        assert_eq!(asked.kind, RecordType::PTR);
        let name = hickory_proto::rr::Name::from_ascii("printer.home.example.").unwrap();
        let data = hickory_proto::rr::RData::PTR(hickory_proto::rr::rdata::PTR(name));
        let owner = asked.message.queries[0].name().clone();
        Reaction::Records(vec![hickory_proto::rr::Record::from_rdata(owner, 60, data)])
    })
    .await;
    let public = "udp://192.0.2.1".to_owned();
    let (upstreams, _) = upstreams(&[public, stub.url("udp")], LONG);
    let name = upstreams.reverse("192.168.7.9".parse().unwrap()).await;
    assert_eq!(name.as_deref(), Some("printer.home.example"));
    assert_eq!(stub.seen()[0].name, "9.7.168.192.in-addr.arpa");
}

#[tokio::test]
async fn an_address_of_the_home_is_asked_for_nowhere_else() {
    let (upstreams, shared) = upstreams(&["udp://192.0.2.1".to_owned()], LONG);
    let ip = "192.168.7.9".parse().unwrap();
    assert_eq!(upstreams.reverse(ip).await, None);
    assert_eq!(shared.figures()[0].asked, 0);
}
