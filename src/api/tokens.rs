//! `POST tokens`: by which programs may use this API.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::body::Body;
use super::problem::Problem;
use super::range;
use super::session::Refused;
use crate::access::{Scope, TokenInfo};

const LONGEST_NAME: usize = 60;

/// By which programs may use this API.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    /// All tokens, the newest first.
    pub tokens: Vec<TokenItem>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenItem {
    /// Its id; it opens nothing.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is good for: `read`, or `full` to read and to change.
    pub scope: String,
    /// When it was made.
    pub made_at: String,
    /// When it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
}

/// A token that was made just now.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewToken {
    /// What it is.
    #[serde(flatten)]
    pub item: TokenItem,
    /// The token itself; it is told this once.
    pub token: String,
}

/// A token that people want.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct TokenWish {
    /// What to call it, such as the program that gets it.
    name: String,
    /// `read`, or `full`.
    scope: String,
}

/// Tokens
///
/// By which programs may use this API: `Authorization: Bearer …`.
#[utoipa::path(get, path = "/tokens", tag = "access", responses((status = 200, body = TokenList)))]
pub(super) async fn tokens(State(api): State<Arc<Api>>) -> Json<TokenList> {
    Json(TokenList {
        tokens: api.access.tokens().into_iter().map(item).collect(),
    })
}

/// Make a token
///
/// It is told this once, and kept as a hash only. No token is good for passwords, sessions and tokens.
#[utoipa::path(
    post, path = "/tokens", tag = "access", request_body = TokenWish,
    responses(
        (status = 201, body = NewToken),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn make_token(
    State(api): State<Arc<Api>>,
    mut body: Body,
) -> Result<(StatusCode, Json<NewToken>), Refused> {
    let name = body.required("name", read_name);
    let scope = body.required("scope", |word| {
        Scope::from_word(word).ok_or_else(|| "write \"read\" or \"full\"".to_owned())
    });
    body.finish()?;
    // Both are there, or the body is wrong.
    let (name, scope) = (name.unwrap_or_default(), scope.unwrap_or(Scope::Read));
    let now_s = Timestamp::now().as_second();
    let (token, info) = api.access.make_token(&name, scope, now_s).await?;
    let made = NewToken {
        item: item(info),
        token,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Revoke a token
///
/// It lets in no longer, and its streams end.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "access",
    params(("id" = String, Path, description = "The token's id")),
    responses(
        (status = 204, description = "It is revoked."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke_token(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<StatusCode, Refused> {
    if api.access.revoke_token(&id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("there is no token `{id}`")).into())
}

fn read_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_fine = !text.is_empty() && text.chars().count() <= LONGEST_NAME;
    if is_fine && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "write what to call it, in at most {LONGEST_NAME} characters"
    ))
}

fn item(info: TokenInfo) -> TokenItem {
    let time = |seconds: i64| range::text(seconds.saturating_mul(1000));
    TokenItem {
        scope: info.scope.as_str().to_owned(),
        made_at: time(info.made_s),
        used_at: info.used_s.map(time),
        id: info.id,
        name: info.name,
    }
}
