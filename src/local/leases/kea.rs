//! Kea: CSV with a head line; each change of a lease is a line of its own, the last one holds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::lines::{Entry, Found, lease_name};
use crate::config;

/// Kea's lease states, and its types of `DHCPv6` leases.
const IN_USE: &str = "0";
const PREFIX: &str = "2";

pub(super) fn is_one(text: &str) -> bool {
    text.starts_with("address,")
}

pub(super) fn read(text: &str) -> Found {
    let mut found = Found::default();
    let mut lines = (1..).zip(text.lines());
    let head: Vec<&str> = match lines.next() {
        Some((_, head)) => head.split(',').map(str::trim).collect(),
        None => return found,
    };
    let mut last = BTreeMap::new();
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let fields: Vec<&str> = text.split(',').collect();
        // Each run of the server begins with the head line again.
        if fields.first() == Some(&"address") {
            continue;
        }
        match entry(&head, &fields) {
            Ok((address, entry)) => {
                last.insert(address, entry);
            }
            Err(reason) => found.problem(line, reason),
        }
    }
    found.entries = last.into_values().flatten().collect();
    found
}

/// The address of a line, and what it means now.
fn entry(head: &[&str], fields: &[&str]) -> Result<(IpAddr, Option<Entry>), String> {
    let field = |name: &str| {
        let at = head.iter().position(|column| *column == name)?;
        fields.get(at).map(|field| field.trim())
    };
    let text = field("address").unwrap_or_default();
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("{text:?} is no address"))?;
    let number = |name: &str| {
        let text = field(name).ok_or_else(|| format!("the line ends before {name:?}"))?;
        text.parse::<i64>()
            .map_err(|_| format!("{name} {text:?} is no number"))
    };
    let until = number("expire")?;
    // A lifetime of zero is a lease that was deleted.
    let is_over = number("valid_lifetime")? == 0;
    let is_in_use = field("state").is_none_or(|state| state == IN_USE);
    let is_prefix = field("lease_type").is_some_and(|kind| kind == PREFIX);
    if is_over || !is_in_use || is_prefix {
        return Ok((address, None));
    }
    let name = lease_name(field("hostname").unwrap_or_default())?;
    let entry = Entry {
        address,
        names: name.into_iter().collect(),
        mac: field("hwaddr").and_then(config::mac),
        until_s: Some(until),
    };
    Ok((address, Some(entry)))
}
