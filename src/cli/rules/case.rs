//! One case: rules and a query, and what they come to.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::app::{Trial, Tried};
use crate::config::{self, Config, DeviceMatch};
use crate::dns::AnswerWords;
use crate::lists::{self, Format, List, OwnRule, Reading, Report, Role, Skip, pihole_regex};
use crate::matcher::rule::{Action, Asker, Pattern, Rule, Sink as _};
use crate::matcher::{self, Compiler, Matcher};
use crate::packs::Packs;
use crate::query::{Name, Query, RecordType, Verdict};

/// A case as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Case {
    syntax: String,
    rules: Vec<String>,
    list_bytes: Option<String>,
    allow_rules: Vec<String>,
    allow_regex: Vec<String>,
    allow_exact: Vec<String>,
    deny_exact: Vec<String>,
    list_rules: Vec<String>,
    allow_list_rules: Vec<String>,
    first_zone: Vec<String>,
    clients: Vec<String>,
    group: Option<Group>,
    query: Asking,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asking {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    client: Option<Client>,
}

/// Devices that have rules of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    clients: Vec<String>,
    /// What of the case counts for these devices alone; without it, the rules.
    owns: Option<Vec<Part>>,
}

/// A member of a case that has rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Rules,
    FirstZone,
    AllowRules,
    AllowRegex,
    AllowExact,
    DenyExact,
    ListRules,
    AllowListRules,
}

impl Group {
    fn has(&self, part: Part) -> bool {
        match &self.owns {
            Some(owned) => owned.contains(&part),
            None => part == Part::Rules,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Client {
    ip: IpAddr,
    name: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// What a case comes to.
#[derive(Debug, Serialize)]
pub(super) struct Decided {
    decision: &'static str,
    rcode: String,
    rrs: Vec<(String, String)>,
    counts: BTreeMap<&'static str, u64>,
}

impl Case {
    /// Decides it, over the upstream at `upstream`.
    pub async fn decide(&self, upstream: SocketAddr) -> anyhow::Result<Decided> {
        let format = format(&self.syntax)?;
        let mut compiler = Compiler::new(0);
        if !self.first_zone.is_empty() {
            let list = ("first", format, Role::Block);
            self.add(
                &mut compiler,
                list,
                (&bytes(&self.first_zone), Part::FirstZone),
            )?;
        }
        let text = match &self.list_bytes {
            Some(digits) => from_hex(digits)?,
            None => bytes(&self.rules),
        };
        let list = ("rules", format, Role::Block);
        let main = self.add(&mut compiler, list, (&text, Part::Rules))?;
        for (name, role, (rules, part)) in [
            ("allow", Role::Allow, (&self.allow_rules, Part::AllowRules)),
            ("list", Role::Block, (&self.list_rules, Part::ListRules)),
            (
                "allow-list",
                Role::Allow,
                (&self.allow_list_rules, Part::AllowListRules),
            ),
        ] {
            // Pi-hole's allow lists know a little of adblock syntax, whatever the block list is.
            let is_mixed = rules.iter().any(|line| line.starts_with("@@||"));
            let format = match format {
                Format::Hosts | Format::Domains if is_mixed => Format::Pihole,
                format => format,
            };
            if !rules.is_empty() {
                self.add(&mut compiler, (name, format, role), (&bytes(rules), part))?;
            }
        }
        let base = matcher::Compiled::from_bytes(compiler.finish("")?)?;
        let own = self.own()?;
        let top = lists::top(
            &Packs::default(),
            &config::Packs::default(),
            &own,
            base.seed(),
        );
        let rules = Matcher::new(base.into(), top.into());
        let trial = Trial::new(self.config(), rules, upstream);
        Ok(decided(&trial.ask(&self.query()?).await, &main))
    }

    /// Adds a list, for the devices that it counts for.
    fn add(
        &self,
        compiler: &mut Compiler,
        (name, format, role): (&str, Format, Role),
        (text, part): (&[u8], Part),
    ) -> anyhow::Result<Report> {
        let reading = Reading {
            format: Some(format),
            role,
        };
        let devices = self.devices(part);
        if devices.is_empty() && part != Part::Rules {
            return Ok(lists::add(compiler, name, reading, text)?);
        }
        let report = lists::add(compiler, name, reading, &[][..])?;
        let list = if part == Part::Rules && self.syntax == "regex-pihole" {
            self.regexes(reading)
        } else {
            lists::parse(text, reading)
        };
        let mut rules = list.rules;
        let is_whole = part == Part::Rules && rules.is_empty();
        if format == Format::Wildcard && is_whole && !self.allow_rules.is_empty() {
            // A group that has only an allow list blocks all else.
            rules.push(Rule::block(Pattern::everything()));
        }
        for mut rule in rules {
            rule.limits.devices.only.extend(devices.iter().cloned());
            compiler.rule(rule);
        }
        Ok(Report {
            decision: report.decision,
            ..list.report
        })
    }

    /// The rules as Pi-hole's regexes, even where they look like names.
    fn regexes(&self, reading: Reading) -> List {
        let mut list = lists::parse(&[], reading);
        for (line, number) in self.rules.iter().zip(1..) {
            match pihole_regex(line) {
                Ok(rule) => list.rules.push(Rule {
                    line: number,
                    ..rule
                }),
                Err(_) => list.report.counts.refused += 1,
            }
        }
        list.report.counts.entries = u64::try_from(list.rules.len()).unwrap_or(u64::MAX);
        list
    }

    /// The devices that a part counts for; none = all.
    fn devices(&self, part: Part) -> Vec<Asker> {
        let clients = match part {
            Part::Rules => self.clients.as_slice(),
            _ => &[],
        };
        let group = self.group.as_ref().filter(|group| group.has(part));
        let members = group.iter().flat_map(|group| &group.clients);
        clients
            .iter()
            .chain(members)
            .map(|text| asker(text))
            .collect()
    }

    /// What people set themselves.
    fn own(&self) -> anyhow::Result<Vec<OwnRule>> {
        let mut rules = Vec::new();
        for (names, part, action) in [
            (&self.allow_exact, Part::AllowExact, Action::Allow),
            (&self.deny_exact, Part::DenyExact, Action::Block(Vec::new())),
        ] {
            let devices = self.devices(part);
            for name in names {
                let name: Name = name
                    .parse()
                    .with_context(|| format!("`{name}` is no name"))?;
                let pattern = Pattern::Exact(name.to_lowercase().to_string().into());
                let mut rule = Rule::new(pattern, action.clone());
                rule.limits.devices.only.extend(devices.iter().cloned());
                rules.push(rule);
            }
        }
        let devices = self.devices(Part::AllowRegex);
        for mut rule in self.allow_regex.iter().flat_map(|line| pihole_regex(line)) {
            rule.action = Action::Allow;
            rule.limits.devices.only.extend(devices.iter().cloned());
            rules.push(rule);
        }
        let own = |rule| OwnRule {
            rule,
            comment: String::new(),
            groups: Vec::new(),
            schedule: None,
        };
        Ok(rules.into_iter().map(own).collect())
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        if let Some(client) = &self.query.client {
            config.devices = vec![config::Device {
                name: client.name.clone().unwrap_or_default(),
                matches: vec![DeviceMatch::Ip(client.ip)],
                tags: client.tags.clone(),
                group: None,
            }];
        }
        config
    }

    fn query(&self) -> anyhow::Result<Query> {
        let name: Name = self
            .query
            .name
            .parse()
            .with_context(|| format!("`{}` is no name", self.query.name))?;
        let kind: RecordType = self.query.kind.parse()?;
        let client = self.query.client.as_ref();
        let address = client.map_or(Ipv4Addr::LOCALHOST.into(), |client| client.ip);
        Ok(Query {
            source: SocketAddr::new(address, 53_000),
            ..Query::internal(name, kind)
        })
    }
}

fn decided(tried: &Tried, report: &Report) -> Decided {
    let words = AnswerWords::of(&tried.answer);
    let decision = match tried.told.verdict {
        Verdict::Block(_) if tried.is_rewritten || gives_data(tried, report) => "rewritten",
        Verdict::Block(_) => "blocked",
        Verdict::Allow(_) | Verdict::Watch(_) if tried.is_canary => "blocked",
        Verdict::Allow(_) | Verdict::Watch(_) => "allowed",
    };
    let (rcode, rrs) = match words {
        Some(words) => (words.rcode, words.rrs),
        None => ("TIMEOUT".to_owned(), Vec::new()),
    };
    Decided {
        decision,
        rcode,
        rrs,
        counts: counts(report),
    }
}

/// In a zone the null address is data like any other.
fn gives_data(tried: &Tried, report: &Report) -> bool {
    report.decision.format == Format::Rpz && tried.is_given
}

fn counts(report: &Report) -> BTreeMap<&'static str, u64> {
    let counts = &report.counts;
    let skipped = |skip| counts.skipped.get(&skip).copied().unwrap_or_default();
    BTreeMap::from([
        ("active", counts.entries),
        ("ignored_unsupported", counts.refused),
        ("ignored_cosmetic", skipped(Skip::Cosmetic)),
        ("comments", skipped(Skip::Comment)),
        ("headers", skipped(Skip::Header)),
        ("local", skipped(Skip::Local)),
    ])
}

fn format(syntax: &str) -> anyhow::Result<Format> {
    if syntax == "regex-pihole" {
        return Ok(Format::Pihole);
    }
    match Format::ALL
        .into_iter()
        .find(|format| format.word() == syntax)
    {
        Some(format) => Ok(format),
        None => bail!("`{syntax}` is no syntax"),
    }
}

/// A device as a case names it: by its address, its network, or its name.
fn asker(text: &str) -> Asker {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    match address.or_else(|_| text.parse::<IpNet>()) {
        Ok(net) => Asker::Network(net.trunc()),
        Err(_) => Asker::Name(text.into()),
    }
}

fn bytes(lines: &[String]) -> Vec<u8> {
    lines.join("\n").into_bytes()
}

fn from_hex(digits: &str) -> anyhow::Result<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        bail!("list_bytes has an odd number of digits");
    }
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).ok();
        text.and_then(|text| u8::from_str_radix(text, 16).ok())
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.context("list_bytes is not hexadecimal")
}
