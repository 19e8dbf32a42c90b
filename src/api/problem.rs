//! What went wrong with a request, as RFC 9457 problem documents.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// RFC 9457 §4.2.1: there is no page on this kind of problem.
const NO_PAGE: &str = "about:blank";

/// An RFC 9457 problem document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the title and the detail say it all.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem, in words.
    pub title: String,
    /// This problem, in words.
    pub detail: String,
    /// Each wrong input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<InputError>,
}

/// One wrong input.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InputError {
    /// The parameter's name, or a JSON pointer into the body.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl Problem {
    /// The request has a wrong parameter.
    pub fn input(parameter: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            kind: NO_PAGE,
            status: StatusCode::BAD_REQUEST.as_u16(),
            title: "a parameter is wrong".to_owned(),
            detail: format!("`{parameter}`: {detail}"),
            errors: vec![InputError {
                pointer: parameter.to_owned(),
                detail,
            }],
        }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// What is kept cannot be read.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the database cannot be read",
            detail,
        )
    }

    /// Any other problem.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: NO_PAGE,
            status: status.as_u16(),
            title: title.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// What people set cannot be kept, and so is not in force.
pub(super) fn unkept(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "this cannot be kept",
        error.to_string(),
    )
}
