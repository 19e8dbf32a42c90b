//! The sums of a day as a blob of columns, sorted by name.

use std::borrow::Cow;

use super::blob::{Blob, Unpacker, pack};
use super::bytes::{Bytes, Damaged, put};
use super::day::{Day, Hours, Tally};
use super::line::{Key, decision, decision_code};
use crate::query::DeviceId;

const VERSION: u8 = 1;

/// Names, verdicts, devices, counts, failed, first, last; then the hours.
const COLUMNS: usize = 8;

/// Packs the sums of a day.
pub(super) fn encode(day: &Day) -> Vec<u8> {
    let mut tallies: Vec<(Key, Tally)> = day.tallies.iter().map(|(k, t)| (*k, *t)).collect();
    tallies.sort_unstable_by_key(|(key, _)| *key);
    let mut columns = [const { Vec::new() }; COLUMNS];
    let [names, verdicts, devices, counts, failed, first, last, hours] = &mut columns;
    let (mut name, mut verdict) = (0, None);
    for (key, tally) in tallies {
        put(names, u64::from(key.name - name));
        name = key.name;
        // 0 is the verdict and the entry of the sum before.
        let code = 1 + decision_code(key.verdict, key.entry);
        let same = verdict.replace(code) == Some(code);
        put(verdicts, if same { 0 } else { code });
        put(devices, u64::from(key.device.0));
        put(counts, u64::from(tally.count));
        put(failed, u64::from(tally.failed));
        put(first, u64::from(tally.first));
        put(last, u64::from(tally.last.saturating_sub(tally.first)));
    }
    put_hours(hours, day);
    pack(VERSION, &columns)
}

fn put_hours(out: &mut Vec<u8>, day: &Day) {
    let mut devices: Vec<_> = day.hours.iter().collect();
    devices.sort_unstable_by_key(|(device, _)| **device);
    for (device, hours) in devices {
        put(out, u64::from(*device));
        for count in hours.as_flattened() {
            put(out, u64::from(*count));
        }
    }
}

/// A day's blob whose sums can be read.
pub(super) struct DayBlob<'a>(Blob<'a, COLUMNS>);

impl<'a> DayBlob<'a> {
    /// Opens a blob.
    pub(super) fn open(blob: &'a [u8]) -> Result<Self, Damaged> {
        Blob::open(VERSION, blob).map(Self)
    }

    /// All sums.
    pub(super) fn tallies(&self, unpacker: &mut Unpacker) -> Result<Vec<(Key, Tally)>, Damaged> {
        let mut columns = [const { Cow::Owned(Vec::new()) }; COLUMNS - 1];
        for (place, column) in columns.iter_mut().enumerate() {
            *column = self.0.column(place, unpacker)?;
        }
        let [
            mut names,
            mut verdicts,
            mut devices,
            mut counts,
            mut failed,
            mut first,
            mut last,
        ] = columns.each_ref().map(|column| Bytes(column));
        let mut tallies = Vec::with_capacity(names.0.len());
        let (mut name, mut verdict) = (0_u32, None);
        while !names.0.is_empty() {
            name = name.checked_add(names.narrow()?).ok_or(Damaged)?;
            if let Some(code) = verdicts.number()?.checked_sub(1) {
                verdict = Some(decision(code)?);
            }
            let (verdict, entry) = verdict.ok_or(Damaged)?;
            let device = DeviceId(devices.narrow()?);
            let since = first.narrow::<u32>()?;
            let tally = Tally {
                count: counts.narrow()?,
                failed: failed.narrow()?,
                first: since,
                last: since.checked_add(last.narrow()?).ok_or(Damaged)?,
            };
            tallies.push((
                Key {
                    name,
                    entry,
                    verdict,
                    device,
                },
                tally,
            ));
        }
        for column in [verdicts, devices, counts, failed, first, last] {
            column.end()?;
        }
        Ok(tallies)
    }

    /// The counts of each device's hours.
    pub(super) fn hours(&self, unpacker: &mut Unpacker) -> Result<Vec<(u32, Hours)>, Damaged> {
        let column = self.0.column(COLUMNS - 1, unpacker)?;
        let mut bytes = Bytes(&column);
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

    /// The day with all its sums.
    pub(super) fn day(&self, unpacker: &mut Unpacker) -> Result<Day, Damaged> {
        let mut day = Day::default();
        for (key, tally) in self.tallies(unpacker)? {
            day.add_tally(key, tally);
        }
        for (device, hours) in self.hours(unpacker)? {
            day.hours.insert(device, Box::new(hours));
        }
        Ok(day)
    }
}
