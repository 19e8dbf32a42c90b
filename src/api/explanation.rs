//! What would be done with a query, and why: the same words for the API and the command line.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::covering::Covering;
use super::who::DeviceRef;
use crate::config::{self, BlockAnswer, Config};
use crate::device::Device;
use crate::lists;
use crate::local::{Here, Local};
use crate::packs::{Action, Effective, Entry, EntryInfo, Pack, Packs};
use crate::policy::{self, Asker, Policy};
use crate::query::{DeviceId, GroupId, Name, Query, RecordType, VerdictWord};

/// What would be done with a query, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The name, as asked.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which device, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceRef>,
    /// The name of the group that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The verdict.
    pub verdict: VerdictWord,
    /// What the device would be answered, in words.
    pub answer: String,
    /// Where the entry that decided stands: `pack:xiaomi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The pack of the entry that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<PackName>,
    /// The entry that decided, with its evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryInfo>,
    /// Every other entry of a pack that covers the name.
    pub also: Vec<Also>,
    /// Every entry in force that covers the name; where one decided, it is the first.
    pub covering: Vec<Covering>,
    /// The path of the decision.
    pub steps: Vec<Step>,
    /// Who asked for the name in the last seven days, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recent: Option<Recent>,
}

/// A pack by its id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackName {
    /// `xiaomi`
    pub id: String,
    /// What people read.
    pub name: String,
}

/// An entry that covers the name, but did not decide.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Also {
    /// Its pack.
    pub pack: PackName,
    /// The entry.
    pub entry: EntryInfo,
}

/// One step of the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// What was looked at.
    pub step: String,
    /// What came of it.
    pub result: String,
}

/// Who asked for a name lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recent {
    /// How often.
    pub queries: u64,
    /// By how many devices.
    pub devices: u64,
    /// When last, RFC 3339.
    pub last_seen: String,
}

/// The device as rules see it: one that is not named is nobody in particular.
fn asker_of(device: Option<&Device>, group: GroupId) -> Asker {
    let address = device.and_then(|device| device.addresses.first());
    Asker {
        device: device.map_or(DeviceId(0), |device| device.id),
        group,
        address: address.copied().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
    }
}

/// What explaining needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a> {
    /// The config in force.
    pub config: &'a Config,
    /// The packs.
    pub packs: &'a Packs,
    /// The rules in force.
    pub policy: &'a Policy,
    /// Names of our own.
    pub local: &'a Local,
    /// The group of the device.
    pub group: GroupId,
}

impl Knowledge<'_> {
    /// Explains what would be done with a query.
    pub fn explain(self, device: Option<&Device>, name: &Name, kind: RecordType) -> Explanation {
        let asked = name.to_lowercase();
        let judged = self
            .policy
            .explain(asker_of(device, self.group), &asked, kind);
        let decided = judged
            .covering
            .first()
            .and_then(|rule| self.entry(&rule.label.origin, rule.entry));
        let covering = covering(self.packs, &asked);
        let is_decided = |entry: &Entry| decided.is_some_and(|(_, one)| std::ptr::eq(one, entry));
        let info = |pack, entry| {
            self.packs
                .entry_info(pack, entry, Some(self.effective(pack, entry)))
        };
        let also = covering
            .iter()
            .filter(|(_, entry)| !is_decided(entry))
            .map(|&(pack, entry)| Also {
                pack: PackName::of(pack),
                entry: info(pack, entry),
            });
        let in_force: Vec<Covering> = judged.covering.iter().map(Covering::of).collect();
        Explanation {
            name: name.to_string(),
            kind: kind.to_string(),
            device: device.map(DeviceRef::of),
            group: self.group_name().filter(|_| device.is_some()),
            verdict: judged.verdict,
            answer: self.answer(&judged, &asked, kind),
            source: judged
                .covering
                .first()
                .map(|rule| rule.label.origin.clone()),
            pack: decided.map(|(pack, _)| PackName::of(pack)),
            entry: decided.map(|(pack, entry)| info(pack, entry)),
            also: also.collect(),
            steps: steps(
                &in_force,
                self.steps(&covering, decided, judged.verdict),
                judged.is_paused,
            ),
            covering: in_force,
            recent: None,
        }
    }

    fn entry(&self, origin: &str, index: u32) -> Option<(&Pack, &Entry)> {
        let pack = self.packs.pack(origin.strip_prefix("pack:")?)?;
        Some((pack, pack.entries.get(usize::try_from(index).ok()?)?))
    }

    fn effective(&self, pack: &Pack, entry: &Entry) -> Effective {
        lists::effective(pack, entry, self.choices())
    }

    fn group_name(&self) -> Option<String> {
        let group = self.config.groups.get(usize::from(self.group.0))?;
        Some(group.name.clone())
    }

    /// What packs do for the group.
    fn choices(&self) -> &config::Packs {
        let group = self.config.groups.get(usize::from(self.group.0));
        group.map_or(&self.config.packs, |group| &group.packs)
    }

    fn answer(&self, judged: &policy::Explanation, name: &Name, kind: RecordType) -> String {
        if judged.verdict == VerdictWord::Block {
            if let Some(reply) = &judged.reply {
                return format!("{reply}, as the rule says");
            }
            let ttl = self.config.blocking.ttl.as_secs();
            let answer = if self.local.is_canary(name) {
                BlockAnswer::Nxdomain
            } else {
                self.config.blocking.answer
            };
            return format!("{}, to be kept for {ttl} s", blocked_answer(answer, kind));
        }
        // Who lets a canary through means it; a list does not.
        let is_spared = judged.verdict == VerdictWord::Allow
            && self.local.is_canary(name)
            && judged
                .covering
                .first()
                .is_some_and(|rule| rule.label.origin == "rule");
        let query = Query::internal(*name, kind);
        if let Some(here) = self.local.place(&query, self.group).filter(|_| !is_spared) {
            return answered_here(&here, kind);
        }
        let marked = if judged.verdict == VerdictWord::Watch {
            ", and marked in the journal"
        } else {
            ""
        };
        format!("what the upstream says{marked}")
    }

    fn steps(
        &self,
        covering: &[(&Pack, &Entry)],
        decided: Option<(&Pack, &Entry)>,
        verdict: VerdictWord,
    ) -> Vec<Step> {
        let step = |&(pack, entry): &(&Pack, &Entry)| {
            let is_decided = decided.is_some_and(|(_, one)| std::ptr::eq(one, entry));
            let result = match self.effective(pack, entry) {
                Effective::Off => self.why_off(pack, entry),
                _ if is_decided => format!(
                    "covers the name, and is the most specific: {}",
                    verdict.as_str()
                ),
                _ if decided.is_some() => {
                    "covers the name too, but another is more specific".to_owned()
                }
                effective => format!("covers the name too, and says: {}", word(effective)),
            };
            Step {
                step: format!("pack {}: {}", pack.id, reach(entry)),
                result,
            }
        };
        covering.iter().map(step).collect()
    }

    fn why_off(&self, pack: &Pack, entry: &Entry) -> String {
        let (_, level) = self.choices().choice(&pack.id);
        match entry.action {
            _ if entry.retired.is_some() => "covers the name, but is retired".to_owned(),
            Action::Block { level: needed }
                if !Action::Block { level: needed }.counts_at(level_of(level)) =>
            {
                format!("covers the name, but only at level {}", needed.as_str())
            }
            _ => "covers the name, but the pack is off".to_owned(),
        }
    }
}

impl PackName {
    /// A pack that is known.
    pub(super) fn of(pack: &Pack) -> Self {
        Self {
            id: pack.id.to_string(),
            name: pack.name.to_string(),
        }
    }
}

/// The steps of own rules and lists, and then those of the packs.
fn steps(covering: &[Covering], packs: Vec<Step>, is_paused: bool) -> Vec<Step> {
    let others = covering.iter().enumerate();
    let mut steps: Vec<Step> = others
        .filter(|(_, one)| !one.is_of_pack())
        .map(|(place, one)| one.step(place == 0))
        .collect();
    steps.extend(packs);
    if steps.is_empty() {
        steps.push(Step {
            step: "rules, lists and packs".to_owned(),
            result: "no entry covers the name: let through".to_owned(),
        });
    }
    if is_paused {
        steps.push(Step {
            step: "pause".to_owned(),
            result: "nothing is blocked for now: let through, and marked".to_owned(),
        });
    }
    steps
}

/// Every entry of every pack that covers the name, the most specific first.
fn covering<'a>(packs: &'a Packs, name: &Name) -> Vec<(&'a Pack, &'a Entry)> {
    let mut found = Vec::new();
    let mut at = Some(*name);
    while let Some(parent) = at.filter(|parent| !parent.is_root()) {
        let text = parent.to_string();
        for pack in packs.packs() {
            let reaches =
                |entry: &&Entry| entry.scope == crate::packs::Scope::Subtree || parent == *name;
            let mut entries: Vec<&Entry> = pack.entries_of(&text).iter().filter(reaches).collect();
            entries.sort_by_key(|entry| entry.scope);
            found.extend(entries.into_iter().map(|entry| (pack, entry)));
        }
        at = parent.parent();
    }
    found
}

fn reach(entry: &Entry) -> String {
    match entry.scope {
        crate::packs::Scope::Exact => entry.domain.to_string(),
        crate::packs::Scope::Subtree => format!("{} and all below", entry.domain),
    }
}

fn level_of(level: config::Level) -> crate::packs::Level {
    match level {
        config::Level::Safe => crate::packs::Level::Safe,
        config::Level::Standard => crate::packs::Level::Standard,
        config::Level::Strict => crate::packs::Level::Strict,
    }
}

fn word(effective: Effective) -> &'static str {
    match effective {
        Effective::Block => "block",
        Effective::Watch => "watch",
        Effective::Allow => "allow",
        Effective::Off => "nothing",
    }
}

fn answered_here(here: &Here, kind: RecordType) -> String {
    let what = match here {
        Here::Record => "what your own records, hosts files and leases say of the name",
        Here::Special => "a special name that has no business upstream",
        Here::Canary => "NXDOMAIN, which keeps browsers and phones with this server",
        Here::LeftOut => "nothing (NODATA), because addresses of this kind are left out",
        Here::Anything => "HINFO, in place of everything that there is",
        Here::Alias(target) if kind == RecordType::PTR => {
            return format!("answered here: CNAME {target}, whose address was translated");
        }
        Here::Alias(target) => return format!("answered here: CNAME {target}, for SafeSearch"),
    };
    format!("answered here: {what}")
}

fn blocked_answer(answer: BlockAnswer, kind: RecordType) -> String {
    let address = |address: Option<String>| {
        address.map_or_else(
            || "nothing (NODATA)".to_owned(),
            |ip| format!("{kind} {ip}"),
        )
    };
    match (answer, kind) {
        (BlockAnswer::Nxdomain, _) => "NXDOMAIN".to_owned(),
        (BlockAnswer::Refused, _) => "REFUSED".to_owned(),
        (BlockAnswer::NullIp, RecordType::A) => "A 0.0.0.0".to_owned(),
        (BlockAnswer::NullIp, RecordType::AAAA) => "AAAA ::".to_owned(),
        (BlockAnswer::Address { ipv4, .. }, RecordType::A) => {
            address(ipv4.map(|ip| ip.to_string()))
        }
        (BlockAnswer::Address { ipv6, .. }, RecordType::AAAA) => {
            address(ipv6.map(|ip| ip.to_string()))
        }
        _ => "nothing (NODATA)".to_owned(),
    }
}
