//! Reads a reply, as far as more than its bytes matters.
//!
//! Data of types that nobody here has to understand is none of our business (RFC 3597 §3); what is
//! read has to be well formed, so that no device has to find out.

use std::ops::Range;

use crate::query::wire::{Record, name_at, read_record, skip_name, u16_at, u32_at};
use crate::query::{Name, Rcode, RecordType};

use super::error::Failure;

const HEADER: usize = 12;
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;
/// A compression pointer to what follows the header (RFC 1035 §4.1.4).
const POINTER_TO_QUESTION: u16 = 0xc00c;
const ANSWER: usize = 0;
const ADDITIONAL: usize = 2;
const EDE: u16 = 15;
/// What an SOA record's data end with: serial, refresh, retry, expire and minimum.
const SOA_NUMBERS: usize = 20;
/// No honest chain is as long, and following one takes time.
const MAX_ALIASES: usize = 16;

/// What a reply says, besides its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    /// Its code, with the bits that EDNS adds.
    pub rcode: Rcode,
    /// Whether it was cut off to fit (TC).
    pub is_cut: bool,
    /// Whether an extended error says that the error is meant: DNSSEC failed, or the upstream
    /// filters. Asking another server would get around just that.
    pub is_meant: bool,
}

/// Reads a reply to one question.
pub(super) fn read(wire: &[u8]) -> Result<Outline, Failure> {
    let garbage = |why: &str| Failure::Garbage(why.into());
    let flags = u16_at(wire, 2).ok_or_else(|| garbage("it is shorter than a header"))?;
    if flags & RESPONSE == 0 || flags & OPCODE != 0 {
        return Err(garbage("it is no answer to a query"));
    }
    if u16_at(wire, 4) != Some(1) {
        return Err(garbage("it has not the one question"));
    }
    let records = records(wire).ok_or_else(|| garbage("it is malformed"))?;
    if strays(wire, &records).ok_or_else(|| garbage("it is malformed"))? {
        return Err(garbage("it has records of other names"));
    }
    let opt = records.iter().find(|record| record.kind == RecordType::OPT);
    // The upper bits of the code are the first byte of what is a TTL elsewhere (RFC 6891 §6.1.3).
    let upper = opt.map_or(0, |opt| opt.ttl >> 24 << 4);
    let upper = u16::try_from(upper).unwrap_or(0);
    let options = opt.and_then(|opt| wire.get(opt.data.clone()));
    Ok(Outline {
        rcode: Rcode(upper | flags & 0x000f),
        is_cut: flags & TRUNCATED != 0,
        is_meant: options.is_some_and(is_meant),
    })
}

/// All records, if all of them are well formed.
fn records(wire: &[u8]) -> Option<Vec<Record>> {
    let mut at = skip_name(wire, HEADER)? + 4;
    let mut records = Vec::new();
    for section in ANSWER..=ADDITIONAL {
        for _ in 0..u16_at(wire, 6 + 2 * section)? {
            let record = read_record(wire, section, at)?;
            let is_opt = record.kind == RecordType::OPT;
            let is_second = || {
                let mut before = records.iter();
                before.any(|record: &Record| record.kind == RecordType::OPT)
            };
            // RFC 6891 §6.1.1: one at most, and nowhere else.
            if is_opt && (section != ADDITIONAL || is_second()) {
                return None;
            }
            if !is_question(wire, record.at) {
                name_at(wire, record.at)?;
            }
            data(wire, &record)?;
            at = record.data.end;
            records.push(record);
        }
    }
    Some(records)
}

/// Looks at data that hold names, which may be compressed, or decide on what is done.
fn data(wire: &[u8], record: &Record) -> Option<()> {
    let Range { start, end } = record.data;
    let name = |at| {
        name_at(wire, at)?;
        skip_name(wire, at)
    };
    let read = match record.kind {
        RecordType::A => start + 4,
        RecordType::AAAA => start + 16,
        RecordType::NS | RecordType::CNAME | RecordType::PTR | RecordType::DNAME => name(start)?,
        RecordType::MX => name(start + 2)?,
        RecordType::SRV => name(start + 6)?,
        RecordType::SOA => name(name(start)?)? + SOA_NUMBERS,
        RecordType::OPT => end_of_options(wire, start, end)?,
        _ => end,
    };
    (read == end).then_some(())
}

fn end_of_options(wire: &[u8], mut at: usize, end: usize) -> Option<usize> {
    while at < end {
        at += 4 + usize::from(u16_at(wire, at + 2)?);
    }
    Some(at)
}

/// Whether the answers have records of names that the question does not lead to (RFC 5452 §6).
fn strays(wire: &[u8], records: &[Record]) -> Option<bool> {
    let question = name_at(wire, HEADER)?;
    let answers = || records.iter().filter(|record| record.section == ANSWER);
    let aliases = answers().filter(|record| record.kind == RecordType::CNAME);
    if aliases.clone().count() > MAX_ALIASES {
        return Some(true);
    }
    if answers().all(|record| is_question(wire, record.at)) {
        return Some(false);
    }
    let mut names = vec![question];
    // They stand in any order, so each round reaches at least one more, or there is none.
    for _ in aliases.clone() {
        for alias in aliases.clone() {
            let target = name_at(wire, alias.data.start)?;
            if names.contains(&name_at(wire, alias.at)?) && !names.contains(&target) {
                names.push(target);
            }
        }
    }
    for record in answers() {
        let owner = name_at(wire, record.at)?;
        // A DNAME stands above the name that it moves (RFC 6672 §2.2), and so does its signature.
        let covers =
            |name: &Name| covered(wire, record) == RecordType::DNAME && name.is_within(&owner);
        if !names.iter().any(|name| *name == owner || covers(name)) {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the name at `at` is written as that of the question. Of most records it is.
fn is_question(wire: &[u8], at: usize) -> bool {
    u16_at(wire, at) == Some(POINTER_TO_QUESTION)
}

/// The type of a record, or of what it signs.
fn covered(wire: &[u8], record: &Record) -> RecordType {
    match record.kind {
        RecordType::RRSIG => u16_at(wire, record.data.start).map_or(record.kind, RecordType),
        kind => kind,
    }
}

/// Whether one of the extended errors among these options is meant.
fn is_meant(mut options: &[u8]) -> bool {
    while let Some(head) = u32_at(options, 0) {
        let length = usize::try_from(head & 0xffff).unwrap_or(0);
        // RFC 8914 §4: 1 to 12 and 27 but for 3 and 4 (stale, forged) are DNSSEC's; 15 to 17 are
        // blocked, censored and filtered.
        let means = |code| matches!(code, 1 | 2 | 5..=12 | 15..=17 | 27);
        if head >> 16 == u32::from(EDE) && length >= 2 && u16_at(options, 4).is_some_and(means) {
            return true;
        }
        options = options.get(4 + length..).unwrap_or_default();
    }
    false
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
            assert!(read(&reply(kind, data)).is_ok(), "{kind}");
        }
    }

    #[test]
    fn types_that_are_read_have_their_data_and_nothing_more() {
        let good: [(u16, &[u8]); 5] = [
            (1, b"\xc0\0\x02\x01"),
            (2, b"\xc0\x0c"),
            (15, b"\0\x0a\xc0\x0c"),
            (33, b"\0\x01\0\x01\0\x35\xc0\x0c"),
            (6, &[b"\xc0\x0c\0".as_slice(), &[0; 20]].concat()),
        ];
        for (kind, data) in good {
            assert!(read(&reply(kind, data)).is_ok(), "{kind}");
            assert!(read(&reply(kind, &data[1..])).is_err(), "{kind}, cut");
            let more = [data, b"\0"].concat();
            assert!(read(&reply(kind, &more)).is_err(), "{kind}, and more");
        }
        for (kind, data) in [(1, b"".as_slice()), (5, b""), (28, b"\x01"), (5, b"\xc0")] {
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

    #[test]
    fn a_question_that_cannot_be_read_is_garbage_also_where_records_only_point_to_it() {
        let mut wire = reply(1, b"\xc0\0\x02\x01");
        assert!(read(&wire).is_ok());
        // A name that is written as itself.
        wire.splice(12..26, *b"\xc0\x0c");
        assert!(read(&wire).is_err());
    }

    #[test]
    fn an_opt_record_stands_once_and_at_the_end() {
        let opt = b"\0\0\x29\x04\xd0\x01\0\0\0\0\0";
        let with = |answers: u8, additional: u8, opts: usize| {
            let mut wire =
                b"\x12\x34\x81\x83\0\x01\0\0\0\0\0\0\x04home\x07example\0\0\x01\0\x01".to_vec();
            (wire[7], wire[11]) = (answers, additional);
            wire.extend(opt.repeat(opts));
            read(&wire)
        };
        assert_eq!(with(0, 1, 1).unwrap().rcode, Rcode(0x13));
        assert_eq!(with(0, 0, 0).unwrap().rcode, Rcode::NXDOMAIN);
        assert!(with(0, 2, 2).is_err());
        assert!(with(1, 0, 1).is_err());
    }
}
