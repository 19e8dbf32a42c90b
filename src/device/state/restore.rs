//! What was known when we last ran, under the config of today.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::leases::Leases;
use super::room::MOST_DEVICES;
use super::share::Range;
use super::{Record, Seat, State};
use crate::device::host::HostNames;
use crate::device::wishes::Wishes;
use crate::device::{Device, DeviceKey, Mac, NameSource};

impl State {
    /// Takes over what is known. `macs` is what the neighbour table says now; new devices get
    /// numbers from `range`.
    pub fn restore(
        wishes: Wishes,
        known: Vec<Device>,
        macs: HashMap<IpAddr, Mac>,
        range: Range,
    ) -> Self {
        let mut state = Self {
            wishes,
            records: HashMap::new(),
            by_key: HashMap::new(),
            macs,
            near: HashSet::new(),
            leases: Leases::default(),
            seats: HashMap::new(),
            callers: HashMap::new(),
            relayed: HashMap::new(),
            routers: Vec::new(),
            makers: HashMap::new(),
            passing: HashMap::new(),
            next: range.after(&known),
            range,
            by_address: 0,
            by_mac: 0,
            others: 0,
            made_room_ms: 0,
        };
        let mut known = known;
        state.rename(&mut known);
        state.unite(&mut known);
        known.sort_by_key(|device| std::cmp::Reverse(device.last_seen_ms));
        for device in &known {
            state.take_over(device);
        }
        let bases: Vec<DeviceKey> = state.by_key.keys().cloned().collect();
        for base in &bases {
            state.link(base);
        }
        for device in &known {
            state.take_seats(device);
        }
        state
    }

    /// The same devices under another config.
    pub fn reconfigure(&mut self, wishes: Wishes) {
        let next = self.next;
        let known = self.devices();
        let passing = std::mem::take(&mut self.passing);
        self.replace(wishes, known);
        self.passing.extend(passing);
        self.next = next;
    }

    /// Takes these records in place of those that there are; what was learned since the start stays.
    pub(super) fn replace(&mut self, wishes: Wishes, known: Vec<Device>) {
        let macs = std::mem::take(&mut self.macs);
        let before = std::mem::replace(self, Self::restore(wishes, known, macs, self.range));
        self.makers.extend(before.makers);
        self.routers = before.routers;
        self.near = before.near;
        self.leases = before.leases;
        self.note_lease_names();
    }

    /// A named device that the config calls by another name now keeps its number, and so does one
    /// that people named in the dashboard. One that nobody names any more is what it was before.
    pub(super) fn rename(&self, known: &mut [Device]) {
        for device in known.iter_mut() {
            if let Some(name) = self.wishes.of_number(device.id) {
                device.key = DeviceKey::Named(name.to_owned());
                device.alias_of = None;
            }
        }
        let mut taken: Vec<DeviceKey> = known.iter().map(|device| device.key.clone()).collect();
        for device in known {
            let is_gone = matches!(&device.key, DeviceKey::Named(name) if !self.wishes.has(name));
            if !is_gone {
                continue;
            }
            let by_mac = device.mac.and_then(|mac| self.wishes.of_mac(mac));
            let mut addresses = device.addresses.iter();
            let by_address = || addresses.find_map(|address| self.wishes.of_address(*address));
            let named = by_mac.or_else(by_address);
            let named = named.map(|name| DeviceKey::Named(name.to_owned()));
            let before = || self.wishes.before(device.id).cloned();
            let Some(key) = named.or_else(before) else {
                continue;
            };
            if !taken.contains(&key) {
                taken.push(key.clone());
                device.key = key;
            }
        }
    }

    /// Several nodes may have met the same device before they told one another: the lowest number
    /// stands for it, and the others for that one.
    fn unite(&mut self, known: &mut Vec<Device>) {
        known.sort_by_key(|device| device.id);
        let mut first: HashMap<DeviceKey, usize> = HashMap::new();
        let mut united: Vec<Device> = Vec::with_capacity(known.len());
        for device in known.drain(..) {
            let twin = first.get(&device.key).and_then(|at| united.get_mut(*at));
            if let Some(twin) = twin {
                self.passing.insert(device.id, twin.id);
                twin.join(device);
            } else {
                first.insert(device.key.clone(), united.len());
                united.push(device);
            }
        }
        for device in &mut united {
            let target = device.alias_of.and_then(|id| self.passing.get(&id));
            device.alias_of = target.copied().or(device.alias_of);
        }
        *known = united;
    }

    fn take_over(&mut self, device: &Device) {
        if self.by_key.contains_key(&device.key) || !self.has_room_for(&device.key) {
            return;
        }
        if let (DeviceKey::Mac(mac), Some(maker)) = (&device.key, &device.maker) {
            self.makers.insert(*mac, Some(maker.clone()));
        }
        let source = NameSource::of(device.named_by);
        let names = source.zip(device.name.clone());
        let record = Record {
            key: device.key.clone(),
            names: names.map_or_else(HostNames::default, |(source, name)| {
                HostNames::one(source, name)
            }),
            first_seen_ms: device.first_seen_ms,
            last_seen_ms: device.last_seen_ms,
            alias_of: device.alias_of,
        };
        self.insert(device.id, record);
    }

    /// Whoever asked from an address last has it. Addresses of named devices find their way by
    /// the config when they ask.
    fn take_seats(&mut self, device: &Device) {
        let is_alias_of_mac = matches!(device.key, DeviceKey::Ip(_)) && device.alias_of.is_some();
        let is_named = matches!(device.key, DeviceKey::Named(_) | DeviceKey::Others);
        if is_alias_of_mac || is_named || self.seats.len() >= MOST_DEVICES {
            return;
        }
        for address in &device.addresses {
            if let (DeviceKey::Mac(mac), false) = (&device.key, self.seats.contains_key(address)) {
                self.macs.entry(*address).or_insert(*mac);
            }
            let is_owner = self.base(*address) == device.key;
            if is_owner
                && !self.seats.contains_key(address)
                && self.by_key.contains_key(&device.key)
            {
                let id = self.settle(*address, device.last_seen_ms);
                self.seats
                    .insert(*address, Seat::new(id, device.last_seen_ms));
            }
        }
    }
}
