//! dnsmasq: `EXPIRY MAC ADDRESS NAME CLIENT-ID`, and after a `duid` line the same for `DHCPv6`.

use std::net::IpAddr;

use super::super::lines::{Entry, Found, lease_name};
use crate::config;

/// On machines without a clock dnsmasq writes how long a lease lasts, not when it ends: no lease
/// lasts for sixteen years, and none ended in 1985.
const LONGEST: i64 = 500_000_000;

pub(super) fn read(text: &str) -> Found {
    let mut found = Found::default();
    for (line, text) in (1..).zip(text.lines()) {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [] | ["duid", _] => {}
            [expiry, mac, address, name, ..] => match entry(expiry, mac, address, name) {
                Ok(entry) => found.entries.push(entry),
                Err(reason) => found.problem(line, reason),
            },
            _ => found.problem(line, "a lease has four words at least"),
        }
    }
    found
}

fn entry(expiry: &str, mac: &str, address: &str, name: &str) -> Result<Entry, String> {
    let expiry: i64 = expiry
        .parse()
        .map_err(|_| format!("{expiry:?} is no time"))?;
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("{address:?} is no address"))?;
    let name = lease_name(name)?;
    Ok(Entry {
        address,
        names: name.into_iter().collect(),
        // Of `DHCPv6` it is a number that the device chose.
        mac: config::mac(mac),
        until_s: (expiry > LONGEST).then_some(expiry),
    })
}
