//! One of the two tables of a matcher, and what its rules say of a name.

use super::scope::Scope;
use super::source::Order;
use super::{Compiled, Hit, Placed, Question, Reach, Says};

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
    /// Visits the rules for a suffix of so many labels that reach the name asked.
    pub fn find_suffix(
        self,
        (hash, labels, is_whole): (u64, usize, bool),
        question: &Question<'_>,
        visit: &mut dyn FnMut(Hit<'s>),
    ) {
        let labels = u16::try_from(labels).unwrap_or(u16::MAX >> 2);
        self.table.at(hash, &mut |place| {
            let Some(rule) = self.rule(place) else {
                return;
            };
            let reach = rule.reach.unwrap_or(Reach::Exact);
            let reaches = match reach {
                Reach::Exact => is_whole,
                Reach::Below => !is_whole,
                Reach::Subtree => true,
            };
            // What is above other names is there by itself, too.
            let closes = !reaches && reach != Reach::Subtree && rule.source.order == Order::Zone;
            if (reaches && is_meant(&rule, question)) || closes {
                // What closes ends wildcards above the name, not its own.
                let spot = labels * 4 + 3 - reach.max(Reach::Below) as u16;
                let spot = if closes {
                    spot
                } else {
                    labels * 4 + 3 - reach as u16
                };
                visit(self.hit((place, spot), closes, rule));
            }
        });
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
    fn rule(self, place: u32) -> Option<Placed<'s>> {
        let rule = self.table.rule(place)?;
        let counts = |source| self.scope.is_none_or(|scope| scope.counts(source));
        let mut cancelled_by = self.table.cancelled_by(place).iter();
        (counts(rule.source_at) && !cancelled_by.any(|&source| counts(source))).then_some(rule)
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
