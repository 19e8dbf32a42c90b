//! `[blocking]`: what a blocked name is answered, and what is kept from devices beside it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::section::{Read, Section};
use super::tree::{Item, Value};
use super::value;

/// What a blocked name is answered.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the file"
)]
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
    /// Whether names of the internet that lead into the home are blocked.
    pub rebinding_protection: bool,
    /// Names that may, with those below them; in lower case.
    pub rebinding_allow: Vec<String>,
    /// Search engines that leave out what is not for children.
    pub safesearch: Vec<SafeSearch>,
    /// Whether nobody is told IPv4 addresses.
    pub filter_a: bool,
    /// Whether nobody is told IPv6 addresses.
    pub filter_aaaa: bool,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            answer: BlockAnswer::NullIp,
            ttl: Duration::from_secs(10),
            inspect_answers: true,
            canaries: true,
            rebinding_protection: true,
            rebinding_allow: vec!["plex.direct".to_owned()],
            safesearch: Vec::new(),
            filter_a: false,
            filter_aaaa: false,
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
            rebinding_protection: section.value(
                "rebinding_protection",
                default.rebinding_protection,
                value::truth,
            ),
            rebinding_allow: section.values(
                "rebinding_allow",
                default.rebinding_allow,
                value::domain,
            ),
            safesearch: SafeSearch::read(section),
            filter_a: section.value("filter_a", default.filter_a, value::truth),
            filter_aaaa: section.value("filter_aaaa", default.filter_aaaa, value::truth),
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

/// A search engine, or another site, that leaves out what is not for children when it is asked
/// for under another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeSearch {
    /// Google, in all countries.
    Google,
    /// Bing.
    Bing,
    /// `DuckDuckGo`.
    DuckDuckGo,
    /// `YouTube`, moderately.
    YouTube,
    /// `YouTube`, strictly.
    YouTubeStrict,
    /// Pixabay.
    Pixabay,
    /// Yandex.
    Yandex,
    /// Ecosia.
    Ecosia,
    /// Brave Search.
    Brave,
    /// Qwant.
    Qwant,
}

impl SafeSearch {
    const WORDS: [(&str, Self); 10] = [
        ("google", Self::Google),
        ("bing", Self::Bing),
        ("duckduckgo", Self::DuckDuckGo),
        ("youtube", Self::YouTube),
        ("youtube_strict", Self::YouTubeStrict),
        ("pixabay", Self::Pixabay),
        ("yandex", Self::Yandex),
        ("ecosia", Self::Ecosia),
        ("brave", Self::Brave),
        ("qwant", Self::Qwant),
    ];

    /// The word itself.
    pub fn as_str(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, engine)| *engine == self);
        found.map_or("", |(word, _)| word)
    }

    /// `true` is all of them, `YouTube` moderately.
    pub(super) fn read(section: &mut Section<'_>) -> Vec<Self> {
        let read = |item: &Item| -> Read<Vec<Self>> {
            match item.value {
                Value::Truth(false) => Ok(Vec::new()),
                Value::Truth(true) => {
                    let all = Self::WORDS.iter().map(|(_, engine)| *engine);
                    Ok(all
                        .filter(|engine| *engine != Self::YouTubeStrict)
                        .collect())
                }
                _ => value::word(item, &Self::WORDS)
                    .map(|engine| vec![engine])
                    .map_err(|right| format!("{right}; or true for all, false for none")),
            }
        };
        let given = section.values("safesearch", Vec::new(), read);
        given.into_iter().flatten().collect()
    }
}
