//! Reads the parts of a message that come from anybody (RFC 1035 §4): `None` is what is malformed.

use std::ops::Range;

use super::{Name, RecordType};

/// RFC 1035 §4.1.4 sets no limit; a chain of pointers in an honest name is short.
const MOST_POINTERS: usize = 32;
const POINTER: u8 = 0xc0;

/// A record, by its places in the message.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// 0 is the answer, 1 the authority, 2 the rest.
    pub section: usize,
    /// Where its name begins.
    pub at: usize,
    /// Its type.
    pub kind: RecordType,
    /// Where its TTL stands.
    pub ttl_at: usize,
    /// In seconds; of an OPT record, other bits (RFC 6891 §6.1.3).
    pub ttl: u32,
    /// Where its data are.
    pub data: Range<usize>,
}

/// A name of these labels in wire format.
#[cfg(test)]
pub(crate) fn name_of(labels: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}

/// Reads the record that starts at `at`; the next one starts where its data end.
pub(crate) fn read_record(message: &[u8], section: usize, at: usize) -> Option<Record> {
    let fixed = skip_name(message, at)?;
    let kind = RecordType(u16_at(message, fixed)?);
    let ttl = u32_at(message, fixed + 4)?;
    let length = usize::from(u16_at(message, fixed + 8)?);
    let data = fixed + 10..fixed + 10 + length;
    message.get(data.clone())?;
    Some(Record {
        section,
        at,
        kind,
        ttl_at: fixed + 4,
        ttl,
        data,
    })
}

/// The place after the name that starts at `at`.
pub(crate) fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            POINTER.. => return Some(at + 2),
            label @ 1..=63 => at += 1 + usize::from(label),
            _ => return None,
        }
    }
}

/// The name that stands at `at`, without compression and in lower case.
pub(crate) fn name_at(message: &[u8], mut at: usize) -> Option<Name> {
    let mut name = Name::ROOT;
    let mut pointers = 0;
    loop {
        let first = *message.get(at)?;
        match first {
            0 => return Some(name),
            1..=63 => {
                let label = message.get(at + 1..=at + usize::from(first))?;
                name.push_lower(label)?;
                at += 1 + label.len();
            }
            POINTER.. => {
                pointers += 1;
                if pointers > MOST_POINTERS {
                    return None;
                }
                at = usize::from(u16_at(message, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
}

/// The two bytes at `at` as a number.
pub(crate) fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

/// The four bytes at `at` as a number.
pub(crate) fn u32_at(message: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &[u8], at: usize) -> Option<String> {
        name_at(message, at).map(|name| name.to_string())
    }

    #[test]
    fn a_compressed_name_is_read_and_skipped() {
        let message = b"\x04Home\x07example\x00\x03www\xc0\x00\xc0\x0e";
        assert_eq!(text(message, 0).as_deref(), Some("home.example"));
        assert_eq!(text(message, 14).as_deref(), Some("www.home.example"));
        assert_eq!(text(message, 20).as_deref(), Some("www.home.example"));
        assert_eq!(skip_name(message, 0), Some(14));
        assert_eq!(skip_name(message, 14), Some(20));
    }

    #[test]
    fn a_name_that_ends_nowhere_is_none() {
        assert_eq!(name_at(b"\xc0\x00", 0), None, "points to itself");
        assert_eq!(name_at(b"\x01a\xc0\x00", 0), None, "grows for ever");
        assert_eq!(name_at(b"\x04hom", 0), None, "cut off");
        assert_eq!(name_at(b"\x80", 0), None, "of a reserved kind");
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
        let long = [long, vec![0]].concat();
        assert_eq!(name_at(&long, 0), None, "too long");
        assert!(name_at(&long, 64).is_some());
    }

    #[test]
    fn a_record_is_read_by_its_places() {
        let message = b"\x01a\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
        let record = read_record(message, 1, 0).unwrap();
        assert_eq!((record.kind, record.ttl), (RecordType::A, 60));
        assert_eq!((record.ttl_at, record.data), (7, 13..17));
        assert!(read_record(&message[..16], 1, 0).is_none());
    }
}
