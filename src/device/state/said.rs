//! Devices that are not known by the address that asks: they say their name, or a router says for
//! which hardware address it asks.

use std::collections::HashMap;

use super::{Seat, State};
use crate::device::{DeviceKey, Mac};
use crate::query::DeviceId;

impl State {
    /// The device of the config that says this name, in lower case.
    pub fn meet_caller(&mut self, name: &str, now_ms: i64) -> Option<DeviceId> {
        let device = self.wishes.of_host(name)?.to_owned();
        let id = self.enter(DeviceKey::Named(device), now_ms);
        self.callers.insert(name.to_owned(), Seat::new(id, now_ms));
        Some(id)
    }

    /// The names that devices may say, with the seats of those that did.
    pub fn callers(&self) -> HashMap<String, Option<Seat>> {
        let hosts = self.wishes.hosts();
        hosts
            .map(|host| {
                let mut seat = self.callers.get(&host).cloned();
                if let Some(seat) = &mut seat {
                    seat.group = self.group(seat.device);
                }
                (host, seat)
            })
            .collect()
    }

    /// The device of this hardware address, for which a router asks, and whether that is news.
    pub fn meet_relayed(&mut self, mac: Mac, now_ms: i64) -> (DeviceId, bool) {
        let mut is_new = self.make_room(now_ms);
        let devices = self.records.len();
        let key = self.key_of_mac(mac);
        let id = self.enter(key.clone(), now_ms);
        self.link(&key);
        let id = self.canonical(id);
        is_new |= self.records.len() != devices;
        // One of many that there is no room for is met anew each time.
        if self.key(id) != Some(&DeviceKey::Others) {
            self.relayed.insert(mac, Seat::new(id, now_ms));
            is_new = true;
        }
        (id, is_new)
    }

    /// The seats of devices for which a router asked, with their groups.
    pub fn relayed(&self) -> HashMap<Mac, Seat> {
        let seats = self.relayed.iter().filter_map(|(mac, seat)| {
            // It may have been named since.
            let id = *self.by_key.get(&self.key_of_mac(*mac))?;
            let device = self.canonical(id);
            let seat = Seat {
                device,
                group: self.group(device),
                ..seat.clone()
            };
            Some((*mac, seat))
        });
        seats.collect()
    }

    fn key_of_mac(&self, mac: Mac) -> DeviceKey {
        match self.wishes.of_mac(mac) {
            Some(name) => DeviceKey::Named(name.to_owned()),
            None => DeviceKey::Mac(mac),
        }
    }
}
