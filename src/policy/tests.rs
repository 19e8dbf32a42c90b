//! The order of decision, source by source.

use std::net::Ipv4Addr;

use super::*;
use crate::config::{self, DeviceMatch, ListAction};
use crate::device::NameSource;
use crate::lists::{Format, Reading, Role, add, own_rule};
use crate::matcher::rule::{self, Sink as _};
use crate::matcher::{Compiler, Rank, Reach, Source, Want, What, compiled};
use crate::query::VerdictWord;

const ASKER: Asker = Asker {
    device: DeviceId(1),
    group: GroupId(0),
    address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
};

fn pack(compiler: &mut Compiler, rules: &[(&str, Want)]) {
    compiler.source(Source::new(
        "pack:one".into(),
        Rank::Pack,
        "One: usage analytics".into(),
    ));
    for (&(name, want), line) in rules.iter().zip(0..) {
        let what = What {
            reach: Reach::Subtree,
            want,
            important: false,
        };
        compiler.add(what, name, line);
    }
}

/// A policy over a pack and lists, each with its role, dialect and text.
fn policy(rules: &[(&str, Want)], lists: &[(Role, Format, &str)]) -> Policy {
    let live = Arc::new(Live::default());
    let base = compiled(|compiler| {
        for (number, &(role, format, text)) in lists.iter().enumerate() {
            let reading = Reading {
                format: Some(format),
                role,
            };
            add(compiler, &format!("l{number}"), reading, text.as_bytes()).unwrap();
        }
    });
    let top = compiled(|compiler| pack(compiler, rules));
    live.swap(Matcher::new(Arc::new(base), Arc::new(top)));
    Policy::new(live)
}

fn word(policy: &Policy, name: &str) -> VerdictWord {
    let name = name.parse().unwrap();
    policy.judge(ASKER, &name, RecordType::A).word()
}

#[track_caller]
fn check(policy: &Policy, rows: &[(&str, VerdictWord)]) {
    for (name, expected) in rows {
        assert_eq!(word(policy, name), *expected, "{name}");
    }
}

#[test]
fn among_packs_the_most_specific_entry_decides() {
    use VerdictWord::{Allow, Block, Watch};
    let policy = policy(
        &[
            ("vendor.example", Want::Allow),
            ("data.vendor.example", Want::Block),
            ("account.data.vendor.example", Want::Watch),
        ],
        &[],
    );
    check(
        &policy,
        &[
            ("shop.vendor.example", Allow),
            ("data.vendor.example", Block),
            ("eu.data.vendor.example", Block),
            ("account.data.vendor.example", Watch),
            ("notdata.example", Allow),
        ],
    );
}

#[test]
fn the_strictest_of_packs_and_lists_holds() {
    use VerdictWord::{Allow, Block, Watch};
    let policy = policy(
        &[
            ("spared.example", Want::Allow),
            ("watched.example", Want::Watch),
            ("blocked.example", Want::Block),
        ],
        &[
            (
                Role::Block,
                Format::Domains,
                "spared.example\nwatched.example",
            ),
            (
                Role::Watch,
                Format::Domains,
                "blocked.example\nlist.example",
            ),
        ],
    );
    check(
        &policy,
        &[
            // What a pack spares, it spares from packs only.
            ("spared.example", Block),
            ("x.spared.example", Allow),
            ("watched.example", Block),
            ("x.watched.example", Watch),
            ("blocked.example", Block),
            ("list.example", Watch),
        ],
    );
}

#[test]
fn exceptions_of_lists_spare_from_packs_too_unless_a_block_is_important() {
    use VerdictWord::{Allow, Block, Watch};
    let policy = policy(
        &[("vendor.example", Want::Block)],
        &[
            (
                Role::Block,
                Format::Adblock,
                "||ads.example^\n||hard.example^$important\n@@||ok.vendor.example^\n@@||hard.example^",
            ),
            (
                Role::Allow,
                Format::Domains,
                "allowed.hard.example\nallowed.vendor.example",
            ),
            (
                Role::Watch,
                Format::Adblock,
                "@@||ads.example^\n||seen.example^\n@@||not.seen.example^",
            ),
        ],
    );
    check(
        &policy,
        &[
            ("vendor.example", Block),
            ("ok.vendor.example", Allow),
            ("allowed.vendor.example", Allow),
            ("hard.example", Block),
            ("allowed.hard.example", Allow),
            // A list that only watches spares from being watched.
            ("ads.example", Block),
            ("seen.example", Watch),
            ("not.seen.example", Allow),
        ],
    );
}

#[test]
fn a_zone_is_one_voice_and_the_first_zone_with_a_match_decides() {
    use VerdictWord::{Allow, Block};
    let policy = policy(
        &[],
        &[
            (
                Role::Block,
                Format::Rpz,
                "first.example CNAME rpz-passthru.",
            ),
            (
                Role::Block,
                Format::Rpz,
                "first.example CNAME .\n*.z.example CNAME .\nok.z.example CNAME rpz-passthru.\n\
                 both.example CNAME .\n*.both.example CNAME .",
            ),
        ],
    );
    check(
        &policy,
        &[
            ("first.example", Allow),
            ("a.z.example", Block),
            ("z.example", Allow),
            ("ok.z.example", Allow),
            // RFC 4592: a name that is there is not covered by the wildcard, nor what is below it.
            ("x.ok.z.example", Allow),
            ("both.example", Block),
            ("x.both.example", Block),
        ],
    );
}

#[test]
fn a_match_is_put_into_words_after_one_swap_too() {
    let policy = policy(&[("data.vendor.example", Want::Block)], &[]);
    let name = "x.data.vendor.example".parse().unwrap();
    let matched = policy.judge(ASKER, &name, RecordType::A).matched().unwrap();
    let label = EntryLabel {
        origin: "pack:one".into(),
        entry: "data.vendor.example".into(),
    };
    policy.with_reply(matched, |reply, reason| {
        assert_eq!(
            (reply, reason.text),
            (BlockReply::Configured, "One: usage analytics")
        );
    });
    policy.rules.swap(Matcher::default());
    assert_eq!(policy.describe(matched, &name), Some(label));
    policy.with_reply(matched, |_, reason| {
        assert_eq!(reason.text, "One: usage analytics");
    });
    policy.rules.swap(Matcher::default());
    assert_eq!(policy.describe(matched, &name), None);
}

#[test]
fn what_an_answer_points_to_is_judged_and_told_by_its_own_entry() {
    let policy = policy(&[], &[(Role::Block, Format::Domains, "tracker.example")]);
    let asked = "shop.example".parse().unwrap();
    let target: Name = "tracker.example".parse().unwrap();
    let verdict = policy
        .inspect(ASKER, &asked, (Target::Name(&target), RecordType::CNAME))
        .unwrap();
    let matched = verdict.matched().unwrap();
    assert_eq!(verdict.word(), VerdictWord::Block);
    assert_eq!(
        policy.describe(matched, &asked).unwrap().entry,
        "=tracker.example"
    );
    let fine: Name = "cdn.example".parse().unwrap();
    let target = (Target::Name(&fine), RecordType::CNAME);
    assert_eq!(policy.inspect(ASKER, &asked, target), None);
}

#[test]
fn an_explanation_names_every_entry_that_covers_the_name() {
    let policy = policy(
        &[
            ("vendor.example", Want::Allow),
            ("data.vendor.example", Want::Block),
        ],
        &[(Role::Watch, Format::Adblock, "||vendor.example^")],
    );
    let why = policy.explain(
        ASKER,
        &"data.vendor.example".parse().unwrap(),
        RecordType::A,
    );
    assert_eq!(why.verdict, VerdictWord::Block);
    let told = why.covering.iter().map(|rule| {
        (
            rule.label.origin.as_str(),
            rule.label.entry.as_str(),
            rule.entry,
        )
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("pack:one", "data.vendor.example", 1),
            ("list:l0", "vendor.example", 1),
            ("pack:one", "vendor.example", 0),
        ]
    );
}

#[test]
fn an_explanation_tells_of_keys_what_is_decided_on_their_name() {
    let policy = policy(
        &[],
        &[(Role::Block, Format::Hosts, "0.0.0.0 ads.example\n")],
    );
    for (name, expected) in [
        ("_esni.ads.example", VerdictWord::Block),
        ("_esni.other.example", VerdictWord::Allow),
    ] {
        let name: Name = name.parse().unwrap();
        let verdict = policy.judge(ASKER, &name, RecordType::TXT);
        let why = policy.explain(ASKER, &name, RecordType::TXT);
        assert_eq!(
            (verdict.word(), why.verdict),
            (expected, expected),
            "{name}"
        );
    }
}

/// A policy over rules that are each for one device.
fn for_devices(devices: &Arc<Devices>, rules: &[(&str, DeviceId)]) -> Policy {
    let live = Arc::new(Live::default());
    let base = compiled(|_| {});
    let top = compiled(|compiler| {
        let origin = "rule".to_owned();
        compiler.source(Source::new(origin, Rank::Own, String::new()));
        for (text, device) in rules {
            let mut rule = own_rule(text, ListAction::Block, &[]).unwrap();
            rule.limits.devices.only = vec![rule::Asker::Device(*device)];
            compiler.rule(rule);
        }
    });
    live.swap(Matcher::new(Arc::new(base), Arc::new(top)));
    Policy::new(live).with_devices(Arc::clone(devices))
}

/// What becomes of a name that is asked for from an address.
fn asked_from(policy: &Policy, address: &str, name: &str) -> VerdictWord {
    let address = address.parse().unwrap();
    let devices = policy.devices.as_ref().unwrap();
    let asker = Asker {
        device: devices.identify(address),
        address,
        ..ASKER
    };
    let name = name.parse().unwrap();
    policy.judge(asker, &name, RecordType::A).word()
}

#[test]
fn a_rule_for_one_device_leaves_another_that_calls_itself_the_same_alone() {
    let devices = Arc::new(Devices::new(&[], Vec::new()));
    let [mine, other] = ["192.0.2.7", "192.0.2.8"];
    let id = devices.identify(mine.parse().unwrap());
    devices.identify(other.parse().unwrap());
    for address in [mine, other] {
        devices.learn_name(address.parse().unwrap(), NameSource::Mdns, "phone");
    }
    let policy = for_devices(&devices, &[("||game.example^", id)]);
    assert_eq!(
        asked_from(&policy, mine, "game.example"),
        VerdictWord::Block
    );
    assert_eq!(
        asked_from(&policy, other, "game.example"),
        VerdictWord::Allow
    );
}

#[test]
fn a_rule_for_one_device_stays_with_it_whatever_becomes_known_of_it() {
    let devices = Arc::new(Devices::new(&[], Vec::new()));
    let guess = devices.identify("192.0.2.7".parse().unwrap());
    let policy = for_devices(&devices, &[("||game.example^", guess)]);
    let is_blocked = |address| asked_from(&policy, address, "game.example") == VerdictWord::Block;
    assert!(is_blocked("192.0.2.7"));
    let mac = [2, 0, 0, 0, 0, 7];
    devices.sight("192.0.2.7".parse().unwrap(), mac);
    devices.sight("2001:db8::7".parse().unwrap(), mac);
    assert_ne!(devices.resolve(guess), guess);
    assert!(is_blocked("192.0.2.7") && is_blocked("2001:db8::7"));
    assert!(!is_blocked("192.0.2.8"));
    devices.reconfigure(&[named("Tablet", DeviceMatch::Mac(mac))]);
    assert!(is_blocked("192.0.2.7"));
}

fn named(name: &str, found: DeviceMatch) -> config::Device {
    config::Device {
        name: name.to_owned(),
        matches: vec![found],
        tags: Vec::new(),
        group: None,
    }
}

#[test]
fn the_name_and_tags_of_a_device_are_those_that_people_gave_it() {
    let config = [named(
        "tablet",
        DeviceMatch::Ip("192.0.2.7".parse().unwrap()),
    )];
    let devices = Arc::new(Devices::new(&config, Vec::new()));
    let lists = "||a.example^$client=tablet\n||b.example^$ctag=device_tablet";
    let policy = policy(&[], &[(Role::Block, Format::Adblock, lists)]);
    let policy = policy.with_devices(Arc::clone(&devices));
    policy.set_tags([("tablet".to_owned(), vec!["device_tablet".to_owned()])].into());
    // It says that it is called so; anybody may.
    devices.identify("192.0.2.8".parse().unwrap());
    devices.learn_name("192.0.2.8".parse().unwrap(), NameSource::Mdns, "tablet");
    for name in ["a.example", "b.example"] {
        assert_eq!(asked_from(&policy, "192.0.2.7", name), VerdictWord::Block);
        assert_eq!(asked_from(&policy, "192.0.2.8", name), VerdictWord::Allow);
    }
}

#[test]
fn a_transparent_zone_of_unbound_says_nothing_of_what_others_block() {
    use VerdictWord::{Allow, Block};
    let policy = policy(
        &[("vendor.example", Want::Block)],
        &[
            (
                Role::Block,
                Format::Unbound,
                "local-zone: \"example\" always_nxdomain\n\
                 local-zone: \"site.example\" transparent\n\
                 local-data: \"ads.site.example A 0.0.0.0\"\n\
                 local-zone: \"vendor.example\" typetransparent\n\
                 local-zone: \"spared.example\" always_transparent",
            ),
            (
                Role::Block,
                Format::Adblock,
                "||track.site.example^\n||spared.example^",
            ),
        ],
    );
    check(
        &policy,
        &[
            ("other.example", Block),
            ("www.site.example", Allow),
            ("ads.site.example", Block),
            ("track.site.example", Block),
            ("data.vendor.example", Block),
            ("spared.example", Allow),
        ],
    );
    let name = "www.site.example".parse().unwrap();
    let told = policy.explain(ASKER, &name, RecordType::A);
    assert_eq!(told.verdict, Allow);
    let first = told.covering.first().unwrap();
    assert_eq!((&*first.label.entry, first.action), ("site.example", Allow));
}
