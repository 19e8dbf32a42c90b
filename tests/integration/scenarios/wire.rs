//! Messages as bytes, read strictly: what cannot be read to its last byte is not well-formed.

use std::fmt::Write as _;

use squelch::query::RecordType;

/// A message, read to its last byte.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub id: u16,
    pub flags: u16,
    /// The questions' names as sent, types and classes.
    pub questions: Vec<(Vec<u8>, u16, u16)>,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub opt: Option<Opt>,
    pub size: usize,
}

/// A record, its name and the names in its data without compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: Vec<u8>,
    pub kind: RecordType,
    pub class: u16,
    pub ttl: u32,
    pub data: Vec<u8>,
}

/// The OPT record.
#[derive(Clone, Debug, Default)]
pub struct Opt {
    pub size: u16,
    pub rcode_high: u8,
    pub version: u8,
    pub flags: u16,
    pub options: Vec<(u16, Vec<u8>)>,
}

impl Message {
    pub fn rcode(&self) -> u16 {
        let high = self.opt.as_ref().map_or(0, |opt| u16::from(opt.rcode_high));
        high << 4 | self.flags & 0x0f
    }

    pub fn option(&self, code: u16) -> Option<&[u8]> {
        let options = &self.opt.as_ref()?.options;
        let found = options.iter().find(|(option, _)| *option == code);
        found.map(|(_, data)| data.as_slice())
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let sections = [&self.answer, &self.authority, &self.additional];
        sections.into_iter().flatten()
    }
}

/// Reads a message to its last byte.
pub fn read(bytes: &[u8]) -> Result<Message, String> {
    let mut reader = Reader { bytes, at: 0 };
    let mut message = Message {
        id: reader.u16()?,
        flags: reader.u16()?,
        size: bytes.len(),
        ..Message::default()
    };
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    for _ in 0..counts[0] {
        let question = (reader.name()?, reader.u16()?, reader.u16()?);
        message.questions.push(question);
    }
    for _ in 0..counts[1] {
        message.answer.push(reader.record()?);
    }
    for _ in 0..counts[2] {
        message.authority.push(reader.record()?);
    }
    for _ in 0..counts[3] {
        let record = reader.record()?;
        if record.kind == RecordType::OPT {
            if message.opt.is_some() {
                return Err("it has more than one OPT record".into());
            }
            message.opt = Some(read_opt(&record)?);
        } else {
            message.additional.push(record);
        }
    }
    match bytes.len() - reader.at {
        0 => Ok(message),
        rest => Err(format!("{rest} bytes follow its last record")),
    }
}

fn read_opt(record: &Record) -> Result<Opt, String> {
    if record.name != [0] {
        return Err("its OPT record has a name".into());
    }
    let [rcode_high, version, high, low] = record.ttl.to_be_bytes();
    let mut opt = Opt {
        size: record.class,
        rcode_high,
        version,
        flags: u16::from_be_bytes([high, low]),
        options: Vec::new(),
    };
    let mut reader = Reader {
        bytes: &record.data,
        at: 0,
    };
    while reader.at < record.data.len() {
        let (code, len) = (reader.u16()?, reader.u16()?);
        let data = reader.take(len.into())?.to_vec();
        opt.options.push((code, data));
    }
    Ok(opt)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let taken = self.bytes.get(self.at..self.at + len);
        self.at += len;
        taken.ok_or_else(|| "it ends too early".into())
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().unwrap()))
    }

    /// A name without compression.
    fn name(&mut self) -> Result<Vec<u8>, String> {
        let mut name = Vec::new();
        let (mut at, mut end) = (self.at, None);
        loop {
            let len = *self.bytes.get(at).ok_or("a name ends too early")?;
            if len >= 0xc0 {
                let low = *self.bytes.get(at + 1).ok_or("a name ends too early")?;
                end = end.or(Some(at + 2));
                let target = usize::from(len & 0x3f) << 8 | usize::from(low);
                if target >= at {
                    return Err("a name points forward".into());
                }
                at = target;
                continue;
            }
            if len >= 0x40 {
                return Err("a label of an unknown kind".into());
            }
            let next = at + 1 + usize::from(len);
            name.extend_from_slice(self.bytes.get(at..next).ok_or("a name ends too early")?);
            at = next;
            if name.len() > 255 {
                return Err("a name longer than 255 bytes".into());
            }
            if len == 0 {
                self.at = end.unwrap_or(at);
                return Ok(name);
            }
        }
    }

    fn record(&mut self) -> Result<Record, String> {
        let name = self.name()?;
        let (kind, class) = (RecordType(self.u16()?), self.u16()?);
        let ttl = u32::from_be_bytes(self.take(4)?.try_into().unwrap());
        let len = usize::from(self.u16()?);
        let data = self.data(kind, len)?;
        Ok(Record {
            name,
            kind,
            class,
            ttl,
            data,
        })
    }

    /// RFC 3597 §4: only the types of RFC 1035 may have compressed names in their data.
    fn data(&mut self, kind: RecordType, len: usize) -> Result<Vec<u8>, String> {
        let end = self.at + len;
        let mut inner = Reader {
            bytes: self.bytes.get(..end).ok_or("its data ends too early")?,
            at: self.at,
        };
        let mut data = Vec::new();
        match kind {
            RecordType::NS | RecordType::CNAME | RecordType::PTR => data = inner.name()?,
            RecordType::MX => {
                data.extend_from_slice(inner.take(2)?);
                data.extend(inner.name()?);
            }
            RecordType::SOA => {
                data = inner.name()?;
                data.extend(inner.name()?);
                data.extend_from_slice(inner.take(20)?);
            }
            _ => data.extend_from_slice(inner.take(len)?),
        }
        if inner.at != end {
            return Err(format!("the data of a {kind} record has another length"));
        }
        self.at = end;
        Ok(data)
    }
}

/// Writes a record; its name becomes a pointer to the question where it is the question's.
pub fn write(record: &Record, question: &[u8], out: &mut Vec<u8>) {
    if record.name.eq_ignore_ascii_case(question) {
        out.extend_from_slice(&[0xc0, 12]);
    } else {
        out.extend_from_slice(&record.name);
    }
    out.extend_from_slice(&record.kind.0.to_be_bytes());
    out.extend_from_slice(&record.class.to_be_bytes());
    out.extend_from_slice(&record.ttl.to_be_bytes());
    let len = u16::try_from(record.data.len()).unwrap();
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&record.data);
}

/// A name as people write it.
pub fn text_of(name: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = name;
    while let Some((&len, after)) = rest.split_first() {
        let (label, next) = after.split_at(usize::from(len).min(after.len()));
        for &byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                b'!'..=b'~' => text.push(byte.into()),
                _ => write!(text, "\\{byte:03}").unwrap(),
            }
        }
        if len > 0 {
            text.push('.');
        }
        rest = next;
    }
    if text.len() > 1 {
        text.trim_end_matches('.').to_owned()
    } else {
        ".".to_owned()
    }
}
