//! What a request asks for: its parameters, and the id in its path.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::problem::Problem;

/// Some of a request's parameters. One that is given more than once counts as a list with commas.
#[derive(Debug)]
pub(super) struct Asked<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = Map::new();
        for (name, value) in pairs(&parts.uri)? {
            if let Some(Value::String(list)) = values.get_mut(&name) {
                list.push(',');
                list.push_str(&value);
            } else {
                values.insert(name, Value::String(value));
            }
        }
        serde_json::from_value(Value::Object(values))
            .map(Self)
            .map_err(|error| unreadable(error.to_string()))
    }
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    Query::try_from_uri(uri)
        .map(|Query(pairs)| pairs)
        .map_err(|rejection| unreadable(rejection.body_text()))
}

fn unreadable(detail: String) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "the parameters cannot be read",
        detail,
    )
}

/// The id in the path.
#[derive(Debug)]
pub(super) struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(id)| Self(id))
            .map_err(|rejection| Problem::not_found(rejection.body_text()))
    }
}

/// The names of the parameters that each path takes, as described.
#[derive(Debug)]
pub(super) struct Parameters(HashMap<String, Vec<String>>);

impl Parameters {
    /// The parameters of a document.
    pub(super) fn of(document: &OpenApi) -> Self {
        let name = |parameter: &RefOr<Parameter>| match parameter {
            RefOr::T(one) if one.parameter_in == ParameterIn::Query => Some(one.name.clone()),
            _ => None,
        };
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let operations = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
            let operations = operations.into_iter().flatten();
            let described = operations.flat_map(|one| &one.parameters).flatten();
            (path.clone(), described.filter_map(name).collect())
        });
        Self(paths.collect())
    }

    fn check(&self, path: &str, uri: &Uri) -> Result<(), Problem> {
        let Some(known) = self.0.get(path) else {
            return Ok(());
        };
        let pairs = pairs(uri)?;
        let unknown = pairs.iter().find(|(name, _)| !known.contains(name));
        match unknown {
            None => Ok(()),
            Some((name, _)) if known.is_empty() => {
                Err(Problem::input(name, "no parameter is taken here"))
            }
            Some((name, _)) => Err(Problem::input(
                name,
                format!("no such parameter; there are: {}", known.join(", ")),
            )),
        }
    }
}

/// Refuses parameters that the path does not take: a filter with a typing error would else give
/// everything.
pub(super) async fn refuse_unknown(
    State(parameters): State<Arc<Parameters>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(path) = path {
        parameters.check(path.as_str(), request.uri())?;
    }
    Ok(next.run(request).await)
}
