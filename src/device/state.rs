//! What is known of all devices, and how it fits together. Behind the registry's lock.
//!
//! A *record* is a device that has a number. A *seat* is an address that asked, and the record
//! that it belongs to. The *base* of an address is the record by its hardware address, or by the
//! address itself where no hardware address is known.

mod forget;
mod leases;
mod names;
mod near;
mod recall;
mod restore;
mod room;
mod said;
mod share;
mod view;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ipnet::IpNet;

use leases::Leases;
pub use share::Range;

use super::host::HostNames;
use super::wishes::{Groups, Wishes};
use super::{DeviceKey, Mac, NameSource};
use crate::config::not_ahead;
use crate::query::{DeviceId, GroupId};

/// An address-only device turns out to be one with a hardware address only if it asked within this
/// time: an address that was quiet for longer may have changed hands.
const RECENT_MS: i64 = 60 * 60 * 1000;

/// Devices take new IPv6 addresses every day; older ones than these are forgotten.
const ADDRESSES_A_DEVICE: usize = 16;

/// An address that asked.
#[derive(Clone)]
pub(super) struct Seat {
    /// The device that it belongs to, never an alias.
    pub device: DeviceId,
    /// The group of that device, in what DNS threads read.
    pub group: GroupId,
    seen_ms: Arc<AtomicI64>,
}

impl Seat {
    fn new(device: DeviceId, now_ms: i64) -> Self {
        Self {
            device,
            group: GroupId::default(),
            seen_ms: Arc::new(AtomicI64::new(now_ms)),
        }
    }

    /// Notes that the address asked; written at most once a second, so that DNS threads do not
    /// fight over it.
    pub fn touch(&self, now_ms: i64) {
        if now_ms.abs_diff(self.seen_ms()) >= 1000 {
            self.seen_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    fn heed_clock(&self, now_ms: i64) {
        let seen_ms = not_ahead(self.seen_ms(), now_ms);
        self.seen_ms.store(seen_ms, Ordering::Relaxed);
    }

    fn seen_ms(&self) -> i64 {
        self.seen_ms.load(Ordering::Relaxed)
    }
}

/// What an address that asks for the first time changes.
pub(super) enum Change {
    Nothing,
    /// It has a seat now.
    Seat(Seat),
    /// Others lost theirs as well.
    Much,
}

struct Record {
    key: DeviceKey,
    names: HostNames,
    first_seen_ms: i64,
    last_seen_ms: i64,
    alias_of: Option<DeviceId>,
}

/// What is known of all devices.
pub(super) struct State {
    wishes: Wishes,
    records: HashMap<DeviceId, Record>,
    by_key: HashMap<DeviceKey, DeviceId>,
    /// The hardware address that an address was last seen with, also of devices that never asked.
    macs: HashMap<IpAddr, Mac>,
    /// The addresses that the neighbour table has now.
    near: HashSet<IpAddr>,
    leases: Leases,
    seats: HashMap<IpAddr, Seat>,
    /// The seats of devices that said their name.
    callers: HashMap<String, Seat>,
    /// The seats of devices for which a router asked.
    relayed: HashMap<Mac, Seat>,
    /// The routers that may say for whom they ask.
    pub routers: Vec<IpNet>,
    makers: HashMap<Mac, Option<String>>,
    /// The numbers that devices had before the records of earlier runs were read.
    passing: HashMap<DeviceId, DeviceId>,
    /// The numbers that are nobody's any more.
    forgotten: HashSet<DeviceId>,
    next: u32,
    range: Range,
    /// How many records there are of each kind.
    by_address: usize,
    by_mac: usize,
    others: usize,
    made_room_ms: i64,
}

impl State {
    /// The addresses that asked, with the groups of their devices.
    pub fn seats(&self) -> HashMap<IpAddr, Seat> {
        let mut seats = self.seats.clone();
        for seat in seats.values_mut() {
            seat.group = self.group(seat.device);
        }
        seats
    }

    /// Which group a device is in.
    pub fn groups(&self) -> &Groups {
        self.wishes.groups()
    }

    /// Puts devices into groups. Says whether that changes anything.
    pub fn set_groups(&mut self, groups: Groups) -> bool {
        let is_new = *self.wishes.groups() != groups;
        self.wishes = std::mem::take(&mut self.wishes).with_groups(groups);
        is_new
    }

    /// The group of a device.
    pub fn group(&self, device: DeviceId) -> GroupId {
        self.wishes.group(self.key(device))
    }

    /// What each alias stands for.
    pub fn aliases(&self) -> HashMap<DeviceId, DeviceId> {
        let ids = self.records.keys().map(|id| (*id, *id));
        ids.chain(self.passing.iter().map(|(from, to)| (*from, *to)))
            .map(|(from, to)| (from, self.canonical(to)))
            .filter(|(from, canonical)| from != canonical)
            .collect()
    }

    /// The device of an address that asks for the first time, and what that changed.
    pub fn meet(&mut self, address: IpAddr, now_ms: i64) -> (DeviceId, Change) {
        if let Some(seat) = self.seats.get(&address) {
            seat.touch(now_ms);
            return (seat.device, Change::Nothing);
        }
        let mut is_much = self.make_room(now_ms);
        let devices = self.records.len();
        let device = self.settle(address, now_ms);
        if let Some(record) = self.records.get_mut(&device) {
            record.last_seen_ms = record.last_seen_ms.max(now_ms);
        }
        let is_new = self.records.len() != devices;
        let is_named = matches!(self.key(device), Some(DeviceKey::Named(_)));
        let seat = self.has_seat_for(device).then(|| Seat {
            group: self.group(device),
            ..Seat::new(device, now_ms)
        });
        if let Some(seat) = &seat {
            self.seats.insert(address, seat.clone());
            let mac = self.macs.get(&address).copied();
            is_much |= mac.is_some_and(|mac| self.forget_oldest_address(mac));
        }
        // What people call a device is told with the seats of all.
        is_much |= is_new && (is_named || seat.is_none());
        match seat {
            _ if is_much => (device, Change::Much),
            Some(seat) => (device, Change::Seat(seat)),
            None => (device, Change::Nothing),
        }
    }

    /// The record by the hardware address, or by the address where there is none.
    fn base(&self, address: IpAddr) -> DeviceKey {
        match self.macs.get(&address) {
            Some(mac) => DeviceKey::Mac(*mac),
            None => DeviceKey::Ip(address),
        }
    }

    /// The device that an address belongs to; a new one if need be.
    fn settle(&mut self, address: IpAddr, now_ms: i64) -> DeviceId {
        let base = self.base(address);
        let id = if let Some(name) = self.wish_at(&base, address) {
            self.enter(DeviceKey::Named(name.to_owned()), now_ms)
        } else {
            self.enter(base.clone(), now_ms)
        };
        self.note_lease_name(&base, address);
        self.canonical(id)
    }

    /// The device of the config that has an address with this base.
    fn wish_at(&self, base: &DeviceKey, address: IpAddr) -> Option<&str> {
        let by_mac = match base {
            DeviceKey::Mac(mac) => self.wishes.of_mac(*mac),
            _ => None,
        };
        let wish = by_mac.or_else(|| self.wishes.of_address(address));
        let by_lease = || self.wishes.of_host(self.leases.name_at(base, address)?);
        wish.or_else(|| self.wish(base)).or_else(by_lease)
    }

    /// The device of the config that a base belongs to as a whole.
    fn wish(&self, base: &DeviceKey) -> Option<&str> {
        let found = match base {
            DeviceKey::Mac(mac) => self
                .wishes
                .of_mac(*mac)
                .or_else(|| self.wish_of_all_addresses(*mac)),
            DeviceKey::Ip(address) => self.wishes.of_address(*address),
            DeviceKey::Named(_) | DeviceKey::Others => None,
        };
        found.or_else(|| {
            let record = self.records.get(self.by_key.get(base)?)?;
            let mut names = record.names.all();
            names.find_map(|name| self.wishes.of_host(name))
        })
    }

    /// The config names a device by its IPv4 address, and the device asks by IPv6 too. But a
    /// repeater lends its hardware address to several devices: all IPv4 addresses have to agree.
    fn wish_of_all_addresses(&self, mac: Mac) -> Option<&str> {
        if !self.wishes.knows_addresses() {
            return None;
        }
        let of_mac = |(address, other): (&IpAddr, &Mac)| (*other == mac).then_some(*address);
        let addresses: Vec<IpAddr> = self.macs.iter().filter_map(of_mac).collect();
        let has_ipv4 = addresses.iter().any(IpAddr::is_ipv4);
        let mut wishes = addresses
            .iter()
            .filter(|address| address.is_ipv4() || !has_ipv4)
            .map(|address| self.wishes.of_address(*address));
        let first = wishes.next()??;
        wishes.all(|wish| wish == Some(first)).then_some(first)
    }

    /// An address-only device turns out to have a hardware address.
    fn recognise(&mut self, address: IpAddr, mac: Mac) {
        let Some(guess) = self.record_mut(&DeviceKey::Ip(address)) else {
            return;
        };
        let (names, first, last) = (guess.names.clone(), guess.first_seen_ms, guess.last_seen_ms);
        let id = self.enter(DeviceKey::Mac(mac), first);
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        if record.key == DeviceKey::Others {
            return;
        }
        record.names.join(names);
        record.first_seen_ms = record.first_seen_ms.min(first);
        record.last_seen_ms = record.last_seen_ms.max(last);
        if let Some(guess) = self.record_mut(&DeviceKey::Ip(address)) {
            guess.alias_of = Some(id);
        }
    }

    /// Looks again where a hardware address and its addresses belong.
    fn resettle(&mut self, mac: Mac) {
        self.link(&DeviceKey::Mac(mac));
        let has_mac = |address: &&IpAddr| self.macs.get(*address) == Some(&mac);
        let addresses: Vec<IpAddr> = self.seats.keys().filter(has_mac).copied().collect();
        for address in addresses {
            self.reseat(address);
        }
    }

    fn reseat(&mut self, address: IpAddr) {
        let Some(seen) = self.seats.get(&address).map(Seat::seen_ms) else {
            return;
        };
        let device = self.settle(address, seen);
        if let Some(seat) = self.seats.get_mut(&address) {
            seat.device = device;
        }
    }

    /// Makes a base an alias of the device that it belongs to.
    fn link(&mut self, base: &DeviceKey) {
        if matches!(base, DeviceKey::Named(_) | DeviceKey::Others) {
            return;
        }
        let Some(record) = self.record_mut(base) else {
            return;
        };
        let (before, first, last) = (record.alias_of, record.first_seen_ms, record.last_seen_ms);
        let target = match (self.wish(base).map(str::to_owned), base) {
            (Some(name), _) => Some(self.enter(DeviceKey::Named(name), first)),
            // It was recognised by its hardware address.
            (None, DeviceKey::Ip(_)) => before.filter(|id| self.has_mac(*id)),
            (None, _) => None,
        };
        if let Some(target) = target.and_then(|id| self.records.get_mut(&id)) {
            target.first_seen_ms = target.first_seen_ms.min(first);
            target.last_seen_ms = target.last_seen_ms.max(last);
        }
        if let Some(record) = self.record_mut(base) {
            record.alias_of = target;
        }
    }

    /// Whether addresses may turn out to be this device's without a wish: it goes by its hardware
    /// address, also where people named it in the dashboard since.
    fn has_mac(&self, id: DeviceId) -> bool {
        matches!(self.key(id), Some(DeviceKey::Mac(_))) || self.wishes.of_number(id).is_some()
    }

    fn canonical(&self, id: DeviceId) -> DeviceId {
        let mut id = id;
        // An address is an alias of a hardware address, which is one of a named device.
        for _ in 0..3 {
            match self.records.get(&id).and_then(|record| record.alias_of) {
                Some(target) => id = target,
                None => break,
            }
        }
        id
    }

    fn key(&self, id: DeviceId) -> Option<&DeviceKey> {
        self.records.get(&id).map(|record| &record.key)
    }

    fn record_mut(&mut self, key: &DeviceKey) -> Option<&mut Record> {
        self.records.get_mut(self.by_key.get(key)?)
    }

    /// The number of a key; a new one if there is room.
    fn enter(&mut self, key: DeviceKey, now_ms: i64) -> DeviceId {
        let is_known = self.by_key.contains_key(&key);
        let key = if is_known || self.range.has(self.next, &key) && self.has_room_for(&key) {
            key
        } else {
            DeviceKey::Others
        };
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = DeviceId(self.next);
        self.next = self.next.saturating_add(1);
        let mut names = HostNames::default();
        if let Some(name) = self.leases.name(&key) {
            names.set(NameSource::Lease, name);
        }
        let record = Record {
            key,
            names,
            first_seen_ms: now_ms,
            last_seen_ms: now_ms,
            alias_of: None,
        };
        self.insert(id, record);
        id
    }
}
