//! `[blocking]`: what a blocked name is answered.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::section::Section;
use super::tree::Value;
use super::value;

/// What a blocked name is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocking {
    /// The answer.
    pub answer: BlockAnswer,
    /// How long devices may keep it.
    pub ttl: Duration,
    /// Whether rules count for what an answer points to, too: other names, and addresses.
    pub inspect_answers: bool,
    /// Whether names that switch a browser's or phone's own DNS off are answered so that it
    /// keeps asking us.
    pub canaries: bool,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            answer: BlockAnswer::NullIp,
            ttl: Duration::from_secs(10),
            inspect_answers: true,
            canaries: true,
        }
    }
}

impl Blocking {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            answer: BlockAnswer::read(section).unwrap_or(default.answer),
            ttl: section.value("ttl", default.ttl, value::ttl),
            inspect_answers: section.value(
                "inspect_answers",
                default.inspect_answers,
                value::truth,
            ),
            canaries: section.value("canaries", default.canaries, value::truth),
        }
    }
}

/// The answer to a blocked name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockAnswer {
    /// A 0.0.0.0, AAAA ::, nothing for every other type.
    NullIp,
    /// The name does not exist.
    Nxdomain,
    /// The name exists, and has nothing of this type.
    Nodata,
    /// We refuse.
    Refused,
    /// These addresses, nothing for every other type.
    Address {
        /// For A; `None` = nothing.
        ipv4: Option<Ipv4Addr>,
        /// For AAAA; `None` = nothing.
        ipv6: Option<Ipv6Addr>,
    },
}

impl BlockAnswer {
    const WORDS: [(&str, Self); 4] = [
        ("null_ip", Self::NullIp),
        ("nxdomain", Self::Nxdomain),
        ("nodata", Self::Nodata),
        ("refused", Self::Refused),
    ];

    /// `None` where the key is absent or wrong.
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let item = section.take("answer")?;
        if matches!(item.value, Value::Table(_)) {
            return Some(section.inner("answer", "answer", item, Self::read_addresses));
        }
        section.check("answer", &item, |item| {
            value::word(item, &Self::WORDS).map_err(|right| {
                format!("{right}, or addresses: {{ ipv4 = \"192.0.2.1\", ipv6 = \"2001:db8::1\" }}")
            })
        })
    }

    fn read_addresses(section: &mut Section<'_>) -> Self {
        if section.is_empty() {
            section.wrong("ipv4", "is missing: write ipv4, ipv6 or both");
        }
        let ipv4 = section.optional("ipv4", |item| value::ip(item, "192.0.2.1"));
        let ipv6 = section.optional("ipv6", |item| value::ip(item, "2001:db8::1"));
        Self::Address { ipv4, ipv6 }
    }
}
