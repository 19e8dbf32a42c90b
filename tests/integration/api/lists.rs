//! `GET lists` and all that changes them

use std::fs;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, LAPTOP, PHONE, TABLET};

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A desk with two lists in force, both of them files.
struct Lists {
    desk: Desk,
    folder: tempfile::TempDir,
}

impl Lists {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(
            path("ads.txt"),
            "||ads.example^\n||track.example^\n||x^$third-party\n",
        )
        .unwrap();
        fs::write(path("more.txt"), "track.example\nmore.example\n").unwrap();
        let config = format!(
            "[[list]]\nname = \"ads\"\nsource = \"{}\"\n\
             [[list]]\nname = \"more\"\nsource = \"{}\"\naction = \"watch\"\n",
            path("ads.txt"),
            path("more.txt"),
        );
        let desk = Desk::with(&config, |_| {}).await;
        let lists = Self { desk, folder };
        lists.until(|list| list["entries"] != 0).await;
        lists
    }

    /// Waits until all lists are so, and nothing is being done to them.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let all = self.desk.json("lists").await;
            let lists = all["lists"].as_array().unwrap();
            if lists.iter().all(&is_so) && all["update"]["running"] == false {
                return all;
            }
            tokio::task::yield_now().await;
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn verdict(&self, name: &str) -> Value {
        let why = self.desk.json(&format!("explain?name={name}")).await;
        why["verdict"].clone()
    }
}

#[tokio::test]
async fn lists_tell_how_they_stand_what_they_did_and_what_they_share() {
    let lists = Lists::new().await;
    let desk = &lists.desk;
    desk.ask(now_ms(), PHONE, "ads.example");
    desk.ask(now_ms(), PHONE, "www.ads.example");
    desk.ask(now_ms(), TABLET, "more.example");
    let all = desk.json("lists").await;
    let (ads, more) = (&all["lists"][0], &all["lists"][1]);
    assert_eq!(
        (&ads["id"], &ads["state"], &ads["declared"]),
        (&json!("ads"), &json!("good"), &json!(true))
    );
    assert_eq!(
        (&ads["action"], &more["action"]),
        (&json!("block"), &json!("watch"))
    );
    assert_eq!(
        (&ads["entries"], &ads["refused"], &ads["refresh"]),
        (&json!(2), &json!(1), &json!("1d"))
    );
    assert_eq!(ads["read_as"]["format"], "adblock");
    assert_eq!(
        (&ads["hits"]["blocked"], &ads["hits"]["names"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&more["hits"]["watched"], &more["hits"]["blocked"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(
        (&ads["never_matched"], &more["never_matched"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(ads["problem"], Value::Null);
    assert_eq!(all["total"]["entries"], 4);
    assert!(all["total"]["compiled_bytes"].as_u64().unwrap() > 0);
    assert_eq!(desk.json("lists/ads").await["name"], "ads");
    assert_eq!(desk.problem("lists/none").await["status"], 404);
}

#[tokio::test]
async fn refused_lines_and_entries_are_told_page_by_page() {
    let lists = Lists::new().await;
    let desk = &lists.desk;
    desk.ask(now_ms(), PHONE, "ads.example");
    let refused = desk.json("lists/ads/refused").await;
    assert_eq!(refused["refused"][0]["line"], 3);
    assert_eq!(refused["refused"][0]["text"], "||x^$third-party");
    assert_eq!(refused["next"], Value::Null);
    let some = desk.json("lists/ads/entries?matched=some").await;
    assert_eq!(some["entries"][0]["text"], "ads.example");
    assert_eq!(
        (&some["entries"][0]["line"], &some["entries"][0]["hits"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(some["entries"].as_array().unwrap().len(), 1);
    let never = desk.json("lists/ads/entries?matched=never").await;
    assert_eq!(never["entries"][0]["text"], "track.example");
    let first = desk.json("lists/ads/entries?limit=1").await;
    let next = first["next"].as_str().unwrap();
    let second = desk
        .json(&format!("lists/ads/entries?limit=1&cursor={next}"))
        .await;
    assert_eq!(second["entries"][0]["line"], 2);
    assert_eq!(second["next"], Value::Null);
    for wrong in ["matched=often", "limit=0", "cursor=x"] {
        assert_eq!(
            desk.problem(&format!("lists/ads/entries?{wrong}")).await["status"],
            400
        );
    }
}

#[tokio::test]
async fn a_list_is_added_changed_and_removed() {
    let lists = Lists::new().await;
    fs::write(lists.path("new.txt"), "new.example\n").unwrap();
    let wish = json!({ "name": "New one", "source": lists.path("new.txt") });
    let added = lists.desk.change("POST", "lists", wish.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let id = added.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(added.json()["declared"], false);
    lists.until(|list| list["entries"] != 0).await;
    // A list is read before it is compiled, and in force only then.
    while lists.verdict("new.example").await != "block" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    let again = lists.desk.change("POST", "lists", wish).await;
    assert_eq!(again.json()["errors"][0]["pointer"], "/name");
    let changed = lists
        .desk
        .change(
            "PATCH",
            &format!("lists/{id}"),
            json!({ "action": "watch" }),
        )
        .await;
    assert_eq!(changed.json()["action"], "watch", "{}", changed.text);
    while lists.verdict("new.example").await != "watch" {
        tokio::task::yield_now().await;
    }
    let removed = lists
        .desk
        .change("DELETE", &format!("lists/{id}"), json!({}))
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    while lists.verdict("new.example").await != "allow" {
        tokio::task::yield_now().await;
    }
    assert_eq!(lists.verdict("ads.example").await, "block");
}

#[tokio::test]
async fn a_list_that_blocks_what_must_work_is_followed_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ads.txt").display().to_string();
    let needed = "account.metrics.acme.example.com";
    fs::write(&file, format!("ads.example\n{needed}\n")).unwrap();
    let config = format!("[[list]]\nname = \"ads\"\nsource = \"{file}\"\n");
    let desk = Desk::with(&config, |_| {}).await;
    let lists = Lists { desk, folder };
    let all = lists.until(|list| list["entries"] != 0).await;
    assert_eq!(lists.verdict(needed).await, "block");
    let breaks = &all["lists"][0]["breaks"];
    assert_eq!(
        (&breaks[0]["name"], &breaks[0]["line"]),
        (&needed.into(), &2.into())
    );
    let status = lists.desk.json("status").await;
    let problem = &status["problems"][0];
    assert_eq!(problem["id"], "list-ads-breaks");
    let detail = problem["detail"].as_str().unwrap();
    let what = breaks[0]["what"].as_str().unwrap();
    assert!(detail.contains(needed) && detail.contains(what), "{detail}");

    let wish = json!({ "source": file });
    let preview = lists
        .desk
        .change("POST", "lists/preview", wish)
        .await
        .json();
    assert_eq!(preview["breaks"], *breaks);
    // Who lets it through knows better.
    let rule = json!({ "match": needed, "action": "allow" });
    lists.desk.change("POST", "rules", rule).await;
    assert_eq!(lists.desk.json("status").await["problems"], json!([]));
}

#[tokio::test]
async fn what_the_config_says_is_changed_there_only() {
    let lists = Lists::new().await;
    for (method, path) in [("PATCH", "lists/ads"), ("DELETE", "lists/ads")] {
        let refused = lists.desk.change(method, path, json!({})).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!(
            refused.json()["detail"],
            "list `ads` stands in the config file: change it there"
        );
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_wish_is_told_at_once() {
    let desk = Desk::new().await;
    let wish = json!({
        "source": "http://lists.example/a",
        "action": "blok",
        "format": "hots",
        "refresh": "1s",
        "enabled": "yes",
        "colour": "red",
    });
    let refused = desk.change("POST", "lists", wish).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = refused.json()["errors"].clone();
    let pointers: Vec<&str> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/name", "/source", "/action", "/format", "/refresh", "/enabled", "/colour"
        ]
    );
}

#[tokio::test]
async fn a_list_that_has_shrunk_waits_until_it_is_confirmed() {
    let lists = Lists::new().await;
    assert_eq!(
        lists
            .desk
            .change("POST", "lists/ads/confirm", json!({}))
            .await
            .status,
        StatusCode::CONFLICT
    );
    fs::write(lists.path("ads.txt"), "").unwrap();
    let asked = lists
        .desk
        .change("POST", "lists/ads/refresh", json!({}))
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    let all = lists
        .until(|list| list["id"] != "ads" || list["state"] == "held")
        .await;
    let held = &all["lists"][0]["held"];
    assert_eq!(
        (&held["entries_before"], &held["entries_now"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(lists.verdict("ads.example").await, "block");
    let problems = lists.desk.json("status").await["problems"].clone();
    assert_eq!(problems[0]["id"], "list-ads");
    let confirmed = lists
        .desk
        .change("POST", "lists/ads/confirm", json!({}))
        .await;
    assert_eq!(confirmed.json()["state"], "good", "{}", confirmed.text);
    while lists.verdict("ads.example").await != "allow" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_copy_that_is_held_back_can_be_discarded_and_needs_nobody_then() {
    let lists = Lists::new().await;
    let send = async |what: &str| {
        let path = format!("lists/ads/{what}");
        lists.desk.change("POST", &path, json!({})).await
    };
    let nothing = send("discard").await;
    assert_eq!(nothing.status, StatusCode::CONFLICT);
    assert_eq!(nothing.json()["title"], "nothing to discard");
    let unknown = lists.desk.change("POST", "lists/none/discard", json!({}));
    assert_eq!(unknown.await.status, StatusCode::NOT_FOUND);

    fs::write(lists.path("ads.txt"), "<!DOCTYPE html>").unwrap();
    send("refresh").await;
    let is_held = |list: &Value| list["id"] != "ads" || list["state"] == "held";
    lists.until(is_held).await;
    let discarded = send("discard").await.json();
    assert_eq!(
        (
            &discarded["state"],
            &discarded["held"],
            &discarded["entries"]
        ),
        (&json!("good"), &Value::Null, &json!(2))
    );
    let gone = &discarded["discarded"];
    assert_eq!(gone["entries"], 0);
    assert!(gone["reason"].as_str().unwrap().contains("a web page"));
    assert_eq!(lists.desk.json("status").await["problems"], json!([]));

    // The same is looked at, and is no news; another page is none either.
    for page in ["<!DOCTYPE html>", "<!DOCTYPE html><p>Come back later"] {
        fs::write(lists.path("ads.txt"), page).unwrap();
        send("refresh").await;
        let all = lists.until(|_| true).await;
        assert_eq!(all["lists"][0]["state"], "good", "{page}");
    }
    assert_eq!(lists.verdict("ads.example").await, "block");
    fs::write(lists.path("ads.txt"), "").unwrap();
    send("refresh").await;
    let all = lists.until(is_held).await;
    assert_eq!(all["lists"][0]["discarded"], Value::Null);
}

#[tokio::test]
async fn a_preview_tells_what_a_list_would_do_and_keeps_nothing() {
    let lists = Lists::new().await;
    let desk = &lists.desk;
    desk.ask(now_ms(), LAPTOP, "www.shop.example");
    desk.ask(now_ms(), PHONE, "www.shop.example");
    desk.ask(now_ms(), PHONE, "ads.example");
    fs::write(
        lists.path("new.txt"),
        "||shop.example^\n||ads.example^\n||x^$popup\n",
    )
    .unwrap();
    let preview = desk
        .change(
            "POST",
            "lists/preview",
            json!({ "source": lists.path("new.txt") }),
        )
        .await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    let preview = preview.json();
    assert_eq!(
        (&preview["format"], &preview["entries"]),
        (&json!("adblock"), &json!(2))
    );
    assert_eq!(
        (&preview["refused"], &preview["problems"][0]["line"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(preview["overlap"]["only_here"], 1);
    assert_eq!(
        preview["overlap"]["also_in"],
        json!([{ "list": "ads", "shared": 1 }])
    );
    assert_eq!(
        preview["would_block"],
        json!({ "days": 7, "names": 1, "queries": 2, "top": [
            { "name": "www.shop.example", "queries": 2, "devices": 2 }
        ]})
    );
    assert_eq!(lists.verdict("shop.example").await, "allow");
    let missing = desk
        .change(
            "POST",
            "lists/preview",
            json!({ "source": lists.path("none") }),
        )
        .await;
    assert_eq!(missing.json()["errors"][0]["pointer"], "/source");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let desk = Desk::new().await;
    let request = |kind: &str, body: &'static str| {
        axum::http::Request::post("/api/v1/lists")
            .header("host", "127.0.0.1:8053")
            .header("content-type", kind)
            .body(axum::body::Body::from(body))
            .unwrap()
    };
    let form = desk.send(request("text/plain", "{}")).await;
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let broken = desk.send(request("application/json", "{")).await;
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    let list = desk.send(request("application/json", "[]")).await;
    assert_eq!(list.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn previews_of_lists_that_do_not_come_keep_nobody_else_waiting() {
    // It takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = format!("http://{}/list.txt", silent.local_addr().unwrap());
    let desk = Desk::with("[lists]\nallow_private_sources = true\n", |_| {}).await;
    let wish = serde_json::json!({ "source": source });
    let previews = (0..20).map(|_| desk.change("POST", "lists/preview", wish.clone()));
    let waiting = futures_util::future::join_all(previews);
    let others = async {
        silent.accept().await.unwrap();
        desk.json("rules").await
    };
    tokio::select! {
        _ = waiting => panic!("a list came from nowhere"),
        rules = others => assert_eq!(rules["rules"], json!([])),
    }
}
