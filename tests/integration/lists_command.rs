//! `squelch lists check`: what a person sees of a list.

use std::fs;
use std::process::{Command, Output};

const LIST: &str = "! Title: ours\n||ads.example^\n||b.example^$popup\nsite.example##.ad\n";

fn check(text: &[u8], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list.txt"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_squelch"));
    command.current_dir(folder.path());
    command.args(["lists", "check", "list.txt"]);
    command.args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_refused_line_is_told_with_number_and_reason() {
    let output = check(LIST.as_bytes(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "list.txt: adblock (3 of the first 3 lines that tell are adblock)\n\
         lines: 4; entries: 1 (1 subtree)\n\
         passed over (1 comment, 1 cosmetic)\n\
         refused: 1\n  \
         line 3: `$popup` is not for DNS, so the rule is not in force: ||b.example^$popup\n"
    );
}

#[test]
fn entries_are_told_in_plain_words() {
    let output = check(b"0.0.0.0 ads.example b.example\n", &["--entries"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).starts_with("1: block ads.example\n1: block b.example\n"));
}

#[test]
fn a_program_is_told_the_same() {
    let output = check(LIST.as_bytes(), &["--json", "--format", "adblock"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["format"], "adblock");
    assert_eq!(report["why"], "as asked for");
    assert_eq!(report["counts"]["by_kind"]["subtree"], 1);
    assert_eq!(report["counts"]["skipped"]["cosmetic"], 1);
    assert_eq!(report["problems"][0]["line"], 3);
}

#[test]
fn fifty_refused_lines_are_shown_unless_all_are_asked_for() {
    let text = "http://ads.example/\n".repeat(60);
    let shown = |arguments: &[&str]| {
        let said = said(&check(text.as_bytes(), arguments));
        (said.matches("URL").count(), said.contains("and 10 more"))
    };
    assert_eq!(shown(&["--format", "hosts"]), (50, true));
    assert_eq!(shown(&["--format", "hosts", "--all"]), (60, false));
}

#[test]
fn a_list_that_cannot_be_read_is_wrong_use() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squelch"));
    let output = command
        .args(["lists", "check", "/nowhere/list.txt"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("/nowhere/list.txt")
    );
}

/// A folder with a config of one list, which is a file.
fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = "[web]\nlisten = []\n[[list]]\nname = \"ads\"\nsource = \"ads.txt\"\n";
    fs::write(folder.path().join("config.toml"), config).unwrap();
    fs::write(
        folder.path().join("ads.txt"),
        "ads.example\ntrack.example\n",
    )
    .unwrap();
    folder
}

fn lists(home: &tempfile::TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squelch"));
    command.current_dir(home.path()).arg("lists");
    command.args(arguments).output().unwrap()
}

#[test]
fn without_a_server_lists_are_fetched_and_compiled_by_the_command() {
    let home = home();
    let update = lists(&home, &["update"]);
    assert_eq!(update.status.code(), Some(0), "{update:?}");
    assert!(said(&update).ends_with("ads: 2 entries\n"), "{update:?}");
    assert!(home.path().join("data/lists/compiled.rules").exists());
    let list = lists(&home, &["list", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(
        (&told[0]["state"], &told[0]["entries"]),
        (&"good".into(), &2.into())
    );
}

#[test]
fn without_lists_there_is_nothing_to_update() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.toml"), "[web]\nlisten = []\n").unwrap();
    let output = lists(&home, &["update"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said(&output).starts_with("There are no lists"),
        "{output:?}"
    );
}

#[test]
fn names_that_must_work_are_told_with_what_breaks() {
    let output = check(b"ads.example\ncaptive.apple.com\n", &[]);
    assert_eq!(output.status.code(), Some(0));
    let told = said(&output);
    let told = told.split("that it blocks: 1\n").nth(1).unwrap();
    assert!(
        told.starts_with("  line 2: captive.apple.com: Joining Wi-Fi"),
        "{told}"
    );
    let allowed = said(&check(b"captive.apple.com\n", &["--action", "allow"]));
    assert!(!allowed.contains("must work"), "{allowed}");
}

#[test]
fn a_list_that_cannot_be_had_is_told_and_the_copy_stays() {
    let home = home();
    lists(&home, &["update"]);
    fs::remove_file(home.path().join("ads.txt")).unwrap();
    let update = lists(&home, &["update", "ads"]);
    assert_eq!(update.status.code(), Some(1));
    let problem = String::from_utf8(update.stderr).unwrap();
    assert!(problem.contains("ads: reading `"), "{problem}");
    let list = lists(&home, &["list"]);
    assert_eq!(list.status.code(), Some(1));
    let told = said(&list);
    assert!(
        told.starts_with("ads  failing  block          2 entries"),
        "{told}"
    );
}

#[test]
fn a_copy_that_is_held_back_is_confirmed_or_discarded_by_the_command() {
    let home = home();
    let said = |output: &Output| {
        let all = [output.stdout.clone(), output.stderr.clone()].concat();
        (output.status.code(), String::from_utf8(all).unwrap())
    };
    let done = |word: &str| format!("ads: the copy that was held back is {word}\n");
    lists(&home, &["update"]);
    let nothing = said(&lists(&home, &["discard", "ads"]));
    let none = "squelch: no copy of list `ads` is held back\n";
    assert_eq!(nothing, (Some(1), none.to_owned()));
    fs::write(home.path().join("ads.txt"), "").unwrap();
    let (code, update) = said(&lists(&home, &["update"]));
    assert_eq!(code, Some(1));
    assert!(update.contains("lists discard"), "{update}");
    let discarded = said(&lists(&home, &["discard", "ads"]));
    assert_eq!(discarded, (Some(0), done("discarded")));
    let (code, update) = said(&lists(&home, &["update"]));
    assert_eq!(code, Some(0));
    assert!(update.ends_with("ads: 2 entries\n"), "{update}");
    fs::write(home.path().join("ads.txt"), "! nothing yet\n").unwrap();
    lists(&home, &["update"]);
    // Nothing is what was discarded, however it is written.
    let nothing = said(&lists(&home, &["confirm", "ads"]));
    assert_eq!(nothing, (Some(1), none.to_owned()));
    let wrong = said(&lists(&home, &["discard", "adds"]));
    let none = "squelch: there is no list `adds`; there are: ads\n";
    assert_eq!(wrong, (Some(2), none.to_owned()));
}

#[test]
fn without_a_server_a_copy_that_is_confirmed_is_in_force_at_the_next_update() {
    let home = home();
    fs::write(
        home.path().join("ads.txt"),
        "a.example\nb.example\nc.example\n",
    )
    .unwrap();
    lists(&home, &["update"]);
    fs::write(home.path().join("ads.txt"), "a.example\n").unwrap();
    lists(&home, &["update"]);
    assert_eq!(lists(&home, &["confirm", "ads"]).status.code(), Some(0));
    let update = lists(&home, &["update"]);
    assert!(said(&update).ends_with("ads: 1 entries\n"), "{update:?}");
}

#[test]
fn a_list_that_is_not_there_is_told_with_those_that_are() {
    let update = lists(&home(), &["update", "adds"]);
    assert_eq!(update.status.code(), Some(2));
    let problem = String::from_utf8(update.stderr).unwrap();
    assert_eq!(
        problem,
        "squelch: there is no list `adds`; there are: ads\n"
    );
}

#[test]
fn lists_that_another_process_keeps_are_left_to_it() {
    let home = home();
    let shelf = squelch::lists::Shelf::at(&home.path().join("data"));
    let claim = shelf.claim().unwrap();
    let output = lists(&home, &["update"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("keeps the lists in data_dir"), "{told}");
    drop(claim);
    assert_eq!(lists(&home, &["update"]).status.code(), Some(0));
}
