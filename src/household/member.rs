//! Devices of the dashboard: named, put into a group, and two made one.

use super::{Household, Wishes};
use crate::config::{Config, DEFAULT_GROUP, DeviceMatch, DeviceWish};
use crate::device::{Device, DeviceKey, Kept, mac_text};
use crate::query::DeviceId;
use crate::store::{DeviceWishRow, Item};

/// Why a device cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The config names it.
    #[error("device `{0}` stands in the config file: change it there")]
    Declared(String),
    /// Another device has this name.
    #[error("another device is called `{0}`")]
    Taken(String),
    /// Another device says this name.
    #[error("device `{1}` says `{0}` already")]
    Said(String, String),
    /// It is not a device that can be told from others.
    #[error("this stands for many devices")]
    Many,
    /// People named it once, and do not any more; nothing else is known of it.
    #[error("nothing is known any more by which `{0}` could be recognised")]
    Forgotten(String),
    /// It was not made one with the other.
    #[error("`{0}` is not one of the signs that were put together by hand")]
    NotMerged(String),
}

impl Household {
    /// What the dashboard set of a device.
    pub fn device_wish(&self, id: DeviceId) -> Option<DeviceWish> {
        self.wishes().device(id)
    }

    /// The id of the group of a device of the dashboard or the config.
    pub fn group_id(&self, name: &str) -> String {
        self.wishes().group_id(name)
    }

    /// The name of the group of this id.
    pub fn group_name(&self, id: &str) -> Option<String> {
        let groups = self.groups();
        let found = groups.into_iter().find(|group| group.id == id);
        found.map(|group| group.name)
    }

    /// The name of the group that is called by this id or name.
    pub fn group_called(&self, word: &str) -> Option<String> {
        let by_name = || {
            let mut groups = self.groups().into_iter();
            groups.find(|group| group.name == word)
        };
        let by_name = || by_name().map(|group| group.name);
        self.group_name(word).or_else(by_name)
    }

    /// Whether the config file names a device, which is then changed there only.
    pub fn is_declared(&self, device: &Device) -> bool {
        let DeviceKey::Named(name) = &device.key else {
            return false;
        };
        let declared = &self.wishes().declared;
        declared.devices.iter().any(|one| one.name == *name)
    }

    /// What is set of a device, to be changed; as it is known where nothing is set: one that nobody
    /// named stays in the group of such devices until people put it into another.
    pub fn begin(&self, device: &Device) -> Result<DeviceWish, MemberError> {
        if self.is_declared(device) {
            return Err(MemberError::Declared(device.title()));
        }
        if let Some(wish) = self.device_wish(device.id) {
            return Ok(wish);
        }
        let group = match &device.key {
            DeviceKey::Named(_) => DEFAULT_GROUP.to_owned(),
            _ => self.plan().config.unknown_group.clone(),
        };
        let group = (group != DEFAULT_GROUP).then(|| self.group_id(&group));
        Ok(DeviceWish {
            name: free_name(&self.plan().config, &device.title()),
            group,
            kind: None,
            comment: None,
            matches: vec![sign(device)?],
        })
    }

    /// What is set of `into` where `from` is the same device, for now and for what was recorded.
    /// What is set of `from` alone stays: its name, its group, its kind, and what is noted of it.
    pub fn merged(&self, into: &Device, from: &Device) -> Result<DeviceWish, MemberError> {
        let mut wish = self.begin(into)?;
        let other = self.begin(from)?;
        if self.device_wish(from.id).is_some() {
            if self.device_wish(into.id).is_none() {
                wish.name = other.name;
                wish.group = None;
            }
            wish.group = wish.group.or(other.group);
            wish.kind = wish.kind.or(other.kind);
            wish.comment = wish.comment.or(other.comment);
        }
        let more = other.matches.into_iter();
        let new = more.filter(|sign| !wish.matches.contains(sign));
        let new: Vec<String> = new.collect();
        wish.matches.extend(new);
        Ok(wish)
    }

    /// What is set of a device without one of its signs, which is a device of its own then.
    pub fn split(&self, id: DeviceId, sign: &str) -> Result<DeviceWish, MemberError> {
        let not_merged = || MemberError::NotMerged(sign.to_owned());
        let mut wish = self.device_wish(id).ok_or_else(not_merged)?;
        // The first is what it was before others came.
        let at = wish.matches.iter().skip(1).position(|one| one == sign);
        let at = at.ok_or_else(not_merged)?;
        wish.matches.remove(at + 1);
        Ok(wish)
    }

    /// Whether no other device has this name.
    pub fn check_name(&self, id: DeviceId, name: &str) -> Result<(), MemberError> {
        let plan = self.plan();
        let is_other = plan.kept.numbers.get(name) != Some(&id);
        if is_other && plan.config.devices.iter().any(|one| one.name == name) {
            return Err(MemberError::Taken(name.to_owned()));
        }
        Ok(())
    }
}

impl Wishes {
    /// Adds the devices of the dashboard to those of the file.
    pub(super) fn place_devices(&self, config: &mut Config, kept: &mut Kept) {
        let rows = self.devices.iter();
        let wishes = rows.filter_map(|row| Some((row.device, read(row)?)));
        let wishes: Vec<(DeviceId, DeviceWish)> = wishes.collect();
        for (id, wish) in &wishes {
            if wishes.iter().any(|(_, other)| has_taken(other, wish)) {
                // It counts again when the two are taken apart.
                kept.before.extend(key(wish).map(|key| (*id, key)));
                continue;
            }
            let name = match declared_as(&self.declared, wish) {
                Some(name) if !kept.numbers.contains_key(&name) => {
                    tracing::warn!(device = %name, "the config has this device of the dashboard, too, and comes first");
                    add_signs(config, &name, wish);
                    name
                }
                _ => {
                    let name = free_name(config, &wish.name);
                    let wish = DeviceWish {
                        name: name.clone(),
                        ..wish.clone()
                    };
                    let group = wish.group.as_deref().and_then(|id| self.group_name(id));
                    config.add_device(&wish, group);
                    name
                }
            };
            kept.numbers.insert(name, *id);
        }
    }
}

/// Whether a device was made one with another, which stays.
fn has_taken(into: &DeviceWish, from: &DeviceWish) -> bool {
    let takes = |one: &DeviceWish, other: &DeviceWish| {
        let mut more = one.matches.iter().skip(1);
        more.any(|sign| other.matches.first() == Some(sign))
    };
    takes(into, from) && !takes(from, into)
}

/// The name of the device of the file that is recognised by what this one is.
fn declared_as(declared: &Config, wish: &DeviceWish) -> Option<String> {
    let sign = DeviceMatch::parse(wish.matches.first()?).ok()?;
    let mut devices = declared.devices.iter();
    let found = devices.find(|device| device.matches.contains(&sign))?;
    Some(found.name.clone())
}

/// What was made one with a device of the dashboard is one with that of the file.
fn add_signs(config: &mut Config, name: &str, wish: &DeviceWish) {
    let signs = wish.matches.iter();
    let signs = signs.filter_map(|sign| DeviceMatch::parse(sign).ok());
    let is_new = |sign: &DeviceMatch| {
        let mut devices = config.devices.iter();
        devices.all(|device| !device.matches.contains(sign))
    };
    let new: Vec<DeviceMatch> = signs.filter(is_new).collect();
    if let Some(device) = config.devices.iter_mut().find(|one| one.name == name) {
        device.matches.extend(new);
    }
}

/// A name that no device has: this one, or with a number.
fn free_name(config: &Config, title: &str) -> String {
    let is_free = |name: &String| config.devices.iter().all(|one| one.name != *name);
    let others = (2..).map(|number| format!("{title} {number}"));
    let mut names = std::iter::once(title.to_owned()).chain(others);
    names.find(is_free).unwrap_or_else(|| title.to_owned())
}

/// What a device is recognised by from now on.
fn sign(device: &Device) -> Result<String, MemberError> {
    match device.base() {
        Some(DeviceKey::Mac(mac)) => Ok(mac_text(mac)),
        Some(DeviceKey::Ip(address)) => Ok(address.to_string()),
        Some(DeviceKey::Named(_) | DeviceKey::Others) | None => Err(match device.key {
            DeviceKey::Named(_) => MemberError::Forgotten(device.title()),
            _ => MemberError::Many,
        }),
    }
}

/// What a device was before something was set of it.
pub(super) fn key(wish: &DeviceWish) -> Option<DeviceKey> {
    match DeviceMatch::parse(wish.matches.first()?).ok()? {
        DeviceMatch::Mac(mac) => Some(DeviceKey::Mac(mac)),
        DeviceMatch::Ip(address) => Some(DeviceKey::Ip(address)),
        DeviceMatch::Network(_) | DeviceMatch::Host(_) => None,
    }
}

/// What is kept, as it is understood; `None`, with a warning, where it is not.
pub(super) fn read(row: &DeviceWishRow) -> Option<DeviceWish> {
    match serde_json::from_str(&row.wish) {
        Ok(wish) => Some(wish),
        Err(error) => {
            tracing::warn!(device = row.device.0, %error, "what was set of a device is not understood");
            None
        }
    }
}

/// What is to be kept of a device.
pub fn device(device: DeviceId, wish: &DeviceWish) -> Item {
    Item::Device(DeviceWishRow {
        device,
        wish: serde_json::to_string(wish).unwrap_or_default(),
        added_ms: jiff::Timestamp::now().as_millisecond(),
    })
}
