//! The rule that nearly all lines are, in a form that needs no memory of its own.

use super::{Action, Kind, Pattern, Rule};

/// A rule that is a name and what to do with it, and no more. It borrows both, so that a million
/// of them are read without an allocation each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// In lower case, without the root dot, in punycode; empty is the root.
    pub name: &'a str,
    /// How far around the name it reaches.
    pub reach: Reach,
    /// What to do.
    pub action: &'a Action,
    /// Where it stands, from 1.
    pub line: u64,
}

/// How far around its name a plain rule reaches. The order is that of being specific.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Reach {
    /// The name only.
    Exact,
    /// All below the name, and not itself.
    Below,
    /// The name and all below it.
    Subtree,
}

/// Takes rules one by one, in the order of lines.
///
/// Every rule that can be said as [`Plain`] comes so, whatever its dialect; a closure that takes
/// a [`Rule`] is a sink, too, and gets them all in the general form.
pub trait Sink {
    /// Takes a plain rule.
    fn plain(&mut self, plain: Plain<'_>);

    /// Takes a rule that says more than a plain one can.
    fn rule(&mut self, rule: Rule);
}

impl<F: FnMut(Rule)> Sink for F {
    fn plain(&mut self, plain: Plain<'_>) {
        self(plain.to_rule());
    }

    fn rule(&mut self, rule: Rule) {
        self(rule);
    }
}

impl Plain<'_> {
    /// The same in the general form.
    pub fn to_rule(&self) -> Rule {
        Rule {
            line: self.line,
            ..Rule::new(self.reach.of(self.name), self.action.clone())
        }
    }
}

impl Reach {
    /// The pattern of this reach around a name.
    pub fn of(self, name: &str) -> Pattern {
        match self {
            Self::Exact => Pattern::Exact(name.into()),
            Self::Subtree => Pattern::Subtree(name.into()),
            Self::Below => Pattern::Below(name.into()),
        }
    }

    /// The kind as which it is counted.
    pub fn kind(self) -> Kind {
        match self {
            Self::Exact => Kind::Exact,
            Self::Subtree => Kind::Subtree,
            Self::Below => Kind::Wildcard,
        }
    }
}

impl Rule {
    /// The same as a plain rule, if it says no more than one can.
    pub fn as_plain(&self) -> Option<Plain<'_>> {
        let (reach, name) = match &self.pattern {
            Pattern::Exact(name) => (Reach::Exact, name),
            Pattern::Subtree(name) => (Reach::Subtree, name),
            Pattern::Below(name) => (Reach::Below, name),
            Pattern::Glob(_) | Pattern::Regex { .. } | Pattern::Address(_) => return None,
        };
        let is_plain = !self.important && !self.cancels && self.limits.is_empty();
        is_plain.then_some(Plain {
            name,
            reach,
            action: &self.action,
            line: self.line,
        })
    }
}
