//! Plain names, one or more a line; every one is an exact entry.

use super::found::Found;
use super::hostname;
use super::{hosts, plain};

/// Reads a line. In front of a name an address is passed over, as in a hosts file; by itself it
/// is refused, because it names nothing.
pub(super) fn read(line: &str, found: &mut Found<'_>) {
    let Some(line) = plain::text(line, found) else {
        return;
    };
    let mut names = line
        .split_whitespace()
        .filter(|token| hostname::address(token).is_none())
        .peekable();
    if names.peek().is_none() {
        return found.refuse("an address where a name belongs");
    }
    for name in names {
        hosts::entry(name, found);
    }
}
