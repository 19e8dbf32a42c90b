//! `[packs]`: what the curated packs do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::group::Group;
use super::problem::{Place, Problem, nearest};
use super::section::{Read, Section};
use super::tree::{Item, Value};
use super::value;

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
    /// Where each of those that were named here stands.
    pub places: BTreeMap<String, Place>,
    /// The key of the table: `packs`, or that of a group.
    pub key: String,
}

impl Default for Packs {
    fn default() -> Self {
        Self {
            default: PackAction::Watch,
            level: Level::Standard,
            folder: None,
            named: BTreeMap::new(),
            places: BTreeMap::new(),
            key: "packs".to_owned(),
        }
    }
}

impl Packs {
    pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Self {
        let folder = section.optional("folder", |item| value::path(item, base));
        Self {
            folder,
            ..PacksSaid::read(section).over(&Self::default())
        }
    }

    /// The same as the default of these groups has it.
    pub(super) fn with_default_of(self, groups: &[Group]) -> Self {
        match groups.first() {
            Some(default) => Self {
                places: self.places,
                key: self.key,
                ..default.packs.clone()
            },
            None => self,
        }
    }

    /// A problem for each named pack whose id is not one of these.
    pub fn unknown(&self, ids: &[&str]) -> Vec<Problem> {
        unknown((&self.key, &self.places), ids)
    }

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

/// What one place says of packs, such as a group; what it does not say is as it is without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacksSaid {
    default: Option<PackAction>,
    level: Option<Level>,
    named: BTreeMap<String, PackSaid>,
    places: BTreeMap<String, Place>,
    key: String,
}

impl PacksSaid {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mut said = Self {
            default: section.optional("default", PackAction::read),
            level: section.optional("level", Level::read),
            named: BTreeMap::new(),
            places: BTreeMap::new(),
            key: section.path(""),
        };
        for (id, item) in section.rest() {
            // A variable's name cannot have the hyphen that an id has.
            let id = match item.place.line {
                Some(_) => id,
                None => id.replace('_', "-"),
            };
            said.places.insert(id.clone(), item.place.clone());
            if let Some(pack) = PackSaid::read(section, &id, item) {
                said.named.insert(id, pack);
            }
        }
        said
    }

    /// What packs do with it, where they do this without it.
    pub fn over(&self, base: &Packs) -> Packs {
        let default = self.default.unwrap_or(base.default);
        let mut named = base.named.clone();
        named.extend(self.named.iter().map(|(id, said)| {
            let choice = PackChoice {
                action: said.action.unwrap_or(default),
                level: said.level,
            };
            (id.clone(), choice)
        }));
        Packs {
            default,
            level: self.level.unwrap_or(base.level),
            folder: base.folder.clone(),
            named,
            places: self.places.clone(),
            key: self.key.clone(),
        }
    }

    /// A problem for each named pack whose id is not one of these.
    pub(super) fn unknown(&self, ids: &[&str]) -> Vec<Problem> {
        unknown((&self.key, &self.places), ids)
    }

    /// It as it is written.
    pub fn to_json(&self) -> Map<String, Json> {
        let mut says = Map::new();
        let default = self.default.map(|action| ("default", action.as_str()));
        let level = self.level.map(|level| ("level", level.as_str()));
        for (key, word) in default.into_iter().chain(level) {
            says.insert(key.to_owned(), word.into());
        }
        for (id, said) in &self.named {
            says.insert(id.clone(), said.to_json());
        }
        says
    }
}

fn unknown((key, places): (&str, &BTreeMap<String, Place>), ids: &[&str]) -> Vec<Problem> {
    let named = places.iter();
    let mut wrong: Vec<(&String, &Place)> = named
        .filter(|(id, _)| !ids.contains(&id.as_str()))
        .collect();
    wrong.sort_by_key(|(_, place)| place.line);
    wrong
        .into_iter()
        .map(|(id, place)| {
            let words = ids.iter().copied().chain(["default", "level", "folder"]);
            let hint = nearest(id, words).map_or_else(
                || "`squelch packs list` shows them all".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            Problem {
                place: place.clone(),
                key: format!("{key}.{id}"),
                message: format!("is no known pack; {hint}"),
            }
        })
        .collect()
}

/// What one place says of one pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PackSaid {
    /// `None`: what packs do that are not named.
    action: Option<PackAction>,
    /// `None`: the level of all packs.
    level: Option<Level>,
}

impl PackSaid {
    fn read(section: &Section<'_>, id: &str, item: Item) -> Option<Self> {
        if !matches!(item.value, Value::Table(_)) {
            let action = section.check(id, &item, |item| {
                PackAction::read(item)
                    .map_err(|right| format!("{right}, or {{ action = …, level = … }}"))
            })?;
            return Some(Self {
                action: Some(action),
                level: None,
            });
        }
        let read = |section: &mut Section<'_>| Self {
            action: section.optional("action", PackAction::read),
            level: section.optional("level", Level::read),
        };
        Some(section.inner(id, "NAME", item, read))
    }

    fn to_json(self) -> Json {
        match (self.action, self.level) {
            (Some(action), None) => action.as_str().into(),
            (None, None) => json!({}),
            (None, Some(level)) => json!({ "level": level.as_str() }),
            (Some(action), Some(level)) => {
                json!({ "action": action.as_str(), "level": level.as_str() })
            }
        }
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
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PackAction {
    /// Its `block` entries block.
    Block,
    /// Its `block` entries only watch.
    Watch,
    /// It is as if it were not there.
    Off,
}

impl PackAction {
    fn read(item: &Item) -> Read<Self> {
        const WORDS: [(&str, PackAction); 3] = [
            ("block", PackAction::Block),
            ("watch", PackAction::Watch),
            ("off", PackAction::Off),
        ];
        value::word(item, &WORDS)
    }
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

impl Level {
    fn read(item: &Item) -> Read<Self> {
        const WORDS: [(&str, Level); 3] = [
            ("safe", Level::Safe),
            ("standard", Level::Standard),
            ("strict", Level::Strict),
        ];
        value::word(item, &WORDS)
    }
}
