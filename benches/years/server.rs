//! The server on what the years left, as its users have it: over HTTP and DNS, in a process of its own.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::process::Process;

/// A server that runs.
pub struct Server {
    pub process: Process,
    pub dns: SocketAddr,
    web: SocketAddr,
    client: reqwest::Client,
    _upstream: Process,
}

/// What a call took, and what it said.
pub struct Called {
    pub took: Duration,
    pub bytes: usize,
    pub body: Value,
}

impl Server {
    /// Starts it on a folder with a database; returns when it answers from that.
    pub async fn start(folder: &Path) -> Self {
        Self::start_on("0-1", folder).await
    }

    /// The same on some cores.
    pub async fn start_on(cores: &str, folder: &Path) -> Self {
        let [dns, web, upstream] = [(); 3].map(|()| free_port());
        let config = format!(
            "data_dir = \"{}\"\n[dns]\nlisten = [\"{dns}\"]\nallow_from = [\"any\"]\n\
             rate_limit = {{ queries_per_second = 0, burst = 0 }}\n\
             [upstream]\nservers = [\"udp://{upstream}\"]\nbootstrap = []\n\
             [journal]\nretention = \"3650d\"\nflush = \"60s\"\n[web]\nlisten = [\"{web}\"]\n",
            folder.display()
        );
        let file = folder.with_extension("toml");
        fs::write(&file, config).unwrap();
        let log = folder.with_extension("log");
        let upstream = answering(1, ("upstream", upstream), folder);
        let process = Process::start(
            cores,
            env!("CARGO_BIN_EXE_squelch"),
            &[
                "serve".to_owned(),
                "--config".to_owned(),
                file.display().to_string(),
            ],
            &log,
        );
        let server = Self {
            process,
            dns,
            web,
            client: reqwest::Client::new(),
            _upstream: upstream,
        };
        server.wait().await;
        server
    }

    async fn wait(&self) {
        let began = Instant::now();
        loop {
            let answer = self
                .client
                .get(self.address("summary?since=1h"))
                .send()
                .await;
            if let Ok(answer) = answer {
                let body: Value = answer.json().await.unwrap();
                if body["complete"] == true {
                    return;
                }
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the server does not start"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks the API.
    pub async fn call(&self, what: &str) -> Called {
        let began = Instant::now();
        let answer = self.client.get(self.address(what)).send().await.unwrap();
        assert!(answer.status().is_success(), "{what}: {}", answer.status());
        let text = answer.text().await.unwrap();
        Called {
            took: began.elapsed(),
            bytes: text.len(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    /// Asks for something to be deleted.
    pub async fn delete(&self, what: &str) {
        let answer = self.client.delete(self.address(what)).send().await;
        assert!(answer.unwrap().status().is_success(), "{what}");
    }

    /// Reads an answer to its end; gives its bytes, its lines, and the most memory, in megabytes, that
    /// the server had meanwhile.
    pub async fn read_all(&self, what: &str) -> (usize, usize, f64) {
        let mut answer = self.client.get(self.address(what)).send().await.unwrap();
        assert!(answer.status().is_success(), "{what}: {}", answer.status());
        let (mut bytes, mut lines, mut memory_mb) = (0, 0, 0.0_f64);
        while let Some(part) = answer.chunk().await.unwrap() {
            memory_mb = memory_mb.max(self.process.resident_mb());
            bytes += part.len();
            lines += part.split(|byte| *byte == b'\n').count() - 1;
        }
        (bytes, lines, memory_mb)
    }

    fn address(&self, what: &str) -> String {
        format!("http://{}/api/v1/{what}", self.web)
    }
}

/// Starts what answers beside the server: the echo, or an upstream a millisecond away.
pub fn answering(core: usize, (what, at): (&str, SocketAddr), folder: &Path) -> Process {
    let port = at.port().to_string();
    Process::of_this(core, &[what, &port, "1000"], folder.parent().unwrap())
}

pub fn free_port() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}
