//! `[packs]`: what the curated packs do.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the curated packs do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packs {
    /// What a pack does that is not named.
    pub default: PackAction,
    /// How thin the evidence for a block may be, where a pack has no level of its own.
    pub level: Level,
    /// A folder of packs that replaces the built-in ones when it is newer.
    pub folder: Option<PathBuf>,
    /// Packs by id.
    pub named: BTreeMap<String, PackChoice>,
}

impl Default for Packs {
    fn default() -> Self {
        Self {
            default: PackAction::Watch,
            level: Level::Standard,
            folder: None,
            named: BTreeMap::new(),
        }
    }
}

impl Packs {
    /// What the pack of this id does, and its level.
    pub fn choice(&self, id: &str) -> (PackAction, Level) {
        let named = self.named.get(id);
        let action = named.map_or(self.default, |choice| choice.action);
        (
            action,
            named.and_then(|choice| choice.level).unwrap_or(self.level),
        )
    }
}

/// What one pack does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackChoice {
    /// Block, watch, or nothing.
    pub action: PackAction,
    /// `None`: the level of all packs.
    pub level: Option<Level>,
}

/// What a pack does with the names it would block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PackAction {
    /// Its `block` entries block.
    Block,
    /// Its `block` entries only watch.
    Watch,
    /// It is as if it were not there.
    Off,
}

/// How thin the evidence for a block may be; each level includes the ones before it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Measured or documented, and nothing breaks.
    Safe,
    /// Three families of lists, or reports, agree.
    Standard,
    /// Thin evidence, or something may break.
    Strict,
}
