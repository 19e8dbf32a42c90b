//! The binary with a password: its own commands get in, and `squelch password` sets it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, StatusCode};
use serde_json::json;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// A folder with a config, whose dashboard has a port that is free.
struct Place {
    folder: TempDir,
    base: String,
}

impl Place {
    fn new(web: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[dns]\nlisten = [\"127.0.0.1:0\"]\n[upstream]\nservers = [\"udp://127.0.0.1:9\"]\n\
             [web]\nlisten = [\"{address}\"]\n{web}"
        );
        fs::write(folder.path().join("config.toml"), text).unwrap();
        Self {
            folder,
            base: format!("http://{address}/api/v1"),
        }
    }

    fn token(&self) -> PathBuf {
        self.folder.path().join("data/command.token")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(self.folder.path(), arguments, "")
    }

    fn serve(&self, variables: &[(&str, &str)]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
            .current_dir(self.folder.path())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, said };
        server.read_to("Dashboard on");
        server
    }

    async fn sign_in(&self, client: &Client, password: &str) -> StatusCode {
        let body = json!({ "password": password });
        let sent = client.post(format!("{}/session", self.base)).json(&body);
        sent.send().await.unwrap().status()
    }

    async fn status(&self, client: &Client, cookie: &str) -> StatusCode {
        let sent = client
            .get(format!("{}/status", self.base))
            .header("cookie", cookie);
        sent.send().await.unwrap().status()
    }
}

struct Server {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Server {
    /// Reads what it says until a line begins like this, and gives the rest of that line.
    fn read_to(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "{beginning}");
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    fn stop(mut self) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: &Path, arguments: &[&str], typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // Who does not read it has ended before.
    let _ = input.write_all(typed.as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

fn client() -> Client {
    squelch::app::choose_crypto();
    // A connection of before is gone after a restart.
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
    client.build().unwrap()
}

#[tokio::test]
async fn our_own_commands_get_past_the_password() {
    let place = Place::new("");
    let server = place.serve(&[("SQUELCH_WEB__PASSWORD", PASSWORD)]);
    let client = client();
    assert_eq!(place.status(&client, "").await, StatusCode::UNAUTHORIZED);
    let mode = fs::metadata(place.token()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for arguments in [
        &["cache"][..],
        &["cache", "clear"],
        &["lists", "list"],
        &["lists", "update"],
        &["explain", "home.example"],
        &["journal", "clear", "--yes"],
    ] {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
    // Nobody is there to be asked.
    let unsure = place.run(&["journal", "clear"]);
    assert_eq!(unsure.status.code(), Some(2), "{}", said(&unsure));
    let token = fs::read_to_string(place.token()).unwrap();
    fs::write(place.token(), "another").unwrap();
    for arguments in [&["cache"][..], &["lists", "list"], &["lists", "update"]] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said(&output).contains("command.token"), "{}", said(&output));
    }
    server.stop();
    assert!(!place.token().exists());
    let _server = place.serve(&[("SQUELCH_WEB__PASSWORD", PASSWORD)]);
    assert_ne!(fs::read_to_string(place.token()).unwrap(), token);
}

#[tokio::test]
async fn sessions_outlive_a_restart_with_the_password_of_the_environment() {
    let place = Place::new("");
    let client = client();
    let mut cookie = String::new();
    for (password, expected) in [
        (PASSWORD, StatusCode::UNAUTHORIZED),
        (PASSWORD, StatusCode::OK),
        ("battery staple", StatusCode::UNAUTHORIZED),
    ] {
        let server = place.serve(&[("SQUELCH_WEB__PASSWORD", password)]);
        assert_eq!(place.status(&client, &cookie).await, expected);
        let body = json!({ "password": password });
        let sent = client.post(format!("{}/session", place.base)).json(&body);
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let header = answer.headers()["set-cookie"].to_str().unwrap();
        header.split(';').next().unwrap().clone_into(&mut cookie);
        server.stop();
    }
}

#[tokio::test]
async fn the_line_that_the_command_prints_is_the_password() {
    let elsewhere = tempfile::tempdir().unwrap();
    let made = run(elsewhere.path(), &["password"], "correct horse\n");
    assert!(made.status.success(), "{}", said(&made));
    let line = String::from_utf8(made.stdout).unwrap();
    assert!(line.starts_with("password = \"$argon2id$"), "{line}");
    let place = Place::new(&line);
    let _server = place.serve(&[]);
    let client = client();
    assert_eq!(place.sign_in(&client, PASSWORD).await, StatusCode::OK);
    assert_eq!(
        place.sign_in(&client, "wrong").await,
        StatusCode::UNAUTHORIZED
    );
    // What the config says counts.
    let set = place.run(&["password", "--set"]);
    assert_eq!(set.status.code(), Some(2));
    assert!(said(&set).contains("config.toml"), "{}", said(&set));
}

#[test]
fn a_password_that_is_too_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for typed in ["1234567\n", "", "\n"] {
        let output = run(folder.path(), &["password"], typed);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("at least 8 characters"));
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn who_forgot_the_password_sets_another_whether_the_server_runs_or_not() {
    let place = Place::new("");
    let client = client();
    let set = |password: &str| {
        let output = run(place.folder.path(), &["password", "--set"], password);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    assert!(set("correct horse").contains("next start"));
    let server = place.serve(&[]);
    assert_eq!(place.status(&client, "").await, StatusCode::UNAUTHORIZED);
    assert_eq!(place.sign_in(&client, PASSWORD).await, StatusCode::OK);
    assert!(set("battery staple\r\n").contains("sign in anew"));
    assert_eq!(
        place.sign_in(&client, PASSWORD).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        place.sign_in(&client, "battery staple").await,
        StatusCode::OK
    );
    server.stop();
    let _server = place.serve(&[]);
    assert_eq!(
        place.sign_in(&client, "battery staple").await,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_console_shows_the_code_that_sets_the_first_password() {
    let place = Place::new("");
    // As where a database is lost: there was a password, so the door is not open.
    fs::create_dir(place.folder.path().join("data")).unwrap();
    fs::write(place.folder.path().join("data/password.set"), "").unwrap();
    let mut server = place.serve(&[]);
    let told = server.read_to("No password is set yet.");
    let code = told.rsplit(' ').next().unwrap();
    let client = client();
    assert_eq!(place.status(&client, "").await, StatusCode::UNAUTHORIZED);
    let body = json!({ "code": code, "password": PASSWORD });
    let sent = client.post(format!("{}/setup", place.base)).json(&body);
    assert_eq!(sent.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(place.sign_in(&client, PASSWORD).await, StatusCode::OK);
}

#[tokio::test]
async fn a_command_that_is_refused_tells_what_the_server_says() {
    let place = Place::new("");
    let _server = place.serve(&[("SQUELCH_WEB__PASSWORD", PASSWORD)]);
    let typed = format!("{PASSWORD}\n");
    let set = run(place.folder.path(), &["password", "--set"], &typed);
    assert_eq!(set.status.code(), Some(1));
    let why = "the config file or the environment sets the password";
    assert!(said(&set).contains(why), "{}", said(&set));
}
