//! What people choose of lists, over a whole server: what becomes of a copy that looks wrong, and for
//! which groups a list counts.

use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, extended_error, question, told};
use crate::lists::server::Server;
use crate::stub::Stub;

const CONFIG: &str = "[lists]\nallow_private_sources = true\n";

const BLOCKED: &str = "0.0.0.0";
const THERE: &str = "192.0.2.99";

/// A device at another address of the loopback network, which is in the group `kids`.
const TABLET: &str = "127.0.0.7";
const KIDS: &str = "[[group]]\nname = \"kids\"\n\
    [[device]]\nname = \"tablet\"\nmatch = [\"127.0.0.7\"]\ngroup = \"kids\"\n";

/// A server that has a list of this text from another.
async fn house(config: &str, text: &str) -> (House, Server) {
    let lists = Server::start().await;
    lists.serve("/ads", text);
    let stub = Stub::with_address(THERE).await;
    (House::with(stub, config).await, lists)
}

async fn send(house: &House, method: Method, path: &str, body: Value) -> Value {
    let (status, said) = house.api(method, path, body).await;
    assert!((200..300).contains(&status), "{path}: {said}");
    said
}

async fn subscribe(house: &House, lists: &Server, mut wish: Value) {
    wish["name"] = json!("ads");
    wish["source"] = json!(lists.url("127.0.0.1", "/ads").as_str());
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

async fn answer(house: &House, from: &str, name: &str) -> Message {
    let from: IpAddr = from.parse().unwrap();
    let asked = question(name, RecordType::A).to_vec().unwrap();
    Message::from_vec(&house.send_bytes(from, &asked).await).unwrap()
}

async fn address(house: &House, from: &str, name: &str) -> String {
    told(&answer(house, from, name).await).1.join(" ")
}

/// What this server and the tablet are told of the list's name.
async fn both(house: &House) -> [String; 2] {
    let name = "ads.example.";
    [
        address(house, "127.0.0.1", name).await,
        address(house, TABLET, name).await,
    ]
}

/// Takes back the newest change.
async fn undo(house: &House) {
    let changes = send(house, Method::GET, "changes", Value::Null).await;
    let id = changes["items"][0]["id"].as_str().unwrap();
    send(
        house,
        Method::POST,
        &format!("changes/{id}/undo"),
        json!({}),
    )
    .await;
}

async fn attention(house: &House) -> usize {
    let status = send(house, Method::GET, "status", Value::Null).await;
    status["problems"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_copy_that_was_discarded_asks_for_nobody_also_after_a_restart() {
    let good = "ads.example\ntrack.example\nmore.example\n";
    let (house, lists) = house(CONFIG, good).await;
    subscribe(&house, &lists, json!({})).await;
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
    assert_eq!(address(&house, "127.0.0.1", "ads.example.").await, BLOCKED);

    // What comes next is judged anew.
    lists.serve("/ads", "ads.example\nnew.example\n");
    send(&house, Method::POST, "lists/ads/refresh", json!({})).await;
    let list = until(&house, |list| list["entries"] == 2).await;
    assert_eq!(list["discarded"], Value::Null);
}

#[tokio::test]
async fn a_list_counts_for_the_groups_that_are_chosen_at_once_and_after_a_restart() {
    let config = [CONFIG, KIDS].concat();
    let (house, lists) = house(&config, "ads.example\n").await;
    subscribe(&house, &lists, json!({ "groups": ["kids"] })).await;
    assert_eq!(both(&house).await, [THERE, BLOCKED]);
    // It is the group's policy then, and told as such.
    let told = extended_error(&answer(&house, TABLET, "ads.example.").await);
    assert_eq!(told.unwrap().0, 17);
    let everybody = json!({ "groups": null });
    send(&house, Method::PATCH, "lists/ads", everybody).await;
    assert_eq!(both(&house).await, [BLOCKED, BLOCKED]);
    send(
        &house,
        Method::PATCH,
        "lists/ads",
        json!({ "groups": ["default"] }),
    )
    .await;
    assert_eq!(both(&house).await, [BLOCKED, THERE]);

    let house = house.restart(&config).await;
    assert_eq!(both(&house).await, [BLOCKED, THERE]);
    undo(&house).await;
    assert_eq!(both(&house).await, [BLOCKED, BLOCKED]);
}
