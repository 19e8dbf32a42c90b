//! What rules make of queries and answers, over a whole server: names behind a name, addresses,
//! other data, and no answer at all.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use crate::house::{House, extended_error, question, told};
use crate::stub::{Asked, Reaction, Stub};

/// `shop.example` is an alias of `tracker.example`; `bad.example` has an address that nobody wants.
fn behave(asked: &Asked) -> Reaction {
    let owner = |name: &str| Name::from_ascii(format!("{name}.")).unwrap();
    let address = match asked.name.as_str() {
        "bad.example" => [203, 0, 113, 9],
        _ => [192, 0, 2, 99],
    };
    let data = match asked.kind {
        squelch::query::RecordType::AAAA => RData::AAAA(AAAA("2001:db8::99".parse().unwrap())),
        _ => RData::A(A(address.into())),
    };
    if asked.name == "shop.example" {
        let target = owner("tracker.example");
        let alias = RData::CNAME(CNAME(target.clone()));
        return Reaction::Records(vec![
            Record::from_rdata(owner("shop.example"), 60, alias),
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
    let answer = hickory_proto::op::Message::from_vec(&answer[..length]).unwrap();
    assert_eq!(answer.queries[0].name().to_ascii(), "gone.example.");
}
