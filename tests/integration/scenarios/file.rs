//! What a scenario can say; `docs/CONTRIBUTING.md` is its manual.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its heading in the comparison.
    #[serde(rename = "area")]
    pub heading: String,
    /// Records that the upstream of each scenario has.
    #[serde(default)]
    pub upstream: Vec<String>,
    pub scenario: Vec<Scenario>,
}

/// What is asked, how the upstreams behave, and what must come back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence that holds.
    pub name: String,
    /// Where that is written.
    pub why: String,
    /// Our config, beside the upstreams and the folder.
    #[serde(default)]
    pub config: String,
    /// The same for the peers; where there is a config and none of theirs, they do not offer it.
    pub unbound: Option<String>,
    pub dnsmasq: Option<String>,
    /// How long we wait for upstreams; peers have times of their own.
    pub timeout: Option<String>,
    /// The address that we listen on, without port.
    pub listen: Option<String>,
    /// Files beside the config, whose folder is `{dir}` there.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The records of the upstream.
    #[serde(default)]
    pub upstream: Vec<String>,
    /// How it misbehaves, by name.
    #[serde(default)]
    pub behave: BTreeMap<String, String>,
    /// The same of a second upstream, which exists when one of them is there.
    pub upstream2: Option<Vec<String>>,
    pub behave2: Option<BTreeMap<String, String>>,
    /// Whole replies, by the name that `behave` uses.
    #[serde(default)]
    pub reply: BTreeMap<String, Written>,
    pub step: Vec<Step>,
}

/// A reply of the upstream, record by record.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    pub rcode: Option<String>,
    #[serde(default)]
    pub answer: Vec<String>,
    #[serde(default)]
    pub authority: Vec<String>,
    #[serde(default)]
    pub additional: Vec<String>,
}

/// One question or several at once, and what must come of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word that a step may have"
)]
pub struct Step {
    /// Time that passes first.
    pub wait: Option<String>,
    /// The server is stopped and started first.
    #[serde(default)]
    pub restart: bool,
    /// The questions, each a line like those of dig, or `# ` and bytes.
    #[serde(default)]
    pub ask: OneOrMany,
    /// How often each is asked at once.
    pub times: Option<usize>,
    /// Over TCP: the bytes are written one by one.
    #[serde(default)]
    pub pieces: bool,
    /// Over TCP: nothing more is written after the questions.
    #[serde(default)]
    pub half_close: bool,

    /// There is no answer.
    #[serde(default)]
    pub silence: bool,
    /// Over TCP: the connection is closed, after as long as this at the latest.
    pub closed: Option<String>,
    /// Over TCP: the connection is still open after this long.
    pub open: Option<String>,
    /// The code or codes that are right; NOERROR where this is left out, `*` is any.
    #[serde(default)]
    pub rcode: OneOrMany,
    /// Exactly these flags, such as `qr rd ra`.
    pub flags: Option<String>,
    /// Exactly these records.
    pub answer: Option<Vec<String>>,
    pub authority: Option<Vec<String>>,
    pub additional: Option<Vec<String>>,
    /// At least these records among the answers.
    #[serde(default)]
    pub has: Vec<String>,
    /// No such record in any section.
    #[serde(default)]
    pub hasnt: Vec<String>,
    /// How many answers.
    pub answers: Option<usize>,
    /// The TTLs of all records, such as `1-3600`.
    pub ttl: Option<String>,
    /// The extended error's code or codes; `none`.
    #[serde(default)]
    pub ede: OneOrMany,
    /// A part of the extended error's text.
    pub ede_text: Option<String>,
    /// What the OPT record says, such as `do size=1232 options=15`.
    pub opt: Option<String>,
    /// The most bytes.
    pub size: Option<usize>,
    /// The time in which it comes.
    pub within: Option<String>,
    /// The order in which the answers come, by the questions' places from 1.
    pub order: Option<Vec<usize>>,
    /// What the upstream was asked since the step before: how often, or what.
    pub saw: Option<Saw>,
    pub saw2: Option<Saw>,
}

impl Step {
    /// Whether an answer must come.
    pub fn is_answered(&self) -> bool {
        !self.silence && (self.closed.is_none() || !self.rcode.list().is_empty())
    }
}

/// A text, or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    #[default]
    None,
    Number(u64),
    One(String),
    Many(Vec<String>),
    Numbers(Vec<u64>),
}

impl OneOrMany {
    pub fn list(&self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Number(number) => vec![number.to_string()],
            Self::One(text) => vec![text.clone()],
            Self::Many(texts) => texts.clone(),
            Self::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What an upstream was asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Saw {
    Times(usize),
    /// Such as `1-3`, or one query in words.
    Text(String),
    Queries(Vec<String>),
}

/// `250ms`, `2s` or `1h`.
pub fn duration(text: &str) -> std::time::Duration {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()].parse().unwrap();
    let ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => panic!("`{text}` is no time; examples: 250ms, 2s, 1h"),
    };
    std::time::Duration::from_millis(number * ms)
}
