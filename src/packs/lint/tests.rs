//! One good folder, and for each rule a mistake in it.

use super::*;
use crate::packs::Files;

const ACME: &str = r#"schema = 1

[pack]
id = "acme"
name = "Acme televisions"
summary = "Stops reports of what is watched; updates keep working."
kind = "tv"
owner_domains = ["example.com", "example.net"]
see_also = ["beta"]
maintainers = ["@somebody"]
reviewed = 2026-11-20
licence = "CC0-1.0"

[[component]]
id = "player"
name = "Player"
packages = ["com.example.player"]
opt_out = "Settings > Privacy > Reports"

[[component]]
id = "store"
name = "Store"

[[entry]]
domain = "ads.example.com"
match = "subtree"
action = "block"
level = "strict"
purpose = ["advertising"]
regions = ["global"]
lists = ["one-native"]

  [[entry.breaks]]
  what = "Not tried"
  severity = "unknown"

[[entry]]
domain = "example.com"
match = "subtree"
action = "allow"
purpose = ["ota-update"]
component = "store"
regions = ["global"]

  [[entry.evidence]]
  source = "tracker"
  kind = "field"
  where = "owner/repository#1"

  [[entry.breaks]]
  what = "Updates"
  severity = "feature"

[[entry]]
domain = "log-{cc}.example.net"
expand = { cc = ["de", "fr"] }
match = "exact"
action = "block"
level = "standard"
purpose = ["usage-analytics"]
component = "player"
regions = ["global"]
lists = ["one-multi", "three", "two"]

  [[entry.breaks]]
  what = "Nothing reported"
  severity = "none"

[[entry]]
domain = "push.example.com"
match = "exact"
action = "watch"
purpose = ["push"]
component = "store"
regions = ["global"]
lists = ["two"]

  [[entry.breaks]]
  what = "Messages"
  severity = "feature"

[[entry]]
domain = "track.example.com"
match = "subtree"
action = "block"
level = "safe"
purpose = ["usage-analytics"]
component = "player"
regions = ["cn", "global"]
lists = ["one-multi", "two"]

  [[entry.evidence]]
  source = "study"
  kind = "measured"
  where = "Model 1, in a laboratory"
  seen = 2024
  data = ["serial"]
  when = "in normal use"

  [[entry.breaks]]
  what = "Nothing reported"
  severity = "none"
"#;

const BETA: &str = r#"schema = 1

[pack]
id = "beta"
name = "Beta speakers"
summary = "Stops statistics of speakers; music keeps playing."
kind = "speaker"
owner_domains = []
maintainers = ["@somebody"]
reviewed = 2026-11-20
licence = "CC0-1.0"

[[entry]]
domain = "stats.example.org"
match = "exact"
action = "block"
level = "safe"
purpose = ["usage-analytics"]
regions = ["unknown"]

  [[entry.evidence]]
  source = "study"
  kind = "measured"
  where = "Speaker 2"

  [[entry.breaks]]
  what = "Nothing reported"
  severity = "none"
"#;

const VOCAB: &str = r#"schema = 1

[purpose]
advertising = { text = "advertising", may_block = true }
ota-update = { text = "software updates", may_block = false }
push = { text = "push messages", may_block = false }
usage-analytics = { text = "usage analytics", may_block = true }

[data]
serial = { text = "the serial number", sensitive = true }

[severity]
cosmetic = "something looks wrong"
device = "the device stops working"
feature = "a function stops"
none = "nothing noticed"
unknown = "nobody has tried"

[kind]
field = { rank = "C", text = "reported by users" }
measured = { rank = "A", text = "measured by a study" }
"#;

const SOURCES: &str = r#"schema = 1

[source.study]
title = "Doe 2024: televisions"
address = "https://example.org/study"
date = "2024-05"
kinds = ["measured"]
quote = "facts"

[source.tracker]
title = "An issue tracker"
kinds = ["field"]
quote = "facts"

[list.one-multi]
name = "One, all"
family = "one"
quote = "facts"

[list.one-native]
name = "One, native"
family = "one"
quote = "facts"

[list.three]
name = "Three"
family = "three"
quote = "rows"

[list.two]
name = "Two"
family = "two"
quote = "facts"
"#;

const NEVER: &str = r#"schema = 1

[[never]]
domain = "captive.example.org"
match = "exact"
why = "it is asked whether there is Internet"

[[never]]
domain = "time.example.org"
match = "subtree"
why = "clocks"
"#;

const EXAMPLES: &str = r#"schema = 1
must_block = ["a.track.example.com", "log-de.example.net"]
must_watch = ["push.example.com"]
must_resolve = ["www.example.com", "ads.example.com", "unknown.example.net"]
"#;

const DEVICES: &str = r#"schema = 1

[[device]]
id = "acme-tv"
name = "Acme television"
kind = "tv"
packs = ["acme", "beta"]
makers = ["Acme Inc."]
host_names = ["acme-*"]
asks = ["track.example.com"]
maker_alone = true

[[device]]
id = "beta-speaker"
name = "Beta speaker"
kind = "speaker"
packs = ["beta"]
maker_alone = false
"#;

/// The good folder, with changes to make in its files.
fn lint_with(changes: &[(&str, &str, &str)]) -> (Report, Vec<(String, String)>) {
    let mut texts: Vec<(String, String)> = [
        ("packs/acme.toml", ACME),
        ("packs/beta.toml", BETA),
        ("vocab.toml", VOCAB),
        ("sources.toml", SOURCES),
        ("never-block.toml", NEVER),
        ("devices.toml", DEVICES),
        ("tests/acme.toml", EXAMPLES),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .to_vec();
    for (path, from, to) in changes {
        let (_, text) = texts.iter_mut().find(|(known, _)| known == path).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        *text = text.replacen(from, to, 1);
    }
    let files = Files::from_texts("lists", &texts);
    (lint(&files, "2026-11-21".parse().unwrap()), texts)
}

/// Asserts that the change is found by this rule alone, at the line that has `at`.
fn assert_found(code: Code, change: (&str, &str, &str), at: &str, says: &str) {
    let (report, texts) = lint_with(&[change]);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let [finding] = report.findings.as_slice() else {
        panic!("{change:?}: one finding wanted, not {found:#?}");
    };
    assert_eq!(finding.code, code, "{found:?}");
    assert_eq!(finding.file, format!("lists/{}", change.0));
    let (_, text) = texts.iter().find(|(path, _)| *path == change.0).unwrap();
    let line = text.lines().nth(finding.line as usize - 1).unwrap();
    assert!(line.contains(at), "{found:?} points at {line:?}");
    assert!(finding.message.contains(says), "{found:?}");
}

fn assert_found_in_acme(code: Code, from: &str, to: &str, at: &str, says: &str) {
    assert_found(code, ("packs/acme.toml", from, to), at, says);
}

const TRACK: &str = "domain = \"track.example.com\"";

#[test]
fn a_good_folder_has_no_finding() {
    let (report, _) = lint_with(&[]);
    assert_eq!(report.findings, []);
    assert_eq!((report.packs, report.names), (2, 7));
}

#[test]
fn p01_finds_what_is_not_toml() {
    let change = ("packs/beta.toml", "kind = \"speaker\"", "kind = speaker");
    assert_found(Code::P01, change, "kind = speaker", "string");
}

#[test]
fn p01_finds_that_a_file_is_missing() {
    let files = Files::from_texts("lists", &[("packs/beta.toml".to_owned(), BETA.to_owned())]);
    let report = lint(&files, "2026-11-21".parse().unwrap());
    let missing: Vec<&str> = report
        .findings
        .iter()
        .filter(|one| one.code == Code::P01)
        .map(|one| one.file.as_str())
        .collect();
    assert_eq!(
        missing,
        [
            "lists/never-block.toml",
            "lists/sources.toml",
            "lists/vocab.toml"
        ]
    );
}

#[test]
fn p02_finds_an_unknown_key_and_names_the_nearest() {
    let says = "did you mean `summary`?";
    let (report, _) = lint_with(&[(
        "packs/acme.toml",
        "kind = \"tv\"",
        "kind = \"tv\"\nsumary = 1",
    )]);
    assert_eq!(report.findings.len(), 1);
    assert!(
        report.findings[0].message.contains(says),
        "{:?}",
        report.findings
    );
    let change = "match = \"subtree\"\nregion = []";
    assert_found_in_acme(
        Code::P02,
        "match = \"subtree\"",
        change,
        "region =",
        "did you mean `regions`?",
    );
}

#[test]
fn p02_finds_values_of_the_wrong_form() {
    let cases = [
        (
            "kind = \"tv\"",
            "kind = \"television\"",
            "television",
            "one of phone, tv",
        ),
        (
            "name = \"Acme televisions\"",
            "name = \"A\"",
            "name = \"A\"",
            "2 to 60 characters",
        ),
        (
            "reviewed = 2026-11-20",
            "reviewed = \"2026-11-20\"",
            "reviewed",
            "without quotes",
        ),
        (
            "maintainers = [\"@somebody\"]",
            "maintainers = []",
            "maintainers",
            "at least one",
        ),
        (
            "licence = \"CC0-1.0\"",
            "licence = \"MIT\"",
            "licence",
            "CC0-1.0",
        ),
        (
            "  seen = 2024",
            "  seen = 1999",
            "seen",
            "from 2008 to 2100",
        ),
        (
            "[\"com.example.player\"]",
            "[\"com example\"]",
            "packages",
            "com.example.app",
        ),
        ("schema = 1", "schema = 2", "schema", "it is 1"),
        (
            "[\"cn\", \"global\"]",
            "[\"cn\", \"cn\"]",
            "regions",
            "different",
        ),
        (
            "  seen = 2024",
            "  disputed = true",
            "disputed",
            "unknown key",
        ),
    ];
    for (from, to, at, says) in cases {
        assert_found_in_acme(Code::P02, from, to, at, says);
    }
}

#[test]
fn p02_finds_a_block_without_a_level_and_a_level_without_a_block() {
    let cases = [
        ("level = \"safe\"\n", "", "[[entry]]", "`level` is missing"),
        (
            "action = \"watch\"",
            "action = \"watch\"\nlevel = \"safe\"",
            "level",
            "take it away",
        ),
    ];
    for (from, to, at, says) in cases {
        let (report, texts) = lint_with(&[("packs/acme.toml", from, to)]);
        let finding = report
            .findings
            .iter()
            .find(|one| one.code == Code::P02)
            .unwrap();
        assert!(finding.message.contains(says), "{finding}");
        let line = texts[0].1.lines().nth(finding.line as usize - 1).unwrap();
        assert!(line.contains(at), "{finding} points at {line:?}");
    }
}

#[test]
fn p02_finds_an_entry_that_does_not_say_what_breaks() {
    let breaks = "  [[entry.breaks]]\n  what = \"Not tried\"\n  severity = \"unknown\"\n";
    assert_found_in_acme(Code::P02, breaks, "", "[[entry]]", "Nothing reported");
}

#[test]
fn p02_holds_for_the_files_beside_the_packs() {
    let cases = [
        (
            ("vocab.toml", "sensitive = true", "sensitive = \"yes\""),
            "serial",
            "true or false",
        ),
        (
            ("sources.toml", "family = \"three\"", "familly = \"three\""),
            "familly",
            "family",
        ),
        (
            ("never-block.toml", "match = \"subtree\"", "match = \"all\""),
            "match",
            "exact, subtree",
        ),
        (
            ("tests/acme.toml", "must_watch", "must_wach"),
            "must_wach",
            "must_watch",
        ),
    ];
    for (change, at, says) in cases {
        let (report, texts) = lint_with(&[change]);
        let found = report.findings.iter().find(|one| {
            let (_, text) = texts.iter().find(|(path, _)| path == change.0).unwrap();
            let line = text.lines().nth(one.line as usize - 1).unwrap_or_default();
            one.file.ends_with(change.0)
                && one.code == Code::P02
                && line.contains(at)
                && one.message.contains(says)
        });
        assert!(found.is_some(), "{change:?}: {:#?}", report.findings);
    }
}

#[test]
fn p03_finds_a_file_with_another_name_than_its_pack() {
    let (report, _) = lint_with(&[("packs/beta.toml", "id = \"beta\"", "id = \"gamma\"")]);
    let found = report
        .findings
        .iter()
        .find(|one| one.code == Code::P03)
        .unwrap();
    assert_eq!(
        (found.file.as_str(), found.line),
        ("lists/packs/beta.toml", 4)
    );
    assert!(found.message.contains("`gamma.toml`"));
}

#[test]
fn p04_finds_a_date_in_the_future() {
    let cases = [
        ("reviewed = 2026-11-20", "reviewed = 2026-11-22", "reviewed"),
        (
            "action = \"watch\"",
            "action = \"watch\"\nretired = 2026-11-22",
            "retired",
        ),
    ];
    let (_, from, to) = ("", cases[0].0, cases[0].1);
    assert_found_in_acme(Code::P04, from, to, "reviewed", "today is 2026-11-21");
    let (report, _) = lint_with(&[("packs/acme.toml", cases[1].0, cases[1].1)]);
    let found = report
        .findings
        .iter()
        .find(|one| one.code == Code::P04)
        .unwrap();
    assert!(found.message.contains(cases[1].2));
}

#[test]
fn p05_finds_what_is_not_sorted() {
    let cases = [
        (
            "domain = \"ads.example.com\"",
            "domain = \"zds.example.com\"",
            "domain = \"example.com\"",
        ),
        ("id = \"player\"", "id = \"tuner\"", "id = \"store\""),
        (
            "[\"example.com\", \"example.net\"]",
            "[\"example.net\", \"example.com\"]",
            "owner_domains",
        ),
        (
            "[\"one-multi\", \"three\", \"two\"]",
            "[\"two\", \"one-multi\", \"three\"]",
            "lists",
        ),
    ];
    for (from, to, at) in cases {
        let (report, texts) = lint_with(&[("packs/acme.toml", from, to)]);
        let found = report.findings.iter().find(|one| one.code == Code::P05);
        let found = found.unwrap_or_else(|| panic!("{to}: {:#?}", report.findings));
        let line = texts[0].1.lines().nth(found.line as usize - 1).unwrap();
        assert!(line.contains(at), "{found} points at {line:?}");
    }
    let change = ("sources.toml", "[source.study]", "[source.zoo]");
    let (report, _) = lint_with(&[change]);
    assert!(
        report
            .findings
            .iter()
            .any(|one| one.code == Code::P05 && one.line == 10)
    );
}

#[test]
fn p06_finds_components_that_are_missing_unused_or_there_twice() {
    let cases = [
        (
            "domain = \"push.example.com\"\nmatch = \"exact\"\naction = \"watch\"\npurpose = [\"push\"]\ncomponent = \"store\"",
            "domain = \"push.example.com\"\nmatch = \"exact\"\naction = \"watch\"\npurpose = [\"push\"]\ncomponent = \"shop\"",
            "component = \"shop\"",
            "no [[component]]",
        ),
        (
            "[[component]]\nid = \"store\"",
            "[[component]]\nid = \"quiet\"\nname = \"Quiet\"\n\n[[component]]\nid = \"store\"",
            "id = \"quiet\"",
            "no entry uses",
        ),
        (
            "[[component]]\nid = \"store\"",
            "[[component]]\nid = \"store\"\nname = \"Shop\"\n\n[[component]]\nid = \"store\"",
            "id = \"store\"",
            "there twice",
        ),
    ];
    for (from, to, at, says) in cases {
        let (report, texts) = lint_with(&[("packs/acme.toml", from, to)]);
        let found = report.findings.iter().find(|one| one.code == Code::P06);
        let found = found.unwrap_or_else(|| panic!("{to}: {:#?}", report.findings));
        let line = texts[0].1.lines().nth(found.line as usize - 1).unwrap();
        assert!(
            line.contains(at) && found.message.contains(says),
            "{found} at {line:?}"
        );
    }
}

#[test]
fn p07_finds_placeholders_that_do_not_fit() {
    let domain = "log-{cc}.example.net";
    let cases = [
        (
            "{ cc = [\"de\", \"fr\"] }",
            "{ xx = [\"de\", \"fr\"] }",
            "no `{xx}`",
        ),
        ("log-{cc}", "log-{cc", "a brace has no partner"),
        ("[\"de\", \"fr\"]", "[\"de\"]", "at least two"),
    ];
    for (from, to, says) in cases {
        let (report, texts) = lint_with(&[("packs/acme.toml", from, to)]);
        let all = report.findings.iter().filter(|one| one.code == Code::P07);
        let found = all.clone().find(|one| one.message.contains(says));
        let found = found.unwrap_or_else(|| panic!("{to}: {:#?}", report.findings));
        let line = texts[0].1.lines().nth(found.line as usize - 1).unwrap();
        assert!(line.contains(&domain[..7]), "{found} points at {line:?}");
    }
}

#[test]
fn p08_finds_words_lists_and_packs_that_do_not_exist() {
    let cases = [
        (
            "[\"advertising\"]",
            "[\"adverts\"]",
            "adverts",
            "unknown purpose",
        ),
        (
            "lists = [\"one-native\"]",
            "lists = [\"one-nativ\"]",
            "one-nativ",
            "did you mean `one-native`?",
        ),
        (
            "data = [\"serial\"]",
            "data = [\"seriel\"]",
            "seriel",
            "did you mean `serial`?",
        ),
        (
            "kind = \"measured\"",
            "kind = \"mesured\"",
            "mesured",
            "did you mean `measured`?",
        ),
        (
            "see_also = [\"beta\"]",
            "see_also = [\"betta\"]",
            "betta",
            "did you mean `beta`?",
        ),
        (
            "see_also = [\"beta\"]",
            "see_also = [\"acme\"]",
            "acme",
            "the pack itself",
        ),
    ];
    for (from, to, at, says) in cases {
        let (report, texts) = lint_with(&[("packs/acme.toml", from, to)]);
        let found = report.findings.iter().find(|one| one.code == Code::P08);
        let found = found.unwrap_or_else(|| panic!("{to}: {:#?}", report.findings));
        let line = texts[0].1.lines().nth(found.line as usize - 1).unwrap();
        assert!(
            line.contains(at) && found.message.contains(says),
            "{found} at {line:?}"
        );
    }
    let change = (
        "sources.toml",
        "kinds = [\"measured\"]",
        "kinds = [\"measured\", \"guessed\"]",
    );
    assert_found(Code::P08, change, "guessed", "vocab.toml");
}

#[test]
fn p09_finds_sources_that_do_not_exist_or_cannot_know() {
    let of_tracker = "source = \"tracker\"\n  kind = \"field\"";
    let measured = "source = \"tracker\"\n  kind = \"measured\"";
    assert_found_in_acme(
        Code::P09,
        of_tracker,
        measured,
        "measured",
        "it gives field",
    );
    let unknown = "source = \"traker\"\n  kind = \"field\"";
    let (report, _) = lint_with(&[("packs/acme.toml", of_tracker, unknown)]);
    let found = report
        .findings
        .iter()
        .find(|one| one.code == Code::P09)
        .unwrap();
    assert!(found.message.contains("did you mean `tracker`?"), "{found}");
}

#[test]
fn p10_finds_an_entry_that_rests_on_nothing() {
    let at = "domain = \"ads.example.com\"";
    assert_found_in_acme(
        Code::P10,
        "lists = [\"one-native\"]\n",
        "",
        at,
        "neither evidence nor",
    );
}

#[test]
fn p11_finds_a_block_of_what_must_not_be_blocked() {
    let track = "level = \"safe\"\npurpose = [\"usage-analytics\"]";
    let push = "level = \"safe\"\npurpose = [\"usage-analytics\", \"push\"]";
    assert_found_in_acme(Code::P11, track, push, TRACK, "push messages");
}

#[test]
fn p12_finds_a_level_that_the_evidence_does_not_carry() {
    let measured = "source = \"study\"\n  kind = \"measured\"";
    let field = "source = \"tracker\"\n  kind = \"field\"";
    assert_found_in_acme(Code::P12, measured, field, TRACK, "needs A or B");
    let at = "domain = \"log-{cc}.example.net\"";
    // Two lists of one family count once.
    let three = "[\"one-multi\", \"three\", \"two\"]";
    let two = "[\"one-multi\", \"one-native\", \"two\"]";
    assert_found_in_acme(Code::P12, three, two, at, "needs D or better");
}

#[test]
fn p13_finds_blocks_that_break_something_and_an_allow_without_a_reason() {
    let none = "when = \"in normal use\"\n\n  [[entry.breaks]]\n  what = \"Nothing reported\"\n  severity = \"none\"";
    let cases = [
        (
            none,
            none.replace("\"none\"", "\"feature\""),
            TRACK,
            "not safe",
        ),
        (
            none,
            none.replace("\"none\"", "\"device\""),
            TRACK,
            "would stop the device",
        ),
        (
            none,
            none.replace("\"none\"", "\"device\"\n  disputed = true"),
            TRACK,
            "would stop",
        ),
    ];
    for (from, to, at, says) in cases {
        assert_found_in_acme(Code::P13, from, &to, at, says);
    }
    let updates = "what = \"Updates\"\n  severity = \"feature\"";
    let to = updates.replace("feature", "unknown");
    assert_found_in_acme(
        Code::P13,
        updates,
        &to,
        "domain = \"example.com\"",
        "without a reason",
    );
    let disputed = none.replace("\"none\"", "\"feature\"\n  disputed = true");
    let (report, _) = lint_with(&[("packs/acme.toml", none, &disputed)]);
    assert_eq!(report.findings, [], "what is disputed may stay safe");
}

#[test]
fn p14_finds_links_and_markup_in_texts() {
    let cases = [
        (
            "when = \"in normal use\"",
            "when = \"see https://example.org\"",
            "has a link",
        ),
        (
            "what = \"Messages\"",
            "what = \"<b>Messages</b>\"",
            "markup",
        ),
        (
            "what = \"Messages\"",
            "what = \"Messages | more\"",
            "markup",
        ),
        ("what = \"Messages\"", "what = \"Messages \"", "space"),
        ("where = \"Model 1,", "where = \"Model\\u001B 1,", "control"),
        ("Settings > Privacy", "Settings >Privacy", "menu"),
        ("name = \"Player\"", "name = \"`Player`\"", "markup"),
    ];
    for (from, to, says) in cases {
        let at = to.split([' ', '"']).next().unwrap();
        assert_found_in_acme(Code::P14, from, to, at, says);
    }
    let change = (
        "sources.toml",
        "title = \"An issue tracker\"",
        "title = \"A `tracker`\"",
    );
    assert_found(Code::P14, change, "title", "markup");
    let place = "where = \"https://example.org/issue/1\"";
    let (report, _) = lint_with(&[("packs/acme.toml", "where = \"owner/repository#1\"", place)]);
    assert_eq!(
        report.findings,
        [],
        "where something was seen may be an address"
    );
}

#[test]
fn p15_finds_names_that_a_list_planted() {
    let at = "domain = \"ads.h4g3z1-native.";
    let from = "domain = \"ads.example.com\"";
    assert_found_in_acme(
        Code::P15,
        from,
        "domain = \"ads.h4g3z1-native.example.com\"",
        at,
        "h4g3z1-native",
    );
}

#[test]
fn p16_finds_what_is_no_domain_name() {
    let cases = [
        ("ads.Example.com", "capital letters"),
        ("ads..example.com", "empty label"),
        ("ads.-x.example.com", "hyphen"),
        ("ads.ex*mple.com", "'*'"),
        ("ads.bücher.example.com", "punycode"),
        ("ads.xn--99999.example.com", "not valid punycode"),
        ("ads.example.notatld", "does not exist"),
        ("localhost", "only one label"),
    ];
    for (name, says) in cases {
        let to = format!("domain = \"{name}\"");
        let (report, _) = lint_with(&[("packs/acme.toml", "domain = \"ads.example.com\"", &to)]);
        let found = report.findings.iter().find(|one| one.code == Code::P16);
        let found = found.unwrap_or_else(|| panic!("{name}: {:#?}", report.findings));
        assert!(found.message.contains(says), "{found}");
        assert_eq!(found.line, 25);
    }
    let change = (
        "[\"example.com\", \"example.net\"]",
        "[\"example.com\", \"example.net.\"]",
    );
    assert_found_in_acme(
        Code::P16,
        change.0,
        change.1,
        "owner_domains",
        "owner domain",
    );
    let to = "domain = \"ads.xn--bcher-kva.example.com\"";
    let (report, _) = lint_with(&[("packs/acme.toml", "domain = \"ads.example.com\"", to)]);
    assert_eq!(report.findings, []);
}

#[test]
fn p17_finds_a_public_suffix_unless_it_is_a_guard() {
    let at = "domain = \"stats.example.org\"";
    let suffix = "domain = \"co.uk\"";
    let change = ("packs/beta.toml", at, suffix);
    assert_found(Code::P17, change, suffix, "public suffix");
    let guard = (
        "packs/acme.toml",
        "domain = \"example.com\"",
        "domain = \"cloudfront.net\"",
    );
    let (report, _) = lint_with(&[guard]);
    assert!(
        report.findings.iter().all(|one| one.code != Code::P17),
        "{:#?}",
        report.findings
    );
}

#[test]
fn p18_finds_a_whole_domain_blocked_on_thin_evidence() {
    let entry = "domain = \"ads.example.com\"";
    for whole in ["domain = \"example.co.uk\"", "domain = \"example.net\""] {
        let (report, _) = lint_with(&[("packs/acme.toml", entry, whole)]);
        let found = report.findings.iter().find(|one| one.code == Code::P18);
        let found = found.unwrap_or_else(|| panic!("{whole}: {:#?}", report.findings));
        assert_eq!(found.line, 25);
    }
    let owners = (
        "[\"example.com\", \"example.net\"]",
        "[\"ads.example.com\", \"example.net\"]",
    );
    assert_found_in_acme(Code::P18, owners.0, owners.1, entry, "whole domain");
    let exact = "domain = \"ads.example.com\"\nmatch = \"exact\"";
    let change = format!("{owners}\n", owners = owners.1);
    let (report, _) = lint_with(&[
        ("packs/acme.toml", owners.0, change.trim()),
        (
            "packs/acme.toml",
            "domain = \"ads.example.com\"\nmatch = \"subtree\"",
            exact,
        ),
    ]);
    assert_eq!(
        report.findings,
        [],
        "one name of it is not the whole domain"
    );
}

#[test]
fn p19_finds_a_name_that_is_there_twice() {
    let from = "log-{cc}.example.net\"\nexpand = { cc = [\"de\", \"fr\"] }";
    let to = "log-{cc}.example.net\"\nexpand = { cc = [\"de\", \"fr\"] }\nmatch = \"exact\"\naction = \"block\"\nlevel = \"standard\"\npurpose = [\"usage-analytics\"]\nregions = [\"global\"]\nlists = [\"one-multi\", \"three\", \"two\"]\n\n  [[entry.breaks]]\n  what = \"Nothing reported\"\n  severity = \"none\"\n\n[[entry]]\ndomain = \"log-fr.example.net\"";
    let (report, texts) = lint_with(&[("packs/acme.toml", from, to)]);
    let found = report
        .findings
        .iter()
        .find(|one| one.code == Code::P19)
        .unwrap();
    let line = texts[0].1.lines().nth(found.line as usize - 1).unwrap();
    assert_eq!(line, "domain = \"log-fr.example.net\"");
    assert!(found.message.contains("in line 55"), "{found}");
}

#[test]
fn p20_finds_a_block_that_takes_along_what_may_never_be_blocked() {
    let entry = "domain = \"stats.example.org\"\nmatch = \"exact\"";
    let cases = [
        (
            "domain = \"captive.example.org\"\nmatch = \"exact\"",
            "Internet",
        ),
        ("domain = \"example.org\"\nmatch = \"subtree\"", "Internet"),
        (
            "domain = \"a.time.example.org\"\nmatch = \"exact\"",
            "clocks",
        ),
    ];
    for (to, says) in cases {
        let at = to.lines().next().unwrap();
        assert_found(Code::P20, ("packs/beta.toml", entry, to), at, says);
    }
    for to in [
        "domain = \"example.org\"\nmatch = \"exact\"",
        "domain = \"log.captive.example.org\"\nmatch = \"subtree\"",
    ] {
        let (report, _) = lint_with(&[("packs/beta.toml", entry, to)]);
        assert_eq!(report.findings, [], "{to} takes nothing along");
    }
}

#[test]
fn p21_finds_packs_that_disagree() {
    let entry = "domain = \"stats.example.org\"\nmatch = \"exact\"";
    let to = "domain = \"push.example.com\"\nmatch = \"exact\"";
    assert_found(
        Code::P21,
        ("packs/beta.toml", entry, to),
        "push",
        "lists/packs/acme.toml:",
    );
}

#[test]
fn p22_finds_an_entry_that_only_repeats_its_parent() {
    let track = TRACK;
    let below = "domain = \"ads.track.example.com\"";
    let (report, texts) = lint_with(&[("packs/acme.toml", "domain = \"ads.example.com\"", below)]);
    let found = report
        .findings
        .iter()
        .find(|one| one.code == Code::P22)
        .unwrap();
    let line = texts[0].1.lines().nth(found.line as usize - 1).unwrap();
    assert_eq!(line, below);
    assert!(found.message.contains("`track.example.com`"), "{found}");
    // One that is blocked from an earlier level on says something new.
    let (report, _) = lint_with(&[("packs/acme.toml", track, "domain = \"z.ads.example.com\"")]);
    assert!(
        report.findings.iter().all(|one| one.code != Code::P22),
        "{:#?}",
        report.findings
    );
}

#[test]
fn p22_keeps_an_entry_with_evidence_of_its_own() {
    let ads = "lists = [\"one-native\"]\n";
    let with_evidence = "lists = [\"one-native\"]\n\n  [[entry.evidence]]\n  source = \"tracker\"\n  kind = \"field\"\n  where = \"owner/repository#2\"\n";
    let (report, _) = lint_with(&[
        (
            "packs/acme.toml",
            "domain = \"ads.example.com\"",
            "domain = \"ads.track.example.com\"",
        ),
        ("packs/acme.toml", ads, with_evidence),
        ("tests/acme.toml", ", \"ads.example.com\"", ""),
    ]);
    assert_eq!(report.findings, []);
}

#[test]
fn p23_finds_a_pack_that_lives_on_one_list() {
    let family = "expand = { cc = [\"de\", \"fr\"] }\nmatch = \"exact\"\naction = \"block\"\nlevel = \"standard\"";
    let (report, _) = lint_with(&[
        (
            "packs/acme.toml",
            family,
            &family.replace("standard", "strict"),
        ),
        (
            "packs/acme.toml",
            "[\"one-multi\", \"three\", \"two\"]",
            "[\"one-multi\", \"one-native\"]",
        ),
        ("tests/acme.toml", ", \"log-de.example.net\"", ""),
    ]);
    let [finding] = report.findings.as_slice() else {
        panic!("{:#?}", report.findings);
    };
    assert_eq!((finding.code, finding.line), (Code::P23, 3));
    assert!(
        finding.message.starts_with("3 of 4 blocked names"),
        "{finding}"
    );
}

#[test]
fn p24_finds_examples_that_come_out_otherwise() {
    let cases = [
        (
            "\"a.track.example.com\"",
            "\"a.push.example.com\"",
            "must_block",
            "allow",
        ),
        (
            "\"a.track.example.com\"",
            "\"ads.example.com\"",
            "must_block",
            "allow",
        ),
        (
            "\"push.example.com\"",
            "\"nobody.example.net\"",
            "must_watch",
            "no entry covers it",
        ),
        (
            "\"unknown.example.net\"",
            "\"stats.example.org\"",
            "must_resolve",
            "lists/packs/beta.toml:14",
        ),
    ];
    for (from, to, at, says) in cases {
        assert_found(Code::P24, ("tests/acme.toml", from, to), at, says);
    }
}

#[test]
fn devices_are_held_to_the_same_rules() {
    let change = (
        "devices.toml",
        "[\"acme\", \"beta\"]",
        "[\"acme\", \"be_ta\"]",
    );
    let (report, _) = lint_with(&[change]);
    assert_eq!(report.findings[0].code, Code::P02);
    let change = ("devices.toml", "packs = [\"beta\"]", "packs = [\"betta\"]");
    assert_found(Code::P08, change, "betta", "did you mean `beta`?");
    let change = ("devices.toml", "id = \"acme-tv\"", "id = \"tv-acme\"");
    assert_found(Code::P05, change, "beta-speaker", "belongs before");
}

#[test]
fn a_retired_entry_does_nothing() {
    let (report, _) = lint_with(&[
        (
            "packs/acme.toml",
            TRACK,
            "domain = \"track.example.com\"\nretired = 2026-11-01",
        ),
        ("tests/acme.toml", "\"a.track.example.com\", ", ""),
        (
            "tests/acme.toml",
            "must_resolve = [",
            "must_resolve = [\"track.example.com\", ",
        ),
    ]);
    assert_eq!(report.findings, []);
}
