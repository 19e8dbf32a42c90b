//! The host names of devices, as they are told.

use std::net::IpAddr;

use super::{Record, State};
use crate::device::wishes::first_label;
use crate::device::{DeviceKey, NameSource};
use crate::query::DeviceId;

impl State {
    /// Learns the host name of an address. Says whether its device goes by other names now.
    pub fn learn_name(&mut self, address: IpAddr, source: NameSource, name: &str) -> bool {
        let base = self.base(address);
        let has_lease = self.leases.name_at(&base, address).is_some();
        let Some(record) = self.namer_mut(&base) else {
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
        let record = self.namer_mut(base);
        if record.is_some_and(|record| record.names.set(NameSource::Lease, name)) {
            self.follow_names(base);
        }
    }

    /// The record that goes by the names of a base: its own, else that of the device that people
    /// recognise by it.
    pub(super) fn namer_mut(&mut self, base: &DeviceKey) -> Option<&mut Record> {
        if !self.by_key.contains_key(base) {
            let named = self.wishes.of_base(base)?.to_owned();
            return self.record_mut(&DeviceKey::Named(named));
        }
        self.record_mut(base)
    }

    /// What a device calls itself, or others call it, whatever people do.
    pub(super) fn host_name(&self, id: DeviceId, record: &Record) -> Option<String> {
        let (_, name) = record.names.best().or_else(|| {
            let is_named = matches!(record.key, DeviceKey::Named(_));
            let mut others = self.records.values().filter(|_| is_named);
            others.find_map(|other| other.names.best().filter(|_| other.alias_of == Some(id)))
        })?;
        Some(name.to_owned())
    }

    /// The config may know a base by the names that it goes by now.
    fn follow_names(&mut self, base: &DeviceKey) {
        match base {
            DeviceKey::Mac(mac) => self.resettle(*mac),
            DeviceKey::Ip(address) => {
                // It may have been one with a named device by the name that it had.
                if let Some(record) = self.record_mut(base) {
                    record.alias_of = None;
                }
                self.link(base);
                self.reseat(*address);
            }
            DeviceKey::Named(_) | DeviceKey::Others => {}
        }
    }
}
