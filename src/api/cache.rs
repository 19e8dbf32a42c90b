//! `GET cache`, `DELETE cache`: what is held, and forgetting it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Api;
use super::asked::Id;
use super::problem::Problem;
use crate::cache::CacheStats;
use crate::query::Name;

/// Cache
///
/// How many answers are held, how much room they take, and how often they helped.
#[utoipa::path(
    get, path = "/cache", tag = "cache",
    responses((status = 200, body = CacheStats))
)]
pub(super) async fn cache(State(api): State<Arc<Api>>) -> Json<CacheStats> {
    Json(api.cache.stats())
}

/// Clear the cache
///
/// Forgets all answers; each name is asked for again.
#[utoipa::path(
    delete, path = "/cache", tag = "cache",
    responses((status = 204))
)]
pub(super) async fn clear_cache(State(api): State<Arc<Api>>) -> StatusCode {
    api.cache.clear();
    StatusCode::NO_CONTENT
}

/// Clear one name
///
/// Forgets the answers for one name, whatever their type, and those which say that a name above it
/// does not exist.
#[utoipa::path(
    delete, path = "/cache/{name}", tag = "cache",
    params(("name" = String, Path, description = "The name, such as `www.home.example`.")),
    responses(
        (status = 204),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn clear_name(
    State(api): State<Arc<Api>>,
    Id(name): Id,
) -> Result<StatusCode, Problem> {
    let name: Name = name
        .parse()
        .map_err(|error| Problem::input("name", format!("this is no domain name: {error}")))?;
    api.cache.clear_name(&name.to_lowercase());
    Ok(StatusCode::NO_CONTENT)
}
