//! What rules make of queries and answers, over a whole server: names behind a name, addresses,
//! other data, and no answer at all.

use std::fmt::Write as _;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tempfile::TempDir;
use tokio::net::UdpSocket;

use crate::house::{House, extended_error, question, told};
use crate::stub::{Asked, Reaction, Stub};

/// `shop.example` is an alias of `tracker.example`; `bad.example` has an address that nobody wants.
fn behave(asked: &Asked) -> Reaction {
    let owner = |name: &str| Name::from_ascii(format!("{name}.")).unwrap();
    let address = match asked.name.as_str() {
        "bad.example" => [203, 0, 113, 9],
        name if name.starts_with("home.") => [192, 168, 1, 1],
        _ => [192, 0, 2, 99],
    };
    let data = match asked.kind {
        squelch::query::RecordType::AAAA => RData::AAAA(AAAA("2001:db8::99".parse().unwrap())),
        _ => RData::A(A(address.into())),
    };
    if asked.name.starts_with("shop.") {
        let target = owner("tracker.example");
        let alias = RData::CNAME(CNAME(target.clone()));
        return Reaction::Records(vec![
            Record::from_rdata(owner(&asked.name), 60, alias),
            Record::from_rdata(target, 60, data),
        ]);
    }
    Reaction::Records(vec![Record::from_rdata(owner(&asked.name), 60, data)])
}

async fn house(rules: &str) -> House {
    House::with(Stub::start(behave).await, rules).await
}

fn addresses(texts: &[&str]) -> (ResponseCode, Vec<String>) {
    let texts = texts.iter().map(ToString::to_string).collect();
    (ResponseCode::NoError, texts)
}

#[tokio::test]
async fn a_name_behind_the_name_is_judged_now_and_from_the_cache() {
    let house = house("[[rule]]\nmatch = \"||tracker.example^\"\ncomment = \"a test\"").await;
    for _ in 0..2 {
        let answer = house.ask("shop.example.", RecordType::A).await;
        assert_eq!(told(&answer), addresses(&["0.0.0.0"]));
        let (code, text) = extended_error(&answer).unwrap();
        assert_eq!((code, text.as_str()), (15, "own rule: a test"));
    }
    assert_eq!(house.stub.seen().len(), 1);
}

#[tokio::test]
async fn an_alias_that_is_asked_for_itself_is_not_followed() {
    let house = house("[[rule]]\nmatch = \"||own.example^$dnsrewrite=www.example\"").await;
    let answer = house.ask("own.example.", RecordType::CNAME).await;
    assert_eq!(told(&answer), addresses(&["www.example."]));
    assert!(house.stub.seen().is_empty());
    let answer = house.ask("own.example.", RecordType::A).await;
    assert_eq!(told(&answer), addresses(&["www.example.", "192.0.2.99"]));
}

#[tokio::test]
async fn a_name_that_is_allowed_may_point_where_it_likes() {
    let house = house(
        "[[rule]]\nmatch = \"||tracker.example^\"\n\
         [[rule]]\nmatch = \"||shop.example^\"\naction = \"allow\"",
    )
    .await;
    let answer = house.ask("shop.example.", RecordType::A).await;
    assert_eq!(
        told(&answer),
        addresses(&["tracker.example.", "192.0.2.99"])
    );
}

#[tokio::test]
async fn answers_are_not_looked_into_where_people_do_not_want_it() {
    let house =
        house("[[rule]]\nmatch = \"||tracker.example^\"\n[blocking]\ninspect_answers = false")
            .await;
    let answer = house.ask("shop.example.", RecordType::A).await;
    assert_eq!(
        told(&answer),
        addresses(&["tracker.example.", "192.0.2.99"])
    );
}

#[tokio::test]
async fn an_address_in_an_answer_is_judged() {
    let house = house("[[rule]]\nmatch = \"||203.0.113.9^\"").await;
    let answer = house.ask("bad.example.", RecordType::A).await;
    assert_eq!(told(&answer), addresses(&["0.0.0.0"]));
    let answer = house.ask("good.example.", RecordType::A).await;
    assert_eq!(told(&answer), addresses(&["192.0.2.99"]));
}

#[tokio::test]
async fn a_rule_gives_other_data_or_another_name() {
    let house = house(
        "[[rule]]\nmatch = \"|nas.example^$dnsrewrite=192.0.2.5\"\n\
         [[rule]]\nmatch = \"|old.example^$dnsrewrite=new.example\"\n\
         [[rule]]\nmatch = \"|loop.example^$dnsrewrite=loop.example\"\n\
         [[rule]]\nmatch = \"|a.example^$dnsrewrite=b.example\"\n\
         [[rule]]\nmatch = \"|b.example^$dnsrewrite=a.example\"",
    )
    .await;
    let ask = async |name: &str, kind| told(&house.ask(name, kind).await);
    assert_eq!(
        ask("nas.example.", RecordType::A).await,
        addresses(&["192.0.2.5"])
    );
    assert_eq!(ask("nas.example.", RecordType::AAAA).await, addresses(&[]));
    let renamed = addresses(&["new.example.", "192.0.2.99"]);
    assert_eq!(ask("old.example.", RecordType::A).await, renamed);
    // A name that is itself is not rewritten.
    assert_eq!(
        ask("loop.example.", RecordType::A).await,
        addresses(&["192.0.2.99"])
    );
    let (code, _) = ask("a.example.", RecordType::A).await;
    assert_eq!(code, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_list_may_say_that_there_is_no_answer_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let zone = folder.path().join("zone.txt");
    std::fs::write(
        &zone,
        "drop.example CNAME rpz-drop.\ngone.example CNAME .\n",
    )
    .unwrap();
    let list = format!(
        "[[list]]\nname = \"zone\"\nformat = \"rpz\"\nsource = \"{}\"",
        zone.display()
    );
    let house = house(&list).await;
    // The list is read after the start; whoever asks meanwhile is answered without it.
    while told(&house.ask("gone.example.", RecordType::A).await).0 != ResponseCode::NXDomain {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(house.dns()).await.unwrap();
    for name in ["drop.example.", "gone.example."] {
        let query = question(name, RecordType::A).to_vec().unwrap();
        socket.send(&query).await.unwrap();
    }
    // The second question's answer is the first that comes.
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).await.unwrap();
    let answer = Message::from_vec(&answer[..length]).unwrap();
    assert_eq!(answer.queries[0].name().to_ascii(), "gone.example.");
}

/// A server with these lists: name, format, action, lines; it returns once their `last.example` is
/// blocked.
async fn house_with(lists: &[(&str, &str, &str, &str)], rules: &str) -> (House, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = rules.to_owned();
    for (name, format, action, lines) in lists {
        let file = folder.path().join(name);
        std::fs::write(&file, lines).unwrap();
        write!(
            config,
            "\n[[list]]\nname = \"{name}\"\nformat = \"{format}\"\naction = \"{action}\"\n\
             source = \"{}\"\n",
            file.display()
        )
        .unwrap();
    }
    let house = house(&config).await;
    let is_blocked = |answer: &Message| !told(answer).1.contains(&"192.0.2.99".to_owned());
    while !is_blocked(&house.ask("last.example.", RecordType::A).await) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (house, folder)
}

#[tokio::test]
async fn what_packs_and_lists_let_through_leads_nowhere_else_than_before() {
    let lines = "||tracker.example^\n@@||spared.example^\n||last.example^\n";
    let rule = "[[rule]]\nmatch = \"||own.example^\"\naction = \"allow\"\n";
    let (house, _folder) = house_with(&[("ads", "adblock", "block", lines)], rule).await;
    let through = addresses(&["tracker.example.", "192.0.2.99"]);
    // `oneplus.net` is let through by its pack, which has nothing to say of others.
    for (name, expected) in [
        ("shop.oneplus.net.", addresses(&["0.0.0.0"])),
        ("home.oneplus.net.", addresses(&[])),
        ("shop.spared.example.", through.clone()),
        ("home.spared.example.", addresses(&[])),
        ("shop.own.example.", through),
        ("home.own.example.", addresses(&["192.168.1.1"])),
        ("www.oneplus.net.", addresses(&["192.0.2.99"])),
    ] {
        for _ in 0..2 {
            assert_eq!(
                told(&house.ask(name, RecordType::A).await),
                expected,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn other_data_of_ones_own_comes_before_that_of_lists() {
    let lines = "||a.example^$dnsrewrite=198.51.100.7\n||b.example^$dnsrewrite=evil.example\n\
                 @@||c.example^$dnsrewrite\n||d.example^$dnsrewrite=NXDOMAIN\n||last.example^\n";
    let mut rules = String::new();
    for name in ["a", "b", "c", "d"] {
        write!(
            rules,
            "[[rule]]\nmatch = \"||{name}.example^$dnsrewrite=192.0.2.5\"\n"
        )
        .unwrap();
    }
    rules += "[[rule]]\nmatch = \"||e.example^$dnsrewrite=192.0.2.5\"\ndevices = [\"me\"]\n\
              [[rule]]\nmatch = \"||e.example^$dnsrewrite=192.0.2.6\"\n";
    rules += "[[device]]\nname = \"me\"\nmatch = [\"127.0.0.1\"]\n";
    let (house, _folder) = house_with(&[("ads", "adblock", "block", lines)], &rules).await;
    for name in ["a", "b", "c", "d", "e"] {
        let answer = house.ask(&format!("{name}.example."), RecordType::A).await;
        assert_eq!(told(&answer), addresses(&["192.0.2.5"]), "{name}");
    }
}

#[tokio::test]
async fn a_zone_that_only_watches_hides_nothing_of_the_next() {
    let lists = [
        (
            "looks",
            "rpz",
            "watch",
            "w.example CNAME .\n*.v.example CNAME .\n",
        ),
        (
            "blocks",
            "rpz",
            "block",
            "w.example CNAME .\na.v.example CNAME .\nlast.example CNAME .\n",
        ),
    ];
    let (house, _folder) = house_with(&lists, "").await;
    for name in ["w.example.", "a.v.example."] {
        let (code, _) = told(&house.ask(name, RecordType::A).await);
        assert_eq!(code, ResponseCode::NXDomain, "{name}");
    }
    let answer = house.ask("b.v.example.", RecordType::A).await;
    assert_eq!(told(&answer), addresses(&["192.0.2.99"]));
}
