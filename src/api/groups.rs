//! `GET groups`: devices under rules of their own, and how to change that.

mod packs;
mod schedule;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::author::By;
use super::body::Body;
use super::problem::{Problem, unkept};
use super::range;
use crate::config::{self, Config, DEFAULT_GROUP, Group, GroupWish, ListAction, PacksSaid};
use crate::household::{SetGroup, free_id};
use crate::lists;
use crate::query::GroupId;
use crate::store::Kind;
use schedule::{ScheduleItem, leave_unsaid, rules};

/// Groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupList {
    /// The default one, those of the config in its order, then those of the dashboard.
    pub groups: Vec<GroupItem>,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupItem {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it stands in the config file, and so is changed only there.
    pub declared: bool,
    /// What packs do for it, as `[packs]` says it: `default`, `level`, and packs by their ids;
    /// `null` = as for all.
    #[schema(value_type = Object)]
    pub packs: Option<Map<String, Value>>,
    /// The names of the lists that count for it; `null` = those that name no groups.
    pub lists: Option<Vec<String>>,
    /// Its rules; `@@` in front lets through.
    pub rules: Vec<String>,
    /// Search engines that leave out what is not for children; `null` = as for all.
    pub safesearch: Option<Vec<String>>,
    /// The upstream servers that are asked for it; none = those for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upstream: Vec<String>,
    /// What is other at some times of the week.
    pub schedule: Vec<ScheduleItem>,
    /// Whether devices that nobody named are in it.
    pub for_unknown: bool,
    /// How many devices are in it.
    pub devices: usize,
    /// The names of the schedules that count now.
    pub now: Vec<String>,
    /// When that changes, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What people want of a group. A member that is `null` is as for all.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct NewGroup {
    /// What you call it; needed for a new one.
    name: Option<String>,
    /// What packs do for it: `{"default": "block", "xiaomi": "watch"}`.
    #[schema(value_type = Object)]
    packs: Option<Map<String, Value>>,
    /// The names of the lists that count for it.
    lists: Option<Vec<String>>,
    /// Rules; `@@` in front lets through.
    rules: Option<Vec<String>>,
    /// Names of search engines.
    safesearch: Option<Vec<String>>,
    /// The upstream servers that are asked for it, written as in `upstream.servers` of the config.
    upstream: Option<Vec<String>>,
    /// What is other at some times of the week.
    schedule: Option<Vec<ScheduleItem>>,
    /// Whether devices that nobody named are in it.
    for_unknown: Option<bool>,
}

/// Groups
///
/// Devices under rules of their own.
#[utoipa::path(get, path = "/groups", tag = "groups", responses((status = 200, body = GroupList)))]
pub(super) async fn groups(State(api): State<Arc<Api>>) -> Json<GroupList> {
    Json(GroupList { groups: all(&api) })
}

/// Add a group
///
/// It is in force at once; devices are put into it with `PATCH devices/{id}`.
#[utoipa::path(
    post, path = "/groups", tag = "groups", request_body = NewGroup,
    responses(
        (status = 201, body = GroupItem),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add_group(
    State(api): State<Arc<Api>>,
    By(author): By,
    mut body: Body,
) -> Result<(StatusCode, Json<GroupItem>), Problem> {
    let mut change = api.change(author).await?;
    let name = body.required("name", config::List::check_name);
    let wish = GroupWish {
        name: name.unwrap_or_default(),
        says: body.rest(),
    };
    let groups = api.household.groups();
    if !wish.name.is_empty() {
        free(&mut body, &groups, &wish.name);
    }
    check(&api, body, (&wish, &Map::new()))?;
    if !api.household.has_room() {
        let detail = "there are as many groups as there may be: remove one first";
        return Err(conflict("no room", detail));
    }
    let spoken_of = change.changes().spoken_of(Kind::Group).await;
    let spoken_of = spoken_of.map_err(|error| unkept(&error))?;
    let id = free_id(&wish.name, |id| {
        !spoken_of.contains(id) && !api.household.speaks_of(id)
    });
    change.put(&api.household.group(&id, &wish)).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(one(&api, &id)?)))
}

/// Change a group
///
/// What is not given stays as it is; what is `null` is as for all. Whatever refers to it follows where
/// it gets another name.
#[utoipa::path(
    patch, path = "/groups/{id}", tag = "groups", request_body = NewGroup,
    params(("id" = String, Path, description = "The group's id")),
    responses(
        (status = 200, body = GroupItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_group(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<Json<GroupItem>, Problem> {
    let mut change = api.change(author).await?;
    let mut wish = changeable(&api, &id)?;
    let before = wish.says.clone();
    if let Some(name) = body.read("name", config::List::check_name)
        && name != wish.name
    {
        if id == DEFAULT_GROUP {
            body.wrong("name", "this group is always called \"default\"");
        }
        free(&mut body, &api.household.groups(), &name);
        wish.name = name;
    }
    for (member, said) in body.rest() {
        if said.is_null() {
            wish.says.remove(&member);
        } else {
            wish.says.insert(member, said);
        }
    }
    check(&api, body, (&wish, &before))?;
    change.put(&api.household.group(&id, &wish)).await?;
    change.commit().await?;
    Ok(Json(one(&api, &id)?))
}

/// Remove a group
///
/// Its devices are in the default one then.
#[utoipa::path(
    delete, path = "/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group's id")),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove_group(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let mut change = api.change(author).await?;
    changeable(&api, &id)?;
    if id == DEFAULT_GROUP {
        let detail = "the default group is always there";
        return Err(conflict("always there", detail));
    }
    change.take_out(Kind::Group, &id).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is set of a group that may be changed here.
pub(super) fn changeable(api: &Api, id: &str) -> Result<GroupWish, Problem> {
    let groups = api.household.groups();
    let group = groups.into_iter().find(|group| group.id == id);
    let group = group.ok_or_else(|| Problem::not_found(format!("there is no group `{id}`")))?;
    if group.is_declared {
        let detail = format!("group `{id}` stands in the config file: change it there");
        return Err(conflict("set by the config", &detail));
    }
    Ok(api.household.wish(id).unwrap_or(GroupWish {
        name: group.name,
        says: Map::new(),
    }))
}

fn conflict(title: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, title, detail)
}

fn free(body: &mut Body, groups: &[SetGroup], name: &str) {
    if groups.iter().any(|group| group.name == name) {
        body.wrong("name", format!("there is a group `{name}` already"));
    }
}

/// Everything that is wrong with a group that said something else before.
fn check(
    api: &Api,
    mut body: Body,
    (wish, before): (&GroupWish, &Map<String, Value>),
) -> Result<(), Problem> {
    let lists = api.lists.wanted();
    let lists: Vec<String> = lists.into_iter().map(|list| list.name).collect();
    for problem in api.household.problems(wish, &lists) {
        body.wrong_at(problem.pointer, problem.detail);
    }
    packs::check(&mut body, &api.packs, (&wish.says, before));
    check_rules(&mut body, "", wish.says.get("rules"));
    let schedules = wish.says.get("schedule").and_then(Value::as_array);
    for (at, schedule) in schedules.into_iter().flatten().enumerate() {
        check_rules(&mut body, &format!("/schedule/{at}"), schedule.get("rules"));
    }
    body.finish()
}

fn check_rules(body: &mut Body, place: &str, rules: Option<&Value>) {
    let rules = rules.and_then(Value::as_array);
    for (at, rule) in rules.into_iter().flatten().enumerate() {
        let text = rule.as_str().unwrap_or_default();
        let understood = match text.strip_prefix("@@") {
            Some(text) => lists::own_rule(text, ListAction::Allow, &[]),
            None => lists::own_rule(text, ListAction::Block, &[]),
        };
        if let Err(reason) = understood {
            body.wrong_at(format!("{place}/rules/{at}"), reason);
        }
    }
}

fn one(api: &Api, id: &str) -> Result<GroupItem, Problem> {
    let mut groups = all(api).into_iter();
    let found = groups.find(|group| group.id == id);
    found.ok_or_else(|| Problem::not_found(format!("there is no group `{id}`")))
}

fn all(api: &Api) -> Vec<GroupItem> {
    let config = api.config();
    let now = Timestamp::now();
    let mut members: HashMap<GroupId, usize> = HashMap::new();
    let shown = api.devices.all().into_iter();
    for device in shown.filter(|device| device.alias_of.is_none()) {
        *members.entry(api.devices.group(device.id)).or_default() += 1;
    }
    let moments = api.lists.rulebook.moments();
    let ids = api.household.groups();
    let groups = config.groups.iter().zip(ids).enumerate();
    groups
        .map(|(at, (group, set))| {
            let number = GroupId(u8::try_from(at).unwrap_or(0));
            let moment = moments.get(at).cloned().unwrap_or_default();
            let counting = moment.schedules.iter();
            let counting = counting.filter_map(|at| group.schedules.get(*at));
            let until = config::next_change(&group.schedules, now);
            // As people wrote it, without what holds for all.
            let wish = api.household.wish(&set.id).filter(|_| !set.is_declared);
            let says = wish.map(|wish| wish.says).unwrap_or_default();
            let said = says.get("packs").and_then(Value::as_object).cloned();
            let mut item = item(&config, group, set);
            leave_unsaid(&mut item.schedule, says.get("schedule"));
            GroupItem {
                packs: said.or(item.packs),
                devices: members.get(&number).copied().unwrap_or(0),
                now: counting.map(|schedule| schedule.name.clone()).collect(),
                until: until.map(|until| range::text(until.as_millisecond())),
                ..item
            }
        })
        .collect()
}

fn item(config: &Config, group: &Group, set: SetGroup) -> GroupItem {
    let schedules = group.schedules.iter().enumerate();
    let safesearch = group.safesearch.as_ref();
    GroupItem {
        id: set.id,
        declared: set.is_declared,
        packs: group.own_packs.as_ref().map(PacksSaid::to_json),
        lists: group.lists.clone(),
        rules: rules(config, group, None),
        safesearch: safesearch.map(|engines| {
            let words = engines.iter().map(|engine| engine.as_str().to_owned());
            words.collect()
        }),
        upstream: group.upstream.iter().map(|one| one.text.clone()).collect(),
        schedule: schedules
            .map(|(at, schedule)| ScheduleItem::of(config, group, (at, schedule)))
            .collect(),
        for_unknown: config.unknown_group == group.name,
        devices: 0,
        now: Vec::new(),
        until: None,
        name: set.name,
    }
}
