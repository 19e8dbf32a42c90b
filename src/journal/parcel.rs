//! Rows on their way from one node to another: with all words that they need, because each node
//! numbers words its own way.

use super::blob::{Blob, Unpacker, pack};
use super::block::{self, Block};
use super::bytes::{Bytes, Damaged, put};
use super::labels::Labels;
use super::line::Line;
use super::state::State;
use crate::query::EntryLabel;
use crate::store::Arrived;

const VERSION: u8 = 1;

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
