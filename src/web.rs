//! Serves the dashboard, whose built files are part of the binary.
//!
//! Files below `/assets/` have their hash in the name and are kept for ever by browsers; every
//! other path is the one page, which finds its way itself.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$EMBEDDED_WEB");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; \
    require-trusted-types-for 'script'";

/// The dashboard's routes: every path that the API does not take.
pub fn router() -> Router {
    Router::new()
        .route("/assets/{*path}", get(asset))
        .fallback(get(page))
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match file(&format!("assets/{path}"), &headers) {
        Some(mut response) => {
            let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, forever);
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn page(uri: axum::http::Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let wanted = uri.path().trim_start_matches('/');
    // Files beside the page, such as its icon, have a dot in their name.
    let found = if wanted.contains('.') {
        file(wanted, &headers)
    } else {
        file("index.html", &headers)
    };
    let mut response = match found {
        Some(response) => response,
        None if FILES.get_file("index.html").is_none() => Html(NOT_BUILT).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

const NOT_BUILT: &str = "<!doctype html><html lang=en><title>Squelch</title>\
    <h1>The dashboard is not built</h1><p>This program was built without it: <code>make build</code> \
    builds both. The API is at <a href=\"/api/docs\">/api/docs</a>.";

/// A file of the dashboard, compressed where the browser takes it.
fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let accepts = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let gzip = accepts.is_some_and(|text| {
        text.split(',')
            .any(|coding| coding.trim().starts_with("gzip"))
    });
    let packed = gzip.then(|| FILES.get_file(format!("{path}.gz"))).flatten();
    let plain = FILES.get_file(path)?;
    let mut response = packed.unwrap_or(plain).contents().into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(path)),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
