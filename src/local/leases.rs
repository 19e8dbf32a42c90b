//! DHCP lease files: of dnsmasq (and so of `OpenWrt` and Pi-hole), ISC dhcpd, Kea and odhcpd
//! (`OpenWrt`'s, for `DHCPv6`).

mod dnsmasq;
mod isc;
mod kea;
mod odhcpd;

use std::net::IpAddr;

use super::lines::Found;
use crate::query::Name;

/// What a DHCP server gave out, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: IpAddr,
    /// The hardware address that has it, where the server writes that.
    pub mac: Option<[u8; 6]>,
    /// What the device calls itself, in lower case.
    pub name: Option<Name>,
}

/// Reads a lease file, whichever server wrote it.
pub(super) fn read(text: &str) -> Found {
    if kea::is_one(text) {
        kea::read(text)
    } else if isc::is_one(text) {
        isc::read(text)
    } else if odhcpd::is_one(text) {
        odhcpd::read(text)
    } else {
        dnsmasq::read(text)
    }
}

#[cfg(test)]
mod tests;
