//! The values of `$dnsrewrite`: an address, a name, a response code, or `CODE;TYPE;VALUE`.

use std::net::IpAddr;

use crate::lists::{hostname, rpz};
use crate::matcher::rule::Reply;
use crate::query::{Rcode, RecordType};

/// By their numbers, from 0 (RFC 9460 §14.3.2).
const SERVICE_KEYS: [&str; 8] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
];

/// Reads a value that is not empty.
pub(super) fn read(value: &str) -> Result<Reply, String> {
    if value.contains(';') {
        return full(value);
    }
    if let Ok(address) = value.parse::<IpAddr>() {
        return Ok(Reply::Address(address));
    }
    if let Some(code) = code(value) {
        return Ok(Reply::Code(code));
    }
    // Only these are keywords, and only in upper case; in lower case they are names.
    if value.chars().all(|c| c.is_ascii_uppercase()) {
        return Err(format!(
            "`{value}` is no response code that a rule can give"
        ));
    }
    hostname::name(value).map(Reply::Cname)
}

fn full(value: &str) -> Result<Reply, String> {
    let mut parts = value.splitn(3, ';');
    let (Some(first), Some(kind), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("`$dnsrewrite` is `CODE;TYPE;VALUE`".to_owned());
    };
    let first = first.to_ascii_uppercase();
    let code = code(&first)
        .or_else(|| rare_code(&first))
        .ok_or_else(|| format!("`{first}` is no response code that a rule can give"))?;
    if code != Rcode::NOERROR || kind.is_empty() && data.is_empty() {
        return Ok(Reply::Code(code));
    }
    let kind: RecordType = kind
        .parse()
        .map_err(|error: crate::query::UnknownType| error.to_string())?;
    match kind {
        RecordType::CNAME => hostname::name(data).map(Reply::Cname),
        RecordType::A | RecordType::AAAA | RecordType::PTR => rpz::reply(kind, data),
        RecordType::TXT => Ok(Reply::Record(kind, text(data).into())),
        RecordType::MX => record(kind, data, 1, 2..=2),
        RecordType::SRV => {
            let words: Vec<&str> = data.split_whitespace().take(4).collect();
            record(kind, &words.join(" "), 3, 4..=4)
        }
        RecordType::HTTPS | RecordType::SVCB => record(kind, &service(data), 1, 2..=usize::MAX),
        // AdGuard answers other types with nothing.
        _ => Ok(Reply::Code(Rcode::NOERROR)),
    }
}

/// Text as one string of a zone file, letter by letter as it stands.
fn text(written: &str) -> String {
    let mut plain = String::new();
    let mut letters = written.chars().peekable();
    while let Some(letter) = letters.next() {
        // What the rule's own signs would be is escaped in it.
        let is_escape = letter == '\\' && matches!(letters.peek(), Some(',' | '$'));
        if !is_escape {
            plain.push(letter);
        }
    }
    rpz::quoted(&plain)
}

/// The parameters of a service that DNS knows, in the order of their keys (RFC 9460 §2.2).
fn service(data: &str) -> String {
    let words: Vec<&str> = data.split_whitespace().collect();
    let (head, parameters) = words.split_at_checked(2).unwrap_or((&words, &[]));
    let key = |word: &&str| {
        let name = word.split('=').next().unwrap_or_default();
        SERVICE_KEYS.iter().position(|known| *known == name)
    };
    let mut parameters: Vec<&str> = parameters
        .iter()
        .copied()
        .filter(|word| key(word).is_some())
        .collect();
    parameters.sort_by_key(key);
    [head, &parameters].concat().join(" ")
}

/// A record of some numbers, a name, and what follows it.
fn record(
    kind: RecordType,
    data: &str,
    numbers: usize,
    words: std::ops::RangeInclusive<usize>,
) -> Result<Reply, String> {
    let given = || data.split_whitespace();
    let are_numbers = given()
        .take(numbers)
        .all(|word| word.parse::<u16>().is_ok());
    if !words.contains(&given().count()) || !are_numbers {
        return Err(format!("`{data}` is no data for {kind}"));
    }
    let target = given().nth(numbers).unwrap_or_default();
    if target != "." {
        hostname::name(target)?;
    }
    Ok(Reply::Record(kind, data.into()))
}

/// Codes that stand only where all three parts do.
fn rare_code(text: &str) -> Option<Rcode> {
    Some(match text {
        "FORMERR" => Rcode::FORMERR,
        "NOTIMP" => Rcode::NOTIMP,
        "YXDOMAIN" => Rcode(6),
        "YXRRSET" => Rcode(7),
        "NXRRSET" => Rcode(8),
        "NOTAUTH" => Rcode(9),
        "NOTZONE" => Rcode(10),
        _ => return None,
    })
}

fn code(text: &str) -> Option<Rcode> {
    match text {
        "NOERROR" => Some(Rcode::NOERROR),
        "NXDOMAIN" => Some(Rcode::NXDOMAIN),
        "REFUSED" => Some(Rcode::REFUSED),
        "SERVFAIL" => Some(Rcode::SERVFAIL),
        _ => None,
    }
}
