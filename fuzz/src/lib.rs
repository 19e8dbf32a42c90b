//! What must hold of a list, and of a file of compiled rules, whatever bytes they are made of. The
//! fuzz targets and the tests that run the seeds share it.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use regex::bytes::RegexBuilder;
use squelch::lists::{Format, List, Reading, Report, Role, parse, read};
use squelch::matcher::rule::{Action, Pattern, Plain, Reply, Rule, Sink};
use squelch::matcher::{
    Compiled, Compiler, Matcher, Nobody, Order, Question, Rank, Reach, Source, Want, What,
    compiled_with,
};
use squelch::query::{Name, RecordType};
use xxhash_rust::xxh3::xxh3_64;

/// Reading 64 KiB may take this much of a core; in practice it takes a thousandth.
const MOST_NS: u64 = 1_000_000_000;
const SMALL: usize = 64 << 10;

/// Panics where one of the promises of the readers is broken.
pub fn hold_for_a_list(bytes: &[u8], format: Option<Format>) {
    let reading = |role| Reading { format, role };
    let list = reads_in_time(bytes, reading(Role::Block));
    counts_add_up(bytes, &list);
    for rule in &list.rules {
        is_well_formed(rule);
    }
    it_reads_the_same_again(bytes, reading(Role::Block), &list);
    roles_keep_to_themselves(bytes, reading);
    if format.is_some_and(|format| !remembers(format)) {
        halves_make_a_whole(bytes, reading(Role::Block), &list);
    }
}

/// Reads a list; panics where 64 KiB take a second of a core.
pub fn reads_in_time(bytes: &[u8], reading: Reading) -> List {
    let before = used_ns();
    let list = parse(bytes, reading);
    if let (Some(before), Some(after)) = (before, used_ns())
        && bytes.len() <= SMALL
    {
        assert!(after - before < MOST_NS, "it took {} ns", after - before);
    }
    list
}

/// What a thread has used of its core; only Linux tells.
fn used_ns() -> Option<u64> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok()
}

/// Whether a dialect's lines lean on those before them.
fn remembers(format: Format) -> bool {
    matches!(format, Format::Rpz | Format::Unbound)
}

fn counts_add_up(bytes: &[u8], List { rules, report }: &List) {
    let counts = &report.counts;
    let lines = lines(bytes);
    assert!(
        counts.lines == lines || is_foreign(report),
        "lines: {}, not {lines}",
        counts.lines
    );
    assert_eq!(counts.entries, number(rules.len()));
    assert_eq!(counts.by_kind.values().sum::<u64>(), counts.entries);
    assert_eq!(counts.by_action.values().sum::<u64>(), counts.entries);
    assert_eq!(counts.refused, number(report.problems.len()));
    for rule in rules {
        let of_kind = counts.by_kind.get(&rule.pattern.kind());
        assert!(
            of_kind.is_some_and(|&count| count > 0),
            "{rule} was not counted"
        );
    }
    assert!(rules.is_sorted_by_key(|rule| rule.line));
    assert!(
        rules
            .iter()
            .all(|rule| (1..=counts.lines).contains(&rule.line))
    );
    assert!(report.problems.is_sorted_by_key(|problem| problem.line));
    for problem in &report.problems {
        assert!((1..=counts.lines).contains(&problem.line));
        assert!(!problem.reason.is_empty());
        assert!(problem.text.chars().count() <= 200);
    }
}

fn lines(bytes: &[u8]) -> u64 {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return 0;
    }
    number(text.split(|&byte| byte == b'\n').count())
}

/// Whether the bytes were no list at all, of which one line is told.
fn is_foreign(report: &Report) -> bool {
    let told = report
        .problems
        .iter()
        .any(|problem| problem.reason.starts_with("this is "));
    report.counts.lines == 1 && report.counts.refused == 1 && told
}

/// Whether regexes were refused because there were too many, which two halves share otherwise.
fn is_over(report: &Report) -> bool {
    report
        .problems
        .iter()
        .any(|problem| problem.reason.contains("together"))
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Names are valid, in lower case and in punycode; regexes compile.
fn is_well_formed(rule: &Rule) {
    match &rule.pattern {
        Pattern::Subtree(name) if name.is_empty() => {}
        Pattern::Exact(name) | Pattern::Subtree(name) | Pattern::Below(name) => is_a_name(name),
        Pattern::Glob(glob) => {
            assert!(!glob.text.is_empty() && !glob.text.contains(".."), "{rule}");
            assert!(
                !glob.text.starts_with('*') && !glob.text.ends_with('*'),
                "{rule}"
            );
            assert!(
                is_all(&glob.text, is_in_a_name) || is_all(&glob.text, is_in_ipv6),
                "{rule}"
            );
        }
        Pattern::Regex { text, .. } => {
            let compiled = RegexBuilder::new(text)
                .case_insensitive(true)
                .unicode(false)
                .build();
            assert!(compiled.is_ok(), "{rule}: {compiled:?}");
        }
        Pattern::Address(net) => assert_eq!(*net, net.trunc()),
    }
    rule.limits.except.iter().for_each(|name| is_a_name(name));
    match &rule.action {
        Action::Block(replies) => replies.iter().for_each(is_a_reply),
        Action::Rewrite(reply) | Action::KeepAnswer(Some(reply)) => is_a_reply(reply),
        Action::Watch | Action::Allow | Action::Leave | Action::KeepAnswer(None) | Action::Drop => {
        }
    }
}

fn is_a_reply(reply: &Reply) {
    match reply {
        Reply::Cname(name) | Reply::CnameUnder(name) => is_a_name(name),
        Reply::Record(_, data) => assert!(!data.is_empty()),
        Reply::Code(_) | Reply::Address(_) | Reply::OwnAddress | Reply::Truncated => {}
    }
}

fn is_a_name(name: &str) {
    assert!((1..=253).contains(&name.len()), "{name:?}");
    for label in name.split('.') {
        assert!((1..=63).contains(&label.len()), "{name:?}");
        assert!(label.bytes().all(is_in_a_name), "{name:?}");
    }
}

fn is_in_a_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

fn is_in_ipv6(byte: u8) -> bool {
    matches!(byte, b'a'..=b'f' | b'0'..=b'9' | b':')
}

/// Whether all of a pattern is made of these, and stars.
fn is_all(text: &str, of: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(|byte| of(byte) || byte == b'*')
}

/// Takes rules in both forms, and minds that each comes in its own.
#[derive(Default)]
struct Both(Vec<Rule>);

impl Sink for Both {
    fn plain(&mut self, plain: Plain<'_>) {
        self.0.push(plain.to_rule());
    }

    fn rule(&mut self, rule: Rule) {
        assert!(rule.as_plain().is_none(), "{rule} is plain");
        self.0.push(rule);
    }
}

/// A source that gives few bytes at a time changes nothing, nor does the form of the rules.
fn it_reads_the_same_again(bytes: &[u8], reading: Reading, list: &List) {
    let mut both = Both::default();
    let source = std::io::BufReader::with_capacity(7, bytes);
    let report = read(source, reading, &mut both).expect("memory can be read");
    assert_eq!(report, list.report);
    assert_eq!(both.0, list.rules);
    for (again, rule) in both.0.iter().zip(&list.rules) {
        assert_eq!(again.to_string(), rule.to_string());
    }
}

/// A list for watching stops nothing, and one for allowing does nothing else.
fn roles_keep_to_themselves(bytes: &[u8], reading: impl Fn(Role) -> Reading) {
    let watches = |rule: &Rule| {
        !matches!(
            rule.action,
            Action::Block(_) | Action::Rewrite(_) | Action::Drop
        )
    };
    assert!(parse(bytes, reading(Role::Watch)).rules.iter().all(watches));
    let allows = |rule: &Rule| rule.action == Action::Allow;
    assert!(parse(bytes, reading(Role::Allow)).rules.iter().all(allows));
}

/// Lines do not lean on each other: a list cut in two between lines gives the same rules.
fn halves_make_a_whole(bytes: &[u8], reading: Reading, list: &List) {
    let middle = bytes.get(bytes.len() / 2..).unwrap_or_default();
    let Some(end) = middle.iter().position(|&byte| byte == b'\n') else {
        return;
    };
    let (front, back) = bytes.split_at(bytes.len() / 2 + end + 1);
    let (front, mut back) = (parse(front, reading), parse(back, reading));
    if [list, &front, &back]
        .iter()
        .any(|part| is_foreign(&part.report) || is_over(&part.report))
    {
        return;
    }
    for rule in &mut back.rules {
        rule.line += front.report.counts.lines;
    }
    let both: Vec<Rule> = front.rules.into_iter().chain(back.rules).collect();
    assert_eq!(both, list.rules);
    let refused = front.report.counts.refused + back.report.counts.refused;
    assert_eq!(refused, list.report.counts.refused);
}

/// So many names the good file has, and as many are asked that it has not.
const NAMES: u32 = 60;
const SEED: u64 = 77;
const HEADER: usize = 128;

/// A file of compiled rules as it should be.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut compiler = Compiler::new(SEED);
    compiler.source(Source::new(
        "list:fuzz".to_owned(),
        Rank::List,
        String::new(),
    ));
    compiler.describe(Order::All, false);
    let what = |reach| What {
        reach,
        want: Want::Block,
        important: false,
    };
    for line in 0..NAMES {
        let reach = [Reach::Exact, Reach::Subtree][line as usize % 2];
        compiler.add(what(reach), &format!("n{line}.example"), line);
    }
    let text = b"/ad[0-9]+/\n||*.glob.example^\n||rewritten.example^$dnsrewrite=192.0.2.7\n@@||n3.example^$client=192.0.2.9";
    let rules = parse(
        text,
        Reading {
            format: Some(Format::Adblock),
            role: Role::Block,
        },
    );
    for rule in rules.rules {
        compiler.rule(rule);
    }
    compiler.finish("fuzz").expect("a few rules have few lines")
});

/// Panics where a file that `bytes` make, or the good file after the changes that they tell, is
/// read wrong: what opens finds the right names, or has seen that it is damaged.
pub fn hold_for_a_compiled_file(bytes: &[u8]) {
    let _ = found(bytes.to_vec());
    let mut file = changed(bytes);
    if let Some(answers) = found(file.clone()) {
        let is_right = |(line, found): (u32, &Found)| match found {
            Found::Line(at) => *at == line && line < NAMES,
            Found::Nothing => line >= NAMES,
            Found::Unknown => true,
        };
        assert!((0..).zip(&answers).all(is_right), "{answers:?}");
    }
    // With its checksums put right any nonsense comes to be read: it may only not panic.
    put_checksums_right(&mut file);
    let _ = found(file);
}

/// What a look-up came to.
#[derive(Debug)]
enum Found {
    Line(u32),
    Nothing,
    /// Nothing, but what was read is known to be damaged.
    Unknown,
}

/// What is found of names that the good file has, then of those that it has not; `None` for a file
/// that is refused.
fn found(file: Vec<u8>) -> Option<Vec<Found>> {
    let base = Compiled::from_bytes(file).ok()?;
    let top = compiled_with(base.seed(), |_| {});
    let matcher = Matcher::new(Arc::new(base), Arc::new(top));
    let look_up = |line: u32| {
        let name: Name = format!("n{line}.example").parse().expect("it is a name");
        let address = Ipv4Addr::LOCALHOST.into();
        let question = Question::new(&name, RecordType::A, address, &Nobody);
        let mut first = None;
        matcher.find(&question, &mut |hit| {
            first.get_or_insert(hit.rule.line);
        });
        match first {
            Some(line) => Found::Line(line),
            None if matcher.base().is_damaged() => Found::Unknown,
            None => Found::Nothing,
        }
    };
    Some((0..2 * NAMES).map(look_up).collect())
}

/// The good file after changes of five bytes each: a place, and what is flipped there; nothing to
/// flip cuts the file off.
fn changed(changes: &[u8]) -> Vec<u8> {
    let mut file = GOOD.clone();
    for change in changes.as_chunks::<5>().0 {
        let [a, b, c, d, flip] = *change;
        let place = u32::from_le_bytes([a, b, c, d]) as usize % file.len().max(1);
        if flip == 0 {
            file.truncate(place);
        } else if let Some(byte) = file.get_mut(place) {
            *byte ^= flip;
        }
    }
    file
}

fn put_checksums_right(file: &mut [u8]) {
    let word = |file: &[u8], at: usize| {
        let word = file.as_chunks::<8>().0.get(at).copied();
        word.map_or(0, u64::from_le_bytes)
    };
    // The header's words: the filter begins where the sixth says; the tenth is the sum of the rest.
    let rest = usize::try_from(word(file, 6))
        .ok()
        .and_then(|at| file.get(at..));
    let Some(rest) = rest.map(xxh3_64) else {
        return;
    };
    if file.len() < HEADER {
        return;
    }
    file[8 * 10..8 * 11].copy_from_slice(&rest.to_le_bytes());
    let header = xxh3_64(&file[..HEADER - 8]);
    file[HEADER - 8..HEADER].copy_from_slice(&header.to_le_bytes());
}
