//! The description of the API: that it is complete, and that the dashboard has the same.

use std::env;
use std::fs;
use std::path::Path;

use serde_json::Value;
use squelch::api;

use super::Desk;

const FILE: &str = "web/src/api/openapi.json";

fn document() -> Value {
    serde_json::to_value(api::document()).unwrap()
}

#[test]
fn the_dashboard_has_the_same_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = serde_json::to_string_pretty(&api::document()).unwrap() + "\n";
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{FILE} is not what the code says; write it anew with\n  \
         UPDATE_OPENAPI=1 cargo test --test integration openapi\n\
         and the dashboard's types after it: npm --prefix web run api"
    );
}

#[test]
fn each_path_has_an_operation() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let told: Vec<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| {
                let id = operation["operationId"].as_str().unwrap();
                format!("{method} {path} ({id})")
            })
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_shape_that_is_named_is_described() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} is missing"
        );
    }
}

#[test]
fn every_member_says_what_it_is() {
    let document = document();
    let mut silent = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let parts = schema["allOf"].as_array().cloned();
        for part in parts.unwrap_or_else(|| vec![schema.clone()]) {
            for (member, property) in part["properties"].as_object().into_iter().flatten() {
                let of_some = &property["oneOf"][0]["description"];
                if !property["description"].is_string() && !of_some.is_string() {
                    silent.push(format!("{name}.{member}"));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{silent:?}");
}

#[tokio::test]
async fn the_description_is_served_as_json_and_as_a_page() {
    let desk = Desk::new().await;
    let json = desk.get("/api/openapi.json").await;
    assert_eq!(json.headers["content-type"], "application/json");
    assert_eq!(json.json(), document());
    let page = desk.get("/api/docs").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    for (path, item) in document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let heading = format!("{} {path}<", method.to_uppercase());
            assert!(page.text.contains(&heading), "{heading}");
        }
    }
    for schema in document()["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            page.text.contains(&format!("<h3 id=\"{schema}\">")),
            "{schema}"
        );
    }
    for outside in ["<script", "http://", "https://", "src="] {
        assert!(!page.text.contains(outside), "{outside}");
    }
}
