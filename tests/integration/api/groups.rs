//! `GET POST groups`, `PATCH DELETE groups/{id}` and `PUT packs/{id}`

use axum::http::StatusCode;
use serde_json::{Value, json};
use squelch::store::{Author, GroupRow, Item};

use super::{Desk, PHONE, id};

async fn add(desk: &Desk, wish: Value) -> Value {
    let added = desk.change("POST", "groups", wish).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    added.json()
}

async fn group(desk: &Desk, id: &str) -> Value {
    let groups = desk.json("groups").await;
    let groups = groups["groups"].as_array().unwrap().clone();
    let mut found = groups.into_iter().filter(|group| group["id"] == id);
    found.next().unwrap_or_default()
}

/// A phone that asked, put into a group.
async fn phone_in(desk: &Desk, group: &str) -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    let phone = id(desk.ask(now, PHONE, "a.example"));
    let wish = json!({ "group": group });
    let changed = desk
        .change("PATCH", &format!("devices/{phone}"), wish)
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    phone
}

async fn verdict(desk: &Desk, name: &str, device: &str) -> Value {
    let path = format!("explain?name={name}&device={device}");
    desk.json(&path).await["verdict"].clone()
}

#[tokio::test]
async fn a_group_is_in_force_as_soon_as_it_is_added_and_for_its_devices_alone() {
    let desk = Desk::with("", |_| {}).await;
    let kids = add(
        &desk,
        json!({
            "name": "Kids' things",
            "packs": { "default": "block" },
            "rules": ["||game.example^", "@@||ok.game.example^"],
            "schedule": [{ "name": "bedtime", "action": "block_all", "times": ["20:30-06:30"], "days": ["fri"], "zone": "Europe/Berlin" }],
        }),
    )
    .await;
    assert_eq!(kids["id"], "kids-things");
    assert_eq!(kids["schedule"][0]["times"], json!(["20:30-06:30"]));
    assert_eq!(kids["packs"]["default"], "block");
    let phone = phone_in(&desk, "kids-things").await;
    // But on Friday night.
    if kids["now"] == json!([]) {
        assert_eq!(verdict(&desk, "ok.game.example", &phone).await, "allow");
    }
    assert_eq!(verdict(&desk, "game.example", &phone).await, "block");
    assert_eq!(
        desk.json("explain?name=game.example").await["verdict"],
        "allow"
    );
    let now = group(&desk, "kids-things").await;
    assert_eq!(now["devices"], 1);
    assert_eq!(desk.json("rules").await["rules"], json!([]));
}

#[tokio::test]
async fn what_is_changed_of_a_group_leaves_the_rest_as_it_is() {
    let desk = Desk::with("", |_| {}).await;
    add(
        &desk,
        json!({ "name": "kids", "rules": ["||game.example^"], "for_unknown": true }),
    )
    .await;
    let wish = json!({ "name": "Children", "packs": { "acme": "off" } });
    let changed = desk.change("PATCH", "groups/kids", wish).await.json();
    assert_eq!(
        (&changed["id"], &changed["name"]),
        (&json!("kids"), &json!("Children"))
    );
    assert_eq!(changed["rules"], json!(["||game.example^"]));
    assert_eq!(changed["packs"]["acme"], "off");
    assert_eq!(changed["for_unknown"], true);
    let wish = json!({ "rules": null, "packs": null });
    let changed = desk.change("PATCH", "groups/kids", wish).await.json();
    assert_eq!(
        (&changed["rules"], &changed["packs"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn devices_of_a_group_that_is_removed_are_in_the_default_one() {
    let desk = Desk::with("", |_| {}).await;
    add(
        &desk,
        json!({ "name": "kids", "rules": ["||game.example^"] }),
    )
    .await;
    let phone = phone_in(&desk, "kids").await;
    assert_eq!(verdict(&desk, "game.example", &phone).await, "block");
    let removed = desk.delete("/api/v1/groups/kids").await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(verdict(&desk, "game.example", &phone).await, "allow");
    let shown = desk.json(&format!("devices/{phone}")).await;
    assert_eq!(shown["group"]["id"], "default");
}

#[tokio::test]
async fn groups_of_the_config_are_shown_and_changed_there_only() {
    let desk = Desk::with(
        "[[group]]\nname = \"kids\"\nrules = [\"||game.example^\"]\n\
         [[group.schedule]]\nname = \"homework\"\nrules = [\"||video.example^\"]",
        |_| {},
    )
    .await;
    let kids = group(&desk, "kids").await;
    assert_eq!(
        (&kids["declared"], &kids["rules"]),
        (&json!(true), &json!(["||game.example^"]))
    );
    assert_eq!(kids["schedule"][0]["rules"], json!(["||video.example^"]));
    assert_eq!(kids["now"], json!(["homework"]));
    let changed = desk
        .change("PATCH", "groups/kids", json!({ "rules": [] }))
        .await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    let removed = desk.delete("/api/v1/groups/kids").await;
    assert_eq!(removed.status, StatusCode::CONFLICT);
    let removed = desk.delete("/api/v1/groups/default").await;
    assert_eq!(removed.status, StatusCode::CONFLICT);
    let taken = desk
        .change("POST", "groups", json!({ "name": "kids" }))
        .await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_group_is_told_with_its_place() {
    let desk = Desk::with("", |_| {}).await;
    let wish = json!({
        "packs": { "default": "blok" },
        "rules": ["||ok.example^", "||a.example^$third-party"],
        "lists": ["nobody"],
        "schedule": [{ "days": ["someday"], "action": "pause", "rules": ["/(?=x)/"] }],
        "colour": "red",
    });
    let refused = desk.change("POST", "groups", wish).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = refused.json();
    let errors = problem["errors"].as_array().unwrap();
    let mut pointers: Vec<&str> = errors
        .iter()
        .map(|one| one["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expected = [
        "/colour",
        "/lists/0",
        "/name",
        "/packs/default",
        "/rules/1",
        "/schedule/0/action",
        "/schedule/0/days/0",
        "/schedule/0/rules/0",
    ];
    assert_eq!(pointers, expected);
}

#[tokio::test]
async fn a_pack_is_set_for_all_or_for_a_group() {
    let desk = Desk::with("[packs]\nglobex = \"watch\"", |_| {}).await;
    add(&desk, json!({ "name": "kids" })).await;
    let phone = phone_in(&desk, "kids").await;
    let name = "x.metrics.acme.example.com";
    assert_eq!(verdict(&desk, name, &phone).await, "watch");
    let done = desk
        .change(
            "PUT",
            "packs/acme",
            json!({ "action": "block", "group": "kids" }),
        )
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.text);
    assert_eq!(verdict(&desk, name, &phone).await, "block");
    let everywhere = format!("explain?name={name}");
    assert_eq!(desk.json(&everywhere).await["verdict"], "watch");
    desk.change("PUT", "packs/acme", json!({ "action": "block" }))
        .await;
    assert_eq!(desk.json(&everywhere).await["verdict"], "block");
    assert_eq!(desk.json("packs/acme").await["action"], "block");
    desk.change("PUT", "packs/acme", json!({ "action": null }))
        .await;
    assert_eq!(desk.json(&everywhere).await["verdict"], "watch");
    let declared = desk
        .change("PUT", "packs/globex", json!({ "action": "block" }))
        .await;
    assert_eq!(declared.status, StatusCode::CONFLICT);
    let unknown = desk
        .change("PUT", "packs/nobody", json!({ "action": "block" }))
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_pack_that_is_set_for_all_counts_for_groups_that_were_there_before() {
    let desk = Desk::with("[[group]]\nname = \"fixed\"", |_| {}).await;
    add(&desk, json!({ "name": "kids" })).await;
    let phone = phone_in(&desk, "kids").await;
    let name = "x.metrics.acme.example.com";
    assert_eq!(verdict(&desk, name, &phone).await, "watch");
    desk.change("PUT", "packs/acme", json!({ "action": "block" }))
        .await;
    assert_eq!(verdict(&desk, name, &phone).await, "block");
    assert_eq!(phone_in(&desk, "fixed").await, phone);
    assert_eq!(verdict(&desk, name, &phone).await, "block");
}

#[tokio::test]
async fn a_schedule_is_told_with_the_packs_that_people_wrote_and_no_others() {
    let desk = Desk::with("", |_| {}).await;
    desk.change("PUT", "packs/acme", json!({ "action": "block" }))
        .await;
    let packs = json!({ "globex": "block", "acme": { "action": "watch", "level": "strict" } });
    for packs in [packs, json!({ "default": "block" })] {
        let schedule = json!([{ "action": "add", "packs": packs }]);
        let wish = json!({ "name": format!("group of {}", packs.as_object().unwrap().len()), "schedule": schedule });
        let group = add(&desk, wish).await;
        assert_eq!(group["schedule"][0]["packs"], packs);
    }
}

#[tokio::test]
async fn a_new_group_called_like_one_that_is_gone_has_none_of_its_devices() {
    let desk = Desk::with("", |_| {}).await;
    let wish = json!({ "name": "foo", "rules": ["||game.example^"] });
    add(&desk, wish.clone()).await;
    let phone = phone_in(&desk, "foo").await;
    desk.delete("/api/v1/groups/foo").await;
    let new = add(&desk, json!({ "name": "Foo" })).await;
    assert_eq!((&new["id"], &new["devices"]), (&json!("foo-2"), &json!(0)));
    let shown = desk.json(&format!("devices/{phone}")).await;
    assert_eq!(shown["group"]["id"], "default");
    // The other may still come back.
    let changes = desk.json("changes").await;
    let removal = changes["items"].as_array().unwrap().iter();
    let mut removal = removal.filter(|change| change["after"].is_null());
    let id = removal.next().unwrap()["id"].as_str().unwrap().to_owned();
    let undone = desk
        .change("POST", &format!("changes/{id}/undo"), json!({}))
        .await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text);
    assert_eq!(verdict(&desk, "game.example", &phone).await, "block");
}

#[tokio::test]
async fn a_group_of_the_config_has_another_id_where_one_of_the_dashboard_has_it() {
    let desk = Desk::with("", |_| {}).await;
    add(&desk, json!({ "name": "Kids" })).await;
    let phone = phone_in(&desk, "kids").await;
    let config = "[[group]]\nname = \"kids\"\nrules = [\"||game.example^\"]";
    let config = squelch::config::Config::from_text(config, std::path::Path::new(""), &[]);
    desk.household.declare(std::sync::Arc::new(config.unwrap()));
    assert_eq!(group(&desk, "kids").await["name"], "Kids");
    assert_eq!(group(&desk, "kids-2").await["declared"], true);
    assert_eq!(group(&desk, "kids").await["devices"], 1);
    assert_eq!(phone_in(&desk, "kids-2").await, phone);
    assert_eq!(group(&desk, "kids-2").await["devices"], 1);
}

#[tokio::test]
async fn packs_that_do_not_exist_are_refused_and_those_of_an_older_store_may_stay() {
    let desk = Desk::with("", |_| {}).await;
    let wish = json!({
        "name": "kids",
        "packs": { "default": "block", "acmee": "block", "globex": { "level": "none" } },
        "schedule": [
            { "action": "add", "packs": { "acme": "off" } },
            { "action": "add", "packs": { "level": "strict", "no/pack": "off" } },
        ],
    });
    let refused = desk.change("POST", "groups", wish).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let refused = refused.json();
    let errors = refused["errors"].as_array().unwrap();
    let mut told: Vec<&str> = errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    told.sort_unstable();
    let expected = [
        "/packs/acmee",
        "/packs/globex/level",
        "/schedule/1/packs/no~1pack",
    ];
    assert_eq!(told, expected, "{errors:#?}");
    let text = refused.to_string();
    assert!(
        text.contains("no pack `acmee`; did you mean `acme`?"),
        "{text}"
    );
    // A group of before an update that took a pack away.
    let old = Item::Group(GroupRow {
        id: "old".to_owned(),
        name: "old".to_owned(),
        wish: json!({ "packs": { "gone": "block" } }).to_string(),
        added_ms: 0,
    });
    let mut store = desk.store.write_through().await.unwrap();
    store.put(&Author::TIME, &old).await.unwrap();
    store.commit().await.unwrap();
    desk.household.recall().await.unwrap();
    assert_eq!(
        group(&desk, "old").await["packs"],
        json!({ "gone": "block" })
    );
    for (packs, expected) in [
        (json!({ "gone": "off", "acme": "off" }), StatusCode::OK),
        (json!({ "lost": "off" }), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let changed = desk
            .change("PATCH", "groups/old", json!({ "packs": packs }))
            .await;
        assert_eq!(changed.status, expected, "{}", changed.text);
    }
}

#[tokio::test]
async fn a_schedule_is_told_without_what_people_did_not_say_of_it() {
    let desk = Desk::with("", |_| {}).await;
    let plain = json!({ "action": "pause", "times": ["08:00-09:00"] });
    let said =
        json!({ "action": "pause", "name": "Homework", "days": ["sat", "mon"], "zone": "UTC" });
    let added = add(&desk, json!({ "name": "kids", "schedule": [plain, said] })).await;
    let told = |at: usize| {
        let one = &added["schedule"][at];
        json!([one["name"], one["days"], one["zone"]])
    };
    assert_eq!(told(0), json!([null, [], null]));
    assert_eq!(told(1), json!(["Homework", ["mon", "sat"], "UTC"]));
    // What the form read may be sent back.
    let again = json!({ "schedule": added["schedule"] });
    let changed = desk.change("PATCH", "groups/kids", again).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(changed.json()["schedule"], added["schedule"]);
}
