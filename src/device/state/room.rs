//! Bounds: a flood of made-up addresses must not eat the memory, nor hide the real devices.

use std::net::IpAddr;

use super::{ADDRESSES_A_DEVICE, RECENT_MS, Record, Seat, State};
use crate::config::not_ahead;
use crate::device::{DeviceKey, Mac};
use crate::query::DeviceId;

/// So many devices are known by address alone, and as many by hardware address.
pub(super) const MOST_DEVICES: usize = 4096;

/// So many leases are looked at.
pub(super) const MOST_LEASES: usize = 2 * MOST_DEVICES;

/// So many addresses are remembered.
const MOST_SEATS: usize = 2 * MOST_DEVICES;

/// Room is made at most this often.
const PAUSE_MS: u64 = 60 * 1000;

impl State {
    /// Whether one more device with such a key may be entered.
    pub(super) fn has_room_for(&self, key: &DeviceKey) -> bool {
        match key {
            DeviceKey::Ip(_) => self.by_address < MOST_DEVICES,
            DeviceKey::Mac(_) => self.by_mac < MOST_DEVICES,
            DeviceKey::Named(_) | DeviceKey::Others => true,
        }
    }

    /// Whether one more address of this device may be remembered.
    pub(super) fn has_seat_for(&self, device: DeviceId) -> bool {
        self.seats.len() < MOST_SEATS && self.key(device) != Some(&DeviceKey::Others)
    }

    pub(super) fn insert(&mut self, id: DeviceId, record: Record) {
        *self.count(&record.key) += 1;
        self.by_key.insert(record.key.clone(), id);
        self.records.insert(id, record);
    }

    /// Where room is short, forgets what has been quiet for longest. Says whether it tried.
    pub(super) fn make_room(&mut self, now_ms: i64) -> bool {
        let short_of_seats = self.seats.len() >= MOST_SEATS;
        let short_of_addresses = self.by_address >= MOST_DEVICES;
        let short_of_macs = self.by_mac >= MOST_DEVICES;
        let is_short = short_of_seats || short_of_addresses || short_of_macs;
        // The clock may have been set back since.
        if !is_short || now_ms.abs_diff(self.made_room_ms) < PAUSE_MS {
            return false;
        }
        self.made_room_ms = now_ms;
        self.note_seen();
        self.heed_clock(now_ms);
        if short_of_seats {
            let is_recent = |seat: &Seat| now_ms - seat.seen_ms() < RECENT_MS;
            self.seats.retain(|_, seat| is_recent(seat));
        }
        if short_of_addresses {
            self.forget_quiet(now_ms, |key| matches!(key, DeviceKey::Ip(_)));
        }
        if short_of_macs {
            self.forget_quiet(now_ms, |key| matches!(key, DeviceKey::Mac(_)));
        }
        self.forget_macs();
        true
    }

    /// What was seen while the clock was ahead was seen now: else it would never be quiet.
    fn heed_clock(&mut self, now_ms: i64) {
        for seat in self.seats.values().chain(self.relayed.values()) {
            seat.heed_clock(now_ms);
        }
        for record in self.records.values_mut() {
            record.last_seen_ms = not_ahead(record.last_seen_ms, now_ms);
            record.first_seen_ms = record.first_seen_ms.min(record.last_seen_ms);
        }
    }

    /// Carries the times over that DNS threads noted at the seats.
    pub(super) fn note_seen(&mut self) {
        for seat in self.callers.values().chain(self.relayed().values()) {
            if let Some(record) = self.records.get_mut(&seat.device) {
                record.last_seen_ms = record.last_seen_ms.max(seat.seen_ms());
            }
        }
        for (address, seat) in &self.seats {
            let base = self.by_key.get(&self.base(*address)).copied();
            for id in [Some(seat.device), base].into_iter().flatten() {
                if let Some(record) = self.records.get_mut(&id) {
                    record.last_seen_ms = record.last_seen_ms.max(seat.seen_ms());
                }
            }
        }
    }

    /// Of a hardware address that asked from too many addresses, forgets the oldest. Says whether
    /// there were too many.
    pub(super) fn forget_oldest_address(&mut self, mac: Mac) -> bool {
        let mut addresses: Vec<(i64, IpAddr)> = self
            .seats
            .iter()
            .filter(|(address, _)| self.macs.get(*address) == Some(&mac))
            .map(|(address, seat)| (seat.seen_ms(), *address))
            .collect();
        addresses.sort_unstable();
        let too_many = addresses.len().saturating_sub(ADDRESSES_A_DEVICE);
        for (_, address) in addresses.into_iter().take(too_many) {
            self.seats.remove(&address);
            self.forget_mac(address);
        }
        too_many > 0
    }

    /// Forgets a quarter of such devices: nameless ones first, then the longest quiet.
    fn forget_quiet(&mut self, now_ms: i64, is_such: impl Fn(&DeviceKey) -> bool) {
        let mut quiet: Vec<(bool, i64, DeviceId)> = self
            .records
            .iter()
            .filter(|(_, record)| is_such(&record.key))
            .filter(|(_, record)| now_ms - record.last_seen_ms >= RECENT_MS)
            .map(|(id, record)| (record.names.best().is_some(), record.last_seen_ms, *id))
            .collect();
        quiet.sort_unstable();
        let gone = quiet.into_iter().take(MOST_DEVICES / 4);
        self.remove(gone.map(|(_, _, id)| id));
    }

    pub(super) fn count(&mut self, key: &DeviceKey) -> &mut usize {
        match key {
            DeviceKey::Ip(_) => &mut self.by_address,
            DeviceKey::Mac(_) => &mut self.by_mac,
            DeviceKey::Named(_) | DeviceKey::Others => &mut self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::device::state::Range;
    use crate::device::wishes::Wishes;

    const NOW: i64 = 1_700_000_000_000;
    const PHONE: Mac = [0x02, 0, 0, 1, 2, 3];

    fn state() -> State {
        let (wishes, range) = (Wishes::default(), Range::default());
        State::restore(wishes, Vec::new(), HashMap::new(), range)
    }

    #[test]
    fn a_hardware_address_that_a_router_tells_is_no_news_where_there_is_no_room_for_it() {
        let mut state = state();
        let mut relayed = |number: u32| {
            let [a, b, c, d] = number.to_be_bytes();
            state.meet_relayed([2, 0, a, b, c, d], NOW)
        };
        let met = (0..=4096).map(&mut relayed);
        let (overflow, is_news) = met.last().unwrap();
        assert!(is_news, "the one that stands for all others");
        for number in [4096, 5000] {
            assert_eq!(relayed(number), (overflow, false));
        }
    }

    #[test]
    fn addresses_that_a_phone_had_for_a_day_are_forgotten() {
        let mut state = state();
        for day in 0..40 {
            let address = format!("2001:db8::{day:x}").parse().unwrap();
            state.sight(address, PHONE, NOW + day);
            state.meet(address, NOW + day);
            state.lose(address, NOW + day);
        }
        assert_eq!(state.macs.len(), ADDRESSES_A_DEVICE);
    }
}
