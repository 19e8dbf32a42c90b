//! The host names of devices, as they are told.

use std::net::IpAddr;

use super::State;
use crate::device::wishes::first_label;
use crate::device::{DeviceKey, NameSource};

impl State {
    /// Learns the host name of an address. Says whether its device goes by other names now.
    pub fn learn_name(&mut self, address: IpAddr, source: NameSource, name: &str) -> bool {
        let base = self.base(address);
        let has_lease = self.leases.name_at(&base, address).is_some();
        let Some(record) = self.record_mut(&base) else {
            return false;
        };
        let before = record.names.clone();
        if !has_lease {
            // What a lease of before said is older than this.
            record.names.forget(NameSource::Lease);
        }
        record.names.set(source, first_label(name));
        let is_other = record.names != before;
        if is_other {
            self.follow_names(&base);
        }
        is_other
    }

    /// Takes the name that a lease gives a base.
    pub(super) fn take_lease_name(&mut self, base: &DeviceKey, name: &str) {
        let record = self.record_mut(base);
        if record.is_some_and(|record| record.names.set(NameSource::Lease, name)) {
            self.follow_names(base);
        }
    }

    /// The config may know a base by the names that it goes by now.
    fn follow_names(&mut self, base: &DeviceKey) {
        match base {
            DeviceKey::Mac(mac) => self.resettle(*mac),
            DeviceKey::Ip(address) => {
                self.link(base);
                self.reseat(*address);
            }
            DeviceKey::Named(_) | DeviceKey::Others => {}
        }
    }
}
