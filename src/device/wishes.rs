//! Which device of the config an address, a hardware address or a host name belongs to.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{DeviceKey, Mac};
use crate::config::{Config, Device, DeviceMatch};
use crate::query::{DeviceId, GroupId};

/// The devices that people named, and what they are recognised by.
#[derive(Default)]
pub(super) struct Wishes {
    devices: Vec<Device>,
    groups: Groups,
    kept: Kept,
}

/// Devices that keep their numbers, whatever people call them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Those that people named in the dashboard, by name.
    pub numbers: HashMap<String, DeviceId>,
    /// What those were before that are not named any more.
    pub before: HashMap<DeviceId, DeviceKey>,
}

/// Which group a device is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// By the device's name in the config; those named and not in here are in the default one.
    by_name: HashMap<String, GroupId>,
    /// The group of devices that nobody named.
    unknown: GroupId,
}

impl Groups {
    /// The groups of the config.
    pub fn of(config: &Config) -> Self {
        let number = |at: usize| GroupId(u8::try_from(at).unwrap_or(0));
        let grouped = config.devices.iter().filter_map(|device| {
            let group = config.group_number(device.group.as_ref()?)?;
            Some((device.name.clone(), number(group)))
        });
        Self {
            by_name: grouped.collect(),
            unknown: number(config.unknown_group_number()),
        }
    }
}

impl Wishes {
    /// The devices of the config.
    pub fn new(devices: &[Device]) -> Self {
        Self {
            devices: devices.to_vec(),
            ..Self::default()
        }
    }

    /// The same, of which some keep their numbers.
    pub fn with_kept(self, kept: Kept) -> Self {
        Self { kept, ..self }
    }

    /// What a device was before people named it.
    pub fn before(&self, id: DeviceId) -> Option<&DeviceKey> {
        self.kept.before.get(&id)
    }

    /// The name of the device that keeps this number.
    pub fn of_number(&self, id: DeviceId) -> Option<&str> {
        let mut numbers = self.kept.numbers.iter();
        let (name, _) = numbers.find(|(_, number)| **number == id)?;
        Some(name)
    }

    /// The same devices in these groups.
    pub fn with_groups(self, groups: Groups) -> Self {
        Self { groups, ..self }
    }

    /// Which group a device is in.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The group of the device of this key.
    pub fn group(&self, key: Option<&DeviceKey>) -> GroupId {
        match key {
            Some(DeviceKey::Named(name)) => {
                self.groups.by_name.get(name).copied().unwrap_or_default()
            }
            _ => self.groups.unknown,
        }
    }

    /// Whether the config has a device of this name.
    pub fn has(&self, name: &str) -> bool {
        self.devices.iter().any(|device| device.name == name)
    }

    /// Whether an address can decide at all.
    pub fn knows_addresses(&self) -> bool {
        let is_address =
            |found: &DeviceMatch| matches!(found, DeviceMatch::Ip(_) | DeviceMatch::Network(_));
        self.devices
            .iter()
            .any(|device| device.matches.iter().any(is_address))
    }

    /// The device of this hardware address.
    pub fn of_mac(&self, mac: Mac) -> Option<&str> {
        self.find(|found| matches!(found, DeviceMatch::Mac(other) if *other == mac))
    }

    /// The hardware addresses of a device.
    pub fn macs_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Mac> + 'a {
        let devices = self.devices.iter().filter(move |one| one.name == name);
        let matches = devices.flat_map(|device| &device.matches);
        matches.filter_map(|found| match found {
            DeviceMatch::Mac(mac) => Some(*mac),
            _ => None,
        })
    }

    /// The hardware addresses of all devices.
    pub fn macs(&self) -> impl Iterator<Item = Mac> {
        let names = self.devices.iter();
        names.flat_map(|device| self.macs_of(&device.name))
    }

    /// The device of this very hardware address or address.
    pub fn of_base(&self, base: &DeviceKey) -> Option<&str> {
        match base {
            DeviceKey::Mac(mac) => self.of_mac(*mac),
            DeviceKey::Ip(address) => self.of_exact(*address),
            DeviceKey::Named(_) | DeviceKey::Others => None,
        }
    }

    /// The device of this very address, else of the smallest network that has it.
    pub fn of_address(&self, address: IpAddr) -> Option<&str> {
        let exact = self.of_exact(address);
        exact.or_else(|| self.of_network(address))
    }

    fn of_exact(&self, address: IpAddr) -> Option<&str> {
        self.find(|found| matches!(found, DeviceMatch::Ip(other) if *other == address))
    }

    /// By the first label alone: some routers add the home's domain to the name, some do not.
    pub fn of_host(&self, name: &str) -> Option<&str> {
        let label = first_label(name);
        self.find(|found| {
            matches!(found, DeviceMatch::Host(host) if first_label(host).eq_ignore_ascii_case(label))
        })
    }

    /// The first labels of all host names, in lower case.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        let matches = self.devices.iter().flat_map(|device| &device.matches);
        matches.filter_map(|found| match found {
            DeviceMatch::Host(host) => Some(first_label(host).to_ascii_lowercase()),
            _ => None,
        })
    }

    fn of_network(&self, address: IpAddr) -> Option<&str> {
        let networks = self.devices.iter().flat_map(|device| {
            device.matches.iter().filter_map(move |found| match found {
                DeviceMatch::Network(network) if network.contains(&address) => {
                    Some((network.prefix_len(), device.name.as_str()))
                }
                _ => None,
            })
        });
        networks
            .max_by_key(|(length, _)| *length)
            .map(|(_, name)| name)
    }

    fn find(&self, matches: impl Fn(&DeviceMatch) -> bool) -> Option<&str> {
        self.devices
            .iter()
            .find(|device| device.matches.iter().any(&matches))
            .map(|device| device.name.as_str())
    }
}

/// `tablet` of `tablet.home.arpa`.
pub(super) fn first_label(name: &str) -> &str {
    name.split_once('.').map_or(name, |(label, _)| label)
}
