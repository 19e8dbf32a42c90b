//! What Pi-hole reads: plain names, `||NAME^`, and regexes with their options.
//!
//! Pi-hole keeps regexes apart from lists. Here both stand in one file: a word that is no name
//! and has a sign that only regexes have is a regex.

use std::net::IpAddr;

use super::found::{ALLOW, BLOCK, Found, Role, Skip};
use super::{hostname, hosts, linear, plain};
use crate::matcher::rule::{Action, Choice, Reach, Reply, Rule};
use crate::query::{Rcode, RecordType};

/// The types that a regex can name; `OTHER` is every type that is not among them.
const TYPES: &[&str] = &[
    "A", "AAAA", "ANY", "SRV", "SOA", "PTR", "TXT", "NAPTR", "MX", "DS", "RRSIG", "DNSKEY", "NS",
    "SVCB", "HTTPS",
];

/// Reads a line.
pub(super) fn read(line: &str, found: &mut Found<'_>) {
    let line = line.trim();
    if is_regex(line) {
        return take_regex(line, found);
    }
    let Some(line) = plain::text(line, found) else {
        return;
    };
    if is_regex(line) {
        return take_regex(line, found);
    }
    for token in line.split_whitespace() {
        if hostname::address(token).is_none() {
            entry(token, found);
        }
    }
}

fn entry(token: &str, found: &mut Found<'_>) {
    if let Some(rest) = token.strip_prefix("@@||") {
        // An allow list turns it into an exception; a block list of Pi-hole's knows none.
        match rest.strip_suffix('^') {
            Some(name) if found.role() == Role::Allow && hostname::name(name).is_ok() => {
                found.name(Reach::Subtree, name, &ALLOW);
            }
            _ => found.refuse("an exception stands only in an allow list, as `@@||NAME^`"),
        }
    } else if let Some(rest) = token.strip_prefix("||") {
        match rest.strip_suffix('^') {
            Some(name) => found.name(Reach::Subtree, name, &BLOCK),
            None => found.refuse("of adblock syntax only `||NAME^` is known, without modifiers"),
        }
    } else if token.starts_with(['|', '@', '/']) {
        found.refuse("of adblock syntax only `||NAME^` is known");
    } else if hostname::is_local(token) {
        found.skip(Skip::Local);
    } else {
        hosts::entry(token, found);
    }
}

/// Whether a line is a regex: one word, with a sign that no name and no adblock rule starts with.
pub(super) fn is_regex(line: &str) -> bool {
    let signs = [
        '^', '$', '(', ')', '[', ']', '{', '}', '|', '\\', '+', '?', '*',
    ];
    !line.starts_with(['|', '@', '*', '/', '!', '#', ';'])
        && !line.contains(char::is_whitespace)
        && line.contains(signs)
        && !has_comment(line)
        && !is_header(line)
}

/// Whether a `#` starts a comment: neither `(?#…)` nor the cost in `{#1}`.
fn has_comment(line: &str) -> bool {
    let bytes = line.as_bytes();
    let mut is_in_braces = false;
    bytes.iter().enumerate().any(|(at, byte)| match byte {
        b'{' | b'}' => {
            is_in_braces = *byte == b'{';
            false
        }
        b'#' => !is_in_braces && !bytes.get(..at).unwrap_or_default().ends_with(b"(?"),
        _ => false,
    })
}

/// Whether a line is a title in brackets. As a regex it would be one letter out of these, and match
/// nearly every name.
fn is_header(line: &str) -> bool {
    line.starts_with('[') && line.find(']') == Some(line.len() - 1) || line.starts_with("[Adblock")
}

fn take_regex(line: &str, found: &mut Found<'_>) {
    if linear::is_written_out(line) && !found.may_write_out() {
        return found.refuse(
            "the list has more regexes that refer back or match approximately than can be written \
             out together",
        );
    }
    found.take(regex(line));
}

/// Reads a regex with its options.
pub fn regex(line: &str) -> Result<Rule, String> {
    let mut parts = line.split(';');
    let pattern = linear::from_posix(parts.next().unwrap_or_default())?;
    let mut types = None;
    let mut replies = Vec::new();
    let mut drops = false;
    let mut inverted = false;
    for option in parts.filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        match key {
            "querytype" if types.is_some() => return Err("`querytype` stands twice".to_owned()),
            "querytype" => types = Some(read_types(value)?),
            _ if option.eq_ignore_ascii_case("invert") => inverted = true,
            "reply" if value.eq_ignore_ascii_case("none") => drops = true,
            "reply" => replies.push(reply(value)?),
            _ => return Err(format!("`;{option}` is no option of a regex")),
        }
    }
    let action = match (drops, replies.is_empty()) {
        (false, _) => Action::Block(replies),
        (true, true) => Action::Drop,
        (true, false) => return Err("`reply=none` stands beside another reply".to_owned()),
    };
    let mut rule = Rule::new(linear::regex(&pattern, inverted)?, action);
    rule.limits.types = types.unwrap_or_default();
    Ok(rule)
}

fn reply(value: &str) -> Result<Reply, String> {
    if let Ok(address) = value.parse::<IpAddr>() {
        return Ok(Reply::Address(address));
    }
    if let Some((key, target)) = value.split_once(',')
        && key.eq_ignore_ascii_case("cname")
    {
        return Ok(Reply::Cname(hostname::name(target)?));
    }
    match value.to_ascii_lowercase().as_str() {
        "nxdomain" => Ok(Reply::Code(Rcode::NXDOMAIN)),
        "nodata" => Ok(Reply::Code(Rcode::NOERROR)),
        "refused" => Ok(Reply::Code(Rcode::REFUSED)),
        "ip" => Ok(Reply::OwnAddress),
        _ => Err(format!("`{value}` is no reply")),
    }
}

fn read_types(value: &str) -> Result<Choice<RecordType>, String> {
    let (text, negated) = match value.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (value, false),
    };
    let mut named = Vec::new();
    let mut other = false;
    for word in text.split(',') {
        let word = word.trim().to_ascii_uppercase();
        if word == "OTHER" {
            other = true;
        } else if TYPES.contains(&&*word) {
            named.push(known(&word)?);
        } else {
            return Err(format!("`{word}` is no type that a regex can name"));
        }
    }
    if other {
        // "Other and these" is everything but the rest of those that have names.
        let all: Result<Vec<_>, _> = TYPES.iter().map(|word| known(word)).collect();
        let rest = all?.into_iter().filter(|kind| !named.contains(kind));
        named = rest.collect();
    }
    let mut types = Choice::default();
    if negated == other {
        types.only = named;
    } else {
        types.not = named;
    }
    Ok(types)
}

fn known(word: &str) -> Result<RecordType, String> {
    word.parse()
        .map_err(|error: crate::query::UnknownType| error.to_string())
}
