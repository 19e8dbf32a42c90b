//! What follows a query's question: its OPT record (RFC 6891), and records that we do not need.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;

use super::{HEADER, Header, Origin};
use crate::query::{DeviceId, Edns, GroupId, RecordType, Transport};

const OPTION_COOKIE: u16 = 10;
const OPTION_KEEPALIVE: u16 = 11;
const OPTION_PADDING: u16 = 12;
/// dnsmasq's `add-mac`: six bytes.
const OPTION_MAC: u16 = 65001;
/// The same with `add-mac=text` or `add-mac=base64`.
const OPTION_DEVICE: u16 = 65073;
/// dnsmasq's `add-cpe-id`: a text that says which router it is.
const OPTION_ROUTER: u16 = 65074;
const ADDITIONAL: usize = 2;
/// No host name is longer, and so no id of a device.
const LONGEST_ID: usize = 63;

/// It cannot be read; the OPT record is there if it was found.
#[derive(Debug)]
pub(super) struct Malformed(pub Option<Edns>);

/// Reads the records that begin at `at`, as many as the header says.
pub(super) fn read(
    counts: [u16; 3],
    bytes: &[u8],
    at: usize,
    origin: Origin<'_>,
) -> Result<Option<Edns>, Malformed> {
    let mut at = at;
    let mut found = None;
    for (section, count) in counts.into_iter().enumerate() {
        for _ in 0..count {
            let (record, end) = Record::read(bytes, at).ok_or(Malformed(found))?;
            if record.kind == RecordType::OPT {
                // RFC 6891 §6.1.1: one OPT at most, in no other section, of no other name.
                let is_fine = found.is_none() && section == ADDITIONAL && record.is_of_root;
                let edns = record.to_edns(origin);
                found = found.or(Some(*edns.as_ref().unwrap_or_else(|broken| broken)));
                if !is_fine || edns.is_err() {
                    return Err(Malformed(found));
                }
            }
            at = end;
        }
    }
    Ok(found)
}

/// Whether a message says how long idle connections last, which only TCP's do.
pub(in crate::dns) fn has_keepalive(bytes: &[u8]) -> bool {
    let mut options = options_of(bytes).unwrap_or_default();
    while let Some((&[c1, c2, l1, l2], after)) = options.split_first_chunk::<4>() {
        if u16::from_be_bytes([c1, c2]) == OPTION_KEEPALIVE {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        options = after.get(length..).unwrap_or_default();
    }
    false
}

/// The options of a message's first OPT record.
fn options_of(bytes: &[u8]) -> Option<&[u8]> {
    let header = Header::read(bytes)?;
    let mut at = HEADER;
    for _ in 0..header.questions {
        at = skip_name(bytes, at)? + 4;
    }
    let records = header.records.into_iter().map(usize::from).sum();
    for _ in 0..records {
        let (record, end) = Record::read(bytes, at)?;
        if record.kind == RecordType::OPT {
            return Some(record.data);
        }
        at = end;
    }
    None
}

/// The place after the name that starts at `at`.
pub(in crate::dns) fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            label @ 1..=63 => at += 1 + usize::from(label),
            // RFC 6891 §5: reserved label types.
            _ => return None,
        }
    }
}

struct Record<'a> {
    is_of_root: bool,
    kind: RecordType,
    class: u16,
    ttl: [u8; 4],
    data: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that begins at `at`, and where it ends.
    fn read(bytes: &'a [u8], at: usize) -> Option<(Self, usize)> {
        let fixed = skip_name(bytes, at)?;
        let (head, rest) = bytes.get(fixed..)?.split_first_chunk::<10>()?;
        let [k1, k2, c1, c2, t1, t2, t3, t4, l1, l2] = *head;
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        let record = Self {
            is_of_root: fixed == at + 1,
            kind: RecordType(u16::from_be_bytes([k1, k2])),
            class: u16::from_be_bytes([c1, c2]),
            ttl: [t1, t2, t3, t4],
            data: rest.get(..length)?,
        };
        Some((record, fixed + 10 + length))
    }

    /// The fields of an OPT record; as an error where its options are broken.
    fn to_edns(&self, origin: Origin<'_>) -> Result<Edns, Edns> {
        // The class is the size, the TTL is the upper bits of a code, the version and the flags.
        let [_, version, flags, _] = self.ttl;
        let plain = Edns {
            payload: self.class,
            version,
            dnssec_ok: flags & 0x80 != 0,
            cookie: None,
            keepalive: None,
            is_padded: false,
            relayed_mac: None,
            relayed_id: None,
        };
        read_options(self.data, plain, origin).ok_or(plain)
    }
}

/// RFC 6891 §6.1.2: options may be unknown, but not run past their end.
fn read_options(mut options: &[u8], mut edns: Edns, origin: Origin<'_>) -> Option<Edns> {
    while let Some((&[c1, c2, l1, l2], after)) = options.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        let (data, rest) = after.split_at_checked(length)?;
        match u16::from_be_bytes([c1, c2]) {
            // RFC 7873 §5.2: the first one counts.
            OPTION_COOKIE if edns.cookie.is_none() => {
                edns.cookie = Some(cookie(data, origin)?);
            }
            // RFC 7828 §3.2.1: over UDP it means nothing; HTTP and QUIC have their own.
            OPTION_KEEPALIVE if matches!(origin.transport, Transport::Tcp | Transport::Tls) => {
                edns.keepalive = Some(origin.keepalive);
            }
            // RFC 7830 §6: where others can read along, a length hides nothing.
            OPTION_PADDING => edns.is_padded = origin.transport.is_encrypted(),
            OPTION_MAC | OPTION_DEVICE if edns.relayed_mac.is_none() => {
                edns.relayed_mac = relayed_mac(data);
            }
            OPTION_ROUTER if edns.relayed_id.is_none() => {
                edns.relayed_id = relayed_id(data, origin);
            }
            _ => {}
        }
        options = rest;
    }
    options.is_empty().then_some(edns)
}

/// A hardware address as routers write it: bytes, `aa:bb:cc:dd:ee:ff`, or base64. Nobody but a router
/// writes it, so what is none is passed over.
fn relayed_mac(data: &[u8]) -> Option<[u8; 6]> {
    if let Ok(mac) = data.try_into() {
        return Some(mac);
    }
    let decoded = BASE64.decode(data).ok();
    if let Some(mac) = decoded.and_then(|bytes| bytes.try_into().ok()) {
        return Some(mac);
    }
    let mut mac = [0; 6];
    let mut parts = std::str::from_utf8(data).ok()?.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// The device that a router says it is; a text that names none is passed over.
fn relayed_id(data: &[u8], origin: Origin<'_>) -> Option<(DeviceId, GroupId)> {
    let text = std::str::from_utf8(data).ok()?;
    let is_id = !text.is_empty() && text.len() <= LONGEST_ID;
    (origin.relayed)(&is_id.then(|| text.to_ascii_lowercase())?)
}

/// RFC 7873 §5.2.2: 8 bytes of the asker's, and none or 8 to 32 of a server's.
fn cookie(data: &[u8], origin: Origin<'_>) -> Option<[u8; 24]> {
    let (client, server) = data.split_first_chunk()?;
    if !matches!(server.len(), 0 | 8..=32) {
        return None;
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // RFC 9018 §4.3: seconds modulo 2^32.
    let now_s = u32::try_from(now.as_secs() & u64::from(u32::MAX)).unwrap_or(0);
    Some(origin.cookies.answer(*client, origin.source.ip(), now_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_write_hardware_addresses_in_three_ways() {
        let mac = Some([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x0f]);
        assert_eq!(relayed_mac(&[0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x0f]), mac);
        assert_eq!(relayed_mac(b"aa:bb:cc:dd:ee:0f"), mac);
        assert_eq!(relayed_mac(b"qrvM3e4P"), mac);
        for wrong in [
            "",
            "aa",
            "aa:bb:cc:dd:ee",
            "aa:bb:cc:dd:ee:0f:00",
            "aa:bb:cc:dd:ee:f",
            "zz:bb:cc:dd:ee:0f",
        ] {
            assert_eq!(relayed_mac(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
