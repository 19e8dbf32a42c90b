//! The one rule that every dialect comes down to.
//!
//! What a dialect cannot say in these words is refused by its reader, with the reason. `Display`
//! gives a rule back in plain words, as `squelch lists check --entries` shows it.

mod plain;

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

pub use plain::{Plain, Reach, Sink};

use crate::query::{DeviceId, Rcode, RecordType};

/// What one line, or a part of it, asks for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rule {
    /// Which names, or which addresses in answers.
    pub pattern: Pattern,
    /// What to do with them.
    pub action: Action,
    /// For whom and for what it counts.
    pub limits: Limits,
    /// Whether it beats rules without this mark, also exceptions.
    pub important: bool,
    /// Whether it takes the rule that is otherwise the same out of force (`$badfilter`).
    pub cancels: bool,
    /// Where it stands, from 1.
    pub line: u64,
}

/// What a rule is held against. Names are in lower case, without the root dot, in punycode.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Pattern {
    /// This name only.
    Exact(Box<str>),
    /// This name and all below it; the empty name is the root, so every name.
    Subtree(Box<str>),
    /// All below this name, and not itself.
    Below(Box<str>),
    /// A text with stars, and where it is tied down.
    Glob(Glob),
    /// A regex, searched in the name without regard to case.
    Regex {
        /// In the syntax of the `regex` crate, parsed and weighed: it can be compiled.
        text: Box<str>,
        /// Whether names that it does not match are meant.
        inverted: bool,
    },
    /// An address in an answer.
    Address(IpNet),
}

/// A text in which `*` stands for anything, also for nothing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Glob {
    /// The text; a star at either end is said by `start` and `end`.
    pub text: Box<str>,
    /// Where it may begin.
    pub start: Start,
    /// Where it may end.
    pub end: End,
}

/// Where in a name a glob may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Start {
    /// At the first letter of the name.
    Name,
    /// At the first letter of any label.
    Label,
    /// Anywhere.
    Anywhere,
}

/// Where in a name a glob may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum End {
    /// At the last letter of the name.
    Name,
    /// Anywhere.
    Anywhere,
}

/// The kinds of patterns, as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One name.
    Exact,
    /// A name and all below it.
    Subtree,
    /// A text with stars or open ends.
    Wildcard,
    /// A text anywhere in a name.
    Substring,
    /// A regex.
    Regex,
    /// Addresses in answers.
    Address,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Action {
    /// Answers here; with nothing given, as the config says.
    Block(Vec<Reply>),
    /// Lets through, and marks.
    Watch,
    /// Lets through what others stop.
    Allow,
    /// Leaves it to other sources, whatever its own says of names above.
    Leave,
    /// Answers with other data.
    Rewrite(Reply),
    /// Takes rewrites out of force: all, or the one with this answer.
    KeepAnswer(Option<Reply>),
    /// Answers nothing at all.
    Drop,
}

/// What a rule answers with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Reply {
    /// A response code; NOERROR is an answer without data.
    Code(Rcode),
    /// An address.
    Address(IpAddr),
    /// The address of this server.
    OwnAddress,
    /// Another name, which is then resolved.
    Cname(Box<str>),
    /// The asked name with this one behind it, which is then resolved.
    CnameUnder(Box<str>),
    /// Data of another type, as zone files write it.
    Record(RecordType, Box<str>),
    /// Truncated, so that the device asks again over TCP.
    Truncated,
}

/// For whom and for what a rule counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// The types that are asked for.
    pub types: Choice<RecordType>,
    /// The devices that ask.
    pub devices: Choice<Asker>,
    /// The tags of the devices that ask.
    pub tags: Choice<Box<str>>,
    /// Names for which it does not count, with all below them (`$denyallow`).
    pub except: Vec<Box<str>>,
}

/// A choice by what is in and what is out; with nothing in, everything is in that is not out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Choice<T> {
    /// What is in.
    pub only: Vec<T>,
    /// What is out.
    pub not: Vec<T>,
}

/// How a rule names a device.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Asker {
    /// By its address, or its network's.
    Network(IpNet),
    /// By the name that people gave it, letter by letter.
    Name(Box<str>),
    /// By its number: this one and no other, whatever it is called.
    Device(DeviceId),
}

impl Rule {
    /// A rule without limits; its line is filled in where it is counted.
    pub fn new(pattern: Pattern, action: Action) -> Self {
        Self {
            pattern,
            action,
            limits: Limits::default(),
            important: false,
            cancels: false,
            line: 0,
        }
    }

    /// A plain block.
    pub fn block(pattern: Pattern) -> Self {
        Self::new(pattern, Action::Block(Vec::new()))
    }
}

impl Pattern {
    /// Every name.
    pub fn everything() -> Self {
        Self::Subtree("".into())
    }

    /// Whether it means every name.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Subtree(name) if name.is_empty())
    }

    /// It in words that people know it by: `=name` where it covers the name alone, `*.name` what is
    /// below it, `name` both.
    pub fn label(&self) -> String {
        match self {
            Self::Exact(name) => format!("={name}"),
            Self::Below(name) => format!("*.{name}"),
            Self::Subtree(name) if name.is_empty() => "*".to_owned(),
            Self::Subtree(name) => name.to_string(),
            Self::Address(net) if net.prefix_len() == net.max_prefix_len() => {
                net.addr().to_string()
            }
            other => other.to_string(),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Exact(_) => Kind::Exact,
            Self::Subtree(_) => Kind::Subtree,
            Self::Glob(glob) if glob.is_substring() => Kind::Substring,
            Self::Below(_) | Self::Glob(_) => Kind::Wildcard,
            Self::Regex { .. } => Kind::Regex,
            Self::Address(_) => Kind::Address,
        }
    }
}

impl Glob {
    fn is_substring(&self) -> bool {
        self.start == Start::Anywhere && self.end == End::Anywhere && !self.text.contains('*')
    }
}

impl Limits {
    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it depends on who asks.
    pub(super) fn name_devices(&self) -> bool {
        self.devices != Choice::default() || self.tags != Choice::default()
    }

    /// The longest prefix of the networks of devices that it names.
    pub(super) fn longest_network(&self) -> u8 {
        let networks = self.devices.only.iter().map(|asker| match asker {
            Asker::Network(net) => net.prefix_len(),
            Asker::Name(_) | Asker::Device(_) => u8::MAX,
        });
        networks.max().unwrap_or_default()
    }
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            not: Vec::new(),
        }
    }
}

impl Action {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Block(_) => "block",
            Self::Watch => "watch",
            Self::Allow => "allow",
            Self::Leave => "leave",
            Self::Rewrite(_) => "rewrite",
            Self::KeepAnswer(_) => "keep-answer",
            Self::Drop => "drop",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cancels {
            f.write_str("cancel: ")?;
        }
        write!(f, "{} {}", self.action.word(), self.pattern)?;
        match &self.action {
            Action::Rewrite(reply) | Action::KeepAnswer(Some(reply)) => write!(f, " -> {reply}")?,
            Action::Block(replies) if !replies.is_empty() => {
                write!(f, " -> {}", joined(replies, " and "))?;
            }
            _ => {}
        }
        let limits = &self.limits;
        write_choice(f, "types", &limits.types)?;
        write_choice(f, "devices", &limits.devices)?;
        write_choice(f, "tags", &limits.tags)?;
        if !limits.except.is_empty() {
            write!(f, ", except below {}", joined(&limits.except, " "))?;
        }
        f.write_str(if self.important { ", important" } else { "" })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Subtree(name) if name.is_empty() => f.write_str("every name"),
            Self::Subtree(name) => write!(f, "{name} and below"),
            Self::Below(name) => write!(f, "below {name}"),
            Self::Glob(glob) => glob.fmt(f),
            Self::Regex { text, inverted } => {
                write!(f, "{}/{text}/", if *inverted { "not " } else { "" })
            }
            Self::Address(net) => write!(f, "address {net}"),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.start {
            Start::Name => "name ",
            Start::Label => "from a label on ",
            Start::Anywhere => "*",
        })?;
        f.write_str(&self.text)?;
        f.write_str(match self.end {
            End::Name => "",
            End::Anywhere => "*",
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::OwnAddress => f.write_str("this server"),
            Self::Cname(name) => write!(f, "CNAME {name}"),
            Self::CnameUnder(name) => write!(f, "CNAME *.{name}"),
            Self::Record(kind, value) => write!(f, "{kind} {value}"),
            Self::Truncated => f.write_str("truncated"),
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(net) => net.fmt(f),
            Self::Name(name) => write!(f, "'{name}'"),
            Self::Device(id) => write!(f, "d{}", id.0),
        }
    }
}

fn write_choice<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    choice: &Choice<T>,
) -> fmt::Result {
    if !choice.only.is_empty() {
        write!(f, ", only {what} {}", joined(&choice.only, " "))?;
    }
    if !choice.not.is_empty() {
        write!(f, ", not {what} {}", joined(&choice.not, " "))?;
    }
    Ok(())
}

fn joined<T: fmt::Display>(items: &[T], between: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(between)
}
