//! A question as a line like those of dig: `home.example AAAA +tcp +do +id=7`.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

use squelch::query::RecordType;

use super::record::{bytes_of, name_of};

/// A message to send, and how.
#[derive(Clone, Debug)]
pub struct Ask {
    pub bytes: Vec<u8>,
    /// What was asked, where the bytes were not given as such.
    pub question: Option<Question>,
    pub is_tcp: bool,
    /// The address that asks, and the one that is asked, where they are not the usual.
    pub from: Option<Ipv4Addr>,
    pub to: Option<Ipv4Addr>,
}

/// What an answer has to be measured by.
#[derive(Clone, Debug)]
pub struct Question {
    pub name: Vec<u8>,
    pub kind: u16,
    pub class: u16,
    /// The UDP size that was claimed, if there was an OPT record.
    pub size: Option<u16>,
}

/// What the options of a line say.
struct Wishes {
    id: u16,
    flags: u16,
    class: u16,
    has_edns: bool,
    copies: usize,
    owner: Vec<u8>,
    version: u8,
    edns_flags: u16,
    size: u16,
    options: Vec<u8>,
    rest: Vec<u8>,
}

static NEXT_ID: AtomicU16 = AtomicU16::new(0x5151);

impl Ask {
    /// Reads a line.
    pub fn read(line: &str) -> Self {
        let mut ask = Self {
            bytes: Vec::new(),
            question: None,
            is_tcp: false,
            from: None,
            to: None,
        };
        if let Some(raw) = line.strip_prefix('#') {
            let (raw, options) = raw.split_once('+').unwrap_or((raw, ""));
            ask.is_tcp = options.starts_with("tcp");
            ask.bytes = bytes_of(raw);
            return ask;
        }
        let mut words = line.split_whitespace();
        let name = name_of(words.next().unwrap());
        let mut kind = RecordType::A;
        let mut wishes = Wishes::usual();
        for word in words {
            if let Some(option) = word.strip_prefix('+') {
                let (key, value) = option.split_once('=').unwrap_or((option, ""));
                match key {
                    "tcp" => ask.is_tcp = true,
                    "from" => ask.from = Some(value.parse().unwrap()),
                    _ => wishes.take(key, value),
                }
            } else if let Some(to) = word.strip_prefix('@') {
                ask.to = Some(to.parse().unwrap());
            } else {
                kind = word.parse().unwrap();
            }
        }
        let question = Question {
            name,
            kind: kind.0,
            class: wishes.class,
            size: wishes.has_edns.then_some(wishes.size),
        };
        ask.bytes = wishes.write(&question);
        ask.question = Some(question);
        ask
    }

    pub fn id(&self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.first_chunk()?))
    }

    /// The same with another id.
    pub fn again(&self) -> Self {
        let mut ask = self.clone();
        if let Some(id) = ask.bytes.first_chunk_mut() {
            *id = NEXT_ID.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        }
        ask
    }
}

impl Wishes {
    fn usual() -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            flags: 0x0100,
            class: 1,
            has_edns: true,
            copies: 1,
            owner: vec![0],
            version: 0,
            edns_flags: 0,
            size: 1232,
            options: Vec::new(),
            rest: Vec::new(),
        }
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "norec" => self.flags &= !0x0100,
            "aa" => self.flags |= 0x0400,
            "tc" => self.flags |= 0x0200,
            "ra" => self.flags |= 0x0080,
            "z" => self.flags |= 0x0040,
            "ad" => self.flags |= 0x0020,
            "cd" => self.flags |= 0x0010,
            "qr" => self.flags |= 0x8000,
            "opcode" => self.flags |= value.parse::<u16>().unwrap() << 11,
            "header-rcode" => self.flags |= value.parse::<u16>().unwrap(),
            "id" => self.id = value.parse().unwrap(),
            "class" => self.class = value.parse().unwrap(),
            "noedns" => self.has_edns = false,
            "opts" => self.copies = value.parse().unwrap(),
            "opt-owner" => self.owner = name_of(value),
            "edns" => self.version = value.parse().unwrap(),
            "do" => self.edns_flags |= 0x8000,
            "ednsflags" => self.edns_flags |= u16::from_str_radix(value, 16).unwrap(),
            "bufsize" => self.size = value.parse().unwrap(),
            "option" => self.option(value),
            "options" => (0..value.parse().unwrap()).for_each(|_| self.option("65001")),
            "opt-tail" => self.options.extend(bytes_of(value)),
            "append" => self.rest = bytes_of(value),
            _ => panic!("`+{key}` is no option"),
        }
    }

    /// `CODE` or `CODE:HEX`.
    fn option(&mut self, text: &str) {
        let (code, hex) = text.split_once(':').unwrap_or((text, ""));
        let data = bytes_of(hex);
        self.options
            .extend(code.parse::<u16>().unwrap().to_be_bytes());
        self.options
            .extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        self.options.extend(data);
    }

    fn write(&self, question: &Question) -> Vec<u8> {
        let opts = if self.has_edns { self.copies } else { 0 };
        let counts = [1, 0, 0, u16::try_from(opts).unwrap()];
        let mut bytes: Vec<u8> = [self.id, self.flags]
            .into_iter()
            .chain(counts)
            .flat_map(u16::to_be_bytes)
            .collect();
        bytes.extend(&question.name);
        bytes.extend(question.kind.to_be_bytes());
        bytes.extend(question.class.to_be_bytes());
        for _ in 0..opts {
            bytes.extend(&self.owner);
            bytes.extend(RecordType::OPT.0.to_be_bytes());
            bytes.extend(self.size.to_be_bytes());
            bytes.extend([0, self.version]);
            bytes.extend(self.edns_flags.to_be_bytes());
            bytes.extend(u16::try_from(self.options.len()).unwrap().to_be_bytes());
            bytes.extend(&self.options);
        }
        bytes.extend(&self.rest);
        bytes
    }
}
