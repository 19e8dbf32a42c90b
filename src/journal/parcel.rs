//! Rows on their way from one node to another: with all words that they need, because each node
//! numbers words its own way.

use super::blob::{Blob, Unpacker, pack};
use super::block::{self, Block};
use super::bytes::{Bytes, Damaged, put};
use super::gone::Gone;
use super::labels::Labels;
use super::line::Line;
use super::row::SourceWord;
use super::state::State;
use crate::query::{DeviceId, EntryLabel, Rcode, RecordType, Transport, VerdictWord};
use crate::store::Arrived;

const VERSION: u8 = 1;

/// The device of a row that was deleted: others keep the numbers that they have.
const NOBODY: DeviceId = DeviceId(u32::MAX);

/// Rows whose words are numbered in the parcel itself; 0 is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Parcel {
    pub names: Labels<String>,
    pub entries: Labels<EntryLabel>,
    pub upstreams: Labels<String>,
    pub lines: Vec<Line>,
}

impl Parcel {
    /// Rows of ours.
    pub(super) fn of(state: &State, lines: &[Line]) -> Self {
        let mut parcel = Self::default();
        for line in lines {
            let name = (line.name != 0).then(|| state.names.text(line.name).to_owned());
            parcel.add(
                *line,
                name.as_ref(),
                state.entries.label(line.entry),
                state.upstreams.label(line.upstream),
            );
        }
        parcel
    }

    fn add(
        &mut self,
        line: Line,
        name: Option<&String>,
        entry: Option<&EntryLabel>,
        upstream: Option<&String>,
    ) {
        self.lines.push(Line {
            name: name.map_or(0, |name| self.names.intern(name)),
            entry: entry.map_or(0, |entry| self.entries.intern(entry)),
            upstream: upstream.map_or(0, |upstream| self.upstreams.intern(upstream)),
            ..line
        });
    }

    /// Adds the rows of the next parcel.
    fn join(&mut self, next: &Self) {
        for line in &next.lines {
            self.add(
                *line,
                next.names.label(line.name),
                next.entries.label(line.entry),
                next.upstreams.label(line.upstream),
            );
        }
    }

    /// The parcel without rows that are deleted; `None` where it has none of them.
    pub(super) fn without(&self, gone: &mut Gone<'_>) -> Option<Self> {
        let mut is_gone = |line: &Line| !is_blank(line) && gone.has(line);
        if !self.lines.iter().any(&mut is_gone) {
            return None;
        }
        let blank = self.lines.first().map(|first| blank(first.at_ms));
        let mut rest = Self::default();
        for line in &self.lines {
            match blank.filter(|_| is_gone(line)) {
                Some(blank) => rest.lines.push(blank),
                None => rest.add(
                    *line,
                    self.names.label(line.name),
                    self.entries.label(line.entry),
                    self.upstreams.label(line.upstream),
                ),
            }
        }
        Some(rest)
    }

    /// The parcel as bytes: the words of names, of entries and of upstreams, and the rows as a block.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut words = [const { Vec::new() }; 3];
        let [names, entries, upstreams] = &mut words;
        self.names
            .iter()
            .for_each(|(_, name)| put_text(names, name));
        for (_, entry) in self.entries.iter() {
            put_text(entries, &entry.origin);
            put_text(entries, &entry.entry);
        }
        let all = self.upstreams.iter();
        all.for_each(|(_, upstream)| put_text(upstreams, upstream));
        let [names, entries, upstreams] = words;
        pack(
            VERSION,
            &[names, entries, upstreams, block::encode(&self.lines)],
        )
    }

    /// Reads a parcel of so many rows.
    pub(super) fn open(blob: &[u8], rows: u32) -> Result<Self, Damaged> {
        let mut unpacker = Unpacker::new();
        let blob = Blob::open(VERSION, blob)?;
        let mut parcel = Self::default();
        for name in texts(&blob.column(0, &mut unpacker)?)? {
            parcel.names.intern(&name);
        }
        let mut entries = texts(&blob.column(1, &mut unpacker)?)?.into_iter();
        while let (Some(origin), Some(entry)) = (entries.next(), entries.next()) {
            parcel.entries.intern(&EntryLabel { origin, entry });
        }
        for upstream in texts(&blob.column(2, &mut unpacker)?)? {
            parcel.upstreams.intern(&upstream);
        }
        let lines = blob.column(3, &mut unpacker)?;
        let block = Block::open(&lines, rows)?;
        let seen = block.seen(&mut unpacker)?;
        parcel.lines = block.lines(&seen, &mut unpacker)?;
        Ok(parcel)
    }
}

/// Whether a row was deleted.
pub(super) fn is_blank(line: &Line) -> bool {
    line.device == NOBODY
}

/// What is left of a row that was deleted.
fn blank(at_ms: i64) -> Line {
    Line {
        at_ms,
        device: NOBODY,
        name: 0,
        entry: 0,
        upstream: 0,
        address: None,
        kind: RecordType(0),
        rcode: Rcode::NOERROR,
        verdict: VerdictWord::Allow,
        source: SourceWord::Cache,
        transport: Transport::Udp,
        latency: 0,
    }
}

/// Puts parcels that follow one another together; `None` where they do not, or one is damaged.
pub fn joined(parcels: &[Arrived]) -> Option<Arrived> {
    let (last, first) = (parcels.last()?, parcels.first()?);
    let follows = |pair: &[Arrived]| matches!(pair, [a, b] if a.until == b.seq());
    if !parcels.windows(2).all(follows) {
        return None;
    }
    let mut whole = Parcel::default();
    for parcel in parcels {
        whole.join(&Parcel::open(&parcel.data, parcel.rows).ok()?);
    }
    Some(Arrived {
        node: first.node,
        until: last.until,
        rows: u32::try_from(whole.lines.len()).ok()?,
        last_ms: parcels.iter().map(|parcel| parcel.last_ms).max()?,
        data: whole.encode(),
    })
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn texts(bytes: &[u8]) -> Result<Vec<String>, Damaged> {
    let mut bytes = Bytes(bytes);
    let mut texts = Vec::new();
    while !bytes.0.is_empty() {
        let length = bytes.narrow()?;
        let text = str::from_utf8(bytes.take(length)?).map_err(|_| Damaged)?;
        texts.push(text.to_owned());
    }
    Ok(texts)
}
