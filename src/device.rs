//! Who asks: from an address to a device.
//!
//! A device is what has one hardware address, or what people named in the config; an address of
//! which no more is known is a device of its own. Start at [`Devices::identify`]. [`Neighbours`]
//! and [`NameLookup`] are tasks that tell the registry more as they learn it.

mod host;
mod lookup;
mod maker;
mod neighbours;
mod registry;
mod state;
mod wishes;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use host::NameSource;
pub use lookup::NameLookup;
pub use neighbours::Neighbours;
pub use registry::{Devices, Unsaved};
pub use state::Range;
pub use wishes::{Groups, Kept};

use crate::query::DeviceId;

/// A hardware address.
pub type Mac = [u8; 6];

/// A device: what is shown, and what is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// What it is recognised by.
    pub key: DeviceKey,
    /// The name that people gave it, or its host name; [`Device::title`] has always one.
    pub name: Option<String>,
    /// Where its title is from.
    pub named_by: NamedBy,
    /// Its host name, also where people gave it another name. Each node learns it by itself, and
    /// anew with each start.
    #[serde(skip)]
    pub host_name: Option<String>,
    /// Its hardware address, if it is known and the only one.
    pub mac: Option<Mac>,
    /// Whether the hardware address is made up by the device itself, as phones do.
    pub private_mac: bool,
    /// Who made it, by the hardware address.
    pub maker: Option<String>,
    /// The addresses that it asked from, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// When it first asked, in milliseconds since 1970-01-01 UTC.
    pub first_seen_ms: i64,
    /// When it last asked, likewise.
    pub last_seen_ms: i64,
    /// The device that this one turned out to be; its records belong there.
    pub alias_of: Option<DeviceId>,
}

/// What a DHCP server gave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: IpAddr,
    /// The hardware address that has it, where the server tells.
    pub mac: Option<Mac>,
    /// What the device calls itself.
    pub name: Option<String>,
}

/// What a device is recognised by. As text: `mac:aa:bb:cc:dd:ee:ff`, `ip:192.0.2.7`,
/// `name:Kids' tablet`, `others`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceKey {
    /// Its hardware address.
    Mac(Mac),
    /// One address, because no more is known.
    Ip(IpAddr),
    /// Its name in the config.
    Named(String),
    /// All that came when there was no room for more devices.
    Others,
}

/// Where a device's title is from; the first that there is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NamedBy {
    /// People named it in the config.
    Config,
    /// Its DHCP lease.
    Lease,
    /// The reverse look-up of its address.
    Reverse,
    /// The device itself, by multicast DNS.
    Mdns,
    /// Its maker, and the end of its hardware address.
    Maker,
    /// Its address.
    Address,
}

impl NamedBy {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Lease => "lease",
            Self::Reverse => "reverse",
            Self::Mdns => "mdns",
            Self::Maker => "maker",
            Self::Address => "address",
        }
    }

    /// Reads the word; anything else is the address.
    pub fn from_word(word: &str) -> Self {
        let all = [
            Self::Config,
            Self::Lease,
            Self::Reverse,
            Self::Mdns,
            Self::Maker,
        ];
        all.into_iter()
            .find(|one| one.as_str() == word)
            .unwrap_or(Self::Address)
    }
}

/// A text that is no key of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key of a device")]
pub struct KeyError(String);

impl Device {
    /// Adds what is known of it elsewhere.
    pub fn join(&mut self, other: Self) {
        self.first_seen_ms = self.first_seen_ms.min(other.first_seen_ms);
        self.last_seen_ms = self.last_seen_ms.max(other.last_seen_ms);
        if other.name.is_some() && (self.name.is_none() || other.named_by < self.named_by) {
            (self.name, self.named_by) = (other.name, other.named_by);
        }
        self.maker = self.maker.take().or(other.maker);
        self.alias_of = self.alias_of.or(other.alias_of);
        let new = other.addresses.into_iter();
        let new: Vec<IpAddr> = new
            .filter(|address| !self.addresses.contains(address))
            .collect();
        self.addresses.extend(new);
    }

    /// What it is recognised by without a name: its hardware address, else its address, if it has
    /// but one. IPv6 addresses come and go beside an IPv4 one.
    pub fn base(&self) -> Option<DeviceKey> {
        match (&self.key, self.mac) {
            (DeviceKey::Named(_), Some(mac)) => return Some(DeviceKey::Mac(mac)),
            (DeviceKey::Named(_), None) => {}
            (DeviceKey::Others, _) => return None,
            (key, _) => return Some(key.clone()),
        }
        match self.addresses.as_slice() {
            [address] => Some(DeviceKey::Ip(*address)),
            [address, next, ..] if address.is_ipv4() && next.is_ipv6() => {
                Some(DeviceKey::Ip(*address))
            }
            _ => None,
        }
    }

    /// What people call it: its name, or its maker and the end of its hardware address, or an
    /// address.
    pub fn title(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        if let (Some(maker), Some([.., last_but_one, last])) = (&self.maker, self.mac) {
            return format!("{maker} {last_but_one:02x}:{last:02x}");
        }
        match (&self.key, self.addresses.first()) {
            (DeviceKey::Others, _) => "Other devices".to_owned(),
            (DeviceKey::Ip(address), _) | (_, Some(address)) => address.to_string(),
            (DeviceKey::Mac(mac), None) => mac_text(*mac),
            (DeviceKey::Named(name), None) => name.clone(),
        }
    }
}

/// `aa:bb:cc:dd:ee:ff`
pub fn mac_text(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Whether a device made this address up (IEEE 802, the U/L bit): it says nothing of the maker,
/// and may change.
pub fn is_private(mac: Mac) -> bool {
    let [first, ..] = mac;
    first & 0b10 != 0
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "mac:{}", mac_text(*mac)),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Named(name) => write!(f, "name:{name}"),
            Self::Others => f.write_str("others"),
        }
    }
}

impl FromStr for DeviceKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = match text.split_once(':') {
            Some(("mac", mac)) => parse_mac(mac).map(Self::Mac),
            Some(("ip", address)) => address.parse().ok().map(Self::Ip),
            Some(("name", name)) => Some(Self::Named(name.to_owned())),
            _ => (text == "others").then_some(Self::Others),
        };
        key.ok_or_else(|| KeyError(text.to_owned()))
    }
}

/// Whether this may be the hardware address of one device: no group of them, and not all zeros.
fn is_of_one(mac: Mac) -> bool {
    let [first, ..] = mac;
    first & 1 == 0 && mac != [0; 6]
}

/// Reads `aa:bb:cc:dd:ee:ff`.
pub fn parse_mac(text: &str) -> Option<Mac> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

impl Serialize for DeviceKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [0xaa, 0xbb, 0xcc, 0xdd, 0x0e, 0x0f];

    fn device(key: DeviceKey) -> Device {
        Device {
            id: DeviceId(1),
            key,
            name: None,
            named_by: NamedBy::Address,
            host_name: None,
            mac: None,
            private_mac: false,
            maker: None,
            addresses: Vec::new(),
            first_seen_ms: 0,
            last_seen_ms: 0,
            alias_of: None,
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let keys = [
            DeviceKey::Mac(MAC),
            DeviceKey::Ip("2001:db8::1".parse().unwrap()),
            DeviceKey::Named("Kids' tablet: old".to_owned()),
            DeviceKey::Others,
        ];
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for text in [
            "",
            "mac:aa",
            "mac:aa:bb:cc:dd:ee:ff:00",
            "ip:x",
            "192.0.2.7",
            "Others",
        ] {
            assert!(text.parse::<DeviceKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_device_outlives_its_text_form() {
        let before = Device {
            mac: Some(MAC),
            alias_of: Some(DeviceId(7)),
            ..device(DeviceKey::Mac(MAC))
        };
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Device>(&text).unwrap(), before);
    }

    #[test]
    fn the_title_is_the_best_that_is_known() {
        let mut tablet = device(DeviceKey::Mac(MAC));
        assert_eq!(tablet.title(), "aa:bb:cc:dd:0e:0f");
        tablet.addresses = vec!["192.0.2.7".parse().unwrap()];
        assert_eq!(tablet.title(), "192.0.2.7");
        tablet.mac = Some(MAC);
        tablet.maker = Some("Example".to_owned());
        assert_eq!(tablet.title(), "Example 0e:0f");
        tablet.name = Some("tablet".to_owned());
        assert_eq!(tablet.title(), "tablet");
    }
}
