//! Which names are ours, and what they are answered.

use std::fmt::Write as _;

use hickory_proto::op::{Message, ResponseCode};

use super::*;

fn ask_with(config: &config::Config, name: &str, kind: RecordType) -> Option<Message> {
    let query = Query::internal(name.parse().unwrap(), kind);
    let mut out = AnswerBuf::new();
    let found = Local::new(config).answer(&query, GroupId(0), &mut out);
    (found == Found::Written).then(|| Message::from_vec(out.as_slice()).unwrap())
}

fn ask(name: &str, kind: RecordType) -> Option<Message> {
    ask_with(&config::Config::default(), name, kind)
}

fn data(message: &Message) -> Vec<String> {
    let answers = message.answers.iter();
    answers.map(|record| record.data.to_string()).collect()
}

fn with_records(records: &[(&str, &str, &str)]) -> config::Config {
    let mut config = config::Config::default();
    let mut text = String::new();
    for (name, kind, value) in records {
        writeln!(
            text,
            "[[record]]\nname = {name:?}\ntype = {kind:?}\nvalue = {value:?}"
        )
        .unwrap();
    }
    let read = config::Config::from_text(&text, std::path::Path::new(""), &[]).unwrap();
    config.records = read.records;
    config
}

#[test]
fn localhost_is_this_machine() {
    assert_eq!(
        data(&ask("localhost", RecordType::A).unwrap()),
        ["127.0.0.1"]
    );
    assert_eq!(
        data(&ask("app.localhost", RecordType::AAAA).unwrap()),
        ["::1"]
    );
    let mail = ask("localhost", RecordType::MX).unwrap();
    assert!(mail.answers.is_empty());
    assert_eq!(mail.authorities.len(), 1);
    let name = ask("1.0.0.127.in-addr.arpa", RecordType::PTR).unwrap();
    assert_eq!(data(&name), ["localhost."]);
}

#[test]
fn names_without_business_upstream_stay_home() {
    for (name, zone) in [
        ("x.invalid", "invalid."),
        ("x.test", "test."),
        ("hidden.onion", "onion."),
        ("printer.local", "local."),
        ("nas.home.arpa", "home.arpa."),
        ("x.internal", "internal."),
        ("x.lan", "lan."),
        ("x.alt", "alt."),
        ("1.0.168.192.in-addr.arpa", "168.192.in-addr.arpa."),
        ("1.0.64.100.in-addr.arpa", "64.100.in-addr.arpa."),
        ("use-application-dns.net", "use-application-dns.net."),
        ("mask.icloud.com", "mask.icloud.com."),
        ("_dns.resolver.arpa", "resolver.arpa."),
    ] {
        let message = ask(name, RecordType::A).unwrap_or_else(|| panic!("{name} went upstream"));
        assert!(message.answers.is_empty(), "{name}");
        let soa: Vec<String> = message
            .authorities
            .iter()
            .map(|soa| soa.name.to_string())
            .collect();
        assert_eq!(soa, [zone], "{name}");
    }
    let code = |name: &str| ask(name, RecordType::A).unwrap().metadata.response_code;
    assert_eq!(code("x.invalid"), ResponseCode::NXDomain);
    assert_eq!(code("home.arpa"), ResponseCode::NoError);
}

#[test]
fn names_that_only_look_special_are_asked_upstream() {
    for name in [
        "localhost.example",
        "notlocal",
        "test.example",
        "1.0.168.193.in-addr.arpa",
        "use-application-dns.example",
        "icloud.com",
        "www.icloud.com",
        "8.8.8.8.in-addr.arpa",
        "32.172.in-addr.arpa",
        "ipv4only.arpa",
    ] {
        assert!(ask(name, RecordType::A).is_none(), "{name}");
    }
}

#[test]
fn everything_is_answered_with_little() {
    let any = ask("home.example", RecordType::ANY).unwrap();
    assert_eq!(any.answers.len(), 1);
}

#[test]
fn a_router_upstream_is_asked_for_names_of_the_home_and_one_on_this_machine_is_not() {
    let mut config = config::Config::default();
    config.upstream.servers = vec!["udp://192.168.178.1".parse().unwrap()];
    for (name, kind) in [
        ("1.178.168.192.in-addr.arpa", RecordType::PTR),
        ("nas.home.arpa", RecordType::A),
        ("nas.lan", RecordType::A),
    ] {
        assert!(ask_with(&config, name, kind).is_none(), "{name}");
    }
    assert!(ask_with(&config, "x.onion", RecordType::A).is_some());
    config.upstream.servers = vec!["udp://127.0.0.1:5335".parse().unwrap()];
    assert!(ask_with(&config, "nas.home.arpa", RecordType::A).is_some());
}

#[test]
fn canaries_can_be_switched_off() {
    let mut config = config::Config::default();
    config.blocking.canaries = false;
    assert!(ask_with(&config, "use-application-dns.net", RecordType::A).is_none());
}

#[test]
fn records_come_before_special_names_and_have_reverse_names() {
    let config = with_records(&[
        ("nas.home.arpa", "A", "192.168.178.10"),
        ("printer.local", "A", "192.168.178.11"),
        ("deep.below.home.arpa", "TXT", "here"),
    ]);
    let told = |name: &str, kind| data(&ask_with(&config, name, kind).unwrap());
    assert_eq!(told("nas.home.arpa", RecordType::A), ["192.168.178.10"]);
    assert_eq!(told("printer.local", RecordType::A), ["192.168.178.11"]);
    assert_eq!(
        told("10.178.168.192.in-addr.arpa", RecordType::PTR),
        ["nas.home.arpa."]
    );
    let code = |name: &str| {
        ask_with(&config, name, RecordType::A)
            .unwrap()
            .metadata
            .response_code
    };
    assert_eq!(code("below.home.arpa"), ResponseCode::NoError);
    assert_eq!(code("other.home.arpa"), ResponseCode::NXDomain);
    assert_eq!(code("12.178.168.192.in-addr.arpa"), ResponseCode::NXDomain);
}

#[test]
fn an_alias_to_a_name_outside_says_where_it_leads() {
    let config = with_records(&[("www.home.arpa", "CNAME", "www.example")]);
    let local = Local::new(&config);
    let query = |name: &str, kind| Query::internal(name.parse().unwrap(), kind);
    let www = query("www.home.arpa", RecordType::A);
    assert_eq!(
        local.answer(&www, GroupId(0), &mut AnswerBuf::new()),
        Found::Leads
    );
    assert_eq!(
        local.alias(&www, GroupId(0)).unwrap().0.to_string(),
        "www.example"
    );
    assert_eq!(
        local.alias(&query("www.home.arpa", RecordType::CNAME), GroupId(0)),
        None
    );
    assert_eq!(
        local.alias(&query("www.example", RecordType::A), GroupId(0)),
        None
    );
}

#[test]
fn a_search_engine_leads_to_its_safe_name_where_that_is_wanted() {
    let mut config = config::Config::default();
    assert!(ask_with(&config, "www.google.com", RecordType::A).is_none());
    config.blocking.safesearch = vec![config::SafeSearch::Google];
    let local = Local::new(&config);
    let query = Query::internal("www.google.com".parse().unwrap(), RecordType::A);
    assert_eq!(
        local.answer(&query, GroupId(0), &mut AnswerBuf::new()),
        Found::Leads
    );
}

#[test]
fn a_filtered_type_is_nothing_but_for_records_of_our_own() {
    let mut config = with_records(&[("nas.example", "AAAA", "2001:db8::10")]);
    config.blocking.filter_aaaa = true;
    let nothing = ask_with(&config, "www.example", RecordType::AAAA).unwrap();
    assert_eq!(nothing.metadata.response_code, ResponseCode::NoError);
    assert_eq!((nothing.answers.len(), nothing.authorities.len()), (0, 1));
    assert_eq!(
        data(&ask_with(&config, "nas.example", RecordType::AAAA).unwrap()),
        ["2001:db8::10"]
    );
    assert!(ask_with(&config, "www.example", RecordType::A).is_none());
}

#[test]
fn a_translated_address_is_looked_up_by_the_one_inside() {
    let mut config = config::Config::default();
    config.dns64.prefix = Some("64:ff9b::/96".parse().unwrap());
    let name = reverse::reverse_name("64:ff9b::192.0.2.33".parse().unwrap());
    let query = Query::internal(name, RecordType::PTR);
    let (target, _) = Local::new(&config).alias(&query, GroupId(0)).unwrap();
    assert_eq!(target.to_string(), "33.2.0.192.in-addr.arpa");
}

#[test]
fn private_zones_with_a_route_are_asked_there_and_may_lead_into_the_home() {
    let mut config = config::Config::default();
    config.upstream.routes = config::Routes::new(vec![config::Route {
        domains: vec!["168.192.in-addr.arpa".into(), "lab.home.arpa".into()],
        servers: vec!["udp://192.0.2.1".parse().unwrap()],
    }]);
    let ask = |name: &str| ask_with(&config, name, RecordType::PTR);
    assert!(ask("1.178.168.192.in-addr.arpa").is_none());
    assert!(ask("nas.lab.home.arpa").is_none());
    assert!(ask("1.0.0.10.in-addr.arpa").is_some());
    assert!(ask("nas.home.arpa").is_some());
    let local = Local::new(&config);
    let leads = |name: &str| {
        let name: Name = name.parse().unwrap();
        !local.keeps_out(&name)
    };
    assert!(leads("nas.lab.home.arpa"));
    assert!(!leads("nas.example"));
}

#[test]
fn what_is_above_a_route_exists_and_so_does_a_private_zone_itself() {
    let mut config = config::Config::default();
    config.upstream.routes = config::Routes::new(vec![config::Route {
        domains: vec!["office.corp".into(), "5.16.172.in-addr.arpa".into()],
        servers: vec!["udp://192.0.2.1".parse().unwrap()],
    }]);
    for (name, expected) in [
        ("corp", ResponseCode::NoError),
        ("other.corp", ResponseCode::NXDomain),
        ("16.172.in-addr.arpa", ResponseCode::NoError),
        ("6.16.172.in-addr.arpa", ResponseCode::NXDomain),
        ("10.in-addr.arpa", ResponseCode::NoError),
        ("home.arpa", ResponseCode::NoError),
    ] {
        let told = ask_with(&config, name, RecordType::A).unwrap();
        assert_eq!(told.metadata.response_code, expected, "{name}");
    }
}

#[test]
fn that_nobody_signs_a_private_zone_is_proved_by_those_above_it() {
    assert!(ask("home.arpa", RecordType::DS).is_none());
    assert!(ask("nas.home.arpa", RecordType::DS).is_some());
    assert!(ask("local", RecordType::DS).is_some());
}

#[test]
fn an_address_that_a_translator_leads_home_is_of_the_home() {
    let mut config = config::Config::default();
    config.dns64.prefix = Some("2001:db8:64::/96".parse().unwrap());
    let local = Local::new(&config);
    let is_home = |address: &str| local.is_of_the_home(address.parse().unwrap());
    assert!(is_home("2001:db8:64::192.168.1.1"));
    assert!(!is_home("2001:db8:64::192.0.2.1"));
    assert!(
        !Local::new(&config::Config::default())
            .is_of_the_home("2001:db8:64::192.168.1.1".parse().unwrap())
    );
}
