//! P15, P17, P18 and P20: how much a name takes along.

use super::super::finding::Code;
use super::super::format::{Confidence, Scope};
use super::super::never::NeverBlock;
use super::super::{Action, Entry};
use super::{Linted, Notes, watermark};

pub(super) fn check(one: &Linted, never: &NeverBlock, notes: &mut Notes) {
    for entry in one.names() {
        let faults = [
            (Code::P15, watermark_fault(entry)),
            (Code::P17, suffix_fault(entry)),
            (Code::P18, whole_domain_fault(one, entry)),
            (Code::P20, never_fault(entry, never)),
        ];
        for (code, fault) in faults {
            if let Some(fault) = fault {
                notes.add(code, one, entry.line, format!("`{}` {fault}", entry.domain));
            }
        }
    }
}

fn watermark_fault(entry: &Entry) -> Option<String> {
    let label = watermark::find(&entry.domain)?;
    Some(format!(
        "has the label `{label}`: a name that a list project made up to find copies; drop it"
    ))
}

fn suffix_fault(entry: &Entry) -> Option<String> {
    if entry.action == Action::Allow {
        return None;
    }
    let suffix = psl::suffix(entry.domain.as_bytes())?;
    (suffix.is_known() && suffix.as_bytes() == entry.domain.as_bytes())
        .then(|| "is a public suffix: strangers have names below it; name one of those".to_owned())
}

fn whole_domain_fault(one: &Linted, entry: &Entry) -> Option<String> {
    let is_blocked = matches!(entry.action, Action::Block { .. });
    if !is_blocked || entry.scope == Scope::Exact || entry.confidence < Confidence::E {
        return None;
    }
    let registrable = psl::domain(entry.domain.as_bytes());
    let is_whole = registrable.is_some_and(|whole| whole.as_bytes() == entry.domain.as_bytes());
    let owned = &one.written.owner_domains;
    let is_owners = owned.iter().any(|domain| *domain.value == *entry.domain);
    (is_whole || is_owners).then(|| {
        "is a whole domain, blocked on one or two lists only; find evidence or a third list, or \
         block names below it"
            .to_owned()
    })
}

fn never_fault(entry: &Entry, never: &NeverBlock) -> Option<String> {
    let Action::Block { .. } = entry.action else {
        return None;
    };
    let hit = never.hit_by(&entry.domain, entry.scope)?;
    Some(format!(
        "would block `{}`, which never-block.toml forbids: {}",
        hit.domain, hit.why
    ))
}
