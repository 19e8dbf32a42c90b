//! A verdict in words: which entry decided, and which others cover the name.

use crate::matcher::{Action, Compiled, Matcher, Scope};
use crate::query::{EntryLabel, Name, Verdict, VerdictWord};

/// What would be done with a name, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: VerdictWord,
    /// Every entry in force that covers the name; the first decided.
    pub covering: Vec<RuleInfo>,
}

/// One entry that covers a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Where it stands, and what it covers.
    pub label: EntryLabel,
    /// What it does as set: a `block` entry of a pack that only watches is a `watch` here.
    pub action: VerdictWord,
    /// Its place in its origin: for a pack, the index of its entry.
    pub entry: u32,
}

impl Explanation {
    pub(super) fn new(verdict: Verdict, rules: &Matcher, name: &Name) -> Self {
        let covering = rules
            .find(name)
            .map(|(_, rule)| RuleInfo {
                label: label(rules, rule),
                action: word(rule.action()),
                entry: rule.entry(),
            })
            .collect();
        Self {
            verdict: verdict.word(),
            covering,
        }
    }
}

/// An entry in words: `=name` where it covers the name alone.
pub(super) fn label(rules: &Matcher, rule: &Compiled) -> EntryLabel {
    let name = Name::from_wire(rules.name_of(rule)).unwrap_or(Name::ROOT);
    let entry = match rule.scope() {
        Scope::Exact => format!("={name}"),
        Scope::Subtree => name.to_string(),
    };
    EntryLabel {
        origin: rules.origin_of(rule).to_owned(),
        entry,
    }
}

fn word(action: Action) -> VerdictWord {
    match action {
        Action::Allow => VerdictWord::Allow,
        Action::Watch => VerdictWord::Watch,
        Action::Block => VerdictWord::Block,
    }
}
