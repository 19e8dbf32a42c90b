//! Names as lists write them, made one: lower case, no root dot, punycode.

use std::net::IpAddr;

use ipnet::IpNet;

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
    // The wire adds a length in front and the root behind (RFC 1035 §3.1).
    if name.len() > 253 {
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
    let Some((_, last)) = name.rsplit_once('.') else {
        return Err(format!("`{name}` has no dot"));
    };
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{name}` ends in a number, so it is no name"));
    }
    if last.starts_with('-') || last.ends_with('-') {
        return Err(format!(
            "the last label of `{name}` has a hyphen at its edge"
        ));
    }
    Ok(name)
}

fn check_label(label: &str) -> Result<(), String> {
    if label.is_empty() {
        return Err("a label is empty".to_owned());
    }
    if label.len() > 63 {
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
    let text = text.to_ascii_lowercase();
    LOCAL.contains(&&*text)
}

/// Reads an address, with or without a zone (`fe80::1%eth0`).
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

/// An address as a network of one.
pub(super) fn network(address: IpAddr) -> IpNet {
    IpNet::from(address)
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
