//! Groups of devices: which packs, lists and rules count for each.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::OwnRule;
use super::top::{Wish, top_of};
use crate::config::{self, Config, Does, Group, Moment};
use crate::matcher::{Compiled, Live, Matcher, Scope};
use crate::packs::Packs;

/// What counts for each group of devices.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// The groups; the first is the default.
    pub all: Vec<Group>,
    /// Names of the home, with all below them, which no schedule blocks.
    pub home: Vec<Box<str>>,
    /// For each group, which upstream servers are asked: 0 = those for all.
    pub upstream_sets: Vec<u8>,
    /// By the names of lists that name groups: these.
    pub of_list: BTreeMap<String, Vec<String>>,
    /// By the names under which lists were compiled: those that they got since.
    pub renamed: HashMap<String, String>,
}

impl Groups {
    /// The groups of the config.
    pub fn of(config: &Config) -> Self {
        Self {
            all: config.groups.clone(),
            home: home(config),
            upstream_sets: config
                .groups
                .iter()
                .map(|group| config.upstream.set_of(group))
                .collect(),
            of_list: config.list_groups.clone(),
            renamed: HashMap::new(),
        }
    }

    /// What each group does at a moment, by its schedules.
    pub fn moments(&self, now: Timestamp) -> Vec<Moment> {
        let groups = self.all.iter();
        groups
            .map(|group| Moment::of(&group.schedules, now))
            .collect()
    }

    /// When any group next does something else; `None` = never.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let groups = self.all.iter();
        groups
            .filter_map(|group| config::next_change(&group.schedules, after))
            .min()
    }

    /// Puts the rules of all groups in force, on top of those of lists.
    pub(super) fn put(
        &self,
        live: &Live,
        (packs, own): (&Packs, &[OwnRule]),
        (base, moments): (&Arc<Compiled>, &[Moment]),
    ) {
        let nothing = Moment::default();
        let matcher = |(at, group): (usize, &Group)| {
            let now = Now::of(group, moments.get(at).unwrap_or(&nothing));
            let wish = Wish {
                group: &group.name,
                choices: &now.packs,
                moment: now.moment,
                home: &self.home,
            };
            let top = top_of(packs, own, &wish, base.seed());
            let scope = Scope {
                upstream_set: self.upstream_sets.get(at).copied().unwrap_or(0),
                ..self.scope((group, &now), base)
            };
            Matcher::new(Arc::clone(base), Arc::new(top)).with_scope(scope)
        };
        let mut matchers = self.all.iter().enumerate().map(matcher);
        let default = matchers.next().unwrap_or_default();
        live.swap_all(default, matchers.collect());
    }

    /// What of the lists counts for a group.
    fn scope(&self, (group, now): (&Group, &Now<'_>), base: &Compiled) -> Scope {
        let names = base.sources().iter().map(|source| {
            let origin = source.origin.as_str();
            let name = origin.strip_prefix("list:").unwrap_or(origin);
            self.renamed.get(name).map_or(name, String::as_str)
        });
        let counts_now = |name| now.lists.contains(&name) || self.counts(name, group);
        let counts: Vec<bool> = names.clone().map(counts_now).collect();
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
            has_own_packs: group.own_packs.is_some() || now.has_own_packs,
            is_paused: now.moment.is_paused,
            is_shut: now.moment.blocks_all.is_some(),
            upstream_set: 0,
        }
    }

    /// A list got another name: until it is compiled anew, it counts as that all the same.
    pub(super) fn rename(&mut self, before: &str, name: &str) {
        for now in self.renamed.values_mut().filter(|now| *now == before) {
            name.clone_into(now);
        }
        self.renamed.remove(name);
        self.renamed.insert(before.to_owned(), name.to_owned());
    }

    /// Lists are about to be in force under these names, and the ones before may be others'.
    pub(super) fn forget_names(&mut self, compiled: &HashMap<String, String>) {
        self.renamed
            .retain(|before, name| compiled.get(before) != Some(name));
    }

    fn counts(&self, list: &str, group: &Group) -> bool {
        group.uses(list, self.of_list.get(list))
    }
}

/// What counts for a group at one moment.
struct Now<'a> {
    moment: &'a Moment,
    packs: Cow<'a, config::Packs>,
    has_own_packs: bool,
    /// Lists that count beside those of the group.
    lists: Vec<&'a str>,
}

impl<'a> Now<'a> {
    fn of(group: &'a Group, moment: &'a Moment) -> Self {
        let mut now = Self {
            moment,
            packs: Cow::Borrowed(&group.packs),
            has_own_packs: false,
            lists: Vec::new(),
        };
        let places = moment.schedules.iter();
        for schedule in places.filter_map(|at| group.schedules.get(*at)) {
            let Does::Add { packs, lists } = &schedule.does else {
                continue;
            };
            now.lists.extend(lists.iter().map(String::as_str));
            if let Some(said) = packs {
                now.packs = Cow::Owned(said.over(&now.packs));
                now.has_own_packs = true;
            }
        }
        now
    }
}

/// Names that lead nowhere but into the home: they are not the internet that a schedule blocks.
fn home(config: &Config) -> Vec<Box<str>> {
    let usual = [
        "localhost",
        "home.arpa",
        "local",
        "lan",
        "internal",
        "in-addr.arpa",
        "ip6.arpa",
    ];
    let records = config.records.iter().map(|record| {
        let name = record.name.trim_start_matches("*.");
        name.trim_end_matches('.').to_ascii_lowercase()
    });
    let routed = config.upstream.routes.all().iter();
    let routed = routed.flat_map(|route| &route.domains).cloned();
    let ours = std::iter::once(config.local.domain.clone());
    let usual = usual.into_iter().map(str::to_owned);
    let all = usual.chain(ours).chain(records).chain(routed);
    all.map(String::into_boxed_str).collect()
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
    fn a_list_that_got_another_name_counts_for_the_group_that_names_it_before_it_is_compiled() {
        let base = compiled(|compiler| {
            for name in ["list:ads", "list:games"] {
                compiler.source(Source::new(name.to_owned(), Rank::List, String::new()));
            }
        });
        let text = [
            list("Advertising", ""),
            list("games", ""),
            "[[group]]\nname = \"kids\"\nlists = [\"Advertising\"]\n".to_owned(),
        ];
        let mut groups = groups(&text.concat());
        let muted = |groups: &Groups| {
            let (kids, moment) = (&groups.all[1], Moment::default());
            groups.scope((kids, &Now::of(kids, &moment)), &base).muted
        };
        assert_eq!(muted(&groups), [true, true]);
        groups.rename("ads", "Adverts");
        groups.rename("Adverts", "Advertising");
        assert_eq!(muted(&groups), [false, true]);
        // Back to the name under which it was compiled.
        groups.rename("Advertising", "ads");
        assert_eq!(muted(&groups), [true, true]);
    }

    #[test]
    fn what_schedules_of_the_same_time_say_of_packs_counts_together_and_the_last_comes_first() {
        let groups = groups(
            "[[group]]\nname = \"kids\"\npacks = { lg = \"block\" }\n\
             [[group.schedule]]\npacks = { xiaomi = \"block\", oneplus = \"off\" }\n\
             [[group.schedule]]\npacks = { oneplus = \"block\" }",
        );
        let kids = &groups.all[1];
        let blocked = |schedules: &[usize]| {
            let moment = Moment {
                schedules: schedules.to_vec(),
                ..Moment::default()
            };
            let now = Now::of(kids, &moment);
            let mut ids = vec!["lg", "oneplus", "xiaomi"];
            ids.retain(|id| now.packs.choice(id).0 == config::PackAction::Block);
            ids
        };
        assert_eq!(blocked(&[]), ["lg"]);
        assert_eq!(blocked(&[0]), ["lg", "xiaomi"]);
        assert_eq!(blocked(&[1]), ["lg", "oneplus"]);
        assert_eq!(blocked(&[0, 1]), ["lg", "oneplus", "xiaomi"]);
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
            .map(|group| (group, Moment::default()))
            .map(|(group, moment)| groups.scope((group, &Now::of(group, &moment)), &base).muted);
        let expected = [
            vec![false, true],
            vec![],
            vec![true, false],
            vec![true, true],
        ];
        assert_eq!(muted.collect::<Vec<_>>(), expected);
    }
}
