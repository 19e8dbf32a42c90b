//! Signing in beside DNS: a password is hashed when nobody else wants the processor, one at a time.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "the figures are what is promised")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::json;
use tokio::task::JoinSet;

use crate::nodes::load;
use crate::nodes::node::Node;
use crate::stub::Stub;

const PASSWORD: &str = "correct horse";

/// What hashing a password takes, and what ten connections may.
const ONE_HASH: u64 = 19 << 20;
const SLACK: u64 = 12 << 20;

/// Signs in from an address of its own: one address may not try so often.
async fn sign_in(api: String, host: u8) -> u16 {
    let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, host));
    let client = Client::builder().no_proxy().local_address(from).build();
    let body = json!({ "password": PASSWORD });
    let sent = client.unwrap().post(format!("{api}/session")).json(&body);
    sent.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_who_sign_in_at_once_delay_no_answer_and_take_the_memory_of_one() {
    let stub = Stub::with_address("192.0.2.99").await;
    let node = Node::start(&stub, "sqlite");
    let body = json!({ "password": PASSWORD });
    let (status, said) = node.send(Method::PUT, "password", body).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(sign_in(node.api(), 2).await, 200);
    let peak_of_one = node.peak();
    let mut asking = JoinSet::new();
    asking.spawn(load::ask(node.dns, 500, Duration::from_secs(3)));
    let mut guests = JoinSet::new();
    for host in 11..=20 {
        guests.spawn(sign_in(node.api(), host));
    }
    for status in guests.join_all().await {
        assert_eq!(status, 200);
    }
    let more = node.peak() - peak_of_one;
    let figures = asking.join_next().await.unwrap().unwrap();
    println!("{figures:?} beside ten who signed in, {more} bytes more than beside one");
    assert_eq!(figures.answered, figures.sent, "{figures:?}");
    // The machine of a test may be busy with others.
    assert!(figures.longest < load::LATE * 20, "{figures:?}");
    assert!(more < SLACK && SLACK < ONE_HASH, "{more}");
}
