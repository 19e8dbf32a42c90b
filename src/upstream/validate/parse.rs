//! Reads a reply, as far as more than its bytes matters.
//!
//! hickory refuses messages for the data of a single record, such as none at all where it knows no
//! type without data. Data of types that nobody here has to understand is none of our business
//! (RFC 3597 §3): such a message is read once more from a copy in which it is opaque.

use hickory_proto::op::{Message, OpCode};

use crate::query::RecordType;

use crate::upstream::error::Failure;

const HEADER: usize = 12;
const OPCODE: u8 = 0x78;
/// The only opcode with which hickory takes records without data.
const UPDATE: u8 = 5 << 3;
/// A type for private use (RFC 6895 §3.1), in place of those that are not read.
const OPAQUE: u16 = 0xff00;
/// Types whose data is read: it holds names that may be compressed, or decides what is done.
const READ: [RecordType; 10] = [
    RecordType::A,
    RecordType::NS,
    RecordType::CNAME,
    RecordType::SOA,
    RecordType::PTR,
    RecordType::MX,
    RecordType::AAAA,
    RecordType::SRV,
    RecordType::DNAME,
    RecordType::OPT,
];

/// Reads a reply.
pub(super) fn read(wire: &[u8]) -> Result<Message, Failure> {
    Message::from_vec(wire).or_else(|why| {
        let read = opaque(wire).and_then(|copy| Message::from_vec(&copy).ok());
        let mut message = read.ok_or_else(|| Failure::Garbage(why.to_string()))?;
        message.metadata.op_code = OpCode::Query;
        Ok(message)
    })
}

/// A copy in which hickory does not look at data that nobody needs; `None` where the rest is not as
/// it should be either.
fn opaque(wire: &[u8]) -> Option<Vec<u8>> {
    let mut copy = wire.to_vec();
    let opcode = copy.get_mut(2).filter(|flags| **flags & OPCODE == 0)?;
    *opcode |= UPDATE;
    let count = |at| u16_at(wire, at).map(usize::from);
    let mut at = HEADER;
    for _ in 0..count(4)? {
        at = after_name(wire, at)? + 4;
    }
    for _ in 0..count(6)? + count(8)? + count(10)? {
        let fixed = after_name(wire, at)?;
        let (kind, length) = (RecordType(u16_at(wire, fixed)?), count(fixed + 8)?);
        if !READ.contains(&kind) {
            let place = copy.get_mut(fixed..fixed + 2)?;
            place.copy_from_slice(&OPAQUE.to_be_bytes());
        } else if length == 0 && kind != RecordType::OPT {
            return None;
        }
        at = fixed + 10 + length;
    }
    Some(copy)
}

/// The place after the name that starts at `at`.
fn after_name(wire: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *wire.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            label => at += 1 + usize::from(label),
        }
    }
}

fn u16_at(wire: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*wire.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply with one record of this type and data, for its own question.
    fn reply(kind: u16, data: &[u8]) -> Vec<u8> {
        let [high, low] = kind.to_be_bytes();
        let mut wire = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x04home\x07example\0".to_vec();
        wire.extend([high, low, 0, 1, 0xc0, 12, high, low, 0, 1, 0, 0, 0, 60, 0]);
        wire.push(data.len().try_into().unwrap());
        wire.extend(data);
        wire
    }

    #[test]
    fn types_that_need_not_be_understood_may_have_any_data() {
        // TYPE731, a CAA record that ends too early, and an HTTPS record with keys in no order.
        let https = b"\x00\x01\x00\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2";
        for (kind, data) in [(731, b"".as_slice()), (257, b"\x00\x09is"), (65, https)] {
            let message = read(&reply(kind, data)).unwrap();
            assert_eq!(message.answers.len(), 1, "{kind}");
            assert_eq!(message.metadata.op_code, OpCode::Query);
        }
    }

    #[test]
    fn types_that_are_read_have_their_data() {
        for (kind, data) in [(1, b"".as_slice()), (1, b"\x01"), (5, b""), (28, b"\x01")] {
            assert!(read(&reply(kind, data)).is_err(), "{kind}");
        }
    }

    #[test]
    fn a_message_that_ends_too_early_is_garbage() {
        let whole = reply(731, b"\x01\x02");
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
    }
}
