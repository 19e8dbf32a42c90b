//! Names as lists write them, made one: lower case, no root dot, punycode.

use std::net::IpAddr;

use ipnet::IpNet;

/// The wire adds a length in front and the root behind, and ends at 255 (RFC 1035 §3.1).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Names of the machine itself and of its network, which stand at the head of hosts files.
const LOCAL: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
];

/// Reads a name of ASCII letters into `into`, whose memory is used again; gives nothing where
/// something is odd: [`name`] then reads it, or says what.
pub(super) fn quick<'a>(text: &str, into: &'a mut String) -> Option<&'a str> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    if bare.len() > MAX_NAME {
        return None;
    }
    let mut label = 0;
    for byte in bare.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'A'..=b'Z' => label += 1,
            b'.' if (1..=MAX_LABEL).contains(&label) => label = 0,
            _ => return None,
        }
    }
    if !(1..=MAX_LABEL).contains(&label) {
        return None;
    }
    into.clear();
    into.push_str(bare);
    into.make_ascii_lowercase();
    Some(into)
}

/// Reads a name of one label or more.
pub(super) fn name(text: &str) -> Result<Box<str>, String> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let mut name = if bare.is_ascii() {
        bare.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(bare).map_err(|_| format!("`{text}` is no international name"))?
    };
    name.make_ascii_lowercase();
    if name.is_empty() {
        return Err("a name is missing".to_owned());
    }
    if name.len() > MAX_NAME {
        return Err("the name is longer than 255 bytes".to_owned());
    }
    for label in name.split('.') {
        check_label(label)?;
    }
    Ok(name.into())
}

/// Reads a name that may stand for itself in a list: with a dot, and not an address.
pub(super) fn full_name(text: &str) -> Result<Box<str>, String> {
    let name = name(text)?;
    match last_label(&name) {
        None => Err(format!("`{name}` has no dot")),
        Some(last) if is_number(last) => {
            Err(format!("`{name}` ends in a number, so it is no name"))
        }
        Some(last) if has_hyphen_at_edge(last) => Err(format!(
            "the last label of `{name}` has a hyphen at its edge"
        )),
        Some(_) => Ok(name),
    }
}

/// Whether a name may stand for itself in a list.
pub(super) fn is_full(name: &str) -> bool {
    last_label(name).is_some_and(|last| !is_number(last) && !has_hyphen_at_edge(last))
}

/// What is behind the last dot, where there is one.
fn last_label(name: &str) -> Option<&str> {
    Some(name.rsplit_once('.')?.1)
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_hyphen_at_edge(label: &str) -> bool {
    label.starts_with('-') || label.ends_with('-')
}

fn check_label(label: &str) -> Result<(), String> {
    if label.is_empty() {
        return Err("a label is empty".to_owned());
    }
    if label.len() > MAX_LABEL {
        return Err("a label is longer than 63 bytes".to_owned());
    }
    let strange = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match label.chars().find(strange) {
        Some(c) => Err(format!("`{}` cannot stand in a name", c.escape_default())),
        None => Ok(()),
    }
}

/// Whether a name is one of the machine's own, which lists carry and nobody means.
pub(super) fn is_local(text: &str) -> bool {
    LOCAL.iter().any(|local| local.eq_ignore_ascii_case(text))
}

/// Reads an address, with or without a zone (`fe80::1%eth0`).
pub(super) fn address(text: &str) -> Option<IpAddr> {
    // Most words are names: told apart without a try at both kinds of address.
    let may_be = text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(':');
    if !may_be {
        return None;
    }
    text.split('%').next()?.parse().ok()
}

/// An address as a network of one.
pub(super) fn network(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// The name under which DNS tells what an address is called.
pub(super) fn reverse(address: IpAddr) -> Box<str> {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa").into()
        }
        IpAddr::V6(v6) => {
            let digits = format!("{:032x}", u128::from(v6));
            let reversed = digits.chars().rev().flat_map(|digit| [digit, '.']);
            format!("{}ip6.arpa", reversed.collect::<String>()).into()
        }
    }
}

/// Whether an address says "nowhere" or "this machine".
pub(super) fn is_null(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one() {
        for (text, expected) in [
            ("ADS.Example.", "ads.example"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("under_score.example", "under_score.example"),
        ] {
            assert_eq!(&*full_name(text).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        for (text, reason) in [
            ("router", "has no dot"),
            (".a.example", "empty"),
            ("a..example", "empty"),
            ("a.example:80", "`:`"),
            ("a.example-", "hyphen"),
            ("999.0.0.1", "number"),
            (&format!("{}.example", "a".repeat(64)), "63"),
            (&format!("{}example", "a.".repeat(130)), "255"),
        ] {
            let said = full_name(text).unwrap_err();
            assert!(said.contains(reason), "{text}: {said}");
        }
    }
}
