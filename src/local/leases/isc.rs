//! ISC dhcpd: `lease ADDRESS { … }` blocks in the order of time; the last of an address holds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::lines::{Entry, Found, lease_name};
use crate::config;
use crate::query::Name;

pub(super) fn is_one(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("lease ") && line.ends_with('{'))
}

/// A block in the making.
struct Block {
    address: IpAddr,
    name: Option<Name>,
    mac: Option<[u8; 6]>,
    until_s: Option<i64>,
    is_active: bool,
}

pub(super) fn read(text: &str) -> Found {
    let mut found = Found::default();
    let mut last: BTreeMap<IpAddr, Option<Entry>> = BTreeMap::new();
    let mut block: Option<Block> = None;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if let Some(head) = text.strip_prefix("lease ") {
            block = None;
            match head.trim_end_matches('{').trim().parse() {
                Ok(address) => block = Some(Block::new(address)),
                Err(_) => found.problem(line, format!("{head:?} is no address")),
            }
        } else if text == "}" {
            if let Some(block) = block.take() {
                last.insert(block.address, block.into_entry());
            }
        } else if let Some(block) = &mut block
            && let Err(reason) = block.take(text.trim_end_matches(';'))
        {
            found.problem(line, reason);
        }
    }
    found.entries = last.into_values().flatten().collect();
    found
}

impl Block {
    fn new(address: IpAddr) -> Self {
        Self {
            address,
            name: None,
            mac: None,
            until_s: None,
            is_active: true,
        }
    }

    /// Takes one statement.
    fn take(&mut self, statement: &str) -> Result<(), String> {
        let (word, rest) = statement.split_once(' ').unwrap_or((statement, ""));
        match word {
            "client-hostname" => self.name = lease_name(rest.trim().trim_matches('"'))?,
            "hardware" => self.mac = rest.strip_prefix("ethernet ").and_then(config::mac),
            "binding" => self.is_active = rest == "state active",
            "ends" => self.until_s = end(rest)?,
            _ => {}
        }
        Ok(())
    }

    fn into_entry(self) -> Option<Entry> {
        self.is_active.then(|| Entry {
            address: self.address,
            names: self.name.into_iter().collect(),
            mac: self.mac,
            until_s: self.until_s,
        })
    }
}

/// `4 2026/11/26 12:00:00` (UTC), `epoch 1795694400; # a comment` or `never`.
fn end(text: &str) -> Result<Option<i64>, String> {
    let wrong = || format!("{text:?} is no time");
    if text == "never" {
        return Ok(None);
    }
    if let Some(epoch) = text.strip_prefix("epoch ") {
        let digits = epoch.split(';').next().unwrap_or(epoch).trim();
        return digits.parse().map(Some).map_err(|_| wrong());
    }
    let (_, date) = text.split_once(' ').ok_or_else(wrong)?;
    let date = DateTime::strptime("%Y/%m/%d %H:%M:%S", date).map_err(|_| wrong())?;
    let zoned = date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    Ok(Some(zoned.timestamp().as_second()))
}
