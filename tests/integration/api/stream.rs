//! `GET queries/stream`

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;

use super::{Desk, PHONE, TABLET, request};

/// A listener, and what it has heard but not looked at.
struct Ear {
    stream: BodyDataStream,
    heard: String,
}

/// One event.
#[derive(Debug)]
struct Heard {
    event: String,
    id: String,
    data: Value,
}

impl Ear {
    async fn at(desk: &Desk, request: Request<Body>) -> Self {
        let response = desk.send(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut ear = Self {
            stream: response.into_body().into_data_stream(),
            heard: String::new(),
        };
        // What follows is heard from the beginning.
        ear.listen().await.unwrap();
        ear
    }

    async fn listen(&mut self) -> Option<()> {
        let bytes = self.stream.next().await?.unwrap();
        self.heard += std::str::from_utf8(&bytes).unwrap();
        Some(())
    }

    /// The next event, within a second.
    async fn next(&mut self) -> Heard {
        let next = async {
            loop {
                let Some((block, rest)) = self.heard.split_once("\n\n") else {
                    self.listen().await.expect("the stream goes on");
                    continue;
                };
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.heard = rest;
                if block.contains("event: ") {
                    return block;
                }
            }
        };
        let block = timeout(Duration::from_secs(1), next)
            .await
            .expect("an event within a second");
        let field = |name: &str| {
            let mut lines = block.lines();
            let found = lines.find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().to_owned()
        };
        Heard {
            event: field("event: "),
            id: field("id: "),
            data: serde_json::from_str(&field("data: ")).unwrap(),
        }
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[tokio::test]
async fn each_query_is_heard_within_a_second() {
    let desk = Desk::new().await;
    let mut ear = Ear::at(&desk, request("/api/v1/queries/stream")).await;
    for name in [
        "metrics.acme.example.com",
        "www.home.example",
        "track.globex.example.net",
    ] {
        desk.ask(now(), PHONE, name);
        let heard = ear.next().await;
        assert_eq!(heard.event, "query");
        assert_eq!(heard.data["name"], name);
        assert_eq!(heard.data["id"], heard.id);
    }
    let rows = desk.json("queries").await;
    assert_eq!(rows["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_row_of_the_stream_is_the_row_of_the_journal() {
    let desk = Desk::new().await;
    let mut ear = Ear::at(&desk, request("/api/v1/queries/stream")).await;
    desk.ask(now(), TABLET, "metrics.acme.example.com");
    let heard = ear.next().await;
    assert_eq!(heard.data, desk.json("queries").await["items"][0]);
}

#[tokio::test]
async fn filters_hold_for_the_stream_too() {
    let desk = Desk::new().await;
    let path = "/api/v1/queries/stream?device=192.0.2.7&verdict=block&name=.acme.example.com";
    desk.ask(now(), TABLET, "www.home.example");
    let mut ear = Ear::at(&desk, request(path)).await;
    desk.ask(now(), PHONE, "metrics.acme.example.com");
    desk.ask(now(), TABLET, "track.globex.example.net");
    desk.ask(now(), TABLET, "metrics.acme.example.com");
    let heard = ear.next().await;
    assert_eq!(heard.data["device"]["name"], "Kids' tablet");
    assert_eq!(heard.data["name"], "metrics.acme.example.com");
}

#[tokio::test]
async fn who_comes_back_hears_what_was_missed_and_nothing_twice() {
    let desk = Desk::new().await;
    let mut ear = Ear::at(&desk, request("/api/v1/queries/stream")).await;
    desk.ask(now(), PHONE, "n0.home.example");
    let last = ear.next().await.id;
    drop(ear);
    for n in 1..4 {
        desk.ask(now(), PHONE, &format!("n{n}.home.example"));
    }
    let mut again = request("/api/v1/queries/stream");
    again
        .headers_mut()
        .insert("last-event-id", last.parse().unwrap());
    let mut ear = Ear::at(&desk, again).await;
    desk.ask(now(), PHONE, "n4.home.example");
    for n in 1..5 {
        assert_eq!(ear.next().await.data["name"], format!("n{n}.home.example"));
    }
}

#[tokio::test]
async fn a_listener_that_falls_behind_is_told() {
    let desk = Desk::new().await;
    let mut ear = Ear::at(&desk, request("/api/v1/queries/stream")).await;
    for n in 0..20_000 {
        desk.ask(now(), PHONE, &format!("n{}.home.example", n % 10));
    }
    // All of them are taken before anything is heard.
    desk.journal.flush().await;
    let heard = ear.next().await;
    assert_eq!(heard.event, "lost");
    assert!(heard.data["rows"].as_u64().unwrap() > 0);
    assert_eq!(ear.next().await.event, "query");
}

#[tokio::test]
async fn there_is_room_for_64_listeners() {
    let desk = Desk::new().await;
    let mut ears = Vec::new();
    for _ in 0..64 {
        ears.push(Ear::at(&desk, request("/api/v1/queries/stream")).await);
    }
    let problem = desk.problem("queries/stream").await;
    assert_eq!(problem["status"], 503);
    ears.pop();
    Ear::at(&desk, request("/api/v1/queries/stream")).await;
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let desk = Desk::new().await;
    let mut ear = Ear::at(&desk, request("/api/v1/queries/stream")).await;
    desk.stop.cancel();
    let ended = timeout(Duration::from_secs(1), ear.listen()).await;
    assert_eq!(ended.unwrap(), None);
}
