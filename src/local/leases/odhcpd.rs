//! odhcpd, `OpenWrt`'s server for `DHCPv6`: a hosts file, whose comments say what was given out, as
//! `# INTERFACE DUID IAID NAME EXPIRY ID LENGTH ADDRESS/LENGTH …`.

use std::net::IpAddr;

use super::super::lines::{Entry, Found, lease_name};
use crate::config;

/// In front of a name that is no host name, or that another device has.
const BROKEN: &str = "broken\\x20";

pub(super) fn is_one(text: &str) -> bool {
    text.lines().any(|line| Lease::read(line).is_some())
}

pub(super) fn read(text: &str) -> Found {
    let mut found = Found::default();
    for (line, text) in (1..).zip(text.lines()) {
        // What stands outside of comments is said in them, too, and without an end.
        let Some(lease) = Lease::read(text) else {
            continue;
        };
        match lease.entries() {
            Ok(entries) => found.entries.extend(entries),
            Err(reason) => found.problem(line, reason),
        }
    }
    found
}

struct Lease<'a> {
    mac: Option<[u8; 6]>,
    name: &'a str,
    /// In seconds since 1970-01-01 UTC; -1 is never, 0 is over.
    expiry: i64,
    addresses: Vec<&'a str>,
}

impl<'a> Lease<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let words: Vec<&str> = line.strip_prefix("# ")?.split_whitespace().collect();
        let [_, duid, iaid, name, expiry, _, _, addresses @ ..] = words.as_slice() else {
            return None;
        };
        Some(Self {
            mac: (*iaid == "ipv4").then(|| hardware_address(duid)).flatten(),
            name,
            expiry: expiry.parse().ok()?,
            addresses: addresses.to_vec(),
        })
    }

    fn entries(&self) -> Result<Vec<Entry>, String> {
        if self.expiry == 0 {
            return Ok(Vec::new());
        }
        let has_name = self.name != "-" && !self.name.starts_with(BROKEN);
        let name = has_name.then(|| lease_name(self.name)).transpose()?;
        let name = name.flatten();
        let addresses = self.addresses.iter().map(|text| address(text));
        let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
        Ok(addresses
            .into_iter()
            .flatten()
            .map(|address| Entry {
                address,
                names: name.into_iter().collect(),
                mac: self.mac,
                until_s: (self.expiry > 0).then_some(self.expiry),
            })
            .collect())
    }
}

/// Of IPv4 it writes the hardware address, twelve digits; of IPv6 what the device made up.
fn hardware_address(digits: &str) -> Option<[u8; 6]> {
    let pairs: Vec<&str> = (0..digits.len())
        .step_by(2)
        .map(|at| digits.get(at..at + 2))
        .collect::<Option<_>>()?;
    config::mac(&pairs.join(":"))
}

/// The address of `ADDRESS/LENGTH`; none where it is a whole prefix.
fn address(text: &str) -> Result<Option<IpAddr>, String> {
    let wrong = || format!("{text:?} is no address with a length");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let whole = if address.is_ipv4() { "32" } else { "128" };
    Ok((length == whole).then_some(address))
}
