//! The words of the query path: what is asked, what was decided, what was answered.
//!
//! Plain data that every step shares. Nothing here reads a packet, a clock or a setting.

mod answer;
mod name;
mod spelling;
mod types;
pub(crate) mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use answer::{FLAG_CHECKING_DISABLED, FLAG_RECURSION_DESIRED};

pub use answer::{AnswerBuf, ExtendedError, Section, UDP_PAYLOAD};
pub(crate) use name::MAX_NAME;
pub use name::{Name, NameError};
pub use spelling::Spelling;
pub use types::{Rcode, RecordType, UnknownType};

/// One question, as read from a packet.
#[derive(Clone, Debug)]
pub struct Query {
    /// The message id, to be copied into the answer.
    pub id: u16,
    /// The second 16 bits of the message, as sent.
    pub flags: u16,
    /// The name asked, lower-cased.
    pub name: Name,
    /// How it was spelled in the packet; the answer repeats that.
    pub spelling: Spelling,
    /// The type asked.
    pub kind: RecordType,
    /// The class asked; 1 is IN.
    pub class: u16,
    /// What the asker says of itself with EDNS, if anything.
    pub edns: Option<Edns>,
    /// Address and port of the asker.
    pub source: SocketAddr,
    /// How the question came.
    pub transport: Transport,
    /// The device and its group, where it said who it is: by a server name or a path.
    pub device: Option<(DeviceId, GroupId)>,
    /// Which upstream servers are asked: 0 = those for all, else a set that a group has.
    pub upstream_set: u8,
}

impl Query {
    /// Whether recursion is desired (RD).
    pub fn wants_recursion(&self) -> bool {
        self.flags & FLAG_RECURSION_DESIRED != 0
    }

    /// Whether the asker validates itself (CD, RFC 4035 §3.2.2).
    pub fn checks_itself(&self) -> bool {
        self.flags & FLAG_CHECKING_DISABLED != 0
    }

    /// Whether the asker wants DNSSEC records (DO, RFC 3225).
    pub fn wants_dnssec(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// How long the answer may be, in bytes.
    pub fn size_limit(&self) -> usize {
        match (self.transport, self.edns) {
            // RFC 6891 §6.2.3: less than 512 means 512.
            (Transport::Udp, Some(edns)) => usize::from(edns.payload.clamp(512, UDP_PAYLOAD)),
            (Transport::Udp, None) => 512,
            _ => usize::from(u16::MAX),
        }
    }

    /// The name as it was spelled.
    pub fn spelled(&self) -> Name {
        self.name.spelled(self.spelling)
    }

    /// The same query about another name (lower-cased).
    #[must_use]
    pub fn about(&self, name: Name) -> Self {
        Self {
            name,
            spelling: Spelling::default(),
            ..self.clone()
        }
    }

    /// A query of our own making: RD set, class IN, over UDP from loopback.
    pub fn internal(mut name: Name, kind: RecordType) -> Self {
        let spelling = name.lower();
        Self {
            id: 0,
            flags: FLAG_RECURSION_DESIRED,
            name,
            spelling,
            kind,
            class: 1,
            edns: None,
            source: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            transport: Transport::Udp,
            device: None,
            upstream_set: 0,
        }
    }
}

/// An address as far as it tells devices apart: one may take any address of its IPv6 network, so
/// the /64 counts as one.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The part of a query's OPT record that we act on (RFC 6891), and what goes back in ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP answer that the asker takes, in bytes, as sent.
    pub payload: u16,
    /// The version; only 0 exists.
    pub version: u8,
    /// Whether DNSSEC records are wanted (DO).
    pub dnssec_ok: bool,
    /// The cookie that goes back, where one came: the asker's half and ours (RFC 7873 §5.2).
    pub cookie: Option<[u8; 24]>,
    /// How long an idle connection stays open, in tenths of a second, where the asker wants to
    /// know (RFC 7828 §3.1).
    pub keepalive: Option<u16>,
    /// Whether the answer is to be padded, so that its length says nothing (RFC 7830 §4).
    pub is_padded: bool,
    /// The hardware address of the device for which a router asks, as the router says it.
    pub relayed_mac: Option<[u8; 6]>,
    /// The device, and its group, that a router says it is by an id of its own.
    pub relayed_id: Option<(DeviceId, GroupId)>,
}

/// How a question reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way; long answers are cut.
    Udp,
    /// A stream of length-prefixed messages.
    Tcp,
    /// The same, encrypted (RFC 7858).
    Tls,
    /// An HTTP request over TLS (RFC 8484).
    Https,
    /// A stream of a QUIC connection (RFC 9250).
    Quic,
    /// An HTTP request over QUIC (RFC 9114).
    H3,
}

impl Transport {
    /// All of them. A place in this order is kept on disk, so new ones go to the end.
    pub const ALL: [Self; 6] = [
        Self::Udp,
        Self::Tcp,
        Self::Tls,
        Self::Https,
        Self::Quic,
        Self::H3,
    ];

    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
            Self::H3 => "h3",
        }
    }

    /// Its place in [`Self::ALL`].
    pub fn number(self) -> u8 {
        match self {
            Self::Udp => 0,
            Self::Tcp => 1,
            Self::Tls => 2,
            Self::Https => 3,
            Self::Quic => 4,
            Self::H3 => 5,
        }
    }

    /// The one at this place.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether nobody on the way can read it.
    pub fn is_encrypted(self) -> bool {
        !matches!(self, Self::Udp | Self::Tcp)
    }
}

/// What to do with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No entry covers the name, or an exception does.
    Allow(Option<Match>),
    /// An entry covers it; let through, and marked.
    Watch(Match),
    /// An entry covers it; answered here.
    Block(Match),
}

impl Verdict {
    /// The entry that decided, if one did.
    pub fn matched(self) -> Option<Match> {
        match self {
            Self::Allow(matched) => matched,
            Self::Watch(matched) | Self::Block(matched) => Some(matched),
        }
    }

    /// The verdict's word, without its entry.
    pub fn word(self) -> VerdictWord {
        match self {
            Self::Allow(_) => VerdictWord::Allow,
            Self::Watch(_) => VerdictWord::Watch,
            Self::Block(_) => VerdictWord::Block,
        }
    }
}

/// A verdict as people read it: in the journal, the API and the dashboard.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum VerdictWord {
    /// Let through.
    Allow,
    /// Let through, and marked.
    Watch,
    /// Answered here.
    Block,
}

impl VerdictWord {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Watch => "watch",
            Self::Block => "block",
        }
    }
}

/// Points at the entry that decided: a place in one generation of the compiled rules.
///
/// The policy turns it into words (`Policy::describe`); the journal does so at once, because
/// only the current and the previous generation are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Match {
    /// The generation of the compiled rules.
    pub generation: u32,
    /// The rule's place in that generation.
    pub rule: u32,
}

impl Match {
    /// Of no entry: the name led to an address at home (DNS rebinding).
    pub const NO_ENTRY: Self = Self {
        generation: u32::MAX,
        rule: u32::MAX,
    };
}

/// An entry in words that outlive a reload: what the journal keeps of a [`Match`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryLabel {
    /// Where the entry stands: `pack:xiaomi`, `list:NAME`, `rule`, or [`Self::REBINDING`].
    pub origin: String,
    /// The entry: `tracking.miui.com` (the name and all below it) or `=host.example` (the name alone).
    pub entry: String,
}

impl EntryLabel {
    /// In place of an entry: the name led to an address at home (DNS rebinding).
    pub const REBINDING: &str = "rebinding";
}

/// Who made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A block: the configured answer.
    Policy,
    /// Our own names.
    Local,
    /// An upstream answer that is still good.
    Cache,
    /// An upstream, just now.
    Upstream(UpstreamId),
    /// Nobody: no upstream answered, or the query was refused or malformed.
    Failure,
}

/// An upstream: its place in the config's order, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamId(pub u8);

/// A device: a number that stays its own for as long as the database lives.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct DeviceId(pub u32);

/// The number of a group of devices; 0 is the default one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u8);

/// What the journal is told of one query.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When it was answered, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Who asked.
    pub device: DeviceId,
    /// The address that asked.
    pub address: IpAddr,
    /// The name asked, lower-cased.
    pub name: Name,
    /// The type asked.
    pub kind: RecordType,
    /// What was decided, and by which entry.
    pub verdict: Verdict,
    /// Who made the answer.
    pub source: Source,
    /// The answer's code.
    pub rcode: Rcode,
    /// How the question came.
    pub transport: Transport,
    /// From the packet's arrival to the answer, in microseconds.
    pub took_us: u32,
}
