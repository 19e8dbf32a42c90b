//! Single values: what they must look like, and what to write where they do not.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::section::Read;
use super::tree::{Item, Value};

const DAY: u64 = 24 * 60 * 60;

/// A text that is not empty.
pub(super) fn text(item: &Item) -> Read<String> {
    item.text()
        .filter(|text| !text.trim().is_empty())
        .map(str::to_owned)
        .ok_or_else(|| "write a text in quotes".to_owned())
}

/// A folder's or file's path, relative to `base`.
pub(super) fn path(item: &Item, base: &std::path::Path) -> Read<PathBuf> {
    let in_file = item.place.line.is_some();
    let text = text(item).map_err(|_| "write a path in quotes".to_owned())?;
    // What the environment says is relative to where the program was started.
    Ok(if in_file {
        base.join(text)
    } else {
        PathBuf::from(text)
    })
}

/// `true` or `false`.
pub(super) fn truth(item: &Item) -> Read<bool> {
    match item.value {
        Value::Truth(truth) => Ok(truth),
        _ => Err("write true or false".to_owned()),
    }
}

/// A whole number within bounds.
pub(super) fn whole<T: TryFrom<i64>>(item: &Item, range: RangeInclusive<i64>) -> Read<T> {
    let right = || {
        format!(
            "write a whole number from {} to {}",
            range.start(),
            range.end()
        )
    };
    match item.value {
        Value::Whole(number) if range.contains(&number) => T::try_from(number).map_err(|_| right()),
        _ => Err(right()),
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(item: &Item, words: &[(&str, T)]) -> Read<T> {
    let found = words
        .iter()
        .find(|(word, _)| Some(*word) == item.text())
        .map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        format!("write {}", either(&quoted))
    })
}

/// An address with a port.
pub(super) fn socket(item: &Item) -> Read<SocketAddr> {
    parse(item).ok_or_else(|| {
        "write an address with a port, such as \"192.0.2.1:53\" or \"[2001:db8::1]:53\"".to_owned()
    })
}

/// An address without a port.
pub(super) fn ip<T: FromStr>(item: &Item, example: &str) -> Read<T> {
    parse(item).ok_or_else(|| format!("write an address without a port, such as {example:?}"))
}

/// A network, or an address, which is a network of one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(IpNet::from(ip));
    }
    text.parse::<IpNet>().ok().map(|network| network.trunc())
}

/// A time such as `"10s"`, within bounds.
pub(super) fn duration(item: &Item, range: RangeInclusive<Duration>) -> Read<Duration> {
    duration_within(item.text().unwrap_or_default(), range)
}

/// The same of a text.
pub fn duration_within(text: &str, range: RangeInclusive<Duration>) -> Read<Duration> {
    let shape = || "write a number and a unit (ms, s, m, h or d), such as \"10s\"".to_owned();
    let duration = parse_duration(text).ok_or_else(shape)?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (in_words(*range.start()), in_words(*range.end()));
    Err(format!("write a time from {least:?} to {most:?}"))
}

/// A number of bytes such as `"300MB"`, within bounds.
pub(super) fn size(item: &Item, range: RangeInclusive<u64>) -> Read<u64> {
    let shape = || "write a number and a unit (kB, MB or GB), such as \"300MB\"".to_owned();
    let size = item.text().and_then(parse_size).ok_or_else(shape)?;
    if range.contains(&size) {
        return Ok(size);
    }
    let (least, most) = (size_in_words(*range.start()), size_in_words(*range.end()));
    Err(format!("write a size from {least:?} to {most:?}"))
}

/// A time to live: whole seconds, up to what a device would still believe.
pub(super) fn ttl(item: &Item) -> Read<Duration> {
    ttl_of(item.text().unwrap_or_default())
}

/// The same of a text.
pub(super) fn ttl_of(text: &str) -> Read<Duration> {
    // RFC 8767 §4: a TTL of more than a week is more likely a mistake.
    let duration = duration_within(text, Duration::ZERO..=Duration::from_secs(7 * DAY))?;
    if duration.subsec_millis() > 0 {
        return Err("write whole seconds, such as \"10s\"".to_owned());
    }
    Ok(duration)
}

/// A hardware address: six bytes in hexadecimal, with colons or hyphens between them.
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(['-', ':']);
    for byte in &mut mac {
        let part = parts.next()?;
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || part.is_empty() || part.len() > 2 {
            return None;
        }
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// A domain, in lower case: labels of letters, digits, hyphens and underscores.
pub(super) fn domain(item: &Item) -> Read<String> {
    const LONGEST: usize = 200;
    let text = item.text().unwrap_or_default().trim().to_ascii_lowercase();
    let text = text.trim_matches('.');
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
    };
    if text.len() <= LONGEST && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("write a domain, such as \"home.arpa\" or \"lan\"".to_owned())
}

fn parse<T: FromStr>(item: &Item) -> Option<T> {
    item.text()?.trim().parse().ok()
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim_start() {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => DAY,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

const SIZE_UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start();
    let mut units = SIZE_UNITS.iter();
    let (size, _) = units.find(|(_, word)| word.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

fn size_in_words(bytes: u64) -> String {
    let mut units = SIZE_UNITS.iter();
    let unit = units.find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    unit.map_or_else(
        || format!("{bytes}B"),
        |(size, word)| format!("{}{word}", bytes / size),
    )
}

/// A time as people write it: `1d`.
pub fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_millis() > 0 {
        return format!("{}ms", duration.as_millis());
    }
    let units = [(DAY, "d"), (60 * 60, "h"), (60, "m")];
    let unit = units
        .iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    unit.map_or_else(
        || format!("{seconds}s"),
        |(unit, letter)| format!("{}{letter}", seconds / unit),
    )
}

/// `a`, `a or b`, `a, b or c`.
fn either(words: &[String]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let cases = [
            ("250ms", Some(Duration::from_millis(250))),
            ("10s", Some(Duration::from_secs(10))),
            ("5m", Some(Duration::from_mins(5))),
            ("1h", Some(Duration::from_hours(1))),
            ("90d", Some(Duration::from_secs(90 * DAY))),
            ("10", None),
            ("s", None),
            ("1w", None),
            ("-1s", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
            ("9999999999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_told_in_the_largest_unit_that_fits() {
        for text in ["250ms", "90s", "5m", "1h", "90d", "0s"] {
            assert_eq!(in_words(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes_are_a_number_and_a_unit() {
        let cases = [
            ("300MB", Some(300_000_000)),
            ("1 gb", Some(1_000_000_000)),
            ("5kB", Some(5000)),
            ("5", None),
            ("MB", None),
            ("-1MB", None),
            ("99999999999999999GB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn hardware_addresses_are_read_in_both_spellings() {
        let mac_bytes = Some([0xaa, 0xbb, 0xcc, 0x00, 0x0e, 0xff]);
        assert_eq!(mac("aa:bb:cc:00:0e:ff"), mac_bytes);
        assert_eq!(mac("AA-BB-CC-0-E-FF"), mac_bytes);
        for text in [
            "aa:bb:cc:dd:ee",
            "aa:bb:cc:dd:ee:ff:00",
            "aa:bb:cc:dd:ee:+f",
            "2001:db8::1",
        ] {
            assert_eq!(mac(text), None, "{text}");
        }
    }
}
