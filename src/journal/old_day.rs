//! The sums of a day as they were kept before: one blob of all, sorted by name. Only read; the
//! writer puts such days into [`super::parts`].

use std::borrow::Cow;

use super::blob::{Blob, Unpacker};
use super::bytes::{Bytes, Damaged};
use super::day::{Day, Tally};
use super::line::{Key, decision};
use super::parts;
use crate::query::DeviceId;

const VERSION: u8 = 1;

/// The place of the hours, behind names, verdicts, devices, counts, failed, first, last.
const HOURS: usize = 7;

/// Reads the sums of a day.
pub(super) fn decode(blob: &[u8], unpacker: &mut Unpacker) -> Result<Day, Damaged> {
    let blob = Blob::open(VERSION, blob)?;
    let mut day = Day::default();
    tallies(&blob, unpacker, &mut day)?;
    let hours = blob.column(HOURS, unpacker)?;
    for (device, hours) in parts::read_hours(&hours)? {
        day.hours.insert(device, Box::new(hours));
    }
    Ok(day)
}

fn tallies(blob: &Blob<'_>, unpacker: &mut Unpacker, day: &mut Day) -> Result<(), Damaged> {
    let mut columns = [const { Cow::Owned(Vec::new()) }; HOURS];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = blob.column(place, unpacker)?;
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
        let key = Key {
            name,
            entry,
            verdict,
            device,
        };
        day.add_tally(key, tally);
    }
    for column in [verdicts, devices, counts, failed, first, last] {
        column.end()?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) fn encode(day: &Day) -> Vec<u8> {
    use super::bytes::put;
    use super::line::decision_code;

    let mut tallies: Vec<(Key, Tally)> = day.tallies.iter().map(|(k, t)| (*k, *t)).collect();
    tallies.sort_unstable_by_key(|(key, _)| *key);
    let mut columns = [const { Vec::new() }; HOURS + 1];
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
    *hours = parts::put_hours(day);
    super::blob::pack(VERSION, &columns)
}
