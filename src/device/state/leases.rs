//! What DHCP servers gave out: host names that devices told them, and hardware addresses of devices
//! that no neighbour table has, because they are behind another router.

use std::collections::HashMap;
use std::net::IpAddr;

use super::State;
use super::room::MOST_LEASES;
use crate::device::host::host_name;
use crate::device::{DeviceKey, Lease, Mac, NameSource, is_of_one};

/// The leases that hold now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leases {
    macs: HashMap<IpAddr, Mac>,
    /// The names of those whose hardware addresses are told.
    by_mac: HashMap<Mac, String>,
    /// The names of those of which only the address is known.
    by_address: HashMap<IpAddr, String>,
}

impl Leases {
    /// Takes them in the order of the files; what is told first holds.
    fn of(leases: Vec<Lease>) -> Self {
        let mut found = Self::default();
        for lease in leases.into_iter().take(MOST_LEASES) {
            let address = lease.address.to_canonical();
            let mac = lease.mac.filter(|mac| is_of_one(*mac));
            let name = lease.name.as_deref().and_then(host_name);
            match (mac, name) {
                (Some(mac), Some(name)) => _ = found.by_mac.entry(mac).or_insert(name),
                (None, Some(name)) => _ = found.by_address.entry(address).or_insert(name),
                (_, None) => {}
            }
            if let Some(mac) = mac {
                found.macs.entry(address).or_insert(mac);
            }
        }
        found
    }

    /// The hardware address that an address was given out to.
    pub fn mac(&self, address: IpAddr) -> Option<Mac> {
        self.macs.get(&address).copied()
    }

    /// The name of a base alone.
    pub fn name(&self, base: &DeviceKey) -> Option<&str> {
        let name = match base {
            DeviceKey::Mac(mac) => self.by_mac.get(mac),
            DeviceKey::Ip(address) => self.by_address.get(address),
            DeviceKey::Named(_) | DeviceKey::Others => None,
        };
        name.map(String::as_str)
    }

    /// The name of a base that has this address.
    pub fn name_at(&self, base: &DeviceKey, address: IpAddr) -> Option<&str> {
        let by_address = || self.by_address.get(&address).map(String::as_str);
        self.name(base).or_else(by_address)
    }
}

impl State {
    /// Takes the leases that hold now. Says whether any is new.
    pub fn learn_leases(&mut self, leases: Vec<Lease>, now_ms: i64) -> bool {
        let leases = Leases::of(leases);
        if leases == self.leases {
            return false;
        }
        let before = std::mem::replace(&mut self.leases, leases);
        for address in before.macs.into_keys() {
            self.forget_mac(address);
        }
        let given = self.leases.macs.iter();
        // What the neighbour table has now, is so.
        let far = given.filter(|(address, _)| !self.near.contains(*address));
        let far: Vec<(IpAddr, Mac)> = far.map(|(address, mac)| (*address, *mac)).collect();
        for (address, mac) in far {
            self.take_mac(address, mac, now_ms);
        }
        self.note_lease_names();
        true
    }

    /// Names devices by their leases.
    pub(super) fn note_lease_names(&mut self) {
        let by_mac = self.leases.by_mac.iter();
        let mut named: HashMap<DeviceKey, String> = by_mac
            .map(|(mac, name)| (DeviceKey::Mac(*mac), name.clone()))
            .collect();
        for (address, name) in &self.leases.by_address {
            let base = self.base(*address);
            named.entry(base).or_insert_with(|| name.clone());
        }
        for (base, name) in named {
            self.take_lease_name(&base, &name);
        }
    }

    /// Takes over the name that a new record has by its lease.
    pub(super) fn note_lease_name(&mut self, base: &DeviceKey, address: IpAddr) {
        let name = self.leases.name_at(base, address).map(str::to_owned);
        if let (Some(name), Some(record)) = (name, self.namer_mut(base)) {
            record.names.set(NameSource::Lease, &name);
        }
    }

    /// Forgets who has an address that is neither near nor given out. Who had it and asked keeps
    /// it, until another takes it.
    pub(super) fn forget_mac(&mut self, address: IpAddr) {
        if !self.is_held(address) {
            self.macs.remove(&address);
        }
    }

    /// The same, for all addresses.
    pub(super) fn forget_macs(&mut self) {
        let mut macs = std::mem::take(&mut self.macs);
        macs.retain(|address, _| self.is_held(*address));
        self.macs = macs;
    }

    fn is_held(&self, address: IpAddr) -> bool {
        let is_there = self.near.contains(&address) || self.leases.mac(address).is_some();
        is_there || self.seats.contains_key(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, DeviceMatch};
    use crate::device::{Device, Devices, NamedBy};
    use crate::query::DeviceId;

    const NOW: i64 = 1_700_000_000_000;
    const PHONE: Mac = [0x02, 0, 0, 1, 2, 3];
    const TABLET: Mac = [0x02, 0, 0, 4, 5, 6];

    fn devices(config: &[config::Device]) -> Devices {
        Devices::new(config, Vec::new())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ask(devices: &Devices, address: &str) -> DeviceId {
        devices.identify_at(ip(address), NOW)
    }

    fn learn(devices: &Devices, leases: &[(&str, Option<Mac>, &str)]) {
        let lease = |(address, mac, name): &(&str, Option<Mac>, &str)| Lease {
            address: ip(address),
            mac: *mac,
            name: (!name.is_empty()).then(|| (*name).to_owned()),
        };
        devices.learn_leases_at(leases.iter().map(lease).collect(), NOW);
    }

    fn name(devices: &Devices, id: DeviceId) -> (String, NamedBy) {
        let device = devices.device(id).unwrap();
        (device.title(), device.named_by)
    }

    fn by_lease(name: &str) -> (String, NamedBy) {
        (name.to_owned(), NamedBy::Lease)
    }

    fn named(name: &str, found: DeviceMatch) -> config::Device {
        config::Device {
            name: name.to_owned(),
            matches: vec![found],
            tags: Vec::new(),
            group: None,
        }
    }

    #[test]
    fn a_lease_names_a_device_and_tells_its_hardware_address() {
        let devices = devices(&[]);
        learn(&devices, &[("192.0.2.7", Some(PHONE), "phone")]);
        let phone = ask(&devices, "192.0.2.7");
        assert_eq!(name(&devices, phone), by_lease("phone"));
        assert_eq!(devices.device(phone).unwrap().key, DeviceKey::Mac(PHONE));
        // It moves to another address, and is the same.
        learn(&devices, &[("192.0.2.8", Some(PHONE), "phone")]);
        assert_eq!(ask(&devices, "192.0.2.8"), phone);
    }

    #[test]
    fn a_lease_that_comes_later_names_who_asked_before() {
        let devices = devices(&[]);
        let guess = ask(&devices, "192.0.2.7");
        let other = ask(&devices, "2001:db8::8");
        learn(
            &devices,
            &[
                ("192.0.2.7", Some(PHONE), "phone"),
                ("2001:db8::8", None, "nas"),
            ],
        );
        let phone = devices.resolve(guess);
        assert_ne!(phone, guess);
        assert_eq!(name(&devices, phone), by_lease("phone"));
        assert_eq!(name(&devices, other), by_lease("nas"));
    }

    #[test]
    fn the_neighbour_table_comes_before_leases() {
        let devices = devices(&[]);
        devices.sight_at(ip("192.0.2.7"), TABLET, NOW);
        learn(&devices, &[("192.0.2.7", Some(PHONE), "phone")]);
        let tablet = ask(&devices, "192.0.2.7");
        assert_eq!(devices.device(tablet).unwrap().key, DeviceKey::Mac(TABLET));
        assert_eq!(name(&devices, tablet).1, NamedBy::Address);
        // Once the table has it no more, the lease says who has it.
        devices.lose(ip("192.0.2.7"));
        let phone = ask(&devices, "192.0.2.7");
        assert_eq!(name(&devices, phone), by_lease("phone"));
    }

    #[test]
    fn what_the_neighbour_table_lost_unseen_has_whom_the_lease_says() {
        let devices = devices(&[]);
        devices.sight_at(ip("192.0.2.7"), TABLET, NOW);
        devices.sight_at(ip("192.0.2.8"), TABLET, NOW);
        learn(&devices, &[("192.0.2.7", Some(PHONE), "phone")]);
        // It is read anew.
        devices.near_are(&[ip("192.0.2.8")].into());
        let phone = ask(&devices, "192.0.2.7");
        assert_eq!(name(&devices, phone), by_lease("phone"));
        let tablet = devices.device(ask(&devices, "192.0.2.8")).unwrap();
        assert_eq!(tablet.key, DeviceKey::Mac(TABLET));
    }

    #[test]
    fn a_lease_without_hardware_address_names_whom_the_neighbour_table_knows() {
        let devices = devices(&[]);
        learn(&devices, &[("2001:db8::7", None, "tablet")]);
        devices.sight_at(ip("2001:db8::7"), TABLET, NOW);
        devices.sight_at(ip("192.0.2.7"), TABLET, NOW);
        let tablet = ask(&devices, "2001:db8::7");
        assert_eq!(ask(&devices, "192.0.2.7"), tablet);
        assert_eq!(name(&devices, tablet), by_lease("tablet"));
    }

    #[test]
    fn a_router_that_asks_for_a_device_with_a_lease_asks_for_a_named_one() {
        let devices = devices(&[]);
        devices.trust(&["192.0.2.1/32".parse().unwrap()]);
        learn(&devices, &[("192.0.2.7", Some(PHONE), "phone")]);
        let (phone, _) = devices
            .identify_relayed(ip("192.0.2.1"), PHONE, NOW)
            .unwrap();
        assert_eq!(name(&devices, phone), by_lease("phone"));
        assert_eq!(ask(&devices, "192.0.2.7"), phone);
    }

    #[test]
    fn people_name_devices_before_leases_do() {
        let host = DeviceMatch::Host("kids-tablet".to_owned());
        let devices = devices(&[
            named("Phone", DeviceMatch::Mac(PHONE)),
            named("Tablet", host),
        ]);
        learn(
            &devices,
            &[
                ("192.0.2.7", Some(PHONE), "other"),
                ("192.0.2.8", Some(TABLET), "kids-tablet"),
            ],
        );
        for (address, expected) in [("192.0.2.7", "Phone"), ("192.0.2.8", "Tablet")] {
            let id = ask(&devices, address);
            let expected = (expected.to_owned(), NamedBy::Config);
            assert_eq!(name(&devices, id), expected);
        }
        assert_eq!(devices.all().len(), 2);
    }

    #[test]
    fn a_name_by_lease_stays_over_a_restart_and_after_the_lease() {
        let before = devices(&[]);
        learn(&before, &[("192.0.2.7", Some(PHONE), "phone")]);
        let phone = ask(&before, "192.0.2.7");
        learn(&before, &[]);
        assert_eq!(name(&before, phone), by_lease("phone"));
        let devices = devices(&[]);
        devices.number_in_passing();
        devices.recall(before.all());
        assert_eq!(name(&devices, phone), by_lease("phone"));
        assert_eq!(ask(&devices, "192.0.2.7"), phone);
        // It has no lease now, and another name: what was before is no more.
        devices.learn_name(ip("192.0.2.7"), NameSource::Mdns, "pocket");
        assert_eq!(name(&devices, phone), ("pocket".to_owned(), NamedBy::Mdns));
    }

    #[test]
    fn devices_of_earlier_runs_are_named_by_the_leases_of_today() {
        let before = devices(&[]);
        let old = ask(&before, "192.0.2.7");
        before.learn_name(ip("192.0.2.7"), NameSource::Reverse, "old");
        let devices = devices(&[]);
        devices.number_in_passing();
        learn(&devices, &[("192.0.2.7", None, "new")]);
        devices.recall(before.all());
        assert_eq!(name(&devices, old), by_lease("new"));
        devices.rearrange(&config::Config::default(), &crate::device::Kept::default());
        assert_eq!(name(&devices, old), by_lease("new"));
    }

    #[test]
    fn names_that_say_nothing_and_addresses_of_many_are_passed_over() {
        let devices = devices(&[]);
        learn(
            &devices,
            &[
                ("192.0.2.7", Some([0; 6]), "ip-192-0-2-7"),
                ("192.0.2.8", Some([1, 0, 0x5e, 0, 0, 1]), ""),
            ],
        );
        for address in ["192.0.2.7", "192.0.2.8"] {
            let device: Device = devices.device(ask(&devices, address)).unwrap();
            assert_eq!(device.key, DeviceKey::Ip(ip(address)));
            assert_eq!(device.named_by, NamedBy::Address);
        }
    }
}
