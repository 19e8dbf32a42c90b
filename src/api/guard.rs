//! What every answer of the web server carries, and which requests it takes.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Refuses requests that a foreign page sent, and adds the headers that keep pages apart.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = match check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page of another site may point its own name at us (DNS rebinding): then `Host` is that name.
/// We are asked by address or as localhost, because there is no other way in yet.
fn check(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let refuse = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, "not from here", detail));
    if text(header::HOST).is_some_and(|host| !is_ours(host)) {
        return refuse("open the dashboard by its address or as localhost");
    }
    let foreign = |origin: &str| {
        origin
            .split_once("://")
            .is_none_or(|(_, host)| !is_ours(host))
    };
    if text(header::ORIGIN).is_some_and(foreign) {
        return refuse("the request comes from another site's page");
    }
    // Another service of the home is reached by an address, too; browsers tell it from us (Fetch
    // Metadata). A link that leads to us is no harm.
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let is_foreign = matches!(site, Some("cross-site" | "same-site"));
    if is_foreign && !method.is_safe() {
        return refuse("the request comes from another site's page");
    }
    Ok(())
}

fn is_ours(host: &str) -> bool {
    let without_port = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(ip, _)| ip),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    without_port.eq_ignore_ascii_case("localhost") || without_port.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_ours_and_other_names_are_not() {
        for host in [
            "127.0.0.1:8053",
            "[::1]:8053",
            "localhost",
            "LOCALHOST:8053",
        ] {
            assert!(is_ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8053",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_ours(host), "{host}");
        }
    }
}
