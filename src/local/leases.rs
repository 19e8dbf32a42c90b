//! DHCP lease files: of dnsmasq (and so of `OpenWrt` and Pi-hole), ISC dhcpd and Kea.

mod dnsmasq;
mod isc;
mod kea;

use super::lines::Found;

/// Reads a lease file, whichever server wrote it.
pub(super) fn read(text: &str) -> Found {
    if kea::is_one(text) {
        kea::read(text)
    } else if isc::is_one(text) {
        isc::read(text)
    } else {
        dnsmasq::read(text)
    }
}

#[cfg(test)]
mod tests;
