//! Several upstreams: whose answer counts, and what happens when one fails.

use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use squelch::config::Strategy;
use squelch::query::UpstreamId;
use squelch::upstream::{Failure, Shared, Upstreams};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::{LONG, addresses, config_of, query, upstreams};
use crate::stub::{Reaction, Stub};

/// An address where nobody listens.
pub async fn nobody() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    format!("udp://{}", socket.local_addr().unwrap())
}

#[tokio::test]
async fn a_closed_port_is_noticed_at_once_and_avoided() {
    let good = Stub::with_address("192.0.2.1").await;
    let (upstreams, shared) = upstreams(&[nobody().await, good.url("udp")], LONG);
    let started = Instant::now();
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(
        (addresses(&reply), reply.upstream),
        (vec!["192.0.2.1".into()], UpstreamId(1))
    );
    assert!(started.elapsed() < LONG / 4, "{:?}", started.elapsed());
    let figures = &shared.figures()[0];
    assert!(!figures.is_usable);
    let error = figures.last_error.as_deref().unwrap();
    assert!(
        error.starts_with("not reachable: ") && error.contains("refused"),
        "{error}"
    );
    upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(shared.figures()[0].asked, 1);
}

#[tokio::test]
async fn a_silent_server_costs_half_of_the_time_and_is_avoided_after_three_times() {
    let timeout = Duration::from_millis(400);
    let silent = Stub::start(|_| Reaction::Silence).await;
    let good = Stub::with_address("192.0.2.1").await;
    let (upstreams, shared) = upstreams(&[silent.url("udp"), good.url("udp")], timeout);
    for _ in 0..3 {
        assert!(shared.figures()[0].is_usable);
        let started = Instant::now();
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(reply.upstream, UpstreamId(1));
        assert!(started.elapsed() >= timeout / 2);
    }
    assert!(!shared.figures()[0].is_usable);
    upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(
        shared.figures()[0].asked,
        3,
        "the fourth went to the good one alone"
    );
}

#[tokio::test]
async fn an_error_of_one_gives_way_to_the_answer_of_another() {
    for code in [
        ResponseCode::ServFail,
        ResponseCode::Refused,
        ResponseCode::NotImp,
    ] {
        let bad = Stub::start(move |_| Reaction::Code(code)).await;
        let good = Stub::with_address("192.0.2.1").await;
        let (upstreams, shared) = upstreams(&[bad.url("udp"), good.url("udp")], LONG);
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
        let error = shared.figures()[0].last_error.clone().unwrap();
        assert!(error.starts_with("it answered "), "{error}");
    }
}

#[tokio::test]
async fn when_all_answer_errors_the_most_telling_is_given_back() {
    let refusing = Stub::start(|_| Reaction::Code(ResponseCode::Refused)).await;
    let failing = Stub::start(|_| Reaction::Code(ResponseCode::ServFail)).await;
    let (upstreams, shared) = upstreams(&[refusing.url("udp"), failing.url("tcp")], LONG);
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    let message = Message::from_vec(&reply.message).unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(reply.upstream, UpstreamId(1));
    assert_eq!(shared.figures()[1].failed, 0, "the name is to blame");
}

#[tokio::test]
async fn an_answer_that_failed_validation_is_not_asked_for_elsewhere() {
    let validating = Stub::start(|asked| {
        let mut reply = asked.reply();
        reply.metadata.response_code = ResponseCode::ServFail;
        if let Some(edns) = &mut reply.edns {
            edns.options_mut()
                .insert(EdnsOption::Unknown(15, vec![0, 6]));
        }
        Reaction::Message(Box::new(reply))
    })
    .await;
    let lax = Stub::with_address("203.0.113.66").await;
    let (upstreams, _) = upstreams(&[validating.url("udp"), lax.url("udp")], LONG);
    let reply = upstreams.ask(&query("bogus.example")).await.unwrap();
    let message = Message::from_vec(&reply.message).unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(lax.seen().len(), 0);
}

#[tokio::test]
async fn when_all_are_gone_the_error_tells_of_each() {
    let (upstreams, _) = upstreams(&[nobody().await, nobody().await], LONG);
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert_eq!(error.tried.len(), 2);
    let is_unreachable = |failure: &Failure| matches!(failure, Failure::Unreachable(_));
    assert!(
        error
            .tried
            .iter()
            .all(|tried| is_unreachable(&tried.failure)),
        "{error}"
    );
    assert_eq!(error.ede(), 22);
}

#[tokio::test]
async fn a_server_that_is_back_answers_the_next_query() {
    let address = nobody().await;
    let (upstreams, _) = upstreams(std::slice::from_ref(&address), LONG);
    upstreams.ask(&query("home.example")).await.unwrap_err();
    let socket = UdpSocket::bind(address.trim_start_matches("udp://"))
        .await
        .unwrap();
    let answer = async {
        let mut buffer = [0; 512];
        let (len, source) = socket.recv_from(&mut buffer).await.unwrap();
        buffer[2] |= 0x80;
        socket.send_to(&buffer[..len], source).await.unwrap();
    };
    let asked = query("home.example");
    let (reply, ()) = futures_util::future::join(upstreams.ask(&asked), answer).await;
    assert!(reply.is_ok());
}

#[tokio::test]
async fn the_others_are_measured_with_copies_of_real_queries() {
    let first = Stub::with_address("192.0.2.1").await;
    let second = Stub::with_address("192.0.2.2").await;
    let mut config = config_of(&[first.url("udp"), second.url("udp")], LONG);
    config.strategy = Strategy::Fastest;
    let shared = std::sync::Arc::new(Shared::new(&config));
    let upstreams = Upstreams::new(&config, std::sync::Arc::clone(&shared));
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
    while shared.figures()[1].last_latency_us.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.seen()[0].name, "home.example");
}
