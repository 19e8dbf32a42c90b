//! What reading a list gives: rules handed on one by one, counts, and what was refused.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::matcher::rule::{Action, Kind, Rule};

/// So many refused lines are kept with their text; all are counted.
const MAX_PROBLEMS: usize = 100_000;
/// So much of a refused line is kept.
const MAX_TEXT: usize = 200;

/// What a list is for. Exceptions that it holds stay exceptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Its entries are blocked.
    #[default]
    Block,
    /// Its entries are let through and marked.
    Watch,
    /// Its entries are let through, whatever block lists say.
    Allow,
}

/// A line, or a part of it, that gives no rule though it wants to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it stands, from 1.
    pub line: u64,
    /// Its first 200 characters.
    pub text: String,
    /// Why it gives no rule.
    pub reason: String,
}

/// A line, or a part of it, that wants no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// For people.
    Comment,
    /// A title, a zone's head, a section.
    Header,
    /// For browsers: what a page shows, not which names are asked.
    Cosmetic,
    /// A name of the machine itself.
    Local,
}

/// How many of what there was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Lines, also empty ones.
    pub lines: u64,
    /// Entries: rules that the list gives.
    pub entries: u64,
    /// Entries by the kind of their pattern.
    pub by_kind: BTreeMap<Kind, u64>,
    /// Entries by what they do.
    pub by_action: BTreeMap<&'static str, u64>,
    /// What was passed over, as the dialect says.
    pub skipped: BTreeMap<Skip, u64>,
    /// What was refused.
    pub refused: u64,
}

/// Takes what the readers of the dialects find.
pub(super) struct Found<'a> {
    pub(super) role: Role,
    pub(super) counts: Counts,
    pub(super) problems: Vec<Problem>,
    text: String,
    give: &'a mut dyn FnMut(Rule),
}

impl<'a> Found<'a> {
    pub(super) fn new(role: Role, give: &'a mut dyn FnMut(Rule)) -> Self {
        Self {
            role,
            counts: Counts::default(),
            problems: Vec::new(),
            text: String::new(),
            give,
        }
    }

    /// Starts the next line; what is refused from here on carries its number and its text.
    pub(super) fn next_line(&mut self, text: &str) {
        self.counts.lines += 1;
        self.text.clear();
        self.text.extend(text.chars().take(MAX_TEXT));
    }

    pub(super) fn rule(&mut self, mut rule: Rule) {
        rule.line = self.counts.lines;
        rule.action = match self.role.put(rule.action) {
            Ok(action) => action,
            Err(reason) => return self.refuse(reason),
        };
        let counts = &mut self.counts;
        counts.entries += 1;
        *counts.by_kind.entry(rule.pattern.kind()).or_default() += 1;
        *counts.by_action.entry(rule.action.word()).or_default() += 1;
        (self.give)(rule);
    }

    pub(super) fn skip(&mut self, what: Skip) {
        *self.counts.skipped.entry(what).or_default() += 1;
    }

    pub(super) fn refuse(&mut self, reason: impl Into<String>) {
        self.counts.refused += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                line: self.counts.lines,
                text: self.text.clone(),
                reason: reason.into(),
            });
        }
    }

    /// Takes a rule, or refuses with the reason that came instead.
    pub(super) fn take(&mut self, rule: Result<Rule, String>) {
        match rule {
            Ok(rule) => self.rule(rule),
            Err(reason) => self.refuse(reason),
        }
    }
}

impl Role {
    fn put(self, action: Action) -> Result<Action, &'static str> {
        match (self, action) {
            (Self::Watch, Action::Block(_) | Action::Rewrite(_) | Action::Drop) => {
                Ok(Action::Watch)
            }
            (Self::Allow, Action::Block(_) | Action::Watch | Action::Allow) => Ok(Action::Allow),
            (Self::Allow, _) => Err("an allow list can only allow"),
            (_, action) => Ok(action),
        }
    }
}
