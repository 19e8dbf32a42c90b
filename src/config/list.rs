//! `[lists]` and `[[list]]`: the lists of others that people subscribe to.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use super::dns::private_networks;
use super::group::group_name;
use super::problem::Place;
use super::section::{Read, Section};
use super::tree::Item;
use super::value;

/// What holds for all lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    /// Whether lists may come from private addresses, and over plain HTTP.
    pub allow_private_sources: bool,
    /// The most bytes that a list may have, unpacked.
    pub max_size: u64,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            allow_private_sources: false,
            max_size: 300_000_000,
        }
    }
}

impl Lists {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            allow_private_sources: section.value(
                "allow_private_sources",
                default.allow_private_sources,
                value::truth,
            ),
            max_size: section.value("max_size", default.max_size, |item| {
                value::size(item, 1000..=4_000_000_000)
            }),
        }
    }
}

/// How to get what is refused for safety.
const SWITCH: &str = "with allow_private_sources = true in [lists]";

/// A list of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// What it is called; no other list has this name.
    pub name: String,
    /// Where it comes from.
    pub source: ListSource,
    /// What it does with the names that it holds.
    pub action: ListAction,
    /// How it is written; `None` = its first lines decide.
    pub format: Option<ListFormat>,
    /// How often it is looked at again.
    pub refresh: Duration,
    /// The names of the groups that it counts for; none = all that name no lists themselves.
    pub groups: Vec<String>,
    /// Where it stands in the config.
    pub place: Place,
}

impl List {
    /// How often a list is looked at again where nothing else is said.
    pub const USUAL_REFRESH: Duration = Duration::from_hours(24);

    /// Understands a name, or says what would be one.
    pub fn check_name(text: &str) -> Result<String, String> {
        let is_long = text.chars().count() > 64;
        if text.trim().is_empty() || is_long || text.chars().any(char::is_control) {
            return Err("write a name of at most 64 characters, on one line".to_owned());
        }
        Ok(text.to_owned())
    }

    /// Understands how often a list is looked at, or says what would be right.
    pub fn check_refresh(text: &str) -> Result<Duration, String> {
        let range = Duration::from_mins(1)..=Duration::from_hours(24 * 365);
        value::duration_within(text, range)
    }

    /// Reads all of `[[list]]`.
    pub(super) fn read_all(
        root: &mut Section<'_>,
        (lists, groups): (&Lists, &[String]),
        base: &Path,
    ) -> Vec<Self> {
        let (mut all, mut names) = (Vec::new(), Vec::new());
        root.each("list", |section| {
            let name = section.required("name", "what you call it", name);
            if let Some(name) = name.as_ref().filter(|name| names.contains(*name)) {
                section.wrong("name", format!("= {name:?}: another list has this name"));
            }
            names.extend(name.clone());
            all.extend(Self::read(section, name, (lists, groups), base));
        });
        all
    }

    /// By the names of lists that name groups: these.
    pub(super) fn groups_of(all: &[Self]) -> BTreeMap<String, Vec<String>> {
        let named = all.iter().filter(|list| !list.groups.is_empty());
        named
            .map(|list| (list.name.clone(), list.groups.clone()))
            .collect()
    }

    fn read(
        section: &mut Section<'_>,
        name: Option<String>,
        (lists, groups): (&Lists, &[String]),
        base: &Path,
    ) -> Option<Self> {
        let right = "the address (https://…) or the file that it comes from";
        let source = section.required("source", right, |item| {
            let path = || value::path(item, base).map(ListSource::File);
            match item.text().and_then(ListSource::url) {
                Some(url) => url.and_then(|url| url.permitted(lists)),
                None => path(),
            }
        });
        Some(Self {
            action: section.value("action", ListAction::Block, ListAction::read),
            format: section.value("format", None, ListFormat::read),
            refresh: section.value("refresh", Self::USUAL_REFRESH, refresh),
            groups: section.values("groups", Vec::new(), |item| group_name(item, groups)),
            place: section.place().clone(),
            name: name?,
            source: source?,
        })
    }
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListSource {
    /// It is fetched.
    Url(Url),
    /// It is read.
    File(PathBuf),
}

impl ListSource {
    /// Reads a source that did not stand in the config: an address, or a file's full path.
    pub fn parse(text: &str, lists: &Lists) -> Result<Self, String> {
        let text = text.trim();
        match Self::url(text) {
            Some(url) => url?.permitted(lists),
            None if Path::new(text).is_absolute() => Ok(Self::File(PathBuf::from(text))),
            None => Err("write an address (https://…), or the full path of a file".to_owned()),
        }
    }

    /// An address, if it is written like one.
    fn url(text: &str) -> Option<Result<Self, String>> {
        let (scheme, _) = text.trim().split_once("://")?;
        if !["https", "http"].contains(&scheme) {
            return Some(Err(format!(
                "{scheme}:// is not supported: write https://…, or a file's path"
            )));
        }
        let url = Url::parse(text.trim());
        Some(
            url.map(Self::Url)
                .map_err(|why| format!("this is no address: {why}")),
        )
    }

    fn permitted(self, lists: &Lists) -> Result<Self, String> {
        let Self::Url(url) = &self else {
            return Ok(self);
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("remove the password: the dashboard shows this address".to_owned());
        }
        if lists.allow_private_sources {
            return Ok(self);
        }
        if url.scheme() == "http" {
            return Err(format!(
                "write https://: plain HTTP is accepted only {SWITCH}"
            ));
        }
        let address = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        if address.is_some_and(|address| !is_public(address)) {
            return Err(format!("this is a private address, accepted only {SWITCH}"));
        }
        Ok(self)
    }
}

impl fmt::Display for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Whether an address is one of the internet's: not of a home, this machine, a provider's inner
/// network, or kept for special uses. An address that carries an IPv4 one counts as that.
pub fn is_public(address: IpAddr) -> bool {
    let address = carried(address);
    let is_private = private_networks()
        .iter()
        .any(|network| network.contains(&address));
    let is_special = match address {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            // RFC 6598, RFC 6890, RFC 2544; 0.0.0.0/8 is this machine, 240.0.0.0/4 nobody.
            matches!(
                (a, b, c),
                (0 | 224.., _, _) | (100, 64..=127, _) | (192, 0, 0) | (198, 18 | 19, _)
            )
        }
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            // Only 2000::/3 is in use as unicast, and Teredo within it leads anywhere.
            first & 0xe000 != 0x2000 || (first == 0x2001 && second == 0)
        }
    };
    !is_private && !is_special
}

/// The IPv4 address inside a mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056) one.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(ip) = address else {
        return address;
    };
    let embedded =
        |high: u16, low: u16| IpAddr::V4((u32::from(high) << 16 | u32::from(low)).into());
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0x2002, high, low, ..] => embedded(high, low),
        _ => address,
    }
}

/// What a list or a rule does with the names that it covers.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ListAction {
    /// They are blocked.
    Block,
    /// They are let through, and marked.
    Watch,
    /// They are let through, whatever block lists say.
    Allow,
}

impl ListAction {
    /// The words for them.
    pub const WORDS: [(&str, Self); 3] = [
        ("block", Self::Block),
        ("watch", Self::Watch),
        ("allow", Self::Allow),
    ];

    pub(super) fn read(item: &Item) -> Read<Self> {
        value::word(item, &Self::WORDS)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Watch => "watch",
            Self::Allow => "allow",
        }
    }
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// `ADDRESS NAME [NAME…]`
    Hosts,
    /// `NAME`
    Domains,
    /// `||NAME^$modifier`
    Adblock,
    /// `NAME`, `||NAME^`, regexes
    Pihole,
    /// `*.NAME`
    Wildcard,
    /// Response policy zones.
    Rpz,
    /// `address=/NAME/`
    Dnsmasq,
    /// `local-zone: "NAME" type`
    Unbound,
}

impl ListFormat {
    /// The words for them; `auto` leaves it to the first lines.
    pub const WORDS: [(&str, Option<Self>); 9] = [
        ("auto", None),
        ("hosts", Some(Self::Hosts)),
        ("domains", Some(Self::Domains)),
        ("adblock", Some(Self::Adblock)),
        ("pihole", Some(Self::Pihole)),
        ("wildcard", Some(Self::Wildcard)),
        ("rpz", Some(Self::Rpz)),
        ("dnsmasq", Some(Self::Dnsmasq)),
        ("unbound", Some(Self::Unbound)),
    ];

    fn read(item: &Item) -> Read<Option<Self>> {
        value::word(item, &Self::WORDS)
    }
}

/// A list's name: one line that is not too long to show.
fn name(item: &Item) -> Read<String> {
    List::check_name(&value::text(item)?)
}

fn refresh(item: &Item) -> Read<Duration> {
    List::check_refresh(item.text().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let private = [
            "10.0.0.1",
            "127.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::1",
            "::7f00:1",
            "ff02::1",
            "2001:0:1::1",
        ];
        for text in private {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "9.9.9.9",
            "2620:fe::fe",
            "::ffff:9.9.9.9",
            "64:ff9b::9.9.9.9",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_source_from_elsewhere_is_an_address_or_a_full_path() {
        let lists = Lists::default();
        let parse = |text| ListSource::parse(text, &lists);
        assert!(matches!(
            parse("https://lists.example/a.txt"),
            Ok(ListSource::Url(_))
        ));
        assert!(matches!(parse("/srv/a.txt"), Ok(ListSource::File(_))));
        for text in [
            "a.txt",
            "http://lists.example/a",
            "ftp://lists.example",
            "https://192.168.1.1/a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
