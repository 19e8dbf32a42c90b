//! "There is no such name" for a name below the one that it was said of (RFC 8020 §2).

use super::read::{HEADER, read_record};
use crate::query::wire::{Record, name_at, skip_name, u16_at};
use crate::query::{AnswerBuf, Name, RecordType, Section};

/// What an SOA record's data end with: serial, refresh, retry, expire and minimum.
const NUMBERS: usize = 20;
/// Two names, and the numbers.
const LONGEST: usize = 2 * 255 + NUMBERS;

/// Adds the zone's own SOA record, as the held message has it; `None` where there is none.
pub(super) fn write_soa(message: &[u8], ttl: u32, out: &mut AnswerBuf) -> Option<()> {
    let soa = soa(message)?;
    let zone = name_at(message, soa.at)?;
    let (server, person_at) = name_and_end(message, soa.data.start)?;
    let (person, numbers_at) = name_and_end(message, person_at)?;
    let parts = [
        server.as_wire(),
        person.as_wire(),
        message.get(numbers_at..numbers_at + NUMBERS)?,
    ];
    let mut data = [0; LONGEST];
    let mut length = 0;
    for part in parts {
        let place = data.get_mut(length..length + part.len())?;
        place.copy_from_slice(part);
        length += part.len();
    }
    let kind = (Section::Authority, RecordType::SOA);
    out.record_of(Some(&zone), kind, ttl, data.get(..length)?);
    Some(())
}

/// Whether a message has its zone's SOA record beside the answer.
pub(super) fn has_soa(message: &[u8]) -> bool {
    soa(message).is_some()
}

fn soa(message: &[u8]) -> Option<Record> {
    let mut at = skip_name(message, HEADER)? + 4;
    for section in 0..2 {
        for _ in 0..u16_at(message, 6 + 2 * section)? {
            let record = read_record(message, section, at)?;
            if record.kind == RecordType::SOA && section == 1 {
                return Some(record);
            }
            at = record.data.end;
        }
    }
    None
}

fn name_and_end(message: &[u8], at: usize) -> Option<(Name, usize)> {
    Some((name_at(message, at)?, skip_name(message, at)?))
}
