//! The matcher at the size of real lists: what a rule takes, how long a list takes from its text
//! to the live rules, and what a look-up costs; beside it a plain hash map of the same names.
//!
//! Each step runs in a process of its own, so that its memory is its own: `make bench-matcher`.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has failed")]
#![expect(clippy::indexing_slicing, reason = "a benchmark that fails has failed")]
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "common/dice.rs"]
mod dice;

use std::collections::HashMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use squelch::lists::{self, Format, ListSource, Reading, Role};
use squelch::matcher::{Compiled, Live, Matcher, Nobody, Question, compiled_with, write};
use squelch::query::{Name, RecordType};
use tokio::time::{Duration, Instant};

use dice::Dice;

const SEED: u64 = 0x51e5_1e5e_1e51_5e51;
/// Names that are looked up in one round.
const ASKED: usize = 100_000;
/// Names that are taken at a time, so that they are as near as a name that was just received.
const AT_A_TIME: usize = 64;
const ROUNDS: usize = 15;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words.as_slice() {
        ["make", count, text] => make(count.parse().unwrap(), Path::new(text)),
        ["compile", text, rules] => compile(Path::new(text), Path::new(rules)),
        ["look", text, rules] => look(Path::new(text), Path::new(rules)),
        ["map", text] => map(Path::new(text)),
        _ => table(),
    }
}

fn table() {
    let folder = tempfile::tempdir().unwrap();
    println!(
        "| names | bytes a rule | text to live, s | peak, MB | peak allowed, MB | hit, ns | miss, ns | a bare load, ns | reopen to first look-up, ms | map: bytes a name | map: hit, ns | map: miss, ns |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for count in [1_000_000, 5_000_000] {
        let text = folder.path().join("list.txt");
        let rules = folder.path().join("rules.bin");
        let (text, rules) = (text.to_str().unwrap(), rules.to_str().unwrap());
        run(&["make", &count.to_string(), text]);
        let compiled = run(&["compile", text, rules]);
        let looked = run(&["look", text, rules]);
        let map = run(&["map", text]);
        println!("| {count} | {compiled} | {looked} | {map} |");
    }
}

/// Runs a step in a process of its own.
fn run(arguments: &[&str]) -> String {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Writes a list of so many different names.
fn make(count: usize, text: &Path) {
    let mut dice = Dice(1);
    let mut known = std::collections::HashSet::with_capacity(count);
    let mut file = BufWriter::new(File::create(text).unwrap());
    while known.len() < count {
        let name = dice.name();
        if known.insert(name.clone()) {
            writeln!(file, "||{name}^").unwrap();
        }
    }
    file.flush().unwrap();
}

fn compile(text: &Path, rules: &Path) {
    let live = Live::default();
    let before = peak_kb();
    let started = Instant::now();
    let list = ListSource {
        name: "big".to_owned(),
        path: text.to_owned(),
        reading: Reading {
            format: Some(Format::Adblock),
            role: Role::Block,
        },
    };
    let compiled = lists::compile(&[list], (SEED, "bench"), &mut ()).unwrap();
    write(rules, &compiled.bytes).unwrap();
    let size = compiled.bytes.len();
    drop(compiled.bytes);
    let base = Compiled::open(rules).unwrap();
    let names = base.len();
    live.swap(matcher(base));
    let took = started.elapsed().as_secs_f64();
    let peak = (peak_kb() - before) as f64 / 1024.0;
    let allowed = 3.0 * size as f64 / 1_048_576.0 + 32.0;
    let a_rule = size as f64 / names as f64;
    println!("{a_rule:.2} | {took:.2} | {peak:.0} | {allowed:.0}");
}

fn matcher(base: Compiled) -> Matcher {
    let top = compiled_with(base.seed(), |_| {});
    Matcher::new(Arc::new(base), Arc::new(top))
}

fn look(text: &Path, rules: &Path) {
    // The page cache is warm: it was just written. What is measured is opening and finding.
    let started = Instant::now();
    let matcher = matcher(Compiled::open(rules).unwrap());
    let first: Name = "never-seen.example".parse().unwrap();
    black_box(find(&matcher, &first));
    let reopened = started.elapsed().as_secs_f64() * 1000.0;
    let (hits, misses) = asked(text);
    let count = |names: &[Name]| names.iter().filter(|name| find(&matcher, name)).count();
    assert_eq!(count(&hits), hits.len(), "every listed name is found");
    assert_eq!(count(&misses), 0, "no other is");
    let hit = median(&hits, |name| find(&matcher, name));
    let miss = median(&misses, |name| find(&matcher, name));
    let bare = bare_load(usize::try_from(fs::metadata(rules).unwrap().len()).unwrap());
    println!("{hit:.0} | {miss:.0} | {bare:.0} | {reopened:.2}");
}

/// What this machine takes, in nanoseconds, to read one line of so much memory, when which one is
/// known only from the one before: a hit is one such load at least, and more for a large filter.
fn bare_load(bytes: usize) -> f64 {
    const LINE: usize = 8;
    const LOADS: usize = 1_000_000;
    let count = bytes / 64;
    let mut order: Vec<usize> = (0..count).collect();
    let mut dice = Dice(4);
    // One circle through all lines.
    for at in (1..count).rev() {
        order.swap(at, dice.below(at));
    }
    let mut lines = vec![0; count * LINE];
    for (&line, &next) in order.iter().zip(order.iter().cycle().skip(1)) {
        lines[line * LINE] = next * LINE;
    }
    let mut rounds = [0.0; 5];
    let mut at = 0;
    for took in &mut rounds {
        let started = Instant::now();
        for _ in 0..LOADS {
            at = lines[at];
        }
        *took = started.elapsed().as_secs_f64() * 1e9 / LOADS as f64;
    }
    black_box(at);
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn find(matcher: &Matcher, name: &Name) -> bool {
    let address = Ipv4Addr::LOCALHOST.into();
    let question = Question::new(name, RecordType::A, address, &Nobody);
    let mut found = false;
    matcher.find(&question, &mut |_| found = true);
    found
}

/// Names that are covered, with up to two labels in front, and names that are not.
fn asked(text: &Path) -> (Vec<Name>, Vec<Name>) {
    let mut dice = Dice(2);
    let names: Vec<String> = names(text).collect();
    let in_front = |name: &str, labels| match labels {
        0 => name.to_owned(),
        1 => format!("www.{name}"),
        _ => format!("a1.eu.{name}"),
    };
    let hit = |_| {
        let name = &names[dice.below(names.len())];
        in_front(name, dice.below(3)).parse().unwrap()
    };
    let hits = (0..ASKED).map(hit).collect();
    let mut dice = Dice(3);
    let miss = |_| {
        let name = dice.name().replacen('.', "-x.", 1);
        let name = name.replace("-x.co", "-y.co");
        in_front(&format!("{name}.home-x"), dice.below(3))
            .parse()
            .unwrap()
    };
    (hits, (0..ASKED).map(miss).collect())
}

fn names(text: &Path) -> impl Iterator<Item = String> {
    let lines = BufReader::new(File::open(text).unwrap()).lines();
    lines.map(|line| {
        let line = line.unwrap();
        line.trim_start_matches('|')
            .trim_end_matches('^')
            .to_owned()
    })
}

/// The median over the rounds of what one look-up takes, in nanoseconds.
fn median<T: Clone>(names: &[T], look: impl Fn(&T) -> bool) -> f64 {
    let mut near: Vec<T> = names.iter().take(AT_A_TIME).cloned().collect();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut took = Duration::ZERO;
            for names in names.chunks_exact(near.len()) {
                near.clone_from_slice(names);
                let started = Instant::now();
                for name in &near {
                    black_box(look(name));
                }
                took += started.elapsed();
            }
            let asked = names.len() / near.len() * near.len();
            took.as_secs_f64() * 1e9 / asked as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// The same questions asked of a hash map of texts, suffix by suffix.
fn map(text: &Path) {
    let before = resident_kb();
    let map: HashMap<String, u32> = names(text).zip(0..).collect();
    let a_name = (resident_kb() - before) as f64 * 1024.0 / map.len() as f64;
    let (hits, misses) = asked(text);
    let texts = |names: &[Name]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let look = |name: &String| {
        let mut rest = name.as_str();
        loop {
            if map.contains_key(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    };
    let hit = median(&texts(&hits), look);
    let miss = median(&texts(&misses), look);
    println!("{a_name:.0} | {hit:.0} | {miss:.0}");
}

fn peak_kb() -> u64 {
    status("VmHWM:")
}

fn resident_kb() -> u64 {
    status("VmRSS:")
}

fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
