//! Weighs the rules that cover a name against each other.
//!
//! People's own rules come first, then exceptions of lists, then packs and block lists, of which
//! the strictest answer holds. Nothing here allocates; a hit is looked at once.

use crate::matcher::rule::{Action, Reply, Rule};
use crate::matcher::{Hit, Order, Rank, Says, Want};
use crate::query::Rcode;

/// So many lists may keep order among their own rules for one name; more than that count in full.
const MAX_ORDERED: usize = 32;

/// What a rule comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    /// Marks.
    Watch,
    /// Answers here.
    Block,
    /// Lets through.
    Allow,
    /// Answers with other data.
    Rewrite,
    /// Takes rewrites out of force.
    KeepAnswer,
    /// Says nothing, and neither do rules of its source for names above.
    Leave,
}

/// The rules that cover one name, as far as they were looked at.
#[derive(Default)]
pub(super) struct Weighing<'a> {
    own: Option<(u16, Hit<'a>)>,
    list: Option<(Weight, Hit<'a>)>,
    pack: Option<Hit<'a>>,
    zone: Option<Hit<'a>>,
    /// Of zones that only watch: they hide nothing of the others.
    watch_zone: Option<Hit<'a>>,
    spots: Spots,
    has_keepers: bool,
}

/// What rules of lists weigh; the heaviest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Watch,
    /// A list that only watches may spare what others only watch.
    WatchException,
    Block,
    Exception,
    ImportantBlock,
    ImportantException,
    Rewrite,
    AllowList,
}

/// What was decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision<'a> {
    /// What to do; never [`Act::KeepAnswer`] or [`Act::Leave`].
    pub act: Act,
    /// The rule that decided.
    pub hit: Hit<'a>,
}

impl<'a> Weighing<'a> {
    /// Takes a rule, in the order in which the matcher gives them.
    pub fn take(&mut self, hit: Hit<'a>) {
        let source = hit.rule.source;
        if source.order != Order::All && !self.spots.admits(hit.source_at, hit.spot) {
            return;
        }
        if hit.closes {
            return;
        }
        let act = act(&hit);
        match act {
            Act::KeepAnswer => {
                self.has_keepers = true;
                return;
            }
            Act::Leave => return,
            Act::Watch | Act::Block | Act::Allow | Act::Rewrite => {}
        }
        match source.rank {
            Rank::Own | Rank::Group => {
                let weight = own_weight(&hit, act);
                if self.own.is_none_or(|(other, _)| weight > other) {
                    self.own = Some((weight, hit));
                }
            }
            Rank::Pack => {
                if self.pack.is_none_or(|other| precedes(&hit, &other)) {
                    self.pack = Some(hit);
                }
            }
            Rank::List | Rank::WatchList | Rank::AllowList if source.order == Order::Zone => {
                let first = match source.rank {
                    Rank::WatchList => &mut self.watch_zone,
                    _ => &mut self.zone,
                };
                // Of several zones the first with a match decides.
                if first.is_none_or(|other| hit.source_at < other.source_at) {
                    *first = Some(hit);
                }
            }
            Rank::List | Rank::WatchList | Rank::AllowList => self.weigh_list(hit, act),
        }
    }

    fn weigh_list(&mut self, hit: Hit<'a>, act: Act) {
        let weight = weight(&hit, act);
        if self.list.is_none_or(|(other, _)| weight > other) {
            self.list = Some((weight, hit));
        }
    }

    /// Whether rewrites have to be held against rules that take them out of force.
    pub fn has_keepers(&self) -> bool {
        self.has_keepers
    }

    /// The decision; `None` where no rule covers the name.
    pub fn decide(mut self) -> Option<Decision<'a>> {
        let zones = [self.zone.take(), self.watch_zone.take()];
        for zone in zones.into_iter().flatten() {
            self.weigh_list(zone, act(&zone));
        }
        if let Some((_, hit)) = self.own {
            return Some(Decision::of(hit));
        }
        let Some((weight, list)) = self.list else {
            return self.pack.map(Decision::of);
        };
        let list = Decision::of(list);
        let Some(pack) = self.pack.map(Decision::of) else {
            return Some(list);
        };
        Some(match (weight, pack.act) {
            // What a pack tells of a name is worth more than that a list has it, too.
            (Weight::Block | Weight::ImportantBlock, Act::Block)
            | (Weight::Watch | Weight::WatchException, Act::Block | Act::Watch) => pack,
            _ => list,
        })
    }
}

impl<'a> Decision<'a> {
    fn of(hit: Hit<'a>) -> Self {
        Self {
            act: act(&hit),
            hit,
        }
    }
}

/// The most specific spot of each source that keeps order.
#[derive(Default)]
struct Spots {
    spots: [(u32, u16); MAX_ORDERED],
    count: usize,
}

impl Spots {
    /// Whether a rule of this source counts at this spot: where it is the first, or beside it.
    fn admits(&mut self, source: u32, spot: u16) -> bool {
        let known = self.spots.iter().take(self.count);
        if let Some(&(_, first)) = known.clone().find(|&&(known, _)| known == source) {
            return spot == first;
        }
        if let Some(free) = self.spots.get_mut(self.count) {
            *free = (source, spot);
            self.count += 1;
        }
        true
    }
}

/// Whether a rule counts for what an answer points to. Other data would be no answer to what was
/// asked, except where a zone says so.
pub(super) fn reaches_targets(hit: &Hit<'_>) -> bool {
    let Says::Rule(rule) = hit.rule.says else {
        return true;
    };
    match &rule.action {
        Action::Rewrite(Reply::Code(code)) => *code != Rcode::NOERROR,
        Action::Rewrite(_) => hit.rule.source.order == Order::Zone,
        _ => true,
    }
}

/// What a rule comes to.
pub(super) fn act(hit: &Hit<'_>) -> Act {
    match hit.rule.says {
        Says::Plain { want, .. } => match want {
            Want::Allow => Act::Allow,
            Want::Leave => Act::Leave,
            Want::Watch => Act::Watch,
            Want::Block
            | Want::BlockNxdomain
            | Want::BlockNodata
            | Want::BlockRefused
            | Want::Drop => Act::Block,
        },
        Says::Rule(rule) => act_of(rule),
    }
}

fn act_of(rule: &Rule) -> Act {
    match &rule.action {
        Action::Watch => Act::Watch,
        Action::Allow => Act::Allow,
        Action::Leave => Act::Leave,
        Action::KeepAnswer(_) => Act::KeepAnswer,
        Action::Rewrite(Reply::Truncated) | Action::Block(_) | Action::Drop => Act::Block,
        Action::Rewrite(_) => Act::Rewrite,
    }
}

/// Among packs the most specific entry decides; on one name the one that lets the most through.
fn precedes(hit: &Hit<'_>, other: &Hit<'_>) -> bool {
    let leniency = |hit: &Hit<'_>| match act(hit) {
        Act::Allow => 2,
        Act::Watch => 1,
        _ => 0,
    };
    (hit.spot, leniency(hit)) > (other.spot, leniency(other))
}

fn weight(hit: &Hit<'_>, act: Act) -> Weight {
    let important = hit.rule.is_important();
    match (act, hit.rule.source.rank) {
        (Act::Allow, Rank::AllowList) => Weight::AllowList,
        (Act::Allow, Rank::WatchList) => Weight::WatchException,
        (Act::Allow, _) if important => Weight::ImportantException,
        (Act::Allow, _) => Weight::Exception,
        (Act::Block, _) if important => Weight::ImportantBlock,
        (Act::Block, _) => Weight::Block,
        (Act::Rewrite, _) => Weight::Rewrite,
        (Act::Watch | Act::KeepAnswer | Act::Leave, _) => Weight::Watch,
    }
}

/// What counts of several rewrites: people's own as their other rules do, all before those of lists.
pub(super) fn rewrite_weight(hit: &Hit<'_>) -> u16 {
    match hit.rule.source.rank {
        Rank::Own | Rank::Group => own_weight(hit, Act::Rewrite),
        Rank::Pack | Rank::List | Rank::WatchList | Rank::AllowList => 0,
    }
}

/// People's own rules: those for some devices before those for a group, and these before those for
/// all, important ones before others, and then an answer of their own before allow, block and
/// watch.
fn own_weight(hit: &Hit<'_>, act: Act) -> u16 {
    let is_for_devices = match hit.rule.says {
        Says::Plain { .. } => false,
        Says::Rule(rule) => !rule.limits.devices.only.is_empty(),
    };
    let act = match act {
        Act::Rewrite => 4,
        Act::Allow => 3,
        Act::Block => 2,
        Act::Watch => 1,
        Act::KeepAnswer | Act::Leave => 0,
    };
    let nearness = match (is_for_devices, hit.rule.source.rank) {
        (true, _) => 2,
        (false, Rank::Group) => 1,
        (false, _) => 0,
    };
    nearness << 5 | u16::from(hit.rule.is_important()) << 4 | act
}
