//! What rules that let a name through say of where it leads.

use super::Policy;
use crate::matcher::Rank;
use crate::query::Match;

/// What a name is spared of that a rule lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spares {
    /// Nothing: no rule lets it through.
    Nothing,
    /// That packs have where it leads: a pack speaks of its own entries only.
    Packs,
    /// That any rule has where it leads; addresses of the home are another matter.
    Rules,
    /// Everything: people themselves said so.
    All,
}

impl Policy {
    /// What a rule that lets a name through says of where it leads.
    pub fn spares(&self, matched: Match) -> Spares {
        self.rules.with_generation(matched.generation, |rules| {
            let rule = rules.and_then(|rules| rules.rule(matched));
            match rule.map(|rule| rule.source.rank) {
                Some(Rank::Own | Rank::Group) => Spares::All,
                Some(Rank::List | Rank::WatchList | Rank::AllowList) => Spares::Rules,
                Some(Rank::Pack) => Spares::Packs,
                None => Spares::Nothing,
            }
        })
    }
}
