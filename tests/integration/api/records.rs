//! `GET records` and all that changes them

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Desk};

const DECLARED: &str = "[[record]]\nname = \"nas.home.arpa\"\nvalue = \"192.0.2.10\"\n\
    [[record]]\nname = \"www.home.arpa\"\ntype = \"CNAME\"\nvalue = \"nas.home.arpa\"\nttl = \"1h\"\n";

async fn add(desk: &Desk, wish: Value) -> Answer {
    desk.change("POST", "records", wish).await
}

fn id(added: &Answer) -> String {
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    added.json()["id"].as_str().unwrap().to_owned()
}

/// The pointers of what is wrong.
fn pointers(refused: &Answer) -> Vec<String> {
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.text
    );
    let errors = refused.json()["errors"].as_array().unwrap().clone();
    let pointers = errors.iter().map(|error| error["pointer"].as_str());
    pointers
        .map(|pointer| pointer.unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn records_of_the_config_are_shown_and_changed_only_there() {
    let desk = Desk::with(DECLARED, |_| {}).await;
    let records = desk.json("records").await["records"].clone();
    assert_eq!(
        records[1],
        json!({
            "id": "c1", "name": "www.home.arpa", "type": "CNAME", "value": "nas.home.arpa",
            "ttl": "1h", "declared": true, "in_force": true,
        })
    );
    assert_eq!(
        (&records[0]["type"], &records[0]["ttl"]),
        (&json!("A"), &json!("5m"))
    );
    for (method, body) in [("PATCH", json!({ "ttl": "1m" })), ("DELETE", json!({}))] {
        let refused = desk.change(method, "records/c0", body).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{method}");
    }
}

#[tokio::test]
async fn a_record_is_added_changed_and_removed() {
    let desk = Desk::new().await;
    let wish = json!({ "name": "Printer.home.arpa", "value": "192.0.2.20" });
    let id = id(&add(&desk, wish).await);
    let change = json!({ "value": "2001:db8::20", "ttl": "10m" });
    let changed = desk
        .change("PATCH", &format!("records/{id}"), change)
        .await
        .json();
    assert_eq!(
        changed,
        json!({
            "id": id, "name": "Printer.home.arpa", "type": "AAAA", "value": "2001:db8::20",
            "ttl": "10m", "declared": false, "in_force": true,
        })
    );
    assert_eq!(desk.json("records").await["records"], json!([changed]));
    let removed = desk
        .change("DELETE", &format!("records/{id}"), json!({}))
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.json("records").await["records"], json!([]));
    let again = desk
        .change("DELETE", &format!("records/{id}"), json!({}))
        .await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_record_is_refused_with_the_member_that_is_wrong() {
    let desk = Desk::new().await;
    for (wish, wrong) in [
        (json!({}), vec!["/name", "/value"]),
        (
            json!({ "name": "two words", "value": "192.0.2.1" }),
            vec!["/name"],
        ),
        (
            json!({ "name": "a.example", "value": "b.example" }),
            vec!["/type"],
        ),
        (
            json!({ "name": "a.example", "type": "SOA", "value": "b.example" }),
            vec!["/type"],
        ),
        (
            json!({ "name": "a.example", "type": "MX", "value": "mail", "ttl": "1y" }),
            vec!["/ttl", "/value"],
        ),
        (
            json!({ "name": "a.example", "value": "192.0.2.1", "ttl": "8d", "note": "" }),
            vec!["/ttl", "/note"],
        ),
        (
            json!({ "name": "a.example", "type": "TXT", "value": "x".repeat(2001) }),
            vec!["/value"],
        ),
        (
            json!({ "name": "a.".repeat(200), "value": "192.0.2.1" }),
            vec!["/name"],
        ),
    ] {
        assert_eq!(pointers(&add(&desk, wish.clone()).await), wrong, "{wish}");
    }
    assert_eq!(desk.json("records").await["records"], json!([]));
}

#[tokio::test]
async fn the_config_comes_first_and_an_alias_stands_alone() {
    let desk = Desk::with(DECLARED, |_| {}).await;
    let refused = async |wish| pointers(&add(&desk, wish).await) == ["/name"];
    // Without a dot it is the same name, below the home's domain.
    for name in ["NAS.home.arpa", "nas"] {
        assert!(refused(json!({ "name": name, "value": "192.0.2.30" })).await);
    }
    assert!(refused(json!({ "name": "www", "type": "TXT", "value": "text" })).await);
    let tv = json!({ "name": "tv.home.arpa", "value": "192.0.2.40" });
    let id = id(&add(&desk, tv.clone()).await);
    assert!(refused(tv.clone()).await, "twice the same");
    assert!(refused(json!({ "name": "tv", "type": "CNAME", "value": "nas.home.arpa" })).await);
    // It does not stand in its own way.
    let same = desk.change("PATCH", &format!("records/{id}"), tv).await;
    assert_eq!(same.status, StatusCode::OK, "{}", same.text);
    let other = json!({ "name": "nas.home.arpa", "value": "2001:db8::10" });
    assert_eq!(add(&desk, other).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_name_has_only_so_many_records_of_a_type() {
    let desk = Desk::new().await;
    for number in 1..=32 {
        let wish = json!({ "name": "many", "value": format!("192.0.2.{number}") });
        id(&add(&desk, wish).await);
    }
    let one_more = json!({ "name": "many", "value": "192.0.2.33" });
    assert_eq!(pointers(&add(&desk, one_more).await), ["/name"]);
}

#[tokio::test]
async fn a_record_that_cannot_be_kept_is_not_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let desk = Desk::with(&format!("data_dir = \"{}\"\n", file.display()), |_| {}).await;
    let refused = add(&desk, json!({ "name": "tv", "value": "192.0.2.40" })).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(desk.json("records").await["records"], json!([]));
}

#[tokio::test]
async fn of_two_that_add_the_same_record_at_once_one_is_refused() {
    let desk = Desk::new().await;
    let wish = json!({ "name": "nas.home.arpa", "value": "192.0.2.10" });
    let (one, other) = tokio::join!(add(&desk, wish.clone()), add(&desk, wish));
    let mut statuses = [one.status, other.status];
    statuses.sort();
    assert_eq!(
        statuses,
        [StatusCode::CREATED, StatusCode::UNPROCESSABLE_ENTITY]
    );
    let refused = if one.status == StatusCode::CREATED {
        other
    } else {
        one
    };
    let errors = refused.json()["errors"].clone();
    assert_eq!(errors[0]["detail"], "there is such a record already");
    let kept = desk.json("records").await["records"].clone();
    assert_eq!(kept.as_array().unwrap().len(), 1);
}
