//! `DELETE journal`: emptying the whole journal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;

use super::Api;
use super::history::History;
use super::problem::{Problem, unkept};

/// Empty the journal
///
/// Deletes every query that was recorded, of whatever device, and all figures, for good. It goes on in
/// the background, also after a restart; what is asked from now on is recorded. What people set stays,
/// and so do the devices. Nodes that share a database all delete it, also those that are away now.
#[utoipa::path(
    delete, path = "/journal", tag = "queries",
    responses(
        (status = 202, body = History),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn empty_journal(
    State(api): State<Arc<Api>>,
) -> Result<(StatusCode, Json<History>), Problem> {
    let now_ms = Timestamp::now().as_millisecond();
    let begun = api.journal.erase_everything(now_ms).await;
    begun.map_err(|error| unkept(&error))?;
    tracing::info!("the whole journal is being deleted, as somebody asked for it");
    Ok((StatusCode::ACCEPTED, Json(state(&api))))
}

/// How far the emptying is
///
/// Of the whole journal.
#[utoipa::path(get, path = "/journal", tag = "queries", responses((status = 200, body = History)))]
pub(super) async fn emptying(State(api): State<Arc<Api>>) -> Json<History> {
    Json(state(&api))
}

fn state(api: &Api) -> History {
    History::from(api.journal.emptying())
}
