//! What people set of groups and devices outside of the file, laid over what stands in it.
//!
//! A group is written with the keys of `[[group]]`, so it is read by the same code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::group::{DEFAULT_GROUP, Group, Known, MAX_GROUPS};
use super::packs::{PackAction, Packs};
use super::problem::{Place, Problem};
use super::rule::Rule;
use super::section::{Notes, Section};
use super::{Config, Device, DeviceMatch, tree, value};

/// Where what people set in the dashboard stands.
const DASHBOARD: &str = "the dashboard";

/// A key that only what is set in the dashboard may have.
const FOR_UNKNOWN: &str = "for_unknown";

/// What people set of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupWish {
    /// What they call it.
    pub name: String,
    /// What `[[group]]` would say.
    pub says: Map<String, Value>,
}

/// What people set of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceWish {
    /// What they call it.
    pub name: String,
    /// The id of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What kind of device it is: `tv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What they note of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What it is recognised by: hardware addresses and addresses.
    pub matches: Vec<String>,
}

/// What is wrong in what people set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WishProblem {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What would be right.
    pub detail: String,
}

impl Config {
    /// Adds a group, or changes the default one; it may name these lists, `None` = any. Tells what
    /// is wrong; what can be understood is taken all the same.
    pub fn add_group(&mut self, wish: &GroupWish, lists: Option<&[String]>) -> Vec<WishProblem> {
        let mut says = wish.says.clone();
        let is_for_unknown = says.remove(FOR_UNKNOWN) == Some(Value::Bool(true));
        let place = Place {
            origin: DASHBOARD.into(),
            line: None,
        };
        let notes = Notes::new(Vec::new());
        let known = Known {
            names: lists,
            what: "list",
        };
        let base = self.packs.clone();
        let rules = &mut self.rules;
        let table = tree::from_json(&says, &place);
        let mut group = Section::root(table, place, &notes, |section| {
            let texts = section.values("rules", Vec::new(), value::text);
            Group::add_rules((section, &wish.name), (texts, None), rules);
            Group::read(section, wish.name.clone(), (&base, &known), rules)
        });
        if is_for_unknown && self.unknown_group == DEFAULT_GROUP {
            self.unknown_group.clone_from(&wish.name);
        }
        let problems = notes.into_problems().0;
        let mut problems: Vec<_> = problems.iter().map(WishProblem::of).collect();
        if let Err(detail) = self.upstream.add_set(&group.upstream) {
            group.upstream.clear();
            problems.push(WishProblem {
                pointer: "/upstream".to_owned(),
                detail,
            });
        }
        self.take_group(group);
        problems
    }

    fn take_group(&mut self, group: Group) {
        if group.name != DEFAULT_GROUP {
            if self.groups.len() < MAX_GROUPS {
                self.groups.push(group);
            }
            return;
        }
        let packs = group.packs.over(&self.packs);
        if let Some(search) = &group.safesearch {
            self.blocking.safesearch.clone_from(search);
        }
        if let Some(default) = self.groups.first_mut() {
            *default = Group {
                packs: packs.clone(),
                own_packs: None,
                ..group
            };
        }
        self.packs = Packs {
            places: std::mem::take(&mut self.packs.places),
            key: self.packs.key.clone(),
            ..packs
        };
        for other in self.groups.iter_mut().skip(1) {
            other.lay_over(&self.packs);
        }
    }

    /// Adds a device; one of the file by the same name, or by the same signs, comes first. `group`
    /// is the name of its group.
    pub fn add_device(&mut self, wish: &DeviceWish, group: Option<String>) {
        let matches = wish.matches.iter();
        self.devices.push(Device {
            name: wish.name.clone(),
            matches: matches
                .filter_map(|text| DeviceMatch::parse(text).ok())
                .collect(),
            tags: wish
                .kind
                .iter()
                .map(|kind| format!("device_{kind}"))
                .collect(),
            group: group.filter(|name| self.group_number(name).is_some()),
        });
    }

    /// Says which groups a list of the dashboard is for; one of the file by the same name comes
    /// first.
    pub fn set_list_groups(&mut self, list: &str, groups: Vec<String>) {
        if !self.subscribed.iter().any(|declared| declared.name == list) {
            self.list_groups.insert(list.to_owned(), groups);
        }
    }

    /// Whether the file itself has a group of this name, which is then changed there only.
    pub fn declares_group(&self, name: &str) -> bool {
        let is_it = |group: &&Group| group.name == name;
        self.groups
            .iter()
            .find(is_it)
            .is_some_and(|group| group.is_declared)
    }
}

impl Packs {
    /// The same, but what the file says of packs by their names, or other than usual, stays.
    fn over(&self, file: &Self) -> Self {
        let usual = Self::default();
        let mut packs = self.clone();
        if file.default != usual.default {
            packs.default = file.default;
        }
        if file.level != usual.level {
            packs.level = file.level;
        }
        for id in file.places.keys() {
            if let Some(choice) = file.named.get(id) {
                packs.named.insert(id.clone(), *choice);
            }
        }
        Self {
            places: BTreeMap::new(),
            ..packs
        }
    }
}

impl PackAction {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Watch => "watch",
            Self::Off => "off",
        }
    }
}

impl super::Level {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }
}

impl Rule {
    /// Whether it stands in the file, and not in a group of the dashboard.
    pub fn is_of_file(&self) -> bool {
        &*self.place.origin != DASHBOARD
    }
}

impl WishProblem {
    fn of(problem: &Problem) -> Self {
        let pointer = problem.key.replace('[', ".").replace(']', "");
        Self {
            pointer: format!("/{}", pointer.replace('.', "/")),
            detail: problem.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::super::Level;
    use super::*;

    fn config(text: &str) -> Config {
        Config::from_text(text, Path::new("config.toml"), &[]).unwrap()
    }

    fn wish(name: &str, says: &Value) -> GroupWish {
        GroupWish {
            name: name.to_owned(),
            says: says.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn a_group_of_the_dashboard_is_read_like_one_of_the_file() {
        let text = "[[group]]\nname = \"kids\"\npacks = { xiaomi = \"off\" }\n\
                    rules = [\"||game.example^\"]\nsafesearch = true\n\
                    [[group.schedule]]\ntimes = [\"20:00-06:00\"]\naction = \"block_all\"";
        let file = config(text);
        let mut dashboard = config("");
        let says = json!({
            "packs": { "xiaomi": "off" },
            "rules": ["||game.example^"],
            "safesearch": true,
            "schedule": [{ "times": ["20:00-06:00"], "action": "block_all" }],
            "lists": null,
        });
        assert_eq!(dashboard.add_group(&wish("kids", &says), Some(&[])), []);
        let (one, other) = (&file.groups[1], &dashboard.groups[1]);
        assert_eq!(one.packs.named, other.packs.named);
        assert_eq!(
            (&one.safesearch, &one.schedules),
            (&other.safesearch, &other.schedules)
        );
        assert_eq!(dashboard.rules[0].text, "||game.example^");
        assert!(file.rules[0].is_of_file() && !dashboard.rules[0].is_of_file());
        assert!(file.declares_group("kids") && !dashboard.declares_group("kids"));
    }

    #[test]
    fn what_is_wrong_is_told_by_where_it_stands_in_the_body() {
        let says = json!({
            "packs": { "default": "blok" },
            "lists": ["adds"],
            "schedule": [{ "times": ["25:00-26:00"], "action": "pause" }],
            "colour": "red",
        });
        let lists = ["ads".to_owned()];
        let wrong = config("").add_group(&wish("kids", &says), Some(&lists));
        let mut pointers: Vec<&str> = wrong.iter().map(|one| one.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            [
                "/colour",
                "/lists/0",
                "/packs/default",
                "/schedule/0/times/0"
            ]
        );
    }

    #[test]
    fn what_the_file_says_of_a_pack_stays_for_the_default_group() {
        let mut config = config("[packs]\nxiaomi = \"block\"");
        let says = json!({ "packs": { "default": "block", "xiaomi": "off", "oneplus": "off" } });
        assert_eq!(config.add_group(&wish(DEFAULT_GROUP, &says), Some(&[])), []);
        for packs in [&config.packs, &config.groups[0].packs] {
            let does = |id: &str| packs.choice(id).0;
            assert_eq!(
                [does("xiaomi"), does("oneplus"), does("lg")],
                [PackAction::Block, PackAction::Off, PackAction::Block]
            );
        }
    }

    #[test]
    fn what_is_set_for_all_counts_for_groups_that_do_not_say_otherwise_whenever_they_were_added() {
        let groups = [
            ("plain", json!({})),
            (
                "own",
                json!({ "packs": { "xiaomi": "off", "level": "strict" } }),
            ),
            (
                "all",
                json!({ "packs": { "oneplus": "block", "xiaomi": "block" } }),
            ),
        ];
        for order in [["plain", "own", "all"], ["all", "own", "plain"]] {
            let mut config = config(
                "[[group]]\nname = \"fixed\"\n[[group]]\nname = \"lax\"\npacks = { default = \"off\" }",
            );
            for name in order {
                let (_, says) = groups.iter().find(|(group, _)| *group == name).unwrap();
                let name = if name == "all" { DEFAULT_GROUP } else { name };
                assert_eq!(config.add_group(&wish(name, says), Some(&[])), []);
            }
            let does = |group: &str| {
                let packs = &config.groups[config.group_number(group).unwrap()].packs;
                ["oneplus", "xiaomi", "lg"].map(|id| packs.choice(id))
            };
            let (block, watch, off) = (PackAction::Block, PackAction::Watch, PackAction::Off);
            let (standard, strict) = (Level::Standard, Level::Strict);
            let for_all = [(block, standard), (block, standard), (watch, standard)];
            for group in [DEFAULT_GROUP, "plain", "fixed"] {
                assert_eq!(does(group), for_all, "{group} {order:?}");
            }
            let own = [(block, strict), (off, strict), (watch, strict)];
            assert_eq!(does("own"), own, "{order:?}");
            let lax = [(block, standard), (block, standard), (off, standard)];
            assert_eq!(does("lax"), lax, "{order:?}");
        }
    }

    #[test]
    fn search_engines_that_are_set_for_all_count_for_groups_that_say_nothing_of_them() {
        let mut config = config("[[group]]\nname = \"fixed\"");
        for (name, says) in [
            ("plain", json!({})),
            ("own", json!({ "safesearch": ["bing"] })),
            (DEFAULT_GROUP, json!({ "safesearch": ["google"] })),
        ] {
            assert_eq!(config.add_group(&wish(name, &says), Some(&[])), []);
        }
        let all = &config.blocking.safesearch;
        let has = |group: &str| {
            let group = &config.groups[config.group_number(group).unwrap()];
            let engines = group.safesearch.as_ref().unwrap_or(all).iter();
            engines.map(|engine| engine.as_str()).collect::<Vec<_>>()
        };
        for group in [DEFAULT_GROUP, "plain", "fixed"] {
            assert_eq!(has(group), ["google"], "{group}");
        }
        assert_eq!(has("own"), ["bing"]);
    }

    #[test]
    fn a_list_of_the_file_counts_for_the_groups_that_the_file_says() {
        let list = |name: &str, more: &str| {
            format!("[[list]]\nname = \"{name}\"\nsource = \"/{name}\"\n{more}\n")
        };
        let group = "[[group]]\nname = \"kids\"\n";
        let named = list("games", "groups = [\"kids\"]");
        let mut config = config(&[&list("all", ""), &named, group].concat());
        for name in ["all", "games", "mine"] {
            config.set_list_groups(name, vec![DEFAULT_GROUP.to_owned()]);
        }
        let groups = |name: &str| config.list_groups.get(name).cloned();
        assert_eq!(groups("all"), None);
        assert_eq!(groups("games"), Some(vec!["kids".to_owned()]));
        assert_eq!(groups("mine"), Some(vec![DEFAULT_GROUP.to_owned()]));
    }

    #[test]
    fn strangers_are_in_the_group_that_says_so_unless_the_file_does() {
        let says = json!({ "for_unknown": true });
        let mut open = config("");
        open.add_group(&wish("guests", &says), None);
        assert_eq!(open.unknown_group, "guests");
        let mut fixed = config("[[group]]\nname = \"kids\"\n[devices]\nunknown_group = \"kids\"");
        fixed.add_group(&wish("guests", &says), None);
        assert_eq!(fixed.unknown_group, "kids");
    }
}
