//! Which device of the config an address, a hardware address or a host name belongs to.

use std::net::IpAddr;

use super::Mac;
use crate::config::{Device, DeviceMatch};

/// The devices that people named, and what they are recognised by.
#[derive(Default)]
pub(super) struct Wishes(Vec<Device>);

impl Wishes {
    /// The devices of the config.
    pub fn new(devices: &[Device]) -> Self {
        Self(devices.to_vec())
    }

    /// Whether the config has a device of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|device| device.name == name)
    }

    /// Whether an address can decide at all.
    pub fn knows_addresses(&self) -> bool {
        let is_address =
            |found: &DeviceMatch| matches!(found, DeviceMatch::Ip(_) | DeviceMatch::Network(_));
        self.0
            .iter()
            .any(|device| device.matches.iter().any(is_address))
    }

    /// The device of this hardware address.
    pub fn of_mac(&self, mac: Mac) -> Option<&str> {
        self.find(|found| matches!(found, DeviceMatch::Mac(other) if *other == mac))
    }

    /// The device of this very address, else of the smallest network that has it.
    pub fn of_address(&self, address: IpAddr) -> Option<&str> {
        let exact = self.find(|found| matches!(found, DeviceMatch::Ip(other) if *other == address));
        exact.or_else(|| self.of_network(address))
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
        let matches = self.0.iter().flat_map(|device| &device.matches);
        matches.filter_map(|found| match found {
            DeviceMatch::Host(host) => Some(first_label(host).to_ascii_lowercase()),
            _ => None,
        })
    }

    fn of_network(&self, address: IpAddr) -> Option<&str> {
        let networks = self.0.iter().flat_map(|device| {
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
        self.0
            .iter()
            .find(|device| device.matches.iter().any(&matches))
            .map(|device| device.name.as_str())
    }
}

/// `tablet` of `tablet.home.arpa`.
pub(super) fn first_label(name: &str) -> &str {
    name.split_once('.').map_or(name, |(label, _)| label)
}
