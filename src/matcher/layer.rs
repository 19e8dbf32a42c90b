//! One of the two tables of a matcher, and what its rules say of a name.

use super::scope::Scope;
use super::source::Order;
use super::{Compiled, Hit, Placed, Question, Reach, Says};

/// The name asked, or one above it.
#[derive(Clone, Copy)]
pub(super) struct Suffix {
    pub hash: u64,
    pub labels: usize,
    /// Whether it is the name itself.
    pub is_whole: bool,
}

/// One of the two tables of rules, and how its places and sources are told from the other's.
#[derive(Clone, Copy)]
pub(super) struct Layer<'s> {
    pub table: &'s Compiled,
    pub mark: u32,
    pub first_source: u32,
    /// Which sources count; `None` = all.
    pub scope: Option<&'s Scope>,
}

impl<'s> Layer<'s> {
    /// Visits the rules for a suffix of the name asked that reach it.
    pub fn find_suffix(
        self,
        suffix: Suffix,
        question: &Question<'_>,
        visit: &mut dyn FnMut(Hit<'s>),
    ) {
        let labels = u16::try_from(suffix.labels).unwrap_or(u16::MAX >> 2);
        for place in self.table.at(suffix.hash) {
            let Some(rule) = self.rule(place) else {
                continue;
            };
            let reach = rule.reach.unwrap_or(Reach::Exact);
            let reaches = match reach {
                Reach::Exact => suffix.is_whole,
                Reach::Below => !suffix.is_whole,
                Reach::Subtree => true,
            };
            // What is above other names is there by itself, too.
            let closes = !reaches && reach != Reach::Subtree && rule.source.order == Order::Zone;
            if (reaches && is_meant(&rule, question)) || closes {
                // What closes ends wildcards above the name, not its own.
                let reach = if closes { Reach::Below } else { reach };
                let spot = labels * 4 + 3 - reach as u16;
                visit(self.hit((place, spot), closes, rule));
            }
        }
    }

    /// Visits a rule that was found otherwise than by its name.
    pub fn visit(
        self,
        (place, spot): (u32, u16),
        question: &Question<'_>,
        visit: &mut dyn FnMut(Hit<'s>),
    ) {
        let rule = self.rule(place);
        if let Some(rule) = rule.filter(|rule| is_meant(rule, question)) {
            visit(self.hit((place, spot), false, rule));
        }
    }

    /// The rule at a place, if its source counts, and none that takes it out of force.
    #[inline]
    fn rule(self, place: u32) -> Option<Placed<'s>> {
        let rule = self.table.rule(place)?;
        let counts = |source| self.scope.is_none_or(|scope| scope.counts(source));
        let is_cancelled = match rule.says {
            Says::Plain { .. } => false,
            Says::Rule(_) => self.table.cancelled_by(place).iter().copied().any(counts),
        };
        (counts(rule.source_at) && !is_cancelled).then_some(rule)
    }

    fn hit(self, (place, spot): (u32, u16), closes: bool, rule: Placed<'s>) -> Hit<'s> {
        Hit {
            place: place | self.mark,
            source_at: u32::from(rule.source_at) + self.first_source,
            spot,
            closes,
            rule,
        }
    }
}

fn is_meant(rule: &Placed<'_>, question: &Question<'_>) -> bool {
    match rule.says {
        Says::Plain { .. } => true,
        Says::Rule(rule) => !rule.cancels && question.is_meant_by(rule),
    }
}
