//! Groups of devices: which packs, lists and rules count for each.

use std::collections::HashMap;
use std::sync::Arc;

use super::OwnRule;
use super::top::top_of;
use crate::config::{Config, Group};
use crate::matcher::{Compiled, Live, Matcher, Scope};
use crate::packs::Packs;

/// What counts for each group of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// The groups; the first is the default.
    pub all: Vec<Group>,
    /// By the names of lists that name groups: these.
    pub of_list: HashMap<String, Vec<String>>,
}

impl Groups {
    /// The groups of the config.
    pub fn of(config: &Config) -> Self {
        let listed = config.subscribed.iter();
        let of_list = listed
            .filter(|list| !list.groups.is_empty())
            .map(|list| (list.name.clone(), list.groups.clone()));
        Self {
            all: config.groups.clone(),
            of_list: of_list.collect(),
        }
    }

    /// Puts the rules of all groups in force, on top of those of lists.
    pub(super) fn put(
        &self,
        live: &Live,
        (packs, own): (&Packs, &[OwnRule]),
        base: &Arc<Compiled>,
    ) {
        let matcher = |group: &Group| {
            let own = (own, group.name.as_str());
            let top = top_of(packs, &group.packs, own, base.seed());
            Matcher::new(Arc::clone(base), Arc::new(top)).with_scope(self.scope(group, base))
        };
        let mut matchers = self.all.iter().map(matcher);
        let default = matchers.next().unwrap_or_default();
        live.swap_all(default, matchers.collect());
    }

    /// What of the lists counts for a group.
    fn scope(&self, group: &Group, base: &Compiled) -> Scope {
        let names = base.sources().iter().map(|source| {
            let origin = source.origin.as_str();
            origin.strip_prefix("list:").unwrap_or(origin)
        });
        let counts: Vec<bool> = names.clone().map(|name| self.counts(name, group)).collect();
        let is_particular = |name: &str| self.all.iter().any(|group| !self.counts(name, group));
        let particular = names.map(is_particular).collect();
        let all_count = counts.iter().all(|counts| *counts);
        Scope {
            muted: if all_count {
                Vec::new()
            } else {
                counts.into_iter().map(|counts| !counts).collect()
            },
            particular,
            has_own_packs: group.has_own_packs,
        }
    }

    /// Whether a list counts for a group.
    pub fn counts(&self, list: &str, group: &Group) -> bool {
        let names_group = |groups: &Vec<String>| groups.contains(&group.name);
        let named = self.of_list.get(list);
        named.is_some_and(names_group)
            || match &group.lists {
                Some(lists) => lists.iter().any(|name| name == list),
                None => named.is_none(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::{Rank, Source, compiled};

    fn groups(text: &str) -> Groups {
        let config = Config::from_text(text, std::path::Path::new("config.toml"), &[]).unwrap();
        Groups::of(&config)
    }

    fn list(name: &str, more: &str) -> String {
        format!("[[list]]\nname = \"{name}\"\nsource = \"/{name}\"\n{more}\n")
    }

    #[test]
    fn lists_count_for_the_groups_that_name_them_or_that_they_name() {
        let text = [
            list("all", ""),
            list("games", "groups = [\"kids\"]"),
            "[[group]]\nname = \"kids\"\n".to_owned(),
            "[[group]]\nname = \"guests\"\nlists = [\"games\"]\n".to_owned(),
            "[[group]]\nname = \"free\"\nlists = []\n".to_owned(),
        ];
        let groups = groups(&text.concat());
        let base = compiled(|compiler| {
            for name in ["list:all", "list:games"] {
                compiler.source(Source::new(name.to_owned(), Rank::List, String::new()));
            }
        });
        let muted = groups
            .all
            .iter()
            .map(|group| groups.scope(group, &base).muted);
        let expected = [
            vec![false, true],
            vec![],
            vec![true, false],
            vec![true, true],
        ];
        assert_eq!(muted.collect::<Vec<_>>(), expected);
    }
}
