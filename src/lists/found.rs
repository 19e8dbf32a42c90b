//! What reading a list gives: rules handed on one by one, counts, and what was refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{hostname, linear};
use crate::config::ListAction;
use crate::matcher::rule::{Action, Kind, Pattern, Plain, Reach, Rule, Sink};

/// So many refused lines are kept with their text; all are counted.
const MAX_PROBLEMS: usize = 100_000;
/// The regexes of a list may come to so many states together, which a second is enough to compile.
const MOST_STATES: usize = 250_000;
/// So many regexes of a list may be written out, which takes up to a millisecond each.
const MOST_WRITTEN_OUT: u32 = 50;
/// So much of a refused line is kept.
const MAX_TEXT: usize = 200;

const KINDS: [Kind; 6] = [
    Kind::Exact,
    Kind::Subtree,
    Kind::Wildcard,
    Kind::Substring,
    Kind::Regex,
    Kind::Address,
];
const WORDS: [&str; 7] = [
    "block",
    "watch",
    "allow",
    "rewrite",
    "keep-answer",
    "drop",
    "leave",
];
const SKIPS: [Skip; 4] = [Skip::Comment, Skip::Header, Skip::Cosmetic, Skip::Local];

/// A plain block.
pub(super) static BLOCK: Action = Action::Block(Vec::new());
pub(super) static ALLOW: Action = Action::Allow;
static WATCH: Action = Action::Watch;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What a list has given so far.
pub(super) struct Gathered {
    role: Role,
    lines: u64,
    by_kind: Tally<{ KINDS.len() }>,
    by_action: Tally<{ WORDS.len() }>,
    skipped: Tally<{ SKIPS.len() }>,
    refused: u64,
    problems: Vec<Problem>,
    /// About how many states its regexes come to.
    states: usize,
    written_out: u32,
    /// The name that is being read; kept for its memory.
    name: String,
}

impl Gathered {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            lines: 0,
            by_kind: Tally::default(),
            by_action: Tally::default(),
            skipped: Tally::default(),
            refused: 0,
            problems: Vec::new(),
            states: 0,
            written_out: 0,
            name: String::new(),
        }
    }

    /// Starts the next line: what it gives carries its number, and what is refused its text.
    pub(super) fn next_line<'a>(&'a mut self, text: &'a str, sink: &'a mut dyn Sink) -> Found<'a> {
        self.lines += 1;
        self.same_line(text, sink)
    }

    /// Goes on with the last line.
    pub(super) fn same_line<'a>(&'a mut self, text: &'a str, sink: &'a mut dyn Sink) -> Found<'a> {
        Found {
            text,
            list: self,
            sink,
        }
    }

    pub(super) fn finish(self) -> (Counts, Vec<Problem>) {
        let counts = Counts {
            lines: self.lines,
            entries: self.by_kind.0.iter().sum(),
            by_kind: self.by_kind.told(KINDS),
            by_action: self.by_action.told(WORDS),
            skipped: self.skipped.told(SKIPS),
            refused: self.refused,
        };
        (counts, self.problems)
    }

    fn count(&mut self, kind: Kind, action: &Action) {
        self.by_kind.add(kind as usize);
        self.by_action.add(match action {
            Action::Block(_) => 0,
            Action::Watch => 1,
            Action::Allow => 2,
            Action::Rewrite(_) => 3,
            Action::KeepAnswer(_) => 4,
            Action::Drop => 5,
            Action::Leave => 6,
        });
    }
}

/// Counts by place, which costs a line nothing; [`Tally::told`] puts the names to them.
struct Tally<const N: usize>([u64; N]);

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Tally<N> {
    fn add(&mut self, at: usize) {
        if let Some(count) = self.0.get_mut(at) {
            *count += 1;
        }
    }

    fn told<K: Ord>(self, keys: [K; N]) -> BTreeMap<K, u64> {
        let counted = keys.into_iter().zip(self.0);
        counted.filter(|&(_, count)| count > 0).collect()
    }
}

/// Takes what a dialect's reader finds in one line.
pub(super) struct Found<'a> {
    text: &'a str,
    list: &'a mut Gathered,
    sink: &'a mut dyn Sink,
}

impl Found<'_> {
    /// What the list is for.
    pub(super) fn role(&self) -> Role {
        self.list.role
    }

    /// Takes a name of one label or more.
    pub(super) fn name(&mut self, reach: Reach, text: &str, action: &Action) {
        if !self.quick_name(reach, text, action) {
            self.take(hostname::name(text).map(|name| Rule::new(reach.of(&name), action.clone())));
        }
    }

    /// Takes a name if it is quick to read; says whether it was.
    pub(super) fn quick_name(&mut self, reach: Reach, text: &str, action: &Action) -> bool {
        self.quick_name_if(|_| true, (reach, text, action))
    }

    /// Takes a name that may stand for itself in a list if it is quick to read; says whether.
    pub(super) fn quick_full_name(&mut self, text: &str, action: &Action) -> bool {
        self.quick_name_if(hostname::is_full, (Reach::Exact, text, action))
    }

    fn quick_name_if(
        &mut self,
        is_good: impl Fn(&str) -> bool,
        (reach, text, action): (Reach, &str, &Action),
    ) -> bool {
        let mut memory = std::mem::take(&mut self.list.name);
        let name = hostname::quick(text, &mut memory).filter(|name| is_good(name));
        if let Some(name) = name {
            self.plain(reach, name, action);
        }
        let is_taken = name.is_some();
        self.list.name = memory;
        is_taken
    }

    fn plain(&mut self, reach: Reach, name: &str, action: &Action) {
        let action = match self.list.role.put(action) {
            Ok(other) => other.unwrap_or(action),
            Err(reason) => return self.refuse(reason),
        };
        self.list.count(reach.kind(), action);
        self.sink.plain(Plain {
            name,
            reach,
            action,
            line: self.list.lines,
        });
    }

    pub(super) fn rule(&mut self, mut rule: Rule) {
        if let Some(plain) = rule.as_plain() {
            return self.plain(plain.reach, plain.name, plain.action);
        }
        match self.list.role.put(&rule.action) {
            Ok(Some(other)) => rule.action = other.clone(),
            Ok(None) => {}
            Err(reason) => return self.refuse(reason),
        }
        if let Pattern::Regex { text, .. } = &rule.pattern {
            let states = self.list.states.saturating_add(linear::states_of(text));
            if states > MOST_STATES {
                return self.refuse("the regexes of the list are too large together");
            }
            self.list.states = states;
        }
        rule.line = self.list.lines;
        self.list.count(rule.pattern.kind(), &rule.action);
        self.sink.rule(rule);
    }

    /// The number of the line.
    pub(super) fn line(&self) -> u64 {
        self.list.lines
    }

    pub(super) fn skip(&mut self, what: Skip) {
        self.list.skipped.add(what as usize);
    }

    pub(super) fn refuse(&mut self, reason: impl Into<String>) {
        self.list.refused += 1;
        if self.list.problems.len() < MAX_PROBLEMS {
            self.list.problems.push(Problem {
                line: self.list.lines,
                text: self.text.chars().take(MAX_TEXT).collect(),
                reason: reason.into(),
            });
        }
    }

    /// Whether one more regex of the list may be written out.
    pub(super) fn may_write_out(&mut self) -> bool {
        self.list.written_out = self.list.written_out.saturating_add(1);
        self.list.written_out <= MOST_WRITTEN_OUT
    }

    /// Takes a rule, or refuses with the reason that came instead.
    pub(super) fn take(&mut self, rule: Result<Rule, String>) {
        match rule {
            Ok(rule) => self.rule(rule),
            Err(reason) => self.refuse(reason),
        }
    }
}

impl From<ListAction> for Role {
    fn from(action: ListAction) -> Self {
        match action {
            ListAction::Block => Self::Block,
            ListAction::Watch => Self::Watch,
            ListAction::Allow => Self::Allow,
        }
    }
}

impl Role {
    /// What a list of this role makes of an action, where it does not stay what it is.
    fn put(self, action: &Action) -> Result<Option<&'static Action>, &'static str> {
        match (self, action) {
            (Self::Watch, Action::Block(_) | Action::Rewrite(_) | Action::Drop) => Ok(Some(&WATCH)),
            (Self::Allow, Action::Block(_) | Action::Watch | Action::Allow | Action::Leave) => {
                Ok(Some(&ALLOW))
            }
            (Self::Allow, _) => Err("an allow list can only allow"),
            (_, _) => Ok(None),
        }
    }
}
