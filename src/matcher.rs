//! Which entries cover a name.
//!
//! Rules are compiled once into a [`Matcher`], which never changes; [`Live`] holds the one in
//! force and swaps it whole. A look-up walks the name's labels, hashes each suffix and probes
//! one table: no allocation, no lock.

mod live;
pub mod rule;

use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use live::Live;

use crate::query::Name;

/// One entry to be found: a name, how far it reaches, and what it says.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name covered, lower-cased.
    pub name: Name,
    /// Whether names below it are covered too.
    pub scope: Scope,
    /// What it wants.
    pub action: Action,
    /// Where it comes from: an index into [`Matcher::origins`].
    pub origin: u16,
    /// Its place in the origin: for a pack, the index of its entry.
    pub entry: u32,
    /// Why, in a few words, for the answer's EXTRA-TEXT: an index into [`Matcher::reasons`].
    pub reason: u16,
}

/// How far a rule reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The name alone.
    Exact,
    /// The name and all below it.
    Subtree,
}

/// What a rule wants. The order is that of precedence on one name: the first wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Let it through, whatever less specific entries say.
    Allow,
    /// Let it through, and mark it.
    Watch,
    /// Answer it here.
    Block,
}

/// Compiled rules.
#[derive(Debug)]
pub struct Matcher {
    seed: u64,
    generation: u32,
    /// Slots of rule index + 1; 0 = free. The length is a power of two.
    table: Vec<u32>,
    /// Sorted by (hash, scope, action): the rules of one name stand together, best first.
    rules: Vec<Compiled>,
    /// The names' wire bytes.
    names: Vec<u8>,
    origins: Vec<String>,
    reasons: Vec<String>,
}

/// A rule as compiled.
#[derive(Clone, Copy, Debug)]
pub struct Compiled {
    hash: u64,
    name_at: u32,
    entry: u32,
    origin: u16,
    reason: u16,
    name_len: u8,
    scope: Scope,
    action: Action,
}

impl Compiled {
    /// What the rule wants.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Its place in its origin.
    pub fn entry(&self) -> u32 {
        self.entry
    }

    /// How far it reaches.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

impl Default for Matcher {
    fn default() -> Self {
        Self::compile(&[], Vec::new(), Vec::new(), 0)
    }
}

impl Matcher {
    /// Compiles rules. `seed` should be random, so that nobody can make names that collide.
    pub fn compile(rules: &[Rule], origins: Vec<String>, reasons: Vec<String>, seed: u64) -> Self {
        let mut names = Vec::new();
        let mut compiled: Vec<Compiled> = rules
            .iter()
            .map(|rule| {
                let wire = rule.name.as_wire();
                let name_at = u32::try_from(names.len()).unwrap_or(u32::MAX);
                names.extend_from_slice(wire);
                Compiled {
                    hash: xxh3_64_with_seed(wire, seed),
                    name_at,
                    entry: rule.entry,
                    origin: rule.origin,
                    reason: rule.reason,
                    name_len: u8::try_from(wire.len()).unwrap_or(u8::MAX),
                    scope: rule.scope,
                    action: rule.action,
                }
            })
            .collect();
        compiled.sort_by_key(|rule| (rule.hash, rule.scope, rule.action));
        let mut matcher = Self {
            seed,
            generation: 0,
            table: Vec::new(),
            rules: compiled,
            names,
            origins,
            reasons,
        };
        matcher.fill_table();
        matcher
    }

    fn fill_table(&mut self) {
        // At most half full, so that a probe for an absent name ends after about one slot.
        let size = (self.rules.len() * 2).next_power_of_two().max(2);
        let mut table = vec![0_u32; size];
        let mut last = None;
        for (rule, index) in self.rules.iter().zip(1_u32..) {
            if last.replace(rule.hash) == Some(rule.hash) {
                continue;
            }
            let mut at = slot(rule.hash, size);
            while let Some(taken) = table.get_mut(at) {
                if *taken == 0 {
                    *taken = index;
                    break;
                }
                at = (at + 1) % size;
            }
        }
        self.table = table;
    }

    /// The rules that cover `name` (lower-cased), the most specific first: exact before subtree,
    /// longer names before shorter, on one name by [`Action`]'s order.
    pub fn find<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = (u32, &'a Compiled)> {
        let whole = name.as_wire();
        suffixes(whole).flat_map(move |suffix| {
            self.rules_at(suffix).filter(move |(_, rule)| {
                rule.scope == Scope::Subtree || suffix.len() == whole.len()
            })
        })
    }

    fn rules_at<'a>(&'a self, suffix: &'a [u8]) -> impl Iterator<Item = (u32, &'a Compiled)> {
        let hash = xxh3_64_with_seed(suffix, self.seed);
        let first = self.probe(hash).unwrap_or(u32::MAX);
        let rest = usize::try_from(first)
            .ok()
            .and_then(|first| self.rules.get(first..))
            .unwrap_or_default();
        rest.iter()
            .zip(first..)
            .take_while(move |(rule, _)| rule.hash == hash)
            .filter(move |(rule, _)| self.name_of(rule) == suffix)
            .map(|(rule, index)| (index, rule))
    }

    fn probe(&self, hash: u64) -> Option<u32> {
        let size = self.table.len();
        let mut at = slot(hash, size);
        loop {
            let index = self.table.get(at)?.checked_sub(1)?;
            if self.rule(index)?.hash == hash {
                return Some(index);
            }
            at = (at + 1) % size;
        }
    }

    /// The rule at `index`, as [`Matcher::find`] numbers them.
    pub fn rule(&self, index: u32) -> Option<&Compiled> {
        self.rules.get(usize::try_from(index).ok()?)
    }

    /// The wire bytes of a rule's name.
    pub fn name_of(&self, rule: &Compiled) -> &[u8] {
        let start = usize::try_from(rule.name_at).unwrap_or(usize::MAX);
        self.names
            .get(start..)
            .and_then(|rest| rest.get(..usize::from(rule.name_len)))
            .unwrap_or_default()
    }

    /// Where a rule comes from: `pack:xiaomi`.
    pub fn origin_of(&self, rule: &Compiled) -> &str {
        self.origins
            .get(usize::from(rule.origin))
            .map_or("", String::as_str)
    }

    /// Why, in a few words.
    pub fn reason_of(&self, rule: &Compiled) -> &str {
        self.reasons
            .get(usize::from(rule.reason))
            .map_or("", String::as_str)
    }

    /// The number that [`Live`] gave it.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

/// The name itself, then each parent, without the root.
fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let suffix = rest;
        let (&len, after) = rest.split_first()?;
        if len == 0 {
            return None;
        }
        rest = after.get(usize::from(len)..)?;
        Some(suffix)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the table's size bounds the result"
)]
fn slot(hash: u64, size: usize) -> usize {
    hash as usize & (size - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(name: &str, scope: Scope, action: Action, entry: u32) -> Rule {
        Rule {
            name: name.parse().unwrap(),
            scope,
            action,
            origin: 0,
            entry,
            reason: 0,
        }
    }

    fn entries(matcher: &Matcher, name: &str) -> Vec<u32> {
        let name = name.parse().unwrap();
        matcher.find(&name).map(|(_, rule)| rule.entry).collect()
    }

    #[test]
    fn the_most_specific_entry_comes_first() {
        let rules = [
            rule("example", Scope::Subtree, Action::Block, 1),
            rule("b.example", Scope::Subtree, Action::Watch, 2),
            rule("a.b.example", Scope::Subtree, Action::Block, 3),
            rule("a.b.example", Scope::Exact, Action::Block, 4),
            rule("a.b.example", Scope::Exact, Action::Allow, 5),
        ];
        let matcher = Matcher::compile(&rules, vec![], vec![], 7);
        assert_eq!(entries(&matcher, "a.b.example"), [5, 4, 3, 2, 1]);
        assert_eq!(entries(&matcher, "x.a.b.example"), [3, 2, 1]);
        assert_eq!(entries(&matcher, "b.example"), [2, 1]);
        assert_eq!(entries(&matcher, "ab.example"), [1]);
        assert_eq!(entries(&matcher, "other"), [0_u32; 0]);
        assert_eq!(entries(&matcher, "."), [0_u32; 0]);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds(
            names in prop::collection::vec(("[ab]{1,2}(\\.[ab]{1,2}){0,3}", any::<bool>()), 0..60),
            asked in "[ab]{1,2}(\\.[ab]{1,2}){0,4}",
            seed in any::<u64>(),
        ) {
            let rules: Vec<Rule> = names.iter().zip(0..).map(|((name, exact), entry)| {
                rule(name, if *exact { Scope::Exact } else { Scope::Subtree }, Action::Block, entry)
            }).collect();
            let matcher = Matcher::compile(&rules, vec![], vec![], seed);
            let asked: Name = asked.parse().unwrap();
            let mut expected: Vec<u32> = rules.iter().filter(|rule| match rule.scope {
                Scope::Exact => rule.name == asked,
                Scope::Subtree => asked.is_within(&rule.name),
            }).map(|rule| rule.entry).collect();
            let mut found: Vec<u32> = matcher.find(&asked).map(|(_, rule)| rule.entry).collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
