//! Names with stars: `*.NAME` is the name and all below it, `NAME` itself only, `/…/` a regex.

use std::borrow::Cow;

use super::found::{BLOCK, Found, Skip};
use super::{hostname, hosts, linear, plain};
use crate::matcher::rule::{Pattern, Reach, Rule};

/// Reads a line.
pub(super) fn read(line: &str, found: &mut Found<'_>) {
    if let Some(regex) = between_slashes(line.trim()) {
        return found.take(linear::regex(&as_written(regex), false).map(Rule::block));
    }
    let Some(line) = plain::text(line, found) else {
        return;
    };
    let mut tokens = line.split_whitespace();
    let first = tokens.next().unwrap_or_default();
    let rest = tokens.clone().next();
    match (hostname::address(first), rest) {
        (Some(address), None) => {
            found.rule(Rule::block(Pattern::Address(hostname::network(address))));
        }
        (Some(_), Some(_)) => tokens.for_each(|token| entry(token, found)),
        (None, None) if is_top(first) => found.name(Reach::Exact, first, &BLOCK),
        (None, None) => entry(first, found),
        (None, Some(_)) => line
            .split_whitespace()
            .for_each(|token| entry(token, found)),
    }
}

fn entry(token: &str, found: &mut Found<'_>) {
    match token.strip_prefix("*.") {
        Some(name) if hostname::is_local(name) => found.skip(Skip::Local),
        Some(name) if name.contains('*') => found.refuse("more than one star"),
        Some(name) => found.name(Reach::Subtree, name, &BLOCK),
        None if token.contains('*') => {
            found.refuse("a star stands only in front, before a dot: `*.NAME`");
        }
        None => hosts::entry(token, found),
    }
}

/// Whether a word is a name of one label, which means that name only.
fn is_top(token: &str) -> bool {
    !hostname::is_local(token) && !token.contains('.') && hostname::name(token).is_ok()
}

/// A regex to which the spelling matters. Names come in lower case.
fn as_written(regex: &str) -> Cow<'_, str> {
    if regex.contains(|c: char| c.is_ascii_uppercase()) {
        Cow::Owned(format!("(?-i:{regex})"))
    } else {
        Cow::Borrowed(regex)
    }
}

fn between_slashes(line: &str) -> Option<&str> {
    line.strip_prefix('/')?.strip_suffix('/')
}
