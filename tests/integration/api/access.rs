//! Who is let in: the password, sessions, tokens, the first password, and those who guess.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use squelch::access::make_hash;
use squelch::api;
use squelch::store::{PasswordRow, PasswordSource, Store};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{Answer, Desk, PHONE, TABLET};

const PASSWORD: &str = "correct horse";

static HASH: LazyLock<String> = LazyLock::new(|| make_hash(PASSWORD).unwrap());

/// What everybody may ask for.
const PUBLIC: [&str; 3] = ["/healthz", "/api/v1/session", "/api/v1/setup"];

/// Somebody who asks, with what they were given.
struct Guest<'a> {
    desk: &'a Desk,
    from: &'a str,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Guest<'a> {
    fn of(desk: &'a Desk) -> Self {
        Self::from(desk, PHONE)
    }

    fn from(desk: &'a Desk, from: &'a str) -> Self {
        let headers = Vec::new();
        Self {
            desk,
            from,
            headers,
        }
    }

    fn with(desk: &'a Desk, name: &'static str, value: &str) -> Self {
        let headers = vec![(name, value.to_owned())];
        Self {
            headers,
            ..Self::of(desk)
        }
    }

    fn request(&self, method: &str, path: &str) -> Builder {
        let address: SocketAddr = format!("{}:50000", self.from).parse().unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "192.0.2.1:8053")
            .header("content-type", "application/json")
            .extension(ConnectInfo(address));
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| {
            request.header(*name, value)
        })
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path);
        let request = request.body(Body::from(body.to_string())).unwrap();
        Answer::of(self.desk.send(request).await).await
    }

    async fn get(&self, resource: &str) -> Answer {
        let path = format!("/api/v1/{resource}");
        self.ask("GET", &path, Value::Null).await
    }

    async fn status(&self, resource: &str) -> StatusCode {
        self.get(resource).await.status
    }

    async fn sign_in(&self, password: &str) -> Answer {
        let body = json!({ "password": password });
        self.ask("POST", "/api/v1/session", body).await
    }

    /// One who has signed in.
    async fn signed_in(desk: &'a Desk) -> Self {
        let answer = Self::of(desk).sign_in(PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        Self::with(desk, "cookie", &cookie(&answer))
    }

    /// A program with a new token.
    async fn token(&self, scope: &str) -> (String, String) {
        let body = json!({ "name": "home-assistant", "scope": scope });
        let made = self.ask("POST", "/api/v1/tokens", body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let text = |member: &str| made.json()[member].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }
}

/// What a browser sends back.
fn cookie(answer: &Answer) -> String {
    let set = answer.headers["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn locked() -> String {
    format!("[web]\npassword = \"{}\"\n", *HASH)
}

async fn shut() -> Desk {
    Desk::with(&locked(), |_| {}).await
}

/// A config whose data outlives the desk.
fn at(folder: &TempDir, web: &str) -> String {
    format!("data_dir = \"{}\"\n{web}", folder.path().display())
}

async fn store(folder: &Path) -> Store {
    Store::open(folder).await.unwrap()
}

/// Every method of every path that is described, with made-up ids.
fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(api::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let path = path.replace("{id}", "x").replace("{name}", "x.example");
        assert!(!path.contains('{'), "{path}");
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    all.collect()
}

#[tokio::test]
async fn without_a_session_every_private_route_is_shut_and_with_one_it_is_not() {
    let desk = shut().await;
    let (stranger, owner) = (Guest::of(&desk), Guest::signed_in(&desk).await);
    let mut private = 0;
    for (method, path) in operations() {
        let answer = stranger.request(&method, &path).body(Body::from("{}"));
        let answer = desk.send(answer.unwrap()).await;
        let is_public = PUBLIC.contains(&path.as_str());
        assert_eq!(
            answer.status() == StatusCode::UNAUTHORIZED,
            !is_public,
            "{method} {path}"
        );
        if is_public {
            continue;
        }
        private += 1;
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert!(answer.headers().contains_key("www-authenticate"));
        let request = owner.request(&method, &path).body(Body::from("{}"));
        let status = desk.send(request.unwrap()).await.status();
        let is_in = ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        assert!(is_in, "{method} {path}: {status}");
    }
    assert!(private > 40, "{private}");
}

#[tokio::test]
async fn no_trick_with_path_or_method_skips_the_door() {
    let desk = shut().await;
    desk.ask(super::START, TABLET, "metrics.acme.example.com");
    let private = [
        "//api/v1/queries",
        "/API/v1/queries",
        "/api/v1/queries/",
        "/api/v1//queries",
        "/api/v1/./queries",
        "/api/v1/x/../queries",
        "/api/v1/session/../queries",
        "/healthz/../api/v1/queries",
        "/%61pi/v1/queries",
        "/api/v1/%71ueries",
        "/%2e/api/v1/queries",
        "/api/v1/queries;.css",
        "/api/v1/queries%00",
        "/api/v1/queries?/healthz",
        "/assets/../api/v1/queries",
        "/assets/..%2fapi/v1/queries",
        "/metrics/",
        "/Metrics",
        "/api/v2/queries",
    ];
    let stranger = Guest::of(&desk);
    for path in private {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "PROPFIND"] {
            let answer = stranger.ask(method, path, Value::Null).await;
            // Files of the dashboard are everybody's, and there is no such file.
            let is_file = path.starts_with("/assets/") && answer.text == "the dashboard";
            let is_refused = answer.status == StatusCode::UNAUTHORIZED || is_file;
            assert!(is_refused, "{method} {path}: {}", answer.status);
            assert!(!answer.text.contains("acme"), "{}", answer.text);
        }
    }
    for (name, value) in [
        ("x-http-method-override", "GET"),
        ("x-original-url", "/healthz"),
        ("x-rewrite-url", "/healthz"),
        ("x-forwarded-for", "127.0.0.1"),
        ("authorization", "Bearer "),
        ("authorization", "Basic YWRtaW46YWRtaW4="),
        ("cookie", "squelch_session="),
        ("cookie", "squelch_session=x; squelch_session=y"),
    ] {
        let guest = Guest::with(&desk, name, value);
        assert_eq!(guest.status("queries").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        stranger.ask("GET", "/log", Value::Null).await.text,
        "the dashboard"
    );
}

#[tokio::test]
async fn the_cookie_is_for_this_site_and_no_script() {
    let desk = shut().await;
    let plain = Guest::of(&desk).sign_in(PASSWORD).await;
    let set = plain.headers["set-cookie"].to_str().unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"));
    assert_eq!(plain.json()["door"], "shut");
    assert_eq!(plain.json()["signed_in"], true);
    let secret = cookie(&plain);
    assert!(secret.len() > 40 && !plain.text.contains(&secret[16..]));
    let encrypted = Guest::with(&desk, "origin", "https://192.0.2.1:8053");
    let encrypted = encrypted.sign_in(PASSWORD).await;
    let set = encrypted.headers["set-cookie"].to_str().unwrap();
    assert!(set.ends_with("; Secure"), "{set}");
    assert_ne!(secret, cookie(&encrypted));
}

#[tokio::test]
async fn a_cookie_from_before_is_never_the_session() {
    let desk = shut().await;
    let chosen = "squelch_session=chosen-by-a-stranger-chosen-by-a-stranger";
    let victim = Guest::with(&desk, "cookie", chosen);
    let first = victim.sign_in(PASSWORD).await;
    assert_ne!(cookie(&first), chosen);
    assert_eq!(victim.status("queries").await, StatusCode::UNAUTHORIZED);
    // Nor is the session of before the login.
    let before = Guest::with(&desk, "cookie", &cookie(&first));
    assert_eq!(before.status("queries").await, StatusCode::OK);
    let second = before.sign_in(PASSWORD).await;
    assert_eq!(before.status("queries").await, StatusCode::UNAUTHORIZED);
    let now = Guest::with(&desk, "cookie", &cookie(&second));
    assert_eq!(now.status("queries").await, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_and_its_stream() {
    let desk = shut().await;
    let owner = Guest::signed_in(&desk).await;
    let request = owner.request("GET", "/api/v1/queries/stream");
    let response = desk.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut stream = response.into_body().into_data_stream();
    stream.next().await.unwrap().unwrap();
    let out = owner.ask("DELETE", "/api/v1/session", Value::Null).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(
        out.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(owner.status("queries").await, StatusCode::UNAUTHORIZED);
    let end = timeout(Duration::from_secs(1), stream.next()).await;
    assert!(end.unwrap().is_none());
}

#[tokio::test]
async fn who_guesses_is_told_how_often_and_then_has_to_wait() {
    let desk = shut().await;
    let stranger = Guest::of(&desk);
    for words in ["4 tries left", "3 tries", "2 tries", "1 try left", "no try"] {
        let answer = stranger.sign_in("wrong").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("wrong password, ") && detail.contains(words),
            "{detail}"
        );
    }
    let forwarded = Guest::with(&desk, "x-forwarded-for", "198.51.100.9");
    for (guest, password) in [
        (&stranger, "wrong"),
        (&stranger, PASSWORD),
        (&forwarded, PASSWORD),
    ] {
        let answer = guest.sign_in(password).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = answer.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=60).contains(&seconds));
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let elsewhere = Guest::from(&desk, TABLET);
    assert_eq!(elsewhere.sign_in(PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn guesses_at_the_same_time_are_counted_each() {
    let desk = shut().await;
    let stranger = Guest::of(&desk);
    let tries = (0..20).map(|_| stranger.sign_in("wrong"));
    let answers = futures_util::future::join_all(tries).await;
    let looked_at = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::UNAUTHORIZED);
    assert_eq!(looked_at.count(), 5);
}

#[tokio::test]
async fn changes_are_taken_from_our_own_pages_only() {
    let desk = Desk::with(
        &format!("{}names = \"dns.home.example\"\n", locked()),
        |_| {},
    )
    .await;
    let mut owner = Guest::signed_in(&desk).await;
    let own = owner.headers.clone();
    for (origin, expected) in [
        ("http://192.0.2.1:8053", StatusCode::OK),
        ("https://dns.home.example", StatusCode::OK),
        ("http://192.0.2.1:8080", StatusCode::FORBIDDEN),
        ("http://192.0.2.9:8053", StatusCode::FORBIDDEN),
        ("http://localhost:8053", StatusCode::FORBIDDEN),
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
    ] {
        owner.headers = own.clone();
        owner.headers.push(("origin", origin.to_owned()));
        let answer = owner.ask("DELETE", "/api/v1/pause", Value::Null).await;
        assert_eq!(answer.status, expected, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    // A form cannot send JSON.
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
    ] {
        let request = Request::put("/api/v1/pause")
            .header("host", "192.0.2.1:8053")
            .header("cookie", &own[0].1)
            .header("content-type", kind)
            .body(Body::from("{\"for\": \"1h\"}"));
        let status = desk.send(request.unwrap()).await.status();
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_gets_nothing_even_with_a_session() {
    let desk = Desk::with(
        &format!("{}names = \"dns.home.example\"\n", locked()),
        |_| {},
    )
    .await;
    let session = Guest::signed_in(&desk).await.headers[0].1.clone();
    for (host, expected) in [
        ("dns.home.example", StatusCode::OK),
        ("DNS.home.example:8053", StatusCode::OK),
        ("evil.example", StatusCode::FORBIDDEN),
        ("dns.home.example.evil.example", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/api/v1/queries")
            .header("host", host)
            .header("cookie", &session);
        let answer = desk.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), expected, "{host}");
    }
    for (host, uri) in [
        ("192.0.2.1:8053", "http://evil.example/api/v1/queries"),
        ("evil.example", "http://192.0.2.1:8053/api/v1/queries"),
    ] {
        let request = Request::get(uri)
            .header("host", host)
            .header("cookie", &session);
        let answer = desk.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{host} {uri}");
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_scope_until_it_is_revoked() {
    let desk = shut().await;
    let owner = Guest::signed_in(&desk).await;
    let (read_id, read) = owner.token("read").await;
    let (_, full) = owner.token("full").await;
    let reader = Guest::with(&desk, "authorization", &format!("Bearer {read}"));
    let writer = Guest::with(&desk, "authorization", &format!("bearer {full}"));
    for program in [&reader, &writer] {
        assert_eq!(program.status("queries").await, StatusCode::OK);
        let metrics = program.ask("GET", "/metrics", Value::Null).await;
        assert_eq!(metrics.status, StatusCode::OK);
        for resource in ["tokens", "sessions"] {
            assert_eq!(program.status(resource).await, StatusCode::FORBIDDEN);
        }
        let body = json!({ "password": "another password" });
        let changed = program.ask("PUT", "/api/v1/password", body).await;
        assert_eq!(changed.status, StatusCode::FORBIDDEN);
    }
    let rule = || json!({ "match": "||shop.example^", "action": "allow" });
    let refused = reader.ask("POST", "/api/v1/rules", rule()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.text.contains("only good to read"),
        "{}",
        refused.text
    );
    let added = writer.ask("POST", "/api/v1/rules", rule()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let change = owner.get("changes").await.json()["items"][0].clone();
    assert_eq!(
        (&change["by"], &change["session"]),
        (&json!("api"), &json!("home-assistant"))
    );
    let listed = owner.get("tokens").await;
    assert!(!listed.text.contains(&read) && !listed.text.contains(&full));
    assert!(listed.json()["tokens"][0]["used_at"].is_string());
    let path = format!("/api/v1/tokens/{read_id}");
    let revoked = owner.ask("DELETE", &path, Value::Null).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(reader.status("queries").await, StatusCode::UNAUTHORIZED);
    let again = owner.ask("DELETE", &path, Value::Null).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let wrong = json!({ "name": " ", "scope": "all" });
    let wrong = owner.ask("POST", "/api/v1/tokens", wrong).await;
    assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn sessions_are_listed_by_name_and_can_be_ended_there() {
    let desk = shut().await;
    let owner = Guest::signed_in(&desk).await;
    let phone = Guest::signed_in(&desk).await;
    let rule = json!({ "match": "||shop.example^", "action": "allow" });
    let request = phone
        .request("POST", "/api/v1/rules")
        .header("user-agent", "Mozilla/5.0 (Android 16) Firefox/140.0")
        .body(Body::from(rule.to_string()));
    assert_eq!(
        desk.send(request.unwrap()).await.status(),
        StatusCode::CREATED
    );
    let listed = owner.get("sessions").await.json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|one| one["current"] == false).unwrap();
    assert_eq!(
        (&other["name"], &other["address"]),
        (&json!("a program"), &json!(PHONE))
    );
    let change = owner.get("changes").await.json()["items"][0].clone();
    assert_eq!(change["session"], "a program");
    let path = format!("/api/v1/sessions/{}", other["id"].as_str().unwrap());
    let ended = owner.ask("DELETE", &path, Value::Null).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(phone.status("queries").await, StatusCode::UNAUTHORIZED);
    let third = Guest::signed_in(&desk).await;
    let ended = owner.ask("DELETE", "/api/v1/sessions", Value::Null).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(third.status("queries").await, StatusCode::UNAUTHORIZED);
    assert_eq!(owner.status("queries").await, StatusCode::OK);
}

#[tokio::test]
async fn an_open_door_asks_nobody_until_a_password_is_set() {
    let desk = Desk::new().await;
    let stranger = Guest::of(&desk);
    let state = stranger.get("session").await.json();
    assert_eq!(
        (&state["door"], &state["signed_in"]),
        (&json!("open"), &json!(false))
    );
    assert_eq!(
        stranger.sign_in(PASSWORD).await.status,
        StatusCode::CONFLICT
    );
    let request = stranger.request("GET", "/api/v1/queries/stream");
    let response = desk.send(request.body(Body::empty()).unwrap()).await;
    let mut stream = response.into_body().into_data_stream();
    stream.next().await.unwrap().unwrap();
    let short = json!({ "password": "1234567" });
    let short = stranger.ask("PUT", "/api/v1/password", short).await;
    assert_eq!(short.json()["errors"][0]["pointer"], "/password");
    let set = json!({ "password": PASSWORD });
    let set = stranger.ask("PUT", "/api/v1/password", set).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    assert_eq!(stranger.status("queries").await, StatusCode::UNAUTHORIZED);
    let owner = Guest::with(&desk, "cookie", &cookie(&set));
    assert_eq!(owner.status("queries").await, StatusCode::OK);
    let end = timeout(Duration::from_secs(1), stream.next()).await;
    assert!(end.unwrap().is_none());
}

#[tokio::test]
async fn another_password_needs_the_current_one_and_ends_the_other_sessions() {
    let desk = Desk::new().await;
    let set = json!({ "password": PASSWORD });
    Guest::of(&desk).ask("PUT", "/api/v1/password", set).await;
    let (owner, other) = (Guest::signed_in(&desk).await, Guest::signed_in(&desk).await);
    for wrong in [
        json!({ "password": "battery staple" }),
        json!({ "password": "battery staple", "current": "wrong" }),
    ] {
        let answer = owner.ask("PUT", "/api/v1/password", wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/current");
    }
    let right = json!({ "password": "battery staple", "current": PASSWORD });
    let changed = owner.ask("PUT", "/api/v1/password", right).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    for ended in [&owner, &other] {
        assert_eq!(ended.status("queries").await, StatusCode::UNAUTHORIZED);
    }
    let now = Guest::with(&desk, "cookie", &cookie(&changed));
    assert_eq!(now.status("queries").await, StatusCode::OK);
    let stranger = Guest::from(&desk, TABLET);
    assert_eq!(
        stranger.sign_in(PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        stranger.sign_in("battery staple").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn who_is_in_changes_the_password_although_somebody_guesses_at_the_same_address() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, code) = outside(&folder).await;
    let body = json!({ "code": code, "password": PASSWORD });
    let set = Guest::of(&desk).ask("POST", "/api/v1/setup", body).await;
    let owner = Guest::with(&desk, "cookie", &cookie(&set));
    let stranger = Guest::of(&desk);
    let mut last = StatusCode::UNAUTHORIZED;
    while last == StatusCode::UNAUTHORIZED {
        last = stranger.sign_in("wrong").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let body = json!({ "password": "battery staple", "current": PASSWORD });
    let changed = owner.ask("PUT", "/api/v1/password", body).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    // The tries were for another password.
    let right = stranger.sign_in("battery staple").await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.text);
}

#[tokio::test]
async fn what_the_config_declares_is_changed_there_only() {
    let desk = shut().await;
    let owner = Guest::signed_in(&desk).await;
    assert_eq!(owner.get("session").await.json()["declared"], true);
    let body = json!({ "password": "battery staple", "current": PASSWORD });
    let answer = owner.ask("PUT", "/api/v1/password", body).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

/// The code that the console shows.
async fn outside(folder: &TempDir) -> (Desk, String) {
    let mut code = None;
    let web = "[web]\nlisten = \"0.0.0.0:8053\"\n";
    let desk = Desk::with(&at(folder, web), |parts| {
        code = parts.access.code().map(str::to_owned);
    })
    .await;
    (desk, code.unwrap())
}

#[tokio::test]
async fn who_has_the_code_sets_the_first_password_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, code) = outside(&folder).await;
    let stranger = Guest::of(&desk);
    assert_eq!(stranger.get("session").await.json()["door"], "set_up");
    for (method, path) in operations() {
        let request = stranger.request(&method, &path).body(Body::from("{}"));
        let status = desk.send(request.unwrap()).await.status();
        let is_public = PUBLIC.contains(&path.as_str());
        assert_eq!(
            status == StatusCode::UNAUTHORIZED,
            !is_public,
            "{method} {path}"
        );
    }
    let set = async |guest: &Guest<'_>, code: &str, password: &str| {
        let body = json!({ "code": code, "password": password });
        guest.ask("POST", "/api/v1/setup", body).await
    };
    assert_eq!(
        stranger.sign_in(PASSWORD).await.status,
        StatusCode::CONFLICT
    );
    let short = set(&stranger, &code, "short").await;
    assert_eq!(short.json()["errors"][0]["pointer"], "/password");
    for _ in 0..5 {
        let wrong = set(&stranger, "AAAA-AAAA", PASSWORD).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(wrong.json()["errors"][0]["pointer"], "/code");
    }
    let late = set(&stranger, &code, PASSWORD).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    let owner = Guest::from(&desk, TABLET);
    let answer = set(&owner, &code.to_lowercase(), PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let owner = Guest::with(&desk, "cookie", &cookie(&answer));
    assert_eq!(owner.status("queries").await, StatusCode::OK);
    let other = Guest::from(&desk, "192.0.2.77");
    let again = set(&other, &code, "battery staple").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn behind_a_proxy_that_is_named_the_first_password_needs_the_code() {
    let (folder, mut code) = (tempfile::tempdir().unwrap(), None);
    let web = "[web]\nlisten = \"127.0.0.1:8053\"\nnames = \"dns.home.example\"\n";
    let desk = Desk::with(&at(&folder, web), |parts| {
        code = parts.access.code().map(str::to_owned);
    })
    .await;
    let proxy = Guest::from(&desk, "127.0.0.1");
    assert_eq!(proxy.get("session").await.json()["door"], "set_up");
    let pause = proxy.ask("PUT", "/api/v1/pause", json!({ "for": "1h" }));
    assert_eq!(pause.await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(proxy.status("queries").await, StatusCode::UNAUTHORIZED);
    let body = json!({ "code": code, "password": PASSWORD });
    let set = proxy.ask("POST", "/api/v1/setup", body).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
}

#[tokio::test]
async fn password_sessions_and_tokens_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, code) = outside(&folder).await;
    let body = json!({ "code": code, "password": PASSWORD });
    let set = Guest::of(&desk).ask("POST", "/api/v1/setup", body).await;
    let session = cookie(&set);
    let ended = cookie(&Guest::of(&desk).sign_in(PASSWORD).await);
    let owner = Guest::with(&desk, "cookie", &session);
    let (_, token) = owner.token("read").await;
    Guest::with(&desk, "cookie", &ended)
        .ask("DELETE", "/api/v1/session", Value::Null)
        .await;
    drop(desk);
    let desk = Desk::with(&at(&folder, ""), |_| {}).await;
    for (name, value, expected) in [
        ("cookie", session, StatusCode::OK),
        ("cookie", ended, StatusCode::UNAUTHORIZED),
        ("authorization", format!("Bearer {token}"), StatusCode::OK),
    ] {
        let guest = Guest::with(&desk, name, &value);
        assert_eq!(guest.status("queries").await, expected);
    }
    assert_eq!(
        Guest::of(&desk).sign_in(PASSWORD).await.status,
        StatusCode::OK
    );
    // Nothing on the disk opens the door.
    let database = std::fs::read(folder.path().join("squelch.db-wal")).unwrap_or_default();
    let secret = token.strip_prefix("squelch_").unwrap().as_bytes();
    assert!(!database.windows(secret.len()).any(|part| part == secret));
}

#[tokio::test]
async fn a_session_that_was_not_used_for_a_month_has_ended() {
    const DAY_S: i64 = 24 * 60 * 60;
    let folder = tempfile::tempdir().unwrap();
    let web = at(&folder, &locked());
    for (days, expected) in [(29, StatusCode::OK), (31, StatusCode::UNAUTHORIZED)] {
        let desk = Desk::with(&web, |_| {}).await;
        let session = cookie(&Guest::of(&desk).sign_in(PASSWORD).await);
        let store = store(folder.path()).await;
        let mut writing = store.write_through().await.unwrap();
        for mut row in writing.sessions().all().await.unwrap() {
            row.used_s -= days * DAY_S;
            writing.sessions().save(&row).await.unwrap();
        }
        writing.commit().await.unwrap();
        let desk = Desk::with(&web, |_| {}).await;
        let guest = Guest::with(&desk, "cookie", &session);
        assert_eq!(guest.status("queries").await, expected, "{days}");
    }
}

#[tokio::test]
async fn another_password_in_the_config_ends_the_sessions_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::with(&at(&folder, &locked()), |_| {}).await;
    let session = cookie(&Guest::of(&desk).sign_in(PASSWORD).await);
    let other = make_hash("battery staple").unwrap();
    let web = format!("[web]\npassword = \"{other}\"\n");
    let desk = Desk::with(&at(&folder, &web), |_| {}).await;
    let guest = Guest::with(&desk, "cookie", &session);
    assert_eq!(guest.status("queries").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn damage_neither_locks_the_owner_out_nor_lets_strangers_in() {
    let folder = tempfile::tempdir().unwrap();
    let config = at(&folder, "");
    let desk = Desk::with(&config, |_| {}).await;
    let set = json!({ "password": PASSWORD });
    Guest::of(&desk).ask("PUT", "/api/v1/password", set).await;
    drop(desk);
    let store = store(folder.path()).await;
    let mut writing = store.write_through().await.unwrap();
    for mut row in writing.sessions().all().await.unwrap() {
        for digest in [
            "",
            "00",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            digest.clone_into(&mut row.digest);
            row.password = String::new();
            writing.sessions().save(&row).await.unwrap();
        }
    }
    writing.commit().await.unwrap();
    // The empty secret has that digest, and belongs to no password.
    let desk = Desk::with(&config, |_| {}).await;
    let empty = Guest::with(&desk, "cookie", "squelch_session=");
    assert_eq!(empty.status("queries").await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        Guest::of(&desk).sign_in(PASSWORD).await.status,
        StatusCode::OK
    );
    drop(desk);
    let mut writing = store.write_through().await.unwrap();
    let damaged = PasswordRow {
        source: PasswordSource::Set,
        hash: "damaged".to_owned(),
        set_s: 0,
    };
    writing.passwords().save(&damaged).await.unwrap();
    writing.commit().await.unwrap();
    store.close().await;
    for step in ["a damaged row", "no database"] {
        if step == "no database" {
            for part in ["squelch.db", "squelch.db-wal", "squelch.db-shm"] {
                let _ = std::fs::remove_file(folder.path().join(part));
            }
        }
        let mut code = None;
        let desk = Desk::with(&config, |parts| {
            code = parts.access.code().map(str::to_owned);
        })
        .await;
        let stranger = Guest::of(&desk);
        assert_eq!(
            stranger.get("session").await.json()["door"],
            "set_up",
            "{step}"
        );
        assert_eq!(stranger.status("queries").await, StatusCode::UNAUTHORIZED);
        assert!(code.is_some());
        if step == "no database" {
            let body = json!({ "code": code, "password": PASSWORD });
            let answer = stranger.ask("POST", "/api/v1/setup", body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn no_answer_tells_a_secret() {
    let desk = shut().await;
    let owner = Guest::signed_in(&desk).await;
    let (_, token) = owner.token("read").await;
    let session = owner.headers[0].1.strip_prefix("squelch_session=").unwrap();
    let rest = HASH.rsplit('$').next().unwrap();
    for (method, path) in operations() {
        if method != "GET" || path.ends_with("/stream") {
            continue;
        }
        let text = owner.ask("GET", &path, Value::Null).await.text;
        for secret in [session, &token, rest, "argon2id"] {
            assert!(!text.contains(secret), "{path}");
        }
    }
}

#[tokio::test]
async fn while_it_cannot_be_read_who_may_come_in_nobody_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password.set"), "").unwrap();
    // A folder where the database should be cannot be opened as one, nor moved as one.
    std::fs::create_dir(folder.path().join("squelch.db")).unwrap();
    std::fs::write(folder.path().join("squelch.db/file"), "").unwrap();
    let desk = Desk::with(&at(&folder, ""), |_| {}).await;
    let guest = Guest::of(&desk);
    assert_eq!(guest.get("session").await.json()["door"], "unknown");
    let answer = guest.get("queries").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(
        guest.sign_in(PASSWORD).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
