//! `PUT pause`: for a while nothing is blocked, for all, for a group, or for one device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::asked::Asked;
use super::author::By;
use super::body::Body;
use super::changing::Changing;
use super::problem::Problem;
use super::range;
use super::until::{self, Ends};
use super::who::{self, DeviceRef, Known};
use crate::household::Household;
use crate::policy::{Pause, Paused, Pauses};
use crate::query::DeviceId;
use crate::store::{Item, Kind, PauseRow, Store, StoreError};

/// For whom nothing is blocked.
#[derive(Debug, Serialize, ToSchema)]
pub struct PauseList {
    /// All that have not ended.
    pub pauses: Vec<PauseItem>,
}

/// For whom nothing is blocked, and until when; without a group and a device it is for all.
#[derive(Debug, Serialize, ToSchema)]
pub struct PauseItem {
    /// The name of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceRef>,
    /// When it ends by itself.
    pub until: String,
}

/// A group that a schedule goes on to block in a pause for all.
#[derive(Debug, Serialize, ToSchema)]
pub struct StillBlocked {
    /// The name of the group.
    pub group: String,
    /// The name of the schedule.
    pub schedule: String,
}

/// A pause that people want: `for` or `until` says how long.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct PauseWish {
    /// How long: `10m`, at most `365d`.
    #[serde(rename = "for")]
    duration: Option<String>,
    /// Until when, RFC 3339.
    until: Option<String>,
    /// The id of a device that it is for.
    device: Option<String>,
    /// The id or the name of a group that it is for.
    group: Option<String>,
}

/// What a resumption is for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResumeParams {
    /// The id of a device.
    device: Option<String>,
    /// The id or the name of a group.
    group: Option<String>,
    /// `all` = the pause for all alone; those of devices and groups go on.
    only: Option<String>,
}

/// Pause
///
/// For a while what would be blocked is let through and marked: for all, for a group, or for one
/// device. It ends by itself, and outlives a restart.
#[utoipa::path(
    put, path = "/pause", tag = "pause", request_body = PauseWish,
    responses(
        (status = 200, body = PauseList),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(
    State(api): State<Arc<Api>>,
    By(author): By,
    mut body: Body,
) -> Result<Json<PauseList>, Problem> {
    let mut change = api.change(author).await?;
    let now = Timestamp::now();
    let ends = until::read(&mut body, now);
    if !matches!(ends, Some(Ends::At(_))) {
        body.wrong("for", "say how long, such as \"10m\", or until when");
    }
    let (device, group) = (body.text("device"), body.text("group"));
    let who = match whom(&api, (device.as_deref(), group.as_deref())) {
        Ok(who) => Some(who),
        Err((member, wrong)) => {
            body.wrong(member, wrong);
            None
        }
    };
    body.finish()?;
    if let (Some(Ends::At(end)), Some(who)) = (ends, who) {
        let until_ms = end.as_millisecond();
        let pauses = Pauses::clone(&api.policy.pauses());
        let pauses = pauses.with(Pause { who, until_ms }, |id| api.devices.resolve(id));
        put(&api, &mut change, &pauses, now).await?;
        change.commit().await?;
    }
    Ok(Json(list(&api, now)))
}

/// Resume
///
/// Ends the pause of a device or a group, or with `only=all` the one for all; with none of them, all
/// pauses.
#[utoipa::path(
    delete, path = "/pause", tag = "pause", params(ResumeParams),
    responses(
        (status = 200, body = PauseList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(
    State(api): State<Arc<Api>>,
    By(author): By,
    Asked(wish): Asked<ResumeParams>,
) -> Result<Json<PauseList>, Problem> {
    let mut change = api.change(author).await?;
    let now = Timestamp::now();
    let who = whom(&api, (wish.device.as_deref(), wish.group.as_deref()));
    let who = who.map_err(|(member, wrong)| Problem::input(member, wrong))?;
    let pauses = match (who, wish.only.as_deref()) {
        (Paused::All, None) => Pauses::default(),
        (who, None) | (who @ Paused::All, Some("all")) => {
            let pauses = Pauses::clone(&api.policy.pauses());
            pauses.without(&who, |id| api.devices.resolve(id))
        }
        (Paused::All, Some(_)) => return Err(Problem::input("only", "write \"all\"")),
        _ => return Err(Problem::input("only", "stands beside a device or a group")),
    };
    put(&api, &mut change, &pauses, now).await?;
    change.commit().await?;
    Ok(Json(list(&api, now)))
}

/// The pauses that have not ended.
pub(super) fn list(api: &Api, now: Timestamp) -> PauseList {
    let known = Known::of(&api.devices);
    let pauses = api.policy.pauses();
    let item = |pause: &Pause| PauseItem {
        group: match &pause.who {
            Paused::Group(name) => Some(name.clone()),
            _ => None,
        },
        device: match pause.who {
            Paused::Device(device) => Some(known.refer(api.devices.resolve(device))),
            _ => None,
        },
        until: range::text(pause.until_ms),
    };
    PauseList {
        pauses: pauses.running(now.as_millisecond()).map(item).collect(),
    }
}

/// The groups that a schedule goes on to block in a pause for all: nobody paused for them.
pub(super) fn still_blocked(api: &Api, pauses: &[PauseItem]) -> Vec<StillBlocked> {
    let (config, moments) = (api.config(), api.lists.rulebook.moments());
    let is_paused = |group: &str| {
        let mut groups = pauses.iter().map(|pause| pause.group.as_deref());
        groups.any(|paused| paused == Some(group))
    };
    let groups = config.groups.iter().zip(moments);
    let blocked = groups.filter_map(|(group, moment)| {
        let schedule = moment.blocks_all.filter(|_| !is_paused(&group.name))?;
        Some(StillBlocked {
            group: group.name.clone(),
            schedule,
        })
    });
    blocked.collect()
}

/// Reads the pauses of earlier runs, for groups as they are called now.
pub async fn recall(store: &Store, household: &Household) -> Result<Pauses, StoreError> {
    store.connect().await?;
    household.recall_first().await?;
    let rows = store.read().await?.pauses().all().await?;
    let pauses = rows.iter().filter_map(|row| from_row(row, household));
    Ok(Pauses(pauses.collect()))
}

/// Puts these in the place of those that are in force.
async fn put(
    api: &Api,
    change: &mut Changing<'_>,
    pauses: &Pauses,
    now: Timestamp,
) -> Result<(), Problem> {
    let (before, now_ms) = (api.policy.pauses(), now.as_millisecond());
    for pause in &before.0 {
        let (key, is_running) = (to_row(api, pause).who, pause.until_ms > now_ms);
        if is_running && !pauses.0.iter().any(|one| one.who == pause.who) {
            change.take_out(Kind::Pause, &key).await?;
        } else if !is_running {
            // It ended by itself.
            change.let_end(Kind::Pause, &key).await?;
        }
    }
    for pause in pauses.running(now_ms) {
        if !before.0.contains(pause) {
            change.put(&Item::Pause(to_row(api, pause))).await?;
        }
    }
    Ok(())
}

fn whom(
    api: &Api,
    (device, group): (Option<&str>, Option<&str>),
) -> Result<Paused, (&'static str, String)> {
    match (device, group) {
        (Some(_), Some(_)) => Err(("group", "stands beside a device: one of both".to_owned())),
        (Some(id), None) => match who::by_id(&api.devices, id) {
            Some(device) => Ok(Paused::Device(device.id)),
            None => Err(("device", format!("there is no device `{id}`"))),
        },
        (None, Some(word)) => match api.household.group_called(word) {
            Some(name) => Ok(Paused::Group(name)),
            None => Err(("group", format!("there is no group `{word}`"))),
        },
        (None, None) => Ok(Paused::All),
    }
}

fn to_row(api: &Api, pause: &Pause) -> PauseRow {
    PauseRow {
        who: match &pause.who {
            Paused::All => "all".to_owned(),
            // Its id stays as it is when it gets another name.
            Paused::Group(name) => format!("group:{}", api.household.group_id(name)),
            Paused::Device(DeviceId(number)) => format!("device:{number}"),
        },
        until_ms: pause.until_ms,
    }
}

fn from_row(row: &PauseRow, household: &Household) -> Option<Pause> {
    let who = match row.who.split_once(':') {
        None if row.who == "all" => Paused::All,
        Some(("group", id)) => Paused::Group(household.group_called(id)?),
        Some(("device", number)) => Paused::Device(DeviceId(number.parse().ok()?)),
        _ => return None,
    };
    Some(Pause {
        who,
        until_ms: row.until_ms,
    })
}
