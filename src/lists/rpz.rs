//! Response policy zones: zone files whose owner names say what is meant, and whose data what
//! happens to it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;
use memchr::memchr2_iter;

use super::found::{Found, Skip};
use super::hostname;
use crate::matcher::rule::{Action, Asker, Pattern, Reach, Reply, Rule};
use crate::query::{Rcode, RecordType};

/// RFC 1035 §3.3: a string has one byte for its length.
const LONGEST_STRING: usize = 255;

static NXDOMAIN: LazyLock<Action> =
    LazyLock::new(|| Action::Block(vec![Reply::Code(Rcode::NXDOMAIN)]));
static NODATA: LazyLock<Action> =
    LazyLock::new(|| Action::Block(vec![Reply::Code(Rcode::NOERROR)]));

/// Reads lines; keeps the zone's name, the origin, the last owner, and an open parenthesis. Only the
/// zone's head may go on in other lines: a rule that did would swallow those that follow.
#[derive(Default)]
pub(super) struct Rpz {
    zone: Option<Box<str>>,
    origin: Option<Box<str>>,
    owner: String,
    /// What an owner comes to; kept for its memory.
    trigger: String,
    /// The line of a parenthesis that is not closed yet.
    open_since: Option<u64>,
}

impl Rpz {
    /// Reads a line.
    pub(super) fn read(&mut self, line: &str, found: &mut Found<'_>) {
        let text = without_comment(line).trim_end();
        if self.open_since.is_some() {
            if outside_quotes(text).any(|sign| sign == ')') {
                self.open_since = None;
            }
            return;
        }
        if text.trim().is_empty() {
            if !line.trim().is_empty() {
                found.skip(Skip::Comment);
            }
            return;
        }
        if text.starts_with('$') {
            return self.directive(text, found);
        }
        let rest = if text.starts_with(char::is_whitespace) {
            text
        } else {
            let (owner, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            self.owner.clear();
            self.owner.push_str(owner);
            rest
        };
        let rest = rest.trim_start();
        match kind_and_data(rest) {
            Ok((kind @ (RecordType::SOA | RecordType::NS), data)) => {
                if self.zone.is_none() {
                    self.zone = self.origin.clone().or_else(|| absolute(&self.owner));
                }
                let is_open = kind == RecordType::SOA && is_open(data);
                self.open_since = is_open.then(|| found.line());
                found.skip(Skip::Header);
            }
            Ok((_, data)) if outside_quotes(data).any(|sign| matches!(sign, '(' | ')')) => {
                found.refuse("only the SOA record may have parentheses");
            }
            Ok((kind, data)) => self.record(kind, data, found),
            Err(reason) => found.refuse(reason),
        }
    }

    /// The text has ended.
    pub(super) fn end(&self, found: &mut Found<'_>) {
        if let Some(line) = self.open_since {
            found.refuse(format!(
                "the parenthesis of line {line} is never closed, so nothing after it was read"
            ));
        }
    }

    fn directive(&mut self, text: &str, found: &mut Found<'_>) {
        let mut words = text.split_whitespace();
        match (words.next(), words.next()) {
            (Some(word), Some(name)) if word.eq_ignore_ascii_case("$ORIGIN") => {
                self.origin = absolute(name);
                if self.zone.is_none() {
                    self.zone.clone_from(&self.origin);
                }
                found.skip(Skip::Header);
            }
            (Some(word), _) if word.eq_ignore_ascii_case("$TTL") => found.skip(Skip::Header),
            (Some(other), _) => found.refuse(format!("`{other}` is not followed")),
            (None, _) => {}
        }
    }

    fn record(&mut self, kind: RecordType, data: &str, found: &mut Found<'_>) {
        let mut memory = std::mem::take(&mut self.trigger);
        let read = self
            .trigger(&mut memory)
            .and_then(|trigger| Ok((trigger, action(trigger, kind, &self.whole(kind, data))?)));
        match read {
            Ok((trigger, action)) => rule(trigger, &action, found),
            Err(reason) => found.refuse(reason),
        }
        self.trigger = memory;
    }

    /// The data with the origin behind its name where that has no final dot (RFC 1035 §5.1).
    fn whole<'a>(&self, kind: RecordType, data: &'a str) -> Cow<'a, str> {
        let origin = self.origin.as_deref().or(self.zone.as_deref());
        let (Some(origin), Some(place)) = (origin, place_of_name(kind)) else {
            return Cow::Borrowed(data);
        };
        let mut rest = data;
        for _ in 0..place {
            let behind = rest.split_once(char::is_whitespace);
            rest = behind.map_or("", |(_, behind)| behind.trim_start());
        }
        let name = rest.split(char::is_whitespace).next().unwrap_or_default();
        // A name that points to itself lets through, in the first drafts.
        let is_itself = name == self.owner;
        if name.is_empty() || name.ends_with('.') || is_own_word(name) || is_itself {
            return Cow::Borrowed(data);
        }
        let (front, _) = data.split_at(data.len() - rest.len());
        let (_, behind) = rest.split_at(name.len());
        Cow::Owned(if name == "@" {
            format!("{front}{origin}.{behind}")
        } else {
            format!("{front}{name}.{origin}.{behind}")
        })
    }

    /// The last owner without the zone's own name, in lower case.
    fn trigger<'a>(&self, memory: &'a mut String) -> Result<&'a str, String> {
        if self.owner == "@" {
            return Err("the zone's own name triggers nothing".to_owned());
        }
        memory.clear();
        memory.push_str(&self.owner);
        memory.make_ascii_lowercase();
        let zone = self.zone.as_deref().unwrap_or_default();
        if memory.ends_with('.') {
            memory.pop();
        } else {
            match self.origin.as_deref() {
                Some(origin) if origin != zone => memory.extend([".", origin]),
                _ => return Ok(memory),
            }
        }
        if zone.is_empty() {
            return Ok(memory);
        }
        memory
            .strip_suffix(zone)
            .and_then(|rest| rest.strip_suffix('.'))
            .ok_or_else(|| format!("`{memory}` is outside the zone `{zone}`"))
    }
}

fn rule(trigger: &str, action: &Action, found: &mut Found<'_>) {
    let last = trigger.rsplit('.').next().unwrap_or_default();
    if last.starts_with("rpz-") {
        return found.take(special(trigger, last, action.clone()));
    }
    match trigger.strip_prefix("*.") {
        _ if trigger == "*" => found.rule(Rule::new(Pattern::everything(), action.clone())),
        Some(name) => found.name(Reach::Below, name, action),
        None => found.name(Reach::Exact, trigger, action),
    }
}

/// Reads a trigger that is no name of a question.
fn special(trigger: &str, last: &str, action: Action) -> Result<Rule, String> {
    let prefix = trigger
        .strip_suffix(last)
        .and_then(|prefix| prefix.strip_suffix('.'))
        .unwrap_or_default();
    match last {
        "rpz-client-ip" => {
            let mut rule = Rule::new(Pattern::everything(), action);
            let network = Asker::Network(network(prefix)?);
            rule.limits.devices.only.push(network);
            Ok(rule)
        }
        "rpz-ip" => Ok(Rule::new(Pattern::Address(network(prefix)?), action)),
        "rpz-nsdname" | "rpz-nsip" => {
            Err("the name servers behind an answer are not seen here".to_owned())
        }
        _ => Ok(Rule::new(Pattern::Exact(hostname::name(trigger)?), action)),
    }
}

/// So many words stand before the name in data of this type, if there is one.
fn place_of_name(kind: RecordType) -> Option<usize> {
    match kind {
        RecordType::CNAME | RecordType::DNAME | RecordType::PTR => Some(0),
        RecordType::MX | RecordType::SVCB | RecordType::HTTPS => Some(1),
        RecordType::SRV => Some(3),
        RecordType::NAPTR => Some(5),
        _ => None,
    }
}

/// What zones say with a name that is none: meant so without its final dot, too.
fn is_own_word(name: &str) -> bool {
    let words = ["*", "rpz-passthru", "rpz-drop", "rpz-tcp-only"];
    words.iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// The type and the data of a record, past its TTL and its class.
pub(super) fn kind_and_data(rest: &str) -> Result<(RecordType, &str), String> {
    let mut rest = rest.trim();
    loop {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let is_ttl = word.starts_with(|c: char| c.is_ascii_digit());
        if !is_ttl && !word.eq_ignore_ascii_case("IN") {
            let kind = word
                .parse()
                .map_err(|_| "this is no record: NAME [TTL] [IN] TYPE DATA".to_owned())?;
            return Ok((kind, after.trim()));
        }
        rest = after.trim_start();
    }
}

/// Data of a record as an answer; checks addresses and names.
pub(super) fn reply(kind: RecordType, data: &str) -> Result<Reply, String> {
    let wrong = |what| move |_| format!("`{data}` is no {what} address");
    Ok(match kind {
        RecordType::A => Reply::Address(data.parse::<Ipv4Addr>().map_err(wrong("IPv4"))?.into()),
        RecordType::AAAA => Reply::Address(data.parse::<Ipv6Addr>().map_err(wrong("IPv6"))?.into()),
        _ if data.is_empty() => return Err("the record has no data".to_owned()),
        RecordType::PTR => Reply::Record(kind, hostname::name(data)?),
        _ => Reply::Record(kind, data.into()),
    })
}

/// A text in quotes, as zone files write it; in several where it is too long for one string.
pub(super) fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    let mut length = 0;
    for letter in text.chars() {
        length += letter.len_utf8();
        if length > LONGEST_STRING {
            written.push_str("\" \"");
            length = letter.len_utf8();
        }
        if matches!(letter, '"' | '\\') {
            written.push('\\');
        }
        written.push(letter);
    }
    written.push('"');
    written
}

fn action(trigger: &str, kind: RecordType, data: &str) -> Result<Cow<'static, Action>, String> {
    if kind != RecordType::CNAME {
        return Ok(Cow::Owned(match reply(kind, data)? {
            Reply::Address(address) if hostname::is_null(address) => {
                Action::Block(vec![Reply::Address(address)])
            }
            reply => Action::Rewrite(reply),
        }));
    }
    match data {
        "." => return Ok(Cow::Borrowed(&NXDOMAIN)),
        "*." | "*" => return Ok(Cow::Borrowed(&NODATA)),
        _ => {}
    }
    let target = data.to_lowercase();
    let bare = target.strip_suffix('.').unwrap_or(&target);
    Ok(Cow::Owned(match bare {
        "rpz-passthru" => Action::Allow,
        "rpz-drop" => Action::Drop,
        "rpz-tcp-only" => Action::Rewrite(Reply::Truncated),
        // The first drafts wrote "let through" as a name that points to itself.
        _ if bare == trigger => Action::Allow,
        _ => Action::Rewrite(match bare.strip_prefix("*.") {
            Some(name) => Reply::CnameUnder(hostname::name(name)?),
            None => Reply::Cname(hostname::name(bare)?),
        }),
    }))
}

/// Reads `24.0.113.0.203` and `48.zz.1.db8.2001`: the length, then the address from its end.
fn network(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("`{text}` is no address as zones write it");
    let mut labels = text.split('.');
    let length: u8 = labels
        .next()
        .and_then(|length| length.parse().ok())
        .ok_or_else(wrong)?;
    let parts: Vec<&str> = labels.rev().collect();
    let is_v4 = parts.len() == 4 && !parts.contains(&"zz");
    let address: Option<IpAddr> = if is_v4 {
        parts.join(".").parse().ok()
    } else {
        // `zz` is "::"; at an edge it needs its second colon.
        let joined = parts.join(":");
        let joined = match (joined.strip_prefix("zz"), joined.strip_suffix("zz")) {
            _ if joined == "zz" => "::".to_owned(),
            (Some(rest), _) => format!(":{rest}"),
            (_, Some(rest)) => format!("{rest}:"),
            _ => joined.replace(":zz:", "::"),
        };
        joined.parse().ok()
    };
    address
        .and_then(|address| IpNet::new(address, length).ok())
        .map(|net| net.trunc())
        .ok_or_else(wrong)
}

fn absolute(name: &str) -> Option<Box<str>> {
    let bare = name.strip_suffix('.')?;
    (!bare.is_empty()).then(|| bare.to_lowercase().into())
}

/// Whether a record goes on in the lines that follow.
fn is_open(text: &str) -> bool {
    outside_quotes(text).fold(false, |open, sign| match sign {
        '(' => true,
        ')' => false,
        _ => open,
    })
}

fn outside_quotes(text: &str) -> impl Iterator<Item = char> {
    text.split('"').step_by(2).flat_map(str::chars)
}

/// The line up to a `;` that is not in quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for at in memchr2_iter(b'"', b';', line.as_bytes()) {
        match line.get(at..=at) {
            Some(";") if !quoted => return line.get(..at).unwrap_or_default(),
            Some(";") => {}
            _ => quoted = !quoted,
        }
    }
    line
}
