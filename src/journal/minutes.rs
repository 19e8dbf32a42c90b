//! Counts of a block by minute, so that a chart needs no rows.

use std::collections::BTreeMap;

use super::blob::{Blob, Unpacker, pack};
use super::bytes::{Bytes, Damaged, put, put_signed};
use super::counts::Counts;
use super::line::{Line, MINUTE_MS};

const VERSION: u8 = 1;

/// Packs the counts of rows.
pub(super) fn encode(lines: &[Line]) -> Vec<u8> {
    let mut minutes = BTreeMap::<i64, Counts>::new();
    for line in lines {
        let counts = minutes.entry(line.at_ms.div_euclid(MINUTE_MS)).or_default();
        counts.add(line.verdict, 1, u64::from(line.is_failed()));
    }
    let mut column = Vec::new();
    let mut before = 0;
    for (minute, counts) in minutes {
        put_signed(&mut column, minute - before);
        for count in [counts.allow, counts.watch, counts.block, counts.failed] {
            put(&mut column, count);
        }
        before = minute;
    }
    pack(VERSION, &[column])
}

/// Reads the counts with the time at which each minute begins.
pub(super) fn decode(blob: &[u8], unpacker: &mut Unpacker) -> Result<Vec<(i64, Counts)>, Damaged> {
    let column = Blob::open(VERSION, blob)?.column(0, unpacker)?;
    let mut bytes = Bytes(&column);
    let mut minutes = Vec::new();
    let mut minute = 0_i64;
    while !bytes.0.is_empty() {
        minute = minute.checked_add(bytes.signed()?).ok_or(Damaged)?;
        let counts = Counts {
            allow: u64::from(bytes.narrow::<u32>()?),
            watch: u64::from(bytes.narrow::<u32>()?),
            block: u64::from(bytes.narrow::<u32>()?),
            failed: u64::from(bytes.narrow::<u32>()?),
        };
        minutes.push((minute.checked_mul(MINUTE_MS).ok_or(Damaged)?, counts));
    }
    Ok(minutes)
}
