//! What a device may reach: the verdict on a name, and why.
//!
//! Start at [`Policy::judge`]. `weigh` holds the order of decision; `explain` puts it into words.

mod explain;
mod pause;
mod reply;
mod rewrite;
mod spares;
mod weigh;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

pub use explain::{Explanation, RuleInfo};
pub use pause::{Pause, Paused, Pauses};
pub use reply::BlockReply;
pub use rewrite::Rewritten;
pub use spares::Spares;

use crate::device::Devices;
use crate::matcher::{Hit, Live, Matcher, Named, Placed, Question, Rank, Who};
use crate::query::{
    DeviceId, EntryLabel, ExtendedError, GroupId, Match, Name, RecordType, Verdict, VerdictWord,
};
use weigh::{Act, Decision, Weighing};

const ESNI: &[u8] = b"\x05_esni";
/// So many entries that decided by what an answer points to are remembered in words.
const MAX_NOTED: usize = 10_000;

/// Judges names by the rules in force.
#[derive(Clone, Default)]
pub struct Policy {
    rules: Arc<Live>,
    devices: Option<Arc<Devices>>,
    /// The tags of devices, by name.
    tags: Arc<ArcSwap<HashMap<String, Arc<[String]>>>>,
    /// The names of groups, by number.
    groups: Arc<ArcSwap<Vec<String>>>,
    pauses: Arc<ArcSwap<Pauses>>,
    /// Entries that decided by another name than the one that was asked.
    noted: Arc<ArcSwap<HashMap<Match, Arc<EntryLabel>>>>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The device.
    pub device: DeviceId,
    /// Its group.
    pub group: GroupId,
    /// The address that it asks from.
    pub address: IpAddr,
}

/// What an answer points to.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Another name.
    Name(&'a Name),
    /// An address.
    Address(IpAddr),
}

impl Policy {
    /// A policy over rules that are swapped by whoever compiles them.
    pub fn new(rules: Arc<Live>) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// The same, with devices that rules may name.
    #[must_use]
    pub fn with_devices(self, devices: Arc<Devices>) -> Self {
        Self {
            devices: Some(devices),
            ..self
        }
    }

    /// Takes the tags of devices, by their names.
    pub fn set_tags(&self, tags: HashMap<String, Vec<String>>) {
        let tags = tags.into_iter().map(|(name, tags)| (name, tags.into()));
        self.tags.store(Arc::new(tags.collect()));
    }

    /// Takes the names of groups, by number.
    pub fn set_group_names(&self, names: Vec<String>) {
        self.groups.store(Arc::new(names));
    }

    /// The pauses.
    pub fn pauses(&self) -> Arc<Pauses> {
        self.pauses.load_full()
    }

    /// Takes other pauses, which count at once.
    pub fn set_pauses(&self, pauses: Pauses) {
        self.pauses.store(Arc::new(pauses));
    }

    /// Whether nothing is blocked for whoever asks, by a pause or by a schedule.
    fn is_paused(&self, asker: Asker, rules: &Matcher) -> bool {
        if rules.is_paused() {
            return true;
        }
        let pauses = self.pauses.load();
        if pauses.0.is_empty() {
            return false;
        }
        let groups = self.groups.load();
        let group = groups.get(usize::from(asker.group.0));
        let today = |id| {
            self.devices
                .as_ref()
                .map_or(id, |devices| devices.resolve(id))
        };
        let group = group.map(String::as_str);
        pauses.cover(asker, (group, rules.is_shut()), (now_ms(), today))
    }

    /// The verdict on `name` (lower-cased) for whoever asks.
    pub fn judge(&self, asker: Asker, name: &Name, kind: RecordType) -> Verdict {
        let rules = self.rules.load();
        let rules = rules.of(asker.group);
        let who = self.who(asker);
        let question = Question::new(name, kind, asker.address, &who);
        let decision = decide(rules, &question, |_| true).or_else(|| {
            let name = whose_keys(name)?;
            let question = Question::new(&name, kind, asker.address, &who);
            decide(rules, &question, |_| true)
        });
        self.in_time(asker, rules, verdict(rules, decision))
    }

    /// The verdict, or what becomes of it in a pause.
    fn in_time(&self, asker: Asker, rules: &Matcher, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Block(matched) if self.is_paused(asker, rules) => Verdict::Watch(matched),
            verdict => verdict,
        }
    }

    /// The verdict on what the answer to a name points to; `None` where no rule is against it.
    /// `kind` is the type of the record that points there.
    pub fn inspect(
        &self,
        asker: Asker,
        name: &Name,
        (target, kind): (Target<'_>, RecordType),
    ) -> Option<Verdict> {
        let rules = self.rules.load();
        let rules = rules.of(asker.group);
        let who = self.who(asker);
        let verdict = match target {
            Target::Name(target) => {
                let question = Question::new(target, kind, asker.address, &who);
                let verdict = verdict(rules, decide(rules, &question, weigh::reaches_targets));
                if let Some(matched) = verdict.matched() {
                    self.note(rules, matched, target);
                }
                verdict
            }
            Target::Address(address) => {
                let question = Question::new(name, kind, asker.address, &who);
                let mut weighing = Weighing::default();
                rules.find_address(address, &question, &mut |hit| {
                    if weigh::reaches_targets(&hit) {
                        weighing.take(hit);
                    }
                });
                verdict(rules, weighing.decide())
            }
        };
        let verdict = self.in_time(asker, rules, verdict);
        (!matches!(verdict, Verdict::Allow(_))).then_some(verdict)
    }

    /// Which upstream servers are asked for whoever asks: 0 = those for all.
    pub fn upstream_set(&self, asker: Asker) -> u8 {
        self.rules.load().of(asker.group).upstream_set()
    }

    /// Whether any rule looks at addresses in answers.
    pub fn inspects_addresses(&self, asker: Asker) -> bool {
        self.rules.load().of(asker.group).has_addresses()
    }

    /// Whether any rule of a group counts for some of its devices only.
    pub fn differs_by_device(&self, asker: Asker) -> bool {
        self.rules.load().of(asker.group).differs_by_device()
    }

    /// The number of the rules in force for all groups: what was decided under another may be
    /// decided otherwise.
    pub fn swap(&self) -> u32 {
        self.rules.load().of(GroupId(0)).generation()
    }

    /// Whether a match is on a rule of people's own.
    pub fn is_own(&self, matched: Match) -> bool {
        self.rules.with_generation(matched.generation, |rules| {
            let rule = rules.and_then(|rules| rules.rule(matched));
            rule.is_some_and(|rule| matches!(rule.source.rank, Rank::Own | Rank::Group))
        })
    }

    /// Calls `read` with how a match is answered and with its reason, as devices are told.
    pub fn with_reply<T>(
        &self,
        matched: Match,
        read: impl FnOnce(BlockReply<'_>, ExtendedError<'_>) -> T,
    ) -> T {
        self.rules.with_generation(matched.generation, |rules| {
            let rule = rules.and_then(|rules| Some((rules, rules.rule(matched)?)));
            let Some((rules, rule)) = rule else {
                let unknown = ExtendedError::new(ExtendedError::BLOCKED, "");
                return read(BlockReply::Configured, unknown);
            };
            read(BlockReply::of(&rule), reason(rules, &rule))
        })
    }

    /// What a name is rewritten to, by all rules together; empty where it is not.
    pub fn rewritten(&self, asker: Asker, name: &Name, kind: RecordType) -> Rewritten {
        let rules = self.rules.load();
        let who = self.who(asker);
        let question = Question::new(name, kind, asker.address, &who);
        Rewritten::of(rules.of(asker.group), &question)
    }

    /// A match on this name in words that outlive the rules it points into; `None` once they are
    /// gone.
    pub fn describe(&self, matched: Match, name: &Name) -> Option<EntryLabel> {
        if matched == Match::NO_ENTRY {
            return Some(EntryLabel {
                origin: EntryLabel::REBINDING.to_owned(),
                entry: format!("={name}"),
            });
        }
        self.rules.with_generation(matched.generation, |rules| {
            let rules = rules?;
            let rule = rules.rule(matched)?;
            if rule.reach.is_some()
                && rules.suffix_of(matched, name).is_none()
                && let Some(label) = self.noted.load().get(&matched)
            {
                return Some(EntryLabel::clone(label));
            }
            Some(explain::label(rules, matched, &rule, name))
        })
    }

    /// What would be decided on a name, and every entry that covers it.
    pub fn explain(&self, asker: Asker, name: &Name, kind: RecordType) -> Explanation {
        let rules = self.rules.load();
        let who = self.who(asker);
        let question = Question::new(name, kind, asker.address, &who);
        let rules = rules.of(asker.group);
        let mut explanation = Explanation::new(rules, &question);
        if let (true, Some(name)) = (explanation.covering.is_empty(), whose_keys(name)) {
            let question = Question::new(&name, kind, asker.address, &who);
            explanation = Explanation::new(rules, &question);
        }
        if explanation.verdict == VerdictWord::Block && self.is_paused(asker, rules) {
            explanation.verdict = VerdictWord::Watch;
            explanation.is_paused = true;
        }
        explanation
    }

    fn who(&self, asker: Asker) -> Device<'_> {
        Device {
            id: asker.device,
            policy: self,
        }
    }

    fn note(&self, rules: &Matcher, matched: Match, target: &Name) {
        if self.noted.load().contains_key(&matched) {
            return;
        }
        let Some(rule) = rules.rule(matched) else {
            return;
        };
        let label = Arc::new(explain::label(rules, matched, &rule, target));
        self.noted.rcu(|noted| {
            let mut noted = HashMap::clone(noted);
            if noted.len() >= MAX_NOTED {
                noted.clear();
            }
            noted.insert(matched, Arc::clone(&label));
            noted
        });
    }
}

/// The device that asks, as rules know it.
struct Device<'a> {
    id: DeviceId,
    policy: &'a Policy,
}

impl Who for Device<'_> {
    fn is(&self, device: DeviceId) -> bool {
        let known = self.policy.devices.as_ref();
        let now = |device| known.map_or(device, |devices| devices.resolve(device));
        now(device) == now(self.id)
    }

    fn named(&self) -> Named {
        let known = self.policy.devices.as_ref();
        let name = known.and_then(|devices| devices.called(self.id));
        let tags = self.policy.tags.load();
        let tags = name.as_deref().and_then(|name| tags.get(name).cloned());
        Named {
            name,
            tags: tags.unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").finish_non_exhaustive()
    }
}

fn decide<'a>(
    rules: &'a Matcher,
    question: &Question<'_>,
    counts: impl Fn(&Hit<'a>) -> bool,
) -> Option<Decision<'a>> {
    let mut weighing = Weighing::default();
    rules.find(question, &mut |hit| {
        if counts(&hit) {
            weighing.take(hit);
        }
    });
    if !weighing.has_keepers() {
        return weighing.decide();
    }
    // Some rewrites are out of force: without those that are, the others decide.
    let kept = Rewritten::of(rules, question);
    let mut weighing = Weighing::default();
    rules.find(question, &mut |hit| {
        if counts(&hit) && (weigh::act(&hit) != Act::Rewrite || kept.rests_on(hit.place)) {
            weighing.take(hit);
        }
    });
    weighing.decide()
}

/// Browsers asked for the keys of a name below it, as Pi-hole knows: the name itself decides.
fn whose_keys(name: &Name) -> Option<Name> {
    let is_key = name.as_wire().starts_with(ESNI);
    is_key.then(|| name.parent()).flatten()
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Why a rule blocks, as devices are told (RFC 8914 §4.16, §4.18).
fn reason<'a>(rules: &Matcher, rule: &Placed<'a>) -> ExtendedError<'a> {
    let code = if rules.is_particular(rule) {
        ExtendedError::FILTERED
    } else {
        ExtendedError::BLOCKED
    };
    ExtendedError::new(code, rule.source.reason(rule.line))
}

fn verdict(rules: &Matcher, decision: Option<Decision<'_>>) -> Verdict {
    let Some(Decision { act, hit }) = decision else {
        return Verdict::Allow(None);
    };
    let matched = rules.matched(&hit);
    match act {
        Act::Allow | Act::KeepAnswer | Act::Leave => Verdict::Allow(Some(matched)),
        Act::Watch => Verdict::Watch(matched),
        Act::Block | Act::Rewrite => Verdict::Block(matched),
    }
}

#[cfg(test)]
mod tests;
