//! Rules as people write them, and what they make of queries: the cases of `tests/cases`, a file a
//! dialect, decided by `squelch rules try`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    dialect: String,
    case: Vec<Case>,
}

/// Rules, and what they make of some queries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    #[serde(default)]
    rules: Vec<String>,
    /// The list as it is, where its lines and bytes matter.
    text: Option<String>,
    /// Lines of an allow list.
    #[serde(default)]
    allow: Vec<String>,
    /// Lines of a zone that comes first.
    #[serde(default)]
    first_zone: Vec<String>,
    /// The device that asks.
    who: Option<Who>,
    /// Devices, and what of the case counts for them alone.
    group: Option<Value>,
    /// `NAME [TYPE]`, and `DECISION [CODE [RECORD + RECORD…]]`.
    asks: BTreeMap<String, String>,
    /// How many of what the rules are.
    #[serde(default)]
    counts: BTreeMap<String, u64>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Who {
    ip: IpAddr,
    name: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// What the program says of one query.
#[derive(Deserialize)]
struct Decided {
    decision: String,
    rcode: String,
    rrs: Vec<(String, String)>,
    counts: BTreeMap<String, u64>,
}

/// One query of a case.
struct Try<'a> {
    file: &'a Path,
    case: &'a Case,
    ask: &'a str,
    expected: &'a str,
    json: Value,
}

fn files() -> Vec<(PathBuf, Cases)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().path())
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let cases =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, cases)
        })
        .collect()
}

fn tries(files: &[(PathBuf, Cases)]) -> Vec<Try<'_>> {
    let mut tries = Vec::new();
    for (file, cases) in files {
        for case in &cases.case {
            for (ask, expected) in &case.asks {
                tries.push(Try {
                    file,
                    case,
                    ask,
                    expected,
                    json: as_json(&cases.dialect, case, ask),
                });
            }
        }
    }
    tries
}

fn as_json(dialect: &str, case: &Case, ask: &str) -> Value {
    let (name, kind) = ask.split_once(' ').unwrap_or((ask, "A"));
    let mut json = json!({
        "syntax": dialect,
        "rules": case.rules,
        "allow_rules": case.allow,
        "first_zone": case.first_zone,
        "query": { "name": name, "type": kind, "client": case.who },
    });
    if let Some(text) = &case.text {
        let digits: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        json["list_bytes"] = digits.concat().into();
    }
    if let Some(group) = &case.group {
        json["group"] = group.clone();
    }
    json
}

fn decide(tries: &[Try<'_>]) -> Vec<Decided> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_squelch"))
        .args(["rules", "try"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let lines: Vec<String> = tries.iter().map(|one| one.json.to_string()).collect();
    // It writes while it reads: a full pipe must not stop both.
    let writer = std::thread::spawn(move || input.write_all(lines.join("\n").as_bytes()).unwrap());
    let output = program.wait_with_output().unwrap();
    writer.join().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// What is wrong with a decision; nothing where it is right.
fn wrong(one: &Try<'_>, decided: &Decided) -> Option<String> {
    let mut words = one.expected.splitn(3, ' ');
    let decision = words.next().unwrap();
    let code = words.next();
    let mut records: Vec<&str> = match words.next() {
        Some(records) => records.split(" + ").collect(),
        None => Vec::new(),
    };
    let told = decided.rrs.iter();
    let mut told: Vec<String> = told.map(|(kind, data)| format!("{kind} {data}")).collect();
    records.sort_unstable();
    told.sort_unstable();
    let counts = one.case.counts.iter();
    let miscounted = counts
        .filter(|&(what, &count)| decided.counts.get(what) != Some(&count))
        .count();
    let is_right = decided.decision == decision
        && code.is_none_or(|code| decided.rcode == code && told == records)
        && miscounted == 0;
    (!is_right).then(|| {
        format!(
            "{}: {}: {}: `{}`, not {} {} {}, counts {:?}",
            one.file.file_name().unwrap().display(),
            one.case.about,
            one.ask,
            one.expected,
            decided.decision,
            decided.rcode,
            told.join(" + "),
            decided.counts,
        )
    })
}

#[test]
fn rules_of_every_dialect_decide_as_their_cases_say() {
    let files = files();
    let tries = tries(&files);
    assert!(tries.len() >= 500, "{} queries", tries.len());
    let decided = decide(&tries);
    assert_eq!(decided.len(), tries.len());
    let wrong: Vec<String> = tries
        .iter()
        .zip(&decided)
        .filter_map(|(one, decided)| wrong(one, decided))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
