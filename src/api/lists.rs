//! `GET lists`: the lists that people subscribed to, how they stand, and what they do.

mod change;
mod did;
mod entries;
mod groups;
mod item;
mod preview;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use change::*;
use did::Did;
pub(super) use did::last_days;
pub(super) use entries::*;
pub(super) use item::ListItem;
pub(super) use preview::*;

use super::Api;
use super::asked::Id;
use super::problem::Problem;
use crate::lists::{ListStatus, Step, Subscription, Subscriptions};
use item::{item, time};

/// All lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListList {
    /// Those of the config in its order, then those of the dashboard.
    pub lists: Vec<ListItem>,
    /// All of them together.
    pub total: ListTotal,
    /// What is being done to them.
    pub update: ListUpdate,
}

/// All lists together.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListTotal {
    /// Entries of all lists that count.
    pub entries: u64,
    /// Different ones.
    pub unique: u64,
    /// The size of the compiled rules.
    pub compiled_bytes: u64,
    /// When they were last put in force.
    pub compiled_at: Option<String>,
    /// Why they could not be compiled; those before stay in force.
    pub problem: Option<String>,
}

/// What is being done to lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListUpdate {
    /// Whether anything is.
    pub running: bool,
    /// The list it is done to.
    pub list: Option<String>,
    /// What it is.
    pub step: Option<Step>,
    /// Bytes that came.
    pub bytes: u64,
    /// How many there will be, if the server says so.
    pub of_bytes: Option<u64>,
    /// Lists that are done.
    pub done: usize,
    /// Lists that are done, or are to be done.
    pub of: usize,
}

/// Lists
///
/// All lists, how they stand, what they did in the last seven days, and what is being done to them.
#[utoipa::path(get, path = "/lists", tag = "lists", responses((status = 200, body = ListList)))]
pub(super) async fn lists(State(api): State<Arc<Api>>) -> Json<ListList> {
    let all = api.lists.subscriptions.all();
    let did = Did::of(&api).await;
    let wanted = api.lists.wanted().into_iter();
    let items: Vec<_> = wanted
        .map(|list| item(&api, &known(&api, list), &did))
        .collect();
    let size = api.lists.rulebook.size();
    let entries = items
        .iter()
        .filter(|item| item.enabled)
        .map(|item| item.entries);
    Json(ListList {
        total: ListTotal {
            entries: entries.sum(),
            unique: size.unique,
            compiled_bytes: size.bytes,
            compiled_at: all.compiled_at.map(time),
            problem: all.problem.clone(),
        },
        update: update(&api.lists.subscriptions),
        lists: items,
    })
}

/// One list
///
/// A list, how it stands, and what it did in the last seven days.
#[utoipa::path(
    get, path = "/lists/{id}", tag = "lists",
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 200, body = ListItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<Json<ListItem>, Problem> {
    let status = status(&api, &id)?;
    Ok(Json(item(&api, &status, &Did::of(&api).await)))
}

fn status(api: &Api, id: &str) -> Result<ListStatus, Problem> {
    let mut wanted = api.lists.wanted().into_iter();
    let list = wanted.find(|list| list.id == id);
    list.map(|list| known(api, list))
        .ok_or_else(|| Problem::not_found(format!("there is no list `{id}`")))
}

/// A list as it is known now; the task that keeps lists may not have taken it in yet.
fn known(api: &Api, list: Subscription) -> ListStatus {
    let known = api.lists.subscriptions.status(&list.id);
    let known = known.map(|known| (known.standing, known.next_at));
    let (standing, next_at) = known.unwrap_or_default();
    ListStatus {
        list,
        standing,
        next_at,
    }
}

fn update(lists: &Subscriptions) -> ListUpdate {
    let progress = lists.progress();
    ListUpdate {
        running: lists.is_busy(),
        list: progress.list,
        step: progress.step,
        bytes: progress.bytes,
        of_bytes: progress.of_bytes,
        done: progress.done,
        of: progress.of,
    }
}
