//! The kernel's neighbour table: which hardware address has which address on the home's networks.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::{Handle, MulticastGroup};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Devices, Mac};

/// The first and the longest pause before the table is asked again after it was lost.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(10));

/// What held for so long may hold again at once.
const HELD: Duration = Duration::from_mins(5);

/// Tells the registry what the kernel's neighbour table says, as it changes.
pub struct Neighbours {
    devices: Arc<Devices>,
}

/// Why the neighbour table cannot be followed.
#[derive(Debug, thiserror::Error)]
enum NeighboursError {
    #[error("opening a netlink socket: {0}")]
    Open(std::io::Error),
    #[error("asking for the neighbour table: {0}")]
    Ask(rtnetlink::Error),
    #[error("the netlink socket was closed")]
    Closed,
    #[error("the kernel dropped events, because they came too fast")]
    Overrun,
}

impl Neighbours {
    /// A task for this registry.
    pub fn new(devices: Arc<Devices>) -> Self {
        Self { devices }
    }

    /// Follows the table until `stop`. Where it cannot be read, says so once, and tries again
    /// later: devices are then known by their addresses alone.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = PAUSE.0;
        let mut told = false;
        loop {
            let began = Instant::now();
            let lost = tokio::select! {
                lost = self.follow() => lost,
                () = stop.cancelled() => return,
            };
            let Err(error) = lost else { return };
            if matches!(error, NeighboursError::Overrun) {
                tracing::debug!(%error, "reading the neighbour table again");
            } else if !told {
                tracing::warn!(%error, "devices are known by address alone for now");
                told = true;
            }
            if began.elapsed() >= HELD {
                pause = PAUSE.0;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Reads the whole table, then each change; ends when something breaks.
    async fn follow(&self) -> Result<(), NeighboursError> {
        let groups = [MulticastGroup::Neigh];
        let (connection, handle, mut events) =
            rtnetlink::new_multicast_connection(&groups).map_err(NeighboursError::Open)?;
        let table = async {
            // The subscription comes first, so nothing is missed between the two.
            let mut found = HashSet::new();
            for family in [AddressFamily::Inet, AddressFamily::Inet6] {
                self.read(&handle, family, &mut found).await?;
            }
            self.devices.near_are(&found);
            while let Some((event, _)) = events.next().await {
                self.hear(event.payload)?;
            }
            Err(NeighboursError::Closed)
        };
        tokio::select! {
            () = connection => Err(NeighboursError::Closed),
            lost = table => lost,
        }
    }

    async fn read(
        &self,
        handle: &Handle,
        family: AddressFamily,
        found: &mut HashSet<IpAddr>,
    ) -> Result<(), NeighboursError> {
        let request = handle.neighbours().get().set_address_family(family);
        let mut table = std::pin::pin!(request.execute());
        while let Some(message) = table.try_next().await.map_err(NeighboursError::Ask)? {
            if let Some((address, mac)) = sighting(&message) {
                found.insert(address.to_canonical());
                self.devices.sight(address, mac);
            }
        }
        Ok(())
    }

    fn hear(&self, event: NetlinkPayload<RouteNetlinkMessage>) -> Result<(), NeighboursError> {
        match event {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(message)) => {
                if let Some((address, mac)) = sighting(&message) {
                    self.devices.sight(address, mac);
                }
            }
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelNeighbour(message)) => {
                if let Some(address) = destination(&message) {
                    self.devices.lose(address);
                }
            }
            NetlinkPayload::Overrun(_) => return Err(NeighboursError::Overrun),
            _ => {}
        }
        Ok(())
    }
}

/// The address and the hardware address of an entry that is a device on a home network.
fn sighting(message: &NeighbourMessage) -> Option<(IpAddr, Mac)> {
    // Entries without a hardware address, or with one that is computed (multicast, loopback).
    let is_known = !matches!(
        message.header.state,
        NeighbourState::Incomplete
            | NeighbourState::Failed
            | NeighbourState::Noarp
            | NeighbourState::None
    );
    let mac = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => Mac::try_from(bytes.as_slice()).ok(),
            _ => None,
        })?;
    (is_known && super::is_of_one(mac)).then_some((destination(message)?, mac))
}

fn destination(message: &NeighbourMessage) -> Option<IpAddr> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::neighbour::NeighbourHeader;

    use super::*;

    const MAC: Mac = [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];

    fn entry(address: &str, mac: &[u8], state: NeighbourState) -> NeighbourMessage {
        let mut message = NeighbourMessage::default();
        message.header = NeighbourHeader {
            state,
            ..NeighbourHeader::default()
        };
        let address: IpAddr = address.parse().unwrap();
        message.attributes = vec![
            NeighbourAttribute::Destination(address.into()),
            NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
        ];
        message
    }

    #[test]
    fn an_entry_with_a_hardware_address_is_a_sighting() {
        for address in ["192.0.2.7", "2001:db8::7"] {
            let found = sighting(&entry(address, &MAC, NeighbourState::Stale));
            assert_eq!(found, Some((address.parse().unwrap(), MAC)));
        }
    }

    #[test]
    fn entries_that_are_no_single_device_are_passed_over() {
        let multicast = [0x01, 0, 0x5e, 0, 0, 1];
        let tunnel = [192, 0, 2, 1];
        let cases = [
            entry("192.0.2.7", &MAC, NeighbourState::Failed),
            entry("192.0.2.7", &MAC, NeighbourState::Noarp),
            entry("224.0.0.1", &multicast, NeighbourState::Permanent),
            entry("127.0.0.1", &[0; 6], NeighbourState::Permanent),
            entry("192.0.2.7", &tunnel, NeighbourState::Reachable),
        ];
        for message in cases {
            assert_eq!(sighting(&message), None, "{message:?}");
        }
    }
}
