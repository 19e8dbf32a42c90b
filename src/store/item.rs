//! What people set, whatever kind of thing it is.

use serde::Serialize;

use super::{DeviceWishRow, GroupRow, ListRow, PauseRow, RecordRow, RuleRow};

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
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::List,
        Self::Rule,
        Self::Record,
        Self::Group,
        Self::Device,
        Self::Pause,
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
            Self::List(_) | Self::Record(_) | Self::Group(_) | Self::Device(_) => None,
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
        }
        .ok()
    }
}
