//! Devices as they are shown and kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Record, State};
use crate::device::{Device, DeviceKey, Mac, NamedBy, is_private};
use crate::query::DeviceId;

impl State {
    /// All devices by their number, with those that are aliases.
    pub fn devices(&mut self) -> Vec<Device> {
        self.note_seen();
        let mut addresses: HashMap<DeviceId, Vec<IpAddr>> = HashMap::new();
        for (address, seat) in &self.seats {
            addresses.entry(seat.device).or_default().push(*address);
            match self.by_key.get(&self.base(*address)) {
                Some(base) if *base != seat.device => {
                    addresses.entry(*base).or_default().push(*address);
                }
                _ => {}
            }
        }
        let mut devices: Vec<Device> = self
            .records
            .iter()
            .map(|(id, record)| self.view(*id, record, addresses.remove(id).unwrap_or_default()))
            .collect();
        devices.sort_by_key(|device| device.id);
        devices
    }

    /// One device, if there is such a number.
    pub fn device(&mut self, id: DeviceId) -> Option<Device> {
        self.note_seen();
        let id = self.canonical(id);
        let record = self.records.get(&id)?;
        let is_its = |address: &&IpAddr| {
            let seat = self.seats.get(*address);
            seat.is_some_and(|seat| seat.device == id)
        };
        let addresses = self.seats.keys().filter(is_its).copied().collect();
        Some(self.view(id, record, addresses))
    }

    /// What people call the devices that they named.
    pub fn called(&self) -> HashMap<DeviceId, Arc<str>> {
        let named = self.records.iter().filter_map(|(id, record)| {
            let DeviceKey::Named(name) = &record.key else {
                return None;
            };
            Some((*id, name.as_str().into()))
        });
        named.collect()
    }

    /// The addresses whose host names may be looked up, one for each device; not those of a whole
    /// network that people gave one name.
    pub fn to_look_up(&self) -> Vec<(DeviceId, IpAddr)> {
        let mut found: HashMap<DeviceId, IpAddr> = HashMap::new();
        for (address, seat) in &self.seats {
            let base = self.base(*address);
            let is_named = || self.wishes.of_base(&base).is_some();
            let device = self.by_key.get(&base).copied();
            if let Some(device) = device.or_else(|| is_named().then_some(seat.device)) {
                let best = found.entry(device).or_insert(*address);
                *best = (*best).min(*address);
            }
        }
        found.into_iter().collect()
    }

    /// Hardware addresses whose makers were never looked up.
    pub fn without_maker(&self) -> Vec<Mac> {
        let asked = self
            .seats
            .keys()
            .filter_map(|address| self.macs.get(address));
        let known = self.by_key.keys().filter_map(|key| match key {
            DeviceKey::Mac(mac) => Some(mac),
            _ => None,
        });
        let mut macs: Vec<Mac> = asked
            .chain(known)
            .copied()
            .chain(self.wishes.macs())
            .filter(|mac| !is_private(*mac) && !self.makers.contains_key(mac))
            .collect();
        macs.sort_unstable();
        macs.dedup();
        macs
    }

    /// Learns who made what.
    pub fn learn_makers(&mut self, makers: Vec<(Mac, Option<String>)>) {
        self.makers.extend(makers);
    }

    fn view(&self, id: DeviceId, record: &Record, addresses: Vec<IpAddr>) -> Device {
        let mut addresses = addresses;
        addresses.sort_unstable();
        let mac = match &record.key {
            DeviceKey::Mac(mac) => Some(*mac),
            DeviceKey::Named(name) => self.only_mac(name, &addresses),
            DeviceKey::Ip(_) | DeviceKey::Others => None,
        };
        if let (DeviceKey::Ip(address), true) = (&record.key, addresses.is_empty()) {
            addresses.push(*address);
        }
        let maker = mac.and_then(|mac| self.makers.get(&mac).cloned().flatten());
        let (name, named_by) = match (&record.key, record.names.best(), &maker) {
            (DeviceKey::Named(name), _, _) => (Some(name.clone()), NamedBy::Config),
            (_, Some((source, name)), _) => (Some(name.to_owned()), source.into()),
            (_, None, Some(_)) => (None, NamedBy::Maker),
            (_, None, None) => (None, NamedBy::Address),
        };
        Device {
            id,
            key: record.key.clone(),
            name,
            named_by,
            host_name: self.host_name(id, record),
            mac,
            private_mac: mac.is_some_and(is_private),
            maker,
            addresses,
            first_seen_ms: record.first_seen_ms,
            last_seen_ms: record.last_seen_ms,
            alias_of: record.alias_of,
        }
    }

    /// The hardware address of all these addresses, else of the config, if it is one.
    fn only_mac(&self, name: &str, addresses: &[IpAddr]) -> Option<Mac> {
        let seen = addresses
            .iter()
            .filter_map(|address| self.macs.get(address).copied());
        let mut macs: Vec<Mac> = seen.collect();
        if macs.is_empty() {
            macs.extend(self.wishes.macs_of(name));
        }
        macs.dedup();
        match macs.as_slice() {
            [mac] => Some(*mac),
            _ => None,
        }
    }
}
