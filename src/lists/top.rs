//! The rules that stand on top of those of lists: packs, as people chose, and people's own.
//!
//! They are few and change at a click, so they are compiled in memory, in a few milliseconds.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{self, Level, PackAction};
use crate::matcher::rule::{Pattern, Rule, Sink};
use crate::matcher::{Compiled, Compiler, Matcher, Rank, Reach, Source, Want, What, compiled_with};
use crate::packs::{self, Effective, Entry, Pack, Packs};

/// The origin of what a schedule blocks.
pub const SCHEDULE: &str = "schedule";

/// A rule that people set themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRule {
    /// What it says; see [`own_rule`](super::own_rule).
    pub rule: Rule,
    /// Why, as people wrote it.
    pub comment: String,
    /// The names of the groups that it counts for; none = all.
    pub groups: Vec<String>,
    /// The place of the only schedule of its group in which it counts.
    pub schedule: Option<usize>,
}

/// Compiles packs and people's own rules. `seed` has to be that of the rules that these stand on.
pub fn top(packs: &Packs, choices: &config::Packs, own: &[OwnRule], seed: u64) -> Compiled {
    let wish = Wish {
        group: config::DEFAULT_GROUP,
        choices,
        moment: &config::Moment::default(),
        home: &[],
    };
    top_of(packs, own, &wish, seed)
}

/// What counts for one group at one moment.
pub(super) struct Wish<'a> {
    /// The group's name.
    pub group: &'a str,
    /// What packs do.
    pub choices: &'a config::Packs,
    /// Which of its schedules count.
    pub moment: &'a config::Moment,
    /// Names of the home, with all below them, which no schedule blocks.
    pub home: &'a [Box<str>],
}

/// The same, with the rules of people's own that count for a group.
pub(super) fn top_of(packs: &Packs, own: &[OwnRule], wish: &Wish<'_>, seed: u64) -> Compiled {
    compiled_with(seed, |compiler| {
        for pack in packs.packs() {
            add_pack(compiler, pack, wish.choices);
        }
        add_own(compiler, own, Rank::Own, |own| own.groups.is_empty());
        add_own(compiler, own, Rank::Group, |own| wish.has(own));
        if let Some(name) = &wish.moment.blocks_all {
            add_schedule(compiler, name, wish.home);
        }
    })
}

impl Wish<'_> {
    /// Whether a rule counts for the group, and now.
    fn has(&self, own: &OwnRule) -> bool {
        let in_time = |at| self.moment.schedules.contains(&at);
        own.groups.iter().any(|name| name == self.group) && own.schedule.is_none_or(in_time)
    }
}

/// The rules where there are no lists.
pub fn without_lists(
    packs: &Packs,
    choices: &config::Packs,
    own: &[OwnRule],
    seed: u64,
) -> Matcher {
    let nothing = compiled_with(seed, |_| {});
    Matcher::new(Arc::new(nothing), Arc::new(top(packs, choices, own, seed)))
}

fn add_pack(compiler: &mut Compiler, pack: &Pack, choices: &config::Packs) {
    let mut reasons = Reasons::default();
    let of_line = pack.entries.iter().map(|entry| {
        let blocks = effective(pack, entry, choices) == Effective::Block;
        if blocks {
            reasons.add(packs::reason(pack, entry))
        } else {
            0
        }
    });
    let reason_of_line = of_line.collect();
    compiler.source(Source {
        reasons: reasons.texts,
        reason_of_line,
        ..Source::new(format!("pack:{}", pack.id), Rank::Pack, String::new())
    });
    for (entry, line) in pack.entries.iter().zip(0..) {
        if let Some(want) = want(effective(pack, entry, choices)) {
            let what = What {
                reach: reach(entry.scope),
                want,
                important: false,
            };
            compiler.add(what, &entry.domain, line);
        }
    }
}

fn add_own(
    compiler: &mut Compiler,
    own: &[OwnRule],
    rank: Rank,
    counts: impl Fn(&OwnRule) -> bool,
) {
    let mut reasons = Reasons::default();
    let reason_of_line = own
        .iter()
        .map(|own| match own.comment.as_str() {
            "" => reasons.add("own rule".to_owned()),
            comment => reasons.add(format!("own rule: {comment}")),
        })
        .collect();
    compiler.source(Source {
        reasons: reasons.texts,
        reason_of_line,
        reads_addresses: true,
        ..Source::new("rule".to_owned(), rank, String::new())
    });
    for (own, line) in own.iter().zip(0..).filter(|(own, _)| counts(own)) {
        compiler.rule(Rule {
            line,
            ..own.rule.clone()
        });
    }
}

/// A schedule that blocks all is a rule of its group like others: what the group or a device lets
/// through stays so.
fn add_schedule(compiler: &mut Compiler, name: &str, home: &[Box<str>]) {
    let reason = format!("schedule: {name}");
    compiler.source(Source::new(SCHEDULE.to_owned(), Rank::Group, reason));
    let mut rule = Rule::block(Pattern::everything());
    rule.limits.except = home.to_vec();
    compiler.rule(rule);
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

fn want(effective: Effective) -> Option<Want> {
    match effective {
        Effective::Allow => Some(Want::Allow),
        Effective::Watch => Some(Want::Watch),
        Effective::Block => Some(Want::Block),
        Effective::Off => None,
    }
}

fn reach(scope: packs::Scope) -> Reach {
    match scope {
        packs::Scope::Exact => Reach::Exact,
        packs::Scope::Subtree => Reach::Subtree,
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
    use crate::matcher::Says;

    fn count(rules: &Compiled, wanted: Want) -> usize {
        let packs = Packs::builtin().unwrap();
        let entries = packs.packs().iter().flat_map(|pack| &pack.entries);
        let mut count = 0;
        for entry in entries {
            rules.at_name(&entry.domain, &mut |rule| {
                let Says::Plain { want, .. } = rule.says else {
                    panic!("packs have plain rules only");
                };
                count += usize::from(want == wanted);
            });
        }
        count
    }

    fn choices(default: PackAction, level: Level) -> config::Packs {
        config::Packs {
            default,
            level,
            ..config::Packs::default()
        }
    }

    fn compile(default: PackAction, level: Level) -> Compiled {
        top(&Packs::builtin().unwrap(), &choices(default, level), &[], 1)
    }

    #[test]
    fn each_level_blocks_what_the_one_before_blocks_and_more() {
        let blocked = [Level::Safe, Level::Standard, Level::Strict]
            .map(|level| count(&compile(PackAction::Block, level), Want::Block));
        assert!(
            blocked.is_sorted() && blocked[0] > 0 && blocked[0] < blocked[2],
            "{blocked:?}"
        );
    }

    #[test]
    fn a_pack_that_only_watches_blocks_nothing_and_one_that_is_off_is_not_there() {
        let watching = compile(PackAction::Watch, Level::Strict);
        assert_eq!(count(&watching, Want::Block), 0);
        assert!(count(&watching, Want::Watch) > 3000);
        assert!(compile(PackAction::Off, Level::Strict).is_empty());
    }
}
