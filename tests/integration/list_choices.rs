//! What people choose of lists, over a whole server: what becomes of a copy that looks wrong.

use hickory_proto::rr::RecordType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, told};
use crate::lists::server::Server;
use crate::stub::Stub;

const CONFIG: &str = "[lists]\nallow_private_sources = true\n";

const BLOCKED: &str = "0.0.0.0";
const THERE: &str = "192.0.2.99";

/// A server that has a list of this text from another.
async fn house(text: &str) -> (House, Server) {
    let lists = Server::start().await;
    lists.serve("/ads", text);
    let stub = Stub::with_address(THERE).await;
    (House::with(stub, CONFIG).await, lists)
}

async fn send(house: &House, method: Method, path: &str, body: Value) -> Value {
    let (status, said) = house.api(method, path, body).await;
    assert!((200..300).contains(&status), "{path}: {said}");
    said
}

async fn subscribe(house: &House, lists: &Server) {
    let source = lists.url("127.0.0.1", "/ads");
    let wish = json!({ "name": "ads", "source": source.as_str() });
    send(house, Method::POST, "lists", wish).await;
    until(house, |list| list["entries"] != 0).await;
}

/// Waits until the list is so, and nothing is being done to it.
async fn until(house: &House, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let (_, all) = house.api(Method::GET, "lists", Value::Null).await;
        let list = &all["lists"][0];
        if is_so(list) && all["update"]["running"] == false {
            return list.clone();
        }
        tokio::task::yield_now().await;
    }
}

async fn attention(house: &House) -> usize {
    let status = send(house, Method::GET, "status", Value::Null).await;
    status["problems"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_copy_that_was_discarded_asks_for_nobody_also_after_a_restart() {
    let good = "ads.example\ntrack.example\nmore.example\n";
    let (house, lists) = house(good).await;
    subscribe(&house, &lists).await;
    lists.serve("/ads", "<!DOCTYPE html><p>Sign in</p>");
    send(&house, Method::POST, "lists/ads/refresh", json!({})).await;
    until(&house, |list| list["state"] == "held").await;
    assert_eq!(attention(&house).await, 1);
    send(&house, Method::POST, "lists/ads/discard", json!({})).await;
    assert_eq!(attention(&house).await, 0);

    let house = house.restart(CONFIG).await;
    let since = |list: &Value| list["checked_at"].as_str().unwrap().to_owned();
    let before = since(&until(&house, |list| list["entries"] == 3).await);
    send(&house, Method::POST, "lists/ads/refresh", json!({})).await;
    let list = until(&house, |list| since(list) != before).await;
    assert_eq!(
        (&list["state"], &list["held"]),
        (&json!("good"), &Value::Null)
    );
    assert!(
        list["discarded"]["reason"]
            .as_str()
            .unwrap()
            .contains("a web page")
    );
    assert_eq!(attention(&house).await, 0);
    let answer = told(&house.ask("ads.example.", RecordType::A).await);
    assert_eq!(answer.1, [BLOCKED]);

    // What comes next is judged anew.
    lists.serve("/ads", "ads.example\nnew.example\n");
    send(&house, Method::POST, "lists/ads/refresh", json!({})).await;
    let list = until(&house, |list| list["entries"] == 2).await;
    assert_eq!(list["discarded"], Value::Null);
}
