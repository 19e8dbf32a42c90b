//! An event as bytes: what travels through the ring from a DNS thread to the writer.
//!
//! What privacy leaves out is left out here, before anything of it is kept anywhere.

use std::net::{IpAddr, Ipv6Addr};

use crate::config::Privacy;
use crate::query::{
    DeviceId, Event, Match, Rcode, RecordType, Source, Transport, UpstreamId, Verdict,
};

/// The bytes before the name, without the length in front.
const HEAD: usize = 48;

/// The most bytes that a record takes.
pub(super) const MAX_RECORD: usize = 2 + HEAD + 255;

/// An event as the writer takes it from the ring. It is read in place: at the highest rate, copies
/// of names would cost more than all the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record<'a> {
    pub at_ms: i64,
    pub device: DeviceId,
    pub address: Option<IpAddr>,
    /// In wire format; `None` where privacy leaves it out.
    pub name: Option<&'a [u8]>,
    pub kind: RecordType,
    pub verdict: Verdict,
    pub source: Source,
    pub rcode: Rcode,
    pub transport: Transport,
    pub took_us: u32,
}

impl<'a> Record<'a> {
    /// What is kept of an event; `None` when that is nothing.
    pub(super) fn of(event: &'a Event, privacy: Privacy) -> Option<Self> {
        let devices = match privacy {
            Privacy::Off => return None,
            Privacy::NoDevices => false,
            Privacy::Full | Privacy::NoNames => true,
        };
        let named = privacy != Privacy::NoNames || event.verdict.matched().is_some();
        Some(Self {
            at_ms: event.at_ms,
            device: if devices { event.device } else { DeviceId(0) },
            address: devices.then_some(event.address),
            name: named.then(|| event.name.as_wire()),
            kind: event.kind,
            verdict: event.verdict,
            source: event.source,
            rcode: event.rcode,
            transport: event.transport,
            took_us: event.took_us,
        })
    }

    /// Appends the record with its length in front.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let name = self.name.unwrap_or_default();
        let (verdict, matched) = match self.verdict {
            Verdict::Allow(matched) => (0, matched),
            Verdict::Watch(matched) => (1, Some(matched)),
            Verdict::Block(matched) => (2, Some(matched)),
        };
        let (source, upstream) = match self.source {
            Source::Policy => (0, 0),
            Source::Local => (1, 0),
            Source::Cache => (2, 0),
            Source::Upstream(id) => (3, id.0),
            Source::Failure => (4, 0),
        };
        let (family, address) = match self.address {
            None => (0, Ipv6Addr::UNSPECIFIED),
            Some(IpAddr::V4(v4)) => (1, v4.to_ipv6_mapped()),
            Some(IpAddr::V6(v6)) => (2, v6),
        };
        let entry = matched.unwrap_or(Match {
            generation: 0,
            rule: 0,
        });
        let flags = verdict | u8::from(matched.is_some()) << 2 | family << 4;
        let transport = self.transport.number();
        // A name has at most 255 bytes, so the length always fits.
        let length = u16::try_from(HEAD + name.len()).unwrap_or(u16::MAX);
        let mut head = Head::default();
        head.put(length.to_le_bytes());
        head.put(self.at_ms.to_le_bytes());
        head.put(self.device.0.to_le_bytes());
        head.put(self.took_us.to_le_bytes());
        head.put(self.kind.0.to_le_bytes());
        head.put(self.rcode.0.to_le_bytes());
        head.put([flags, source, upstream, transport]);
        head.put(entry.generation.to_le_bytes());
        head.put(entry.rule.to_le_bytes());
        head.put(address.octets());
        out.extend_from_slice(&head.bytes);
        out.extend_from_slice(name);
    }

    /// Takes the first record off `bytes`; `None` when it is not there whole.
    pub(super) fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        let mut rest = *bytes;
        let length = u16::from_le_bytes(take(&mut rest)?);
        let (mut record, after) = rest.split_at_checked(usize::from(length))?;
        *bytes = after;
        Self::read_body(&mut record)
    }

    fn read_body(bytes: &mut &'a [u8]) -> Option<Self> {
        let at_ms = i64::from_le_bytes(take(bytes)?);
        let device = DeviceId(u32::from_le_bytes(take(bytes)?));
        let took_us = u32::from_le_bytes(take(bytes)?);
        let kind = RecordType(u16::from_le_bytes(take(bytes)?));
        let rcode = Rcode(u16::from_le_bytes(take(bytes)?));
        let [flags, source, upstream, transport] = take(bytes)?;
        let entry = Match {
            generation: u32::from_le_bytes(take(bytes)?),
            rule: u32::from_le_bytes(take(bytes)?),
        };
        let address = Ipv6Addr::from(take::<16>(bytes)?);
        Some(Self {
            at_ms,
            device,
            address: match flags >> 4 {
                0 => None,
                1 => Some(IpAddr::V4(address.to_ipv4_mapped()?)),
                _ => Some(IpAddr::V6(address)),
            },
            name: Some(*bytes).filter(|name| !name.is_empty()),
            kind,
            verdict: match flags & 3 {
                0 => Verdict::Allow((flags & 4 != 0).then_some(entry)),
                1 => Verdict::Watch(entry),
                _ => Verdict::Block(entry),
            },
            source: match source {
                0 => Source::Policy,
                1 => Source::Local,
                2 => Source::Cache,
                3 => Source::Upstream(UpstreamId(upstream)),
                _ => Source::Failure,
            },
            rcode,
            transport: Transport::from_number(transport)?,
            took_us,
        })
    }
}

/// The bytes before the name, front to back.
struct Head {
    bytes: [u8; 2 + HEAD],
    used: usize,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            bytes: [0; 2 + HEAD],
            used: 0,
        }
    }
}

impl Head {
    fn put<const N: usize>(&mut self, field: [u8; N]) {
        let place = self.bytes.get_mut(self.used..);
        if let Some(place) = place.and_then(<[u8]>::first_chunk_mut) {
            *place = field;
            self.used += N;
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, verdict: Verdict) -> Event {
        Event {
            at_ms: 1_700_000_000_123,
            device: DeviceId(7),
            address: "2001:db8::7".parse().unwrap(),
            name: name.parse().unwrap(),
            kind: RecordType::HTTPS,
            verdict,
            source: Source::Upstream(UpstreamId(2)),
            rcode: Rcode(4095),
            transport: Transport::H3,
            took_us: u32::MAX,
        }
    }

    fn assert_reads_back(record: &Record<'_>) {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        assert!(bytes.len() <= MAX_RECORD);
        let mut rest = bytes.as_slice();
        assert_eq!(Record::read(&mut rest).as_ref(), Some(record));
        assert!(rest.is_empty());
    }

    const ENTRY: Match = Match {
        generation: 3,
        rule: 70_000,
    };

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let longest = [["a"; 63].concat().as_str(); 3].join(".") + "." + &"b".repeat(61);
        for verdict in [
            Verdict::Allow(None),
            Verdict::Allow(Some(ENTRY)),
            Verdict::Watch(ENTRY),
            Verdict::Block(ENTRY),
        ] {
            for name in [".", "www.home.example", &longest] {
                let event = event(name, verdict);
                let record = Record::of(&event, Privacy::Full).unwrap();
                assert_reads_back(&record);
            }
        }
        let v4 = Event {
            address: "192.0.2.9".parse().unwrap(),
            ..event("a.example", Verdict::Watch(ENTRY))
        };
        let record = Record::of(&v4, Privacy::Full).unwrap();
        assert_eq!(record.address, Some(v4.address));
        assert_reads_back(&record);
    }

    #[test]
    fn a_cut_record_is_left_in_place() {
        let mut bytes = Vec::new();
        let event = event("a.example", Verdict::Watch(ENTRY));
        let record = Record::of(&event, Privacy::Full).unwrap();
        record.write(&mut bytes);
        for end in 0..bytes.len() {
            let mut cut = &bytes[..end];
            assert_eq!(Record::read(&mut cut), None);
            assert_eq!(cut.len(), end);
        }
    }

    #[test]
    fn privacy_leaves_out_devices() {
        let event = event("a.example", Verdict::Allow(None));
        let kept = Record::of(&event, Privacy::NoDevices).unwrap();
        assert_eq!((kept.device, kept.address), (DeviceId(0), None));
        assert_eq!(kept.name, Some(event.name.as_wire()));
        assert_reads_back(&kept);
    }

    #[test]
    fn privacy_leaves_out_names_that_no_entry_covers() {
        let plain = event("a.example", Verdict::Allow(None));
        let kept = Record::of(&plain, Privacy::NoNames).unwrap();
        assert_eq!(kept.name, None);
        assert_reads_back(&kept);
        let covered = event("a.example", Verdict::Block(ENTRY));
        let kept = Record::of(&covered, Privacy::NoNames).unwrap();
        assert!(kept.name.is_some());
        assert_eq!(Record::of(&covered, Privacy::Off), None);
    }
}
