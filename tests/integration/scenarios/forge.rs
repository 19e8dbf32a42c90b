//! What an upstream does with a query: the honest answer, and the ways to spoil it.
//!
//! A plan is `NAME = "first query; second query; and all further"`, and each of these is what is
//! sent for one query, in this order: `wrong-id*10, answer +ad`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::Duration;

use squelch::query::RecordType;

use super::file::duration;
use super::record::{bytes_of, name_of};
use super::reply;
use super::upstream::{Desk, Seen};
use super::wire::Record;

/// What is done with a query, by its name.
pub struct Plan {
    rules: Vec<(Key, Vec<Vec<Doing>>)>,
    /// How many queries each rule had.
    counts: Mutex<Vec<usize>>,
}

/// Which queries a rule is for.
struct Key {
    is_tcp: Option<bool>,
    name: Option<Vec<u8>>,
    kind: Option<RecordType>,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Answer(Changes),
    Reply(String, Changes),
    Code(u16, Changes),
    Silence,
    Late(Duration),
    Forge(String),
    Raw(String),
    Cut(usize),
    Drip,
    Close,
}

/// What differs from a usual answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub flags_on: u16,
    pub flags_off: u16,
    pub has_no_opt: bool,
    pub options: Vec<u8>,
    pub respelled: bool,
    pub tail: Vec<u8>,
}

/// What goes over the wire.
pub enum Sent {
    Message(Vec<u8>),
    FromElsewhere(Ipv4Addr, Vec<u8>),
    /// Bytes of a stream, without a length before them.
    Bytes(Vec<u8>),
    Drip(Vec<u8>),
    Pause(Duration),
    Close,
}

const CODES: [&str; 6] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
];
/// The address that forgers give.
const FORGED: [u8; 4] = [203, 0, 113, 66];

/// The number of a response code.
pub fn code_of(text: &str) -> Option<u16> {
    let place = CODES.iter().position(|code| *code == text);
    place.map(|place| u16::try_from(place).unwrap())
}

impl Plan {
    /// Reads the rules; those with a name come before `*`.
    pub fn read(behave: &BTreeMap<String, String>) -> Self {
        let mut rules: Vec<_> = behave
            .iter()
            .map(|(key, text)| (Key::read(key), text.split(';').map(doings_of).collect()))
            .collect();
        rules.sort_by_key(|(key, _): &(Key, _)| key.name.is_none());
        let counts = Mutex::new(vec![0; rules.len()]);
        Self { rules, counts }
    }

    /// What is to be done with this query.
    pub fn next(&self, seen: &Seen) -> Vec<Doing> {
        let Some(place) = self.rules.iter().position(|(key, _)| key.is_for(seen)) else {
            return vec![Doing::Answer(Changes::default())];
        };
        let mut counts = self.counts.lock().unwrap();
        let turns = &self.rules[place].1;
        let turn = counts[place].min(turns.len() - 1);
        counts[place] += 1;
        let without_edns = turns[turn]
            .iter()
            .filter_map(|doing| doing.as_seen_by(seen));
        without_edns.collect()
    }
}

impl Key {
    /// `[udp:|tcp:]NAME[/TYPE]`, where the name may be `*`.
    fn read(text: &str) -> Self {
        let (is_tcp, rest) = match text.split_once(':') {
            Some((transport, rest)) => (Some(transport == "tcp"), rest),
            None => (None, text),
        };
        let (name, kind) = match rest.split_once('/') {
            Some((name, kind)) => (name, Some(kind.parse().unwrap())),
            None => (rest, None),
        };
        let name = (name != "*").then(|| name_of(name));
        Self { is_tcp, name, kind }
    }

    fn is_for(&self, seen: &Seen) -> bool {
        let is_name = |name: &Vec<u8>| name.eq_ignore_ascii_case(seen.name());
        self.is_tcp.is_none_or(|is_tcp| is_tcp == seen.is_tcp)
            && self.kind.is_none_or(|kind| kind.0 == seen.kind())
            && self.name.as_ref().is_none_or(is_name)
    }
}

fn doings_of(turn: &str) -> Vec<Doing> {
    let items = turn
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    items
        .flat_map(|item| {
            let (item, times) = match item.rsplit_once('*') {
                Some((item, times)) => (item, times.parse().unwrap()),
                None => (item, 1),
            };
            vec![doing_of(item); times]
        })
        .filter(|doing| *doing != Doing::Silence)
        .collect()
}

fn doing_of(item: &str) -> Doing {
    let (word, rest) = item.split_once(' ').unwrap_or((item, ""));
    match word {
        "silence" => Doing::Silence,
        "answer" => Doing::Answer(Changes::read(rest)),
        "reply" => {
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            Doing::Reply(name.to_owned(), Changes::read(rest))
        }
        "late" => Doing::Late(duration(rest)),
        "raw" => Doing::Raw(rest.to_owned()),
        "cut" => Doing::Cut(rest.parse().unwrap()),
        "drip" => Doing::Drip,
        "close" => Doing::Close,
        code if code_of(code).is_some() => Doing::Code(code_of(code).unwrap(), Changes::read(rest)),
        forged => Doing::Forge(forged.to_owned()),
    }
}

impl Changes {
    fn read(text: &str) -> Self {
        let mut changes = Self::default();
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "+aa" => changes.flags_on |= 0x0400,
                "+tc" => changes.flags_on |= 0x0200,
                "+z" => changes.flags_on |= 0x0040,
                "+ad" => changes.flags_on |= 0x0020,
                "-ra" => changes.flags_off |= 0x0080,
                "-rd" => changes.flags_off |= 0x0100,
                "-qr" => changes.flags_off |= 0x8000,
                "+opcode" => changes.flags_on |= value.parse::<u16>().unwrap() << 11,
                "+noopt" => changes.has_no_opt = true,
                "+respelled" => changes.respelled = true,
                "+ede" => changes
                    .options
                    .extend([0, 15, 0, 2, 0, value.parse().unwrap()]),
                "+nsid" => changes.options.extend(*b"\x00\x03\x00\x04test"),
                "+ecs" => changes
                    .options
                    .extend([0, 8, 0, 7, 0, 1, 24, 24, 192, 0, 2]),
                "+tail" => changes.tail = bytes_of(value),
                _ => panic!("`{word}` is no change of an answer"),
            }
        }
        changes
    }
}

impl Doing {
    /// An upstream that knows no EDNS treats those who use it in its own way.
    fn as_seen_by(&self, seen: &Seen) -> Option<Self> {
        let has_edns = seen.message.opt.is_some();
        match self {
            Self::Forge(word) if word == "formerr-to-edns" && has_edns => {
                let changes = Changes {
                    has_no_opt: true,
                    ..Changes::default()
                };
                Some(Self::Code(1, changes))
            }
            Self::Forge(word) if word == "notimp-to-edns" && has_edns => {
                let changes = Changes {
                    has_no_opt: true,
                    ..Changes::default()
                };
                Some(Self::Code(4, changes))
            }
            Self::Forge(word) if word == "silent-to-edns" && has_edns => None,
            Self::Forge(word) if word.ends_with("-to-edns") => Some(Self::Answer(Changes {
                has_no_opt: true,
                ..Changes::default()
            })),
            other => Some(other.clone()),
        }
    }

    /// What goes over the wire.
    pub fn sent(&self, desk: &Desk, seen: &Seen) -> Vec<Sent> {
        let honest = || reply::honest(desk, seen, &Changes::default());
        match self {
            Self::Answer(changes) => vec![Sent::Message(reply::honest(desk, seen, changes))],
            Self::Reply(name, changes) => {
                let written = desk
                    .replies
                    .get(name)
                    .unwrap_or_else(|| panic!("no reply `{name}`"));
                vec![Sent::Message(reply::written(written, seen, changes))]
            }
            Self::Code(code, changes) => {
                vec![Sent::Message(reply::message(
                    seen,
                    (*code, reply::Sections::default()),
                    changes,
                ))]
            }
            Self::Silence => Vec::new(),
            Self::Late(time) => vec![Sent::Pause(*time)],
            Self::Forge(how) => vec![forged(how, seen)],
            Self::Raw(text) => vec![Sent::Message(raw(text, seen))],
            Self::Cut(len) if seen.is_tcp => {
                let whole = honest();
                let framed = [
                    &u16::try_from(whole.len()).unwrap().to_be_bytes(),
                    &whole[..*len],
                ];
                vec![Sent::Bytes(framed.concat()), Sent::Close]
            }
            Self::Cut(len) => vec![Sent::Message(honest()[..*len].to_vec())],
            Self::Drip => vec![Sent::Drip(honest())],
            Self::Close => vec![Sent::Close],
        }
    }
}

/// Bytes in which `id` and `question` stand for those of the query.
fn raw(text: &str, seen: &Seen) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word {
            "id" => bytes.extend(seen.message.id.to_be_bytes()),
            "question" => bytes.extend(question(seen)),
            _ => bytes.extend(bytes_of(word)),
        }
    }
    bytes
}

fn question(seen: &Seen) -> Vec<u8> {
    let (name, kind, class) = &seen.message.questions[0];
    [name.as_slice(), &kind.to_be_bytes(), &class.to_be_bytes()].concat()
}

fn forged(how: &str, seen: &Seen) -> Sent {
    let mut seen = seen.clone();
    let (name, kind, class) = &mut seen.message.questions[0];
    let mut record = Record {
        name: name.clone(),
        kind: RecordType::A,
        class: 1,
        ttl: 300,
        data: FORGED.into(),
    };
    match how {
        "wrong-id" => seen.message.id = seen.message.id.wrapping_add(1),
        "wrong-name" => *name = name_of("other.example"),
        "wrong-type" => *kind ^= 0x0100,
        "wrong-class" => *class = 3,
        "wrong-case" => name
            .iter_mut()
            .filter(|b| b.is_ascii_alphabetic())
            .for_each(|b| *b ^= 0x20),
        "wrong-owner" => record.name = name_of("other.example"),
        "no-question" | "wrong-port" | "wrong-address" => {}
        _ => panic!("`{how}` is nothing that an upstream does"),
    }
    if how == "wrong-case" {
        record.name.clone_from(name);
    }
    let mut bytes = reply::message(
        &seen,
        (0, [vec![record], vec![], vec![]]),
        &Changes::default(),
    );
    match how {
        "no-question" => {
            bytes[5] = 0;
            bytes.drain(12..12 + question(&seen).len());
            Sent::Message(bytes)
        }
        "wrong-port" => Sent::FromElsewhere(Ipv4Addr::LOCALHOST, bytes),
        "wrong-address" => Sent::FromElsewhere(Ipv4Addr::new(127, 0, 0, 9), bytes),
        _ => Sent::Message(bytes),
    }
}
