//! What a device may reach: the verdict on a name, and why.

mod explain;

use std::sync::Arc;

pub use explain::{Explanation, RuleInfo};

use crate::matcher::{Action, Compiled, Live, Matcher};
use crate::query::{DeviceId, EntryLabel, Match, Name, RecordType, Verdict};

/// Judges names by the rules in force.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Arc<Live>,
}

impl Policy {
    /// A policy over rules that are swapped by whoever compiles them.
    pub fn new(rules: Arc<Live>) -> Self {
        Self { rules }
    }

    /// The verdict on `name` (lower-cased) for a device. All devices share one policy for now, and
    /// every type of a name is judged alike.
    pub fn judge(&self, _device: DeviceId, name: &Name, _kind: RecordType) -> Verdict {
        let rules = self.rules.load();
        match rules.find(name).next() {
            None => Verdict::Allow(None),
            Some((rule, compiled)) => verdict(&rules, rule, compiled),
        }
    }

    /// Calls `read` with the short reason of a match, as devices are told (RFC 8914 EXTRA-TEXT).
    pub fn with_reason<T>(&self, matched: Match, read: impl FnOnce(&str) -> T) -> T {
        let rules = self.rules.load();
        let current = (rules.generation() == matched.generation)
            .then(|| rules.rule(matched.rule))
            .flatten();
        read(current.map_or("", |rule| rules.reason_of(rule)))
    }

    /// A match in words that outlive the rules it points into; `None` once they are gone.
    pub fn describe(&self, matched: Match) -> Option<EntryLabel> {
        let rules = self.rules.generation(matched.generation)?;
        let rule = rules.rule(matched.rule)?;
        Some(explain::label(&rules, rule))
    }

    /// What would be decided on a name, and every entry that covers it.
    pub fn explain(&self, device: DeviceId, name: &Name, kind: RecordType) -> Explanation {
        let rules = self.rules.load();
        Explanation::new(self.judge(device, name, kind), &rules, name)
    }
}

/// Among packs the most specific entry decides: the first that is found.
fn verdict(rules: &Matcher, rule: u32, compiled: &Compiled) -> Verdict {
    let matched = Match {
        generation: rules.generation(),
        rule,
    };
    match compiled.action() {
        Action::Allow => Verdict::Allow(Some(matched)),
        Action::Watch => Verdict::Watch(matched),
        Action::Block => Verdict::Block(matched),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::{Rule, Scope};
    use crate::query::VerdictWord;

    const DEVICE: DeviceId = DeviceId(1);

    fn policy(rules: &[(&str, Action)]) -> Policy {
        let live = Arc::new(Live::default());
        let rules: Vec<Rule> = rules
            .iter()
            .zip(0..)
            .map(|(&(name, action), entry)| Rule {
                name: name.parse().unwrap(),
                scope: Scope::Subtree,
                action,
                origin: 0,
                entry,
                reason: 0,
            })
            .collect();
        live.swap(Matcher::compile(
            &rules,
            vec!["pack:one".into()],
            vec!["One: usage analytics".into()],
            1,
        ));
        Policy::new(live)
    }

    fn word(policy: &Policy, name: &str) -> VerdictWord {
        policy
            .judge(DEVICE, &name.parse().unwrap(), RecordType::A)
            .word()
    }

    #[test]
    fn the_most_specific_entry_decides() {
        let policy = policy(&[
            ("vendor.example", Action::Allow),
            ("data.vendor.example", Action::Block),
            ("account.data.vendor.example", Action::Watch),
        ]);
        assert_eq!(word(&policy, "shop.vendor.example"), VerdictWord::Allow);
        assert_eq!(word(&policy, "data.vendor.example"), VerdictWord::Block);
        assert_eq!(word(&policy, "eu.data.vendor.example"), VerdictWord::Block);
        assert_eq!(
            word(&policy, "account.data.vendor.example"),
            VerdictWord::Watch
        );
        assert_eq!(word(&policy, "notdata.example"), VerdictWord::Allow);
    }

    #[test]
    fn a_match_is_put_into_words_after_one_swap_too() {
        let policy = policy(&[("data.vendor.example", Action::Block)]);
        let name = "x.data.vendor.example".parse().unwrap();
        let matched = policy
            .judge(DEVICE, &name, RecordType::A)
            .matched()
            .unwrap();
        let label = EntryLabel {
            origin: "pack:one".into(),
            entry: "data.vendor.example".into(),
        };
        policy.with_reason(matched, |reason| assert_eq!(reason, "One: usage analytics"));
        policy.rules.swap(Matcher::default());
        assert_eq!(policy.describe(matched), Some(label));
        policy.rules.swap(Matcher::default());
        assert_eq!(policy.describe(matched), None);
    }

    #[test]
    fn an_explanation_names_every_entry_that_covers_the_name() {
        let policy = policy(&[
            ("vendor.example", Action::Allow),
            ("data.vendor.example", Action::Block),
        ]);
        let why = policy.explain(
            DEVICE,
            &"data.vendor.example".parse().unwrap(),
            RecordType::A,
        );
        assert_eq!(why.verdict, VerdictWord::Block);
        let entries: Vec<u32> = why.covering.iter().map(|rule| rule.entry).collect();
        assert_eq!(entries, [1, 0]);
    }
}
