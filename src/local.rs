//! Names that we answer ourselves, because they have no business upstream.
//!
//! Special-use names (RFC 6761 and its registry), the reverse zones of private addresses
//! (RFC 6303), and the canary names by which browsers and phones ask whether they should go
//! around the home's resolver.

mod data;
mod zones;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use data::record_data;
use zones::Kind;

use crate::config;
use crate::query::{AnswerBuf, Name, Query, Rcode, RecordType, Section};

const LOCAL_TTL: u32 = 600;

/// The names that are ours.
#[derive(Clone, Debug)]
pub struct Local {
    canaries: bool,
    private_reverse: bool,
    /// Whether names below `test` are asked upstream, as in trials.
    passes_test: bool,
}

impl Local {
    /// What the config makes ours. Reverse zones of private addresses are asked upstream only
    /// when an upstream is in the home itself: then it is the router, which knows its devices.
    pub fn new(config: &config::Config) -> Self {
        let home = config::private_networks();
        let router = config
            .upstream
            .servers
            .iter()
            .any(|server| match server.server.ip() {
                Some(ip) => home.iter().any(|network| network.contains(&ip)),
                None => false,
            });
        Self {
            canaries: config.blocking.canaries,
            private_reverse: !router,
            passes_test: false,
        }
    }

    /// The same, but names below `test`, which are reserved for trials (RFC 6761 §6.2), are asked
    /// upstream: for trials.
    #[must_use]
    pub fn for_trials(self) -> Self {
        Self {
            passes_test: true,
            ..self
        }
    }

    /// Writes the answer, without its end, if the name is ours.
    pub fn answer(&self, query: &Query, out: &mut AnswerBuf) -> bool {
        if query.kind == RecordType::ANY {
            return minimal_any(query, out);
        }
        match self.find(&query.name) {
            None => return false,
            Some(Kind::Loopback) => loopback(query, out),
            Some(Kind::Empty) => empty(query, out),
            Some(Kind::Absent | Kind::Canary | Kind::PrivateReverse) => absent(query, out),
        }
        true
    }

    /// Whether `name` (lower-cased) is one by which browsers and phones ask whether they may go
    /// around us.
    pub fn is_canary(&self, name: &Name) -> bool {
        matches!(self.find(name), Some(Kind::Canary))
    }

    /// Whether `name` (lower-cased) is ours.
    pub fn covers(&self, name: &Name) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &Name) -> Option<Kind> {
        if self.passes_test && name.labels().last() == Some(b"test") {
            return None;
        }
        zones::find(name).filter(|kind| match kind {
            Kind::Loopback | Kind::Absent | Kind::Empty => true,
            Kind::Canary => self.canaries,
            Kind::PrivateReverse => self.private_reverse,
        })
    }
}

/// RFC 8482 §4.2: an HINFO record in place of "everything".
fn minimal_any(query: &Query, out: &mut AnswerBuf) -> bool {
    out.begin(query, Rcode::NOERROR);
    out.record(
        Section::Answer,
        RecordType::HINFO,
        LOCAL_TTL,
        b"\x07RFC8482\x00",
    );
    true
}

/// RFC 6761 §6.3: localhost is this machine.
fn loopback(query: &Query, out: &mut AnswerBuf) {
    out.begin(query, Rcode::NOERROR);
    match query.kind {
        RecordType::A => out.record(
            Section::Answer,
            query.kind,
            LOCAL_TTL,
            &Ipv4Addr::LOCALHOST.octets(),
        ),
        RecordType::AAAA => out.record(
            Section::Answer,
            query.kind,
            LOCAL_TTL,
            &Ipv6Addr::LOCALHOST.octets(),
        ),
        _ => out.negative_soa(LOCAL_TTL),
    }
}

fn absent(query: &Query, out: &mut AnswerBuf) {
    out.begin(query, Rcode::NXDOMAIN);
    out.negative_soa(LOCAL_TTL);
}

fn empty(query: &Query, out: &mut AnswerBuf) {
    out.begin(query, Rcode::NOERROR);
    out.negative_soa(LOCAL_TTL);
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, ResponseCode};

    use super::*;

    fn ask_with(config: &config::Config, name: &str, kind: RecordType) -> Option<Message> {
        let query = Query::internal(name.parse().unwrap(), kind);
        let mut out = AnswerBuf::new();
        Local::new(config)
            .answer(&query, &mut out)
            .then(|| Message::from_vec(out.as_slice()).unwrap())
    }

    fn ask(name: &str, kind: RecordType) -> Option<Message> {
        ask_with(&config::Config::default(), name, kind)
    }

    #[test]
    fn localhost_is_this_machine() {
        assert_eq!(ask("localhost", RecordType::A).unwrap().answers.len(), 1);
        assert_eq!(
            ask("app.localhost", RecordType::AAAA)
                .unwrap()
                .answers
                .len(),
            1
        );
        let mail = ask("localhost", RecordType::MX).unwrap();
        assert!(mail.answers.is_empty());
        assert_eq!(mail.authorities.len(), 1);
    }

    #[test]
    fn names_without_business_upstream_stay_home() {
        for name in [
            "x.invalid",
            "x.test",
            "hidden.onion",
            "printer.local",
            "nas.home.arpa",
            "1.0.168.192.in-addr.arpa",
            "use-application-dns.net",
            "mask.icloud.com",
            "_dns.resolver.arpa",
        ] {
            let message =
                ask(name, RecordType::A).unwrap_or_else(|| panic!("{name} went upstream"));
            assert!(message.answers.is_empty(), "{name}");
            assert_eq!(message.authorities.len(), 1, "{name}");
        }
        assert_eq!(
            ask("x.invalid", RecordType::A)
                .unwrap()
                .metadata
                .response_code,
            ResponseCode::NXDomain
        );
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
            "8.8.8.8.in-addr.arpa",
            "32.172.in-addr.arpa",
        ] {
            assert!(ask(name, RecordType::A).is_none(), "{name}");
        }
    }

    #[test]
    fn everything_is_answered_with_little() {
        assert_eq!(
            ask("home.example", RecordType::ANY).unwrap().answers.len(),
            1
        );
    }

    #[test]
    fn a_router_upstream_is_asked_for_private_addresses() {
        let mut config = config::Config::default();
        config.upstream.servers = vec!["udp://192.168.178.1".parse().unwrap()];
        assert!(ask_with(&config, "1.178.168.192.in-addr.arpa", RecordType::PTR).is_none());
    }

    #[test]
    fn canaries_can_be_switched_off() {
        let mut config = config::Config::default();
        config.blocking.canaries = false;
        assert!(ask_with(&config, "use-application-dns.net", RecordType::A).is_none());
    }
}
