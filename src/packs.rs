//! What is known of telemetry names: who asks them, what is sent, who says so, and what breaks.
//!
//! A pack is one file of `blocklists/packs`, for one vendor or party. All of `blocklists` is
//! inside the binary; a newer folder takes its place. Start at [`Packs`]; the rules that a pack
//! must pass are in [`lint`].

mod compile;
mod expand;
mod finding;
mod folder;
mod format;
mod info;
mod kinds;
pub mod lint;
mod load;
mod names;
mod needed;
mod never;
mod plain;
mod read;
mod shape;
mod sources;
mod vocabulary;
mod words;
mod written;

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;

use jiff::civil::Date;

pub use finding::{Code, Finding};
pub use folder::Files;
pub use format::{ActionWord, Confidence, Level, PackKind, Quote, Region, Scope, Severity};
pub use info::{
    ActionCounts, BreakInfo, ComponentInfo, DataInfo, Effective, EntryInfo, EvidenceInfo,
    LevelCounts, ListInfo, PackDetails, PackInfo, PurposeInfo,
};
pub use kinds::{Clue, ClueSort, DeviceKind, Guess, Kinds, Seen};
pub use load::PacksError;
pub use needed::Needed;
pub use sources::{List, Source};
pub use vocabulary::{DataKind, EvidenceKind, Purpose};
pub use words::{reason, sentence};

/// All packs, ready for use.
#[derive(Debug, Default)]
pub struct Packs {
    /// Where they come from: `blocklists`, or a folder's path.
    root: Box<str>,
    /// Sorted by id.
    all: Box<[Pack]>,
    kinds: Kinds,
}

/// What is known of one vendor or party.
#[derive(Debug)]
pub struct Pack {
    /// `xiaomi`; people's choices are kept by it, so it never changes.
    pub id: Box<str>,
    /// What people read.
    pub name: Box<str>,
    /// What it does, and what keeps working.
    pub summary: Box<str>,
    /// What it is about.
    pub kind: PackKind,
    /// Registrable names of the owner.
    pub owner_domains: Box<[Box<str>]>,
    /// Ids of packs to suggest beside it.
    pub see_also: Box<[Box<str>]>,
    /// When somebody last went through it.
    pub reviewed: Date,
    /// The parts of devices that talk.
    pub components: Box<[Arc<Component>]>,
    /// One for each name, sorted by name.
    pub entries: Box<[Entry]>,
}

/// A part of a device, or a program on it.
#[derive(Debug, PartialEq, Eq)]
pub struct Component {
    /// `device-manager`
    pub id: Box<str>,
    /// What people read.
    pub name: Box<str>,
    /// Its Android packages or programs.
    pub packages: Box<[Box<str>]>,
    /// The device's own switch.
    pub opt_out: Option<Box<str>>,
}

/// A name, and what is known of it. Names of one family share their [`Facts`].
#[derive(Debug)]
pub struct Entry {
    /// The name as dotted text, in lower case.
    pub domain: Box<str>,
    /// All else.
    pub facts: Arc<Facts>,
}

impl Deref for Entry {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

/// What is known of a name, or of a family of names.
#[derive(Debug)]
pub struct Facts {
    /// The family as written, `data.{area}.example.com`; `None` for a single name.
    pub pattern: Option<Box<str>>,
    /// Whether it reaches below the name.
    pub scope: Scope,
    /// What it wants.
    pub action: Action,
    /// What the name is for; never empty.
    pub purposes: Box<[Arc<Purpose>]>,
    /// Who asks for it.
    pub component: Option<Arc<Component>>,
    /// Where in the world; never empty.
    pub regions: Box<[Region]>,
    /// Block lists that have it.
    pub lists: Box<[Arc<List>]>,
    /// What else people should know.
    pub note: Option<Box<str>>,
    /// Since when it does nothing, and only tells why a block went away.
    pub retired: Option<Date>,
    /// Who says what is sent.
    pub evidence: Box<[Evidence]>,
    /// What blocking breaks; never empty.
    pub breaks: Box<[Break]>,
    /// Computed from evidence and lists.
    pub confidence: Confidence,
    /// The line of its `domain` in the pack's file.
    pub line: u32,
}

/// What an entry wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Let the name through, whatever less specific entries say.
    Allow,
    /// Let it through, and mark it.
    Watch,
    /// Answer it here, if people chose this level or one that includes it.
    Block {
        /// How thin the evidence is.
        level: Level,
    },
}

/// Somebody's word on what is sent to a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who says so.
    pub source: Arc<Source>,
    /// How they came to know.
    pub kind: Arc<EvidenceKind>,
    /// On which device, page or issue.
    pub place: Arc<str>,
    /// The year.
    pub seen: Option<u16>,
    /// What is sent.
    pub data: Box<[Arc<DataKind>]>,
    /// In which circumstances, under which setting.
    pub when: Option<Arc<str>>,
}

/// What happens when a name is blocked.
#[derive(Debug, PartialEq, Eq)]
pub struct Break {
    /// What stops.
    pub what: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// The same in words.
    pub severity_text: Arc<str>,
    /// Whether others say that it works.
    pub disputed: bool,
    /// Who says so.
    pub source: Option<Arc<Source>>,
    /// Where they say so.
    pub place: Option<Arc<str>>,
}

impl Packs {
    /// The newest date on which somebody went through a pack.
    pub fn version(&self) -> Date {
        self.all
            .iter()
            .map(|pack| pack.reviewed)
            .max()
            .unwrap_or(Date::MIN)
    }

    /// All packs, sorted by id.
    pub fn packs(&self) -> &[Pack] {
        &self.all
    }

    /// The kinds of devices that are recognised.
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// The pack of this id.
    pub fn pack(&self, id: &str) -> Option<&Pack> {
        let at = self.all.binary_search_by(|pack| (*pack.id).cmp(id)).ok()?;
        self.all.get(at)
    }

    /// The pack whose id or name is closest to what somebody wrote.
    pub fn nearest(&self, written: &str) -> Option<&Pack> {
        let written = written.to_lowercase();
        let by_name = self.all.iter().find(|pack| {
            pack.id.split('-').any(|part| part == written)
                || pack.name.to_lowercase().contains(&written)
        });
        by_name.or_else(|| {
            let ids: Vec<&str> = self.all.iter().map(|pack| &*pack.id).collect();
            self.pack(read::nearest(&written, &ids)?)
        })
    }

    /// The file of a pack, as people find it.
    pub fn file(&self, pack: &Pack) -> String {
        format!("{}/packs/{}.toml", self.root, pack.id)
    }

    /// How many names the packs have.
    pub fn names(&self) -> usize {
        self.all.iter().map(|pack| pack.entries.len()).sum()
    }

    /// The entry that decides on `name` when every pack is set to block at `level`: the most
    /// specific; for one name the exact before the subtree, then allow before watch before block.
    pub fn find(&self, name: &str, level: Level) -> Option<(&Pack, &Entry)> {
        names::self_and_parents(name).find_map(|covered| {
            let candidates = self.all.iter().flat_map(|pack| {
                pack.entries_of(covered)
                    .iter()
                    .filter(|entry| entry.scope == Scope::Subtree || covered == name)
                    .filter(|entry| entry.retired.is_none() && entry.action.counts_at(level))
                    .map(move |entry| (pack, entry))
            });
            candidates.min_by_key(|(_, entry)| (entry.scope, entry.action.precedence()))
        })
    }
}

impl Pack {
    /// The entries of exactly this name: at most one for each scope.
    pub fn entries_of(&self, name: &str) -> &[Entry] {
        let start = self.entries.partition_point(|entry| *entry.domain < *name);
        let rest = self.entries.get(start..).unwrap_or_default();
        let len = rest.partition_point(|entry| *entry.domain == *name);
        rest.get(..len).unwrap_or_default()
    }
}

impl Action {
    /// Whether people who chose `level` want it to count.
    pub fn counts_at(self, level: Level) -> bool {
        match self {
            Self::Block { level: needed } => needed <= level,
            Self::Allow | Self::Watch => true,
        }
    }

    /// The word of the pack file.
    pub fn as_str(self) -> &'static str {
        self.word().as_str()
    }

    /// The action without its level.
    pub fn word(self) -> ActionWord {
        match self {
            Self::Allow => ActionWord::Allow,
            Self::Watch => ActionWord::Watch,
            Self::Block { .. } => ActionWord::Block,
        }
    }

    /// For one name the lowest wins.
    fn precedence(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Watch => 1,
            Self::Block { .. } => 2,
        }
    }
}
