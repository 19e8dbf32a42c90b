//! Devices: each node tells the others of those that it meets.
//!
//! What is told only ever adds to what is known, so that nodes which see a device differently do
//! not contradict each other for ever.

use std::collections::{HashMap, HashSet};

use crate::device::{Device, DeviceKey, Devices};
use crate::query::DeviceId;
use crate::store::{Hub, Store, StoreError};

/// When a device last asked, and from where, is told this often.
const NOW_AND_THEN_MS: i64 = 15 * 60 * 1000;

/// More addresses than a device has at a time.
const MOST_ADDRESSES: usize = 64;

/// What the others know.
#[derive(Default)]
pub(super) struct Sharing {
    known: HashMap<DeviceId, Device>,
    version: i64,
}

impl Sharing {
    /// Learns what is new there, and tells what is new here.
    pub async fn exchange(
        &mut self,
        hub: &Hub,
        (devices, store): (&Devices, &Store),
    ) -> Result<(), StoreError> {
        let (version, others) = hub.devices_after(self.version).await?;
        self.version = version;
        let told: HashSet<DeviceId> = others.iter().map(|device| device.id).collect();
        let news = others
            .into_iter()
            .filter(|device| self.known.get(&device.id) != Some(device));
        let news: Vec<Device> = news.collect();
        self.known
            .extend(news.iter().map(|device| (device.id, device.clone())));
        let met = devices.all();
        devices.learn(news);
        let all = devices.all();
        // What is forgotten here is not told again, but for what the others still tell.
        let is_there = |id: &DeviceId| all.binary_search_by_key(id, |device| device.id).is_ok();
        self.known.retain(|id, _| told.contains(id) || is_there(id));
        // What others know by a lower number is told as it was, too: rows speak of it by ours.
        let united = met.iter().filter(|device| !is_there(&device.id));
        let fresh = all.iter().chain(united);
        let fresh: Vec<Device> = fresh.filter_map(|device| self.news_of(device)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        // What the others know by a number must not be another one here after the power was cut.
        store.save_new().await?;
        hub.put_devices(&fresh).await?;
        self.known
            .extend(fresh.into_iter().map(|device| (device.id, device)));
        Ok(())
    }

    /// What the others should know of a device, if that is more than they do.
    fn news_of(&self, device: &Device) -> Option<Device> {
        let Some(known) = self.known.get(&device.id) else {
            return Some(Device {
                key: base(device),
                ..device.clone()
            });
        };
        let mut news = known.clone();
        news.join(device.clone());
        news.addresses.sort_unstable();
        if news.addresses.len() > MOST_ADDRESSES {
            news.addresses.clone_from(&device.addresses);
        }
        let is_plain = news.last_seen_ms - known.last_seen_ms >= NOW_AND_THEN_MS
            || news.name != known.name
            || news.alias_of != known.alias_of;
        is_plain.then_some(news)
    }
}

/// What other nodes recognise it by, whatever it is called here.
fn base(device: &Device) -> DeviceKey {
    match (&device.key, device.mac, device.addresses.as_slice()) {
        (DeviceKey::Named(_), Some(mac), _) => DeviceKey::Mac(mac),
        (DeviceKey::Named(_), None, [address]) => DeviceKey::Ip(*address),
        (key, _, _) => key.clone(),
    }
}
