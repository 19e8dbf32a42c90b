//! Groups that are set while running, with upstream servers of their own.

use hickory_proto::rr::RecordType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, told};
use crate::stub::Stub;

async fn address(house: &House) -> String {
    let (_, data) = told(&house.ask("news.example.", RecordType::A).await);
    data.join(" ")
}

async fn upstreams(house: &House) -> Vec<String> {
    let (_, told) = house.api(Method::GET, "upstreams", Value::Null).await;
    let all = told["upstreams"].as_array().unwrap().iter();
    all.map(|one| one["server"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_group_asks_upstreams_that_are_set_while_running_at_once_and_after_a_restart() {
    let [family, other] = [
        Stub::with_address("192.0.2.66").await,
        Stub::with_address("192.0.2.67").await,
    ];
    let house = House::with(Stub::with_address("192.0.2.99").await, "").await;
    let usual = house.stub.url("udp");
    assert_eq!(address(&house).await, "192.0.2.99");
    let wish = json!({ "name": "family", "for_unknown": true, "upstream": [family.url("udp")] });
    let (status, group) = house.api(Method::POST, "groups", wish).await;
    assert_eq!(status, 201, "{group}");
    assert_eq!(group["upstream"], json!([family.url("udp")]));
    // What is held for others, or for the servers of before, is not for it.
    assert_eq!(address(&house).await, "192.0.2.66");
    let wish = json!({ "upstream": [other.url("udp"), family.url("tcp")] });
    let (status, _) = house.api(Method::PATCH, "groups/family", wish).await;
    assert_eq!(status, 200);
    assert_eq!(address(&house).await, "192.0.2.67");
    let asked = [usual.clone(), other.url("udp"), family.url("tcp")];
    assert_eq!(upstreams(&house).await, asked);

    let house = house.restart("").await;
    assert_eq!(address(&house).await, "192.0.2.67");
    let (_, changes) = house.api(Method::GET, "changes", Value::Null).await;
    let id = changes["items"][0]["id"].as_str().unwrap();
    let path = format!("changes/{id}/undo");
    let (status, undone) = house.api(Method::POST, &path, json!({})).await;
    assert_eq!(status, 200, "{undone}");
    assert_eq!(address(&house).await, "192.0.2.66");
    let wish = json!({ "upstream": null });
    let (status, _) = house.api(Method::PATCH, "groups/family", wish).await;
    assert_eq!(status, 200);
    assert_eq!(address(&house).await, "192.0.2.99");
    assert_eq!(upstreams(&house).await, [usual]);
}

#[tokio::test]
async fn upstreams_of_a_group_are_checked_as_in_the_config() {
    let stub = Stub::with_address("192.0.2.99").await;
    let house = House::with(stub, "").await;
    let wish = json!({ "name": "family", "upstream": ["udp://192.0.2.1", "192.0.2.1"] });
    let (status, problem) = house.api(Method::POST, "groups", wish).await;
    assert_eq!(status, 422);
    assert_eq!(problem["errors"][0]["pointer"], "/upstream/1");
    let told = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(told.contains("no scheme"), "{told}");
}

#[tokio::test]
async fn a_server_with_a_name_needs_somebody_to_look_it_up() {
    let stub = Stub::with_address("192.0.2.99").await;
    let house = House::with_bootstrap(stub, "[]").await;
    let server = "https://family.example/dns-query";
    let wish = json!({ "name": "family", "upstream": [server] });
    let (status, problem) = house.api(Method::POST, "groups", wish).await;
    assert_eq!(status, 422);
    assert_eq!(problem["errors"][0]["pointer"], "/upstream");
    let told = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(
        told.contains(server) && told.contains("bootstrap"),
        "{told}"
    );
}
