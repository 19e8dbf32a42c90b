//! From a blob to rows, column by column.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Column, VERSION};
use crate::journal::blob::{Blob, Unpacker};
use crate::journal::bytes::{Bytes, Damaged};
use crate::journal::ids::IdMap;
use crate::journal::line::{Key, Line, decision};
use crate::journal::row::{SourceWord, is_failed};
use crate::query::{DeviceId, Rcode, RecordType, Transport, VerdictWord};

/// A block whose rows can be read.
pub(in crate::journal) struct Block<'a> {
    blob: Blob<'a>,
    rows: usize,
}

/// What the sums and most filters need of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Seen {
    pub at_ms: i64,
    pub key: Key,
    pub source: SourceWord,
    pub rcode: Rcode,
}

impl Seen {
    /// The same of a row in memory.
    pub(in crate::journal) fn of(line: &Line) -> Self {
        Self {
            at_ms: line.at_ms,
            key: line.key(),
            source: line.source,
            rcode: line.rcode,
        }
    }

    /// Whether no usable answer was had.
    pub(in crate::journal) fn is_failed(&self) -> bool {
        is_failed(self.source, self.rcode)
    }
}

impl<'a> Block<'a> {
    /// Opens a block that should have so many rows.
    pub(in crate::journal) fn open(blob: &'a [u8], rows: u32) -> Result<Self, Damaged> {
        let blob = Blob::open(VERSION, blob)?;
        let rows = usize::try_from(rows).map_err(|_| Damaged)?;
        Ok(Self { blob, rows })
    }

    /// The names that occur.
    pub(in crate::journal) fn name_list(
        &self,
        unpacker: &mut Unpacker,
    ) -> Result<Vec<u32>, Damaged> {
        let column = self.column(Column::NameList, unpacker)?;
        let mut bytes = Bytes(&column);
        let count: usize = bytes.narrow()?;
        // Each name takes a byte at least, so a count above that is a lie.
        if count > bytes.0.len() {
            return Err(Damaged);
        }
        let names = (0..count)
            .map(|_| bytes.narrow())
            .collect::<Result<_, _>>()?;
        bytes.end()?;
        Ok(names)
    }

    /// The places of the rows among those that the block was made with: numbers count from there.
    pub(in crate::journal) fn places(&self, unpacker: &mut Unpacker) -> Result<Vec<u64>, Damaged> {
        if !self.blob.has(Column::Gaps as usize) {
            return Ok((0..self.rows as u64).collect());
        }
        let column = self.column(Column::Gaps, unpacker)?;
        let mut gaps = Bytes(&column);
        let mut places = Vec::with_capacity(self.rows.min(1 << 20));
        let mut next = 0_u64;
        for _ in 0..self.rows {
            let place = next.checked_add(gaps.number()?).ok_or(Damaged)?;
            places.push(place);
            next = place.checked_add(1).ok_or(Damaged)?;
        }
        gaps.end()?;
        Ok(places)
    }

    /// What the sums and most filters need, row by row.
    pub(in crate::journal) fn seen(&self, unpacker: &mut Unpacker) -> Result<Vec<Seen>, Damaged> {
        let mut seen = Vec::with_capacity(self.rows.min(1 << 20));
        let listed = self.name_list(unpacker)?;
        let mut last_verdicts = vec![None; listed.len()];
        let columns = [
            Column::Times,
            Column::Names,
            Column::Devices,
            Column::Verdicts,
            Column::Answers,
        ];
        let mut owned = [const { Cow::Owned(Vec::new()) }; 5];
        for (place, column) in owned.iter_mut().zip(columns) {
            *place = self.column(column, unpacker)?;
        }
        let [mut times, mut names, mut devices, mut verdicts, mut answers] =
            owned.each_ref().map(|column| Bytes(column));
        let (mut at_ms, mut place) = (0_i64, None);
        for _ in 0..self.rows {
            at_ms = at_ms.wrapping_add(times.signed()?);
            let code = names.narrow::<usize>()?;
            place = code.checked_sub(1).or(place);
            let place = place.ok_or(Damaged)?;
            let last = last_verdicts.get_mut(place).ok_or(Damaged)?;
            let (verdict, entry) = verdict(verdicts.number()?, last)?;
            let (source, rcode) = answer(answers.number()?)?;
            let key = Key {
                device: DeviceId(devices.narrow()?),
                name: *listed.get(place).ok_or(Damaged)?,
                entry,
                verdict,
            };
            seen.push(Seen {
                at_ms,
                key,
                source,
                rcode,
            });
        }
        for column in [times, names, devices, verdicts, answers] {
            column.end()?;
        }
        Ok(seen)
    }

    /// The whole rows, of which a part is given.
    pub(in crate::journal) fn lines(
        &self,
        seen: &[Seen],
        unpacker: &mut Unpacker,
    ) -> Result<Vec<Line>, Damaged> {
        let kinds = self.column(Column::Kinds, unpacker)?;
        let upstreams = self.column(Column::Upstreams, unpacker)?;
        let addresses = self.column(Column::Addresses, unpacker)?;
        let transports = self.column(Column::Transports, unpacker)?;
        let latencies = self.column(Column::Latencies, unpacker)?;
        let mut addresses = Addresses {
            list: self.address_list(unpacker)?,
            last: IdMap::default(),
            codes: Bytes(&addresses),
        };
        let [mut kinds, mut upstreams, mut transports, mut latencies] =
            [&kinds, &upstreams, &transports, &latencies].map(|column| Bytes(column));
        let mut lines = Vec::with_capacity(seen.len());
        for seen in seen {
            lines.push(Line {
                at_ms: seen.at_ms,
                device: seen.key.device,
                name: seen.key.name,
                entry: seen.key.entry,
                upstream: match seen.source {
                    SourceWord::Upstream => upstreams.narrow()?,
                    _ => 0,
                },
                address: addresses.next(seen.key.device)?,
                kind: RecordType(kinds.narrow()?),
                rcode: seen.rcode,
                verdict: seen.key.verdict,
                source: seen.source,
                transport: Transport::from_number(transports.byte()?).ok_or(Damaged)?,
                latency: latencies.byte()?,
            });
        }
        for column in [kinds, upstreams, transports, latencies, addresses.codes] {
            column.end()?;
        }
        Ok(lines)
    }

    fn column(&self, column: Column, unpacker: &mut Unpacker) -> Result<Cow<'a, [u8]>, Damaged> {
        self.blob.column(column as usize, unpacker)
    }

    fn address_list(&self, unpacker: &mut Unpacker) -> Result<Vec<IpAddr>, Damaged> {
        let column = self.column(Column::AddressList, unpacker)?;
        let mut bytes = Bytes(&column);
        let mut list = Vec::new();
        while !bytes.0.is_empty() {
            list.push(match bytes.byte()? {
                4 => IpAddr::from(bytes.array::<4>()?),
                16 => IpAddr::from(bytes.array::<16>()?),
                _ => return Err(Damaged),
            });
        }
        Ok(list)
    }
}

struct Addresses<'a> {
    list: Vec<IpAddr>,
    last: IdMap<u32, Option<IpAddr>>,
    codes: Bytes<'a>,
}

impl Addresses<'_> {
    fn next(&mut self, device: DeviceId) -> Result<Option<IpAddr>, Damaged> {
        let address = match self.codes.narrow::<usize>()? {
            0 => return self.last.get(&device.0).copied().ok_or(Damaged),
            1 => None,
            code => Some(*self.list.get(code - 2).ok_or(Damaged)?),
        };
        self.last.insert(device.0, address);
        Ok(address)
    }
}

fn verdict(
    code: u64,
    last: &mut Option<(VerdictWord, u32)>,
) -> Result<(VerdictWord, u32), Damaged> {
    let Some(code) = code.checked_sub(1) else {
        return last.ok_or(Damaged);
    };
    Ok(*last.insert(decision(code)?))
}

fn answer(code: u64) -> Result<(SourceWord, Rcode), Damaged> {
    let source = match code & 7 {
        0 => SourceWord::Policy,
        1 => SourceWord::Local,
        2 => SourceWord::Cache,
        3 => SourceWord::Upstream,
        4 => SourceWord::Failure,
        _ => return Err(Damaged),
    };
    let rcode = u16::try_from(code >> 3).map_err(|_| Damaged)?;
    Ok((source, Rcode(rcode)))
}
