//! `squelch packs`: what a contributor sees.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn squelch(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squelch"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.arg("packs").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A copy of `blocklists` with a mistake planted in one pack.
fn planted(from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists"),
        folder.path(),
    );
    let pack = folder.path().join("packs/vizio.toml");
    let text = fs::read_to_string(&pack).unwrap();
    assert!(text.contains(from));
    fs::write(pack, text.replacen(from, to, 1)).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

#[test]
fn the_packs_of_this_tree_have_no_finding() {
    let output = squelch(&["lint"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.trim_end().ends_with("names, 0 findings"), "{said}");
}

#[test]
fn a_planted_mistake_is_found_with_file_and_line() {
    let folder = planted("reviewed = ", "reviewd = ");
    let pack = folder.path().join("packs/vizio.toml");
    let written = fs::read_to_string(&pack).unwrap();
    let line = 1 + written
        .lines()
        .position(|line| line.starts_with("reviewd"))
        .unwrap();
    for path in [folder.path(), pack.as_path()] {
        let output = squelch(&["lint", path.to_str().unwrap()]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let right = format!("{}:{line}: P02", pack.display());
        assert!(
            said.contains(&right) && said.contains("did you mean `reviewed`?"),
            "{said}"
        );
    }
}

#[test]
fn a_pack_by_itself_is_checked_with_the_words_of_the_program() {
    let folder = planted("kind = \"tv\"", "kind = \"telly\"");
    fs::rename(
        folder.path().join("packs/vizio.toml"),
        folder.path().join("vizio.toml"),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_squelch"));
    command.current_dir(folder.path());
    let output = command
        .args(["packs", "lint", "vizio.toml"])
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("vizio.toml:") && said.contains("one of phone, tv"),
        "{said}"
    );
    assert!(said.ends_with("names, 1 finding\n"), "{said}");
}

#[test]
fn findings_are_given_to_programs() {
    let folder = planted("schema = 1", "schema = 2");
    let output = squelch(&["lint", "--json", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["line"]),
        (&"P02".into(), &1.into())
    );
    assert!(report["packs"].as_u64().unwrap() >= 36);
}

#[test]
fn a_path_that_is_not_there_is_wrong_use() {
    let output = squelch(&["lint", "/nowhere/at-all"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/nowhere/at-all"));
}

#[test]
fn the_list_has_every_pack() {
    let output = squelch(&["list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = list["items"].as_array().unwrap();
    let packs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists/packs"));
    assert_eq!(items.len(), packs.unwrap().count());
    let said = text(&squelch(&["list"]).stdout);
    assert!(
        items
            .iter()
            .all(|pack| said.contains(pack["id"].as_str().unwrap()))
    );
}

#[test]
fn a_pack_is_shown_with_switches_and_evidence() {
    let output = squelch(&["show", "oneplus"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    for part in [
        "OnePlus phones",
        "Switch in the device:",
        "open.oneplus.net",
        "measured by a study",
        "If blocked:",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let json = squelch(&["show", "oneplus", "--json"]);
    let page: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(page["id"], "oneplus");
    assert_eq!(
        page["names"].as_u64().unwrap(),
        page["entries"].as_array().unwrap().len() as u64
    );
}

#[test]
fn a_pack_that_does_not_exist_is_wrong_use_and_the_nearest_is_named() {
    let output = squelch(&["show", "onplus"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `oneplus`?"));
}
