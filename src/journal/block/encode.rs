//! From rows to a blob.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{COLUMNS, VERSION};
use crate::journal::blob::pack;
use crate::journal::bytes::{put, put_signed};
use crate::journal::ids::IdMap;
use crate::journal::line::{Line, decision_code};
use crate::journal::row::SourceWord;

/// Packs rows into a blob.
pub(in crate::journal) fn encode(lines: &[Line]) -> Vec<u8> {
    pack(VERSION, &columns(lines))
}

/// The same for what is left of a block, with the places that its rows had there: they keep their
/// numbers.
pub(in crate::journal) fn encode_rest(lines: &[Line], places: &[u64]) -> Vec<u8> {
    let mut gaps = Vec::with_capacity(places.len());
    let mut next = 0;
    for place in places {
        put(&mut gaps, place.saturating_sub(next));
        next = place + 1;
    }
    let mut columns = columns(lines).to_vec();
    columns.push(gaps);
    pack(VERSION, &columns)
}

fn columns(lines: &[Line]) -> [Vec<u8>; COLUMNS] {
    let (name_list, names) = names(lines);
    let (address_list, addresses) = addresses(lines);
    [
        name_list,
        times(lines),
        names,
        column(lines, |line| u64::from(line.device.0)),
        verdicts(lines),
        column(lines, |line| {
            source_number(line.source) | u64::from(line.rcode.0) << 3
        }),
        column(lines, |line| u64::from(line.kind.0)),
        upstreams(lines),
        address_list,
        addresses,
        column(lines, |line| u64::from(line.transport.number())),
        lines.iter().map(|line| line.latency).collect(),
    ]
}

fn times(lines: &[Line]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len() * 2);
    let mut before = 0;
    for line in lines {
        put_signed(&mut out, line.at_ms.wrapping_sub(before));
        before = line.at_ms;
    }
    out
}

fn names(lines: &[Line]) -> (Vec<u8>, Vec<u8>) {
    let mut counts = IdMap::<u32, u32>::default();
    for line in lines {
        *counts.entry(line.name).or_default() += 1;
    }
    let mut listed: Vec<(u32, u32)> = counts.into_iter().collect();
    listed.sort_unstable_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let mut list = Vec::new();
    put(&mut list, listed.len() as u64);
    for (name, _) in &listed {
        put(&mut list, u64::from(*name));
    }
    let places: IdMap<u32, u64> = listed.iter().map(|(name, _)| *name).zip(1..).collect();
    let mut before = None;
    let out = column(lines, |line| {
        let same = before.replace(line.name) == Some(line.name);
        if same {
            0
        } else {
            places.get(&line.name).copied().unwrap_or(0)
        }
    });
    (list, out)
}

fn verdicts(lines: &[Line]) -> Vec<u8> {
    let mut last = IdMap::<u32, u64>::default();
    column(lines, |line| {
        let code = 1 + decision_code(line.verdict, line.entry);
        let same = last.insert(line.name, code) == Some(code);
        if same { 0 } else { code }
    })
}

fn upstreams(lines: &[Line]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines
        .iter()
        .filter(|line| line.source == SourceWord::Upstream)
    {
        put(&mut out, u64::from(line.upstream));
    }
    out
}

fn addresses(lines: &[Line]) -> (Vec<u8>, Vec<u8>) {
    let mut listed = Vec::new();
    let mut places = HashMap::<IpAddr, u64>::new();
    let mut last = IdMap::<u32, Option<IpAddr>>::default();
    let out = column(lines, |line| {
        if last.insert(line.device.0, line.address) == Some(line.address) {
            return 0;
        }
        let Some(address) = line.address else {
            return 1;
        };
        let next = places.len() as u64 + 2;
        *places.entry(address).or_insert_with(|| {
            put_address(&mut listed, address);
            next
        })
    });
    (listed, out)
}

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(16);
            out.extend_from_slice(&address.octets());
        }
    }
}

fn column(lines: &[Line], mut number: impl FnMut(&Line) -> u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        put(&mut out, number(line));
    }
    out
}

fn source_number(source: SourceWord) -> u64 {
    match source {
        SourceWord::Policy => 0,
        SourceWord::Local => 1,
        SourceWord::Cache => 2,
        SourceWord::Upstream => 3,
        SourceWord::Failure => 4,
    }
}
