//! What a name is rewritten to, when several rules say something.

use super::weigh::rewrite_weight;
use crate::matcher::rule::{Action, Reply, Rule};
use crate::matcher::{Hit, Matcher, Order, Question, Rank, Says};
use crate::query::Rcode;

/// What a name is rewritten to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The answers that count: one code or one other name, or else all data together.
    pub replies: Vec<Reply>,
    /// Whether rules say as well what becomes of the other name: those of people and of config
    /// files do; lists and zones mean what the world knows of it.
    pub leads_on: bool,
    /// The places of the rules that say so.
    places: Vec<u32>,
}

impl Rewritten {
    /// Gathers the rewrites that cover what is asked and are in force.
    pub(super) fn of(rules: &Matcher, question: &Question<'_>) -> Self {
        let mut rewrites: Vec<(Hit<'_>, &Rule, &Reply)> = Vec::new();
        let mut keepers: Vec<(u16, &Rule, Option<&Reply>)> = Vec::new();
        rules.find(question, &mut |hit| {
            let Says::Rule(rule) = hit.rule.says else {
                return;
            };
            if let Action::KeepAnswer(reply) = &rule.action {
                // A list that only watches takes nothing out of force.
                if hit.rule.source.rank != Rank::WatchList {
                    keepers.push((rewrite_weight(&hit), rule, reply.as_ref()));
                }
            } else if let Some(reply) = data(&hit, rule) {
                rewrites.push((hit, rule, reply));
            }
        });
        rewrites.retain(|(hit, rule, reply)| {
            let weight = rewrite_weight(hit);
            let is_kept = |(of_keeper, keeper, kept): &(u16, &Rule, Option<&Reply>)| {
                let is_as_important = keeper.important || !rule.important;
                kept.is_none_or(|kept| kept == *reply)
                    && (*of_keeper > weight || *of_keeper == weight && is_as_important)
            };
            !keepers.iter().any(is_kept)
        });
        let heaviest = rewrites.iter().map(|(hit, ..)| rewrite_weight(hit)).max();
        rewrites.retain(|(hit, ..)| Some(rewrite_weight(hit)) == heaviest);
        keep_order(&mut rewrites);
        let ends = rewrites.iter().position(|(_, _, reply)| is_final(reply));
        if let Some(at) = ends {
            rewrites = vec![rewrites.swap_remove(at)];
        }
        let mut rewritten = Self::default();
        for (hit, _, reply) in rewrites {
            rewritten.places.push(hit.place);
            let source = hit.rule.source;
            rewritten.leads_on = source.order == Order::MostSpecific
                || matches!(source.rank, Rank::Own | Rank::Group);
            if !rewritten.replies.contains(reply) {
                rewritten.replies.push(reply.clone());
            }
        }
        rewritten
    }

    /// Whether the rule at this place is one of those that count.
    pub(super) fn rests_on(&self, place: u32) -> bool {
        self.places.contains(&place)
    }
}

/// What a rule gives in place of the answer.
fn data<'a>(hit: &Hit<'_>, rule: &'a Rule) -> Option<&'a Reply> {
    if hit.closes {
        return None;
    }
    match &rule.action {
        Action::Rewrite(reply) if *reply != Reply::Truncated => Some(reply),
        // In a zone a null address is data like any other.
        Action::Block(replies) if hit.rule.source.order == Order::Zone => match &replies[..] {
            [reply @ Reply::Address(_)] => Some(reply),
            _ => None,
        },
        _ => None,
    }
}

/// A source that keeps order has a say with its most specific rules, and of zones the first.
fn keep_order(rewrites: &mut Vec<(Hit<'_>, &Rule, &Reply)>) {
    let zones = rewrites
        .iter()
        .filter(|(hit, ..)| hit.rule.source.order == Order::Zone);
    let first_zone = zones.map(|(hit, ..)| hit.source_at).min();
    let spots: Vec<(u32, u16)> = rewrites
        .iter()
        .map(|(hit, ..)| (hit.source_at, hit.spot))
        .collect();
    rewrites.retain(|(hit, ..)| match hit.rule.source.order {
        Order::All => true,
        Order::MostSpecific => spots
            .iter()
            .all(|&(source, spot)| source != hit.source_at || spot <= hit.spot),
        Order::Zone => {
            Some(hit.source_at) == first_zone
                && spots
                    .iter()
                    .all(|&(source, spot)| source != hit.source_at || spot <= hit.spot)
        }
    });
}

/// Another name, or a code that is an error, ends the search for data.
fn is_final(reply: &Reply) -> bool {
    match reply {
        Reply::Cname(_) | Reply::CnameUnder(_) => true,
        Reply::Code(code) => *code != Rcode::NOERROR,
        Reply::Address(_) | Reply::OwnAddress | Reply::Record(..) | Reply::Truncated => false,
    }
}
