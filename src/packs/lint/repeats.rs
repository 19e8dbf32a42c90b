//! P19, P21 and P22: names that are there more than once, in words or in effect.

use std::collections::HashMap;

use super::super::finding::Code;
use super::super::format::Scope;
use super::super::names::self_and_parents;
use super::super::{Action, Entry, Pack};
use super::{Linted, Notes};

/// Looks at one pack by itself.
pub(super) fn check_within(one: &Linted, notes: &mut Notes) {
    for pair in one.pack.entries.windows(2) {
        let [first, second] = pair else { continue };
        if (&first.domain, first.scope) == (&second.domain, second.scope) {
            let (early, late) = (first.line.min(second.line), first.line.max(second.line));
            let message = format!("`{}` is there already, in line {early}", first.domain);
            notes.add(Code::P19, one, late, message);
        }
    }
    check_parents(one, notes);
}

/// A family is a repetition only if each of its names is.
fn check_parents(one: &Linted, notes: &mut Notes) {
    let mut families: HashMap<u32, (&Entry, Option<&Entry>)> = HashMap::new();
    for entry in one.names() {
        let parent = parent(&one.pack, entry).filter(|parent| says_nothing_new(entry, parent));
        families
            .entry(entry.line)
            .and_modify(|(_, found)| *found = found.and(parent))
            .or_insert((entry, parent));
    }
    for (entry, parent) in families.into_values() {
        let Some(parent) = parent else { continue };
        let message = format!(
            "`{}` only repeats `{}` in line {}; drop it, or add what is known of it alone",
            entry.written(),
            parent.written(),
            parent.line
        );
        notes.add(Code::P22, one, entry.line, message);
    }
}

/// The entry that would decide on this one's name if this one were not there.
fn parent<'p>(pack: &'p Pack, entry: &Entry) -> Option<&'p Entry> {
    self_and_parents(&entry.domain).find_map(|name| {
        pack.entries_of(name).iter().find(|other| {
            // Of two entries of one name, the exact one is below the subtree.
            let is_above = other.domain != entry.domain || entry.scope == Scope::Exact;
            let reaches = other.scope == Scope::Subtree && other.retired.is_none();
            reaches && is_above && other.line != entry.line
        })
    })
}

fn says_nothing_new(entry: &Entry, parent: &Entry) -> bool {
    let is_weaker = match (entry.action, parent.action) {
        (Action::Allow, Action::Allow) | (Action::Watch, Action::Watch) => true,
        (Action::Block { level }, Action::Block { level: above }) => level >= above,
        _ => false,
    };
    is_weaker
        && entry
            .evidence
            .iter()
            .all(|one| parent.evidence.contains(one))
}

/// Looks at all packs together.
pub(super) fn check_across(all: &[Linted], notes: &mut Notes) {
    let mut first_seen: HashMap<(&str, Scope), (&Linted, &Entry)> = HashMap::new();
    for one in all {
        for entry in one.names() {
            let known = first_seen
                .entry((&entry.domain, entry.scope))
                .or_insert((one, entry));
            let (other, earlier) = *known;
            let differs = entry.action.as_str() != earlier.action.as_str();
            if differs && other.pack.id != one.pack.id {
                let message = format!(
                    "`{}` is `{}` here and `{}` in {}:{}; keep it in one pack",
                    entry.domain,
                    entry.action.as_str(),
                    earlier.action.as_str(),
                    other.written.file,
                    earlier.line
                );
                notes.add(Code::P21, one, entry.line, message);
            }
        }
    }
}
