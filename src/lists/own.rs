//! People's own rules: a line of adblock syntax each, with what it does beside it.

use super::format::Format;
use super::found::{Role, Skip};
use super::read::{Reading, parse};
use crate::config::{Config, ConfigProblems, ListAction};
use crate::matcher::rule::{Action, Asker, Rule};

/// Understands the text of a rule; `devices` names those that it counts for, nobody = all.
pub fn own_rule(text: &str, action: ListAction, devices: &[String]) -> Result<Rule, String> {
    if text.contains(['\n', '\r']) {
        return Err("write one rule, on one line".to_owned());
    }
    let list = parse(
        text.as_bytes(),
        Reading {
            format: Some(Format::Adblock),
            role: Role::from(action),
        },
    );
    if let Some(problem) = list.report.problems.into_iter().next() {
        return Err(problem.reason);
    }
    let is_cosmetic = list.report.counts.skipped.contains_key(&Skip::Cosmetic);
    let mut rules = list.rules.into_iter();
    let mut rule = match (rules.next(), rules.next()) {
        (Some(rule), None) => rule,
        (Some(_), Some(_)) => return Err("this is more than one rule: write one each".to_owned()),
        (None, _) if is_cosmetic => {
            return Err("this is a rule for what a page shows, not for names".to_owned());
        }
        (None, _) => return Err("this is no rule".to_owned()),
    };
    if rule.action == Action::Allow && action != ListAction::Allow {
        return Err("@@ makes it an exception: set the action to \"allow\" instead".to_owned());
    }
    if rule.cancels {
        return Err("$badfilter cancels rules of lists; a rule of your own just wins".to_owned());
    }
    let names = devices.iter().map(|name| Asker::Name(name.as_str().into()));
    rule.limits.devices.only.extend(names);
    Ok(rule)
}

/// The rules of the config in its order, or every text that is none.
pub fn own_rules(config: &Config) -> Result<Vec<Rule>, ConfigProblems> {
    let (mut rules, mut problems) = (Vec::new(), Vec::new());
    for rule in &config.rules {
        let devices = rule.devices.as_deref().unwrap_or_default();
        match own_rule(&rule.text, rule.action, devices) {
            Ok(understood) => rules.push(understood),
            Err(reason) => problems.push(rule.refused(&reason)),
        }
    }
    if problems.is_empty() {
        Ok(rules)
    } else {
        Err(ConfigProblems(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, action: ListAction) -> String {
        match own_rule(text, action, &[]) {
            Ok(rule) => rule.to_string(),
            Err(reason) => format!("refused: {reason}"),
        }
    }

    #[test]
    fn a_rule_does_what_stands_beside_it() {
        use ListAction::{Allow, Block, Watch};
        let text = "||telemetry.example^";
        assert_eq!(told(text, Block), "block telemetry.example and below");
        assert_eq!(told(text, Watch), "watch telemetry.example and below");
        assert_eq!(told(text, Allow), "allow telemetry.example and below");
        assert_eq!(told("@@||a.example^", Allow), "allow a.example and below");
        assert_eq!(told("/^ads[0-9]/", Block), "block /^ads[0-9]/");
    }

    #[test]
    fn a_rule_counts_for_the_devices_that_it_names() {
        let devices = ["Kids' tablet".to_owned()];
        let rule = own_rule("||a.example^", ListAction::Block, &devices).unwrap();
        assert_eq!(
            rule.to_string(),
            "block a.example and below, only devices 'Kids' tablet'"
        );
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_reason() {
        for text in [
            "",
            "! comment",
            "||a.example^\n||b.example^",
            "a.example##.banner",
            "@@||a.example^",
            "||a.example^$badfilter",
            "||a.example^$third-party",
            "/(?=look)ahead/",
            "0.0.0.0 a.example b.example",
        ] {
            assert!(own_rule(text, ListAction::Block, &[]).is_err(), "{text:?}");
        }
    }
}
