//! A list that people subscribed to, in the config or in the dashboard.

use std::time::Duration;

use super::{Format, Reading, Role};
use crate::config::{self, ListAction, ListFormat, ListSource};

/// A list that people subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What its files are called, and its address in the API.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it comes from.
    pub source: ListSource,
    /// What it does.
    pub action: ListAction,
    /// How it is written; `None` = its first lines decide.
    pub format: Option<ListFormat>,
    /// How often it is looked at again.
    pub refresh: Duration,
    /// Whether it counts.
    pub enabled: bool,
    /// Whether it stands in the config, and so is changed only there.
    pub declared: bool,
    /// The ids of the groups that a list of the dashboard names; `None` = it names none, and counts
    /// for those that name no lists.
    pub groups: Option<Vec<String>>,
}

impl Subscription {
    /// The lists of the config.
    pub fn declared(lists: &[config::List]) -> Vec<Self> {
        let declared = |list: &config::List| Self {
            id: id(&list.name),
            name: list.name.clone(),
            source: list.source.clone(),
            action: list.action,
            format: list.format,
            refresh: list.refresh,
            enabled: true,
            declared: true,
            groups: None,
        };
        lists.iter().map(declared).collect()
    }

    /// How it is to be read.
    pub fn reading(&self) -> Reading {
        Reading {
            format: self.format.map(Format::from),
            role: Role::from(self.action),
        }
    }

    /// In a word, how it is read: whether its names are blocked or only watched is no part of that.
    pub fn manner(&self) -> String {
        let format = self
            .format
            .map_or("auto", |format| Format::from(format).word());
        let purpose = match self.action {
            ListAction::Block | ListAction::Watch => "block",
            ListAction::Allow => "allow",
        };
        format!("{format} {purpose}")
    }
}

/// Lists of the config, and those of the dashboard that do not go by the same name: the file wins.
pub fn merged(declared: Vec<Subscription>, stored: Vec<Subscription>) -> Vec<Subscription> {
    let mut all = declared;
    for list in stored {
        let is_taken = |other: &Subscription| other.id == list.id || other.name == list.name;
        if !all.iter().any(is_taken) {
            all.push(list);
        }
    }
    all
}

/// An id that serves as a file's name. Names that differ give ids that differ.
pub fn id(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_id =
        name.chars().all(|c| plain(c) || c == '-') && !name.is_empty() && !name.starts_with('-');
    // So short names have no hash at their end, unless they look as if they had.
    if is_id && !ends_like_a_hash(name) {
        return name.to_owned();
    }
    let lower = name.to_lowercase();
    let words = lower.split(|c| !plain(c)).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    let hash = xxhash_rust::xxh3::xxh3_64(name.as_bytes());
    let slug = if slug.is_empty() { "list" } else { &slug };
    format!("{slug}-{hash:016x}")
}

fn ends_like_a_hash(name: &str) -> bool {
    let end = name.rsplit('-').next().unwrap_or_default();
    end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_of_files_and_never_the_same_for_two_lists() {
        assert_eq!(id("hagezi-multi"), "hagezi-multi");
        let odd = [
            "Ads & more",
            "ads-more",
            "Ads  more",
            "../../etc/passwd",
            "é",
            "-",
            "",
        ];
        let mut ids: Vec<String> = odd.into_iter().map(id).collect();
        ids.push(id(&id("Ads & more")));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(
            ids.iter()
                .all(|id| !id.is_empty() && id.chars().all(is_plain)),
            "{ids:?}"
        );
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), odd.len() + 1);
    }

    #[test]
    fn on_conflict_the_file_wins() {
        let list = |name: &str, declared| Subscription {
            id: id(name),
            name: name.to_owned(),
            source: ListSource::File("/srv/list.txt".into()),
            action: ListAction::Block,
            format: None,
            refresh: Duration::from_hours(1),
            enabled: true,
            declared,
            groups: None,
        };
        let all = merged(
            vec![list("a", true)],
            vec![list("a", false), list("b", false)],
        );
        let told: Vec<_> = all
            .iter()
            .map(|list| (&*list.name, list.declared))
            .collect();
        assert_eq!(told, [("a", true), ("b", false)]);
    }
}
