//! `GET explain`

use serde_json::json;

use super::{Desk, PHONE, TABLET};

#[tokio::test]
async fn a_block_is_explained_with_its_evidence() {
    let desk = Desk::new().await;
    let why = desk
        .json("explain?name=EU.metrics.acme.example.com.&type=aaaa")
        .await;
    assert_eq!(why["name"], "EU.metrics.acme.example.com");
    assert_eq!(why["type"], "AAAA");
    assert_eq!(why["verdict"], "block");
    assert_eq!(why["pack"], json!({ "id": "acme", "name": "Acme phones" }));
    assert_eq!(why["entry"]["domain"], "metrics.acme.example.com");
    assert_eq!(why["entry"]["evidence"][0]["source"], "ccs2019ott");
    assert!(why["answer"].as_str().unwrap().starts_with("AAAA ::"));
    assert!(why["steps"].as_array().unwrap().len() == 1);
    assert_eq!(why["recent"], json!(null));
}

#[tokio::test]
async fn an_exception_decides_and_the_block_is_told_too() {
    let desk = Desk::new().await;
    let why = desk
        .json("explain?name=account.metrics.acme.example.com")
        .await;
    assert_eq!(why["verdict"], "allow");
    assert_eq!(why["entry"]["domain"], "account.metrics.acme.example.com");
    assert_eq!(
        why["also"][0]["entry"]["domain"],
        "metrics.acme.example.com"
    );
}

#[tokio::test]
async fn who_asked_lately_is_told_and_asking_why_is_not_recorded() {
    let desk = Desk::new().await;
    let now = jiff::Timestamp::now().as_millisecond();
    for from in [PHONE, TABLET, TABLET] {
        desk.ask(now, from, "metrics.acme.example.com");
    }
    desk.ask(now, PHONE, "eu.metrics.acme.example.com");
    for _ in 0..2 {
        let why = desk.json("explain?name=Metrics.acme.example.com").await;
        assert_eq!(why["recent"]["queries"], 3);
        assert_eq!(why["recent"]["devices"], 2);
    }
    assert_eq!(desk.journal.totals().queries(), 4);
}

#[tokio::test]
async fn a_device_is_known_by_id_address_and_name() {
    let desk = Desk::new().await;
    let number = desk.ask(0, TABLET, "www.home.example").0;
    for device in [
        format!("d{number}"),
        TABLET.to_owned(),
        "KIDS'+TABLET".to_owned(),
    ] {
        let why = desk
            .json(&format!("explain?name=www.home.example&device={device}"))
            .await;
        assert_eq!(why["device"]["name"], "Kids' tablet");
        assert_eq!(why["device"]["id"], format!("d{number}"));
        assert_eq!(why["verdict"], "allow");
    }
}

#[tokio::test]
async fn what_is_answered_here_is_told_as_devices_are_told() {
    let desk = Desk::with(
        "[blocking]\nsafesearch = [\"google\"]\nfilter_aaaa = true\n\
         [[record]]\nname = \"nas.home.arpa\"\nvalue = \"192.0.2.10\"\n\
         [[rule]]\nmatch = \"||two.example^$dnsrewrite=192.0.2.9\"\n\
         [[rule]]\nmatch = \"||none.example^$dnsrewrite=NXDOMAIN\"\n\
         [[rule]]\nmatch = \"||mask.icloud.com^\"\naction = \"allow\"\n",
        |_| {},
    )
    .await;
    for (question, expected) in [
        ("nas.home.arpa", "answered here: what your own records"),
        (
            "www.google.com",
            "answered here: CNAME forcesafesearch.google.com",
        ),
        ("use-application-dns.net", "answered here: NXDOMAIN"),
        ("mask.icloud.com", "what the upstream says"),
        ("localhost", "answered here: a special name"),
        ("home.example&type=AAAA", "answered here: nothing (NODATA)"),
        ("home.example&type=ANY", "answered here: HINFO"),
        ("two.example", "A 192.0.2.9, as the rule says"),
        (
            "two.example&type=AAAA",
            "nothing (NODATA), as the rule says",
        ),
        ("none.example", "NXDOMAIN, as the rule says"),
        ("home.example", "what the upstream says"),
    ] {
        let why = desk.json(&format!("explain?name={question}")).await;
        let answer = why["answer"].as_str().unwrap();
        assert!(answer.starts_with(expected), "{question}: {answer}");
    }
}

#[tokio::test]
async fn a_pack_that_another_overrules_is_told_with_what_it_says() {
    let text = "[[rule]]\nmatch = \"||acme.example.com^\"\n";
    let desk = Desk::with(text, |_| {}).await;
    let why = desk
        .json("explain?name=account.metrics.acme.example.com")
        .await;
    assert_eq!(why["source"], "rule");
    let steps = why["steps"].as_array().unwrap();
    let of_pack = steps.iter().map(|step| step["result"].as_str().unwrap());
    let said: Vec<&str> = of_pack
        .filter(|result| result.contains("says: allow"))
        .collect();
    assert_eq!(said, ["covers the name too, and says: allow"]);
}
