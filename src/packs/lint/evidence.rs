//! P10 to P13 and P23: what an entry rests on, and how far that carries.

use std::collections::{BTreeMap, BTreeSet};

use super::super::finding::Code;
use super::super::format::{Confidence, Level, Severity};
use super::super::{Action, Entry};
use super::{Linted, Notes};

/// P23: the largest share of a pack's blocks, in percent, that one family may carry alone.
const LARGEST_SHARE: usize = 60;

pub(super) fn check(one: &Linted, notes: &mut Notes) {
    for entry in one.families() {
        let faults = [
            (Code::P10, foundation_fault(entry)),
            (Code::P11, purpose_fault(entry)),
            (Code::P12, level_fault(entry)),
            (Code::P13, breakage_fault(entry)),
        ];
        for (code, fault) in faults {
            if let Some(fault) = fault {
                notes.add(
                    code,
                    one,
                    entry.line,
                    format!("`{}` {fault}", entry.written()),
                );
            }
        }
    }
    check_shares(one, notes);
}

fn foundation_fault(entry: &Entry) -> Option<String> {
    (entry.evidence.is_empty() && entry.lists.is_empty())
        .then(|| "has neither evidence nor a list; say who knows of it".to_owned())
}

fn purpose_fault(entry: &Entry) -> Option<String> {
    let Action::Block { .. } = entry.action else {
        return None;
    };
    let purpose = entry.purposes.iter().find(|purpose| !purpose.may_block)?;
    Some(format!(
        "is blocked, but its purpose `{}` ({}) may not be; make it watch or allow",
        purpose.id, purpose.text
    ))
}

fn level_fault(entry: &Entry) -> Option<String> {
    let Action::Block { level } = entry.action else {
        return None;
    };
    let (weakest, right) = match level {
        Level::Safe => (Confidence::B, "needs A or B"),
        Level::Standard => (Confidence::D, "needs D or better"),
        Level::Strict => return None,
    };
    (entry.confidence > weakest).then(|| {
        format!(
            "is blocked at level {}, which {right}, but its confidence is {} ({})",
            level.as_str(),
            entry.confidence.as_str(),
            entry.confidence.text()
        )
    })
}

fn breakage_fault(entry: &Entry) -> Option<String> {
    let mut breaks = entry.breaks.iter();
    match entry.action {
        Action::Allow => {
            let says = |severity| {
                matches!(
                    severity,
                    Severity::Cosmetic | Severity::Feature | Severity::Device
                )
            };
            (!breaks.any(|one| says(one.severity))).then(|| {
                "is allowed without a reason; say what would break, with severity cosmetic, \
                 feature or device"
                    .to_owned()
            })
        }
        Action::Watch => None,
        Action::Block { level } => breaks
            .find_map(|one| match one.severity {
                Severity::Device => Some("would stop the device; make it watch or allow"),
                Severity::Feature if level == Level::Safe && !one.disputed => {
                    Some("stops a function, so it is not safe; use standard or strict")
                }
                _ => None,
            })
            .map(str::to_owned),
    }
}

fn check_shares(one: &Linted, notes: &mut Notes) {
    let mut blocks = 0;
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in one.names() {
        if !matches!(entry.action, Action::Block { .. }) {
            continue;
        }
        blocks += 1;
        if let Some(family) = only_family(entry) {
            *alone.entry(family).or_default() += 1;
        }
    }
    for (family, count) in alone {
        if count * 100 > blocks * LARGEST_SHARE {
            let message = format!(
                "{count} of {blocks} blocked names rest on the lists of `{family}` alone; at most \
                 {LARGEST_SHARE} % may: find evidence or other lists, or drop the weakest"
            );
            notes.add(Code::P23, one, one.written.line, message);
        }
    }
}

/// The family of lists on which an entry rests, if there is nothing else.
fn only_family(entry: &Entry) -> Option<&str> {
    let families: BTreeSet<&str> = entry.lists.iter().map(|list| &*list.family).collect();
    let family = families.first().copied();
    family.filter(|_| entry.evidence.is_empty() && families.len() == 1)
}
