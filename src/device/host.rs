//! Host names of devices: who tells them, and which of them say something.

use std::collections::BTreeMap;

use super::NamedBy;
use super::wishes::first_label;

/// Who tells the host name of a device. The first comes before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameSource {
    /// A DHCP server that it told its name, by the file of its leases.
    Lease,
    /// The router, by the reverse look-up of its address.
    Reverse,
    /// The device itself, by multicast DNS.
    Mdns,
}

impl NameSource {
    /// The one that a device is named by, if it is one of these.
    pub(super) fn of(named_by: NamedBy) -> Option<Self> {
        match named_by {
            NamedBy::Lease => Some(Self::Lease),
            NamedBy::Reverse => Some(Self::Reverse),
            NamedBy::Mdns => Some(Self::Mdns),
            NamedBy::Config | NamedBy::Maker | NamedBy::Address => None,
        }
    }
}

impl From<NameSource> for NamedBy {
    fn from(source: NameSource) -> Self {
        match source {
            NameSource::Lease => Self::Lease,
            NameSource::Reverse => Self::Reverse,
            NameSource::Mdns => Self::Mdns,
        }
    }
}

/// The host names of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostNames(BTreeMap<NameSource, String>);

impl HostNames {
    /// The one name that a record of before has.
    pub fn one(source: NameSource, name: String) -> Self {
        Self(BTreeMap::from([(source, name)]))
    }

    /// The name that counts.
    pub fn best(&self) -> Option<(NameSource, &str)> {
        let (source, name) = self.0.first_key_value()?;
        Some((*source, name))
    }

    /// All of them, the best first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// Takes a name. Says whether it is new.
    pub fn set(&mut self, source: NameSource, name: &str) -> bool {
        let before = self.0.insert(source, name.to_owned());
        before.as_deref() != Some(name)
    }

    /// Forgets what one told.
    pub fn forget(&mut self, source: NameSource) {
        self.0.remove(&source);
    }

    /// Takes those that are not known here.
    pub fn join(&mut self, other: Self) {
        for (source, name) in other.0 {
            self.0.entry(source).or_insert(name);
        }
    }
}

/// The first label of a host name, if it says more than the address. Devices choose it
/// themselves, so anything but a plain name is dropped.
pub(super) fn host_name(name: &str) -> Option<String> {
    let label = first_label(name.trim_end_matches('.'));
    let is_plain = label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    // `192-168-1-20`, `ip-192-168-1-20`: made from the address.
    let digits = label.split(['-', '_']).filter(|part| is_number(part));
    let is_address = label
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && label.contains('-')
        || digits.count() >= 4;
    let is_name = label.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !label.eq_ignore_ascii_case("localhost")
        && !label.eq_ignore_ascii_case("unknown");
    (is_plain && is_name && !is_address && label.len() <= 63).then(|| label.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_dropped() {
        let cases = [
            ("kids-tablet.fritz.box.", Some("kids-tablet")),
            ("Pocket", Some("Pocket")),
            ("tv-42", Some("tv-42")),
            ("192-168-1-20.lan", None),
            ("ip-192-168-1-20.example", None),
            ("localhost", None),
            ("unknown.lan", None),
            ("42", None),
            ("", None),
            ("<b>tv</b>", None),
        ];
        for (name, expected) in cases {
            assert_eq!(host_name(name).as_deref(), expected, "{name}");
        }
    }
}
