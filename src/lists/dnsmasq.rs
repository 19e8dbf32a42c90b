//! dnsmasq's config lines: `address=/NAME/…`, `local=/NAME/`, `server=/NAME/#` and the records.

use std::net::IpAddr;

use ipnet::IpNet;
use memchr::memchr_iter;

use super::found::{Found, Skip};
use super::{hostname, linear, rpz};
use crate::matcher::rule::{Action, End, Glob, Pattern, Reach, Reply, Rule, Start};
use crate::query::{Rcode, RecordType};

/// Reads a line.
pub(super) fn read(line: &str, found: &mut Found<'_>) {
    let line = line.trim();
    if line.starts_with(['#', ';', '!']) {
        return found.skip(Skip::Comment);
    }
    let line = without_comment(line);
    if line.is_empty() {
        return;
    }
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let key = key.trim();
    let key = key.strip_prefix("--").unwrap_or(key);
    match key {
        "address" | "server" | "local" => names(key, value.trim(), found),
        "host-record" => host_record(value, found),
        "cname" => cname(value, found),
        "ptr-record" | "mx-host" | "txt-record" | "srv-host" | "caa-record" => {
            found.take(record(key, value));
        }
        "bogus-nxdomain" => {
            found.take(address(value).map(|pattern| {
                Rule::new(pattern, Action::Block(vec![Reply::Code(Rcode::NXDOMAIN)]))
            }));
        }
        "ignore-address" => {
            found.take(address(value).map(|pattern| Rule::new(pattern, Action::Drop)));
        }
        other => found.refuse(format!("`{other}` names nothing to block or to answer")),
    }
}

/// The line up to a `#` that has white space in front; `/#/` is no comment.
fn without_comment(line: &str) -> &str {
    let bytes = line.as_bytes();
    let mut signs = memchr_iter(b'#', bytes);
    let end = signs.find(|&at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        matches!(before, Some(b' ' | b'\t'))
    });
    line.get(..end.unwrap_or(line.len()))
        .unwrap_or_default()
        .trim_end()
}

fn names(key: &str, value: &str, found: &mut Found<'_>) {
    let Some((names, target)) = value
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'))
    else {
        return found.refuse(format!("`{key}=` without `/NAME/` is not about names"));
    };
    let action = match action(key, target.trim()) {
        Ok(action) => action,
        Err(reason) => return found.refuse(reason),
    };
    for name in names.split('/') {
        let is_plain = !matches!(action, Action::Rewrite(_)) && !name.is_empty();
        if !is_plain || !found.quick_name(Reach::Subtree, name, &action) {
            found.take(pattern(name).map(|pattern| rule(pattern, action.clone())));
        }
    }
}

/// A rule; data are given only to those who ask for their type, all others go on.
fn rule(pattern: Pattern, action: Action) -> Rule {
    let kind = match &action {
        Action::Rewrite(Reply::Address(IpAddr::V4(_))) => Some(RecordType::A),
        Action::Rewrite(Reply::Address(IpAddr::V6(_))) => Some(RecordType::AAAA),
        Action::Rewrite(Reply::Record(kind, _)) => Some(*kind),
        _ => None,
    };
    let mut rule = Rule::new(pattern, action);
    rule.limits.types.only.extend(kind);
    rule
}

fn action(key: &str, target: &str) -> Result<Action, String> {
    if target.is_empty() {
        return Ok(Action::Block(vec![Reply::Code(Rcode::NXDOMAIN)]));
    }
    match (key, target, target.parse::<IpAddr>()) {
        ("address", "#", _) => Ok(Action::Block(Vec::new())),
        ("address", _, Ok(address)) if address.is_unspecified() => Ok(Action::Block(Vec::new())),
        // Blocked, and told so with the list's own address.
        ("address", _, Ok(address)) if address.is_loopback() => {
            Ok(Action::Block(vec![Reply::Address(address)]))
        }
        ("address", _, Ok(address)) => Ok(Action::Rewrite(Reply::Address(address))),
        ("address", ..) => Err(format!("`{target}` is no address")),
        (_, "#", _) => Ok(Action::Allow),
        _ => Err("a list cannot send names to another server".to_owned()),
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    if text == "#" {
        return Ok(Pattern::everything());
    }
    if text.is_empty() {
        // dnsmasq: names without a dot.
        return linear::regex(r"^[^.]+$", false);
    }
    if let Some(name) = text.strip_prefix("*.") {
        return Ok(Pattern::Below(hostname::name(name)?));
    }
    if let Some(text) = text.strip_prefix('*') {
        return Ok(Pattern::Glob(Glob {
            text: hostname::name(text)?,
            start: Start::Anywhere,
            end: End::Name,
        }));
    }
    let name = text.strip_prefix('.').unwrap_or(text);
    Ok(Pattern::Subtree(hostname::name(name)?))
}

fn address(value: &str) -> Result<Pattern, String> {
    let value = value.trim();
    value
        .parse()
        .or_else(|_| value.parse().map(hostname::network))
        .map(|network: IpNet| Pattern::Address(network.trunc()))
        .map_err(|_| format!("`{value}` is no address"))
}

/// `host-record=NAME[,NAME…],ADDRESS[,ADDRESS][,TTL]`; the addresses lead back to the first name.
fn host_record(value: &str, found: &mut Found<'_>) {
    let words = || value.split(',').map(unquoted);
    let v4 = words().find_map(|word| word.parse().ok().map(IpAddr::V4));
    let v6 = words().find_map(|word| word.parse().ok().map(IpAddr::V6));
    if v4.or(v6).is_none() {
        return found.refuse("the record has no address");
    }
    let is_name = |word: &&str| word.parse::<IpAddr>().is_err() && word.parse::<u32>().is_err();
    for name in words().filter(is_name) {
        for address in v4.into_iter().chain(v6) {
            let action = Action::Rewrite(Reply::Address(address));
            found.take(hostname::name(name).map(|name| rule(Pattern::Exact(name), action)));
        }
    }
    if let Some(Ok(name)) = words().find(is_name).map(hostname::name) {
        for address in v4.into_iter().chain(v6) {
            let action = Action::Rewrite(Reply::Record(RecordType::PTR, name.clone()));
            found.rule(rule(Pattern::Exact(hostname::reverse(address)), action));
        }
    }
}

/// `cname=NAME[,NAME…],TARGET[,TTL]`; a name is one, or `*.` and one, unlike those between slashes.
fn cname(value: &str, found: &mut Found<'_>) {
    let mut words: Vec<&str> = value.split(',').map(unquoted).collect();
    words.pop_if(|last| last.parse::<u32>().is_ok());
    let target = words.pop().map(hostname::name);
    let (Some(Ok(target)), false) = (target, words.is_empty()) else {
        return found.refuse("a name and its target belong here");
    };
    for name in words {
        let action = Action::Rewrite(Reply::Cname(target.clone()));
        let pattern = match name.strip_prefix("*.") {
            Some(name) => hostname::name(name).map(Pattern::Below),
            None => hostname::name(name).map(Pattern::Exact),
        };
        found.take(pattern.map(|pattern| rule(pattern, action)));
    }
}

fn record(key: &str, value: &str) -> Result<Rule, String> {
    let mut is_quoted = false;
    let splits = move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    let mut words = value.split(splits).map(unquoted);
    let name = hostname::name(words.next().unwrap_or_default())?;
    let first = words.next();
    let needed = || first.ok_or("a name and a value belong here");
    let reply = match key {
        "ptr-record" => Reply::Record(RecordType::PTR, hostname::name(needed()?)?),
        "mx-host" => {
            let target = hostname::name(needed()?)?;
            let preference = number(words.next(), 1)?;
            Reply::Record(RecordType::MX, format!("{preference} {target}").into())
        }
        "srv-host" => Reply::Record(RecordType::SRV, service(first, words)?.into()),
        "caa-record" => {
            let flags = number(Some(needed()?), 0)?;
            let tag = words.next().unwrap_or_default();
            let value = rpz::quoted(words.next().unwrap_or_default());
            Reply::Record(RecordType(257), format!("{flags} {tag} {value}").into())
        }
        _ => {
            let texts: Vec<String> = first.into_iter().chain(words).map(rpz::quoted).collect();
            let texts = if texts.is_empty() {
                rpz::quoted("")
            } else {
                texts.join(" ")
            };
            Reply::Record(RecordType::TXT, texts.into())
        }
    };
    Ok(rule(Pattern::Exact(name), Action::Rewrite(reply)))
}

/// `srv-host=NAME[,TARGET[,PORT[,PRIORITY[,WEIGHT]]]]`; without a target there is no such service.
fn service<'a>(
    target: Option<&str>,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<String, String> {
    let target = match target.filter(|target| !target.is_empty()) {
        Some(target) => hostname::name(target)?,
        None => ".".into(),
    };
    let port = number(words.next(), 1)?;
    let priority = number(words.next(), 0)?;
    let weight = number(words.next(), 0)?;
    Ok(format!("{priority} {weight} {port} {target}"))
}

fn number(word: Option<&str>, unsaid: u16) -> Result<u16, String> {
    word.map_or(Ok(unsaid), |word| {
        word.parse().map_err(|_| format!("`{word}` is no number"))
    })
}

/// A word without white space and quotes around it.
fn unquoted(word: &str) -> &str {
    let word = word.trim();
    word.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(word)
}
