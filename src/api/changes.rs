//! `GET changes`: who changed what people set, and how to take it back.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Api;
use super::asked::{Asked, Id};
use super::author::By;
use super::paging;
use super::problem::{Problem, unkept};
use super::range;
use super::who::DeviceRef;
use crate::config;
use crate::store::{Author, ChangeRow, Item, StoreError};

/// So many are on a page unless told otherwise, and at most.
const LIMITS: (usize, usize) = (50, 200);

/// Changes, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeList {
    /// The changes.
    pub items: Vec<Change>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A change of what people set.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// Its id; later changes have higher ones.
    pub id: String,
    /// When it was made.
    pub at: String,
    /// By which way: `dashboard`, `api`, `command`, or `time`, where something ended by itself.
    pub by: String,
    /// The name of the session or the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What was changed: `list`, `rule`, `record`, `group`, `device`, `pause`, or `forgotten`, where a
    /// device was forgotten.
    pub kind: String,
    /// Which of them.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// The device that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceRef>,
    /// It as it was before; `null` = it was not there.
    #[schema(value_type = Object)]
    pub before: Option<Value>,
    /// It as it was afterwards; `null` = it was gone.
    #[schema(value_type = Object)]
    pub after: Option<Value>,
    /// The id of the change that this one took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// The id of the change that took this one back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
    /// Whether it is still as this change left it, and what was before has not ended by itself
    /// since: then it can be taken back.
    pub can_undo: bool,
}

/// Which changes.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParams {
    /// Where to go on, as the page before told.
    cursor: Option<String>,
    /// How many at most, 1 to 200; 50 unless given.
    limit: Option<String>,
}

/// Changes
///
/// Every change of lists, rules, records, groups, devices and pauses, the newest first. What a device
/// was, and what was set of it, is not told any more once it is forgotten.
#[utoipa::path(
    get, path = "/changes", tag = "changes", params(ChangeParams),
    responses(
        (status = 200, body = ChangeList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn changes(
    State(api): State<Arc<Api>>,
    Asked(wish): Asked<ChangeParams>,
) -> Result<Json<ChangeList>, Problem> {
    let cursor = paging::cursor(wish.cursor.as_deref())?.unwrap_or(i64::MAX);
    let limit = paging::limit(wish.limit.as_deref(), LIMITS)?;
    let page = page(&api, cursor, limit).await;
    page.map(Json)
        .map_err(|error| Problem::unavailable(error.to_string()))
}

/// Take a change back
///
/// What it changed is as it was before. Where it has changed since, or something else stands
/// against that, nothing is done.
#[utoipa::path(
    post, path = "/changes/{id}/undo", tag = "changes",
    params(("id" = String, Path, description = "The change's id")),
    responses(
        (status = 200, body = Change),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn undo_change(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
) -> Result<Json<Change>, Problem> {
    let undone = undo(&api, author, &id).await?;
    let page = page(&api, undone.id + 1, 1).await;
    let page = page.map_err(|error| Problem::unavailable(error.to_string()))?;
    let change = page.items.into_iter().next();
    change
        .map(Json)
        .ok_or_else(|| Problem::not_found("the change is not kept any more"))
}

async fn page(api: &Api, cursor: i64, limit: usize) -> Result<ChangeList, StoreError> {
    api.store.connect().await?;
    let mut store = api.store.read().await?;
    let most = u32::try_from(limit).unwrap_or(u32::MAX);
    let rows = store.changes().before(cursor, most).await?;
    let kinds: BTreeSet<_> = rows.iter().map(|row| row.kind).collect();
    let mut kept = HashMap::new();
    for kind in kinds {
        kept.insert(kind, store.items(kind).await?);
    }
    let now = |row: &ChangeRow| {
        let mut items = kept.get(&row.kind)?.iter();
        items.find(|item| item.key() == row.item)
    };
    let now_ms = Timestamp::now().as_millisecond();
    let can_undo = |row: &ChangeRow| fits(row, now(row)) && late(row, now_ms).is_none();
    let items = rows.iter().map(|row| change(api, row, can_undo(row)));
    let last = rows.last().filter(|row| rows.len() == limit && row.id > 1);
    Ok(ChangeList {
        items: items.collect(),
        next: last.map(|row| row.id.to_string()),
    })
}

/// Whether a thing, as it is now, is as a change left it.
fn fits(change: &ChangeRow, now: Option<&Item>) -> bool {
    change.undone_by.is_none() && now == change.after.as_ref()
}

/// Why a change of something that ends by itself cannot be taken back any more: there is nothing
/// left to put back, or to take away.
fn late(change: &ChangeRow, now_ms: i64) -> Option<String> {
    let item = change.before.as_ref().or(change.after.as_ref())?;
    if let Item::Forgotten(_) = item {
        return Some("nothing is left of what was forgotten".to_owned());
    }
    let end_ms = item.until_ms().filter(|until_ms| *until_ms <= now_ms)?;
    let kind = change.kind.as_str();
    Some(format!("this {kind} was until {}", range::text(end_ms)))
}

async fn undo(api: &Api, author: Author, id: &str) -> Result<ChangeRow, Problem> {
    let gone = || Problem::not_found(format!("there is no change `{id}`"));
    let number: i64 = id.parse().map_err(|_| gone())?;
    let failed = |error: StoreError| unkept(&error);
    let mut changing = api.change(author).await?;
    let found = changing.changes().find(number).await.map_err(failed)?;
    let change = found.ok_or_else(gone)?;
    if change.undone_by.is_some() {
        return Err(stale("it was taken back already"));
    }
    let now = changing.item(change.kind, &change.item).await;
    if !fits(&change, now.map_err(failed)?.as_ref()) {
        return Err(stale(&format!(
            "this {} has been changed since: take the later change back first",
            change.kind.as_str()
        )));
    }
    if let Some(reason) = late(&change, Timestamp::now().as_millisecond()) {
        return Err(stale(&reason));
    }
    if let Some(item) = &change.before {
        clash(api, item).map_or(Ok(()), |reason| Err(stale(&reason)))?;
    }
    changing.undo(&change).await?;
    let newest = changing.changes().before(i64::MAX, 1).await;
    let newest = newest.map_err(failed)?;
    changing.commit().await?;
    newest.into_iter().next().ok_or_else(gone)
}

fn stale(reason: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "this cannot be taken back", reason)
}

/// Why a thing cannot be put back beside those that there are.
fn clash(api: &Api, item: &Item) -> Option<String> {
    let taken = |what: &str, name: &str| Some(format!("another {what} is called `{name}` now"));
    match item {
        Item::Group(row) => {
            let groups = api.household.groups();
            let is_other = |id: &str, name: &str| name == row.name && id != row.id;
            let mut others = groups.iter().filter(|one| is_other(&one.id, &one.name));
            others.next().and_then(|_| taken("group", &row.name))
        }
        Item::List(row) => {
            let lists = api.lists.wanted();
            let is_other = |id: &str, name: &str| name == row.name && id != row.id;
            let mut others = lists.iter().filter(|one| is_other(&one.id, &one.name));
            others.next().and_then(|_| taken("list", &row.name))
        }
        Item::Device(row) => {
            let wish: config::DeviceWish = serde_json::from_str(&row.wish).ok()?;
            let plan = api.household.plan();
            let is_other = plan.kept.numbers.get(&wish.name) != Some(&row.device);
            let mut devices = plan.config.devices.iter();
            let is_taken = is_other && devices.any(|device| device.name == wish.name);
            is_taken.then(|| taken("device", &wish.name)).flatten()
        }
        Item::Rule(_) | Item::Record(_) | Item::Pause(_) | Item::Forgotten(_) => None,
    }
}

fn change(api: &Api, row: &ChangeRow, can_undo: bool) -> Change {
    let item = row.after.as_ref().or(row.before.as_ref());
    let device = item
        .and_then(Item::device)
        .and_then(|id| api.devices.device(id));
    let id = |id: i64| id.to_string();
    Change {
        id: id(row.id),
        at: range::text(row.at_ms),
        by: row.author.way.as_str().to_owned(),
        session: row.author.session.clone(),
        kind: row.kind.as_str().to_owned(),
        item: row.item.clone(),
        name: item.map(|item| name(api, item)).unwrap_or_default(),
        device: device.map(|device| DeviceRef::of(&device)),
        before: row.before.as_ref().map(|item| shown(api, item)),
        after: row.after.as_ref().map(|item| shown(api, item)),
        undoes: row.undoes.map(id),
        undone_by: row.undone_by.map(id),
        can_undo,
    }
}

fn name(api: &Api, item: &Item) -> String {
    match item {
        Item::List(row) => row.name.clone(),
        Item::Rule(row) => row.text.clone(),
        Item::Record(row) => row.name.clone(),
        Item::Group(row) => row.name.clone(),
        Item::Device(row) => {
            let wish: Option<config::DeviceWish> = serde_json::from_str(&row.wish).ok();
            wish.map(|wish| wish.name).unwrap_or_default()
        }
        Item::Pause(row) => match row.who.strip_prefix("group:") {
            Some(id) => {
                let called = api.household.group_called(id);
                called.unwrap_or_else(|| id.to_owned())
            }
            None => row.who.clone(),
        },
        Item::Forgotten(row) => super::who::id_text(row.device),
    }
}

fn group_names(api: &Api, ids: &[String]) -> Vec<String> {
    let ids = ids.iter();
    ids.map(|id| api.household.group_name(id).unwrap_or_else(|| id.clone()))
        .collect()
}

/// A thing in the words that its own resource has.
fn shown(api: &Api, item: &Item) -> Value {
    let seconds = |seconds: u64| config::duration_in_words(Duration::from_secs(seconds));
    match item {
        Item::List(row) => json!({
            "name": row.name, "source": row.source, "action": row.action, "format": row.format,
            "refresh": seconds(u64::try_from(row.refresh_s).unwrap_or(0)), "enabled": row.enabled,
            "groups": row.groups.as_ref().map(|ids| group_names(api, ids)),
        }),
        Item::Rule(row) => json!({
            "match": row.text, "action": row.action, "comment": row.comment,
            "device": row.device.map(super::who::id_text),
            "until": row.until_ms.map(range::text),
        }),
        Item::Record(row) => json!({
            "name": row.name, "type": row.kind, "value": row.value,
            "ttl": seconds(row.ttl_s.into()),
        }),
        Item::Group(row) => {
            let said = api.household.said(row);
            let mut says = said.says;
            says.insert("name".to_owned(), said.name.into());
            Value::Object(says)
        }
        Item::Device(row) => serde_json::from_str(&row.wish).unwrap_or_default(),
        Item::Pause(row) => json!({ "until": range::text(row.until_ms) }),
        Item::Forgotten(row) => json!({ "at": range::text(row.at_ms) }),
    }
}
