//! Names and records as text: what upstreams have, and what must come back.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::RData;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use squelch::query::RecordType;

use super::wire::{Record, text_of};

/// A record to look for; what is left out may be anything.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    name: Option<Vec<u8>>,
    ttl: Option<(u32, u32)>,
    kind: RecordType,
    data: Option<Vec<u8>>,
}

impl Pattern {
    /// Reads `NAME [TTL] TYPE [DATA]`, where the name may be `*` and the TTL `10-20`.
    pub fn read(text: &str) -> Self {
        let (name, rest) = word(text);
        let (second, after) = word(rest);
        let ttl = range(second);
        let (kind, data) = if ttl.is_some() {
            word(after)
        } else {
            (second, after)
        };
        let kind: RecordType = kind.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
        Self {
            text: text.to_owned(),
            name: (name != "*").then(|| name_of(name)),
            ttl,
            kind,
            data: (!data.is_empty()).then(|| data_of(kind, data)),
        }
    }

    /// Whether this is such a record. A second may have passed since the TTL was written.
    pub fn fits(&self, record: &Record) -> bool {
        let is_ttl = |(least, most): (u32, u32)| {
            (least.saturating_sub(u32::from(least == most))..=most).contains(&record.ttl)
        };
        record.class == 1
            && record.kind == self.kind
            && self
                .name
                .as_ref()
                .is_none_or(|name| name.eq_ignore_ascii_case(&record.name))
            && self.ttl.is_none_or(is_ttl)
            && self.data.as_ref().is_none_or(|data| *data == record.data)
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The records of the upstream's lines: `NAME [TTL] TYPE DATA`, 300 s where no TTL stands.
pub fn records_of(lines: &[String]) -> Vec<Record> {
    let lines = lines.iter().flat_map(|line| sequence(line));
    lines.map(|line| record_of(&line)).collect()
}

fn record_of(line: &str) -> Record {
    let pattern = Pattern::read(line);
    Record {
        name: pattern
            .name
            .unwrap_or_else(|| panic!("{line}: there is no name")),
        kind: pattern.kind,
        class: 1,
        ttl: pattern.ttl.map_or(300, |(ttl, _)| ttl),
        data: pattern.data.unwrap_or_default(),
    }
}

/// A record as it is told to people.
pub fn tell(record: &Record) -> String {
    let data = match record.kind {
        RecordType::A if record.data.len() == 4 => {
            Ipv4Addr::from(*record.data.first_chunk().unwrap()).to_string()
        }
        RecordType::AAAA if record.data.len() == 16 => {
            Ipv6Addr::from(*record.data.first_chunk().unwrap()).to_string()
        }
        RecordType::CNAME | RecordType::NS | RecordType::PTR => text_of(&record.data),
        _ => format!("\\# {}", hex_of(&record.data)),
    };
    format!(
        "{} {} {} {data}",
        text_of(&record.name),
        record.ttl,
        record.kind
    )
}

/// `17` or `10-20`.
pub fn range(text: &str) -> Option<(u32, u32)> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    Some((least.parse().ok()?, most.parse().ok()?))
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// `{a*63}` is the letter 63 times.
fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else {
        return text.to_owned();
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let (what, times) = inside.rsplit_once('*').unwrap();
    let expanded = what.repeat(times.parse().unwrap());
    before.to_owned() + &expanded + &repeated(after)
}

/// `{1..9}` makes nine lines of one.
fn sequence(line: &str) -> Vec<String> {
    let Some(dots) = line.find("..") else {
        return vec![line.to_owned()];
    };
    let start = line[..dots].rfind('{').unwrap();
    let end = dots + line[dots..].find('}').unwrap();
    let (first, last) = (&line[start + 1..dots], &line[dots + 2..end]);
    let numbers = first.parse::<u32>().unwrap()..=last.parse().unwrap();
    let lines = numbers.map(|number| format!("{}{number}{}", &line[..start], &line[end + 1..]));
    lines.flat_map(|line| sequence(&line)).collect()
}

/// A name in wire format; `\046` and `\.` are octets, `.` is the root.
pub fn name_of(text: &str) -> Vec<u8> {
    let text = repeated(text);
    let mut wire = Vec::new();
    let mut label = Vec::new();
    let mut push = |label: &mut Vec<u8>| {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.append(label);
    };
    let mut bytes = text.trim_end_matches('.').bytes();
    let mut is_empty = true;
    while let Some(byte) = bytes.next() {
        is_empty = false;
        match byte {
            b'.' => push(&mut label),
            b'\\' => {
                let next = bytes.next().unwrap();
                if next.is_ascii_digit() {
                    let digits = [next, bytes.next().unwrap(), bytes.next().unwrap()];
                    label.push(std::str::from_utf8(&digits).unwrap().parse().unwrap());
                } else {
                    label.push(next);
                }
            }
            _ => label.push(byte),
        }
    }
    if !is_empty {
        push(&mut label);
    }
    wire.push(0);
    wire
}

fn data_of(kind: RecordType, text: &str) -> Vec<u8> {
    let text = &repeated(text);
    if let Some(hex) = text.strip_prefix("\\#") {
        return bytes_of(hex);
    }
    let mut words = text.split_whitespace();
    let mut next = || {
        words
            .next()
            .unwrap_or_else(|| panic!("`{text}` is too short for {kind}"))
    };
    match kind {
        RecordType::A => next().parse::<Ipv4Addr>().unwrap().octets().into(),
        RecordType::AAAA => next().parse::<Ipv6Addr>().unwrap().octets().into(),
        RecordType::CNAME | RecordType::NS | RecordType::PTR | RecordType::DNAME => name_of(next()),
        RecordType::MX => [number::<2>(next()).into(), name_of(next())].concat(),
        RecordType::SRV => {
            let numbers = [number::<2>(next()), number(next()), number(next())].concat();
            [numbers, name_of(next())].concat()
        }
        RecordType::SOA => {
            let mut data = [name_of(next()), name_of(next())].concat();
            for _ in 0..5 {
                data.extend(number::<4>(next()));
            }
            data
        }
        RecordType::TXT => text.split_whitespace().flat_map(character_string).collect(),
        _ => with_hickory(kind, text),
    }
}

fn number<const N: usize>(text: &str) -> [u8; N] {
    let number: u64 = text.parse().unwrap();
    *number.to_be_bytes().last_chunk().unwrap()
}

/// Strings longer than 255 bytes become several.
fn character_string(text: &str) -> Vec<u8> {
    let pieces = text.trim_matches('"').as_bytes().chunks(255);
    pieces
        .flat_map(|piece| [&[u8::try_from(piece.len()).unwrap()], piece].concat())
        .collect()
}

fn with_hickory(kind: RecordType, text: &str) -> Vec<u8> {
    let data = RData::try_from_str(kind.0.into(), text)
        .unwrap_or_else(|why| panic!("{kind} {text}: {why}"));
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).unwrap();
    bytes
}

/// Hex digits, with spaces anywhere; a word that ends in a dot is a name.
pub fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let word = repeated(word);
        if word.ends_with('.') {
            bytes.extend(name_of(&word));
            continue;
        }
        let digits: Vec<u8> = word
            .chars()
            .map(|c| {
                u8::try_from(
                    c.to_digit(16)
                        .unwrap_or_else(|| panic!("`{word}` is no hex")),
                )
                .unwrap()
            })
            .collect();
        bytes.extend(digits.chunks(2).map(|two| two[0] << 4 | two[1]));
    }
    bytes
}

fn hex_of(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 0x0f];
    let digits = bytes.iter().flat_map(digits);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
