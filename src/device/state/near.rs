//! What the neighbour table says: who has which address now.

use std::collections::HashSet;
use std::net::IpAddr;

use super::{RECENT_MS, Seat, State};
use crate::device::{DeviceKey, Mac};

impl State {
    /// Learns the hardware address of an address from the neighbour table. Says whether anything is
    /// new.
    pub fn sight(&mut self, address: IpAddr, mac: Mac, now_ms: i64) -> bool {
        self.near.insert(address);
        self.take_mac(address, mac, now_ms)
    }

    pub(super) fn take_mac(&mut self, address: IpAddr, mac: Mac, now_ms: i64) -> bool {
        let before = self.macs.insert(address, mac);
        if before == Some(mac) {
            return false;
        }
        let seen = self.seats.get(&address).map(Seat::seen_ms);
        match (seen, before) {
            (Some(seen), None) if now_ms - seen <= RECENT_MS => self.recognise(address, mac),
            // The address changed hands; who has it now has not asked yet.
            (Some(_), _) => {
                self.seats.remove(&address);
            }
            (None, _) => {}
        }
        self.note_lease_name(&DeviceKey::Mac(mac), address);
        self.resettle(mac);
        if let Some(before) = before {
            self.resettle(before);
        }
        seen.is_some() || self.by_key.contains_key(&DeviceKey::Mac(mac))
    }

    /// The neighbour table forgot an address: what its lease says counts, if it has one. Says whether
    /// anything is new.
    pub fn lose(&mut self, address: IpAddr, now_ms: i64) -> bool {
        self.near.remove(&address);
        if let Some(mac) = self.leases.mac(address) {
            return self.take_mac(address, mac, now_ms);
        }
        self.forget_mac(address);
        false
    }

    /// The neighbour table was read as a whole: what it does not have, it has lost. Says whether
    /// anything is new.
    pub fn near_are(&mut self, found: &HashSet<IpAddr>, now_ms: i64) -> bool {
        let lost: Vec<IpAddr> = self.near.difference(found).copied().collect();
        let mut is_new = false;
        for address in lost {
            is_new |= self.lose(address, now_ms);
        }
        is_new
    }
}
