//! What is known of a list's copies, as it is kept beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Report;
use super::fetch::Validators;
use super::subscription::Subscription;

/// What is known of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Where its copies come from.
    pub source: String,
    /// When its source last said what the newest copy is.
    pub checked_at: Option<Timestamp>,
    /// Its last good copy.
    pub copy: Option<ListCopy>,
    /// A newer copy that is held back.
    pub held: Option<Held>,
    /// The last copy that somebody would not have; forgotten when another is taken.
    pub discarded: Option<Discarded>,
    /// Why the source could not be read.
    pub problem: Option<Failure>,
    /// How often in a row that was so.
    pub failures: u32,
}

/// A copy of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListCopy {
    /// When it came.
    pub fetched_at: Timestamp,
    /// Its bytes.
    pub size: u64,
    /// A hash of its bytes.
    pub hash: u64,
    /// What its server said of it.
    pub validators: Validators,
    /// What the file that it was copied from looked like.
    pub stamp: Option<Stamp>,
    /// What was found in it.
    pub found: Contents,
}

/// What was found in a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contents {
    /// Entries.
    pub entries: u64,
    /// Entries by the kind of their pattern.
    pub by_kind: BTreeMap<String, u64>,
    /// Lines, or parts of them, that were refused.
    pub refused: u64,
    /// Lines that want no entry, by what they are.
    pub skipped: BTreeMap<String, u64>,
    /// The dialect.
    pub format: String,
    /// Why it was read as that.
    pub why: String,
}

/// A copy that is held back until somebody confirms or discards it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Why.
    pub reason: String,
    /// The copy.
    pub copy: ListCopy,
}

/// What somebody wants done with a copy that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It takes the place of the one before.
    Confirm,
    /// It is forgotten, and the one before stays.
    Discard,
}

/// A copy that was held back, and that somebody would not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// When they said so.
    pub at: Timestamp,
    /// Where it came from.
    pub source: String,
    /// How it was read.
    pub manner: String,
    /// What it was; its text is gone.
    pub held: Held,
}

/// A failure, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened last.
    pub message: String,
    /// When it was so for the first time.
    pub since: Timestamp,
}

/// What a file looks like from outside; it differs when somebody changed the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When it was changed, in nanoseconds since 1970-01-01 UTC.
    pub changed_ns: i64,
    /// Its bytes.
    pub size: u64,
    /// Which file it is.
    pub inode: u64,
}

impl Standing {
    /// The newest copy that came from a list's source, whatever was thought of it.
    pub fn newest(&self, list: &Subscription) -> Option<&ListCopy> {
        let is_from_here = self.source == list.source.to_string();
        let held = self.held.as_ref().filter(|_| is_from_here);
        let discarded = self.discarded.as_ref().filter(|gone| gone.is_of(list));
        held.or(discarded.map(|gone| &gone.held))
            .map(|held| &held.copy)
            .or(self.copy.as_ref().filter(|_| is_from_here))
    }
}

impl Choice {
    /// What became of the copy.
    pub fn done(self) -> &'static str {
        match self {
            Self::Confirm => "taken",
            Self::Discard => "discarded",
        }
    }
}

impl Discarded {
    /// A copy that is discarded now.
    pub fn now(list: &Subscription, held: Held) -> Self {
        Self {
            at: Timestamp::now(),
            source: list.source.to_string(),
            manner: list.manner(),
            held,
        }
    }

    /// Whether the list is still had from there, and read so: otherwise the copy may be good.
    pub fn is_of(&self, list: &Subscription) -> bool {
        self.source == list.source.to_string() && self.manner == list.manner()
    }

    /// Whether a copy that would be held back says nothing but what this one said.
    pub fn says_the_same(&self, held: &Held) -> bool {
        let (before, now) = (&self.held.copy, &held.copy);
        let is_same_text = (before.hash, before.size) == (now.hash, now.size);
        // A page that wants somebody to sign in has another text each time.
        let has_nothing = before.found.entries == 0 && now.found.entries == 0;
        is_same_text || (has_nothing && self.held.reason == held.reason)
    }
}

impl Stamp {
    /// What a file looks like now.
    pub fn of(file: &Path) -> io::Result<Self> {
        fs::metadata(file).map(|data| Self::from(&data))
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(data: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let seconds = data.mtime().saturating_mul(1_000_000_000);
        Self {
            changed_ns: seconds.saturating_add(data.mtime_nsec()),
            size: data.len(),
            inode: data.ino(),
        }
    }
}

impl Contents {
    /// What reading a copy gave.
    pub fn of(report: &Report) -> Self {
        let counts = &report.counts;
        Self {
            entries: counts.entries,
            by_kind: in_words(&counts.by_kind),
            refused: counts.refused,
            skipped: in_words(&counts.skipped),
            format: report.decision.format.word().to_owned(),
            why: report.decision.why.clone(),
        }
    }
}

fn in_words<K: Serialize>(counts: &BTreeMap<K, u64>) -> BTreeMap<String, u64> {
    let word = |key| match serde_json::to_value(key) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    };
    counts.iter().map(|(key, n)| (word(key), *n)).collect()
}
