//! What an answer points to: other names, and addresses.
//!
//! A name that no rule covers may lead to one that a rule does, or to an address at home. The
//! targets are read from the held message as they are asked for: that takes no room, and a held
//! answer is looked through once for each change of the rules.

use std::net::IpAddr;

use super::read::Unreadable;
use crate::query::wire::{name_at, u16_at};
use crate::query::{Name, RecordType};

/// `SvcParamKeys` of RFC 9460 §14.3.2.
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;

/// One thing that an answer points to.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A name, lower-cased: of CNAME, DNAME, SRV, SVCB and HTTPS.
    Name(Name),
    /// An address: of A and AAAA, and the hints of SVCB and HTTPS.
    Address(IpAddr),
}

/// What one record points to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordTargets<'a> {
    name: Option<Name>,
    ipv4: &'a [u8],
    ipv6: &'a [u8],
}

impl<'a> RecordTargets<'a> {
    /// Reads the record of this type whose data stands at `at` in `message`.
    pub fn read(
        message: &'a [u8],
        kind: RecordType,
        at: usize,
        length: usize,
    ) -> Result<Self, Unreadable> {
        let data = message.get(at..at + length).ok_or(Unreadable)?;
        let named = |at| {
            let name = name_at(message, at).ok_or(Unreadable)?;
            Ok(Self {
                name: Some(name),
                ..Self::default()
            })
        };
        match kind {
            RecordType::A if length == 4 => Ok(Self {
                ipv4: data,
                ..Self::default()
            }),
            RecordType::AAAA if length == 16 => Ok(Self {
                ipv6: data,
                ..Self::default()
            }),
            RecordType::CNAME | RecordType::DNAME => named(at),
            // Priority, weight and port stand before the name (RFC 2782).
            RecordType::SRV => named(at + 6),
            RecordType::SVCB | RecordType::HTTPS => Self::service(data),
            RecordType::A | RecordType::AAAA => Err(Unreadable),
            _ => Ok(Self::default()),
        }
    }

    /// RFC 9460 §2.2: priority, target name (never compressed), then keys with their values.
    fn service(data: &'a [u8]) -> Result<Self, Unreadable> {
        let rest = data.get(2..).ok_or(Unreadable)?;
        let name = Name::from_wire(rest).map_err(|_| Unreadable)?;
        let mut targets = Self {
            // The root stands for the owner of the record, or for "no such service".
            name: (!name.is_root()).then(|| name.to_lowercase()),
            ..Self::default()
        };
        let mut rest = rest.get(name.as_wire().len()..).unwrap_or_default();
        while !rest.is_empty() {
            let key = u16_at(rest, 0).ok_or(Unreadable)?;
            let length = usize::from(u16_at(rest, 2).ok_or(Unreadable)?);
            let value = rest.get(4..4 + length).ok_or(Unreadable)?;
            match key {
                IPV4_HINT => targets.ipv4 = value,
                IPV6_HINT => targets.ipv6 = value,
                _ => {}
            }
            rest = rest.get(4 + length..).unwrap_or_default();
        }
        Ok(targets)
    }

    /// The targets one by one.
    pub fn iter(self) -> impl Iterator<Item = Target> + 'a {
        let ipv4 = self.ipv4.as_chunks::<4>().0.iter();
        let ipv6 = self.ipv6.as_chunks::<16>().0.iter();
        let ipv4 = ipv4.map(|octets| IpAddr::from(*octets));
        let ipv6 = ipv6.map(|octets| IpAddr::from(*octets));
        let names = self.name.into_iter().map(Target::Name);
        names.chain(ipv4.chain(ipv6).map(Target::Address))
    }
}
