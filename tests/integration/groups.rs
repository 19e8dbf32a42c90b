//! Groups of devices over a whole server: who asks decides what a name is answered.

use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsOption;

use crate::house::{House, extended_error, question, told};
use crate::stub::Stub;

const TABLET: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
const PHONE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// The tablet is in the group kids, the phone in none, and whoever is unknown with the guests.
const DEVICES: &str = r#"
[[device]]
name = "Tablet"
match = "127.0.0.7"
group = "kids"
[[device]]
name = "Phone"
match = "127.0.0.8"
[devices]
unknown_group = "guests"
"#;

async fn house(config: &str) -> House {
    let stub = Stub::with_address("192.0.2.99").await;
    House::with(stub, &format!("{config}\n{DEVICES}")).await
}

async fn ask(house: &House, from: IpAddr, name: &str) -> Message {
    let query = question(name, RecordType::A).to_vec().unwrap();
    Message::from_vec(&house.send_bytes(from, &query).await).unwrap()
}

/// The address that each of the three is told.
async fn addresses(house: &House, name: &str) -> [String; 3] {
    let mut all = [const { String::new() }; 3];
    for (address, from) in all.iter_mut().zip([TABLET, PHONE, STRANGER]) {
        let (_, data) = told(&ask(house, from, name).await);
        *address = data.join(" ");
    }
    all
}

async fn code(house: &House, from: IpAddr, name: &str) -> Option<u16> {
    let answer = ask(house, from, name).await;
    extended_error(&answer).map(|(code, _)| code)
}

#[tokio::test]
async fn packs_and_rules_of_a_group_count_for_its_devices_alone() {
    let house = house(
        "[[group]]\nname = \"kids\"\nrules = [\"||game.example^\", \"@@||ok.example^\"]\n\
         [[group]]\nname = \"guests\"\npacks = { xiaomi = \"off\" }\n\
         [[rule]]\nmatch = \"||ok.example^\"\n\
         [[rule]]\nmatch = \"||x.game.example^\"\naction = \"allow\"\ndevices = [\"Tablet\"]",
    )
    .await;
    let (none, some) = ("0.0.0.0", "192.0.2.99");
    for (name, expected) in [
        ("game.example.", [none, some, some]),
        // The device's own rule comes before its group's, and this before the rule for all.
        ("x.game.example.", [some, some, some]),
        ("ok.example.", [some, none, none]),
        ("tracking.miui.com.", [none, none, some]),
    ] {
        assert_eq!(addresses(&house, name).await, expected, "{name}");
    }
    // RFC 8914: 17 where the group decides, 15 where the rule is for all.
    assert_eq!(code(&house, TABLET, "game.example.").await, Some(17));
    assert_eq!(code(&house, PHONE, "ok.example.").await, Some(15));
    assert_eq!(code(&house, PHONE, "tracking.miui.com.").await, Some(15));
}

#[tokio::test]
async fn what_an_answer_points_to_is_judged_for_each_group_by_its_own_rules() {
    let house = house(
        "[[group]]\nname = \"kids\"\nrules = [\"||192.0.2.99^\"]\n\
         [[group]]\nname = \"guests\"",
    )
    .await;
    for _ in 0..2 {
        let expected = ["0.0.0.0", "192.0.2.99", "192.0.2.99"];
        assert_eq!(addresses(&house, "shop.example.").await, expected);
    }
}

#[tokio::test]
async fn search_engines_are_asked_safely_for_one_group_only() {
    let house = house(
        "[[group]]\nname = \"kids\"\nsafesearch = [\"duckduckgo\"]\n\
         [[group]]\nname = \"guests\"",
    )
    .await;
    let [tablet, phone, stranger] = addresses(&house, "duckduckgo.com.").await;
    assert_eq!(tablet, "safe.duckduckgo.com. 192.0.2.99");
    assert_eq!(
        (phone.as_str(), stranger.as_str()),
        ("192.0.2.99", "192.0.2.99")
    );
}

#[tokio::test]
async fn a_device_stays_in_its_group_at_every_further_address() {
    let stub = Stub::with_address("192.0.2.99").await;
    let config = "[[group]]\nname = \"kids\"\nrules = [\"||game.example^\"]\n\
         [[device]]\nname = \"Tablet\"\nmatch = \"127.0.0.16/28\"\ngroup = \"kids\"";
    let house = House::with(stub, config).await;
    // The second question from an address is answered by what the first one left behind.
    for last in [17, 18, 18, 19, 19, 17] {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        let (_, data) = told(&ask(&house, from, "game.example.").await);
        assert_eq!(data, ["0.0.0.0"], "127.0.0.{last}");
    }
}

/// A schedule of the kids that always counts.
fn always(schedule: &str) -> String {
    let rules = "[\"||game.example^\", \"@@||school.example^\"]";
    let kids = format!("name = \"kids\"\npacks = {{ xiaomi = \"off\" }}\nrules = {rules}");
    format!(
        "[[group]]\n{kids}\n[[group.schedule]]\nname = \"bedtime\"\n{schedule}\n\
         [[group]]\nname = \"guests\"\n"
    )
}

#[tokio::test]
async fn a_schedule_that_blocks_all_leaves_the_home_and_the_groups_exceptions() {
    let more = "[[record]]\nname = \"nas.home.arpa\"\nvalue = \"192.0.2.10\"\n\
                [[rule]]\nmatch = \"||shop.example^\"\naction = \"allow\"";
    let house = house(&(always("action = \"block_all\"") + more)).await;
    for (name, expected) in [
        ("news.example.", ["0.0.0.0", "192.0.2.99", "192.0.2.99"]),
        ("school.example.", ["192.0.2.99"; 3]),
        ("nas.home.arpa.", ["192.0.2.10"; 3]),
        ("localhost.", ["127.0.0.1"; 3]),
        // What is let through for all is not for the group at bedtime.
        ("shop.example.", ["0.0.0.0", "192.0.2.99", "192.0.2.99"]),
    ] {
        assert_eq!(addresses(&house, name).await, expected, "{name}");
    }
    let told = extended_error(&ask(&house, TABLET, "news.example.").await);
    assert_eq!(told, Some((17, "schedule: bedtime".to_owned())));
}

#[tokio::test]
async fn a_schedule_that_pauses_lets_through_what_the_group_blocks() {
    let house = house(&always("action = \"pause\"")).await;
    assert_eq!(addresses(&house, "game.example.").await, ["192.0.2.99"; 3]);
}

#[tokio::test]
async fn a_schedule_adds_rules_and_packs_to_those_of_the_group() {
    let house = house(&always(
        "rules = [\"||videos.example^\"]\npacks = { xiaomi = \"block\" }",
    ))
    .await;
    for (name, tablet) in [
        ("videos.example.", "0.0.0.0"),
        ("game.example.", "0.0.0.0"),
        ("news.example.", "192.0.2.99"),
    ] {
        let expected = [tablet, "192.0.2.99", "192.0.2.99"];
        assert_eq!(addresses(&house, name).await, expected, "{name}");
    }
    let pack = "tracking.miui.com.";
    assert_eq!(addresses(&house, pack).await, ["0.0.0.0"; 3]);
    assert_eq!(code(&house, TABLET, pack).await, Some(17));
    assert_eq!(code(&house, PHONE, pack).await, Some(15));
}

#[tokio::test]
async fn a_group_asks_upstreams_of_its_own_and_answers_do_not_mix() {
    let family = Stub::with_address("192.0.2.66").await;
    let config = format!(
        "[[group]]\nname = \"kids\"\nupstream = [\"{}\"]\n[[group]]\nname = \"guests\"\n",
        family.url("udp")
    );
    let house = house(&config).await;
    let expected = ["192.0.2.66", "192.0.2.99", "192.0.2.99"];
    // The second time from what is held.
    for _ in 0..2 {
        assert_eq!(addresses(&house, "news.example.").await, expected);
    }
    assert_eq!((family.seen().len(), house.stub.seen().len()), (1, 1));
}

#[tokio::test]
async fn a_route_is_asked_for_every_group() {
    let family = Stub::with_address("192.0.2.66").await;
    let router = Stub::with_address("192.0.2.1").await;
    let config = format!(
        "[[upstream.route]]\ndomains = [\"fritz.example\"]\nservers = [\"{}\"]\n\
         [[group]]\nname = \"kids\"\nupstream = [\"{}\"]\n[[group]]\nname = \"guests\"\n",
        router.url("udp"),
        family.url("udp")
    );
    let house = house(&config).await;
    assert_eq!(
        addresses(&house, "nas.fritz.example.").await,
        ["192.0.2.1"; 3]
    );
}

/// The address that a device gets for which 127.0.0.9 asks.
async fn relayed(house: &House, option: (u16, &[u8])) -> String {
    let mut query = question("game.example.", RecordType::A);
    let option = EdnsOption::Unknown(option.0, option.1.to_vec());
    query.edns.as_mut().unwrap().options_mut().insert(option);
    let answer = house.send_bytes(STRANGER, &query.to_vec().unwrap()).await;
    let (_, data) = told(&Message::from_vec(&answer).unwrap());
    data.join(" ")
}

#[tokio::test]
async fn a_router_that_is_trusted_says_for_which_device_it_asks() {
    let config = "[[group]]\nname = \"kids\"\nrules = [\"||game.example^\"]\n\
         [[device]]\nname = \"Phone\"\nmatch = \"aa:bb:cc:dd:ee:0f\"\ngroup = \"kids\"\n";
    let mac = [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x0f];
    let text: &[u8] = b"aa:bb:cc:dd:ee:0f";
    for (trusted, phone) in [("127.0.0.9", "0.0.0.0"), ("127.0.0.1", "192.0.2.99")] {
        let stub = Stub::with_address("192.0.2.99").await;
        let trust = format!("{config}[devices]\ntrust_mac_from = [\"{trusted}\"]");
        let house = House::with(stub, &trust).await;
        // The second time without a lock.
        for option in [(65001, &mac[..]), (65073, text), (65001, &mac[..])] {
            assert_eq!(relayed(&house, option).await, phone, "{trusted}");
        }
        assert_eq!(
            relayed(&house, (65001, &[2, 0, 0, 0, 0, 1])).await,
            "192.0.2.99"
        );
    }
}

#[tokio::test]
async fn a_router_that_is_trusted_says_which_router_it_is() {
    let config = "[[group]]\nname = \"kids\"\nrules = [\"||game.example^\"]\n\
         [[device]]\nname = \"Cottage\"\nmatch = \"cottage\"\ngroup = \"kids\"\n\
         [[device]]\nname = \"Phone\"\nmatch = \"aa:bb:cc:dd:ee:0f\"\n";
    for (trusted, cottage) in [("127.0.0.9", "0.0.0.0"), ("127.0.0.1", "192.0.2.99")] {
        let stub = Stub::with_address("192.0.2.99").await;
        let trust = format!("{config}[devices]\ntrust_mac_from = [\"{trusted}\"]");
        let house = House::with(stub, &trust).await;
        // The second time without a lock.
        for id in ["Cottage", "cottage"] {
            assert_eq!(relayed(&house, (65074, id.as_bytes())).await, cottage);
        }
        let long = "x".repeat(1000);
        for other in ["", "elsewhere", "\u{7f}", &long] {
            assert_eq!(
                relayed(&house, (65074, other.as_bytes())).await,
                "192.0.2.99"
            );
        }
        assert_eq!(relayed(&house, (65074, &[0xff, 0xfe])).await, "192.0.2.99");
        // Whom it asks for says more than who it is.
        let mut query = question("game.example.", RecordType::A);
        let options = query.edns.as_mut().unwrap().options_mut();
        options.insert(EdnsOption::Unknown(65074, b"cottage".to_vec()));
        options.insert(EdnsOption::Unknown(65073, b"aa:bb:cc:dd:ee:0f".to_vec()));
        let answer = house.send_bytes(STRANGER, &query.to_vec().unwrap()).await;
        let (_, data) = told(&Message::from_vec(&answer).unwrap());
        assert_eq!(data, ["192.0.2.99"]);
    }
}

#[tokio::test]
async fn a_canary_that_is_blocked_still_keeps_browsers_here() {
    let house =
        house(&(always("action = \"block_all\"") + "[[rule]]\nmatch = \"||icloud.com^\"")).await;
    for name in ["use-application-dns.net.", "mask.icloud.com."] {
        let answer = ask(&house, TABLET, name).await;
        assert_eq!(
            answer.metadata.response_code,
            ResponseCode::NXDomain,
            "{name}"
        );
    }
}
