//! Devices by their DHCP leases, over a whole server.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::house::{House, question, told};
use crate::stub::Stub;

const TABLET: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));
const PATIENCE: Duration = Duration::from_secs(20);

async fn ask(house: &House, from: IpAddr) -> String {
    let query = question("game.example.", RecordType::A).to_vec().unwrap();
    let answer = house.send_bytes(from, &query).await;
    let (_, data) = told(&Message::from_vec(&answer).unwrap());
    data.join(" ")
}

/// The tablet, as the API tells of it.
async fn tablet(house: &House) -> Value {
    let (_, all) = house.api(Method::GET, "devices", Value::Null).await;
    let mut items = all["items"].as_array().unwrap().iter();
    let is_it = |one: &&Value| one["addresses"] == json!([TABLET.to_string()]);
    items.find(is_it).unwrap().clone()
}

/// Waits until the rule for the tablet counts.
async fn until_blocked(house: &House) {
    let blocked = async { while ask(house, TABLET).await != "0.0.0.0" {} };
    timeout(PATIENCE, blocked).await.unwrap();
}

#[tokio::test]
async fn a_device_is_called_as_its_lease_says_and_rules_for_it_follow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leases");
    let lease = |name: &str| format!("0 02:00:00:00:00:07 {TABLET} {name} *\n");
    fs::write(&file, lease("tablet")).unwrap();
    let config = format!("[local]\nleases = [\"{}\"]", file.display());
    let house = House::with(Stub::with_address("192.0.2.99").await, &config).await;
    assert_eq!(ask(&house, TABLET).await, "192.0.2.99");
    let device = tablet(&house).await;
    assert_eq!(
        [&device["name"], &device["named_by"], &device["mac"]],
        ["tablet", "lease", "02:00:00:00:00:07"]
    );
    let rule = json!({ "match": "||game.example^", "device": device["id"] });
    let (status, told) = house.api(Method::POST, "rules", rule).await;
    assert_eq!(status, 201, "{told}");
    assert_eq!(ask(&house, TABLET).await, "0.0.0.0");

    fs::write(&file, lease("pad")).unwrap();
    let renamed = async { while tablet(&house).await["name"] != "pad" {} };
    timeout(PATIENCE, renamed).await.unwrap();
    until_blocked(&house).await;
    assert_eq!(ask(&house, OTHER).await, "192.0.2.99");

    // The file is gone, and the name stays.
    let house = house.restart("").await;
    until_blocked(&house).await;
    let known = async { while tablet(&house).await["id"] != device["id"] {} };
    timeout(PATIENCE, known).await.unwrap();
    let device = tablet(&house).await;
    assert_eq!([&device["name"], &device["named_by"]], ["pad", "lease"]);
}
