//! What people set, whatever kind of thing it is.

use serde::Serialize;

use super::{DeviceWishRow, ForgottenRow, GroupRow, ListRow, PauseRow, RecordRow, RuleRow};
use crate::query::DeviceId;

/// What kind of thing is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A list that people subscribed to.
    List,
    /// A rule of their own.
    Rule,
    /// A record of the home's own names.
    Record,
    /// A group of devices.
    Group,
    /// What they set of a device.
    Device,
    /// A pause.
    Pause,
    /// That a device is forgotten.
    Forgotten,
}

/// A row that people set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Item {
    /// A list.
    List(ListRow),
    /// A rule.
    Rule(RuleRow),
    /// A record.
    Record(RecordRow),
    /// A group.
    Group(GroupRow),
    /// A device.
    Device(DeviceWishRow),
    /// A pause.
    Pause(PauseRow),
    /// A device that is forgotten.
    Forgotten(ForgottenRow),
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::List,
        Self::Rule,
        Self::Record,
        Self::Group,
        Self::Device,
        Self::Pause,
        Self::Forgotten,
    ];

    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Rule => "rule",
            Self::Record => "record",
            Self::Group => "group",
            Self::Device => "device",
            Self::Pause => "pause",
            Self::Forgotten => "forgotten",
        }
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Item {
    /// When it ends by itself.
    pub fn until_ms(&self) -> Option<i64> {
        match self {
            Self::Rule(row) => row.until_ms,
            Self::Pause(row) => Some(row.until_ms),
            Self::List(_)
            | Self::Record(_)
            | Self::Group(_)
            | Self::Device(_)
            | Self::Forgotten(_) => None,
        }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::List(_) => Kind::List,
            Self::Rule(_) => Kind::Rule,
            Self::Record(_) => Kind::Record,
            Self::Group(_) => Kind::Group,
            Self::Device(_) => Kind::Device,
            Self::Pause(_) => Kind::Pause,
            Self::Forgotten(_) => Kind::Forgotten,
        }
    }

    /// The device that it is about, if it is about one alone.
    pub fn device(&self) -> Option<DeviceId> {
        match self {
            Self::Rule(row) => row.device,
            Self::Device(row) => Some(row.device),
            Self::Forgotten(row) => Some(row.device),
            Self::Pause(row) => {
                let number = row.who.strip_prefix("device:")?;
                number.parse().ok().map(DeviceId)
            }
            Self::List(_) | Self::Record(_) | Self::Group(_) => None,
        }
    }

    /// Which of its kind it is.
    pub fn key(&self) -> String {
        match self {
            Self::List(row) => row.id.clone(),
            Self::Rule(row) => row.id.to_string(),
            Self::Record(row) => row.id.to_string(),
            Self::Group(row) => row.id.clone(),
            Self::Device(row) => row.device.0.to_string(),
            Self::Pause(row) => row.who.clone(),
            Self::Forgotten(row) => row.device.0.to_string(),
        }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn from_text(kind: Kind, text: &str) -> Option<Self> {
        match kind {
            Kind::List => serde_json::from_str(text).map(Self::List),
            Kind::Rule => serde_json::from_str(text).map(Self::Rule),
            Kind::Record => serde_json::from_str(text).map(Self::Record),
            Kind::Group => serde_json::from_str(text).map(Self::Group),
            Kind::Device => serde_json::from_str(text).map(Self::Device),
            Kind::Pause => serde_json::from_str(text).map(Self::Pause),
            Kind::Forgotten => serde_json::from_str(text).map(Self::Forgotten),
        }
        .ok()
    }
}
