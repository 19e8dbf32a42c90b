//! `[upstream]`: whom we ask.

mod route;
mod server;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::group::Group;
use super::problem::{Place, Problem};
use super::section::{Read, Section};
use super::tree::Item;
use super::value;

pub use route::{Route, Routes};
pub(super) use server::is_host_name;
pub use server::{Host, Server, ServerUrl};

/// The journal keeps an upstream's number in a byte.
const MAX_SERVERS: usize = 256;

/// So many sets of servers groups may have of their own: answers are held under the number of a set,
/// which has six bits.
pub const MAX_SETS: usize = 63;

/// Whom we ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// The upstream servers, in the order of preference.
    pub servers: Vec<ServerUrl>,
    /// Plain DNS servers that only look up the host names of `servers`.
    pub bootstrap: Vec<IpAddr>,
    /// Which of the servers is asked first.
    pub strategy: Strategy,
    /// After this long without an answer the query has failed.
    pub timeout: Duration,
    /// Whether answers are checked for their zones' signatures.
    pub dnssec: bool,
    /// A file of the keys that are trusted without proof; none: the root's, which are built in.
    pub trust_anchors: Option<AnchorFile>,
    /// Names that other servers are asked for.
    pub routes: Routes,
    /// The sets of servers that groups have of their own, each once.
    pub sets: Vec<Vec<ServerUrl>>,
}

/// A file of keys that are trusted without proof.
#[derive(Clone, Debug)]
pub struct AnchorFile {
    /// The file.
    pub path: PathBuf,
    /// Where it stands in the config.
    pub place: Place,
}

/// Where it stands says nothing of what it is.
impl PartialEq for AnchorFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl AnchorFile {
    fn read(item: &Item, base: &Path) -> Read<Self> {
        Ok(Self {
            path: value::path(item, base)?,
            place: item.place.clone(),
        })
    }

    /// What is wrong with the file, told at its place in the config.
    pub fn problem(&self, what: &dyn std::fmt::Display) -> Problem {
        Problem {
            place: self.place.clone(),
            key: "upstream.trust_anchors".to_owned(),
            message: format!("= {:?}: {what}", self.path.display().to_string()),
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        let servers = [
            "https://dns.quad9.net/dns-query",
            "tls://9.9.9.9#dns.quad9.net",
        ];
        Self {
            servers: servers
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
            bootstrap: vec![
                IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)),
                IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe)),
            ],
            strategy: Strategy::Fastest,
            timeout: Duration::from_secs(2),
            dnssec: false,
            trust_anchors: None,
            routes: Routes::default(),
            sets: Vec::new(),
        }
    }
}

impl Upstream {
    pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Self {
        let default = Self::default();
        let timeout = Duration::from_millis(100)..=Duration::from_mins(1);
        let upstream = Self {
            servers: section.some("servers", "at least one", default.servers, ServerUrl::read),
            bootstrap: section.values("bootstrap", default.bootstrap, |item| {
                value::ip(item, "9.9.9.9")
            }),
            strategy: section.value("strategy", default.strategy, Strategy::read),
            timeout: section.value("timeout", default.timeout, |item| {
                value::duration(item, timeout.clone())
            }),
            dnssec: section.value("dnssec", default.dnssec, value::truth),
            trust_anchors: section.optional("trust_anchors", |item| AnchorFile::read(item, base)),
            routes: Routes::read(section),
            sets: Vec::new(),
        };
        upstream.check_bootstrap(section);
        upstream
    }

    /// Takes the servers that groups have of their own. Tells what is wrong with all together.
    pub(super) fn with_sets(mut self, groups: &[Group], root: &Section<'_>) -> Self {
        for group in groups.iter().filter(|group| !group.upstream.is_empty()) {
            if !self.sets.contains(&group.upstream) {
                self.sets.push(group.upstream.clone());
            }
        }
        if !self.sets.is_empty() {
            self.check_bootstrap(root);
        }
        if self.sets.len() > MAX_SETS {
            root.wrong(
                "group",
                format!("has more than {MAX_SETS} different `upstream`"),
            );
        }
        self
    }

    /// Takes the servers of a group that is set while we run, or says why they cannot be asked.
    pub(super) fn add_set(&mut self, servers: &[ServerUrl]) -> Read<()> {
        if servers.is_empty() || self.sets.iter().any(|set| set == servers) {
            return Ok(());
        }
        let named = servers.iter().find(|server| server.has_name());
        if let (Some(server), true) = (named, self.bootstrap.is_empty()) {
            return Err(format!(
                "{:?} has a name to look up, and upstream.bootstrap of the config file is empty",
                server.text
            ));
        }
        self.sets.push(servers.to_vec());
        let wrong = if self.sets.len() > MAX_SETS {
            format!("groups have more than {MAX_SETS} different sets of servers")
        } else if self.every_server().len() > MAX_SERVERS {
            format!("there are more than {MAX_SERVERS} servers, with those of other groups")
        } else {
            return Ok(());
        };
        self.sets.pop();
        Err(wrong)
    }

    /// The number of a group's set: 0 = the servers for all.
    pub fn set_of(&self, group: &Group) -> u8 {
        let at = self.sets.iter().position(|set| *set == group.upstream);
        let number = at.map_or(0, |at| at + 1);
        u8::try_from(number).unwrap_or(0)
    }

    fn check_bootstrap(&self, section: &Section<'_>) {
        let upstream = self;
        if upstream.bootstrap.is_empty()
            && let Some(server) = upstream
                .every_server()
                .iter()
                .find(|server| server.has_name())
        {
            let text = &server.text;
            section.wrong(
                "bootstrap",
                format!("is empty, but {text:?} has a name to look up: write an address"),
            );
        }
        if upstream.every_server().len() > MAX_SERVERS {
            section.wrong(
                "servers",
                format!("more than {MAX_SERVERS}, with those of routes and groups"),
            );
        }
    }

    /// Every server, each once: those of the section, those of its routes, then those of groups.
    pub fn every_server(&self) -> Vec<&ServerUrl> {
        let mut servers = self.usual_servers();
        add_new(&mut servers, self.sets.iter().flatten());
        servers
    }

    /// Every server but those that only groups have, each once.
    pub fn usual_servers(&self) -> Vec<&ServerUrl> {
        let routed = self.routes.all().iter().flat_map(|route| &route.servers);
        let mut servers = Vec::new();
        add_new(&mut servers, self.servers.iter().chain(routed));
        servers
    }
}

fn add_new<'a>(servers: &mut Vec<&'a ServerUrl>, more: impl Iterator<Item = &'a ServerUrl>) {
    for server in more {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
}

/// Which server is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The one that answered fastest lately.
    Fastest,
    /// The first of the list that works.
    Ordered,
    /// The two fastest at once.
    Race,
    /// Each in turn.
    Spread,
}

impl Strategy {
    fn read(item: &Item) -> Read<Self> {
        let words = [
            ("fastest", Self::Fastest),
            ("ordered", Self::Ordered),
            ("race", Self::Race),
            ("spread", Self::Spread),
        ];
        value::word(item, &words)
    }
}
