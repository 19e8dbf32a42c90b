//! A verdict in words: which entry decided, and which others cover the name.

use super::reply::BlockReply;
use super::rewrite::Rewritten;
use super::weigh::{self, Act};
use crate::matcher::rule::{Action, Reply};
use crate::matcher::{Matcher, Placed, Question, Reach, Says, Want};
use crate::query::{EntryLabel, Match, Name, Rcode, RecordType, VerdictWord};

/// What would be done with a name, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: VerdictWord,
    /// Whether it would be a block, but for a pause.
    pub is_paused: bool,
    /// Every entry in force that covers the name; where one decided, it is the first.
    pub covering: Vec<RuleInfo>,
    /// What the rule that blocks answers with; `None` = what the config says.
    pub reply: Option<String>,
}

/// One entry that covers a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Where it stands, and what it covers.
    pub label: EntryLabel,
    /// What it does as set: a `block` entry of a pack that only watches is a `watch` here.
    pub action: VerdictWord,
    /// Its line in its origin: for a pack, the index of its entry.
    pub entry: u32,
    /// What it answers, beside what the config says.
    pub says: Option<String>,
}

impl Explanation {
    pub(super) fn new(rules: &Matcher, question: &Question<'_>) -> Self {
        let decision = super::decide(rules, question, |_| true);
        let mut covering: Vec<(u32, RuleInfo)> = Vec::new();
        rules.find(question, &mut |hit| {
            if hit.closes || covering.iter().any(|(place, _)| *place == hit.place) {
                return;
            }
            let matched = rules.matched(&hit);
            let info = RuleInfo {
                label: label(rules, matched, &hit.rule, question.name),
                action: word(weigh::act(&hit)),
                entry: hit.rule.line,
                says: says(&hit.rule),
            };
            covering.push((hit.place, info));
        });
        // Stable: the others stay in the order in which they were found.
        covering.sort_by_key(|(place, _)| decision.is_none_or(|d| d.hit.place != *place));
        Self {
            verdict: super::verdict(rules, decision).word(),
            is_paused: false,
            covering: covering.into_iter().map(|(_, info)| info).collect(),
            reply: decision.and_then(|decision| reply(rules, &decision.hit.rule, question)),
        }
    }
}

/// What a rule that blocks answers with, where it says that itself.
fn reply(rules: &Matcher, rule: &Placed<'_>, question: &Question<'_>) -> Option<String> {
    let told = match BlockReply::of(rule) {
        BlockReply::Configured | BlockReply::Instead(_) => return None,
        BlockReply::Code(code) => code_in_words(code),
        BlockReply::Given(replies) => given(replies, question.kind),
        BlockReply::Silence => "no answer at all".to_owned(),
        BlockReply::Truncated => "that it has to ask over TCP, where it is let through".to_owned(),
        BlockReply::Rewritten => {
            rewritten(&Rewritten::of(rules, question).replies, question).unwrap_or_else(nothing)
        }
    };
    Some(told)
}

fn code_in_words(code: Rcode) -> String {
    if code == Rcode::NOERROR {
        nothing()
    } else {
        code.to_string()
    }
}

fn nothing() -> String {
    "nothing (NODATA)".to_owned()
}

/// Addresses that a block says itself; of the other family it says the null address.
fn given(replies: &[Reply], kind: RecordType) -> String {
    let lead = replies
        .iter()
        .find(|reply| matches!(reply, Reply::Cname(_)));
    let of_kind = replies.iter().find_map(|reply| in_words(reply, kind));
    let null = match kind {
        RecordType::A => "A 0.0.0.0".to_owned(),
        RecordType::AAAA => "AAAA ::".to_owned(),
        _ => nothing(),
    };
    lead.map(Reply::to_string).or(of_kind).unwrap_or(null)
}

fn rewritten(replies: &[Reply], question: &Question<'_>) -> Option<String> {
    match replies {
        [Reply::Cname(target), ..] => Some(format!("CNAME {target}")),
        [Reply::CnameUnder(parent), ..] => Some(format!("CNAME {}.{parent}", question.name)),
        [Reply::Code(code)] => Some(code_in_words(*code)),
        replies => {
            let data = replies.iter();
            let data = data.filter_map(|reply| in_words(reply, question.kind));
            data.reduce(|all, one| format!("{all}, {one}"))
        }
    }
}

/// A reply, if it is of the type asked.
fn in_words(reply: &Reply, kind: RecordType) -> Option<String> {
    let is_of_kind = match reply {
        Reply::Address(address) if address.is_ipv4() => kind == RecordType::A,
        Reply::Address(_) => kind == RecordType::AAAA,
        Reply::OwnAddress => matches!(kind, RecordType::A | RecordType::AAAA),
        Reply::Record(of, _) => return (*of == kind).then(|| reply.to_string()),
        _ => false,
    };
    is_of_kind.then(|| format!("{kind} {reply}"))
}

/// An entry in words: `=name` where it covers the name alone, `*.name` what is below it.
pub(super) fn label(
    rules: &Matcher,
    matched: Match,
    rule: &Placed<'_>,
    asked: &Name,
) -> EntryLabel {
    EntryLabel {
        origin: rule.source.origin.clone(),
        entry: entry(rules, matched, rule, asked),
    }
}

fn entry(rules: &Matcher, matched: Match, rule: &Placed<'_>, asked: &Name) -> String {
    if let Some(reach) = rule.reach
        && let Some(name) = rules.suffix_of(matched, asked)
    {
        return match reach {
            Reach::Exact => format!("={name}"),
            Reach::Below => format!("*.{name}"),
            Reach::Subtree => name.to_string(),
        };
    }
    match rule.says {
        Says::Rule(rule) => rule.pattern.label(),
        // The name was not asked for: an answer pointed to it.
        Says::Plain { .. } => format!("line {}", rule.line),
    }
}

fn says(rule: &Placed<'_>) -> Option<String> {
    match rule.says {
        Says::Plain { want, .. } => match want {
            Want::BlockNxdomain => Some("NXDOMAIN".to_owned()),
            Want::BlockNodata => Some("no data".to_owned()),
            Want::BlockRefused => Some("REFUSED".to_owned()),
            Want::Drop => Some("no answer".to_owned()),
            Want::Leave => Some("left to others".to_owned()),
            Want::Allow | Want::Watch | Want::Block => None,
        },
        Says::Rule(rule) => match &rule.action {
            Action::Block(replies) if replies.is_empty() => None,
            Action::Watch | Action::Allow => None,
            _ => Some(rule.to_string()),
        },
    }
}

fn word(act: Act) -> VerdictWord {
    match act {
        Act::Allow | Act::KeepAnswer | Act::Leave => VerdictWord::Allow,
        Act::Watch => VerdictWord::Watch,
        Act::Block | Act::Rewrite => VerdictWord::Block,
    }
}
