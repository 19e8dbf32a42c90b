//! What every answer carries, and what is refused.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use super::{Answer, Desk, request};

#[tokio::test]
async fn every_answer_keeps_other_pages_out() {
    let desk = Desk::new().await;
    let paths = [
        "/api/v1/status",
        "/api/v1/nothing",
        "/api/v1/queries?limit=x",
        "/api/docs",
        "/healthz",
        "/",
    ];
    for path in paths {
        let headers = desk.get(path).await.headers;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
        if path.starts_with("/api") {
            assert_eq!(headers["cache-control"], "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_everywhere() {
    let desk = Desk::new().await;
    for path in ["/api/v1/status", "/api/v1/queries/stream", "/metrics", "/"] {
        for (header, value) in [
            ("host", "evil.example"),
            ("host", "192.0.2.1.evil.example:8053"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let mut request = request(path);
            request.headers_mut().insert(header, value.parse().unwrap());
            let answer = Answer::of(desk.send(request).await).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {value}");
            assert_eq!(answer.json()["status"], 403);
        }
    }
}

#[tokio::test]
async fn a_change_that_another_page_sends_is_refused_and_our_own_is_done() {
    let desk = Desk::new().await;
    for (site, expected) in [
        ("cross-site", StatusCode::FORBIDDEN),
        ("same-site", StatusCode::FORBIDDEN),
        ("same-origin", StatusCode::OK),
        ("none", StatusCode::OK),
    ] {
        let request = Request::delete("/api/v1/pause")
            .header("host", "127.0.0.1:8053")
            .header("sec-fetch-site", site);
        let answer = desk.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), expected, "{site}");
    }
    // A link on another site's page opens the dashboard.
    let mut link = request("/");
    let cross = "cross-site".parse().unwrap();
    link.headers_mut().insert("sec-fetch-site", cross);
    assert_eq!(desk.send(link).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_other_paths_are_the_dashboard() {
    let desk = Desk::new().await;
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v2/status",
        "/api/v1/queries/1",
    ] {
        let answer = desk.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(answer.json()["detail"].as_str().unwrap().contains(path));
    }
    for path in ["/", "/devices/d1", "/apiary"] {
        assert_eq!(desk.get(path).await.text, "the dashboard");
    }
}

#[tokio::test]
async fn another_method_is_a_problem_that_says_what_is_allowed() {
    let desk = Desk::new().await;
    for path in [
        "/api/v1/status",
        "/api/v1/queries",
        "/healthz",
        "/api/openapi.json",
    ] {
        for method in [Method::POST, Method::DELETE, Method::PUT] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "localhost")
                .body(Body::empty());
            let answer = Answer::of(desk.send(request.unwrap()).await).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(answer.headers["allow"], "GET,HEAD");
            assert_eq!(answer.json()["status"], 405);
        }
    }
}
