//! An entry in force that covers a name, wherever it stands: in a pack, a list, or among people's
//! own rules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::explanation::Step;
use crate::lists::SCHEDULE;
use crate::policy::RuleInfo;
use crate::query::VerdictWord;

/// An entry in force that covers a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Covering {
    /// Where it stands: `pack:xiaomi`, `list:ads`, `rule`, `schedule`.
    pub origin: String,
    /// What it covers: `=name` the name alone, `name` all below it too; a pattern as it is written.
    pub entry: String,
    /// What it does as set.
    pub action: VerdictWord,
    /// Its line, for entries of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What it answers, beside what the config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

impl Covering {
    /// An entry that the policy found.
    pub(super) fn of(rule: &RuleInfo) -> Self {
        Self {
            origin: rule.label.origin.clone(),
            entry: rule.label.entry.clone(),
            action: rule.action,
            line: rule.label.origin.starts_with("list:").then_some(rule.entry),
            says: rule.says.clone(),
        }
    }

    /// Whether it stands in a pack, which tells more of it.
    pub(super) fn is_of_pack(&self) -> bool {
        self.origin.starts_with("pack:")
    }

    /// Where it stands, in words: `list ads, line 12`.
    pub fn place(&self) -> String {
        let place = match self.origin.split_once(':') {
            Some(("list", name)) => format!("list {name}"),
            Some(("pack", id)) => format!("pack {id}"),
            None if self.origin == SCHEDULE => "a schedule of the group".to_owned(),
            _ => "your own rules".to_owned(),
        };
        match self.line {
            Some(line) => format!("{place}, line {line}"),
            None => place,
        }
    }

    /// What became of it on the way to the decision.
    pub(super) fn step(&self, is_decided: bool) -> Step {
        let action = match &self.says {
            Some(says) => format!("{} ({says})", self.action.as_str()),
            None => self.action.as_str().to_owned(),
        };
        Step {
            step: format!("{}: {}", self.place(), self.entry),
            result: if is_decided {
                format!("covers the name, and decides: {action}")
            } else {
                format!("covers the name too, and says: {action}")
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::EntryLabel;

    fn covering(origin: &str) -> Covering {
        Covering::of(&RuleInfo {
            label: EntryLabel {
                origin: origin.to_owned(),
                entry: "ads.example".to_owned(),
            },
            action: VerdictWord::Block,
            entry: 12,
            says: None,
        })
    }

    #[test]
    fn only_entries_of_lists_have_a_line_to_look_up() {
        assert_eq!(covering("list:my: ads").place(), "list my: ads, line 12");
        assert_eq!(covering("pack:acme").place(), "pack acme");
        assert_eq!(covering("rule").place(), "your own rules");
    }

    #[test]
    fn a_step_tells_which_entry_decided() {
        let step = covering("list:ads").step(true);
        assert_eq!(step.step, "list ads, line 12: ads.example");
        assert_eq!(step.result, "covers the name, and decides: block");
        assert!(covering("rule").step(false).result.contains("too"));
    }
}
