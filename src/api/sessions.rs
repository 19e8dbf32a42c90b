//! `GET sessions`: who is signed in, and signing out there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::problem::Problem;
use super::range;
use crate::access::{By, Pass, SessionInfo};

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// All sessions, the one that was used last first.
    pub sessions: Vec<SessionItem>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionItem {
    /// Its id; it opens nothing.
    pub id: String,
    /// The browser and the system that it was opened with, as they say.
    pub name: String,
    /// The address that it was opened from.
    pub address: String,
    /// When it was opened.
    pub made_at: String,
    /// When it was used last.
    pub used_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Sessions
///
/// Who is signed in. A session ends when it was not used for 30 days.
#[utoipa::path(get, path = "/sessions", tag = "access", responses((status = 200, body = SessionList)))]
pub(super) async fn sessions(
    State(api): State<Arc<Api>>,
    Extension(pass): Extension<Pass>,
) -> Json<SessionList> {
    let own = own_id(&pass);
    let item = |session: SessionInfo| SessionItem {
        current: own == Some(&session.id),
        made_at: range::text(session.made_s.saturating_mul(1000)),
        used_at: range::text(session.used_s.saturating_mul(1000)),
        address: session.address.to_string(),
        id: session.id,
        name: session.name,
    };
    let sessions = api.access.sessions(Timestamp::now().as_second());
    Json(SessionList {
        sessions: sessions.into_iter().map(item).collect(),
    })
}

/// Sign out there
///
/// Ends one session.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "access",
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 204, description = "It has ended."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn end_session(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    match api.access.end_sessions(|session| session.id == id).await {
        0 => Err(Problem::not_found(format!("there is no session `{id}`"))),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Sign out everywhere else
///
/// Ends all sessions but the one that asks.
#[utoipa::path(
    delete, path = "/sessions", tag = "access",
    responses((status = 204, description = "They have ended."))
)]
pub(super) async fn end_sessions(
    State(api): State<Arc<Api>>,
    Extension(pass): Extension<Pass>,
) -> StatusCode {
    let own = own_id(&pass);
    let is_other = |session: &SessionInfo| own != Some(&session.id);
    api.access.end_sessions(is_other).await;
    StatusCode::NO_CONTENT
}

fn own_id(pass: &Pass) -> Option<&String> {
    match &pass.by {
        By::Session { id, .. } => Some(id),
        _ => None,
    }
}
