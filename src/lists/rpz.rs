//! Response policy zones: zone files whose owner names say what is meant, and whose data what
//! happens to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::found::{Found, Skip};
use super::hostname;
use crate::matcher::rule::{Action, Asker, Pattern, Reply, Rule};
use crate::query::{Rcode, RecordType};

/// Reads lines; keeps the zone's name, the origin, the last owner, and open parentheses.
#[derive(Default)]
pub(super) struct Rpz {
    zone: Option<Box<str>>,
    origin: Option<Box<str>>,
    owner: String,
    in_parentheses: bool,
}

impl Rpz {
    /// Reads a line.
    pub(super) fn read(&mut self, line: &str, found: &mut Found<'_>) {
        let text = without_comment(line).trim_end();
        if self.in_parentheses {
            self.in_parentheses = !text.contains(')');
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
        let (owner, rest) = if text.starts_with(char::is_whitespace) {
            (self.owner.clone(), text.trim_start())
        } else {
            let (owner, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            (owner.to_owned(), rest.trim_start())
        };
        self.owner.clone_from(&owner);
        self.in_parentheses = rest.contains('(') && !rest.contains(')');
        match kind_and_data(rest) {
            Ok((RecordType::SOA | RecordType::NS, _)) => {
                if self.zone.is_none() {
                    self.zone = self.origin.clone().or_else(|| absolute(&owner));
                }
                found.skip(Skip::Header);
            }
            Ok((kind, data)) => found.take(self.rule(&owner, kind, data)),
            Err(reason) => found.refuse(reason),
        }
    }

    fn directive(&mut self, text: &str, found: &mut Found<'_>) {
        let mut words = text.split_whitespace();
        match (words.next(), words.next()) {
            (Some("$ORIGIN"), Some(name)) => {
                self.origin = absolute(name);
                if self.zone.is_none() {
                    self.zone.clone_from(&self.origin);
                }
                found.skip(Skip::Header);
            }
            (Some("$TTL"), _) => found.skip(Skip::Header),
            (Some(other), _) => found.refuse(format!("`{other}` is not followed")),
            (None, _) => {}
        }
    }

    fn rule(&self, owner: &str, kind: RecordType, data: &str) -> Result<Rule, String> {
        let trigger = self.trigger(owner)?;
        let action = action(&trigger, kind, data)?;
        if let Some(prefix) = trigger.strip_suffix(".rpz-client-ip") {
            let mut rule = Rule::new(Pattern::everything(), action);
            rule.limits
                .devices
                .only
                .push(Asker::Network(network(prefix)?));
            return Ok(rule);
        }
        if let Some(prefix) = trigger.strip_suffix(".rpz-ip") {
            return Ok(Rule::new(Pattern::Address(network(prefix)?), action));
        }
        if trigger.ends_with(".rpz-nsdname") || trigger.ends_with(".rpz-nsip") {
            return Err("the name servers behind an answer are not seen here".to_owned());
        }
        let pattern = match trigger.strip_prefix("*.") {
            _ if trigger == "*" => Pattern::everything(),
            Some(name) => Pattern::Below(hostname::name(name)?),
            None => Pattern::Exact(hostname::name(&trigger)?),
        };
        Ok(Rule::new(pattern, action))
    }

    /// The owner without the zone's own name, in lower case.
    fn trigger(&self, owner: &str) -> Result<String, String> {
        if owner == "@" {
            return Err("the zone's own name triggers nothing".to_owned());
        }
        let owner = owner.to_lowercase();
        let zone = self.zone.as_deref().unwrap_or_default();
        let full = match (owner.strip_suffix('.'), self.origin.as_deref()) {
            (Some(full), _) => full.to_owned(),
            (None, Some(origin)) if origin != zone => format!("{owner}.{origin}"),
            (None, _) => return Ok(owner),
        };
        if zone.is_empty() {
            return Ok(full);
        }
        full.strip_suffix(zone)
            .and_then(|rest| rest.strip_suffix('.'))
            .map(str::to_owned)
            .ok_or_else(|| format!("`{full}` is outside the zone `{zone}`"))
    }
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

fn action(trigger: &str, kind: RecordType, data: &str) -> Result<Action, String> {
    if kind != RecordType::CNAME {
        return Ok(match reply(kind, data)? {
            Reply::Address(address) if hostname::is_null(address) => {
                Action::Block(vec![Reply::Address(address)])
            }
            reply => Action::Rewrite(reply),
        });
    }
    let target = data.to_lowercase();
    let bare = target.strip_suffix('.').unwrap_or(&target);
    Ok(match bare {
        "" if target == "." => Action::Block(vec![Reply::Code(Rcode::NXDOMAIN)]),
        "*" => Action::Block(vec![Reply::Code(Rcode::NOERROR)]),
        "rpz-passthru" => Action::Allow,
        "rpz-drop" => Action::Drop,
        "rpz-tcp-only" => Action::Rewrite(Reply::Truncated),
        // The first drafts wrote "let through" as a name that points to itself.
        _ if bare == trigger => Action::Allow,
        _ => Action::Rewrite(match bare.strip_prefix("*.") {
            Some(name) => Reply::CnameUnder(hostname::name(name)?),
            None => Reply::Cname(hostname::name(bare)?),
        }),
    })
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

/// The line up to a `;` that is not in quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => return line.get(..at).unwrap_or_default(),
            _ => {}
        }
    }
    line
}
