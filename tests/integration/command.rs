//! The binary as people run it: what it refuses, and how it says so.

use std::io::Write as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output};

fn squelch(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squelch"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn config(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("config.toml")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const MISTAKES: &str = r#"
[dns]
listn = ["127.0.0.1:5300"]
allow_from = ["192.168.0.0/99"]

[upstream]
servers = ["udp://dns.example"]
timeout = "2 bananas"

[packs]
xiaomy = "block"
level = "harsh"

[[rule]]
action = "block"
match = "||a.example^$third-party"

[[record]]
name = "nas.home.arpa"
type = "A"
value = "192.0.2"
"#;

#[test]
fn all_mistakes_are_told_at_once_with_line_key_and_what_would_be_right() {
    let folder = config(MISTAKES);
    for command in ["check", "serve"] {
        let output = squelch(folder.path(), &[command]);
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output.stderr);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 8, "{told}");
        let expected = [
            (3, "dns.listn", "listen"),
            (4, "dns.allow_from", "private"),
            (7, "upstream.servers", "https://"),
            (8, "upstream.timeout", "s"),
            (11, "packs.xiaomy", "xiaomi"),
            (12, "packs.level", "strict"),
            (16, "rule[0].match", "not for DNS"),
            (21, "record[0].value", "192.0.2.10"),
        ];
        for (line, (number, key, right)) in lines.iter().zip(expected) {
            assert!(
                line.starts_with(&format!("config.toml:{number}: {key}")),
                "{line}"
            );
            assert!(line.contains(right), "{line}");
        }
    }
}

#[test]
fn a_pack_that_does_not_exist_is_named_with_the_nearest() {
    let folder = config("[packs]\nxiaomy = \"block\"\n");
    let output = squelch(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(
        told.starts_with("config.toml:2: packs.xiaomy") && told.contains("xiaomi"),
        "{told}"
    );
}

#[test]
fn the_example_config_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = squelch(root, &["check", "--config", "config.example.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("36 packs"));
}

#[test]
fn a_taken_port_is_named_with_who_holds_it() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = config(&format!(
        "[dns]\nlisten = [\"127.0.0.1:{port}\"]\n[web]\nlisten = []\n"
    ));
    let output = squelch(folder.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains(&format!("port {port}"))
            && told.contains(&format!("pid {}", std::process::id())),
        "{told}"
    );
}

#[test]
fn explain_tells_the_evidence_as_text_and_as_json() {
    let folder = config("[packs]\nxiaomi = \"block\"\n[web]\nlisten = []\n");
    let told = text(&squelch(folder.path(), &["explain", "tracking.miui.com"]).stdout);
    for part in [
        "block",
        "(xiaomi)",
        "blocklists/packs/xiaomi.toml:",
        "safe",
        "which apps are opened and when",
        "measured by a study",
        "2023",
        "Redmi Note 11",
        "User Experience Program",
        "breaks",
    ] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    let json = squelch(folder.path(), &["explain", "tracking.miui.com", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["verdict"], "block");
    assert_eq!(json["pack"]["id"], "xiaomi");
    assert_eq!(json["entry"]["level"], "safe");
    assert!(
        json["entry"]["file"]
            .as_str()
            .unwrap()
            .ends_with("packs/xiaomi.toml")
    );
    assert!(json["entry"]["line"].as_u64().unwrap() > 0);
    assert_eq!(json["entry"]["evidence"][0]["source"], "liu2023cn");
    assert!(json["entry"]["component"]["opt_out"].is_string());
}

#[test]
fn explain_refuses_what_is_no_name_or_type() {
    let folder = config("");
    assert_eq!(
        squelch(folder.path(), &["explain", "a..b"]).status.code(),
        Some(2)
    );
    assert_eq!(
        squelch(
            folder.path(),
            &["explain", "home.example", "--type", "BOGUS"]
        )
        .status
        .code(),
        Some(2)
    );
}

#[test]
fn nobody_answers_where_no_server_runs() {
    let free = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = config(&format!("[dns]\nlisten = [\"{free}\"]\n"));
    assert_eq!(squelch(folder.path(), &["healthy"]).status.code(), Some(1));
}

#[test]
fn what_keeps_the_server_from_starting_is_told_before_it_is_started() {
    let listen = "[dns]\nlisten = [\"127.0.0.1:5300\", \"127.0.0.1:5300\"]\n";
    let anchors = "[upstream]\ntrust_anchors = \"none.ds\"\n";
    for (text, expected) in [
        (listen, "config.toml:2: dns.listen has 127.0.0.1:5300 twice"),
        (
            anchors,
            "config.toml:2: upstream.trust_anchors = \"none.ds\": reading",
        ),
    ] {
        let folder = config(text);
        for command in ["check", "serve"] {
            let output = squelch(folder.path(), &[command]);
            assert_eq!(output.status.code(), Some(2), "{command}");
            let told = text_of_one_line(&output.stderr);
            assert!(told.starts_with(expected), "{told}");
        }
    }
}

fn text_of_one_line(bytes: &[u8]) -> String {
    let told = text(bytes);
    assert_eq!(told.lines().count(), 1, "{told}");
    told
}

const LISTS: &str = "[[list]]\nname = \"ads\"\nsource = \"ads.txt\"\n\
    [[list]]\nname = \"gone\"\nsource = \"gone.txt\"\n";

#[test]
fn check_reads_the_lists_and_tells_what_they_break() {
    let folder = config(LISTS);
    let list = "||ads.example^\n||b.example^$popup\ncaptive.apple.com\n";
    std::fs::write(folder.path().join("ads.txt"), list).unwrap();
    let output = squelch(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stderr);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[0].starts_with("warning: ads.txt:2: ||b.example^$popup: "));
    assert!(
        lines[1].starts_with("warning: list ads, line 3: blocks captive.apple.com, which must")
    );
    assert!(lines[2].starts_with("warning: config.toml:4: list[1].source = \"gone.txt\": reading"));
    assert!(text(&output.stdout).contains("; 2 lists with 2 entries"));

    let json = squelch(folder.path(), &["check", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        (&json["good"], &json["problems"]),
        (&true.into(), &serde_json::json!([]))
    );
    assert_eq!(json["lists"][0]["refused"][0]["line"], 2);
    assert_eq!(json["lists"][0]["breaks"][0]["name"], "captive.apple.com");
    assert_eq!(json["lists"][1]["problem"]["key"], "list[1].source");
}

#[test]
fn check_tells_a_program_what_is_wrong() {
    let folder = config("[dns]\nlistn = 1\n");
    let output = squelch(folder.path(), &["check", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &json["problems"][0];
    assert_eq!(
        (&json["good"], &problem["line"]),
        (&false.into(), &2.into())
    );
    assert_eq!(
        (&problem["file"], &problem["key"]),
        (&"config.toml".into(), &"dns.listn".into())
    );
}

#[test]
fn explain_knows_rules_records_and_lists_without_a_server() {
    let more = "[blocking]\nsafesearch = true\n[web]\nlisten = []\n\
                [[rule]]\nmatch = \"||own.example^\"\n\
                [[rule]]\nmatch = \"||two.example^$dnsrewrite=192.0.2.9\"\n\
                [[record]]\nname = \"nas.home.arpa\"\nvalue = \"192.0.2.10\"\n\
                [[list]]\nname = \"ads\"\nsource = \"ads.txt\"\n";
    let folder = config(more);
    std::fs::write(folder.path().join("ads.txt"), "listed.example\n").unwrap();
    assert!(
        squelch(folder.path(), &["lists", "update"])
            .status
            .success()
    );
    for (name, expected) in [
        ("own.example", "A 0.0.0.0"),
        ("two.example", "A 192.0.2.9, as the rule says"),
        ("listed.example", "list ads, line 1"),
        ("nas.home.arpa", "your own records"),
        (
            "www.google.com",
            "CNAME forcesafesearch.google.com, for SafeSearch",
        ),
        ("use-application-dns.net", "NXDOMAIN"),
    ] {
        let told = text(&squelch(folder.path(), &["explain", name]).stdout);
        assert!(told.contains(expected), "{told}");
    }
}
