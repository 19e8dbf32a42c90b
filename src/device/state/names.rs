//! The host names of devices, as they are told.

use std::net::IpAddr;

use super::State;
use crate::device::wishes::first_label;
use crate::device::{DeviceKey, NameSource};

impl State {
    /// Learns the host name of an address. Says whether it is new.
    pub fn learn_name(&mut self, address: IpAddr, source: NameSource, name: &str) -> bool {
        let base = self.base(address);
        if self.leases.name_at(&base, address).is_none()
            && let Some(record) = self.record_mut(&base)
        {
            // What a lease of before said is older than this.
            record.names.forget(NameSource::Lease);
        }
        self.take_name(&base, source, first_label(name))
    }

    pub(super) fn take_name(&mut self, base: &DeviceKey, source: NameSource, name: &str) -> bool {
        let record = self.record_mut(base);
        if !record.is_some_and(|record| record.names.set(source, name)) {
            return false;
        }
        match base {
            DeviceKey::Mac(mac) => self.resettle(*mac),
            DeviceKey::Ip(address) => {
                self.link(base);
                self.reseat(*address);
            }
            DeviceKey::Named(_) | DeviceKey::Others => {}
        }
        true
    }
}
