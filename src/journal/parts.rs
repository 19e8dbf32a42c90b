//! The sums of a day as the store keeps them, in four blobs: the hours of each device; the names
//! that entries cover, with who asked, what was decided, and when first and last; the other names,
//! of all devices together; and those again, device by device.
//!
//! The other names are most of a home's queries, and the overview needs no more of them than how
//! often each was asked; one device needs its own only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::blob::{Blob, Unpacker, pack};
use super::bytes::{Bytes, Damaged, put};
use super::day::{Day, Hours, Tally};
use super::line::{Key, decision, decision_code};
use super::old_day;
use crate::query::{DeviceId, VerdictWord};
use crate::store::{DayParts, StoredDay};

const VERSION: u8 = 2;

/// Columns of the covered names: runs of a device, names, verdicts, counts, first, last.
const COVERED: usize = 6;

/// How often a name was asked: all queries, and those without a usable answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NameSum {
    pub name: u32,
    pub count: u32,
    pub failed: u32,
}

/// Packs the sums of a day.
pub(super) fn encode(day: i64, sums: &Day) -> StoredDay {
    let mut covered = Vec::new();
    let mut names = BTreeMap::<u32, NameSum>::new();
    let mut devices = BTreeMap::<u32, Vec<NameSum>>::new();
    for (key, tally) in &sums.tallies {
        if key.is_covered() {
            covered.push((*key, *tally));
            continue;
        }
        let sum = NameSum {
            name: key.name,
            count: tally.count,
            failed: tally.failed,
        };
        devices.entry(key.device.0).or_default().push(sum);
        let all = names.entry(key.name).or_insert(NameSum {
            name: key.name,
            ..NameSum::default()
        });
        all.count = all.count.saturating_add(sum.count);
        all.failed = all.failed.saturating_add(sum.failed);
    }
    StoredDay {
        day,
        hours: pack(VERSION, &[put_hours(sums)]),
        covered: pack(VERSION, &put_covered(covered)),
        names: pack(VERSION, &put_names(names.into_values())),
        data: pack(VERSION, &put_devices(devices)),
    }
}

/// Reads all sums of a day, also of one as they were kept before.
///
/// When the other names were first and last asked is not kept.
pub(super) fn decode(stored: &StoredDay, unpacker: &mut Unpacker) -> Result<Day, Damaged> {
    if stored.hours.is_empty() {
        return old_day::decode(&stored.data, unpacker);
    }
    let mut day = Day::default();
    for (device, hours) in hours(&stored.hours, unpacker)? {
        day.hours.insert(device, Box::new(hours));
    }
    covered(&stored.covered, unpacker, |key, tally| {
        day.add_tally(key, tally);
    })?;
    let devices = ByDevice::open(&stored.data, unpacker)?;
    for (place, device) in devices.list().enumerate() {
        devices.names(place, unpacker, |sum| {
            let key = Key {
                name: sum.name,
                entry: 0,
                verdict: VerdictWord::Allow,
                device: DeviceId(device),
            };
            let tally = Tally {
                count: sum.count,
                failed: sum.failed,
                first: 0,
                last: 0,
            };
            day.add_tally(key, tally);
        })?;
    }
    Ok(day)
}

/// Hands out the names of a day with the entries that decided, some of them twice.
pub(super) fn each_word(
    stored: &StoredDay,
    unpacker: &mut Unpacker,
    mut take: impl FnMut(u32, u32),
) -> Result<(), Damaged> {
    if stored.hours.is_empty() {
        let day = old_day::decode(&stored.data, unpacker)?;
        day.tallies.keys().for_each(|key| take(key.name, key.entry));
        return Ok(());
    }
    covered(&stored.covered, unpacker, |key, _| {
        take(key.name, key.entry);
    })?;
    names(&stored.names, unpacker, |sum| take(sum.name, 0))
}

/// Whether the parts that were read are as they were written.
pub(super) fn are_intact(stored: &StoredDay, parts: DayParts) -> Result<(), Damaged> {
    let blobs: &[&[u8]] = match parts {
        DayParts::Hours => &[],
        DayParts::Covered => &[&stored.covered],
        DayParts::Names => &[&stored.covered, &stored.names],
        DayParts::Devices => &[&stored.covered, &stored.data],
    };
    blobs
        .iter()
        .try_for_each(|blob| Blob::open(VERSION, blob).map(drop))
}

/// The counts of each device's hours.
pub(super) fn hours(blob: &[u8], unpacker: &mut Unpacker) -> Result<Vec<(u32, Hours)>, Damaged> {
    read_hours(&Blob::open(VERSION, blob)?.column(0, unpacker)?)
}

/// Hands out the sums of names that entries cover, device by device.
pub(super) fn covered(
    blob: &[u8],
    unpacker: &mut Unpacker,
    mut take: impl FnMut(Key, Tally),
) -> Result<(), Damaged> {
    let blob = Blob::open(VERSION, blob)?;
    let mut columns = [const { Cow::Owned(Vec::new()) }; COVERED];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = blob.column(place, unpacker)?;
    }
    let [
        mut runs,
        mut names,
        mut verdicts,
        mut counts,
        mut first,
        mut last,
    ] = columns.each_ref().map(|column| Bytes(column));
    let mut decided = None;
    while !runs.0.is_empty() {
        let device = DeviceId(runs.narrow()?);
        let mut name = 0_u32;
        for _ in 0..runs.narrow::<u32>()? {
            name = name.checked_add(names.narrow()?).ok_or(Damaged)?;
            if let Some(code) = verdicts.number()?.checked_sub(1) {
                decided = Some(decision(code)?);
            }
            let (verdict, entry) = decided.ok_or(Damaged)?;
            let (count, failed) = read_count(&mut counts)?;
            let since = first.narrow::<u32>()?;
            let tally = Tally {
                count,
                failed,
                first: since,
                last: since.checked_add(last.narrow()?).ok_or(Damaged)?,
            };
            let key = Key {
                name,
                entry,
                verdict,
                device,
            };
            take(key, tally);
        }
    }
    for column in [names, verdicts, counts, first, last] {
        column.end()?;
    }
    Ok(())
}

/// Hands out how often each name was asked that no entry covers.
pub(super) fn names(
    blob: &[u8],
    unpacker: &mut Unpacker,
    take: impl FnMut(NameSum),
) -> Result<(), Damaged> {
    let blob = Blob::open(VERSION, blob)?;
    read_names(&blob.column(0, unpacker)?, &blob.column(1, unpacker)?, take)
}

/// The names that no entry covers, device by device.
pub(super) struct ByDevice<'a> {
    blob: Blob<'a>,
    devices: Vec<u32>,
}

impl<'a> ByDevice<'a> {
    /// Opens the part of a day.
    pub(super) fn open(blob: &'a [u8], unpacker: &mut Unpacker) -> Result<Self, Damaged> {
        let blob = Blob::open(VERSION, blob)?;
        let column = blob.column(0, unpacker)?;
        let mut bytes = Bytes(&column);
        let mut devices = Vec::new();
        while !bytes.0.is_empty() {
            devices.push(bytes.narrow()?);
        }
        Ok(Self { blob, devices })
    }

    /// The devices, in the order of their places.
    pub(super) fn list(&self) -> impl Iterator<Item = u32> {
        self.devices.iter().copied()
    }

    /// Hands out how often the device at a place asked each name.
    pub(super) fn names(
        &self,
        place: usize,
        unpacker: &mut Unpacker,
        take: impl FnMut(NameSum),
    ) -> Result<(), Damaged> {
        let names = self.blob.column(1 + 2 * place, unpacker)?;
        let counts = self.blob.column(2 + 2 * place, unpacker)?;
        read_names(&names, &counts, take)
    }
}

pub(super) fn put_hours(day: &Day) -> Vec<u8> {
    let mut out = Vec::new();
    let mut devices: Vec<_> = day.hours.iter().collect();
    devices.sort_unstable_by_key(|(device, _)| **device);
    for (device, hours) in devices {
        put(&mut out, u64::from(*device));
        for count in hours.as_flattened() {
            put(&mut out, u64::from(*count));
        }
    }
    out
}

pub(super) fn read_hours(column: &[u8]) -> Result<Vec<(u32, Hours)>, Damaged> {
    let mut bytes = Bytes(column);
    let mut devices = Vec::new();
    while !bytes.0.is_empty() {
        let device = bytes.narrow()?;
        let mut hours = Hours::default();
        for count in hours.as_flattened_mut() {
            *count = bytes.narrow()?;
        }
        devices.push((device, hours));
    }
    Ok(devices)
}

fn put_covered(mut sums: Vec<(Key, Tally)>) -> [Vec<u8>; COVERED] {
    sums.sort_unstable_by_key(|(key, _)| (key.device, *key));
    let mut columns = [const { Vec::new() }; COVERED];
    let [runs, names, verdicts, counts, first, last] = &mut columns;
    let mut decided = None;
    for run in sums.chunk_by(|(one, _), (next, _)| one.device == next.device) {
        let device = run.first().map_or(0, |(key, _)| key.device.0);
        put(runs, u64::from(device));
        put(runs, run.len() as u64);
        let mut name = 0;
        for (key, tally) in run {
            put(names, u64::from(key.name - name));
            name = key.name;
            // 0 is the verdict and the entry of the sum before.
            let code = 1 + decision_code(key.verdict, key.entry);
            let same = decided.replace(code) == Some(code);
            put(verdicts, if same { 0 } else { code });
            put_count(counts, tally.count, tally.failed);
            put(first, u64::from(tally.first));
            put(last, u64::from(tally.last.saturating_sub(tally.first)));
        }
    }
    columns
}

fn put_names(sums: impl Iterator<Item = NameSum>) -> [Vec<u8>; 2] {
    let (mut names, mut counts) = (Vec::new(), Vec::new());
    let mut name = 0;
    for sum in sums {
        put(&mut names, u64::from(sum.name - name));
        name = sum.name;
        put_count(&mut counts, sum.count, sum.failed);
    }
    [names, counts]
}

fn read_names(names: &[u8], counts: &[u8], mut take: impl FnMut(NameSum)) -> Result<(), Damaged> {
    let (mut names, mut counts) = (Bytes(names), Bytes(counts));
    let mut name = 0_u32;
    while !names.0.is_empty() {
        name = name.checked_add(names.narrow()?).ok_or(Damaged)?;
        let (count, failed) = read_count(&mut counts)?;
        take(NameSum {
            name,
            count,
            failed,
        });
    }
    counts.end()
}

fn put_devices(devices: BTreeMap<u32, Vec<NameSum>>) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    for device in devices.keys() {
        put(&mut list, u64::from(*device));
    }
    let mut columns = vec![list];
    for mut sums in devices.into_values() {
        sums.sort_unstable_by_key(|sum| sum.name);
        columns.extend(put_names(sums.into_iter()));
    }
    columns
}

/// Few names ever fail, so their number is there only where it is not 0.
fn put_count(out: &mut Vec<u8>, count: u32, failed: u32) {
    put(out, u64::from(count) << 1 | u64::from(failed > 0));
    if failed > 0 {
        put(out, u64::from(failed));
    }
}

#[inline]
fn read_count(bytes: &mut Bytes<'_>) -> Result<(u32, u32), Damaged> {
    let code = bytes.number()?;
    let count = u32::try_from(code >> 1).map_err(|_| Damaged)?;
    let failed = if code & 1 == 1 { bytes.narrow()? } else { 0 };
    Ok((count, failed))
}

#[cfg(test)]
mod tests {
    use super::super::line::{DAY_MS, Line};
    use super::super::row::SourceWord;
    use super::*;
    use crate::query::{Rcode, RecordType, Transport};

    fn day() -> Day {
        let mut day = Day::default();
        for number in 0..4000_u32 {
            let entry = if number % 7 == 0 { 1 + number % 90 } else { 0 };
            day.add(&Line {
                at_ms: DAY_MS + i64::from(number) * 20_000,
                device: DeviceId(number % 5),
                name: 1 + number * number % 700,
                entry,
                upstream: 0,
                address: None,
                kind: RecordType::A,
                rcode: if number % 50 == 0 {
                    Rcode::SERVFAIL
                } else {
                    Rcode::NOERROR
                },
                verdict: if entry > 30 {
                    VerdictWord::Block
                } else {
                    VerdictWord::Allow
                },
                source: SourceWord::Cache,
                transport: Transport::Udp,
                latency: 0,
            });
        }
        day
    }

    /// A day without what is not kept.
    fn kept(mut day: Day) -> Day {
        for (_, tally) in day.tallies.iter_mut().filter(|(key, _)| !key.is_covered()) {
            (tally.first, tally.last) = (0, 0);
        }
        day.last = day
            .tallies
            .values()
            .map(|tally| tally.last)
            .max()
            .unwrap_or(0);
        day
    }

    #[test]
    fn a_day_reads_back() {
        let stored = encode(1, &day());
        assert_eq!(decode(&stored, &mut Unpacker::new()), Ok(kept(day())));
    }

    #[test]
    fn a_day_as_it_was_kept_before_reads_back() {
        let stored = StoredDay {
            day: 1,
            data: old_day::encode(&day()),
            ..StoredDay::default()
        };
        assert_eq!(decode(&stored, &mut Unpacker::new()), Ok(day()));
    }

    #[test]
    fn the_names_of_all_devices_are_those_of_each_together() {
        let stored = encode(1, &day());
        let mut unpacker = Unpacker::new();
        let mut all = BTreeMap::<u32, (u32, u32)>::new();
        names(&stored.names, &mut unpacker, |sum| {
            all.insert(sum.name, (sum.count, sum.failed));
        })
        .unwrap();
        let devices = ByDevice::open(&stored.data, &mut unpacker).unwrap();
        for place in 0..devices.list().count() {
            devices
                .names(place, &mut unpacker, |sum| {
                    let left = all.get_mut(&sum.name).unwrap();
                    *left = (left.0 - sum.count, left.1 - sum.failed);
                })
                .unwrap();
        }
        assert!(all.values().all(|left| *left == (0, 0)));
    }

    #[test]
    fn a_cut_part_is_damage() {
        let stored = encode(1, &day());
        let mut unpacker = Unpacker::new();
        let cut = &stored.covered[..stored.covered.len() - 1];
        assert_eq!(covered(cut, &mut unpacker, |_, _| {}), Err(Damaged));
        assert_eq!(names(&[], &mut unpacker, |_| {}), Err(Damaged));
    }
}
