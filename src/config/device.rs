//! `[[device]]`: devices that people named themselves.

use std::net::IpAddr;

use ipnet::IpNet;

use super::group::group_name;
use super::section::{Read, Section};
use super::tree::Item;
use super::upstream::is_host_name;
use super::value;

/// A device that people named themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is recognised by; any one suffices.
    pub matches: Vec<DeviceMatch>,
    /// What kind of device it is, in the words of adblock rules' `$ctag`.
    pub tags: Vec<String>,
    /// The name of its group; `None` = the default one.
    pub group: Option<String>,
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

impl Device {
    /// Reads all of `[[device]]`; a name, and what a device is recognised by, stand there once.
    pub(super) fn read_all(root: &mut Section<'_>, groups: &[String]) -> Vec<Self> {
        let mut devices: Vec<Self> = Vec::new();
        root.each("device", |section| {
            if let Some(device) = Self::read(section, &devices, groups) {
                devices.push(device);
            }
        });
        devices
    }

    fn read(section: &mut Section<'_>, before: &[Self], groups: &[String]) -> Option<Self> {
        let name = section.required("name", "what you call it", value::text);
        let right = "at least one MAC address, address, network or host name";
        let matches = section.some("match", right, Vec::new(), DeviceMatch::read);
        let tags = section.values("tags", Vec::new(), tag);
        let group = section.optional("group", |item| group_name(item, groups));
        let name = name?;
        if before.iter().any(|other| other.name == name) {
            section.wrong("name", format!("= {name:?}: another device has this name"));
        }
        let has_same = |other: &&Self| other.matches.iter().any(|found| matches.contains(found));
        if let Some(other) = before.iter().find(has_same) {
            let name = &other.name;
            section.wrong(
                "match",
                format!("is also in device {name:?}: remove it in one"),
            );
        }
        Some(Self {
            name,
            matches,
            tags,
            group,
        })
    }
}

fn tag(item: &Item) -> Read<String> {
    let text = item.text().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if text.is_empty() || !text.bytes().all(is_plain) {
        return Err("write a tag in small letters, such as \"device_tv\"".to_owned());
    }
    Ok(text.to_owned())
}

impl DeviceMatch {
    fn read(item: &Item) -> Read<Self> {
        Self::parse(item.text().unwrap_or_default().trim())
    }

    /// Understands what a device may be recognised by, or says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(mac) = value::mac(text) {
            return Ok(Self::Mac(mac));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip.to_canonical()));
        }
        if let Some(network) = value::network(text) {
            return Ok(Self::Network(network));
        }
        if is_host_name(text) {
            return Ok(Self::Host(text.to_ascii_lowercase()));
        }
        Err(
            "write a MAC address (aa:bb:cc:dd:ee:ff), an address (192.0.2.7), a network \
             (192.0.2.0/28) or a host name (kids-tablet)"
                .to_owned(),
        )
    }
}
