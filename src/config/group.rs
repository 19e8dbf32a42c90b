//! `[[group]]`: devices under rules of their own.

use std::collections::BTreeMap;

use super::blocking::SafeSearch;
use super::list::{List, ListAction};
use super::packs::{Packs, PacksSaid};
use super::problem::{Problem, nearest};
use super::rule::Rule;
use super::schedule::{Does, Schedule};
use super::section::{Read, Section};
use super::tree::Item;
use super::upstream::ServerUrl;
use super::value;

/// The group of every device that is in no other; it is always there, and the first.
pub const DEFAULT_GROUP: &str = "default";

/// So many groups there may be.
pub const MAX_GROUPS: usize = 64;

/// Devices under rules of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What people call it; no other group has this name.
    pub name: String,
    /// What packs do for it: as `[packs]` says, but for what the group says itself.
    pub packs: Packs,
    /// What it says of packs itself; `None` = nothing, or it is what says so for all.
    pub own_packs: Option<PacksSaid>,
    /// The lists that count for it, beside those that name the group; `None` = those that name
    /// no group.
    pub lists: Option<Vec<String>>,
    /// Search engines that are asked under the names by which they leave out what is not for
    /// children; `None` = as `[blocking]` says.
    pub safesearch: Option<Vec<SafeSearch>>,
    /// The servers that are asked for it; none = those for all.
    pub upstream: Vec<ServerUrl>,
    /// What it does at some times of the week.
    pub schedules: Vec<Schedule>,
    /// Whether it stands in the file.
    pub is_declared: bool,
}

impl Group {
    /// The group that is always there, under these packs.
    pub fn default_with(packs: Packs) -> Self {
        Self {
            name: DEFAULT_GROUP.to_owned(),
            // What is wrong there is told where it stands.
            packs: Packs {
                places: BTreeMap::new(),
                ..packs
            },
            own_packs: None,
            lists: None,
            safesearch: None,
            upstream: Vec::new(),
            schedules: Vec::new(),
            is_declared: false,
        }
    }

    /// A problem for each pack that it or a schedule of it names, and whose id is not one of these.
    pub fn unknown_packs(&self, ids: &[&str]) -> Vec<Problem> {
        let mut problems = self.packs.unknown(ids);
        for schedule in &self.schedules {
            if let Does::Add {
                packs: Some(said), ..
            } = &schedule.does
            {
                problems.extend(said.unknown(ids));
            }
        }
        problems
    }

    /// Whether a list counts for it at all times; `named` are the groups that the list names.
    pub fn uses(&self, list: &str, named: Option<&Vec<String>>) -> bool {
        named.is_some_and(|groups| groups.contains(&self.name))
            || match &self.lists {
                Some(lists) => lists.iter().any(|name| name == list),
                None => named.is_none(),
            }
    }

    /// Takes what packs do for all from here on; what it says itself stays.
    pub(super) fn lay_over(&mut self, packs: &Packs) {
        let said = self.own_packs.clone().unwrap_or_default();
        self.packs = said.over(packs);
    }

    /// The names of the groups that are about to be read.
    pub(super) fn names(root: &Section<'_>) -> Vec<String> {
        let mut names = vec![DEFAULT_GROUP.to_owned()];
        names.extend(root.texts("group", "name"));
        names
    }

    /// Reads all of `[[group]]`, and their rules into `rules`. The first is the default.
    pub(super) fn read_all(
        root: &mut Section<'_>,
        packs: &Packs,
        lists: &Known<'_>,
        rules: &mut Vec<Rule>,
    ) -> Vec<Self> {
        let mut groups = vec![Self::default_with(packs.clone())];
        let mut names: Vec<String> = Vec::new();
        root.each("group", |section| {
            let name = section.required("name", "what you call it", |item| {
                List::check_name(&value::text(item)?)
            });
            if let Some(problem) = name.as_ref().and_then(|name| taken(name, &names)) {
                section.wrong("name", problem);
            }
            names.extend(name.clone());
            if groups.len() == MAX_GROUPS {
                section.wrong("name", format!("there are more than {MAX_GROUPS} groups"));
            }
            let name = name.unwrap_or_default();
            let texts = section.values("rules", Vec::new(), value::text);
            Self::add_rules((section, &name), (texts, None), rules);
            let group = Self {
                is_declared: true,
                ..Self::read(section, name, (packs, lists), rules)
            };
            match groups.first_mut() {
                Some(first) if group.name == DEFAULT_GROUP => *first = group,
                _ => groups.push(group),
            }
        });
        groups
    }

    /// Reads all but the name and the rules of its own.
    pub(super) fn read(
        section: &mut Section<'_>,
        name: String,
        (packs, lists): (&Packs, &Known<'_>),
        rules: &mut Vec<Rule>,
    ) -> Self {
        let has_packs = section.has("packs");
        let has_lists = section.has("lists");
        let named = section.values("lists", Vec::new(), |item| lists.one_of(item));
        let has_search = section.has("safesearch");
        let search = SafeSearch::read(section);
        let said = section.section("packs", PacksSaid::read);
        let upstream = section.values("upstream", Vec::new(), ServerUrl::read);
        let mut schedules = Vec::new();
        section.each("schedule", |section| {
            let number = schedules.len();
            let (schedule, texts) = Schedule::read(section, number, lists);
            Self::add_rules((section, &name), (texts, Some(number)), rules);
            schedules.push(schedule);
        });
        Self {
            name,
            packs: said.over(packs),
            own_packs: has_packs.then_some(said),
            lists: has_lists.then_some(named),
            safesearch: has_search.then_some(search),
            upstream,
            schedules,
            is_declared: false,
        }
    }

    /// Adds rules of a group, or of one of its schedules.
    pub(super) fn add_rules(
        (section, name): (&Section<'_>, &str),
        (texts, schedule): (Vec<String>, Option<usize>),
        rules: &mut Vec<Rule>,
    ) {
        for (at, text) in texts.into_iter().enumerate() {
            let (action, text) = match text.strip_prefix("@@") {
                Some(spared) => (ListAction::Allow, spared.to_owned()),
                None => (ListAction::Block, text),
            };
            rules.push(Rule {
                text,
                action,
                comment: None,
                devices: None,
                groups: vec![name.to_owned()],
                schedule,
                place: section.place_of("rules").clone(),
                key: section.path(&format!("rules[{at}]")),
                number: rules.len(),
            });
        }
    }
}

/// A name in small letters and digits, with hyphens between.
pub fn slug(name: &str) -> String {
    let letters = name.chars().flat_map(char::to_lowercase);
    let plain = letters.map(|letter| {
        if letter.is_alphanumeric() {
            letter
        } else {
            ' '
        }
    });
    let words: String = plain.collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() {
        "group".to_owned()
    } else {
        words.join("-")
    }
}

/// The lists that a group may name.
pub(super) struct Known<'a> {
    /// Their names; `None` = any.
    pub names: Option<&'a [String]>,
    /// What they are.
    pub what: &'static str,
}

impl Known<'_> {
    /// The name of a list, out of these.
    pub fn one_of(&self, item: &Item) -> Read<String> {
        match self.names {
            Some(names) => one_of(item, names.iter().map(String::as_str), self.what),
            None => value::text(item),
        }
    }
}

/// The name of a group, out of these.
pub(super) fn group_name(item: &Item, groups: &[String]) -> Read<String> {
    one_of(item, groups.iter().map(String::as_str), "[[group]]")
}

/// What is wrong with the name of a group beside those of the groups before.
fn taken(name: &str, names: &[String]) -> Option<String> {
    if names.iter().any(|other| other == name) {
        return Some(format!("= {name:?}: another group has this name"));
    }
    let is_same = |other: &&str| *other != name && slug(other) == slug(name);
    let mut others = names.iter().map(String::as_str).chain([DEFAULT_GROUP]);
    let other = others.find(is_same)?;
    // Their id is how the API and the dashboard tell groups apart.
    Some(format!(
        "= {name:?}: group {other:?} has the same id, {:?}: write names that differ in more than \
         capitals and signs",
        slug(name)
    ))
}

/// A name, out of those that are known as `what`.
pub(super) fn one_of<'a>(
    item: &Item,
    known: impl Iterator<Item = &'a str> + Clone,
    what: &str,
) -> Read<String> {
    let name = value::text(item)?;
    if known.clone().any(|known| known == name) {
        return Ok(name);
    }
    Err(match nearest(&name, known) {
        Some(near) => format!("no {what} has this name; did you mean {near:?}?"),
        None => format!("no {what} has this name"),
    })
}

impl super::Config {
    /// The number of a group: its place among the groups.
    pub fn group_number(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }

    /// The names of the groups, by their number.
    pub fn group_names(&self) -> Vec<String> {
        self.groups.iter().map(|group| group.name.clone()).collect()
    }

    /// The group of devices that nobody named or put into a group.
    pub fn unknown_group_number(&self) -> usize {
        self.group_number(&self.unknown_group).unwrap_or(0)
    }
}
