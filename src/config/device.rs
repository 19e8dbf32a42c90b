//! `[[device]]`: devices that people named themselves.

use std::net::IpAddr;

use ipnet::IpNet;

/// A device that people named themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is recognised by; any one suffices.
    pub matches: Vec<DeviceMatch>,
}

/// What a device is recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceMatch {
    /// A hardware address.
    Mac([u8; 6]),
    /// One address.
    Ip(IpAddr),
    /// Every address of a network.
    Network(IpNet),
    /// The host name that the reverse look-up gives.
    Host(String),
}
