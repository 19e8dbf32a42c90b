//! The map of the source, held against the source: who may use whom, and where things live.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use of the others; `app` and `cli` put everything together.
const MAY_USE: &[(&str, &[&str])] = &[
    ("query", &[]),
    ("config", &[]),
    ("matcher", &["query"]),
    ("packs", &["query"]),
    ("device", &["config", "query"]),
    ("policy", &["config", "device", "matcher", "query"]),
    ("local", &["config", "query", "store"]),
    ("cache", &["config", "query"]),
    ("upstream", &["config", "query"]),
    ("journal", &["config", "query", "store"]),
    (
        "pipeline",
        &[
            "cache", "config", "device", "journal", "local", "matcher", "policy", "query",
            "upstream",
        ],
    ),
    ("dns", &["config", "pipeline", "query"]),
    ("lists", &["config", "matcher", "packs", "query", "store"]),
    ("household", &["config", "device", "query", "store"]),
    ("store", &["query", "device"]),
    ("access", &["config", "store"]),
    (
        "api",
        &[
            "access",
            "cache",
            "config",
            "device",
            "household",
            "journal",
            "lists",
            "local",
            "packs",
            "policy",
            "query",
            "store",
        ],
    ),
    ("web", &[]),
    ("app", ALL),
    ("cli", ALL),
];

const ALL: &[&str] = &[
    "access",
    "api",
    "app",
    "cache",
    "config",
    "device",
    "dns",
    "household",
    "journal",
    "lists",
    "local",
    "matcher",
    "packs",
    "pipeline",
    "policy",
    "query",
    "store",
    "upstream",
    "web",
];

/// The only modules that may name a foreign crate.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("hickory_server", &["dns"]),
    ("hickory_resolver", &["upstream"]),
    ("hickory_net", &["upstream"]),
    ("hickory_proto", &["dns", "upstream", "local", "cache"]),
    ("sqlx", &["store"]),
    ("axum", &["api", "web", "dns", "app"]),
    ("argon2", &["access", "config"]),
    ("anyhow", &["app", "cli", "main"]),
];

/// Names that say nothing.
const VAGUE: &[&str] = &[
    "util", "utils", "common", "core", "helpers", "manager", "types", "misc",
];

const MAX_LINES: usize = 400;

struct Source {
    path: PathBuf,
    /// The first folder or file below `src`.
    module: String,
    text: String,
    /// The text up to its tests.
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.iter().map(|path| source(path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let below = path.strip_prefix(root().join("src")).unwrap();
    let first = below
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    let module = first.trim_end_matches(".rs").to_owned();
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap()
        .to_owned();
    Source {
        module,
        code,
        path: path.strip_prefix(root()).unwrap().to_owned(),
        text,
    }
}

/// Files that hold nothing but tests.
fn is_test(source: &Source) -> bool {
    source
        .path
        .file_name()
        .is_some_and(|name| name == "tests.rs")
        || source
            .path
            .components()
            .any(|part| part.as_os_str() == "tests")
}

/// The code without comments.
fn bare(code: &str) -> String {
    code.lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The words that follow `prefix` in the code, also those in braces: modules or crates.
fn named_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        for part in group.split_inclusive([',', '{', '}']) {
            if depth == 0 {
                found.insert(word(part.trim_start()));
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            if depth < 0 {
                break;
            }
        }
    }
    found.remove("");
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    let is_judged =
        |source: &&Source| !is_test(source) && !["lib", "main"].contains(&source.module.as_str());
    for source in sources().iter().filter(is_judged) {
        let Some(allowed) = table.get(source.module.as_str()) else {
            wrong.push(format!(
                "{}: `{}` has no line in the table",
                source.path.display(),
                source.module
            ));
            continue;
        };
        for used in named_after(&bare(&source.code), "crate::") {
            let is_other = table.contains_key(used.as_str()) && used != source.module;
            if is_other && !allowed.contains(&used.as_str()) {
                wrong.push(format!(
                    "{}: `{}` may not use `{used}`",
                    source.path.display(),
                    source.module
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_names_modules_that_exist() {
    let modules: BTreeSet<String> = sources().into_iter().map(|source| source.module).collect();
    for (module, _) in MAY_USE {
        assert!(
            modules.contains(*module),
            "the table has a line for `{module}`, which is gone"
        );
    }
}

#[test]
fn foreign_crates_have_one_home() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !is_test(source)) {
        let code = bare(&source.code);
        for (foreign, homes) in ONLY_IN {
            if code.contains(&format!("{foreign}::")) && !homes.contains(&source.module.as_str()) {
                wrong.push(format!(
                    "{}: `{foreign}` belongs in {homes:?}",
                    source.path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_every_item_what_it_is() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{}: no `//!` head", source.path.display()));
        }
        let lines: Vec<&str> = source.code.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if is_public_item(line) && !is_documented(&lines[..index]) {
                wrong.push(format!(
                    "{}:{}: no `///`: {}",
                    source.path.display(),
                    index + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_public_item(line: &str) -> bool {
    const ITEMS: [&str; 8] = [
        "fn ",
        "async fn ",
        "const ",
        "struct ",
        "enum ",
        "trait ",
        "type ",
        "static ",
    ];
    line.trim_start()
        .strip_prefix("pub ")
        .is_some_and(|rest| ITEMS.iter().any(|item| rest.starts_with(item)))
}

/// Whether a doc comment stands before the item; attributes may stand between.
fn is_documented(before: &[&str]) -> bool {
    for line in before.iter().rev() {
        let line = line.trim();
        if line.starts_with("///") || line.contains("#[doc") || line.starts_with("$(#[$doc") {
            return true;
        }
        let is_other_item = line.is_empty() || line == "}" || line.ends_with(';');
        if is_other_item || (line.ends_with('{') && !line.contains("#[")) {
            return false;
        }
    }
    false
}

#[test]
fn files_have_one_main_item_and_a_name_that_says_something() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !is_test(source)) {
        let lines = source.code.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!(
                "{}: {lines} lines, {MAX_LINES} at most",
                source.path.display()
            ));
        }
        if VAGUE.contains(&source.module.as_str()) {
            wrong.push(format!(
                "{}: a name that says nothing",
                source.path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_in_the_docs_matches_the_land() {
    const PLACES: [&str; 7] = [
        "src/",
        "tests/",
        "docs/",
        "blocklists/",
        "web/",
        "benches/",
        "fuzz/",
    ];
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for path in map.split('`').skip(1).step_by(2) {
        let is_path =
            PLACES.iter().any(|place| path.starts_with(place)) && !path.contains([' ', '*', '<']);
        assert!(
            !is_path || root().join(path).exists(),
            "docs/ARCHITECTURE.md names `{path}`, which is gone"
        );
    }
    for (module, _) in MAY_USE {
        assert!(
            map.contains(&format!("`{module}`")),
            "docs/ARCHITECTURE.md does not name `{module}`"
        );
    }
}
