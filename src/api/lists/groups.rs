//! Which groups a list counts for: those that it names, and those that choose it themselves.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::Api;
use super::super::body::Body;
use crate::config::Does;
use crate::lists::Subscription;

/// A group that a list counts for.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupUse {
    /// The group's id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it does at all times, or only while a schedule of the group says so.
    pub always: bool,
}

/// The ids of the groups that a list names; `None` = it names none.
pub(super) fn named(api: &Api, list: &Subscription) -> Option<Vec<String>> {
    if !list.declared {
        return list.groups.clone();
    }
    let config = api.config();
    let names = config.list_groups.get(&list.name)?.iter();
    Some(names.map(|name| api.household.group_id(name)).collect())
}

/// The groups that a list counts for.
pub(super) fn users(api: &Api, list: &Subscription) -> Vec<GroupUse> {
    let config = api.config();
    let named = config.list_groups.get(&list.name);
    let groups = config.groups.iter().filter_map(|group| {
        let always = group.uses(&list.name, named);
        let mut schedules = group.schedules.iter();
        let is_added = schedules.any(|schedule| match &schedule.does {
            Does::Add { lists, .. } => lists.contains(&list.name),
            _ => false,
        });
        (always || is_added).then(|| GroupUse {
            id: api.household.group_id(&group.name),
            name: group.name.clone(),
            always,
        })
    });
    groups.collect()
}

/// Takes the groups that a list shall name out of a body, by their ids; inside `None` = none.
#[expect(clippy::option_option, reason = "absent, null, or groups")]
pub(super) fn wanted(api: &Api, body: &mut Body) -> Option<Option<Vec<String>>> {
    let Some(words) = body.texts("groups")? else {
        return Some(None);
    };
    if words.is_empty() {
        let right = "name a group, or write null for all that choose no lists themselves; a list \
                     that is for nobody is turned off with `enabled`";
        body.wrong("groups", right);
    }
    let mut ids = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(name) = api.household.group_called(word) else {
            body.wrong_at(
                format!("/groups/{at}"),
                format!("there is no group `{word}`"),
            );
            continue;
        };
        let id = api.household.group_id(&name);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Some(Some(ids))
}
