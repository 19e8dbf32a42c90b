//! What look-ups find, held against a plain search; and what a damaged file does.

use std::fs;
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::rule::{Rule, Sink};
use super::*;
use crate::lists::{Format, Reading, Role, parse};
use crate::query::RecordType;

fn what(reach: Reach) -> What {
    What {
        reach,
        want: Want::Block,
        important: false,
    }
}

fn source(origin: &str) -> Source {
    Source::new(origin.into(), Rank::List, String::new())
}

/// Rules of one source; a rule's line is its place here.
fn rules(names: &[(&str, Reach)]) -> Compiled {
    compiled_with(7, |compiler| {
        compiler.source(source("list:one"));
        for (&(name, reach), line) in names.iter().zip(0..) {
            compiler.add(what(reach), name, line);
        }
    })
}

fn matcher(base: Compiled) -> Matcher {
    let top = compiled_with(base.seed(), |_| {});
    Matcher::new(Arc::new(base), Arc::new(top))
}

/// The lines that cover a name, in the order in which they are found.
fn lines(matcher: &Matcher, name: &str) -> Vec<u32> {
    let name: Name = name.parse().unwrap();
    let question = Question::new(&name, RecordType::A, Ipv4Addr::LOCALHOST.into(), &Nobody);
    let mut lines = Vec::new();
    matcher.find(&question, &mut |hit| lines.push(hit.rule.line));
    lines
}

#[test]
fn a_source_that_does_not_fit_can_be_taken_out_again() {
    let mut all = Compiler::new(7);
    all.source(source("list:one"));
    all.add(what(Reach::Subtree), "one.example", 1);
    all.source(source("list:long"));
    for (reach, name) in [(Reach::Exact, "a.example"), (Reach::Below, "b.example")] {
        all.add(what(reach), name, 1 << 29);
    }
    assert!(matches!(all.has_room(), Err(CompileError::TooManyLines)));
    all.withdraw();
    all.source(source("list:two"));
    all.add(what(Reach::Subtree), "two.example", 2);
    all.has_room().unwrap();
    let rules = Compiled::from_bytes(all.finish("").unwrap()).unwrap();
    let origins = rules.sources().iter().map(|source| &*source.origin);
    assert_eq!(origins.collect::<Vec<_>>(), ["list:one", "list:two"]);
    let matcher = matcher(rules);
    let found =
        ["one.example", "a.example", "b.example", "two.example"].map(|name| lines(&matcher, name));
    assert_eq!(found, [vec![1], vec![], vec![], vec![2]]);
}

#[test]
fn the_most_specific_comes_first() {
    let matcher = matcher(rules(&[
        ("example", Reach::Subtree),
        ("b.example", Reach::Subtree),
        ("a.b.example", Reach::Subtree),
        ("a.b.example", Reach::Exact),
        ("a.b.example", Reach::Below),
    ]));
    assert_eq!(lines(&matcher, "a.b.example"), [3, 2, 1, 0]);
    assert_eq!(lines(&matcher, "x.a.b.example"), [4, 2, 1, 0]);
    assert_eq!(lines(&matcher, "b.example"), [1, 0]);
    assert_eq!(lines(&matcher, "ab.example"), [0]);
    assert_eq!(lines(&matcher, "other"), [0_u32; 0]);
    assert_eq!(lines(&matcher, "."), [0_u32; 0]);
}

#[test]
fn a_match_tells_its_source_line_and_name() {
    let base = compiled_with(3, |compiler| {
        for origin in ["list:one", "list:two"] {
            compiler.source(source(origin));
            compiler.add(what(Reach::Exact), "other.example", 1);
            compiler.add(what(Reach::Subtree), "ads.example", 4_000_000);
        }
    });
    let matcher = matcher(base);
    let name: Name = "x.ads.example".parse().unwrap();
    let question = Question::new(&name, RecordType::A, Ipv4Addr::LOCALHOST.into(), &Nobody);
    let mut told = Vec::new();
    matcher.find(&question, &mut |hit| {
        let found = matcher.matched(&hit);
        let rule = matcher.rule(found).unwrap();
        let suffix = matcher.suffix_of(found, &name).unwrap().to_string();
        told.push((rule.source.origin.as_str(), rule.line, suffix));
    });
    let suffix = || "ads.example".to_owned();
    assert_eq!(
        told,
        [
            ("list:one", 4_000_000, suffix()),
            ("list:two", 4_000_000, suffix())
        ]
    );
}

#[test]
fn sources_know_what_they_share() {
    let compiled = compiled(|compiler| {
        for (origin, names) in [
            ("a", ["x.example", "y.example"]),
            ("b", ["y.example", "z.example"]),
        ] {
            compiler.source(source(origin));
            for name in names {
                compiler.add(what(Reach::Exact), name, 1);
                compiler.add(what(Reach::Subtree), name, 2);
            }
        }
    });
    let overlap = compiled.overlap();
    assert_eq!(
        (&overlap.names[..], &overlap.only_here[..]),
        (&[2, 2][..], &[1, 1][..])
    );
    assert_eq!(overlap.shared[&(0, 1)], 1);
    let seeded = compiled_with(7, |compiler| {
        compiler.source(source("a"));
        compiler.add(what(Reach::Subtree), "z.example", 1);
    });
    let mut other = Compiler::new(7);
    other.source(source("b"));
    for reach in [Reach::Exact, Reach::Below] {
        other.add(what(reach), "z.example", 1);
        other.add(what(reach), "new.example", 2);
    }
    let (_, names) = other.finish_with_names().unwrap();
    assert_eq!(seeded.overlap_with(&names), (vec![1], 1));
}

#[test]
fn a_rule_that_is_cancelled_is_not_there() {
    let block = |name: &str| Rule::block(rule::Pattern::Subtree(name.into()));
    let compiled = compiled_with(7, |compiler| {
        compiler.source(source("a"));
        compiler.rule(block("gone.example"));
        compiler.rule(block("here.example"));
        let mut limited = block("limited.example");
        limited.limits.types.only.push(RecordType::A);
        compiler.rule(limited.clone());
        compiler.rule(Rule {
            cancels: true,
            ..block("gone.example")
        });
        compiler.rule(Rule {
            cancels: true,
            ..limited
        });
    });
    let matcher = matcher(compiled);
    assert_eq!(lines(&matcher, "x.gone.example"), [0_u32; 0]);
    assert_eq!(lines(&matcher, "x.limited.example"), [0_u32; 0]);
    assert_eq!(lines(&matcher, "x.here.example"), [0]);
}

#[test]
fn a_file_opens_again_and_a_damaged_one_is_refused_or_seen() {
    let mut compiler = Compiler::new(5);
    compiler.source(source("list:one"));
    for line in 0..1000 {
        compiler.add(what(Reach::Subtree), &format!("n{line}.example"), line);
    }
    let bytes = compiler.finish("made of this").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.bin");
    write(&path, &bytes).unwrap();
    let opened = matcher(Compiled::open(&path).unwrap());
    assert_eq!(lines(&opened, "x.n77.example"), [77]);
    assert_eq!(opened.base().tag(), "made of this");
    assert!(opened.base().is_sound());
    opened.base().rest();
    assert_eq!(lines(&opened, "x.n78.example"), [78]);

    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let Ok(opened) = Compiled::open(&path) else {
            continue;
        };
        // What opens has its damage in the table, where each line is checked as it is read.
        assert!(!opened.is_sound(), "byte {at}");
        let matcher = matcher(opened);
        for line in 0..1000 {
            let found = lines(&matcher, &format!("n{line}.example"));
            assert!(found == [line] || (found.is_empty() && matcher.base().is_damaged()));
        }
    }
    for length in [0, 7, 127, 128, bytes.len() - 1] {
        assert!(
            Compiled::from_bytes(bytes[..length].to_vec()).is_err(),
            "{length} bytes"
        );
    }
}

proptest! {
    #[test]
    fn it_finds_what_a_plain_search_finds(
        names in prop::collection::vec(("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 0..3), 0..60),
        question in "[ab]{1,2}(\\.[ab]{1,2}){0,4}",
    ) {
        let names: Vec<(&str, Reach)> = names.iter().map(|(name, reach)| {
            (name.as_str(), [Reach::Exact, Reach::Below, Reach::Subtree][usize::try_from(*reach).unwrap()])
        }).collect();
        let matcher = matcher(rules(&names));
        let asked_name: Name = question.parse().unwrap();
        let mut expected = Vec::new();
        for (&(text, reach), line) in names.iter().zip(0_u32..) {
            let name: Name = text.parse().unwrap();
            let covers = match reach {
                Reach::Exact => name == asked_name,
                Reach::Below => name != asked_name && asked_name.is_within(&name),
                Reach::Subtree => asked_name.is_within(&name),
            };
            // Of lines that say the same the first counts.
            if covers && names.iter().position(|&other| other == (text, reach)) == Some(usize::try_from(line).unwrap()) {
                expected.push(line);
            }
        }
        let mut found = lines(&matcher, &question);
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}

/// Rules of lists with these ranks and texts in the syntax of adblock.
fn lists(texts: &[(Rank, &str)]) -> Compiled {
    compiled_with(7, |compiler| {
        for (number, &(rank, text)) in texts.iter().enumerate() {
            compiler.source(Source::new(format!("list:{number}"), rank, String::new()));
            let reading = Reading {
                format: Some(Format::Adblock),
                role: match rank {
                    Rank::WatchList => Role::Watch,
                    _ => Role::Block,
                },
            };
            parse(text.as_bytes(), reading)
                .rules
                .into_iter()
                .for_each(|rule| compiler.rule(rule));
        }
    })
}

#[test]
fn a_rule_is_cancelled_where_the_list_counts_that_says_so() {
    let texts = [
        (
            Rank::List,
            "||a.example^\n||a.example^\n||b.example^$dnstype=A\n||c.example^",
        ),
        (
            Rank::List,
            "||a.example^$badfilter\n||b.example^$badfilter,dnstype=A\n||d.example^",
        ),
        (
            Rank::List,
            "||d.example^\n||d.example^$badfilter\n||c.example^$badfilter,important",
        ),
    ];
    let found = |muted: &[bool]| {
        let scope = Scope {
            muted: muted.to_vec(),
            ..Scope::default()
        };
        let matcher = matcher(lists(&texts)).with_scope(scope);
        ["a.example", "b.example", "c.example", "d.example"].map(|name| lines(&matcher, name))
    };
    assert_eq!(found(&[]), [vec![], vec![], vec![4], vec![]]);
    assert_eq!(
        found(&[false, true, false]),
        [vec![1], vec![3], vec![4], vec![]]
    );
    // What a list does not mean itself never counts.
    assert_eq!(
        found(&[false, true, true]),
        [vec![1], vec![3], vec![4], vec![]]
    );
    assert_eq!(
        found(&[false, false, true]),
        [vec![], vec![], vec![4], vec![3]]
    );
}

#[test]
fn a_list_that_only_watches_cancels_nothing_of_others() {
    let matcher = matcher(lists(&[
        (Rank::List, "@@||a.example^"),
        (Rank::WatchList, "@@||a.example^\n||b.example^"),
        (
            Rank::WatchList,
            "@@||a.example^$badfilter\n||b.example^$badfilter",
        ),
    ]));
    assert_eq!(lines(&matcher, "a.example"), [1]);
    assert_eq!(lines(&matcher, "b.example"), [0_u32; 0]);
}
