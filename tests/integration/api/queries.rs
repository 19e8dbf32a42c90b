//! `GET queries`

use std::fmt::Write as _;

use serde_json::Value;
use squelch::query::RecordType;

use super::{Desk, LAPTOP, MINUTE, ON_THE_DAY, PHONE, START, TABLET, id, pretty};

fn fill(desk: &Desk) {
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.ask_for(
        START + 1,
        PHONE,
        "eu.metrics.acme.example.com",
        RecordType::HTTPS,
    );
    desk.ask(START + 2, TABLET, "track.globex.example.net");
    desk.ask(START + 3, TABLET, "account.metrics.acme.example.com");
    desk.ask(START + 4, LAPTOP, "www.home.example");
    desk.fail(START + 5, LAPTOP, "gone.home.example");
    desk.fail(START + 6, LAPTOP, "track.globex.example.net");
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect()
}

async fn asked(desk: &Desk, filter: &str) -> Vec<String> {
    let page = desk.json(&format!("queries?{ON_THE_DAY}&{filter}")).await;
    assert_eq!(page["complete"], true);
    names(&page).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn rows_come_newest_first_with_all_that_is_known() {
    let desk = Desk::new().await;
    fill(&desk);
    let page = desk.json(&format!("queries?{ON_THE_DAY}&limit=7")).await;
    let complete = desk.json(&format!("queries?{ON_THE_DAY}&limit=8")).await;
    assert_eq!(page["items"], complete["items"]);
    insta::assert_snapshot!(pretty(complete, &[]));
}

#[tokio::test]
async fn each_filter_lets_pass_what_it_says() {
    let desk = Desk::new().await;
    fill(&desk);
    let tablet = id(desk.devices.identify(TABLET.parse().unwrap()));
    let (account, eu) = (
        "account.metrics.acme.example.com",
        "eu.metrics.acme.example.com",
    );
    let (acme, globex) = ("metrics.acme.example.com", "track.globex.example.net");
    let (gone, home) = ("gone.home.example", "www.home.example");
    let by_id = format!("device={tablet}");
    let expected: &[(&str, &[&str])] = &[
        (&by_id, &[account, globex]),
        ("device=kids'+tablet", &[account, globex]),
        ("name=home", &[gone, home]),
        ("name=%3Dmetrics.acme.example.com", &[acme]),
        ("name=.METRICS.acme.example.com.", &[account, eu, acme]),
        ("verdict=block", &[eu, acme]),
        ("verdict=failed", &[globex, gone]),
        ("verdict=block,watch", &[globex, globex, eu, acme]),
        ("verdict=block&verdict=failed", &[globex, gone, eu, acme]),
        ("vendor=globex", &[globex, globex]),
        ("vendor=gone", &[]),
        ("list=some", &[]),
        ("type=https", &[eu]),
        ("type=TYPE65&verdict=watch", &[]),
        (
            "name=track&verdict=watch&type=A&vendor=globex&device=192.0.2.9",
            &[globex],
        ),
    ];
    for (filter, names) in expected {
        assert_eq!(asked(&desk, filter).await, *names, "{filter}");
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_leave_out_a_row_while_new_ones_come() {
    let desk = Desk::new().await;
    for n in 0..500 {
        desk.ask(START + n, PHONE, &format!("n{n}.home.example"));
    }
    let (mut seen, mut cursor, mut newest) = (Vec::new(), String::new(), 500);
    loop {
        let page = desk
            .json(&format!("queries?{ON_THE_DAY}&limit=37{cursor}"))
            .await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        for _ in 0..20 {
            desk.ask(START + newest, PHONE, &format!("n{newest}.home.example"));
            newest += 1;
        }
        // Rows move from memory to disk meanwhile.
        desk.journal.flush().await;
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["complete"], true);
            break;
        };
        assert_eq!(page["complete"], false);
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<String> = (0..500)
        .rev()
        .map(|n| format!("n{n}.home.example"))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_filter_finds_rows_beyond_its_page() {
    let desk = Desk::new().await;
    for n in 0..300 {
        let name = if n % 100 == 0 {
            "rare.example"
        } else {
            "usual.example"
        };
        desk.ask(START + n * MINUTE, PHONE, name);
    }
    let first = desk
        .json(&format!("queries?{ON_THE_DAY}&name=rare&limit=2"))
        .await;
    assert_eq!(names(&first).len(), 2);
    let next = first["next"].as_str().unwrap();
    let second = desk
        .json(&format!(
            "queries?{ON_THE_DAY}&name=rare&limit=2&cursor={next}"
        ))
        .await;
    assert_eq!(second["items"][0]["at"], "2026-11-18T00:00:00.000Z");
    assert_eq!(second["complete"], true);
    assert_eq!(second["reached"], "2026-11-18T00:00:00.000Z");
}

#[tokio::test]
async fn hostile_names_come_out_as_text() {
    let desk = Desk::new().await;
    let name = r#"\"<script>\000\255\\.home.example"#;
    desk.ask(START, PHONE, name);
    let page = desk.json(&format!("queries?{ON_THE_DAY}")).await;
    let shown = names(&page)[0];
    assert!(
        shown.ends_with(".home.example") && shown.contains("<script>"),
        "{shown}"
    );
    assert!(shown.chars().all(|c| c.is_ascii_graphic()), "{shown}");
}

#[tokio::test]
async fn what_is_wrong_in_a_request_is_named() {
    let desk = Desk::new().await;
    let wrong = [
        "queries?since=yesterday",
        "queries?until=7y",
        "queries?since=1h&until=2h",
        "queries?device=d99",
        "queries?device=",
        "queries?name=",
        "queries?verdict=blocked",
        "queries?type=BOGUS",
        "queries?limit=0",
        "queries?limit=501",
        "queries?limit=ten",
        "queries?cursor=x",
        "queries?vendor=acme&list=some",
        "queries?devcie=d1",
        "queries/stream?since=1h",
        "summary?device=nobody",
        "exposure?device=d1",
        "status?verbose=1",
        "devices?since=%FF",
        "packs/acme?since=",
        "explain",
        "explain?name=a..b",
        "explain?name=a.example&type=x",
    ];
    let mut told = String::new();
    for request in wrong {
        let problem = desk.problem(request).await;
        assert_eq!(problem["status"], 400, "{request}");
        assert_eq!(problem["type"], "about:blank");
        let error = &problem["errors"][0];
        let _infallible = writeln!(
            told,
            "{request}\n    {}: {}",
            error["pointer"].as_str().unwrap(),
            error["detail"].as_str().unwrap()
        );
    }
    insta::assert_snapshot!(told);
}
