//! Names that we answer ourselves.
//!
//! First the records that people gave (`book`: the config, the API, hosts files and DHCP leases).
//! Then names that have no business upstream: special-use names (RFC 6761 and its registry), the
//! reverse zones of private addresses (RFC 6303), the home's own domain, and the canary names by
//! which browsers and phones ask whether they should go around the home's resolver. Last, names
//! that stand for others (`safesearch`). Start at [`Local::answer`].

mod book;
mod data;
mod dns64;
mod file;
mod hints;
mod hosts;
mod leases;
mod lines;
mod place;
mod rebinding;
mod record;
mod records;
mod reverse;
mod safesearch;
mod table;
mod zones;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use book::{Book, declared};
pub use data::record_data;
pub use dns64::Dns64;
pub use file::{FileKind, FileState};
pub use leases::Lease;
pub use lines::LineProblem;
pub use place::Here;
use rebinding::Rebinding;
pub use record::{Record, RecordError};
pub use records::{Records, SetRecord};
use safesearch::SafeSearch;
use zones::Kind;

use crate::config;
use crate::query::{AnswerBuf, GroupId, Name, Query, Rcode, RecordType, Section};

const LOCAL_TTL: u32 = 600;
/// A name of the home that is not known may be the next moment.
const UNKNOWN_TTL: u32 = 60;

/// The names that are ours.
#[derive(Clone, Debug)]
pub struct Local {
    book: Arc<Book>,
    /// For each group of devices.
    safesearch: Arc<ArcSwap<Vec<SafeSearch>>>,
    dns64: Option<Dns64>,
    canaries: bool,
    /// Whether names below `test` are asked upstream, as in trials.
    passes_test: bool,
    /// Whether names and reverse names of homes are asked of the router.
    asks_router: bool,
    filter: Filter,
    rebinding: Rebinding,
    routes: config::Routes,
}

/// Types of addresses that nobody is told of the world outside.
#[derive(Clone, Copy, Debug)]
struct Filter {
    a: bool,
    aaaa: bool,
}

/// What is known of a name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is none of ours.
    Nothing,
    /// The answer is written, without its end.
    Written,
    /// It stands for a name that is none of ours: [`Local::alias`] says which.
    Leads,
}

impl Local {
    /// What the config makes ours. Names and reverse names of homes are asked upstream only
    /// when an upstream is in the home itself: then it is the router, which knows its devices. A
    /// server on this machine is no router.
    pub fn new(config: &config::Config) -> Self {
        let home = config::private_networks();
        let is_router =
            |ip: IpAddr| !ip.is_loopback() && home.iter().any(|network| network.contains(&ip));
        let mut servers = config.upstream.servers.iter();
        let domain = config.local.domain.parse().unwrap_or(Name::ROOT);
        let blocking = &config.blocking;
        Self {
            book: Arc::new(Book::new(config, domain)),
            safesearch: Arc::new(ArcSwap::from_pointee(SafeSearch::of_groups(config))),
            dns64: config.dns64.prefix.map(Dns64::new),
            canaries: blocking.canaries,
            passes_test: false,
            asks_router: servers.any(|server| server.server.ip().is_some_and(is_router)),
            filter: Filter {
                a: blocking.filter_a,
                aaaa: blocking.filter_aaaa,
            },
            rebinding: Rebinding::new(
                blocking.rebinding_protection,
                blocking
                    .rebinding_allow
                    .iter()
                    .filter_map(|name| name.parse().ok())
                    .collect(),
            ),
            routes: config.upstream.routes.clone(),
        }
    }

    /// The same, but names below `test` (RFC 6761 §6.2) and `lan` are asked
    /// upstream: for trials.
    #[must_use]
    pub fn for_trials(self) -> Self {
        Self {
            passes_test: true,
            ..self
        }
    }

    /// Takes what groups say of search engines.
    pub fn declare_groups(&self, config: &config::Config) {
        self.safesearch
            .store(Arc::new(SafeSearch::of_groups(config)));
    }

    /// The records of our own.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// How to make IPv6 addresses of IPv4 ones, where that is wanted.
    pub fn dns64(&self) -> Option<&Dns64> {
        self.dns64.as_ref()
    }

    /// Writes the answer to a device of this group, without its end, if the name is ours.
    pub fn answer(&self, query: &Query, group: GroupId, out: &mut AnswerBuf) -> Found {
        if query.kind == RecordType::ANY {
            minimal_any(query, out);
            return Found::Written;
        }
        match self.book.table().write(query, out) {
            Found::Nothing => {}
            found => return found,
        }
        let special = self.find(&query.name);
        // Who checks signatures needs the proof that nobody signs below it (RFC 8375 §4).
        let is_for_proof = |(zone, kind): &(Name, Kind)| {
            query.kind == RecordType::DS && *kind == Kind::Home && *zone == query.name
        };
        if let Some((zone, kind)) = special.filter(|special| !is_for_proof(special)) {
            self.write_special(query, (&zone, kind), out);
            return Found::Written;
        }
        if self.alias_of_world(query, group).is_some() {
            return Found::Leads;
        }
        if self.is_left_out(query.kind) {
            out.begin(query, Rcode::NOERROR);
            out.negative_soa_of(None, LOCAL_TTL);
            return Found::Written;
        }
        Found::Nothing
    }

    /// Whether devices are not told addresses of this kind.
    fn is_left_out(&self, kind: RecordType) -> bool {
        match kind {
            RecordType::A => self.filter.a,
            RecordType::AAAA => self.filter.aaaa,
            _ => false,
        }
    }

    /// The name that this one stands for in a group, and for how many seconds others may believe
    /// it.
    pub fn alias(&self, query: &Query, group: GroupId) -> Option<(Name, u32)> {
        let table = self.book.table();
        if table.covers(&query.name) {
            return table.alias(query);
        }
        self.alias_of_world(query, group)
    }

    fn alias_of_world(&self, query: &Query, group: GroupId) -> Option<(Name, u32)> {
        let searches = self.safesearch.load();
        let search = searches.get(usize::from(group.0));
        let alias = search.and_then(|search| search.alias(query));
        alias.or_else(|| {
            let dns64 = self.dns64.filter(|_| query.kind == RecordType::PTR)?;
            Some((dns64.reverse(&query.name)?, LOCAL_TTL))
        })
    }

    /// Whether an upstream's answer to `name` (lower-cased) must not lead into the home.
    pub fn keeps_out(&self, name: &Name) -> bool {
        self.rebinding.keeps_out(name)
            && !self.is_routed(name)
            && !(self.asks_router && self.is_of_router(name))
    }

    /// Whether an upstream's answer to `name` (lower-cased) may lead into the home although others
    /// must not.
    pub fn spares(&self, name: &Name) -> bool {
        self.rebinding.is_on() && !self.keeps_out(name)
    }

    /// Whether an address leads into the home, in whatever form it is written.
    pub fn is_of_the_home(&self, address: IpAddr) -> bool {
        let translated = self.dns64.and_then(|dns64| dns64.translated(address));
        rebinding::is_of_the_home(address)
            || translated.is_some_and(|address| rebinding::is_of_the_home(address.into()))
    }

    /// Leaves out of an answer that has no end yet what devices are not told.
    ///
    /// A signed answer stays as it is for those who check it: it would be wrong to them.
    pub fn leave_out(&self, query: &Query, out: &mut AnswerBuf) {
        let is_translated = self.dns64.is_some_and(|dns64| dns64.applies(query));
        if is_translated && dns64::has_mapped(out.as_slice()) {
            if let Some(message) = dns64::without_mapped(out.as_slice()) {
                let rcode = out.rcode();
                out.adopt(query, &message, rcode);
            }
            return;
        }
        let has_hints = matches!(query.kind, RecordType::HTTPS | RecordType::SVCB);
        if !has_hints || query.wants_dnssec() || !(self.filter.a || self.filter.aaaa) {
            return;
        }
        if let Some(message) = hints::without(self.filter, out.as_slice()) {
            let rcode = out.rcode();
            out.adopt(query, &message, rcode);
        }
    }

    /// Whether a router that is asked may know `name` as one of the home.
    fn is_of_router(&self, name: &Name) -> bool {
        let domain = self.book.domain();
        name.labels().count() == 1
            || !domain.is_root() && name.is_within(domain)
            || matches!(zones::find(name), Some((_, Kind::Home | Kind::Router)))
    }

    /// Whether `name` (lower-cased) is one by which browsers and phones ask whether they may go
    /// around us.
    pub fn is_canary(&self, name: &Name) -> bool {
        matches!(self.find(name), Some((_, Kind::Canary | Kind::Empty)))
    }

    /// Whether `name` has servers of its own: what is private there is meant.
    fn is_routed(&self, name: &Name) -> bool {
        self.routes.find(name.as_wire()).is_some()
    }

    /// The zone of ours that `name` stands in.
    fn find(&self, name: &Name) -> Option<(Name, Kind)> {
        let is_of_trials = |top: &[u8]| [&b"test"[..], b"lan"].contains(&top);
        if self.passes_test && name.labels().last().is_some_and(is_of_trials) {
            return None;
        }
        let domain = self.book.domain();
        let special = zones::find(name).filter(|(zone, kind)| match kind {
            Kind::Loopback | Kind::LoopbackName | Kind::Empty => true,
            // Whoever routes a private zone has servers that know it.
            Kind::Absent => !self.is_routed(name),
            Kind::Canary => self.canaries && zone == name,
            Kind::Router => false,
            Kind::Home => !self.asks_router && !self.is_routed(name),
        });
        special.or_else(|| {
            let is_home = !domain.is_root() && name.is_within(domain);
            (is_home && !self.asks_router && !self.is_routed(name)).then_some((*domain, Kind::Home))
        })
    }

    fn write_special(&self, query: &Query, (zone, kind): (&Name, Kind), out: &mut AnswerBuf) {
        // RFC 2308 §3: the SOA record is the zone's.
        let mut negative = |rcode, ttl| {
            out.begin(query, rcode);
            out.negative_soa_of(Some(zone), ttl);
        };
        match kind {
            Kind::Loopback => loopback(query, zone, out),
            Kind::LoopbackName if query.kind == RecordType::PTR && query.name == *zone => {
                out.begin(query, Rcode::NOERROR);
                let localhost = b"\x09localhost\x00";
                out.record(Section::Answer, query.kind, LOCAL_TTL, localhost);
            }
            Kind::Empty | Kind::LoopbackName => negative(Rcode::NOERROR, LOCAL_TTL),
            Kind::Absent | Kind::Canary | Kind::Router => negative(Rcode::NXDOMAIN, LOCAL_TTL),
            Kind::Home => {
                // Nothing would be below a name that does not exist (RFC 8020 §2).
                let exists = query.name == *zone
                    || query.name == *self.book.domain()
                    || self.book.table().is_parent(&query.name)
                    || self.routes.has_below(query.name.as_wire());
                let rcode = if exists {
                    Rcode::NOERROR
                } else {
                    Rcode::NXDOMAIN
                };
                negative(rcode, UNKNOWN_TTL);
            }
        }
    }
}

/// RFC 8482 §4.2: an HINFO record in place of "everything".
fn minimal_any(query: &Query, out: &mut AnswerBuf) {
    out.begin(query, Rcode::NOERROR);
    out.record(
        Section::Answer,
        RecordType::HINFO,
        LOCAL_TTL,
        b"\x07RFC8482\x00",
    );
}

/// RFC 6761 §6.3: localhost is this machine.
fn loopback(query: &Query, zone: &Name, out: &mut AnswerBuf) {
    out.begin(query, Rcode::NOERROR);
    let (v4, v6) = (Ipv4Addr::LOCALHOST.octets(), Ipv6Addr::LOCALHOST.octets());
    match query.kind {
        RecordType::A => out.record(Section::Answer, query.kind, LOCAL_TTL, &v4),
        RecordType::AAAA => out.record(Section::Answer, query.kind, LOCAL_TTL, &v6),
        _ => out.negative_soa_of(Some(zone), LOCAL_TTL),
    }
}

#[cfg(test)]
mod tests;
