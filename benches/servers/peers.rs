//! The servers: how each is told of the list and the upstream, and started. All log as they do by
//! default, but for Squelch, whose journal is on.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::SERVER_CORE;
use super::load::DEVICES;
use super::process::{Process, convert};

/// A server that can be measured here.
pub struct Peer {
    /// What the tables call it.
    pub name: &'static str,
    /// Its program.
    program: PathBuf,
    /// Writes its files into a folder, and gives its arguments.
    prepare: fn(&Place<'_>) -> Vec<String>,
    /// How it takes a new list while it runs.
    pub reload: Reload,
    /// Whether it blocks names and asks upstreams at all.
    pub is_server: bool,
}

/// How a server takes a new list while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It watches the file.
    Watches,
    /// It reads its files again when it is hung up on.
    HangsUp,
    /// Not at all.
    Never,
}

/// Where a server runs.
pub struct Place<'a> {
    /// Its own folder.
    pub folder: &'a Path,
    /// The list of blocked names.
    pub list: &'a Path,
    /// Its port for DNS on 127.0.0.1.
    pub port: u16,
    /// Its ports for DNS over TLS and over HTTPS, if it serves them.
    pub tls: u16,
    pub https: u16,
    /// The upstream's.
    pub upstream: u16,
}

impl Place<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

impl Peer {
    /// Writes its files, and gives its arguments.
    pub fn prepare(&self, place: &Place<'_>) -> Vec<String> {
        (self.prepare)(place)
    }

    /// Starts it.
    pub fn start(&self, arguments: &[String], place: &Place<'_>) -> Process {
        let program = self.program.display().to_string();
        Process::start(
            &SERVER_CORE.to_string(),
            &program,
            arguments,
            &place.path("log"),
        )
    }

    /// Its version, in its own words.
    pub fn version(&self) -> String {
        if !self.is_server {
            return "the limit".to_owned();
        }
        let option = ["--version", "-V", "-v"]
            .into_iter()
            .filter_map(|option| Command::new(&self.program).arg(option).output().ok());
        let texts = option.map(|output| {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().next().unwrap_or_default().to_owned()
        });
        let mut versions = texts.filter(|text| text.bytes().any(|byte| byte.is_ascii_digit()));
        versions.next().unwrap_or_default()
    }
}

/// The bare echo, Squelch, perhaps another build of it, and all peers whose program is found.
pub fn installed(beside: Option<PathBuf>) -> Vec<Peer> {
    let this = std::env::current_exe().unwrap();
    let squelch = PathBuf::from(env!("CARGO_BIN_EXE_squelch"));
    let peer = |name, program: Option<PathBuf>, prepare, reload| {
        program.map(|program| Peer {
            name,
            program,
            prepare,
            reload,
            is_server: true,
        })
    };
    let echo = Peer {
        name: "echo",
        program: this,
        prepare: |place| vec!["echo".to_owned(), place.port.to_string()],
        reload: Reload::Never,
        is_server: false,
    };
    let peers = [
        peer("squelch", Some(squelch), prepare_squelch, Reload::Watches),
        peer("before", beside, prepare_squelch, Reload::Watches),
        peer(
            "unbound",
            found("unbound"),
            prepare_unbound,
            Reload::HangsUp,
        ),
        peer("dnsmasq", found("dnsmasq"), prepare_dnsmasq, Reload::Never),
    ];
    std::iter::once(echo)
        .chain(peers.into_iter().flatten())
        .collect()
}

/// Where a program is.
pub fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian puts servers where only root looks.
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut files = folders.into_iter().map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|&word| word.to_owned()).collect()
}

fn prepare_squelch(place: &Place<'_>) -> Vec<String> {
    let mut devices = String::new();
    for number in 1..=DEVICES {
        let group = if number % 4 == 0 { "kids" } else { "default" };
        writeln!(
            devices,
            "[[device]]\nname = \"Device {number}\"\nmatch = [\"127.0.1.{number}\"]\ngroup = \"{group}\""
        )
        .unwrap();
    }
    let config = format!(
        "data_dir = \"{}\"\n\
         [dns]\nlisten = [\"127.0.0.1:{}\"]\nworkers = 1\n\
         rate_limit = {{ queries_per_second = 0, burst = 0 }}\n\
         [dns.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
         dot = [\"127.0.0.1:{}\"]\ndoh = [\"127.0.0.1:{}\"]\n\
         [upstream]\nservers = [\"udp://127.0.0.1:{}\"]\n\
         [web]\nlisten = []\n\
         [[list]]\nname = \"million\"\nsource = \"{}\"\nformat = \"domains\"\n\
         [[group]]\nname = \"kids\"\n{devices}",
        place.text("data"),
        place.port,
        place.tls,
        place.https,
        place.upstream,
        place.list.display(),
    );
    fs::write(place.path("config.toml"), config).unwrap();
    words(&["serve", "--config", &place.text("config.toml")])
}

fn prepare_unbound(place: &Place<'_>) -> Vec<String> {
    convert(place.list, &place.path("block.conf"), "", |name| {
        format!("local-zone: \"{name}\" always_null\n")
    });
    let (folder, tls, https) = (place.folder.display(), place.tls, place.https);
    let config = format!(
        "server:\n interface: 127.0.0.1@{}\n access-control: 127.0.0.0/8 allow\n\
         \x20interface: 127.0.0.1@{tls}\n interface: 127.0.0.1@{https}\n\
         \x20tls-port: {tls}\n https-port: {https}\n\
         \x20tls-service-pem: \"{folder}/cert.pem\"\n tls-service-key: \"{folder}/key.pem\"\n\
         \x20incoming-num-tcp: 100\n do-not-query-localhost: no\n do-ip6: no\n num-threads: 1\n username: \"\"\n\
         \x20chroot: \"\"\n directory: \"{folder}\"\n pidfile: \"{folder}/pid\"\n\
         \x20use-syslog: no\n verbosity: 0\n module-config: \"iterator\"\n\
         \x20msg-cache-size: 64m\n rrset-cache-size: 128m\n outgoing-range: 8192\n\
         \x20num-queries-per-thread: 4096\n include: \"{folder}/block.conf\"\n\
         remote-control:\n control-enable: no\n\
         forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{}\n",
        place.port, place.upstream,
    );
    fs::write(place.path("unbound.conf"), config).unwrap();
    words(&["-d", "-c", &place.text("unbound.conf")])
}

fn prepare_dnsmasq(place: &Place<'_>) -> Vec<String> {
    convert(place.list, &place.path("block.conf"), "", |name| {
        format!("address=/{name}/#\n")
    });
    let config = format!(
        "no-resolv\nno-hosts\nport={}\nlisten-address=127.0.0.1\nbind-interfaces\nuser=\n\
         server=127.0.0.1#{}\ncache-size=10000\ndns-forward-max=10000\npid-file={}\n\
         conf-file={}\n",
        place.port,
        place.upstream,
        place.text("pid"),
        place.text("block.conf"),
    );
    fs::write(place.path("dnsmasq.conf"), config).unwrap();
    let option = format!("--conf-file={}", place.text("dnsmasq.conf"));
    words(&["--keep-in-foreground", &option])
}
