//! What was known when we last ran, under the config of today.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::leases::Leases;
use super::room::MOST_DEVICES;
use super::share::Range;
use super::{Record, Seat, State};
use crate::device::host::HostNames;
use crate::device::wishes::Wishes;
use crate::device::{Device, DeviceKey, Mac, NameSource, NamedBy};
use crate::query::DeviceId;

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
            forgotten: HashSet::new(),
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
        // A named device has the addresses of those that were made one with it, too.
        known.sort_by_key(|device| matches!(device.key, DeviceKey::Named(_)));
        for device in &known {
            state.take_seats(device);
        }
        state
    }

    /// The same devices under another config.
    pub fn reconfigure(&mut self, wishes: Wishes) {
        let next = self.next;
        let mut known = self.devices();
        self.part(&mut known);
        let passing = std::mem::take(&mut self.passing);
        self.replace(wishes, known);
        self.keep_passing(passing);
        self.next = next;
    }

    /// Takes apart what is one by the config of now alone: that of later says it again.
    fn part(&self, known: &mut [Device]) {
        for device in known {
            if device.alias_of.is_some() && self.wish(&device.key).is_some() {
                device.alias_of = None;
            }
        }
    }

    /// Keeps what stood for a number, which may stand for a lower one now.
    pub(super) fn keep_passing(&mut self, passing: HashMap<DeviceId, DeviceId>) {
        for (from, to) in passing {
            let to = self.passing.get(&to).copied().unwrap_or(to);
            self.passing.insert(from, to);
        }
    }

    /// Takes these records in place of those that there are; what was learned since the start stays.
    pub(super) fn replace(&mut self, wishes: Wishes, known: Vec<Device>) {
        let macs = std::mem::take(&mut self.macs);
        let before = std::mem::replace(self, Self::restore(wishes, known, macs, self.range));
        for (id, record) in before.records {
            if let Some(now) = self.records.get_mut(&id) {
                now.names.join(record.names);
            }
        }
        self.makers.extend(before.makers);
        self.routers = before.routers;
        self.near = before.near;
        self.leases = before.leases;
        self.forgotten = before.forgotten;
        self.next = self.next.max(self.after_forgotten());
        self.note_lease_names();
    }

    /// A named device that the config calls by another name now keeps its number, and so does one
    /// that people named in the dashboard. One that nobody names any more is what it was before.
    pub(super) fn rename(&self, known: &mut [Device]) {
        for device in known.iter_mut() {
            if let Some(name) = self.wishes.of_number(device.id) {
                device.key = DeviceKey::Named(name.to_owned());
            }
            if matches!(&device.key, DeviceKey::Named(name) if self.wishes.has(name)) {
                device.alias_of = None;
            }
        }
        let mut taken: HashMap<DeviceKey, DeviceId> = known
            .iter()
            .map(|device| (device.key.clone(), device.id))
            .collect();
        let gone = self.gone(known);
        for device in known.iter_mut().filter(|device| gone.contains(&device.id)) {
            let by_mac = device.mac.and_then(|mac| self.wishes.of_mac(mac));
            let mut addresses = device.addresses.iter();
            let by_address = || addresses.find_map(|address| self.wishes.of_address(*address));
            let named = by_mac.or_else(by_address);
            let named = named.map(|name| DeviceKey::Named(name.to_owned()));
            let owner = named.as_ref().and_then(|key| taken.get(key)).copied();
            let before = || self.wishes.before(device.id).cloned();
            let key = named.filter(|_| owner.is_none()).or_else(before);
            if let Some(key) = key.or_else(|| device.base()) {
                self.leave(&mut device.addresses, (&key, device.mac), &taken);
                taken.insert(key.clone(), device.id);
                device.key = key;
                if device.named_by == NamedBy::Config {
                    (device.name, device.named_by) = (None, NamedBy::Address);
                }
            } else {
                // Nothing else tells any more that it is one with the other.
                device.alias_of = owner;
            }
        }
    }

    /// The devices that neither the config nor the dashboard knows by the name that they had; another
    /// may have it now.
    pub(super) fn gone(&self, known: &[Device]) -> HashSet<DeviceId> {
        let called = |device: &Device| self.wishes.of_number(device.id);
        let names: HashSet<&str> = known.iter().filter_map(called).collect();
        let gone = known.iter().filter(|device| match &device.key {
            DeviceKey::Named(name) => {
                let is_there = self.wishes.has(name) && !names.contains(&**name);
                called(device).is_none() && !is_there
            }
            _ => false,
        });
        gone.map(|device| device.id).collect()
    }

    /// A device that is what it was before has the addresses of its own alone, not of those that
    /// were made one with it.
    fn leave(
        &self,
        addresses: &mut Vec<IpAddr>,
        (key, told): (&DeviceKey, Option<Mac>),
        taken: &HashMap<DeviceKey, DeviceId>,
    ) {
        if let DeviceKey::Mac(mac) = key {
            addresses.retain(|address| match self.macs.get(address) {
                Some(other) => other == mac,
                None => told == Some(*mac) && !taken.contains_key(&DeviceKey::Ip(*address)),
            });
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
            device.alias_of = device.alias_of.filter(|target| *target != device.id);
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

    /// Whoever asked from an address last has it. A named device has those that the config gives
    /// it today.
    fn take_seats(&mut self, device: &Device) {
        let is_alias_of_mac = matches!(device.key, DeviceKey::Ip(_)) && device.alias_of.is_some();
        let is_named = matches!(device.key, DeviceKey::Named(_));
        let is_others = device.key == DeviceKey::Others;
        if is_alias_of_mac || is_others || !self.by_key.contains_key(&device.key) {
            return;
        }
        let mac = match &device.key {
            DeviceKey::Mac(mac) => Some(*mac),
            DeviceKey::Named(name) => self.mac_of_seats(name, device.mac),
            DeviceKey::Ip(_) | DeviceKey::Others => None,
        };
        for address in &device.addresses {
            if self.seats.len() >= MOST_DEVICES {
                return;
            }
            if self.seats.contains_key(address) {
                continue;
            }
            let mac = mac.filter(|_| !is_named || self.may_have_mac(*address));
            if let Some(mac) = mac {
                self.macs.entry(*address).or_insert(mac);
            }
            let base = self.base(*address);
            let is_owner = match &device.key {
                DeviceKey::Named(name) => self.wish_at(&base, *address) == Some(name),
                key => base == *key,
            };
            if is_owner {
                let id = self.settle(*address, device.last_seen_ms);
                self.seats
                    .insert(*address, Seat::new(id, device.last_seen_ms));
            }
        }
    }

    /// Whether an address of a named device is its own by a hardware address, and not for itself.
    fn may_have_mac(&self, address: IpAddr) -> bool {
        let record = self.by_key.get(&DeviceKey::Ip(address));
        let record = record.and_then(|id| self.records.get(id));
        let is_one = record.is_some_and(|record| record.alias_of.is_none());
        !is_one && self.wishes.of_address(address).is_none()
    }

    /// The hardware address that the addresses of a named device had, where they had but one. Those
    /// of devices that were made one with it are told with these.
    fn mac_of_seats(&self, name: &str, told: Option<Mac>) -> Option<Mac> {
        if told.is_some_and(|mac| self.wishes.of_mac(mac) == Some(name)) {
            return told;
        }
        let is_own = |mac: &Mac| !self.by_key.contains_key(&DeviceKey::Mac(*mac));
        let mut own = self.wishes.macs_of(name).filter(is_own);
        own.next().filter(|_| own.next().is_none())
    }
}
