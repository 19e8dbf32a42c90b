//! Hosts files: `ADDRESS NAME [NAME…]`; every name is an exact entry, whatever the address.

use super::found::{BLOCK, Found, Skip};
use super::hostname;
use super::plain;
use crate::matcher::rule::{Pattern, Rule};

/// Reads a line.
pub(super) fn read(line: &str, found: &mut Found<'_>) {
    let Some(line) = plain::text(line, found) else {
        return;
    };
    for token in line.split_whitespace() {
        if hostname::address(token).is_none() {
            entry(token, found);
        }
    }
}

/// Takes a name as an exact entry.
pub(super) fn entry(token: &str, found: &mut Found<'_>) {
    if hostname::is_local(token) {
        return found.skip(Skip::Local);
    }
    if found.quick_full_name(token, &BLOCK) {
        return;
    }
    found.take(
        hostname::full_name(token)
            .map(|name| Rule::block(Pattern::Exact(name)))
            .map_err(|reason| hint(token).map_or(reason, str::to_owned)),
    );
}

fn hint(token: &str) -> Option<&'static str> {
    if token.starts_with("||") || token.starts_with("@@") {
        Some("this is adblock syntax; read the list as `adblock` or `pihole`")
    } else if token.starts_with("*.") {
        Some("a star has no meaning here; read the list as `wildcard` or `adblock`")
    } else if token.contains("://") {
        Some("this is a URL; DNS sees names only")
    } else {
        None
    }
}
