//! Answers that rules give: what the config says for blocked names, and what a rule says itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::config::{BlockAnswer, Blocking};
use crate::local;
use crate::matcher::rule::Reply;
use crate::query::{AnswerBuf, Name, Query, Rcode, RecordType, Section};

/// What a blocked name is answered with, once all is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Addresses {
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
}

/// Writes the configured answer to a blocked name, without its end.
pub(super) fn configured(query: &Query, blocking: &Blocking, out: &mut AnswerBuf) {
    let addresses = match blocking.answer {
        BlockAnswer::NullIp => Addresses::null(),
        BlockAnswer::Address { ipv4, ipv6 } => Addresses { ipv4, ipv6 },
        BlockAnswer::Nxdomain => return code(query, Rcode::NXDOMAIN, ttl(blocking), out),
        BlockAnswer::Nodata => return code(query, Rcode::NOERROR, ttl(blocking), out),
        BlockAnswer::Refused => return code(query, Rcode::REFUSED, ttl(blocking), out),
    };
    addresses.write(query, ttl(blocking), out);
}

/// The TTL of blocked names, in seconds.
pub(super) fn ttl(blocking: &Blocking) -> u32 {
    u32::try_from(blocking.ttl.as_secs()).unwrap_or(u32::MAX)
}

/// Writes a code and no data, without the end.
pub(super) fn code(query: &Query, rcode: Rcode, ttl: u32, out: &mut AnswerBuf) {
    out.begin(query, rcode);
    if matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
        // RFC 2308 §5: with an SOA devices keep the "nothing", too.
        out.negative_soa(ttl);
    }
}

impl Addresses {
    fn null() -> Self {
        Self {
            ipv4: Some(Ipv4Addr::UNSPECIFIED),
            ipv6: Some(Ipv6Addr::UNSPECIFIED),
        }
    }

    fn write(self, query: &Query, ttl: u32, out: &mut AnswerBuf) {
        out.begin(query, Rcode::NOERROR);
        match (query.kind, self.ipv4, self.ipv6) {
            (RecordType::A, Some(ip), _) => {
                out.record(Section::Answer, query.kind, ttl, &ip.octets());
            }
            (RecordType::AAAA, _, Some(ip)) => {
                out.record(Section::Answer, query.kind, ttl, &ip.octets());
            }
            _ => out.negative_soa(ttl),
        }
    }
}

/// Writes the addresses that a block says itself, without the end; where it says none of a
/// family, the null address of it.
pub(super) fn given(query: &Query, replies: &[Reply], ttl: u32, out: &mut AnswerBuf) {
    let mut addresses = Addresses::null();
    for reply in replies {
        let address = match reply {
            Reply::Address(address) => Some(*address),
            Reply::OwnAddress => own_address(query.source),
            _ => None,
        };
        match address {
            Some(IpAddr::V4(v4)) => addresses.ipv4 = Some(v4),
            Some(IpAddr::V6(v6)) => addresses.ipv6 = Some(v6),
            None => {}
        }
    }
    addresses.write(query, ttl, out);
}

/// Our address on the way to a device. Nothing is sent.
fn own_address(device: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match device {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(device).ok()?;
    Some(socket.local_addr().ok()?.ip().to_canonical())
}

/// Where a rewrite leads.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack"
)]
pub(super) enum Lead {
    /// The answer is written, without its end.
    Written,
    /// To another name.
    To(Name),
}

/// Writes what a name is rewritten to, without the end, or says which other name it is.
pub(super) fn rewritten(query: &Query, replies: &[Reply], ttl: u32, out: &mut AnswerBuf) -> Lead {
    match replies.first() {
        Some(Reply::Cname(target)) => {
            if let Ok(target) = target.parse() {
                return Lead::To(target);
            }
        }
        Some(Reply::CnameUnder(parent)) => {
            if let Ok(target) = format!("{}.{parent}", query.name).parse() {
                return Lead::To(target);
            }
        }
        Some(Reply::Code(rcode)) if replies.len() == 1 => {
            code(query, *rcode, ttl, out);
            return Lead::Written;
        }
        _ => {}
    }
    out.begin(query, Rcode::NOERROR);
    let mut is_empty = true;
    for data in replies.iter().filter_map(|reply| data(query, reply)) {
        out.record(Section::Answer, query.kind, ttl, &data);
        is_empty = false;
    }
    if is_empty {
        out.negative_soa(ttl);
    }
    Lead::Written
}

/// Whether a block leads to another name.
pub(super) fn leads(replies: &[Reply]) -> bool {
    let is_name = |reply: &Reply| matches!(reply, Reply::Cname(_) | Reply::CnameUnder(_));
    replies.iter().any(is_name)
}

/// The name that a block leads to, if it does.
pub(super) fn lead_of(replies: &[Reply]) -> Option<Name> {
    replies.iter().find_map(|reply| match reply {
        Reply::Cname(target) => target.parse().ok(),
        _ => None,
    })
}

/// A reply's data, if it is of the type asked.
fn data(query: &Query, reply: &Reply) -> Option<Vec<u8>> {
    match (reply, query.kind) {
        (Reply::Address(IpAddr::V4(v4)), RecordType::A) => Some(v4.octets().to_vec()),
        (Reply::Address(IpAddr::V6(v6)), RecordType::AAAA) => Some(v6.octets().to_vec()),
        (Reply::Record(kind, text), asked) if *kind == asked => local::record_data(*kind, text),
        _ => None,
    }
}
