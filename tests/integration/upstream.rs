//! Asking upstreams: every transport, every trouble, and what is told of it.

mod dnssec;
mod encrypted;
mod forgery;
mod plain;
mod quic;
mod real;
mod routes;
mod several;
mod strategies;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use squelch::config::{self, Strategy};
use squelch::query::{Edns, Name, Query, RecordType, Transport};
use squelch::upstream::{Reply, Shared, Upstreams};

/// Long enough for a test machine under load; only those tests wait for it that say so.
const LONG: Duration = Duration::from_secs(20);

fn config_of(servers: &[String], timeout: Duration) -> config::Upstream {
    config::Upstream {
        servers: servers.iter().map(|text| text.parse().unwrap()).collect(),
        bootstrap: Vec::new(),
        strategy: Strategy::Ordered,
        timeout,
        ..config::Upstream::default()
    }
}

fn upstreams(servers: &[String], timeout: Duration) -> (Upstreams, Arc<Shared>) {
    let config = config_of(servers, timeout);
    let shared = Arc::new(Shared::new(&config));
    (Upstreams::new(&config, Arc::clone(&shared)), shared)
}

fn query(text: &str) -> Query {
    let mut name: Name = text.parse().unwrap();
    let spelling = name.lower();
    Query {
        id: 4711,
        flags: 0x0100,
        name,
        spelling,
        kind: RecordType::A,
        class: 1,
        edns: Some(Edns {
            payload: 4096,
            version: 0,
            dnssec_ok: false,
            ..Edns::default()
        }),
        source: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5353),
        transport: Transport::Udp,
        device: None,
        upstream_set: 0,
    }
}

/// The addresses of an answer.
fn addresses(reply: &Reply) -> Vec<String> {
    let message = Message::from_vec(&reply.message).unwrap();
    message
        .answers
        .iter()
        .map(|record| record.data.to_string())
        .collect()
}
