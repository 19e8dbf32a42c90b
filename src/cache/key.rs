//! What an answer is held under: name, type, class, whether DO and CD were set, and which upstream
//! servers gave it: what those of one group say is not for others.

use std::hash::{Hash, Hasher};

use quick_cache::Equivalent;

use super::held::Held;
use super::read::HEADER;
use crate::query::wire::u16_at;
use crate::query::{Edns, Name, Query, RecordType};

/// Type, class and bits.
const TAIL: usize = 5;
const MAX: usize = 255 + TAIL;
const DO: u8 = 1;
const CD: u8 = 2;
/// Above those two stands the set of upstream servers.
const SET: u32 = 2;

/// What an answer is held under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    /// In wire format, lower-cased.
    pub name: &'a [u8],
    kind: u16,
    class: u16,
    bits: u8,
}

/// A key in one piece, to wait under.
pub(super) struct Flat {
    bytes: [u8; MAX],
    length: usize,
}

/// A held answer in the place of its key, which would say the same once more.
#[derive(Clone, Debug)]
pub(super) struct Under(pub Held);

/// What a key has beside name, type and class.
pub(super) fn bits(query: &Query) -> u8 {
    let bits = (u8::from(query.wants_dnssec()) * DO) | (u8::from(query.checks_itself()) * CD);
    // There are 63 sets at most (`config::MAX_SETS`).
    bits | (query.upstream_set << SET)
}

/// Makes the question of an answer to `query` the one that its key is read from.
pub(super) fn ask(query: &Query, message: &mut [u8]) -> Option<()> {
    let name = query.name.as_wire();
    let question = message.get_mut(HEADER..HEADER + name.len() + 4)?;
    let (into, after) = question.split_at_mut_checked(name.len())?;
    into.copy_from_slice(name);
    let (kind, class) = after.split_at_mut_checked(2)?;
    kind.copy_from_slice(&query.kind.0.to_be_bytes());
    class.copy_from_slice(&query.class.to_be_bytes());
    Some(())
}

impl<'a> Key<'a> {
    /// The key of the answer to `query`.
    #[inline]
    pub fn of(query: &'a Query) -> Self {
        Self {
            name: query.name.as_wire(),
            kind: query.kind.0,
            class: query.class,
            bits: bits(query),
        }
    }

    /// The key that the question of a message says, with these bits.
    #[inline]
    pub fn asked(message: &'a [u8], name_length: usize, bits: u8) -> Self {
        let after = HEADER + name_length;
        Self {
            name: message.get(HEADER..after).unwrap_or_default(),
            kind: u16_at(message, after).unwrap_or(0),
            class: u16_at(message, after + 2).unwrap_or(0),
            bits,
        }
    }

    /// The same in one piece.
    pub fn flat(self) -> Flat {
        let [kind_high, kind_low] = self.kind.to_be_bytes();
        let [class_high, class_low] = self.class.to_be_bytes();
        let tail = [kind_high, kind_low, class_high, class_low, self.bits];
        let mut flat = Flat {
            bytes: [0; MAX],
            length: self.name.len() + TAIL,
        };
        if let Some((into, after)) = flat.bytes.split_at_mut_checked(self.name.len())
            && let Some(after) = after.first_chunk_mut()
        {
            into.copy_from_slice(self.name);
            *after = tail;
        }
        flat
    }

    /// Makes it the key of "there is no such name", which holds for every type (RFC 2308 §5).
    #[must_use]
    pub fn of_any_type(self) -> Self {
        Self { kind: 0, ..self }
    }

    /// This key, and those of the names above it, without the root.
    pub fn upwards(self) -> impl Iterator<Item = Self> {
        let mut rest = self.name;
        std::iter::from_fn(move || {
            let name = rest;
            let (&label, after) = name.split_first().filter(|(label, _)| **label != 0)?;
            rest = after.get(usize::from(label)..)?;
            Some(Self { name, ..self })
        })
    }

    /// Whether servers gave it that are asked for some groups only.
    pub fn is_of_group(self) -> bool {
        self.bits >> SET != 0
    }
}

impl Flat {
    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Hash for Under {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl PartialEq for Under {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl Eq for Under {}

impl Equivalent<Under> for Key<'_> {
    #[inline]
    fn equivalent(&self, under: &Under) -> bool {
        *self == under.0.key()
    }
}

/// The question that this message, held under this key in one piece, answers.
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
