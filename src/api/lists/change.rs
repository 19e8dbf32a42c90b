//! Changes to lists. Those that stand in the config file are changed there only.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Api;
use super::super::asked::Id;
use super::super::author::By;
use super::super::body::Body;
use super::super::problem::Problem;
use super::{Did, ListItem, groups, item, known, status};
use crate::config::{self, ListAction, ListFormat, ListSource};
use crate::lists::{Subscription, id};
use crate::store::Kind;

/// What people want of a list.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct ListWish {
    /// What you call it; needed for a new one.
    name: Option<String>,
    /// An https address, or a file's full path; needed for a new one.
    source: Option<String>,
    /// `block`, unless given.
    action: Option<ListAction>,
    /// `auto`, or a dialect.
    format: Option<String>,
    /// How often it is looked at again: `1d`, unless given.
    refresh: Option<String>,
    /// Whether it counts.
    enabled: Option<bool>,
    /// The ids or names of the groups that it counts for, beside those that choose it themselves;
    /// `null` = all that choose no lists themselves.
    groups: Option<Vec<String>>,
}

/// Subscribe to a list
///
/// It is fetched at once, and in force as soon as it is compiled.
#[utoipa::path(
    post, path = "/lists", tag = "lists", request_body = ListWish,
    responses(
        (status = 201, body = ListItem),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add_list(
    State(api): State<Arc<Api>>,
    By(author): By,
    mut body: Body,
) -> Result<(StatusCode, Json<ListItem>), Problem> {
    let mut change = api.change(author).await?;
    let lists = api.config().lists.clone();
    let name = body.required("name", config::List::check_name);
    let source = body.required("source", |text| ListSource::parse(text, &lists));
    let wish = Wish::read(&mut body);
    let groups = groups::wanted(&api, &mut body);
    body.finish()?;
    let (Some(name), Some(source)) = (name, source) else {
        return Err(Problem::input("name", "this is missing"));
    };
    free(&api, &name, None)?;
    let list = wish.onto(Subscription {
        id: id(&name),
        name,
        source,
        action: ListAction::Block,
        format: None,
        refresh: config::List::USUAL_REFRESH,
        enabled: true,
        declared: false,
        groups: groups.flatten(),
    });
    change.put(&list.to_item()).await?;
    change.commit().await?;
    let known = known(&api, list);
    Ok((
        StatusCode::CREATED,
        Json(item(&api, &known, &Did::of(&api).await)),
    ))
}

/// Change a list
///
/// What is not given stays as it is. Groups that name it follow where it gets another name; which
/// groups it counts for is in force at once.
#[utoipa::path(
    patch, path = "/lists/{id}", tag = "lists", request_body = ListWish,
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 200, body = ListItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_list(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<Json<ListItem>, Problem> {
    let mut change = api.change(author).await?;
    let before = own(&api, &id)?;
    let lists = api.config().lists.clone();
    let name = body.read("name", config::List::check_name);
    let source = body.read("source", |text| ListSource::parse(text, &lists));
    let wish = Wish::read(&mut body);
    let groups = groups::wanted(&api, &mut body);
    body.finish()?;
    if let Some(name) = &name {
        free(&api, name, Some(&id))?;
    }
    let list = wish.onto(Subscription {
        name: name.unwrap_or(before.name),
        source: source.unwrap_or(before.source),
        groups: groups.unwrap_or(before.groups),
        ..before
    });
    change.put(&list.to_item()).await?;
    change.commit().await?;
    let known = known(&api, list);
    Ok(Json(item(&api, &known, &Did::of(&api).await)))
}

/// Remove a list
///
/// Its entries are out of force at once.
#[utoipa::path(
    delete, path = "/lists/{id}", tag = "lists",
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove_list(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let mut change = api.change(author).await?;
    own(&api, &id)?;
    change.take_out(Kind::List, &id).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look at a list now
#[utoipa::path(
    post, path = "/lists/{id}/refresh", tag = "lists",
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 202, description = "It is looked at; `GET lists` tells how far that is."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn refresh_list(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    status(&api, &id)?;
    api.lists.subscriptions.refresh(Some(&id));
    Ok(StatusCode::ACCEPTED)
}

/// Look at all lists now
#[utoipa::path(
    post, path = "/lists/refresh", tag = "lists",
    responses((status = 202, description = "They are looked at, one after the other.")),
)]
pub(crate) async fn refresh_lists(State(api): State<Arc<Api>>) -> StatusCode {
    api.lists.subscriptions.refresh(None);
    StatusCode::ACCEPTED
}

/// Take the copy that is held back
#[utoipa::path(
    post, path = "/lists/{id}/confirm", tag = "lists",
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 200, body = ListItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn confirm_list(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<Json<ListItem>, Problem> {
    status(&api, &id)?;
    let is_done = api.lists.subscriptions.confirm(&id).await;
    decided(&api, &id, is_done, "nothing to confirm").await
}

/// Discard the copy that is held back
///
/// The one before stays in force. The same is not held back again at the next look; what differs is.
#[utoipa::path(
    post, path = "/lists/{id}/discard", tag = "lists",
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 200, body = ListItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn discard_list(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<Json<ListItem>, Problem> {
    status(&api, &id)?;
    let is_done = api.lists.subscriptions.discard(&id).await;
    decided(&api, &id, is_done, "nothing to discard").await
}

/// The list after somebody decided what becomes of the copy that was held back, if there was one.
async fn decided(
    api: &Api,
    id: &str,
    is_done: bool,
    title: &str,
) -> Result<Json<ListItem>, Problem> {
    if !is_done {
        let detail = format!("no copy of list `{id}` is held back");
        return Err(Problem::new(StatusCode::CONFLICT, title, detail));
    }
    let now = status(api, id)?;
    Ok(Json(item(api, &now, &Did::of(api).await)))
}

/// What people want, beside the name and the source.
pub(super) struct Wish {
    pub action: Option<ListAction>,
    #[expect(clippy::option_option, reason = "absent, auto, or a dialect")]
    pub format: Option<Option<ListFormat>>,
    refresh: Option<Duration>,
    enabled: Option<bool>,
}

impl Wish {
    /// Takes these members out of a body.
    pub fn read(body: &mut Body) -> Self {
        Self {
            action: body.read("action", |text| one_of(text, &ListAction::WORDS)),
            format: body.read("format", |text| one_of(text, &ListFormat::WORDS)),
            refresh: body.read("refresh", config::List::check_refresh),
            enabled: body.truth("enabled"),
        }
    }

    fn onto(self, list: Subscription) -> Subscription {
        Subscription {
            action: self.action.unwrap_or(list.action),
            format: self.format.unwrap_or(list.format),
            refresh: self.refresh.unwrap_or(list.refresh),
            enabled: self.enabled.unwrap_or(list.enabled),
            ..list
        }
    }
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let mut found = words.iter().filter(|(word, _)| *word == text);
    found.next().map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("write one of {}", words.join(", "))
    })
}

/// A list that may be changed here.
fn own(api: &Api, id: &str) -> Result<Subscription, Problem> {
    let mut lists = api.lists.wanted().into_iter();
    let list = lists.find(|list| list.id == id);
    let list = list.ok_or_else(|| Problem::not_found(format!("there is no list `{id}`")))?;
    if list.declared {
        let detail = format!("list `{id}` stands in the config file: change it there");
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "set by the config",
            detail,
        ));
    }
    Ok(list)
}

/// Whether no other list goes by this name.
fn free(api: &Api, name: &str, own: Option<&str>) -> Result<(), Problem> {
    let lists = api.lists.wanted();
    let is_same = |list: &&Subscription| list.name == name || list.id == id(name);
    let mut same = lists.iter().filter(is_same);
    let Some(other) = same.find(|list| own != Some(&*list.id)) else {
        return Ok(());
    };
    let mut body = Body::default();
    body.wrong("name", format!("there is a list `{}` already", other.name));
    body.finish()
}
