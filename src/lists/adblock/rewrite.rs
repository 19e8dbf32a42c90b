//! The values of `$dnsrewrite`: an address, a name, a response code, or `CODE;TYPE;VALUE`.

use std::net::IpAddr;

use crate::lists::{hostname, rpz};
use crate::matcher::rule::Reply;
use crate::query::{Rcode, RecordType};

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
    let code = code(&first.to_ascii_uppercase())
        .ok_or_else(|| format!("`{first}` is no response code that a rule can give"))?;
    if code != Rcode::NOERROR || kind.is_empty() {
        return Ok(Reply::Code(code));
    }
    let kind: RecordType = kind
        .parse()
        .map_err(|error: crate::query::UnknownType| error.to_string())?;
    match kind {
        RecordType::CNAME => hostname::name(data).map(Reply::Cname),
        RecordType::A | RecordType::AAAA | RecordType::PTR | RecordType::TXT => {
            rpz::reply(kind, data)
        }
        RecordType::MX => record(kind, data, 1, 2..=2),
        RecordType::SRV => record(kind, data, 3, 4..=4),
        RecordType::HTTPS | RecordType::SVCB => record(kind, data, 1, 2..=usize::MAX),
        // AdGuard answers other types with nothing.
        _ => Ok(Reply::Code(Rcode::NOERROR)),
    }
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

fn code(text: &str) -> Option<Rcode> {
    match text {
        "NOERROR" => Some(Rcode::NOERROR),
        "NXDOMAIN" => Some(Rcode::NXDOMAIN),
        "REFUSED" => Some(Rcode::REFUSED),
        "SERVFAIL" => Some(Rcode::SERVFAIL),
        _ => None,
    }
}
