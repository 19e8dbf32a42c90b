//! Asks for the host names of devices: the router by their addresses, and the devices themselves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::host::host_name;
use super::{Devices, NameSource};
use crate::config::private_networks;
use crate::query::DeviceId;

/// Between two look-ups, whatever there is to do.
const PAUSE: Duration = Duration::from_secs(1);

/// After this long a device is looked up again: names change, and routers learn them late.
const AGAIN: Duration = Duration::from_hours(24);

/// How often the look-ups that are due are found when no device is new.
const ROUND: Duration = Duration::from_hours(1);

/// Asks for the host names of devices: what a device may be is guessed by them, too.
pub struct NameLookup<F> {
    devices: Arc<Devices>,
    source: NameSource,
    ask: F,
    asked: HashMap<DeviceId, (IpAddr, Instant)>,
}

impl<F> NameLookup<F>
where
    F: AsyncFn(IpAddr) -> Option<String>,
{
    /// A task for this registry; `ask` gives the host name of an address, as `source` tells it.
    pub fn new(devices: Arc<Devices>, source: NameSource, ask: F) -> Self {
        Self {
            devices,
            source,
            ask,
            asked: HashMap::new(),
        }
    }

    /// Asks for new devices when they appear, and for all once a day, one at a time.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changed = self.devices.changed();
        loop {
            let round = async {
                self.ask_all().await;
                let _ = tokio::time::timeout(ROUND, changed.changed()).await;
                tokio::time::sleep(PAUSE).await;
            };
            tokio::select! {
                () = round => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn ask_all(&mut self) {
        let mut found = self.devices.to_look_up();
        found.sort_unstable();
        found.retain(|(_, address)| is_private(*address));
        self.asked
            .retain(|id, _| found.binary_search_by_key(id, |(id, _)| *id).is_ok());
        for (id, address) in found {
            let now = Instant::now();
            let is_due = self
                .asked
                .get(&id)
                .is_none_or(|(before, at)| *before != address || now - *at >= AGAIN);
            if !is_due {
                continue;
            }
            self.asked.insert(id, (address, now));
            let name = (self.ask)(address).await;
            if let Some(name) = name.as_deref().and_then(host_name) {
                self.devices.learn_name(address, self.source, &name);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Addresses of homes; others are nobody's business, and loopback is ourselves.
fn is_private(address: IpAddr) -> bool {
    let is_home = |network: &ipnet::IpNet| network.contains(&address);
    !address.is_loopback() && private_networks().iter().any(is_home)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn devices(addresses: &[&str]) -> Arc<Devices> {
        let devices = Devices::new(&[], Vec::new());
        for address in addresses {
            devices.identify(ip(address));
        }
        Arc::new(devices)
    }

    /// Runs the task for a while; gives the addresses that were asked for.
    async fn run_for(devices: &Arc<Devices>, time: Duration, answer: Option<&str>) -> Vec<IpAddr> {
        let asked = RefCell::new(Vec::new());
        let ask = async |address| {
            asked.borrow_mut().push(address);
            answer.map(str::to_owned)
        };
        let task = NameLookup::new(Arc::clone(devices), NameSource::Reverse, ask);
        let _ = tokio::time::timeout(time, task.run(CancellationToken::new())).await;
        asked.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn names_of_private_addresses_are_learned() {
        let devices = devices(&["192.168.1.7", "fd00::7", "203.0.113.7", "127.0.0.1"]);
        let mut asked = run_for(&devices, Duration::from_mins(1), Some("pocket.lan.")).await;
        asked.sort_unstable();
        assert_eq!(asked, [ip("192.168.1.7"), ip("fd00::7")]);
        let id = devices.identify(ip("192.168.1.7"));
        assert_eq!(devices.device(id).unwrap().title(), "pocket");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_asked_twice_a_day() {
        let devices = devices(&["192.168.1.7"]);
        let asked = run_for(&devices, Duration::from_hours(23), None).await;
        assert_eq!(asked.len(), 1);
        let asked = run_for(&devices, Duration::from_hours(49), None).await;
        assert_eq!(asked.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_device_is_asked_for_soon() {
        let devices = devices(&[]);
        let other = Arc::clone(&devices);
        let appear = async {
            tokio::time::sleep(Duration::from_mins(5)).await;
            other.identify(ip("192.168.1.7"));
            std::future::pending::<()>().await;
        };
        let asked = tokio::select! {
            asked = run_for(&devices, Duration::from_mins(6), None) => asked,
            () = appear => Vec::new(),
        };
        assert_eq!(asked, [ip("192.168.1.7")]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_new_devices_are_asked_for_one_at_a_time() {
        let addresses: Vec<String> = (1..100).map(|last| format!("192.168.1.{last}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let devices = devices(&addresses);
        let asked = run_for(&devices, Duration::from_millis(9500), None).await;
        assert_eq!(asked.len(), 10);
    }
}
