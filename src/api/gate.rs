//! Who is let in: whatever is not public asks for a session or a token, unless the door is open.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::Api;
use super::agent;
use super::author::SessionName;
use super::problem::Problem;
use crate::access::{By, Credential, Door, Pass, Scope, Visitor};

/// The name of the cookie that a session is known by.
pub(super) const COOKIE: &str = "squelch_session";

/// The routes that everybody may use; all others are private. Pages and what they are made of hold
/// nothing of the home.
const PUBLIC: [&str; 6] = [
    "/healthz",
    "/assets/{*path}",
    "/api/docs",
    "/api/openapi.json",
    "/api/v1/session",
    "/api/v1/setup",
];

/// The routes that are not for tokens: who finds one must not make others of it.
const ACCESS: [&str; 5] = [
    "/api/v1/password",
    "/api/v1/sessions",
    "/api/v1/sessions/{id}",
    "/api/v1/tokens",
    "/api/v1/tokens/{id}",
];

/// A mark on requests that came encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

/// Whether everybody may use this route.
pub(super) fn is_public(path: &str) -> bool {
    PUBLIC.contains(&path)
}

/// Lets a request through, with what it was let in by, or answers it here.
pub(super) async fn admit(
    State(api): State<Arc<Api>>,
    path: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    api.access.look_first().await;
    let now_s = Timestamp::now().as_second();
    let pass = api.access.admit(&shown(request.headers()), now_s);
    let is_private = match &path {
        Some(path) => !is_public(path.as_str()),
        None => looks_private(request.uri().path()),
    };
    match pass {
        None if is_private => return refuse(api.access.door()),
        None => {}
        Some(pass) => {
            let path = path.as_ref().map_or("", MatchedPath::as_str);
            if let (Err(problem), true) = (may(&pass, path, &request), is_private) {
                return unstored(problem.into_response());
            }
            let extensions = request.extensions_mut();
            if let By::Session { name, .. } | By::Token { name, .. } = &pass.by {
                extensions.insert(SessionName(name.clone()));
            }
            extensions.insert(pass);
        }
    }
    next.run(request).await
}

/// Whether this is for whom it is asked by.
fn may(pass: &Pass, path: &str, request: &Request) -> Result<(), Problem> {
    let By::Token { scope, .. } = &pass.by else {
        return Ok(());
    };
    let refuse = |detail| Problem::new(StatusCode::FORBIDDEN, "not with this token", detail);
    if *scope == Scope::Read && !request.method().is_safe() {
        return Err(refuse("this token is only good to read"));
    }
    if ACCESS.contains(&path) {
        return Err(refuse("sign in: no token is good for this"));
    }
    Ok(())
}

fn refuse(door: Door) -> Response {
    let (status, title, detail) = match door {
        Door::SetUp => (
            StatusCode::UNAUTHORIZED,
            "no password is set yet",
            "open the dashboard, and set one with the code that the server's console shows",
        ),
        Door::Unknown => (
            StatusCode::SERVICE_UNAVAILABLE,
            "nobody can sign in now",
            "it cannot be read yet who may come in; try again",
        ),
        Door::Shut | Door::Open => (
            StatusCode::UNAUTHORIZED,
            "sign in first",
            "open the dashboard and sign in, or send a token: `Authorization: Bearer …`",
        ),
    };
    let mut response = Problem::new(status, title, detail).into_response();
    let (name, value) = match status {
        StatusCode::UNAUTHORIZED => (header::WWW_AUTHENTICATE, "Bearer realm=\"squelch\""),
        _ => (header::RETRY_AFTER, "2"),
    };
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    unstored(response)
}

fn unstored(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

/// What a request shows at the door.
fn shown(headers: &HeaderMap) -> Credential<'_> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        // Another scheme is for a proxy in front of us.
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    });
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';'));
    let ours = pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    Credential {
        bearer,
        sessions: ours.take(4).collect(),
    }
}

/// Whether a path that leads to no route is written like one that is private: nothing of ours takes
/// it for that, but a proxy in front of us may.
fn looks_private(path: &str) -> bool {
    let mut plain = path.to_owned();
    for _ in 0..3 {
        plain = decoded(&plain);
    }
    let plain = plain.to_ascii_lowercase();
    let mut parts = Vec::new();
    for part in plain.split(['/', '\\']) {
        match part.split(';').next().unwrap_or_default().trim() {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    matches!(parts.first(), Some(&("api" | "metrics")))
}

/// A text with its `%2e` resolved.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(hex.unwrap_or(first));
        rest = match hex {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Who is at the door, and how their request came.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub visitor: Visitor,
    /// Whether the browser speaks to us, or to a proxy in front of us, by https.
    pub is_encrypted: bool,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // What a proxy says of an address is not believed: anybody can say it.
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        let says = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let origin = says(header::ORIGIN).unwrap_or_default();
        Ok(Self {
            visitor: Visitor {
                address: address.to_canonical(),
                name: agent::name(says(header::USER_AGENT).unwrap_or_default()),
            },
            is_encrypted: parts.extensions.get::<Encrypted>().is_some()
                || origin.starts_with("https://"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_written_like_private_ones_are_private() {
        for path in [
            "/api",
            "/API/v1/status",
            "//api/v1/status",
            "/./api/v1/status",
            "/x/../api/v1/status",
            "/%61pi/v1/status",
            "/%2561pi/v1/status",
            "/%2e/api/v1/status",
            "/..;/api/v1/status",
            "/api;x/v1/status",
            "/\\api/v1/status",
            "/Metrics/",
        ] {
            assert!(looks_private(path), "{path}");
        }
        for path in [
            "/",
            "/devices/d1",
            "/apiary",
            "/log",
            "/lookup",
            "/%zz",
            "/%",
        ] {
            assert!(!looks_private(path), "{path}");
        }
    }

    #[test]
    fn a_request_may_show_a_token_or_cookies() {
        let mut headers = HeaderMap::new();
        assert!(shown(&headers).bearer.is_none());
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static("Basic eDp5"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; squelch_session=one; squelch_sessions=no"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("squelch_session=two"),
        );
        assert_eq!(shown(&headers).sessions, ["one", "two"]);
        assert_eq!(shown(&headers).bearer, None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer t"));
        assert_eq!(shown(&headers).bearer, Some("t"));
    }
}
