//! All records of our own, ready to be looked up: made whole, swapped whole.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::Found;
use super::record::Record;
use super::reverse::reverse_name;
use crate::query::{AnswerBuf, Name, Query, Rcode, RecordType, Section};

/// A name that is another name leads to a third at most this often at once.
const MAX_ALIASES: usize = 8;
/// How long a device may keep that there is nothing.
const NOTHING_TTL: u32 = 60;

/// All records of our own.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    names: Nodes,
    /// By the name behind the star.
    wildcards: Nodes,
    /// Names that have none, but names with records below them.
    parents: HashSet<Box<[u8]>>,
}

type Nodes = HashMap<Box<[u8]>, Vec<Set>>;

/// The records of one name and one type.
#[derive(Clone, Debug)]
struct Set {
    kind: RecordType,
    ttl: u32,
    data: Vec<Box<[u8]>>,
    /// Which of the sources it comes from.
    source: usize,
}

impl Table {
    /// The records of several sources. Where two have records of one name and type, the first has
    /// its way; addresses get the PTR records that nobody gave.
    ///
    /// A name without a dot counts below `domain`, too.
    pub(super) fn new(domain: &Name, sources: &[Vec<Record>]) -> Self {
        let mut table = Self::default();
        for (source, records) in sources.iter().enumerate() {
            for record in records {
                if let Some(name) = below(domain, &record.name) {
                    table.add(record, name, source);
                }
                table.add(record, record.name, source);
            }
        }
        for (source, records) in sources.iter().enumerate() {
            for record in records.iter().filter(|record| !record.is_wildcard) {
                table.add_reverse(domain, record, source);
            }
        }
        table
    }

    fn add(&mut self, record: &Record, name: Name, source: usize) {
        // RFC 4592 §2.2.2: the star stands below its name, which is there, too.
        let mut above = if record.is_wildcard {
            Some(name)
        } else {
            name.parent()
        };
        while let Some(parent) = above.filter(|parent| !parent.is_root()) {
            self.parents.insert(parent.as_wire().into());
            above = parent.parent();
        }
        let nodes = if record.is_wildcard {
            &mut self.wildcards
        } else {
            &mut self.names
        };
        let sets = nodes.entry(name.as_wire().into()).or_default();
        // RFC 1034 §3.6.2: an alias has no other records; who came first has its way.
        let is_alias = record.kind == RecordType::CNAME;
        let clashes = |set: &Set| (set.kind == RecordType::CNAME) != is_alias;
        if sets.iter().any(clashes) {
            return;
        }
        match sets.iter_mut().find(|set| set.kind == record.kind) {
            None => sets.push(Set {
                kind: record.kind,
                ttl: record.ttl,
                data: vec![record.data.clone()],
                source,
            }),
            Some(set) if is_alias || set.source != source => {}
            Some(set) => {
                // RFC 2181 §5.2: the TTLs of a set are one.
                set.ttl = set.ttl.min(record.ttl);
                if !set.data.contains(&record.data) {
                    set.data.push(record.data.clone());
                }
            }
        }
    }

    fn add_reverse(&mut self, domain: &Name, record: &Record, source: usize) {
        let Some(address) = record.to_address().filter(|address| is_of_one(*address)) else {
            return;
        };
        let owner = reverse_name(address);
        if self.names.contains_key(owner.as_wire()) {
            return;
        }
        let target = below(domain, &record.name).unwrap_or(record.name);
        let ptr = Record {
            name: owner,
            is_wildcard: false,
            kind: RecordType::PTR,
            ttl: record.ttl,
            data: target.as_wire().into(),
        };
        self.add(&ptr, owner, source);
    }

    /// Whether there is a record for `name` (lower-cased), of whatever type.
    pub(super) fn covers(&self, name: &Name) -> bool {
        self.find(name).is_some()
    }

    /// Whether the name has this very record.
    pub(super) fn gives(&self, record: &Record) -> bool {
        let nodes = if record.is_wildcard {
            &self.wildcards
        } else {
            &self.names
        };
        let sets = nodes.get(record.name.as_wire());
        let set = sets.and_then(|sets| kind(sets, record.kind));
        set.is_some_and(|set| set.data.contains(&record.data))
    }

    /// Whether `name` (lower-cased) has none, and a name below it does.
    pub(super) fn is_parent(&self, name: &Name) -> bool {
        self.parents.contains(name.as_wire())
    }

    /// Where an alias leads, if the name is one and not asked for itself.
    pub(super) fn alias(&self, query: &Query) -> Option<(Name, u32)> {
        let alias = kind(self.find(&query.name)?, RecordType::CNAME)?;
        let target = Name::from_wire(alias.data.first()?).ok()?;
        (query.kind != RecordType::CNAME).then(|| (target.to_lowercase(), alias.ttl))
    }

    fn find(&self, name: &Name) -> Option<&[Set]> {
        if let Some(sets) = self.names.get(name.as_wire()) {
            return Some(sets);
        }
        if self.wildcards.is_empty() {
            return None;
        }
        let mut rest = name.as_wire();
        loop {
            let (&length, after) = rest.split_first()?;
            rest = after.get(usize::from(length)..).filter(|_| length > 0)?;
            if let Some(sets) = self.wildcards.get(rest) {
                return Some(sets);
            }
        }
    }

    /// Writes the answer, without its end, if the name is ours.
    pub(super) fn write(&self, query: &Query, out: &mut AnswerBuf) -> Found {
        let Some(mut sets) = self.find(&query.name) else {
            return Found::Nothing;
        };
        out.begin(query, Rcode::NOERROR);
        // The name asked has its place in the question; those that it leads to are written out.
        let mut owner = None;
        for _ in 0..MAX_ALIASES {
            if let Some(set) = kind(sets, query.kind) {
                for data in &set.data {
                    out.record_of(owner.as_ref(), (Section::Answer, set.kind), set.ttl, data);
                }
                return Found::Written;
            }
            let alias =
                kind(sets, RecordType::CNAME).and_then(|set| Some((set, set.data.first()?)));
            let Some((set, data)) = alias else {
                out.negative_soa_of(owner.as_ref(), NOTHING_TTL);
                return Found::Written;
            };
            let target = Name::from_wire(data).unwrap_or(Name::ROOT).to_lowercase();
            let Some(next) = self.find(&target) else {
                return Found::Leads;
            };
            out.record_of(owner.as_ref(), (Section::Answer, set.kind), set.ttl, data);
            (sets, owner) = (next, Some(target));
        }
        out.begin(query, Rcode::SERVFAIL);
        Found::Written
    }
}

fn kind(sets: &[Set], kind: RecordType) -> Option<&Set> {
    sets.iter().find(|set| set.kind == kind)
}

/// A name without a dot, below the home's domain.
pub(super) fn below(domain: &Name, name: &Name) -> Option<Name> {
    let is_single = name.labels().count() == 1;
    let wire = name.as_wire().strip_suffix(&[0]).filter(|_| is_single)?;
    Name::from_wire(&[wire, domain.as_wire()].concat()).ok()
}

/// Whether an address is somebody's: not nobody's, and not everybody's own.
fn is_of_one(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
}

#[cfg(test)]
mod tests;
