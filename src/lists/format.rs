//! The dialects, and which of them a list is written in.

use std::fmt;

use crate::config::ListFormat;

use super::{hostname, pihole, plain};

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `ADDRESS NAME [NAME…]`
    Hosts,
    /// `NAME`
    Domains,
    /// `*.NAME`
    Wildcard,
    /// `||NAME^$modifier`
    Adblock,
    /// `NAME`, `||NAME^`, regexes
    Pihole,
    /// Response policy zones.
    Rpz,
    /// `address=/NAME/`
    Dnsmasq,
    /// `local-zone: "NAME" type`
    Unbound,
}

/// A dialect, and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Decision {
    /// The dialect.
    pub format: Format,
    /// Why, in words.
    pub why: String,
}

impl Format {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 8] = [
        Self::Unbound,
        Self::Dnsmasq,
        Self::Rpz,
        Self::Adblock,
        Self::Wildcard,
        Self::Pihole,
        Self::Hosts,
        Self::Domains,
    ];

    /// The word for it in config and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Domains => "domains",
            Self::Wildcard => "wildcard",
            Self::Adblock => "adblock",
            Self::Pihole => "pihole",
            Self::Rpz => "rpz",
            Self::Dnsmasq => "dnsmasq",
            Self::Unbound => "unbound",
        }
    }
}

impl From<ListFormat> for Format {
    fn from(format: ListFormat) -> Self {
        match format {
            ListFormat::Hosts => Self::Hosts,
            ListFormat::Domains => Self::Domains,
            ListFormat::Adblock => Self::Adblock,
            ListFormat::Pihole => Self::Pihole,
            ListFormat::Wildcard => Self::Wildcard,
            ListFormat::Rpz => Self::Rpz,
            ListFormat::Dnsmasq => Self::Dnsmasq,
            ListFormat::Unbound => Self::Unbound,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Decides by the lines that tell.
///
/// Plain names and hosts lines mean the same in all dialects for lists, so lines that only one
/// dialect knows decide where they are at least a tenth.
pub(super) fn decide(lines: impl Iterator<Item = impl AsRef<str>>) -> Decision {
    let mut votes = [0_u32; Format::ALL.len()];
    let mut told = 0;
    for format in lines.filter_map(|line| vote(line.as_ref())) {
        told += 1;
        for (votes, candidate) in votes.iter_mut().zip(Format::ALL) {
            *votes += u32::from(candidate == format);
        }
    }
    let ranked = || Format::ALL.into_iter().zip(votes);
    let most = |special: bool| {
        ranked()
            .filter(|&(format, votes)| {
                let is_plain = matches!(format, Format::Hosts | Format::Domains);
                votes > 0 && is_plain != special && (is_plain || votes * 10 >= told)
            })
            // The first of those with as many votes.
            .rev()
            .max_by_key(|&(_, votes)| votes)
    };
    match most(true).or_else(|| most(false)) {
        Some((format, votes)) => Decision {
            format,
            why: format!("{votes} of the first {told} lines that tell are {format}"),
        },
        None => Decision {
            format: Format::Domains,
            why: "no line tells".to_owned(),
        },
    }
}

/// Whether a line is one for people, which a decision does not rest on.
pub(super) fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.starts_with(['!', ';'])
        || (line.starts_with('#') && !plain::is_cosmetic(line))
}

fn vote(line: &str) -> Option<Format> {
    let line = line.trim_start_matches('\u{feff}').trim();
    if is_comment(line) {
        return None;
    }
    let first = line.split_whitespace().next()?;
    let rest = || line.split_whitespace().skip(1);
    if ["local-zone:", "local-data:", "local-data-ptr:", "server:"].contains(&first) {
        return Some(Format::Unbound);
    }
    if ["address=/", "server=/", "local=/", "host-record="]
        .iter()
        .any(|start| line.starts_with(start))
    {
        return Some(Format::Dnsmasq);
    }
    if ["$TTL", "$ORIGIN"].contains(&first) || rest().take(3).any(is_zone_type) {
        return Some(Format::Rpz);
    }
    if hostname::address(first).is_some() {
        return rest().next().map(|_| Format::Hosts);
    }
    if line.starts_with("[Adblock") || line.starts_with(['|', '@']) || plain::is_cosmetic(line) {
        return Some(Format::Adblock);
    }
    if line.starts_with("*.") && !line.contains(['^', '$']) {
        return Some(Format::Wildcard);
    }
    if pihole::is_regex(line) && !line.ends_with('^') && !line.contains("^$") {
        return Some(Format::Pihole);
    }
    if hostname::full_name(first).is_ok() {
        return Some(Format::Domains);
    }
    line.contains(['^', '$', '/', '*'])
        .then_some(Format::Adblock)
}

fn is_zone_type(word: &str) -> bool {
    ["CNAME", "SOA", "NS", "A", "AAAA", "TXT"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_is_seen_in_its_lines() {
        for (text, expected) in [
            (
                "# home\n127.0.0.1 localhost\n0.0.0.0 ads.example",
                Format::Hosts,
            ),
            ("ads.example\nb.example", Format::Domains),
            ("*.ads.example\n*.b.example", Format::Wildcard),
            ("! Title: x\n||ads.example^\nplain.example", Format::Adblock),
            (
                "^ads[0-9]\\.\n(^|\\.)b\\.example$;querytype=A",
                Format::Pihole,
            ),
            (
                "$TTL 60\n@ SOA ns. x. (1 1 1 1 1)\nads.example CNAME .",
                Format::Rpz,
            ),
            ("address=/ads.example/#\nlocal=/b.example/", Format::Dnsmasq),
            (
                "server:\nlocal-zone: \"ads.example\" always_null",
                Format::Unbound,
            ),
            ("", Format::Domains),
        ] {
            assert_eq!(decide(text.lines()).format, expected, "{text}");
        }
    }

    #[test]
    fn a_stray_line_does_not_decide() {
        let mut text = "0.0.0.0 ads.example\n".repeat(20);
        text.push_str("||stray.example^\n");
        let decision = decide(text.lines());
        assert_eq!(decision.format, Format::Hosts);
        assert_eq!(decision.why, "20 of the first 21 lines that tell are hosts");
    }
}
