//! What lines mean in each dialect, a row a case, and what no bytes may do.

use proptest::prelude::*;

use super::*;
use crate::lists::Skip;
use crate::matcher::rule::{Kind, Plain};

fn list(format: Format, role: Role, text: &[u8]) -> List {
    let format = Some(format);
    parse(text, Reading { format, role })
}

/// What a text comes to, in words: rules, then what was passed over, then what was refused.
fn told_as(format: Format, role: Role, text: &str) -> String {
    let list = list(format, role, text.as_bytes());
    let rules = list.rules.iter().map(ToString::to_string);
    let skipped = list.report.counts.skipped.keys();
    let skipped = skipped.map(|skip| format!("skip {skip:?}").to_lowercase());
    let refused = list.report.problems.iter().map(|_| "refused".to_owned());
    rules
        .chain(skipped)
        .chain(refused)
        .collect::<Vec<_>>()
        .join("; ")
}

#[track_caller]
fn check(format: Format, rows: &[(&str, &str)]) {
    for (line, expected) in rows {
        assert_eq!(
            told_as(format, Role::Block, line),
            *expected,
            "{format}: {line}"
        );
    }
}

#[track_caller]
fn check_refused(format: Format, rows: &[(&str, &str)]) {
    for (line, reason) in rows {
        let list = list(format, Role::Block, line.as_bytes());
        let [problem] = &list.report.problems[..] else {
            panic!("{format}: {line}: {:?}", list.rules);
        };
        assert!(
            problem.reason.contains(reason),
            "{line}: {}",
            problem.reason
        );
        assert_eq!((problem.line, &*problem.text), (1, *line));
    }
}

/// The table of lines that products read in different ways; what each dialect makes of them.
const LINES: [&str; 19] = [
    "ads.example",
    "0.0.0.0 ads.example b.example",
    "||ads.example^",
    "||ads.example",
    "|ads.example|",
    "||ads.example^$important",
    "||ads.example^$denyallow=x.ads.example",
    "||ads.example^$third-party",
    "||ads.example^$domain=docs.example",
    "@@||good.example^",
    "*.ads.example",
    r"/^ads\d/",
    "site.example##.banner",
    "site.example#note",
    "ADS.EXAMPLE",
    "ads.example.",
    "ads.example CNAME .",
    "*.ads.example CNAME .",
    "address=/ads.example/0.0.0.0",
];

#[track_caller]
fn table(format: Format, expected: &[&str; 19]) {
    let rows: Vec<_> = LINES.into_iter().zip(expected.iter().copied()).collect();
    check(format, &rows);
}

const ADS: &str = "block ads.example";
const BOTH: &str = "block ads.example; block b.example";
const TREE: &str = "block ads.example and below";
const SITE: &str = "block site.example";
const NO: &str = "refused";
const COSMETIC: &str = "skip cosmetic";

#[test]
fn one_line_means_in_hosts_what_hosts_say() {
    table(
        Format::Hosts,
        &[
            ADS,
            BOTH,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            COSMETIC,
            SITE,
            ADS,
            ADS,
            "block ads.example; refused; refused",
            "refused; refused; refused",
            NO,
        ],
    );
}

#[test]
fn one_line_means_in_domains_what_domains_say() {
    table(
        Format::Domains,
        &[
            ADS,
            BOTH,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            COSMETIC,
            SITE,
            ADS,
            ADS,
            "block ads.example; refused; refused",
            "refused; refused; refused",
            NO,
        ],
    );
}

#[test]
fn one_line_means_in_pihole_what_pihole_says() {
    table(
        Format::Pihole,
        &[
            ADS,
            BOTH,
            TREE,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            COSMETIC,
            SITE,
            ADS,
            ADS,
            "block ads.example; refused; refused",
            "refused; refused; refused",
            NO,
        ],
    );
}

#[test]
fn one_line_means_in_wildcard_what_wildcard_says() {
    table(
        Format::Wildcard,
        &[
            ADS,
            BOTH,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            NO,
            TREE,
            r"block /^ads\d/",
            COSMETIC,
            SITE,
            ADS,
            ADS,
            "block ads.example; refused; refused",
            "block ads.example and below; refused; refused",
            NO,
        ],
    );
}

#[test]
fn one_line_means_in_adblock_what_adguard_says_without_its_mistakes() {
    table(
        Format::Adblock,
        &[
            ADS,
            BOTH,
            TREE,
            "block from a label on ads.example*",
            ADS,
            "block ads.example and below, important",
            "block ads.example and below, except below x.ads.example",
            NO,
            NO,
            "allow good.example and below",
            "block *.ads.example*",
            r"block /^ads\d/",
            COSMETIC,
            SITE,
            ADS,
            ADS,
            NO,
            NO,
            NO,
        ],
    );
}

#[test]
fn one_line_means_in_rpz_what_zones_say() {
    let lines: Vec<_> = LINES[..16].iter().map(|line| (*line, NO)).collect();
    check(Format::Rpz, &lines);
    check(
        Format::Rpz,
        &[
            (LINES[16], "block ads.example -> NXDOMAIN"),
            (LINES[17], "block below ads.example -> NXDOMAIN"),
            (LINES[18], NO),
        ],
    );
}

#[test]
fn one_line_means_in_dnsmasq_what_its_config_says() {
    let lines: Vec<_> = LINES[..18].iter().map(|line| (*line, NO)).collect();
    check(Format::Dnsmasq, &lines);
    check(Format::Dnsmasq, &[(LINES[18], TREE)]);
}

#[test]
fn one_line_means_in_unbound_what_its_config_says() {
    let lines: Vec<_> = LINES.iter().map(|line| (*line, NO)).collect();
    check(Format::Unbound, &lines);
    check(
        Format::Unbound,
        &[("local-zone: \"ads.example.\" always_null", TREE)],
    );
}

#[test]
fn adblock_patterns_are_tied_where_they_say() {
    check(
        Format::Adblock,
        &[
            ("ads.example^", "block *ads.example"),
            ("|ads.example^", ADS),
            ("|ads.", "block name ads.*"),
            ("||ads.example^|", TREE),
            ("||ads.example^*", TREE),
            ("||ads.example^^", TREE),
            ("||ads.example^*^|", TREE),
            ("||ads.example^/*", TREE),
            ("/ads.", "block name ads.*"),
            ("xyz", "block xyz"),
            ("localhost", "skip local"),
            ("||2001:db8:", "block from a label on 2001:db8:*"),
            ("||ads.example/*", TREE),
            ("http://ads.example^", ADS),
            ("||ads*.example^", "block from a label on ads*.example"),
            ("*.ads.example^", "block below ads.example"),
            ("||*.ads.example^", "block below ads.example"),
            ("-metrics.", "block *-metrics.*"),
            ("||*^", "block every name"),
            ("||xyz^", "block xyz and below"),
            (
                "||b\u{fc}cher.example^",
                "block xn--bcher-kva.example and below",
            ),
            ("||203.0.113.5^", "block address 203.0.113.5/32"),
            ("203.0.113.5", "block address 203.0.113.5/32"),
            ("/METRICS[0-9]+/", "block /METRICS[0-9]+/"),
            ("[Adblock Plus 2.0]", "skip header"),
            ("! Title: ours", "skip comment"),
            ("site.example$$script[x=\"y\"]", COSMETIC),
            ("*$dnstype=AAAA", "block every name, only types AAAA"),
        ],
    );
}

#[test]
fn adblock_modifiers_say_for_whom_and_for_what() {
    check(
        Format::Adblock,
        &[
            (
                "||ads.example^$badfilter",
                "cancel: block ads.example and below",
            ),
            (
                "@@||ads.example^$important",
                "allow ads.example and below, important",
            ),
            (
                "||ads.example^$dnstype=A|aaaa",
                "block ads.example and below, only types A AAAA",
            ),
            (
                "||ads.example^$dnstype=~HTTPS",
                "block ads.example and below, not types HTTPS",
            ),
            (
                "||ads.example^$dnstype=~A|TXT",
                "block ads.example and below, only types TXT",
            ),
            (
                "||ads.example^$client=192.0.2.9/28|~'kid\\'s\\, tablet'",
                "block ads.example and below, only devices 192.0.2.0/28, not devices 'kid's, tablet'",
            ),
            (
                r"||ads.example^$client=work\, phone\|x",
                "block ads.example and below, only devices 'work, phone|x'",
            ),
            (
                "||ads.example^$ctag=device_tv|~user_child,important",
                "block ads.example and below, only tags device_tv, not tags user_child, important",
            ),
            (r"/^ads\.b$/$important", r"block /^ads\.b$/, important"),
        ],
    );
}

#[test]
fn adblock_rewrites_come_in_all_their_forms() {
    for (value, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("garden.example", "CNAME garden.example"),
        ("nxdomain", "CNAME nxdomain"),
        ("NXDOMAIN", "NXDOMAIN"),
        ("refused;;", "REFUSED"),
        ("NOERROR;;", "NOERROR"),
        ("NOERROR;A;192.0.2.1", "192.0.2.1"),
        ("NOERROR;AAAA;2001:db8::1", "2001:db8::1"),
        ("NOERROR;CNAME;garden.example", "CNAME garden.example"),
        ("NOERROR;PTR;garden.example.", "PTR garden.example"),
        ("NOERROR;MX;10 mail.example", "MX 10 mail.example"),
        ("NOERROR;TXT;hello", "TXT \"hello\""),
        (r"NOERROR;TXT;a\, b;c", "TXT \"a, b;c\""),
        ("NOERROR;TXT;", "TXT \"\""),
        (
            "NOERROR;SRV;1 2 853 dot.example x",
            "SRV 1 2 853 dot.example",
        ),
        (
            "NOERROR;HTTPS;1 . port=443 x=y alpn=h3",
            "HTTPS 1 . alpn=h3 port=443",
        ),
        ("NOTIMP;;", "NOTIMP"),
        ("NOERROR;SRV;1 2 853 dot.example", "SRV 1 2 853 dot.example"),
        ("NOERROR;HTTPS;1 . alpn=h3", "HTTPS 1 . alpn=h3"),
        (
            "NOERROR;SVCB;1 dot.example alpn=dot",
            "SVCB 1 dot.example alpn=dot",
        ),
    ] {
        let line = format!("|nas.example^$dnsrewrite={value}");
        let expected = format!("rewrite nas.example -> {expected}");
        check(Format::Adblock, &[(&line, &expected)]);
    }
    check(
        Format::Adblock,
        &[
            (
                "@@||nas.example^$dnsrewrite",
                "keep-answer nas.example and below",
            ),
            (
                "@@||nas.example^$dnsrewrite=192.0.2.1,important",
                "keep-answer nas.example and below -> 192.0.2.1, important",
            ),
        ],
    );
}

#[test]
fn adblock_rules_that_dns_cannot_follow_are_refused_with_their_reason() {
    check_refused(
        Format::Adblock,
        &[
            ("ad", "too short"),
            ("||", "too short"),
            ("*$important", "too short"),
            ("//", "empty"),
            ("||ads.example^$third-party", "$third-party"),
            ("||ads.example^$IMPORTANT", "$IMPORTANT"),
            ("||ads.example^$important,all", "$all"),
            ("||ads.example^$dnstype=", "no value"),
            ("||ads.example^$dnstype=TYPE65", "TYPE65"),
            ("||ads.example^$ctag=device-tv", "tag"),
            ("||ads.example^$denyallow=~b.example", "~"),
            ("||ads.example^$dnsrewrite=FORMERR", "FORMERR"),
            ("||ads.example^$dnsrewrite=NOERROR;A", "CODE;TYPE;VALUE"),
            ("||ads.example^$dnsrewrite=NOERROR;AAAA;192.0.2.1", "IPv6"),
            ("||ads.example^$dnsrewrite=NOERROR;MX;mail.example", "MX"),
            ("||ads.example^$dnsrewrite=NOERROR;;192.0.2.1", "type"),
            ("||ads.example^$", "middle"),
            ("||ads.example^$client='a, b'", "$ b"),
            ("||ads.example^$ctag=|", "no value"),
            ("||http://ads.example^", "URL"),
            ("|||", "no name"),
            ("||^", "no name"),
            ("||ads.example/banner.gif", "path"),
            ("https://ads.example/", "URL"),
            ("||ads.example:8080^", "port"),
            ("||ads.example^ # why", "middle"),
            ("||ads..example^", "empty"),
            ("||ads^example^", "middle"),
            (r"/^(?!www\.)ads/", "looks ahead"),
            (r"/(a)\1/", "refers back"),
            ("/[/", "wrong"),
        ],
    );
}

#[test]
fn hosts_lines_give_each_name_whatever_the_address() {
    check(
        Format::Hosts,
        &[
            ("127.0.0.1\tads.example # why", ADS),
            ("::1 ads.example", ADS),
            ("fe80::1%lo0 ads.example", ADS),
            ("192.0.2.9 ads.example", ADS),
            ("0.0.0.0 ads.example 0.0.0.0 b.example", BOTH),
            ("0.0.0.0 0.0.0.0", ""),
            ("127.0.0.1 localhost", "skip local"),
            ("# 0.0.0.0 ads.example", "skip comment"),
            ("0.0.0.0 ads.example # see ## 4", ADS),
            ("0.0.0.0 b\u{fc}cher.example", "block xn--bcher-kva.example"),
            ("0.0.0.0 ads.example\u{a0}b.example", BOTH),
        ],
    );
    check_refused(
        Format::Hosts,
        &[
            ("0.0.0.0 router", "no dot"),
            ("0.0.0.0 *.ads.example", "star"),
            ("0.0.0.0 http://ads.example/", "URL"),
            ("0.0.0.0 ads.example:80", "`:`"),
            ("||ads.example^", "adblock"),
        ],
    );
    check_refused(Format::Domains, &[("192.0.2.1", "address")]);
}

#[test]
fn wildcards_stand_in_front_and_cover_the_name_itself() {
    check(
        Format::Wildcard,
        &[
            ("  *.Ads.Example.  # why", TREE),
            ("*.xyz", "block xyz and below"),
            ("203.0.113.5", "block address 203.0.113.5/32"),
        ],
    );
    check_refused(
        Format::Wildcard,
        &[
            ("*", "in front"),
            ("ads*", "in front"),
            ("ads.*.example", "in front"),
            ("*.*.example", "more than one"),
            ("||ads.example^", "adblock"),
        ],
    );
}

#[test]
fn pihole_regexes_keep_their_options() {
    check(
        Format::Pihole,
        &[
            (r"(\.|^)ads\.example$", r"block /(\.|^)ads\.example$/"),
            (
                r"^ads\.;querytype=A,aaaa",
                r"block /^ads\./, only types A AAAA",
            ),
            (r"^ads\.;querytype=!A", r"block /^ads\./, not types A"),
            (r"\.home\.example$;invert", r"block not /\.home\.example$/"),
            (r"^ads\.;reply=NXDOMAIN", r"block /^ads\./ -> NXDOMAIN"),
            (r"^ads\.;reply=nodata", r"block /^ads\./ -> NOERROR"),
            (r"^ads\.;reply=ip", r"block /^ads\./ -> this server"),
            (r"^ads\.;reply=none", r"drop /^ads\./"),
            (
                r"^ads\.;reply=192.0.2.1;reply=2001:db8::1",
                r"block /^ads\./ -> 192.0.2.1 and 2001:db8::1",
            ),
            (
                r"^ads\.;reply=CNAME,b.example",
                r"block /^ads\./ -> CNAME b.example",
            ),
            ("^ads(?#home)[0-9]", "block /^ads[0-9]/"),
            ("||xyz^", "block xyz and below"),
            ("[example.list]", "skip header"),
            ("[[:digit:]]{4}", "block /[[:digit:]]{4}/"),
            ("^(ab){#1}", "block /^(.b|a.|ab)/"),
            ("ads.example#(why)", ADS),
        ],
    );
    let allowed = told_as(Format::Pihole, Role::Allow, "@@||good.example^\n^cdn\\.");
    assert_eq!(allowed, r"allow good.example and below; allow /^cdn\./");
    check_refused(
        Format::Pihole,
        &[
            (r"^ads\.;querytype=A;querytype=AAAA", "twice"),
            (r"^ads\.;querytype=FOO", "FOO"),
            (r"^ads\.;reply=CNAME", "reply"),
            (r"^ads\.;colour=red", "colour"),
            (r"^(ads+)\1", "refers back"),
            (r"^ads(x+){~1}", "approximately"),
            ("a**", "repeated"),
        ],
    );
}

#[test]
fn pihole_other_types_are_those_that_have_no_name() {
    let types = |text: &str| {
        let list = list(Format::Pihole, Role::Block, text.as_bytes());
        list.rules[0].limits.types.clone()
    };
    let other = types("^a;querytype=OTHER");
    assert!(other.only.is_empty() && other.not.len() == 15);
    let all_but_other = types("^a;querytype=!OTHER");
    assert_eq!(
        (all_but_other.only, all_but_other.not.len()),
        (other.not, 0)
    );
    assert_eq!(types("^a;querytype=OTHER,A").not.len(), 14);
}

#[test]
fn rpz_owners_and_data_say_all() {
    check(
        Format::Rpz,
        &[
            (
                "ads.example 300 IN CNAME *. ; why",
                "block ads.example -> NOERROR",
            ),
            ("ok.example CNAME rpz-passthru.", "allow ok.example"),
            ("ads.example CNAME rpz-drop.", "drop ads.example"),
            (
                "ads.example CNAME rpz-tcp-only.",
                "rewrite ads.example -> truncated",
            ),
            (
                "ads.example CNAME garden.example.",
                "rewrite ads.example -> CNAME garden.example",
            ),
            (
                "*.ads.example CNAME *.g.example.",
                "rewrite below ads.example -> CNAME *.g.example",
            ),
            ("ads.example A 0.0.0.0", "block ads.example -> 0.0.0.0"),
            (
                "ads.example AAAA 2001:db8::1",
                "rewrite ads.example -> 2001:db8::1",
            ),
            (
                "ads.example TXT \"a;b\"",
                "rewrite ads.example -> TXT \"a;b\"",
            ),
            (
                "24.0.113.0.203.rpz-ip CNAME .",
                "block address 203.0.113.0/24 -> NXDOMAIN",
            ),
            (
                "48.zz.1.db8.2001.rpz-ip CNAME .",
                "block address 2001:db8:1::/48 -> NXDOMAIN",
            ),
            (
                "128.1.zz.rpz-ip CNAME .",
                "block address ::1/128 -> NXDOMAIN",
            ),
            (
                "32.2.2.0.192.rpz-client-ip CNAME rpz-drop.",
                "drop every name, only devices 192.0.2.2/32",
            ),
        ],
    );
    check_refused(
        Format::Rpz,
        &[
            ("ns.example.rpz-nsdname CNAME .", "name servers"),
            ("99.0.113.0.203.rpz-ip CNAME .", "address"),
            ("$INCLUDE more.zone", "not followed"),
            ("ads.example A ads", "IPv4"),
        ],
    );
}

#[test]
fn rpz_zones_have_a_head_and_a_name_of_their_own() {
    let zone = "$TTL 60\n$ORIGIN rpz.example.\n@ SOA ns.example. me.example. (\n 1 2 3\n 4 5 )\n\
        \tNS ns.example.\n; why\nads.example CNAME .\nb.example.rpz.example. CNAME .\n\tTXT \"b\"\n\
        elsewhere.test. CNAME .\n";
    let list = list(Format::Rpz, Role::Block, zone.as_bytes());
    let rules: Vec<String> = list.rules.iter().map(ToString::to_string).collect();
    assert_eq!(
        rules,
        [
            "block ads.example -> NXDOMAIN",
            "block b.example -> NXDOMAIN",
            "rewrite b.example -> TXT \"b\"",
        ]
    );
    assert_eq!(list.report.problems[0].line, 11);
    assert!(list.report.problems[0].reason.contains("outside the zone"));
}

#[test]
fn names_in_a_zone_are_below_its_origin_unless_they_end_in_a_dot() {
    let told = |text: &str| {
        let list = list(Format::Rpz, Role::Block, text.as_bytes());
        assert_eq!(list.report.counts.refused, 0, "{:?}", list.report.problems);
        let rules: Vec<String> = list.rules.iter().map(ToString::to_string).collect();
        rules.join("; ")
    };
    let zone = "$ttl 60\n$origin RPZ.example.\n";
    for (record, expected) in [
        ("a CNAME walled", "rewrite a -> CNAME walled.rpz.example"),
        ("a CNAME @", "rewrite a -> CNAME rpz.example"),
        (
            "a CNAME *.walled",
            "rewrite a -> CNAME *.walled.rpz.example",
        ),
        (
            "a CNAME walled.example.",
            "rewrite a -> CNAME walled.example",
        ),
        ("a MX 10  mail", "rewrite a -> MX 10  mail.rpz.example."),
        ("a MX 10 mail.example.", "rewrite a -> MX 10 mail.example."),
        ("a SRV 0 0 80 @", "rewrite a -> SRV 0 0 80 rpz.example."),
        ("a HTTPS 1 . alpn=h2", "rewrite a -> HTTPS 1 . alpn=h2"),
        (
            "a HTTPS 1 b alpn=h2",
            "rewrite a -> HTTPS 1 b.rpz.example. alpn=h2",
        ),
        ("a PTR b", "rewrite a -> PTR b.rpz.example"),
        ("a TXT b", "rewrite a -> TXT b"),
        ("a CNAME *", "block a -> NOERROR"),
        ("a CNAME RPZ-PassThru", "allow a"),
        ("a CNAME rpz-drop", "drop a"),
        ("a CNAME a.", "allow a"),
        ("a CNAME a", "allow a"),
    ] {
        assert_eq!(told(&format!("{zone}{record}\n")), expected, "{record}");
    }
    let soa = "rpz.example. SOA ns. me. 1 2 3 4 5\na CNAME walled\n";
    assert_eq!(told(soa), "rewrite a -> CNAME walled.rpz.example");
    // Where the zone does not tell its name, there is nothing to put behind.
    assert_eq!(told("a CNAME walled\n"), "rewrite a -> CNAME walled");
}

#[test]
fn a_parenthesis_swallows_no_rule_without_a_word() {
    let zone = |text: &str| {
        let list = list(Format::Rpz, Role::Block, text.as_bytes());
        let rules: Vec<String> = list.rules.iter().map(ToString::to_string).collect();
        let problems = list.report.problems.into_iter();
        let problems: Vec<_> = problems
            .map(|problem| (problem.line, problem.reason))
            .collect();
        (rules, problems)
    };
    let (rules, problems) =
        zone("a.example TXT ( \"a\"\nb.example CNAME .\nc.example CNAME ( . )\n");
    assert_eq!(rules, ["block b.example -> NXDOMAIN"]);
    let only = "only the SOA record may have parentheses".to_owned();
    assert_eq!(problems, [(1, only.clone()), (3, only)]);
    let (rules, problems) =
        zone("@ SOA ns. me. ( 1 2 3 4 5\na.example CNAME .\nb.example CNAME .\n");
    assert_eq!(rules, [""; 0]);
    assert_eq!(problems[0].0, 3);
    assert!(
        problems[0].1.contains("of line 1 is never closed"),
        "{problems:?}"
    );
    let (rules, problems) = zone("@ SOA ns. me. ( 1 2 3 4 5 )\na.example TXT \"(\"\n");
    assert_eq!((rules.len(), problems.len()), (1, 0));
}

#[test]
fn dnsmasq_lines_cover_names_and_what_is_below() {
    check(
        Format::Dnsmasq,
        &[
            (
                "address=/ads.example/b.example/#",
                &format!("{TREE}; block b.example and below"),
            ),
            ("local=/ads.example/", &format!("{TREE} -> NXDOMAIN")),
            ("address=/.ads.example/::", TREE),
            ("address=/*ads.example/0.0.0.0 # why", "block *ads.example"),
            ("--address=/*.ads.example/#", "block below ads.example"),
            ("address=/#/0.0.0.0", "block every name"),
            ("local=//", "block /^[^.]+$/ -> NXDOMAIN"),
            (
                "address=/nas.example/192.0.2.9",
                "rewrite nas.example and below -> 192.0.2.9, only types A",
            ),
            ("server=/ok.ads.example/#", "allow ok.ads.example and below"),
            (
                "host-record=nas.example,192.0.2.9,3600",
                "rewrite nas.example -> 192.0.2.9, only types A; rewrite 9.2.0.192.in-addr.arpa -> PTR \
                 nas.example, only types PTR",
            ),
            (
                "cname=a.example,b.example",
                "rewrite a.example -> CNAME b.example",
            ),
            (
                "cname=a.example,*.b.example,c.example,60",
                "rewrite a.example -> CNAME c.example; rewrite below b.example -> CNAME c.example",
            ),
            // Between slashes these would be all names, and those without a dot.
            ("cname=#,c.example", NO),
            ("cname=,c.example", NO),
            (
                "srv-host=_dot._tcp.a.example,b.example,853,1",
                "rewrite _dot._tcp.a.example -> SRV 1 0 853 b.example, only types SRV",
            ),
            (
                "txt-record=a.example,\"x, y\",z z",
                "rewrite a.example -> TXT \"x, y\" \"z z\", only types TXT",
            ),
            (
                "caa-record=a.example,0,issue,ca.example",
                "rewrite a.example -> CAA 0 issue \"ca.example\", only types CAA",
            ),
            (
                "address=/ads.example/127.0.0.1",
                "block ads.example and below -> 127.0.0.1",
            ),
            (
                "mx-host=a.example,m.example,5",
                "rewrite a.example -> MX 5 m.example, only types MX",
            ),
            (
                "bogus-nxdomain=203.0.113.5/24",
                "block address 203.0.113.0/24 -> NXDOMAIN",
            ),
            ("ignore-address=203.0.113.5", "drop address 203.0.113.5/32"),
        ],
    );
    check_refused(
        Format::Dnsmasq,
        &[
            ("server=/ads.example/192.0.2.53", "another server"),
            ("address=/ads.example/nowhere", "no address"),
            ("cache-size=1000", "cache-size"),
        ],
    );
}

#[test]
fn unbound_zones_and_data_are_read_together() {
    check(
        Format::Unbound,
        &[
            ("server:", "skip header"),
            (
                "local-zone: ads.example static",
                &format!("{TREE} -> NXDOMAIN"),
            ),
            (
                "local-zone: \"ads.example\" refuse",
                &format!("{TREE} -> REFUSED"),
            ),
            (
                "local-zone: \"ads.example\" always_nodata",
                &format!("{TREE} -> NOERROR"),
            ),
            (
                "local-zone: \"ads.example\" inform_deny",
                "drop ads.example and below",
            ),
            (
                "local-zone: \"ads.example\" inform",
                "watch ads.example and below",
            ),
            (
                "local-zone: \"ok.example\" transparent",
                "leave ok.example and below",
            ),
            (
                "local-zone: \"ok.example\" typetransparent",
                "leave ok.example and below",
            ),
            (
                "local-zone: \"ok.example\" always_transparent",
                "allow ok.example and below",
            ),
            (
                "local-zone: \"nas.example\" redirect\nlocal-data: \"nas.example. 60 IN A 192.0.2.9\"",
                "block nas.example and below -> NOERROR; rewrite nas.example and below -> 192.0.2.9",
            ),
            ("local-data: 'ads.example A 0.0.0.0'", ADS),
            (
                "local-data: 'a.example TXT \"x\"'",
                "rewrite a.example -> TXT \"x\"",
            ),
            (
                "local-data-ptr: \"192.0.2.9 nas.example\"",
                "rewrite 9.2.0.192.in-addr.arpa -> PTR nas.example",
            ),
        ],
    );
    check_refused(
        Format::Unbound,
        &[
            ("local-zone: \"ads.example\" sideways", "sideways"),
            ("local-zone: \"ads.example\" nodefault", "no rule"),
            ("forward-zone:", "forward-zone"),
        ],
    );
}

#[test]
fn bytes_that_trip_others_do_no_harm() {
    let mut text = b"\xef\xbb\xbf0.0.0.0 A.Example.\r\n0.0.0.0 b\0.example\r\n# ".to_vec();
    text.extend(vec![b'x'; 100_000]);
    text.extend(b"\n\xef\xbb\xbf0.0.0.0 c.example\n0.0.0.0 \xff.example\n");
    text.extend(b"0.0.0.0 e.example ".repeat(5_000));
    text.extend(b"\n0.0.0.0 ");
    text.extend(vec![b'x'; 3 << 20]);
    text.extend(b"\n0.0.0.0 last.example");
    let list = parse(&text, Reading::default());
    assert_eq!(list.report.decision.format, Format::Hosts);
    let names: Vec<String> = list.rules.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), 5_003);
    assert_eq!(names[..2], ["block a.example", "block c.example"]);
    assert_eq!(names[5_002], "block last.example");
    let refused = list.report.problems.iter();
    let refused: Vec<_> = refused
        .map(|problem| (problem.line, &*problem.reason))
        .collect();
    assert_eq!(
        refused,
        [
            (2, "the line has a NUL byte"),
            (5, "the line is not UTF-8"),
            (7, "the line is longer than 1 MiB"),
        ]
    );
    assert!(list.report.problems[2].text.len() <= 200);
}

#[test]
fn regexes_that_would_take_long_to_compile_are_refused_together() {
    let text = "/[0-9]{9000}/\n".repeat(200);
    let list = list(Format::Adblock, Role::Block, text.as_bytes());
    assert!((5..50).contains(&list.rules.len()), "{}", list.rules.len());
    assert!(list.report.problems[0].reason.contains("together"));
}

#[test]
fn a_record_of_many_names_has_one_address_of_each_kind() {
    let line = format!("host-record={}a.example", "192.0.2.1,b.example,".repeat(99));
    let list = list(Format::Dnsmasq, Role::Block, line.as_bytes());
    // And a name for the address.
    assert_eq!(list.rules.len(), 101);
}

#[test]
fn what_is_no_list_gives_no_rule() {
    for text in [
        &b"\n<!DOCTYPE html>\n0.0.0.0 ads.example\n"[..],
        b"\x1f\x8b\x08\0\0\0\nads.example\n",
    ] {
        let list = parse(text, Reading::default());
        assert!(list.rules.is_empty());
        assert_eq!(list.report.counts.refused, 1);
    }
}

#[test]
fn all_is_counted() {
    let text = "[Adblock Plus 2.0]\n! why\n||ads.example^\nads.example\nsite.example##.ad\n\
        @@||ok.example^\n-metrics.\n||b.example^$script\n\n";
    let report = parse(text.as_bytes(), Reading::default()).report;
    let counts = &report.counts;
    assert_eq!(report.decision.format, Format::Adblock);
    assert_eq!((counts.lines, counts.entries, counts.refused), (9, 4, 1));
    assert_eq!(counts.by_kind[&Kind::Subtree], 2);
    assert_eq!(counts.by_kind[&Kind::Substring], 1);
    assert_eq!(
        (counts.by_action["block"], counts.by_action["allow"]),
        (3, 1)
    );
    for skip in [Skip::Header, Skip::Comment, Skip::Cosmetic] {
        assert_eq!(counts.skipped[&skip], 1);
    }
}

#[test]
fn a_list_for_watching_stops_nothing_and_one_for_allowing_only_allows() {
    let text = "||ads.example^\n@@||ok.example^\n||nas.example^$dnsrewrite=192.0.2.1";
    assert_eq!(
        told_as(Format::Adblock, Role::Watch, text),
        "watch ads.example and below; allow ok.example and below; watch nas.example and below"
    );
    assert_eq!(
        told_as(Format::Adblock, Role::Allow, text),
        "allow ads.example and below; allow ok.example and below; refused"
    );
}

/// Texts near to what dialects look for, so that readers are led deep.
fn near() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "||",
            "@@",
            "^",
            "$",
            "|",
            "*",
            "/",
            "\\",
            ",",
            "~",
            "'",
            "=",
            ";",
            "#",
            "(",
            "[",
            "]",
            "{",
            "(?#",
            "[:",
            ".",
            " ",
            "\n",
            "\"",
            "\u{fc}",
            "ads.example",
            "192.0.2.1",
            "client=",
            "dnsrewrite=",
            "dnstype=",
            "denyallow=",
            "NOERROR;MX;",
            "querytype=!",
            "reply=",
            "address=/",
            "server=/",
            "host-record=",
            "local-zone: ",
            "local-data: ",
            "local-data-ptr: ",
            " redirect",
            "$ORIGIN ",
            " CNAME ",
            " SOA (",
            ".rpz-ip",
            "24.zz.",
            ".rpz-client-ip",
            "$$",
            "http://",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_and_every_problem_has_its_line(text in near()) {
        for format in Format::ALL.into_iter().map(Some).chain([None]) {
            for role in [Role::Block, Role::Watch, Role::Allow] {
                let list = parse(&text, Reading { format, role });
                let counts = &list.report.counts;
                prop_assert_eq!(counts.entries, u64::try_from(list.rules.len()).unwrap());
                prop_assert!(list.rules.iter().all(|rule| (1..=counts.lines).contains(&rule.line)));
                let problems = &list.report.problems;
                prop_assert!(problems.iter().all(|one| (1..=counts.lines).contains(&one.line)));
            }
        }
    }
}

/// Notes whether a rule came in the general form though it is a plain one.
#[derive(Default)]
struct Watcher {
    rules: Vec<Rule>,
    misplaced: usize,
}

impl Sink for Watcher {
    fn plain(&mut self, plain: Plain<'_>) {
        self.rules.push(plain.to_rule());
    }

    fn rule(&mut self, rule: Rule) {
        self.misplaced += usize::from(rule.as_plain().is_some());
        self.rules.push(rule);
    }
}

proptest! {
    #[test]
    fn every_rule_that_is_plain_comes_as_one(text in near(), format in prop::sample::select(&Format::ALL)) {
        let reading = Reading { format: Some(format), role: Role::Block };
        let mut watcher = Watcher::default();
        let report = read(&text[..], reading, &mut watcher).unwrap();
        prop_assert_eq!(watcher.misplaced, 0);
        prop_assert_eq!(List { rules: watcher.rules, report }, parse(&text, reading));
    }
}
