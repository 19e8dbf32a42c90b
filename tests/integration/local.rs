//! Names of our own, and what is made of upstreams' answers: aliases, addresses that are kept out,
//! made or left out.

use std::fs;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::svcb::{IpHint, SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::rdata::{HTTPS, SOA};
use hickory_proto::rr::{RData, Record, RecordType};
use squelch::query;

use crate::house::{House, extended_error, question, told};
use crate::stub::{Asked, Reaction, Stub};

async fn house(stub: Stub, config: &str) -> House {
    House::with(stub, config).await
}

/// The answers as `NAME TYPE DATA`.
fn lines(message: &Message) -> Vec<String> {
    let line =
        |record: &Record| format!("{} {} {}", record.name, record.record_type(), record.data);
    message.answers.iter().map(line).collect()
}

/// HTTPS with hints; every other type as `plain` says.
fn with_hints(asked: &Asked, hints: [&str; 2], plain: &str) -> Reaction {
    if asked.kind != query::RecordType::HTTPS {
        return asked.with_address(plain);
    }
    let v4 = SvcParamValue::Ipv4Hint(IpHint(vec![hints[0].parse().unwrap()]));
    let v6 = SvcParamValue::Ipv6Hint(IpHint(vec![hints[1].parse().unwrap()]));
    let params = vec![(SvcParamKey::Ipv4Hint, v4), (SvcParamKey::Ipv6Hint, v6)];
    let service = SVCB::new(1, hickory_proto::rr::Name::root(), params);
    let name = asked.message.queries[0].name().clone();
    let record = Record::from_rdata(name, 300, RData::HTTPS(HTTPS(service)));
    Reaction::Records(vec![record])
}

#[tokio::test]
async fn records_are_answered_here_and_aliases_lead_outside() {
    let config = "[[record]]\nname = \"nas.home.arpa\"\nvalue = \"192.168.178.10\"\n\
        [[record]]\nname = \"www.home.arpa\"\ntype = \"CNAME\"\nvalue = \"www.example\"\n";
    let house = house(Stub::with_address("192.0.2.99").await, config).await;
    let nas = house.ask("NAS.home.arpa.", RecordType::A).await;
    assert_eq!(lines(&nas), ["NAS.home.arpa. A 192.168.178.10"]);
    assert!(house.stub.seen().is_empty());
    for _ in 0..2 {
        let www = house.ask("WWW.home.arpa.", RecordType::A).await;
        assert_eq!(www.queries[0].name().to_string(), "WWW.home.arpa.");
        let told = lines(&www).join("\n").to_lowercase();
        assert_eq!(
            told,
            "www.home.arpa. cname www.example.\nwww.example. a 192.0.2.99"
        );
    }
    let asked: Vec<String> = house
        .stub
        .seen()
        .into_iter()
        .map(|asked| asked.name)
        .collect();
    assert_eq!(asked, ["www.example"]);
}

#[tokio::test]
async fn a_record_that_is_added_while_running_is_answered_at_once_and_after_a_restart() {
    let house = house(Stub::with_address("192.0.2.99").await, "").await;
    let nas = async |house: &House| lines(&house.ask("nas.home.arpa.", RecordType::A).await);
    assert!(nas(&house).await.is_empty());
    let records = format!("http://{}/api/v1/records", house.app.web()[0]);
    let client = reqwest::Client::new();
    let added = client
        .post(&records)
        .json(&serde_json::json!({ "name": "nas", "value": "192.168.178.10" }))
        .send()
        .await
        .unwrap();
    assert_eq!(added.status(), 201, "{}", added.text().await.unwrap());
    let given = ["nas.home.arpa. A 192.168.178.10"];
    assert_eq!(nas(&house).await, given);
    let reverse = "10.178.168.192.in-addr.arpa.";
    let owner = lines(&house.ask(reverse, RecordType::PTR).await);
    assert_eq!(owner, [format!("{reverse} PTR nas.home.arpa.")]);

    let house = house.restart("").await;
    let records = format!("http://{}/api/v1/records", house.app.web()[0]);
    let told = async || -> serde_json::Value {
        let told = client.get(&records).send().await.unwrap().text().await;
        serde_json::from_str(&told.unwrap()).unwrap()
    };
    assert_eq!(nas(&house).await, given);
    assert_eq!(told().await["records"][0]["in_force"], true);
    let id = told().await["records"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let removed = client
        .delete(format!("{records}/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(removed.status(), 204);
    assert!(nas(&house).await.is_empty());
}

#[tokio::test]
async fn an_alias_to_a_name_that_cannot_be_resolved_is_a_failure() {
    let config =
        "[[record]]\nname = \"www.home.arpa\"\ntype = \"CNAME\"\nvalue = \"www.example\"\n";
    let stub = Stub::start(|_| Reaction::Code(ResponseCode::ServFail)).await;
    let house = house(stub, config).await;
    let answer = house.ask("www.home.arpa.", RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_hosts_file_that_changes_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    fs::write(&file, "192.168.178.10 nas\n").unwrap();
    let config = format!("[local]\nhosts = [{file:?}]\n");
    let house = house(Stub::with_address("192.0.2.99").await, &config).await;
    let address = async || told(&house.ask("nas.home.arpa.", RecordType::A).await).1;
    assert_eq!(address().await, ["192.168.178.10"]);
    fs::write(&file, "192.168.178.11 nas\n").unwrap();
    let changed = async { while address().await != ["192.168.178.11"] {} };
    tokio::time::timeout(Duration::from_secs(20), changed)
        .await
        .unwrap();
}

#[tokio::test]
async fn addresses_of_the_home_are_kept_out() {
    let stub = Stub::start(|asked| {
        let ip = match asked.name.split('.').next().unwrap() {
            "public" => "192.0.2.99",
            "mapped" => "::ffff:192.168.178.1",
            "v6" => "fd00::1",
            _ => "192.168.178.1",
        };
        with_hints(asked, ["192.168.178.1", "2001:db8::1"], ip)
    })
    .await;
    let house = house(stub, "").await;
    for (name, kind, expected) in [
        ("evil.example.", RecordType::A, vec![]),
        ("mapped.example.", RecordType::AAAA, vec![]),
        ("v6.example.", RecordType::AAAA, vec![]),
        ("evil.example.", RecordType::HTTPS, vec![]),
        ("public.example.", RecordType::A, vec!["192.0.2.99"]),
        ("app.plex.direct.", RecordType::A, vec!["192.168.178.1"]),
    ] {
        // From upstream, and from memory.
        for _ in 0..2 {
            let answer = house.ask(name, kind).await;
            assert_eq!(told(&answer).1, expected, "{name} {kind}");
            let is_kept_out = extended_error(&answer)
                .is_some_and(|(code, text)| code == 15 && text.contains("rebinding"));
            let passes = expected.iter().any(|data| data.starts_with("192."));
            assert_ne!(is_kept_out, passes, "{name} {kind}");
        }
    }
}

#[tokio::test]
async fn addresses_of_the_home_pass_where_that_is_wanted() {
    let stub = Stub::with_address("192.168.178.1").await;
    let house = house(stub, "[blocking]\nrebinding_protection = false\n").await;
    let answer = house.ask("nas.example.", RecordType::A).await;
    assert_eq!(told(&answer).1, ["192.168.178.1"]);
}

#[tokio::test]
async fn a_search_engine_is_asked_under_its_safe_name() {
    let stub = Stub::with_address("192.0.2.99").await;
    let house = house(stub, "[blocking]\nsafesearch = [\"google\"]\n").await;
    let answer = house.ask("www.google.de.", RecordType::A).await;
    assert_eq!(
        lines(&answer),
        [
            "www.google.de. CNAME forcesafesearch.google.com.",
            "forcesafesearch.google.com. A 192.0.2.99",
        ]
    );
    let other = house.ask("www.bing.com.", RecordType::A).await;
    assert_eq!(lines(&other), ["www.bing.com. A 192.0.2.99"]);
}

#[tokio::test]
async fn a_name_without_an_ipv6_address_gets_one_of_the_translator() {
    let stub = Stub::start(|asked| match (asked.name.as_str(), asked.kind) {
        ("none.example", _) => Reaction::Code(ResponseCode::NXDomain),
        ("both.example", query::RecordType::AAAA) => asked.with_address("2001:db8::1"),
        // IPv4 in IPv6 form is no address that anybody reaches.
        ("mixed.example", query::RecordType::AAAA) => {
            let addresses = ["2001:db8::7", "::ffff:192.0.2.7"];
            Reaction::Records(addresses.map(|ip| asked.address(ip)).into())
        }
        ("home.example", query::RecordType::A) => asked.with_address("192.168.178.1"),
        (_, query::RecordType::A) => asked.with_address("192.0.2.33"),
        _ => Reaction::Records(Vec::new()),
    })
    .await;
    let house = house(stub, "[dns64]\nprefix = \"64:ff9b::/96\"\n").await;
    let addresses = async |name: &str| told(&house.ask(name, RecordType::AAAA).await);
    let good = |ip: &str| (ResponseCode::NoError, vec![ip.to_owned()]);
    for _ in 0..2 {
        assert_eq!(addresses("old.example.").await, good("64:ff9b::c000:221"));
        assert_eq!(addresses("both.example.").await, good("2001:db8::1"));
        assert_eq!(addresses("mixed.example.").await, good("2001:db8::7"));
    }
    assert_eq!(
        addresses("home.example.").await,
        (ResponseCode::NoError, Vec::new())
    );
    assert_eq!(
        addresses("none.example.").await,
        (ResponseCode::NXDomain, Vec::new())
    );
}

/// Says that there is nothing of this type, for a minute.
fn nothing(asked: &Asked) -> Reaction {
    let zone = hickory_proto::rr::Name::from_ascii("example.").unwrap();
    let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 60);
    let mut reply = asked.reply();
    reply.add_authority(Record::from_rdata(zone, 300, RData::SOA(soa)));
    Reaction::Message(Box::new(reply))
}

#[tokio::test]
async fn a_made_address_is_kept_no_longer_than_that_there_is_none() {
    let stub = Stub::start(|asked| match (asked.name.as_str(), asked.kind) {
        (_, query::RecordType::A) => Reaction::Records(vec![{
            let mut address = asked.address("192.0.2.33");
            address.ttl = 3600;
            address
        }]),
        ("bare.example", _) => Reaction::Records(Vec::new()),
        _ => nothing(asked),
    })
    .await;
    let house = house(stub, "[dns64]\nprefix = \"64:ff9b::/96\"\n").await;
    for _ in 0..2 {
        for (name, expected) in [("old.example.", 60), ("bare.example.", 600)] {
            let answer = house.ask(name, RecordType::AAAA).await;
            assert_eq!(told(&answer).1, ["64:ff9b::c000:221"]);
            let ttl = answer.answers[0].ttl;
            assert!((expected - 9..=expected).contains(&ttl), "{name} {ttl}");
        }
    }
}

#[tokio::test]
async fn without_recursion_what_is_here_is_told_and_nobody_is_asked() {
    let stub = Stub::start(|asked| match asked.kind {
        query::RecordType::A => asked.with_address("192.0.2.33"),
        _ => nothing(asked),
    })
    .await;
    let config = "[dns64]\nprefix = \"64:ff9b::/96\"\n[blocking]\nsafesearch = [\"bing\"]\n\
        [[record]]\nname = \"out.home.arpa\"\ntype = \"CNAME\"\nvalue = \"www.example\"\n\
        [[rule]]\nmatch = \"||own.example^$dnsrewrite=www.example\"\n";
    let house = house(stub, config).await;
    let held = async |name: &str, kind| {
        let mut message = question(name, kind);
        message.metadata.recursion_desired = false;
        let answer = house.send(&message).await;
        (answer.metadata.response_code, lines(&answer))
    };
    let refused = (ResponseCode::Refused, Vec::new());
    let good = |lines: &[&str]| {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        (ResponseCode::NoError, lines)
    };
    let aliases = [
        ("out.home.arpa.", "out.home.arpa. CNAME www.example."),
        ("www.bing.com.", "www.bing.com. CNAME strict.bing.com."),
        ("own.example.", "own.example. CNAME www.example."),
    ];
    for (name, alias) in aliases {
        assert_eq!(held(name, RecordType::A).await, good(&[alias]), "{name}");
    }
    assert_eq!(
        held("out.home.arpa.", RecordType::AAAA).await,
        good(&[aliases[0].1])
    );
    assert_eq!(held("www.example.", RecordType::AAAA).await, refused);
    assert!(house.stub.seen().is_empty());

    house.ask("www.example.", RecordType::AAAA).await;
    let address = "www.example. A 192.0.2.33";
    for place in [0, 2] {
        let (name, alias) = aliases[place];
        let told = held(name, RecordType::A).await;
        assert_eq!(told, good(&[alias, address]), "{name}");
    }
    assert_eq!(
        held("www.example.", RecordType::AAAA).await,
        good(&["www.example. AAAA 64:ff9b::c000:221"])
    );
    assert_eq!(house.stub.seen().len(), 2);
}

#[tokio::test]
async fn many_who_ask_for_a_translated_name_ask_the_upstream_once_for_each_type() {
    let stub = Stub::start(|asked| {
        let answer = match asked.kind {
            query::RecordType::A => asked.with_address("192.0.2.33"),
            _ => Reaction::Records(Vec::new()),
        };
        Reaction::After(Duration::from_millis(50), Box::new(answer))
    })
    .await;
    let house = house(stub, "[dns64]\nprefix = \"64:ff9b::/96\"\n").await;
    let asking = (0..50).map(|_| house.ask("old.example.", RecordType::AAAA));
    for answer in futures_util::future::join_all(asking).await {
        assert_eq!(told(&answer).1, ["64:ff9b::c000:221"]);
    }
    let kinds: Vec<_> = house.stub.seen().iter().map(|asked| asked.kind).collect();
    assert_eq!(kinds, [query::RecordType::AAAA, query::RecordType::A]);
}

#[tokio::test]
async fn the_log_says_that_a_name_led_into_the_home() {
    let stub = Stub::with_address("192.168.178.1").await;
    let house = house(stub, "").await;
    house.ask("evil.example.", RecordType::A).await;
    let web = house.app.web()[0];
    let response = reqwest::get(format!("http://{web}/api/v1/queries?name==evil.example"));
    let text = response.await.unwrap().text().await.unwrap();
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    let row = &rows["items"][0];
    assert_eq!(row["verdict"], "block", "{text}");
    assert_eq!(
        (&row["origin"], &row["entry"]),
        (&"rebinding".into(), &"=evil.example".into())
    );
}

#[tokio::test]
async fn devices_are_not_told_what_is_filtered() {
    let stub =
        Stub::start(|asked| with_hints(asked, ["192.0.2.1", "2001:db8::1"], "2001:db8::1")).await;
    let house = house(stub, "[blocking]\nfilter_aaaa = true\n").await;
    let addresses = house.ask("www.example.", RecordType::AAAA).await;
    assert_eq!(told(&addresses), (ResponseCode::NoError, Vec::new()));
    for _ in 0..2 {
        let service = house.ask("www.example.", RecordType::HTTPS).await;
        let told = told(&service).1.join(" ");
        assert!(
            told.contains("192.0.2.1") && !told.contains("2001:db8"),
            "{told}"
        );
    }
}
