//! Whole replies of an upstream: what an honest one knows, and what a scenario writes.

use squelch::query::RecordType;

use super::file::Written;
use super::forge::{Changes, code_of};
use super::record::records_of;
use super::upstream::{Desk, Seen};
use super::wire::{self, Record};

/// Answer, authority and additional.
pub type Sections = [Vec<Record>; 3];

/// The reply that a scenario writes record by record.
pub fn written(written: &Written, seen: &Seen, changes: &Changes) -> Vec<u8> {
    let code = written
        .rcode
        .as_deref()
        .map_or(0, |text| code_of(text).unwrap());
    let sections = [&written.answer, &written.authority, &written.additional];
    message(
        seen,
        (code, sections.map(|lines| records_of(lines))),
        changes,
    )
}

/// What an honest upstream knows of it: the chain of aliases, or nothing, with an SOA.
pub fn honest(desk: &Desk, seen: &Seen, changes: &Changes) -> Vec<u8> {
    let kind = RecordType(seen.kind());
    let is_signed = seen
        .message
        .opt
        .as_ref()
        .is_some_and(|opt| opt.flags & 0x8000 != 0);
    let mut name = seen.name().to_ascii_lowercase();
    let mut answers: Vec<Record> = Vec::new();
    for _ in 0..300 {
        let here = found(&desk.records, &name);
        let of_kind = |kind: RecordType| {
            let covers = move |record: &&Record| {
                record.kind == kind
                    || is_signed
                        && record.kind == RecordType::RRSIG
                        && record.data.starts_with(&kind.0.to_be_bytes())
            };
            here.iter().filter(covers).cloned()
        };
        let has = |kind| here.iter().any(|record| record.kind == kind);
        if has(kind) {
            answers.extend(of_kind(kind));
            return message(seen, (0, [answers, vec![], vec![]]), changes);
        }
        if !has(RecordType::CNAME) {
            let is_there = desk
                .records
                .iter()
                .any(|record| is_below(&record.name, &name));
            let code = if is_there || !here.is_empty() { 0 } else { 3 };
            let authority = vec![soa(&desk.records, &name)];
            return message(seen, (code, [answers, authority, vec![]]), changes);
        }
        if answers.iter().any(|record| record.name == name) {
            break;
        }
        answers.extend(of_kind(RecordType::CNAME));
        // Its signature may stand behind it.
        let mut aliases = answers.iter().rev();
        let alias = aliases.find(|record| record.kind == RecordType::CNAME);
        name = alias.unwrap().data.to_ascii_lowercase();
    }
    message(seen, (0, [answers, vec![], vec![]]), changes)
}

/// The records of a name, or those of `*` above it.
fn found(records: &[Record], name: &[u8]) -> Vec<Record> {
    let of = |wanted: &[u8]| {
        let same = records
            .iter()
            .filter(|record| record.name.eq_ignore_ascii_case(wanted));
        same.cloned().collect::<Vec<_>>()
    };
    let own = of(name);
    let parent = &name[(1 + usize::from(name[0])).min(name.len() - 1)..];
    let starred = [b"\x01*", parent].concat();
    if !own.is_empty() || name == [0] {
        return own;
    }
    let named = of(&starred).into_iter().map(|record| Record {
        name: name.into(),
        ..record
    });
    named.collect()
}

fn is_below(name: &[u8], parent: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.len() > parent.len() && name.ends_with(parent)
}

/// The SOA of the zone, or that of its last label: 60 s for what is not there.
fn soa(records: &[Record], name: &[u8]) -> Record {
    let own = records.iter().find(|record| {
        record.kind == RecordType::SOA && name.ends_with(&record.name.to_ascii_lowercase())
    });
    own.cloned().unwrap_or_else(|| {
        let mut rest = name;
        while rest[0] > 0 && rest[1 + usize::from(rest[0])] > 0 {
            rest = &rest[1 + usize::from(rest[0])..];
        }
        let zone = wire::text_of(rest);
        let line = format!("{zone} 60 SOA ns.example host.example 1 1800 900 604800 60");
        records_of(&[line]).remove(0)
    })
}

/// A whole reply; over UDP it is cut to the question where the query does not take as much.
pub fn message(seen: &Seen, (code, sections): (u16, Sections), changes: &Changes) -> Vec<u8> {
    let query = &seen.message;
    let mut flags = 0x8080 | query.flags & 0x0110 | code;
    flags = (flags | changes.flags_on) & !changes.flags_off;
    let mut spelled = query.questions[0].clone();
    if changes.respelled {
        spelled.0.make_ascii_lowercase();
    }
    let (name, kind, class) = spelled;
    let opt = query.opt.as_ref().filter(|_| !changes.has_no_opt);
    let build = |flags: u16, sections: &Sections| {
        let mut counts = [1, 0, 0, 0];
        for (count, section) in counts[1..].iter_mut().zip(sections) {
            *count = u16::try_from(section.len()).unwrap();
        }
        counts[3] += u16::from(opt.is_some());
        let mut bytes: Vec<u8> = [query.id, flags]
            .into_iter()
            .chain(counts)
            .flat_map(u16::to_be_bytes)
            .collect();
        bytes.extend(&name);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(class.to_be_bytes());
        for record in sections.iter().flatten() {
            wire::write(record, &name, &mut bytes);
        }
        if let Some(opt) = opt {
            let [high, low] = (opt.flags & 0x8000).to_be_bytes();
            bytes.extend([0, 0, 41, 0x04, 0xd0, 0, 0, high, low]);
            bytes.extend(u16::try_from(changes.options.len()).unwrap().to_be_bytes());
            bytes.extend(&changes.options);
        }
        bytes.extend(&changes.tail);
        bytes
    };
    let whole = build(flags, &sections);
    let limit = query
        .opt
        .as_ref()
        .map_or(512, |opt| usize::from(opt.size.max(512)));
    if seen.is_tcp || whole.len() <= limit {
        return whole;
    }
    build(flags | 0x0200, &Sections::default())
}
