//! For which groups a list counts: chosen with the list, shown, and followed

use std::fs;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, LAPTOP, PHONE, id};

const NAME: &str = "listed.example";

/// A desk with a list `ads`, and a phone in the group `kids` beside a laptop that is in none.
struct Home {
    desk: Desk,
    phone: String,
    laptop: String,
    _folder: tempfile::TempDir,
}

impl Home {
    async fn with(config: &str, kids: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ads.txt");
        fs::write(&file, format!("{NAME}\n")).unwrap();
        let desk = Desk::with(config, |_| {}).await;
        let now = jiff::Timestamp::now().as_millisecond();
        let asked = |from| id(desk.ask(now, from, "a.example"));
        let (phone, laptop) = (asked(PHONE), asked(LAPTOP));
        let home = Self {
            desk,
            phone,
            laptop,
            _folder: folder,
        };
        home.send("POST", "groups", kids).await;
        let device = format!("devices/{}", home.phone);
        home.send("PATCH", &device, json!({ "group": "kids" }))
            .await;
        let list = json!({ "name": "ads", "source": file.display().to_string() });
        home.send("POST", "lists", list).await;
        while home.list().await["entries"] == 0 {
            tokio::task::yield_now().await;
        }
        while home.told().await == ["allow", "allow"] {
            tokio::task::yield_now().await;
        }
        home
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.desk.change(method, path, body).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        answer.json()
    }

    async fn choose(&self, groups: Value) -> Value {
        self.send("PATCH", "lists/ads", json!({ "groups": groups }))
            .await
    }

    async fn list(&self) -> Value {
        self.desk.json("lists/ads").await
    }

    /// The verdicts for the phone and the laptop.
    async fn told(&self) -> [String; 2] {
        let verdict = async |device: &str| {
            let path = format!("explain?name={NAME}&device={device}");
            let why = self.desk.json(&path).await;
            why["verdict"].as_str().unwrap().to_owned()
        };
        [verdict(&self.phone).await, verdict(&self.laptop).await]
    }

    /// Takes the newest change back, and gives it as it was told.
    async fn undo(&self) -> Value {
        let changes = self.desk.json("changes").await;
        let newest = changes["items"][0].clone();
        let path = format!("changes/{}/undo", newest["id"].as_str().unwrap());
        self.send("POST", &path, json!({})).await;
        newest
    }
}

/// A group as a list tells it.
fn used(id: &str, name: &str) -> Value {
    json!({ "id": id, "name": name, "always": true })
}

#[tokio::test]
async fn a_list_is_for_all_that_choose_no_lists_until_groups_are_chosen() {
    let home = Home::with("", json!({ "name": "kids" })).await;
    let list = home.list().await;
    assert_eq!(list["groups"], Value::Null);
    assert_eq!(
        list["used_by"],
        json!([used("default", "default"), used("kids", "kids")])
    );
    assert_eq!(home.told().await, ["block", "block"]);
    let list = home.choose(json!(["kids", "kids"])).await;
    assert_eq!(list["groups"], json!(["kids"]));
    assert_eq!(list["used_by"], json!([used("kids", "kids")]));
    assert_eq!(home.told().await, ["block", "allow"]);
    // What is said of nothing but its name leaves the groups.
    let list = home
        .send("PATCH", "lists/ads", json!({ "name": "Ads" }))
        .await;
    assert_eq!(list["groups"], json!(["kids"]));
    assert_eq!(home.told().await, ["block", "allow"]);
    home.choose(Value::Null).await;
    assert_eq!(home.told().await, ["block", "block"]);
}

#[tokio::test]
async fn what_was_chosen_is_told_among_the_changes_and_taken_back() {
    let home = Home::with("", json!({ "name": "kids" })).await;
    home.choose(json!(["kids"])).await;
    home.choose(json!(["default"])).await;
    assert_eq!(home.told().await, ["allow", "block"]);
    let told = home.undo().await;
    assert_eq!(
        (&told["before"]["groups"], &told["after"]["groups"]),
        (&json!(["kids"]), &json!(["default"]))
    );
    assert_eq!(home.list().await["groups"], json!(["kids"]));
    assert_eq!(home.told().await, ["block", "allow"]);
}

#[tokio::test]
async fn lists_follow_a_group_that_gets_another_name_or_is_gone() {
    let home = Home::with("", json!({ "name": "kids" })).await;
    home.choose(json!(["kids"])).await;
    home.send("PATCH", "groups/kids", json!({ "name": "Children" }))
        .await;
    let list = home.list().await;
    assert_eq!(list["used_by"], json!([used("kids", "Children")]));
    assert_eq!(home.told().await, ["block", "allow"]);
    // A group is called by its name, too.
    home.choose(Value::Null).await;
    let list = home.choose(json!(["Children"])).await;
    assert_eq!(list["groups"], json!(["kids"]));

    // A list for those who are gone is for nobody, rather than for all.
    let gone = home.desk.delete("/api/v1/groups/kids").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let list = home.list().await;
    assert_eq!(
        (&list["groups"], &list["used_by"]),
        (&json!(["kids"]), &json!([]))
    );
    assert_eq!(home.told().await, ["allow", "allow"]);
    home.undo().await;
    assert_eq!(home.told().await, ["block", "allow"]);
}

#[tokio::test]
async fn a_group_that_chooses_its_lists_has_those_that_name_it_beside_them() {
    let schedule = json!([{ "name": "homework", "action": "add", "lists": ["ads"] }]);
    let home = Home::with("", json!({ "name": "kids", "lists": [] })).await;
    assert_eq!(home.told().await, ["allow", "block"]);
    assert_eq!(
        home.list().await["used_by"],
        json!([used("default", "default")])
    );
    home.choose(json!(["default", "kids"])).await;
    assert_eq!(home.told().await, ["block", "block"]);
    home.choose(json!(["default"])).await;
    assert_eq!(home.told().await, ["allow", "block"]);
    home.send("PATCH", "groups/kids", json!({ "lists": ["ads"] }))
        .await;
    assert_eq!(home.told().await, ["block", "block"]);
    let wish = json!({ "lists": [], "schedule": schedule });
    home.send("PATCH", "groups/kids", wish).await;
    let used = home.list().await["used_by"].clone();
    assert_eq!(
        used[1],
        json!({ "id": "kids", "name": "kids", "always": false })
    );
}

#[tokio::test]
async fn groups_that_are_none_are_refused_with_their_place() {
    let home = Home::with("", json!({ "name": "kids" })).await;
    for (groups, pointer) in [
        (json!(["kids", "kid"]), "/groups/1"),
        (json!([]), "/groups"),
        (json!("kids"), "/groups"),
        (json!([7]), "/groups"),
    ] {
        let wish = json!({ "groups": groups });
        let refused = home.desk.change("PATCH", "lists/ads", wish).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let errors = refused.json()["errors"].clone();
        assert_eq!(errors[0]["pointer"], pointer, "{groups}");
    }
    assert_eq!(home.list().await["groups"], Value::Null);
}

#[tokio::test]
async fn the_groups_of_a_list_of_the_config_are_shown_and_changed_there_only() {
    let config = "[[group]]\nname = \"TV sets\"\n\
        [[list]]\nname = \"declared\"\nsource = \"/nowhere\"\ngroups = [\"TV sets\"]\n";
    let desk = Desk::with(config, |_| {}).await;
    let list = desk.json("lists/declared").await;
    assert_eq!(list["groups"], json!(["tv-sets"]));
    assert_eq!(list["used_by"], json!([used("tv-sets", "TV sets")]));
    let wish = json!({ "groups": null });
    let refused = desk.change("PATCH", "lists/declared", wish).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}
