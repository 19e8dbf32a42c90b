//! Reads a query from a packet, byte by byte: the question here, what follows it in `rest`.

mod rest;

use std::net::SocketAddr;

use super::cookie::Cookies;
use crate::query::{DeviceId, Edns, GroupId, Name, NameError, Query, Rcode, RecordType, Transport};
use rest::Malformed;
pub(super) use rest::{has_keepalive, skip_name};

const HEADER: usize = 12;
const FLAG_RESPONSE: u16 = 0x8000;

/// What a packet turned out to be.
#[derive(Debug)]
pub(super) enum Packet {
    /// A question to be answered.
    Query(Query),
    /// Something to be answered with a code alone; the query is there as far as it could be read.
    Code {
        rcode: Rcode,
        id: u16,
        flags: u16,
        query: Option<Query>,
        /// The OPT record, where there is no query that has it.
        edns: Option<Edns>,
    },
    /// Something that gets no answer: too short, or an answer itself (RFC 1035 §4.1.1).
    Silence,
}

/// Where a packet came from, and what its answer's OPT record is made with.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub source: SocketAddr,
    pub transport: Transport,
    pub cookies: &'a Cookies,
    /// The device, where the asker said who it is.
    pub device: Option<(DeviceId, GroupId)>,
    /// How long an idle connection stays open, in tenths of a second.
    pub keepalive: u16,
    /// The device of an id that a router may say, in lower case.
    pub relayed: &'a dyn Fn(&str) -> Option<(DeviceId, GroupId)>,
}

/// A message's header, as far as a query's matters.
#[derive(Clone, Copy)]
struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    /// Answers, authorities, additionals.
    records: [u16; 3],
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        let mut words = header
            .as_chunks::<2>()
            .0
            .iter()
            .map(|two| u16::from_be_bytes(*two));
        let mut next = || words.next().unwrap_or(0);
        Some(Self {
            id: next(),
            flags: next(),
            questions: next(),
            records: [next(), next(), next()],
        })
    }

    fn code(self, rcode: Rcode, edns: Option<Edns>) -> Packet {
        Packet::Code {
            rcode,
            id: self.id,
            flags: self.flags,
            query: None,
            edns,
        }
    }

    /// The answer that every query of this opcode gets; none for an ordinary query.
    fn opcode_answer(self) -> Option<Rcode> {
        match self.flags >> 11 & 0x0f {
            0 => None,
            // RFC 1996, RFC 2136: we are not authoritative for anything.
            4 | 5 => Some(Rcode::REFUSED),
            _ => Some(Rcode::NOTIMP),
        }
    }
}

/// Reads one message.
pub(super) fn read(bytes: &[u8], origin: Origin<'_>) -> Packet {
    let Some(header) = Header::read(bytes).filter(|header| header.flags & FLAG_RESPONSE == 0)
    else {
        return Packet::Silence;
    };
    let fallback = header.opcode_answer().unwrap_or(Rcode::FORMERR);
    match header.questions {
        1 => {}
        0 => return without_question(header, bytes, origin),
        // RFC 9619 §4: no more than one question.
        _ => return header.code(fallback, several_questions(header, bytes, origin)),
    }
    let Ok((mut query, end)) = read_question(header, bytes, origin) else {
        return header.code(fallback, None);
    };
    let rcode = match rest::read(header.records, bytes, end, origin) {
        Ok(edns) => {
            query.edns = edns;
            header.opcode_answer().or_else(|| refusal(&query))
        }
        Err(Malformed(edns)) => {
            query.edns = edns;
            Some(header.opcode_answer().unwrap_or(unreadable(edns)))
        }
    };
    match rcode {
        None => Packet::Query(query),
        Some(rcode) => Packet::Code {
            rcode,
            id: header.id,
            flags: header.flags,
            query: Some(query),
            edns: None,
        },
    }
}

/// RFC 7873 §5.4: no question is a question for a cookie; else it is an error.
fn without_question(header: Header, bytes: &[u8], origin: Origin<'_>) -> Packet {
    let (edns, is_readable) = match rest::read(header.records, bytes, HEADER, origin) {
        Ok(edns) => (edns, true),
        Err(Malformed(edns)) => (edns, false),
    };
    let asks = |edns: Edns| edns.version == 0 && edns.cookie.is_some();
    let asks_for_cookie = is_readable && edns.is_some_and(asks);
    let rcode = match header.opcode_answer() {
        Some(rcode) => rcode,
        None if asks_for_cookie => Rcode::NOERROR,
        None => unreadable(edns),
    };
    header.code(rcode, edns)
}

/// What is said of a message that cannot be read: what looks broken may be how another version of
/// EDNS has it (RFC 6891 §6.1.3).
fn unreadable(edns: Option<Edns>) -> Rcode {
    if edns.is_some_and(|edns| edns.version > 0) {
        Rcode::BADVERS
    } else {
        Rcode::FORMERR
    }
}

/// The OPT record of a message with more questions than there may be.
fn several_questions(header: Header, bytes: &[u8], origin: Origin<'_>) -> Option<Edns> {
    let mut at = HEADER;
    for _ in 0..header.questions {
        at = skip_name(bytes, at)? + 4;
    }
    match rest::read(header.records, bytes, at, origin) {
        Ok(edns) | Err(Malformed(edns)) => edns,
    }
}

/// Why a query that can be read is none that we take on.
fn refusal(query: &Query) -> Option<Rcode> {
    match (query.edns, query.class, query.kind.0) {
        // RFC 6891 §6.1.3.
        (Some(edns), ..) if edns.version > 0 => Some(Rcode::BADVERS),
        // RFC 4892: who we are stays here; no other class is known in homes.
        (_, class, _) if class != 1 => Some(Rcode::REFUSED),
        // Transfers, and the types that only make sense inside a message (RFC 6895 §3.1).
        (.., 251 | 252) => Some(Rcode::REFUSED),
        (.., 0 | 41 | 128..=250 | 253 | 254) => Some(Rcode::NOTIMP),
        _ => None,
    }
}

/// The question, and where it ends.
fn read_question(
    header: Header,
    bytes: &[u8],
    origin: Origin<'_>,
) -> Result<(Query, usize), NameError> {
    // Nothing stands before the question that it could point to, so compression is an error.
    let mut name = Name::from_wire(bytes.get(HEADER..).unwrap_or_default())?;
    let spelling = name.lower();
    let end = HEADER + name.as_wire().len();
    let &[kind_high, kind_low, class_high, class_low] = bytes
        .get(end..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(NameError::Cut)?;
    let query = Query {
        id: header.id,
        flags: header.flags,
        name,
        spelling,
        kind: RecordType(u16::from_be_bytes([kind_high, kind_low])),
        class: u16::from_be_bytes([class_high, class_low]),
        edns: None,
        source: origin.source,
        transport: origin.transport,
        device: origin.device,
        upstream_set: 0,
    };
    Ok((query, end + 4))
}

#[cfg(test)]
mod tests;
