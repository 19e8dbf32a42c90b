//! `cache`: what is held, and forgetting it.

use std::sync::Arc;

use axum::http::StatusCode;
use squelch::cache::Cache;
use squelch::query::{Query, RecordType};
use tokio::time::Instant;

use super::Desk;

/// An API over a cache that holds an address for each of these names.
async fn desk(names: &[&str]) -> (Desk, Arc<Cache>) {
    let mut cache = None;
    let desk = Desk::with("", |parts| cache = Some(Arc::clone(&parts.cache))).await;
    let cache = cache.unwrap();
    for name in names {
        let query = Query::internal(name.parse().unwrap(), RecordType::A);
        let mut message = vec![0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        message.extend_from_slice(query.name.as_wire());
        message.extend_from_slice(&[0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4]);
        message.extend_from_slice(&[192, 0, 2, 1]);
        cache.put(&query, message, Instant::now()).unwrap();
    }
    (desk, cache)
}

#[tokio::test]
async fn the_cache_tells_what_it_holds() {
    let (desk, _) = desk(&["home.example", "www.home.example"]).await;
    let told = desk.get("/api/v1/cache").await.json();
    assert_eq!(told["entries"], 2);
    assert_eq!(told["max_entries"], 100_000);
    assert_eq!(told["max_bytes"], 64_000_000);
    assert!(told["bytes"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn one_name_or_everything_is_forgotten() {
    let (desk, cache) = desk(&["home.example", "www.home.example", "a.example"]).await;
    let answer = desk.delete("/api/v1/cache/WWW.home.example").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(cache.stats().entries, 2);
    let answer = desk.delete("/api/v1/cache").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test]
async fn what_is_no_name_is_refused_with_the_reason() {
    let (desk, cache) = desk(&["home.example"]).await;
    let answer = desk.delete("/api/v1/cache/a..b").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("a label is empty"), "{}", answer.text);
    assert_eq!(cache.stats().entries, 1);
}
