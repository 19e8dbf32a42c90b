//! A config that is read again while the server runs.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header};
use serde_json::json;
use squelch::access;
use squelch::config::Password;
use tokio::time::timeout;

use crate::house::House;
use crate::stub::Stub;

fn hash(password: &str) -> String {
    access::make_hash(password).unwrap()
}

fn url(house: &House, path: &str) -> String {
    format!("http://{}{path}", house.app.web()[0])
}

async fn sign_in(house: &House, password: &str) -> Option<String> {
    let request = Client::new().post(url(house, "/api/v1/session"));
    let response = request.json(&json!({ "password": password })).send().await;
    let response = response.unwrap();
    let cookie = response.headers().get(header::SET_COOKIE)?;
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
    response.status().is_success().then(|| cookie.to_owned())
}

async fn devices(house: &House, cookie: &str) -> StatusCode {
    let request = Client::new().get(url(house, "/api/v1/devices"));
    let response = request.header(header::COOKIE, cookie).send().await;
    response.unwrap().status()
}

/// The log as it grows, for who shows nothing.
async fn stream(house: &House) -> Response {
    let request = Client::new().get(url(house, "/api/v1/queries/stream"));
    request.send().await.unwrap()
}

async fn page(house: &House, host: &str) -> StatusCode {
    let request = Client::new().get(url(house, "/"));
    let response = request.header(header::HOST, host).send().await;
    response.unwrap().status()
}

#[tokio::test]
async fn the_dashboards_names_and_password_are_taken_up() {
    let stub = Stub::with_address("192.0.2.99").await;
    let web = format!("[web]\npassword = \"{}\"", hash("the first password"));
    let house = House::with(stub, &web).await;
    let name = "dns.home.example";
    assert_eq!(page(&house, name).await, StatusCode::FORBIDDEN);
    let first = sign_in(&house, "the first password").await.unwrap();
    assert_eq!(devices(&house, &first).await, StatusCode::OK);

    // What has not changed ends no session.
    let mut config = house.config.clone();
    house.app.reload(&config).await;
    assert_eq!(devices(&house, &first).await, StatusCode::OK);
    config.web.names = vec![name.to_owned()];
    config.web.password = Some(Password::Hash(hash("the second password")));
    house.app.reload(&config).await;
    assert_eq!(page(&house, name).await, StatusCode::OK);
    assert_eq!(devices(&house, &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&house, "the first password").await, None);
    let second = sign_in(&house, "the second password").await.unwrap();
    assert_eq!(devices(&house, &second).await, StatusCode::OK);

    // Without a password only this machine reaches it, as before the first.
    config.web.password = None;
    config.web.names.clear();
    house.app.reload(&config).await;
    assert_eq!(devices(&house, "").await, StatusCode::OK);
    assert_eq!(page(&house, name).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_name_shuts_the_open_door_and_whoever_was_in_is_out() {
    let house = House::start().await;
    let mut open = stream(&house).await;
    assert_eq!(devices(&house, "").await, StatusCode::OK);

    let mut config = house.config.clone();
    config.web.names = vec!["dns.home.example".to_owned()];
    house.app.reload(&config).await;
    assert_eq!(devices(&house, "").await, StatusCode::UNAUTHORIZED);
    let ended = async { while let Ok(Some(_)) = open.chunk().await {} };
    timeout(Duration::from_secs(10), ended).await.unwrap();

    house.app.reload(&house.config).await;
    assert_eq!(devices(&house, "").await, StatusCode::OK);
    let mut open = stream(&house).await;
    let more = async { while let Ok(Some(_)) = open.chunk().await {} };
    assert!(timeout(Duration::from_millis(200), more).await.is_err());
}
