//! `DELETE devices/{id}/history`: forgetting all that was recorded of a device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::problem::{Problem, unkept};
use super::who;
use crate::journal::Erasure;
use crate::query::DeviceId;

/// Whether what was recorded, of a device or of all, is being deleted, and how far that is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct History {
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Parts of the journal that were gone through.
    pub done: u64,
    /// All its parts; 0 before it is known.
    pub total: u64,
}

impl History {
    fn of(api: &Api, id: DeviceId) -> Self {
        let mut erasures = api.journal.erasures().into_iter();
        Self::from(erasures.find(|erasure| erasure.device == id))
    }
}

impl From<Option<Erasure>> for History {
    fn from(erasure: Option<Erasure>) -> Self {
        Self {
            deleting: erasure.is_some(),
            done: erasure.map_or(0, |erasure| erasure.done),
            total: erasure.map_or(0, |erasure| erasure.total),
        }
    }
}

/// Delete the history of a device
///
/// Deletes every query that was recorded of it, and its part of all sums, for good. It goes on in
/// the background, also after a restart; what the device asks from now on is recorded. Its name
/// and addresses stay. Nodes that share a database all delete it, also those that are away now.
#[utoipa::path(
    delete, path = "/devices/{id}/history", tag = "devices",
    params(("id" = String, Path, description = "`d12`")),
    responses(
        (status = 202, body = History),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete_history(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<(StatusCode, Json<History>), Problem> {
    let device = who::by_id(&api.devices, &id)
        .ok_or_else(|| Problem::not_found(format!("there is no device `{id}`")))?;
    let now_ms = Timestamp::now().as_millisecond();
    let begun = api.journal.erase(device.id, now_ms).await;
    begun.map_err(|error| unkept(&error))?;
    Ok((StatusCode::ACCEPTED, Json(History::of(&api, device.id))))
}

/// How far the deletion is
///
/// Of what was recorded of a device.
#[utoipa::path(
    get, path = "/devices/{id}/history", tag = "devices",
    params(("id" = String, Path, description = "`d12`")),
    responses(
        (status = 200, body = History),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn history(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<Json<History>, Problem> {
    let device = who::by_id(&api.devices, &id)
        .ok_or_else(|| Problem::not_found(format!("there is no device `{id}`")))?;
    Ok(Json(History::of(&api, device.id)))
}
