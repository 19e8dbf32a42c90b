//! The registry: who has which address. DNS threads read a snapshot; what is new takes a lock.

mod forget;
mod unsaved;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::watch;

use super::maker::Makers;
use super::state::{Change, Range, Seat, State};
use super::wishes::{Groups, Kept, Wishes};
use super::{Device, Lease, Mac, NameSource};
use crate::config::{self, Config, not_ahead};
use crate::query::{DeviceId, GroupId};
pub use unsaved::Unsaved;

/// So many new seats are gathered before all are copied.
const RECENT_SEATS: usize = 64;

/// All devices that ever asked.
pub struct Devices {
    snapshot: ArcSwap<Snapshot>,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    saved: Mutex<unsaved::Saved>,
}

/// What DNS threads need, swapped whole.
struct Snapshot {
    seats: Arc<HashMap<IpAddr, Seat>>,
    /// The seats of the last few addresses that were new: all seats are copied only now and then,
    /// so that a flood of new addresses costs little.
    recent: HashMap<IpAddr, Seat>,
    aliases: Arc<HashMap<DeviceId, DeviceId>>,
    /// What people call those that they named.
    called: Arc<HashMap<DeviceId, Arc<str>>>,
    /// The names by which devices of the config may call themselves.
    callers: Arc<HashMap<String, Option<Seat>>>,
    /// The seats of devices for which a router asked.
    relayed: Arc<HashMap<Mac, Seat>>,
    /// The routers that may say for whom they ask.
    routers: Arc<Vec<IpNet>>,
}

impl Snapshot {
    fn of(state: &State) -> Self {
        Self {
            seats: Arc::new(state.seats()),
            recent: HashMap::new(),
            aliases: Arc::new(state.aliases()),
            called: Arc::new(state.called()),
            callers: Arc::new(state.callers()),
            relayed: Arc::new(state.relayed()),
            routers: Arc::new(state.routers.clone()),
        }
    }

    fn with(&self, address: IpAddr, seat: Seat) -> Self {
        let mut recent = self.recent.clone();
        recent.insert(address, seat);
        Self {
            seats: Arc::clone(&self.seats),
            recent,
            aliases: Arc::clone(&self.aliases),
            called: Arc::clone(&self.called),
            callers: Arc::clone(&self.callers),
            relayed: Arc::clone(&self.relayed),
            routers: Arc::clone(&self.routers),
        }
    }

    /// Whether an address may say for whom it asks.
    fn is_router(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.routers.iter().any(|net| net.contains(&address))
    }

    fn seat(&self, address: IpAddr) -> Option<&Seat> {
        let seat = self.seats.get(&address);
        seat.or_else(|| self.recent.get(&address))
    }
}

impl Devices {
    /// The devices that are known, under this config.
    pub fn new(config: &[config::Device], known: Vec<Device>) -> Self {
        let state = State::restore(Wishes::new(config), known, HashMap::new(), Range::default());
        Self {
            snapshot: ArcSwap::from_pointee(Snapshot::of(&state)),
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            saved: Mutex::default(),
        }
    }

    /// The device that asks from this address. No lock, unless it asks for the first time.
    pub fn identify(&self, address: IpAddr) -> DeviceId {
        self.identify_at(address, now_ms())
    }

    /// The same, at a given time in milliseconds since 1970-01-01 UTC.
    pub fn identify_at(&self, address: IpAddr, now_ms: i64) -> DeviceId {
        self.identify_with_group(address, now_ms).0
    }

    /// The device that asks from this address, and its group.
    pub fn identify_with_group(&self, address: IpAddr, now_ms: i64) -> (DeviceId, GroupId) {
        // A socket for both families gives IPv4 addresses as ::ffff:192.0.2.7.
        let address = address.to_canonical();
        if let Some(seat) = self.snapshot.load().seat(address) {
            seat.touch(now_ms);
            return (seat.device, seat.group);
        }
        let mut state = self.lock();
        let device = match state.meet(address, now_ms) {
            (device, Change::Nothing) => device,
            (device, Change::Seat(seat)) => {
                self.publish_seat(&state, address, seat);
                device
            }
            (device, Change::Much) => {
                self.publish(&state);
                device
            }
        };
        (device, state.group(device))
    }

    /// The group of a device.
    pub fn group(&self, id: DeviceId) -> GroupId {
        self.lock().group(id)
    }

    /// Puts devices into groups.
    pub fn set_groups(&self, groups: Groups) {
        let mut state = self.lock();
        if state.set_groups(groups) {
            self.publish(&state);
        }
    }

    /// The device of the config that calls itself by this host name, in lower case, and its group;
    /// none where the config has no such. No lock, unless it does so for the first time.
    pub fn identify_named(&self, name: &str, now_ms: i64) -> Option<(DeviceId, GroupId)> {
        if let Some(seat) = self.snapshot.load().callers.get(name)? {
            seat.touch(now_ms);
            return Some((seat.device, seat.group));
        }
        let mut state = self.lock();
        let device = state.meet_caller(name, now_ms);
        self.publish(&state);
        device.map(|device| (device, state.group(device)))
    }

    /// The device of this hardware address, for which a router asks from `address`, and its group;
    /// none where that is no router that is trusted. No lock, unless it does so for the first time.
    pub fn identify_relayed(
        &self,
        address: IpAddr,
        mac: Mac,
        now_ms: i64,
    ) -> Option<(DeviceId, GroupId)> {
        let snapshot = self.snapshot.load();
        if !snapshot.is_router(address) {
            return None;
        }
        if let Some(seat) = snapshot.relayed.get(&mac) {
            seat.touch(now_ms);
            return Some((seat.device, seat.group));
        }
        let mut state = self.lock();
        let (device, is_new) = state.meet_relayed(mac, now_ms);
        if is_new {
            self.publish(&state);
        }
        Some((device, state.group(device)))
    }

    /// The device of the config that a router at `address` says it is, by an id in lower case, and its
    /// group; none where that is no router that is trusted.
    pub fn identify_relayed_named(
        &self,
        address: IpAddr,
        id: &str,
        now_ms: i64,
    ) -> Option<(DeviceId, GroupId)> {
        let is_router = self.snapshot.load().is_router(address);
        is_router.then(|| self.identify_named(id, now_ms))?
    }

    /// Takes the routers that may say for whom they ask.
    pub fn trust(&self, routers: &[IpNet]) {
        let mut state = self.lock();
        state.routers = routers.to_vec();
        self.publish(&state);
    }

    /// The device that this number stands for now: its own, unless it turned out to be another's.
    pub fn resolve(&self, id: DeviceId) -> DeviceId {
        self.snapshot.load().aliases.get(&id).copied().unwrap_or(id)
    }

    /// The name that people gave a device; `None` where they gave it none. No lock.
    pub fn called(&self, id: DeviceId) -> Option<Arc<str>> {
        let snapshot = self.snapshot.load();
        let id = snapshot.aliases.get(&id).unwrap_or(&id);
        snapshot.called.get(id).cloned()
    }

    /// The device that this number stands for now.
    pub fn device(&self, id: DeviceId) -> Option<Device> {
        self.find_makers();
        self.lock().device(id)
    }

    /// All devices by their number, to be kept. Those with `alias_of` are not shown.
    pub fn all(&self) -> Vec<Device> {
        self.find_makers();
        self.lock().devices()
    }

    /// Counts up with each change that should be kept; when a device last asked is none.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Gives the devices that ask from now on passing numbers, until [`Devices::recall`].
    pub fn number_in_passing(&self) {
        self.lock().number_in_passing();
    }

    /// Numbers new devices from this range: others are numbered by other nodes.
    pub fn number_from(&self, range: Range) {
        self.lock().set_range(range);
    }

    /// Takes over what other nodes know of devices.
    pub fn learn(&self, mut others: Vec<Device>) {
        heed_clock(&mut others);
        let mut state = self.lock();
        if state.learn(others) {
            self.publish(&state);
        }
    }

    /// Takes over the devices of earlier runs, while others already ask.
    pub fn recall(&self, mut known: Vec<Device>) {
        heed_clock(&mut known);
        let mut state = self.lock();
        state.recall(known);
        self.publish(&state);
    }

    /// Takes a new config.
    pub fn reconfigure(&self, config: &[config::Device]) {
        let mut state = self.lock();
        let groups = state.groups().clone();
        state.reconfigure(Wishes::new(config).with_groups(groups));
        self.publish(&state);
    }

    /// Takes a new config with its groups, in which some devices keep their numbers under the names
    /// that people gave them.
    pub fn rearrange(&self, config: &Config, kept: &Kept) {
        let wishes = Wishes::new(&config.devices)
            .with_groups(Groups::of(config))
            .with_kept(kept.clone());
        let mut state = self.lock();
        state.reconfigure(wishes);
        self.publish(&state);
    }

    /// Learns the hardware address of an address from the neighbour table.
    pub fn sight(&self, address: IpAddr, mac: Mac) {
        self.sight_at(address, mac, now_ms());
    }

    /// The same, at a given time in milliseconds since 1970-01-01 UTC.
    pub fn sight_at(&self, address: IpAddr, mac: Mac, now_ms: i64) {
        let mut state = self.lock();
        if state.sight(address.to_canonical(), mac, now_ms) {
            self.publish(&state);
        }
    }

    /// The neighbour table forgot an address. A device that asked from it keeps it until another
    /// one takes it.
    pub fn lose(&self, address: IpAddr) {
        let mut state = self.lock();
        if state.lose(address.to_canonical(), now_ms()) {
            self.publish(&state);
        }
    }

    /// The neighbour table was read as a whole, and has these addresses.
    pub fn near_are(&self, found: &HashSet<IpAddr>) {
        let mut state = self.lock();
        if state.near_are(found, now_ms()) {
            self.publish(&state);
        }
    }

    /// Learns what DHCP servers gave out: all of it.
    pub fn learn_leases(&self, leases: Vec<Lease>) {
        self.learn_leases_at(leases, now_ms());
    }

    /// The same, at a given time in milliseconds since 1970-01-01 UTC.
    pub fn learn_leases_at(&self, leases: Vec<Lease>, now_ms: i64) {
        let mut state = self.lock();
        if state.learn_leases(leases, now_ms) {
            self.publish(&state);
        }
    }

    /// Learns the host name of an address.
    pub fn learn_name(&self, address: IpAddr, source: NameSource, name: &str) {
        let mut state = self.lock();
        if state.learn_name(address.to_canonical(), source, name) {
            self.publish(&state);
        }
    }

    /// One address of each device whose host name may be looked up.
    pub(super) fn to_look_up(&self) -> Vec<(DeviceId, IpAddr)> {
        self.lock().to_look_up()
    }

    /// Looks the makers up that are not known yet; outside the lock, because unpacking the table
    /// takes milliseconds.
    fn find_makers(&self) {
        let macs = self.lock().without_maker();
        if macs.is_empty() {
            return;
        }
        let table = Makers::open();
        let found = macs
            .into_iter()
            .map(|mac| (mac, table.find(mac).map(str::to_owned)))
            .collect();
        self.lock().learn_makers(found);
    }

    fn publish_seat(&self, state: &State, address: IpAddr, seat: Seat) {
        let before = self.snapshot.load();
        if before.recent.len() >= RECENT_SEATS {
            self.publish(state);
        } else {
            self.snapshot.store(Arc::new(before.with(address, seat)));
            self.changed.send_modify(|version| *version += 1);
        }
    }

    fn publish(&self, state: &State) {
        self.snapshot.store(Arc::new(Snapshot::of(state)));
        self.changed.send_modify(|version| *version += 1);
    }

    /// A thread that panicked left the state as whole as it was: each step only adds.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was kept while the clock was ahead was seen now: else it would never be quiet.
fn heed_clock(devices: &mut [Device]) {
    let now_ms = now_ms();
    for device in devices {
        device.last_seen_ms = not_ahead(device.last_seen_ms, now_ms);
        device.first_seen_ms = device.first_seen_ms.min(device.last_seen_ms);
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{DeviceKey, NamedBy};
    use super::*;
    use crate::config::DeviceMatch;

    const NOW: i64 = 1_700_000_000_000;
    const HOUR: i64 = 60 * 60 * 1000;
    /// Xiaomi's.
    const PHONE: Mac = [0x28, 0x6c, 0x07, 1, 2, 3];
    /// Made up by the device.
    const TABLET: Mac = [0x02, 0, 0, 1, 2, 3];

    fn devices(config: &[config::Device]) -> Devices {
        Devices::new(config, Vec::new())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ask(devices: &Devices, address: &str) -> DeviceId {
        devices.identify_at(ip(address), NOW)
    }

    fn sight(devices: &Devices, address: &str, mac: Mac) {
        devices.sight_at(ip(address), mac, NOW);
    }

    fn named(name: &str, matches: &[DeviceMatch]) -> config::Device {
        config::Device {
            name: name.to_owned(),
            matches: matches.to_vec(),
            tags: Vec::new(),
            group: None,
        }
    }

    fn by_ip(address: &str) -> DeviceMatch {
        DeviceMatch::Ip(ip(address))
    }

    fn by_network(network: &str) -> DeviceMatch {
        DeviceMatch::Network(network.parse().unwrap())
    }

    fn title(devices: &Devices, id: DeviceId) -> String {
        devices.device(id).unwrap().title()
    }

    #[test]
    fn devices_that_ask_before_the_records_are_read_become_those_of_earlier_runs() {
        let earlier = devices(&[]);
        let phone = ask(&earlier, "192.0.2.7");
        let gone = ask(&earlier, "192.0.2.9");
        let devices = devices(&[]);
        devices.number_in_passing();
        let (passing, new) = (ask(&devices, "192.0.2.7"), ask(&devices, "192.0.2.8"));
        assert!(passing != phone && passing != gone);
        devices.recall(earlier.all());
        assert_eq!(devices.resolve(passing), phone);
        assert_eq!(ask(&devices, "192.0.2.7"), phone);
        let kept = devices.resolve(new);
        assert!(![phone, gone, passing, new].contains(&kept));
        assert_eq!(ask(&devices, "192.0.2.8"), kept);
        let numbers: Vec<DeviceId> = devices.all().iter().map(|device| device.id).collect();
        assert_eq!(numbers, [phone, gone, kept]);
    }

    #[test]
    fn nodes_that_met_the_same_device_agree_on_its_number() {
        let nodes = [0, 1].map(|number| {
            let devices = devices(&[]);
            devices.number_from(Range::of_node(number));
            devices
        });
        for (node, other) in nodes.iter().zip(["192.0.2.8", "192.0.2.9"]) {
            sight(node, "192.0.2.7", PHONE);
            ask(node, "192.0.2.7");
            ask(node, other);
        }
        let numbers = nodes.each_ref().map(|node| ask(node, "192.0.2.7"));
        assert_eq!(numbers.map(|id| id.0 >> 20), [0, 1]);
        let known = nodes.each_ref().map(Devices::all);
        for node in &nodes {
            for known in &known {
                node.learn(known.clone());
            }
            assert_eq!(node.resolve(numbers[1]), numbers[0]);
            assert_eq!(ask(node, "192.0.2.7"), numbers[0]);
            assert_eq!(node.all().len(), 3);
        }
        // What is told again is nothing new, and a restart changes nothing.
        let mut changed = nodes[1].changed();
        changed.mark_unchanged();
        for known in &known {
            nodes[1].learn(known.clone());
        }
        assert!(!changed.has_changed().unwrap());
        let again = devices(&[]);
        again.number_in_passing();
        again.number_from(Range::of_node(1));
        again.recall(known.concat());
        assert_eq!(again.resolve(numbers[1]), numbers[0]);
        assert_eq!(ask(&again, "192.0.2.77").0 >> 20, 1);
    }

    #[test]
    fn ipv4_ipv6_a_changed_hardware_address_and_a_name_said_are_one_device() {
        let host = DeviceMatch::Host("kids-tablet".to_owned());
        let config = [named("Tablet", &[DeviceMatch::Mac(TABLET), host])];
        let devices = devices(&config);
        sight(&devices, "192.0.2.7", TABLET);
        sight(&devices, "2001:db8::7", TABLET);
        let tablet = ask(&devices, "192.0.2.7");
        assert_eq!(ask(&devices, "2001:db8::7"), tablet);
        let (said, _) = devices.identify_named("kids-tablet", NOW).unwrap();
        assert_eq!(said, tablet);
        // It makes up another hardware address, and tells the router its name again.
        let other = [0x02, 0, 0, 9, 9, 9];
        sight(&devices, "192.0.2.8", other);
        let stranger = ask(&devices, "192.0.2.8");
        assert_ne!(stranger, tablet);
        devices.learn_name(
            ip("192.0.2.8"),
            NameSource::Reverse,
            "kids-tablet.home.arpa",
        );
        assert_eq!(ask(&devices, "192.0.2.8"), tablet);
        assert_eq!(devices.resolve(stranger), tablet);
        devices.trust(&["192.0.2.1/32".parse().unwrap()]);
        let relayed = devices.identify_relayed(ip("192.0.2.1"), TABLET, NOW);
        assert_eq!(relayed.map(|(device, _)| device), Some(tablet));
        let shown = devices.all().into_iter();
        let shown: Vec<Device> = shown.filter(|device| device.alias_of.is_none()).collect();
        assert_eq!(shown.len(), 1, "{shown:?}");
    }

    #[test]
    fn a_device_that_says_its_name_is_that_of_the_config_wherever_it_asks_from() {
        let host = |host: &str| DeviceMatch::Host(host.to_owned());
        let config = [named("Kids' tablet", &[host("kids-tablet.home.arpa")])];
        let devices = devices(&config);
        let (tablet, group) = devices.identify_named("kids-tablet", NOW).unwrap();
        assert_eq!(title(&devices, tablet), "Kids' tablet");
        assert_eq!(
            devices.identify_named("kids-tablet", NOW + 5000),
            Some((tablet, group))
        );
        assert_eq!(
            devices.device(tablet).unwrap().last_seen_ms,
            NOW + 5000,
            "the seat notes when it asked"
        );
        assert_eq!(devices.identify_named("other", NOW), None);
        assert_eq!(devices.all().len(), 1);
        devices.reconfigure(&[named("Tablet", &[host("kids-tablet")])]);
        let (renamed, _) = devices.identify_named("kids-tablet", NOW).unwrap();
        assert_eq!(title(&devices, renamed), "Tablet");
    }

    #[test]
    fn an_unknown_address_is_a_device_of_its_own() {
        let devices = devices(&[]);
        let first = ask(&devices, "192.0.2.7");
        assert_eq!(ask(&devices, "192.0.2.7"), first);
        assert_eq!(ask(&devices, "::ffff:192.0.2.7"), first);
        assert_ne!(ask(&devices, "192.0.2.8"), first);
        let device = devices.device(first).unwrap();
        assert_eq!(device.key, DeviceKey::Ip(ip("192.0.2.7")));
        assert_eq!(device.named_by, NamedBy::Address);
        assert_eq!(device.title(), "192.0.2.7");
    }

    #[test]
    fn all_addresses_of_one_hardware_address_are_one_device() {
        let devices = devices(&[]);
        sight(&devices, "192.0.2.7", PHONE);
        sight(&devices, "2001:db8::7", PHONE);
        let id = ask(&devices, "192.0.2.7");
        assert_eq!(ask(&devices, "2001:db8::7"), id);
        let device = devices.device(id).unwrap();
        assert_eq!(device.addresses, [ip("192.0.2.7"), ip("2001:db8::7")]);
        assert_eq!(device.mac, Some(PHONE));
        assert_eq!(device.maker.as_deref(), Some("Xiaomi Electronics"));
        assert_eq!(device.title(), "Xiaomi Electronics 02:03");
        assert_eq!(devices.all().len(), 1);
    }

    #[test]
    fn what_never_asked_is_no_device() {
        let devices = devices(&[]);
        sight(&devices, "192.0.2.7", PHONE);
        assert_eq!(devices.all(), []);
    }

    #[test]
    fn an_address_that_turns_out_to_have_a_hardware_address_becomes_an_alias() {
        let devices = devices(&[]);
        let guess = ask(&devices, "192.0.2.7");
        sight(&devices, "192.0.2.7", PHONE);
        let id = ask(&devices, "192.0.2.7");
        assert_ne!(id, guess);
        assert_eq!(devices.resolve(guess), id);
        assert_eq!(devices.resolve(id), id);
        assert_eq!(devices.device(guess).unwrap().id, id);
        let all = devices.all();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].alias_of, Some(id));
        assert_eq!(all[1].first_seen_ms, NOW);
    }

    #[test]
    fn an_address_that_was_quiet_for_long_belongs_to_nobody_yet() {
        let devices = devices(&[]);
        let old = ask(&devices, "192.0.2.7");
        devices.sight_at(ip("192.0.2.7"), PHONE, NOW + 2 * HOUR);
        let id = devices.identify_at(ip("192.0.2.7"), NOW + 2 * HOUR);
        assert_ne!(id, old);
        assert_eq!(devices.resolve(old), old);
        assert_eq!(devices.device(id).unwrap().first_seen_ms, NOW + 2 * HOUR);
    }

    #[test]
    fn an_address_that_changes_hands_goes_to_the_other_device() {
        let devices = devices(&[]);
        sight(&devices, "192.0.2.7", PHONE);
        let phone = ask(&devices, "192.0.2.7");
        sight(&devices, "192.0.2.7", TABLET);
        let tablet = ask(&devices, "192.0.2.7");
        assert_ne!(tablet, phone);
        assert_eq!(devices.resolve(phone), phone);
        assert!(devices.device(phone).unwrap().addresses.is_empty());
        assert!(devices.device(tablet).unwrap().private_mac);
        assert_eq!(devices.device(tablet).unwrap().maker, None);
    }

    #[test]
    fn an_address_stays_with_its_device_when_the_table_forgets_it() {
        let devices = devices(&[]);
        sight(&devices, "192.0.2.7", PHONE);
        let phone = ask(&devices, "192.0.2.7");
        devices.lose(ip("192.0.2.7"));
        assert_eq!(ask(&devices, "192.0.2.7"), phone);
    }

    #[test]
    fn the_config_names_devices_by_what_is_surest() {
        let devices = devices(&[
            named("Home", &[by_network("192.0.2.0/24")]),
            named("Corner", &[by_network("192.0.2.0/28")]),
            named("Printer", &[by_ip("192.0.2.7")]),
            named("Phone", &[DeviceMatch::Mac(PHONE)]),
            named("Tablet", &[DeviceMatch::Host("tablet".to_owned())]),
        ]);
        sight(&devices, "192.0.2.9", PHONE);
        sight(&devices, "198.51.100.7", TABLET);
        let cases = [
            ("192.0.2.200", "Home"),
            ("192.0.2.3", "Corner"),
            ("192.0.2.7", "Printer"),
            ("192.0.2.9", "Phone"),
            ("198.51.100.7", "198.51.100.7"),
        ];
        for (address, expected) in cases {
            let id = ask(&devices, address);
            assert_eq!(title(&devices, id), expected);
        }
        let guess = ask(&devices, "198.51.100.7");
        devices.learn_name(ip("198.51.100.7"), NameSource::Reverse, "tablet.home.arpa");
        let tablet = ask(&devices, "198.51.100.7");
        assert_eq!(title(&devices, tablet), "Tablet");
        assert_eq!(devices.resolve(guess), tablet);
        assert_eq!(devices.device(tablet).unwrap().named_by, NamedBy::Config);
    }

    #[test]
    fn a_device_named_by_its_ipv4_address_is_known_by_ipv6_too() {
        let devices = devices(&[named("Printer", &[by_ip("192.0.2.7")])]);
        sight(&devices, "2001:db8::7", PHONE);
        let before = ask(&devices, "2001:db8::7");
        sight(&devices, "192.0.2.7", PHONE);
        let id = ask(&devices, "2001:db8::7");
        assert_eq!(title(&devices, id), "Printer");
        assert_eq!(devices.resolve(before), id);
    }

    #[test]
    fn a_repeater_does_not_make_several_devices_one_named_one() {
        let devices = devices(&[named("Printer", &[by_ip("192.0.2.7")])]);
        sight(&devices, "192.0.2.7", PHONE);
        sight(&devices, "192.0.2.8", PHONE);
        let printer = ask(&devices, "192.0.2.7");
        assert_eq!(title(&devices, printer), "Printer");
        let other = ask(&devices, "192.0.2.8");
        assert_eq!(title(&devices, other), "Xiaomi Electronics 02:03");
    }

    #[test]
    fn a_host_name_is_better_than_a_maker() {
        let devices = devices(&[]);
        sight(&devices, "192.0.2.7", PHONE);
        let id = ask(&devices, "192.0.2.7");
        devices.learn_name(ip("192.0.2.7"), NameSource::Reverse, "pocket.home.arpa");
        let device = devices.device(id).unwrap();
        assert_eq!(
            (device.title(), device.named_by),
            ("pocket".to_owned(), NamedBy::Reverse)
        );
    }

    #[test]
    fn a_flood_of_addresses_shares_one_device_and_hides_nobody() {
        let devices = devices(&[]);
        let address = |number: u32| IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        for number in 0..4096 {
            devices.identify_at(address(number), NOW);
        }
        let overflow = devices.identify_at(address(5000), NOW);
        assert_eq!(devices.identify_at(address(5001), NOW), overflow);
        assert_eq!(devices.device(overflow).unwrap().key, DeviceKey::Others);
        assert_eq!(title(&devices, overflow), "Other devices");
        sight(&devices, "192.0.2.7", PHONE);
        assert_ne!(ask(&devices, "192.0.2.7"), overflow);
        assert_eq!(devices.all().len(), 4098);
        // Later there is room again, and what was seen since is kept.
        let kept = devices.identify_at(address(1), NOW + 2 * HOUR);
        let late = devices.identify_at(address(5000), NOW + 2 * HOUR);
        assert_ne!(late, overflow);
        assert_eq!(devices.identify_at(address(1), NOW + 2 * HOUR), kept);
        assert!(devices.all().len() < 4098);
    }

    #[test]
    fn made_up_addresses_do_not_use_up_the_numbers_of_others_nor_of_other_nodes() {
        let met = devices(&[]);
        let id = ask(&met, "192.0.2.7");
        let mut known = met.device(id).unwrap();
        known.id = DeviceId(Range::ROOM / 4 * 3);
        let devices = Devices::new(&[], vec![known]);
        let overflow = ask(&devices, "192.0.2.8");
        assert_eq!(devices.device(overflow).unwrap().key, DeviceKey::Others);
        sight(&devices, "192.0.2.9", PHONE);
        let phone = ask(&devices, "192.0.2.9");
        assert_eq!(devices.device(phone).unwrap().key, DeviceKey::Mac(PHONE));
        assert!(phone.0 < Range::ROOM);
    }

    #[test]
    fn devices_that_were_seen_while_the_clock_was_ahead_make_room_once_it_is_right() {
        let devices = devices(&[]);
        let ahead = NOW + 10 * 365 * 24 * HOUR;
        let address = |number: u32| IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        for number in 0..=4096 {
            devices.identify_at(address(number), ahead);
        }
        let overflow = devices.identify_at(address(5000), NOW);
        assert_eq!(devices.device(overflow).unwrap().key, DeviceKey::Others);
        let late = devices.identify_at(address(5000), NOW + 2 * HOUR);
        assert_ne!(late, overflow);
        // One that is there since is no quiet one.
        let kept = devices.identify_at(address(1), NOW + 2 * HOUR);
        assert_eq!(devices.device(kept).unwrap().last_seen_ms, NOW + 2 * HOUR);
    }

    #[test]
    fn a_device_that_was_kept_as_seen_in_the_future_was_seen_now() {
        let before = devices(&[]);
        let id = before.identify_at(ip("192.0.2.7"), i64::MAX / 2);
        let after = devices(&[]);
        after.recall(before.all());
        assert!(after.device(id).unwrap().last_seen_ms <= now_ms());
    }

    #[test]
    fn a_device_that_goes_by_another_name_than_its_old_lease_is_looked_for_again() {
        let host = DeviceMatch::Host("kids-tablet".to_owned());
        let devices = devices(&[named("Tablet", &[host])]);
        let lease = Lease {
            address: ip("192.0.2.7"),
            mac: Some(PHONE),
            name: Some("kids-tablet".to_owned()),
        };
        let address = lease.address;
        ask(&devices, "192.0.2.7");
        devices.learn_leases_at(vec![lease], NOW);
        devices.learn_name(address, NameSource::Reverse, "pocket");
        assert_eq!(title(&devices, ask(&devices, "192.0.2.7")), "Tablet");
        devices.learn_leases_at(Vec::new(), NOW);
        devices.learn_name(address, NameSource::Reverse, "pocket");
        assert_eq!(title(&devices, ask(&devices, "192.0.2.7")), "pocket");
    }

    #[test]
    fn a_name_is_what_people_call_a_device_and_not_what_it_calls_itself() {
        let devices = devices(&[named("Tablet", &[by_ip("192.0.2.7")])]);
        let tablet = ask(&devices, "192.0.2.7");
        assert_eq!(devices.called(tablet).as_deref(), Some("Tablet"));
        let other = ask(&devices, "192.0.2.8");
        devices.learn_name(ip("192.0.2.8"), NameSource::Mdns, "Tablet");
        assert_eq!(title(&devices, other), "Tablet");
        assert_eq!(devices.called(other), None);
    }

    #[test]
    fn a_flood_inside_a_named_network_is_bounded() {
        let devices = devices(&[named("Guests", &[by_network("10.0.0.0/8")])]);
        let address = |number: u32| IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        let guests = devices.identify_at(address(0), NOW);
        for number in 0..9000 {
            assert_eq!(devices.identify_at(address(number), NOW), guests);
        }
        assert_eq!(devices.device(guests).unwrap().addresses.len(), 8192);
    }

    #[test]
    fn of_daily_new_addresses_the_latest_are_remembered() {
        let devices = devices(&[]);
        for day in 0..20 {
            let address = ip(&format!("2001:db8::{day:x}"));
            devices.sight_at(address, PHONE, NOW + day);
            devices.identify_at(address, NOW + day);
        }
        let all = devices.all();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].addresses.len(), 16);
        assert!(all[0].addresses.contains(&ip("2001:db8::13")));
        assert!(!all[0].addresses.contains(&ip("2001:db8::1")));
    }

    #[test]
    fn devices_keep_their_numbers_over_a_restart() {
        let before = devices(&[named("Printer", &[by_ip("192.0.2.9")])]);
        sight(&before, "192.0.2.7", PHONE);
        let addresses = ["192.0.2.7", "192.0.2.8", "192.0.2.9"];
        let ids = addresses.map(|address| ask(&before, address));
        before.learn_name(ip("192.0.2.8"), NameSource::Reverse, "pocket");
        let config = [named("Printer", &[by_ip("192.0.2.9")])];
        let after = Devices::new(&config, before.all());
        assert_eq!(addresses.map(|address| ask(&after, address)), ids);
        assert_eq!(after.all(), before.all());
        let new = ask(&after, "192.0.2.10");
        assert!(!ids.contains(&new));
    }

    #[test]
    fn a_device_that_is_named_later_keeps_its_past() {
        let before = devices(&[]);
        sight(&before, "192.0.2.7", PHONE);
        let phone = ask(&before, "192.0.2.7");
        let after = Devices::new(&[named("Phone", &[DeviceMatch::Mac(PHONE)])], before.all());
        let id = ask(&after, "192.0.2.7");
        assert_eq!(title(&after, id), "Phone");
        assert_eq!(after.resolve(phone), id);
        // And without the name it is itself again.
        let again = Devices::new(&[], after.all());
        assert_eq!(ask(&again, "192.0.2.7"), phone);
        assert_eq!(again.resolve(phone), phone);
    }

    #[test]
    fn a_device_that_leaves_the_config_over_a_restart_is_itself_and_no_ghost() {
        let config = [
            named("Phone", &[DeviceMatch::Mac(PHONE)]),
            named("Printer", &[by_ip("192.0.2.9")]),
        ];
        let before = devices(&config);
        sight(&before, "192.0.2.7", PHONE);
        let addresses = ["192.0.2.7", "192.0.2.9"];
        let ids = addresses.map(|address| ask(&before, address));
        let after = devices(&[]);
        after.number_in_passing();
        sight(&after, "192.0.2.7", PHONE);
        let passing = ask(&after, "192.0.2.7");
        after.recall(before.all());
        assert_eq!(after.resolve(passing), ids[0]);
        assert_eq!(addresses.map(|address| ask(&after, address)), ids);
        let keys = [DeviceKey::Mac(PHONE), DeviceKey::Ip(ip("192.0.2.9"))];
        assert_eq!(ids.map(|id| after.device(id).unwrap().key), keys);
        assert_eq!(after.all().len(), 2);
    }

    #[test]
    fn what_was_recorded_of_a_device_under_a_name_and_before_is_its_own_without_it() {
        let nameless = devices(&[]);
        sight(&nameless, "192.0.2.7", PHONE);
        let phone = ask(&nameless, "192.0.2.7");
        let config = [named("Phone", &[DeviceMatch::Mac(PHONE)])];
        let with_name = Devices::new(&config, nameless.all());
        let under_name = ask(&with_name, "192.0.2.7");
        let again = devices(&[]);
        again.recall(with_name.all());
        assert_eq!(again.resolve(under_name), phone);
        assert_eq!(ask(&again, "192.0.2.7"), phone);
        let shown = again.all().into_iter();
        let shown: Vec<Device> = shown.filter(|device| device.alias_of.is_none()).collect();
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0].title(), "Xiaomi Electronics 02:03");
    }

    #[test]
    fn a_named_device_keeps_its_addresses_over_a_restart() {
        let config = [named("Phone", &[DeviceMatch::Mac(PHONE)])];
        let before = devices(&config);
        sight(&before, "192.0.2.7", PHONE);
        let phone = ask(&before, "192.0.2.7");
        let after = devices(&config);
        after.recall(before.all());
        let device = after.device(phone).unwrap();
        assert_eq!(device.addresses, [ip("192.0.2.7")]);
        assert_eq!(device.mac, Some(PHONE));
        // Unless another has them by then.
        let after = devices(&config);
        sight(&after, "192.0.2.7", TABLET);
        after.recall(before.all());
        assert!(after.device(phone).unwrap().addresses.is_empty());
    }

    #[test]
    fn a_named_device_goes_by_its_host_name_still() {
        let config = [named("Phone", &[DeviceMatch::Mac(PHONE)])];
        let devices = devices(&config);
        sight(&devices, "192.0.2.7", PHONE);
        let phone = ask(&devices, "192.0.2.7");
        devices.learn_name(ip("192.0.2.7"), NameSource::Mdns, "redmi-note-11");
        devices.reconfigure(&config);
        let device = devices.device(phone).unwrap();
        assert_eq!(device.host_name.as_deref(), Some("redmi-note-11"));
        assert_eq!(device.title(), "Phone");
        devices.reconfigure(&[]);
        assert_eq!(title(&devices, ask(&devices, "192.0.2.7")), "redmi-note-11");
    }

    #[test]
    fn a_device_that_is_renamed_keeps_its_number() {
        let old = [
            named("Phone", &[DeviceMatch::Mac(PHONE)]),
            named("Printer", &[by_ip("192.0.2.9")]),
        ];
        let devices = devices(&old);
        sight(&devices, "192.0.2.7", PHONE);
        let ids = ["192.0.2.7", "192.0.2.9"].map(|address| ask(&devices, address));
        devices.reconfigure(&[
            named("Anna's phone", &[DeviceMatch::Mac(PHONE)]),
            named("Upstairs", &[by_ip("192.0.2.9")]),
        ]);
        let after = ["192.0.2.7", "192.0.2.9"].map(|address| ask(&devices, address));
        assert_eq!(after, ids);
        assert_eq!(title(&devices, ids[0]), "Anna's phone");
        assert_eq!(title(&devices, ids[1]), "Upstairs");
    }

    #[test]
    fn what_should_be_kept_is_counted() {
        let devices = devices(&[]);
        let changed = devices.changed();
        ask(&devices, "192.0.2.7");
        assert_eq!(*changed.borrow(), 1);
        ask(&devices, "192.0.2.7");
        sight(&devices, "192.0.2.99", TABLET);
        assert_eq!(*changed.borrow(), 1);
        sight(&devices, "192.0.2.7", PHONE);
        assert_eq!(*changed.borrow(), 2);
        sight(&devices, "192.0.2.7", PHONE);
        assert_eq!(*changed.borrow(), 2);
    }

    #[test]
    fn the_time_of_the_last_query_is_kept() {
        let devices = devices(&[]);
        let id = ask(&devices, "192.0.2.7");
        devices.identify_at(ip("192.0.2.7"), NOW + 5000);
        let device = devices.device(id).unwrap();
        assert_eq!(device.first_seen_ms, NOW);
        assert_eq!(device.last_seen_ms, NOW + 5000);
    }

    #[test]
    fn threads_that_meet_an_address_at_once_agree() {
        let devices = devices(&[]);
        let barrier = std::sync::Barrier::new(8);
        let ids: Vec<DeviceId> = std::thread::scope(|scope| {
            let meet = || {
                barrier.wait();
                ask(&devices, "192.0.2.7")
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(meet)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(devices.all().len(), 1);
    }
}
