//! Packs and entries as the API and `--json` give them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::format::{ActionWord, Confidence, Level, PackKind, Region, Scope, Severity};
use super::{Action, Break, Component, DataKind, Entry, Evidence, Pack, Packs, sentence};

/// What an entry comes to, with people's choice for its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effective {
    /// Answered here.
    Block,
    /// Let through, and marked.
    Watch,
    /// Let through.
    Allow,
    /// As if it were not there.
    Off,
}

/// A purpose.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PurposeInfo {
    /// `usage-analytics`
    pub id: String,
    /// What people read.
    pub text: String,
}

/// A part of a device.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComponentInfo {
    /// `device-manager`
    pub id: String,
    /// What people read.
    pub name: String,
    /// Android packages or programs.
    pub packages: Vec<String>,
    /// The device's own switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<String>,
}

/// A block list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListInfo {
    /// `hagezi-multi`
    pub id: String,
    /// What people read.
    pub name: String,
}

/// Something that is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DataInfo {
    /// `imei`
    pub id: String,
    /// What people read.
    pub text: String,
    /// Whether it says who somebody is, or what they do.
    pub sensitive: bool,
}

/// Somebody's word on what is sent to a name.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EvidenceInfo {
    /// `moore2017`
    pub source: String,
    /// The source's title.
    pub title: String,
    /// Where a reader finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `measured`
    pub kind: String,
    /// The same in words.
    pub kind_text: String,
    /// On which device, page or issue.
    #[serde(rename = "where")]
    pub place: String,
    /// The year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<u16>,
    /// In which circumstances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The date of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What is sent.
    pub data: Vec<DataInfo>,
}

/// What happens when a name is blocked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BreakInfo {
    /// What stops.
    pub what: String,
    /// How bad it is.
    pub severity: Severity,
    /// The same in words.
    pub severity_text: String,
    /// Whether others say that it works.
    pub disputed: bool,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where they say so.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A name, and what is known of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryInfo {
    /// The name.
    pub domain: String,
    /// Whether it reaches below the name.
    #[serde(rename = "match")]
    pub scope: Scope,
    /// What it wants.
    pub action: ActionWord,
    /// How thin the evidence is; only with `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What it comes to with the config; absent where no config is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// What the name is for.
    pub purposes: Vec<PurposeInfo>,
    /// Who asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentInfo>,
    /// Where in the world.
    pub regions: Vec<Region>,
    /// Block lists that have it.
    pub lists: Vec<ListInfo>,
    /// What else people should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The pack's file.
    pub file: String,
    /// The line of its `domain`.
    pub line: u32,
    /// How sure it is.
    pub confidence: Confidence,
    /// The same in words.
    pub confidence_text: String,
    /// All that is known, in sentences.
    pub sentence: String,
    /// Who says what is sent.
    pub evidence: Vec<EvidenceInfo>,
    /// What blocking breaks.
    pub breaks: Vec<BreakInfo>,
    /// Since when it does nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired: Option<String>,
}

/// How many names want what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionCounts {
    /// To be blocked.
    pub block: usize,
    /// To be watched.
    pub watch: usize,
    /// To be let through.
    pub allow: usize,
}

/// How many names are blocked from which level on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LevelCounts {
    /// From `safe` on.
    pub safe: usize,
    /// From `standard` on.
    pub standard: usize,
    /// Only at `strict`.
    pub strict: usize,
}

/// A pack in short.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PackInfo {
    /// `xiaomi`
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it does, and what keeps working.
    pub summary: String,
    /// What it is about.
    pub kind: PackKind,
    /// How many names it has.
    pub names: usize,
    /// How many entries stand in its file; a family of names is one.
    pub entries: usize,
    /// Names by what they want.
    pub by_action: ActionCounts,
    /// Blocked names by level.
    pub by_level: LevelCounts,
    /// When somebody last went through it.
    pub reviewed: String,
}

/// What a pack has beside its entries.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PackDetails {
    /// Ids of packs to suggest beside it.
    pub see_also: Vec<String>,
    /// Registrable names of the owner.
    pub owner_domains: Vec<String>,
    /// The parts of devices that talk.
    pub components: Vec<ComponentInfo>,
    /// All that somebody saw being sent, the most private first.
    pub data: Vec<DataInfo>,
}

impl Packs {
    /// An entry as the API gives it.
    pub fn entry_info(
        &self,
        pack: &Pack,
        entry: &Entry,
        effective: Option<Effective>,
    ) -> EntryInfo {
        let level = match entry.action {
            Action::Block { level } => Some(level),
            Action::Allow | Action::Watch => None,
        };
        EntryInfo {
            domain: entry.domain.to_string(),
            scope: entry.scope,
            action: entry.action.word(),
            level,
            effective,
            purposes: entry
                .purposes
                .iter()
                .map(|purpose| PurposeInfo {
                    id: purpose.id.to_string(),
                    text: purpose.text.to_string(),
                })
                .collect(),
            component: entry.component.as_deref().map(ComponentInfo::from),
            regions: entry.regions.to_vec(),
            lists: entry
                .lists
                .iter()
                .map(|list| ListInfo {
                    id: list.id.to_string(),
                    name: list.name.to_string(),
                })
                .collect(),
            note: entry.note.as_deref().map(str::to_owned),
            file: self.file(pack),
            line: entry.line,
            confidence: entry.confidence,
            confidence_text: entry.confidence.text().to_owned(),
            sentence: sentence(pack, entry),
            evidence: entry.evidence.iter().map(EvidenceInfo::from).collect(),
            breaks: entry.breaks.iter().map(BreakInfo::from).collect(),
            retired: entry.retired.map(|date| date.to_string()),
        }
    }
}

impl Pack {
    /// The pack in short.
    pub fn info(&self) -> PackInfo {
        let mut lines = HashSet::new();
        let mut by_action = ActionCounts::default();
        let mut by_level = LevelCounts::default();
        for entry in &self.entries {
            lines.insert(entry.line);
            if entry.retired.is_some() {
                continue;
            }
            match entry.action {
                Action::Allow => by_action.allow += 1,
                Action::Watch => by_action.watch += 1,
                Action::Block { level } => {
                    by_action.block += 1;
                    by_level.add(level);
                }
            }
        }
        PackInfo {
            id: self.id.to_string(),
            name: self.name.to_string(),
            summary: self.summary.to_string(),
            kind: self.kind,
            names: self.entries.len(),
            entries: lines.len(),
            by_action,
            by_level,
            reviewed: self.reviewed.to_string(),
        }
    }

    /// What the pack has beside its entries.
    pub fn details(&self) -> PackDetails {
        let texts = |all: &[Box<str>]| all.iter().map(ToString::to_string).collect();
        PackDetails {
            see_also: texts(&self.see_also),
            owner_domains: texts(&self.owner_domains),
            components: self
                .components
                .iter()
                .map(|one| ComponentInfo::from(&**one))
                .collect(),
            data: self.data().into_iter().map(DataInfo::from).collect(),
        }
    }

    /// All that somebody saw being sent, the most private first.
    pub fn data(&self) -> Vec<&DataKind> {
        let evidence = self.entries.iter().flat_map(|entry| &entry.evidence);
        let kinds = evidence.flat_map(|one| &one.data);
        let kinds: BTreeMap<(bool, &str), &DataKind> = kinds
            .map(|kind: &Arc<DataKind>| ((!kind.sensitive, &*kind.id), &**kind))
            .collect();
        kinds.into_values().collect()
    }
}

impl LevelCounts {
    fn add(&mut self, level: Level) {
        match level {
            Level::Safe => self.safe += 1,
            Level::Standard => self.standard += 1,
            Level::Strict => self.strict += 1,
        }
    }
}

impl From<&Component> for ComponentInfo {
    fn from(component: &Component) -> Self {
        Self {
            id: component.id.to_string(),
            name: component.name.to_string(),
            packages: component.packages.iter().map(ToString::to_string).collect(),
            opt_out: component.opt_out.as_deref().map(str::to_owned),
        }
    }
}

impl From<&DataKind> for DataInfo {
    fn from(kind: &DataKind) -> Self {
        Self {
            id: kind.id.to_string(),
            text: kind.text.to_string(),
            sensitive: kind.sensitive,
        }
    }
}

impl From<&Evidence> for EvidenceInfo {
    fn from(one: &Evidence) -> Self {
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        Self {
            source: one.source.id.to_string(),
            title: one.source.title.to_string(),
            address: text(&one.source.address),
            kind: one.kind.id.to_string(),
            kind_text: one.kind.text.to_string(),
            place: one.place.to_string(),
            seen: one.seen,
            when: one.when.as_deref().map(str::to_owned),
            date: text(&one.source.date),
            data: one
                .data
                .iter()
                .map(|kind| DataInfo::from(&**kind))
                .collect(),
        }
    }
}

impl From<&Break> for BreakInfo {
    fn from(one: &Break) -> Self {
        Self {
            what: one.what.to_string(),
            severity: one.severity,
            severity_text: one.severity_text.to_string(),
            disputed: one.disputed,
            source: one.source.as_ref().map(|source| source.id.to_string()),
            place: one.place.as_deref().map(str::to_owned),
        }
    }
}
