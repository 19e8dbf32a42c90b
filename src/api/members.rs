//! `PATCH devices/{id}`: what people set of a device, and devices that are made one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::author::By;
use super::body::Body;
use super::devices::{Device, Sums};
use super::problem::Problem;
use super::range::RangeParams;
use super::who;
use crate::config::{self, DEFAULT_GROUP};
use crate::device;
use crate::household::{self, MemberError};
use crate::query::DeviceId;
use crate::store::Kind;

const LONGEST_COMMENT: usize = 500;

/// Names that a device may say.
const MOST_SAID: usize = 8;

/// What people want of a device.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct NewDevice {
    /// What you call it; `null` takes back all that was set of it.
    name: Option<String>,
    /// The id of its group; `null` = the default one.
    group: Option<String>,
    /// What kind of device it is, in small letters: `tv`.
    kind: Option<String>,
    /// What you note of it.
    comment: Option<String>,
    /// The names that it says over encrypted DNS, such as `kids-tablet`; at most 8.
    says: Option<Vec<String>>,
}

/// Two devices that are one.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct Merge {
    /// The id of the device that stays.
    into: String,
    /// The id of the device that is the same.
    from: String,
}

/// What is a device of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct Split {
    /// One of the device's `signs`, but not the first.
    sign: String,
}

/// Change a device
///
/// Its name, its group, its kind, what you note of it, and the names that it says over encrypted DNS.
/// What is not given stays as it is.
#[utoipa::path(
    patch, path = "/devices/{id}", tag = "devices", request_body = NewDevice,
    params(("id" = String, Path, description = "`d12`")),
    responses(
        (status = 200, body = Device),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_device(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<Json<Device>, Problem> {
    let mut change = api.change(author).await?;
    let device = known(&api, &id)?;
    let mut wish = api
        .household
        .begin(&device)
        .map_err(|error| refused(&error))?;
    let name = body.given("name");
    let name = name.map(|name| name.map(|name| check_name(&mut body, &name)));
    if let Some(group) = body.given("group") {
        let known = |id: &String| api.household.group_name(id).is_some();
        if let Some(unknown) = group.as_ref().filter(|id| !known(id)) {
            body.wrong("group", format!("there is no group `{unknown}`"));
        }
        wish.group = group.filter(|id| id != DEFAULT_GROUP);
    }
    if let Some(kind) = body.given("kind") {
        wish.kind = kind.and_then(|kind| check_kind(&mut body, kind));
    }
    if let Some(comment) = body.given("comment") {
        if comment
            .as_ref()
            .is_some_and(|text| text.len() > LONGEST_COMMENT)
        {
            body.wrong("comment", format!("write at most {LONGEST_COMMENT} bytes"));
        }
        wish.comment = comment.filter(|text| !text.trim().is_empty());
    }
    let said = body.texts("says").map(Option::unwrap_or_default);
    let said = said.map(|names| check_said(&mut body, &names));
    body.finish()?;
    if let Some(said) = said {
        let is_free = api.household.let_say(device.id, &mut wish, &said);
        is_free.map_err(|error| refused(&error))?;
    }
    if name == Some(None) {
        change.take_out(Kind::Device, &key(device.id)).await?;
    } else {
        wish.name = name.flatten().unwrap_or(wish.name);
        let is_free = api.household.check_name(device.id, &wish.name);
        is_free.map_err(|error| refused(&error))?;
        change.put(&household::device(device.id, &wish)).await?;
    }
    change.commit().await?;
    shown(&api, device.id).await
}

/// Make two devices one
///
/// For now on and for what was recorded. Name, group, kind and comment that are set of one of them
/// alone stay. It can be taken back among the changes.
#[utoipa::path(
    post, path = "/devices/merge", tag = "devices", request_body = Merge,
    responses(
        (status = 200, body = Device),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn merge_devices(
    State(api): State<Arc<Api>>,
    By(author): By,
    mut body: Body,
) -> Result<Json<Device>, Problem> {
    let mut change = api.change(author).await?;
    let find =
        |id: &str| who::by_id(&api.devices, id).ok_or_else(|| format!("there is no device `{id}`"));
    let into = body.required("into", find);
    let from = body.required("from", find);
    if into.is_some() && into.as_ref().map(|one| one.id) == from.as_ref().map(|one| one.id) {
        body.wrong("from", "this is the same device already");
    }
    body.finish()?;
    let (Some(into), Some(from)) = (into, from) else {
        return Err(Problem::input("into", "this is missing"));
    };
    let merged = api.household.merged(&into, &from);
    let merged = merged.map_err(|error| refused(&error))?;
    // What was set of the other counts again once the two are taken apart.
    change.put(&household::device(into.id, &merged)).await?;
    change.commit().await?;
    shown(&api, into.id).await
}

/// Make a part of a device one of its own
///
/// Of what was made one by hand.
#[utoipa::path(
    post, path = "/devices/{id}/split", tag = "devices", request_body = Split,
    params(("id" = String, Path, description = "`d12`")),
    responses(
        (status = 200, body = Device),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn split_device(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<Json<Device>, Problem> {
    let mut change = api.change(author).await?;
    let device = known(&api, &id)?;
    let sign = body.required("sign", |text| Ok(text.to_owned()));
    body.finish()?;
    let sign = sign.unwrap_or_default();
    let split = api.household.split(device.id, &sign);
    let split = split.map_err(|error| refused(&error))?;
    change.put(&household::device(device.id, &split)).await?;
    change.commit().await?;
    shown(&api, device.id).await
}

pub(super) fn known(api: &Api, id: &str) -> Result<device::Device, Problem> {
    who::by_id(&api.devices, id)
        .ok_or_else(|| Problem::not_found(format!("there is no device `{id}`")))
}

fn key(id: DeviceId) -> String {
    id.0.to_string()
}

async fn shown(api: &Api, id: DeviceId) -> Result<Json<Device>, Problem> {
    let now = Timestamp::now();
    let range = RangeParams::default().read(now)?;
    let device = api.devices.device(id);
    let device = device.ok_or_else(|| Problem::not_found("the device is gone"))?;
    Ok(Json(
        Sums::of(api, range, now, Some(&[id]))
            .await
            .device(&device, api),
    ))
}

fn check_name(body: &mut Body, name: &str) -> String {
    match config::List::check_name(name.trim()) {
        Ok(name) => name,
        Err(right) => {
            body.wrong("name", right);
            String::new()
        }
    }
}

fn check_said(body: &mut Body, names: &[String]) -> Vec<String> {
    if names.len() > MOST_SAID {
        body.wrong("says", format!("write at most {MOST_SAID} names"));
    }
    let mut said: Vec<String> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let name = name.trim().to_ascii_lowercase();
        if !household::is_said(&name) {
            let right = "write a name as in an address of the web, such as \"kids-tablet\"";
            body.wrong_at(format!("/says/{at}"), right);
        }
        if !said.contains(&name) {
            said.push(name);
        }
    }
    said
}

fn check_kind(body: &mut Body, kind: String) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_';
    if kind.is_empty() {
        return None;
    }
    if kind.len() > 32 || !kind.bytes().all(is_plain) {
        body.wrong("kind", "write one word in small letters, such as \"tv\"");
    }
    Some(kind)
}

pub(super) fn refused(error: &MemberError) -> Problem {
    let title = match error {
        MemberError::Declared(_) => "set by the config",
        MemberError::Taken(_) | MemberError::Said(..) => "this name is taken",
        MemberError::Many | MemberError::Forgotten(_) => "no single device",
        MemberError::NotMerged(_) => "nothing to split",
    };
    Problem::new(StatusCode::CONFLICT, title, error.to_string())
}
