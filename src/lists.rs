//! From what is known of names to the rules that are in force.
//!
//! Packs are the first source: each of their entries becomes a rule, or none, by what people
//! chose for the pack and by the level of evidence that they want. Lists of others are read by
//! [`parse`], each dialect in its file, and all come down to one [`crate::matcher::rule::Rule`].

mod adblock;
mod dnsmasq;
mod domains;
mod format;
mod found;
mod hostname;
mod hosts;
mod linear;
mod own;
mod pihole;
mod plain;
mod read;
mod rpz;

mod unbound;
mod wildcard;

pub use format::{Decision, Format};
pub use found::{Counts, Problem, Role, Skip};
pub use own::{own_rule, own_rules};
pub use read::{List, Reading, Report, parse, read};

use std::collections::HashMap;

use crate::config::{Level, PackAction};
use crate::matcher::{Action, Matcher, Rule, Scope};
use crate::packs::{self, Effective, Entry, Pack, Packs};
use crate::{config, query::Name};

/// Compiles the packs into rules, as the config chooses. `seed` should be random.
pub fn compile(packs: &Packs, choices: &config::Packs, seed: u64) -> Matcher {
    let mut rules = Vec::new();
    let mut reasons = Reasons::default();
    for (pack, origin) in packs.packs().iter().zip(0_u16..) {
        for (entry, index) in pack.entries.iter().zip(0_u32..) {
            let (Some(action), Ok(name)) = (
                action(effective(pack, entry, choices)),
                entry.domain.parse::<Name>(),
            ) else {
                continue;
            };
            let reason = if action == Action::Block {
                reasons.add(packs::reason(pack, entry))
            } else {
                0
            };
            rules.push(Rule {
                name,
                scope: scope(entry.scope),
                action,
                origin,
                entry: index,
                reason,
            });
        }
    }
    let origins = packs
        .packs()
        .iter()
        .map(|pack| format!("pack:{}", pack.id))
        .collect();
    Matcher::compile(&rules, origins, reasons.texts, seed)
}

/// What an entry comes to with people's choice for its pack: a `block` of a pack that only watches
/// is a `watch`, and one above the chosen level counts as not there.
pub fn effective(pack: &Pack, entry: &Entry, choices: &config::Packs) -> Effective {
    let (choice, level) = choices.choice(&pack.id);
    if choice == PackAction::Off || entry.retired.is_some() {
        return Effective::Off;
    }
    match entry.action {
        packs::Action::Allow => Effective::Allow,
        packs::Action::Block { level: needed } if to_config(needed) > level => Effective::Off,
        packs::Action::Block { .. } if choice == PackAction::Block => Effective::Block,
        packs::Action::Watch | packs::Action::Block { .. } => Effective::Watch,
    }
}

/// Texts that many rules share.
#[derive(Default)]
struct Reasons {
    texts: Vec<String>,
    known: HashMap<String, u16>,
}

impl Reasons {
    fn add(&mut self, text: String) -> u16 {
        if let Some(&known) = self.known.get(&text) {
            return known;
        }
        // Beyond 65,535 different reasons the first has to do; packs have a few hundred.
        let index = u16::try_from(self.texts.len()).unwrap_or(0);
        self.texts.push(text.clone());
        self.known.insert(text, index);
        index
    }
}

fn action(effective: Effective) -> Option<Action> {
    match effective {
        Effective::Allow => Some(Action::Allow),
        Effective::Watch => Some(Action::Watch),
        Effective::Block => Some(Action::Block),
        Effective::Off => None,
    }
}

fn scope(scope: packs::Scope) -> Scope {
    match scope {
        packs::Scope::Exact => Scope::Exact,
        packs::Scope::Subtree => Scope::Subtree,
    }
}

fn to_config(level: packs::Level) -> Level {
    match level {
        packs::Level::Safe => Level::Safe,
        packs::Level::Standard => Level::Standard,
        packs::Level::Strict => Level::Strict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rules: &Matcher, wanted: Action) -> usize {
        (0..)
            .map_while(|index| rules.rule(index))
            .filter(|rule| rule.action() == wanted)
            .count()
    }

    fn choices(default: PackAction, level: Level) -> config::Packs {
        config::Packs {
            default,
            level,
            ..config::Packs::default()
        }
    }

    #[test]
    fn each_level_blocks_what_the_one_before_blocks_and_more() {
        let packs = Packs::builtin().unwrap();
        let blocked = [Level::Safe, Level::Standard, Level::Strict].map(|level| {
            count(
                &compile(&packs, &choices(PackAction::Block, level), 1),
                Action::Block,
            )
        });
        assert!(
            blocked.is_sorted() && blocked[0] > 0 && blocked[0] < blocked[2],
            "{blocked:?}"
        );
    }

    #[test]
    fn a_pack_that_only_watches_blocks_nothing_and_one_that_is_off_is_not_there() {
        let packs = Packs::builtin().unwrap();
        let watching = compile(&packs, &choices(PackAction::Watch, Level::Strict), 1);
        assert_eq!(count(&watching, Action::Block), 0);
        assert!(count(&watching, Action::Watch) > 3000);
        assert!(compile(&packs, &choices(PackAction::Off, Level::Strict), 1).is_empty());
    }
}
