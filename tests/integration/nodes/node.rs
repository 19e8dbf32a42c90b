//! A node: the real binary, on its own data folder and the others' database.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use crate::house::{question, told};
use crate::stub::Stub;

/// More than anything here should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A node.
pub struct Node {
    child: Option<Child>,
    pub dns: SocketAddr,
    web: String,
    folder: TempDir,
    client: Client,
    /// Held open: who says something to nobody fails.
    said: Option<BufReader<ChildStdout>>,
    log: Option<BufReader<ChildStderr>>,
}

impl Node {
    /// Starts a node over a stub.
    pub fn start(stub: &Stub, database: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), stub, database)
    }

    /// The same, on what is in this folder.
    pub fn start_in(folder: TempDir, stub: &Stub, database: &str) -> Self {
        let text = format!(
            "[dns]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\n\
             rate_limit = {{ queries_per_second = 0, burst = 0 }}\n\
             [upstream]\nservers = [\"{}\"]\n\
             [packs]\noneplus = \"block\"\n\
             [journal]\nstore = \"{database}\"\nflush = \"500ms\"\n\
             [web]\nlisten = [\"127.0.0.1:0\"]\n",
            stub.url("udp"),
        );
        fs::write(folder.path().join("config.toml"), text).unwrap();
        let mut node = Self {
            child: None,
            dns: ([127, 0, 0, 1], 0).into(),
            web: String::new(),
            folder,
            client: client(),
            said: None,
            log: None,
        };
        node.run();
        node
    }

    /// Starts it again on the same data.
    pub fn run(&mut self) {
        self.run_with(&[]);
    }

    /// The same, with variables in its environment.
    pub fn run_with(&mut self, variables: &[(&str, &str)]) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
            .arg("serve")
            .envs(variables.iter().copied())
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            line
        };
        let address = line();
        let address = address.strip_prefix("DNS on ").unwrap();
        self.dns = address.split(' ').next().unwrap().parse().unwrap();
        let web = line();
        web.trim()
            .strip_prefix("Dashboard on ")
            .unwrap()
            .clone_into(&mut self.web);
        self.log = child.stderr.take().map(BufReader::new);
        self.child = Some(child);
        self.said = Some(said);
    }

    /// Ends it, and gives what it logged.
    pub fn end(&mut self, signal: Signal) -> String {
        let mut child = self.child.take().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
        child.wait().unwrap();
        let mut log = String::new();
        self.log.take().unwrap().read_to_string(&mut log).unwrap();
        self.said = None;
        log
    }

    /// The most memory that it ever had, in bytes.
    pub fn peak(&self) -> u64 {
        let id = self.child.as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.parse::<u64>().unwrap() << 10
    }

    /// The address of its API.
    pub fn api(&self) -> String {
        format!("{}/api/v1", self.web)
    }

    /// Where it keeps its data.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Its folder, for another node.
    pub fn into_folder(mut self) -> TempDir {
        self.end(Signal::SIGTERM);
        let other = tempfile::tempdir().unwrap();
        std::mem::replace(&mut self.folder, other)
    }

    /// What the API says.
    pub async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, Value::Null).await.1
    }

    /// Asks the API for something.
    pub async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let response = self.send_as(("x-nobody", ""), (method, path), body).await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The same, with a header that says who asks.
    pub async fn send_as(
        &self,
        (name, value): (&str, &str),
        (method, path): (Method, &str),
        body: Value,
    ) -> Response {
        let url = format!("{}/api/v1/{path}", self.web);
        let mut request = self.client.request(method, url).header(name, value);
        if !body.is_null() {
            request = request.json(&body);
        }
        timeout(PATIENCE, request.send()).await.unwrap().unwrap()
    }

    /// What it says next on its console.
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.said.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// The addresses that a name has.
    pub async fn ask(&self, name: &str) -> Vec<String> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.dns).await.unwrap();
        let message = question(name, RecordType::A).to_vec().unwrap();
        socket.send(&message).await.unwrap();
        let mut answer = [0; 4096];
        let received = timeout(PATIENCE, socket.recv(&mut answer)).await;
        told(&Message::from_vec(&answer[..received.unwrap().unwrap()]).unwrap()).1
    }

    /// Waits until a name has these addresses; says how long that took.
    pub async fn until_told(&self, name: &str, addresses: &[&str]) -> Duration {
        let began = Instant::now();
        while self.ask(name).await != addresses {
            assert!(began.elapsed() < PATIENCE, "{name} is not {addresses:?}");
            tokio::time::sleep(LOOK).await;
        }
        began.elapsed()
    }

    /// Waits until what the API says of a path passes; says how long that took.
    pub async fn until(&self, path: &str, passes: impl Fn(&Value) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let said = self.get(path).await;
            if passes(&said) {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {said:#}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                let mut log = String::new();
                let _ = self.log.take().unwrap().read_to_string(&mut log);
                eprintln!("the log of {}:\n{log}", self.dns);
            }
        }
    }
}

fn client() -> Client {
    squelch::app::choose_crypto();
    Client::new()
}
