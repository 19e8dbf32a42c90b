//! Names that other servers are asked for.

use std::sync::Arc;

use squelch::config::{Route, Routes};
use squelch::query::UpstreamId;
use squelch::upstream::{Shared, Upstreams};

use super::{LONG, addresses, config_of, query};
use crate::stub::{Reaction, Stub};

#[tokio::test]
async fn a_name_goes_to_the_servers_of_its_most_specific_route() {
    let main = Stub::with_address("192.0.2.1").await;
    let router = Stub::with_address("192.0.2.2").await;
    let lab = Stub::with_address("192.0.2.3").await;
    let mut config = config_of(&[main.url("udp")], LONG);
    let route = |domain: &str, stub: &Stub| Route {
        domains: vec![domain.to_owned()],
        servers: vec![stub.url("udp").parse().unwrap()],
    };
    config.routes = Routes::new(vec![
        route("home.example", &router),
        route("lab.home.example", &lab),
    ]);
    let shared = Arc::new(Shared::new(&config));
    let upstreams = Upstreams::new(&config, Arc::clone(&shared));
    for (name, ip, id) in [
        ("www.example", "192.0.2.1", 0),
        ("home.example", "192.0.2.2", 1),
        ("NAS.Home.example", "192.0.2.2", 1),
        ("a.lab.home.example", "192.0.2.3", 2),
        ("nothome.example", "192.0.2.1", 0),
    ] {
        let reply = upstreams.ask(&query(name)).await.unwrap();
        assert_eq!(
            (addresses(&reply), reply.upstream),
            (vec![ip.into()], UpstreamId(id)),
            "{name}"
        );
    }
    assert_eq!(shared.name(UpstreamId(2)), Some(lab.url("udp")));
}

#[tokio::test]
async fn a_routes_servers_have_no_stand_in() {
    let main = Stub::with_address("192.0.2.1").await;
    let router = Stub::start(|_| Reaction::Code(hickory_proto::op::ResponseCode::Refused)).await;
    let mut config = config_of(&[main.url("udp")], LONG);
    config.routes = Routes::new(vec![Route {
        domains: vec!["home.example".into()],
        servers: vec![router.url("udp").parse().unwrap()],
    }]);
    let upstreams = Upstreams::new(&config, Arc::new(Shared::new(&config)));
    let reply = upstreams.ask(&query("nas.home.example")).await.unwrap();
    assert_eq!(reply.upstream, UpstreamId(1));
    assert_eq!(main.seen().len(), 0, "names of the home stay there");
}

#[tokio::test]
async fn an_address_is_named_by_the_server_of_its_route() {
    let main = Stub::with_address("192.0.2.1").await;
    let router = Stub::start(|_| Reaction::Records(Vec::new())).await;
    let mut config = config_of(&[main.url("udp")], LONG);
    config.routes = Routes::new(vec![Route {
        domains: vec!["168.192.in-addr.arpa".into()],
        servers: vec![router.url("udp").parse().unwrap()],
    }]);
    let upstreams = Upstreams::new(&config, Arc::new(Shared::new(&config)));
    upstreams.reverse("192.168.7.9".parse().unwrap()).await;
    assert_eq!(router.seen()[0].name, "9.7.168.192.in-addr.arpa");
    assert_eq!(main.seen().len(), 0);
}
