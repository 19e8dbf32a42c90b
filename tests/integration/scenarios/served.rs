//! A server under test, and its time: ours in this process, our binary, or a peer's.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use squelch::app::{self, App};
use squelch::config::Config;
use squelch::packs::Packs;
use tempfile::TempDir;
use tokio::time;

use super::file::Scenario;

/// What stands in place of a peer's config where it has nothing of the kind.
const NOT_OFFERED: &str = "-";

/// Read once: it is most of the time that a start takes.
static PACKS: LazyLock<Arc<Packs>> = LazyLock::new(|| Arc::new(Packs::builtin().unwrap()));

/// Whom a scenario is played against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Us, in this process.
    Squelch,
    /// Us, as people run us.
    Binary,
    Unbound,
    Dnsmasq,
}

/// A running server; it ends when it is dropped.
pub struct Served {
    pub dns: SocketAddr,
    running: Running,
    folder: TempDir,
}

enum Running {
    Here(Box<App>),
    /// With what it says, which it could not say if nobody held the other end.
    Process {
        ended: Ended,
        _said: Option<BufReader<ChildStdout>>,
    },
}

/// A process that is ended when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Peer {
    /// The one that the variable PEER names.
    pub fn from_variable() -> Self {
        let name = std::env::var("PEER").unwrap_or_default();
        match name.as_str() {
            "" | "binary" => Self::Binary,
            "unbound" => Self::Unbound,
            "dnsmasq" => Self::Dnsmasq,
            _ => panic!("PEER={name}: it is binary, unbound or dnsmasq"),
        }
    }

    pub fn is_us(self) -> bool {
        matches!(self, Self::Squelch | Self::Binary)
    }

    /// The config of the scenario for this server, if it offers what the scenario is about.
    pub fn config(self, scenario: &Scenario) -> Option<&str> {
        let theirs = match self {
            Self::Squelch | Self::Binary => return Some(&scenario.config),
            Self::Unbound => scenario.unbound.as_deref(),
            Self::Dnsmasq => scenario.dnsmasq.as_deref(),
        };
        let config = theirs.or(scenario.config.is_empty().then_some(""));
        config.filter(|config| *config != NOT_OFFERED)
    }

    /// Its name and version.
    pub fn version(self) -> String {
        let (program, option) = match self {
            Self::Squelch | Self::Binary => return env!("CARGO_PKG_VERSION").to_owned(),
            Self::Unbound => ("unbound", "-V"),
            Self::Dnsmasq => ("dnsmasq", "-v"),
        };
        let output = Command::new(program).arg(option).output().unwrap().stdout;
        let text = String::from_utf8(output).unwrap();
        let words = text.split_whitespace();
        let version = words
            .skip_while(|word| !word.eq_ignore_ascii_case("version"))
            .nth(1);
        version.unwrap().to_owned()
    }
}

impl Served {
    /// Starts a server over these upstreams.
    pub async fn start(
        peer: Peer,
        scenario: &Scenario,
        upstreams: &[SocketAddr],
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &scenario.files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self::start_in(folder, peer, scenario, upstreams).await
    }

    /// Stops it, and starts it again on the same data.
    pub async fn restart(
        self,
        peer: Peer,
        scenario: &Scenario,
        upstreams: &[SocketAddr],
    ) -> Result<Self, String> {
        match self.running {
            Running::Here(app) => app.stop().await,
            Running::Process { mut ended, .. } => {
                let id = i32::try_from(ended.0.id()).unwrap();
                let id = nix::unistd::Pid::from_raw(id);
                nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
                ended.0.wait().unwrap();
            }
        }
        Self::start_in(self.folder, peer, scenario, upstreams).await
    }

    async fn start_in(
        folder: TempDir,
        peer: Peer,
        scenario: &Scenario,
        upstreams: &[SocketAddr],
    ) -> Result<Self, String> {
        let text = peer.config(scenario).unwrap_or_default();
        let mut text = text.replace("{dir}", &folder.path().display().to_string());
        for (number, upstream) in upstreams.iter().enumerate() {
            let place = format!("{{upstream{}}}", number + 1);
            let mark = if peer == Peer::Unbound {
                '@'
            } else if peer == Peer::Dnsmasq {
                '#'
            } else {
                ':'
            };
            let address = format!("{}{mark}{}", upstream.ip(), upstream.port());
            text = text.replace(&place, &address);
        }
        let (dns, running) = match peer {
            Peer::Squelch => start_here(&text, &folder, scenario, upstreams).await?,
            Peer::Binary => start_binary(&text, &folder, scenario, upstreams)?,
            Peer::Unbound => start_peer("unbound", &unbound(&text, &folder, upstreams)).await?,
            Peer::Dnsmasq => start_peer("dnsmasq", &dnsmasq(&text, &folder, upstreams)).await?,
        };
        Ok(Self {
            dns,
            running,
            folder,
        })
    }

    /// Lets time pass: at once, where its clock is ours.
    pub async fn pass(&self, duration: Duration) {
        match self.running {
            Running::Here(_) => {
                time::pause();
                time::advance(duration).await;
                time::resume();
            }
            Running::Process { .. } => time::sleep(duration).await,
        }
    }
}

/// What the scenarios have in common, as variables, which win over the config.
fn variables(
    folder: &TempDir,
    scenario: &Scenario,
    upstreams: &[SocketAddr],
) -> Vec<(String, String)> {
    let urls: Vec<_> = upstreams
        .iter()
        .map(|address| format!("\"udp://{address}\""))
        .collect();
    let listen = scenario.listen.as_deref().unwrap_or("127.0.0.1");
    let mut variables = vec![
        ("DATA_DIR", folder.path().display().to_string()),
        ("DNS__LISTEN", format!("{listen}:0")),
        ("DNS__WORKERS", "1".to_owned()),
        ("WEB__LISTEN", "[]".to_owned()),
        (
            "UPSTREAM__TIMEOUT",
            scenario.timeout.clone().unwrap_or("2s".to_owned()),
        ),
    ];
    if !scenario.config.contains("servers =") {
        variables.push(("UPSTREAM__SERVERS", format!("[{}]", urls.join(", "))));
    }
    if !scenario.config.contains("[packs]") {
        variables.push(("PACKS__DEFAULT", "off".to_owned()));
    }
    let named = |(key, value)| (format!("SQUELCH_{key}"), value);
    variables.into_iter().map(named).collect()
}

async fn start_here(
    text: &str,
    folder: &TempDir,
    scenario: &Scenario,
    upstreams: &[SocketAddr],
) -> Result<(SocketAddr, Running), String> {
    let variables = variables(folder, scenario, upstreams);
    let config = Config::from_text(text, &folder.path().join("config.toml"), &variables)
        .map_err(|problems| format!("its config is wrong: {problems}"))?;
    let parts = app::prepare_with(config, Arc::clone(&PACKS));
    let parts = parts.map_err(|error| format!("{error:#}"))?;
    let app = app::start_here(parts)
        .await
        .map_err(|error| format!("{error:#}"))?;
    Ok((app.dns()[0], Running::Here(Box::new(app))))
}

fn start_binary(
    text: &str,
    folder: &TempDir,
    scenario: &Scenario,
    upstreams: &[SocketAddr],
) -> Result<(SocketAddr, Running), String> {
    fs::write(folder.path().join("config.toml"), text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
        .arg("serve")
        .current_dir(folder.path())
        .envs(variables(folder, scenario, upstreams))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let child = Ended(child);
    said.read_line(&mut line).unwrap();
    let address = line
        .strip_prefix("DNS on ")
        .and_then(|rest| rest.split(' ').next());
    let address = address.ok_or("it does not start")?;
    Ok((
        address.parse().unwrap(),
        Running::Process {
            ended: child,
            _said: Some(said),
        },
    ))
}

fn unbound(text: &str, folder: &TempDir, upstreams: &[SocketAddr]) -> (u16, Vec<String>) {
    let port = free_port();
    let module = if text.contains("module-config") {
        ""
    } else {
        "module-config: \"iterator\"\n"
    };
    let mut config = format!(
        "server:\ndirectory: \"{0}\"\nchroot: \"\"\nusername: \"\"\npidfile: \"\"\nuse-syslog: no\n\
         logfile: \"{0}/log\"\ninterface: 127.0.0.1\nport: {port}\ndo-not-query-localhost: no\n\
         access-control: 127.0.0.1/32 allow\n{module}{text}\nremote-control:\ncontrol-enable: no\n\
         forward-zone:\nname: \".\"\n",
        folder.path().display(),
    );
    for upstream in upstreams {
        writeln!(
            config,
            "forward-addr: {}@{}",
            upstream.ip(),
            upstream.port()
        )
        .unwrap();
    }
    let file = folder.path().join("unbound.conf");
    fs::write(&file, config).unwrap();
    let arguments = ["-d", "-p", "-c", file.to_str().unwrap()];
    (port, arguments.map(str::to_owned).into())
}

fn dnsmasq(text: &str, folder: &TempDir, upstreams: &[SocketAddr]) -> (u16, Vec<String>) {
    let port = free_port();
    let mut config = format!(
        "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n\
         user=root\npid-file=\ncache-size=10000\n{text}\n",
    );
    for upstream in upstreams {
        writeln!(config, "server={}#{}", upstream.ip(), upstream.port()).unwrap();
    }
    let file = folder.path().join("dnsmasq.conf");
    fs::write(&file, config).unwrap();
    (
        port,
        vec!["-k".to_owned(), format!("--conf-file={}", file.display())],
    )
}

/// A port of loopback that is free now, for UDP and TCP.
fn free_port() -> u16 {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return address.port();
        }
    }
}

/// Starts it, and waits until it takes connections.
async fn start_peer(
    program: &str,
    (port, arguments): &(u16, Vec<String>),
) -> Result<(SocketAddr, Running), String> {
    let child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let child = Ended(child);
    let dns = SocketAddr::from(([127, 0, 0, 1], *port));
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(dns).await.is_ok() {
            return Ok((
                dns,
                Running::Process {
                    ended: child,
                    _said: None,
                },
            ));
        }
        time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("{program} does not start"))
}
