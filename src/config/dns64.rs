//! `[dns64]`: IPv6 addresses for servers that have none.

use ipnet::Ipv6Net;

use super::section::{Read, Section};
use super::tree::Item;

/// IPv6 addresses for servers that have none (RFC 6147).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns64 {
    /// Where the translator finds IPv4 addresses; `None` = it is off.
    pub prefix: Option<Ipv6Net>,
}

impl Dns64 {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            prefix: section.value("prefix", None, prefix),
        }
    }
}

fn prefix(item: &Item) -> Read<Option<Ipv6Net>> {
    // RFC 6052 §2.2.
    const LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];
    let text = item.text().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let prefix = text.parse::<Ipv6Net>().ok().map(|prefix| prefix.trunc());
    prefix
        .filter(|prefix| LENGTHS.contains(&prefix.prefix_len()))
        .map(Some)
        .ok_or_else(|| {
            "write an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits, such as \"64:ff9b::/96\", or \
             \"\" for none"
                .to_owned()
        })
}
