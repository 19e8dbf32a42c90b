//! Reads a query from a packet: the usual ones here, byte by byte; the unusual by hickory-proto.

use std::net::SocketAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType as ProtoType;

use crate::query::{Edns, Name, NameError, Query, Rcode, RecordType, Transport};

const HEADER: usize = 12;
const FLAG_RESPONSE: u16 = 0x8000;

/// What a packet turned out to be.
#[derive(Debug)]
pub(super) enum Packet {
    /// A question to be answered.
    Query(Query),
    /// Something to be answered with an error; the query is there as far as it could be read.
    Error {
        rcode: Rcode,
        id: u16,
        flags: u16,
        query: Option<Query>,
    },
    /// Something that gets no answer: too short, or an answer itself (RFC 1035 §4.1.1).
    Silence,
}

/// Reads one message as it came from `source`.
pub(super) fn read(bytes: &[u8], source: SocketAddr, transport: Transport) -> Packet {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Packet::Silence;
    };
    let word = |at: usize| {
        header
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |two| u16::from_be_bytes(*two))
    };
    let (id, flags) = (word(0), word(2));
    if flags & FLAG_RESPONSE != 0 {
        return Packet::Silence;
    }
    let error = |rcode| Packet::Error {
        rcode,
        id,
        flags,
        query: None,
    };
    match flags >> 11 & 0x0f {
        0 => {}
        // RFC 1996, RFC 2136: we are not authoritative for anything.
        4 | 5 => return error(Rcode::REFUSED),
        _ => return error(Rcode::NOTIMP),
    }
    // RFC 9619 §4: exactly one question.
    if word(4) != 1 {
        return error(Rcode::FORMERR);
    }
    let Ok((spelled, end)) = read_question(bytes) else {
        return error(Rcode::FORMERR);
    };
    let Some(&[kind_high, kind_low, class_high, class_low]) =
        bytes.get(end..).and_then(<[u8]>::first_chunk)
    else {
        return error(Rcode::FORMERR);
    };
    let mut query = Query {
        id,
        flags,
        name: spelled.to_lowercase(),
        spelled,
        kind: RecordType(u16::from_be_bytes([kind_high, kind_low])),
        class: u16::from_be_bytes([class_high, class_low]),
        edns: None,
        source,
        transport,
    };
    let rest = bytes.get(end + 4..).unwrap_or_default();
    match read_rest((word(6), word(8), word(10)), rest, bytes) {
        Ok(edns) => query.edns = edns,
        Err(Malformed) => {
            return Packet::Error {
                rcode: Rcode::FORMERR,
                id,
                flags,
                query: Some(query),
            };
        }
    }
    check(query)
}

/// What can be read, but is no question that we take on.
fn check(query: Query) -> Packet {
    let rcode = match (query.edns, query.class, query.kind.0) {
        (Some(edns), ..) if edns.version > 0 => Rcode::BADVERS,
        // RFC 4892: who we are stays here; no other class is known in homes.
        (_, class, _) if class != 1 => Rcode::REFUSED,
        // Transfers, and the types that only make sense inside a message (RFC 6895 §3.1).
        (.., 251 | 252) => Rcode::REFUSED,
        (.., 0 | 41 | 128..=250 | 253 | 254) => Rcode::NOTIMP,
        _ => return Packet::Query(query),
    };
    Packet::Error {
        rcode,
        id: query.id,
        flags: query.flags,
        query: Some(query),
    }
}

fn read_question(bytes: &[u8]) -> Result<(Name, usize), NameError> {
    // Nothing stands before the question that it could point to, so compression is an error.
    let name = Name::from_wire(bytes.get(HEADER..).unwrap_or_default())?;
    Ok((name, HEADER + name.as_wire().len()))
}

/// What follows the question cannot be read.
#[derive(Debug)]
struct Malformed;

/// The EDNS part of a query with these record counts.
fn read_rest(
    counts: (u16, u16, u16),
    rest: &[u8],
    whole: &[u8],
) -> Result<Option<Edns>, Malformed> {
    match (counts, rest) {
        ((0, 0, 0), _) => Ok(None),
        // One record, and it is an OPT of the root: type 41, class = size, TTL = version and flags.
        (
            (0, 0, 1),
            &[
                0,
                0,
                41,
                high,
                low,
                _,
                version,
                flags,
                _,
                len_high,
                len_low,
                ref options @ ..,
            ],
        ) => {
            let length = usize::from(u16::from_be_bytes([len_high, len_low]));
            check_options(options.get(..length).ok_or(Malformed)?)?;
            Ok(Some(Edns {
                payload: u16::from_be_bytes([high, low]),
                version,
                dnssec_ok: flags & 0x80 != 0,
            }))
        }
        _ => read_unusual(whole),
    }
}

/// RFC 6891 §6.1.2: options may be unknown, but not run past their end.
fn check_options(mut options: &[u8]) -> Result<(), Malformed> {
    while let Some((head, after)) = options.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        options = after.get(length..).ok_or(Malformed)?;
    }
    if options.is_empty() {
        Ok(())
    } else {
        Err(Malformed)
    }
}

/// A query with other records than an OPT: signatures, several records, or junk.
fn read_unusual(whole: &[u8]) -> Result<Option<Edns>, Malformed> {
    let message = Message::from_vec(whole).map_err(|_| Malformed)?;
    let records = || {
        message
            .answers
            .iter()
            .chain(&message.authorities)
            .chain(&message.additionals)
    };
    // RFC 6891 §6.1.1: one OPT at most, and in no other section.
    if records().any(|record| record.record_type() == ProtoType::OPT) {
        return Err(Malformed);
    }
    Ok(message.edns.map(|edns| Edns {
        payload: edns.max_payload(),
        version: edns.version(),
        dnssec_ok: edns.flags().dnssec_ok,
    }))
}

#[cfg(test)]
mod tests;
