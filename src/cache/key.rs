//! What an answer is held under: name, type, class, whether DO and CD were set, and which upstream
//! servers gave it: what those of one group say is not for others.

use super::read::HEADER;
use crate::query::wire::u16_at;
use crate::query::{Edns, Name, Query, RecordType};

/// Type, class and bits, behind the name.
const TAIL: usize = 5;
const MAX: usize = 255 + TAIL;
const DO: u8 = 1;
const CD: u8 = 2;
/// Above those two stands the set of upstream servers.
const SET: u32 = 2;

/// What an answer is held under.
pub(super) struct Key {
    bytes: [u8; MAX],
    name: usize,
}

impl Key {
    /// The key of the answer to `query`.
    pub fn of(query: &Query) -> Self {
        let bits = (u8::from(query.wants_dnssec()) * DO) | (u8::from(query.checks_itself()) * CD);
        // There are 63 sets at most (`config::MAX_SETS`).
        let bits = bits | (query.upstream_set << SET);
        let [kind_high, kind_low] = query.kind.0.to_be_bytes();
        let [class_high, class_low] = query.class.to_be_bytes();
        let tail = [kind_high, kind_low, class_high, class_low, bits];
        let name = query.name.as_wire();
        let mut key = Self {
            bytes: [0; MAX],
            name: name.len(),
        };
        if let Some((into, after)) = key.bytes.split_at_mut_checked(name.len())
            && let Some(after) = after.first_chunk_mut()
        {
            into.copy_from_slice(name);
            *after = tail;
        }
        key
    }

    /// The key's bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.name + TAIL).unwrap_or_default()
    }

    /// Makes it the key of "there is no such name", which holds for every type (RFC 2308 §5).
    #[must_use]
    pub fn of_any_type(mut self) -> Self {
        if let Some(kind) = self.bytes.get_mut(self.name..self.name + 2) {
            kind.copy_from_slice(&[0, 0]);
        }
        self
    }

    /// This key, and those of the names above it, without the root.
    pub fn upwards(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_slice();
        std::iter::from_fn(move || {
            let key = rest;
            let (&label, after) = key.split_first().filter(|(label, _)| **label != 0)?;
            rest = after.get(usize::from(label)..)?;
            Some(key)
        })
    }
}

/// The name that a key begins with, in wire format.
pub(super) fn wire_name(key: &[u8]) -> &[u8] {
    key.split_last_chunk::<TAIL>().map_or(key, |(name, _)| name)
}

/// The name that a key begins with.
pub(super) fn name(key: &[u8]) -> Option<Name> {
    Name::from_wire(key).ok()
}

/// Whether servers gave it that are asked for some groups only.
pub(super) fn is_of_group(key: &[u8]) -> bool {
    key.last().is_some_and(|bits| bits >> SET != 0)
}

/// The question that this message, held under this key, answers.
pub(super) fn question(key: &[u8], message: &[u8]) -> Option<Query> {
    let (name, tail) = key.split_last_chunk::<TAIL>()?;
    let [_, _, class_high, class_low, bits] = *tail;
    // A key of "there is no such name" has no type.
    let kind = u16_at(message, HEADER + name.len())?;
    let mut query = Query::internal(Name::from_wire(name).ok()?, RecordType(kind));
    query.class = u16::from_be_bytes([class_high, class_low]);
    query.upstream_set = bits >> SET;
    if bits & CD != 0 {
        query.flags |= 0x0010;
    }
    query.edns = (bits & DO != 0).then_some(Edns {
        dnssec_ok: true,
        ..Edns::default()
    });
    Some(query)
}
