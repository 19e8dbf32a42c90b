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

const FIVE_MISTAKES: &str = r#"
[dns]
listn = ["127.0.0.1:5300"]
allow_from = ["192.168.0.0/99"]

[upstream]
servers = ["udp://dns.example"]
timeout = "2 bananas"

[packs]
xiaomy = "block"
level = "harsh"
"#;

#[test]
fn five_mistakes_get_five_messages_with_line_key_and_what_would_be_right() {
    let folder = config(FIVE_MISTAKES);
    for command in ["check", "serve"] {
        let output = squelch(folder.path(), &[command]);
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output.stderr);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 5, "{told}");
        let expected = [
            (3, "dns.listn", "listen"),
            (4, "dns.allow_from", "private"),
            (7, "upstream.servers", "https://"),
            (8, "upstream.timeout", "s"),
            (12, "packs.level", "strict"),
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
